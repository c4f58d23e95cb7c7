"""Environments of a workspace. The server keeps them when it has the call for it; until then this process does."""

from azureml.exceptions import UserErrorException

_CURATED = "AzureML-"
_KEPT = {}  # (workspace name, environment name) -> [Environment, oldest first]


def register(workspace, environment):
    """The environment with the version that it has got; the same definition gives the same version."""
    from azureml.core.environment import Environment

    versions = _KEPT.setdefault((workspace.name, environment.name), [])
    definition = dict(environment._as_dict(), version=None)
    for known in versions:
        if dict(known._as_dict(), version=None) == definition:
            return known
    kept = Environment._from_dict(definition)
    kept.version = str(len(versions) + 1)
    versions.append(kept)
    return kept


def get(workspace, name, version=None, label=None):
    versions = _KEPT.get((workspace.name, name), [])
    if not versions and name.startswith(_CURATED):
        return curated(name)
    if version is None and versions:
        return versions[-1]
    for known in versions:
        if known.version == str(version):
            return known
    raise UserErrorException(
        "Environment '{}'{} is not registered in workspace '{}'. It has: {}.".format(
            name,
            "" if version is None else " version {}".format(version),
            workspace.name,
            ", ".join(sorted(environments(workspace))) or "none",
        )
    )


def environments(workspace):
    """{name: latest version} of the workspace."""
    return {name: versions[-1] for (owner, name), versions in _KEPT.items() if owner == workspace.name}


def label(workspace, name, version, labels):
    get(workspace, name, version)


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
