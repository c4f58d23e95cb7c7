"""Environments, conda specifications and run configurations: defaults, files, what travels with a step."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azureml.core import Environment, RunConfiguration, ScriptRunConfig
from azureml.core._yaml import YamlError, dump, load
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.environment import CondaDependencies as CondaDependenciesOfEnvironment
from azureml.core.runconfig import (
    DEFAULT_CPU_IMAGE,
    DEFAULT_GPU_IMAGE,
    DockerConfiguration,
    MpiConfiguration,
    PyTorchConfiguration,
)
from azureml.exceptions import UserErrorException


def test_conda_defaults():
    dependencies = CondaDependencies()
    assert CondaDependenciesOfEnvironment is CondaDependencies
    assert dependencies.as_dict()["name"] == "project_environment"
    assert list(dependencies.conda_channels) == ["anaconda", "conda-forge"]
    assert list(dependencies.pip_packages) == ["azureml-defaults"]
    assert dependencies.get_python_version() == "3.10.18"


def test_conda_create_and_edit():
    made = CondaDependencies.create(
        pip_packages=["pandas", "azureml-defaults"], conda_packages=["scikit-learn==0.24"], python_version="3.8"
    )
    made.add_pip_package("pandas==1.5")
    made.add_conda_package("numpy")
    made.add_conda_package("scikit-learn=1.0")
    made.add_channel("other")
    made.set_pip_option("--index-url http://x/y")
    assert list(made.pip_packages) == ["azureml-defaults", "pandas==1.5"]
    assert list(made.conda_packages) == ["python=3.8", "numpy", "scikit-learn=1.0"]
    assert list(made.pip_options) == ["--index-url http://x/y"]
    made.remove_conda_package("numpy")
    made.remove_pip_package("pandas")
    made.remove_channel("other")
    again = CondaDependencies(_underlying_structure=load(made.serialize_to_string()))
    assert again.as_dict() == made.as_dict()


def test_a_conda_file_is_read_and_a_bad_one_refused(tmp_path):
    good = tmp_path / "env.yml"
    good.write_text("name: e\ndependencies:\n  - python=3.9\n  - pip:\n    - pandas>=1.0  # why\n")
    environment = Environment.from_conda_specification("e", str(good))
    assert list(environment.python.conda_dependencies.pip_packages) == ["pandas>=1.0"]
    bad = tmp_path / "bad.yml"
    bad.write_text("dependencies: {a: [1\n")
    for path in (bad, tmp_path / "none.yml"):
        with pytest.raises(UserErrorException, match=path.name):
            Environment.from_conda_specification("e", str(path))


def test_environment_sections():
    environment = Environment("e")
    environment.docker.enabled = True
    environment.docker.base_image = "mine"
    environment.python.user_managed_dependencies = True
    environment.environment_variables = {"A": "1"}
    assert json.loads(repr(environment))["docker"]["baseImage"] == "mine"
    assert (environment.spark.precache_packages, environment.python.interpreter_path) == (True, "python")
    clone = environment.clone("f")
    clone.docker.base_image = "other"
    assert (clone.name, environment.docker.base_image) == ("f", "mine")
    assert DEFAULT_CPU_IMAGE != DEFAULT_GPU_IMAGE and isinstance(DEFAULT_CPU_IMAGE, str)
    with pytest.raises(UserErrorException, match="name"):
        Environment("")


def test_a_misspelt_setting_warns():
    with pytest.warns(UserWarning, match="base_imag'"):
        Environment("e").docker.base_imag = "x"


def test_environments_from_other_things(tmp_path):
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("pandas==1.5 # c\n\n# no\n-r other.txt\n")
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text("FROM x\n")
    packages = Environment.from_pip_requirements("p", str(requirements)).python.conda_dependencies
    assert list(packages.pip_packages) == ["pandas==1.5"] and list(packages.pip_options) == ["-r other.txt"]
    assert Environment.from_docker_image("d", "img").docker.base_image == "img"
    assert Environment.from_dockerfile("d", str(dockerfile)).docker.base_dockerfile == "FROM x\n"


def test_environments_go_to_a_folder_and_back(tmp_path):
    environment = Environment("e")
    environment.python.conda_dependencies.add_pip_package("pandas")
    environment.save_to_directory(str(tmp_path / "e"))
    with pytest.raises(UserErrorException, match="overwrite"):
        environment.save_to_directory(str(tmp_path / "e"))
    assert Environment.load_from_directory(str(tmp_path / "e")) == environment
    with pytest.raises(UserErrorException, match="save_to_directory"):
        Environment.load_from_directory(str(tmp_path))


def test_run_configuration_defaults():
    configuration = RunConfiguration()
    assert (configuration.target, configuration.framework, configuration.communicator) == ("local", "Python", "None")
    assert (configuration.node_count, configuration.docker.use_docker) == (1, False)
    configuration.node_count = "3"
    assert configuration.node_count == 3
    configuration.target = type("Cluster", (), {"name": "c"})()
    assert configuration.target == "c"
    with pytest.raises(UserErrorException, match="target"):
        configuration.target = 3
    dependencies = CondaDependencies.create(pip_packages=["pandas"])
    assert RunConfiguration(conda_dependencies=dependencies).environment.python.conda_dependencies is dependencies


def test_run_configurations_go_to_a_file_and_back(tmp_path):
    configuration = RunConfiguration(script="train.py", arguments=["--a", 1])
    configuration.target = "c"
    configuration.environment.docker.base_image = "img"
    configuration.environment_variables = {"A": "x: y"}
    configuration.save(str(tmp_path), "mine")
    loaded = RunConfiguration.load(str(tmp_path), "mine")
    assert loaded._as_dict() == configuration._as_dict()
    RunConfiguration.delete(str(tmp_path), "mine")
    with pytest.raises(UserErrorException, match="mine"):
        RunConfiguration.load(str(tmp_path), "mine")


def test_a_run_configuration_as_people_write_them(tmp_path):
    (tmp_path / "conda.yml").write_text("dependencies:\n- python=3.9\n")
    file = tmp_path / "my.runconfig"
    file.write_text(
        "script: train.py\narguments: []\ntarget: cluster\nframework: Python\nnodeCount: 2\nenvironment:\n"
        "  environmentVariables:\n    A: B\n  python:\n    userManagedDependencies: false\n"
        "    interpreterPath: python\n    condaDependenciesFile: conda.yml\n  docker:\n    enabled: true\n"
        "    baseImage: img\nhistory:\n  outputCollection: true\n"
    )
    loaded = RunConfiguration.load(str(file))
    assert (loaded.target, loaded.node_count, loaded.environment.docker.base_image) == ("cluster", 2, "img")
    assert loaded.environment.python.conda_dependencies.get_python_version() == "3.9"
    assert loaded.environment_variables == {"A": "B"}


def test_script_run_config(tmp_path):
    environment = Environment("e")
    config = ScriptRunConfig(
        str(tmp_path),
        "train.py",
        ["--a"],
        compute_target="c",
        environment=environment,
        distributed_job_config=MpiConfiguration("2", 3),
        docker_runtime_config=DockerConfiguration(use_docker=True),
    )
    assert (config.run_config.target, config.run_config.communicator, config.run_config.node_count) == ("c", "Mpi", 3)
    assert config.run_config.environment is environment and config.run_config.docker.use_docker
    assert PyTorchConfiguration().communication_backend == "Nccl"
    with pytest.raises(UserErrorException, match="not both"):
        ScriptRunConfig(str(tmp_path), "a.py", command="ls")
    with pytest.raises(UserErrorException, match="not a folder"):
        ScriptRunConfig(str(tmp_path / "none"), "a.py")
    with pytest.raises(UserErrorException, match="not built yet"):
        config._submit(None)


TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4))
def test_what_is_written_as_yaml_is_read_back(value):
    assert load(dump(value)) == value


@pytest.mark.parametrize("text", ["a: &x 1", "a: [1", "a: 'b", "a: 1\n b: 2", "a: 1\na: 2", "\ta: 1", "a: {b 1}"])
def test_yaml_that_is_none_names_its_line(text):
    with pytest.raises(YamlError, match="Line"):
        load(text)
