"""Registering what a run keeps as a model. Inside the run's own step the bytes are still here; outside the server has them."""

import os


def register_from_run(run, name, path, values):
    """The Model registered from `path` among the run's files; ModelPathNotFoundException when it is not there."""
    from azureml.core.model import Model

    path = (path or name).rstrip("/")
    while path.startswith("./"):
        path = path[2:]
    own = run._own_job()
    if own is not None:
        local = _local(own, path)
        if local is None:
            raise _not_found(path, _kept(own))
        upload = run._client.upload_tar("/uploads", _entries(local))["id"]
        return Model._register(run._workspace, name, {"upload": upload}, run.id, values)
    names = run.get_file_names()
    if not any(n == path or n.startswith(path + "/") for n in names):
        raise _not_found(path, names)
    return Model._register(run._workspace, name, {"run_id": run.id, "path": path}, run.id, values)


def _local(own, path):
    """The file or folder `path` among what this step has uploaded, else in its working folder."""
    for base in (os.path.join(own.job, "files"), os.path.join(own.job, "work"), os.getcwd()):
        whole = os.path.normpath(os.path.join(base, path))
        inside = whole == base or whole.startswith(base.rstrip("/") + "/")
        if inside and os.path.exists(whole):
            return whole
    return None


def _entries(local):
    from azureml._client.tars import tree_entries

    return tree_entries(local)


def _kept(own):
    base = os.path.join(own.job, "files")
    return [os.path.relpath(os.path.join(folder, f), base) for folder, _, files in os.walk(base) for f in sorted(files)]


def _not_found(path, names):
    from azureml.exceptions import ModelPathNotFoundException

    shown = ", ".join(names[:20]) + (" and {} more".format(len(names) - 20) if len(names) > 20 else "")
    return ModelPathNotFoundException(
        "Could not locate the provided model_path {} in the set of files uploaded to the run: [{}]. "
        "Upload it with run.upload_file, or write it below ./outputs.".format(path, shown)
    )
