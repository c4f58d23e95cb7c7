"""What a step's script fetches by name, and what it leaves beside its outputs: told to the run, so that a later step reuses this one's
results only while these are as they were (docs/job.md, `read` and `wrote`). Outside a step nothing is told.

Paths are told to the launcher's watch by audit events: `azureml.read` for what is read as a whole (with a list: the watch answers by adding
to it), `azureml.known` for what is no news.
"""

import sys

from azureml._client.journal import own_journal

_told = set()  # (job, op, kind, name): once is enough
_own_runs = set()  # the runs below this one that this process made, and drives
_declared = set()  # (datastore, path) of inputs that the step was given
_PLAIN = frozenset(
    ("computes", "environments", "datastores", "default_datastore", "experiments", "secrets", "snapshots", "blobs")
)
_TOLD_WHERE_THEY_ARE_MADE = frozenset(("models", "datasets"))


def read(kind, name, found=""):
    """The script has read this: a `model` or `dataset` by `name:version` or `name:latest`; anything of another `run`."""
    own = own_journal()
    if own is not None and _is_new(own, "read", kind, name):
        own.append(own.run_id, [{"op": "read", "kind": kind, "name": str(name), "found": str(found)}])


def wrote(name, found=""):
    """The script has made this: `model m` or `dataset d` in the version `found`, or something else that is there to stay."""
    own = own_journal()
    if own is not None and (found or _is_new(own, "wrote", "", name)):
        own.append(own.run_id, [{"op": "wrote", "name": str(name), "found": str(found)}])


def _is_new(own, *what):
    key = (own.job,) + what
    is_new = key not in _told
    _told.add(key)
    return is_new


def made_run(run_id):
    """This process drives that run: it is no other run's."""
    _own_runs.add(run_id)


def called(method, path):
    """The server is asked for `path`. What is not known to be harmless, or told elsewhere, counts as read or written."""
    own = own_journal()
    parts = path.split("/")  # "", "ws", workspace, collection, name…
    if own is None or len(parts) < 4 or parts[1] != "ws":
        return
    collection, name = parts[3], "/".join(parts[4:])
    if collection == "runs":
        if name.partition("/")[0] not in _own_runs | {own.run_id}:
            if method == "GET":
                read("run", "run " + name if name else "the list of runs")
            else:
                wrote("run " + name if name else "a run of its own")
    elif method == "GET":
        if collection not in _PLAIN and collection not in _TOLD_WHERE_THEY_ARE_MADE:
            read("run", "/".join(parts[3:]))
    elif (collection in _TOLD_WHERE_THEY_ARE_MADE and method != "POST") or (
        collection in _PLAIN and method == "DELETE"
    ):
        wrote("a change of {} {}".format(collection, name))


# --- models and datasets ----------------------------------------------------------------------------------------------


def read_model(name, version, found):
    """A model was asked for by name: this version, or (None) the latest. `found` is the version that it got, None for none."""
    read("model", "{}:{}".format(name, "latest" if version is None else version), found)


def read_models(name, records, is_plain):
    """Models were listed: those of one name, or any. `is_plain`: nothing else chose among them."""
    if name is None or not is_plain:
        read("run", "the list of models" if name is None else "the list of models called " + str(name))
        return
    versions = [int(r["version"]) for r in records]
    read_model(name, None, max(versions) if versions else None)
    for version in versions:
        read_model(name, version, version)


# --- paths ------------------------------------------------------------------------------------------------------------


def declare(definition):
    """A dataset that the step was given: what it means is an input by that name already."""
    for path in definition["paths"]:
        _declared.add(_place(path))


def is_declared(path):
    """Whether a path of a dataset's definition is one of a dataset that the step was given."""
    return _place(path) in _declared


def _place(path):
    return path.get("url") or (path["datastore"], path["path"])


def pass_over(path):
    """What lies at the local `path` is accounted for otherwise."""
    sys.audit("azureml.known", path)


def read_files(store, path):
    """The file or folder at the local `path` of a datastore is read as a whole."""
    if store._record.get("url"):
        read("run", "files of datastore {}, which are not on this machine".format(store.name))
        pass_over(path)
        return
    heard = []
    sys.audit("azureml.read", path, heard)
    if not heard:
        read("run", "files of datastore {}, in a process that is not watched".format(store.name))
