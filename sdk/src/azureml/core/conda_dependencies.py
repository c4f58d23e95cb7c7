"""CondaDependencies: a conda specification as an object. It edits and writes text; nothing is resolved or installed here."""

import os
import re

from azureml._paths import local

DEFAULT_SDK_ORIGIN = "https://pypi.python.org/simple"
PYTHON_DEFAULT_VERSION = "3.10.18"
_PYTHON = re.compile(r"^python\s*(?:[=<>!~]|$)")
_NAME = re.compile(r"^[A-Za-z0-9._-]+")


class CondaDependencies:
    """Packages of an environment: `conda_packages`, `pip_packages`, `conda_channels`."""

    DEFAULT_NUMBER_OF_CONDA_PACKAGES = 1
    DEFAULT_NUMBER_OF_PIP_PACKAGES = 1

    def __init__(self, conda_dependencies_file_path=None, _underlying_structure=None):
        if conda_dependencies_file_path:
            self._conda_dependencies = _read(conda_dependencies_file_path)
        elif _underlying_structure is not None:
            self._conda_dependencies = _checked(_underlying_structure, "the structure given")
        else:
            self._conda_dependencies = {
                "name": "project_environment",
                "dependencies": ["python={}".format(PYTHON_DEFAULT_VERSION), {"pip": ["azureml-defaults"]}],
                "channels": ["anaconda", "conda-forge"],
            }

    @staticmethod
    def create(
        pip_indexurl=None,
        pip_packages=None,
        conda_packages=None,
        python_version=PYTHON_DEFAULT_VERSION,
        pin_sdk_version=True,
    ):
        """A specification with these packages; Azure's own packages are listed as they are given, never pinned."""
        made = CondaDependencies()
        made.set_python_version(python_version)
        if pip_packages is not None:
            made.remove_pip_package("azureml-defaults")
        for package in pip_packages or ():
            made.add_pip_package(package)
        for package in conda_packages or ():
            made.add_conda_package(package)
        if pip_packages is None:
            made.add_pip_package("azureml-defaults")
        if pip_indexurl:
            made.set_pip_index_url(pip_indexurl)
        return made

    # --- reading ----------------------------------------------------------------------------------------------------

    @property
    def _dependencies(self):
        return self._conda_dependencies.setdefault("dependencies", [])

    def _pip(self):
        for entry in self._dependencies:
            if isinstance(entry, dict) and "pip" in entry:
                if entry["pip"] is None:
                    entry["pip"] = []
                return entry["pip"]
        return None

    def _pip_or_new(self):
        if self._pip() is None:
            self._dependencies.append({"pip": []})
        return self._pip()

    @property
    def conda_packages(self):
        return iter([entry for entry in self._dependencies if isinstance(entry, str)])

    @property
    def pip_packages(self):
        return iter([entry for entry in self._pip() or () if not entry.startswith("-")])

    @property
    def pip_options(self):
        return iter([entry for entry in self._pip() or () if entry.startswith("-")])

    @property
    def conda_channels(self):
        return iter(list(self._conda_dependencies.get("channels") or ()))

    def get_default_number_of_packages(self):
        return self.DEFAULT_NUMBER_OF_CONDA_PACKAGES + self.DEFAULT_NUMBER_OF_PIP_PACKAGES

    def get_python_version(self):
        """`3.8` of `python=3.8`; None when no version is asked for."""
        for entry in self.conda_packages:
            if _PYTHON.match(entry):
                return entry[len("python") :].strip().lstrip("=<>!~ ") or None
        return None

    # --- changing ---------------------------------------------------------------------------------------------------

    def set_python_version(self, version):
        entry = "python={}".format(version) if version else "python"
        for index, known in enumerate(self._dependencies):
            if isinstance(known, str) and _PYTHON.match(known):
                self._dependencies[index] = entry
                return
        self._dependencies.insert(0, entry)

    def add_channel(self, channel):
        channels = self._conda_dependencies.setdefault("channels", [])
        if channel not in channels:
            channels.append(channel)

    def remove_channel(self, channel):
        channels = self._conda_dependencies.get("channels") or []
        if channel in channels:
            channels.remove(channel)

    def add_conda_package(self, conda_package):
        """Adds a package, in place of one of the same name."""
        self.remove_conda_package(conda_package)
        position = next((n for n, entry in enumerate(self._dependencies) if isinstance(entry, dict)), None)
        self._dependencies.insert(len(self._dependencies) if position is None else position, conda_package)

    def remove_conda_package(self, conda_package):
        name = _package_name(conda_package)
        self._dependencies[:] = [e for e in self._dependencies if not isinstance(e, str) or _package_name(e) != name]

    def add_pip_package(self, pip_package):
        """Adds a requirement, in place of one of the same name."""
        self.remove_pip_package(pip_package)
        self._pip_or_new().append(pip_package)

    def remove_pip_package(self, pip_package):
        name = _package_name(pip_package)
        pip = self._pip()
        if pip is not None:
            pip[:] = [entry for entry in pip if entry.startswith("-") or _package_name(entry) != name]

    def set_pip_requirements(self, pip_requirements):
        self._pip_or_new()[:] = list(pip_requirements)

    def merge_requirements(self, requirements):
        """The requirements that are not there yet, by name."""
        known = {_package_name(entry) for entry in self.pip_packages}
        return [entry for entry in requirements if _package_name(entry) not in known]

    def set_pip_option(self, pip_option):
        self.remove_pip_option(pip_option.split()[0])
        self._pip_or_new().insert(0, pip_option)

    def remove_pip_option(self, pip_option):
        pip = self._pip()
        if pip is not None:
            pip[:] = [entry for entry in pip if entry.split()[0] != pip_option.split()[0]]

    def set_pip_index_url(self, index_url):
        self.set_pip_option("--index-url {}".format(index_url))

    def add_tensorflow_conda_package(self, core_type="cpu", version=None):
        self.add_conda_package(_versioned("tensorflow-gpu" if core_type == "gpu" else "tensorflow", version, "="))

    def add_tensorflow_pip_package(self, core_type="cpu", version=None):
        self.add_pip_package(_versioned("tensorflow-gpu" if core_type == "gpu" else "tensorflow", version, "=="))

    def add_cntk_package(self, core_type="cpu"):
        self.add_pip_package("cntk-gpu" if core_type == "gpu" else "cntk")

    @staticmethod
    def sdk_origin_url():
        return DEFAULT_SDK_ORIGIN

    # --- writing ----------------------------------------------------------------------------------------------------

    def as_dict(self):
        import copy

        return copy.deepcopy(self._conda_dependencies)

    def serialize_to_string(self):
        from azureml.core._yaml import dump

        return dump(self._conda_dependencies)

    def save(self, path=None):
        """Writes the specification to `path`, a file or a folder, and gives back the file."""
        path = local(path or os.getcwd())
        if os.path.isdir(path):
            path = os.path.join(path, "conda_dependencies.yml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.serialize_to_string())
        return path

    def save_to_file(self, base_directory, conda_file_path=None):
        """Writes the specification below `base_directory` and gives back the path relative to it."""
        conda_file_path = conda_file_path or os.path.join("aml_config", "conda_dependencies.yml")
        whole = local(os.path.join(base_directory, conda_file_path))
        if os.path.dirname(whole):
            os.makedirs(os.path.dirname(whole), exist_ok=True)
        self.save(whole)
        return conda_file_path

    def __repr__(self):
        return self.serialize_to_string()


def _package_name(requirement):
    match = _NAME.match(requirement.strip())
    return match.group().lower().replace("_", "-") if match else requirement


def _versioned(name, version, mark):
    return "{}{}{}".format(name, mark, version) if version else name


def _read(path):
    from azureml.core._yaml import YamlError, load
    from azureml.exceptions import UserErrorException

    try:
        with open(local(path), encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        raise UserErrorException(
            "The conda specification {} cannot be read: {}.".format(path, error.strerror or error)
        ) from None
    try:
        return _checked(load(text), path)
    except YamlError as error:
        raise UserErrorException("The conda specification {} is not valid YAML. {}".format(path, error)) from None


def _checked(structure, where):
    dependencies = structure.get("dependencies", []) if isinstance(structure, dict) else None
    if not isinstance(dependencies, list):
        from azureml.exceptions import UserErrorException

        raise UserErrorException(
            "The conda specification {} is not one: it needs a map with a list `dependencies`.".format(where)
        )
    return structure
