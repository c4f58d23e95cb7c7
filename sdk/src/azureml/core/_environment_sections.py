"""The sections of an Environment: Docker, Python, Spark, R, databricks. Settings only."""

from azureml.core._sections import Section
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.container_registry import ContainerRegistry

DEFAULT_CPU_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04"
DEFAULT_GPU_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-cuda11.1-cudnn8-ubuntu20.04"


class DockerImagePlatform(Section):
    _defaults = {"os": "Linux", "architecture": "amd64"}


class DockerBuildContext(Section):
    """A folder with a Dockerfile, in which an image is built."""

    _defaults = {"location_type": None, "location": None, "dockerfile_path": "Dockerfile"}

    def __init__(self, location_type=None, location=None, dockerfile_path="Dockerfile"):
        Section.__init__(self, location_type=location_type, location=location, dockerfile_path=dockerfile_path)

    @staticmethod
    def from_local_directory(workspace, path, dockerfile_path="Dockerfile"):
        import os

        from azureml._paths import absolute

        path = absolute(path)
        if not os.path.isfile(os.path.join(path, dockerfile_path)):
            from azureml.exceptions import UserErrorException

            raise UserErrorException("No {} in {}.".format(dockerfile_path, path))
        return DockerBuildContext("localDirectory", path, dockerfile_path)


class DockerSection(Section):
    """The image of an environment. Recorded; whether it is used is the compute's matter."""

    _defaults = {
        "enabled": False,
        "base_image": DEFAULT_CPU_IMAGE,
        "base_dockerfile": None,
        "base_image_registry": ContainerRegistry,
        "platform": DockerImagePlatform,
        "build_context": None,
        "shared_volumes": True,
        "shm_size": None,
        "gpu_support": False,
        "arguments": list,
    }

    def __init__(self, **kwargs):
        Section.__init__(self, **kwargs)


class DockerEnvironment(DockerSection):
    def __init__(self):
        DockerSection.__init__(self)


class PythonSection(Section):
    """The Python of an environment: an interpreter that exists, or a specification to build one from."""

    _defaults = {
        "interpreter_path": "python",
        "user_managed_dependencies": False,
        "base_conda_environment": None,
        "conda_dependencies": CondaDependencies,
    }

    def __init__(self, **kwargs):
        self.__dict__["_conda_dependencies_file"] = None
        Section.__init__(self, **kwargs)

    @property
    def conda_dependencies_file(self):
        return self._conda_dependencies_file

    @conda_dependencies_file.setter
    def conda_dependencies_file(self, path):
        self.__dict__["_conda_dependencies_file"] = path
        if path:
            self.conda_dependencies = CondaDependencies(path)

    def _take_one(self, name, value, where):
        if name == "conda_dependencies":
            self.conda_dependencies = CondaDependencies(_underlying_structure=value) if value else None
        else:
            Section._take_one(self, name, value, where)


class PythonEnvironment(PythonSection):
    def __init__(self):
        PythonSection.__init__(self)


class SparkPackage(Section):
    _defaults = {"group": None, "artifact": None, "version": None}

    def __init__(self, group=None, artifact=None, version=None):
        Section.__init__(self, group=group, artifact=artifact, version=version)


class SparkSection(Section):
    _defaults = {"repositories": list, "packages": list, "precache_packages": True}


class SparkEnvironment(SparkSection):
    def __init__(self):
        SparkSection.__init__(self)


class RCranPackage(Section):
    _defaults = {"name": None, "version": None, "repository": None}

    def __init__(self):
        Section.__init__(self)


class RGitHubPackage(Section):
    _defaults = {"repository": None, "auth_token": None}

    def __init__(self):
        Section.__init__(self)

    def _as_dict(self):
        return {"repository": self.repository, "authToken": "*****" if self.auth_token else None}


class RSection(Section):
    _defaults = {
        "r_version": None,
        "user_managed": False,
        "rscript_path": None,
        "snapshot_date": None,
        "cran_packages": None,
        "github_packages": None,
        "custom_url_packages": None,
        "bioconductor_packages": None,
    }

    def __init__(self):
        Section.__init__(self)
