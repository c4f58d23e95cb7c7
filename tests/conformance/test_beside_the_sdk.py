"""What unmodified code imports beside the SDK's own packages: msrest's exceptions, open datasets, EntryScript, webservices."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from azureml.core.model import InferenceConfig, Model
from azureml.core.webservice import AciWebservice, AksWebservice, LocalWebservice, Webservice
from azureml.exceptions import UserErrorException, WebserviceException

ROOT = Path(__file__).resolve().parents[2]
SDK = ROOT / "sdk" / "src"


def bare(code: str, *paths: Path) -> subprocess.CompletedProcess[str]:
    """Runs `code` in an interpreter that has the standard library, `paths` and the SDK, and no site-packages."""
    listing = os.pathsep.join(map(str, [*paths, SDK]))
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")} | {"PYTHONPATH": listing}
    return subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, env=environ)


def test_without_msrest_its_exceptions_are_there_and_catch_what_the_sdk_raises():
    done = bare(
        "import azureml.core\n"
        "from msrest.exceptions import AuthenticationError, ClientException, HttpOperationError\n"
        "from azureml.core.datastore import _not_found_error\n"
        "assert issubclass(HttpOperationError, ClientException) and issubclass(AuthenticationError, ClientException)\n"
        "try:\n"
        "    raise _not_found_error('no such datastore')\n"
        "except HttpOperationError as caught:\n"
        "    print(caught.message, caught.response)\n"
        "import msrest; print(msrest.__doc__)\n"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "no such datastore None"
    assert "not installed" in done.stdout


def test_nothing_else_of_msrest_is_made_up():
    done = bare("import azureml.core\nimport msrest.exceptions\nimport msrest.authentication")
    assert done.returncode == 1
    assert done.stderr.strip().endswith("ModuleNotFoundError: No module named 'msrest.authentication'")


def test_an_installed_msrest_wins(tmp_path):
    (tmp_path / "msrest").mkdir()
    (tmp_path / "msrest" / "__init__.py").write_text("real = True")
    (tmp_path / "msrest" / "exceptions.py").write_text(
        "class ClientException(Exception): pass\n"
        "class HttpOperationError(ClientException):\n"
        "    def __init__(self, deserialize, response): raise AssertionError('never called')\n"
    )
    done = bare(
        "import azureml.core, msrest\n"
        "from msrest.exceptions import HttpOperationError\n"
        "from azureml.core.datastore import _not_found_error\n"
        "assert msrest.real and isinstance(_not_found_error('x'), HttpOperationError)\n"
        "print(_not_found_error('gone').message)",
        tmp_path,
    )
    assert (done.returncode, done.stdout) == (0, "gone\n"), done.stderr


def test_the_finder_is_asked_last_and_stands_there_once():
    import azureml
    from azureml._msrest import _Finder

    azureml._install()
    assert sys.meta_path.count(_Finder) == 1
    assert _Finder.find_spec("json") is None


def test_the_extra_for_v1_code_brings_the_real_ones_and_the_readme_installs_it():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    names = [requirement.partition(">")[0] for requirement in extras["v1"]]
    assert names == ["msrest", "pandas", "requests"]
    for name in names:
        assert importlib.import_module(name).__file__.startswith(sys.prefix), f"{name} is made up"
        assert importlib.metadata.version(name)
    assert "'../penstock[v1]'" in (ROOT / "README.md").read_text()


def test_a_datastore_that_is_not_there_is_caught_as_either(module_workspace):
    from azureml.core import Datastore
    from msrest.exceptions import HttpOperationError

    for kind in (HttpOperationError, UserErrorException):
        with pytest.raises(kind, match="nowhere"):
            Datastore.get(module_workspace, "nowhere")


@pytest.mark.parametrize("name", ["NycTlcGreen", "NycTlcYellow", "NoaaIsdWeather", "PublicHolidays"])
def test_an_open_dataset_says_what_to_do_when_it_is_read(name):
    import azureml.opendatasets as open_datasets

    data = getattr(open_datasets, name)(start_date="2016-01-01", end_date="2016-02-01", cols=["a"])
    assert (data.start_date, data.end_date, data.cols) == ("2016-01-01", "2016-02-01", ["a"])
    with pytest.raises(UserErrorException, match="penstock datastore upload") as caught:
        data.to_pandas_dataframe()
    assert caught.value.message.startswith(name + ".to_pandas_dataframe: Azure Open Datasets are not part of Penstock")


def test_open_datasets_as_registered_kinds():
    from azureml.opendatasets import MNIST, Diabetes

    with pytest.raises(UserErrorException, match=r"MNIST\.get_file_dataset"):
        MNIST.get_file_dataset()
    with pytest.raises(UserErrorException, match=r"Diabetes\.get_tabular_dataset"):
        Diabetes.get_tabular_dataset()


def test_an_entry_script_outside_of_a_parallel_run_has_a_logger_and_says_what_it_has_not(capfd):
    from azureml_user.parallel_run import EntryScript

    entry = EntryScript()
    assert entry is EntryScript()
    entry.logger.info("hello")
    assert capfd.readouterr().err.rstrip().endswith("|hello")
    with pytest.raises(UserErrorException, match=r"EntryScript\(\).output_dir: this process does not run under a Para"):
        print(entry.output_dir)


def test_webservices_are_recorded_and_refuse_by_name():
    aci = AciWebservice.deploy_configuration(cpu_cores=1, memory_gb=2, tags={"a": "b"}, auth_enabled=True)
    assert (aci.cpu_cores, aci.memory_gb, aci.tags, aci.auth_enabled, aci.location) == (1, 2, {"a": "b"}, True, None)
    assert repr(aci).startswith("AciServiceDeploymentConfiguration(auth_enabled=True, cpu_cores=1")
    assert AksWebservice.deploy_configuration(num_replicas=3).num_replicas == 3
    assert LocalWebservice.deploy_configuration(port=8890).port == 8890
    with pytest.raises(UserErrorException, match=r"Model\.deploy is not built yet"):
        Model.deploy(None, "s", [], InferenceConfig("score.py"), aci)
    for kind in (Webservice, AciWebservice, AksWebservice):
        with pytest.raises(WebserviceException, match="WebserviceNotFound: Webservice with name s not found"):
            kind(None, "s")
    service = object.__new__(AksWebservice)
    for ask in (service.get_keys, lambda: service.scoring_uri, lambda: service.auth_enabled):
        with pytest.raises(UserErrorException, match=r"Webservice\.\w+ is not built yet"):
            ask()


def test_the_module_of_a_graph_leads_to_the_one_that_publishes(module_workspace):
    from azureml.pipeline.core import Module as Published
    from azureml.pipeline.core.graph import Module

    assert Module("id", default_version="1").default_version == "1"
    made = Module.create(module_workspace, "of a graph", "d")
    assert type(made) is Published and Published.get(module_workspace, name="of a graph").id == made.id


def test_a_property_asked_of_its_class_is_its_type():
    from azureml.core import Run
    from azureml.core.compute import AmlCompute
    from azureml.pipeline.core import StepRun

    assert (Run.id, StepRun.properties, Model.tags) == (str, dict, dict)
    assert callable(AmlCompute.status.serialize)
