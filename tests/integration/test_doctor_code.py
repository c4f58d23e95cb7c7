"""`penstock doctor SCRIPT_OR_NOTEBOOK`: verdicts line by line, files that cannot be read, and the exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from penstock.cli.main import run
from penstock.cli.v1.sources import without_magics

SCRIPT = """\
from azureml.core import Workspace, Experiment
from azureml.pipeline.core import Pipeline, PipelineData
from azureml.pipeline.steps import PythonScriptStep, DatabricksStep
ws = Workspace.from_config()
out = PipelineData("out", datastore=ws.get_default_datastore())
step = PythonScriptStep("a.py", compute_target="local", outputs=[out],
                        allow_reuse=False)
other = DatabricksStep(name="d", notebook_path="/n")
pipeline = Pipeline(workspace=ws, steps=[step])
run = Experiment(ws, "e").submit(pipeline)
for each in run.get_steps():
    print(each.get_stdout_log(), each.no_such_thing)
published = pipeline.publish(name="p")
ws.get_default_datastore().upload(src_dir="x", no_such_parameter=1)
"""


def says(capsys: pytest.CaptureFixture[str], *paths: Path) -> tuple[int, dict[str, Any]]:
    code = run(["doctor", "--json", *map(str, paths)])
    return code, json.loads(capsys.readouterr().out)


def uses(value: dict[str, Any], n: int = 0) -> list[tuple[int, str, str]]:
    return [(use["line"], use["verdict"], use["name"]) for use in value["files"][n]["uses"]]


def notebook(*cells: str, **metadata: Any) -> str:
    listed = [{"cell_type": "code", "source": cell.splitlines(keepends=True), "metadata": {}} for cell in cells]
    return json.dumps({"cells": listed, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def test_every_line_of_a_script_gets_its_verdict(tmp_path, capsys):
    (tmp_path / "s.py").write_text(SCRIPT)
    code, value = says(capsys, tmp_path / "s.py")
    found = uses(value)
    assert code == 1 and value["ok"] is False
    for expected in (
        (1, "works", "import Workspace"),
        (3, "works", "import DatabricksStep"),
        (4, "works", "Workspace.from_config"),
        (5, "works", "Workspace.get_default_datastore"),
        (6, "differs", "PythonScriptStep(compute_target)"),
        (8, "not supported", "DatabricksStep"),
        (9, "works", "Pipeline"),
        (10, "works", "Experiment.submit"),
        (11, "works", "PipelineRun.get_steps"),
        (12, "works", "StepRun.get_stdout_log"),
        (12, "not supported", "StepRun.no_such_thing"),
        (13, "works", "Pipeline.publish"),
        (14, "not supported", "AzureBlobDatastore.upload(no_such_parameter)"),
    ):
        assert expected in found, (expected, found)


def test_a_difference_names_its_place_in_the_docs(tmp_path, capsys, checkout):
    (tmp_path / "s.py").write_text(SCRIPT)
    _, value = says(capsys, tmp_path)
    pages = {use["name"]: use["page"] for use in value["files"][0]["uses"]}
    assert pages["PythonScriptStep(compute_target)"] == "docs/differences.md#compute-local"
    assert pages["DatabricksStep"] == "docs/differences.md#not-yet-step-kinds"
    text = (checkout / "docs" / "differences.md").read_text()
    for page in filter(None, pages.values()):
        anchor = page.partition("#")[2]
        assert f'<a id="{anchor}"></a>' in text or f"## {anchor.replace('-', ' ').capitalize()}" in text


def test_magics_shell_lines_and_written_files_of_a_notebook(tmp_path, capsys):
    (tmp_path / "n.ipynb").write_text(
        notebook(
            "%matplotlib inline\n!pip install --upgrade azureml-sdk\nfrom azureml.core import Workspace\nws = Workspace.from_config()",
            "names = !ls\nws?\n%time ws.get_details()\nprint(ws.name)",
            "%%writefile steps/train.py\nfrom azureml.core import Run\nRun.get_context().log('a', 1)",
            "%%time\nws.datastores['x'].upload('a')",
            "%%bash\naz ml workspace show\nls",
            "%%html\n<b>not python</b>",
        )
    )
    code, value = says(capsys, tmp_path / "n.ipynb")
    found = [(use["cell"], use["line"], use["verdict"], use["name"]) for use in value["files"][0]["uses"]]
    assert found == [
        (1, 2, "not supported", "!pip install --upgrade azureml-sdk"),
        (1, 3, "works", "import Workspace"),
        (1, 4, "works", "Workspace.from_config"),
        (2, 4, "works", "Workspace.name"),
        (3, 2, "works", "import Run"),
        (3, 3, "works", "Run.get_context"),
        (3, 3, "works", "Run.log"),
        (4, 2, "works", "Workspace.datastores"),
        (4, 2, "works", "AzureBlobDatastore.upload"),
        (5, 2, "not supported", "!az ml workspace show"),
    ]
    assert (code, value["files"][0]["errors"]) == (1, [])


def test_magics_are_replaced_line_for_line():
    text, shell = without_magics("if a:\n    !ls \\\n      -l\n    b = %sql x\nc = 5 % 3\n")
    assert text == "if a:\n    pass\n      pass\n    b = None\nc = 5 % 3\n".replace("      pass", "      pass")
    assert shell[0] == (2, "ls -l")


@pytest.mark.parametrize(
    ("name", "content", "line", "message"),
    [
        ("two.py", b"import os\nprint 'hello'\n", 2, "written for Python 2"),
        ("broken.py", b"import os\n\ndef f(:\n    pass\n", 3, "is not valid Python"),
        ("latin.py", b"# caf\xe9\n", 1, "byte 0xe9 is not utf-8"),
        ("coding.py", b"# -*- coding: no-such -*-\n", None, "its encoding cannot be told"),
        ("nul.py", b"a = 1\0", None, "holds NUL bytes"),
        ("text.ipynb", b"not json", None, "is not a notebook"),
        ("list.ipynb", b"[1]", None, "it has no list of cells"),
        ("r.ipynb", notebook("x <- 1", kernelspec={"language": "R"}).encode(), None, "is a notebook in r"),
    ],
)
def test_what_cannot_be_read_is_named_and_the_rest_is_still_read(tmp_path, capsys, name, content, line, message):
    (tmp_path / name).write_bytes(content)
    (tmp_path / "z.py").write_text("from azureml.core import Run\n")
    code, value = says(capsys, tmp_path)
    bad, good = value["files"]
    assert code == 1 and value["summary"]["unreadable"] == 1 and value["summary"]["works"] == 1
    assert bad["path"].endswith(name) and message in bad["errors"][0]["message"]
    assert bad["errors"][0]["line"] == line
    assert good["uses"][0]["name"] == "import Run"


def test_a_cell_that_is_not_python_leaves_the_others(tmp_path, capsys):
    (tmp_path / "n.ipynb").write_text(notebook("def f(:", "from azureml.core import Run"))
    code, value = says(capsys, tmp_path / "n.ipynb")
    (error,) = value["files"][0]["errors"]
    assert (code, error["cell"], error["line"]) == (1, 1, 1)
    assert value["files"][0]["uses"][0]["cell"] == 2


def test_a_cell_may_be_indented_as_a_whole(tmp_path, capsys):
    (tmp_path / "n.ipynb").write_text(notebook(" from azureml.core import Run\n\n if True:\n     Run.get_context()"))
    code, value = says(capsys, tmp_path / "n.ipynb")
    assert (code, uses(value)) == (0, [(1, "works", "import Run"), (4, "works", "Run.get_context")])


def test_a_declared_encoding_is_honoured(tmp_path, capsys):
    (tmp_path / "s.py").write_bytes(
        "# -*- coding: latin-1 -*-\n# café\nfrom azureml.core import Run\n".encode("latin-1")
    )
    code, value = says(capsys, tmp_path / "s.py")
    assert (code, uses(value)) == (0, [(3, "works", "import Run")])


def test_a_missing_file_is_3_and_an_empty_folder_too(tmp_path, capsys):
    (tmp_path / "s.py").write_text("from azureml.core import Run\n")
    code, value = says(capsys, tmp_path / "none.py", tmp_path / "s.py")
    assert code == 3 and "no such file" in value["files"][0]["errors"][0]["message"]
    assert uses(value, 1) == [(1, "works", "import Run")]
    (tmp_path / "empty").mkdir()
    assert run(["doctor", str(tmp_path / "empty")]) == 3
    assert "no script or notebook" in capsys.readouterr().err


def test_a_path_below_ones_own_folder_is_found(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "s.py").write_text("from azureml.core import Run\n")
    code, value = says(capsys, Path("~/s.py"))
    assert (code, value["summary"]["works"]) == (0, 1)


def test_what_is_read_is_never_run(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    does = "import os, no_such_module\nfrom azureml.core import Run\nopen('ran', 'w').close()\nraise SystemExit(9)\n"
    (tmp_path / "s.py").write_text(does)
    (tmp_path / "n.ipynb").write_text(
        notebook(does, "!touch ran\n%run s.py\n%time open('ran', 'w')", "%%bash\ntouch ran")
    )
    code, value = says(capsys, tmp_path)
    assert (code, value["summary"]["works"], value["summary"]["unreadable"]) == (0, 2, 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["n.ipynb", "s.py"]


def test_what_is_recorded_only_is_said_with_its_row(tmp_path, capsys):
    (tmp_path / "s.py").write_text(
        "from azureml.core import Model, Workspace\nws = Workspace.from_config()\n"
        "Model.register(ws, 'm.pkl', 'm', datasets=[('training', 1)])\nModel.register(ws, 'm.pkl', 'm', tags={})\n"
    )
    code, value = says(capsys, tmp_path / "s.py")
    (said,) = [use for use in value["files"][0]["uses"] if use["verdict"] != "works"]
    assert (code, said["line"], said["name"]) == (0, 3, "Model.register(datasets)")
    assert said["page"] == "docs/differences.md#recorded-model-details" and "recorded only" in said["text"]


def test_hidden_folders_and_environments_are_passed_over(tmp_path, capsys):
    for folder in (".venv/lib", ".ipynb_checkpoints", "site-packages", "src"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "s.py").write_text("import azureml.core\n")
    _, value = says(capsys, tmp_path)
    assert [file["path"] for file in value["files"]] == [str(tmp_path / "src" / "s.py")]


def test_on_a_terminal_it_ends_with_a_summary(tmp_path, capsys):
    (tmp_path / "s.py").write_text(SCRIPT)
    assert run(["doctor", str(tmp_path / "s.py")]) == 1
    shown = capsys.readouterr().out
    assert "line 6           differs       PythonScriptStep(compute_target)" in shown
    assert "[docs/differences.md#compute-local]" in shown
    assert shown.splitlines()[-1] == (
        "1 file, 13 lines that use the SDK: 9 work, 1 differ (docs/differences.md says how), 3 are not supported."
    )
    assert run(["doctor", "--quiet", str(tmp_path / "s.py")]) == 1
    assert "works" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("PythonScriptStep('a.py', allow_reuse=False)", None),  # never reused, as in v1
        ("PythonScriptStep('a.py', allow_reuse=True)", "reuse"),
        ("PythonScriptStep('a.py', allow_reuse=given)", "reuse"),
        ("ModuleStep(module=module, arguments=['--a', 1])", None),  # it is one without arguments that may differ
        ("module.publish_python_script('a.py', 'd', [], [], arguments=['--a', 1])", "module-arguments"),
        ("Schedule.create(ws, 's', 'id', 'e', datastore=store)", "data-triggers"),
        ("Schedule.create(ws, 's', 'id', 'e', recurrence=given)", None),
        ("CondaDependencies.create(pip_packages=['numpy'])", "recorded-environment"),
        ("Environment.from_conda_specification('e', 'e.yml')", "recorded-environment"),
        ("DataFactoryCompute.provisioning_configuration('westeurope')", "recorded-attached"),
        ("AutoMLStep('a', given)", "automl"),
    ],
)
def test_a_line_meets_the_row_that_speaks_of_it_and_no_other(tmp_path, capsys, line, said):
    head = (
        "from azureml.core import Environment, Workspace\nfrom azureml.core.compute import DataFactoryCompute\n"
        "from azureml.core.conda_dependencies import CondaDependencies\nfrom azureml.pipeline.core import Module, Schedule\n"
        "from azureml.pipeline.steps import AutoMLStep, ModuleStep, PythonScriptStep\n"
        "ws = Workspace.from_config()\nmodule = Module.get(ws, name='m')\n"
    )
    (tmp_path / "s.py").write_text(head + line + "\n")
    _, value = says(capsys, tmp_path / "s.py")
    pages = [use["page"] for use in value["files"][0]["uses"] if use["line"] == 8]
    assert pages == [said and f"docs/differences.md#{said}"]


def test_automl_is_not_supported_by_name(tmp_path, capsys):
    (tmp_path / "s.py").write_text(
        "from azureml.automl.core.forecasting_parameters import ForecastingParameters\n"
        "from azureml.train.automl import AutoMLConfig\nc = AutoMLConfig(task='regression')\n"
    )
    _, value = says(capsys, tmp_path / "s.py")
    assert [(u["line"], u["verdict"], u["page"]) for u in value["files"][0]["uses"]] == [
        (1, "not supported", "docs/differences.md#automl"),
        (2, "works", None),
        (3, "not supported", "docs/differences.md#automl"),
    ]


def test_what_is_not_of_the_sdk_is_not_spoken_of(tmp_path, capsys):
    (tmp_path / "s.py").write_text("import pandas as pd\nx = pd.DataFrame()\nclass Run:\n    pass\nRun().log(1)\n")
    code, value = says(capsys, tmp_path / "s.py")
    assert (code, value["files"][0]["uses"]) == (0, [])


def test_names_of_modules_beside_a_script_are_followed(tmp_path, capsys):
    (tmp_path / "helpers").mkdir()
    (tmp_path / "helpers/deep.py").write_text(
        "from azureml.core import Workspace\nfrom common import *\nws = Workspace.from_config()\n"
    )
    (tmp_path / "common.py").write_text(
        "from azureml.pipeline.steps import PythonScriptStep, AdlaStep as U\nfrom common2 import *\n_hidden = PythonScriptStep\n"
    )
    (tmp_path / "common2.py").write_text("from common import U\nfrom azureml.core import Experiment\n")
    (tmp_path / "broken.py").write_text("def (")
    script = tmp_path / "run.py"
    script.write_text(
        "from common import *\nfrom helpers.deep import ws as space\nfrom broken import *\nfrom nowhere import *\n"
        "PythonScriptStep('a.py', nonsense=1)\nspace.nonsense()\nExperiment(space, 'e').nonsense()\n_hidden('a.py')\n"
    )
    found = {(line, verdict) for line, verdict, _ in uses(says(capsys, script)[1])}
    assert {(5, "not supported"), (6, "not supported"), (7, "not supported")} <= found
    assert not any(line in (1, 2, 3, 4, 8) for line, _ in found)
