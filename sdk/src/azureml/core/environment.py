"""Environment: what a step runs in. It travels with the step; building it is the server's matter."""

import os

from azureml._names import reexport
from azureml._paths import local
from azureml.core._environment_sections import (
    DEFAULT_CPU_IMAGE,
    DEFAULT_GPU_IMAGE,
    DockerBuildContext,
    DockerEnvironment,
    DockerImagePlatform,
    DockerSection,
    PythonEnvironment,
    PythonSection,
    RCranPackage,
    RGitHubPackage,
    RSection,
    SparkEnvironment,
    SparkPackage,
    SparkSection,
)
from azureml.core._sections import Section
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.container_registry import ContainerRegistry

__all__ = [
    "DEFAULT_CPU_IMAGE",
    "DEFAULT_GPU_IMAGE",
    "CondaDependencies",
    "ContainerRegistry",
    "DockerBuildContext",
    "DockerEnvironment",
    "DockerImageDetails",
    "DockerImagePlatform",
    "DockerSection",
    "Environment",
    "EnvironmentReference",
    "ImageBuildDetails",
    "PythonEnvironment",
    "PythonSection",
    "RCranPackage",
    "RGitHubPackage",
    "RSection",
    "SparkEnvironment",
    "SparkPackage",
    "SparkSection",
]
_HOMES = {"DatabricksSection": "azureml.core.databricks"}
__getattr__, __dir__ = reexport(__name__, _HOMES)
_FILE = "azureml_environment.json"
_CONDA_FILE = "conda_dependencies.yml"


class Environment(Section):
    """Azure: the same class. `repr` is its JSON."""

    _defaults = {
        "name": None,
        "version": None,
        "environment_variables": dict,
        "python": PythonSection,
        "docker": DockerSection,
        "spark": SparkSection,
        "databricks": lambda: _databricks(),
        "r": None,
        "inferencing_stack_version": None,
        "asset_id": None,
    }

    def __init__(self, name, **kwargs):
        if not isinstance(name, str) or not name.strip() or "\0" in name:
            _refuse("An Environment needs a name, but it is {!r}.".format(name))
        Section.__init__(self)
        self.name = name
        for setting, value in kwargs.items():
            if not setting.startswith("_"):
                setattr(self, setting, value)

    # --- made from what exists ----------------------------------------------------------------------------------------

    @staticmethod
    def from_conda_specification(name, file_path):
        made = Environment(name)
        made.python.conda_dependencies = CondaDependencies(file_path)
        return made

    @staticmethod
    def from_pip_requirements(name, file_path, pip_version=None):
        made = Environment(name)
        dependencies = CondaDependencies()
        if pip_version:
            dependencies.add_conda_package("pip={}".format(pip_version))
        dependencies.set_pip_requirements(_requirements(file_path))
        made.python.conda_dependencies = dependencies
        return made

    @staticmethod
    def from_existing_conda_environment(name, conda_environment_name):
        """An environment with the packages of a conda environment of this machine."""
        from azureml.core._environment_store import existing_conda_environment

        made = Environment(name)
        made.python.conda_dependencies = existing_conda_environment(conda_environment_name)
        return made

    @staticmethod
    def from_docker_image(name, image, container_registry=None, conda_specification=None, pip_requirements=None):
        made = Environment._with_packages(name, conda_specification, pip_requirements)
        made.docker.base_image = image
        if container_registry is not None:
            made.docker.base_image_registry = container_registry
        return made

    @staticmethod
    def from_dockerfile(name, dockerfile, conda_specification=None, pip_requirements=None):
        """`dockerfile` is the text of one, or the path of a file."""
        made = Environment._with_packages(name, conda_specification, pip_requirements)
        if "\n" not in dockerfile and os.path.isfile(local(dockerfile)):
            with open(local(dockerfile), encoding="utf-8") as file:
                dockerfile = file.read()
        made.docker.base_image = None
        made.docker.base_dockerfile = dockerfile
        return made

    @staticmethod
    def from_docker_build_context(name, docker_build_context):
        made = Environment(name)
        made.docker.base_image = None
        made.docker.build_context = docker_build_context
        made.python.user_managed_dependencies = True
        return made

    @staticmethod
    def _with_packages(name, conda_specification, pip_requirements):
        if conda_specification and pip_requirements:
            _refuse("Give conda_specification or pip_requirements, not both.")
        if conda_specification:
            return Environment.from_conda_specification(name, conda_specification)
        if pip_requirements:
            return Environment.from_pip_requirements(name, pip_requirements)
        made = Environment(name)
        made.python.user_managed_dependencies = True
        return made

    def clone(self, new_name):
        cloned = Environment._from_dict(dict(self._as_dict(), name=new_name, version=None))
        cloned.python.__dict__["_conda_dependencies_file"] = self.python.conda_dependencies_file
        return cloned

    # --- on disk --------------------------------------------------------------------------------------------------------

    def save_to_directory(self, path, overwrite=False):
        """Writes the environment into folder `path`; UserErrorException when one is there and `overwrite` is not set."""
        import json

        path = local(path)
        if os.path.exists(path) and not overwrite:
            _refuse("{} exists already. Choose another folder, or pass overwrite=True.".format(path))
        os.makedirs(path, exist_ok=True)
        with open(os.path.join(path, _FILE), "w", encoding="utf-8") as file:
            json.dump(self._as_dict(), file, indent=4)
        if self.python.conda_dependencies is not None:
            self.python.conda_dependencies.save(os.path.join(path, _CONDA_FILE))

    @staticmethod
    def load_from_directory(path):
        import json

        whole = os.path.join(local(path), _FILE)
        try:
            with open(whole, encoding="utf-8") as file:
                values = json.load(file)
        except OSError:
            _refuse("{} has no {}: Environment.save_to_directory writes one.".format(path, _FILE))
        except ValueError as error:
            _refuse("{} is not valid JSON: {}.".format(whole, error))
        return Environment._from_dict(values)

    @staticmethod
    def _from_dict(values):
        """The environment that `_as_dict` gave the JSON of."""
        made = Environment(values.get("name") or "environment")
        made.environment_variables = {}
        made._take(values, "environment")
        return made

    def _take_one(self, name, value, where):
        if name == "r":
            self.r = None if value is None else RSection()._take(value, where)
        elif name == "environment_variables":
            self.environment_variables = dict(value or {})
        else:
            Section._take_one(self, name, value, where)

    # --- in a workspace ---------------------------------------------------------------------------------------------------

    def register(self, workspace):
        from azureml.core import _environment_store as store

        return store.register(workspace, self)

    @staticmethod
    def get(workspace, name, version=None, label=None):
        from azureml.core import _environment_store as store

        return store.get(workspace, name, version, label)

    @staticmethod
    def list(workspace):
        from azureml.core import _environment_store as store

        return store.environments(workspace)

    @staticmethod
    def label(workspace, name, version, labels):
        from azureml.core import _environment_store as store

        store.label(workspace, name, version, labels)

    def build(self, workspace, image_build_compute=None):
        """Registers the environment. Penstock: it is built where and when the first step needs it."""
        self.register(workspace)
        return ImageBuildDetails(None, None)

    def build_local(self, workspace, platform=None, **kwargs):
        return self.build(workspace)

    def get_image_details(self, workspace):
        return DockerImageDetails(image=self.docker.base_image, dockerfile=self.docker.base_dockerfile)

    @staticmethod
    def add_private_pip_wheel(workspace, file_path, exist_ok=False):
        _refuse(
            "Environment.add_private_pip_wheel is not built yet in this version of Penstock: "
            "put {} in the source directory of the step.".format(file_path)
        )


def _databricks():
    from azureml.core.databricks import DatabricksSection

    return DatabricksSection()


class EnvironmentReference:
    """An environment of a workspace, by name and version."""

    def __init__(self, name, version=None):
        self.name = name
        self.version = version

    def get_environment(self, workspace):
        return Environment.get(workspace, self.name, self.version)

    def _as_dict(self):
        return {"name": self.name, "version": self.version}


class DockerImageDetails(dict):
    """What is known of an environment's image."""

    def __init__(self, *args, **kwargs):
        dict.__init__(self, *args, **kwargs)

    dockerfile = property(lambda self: self.get("dockerfile"))
    environment_path = property(lambda self: self.get("environment_path"))
    image = property(lambda self: self.get("image"))
    image_exist = property(lambda self: bool(self.get("image")))
    interpreter_path = property(lambda self: self.get("interpreter_path"))
    registry = property(lambda self: self.get("registry"))
    repository = property(lambda self: self.get("repository"))


class ImageBuildDetails:
    """A build that is done: environments are built where the first step needs them."""

    def __init__(self, environment_client, location):
        self.location = location

    @property
    def status(self):
        return "Succeeded"

    def get_log(self):
        return ""

    def wait_for_completion(self, show_output=True):
        return self


def _requirements(file_path):
    try:
        with open(local(file_path), encoding="utf-8") as file:
            lines = [line.split(" #")[0].strip() for line in file]
    except OSError as error:
        _refuse("The requirements file {} cannot be read: {}.".format(file_path, error.strerror or error))
    return [line for line in lines if line and not line.startswith("#")]


def _refuse(message):
    from azureml.exceptions import UserErrorException

    raise UserErrorException(message)
