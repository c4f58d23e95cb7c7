"""What a run was submitted with: its source folder, fetched back as a ZIP file, and its environment."""

import os

from azureml._paths import local


def snapshot_id(run):
    """The digest of the folder that the run's script came from; None for a run without one."""
    from azureml._runs.details import _node

    return (_node(run, run._run_dto) or {}).get("snapshot")


def restore(run, chosen, path):
    """Writes the snapshot (default: the run's own) as a ZIP below the folder `path`, or to the file `path`; where it is."""
    import io
    import zipfile

    from azureml._client.client import segment
    from azureml.exceptions import UserErrorException

    digest = chosen or run.get_snapshot_id()
    if not digest:
        raise UserErrorException("Run {} has no snapshot: it was not submitted from a folder.".format(run.id))
    files = run._call("GET", "snapshots/" + segment(digest))["files"]
    target = local(path) if path else "."
    if not target.endswith(".zip"):
        target = os.path.join(target, "snapshot_{}.zip".format(digest.partition(":")[2][:16]))
    os.makedirs(os.path.dirname(os.path.abspath(target)), exist_ok=True)
    partial = "{}.{}.partial".format(target, os.getpid())
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in files:
                content = io.BytesIO()
                blob = "/ws/{}/blobs/{}".format(segment(run._workspace.name), segment(file["digest"]))
                run._client.get_file(blob, content)
                entry = zipfile.ZipInfo(file["path"])
                entry.external_attr = (0o100000 | file["mode"]) << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, content.getvalue())
        os.replace(partial, target)
    except BaseException:
        if os.path.exists(partial):
            os.unlink(partial)
        raise
    return os.path.abspath(target)


def lay_out(workspace, digest, folder):
    """Puts the files of a snapshot into `folder`, as they were. What is there stays if it is that; UserErrorException if it is another."""
    import shutil

    from azureml._client.client import segment
    from azureml._client.snapshot import digest_of, manifest
    from azureml.exceptions import UserErrorException

    if os.path.exists(folder):
        if digest_of(manifest(folder)) == digest:
            return
        raise UserErrorException(
            "{} holds other files than the snapshot {}. Move it away, or save elsewhere.".format(folder, digest)
        )
    partial = "{}.{}.partial".format(folder, os.getpid())
    os.makedirs(partial, exist_ok=True)
    try:
        for file in workspace._call("GET", "snapshots/" + segment(digest))["files"]:
            target = os.path.join(partial, *file["path"].split("/"))
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "wb") as content:
                blob = "/ws/{}/blobs/{}".format(segment(workspace.name), segment(file["digest"]))
                workspace._client.get_file(blob, content)
            os.chmod(target, file["mode"])
        os.replace(partial, folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def environment_of(run):
    """The Environment of the run's definition."""
    from azureml._runs.details import _node
    from azureml.core.environment import Environment
    from azureml.exceptions import UserErrorException

    definition = (_node(run, run._run_dto) or {}).get("run_definition") or {}
    if not definition.get("environment"):
        raise UserErrorException("Run {} has no environment: it was submitted without one.".format(run.id))
    return Environment._from_dict(definition["environment"])
