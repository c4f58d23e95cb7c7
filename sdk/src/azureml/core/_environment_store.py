"""Environments of a workspace: what the server keeps of them, as Environment objects. Steps run in the author's interpreter."""

from azureml.exceptions import UserErrorException

_CURATED = "AzureML-"


def register(workspace, environment):
    """The environment with the version that it has got; the same definition gives the same version."""
    if "/" in environment.name:  # no address leads to it
        raise UserErrorException(
            "The environment name {!r} is invalid. Use 1 to 255 letters, digits, '-', '_' and '.'.".format(
                environment.name
            )
        )
    definition = dict(environment._as_dict(), version=None)
    return _environment(workspace._call("POST", _path(environment.name), {"definition": definition}))


def get(workspace, name, version=None, label=None):
    """The version asked for, or the newest; a curated name that nobody registered is made up."""
    if name.startswith(_CURATED):
        return curated(name)
    query = {"version": None if version is None else str(version), "label": label}
    return _environment(workspace._call("GET", _path(name), None, query))


def environments(workspace):
    """{name: latest version} of the workspace."""
    return {record["name"]: _environment(record) for record in workspace._values("environments")}


def label(workspace, name, version, labels):
    """Gives the labels to this version of the environment."""
    from azureml._client.client import segment

    given = [labels] if isinstance(labels, str) else list(labels or ())
    workspace._call("PUT", "{}/{}/labels".format(_path(name), segment(str(version))), {"labels": given})


def _path(name):
    from azureml._client.client import segment

    return "environments/" + segment(name)


def _environment(record):
    from azureml.core.environment import Environment

    made = Environment._from_dict(dict(record["definition"], name=record["name"], version=None))
    made.version = record["version"]
    return made


def curated(name):
    """A curated environment of Azure's: here, the author's own interpreter under that name."""
    from azureml.core.environment import Environment

    made = Environment(name)
    made.python.user_managed_dependencies = True
    made.version = "1"
    return made


def existing_conda_environment(name):
    """The specification of a conda environment of this machine; UserErrorException when conda or it is not there."""
    import subprocess

    from azureml.core._yaml import load
    from azureml.core.conda_dependencies import CondaDependencies

    try:
        done = subprocess.run(
            ["conda", "env", "export", "--no-builds", "-n", name], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    except OSError:
        raise UserErrorException(
            "conda is not on PATH here, so environment {!r} cannot be read.".format(name)
        ) from None
    if done.returncode != 0:
        raise UserErrorException(
            "The conda environment {!r} cannot be read: {}".format(name, done.stderr.decode("utf-8", "replace").strip())
        )
    return CondaDependencies(_underlying_structure=load(done.stdout.decode("utf-8")))
