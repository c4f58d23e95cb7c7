"""RunConfiguration: how a script is run. Its sections are in `_runconfig_sections`, its environment in `environment`."""

import os

from azureml._names import reexport
from azureml._paths import local
from azureml.core._runconfig_sections import (
    AmlComputeConfiguration,
    DockerConfiguration,
    HdiConfiguration,
    HistoryConfiguration,
    KubernetesComputeConfiguration,
    MpiConfiguration,
    ParallelTaskConfiguration,
    PyTorchConfiguration,
    SparkConfiguration,
    TensorflowConfiguration,
)
from azureml.core._sections import Section, number
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.environment import DEFAULT_CPU_IMAGE, DEFAULT_GPU_IMAGE, Environment

__all__ = [
    "DEFAULT_CPU_IMAGE",
    "DEFAULT_GPU_IMAGE",
    "AmlComputeConfiguration",
    "CondaDependencies",
    "DockerConfiguration",
    "EnvironmentDefinition",
    "HdiConfiguration",
    "HistoryConfiguration",
    "KubernetesComputeConfiguration",
    "MpiConfiguration",
    "ParallelTaskConfiguration",
    "PyTorchConfiguration",
    "RunConfiguration",
    "SparkConfiguration",
    "TensorflowConfiguration",
]
DEFAULT_MMLSPARK_CPU_IMAGE = DEFAULT_CPU_IMAGE
LOCAL_RUNCONFIG_NAME = "local"
SUPPORTED_DATAREF_MODES = ["mount", "download", "upload"]
_HOMES = dict.fromkeys(
    [
        "ApplicationEndpointConfiguration",
        "AzureContainerRegistry",
        "Data",
        "DataLocation",
        "DataPath",
        "DataReferenceConfiguration",
        "DatacacheConfiguration",
        "Dataset",
        "DatasetRegistrationOptions",
        "GlobsOptions",
        "MountOptions",
        "OutputData",
        "OutputOptions",
        "RegistrationOptions",
        "UploadOptions",
        "Uri",
    ],
    "azureml.core._runconfig_sections",
)
_HOMES.update(
    dict.fromkeys(
        ["EggLibrary", "JarLibrary", "MavenLibrary", "PyPiLibrary", "RCranLibrary"], "azureml.core.databricks"
    )
)
_HOMES["ContainerRegistry"] = "azureml.core.container_registry"
_HOMES.update(
    dict.fromkeys(
        ["DockerEnvironment", "PythonEnvironment", "SparkEnvironment", "SparkPackage"], "azureml.core.environment"
    )
)
__getattr__, __dir__ = reexport(__name__, _HOMES)
_FOLDERS = (".azureml", "aml_config", "")


class EnvironmentDefinition(Environment):
    """The environment of a run configuration; a plain Environment does as well."""

    def __init__(self, name=None):
        Environment.__init__(self, name or "Experiment environment")


class RunConfiguration(Section):
    """Azure: the same class. Everything but the target, the environment and its variables is recorded only."""

    _defaults = {
        "script": None,
        "command": None,
        "arguments": list,
        "framework": "Python",
        "communicator": "None",
        "target": "local",
        "auto_prepare_environment": None,
        "max_run_duration_seconds": None,
        "node_count": 1,
        "instance_types": list,
        "priority": None,
        "credential_passthrough": False,
        "identity": None,
        "environment": lambda: EnvironmentDefinition(),
        "history": HistoryConfiguration,
        "spark": SparkConfiguration,
        "docker": DockerConfiguration,
        "hdi": HdiConfiguration,
        "tensorflow": TensorflowConfiguration,
        "mpi": MpiConfiguration,
        "pytorch": PyTorchConfiguration,
        "paralleltask": ParallelTaskConfiguration,
        "amlcompute": AmlComputeConfiguration,
        "kubernetescompute": KubernetesComputeConfiguration,
        "data_references": dict,
        "data": dict,
        "datacaches": list,
        "output_data": dict,
        "source_directory_data_store": None,
        "services": dict,
    }
    _camel = {"amlcompute": "amlCompute", "pytorch": "pyTorch", "kubernetescompute": "kubernetesCompute"}

    def __init__(
        self,
        script=None,
        arguments=None,
        framework=None,
        communicator=None,
        conda_dependencies=None,
        _history_enabled=None,
        _path=None,
        _name=None,
        command=None,
    ):
        self.__dict__.update(_target="local", _target_is_object=False, _auto_prepare=None, _path=_path, _name=_name)
        values = {k: (v() if callable(v) else v) for k, v in self._defaults.items()}
        for name in ("target", "auto_prepare_environment"):
            values.pop(name)
        self.__dict__.update(values)
        self.script = script
        self.command = command
        self.arguments = list(arguments or [])
        self.framework = framework or "Python"
        self.communicator = communicator or "None"
        if conda_dependencies is not None:
            self.environment.python.conda_dependencies = conda_dependencies

    @property
    def target(self):
        return self._target

    @target.setter
    def target(self, target):
        name = target if isinstance(target, str) else getattr(target, "name", None)
        if not isinstance(name, str) or not name:
            from azureml.exceptions import UserErrorException

            raise UserErrorException("target must be a ComputeTarget or its name, but is {!r}.".format(target))
        self._target = name
        self._target_is_object = not isinstance(target, str)

    @property
    def auto_prepare_environment(self):
        return self._auto_prepare

    @auto_prepare_environment.setter
    def auto_prepare_environment(self, value):
        self._auto_prepare = value  # an old setting: environments are always prepared

    @property
    def environment_variables(self):
        return self.environment.environment_variables

    @environment_variables.setter
    def environment_variables(self, values):
        self.environment.environment_variables = dict(values or {})

    def __setattr__(self, name, value):
        if name == "node_count":
            value = number(value, "node_count", 1)
        Section.__setattr__(self, name, value)

    def _take_one(self, name, value, where):
        if name == "environment" and isinstance(value, dict):
            conda_file = (value.get("python") or {}).get("condaDependenciesFile")
            self.environment._take(value, where)
            if conda_file:
                self.environment.python.conda_dependencies_file = os.path.join(self._folder(), conda_file)
        elif name in ("script", "target", "communicator") and value is None:
            return
        else:
            Section._take_one(self, name, value, where)

    def _folder(self):
        return self.__dict__.get("_path") or os.getcwd()

    # --- files ------------------------------------------------------------------------------------------------------------

    def save(self, path=None, name=None, separate_environment_yaml=False):
        """Writes the configuration to `path` (a file), or to `<path>/.azureml/<name>.runconfig`."""
        from azureml.core._yaml import dump

        path = local(path or self._path or os.getcwd())
        if os.path.isdir(path) or name:
            folder = os.path.join(path, ".azureml")
            os.makedirs(folder, exist_ok=True)
            path = os.path.join(folder, "{}.runconfig".format(name or self._name or LOCAL_RUNCONFIG_NAME))
        values = self._as_dict()
        if separate_environment_yaml:
            self.environment.python.conda_dependencies.save(
                os.path.join(os.path.dirname(path), "conda_dependencies.yml")
            )
        with open(path, "w", encoding="utf-8") as file:
            file.write(dump(values))

    @staticmethod
    def load(path, name=None):
        """The configuration in file `path`, or called `name` in the folder `path`."""
        from azureml.core._yaml import YamlError, load
        from azureml.exceptions import UserErrorException

        path = local(path)
        whole = _find(path, name)
        try:
            with open(whole, encoding="utf-8") as file:
                values = load(file.read())
        except YamlError as error:
            raise UserErrorException("The run configuration {} is not valid YAML. {}".format(whole, error)) from None
        if not isinstance(values, dict):
            raise UserErrorException("The run configuration {} is not a map of settings.".format(whole))
        loaded = RunConfiguration(_path=path if os.path.isdir(path) else os.path.dirname(path), _name=name)
        return loaded._take(values, os.path.basename(whole))

    @staticmethod
    def _from_dict(values):
        """The configuration that `_as_dict` gave the JSON of."""
        return RunConfiguration()._take(values, "run configuration")

    @staticmethod
    def delete(path, name):
        os.remove(_find(local(path), name))


def _find(path, name):
    from azureml.exceptions import UserErrorException

    if os.path.isfile(path):
        return path
    name = name or LOCAL_RUNCONFIG_NAME
    tried = [os.path.join(path, folder, name + ending) for folder in _FOLDERS for ending in (".runconfig", "")]
    for whole in tried:
        if os.path.isfile(whole):
            return whole
    raise UserErrorException(
        "No run configuration '{}' for {}. Looked for {}.".format(name, path, ", ".join(tried[::2]))
    )
