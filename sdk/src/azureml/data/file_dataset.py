"""FileDataset: files as they are."""

import os

import azureml._sentinel  # noqa: F401
from azureml._graph.ports import MadeUp
from azureml.data.abstract_dataset import AbstractDataset, _not_built


class FileDataset(AbstractDataset):
    """Files on a datastore or at URLs."""

    _kind = "file"

    def _sources(self):
        from azureml.data import _paths
        from azureml.data.dataset_error_handling import DatasetExecutionError

        self._say_drift()
        try:
            found = _paths.sources(self._definition["paths"], self._workspace)
        except OSError as error:
            raise DatasetExecutionError("The dataset could not be read. {}".format(error)) from error
        for operation in self._definition.get("operations") or ():
            found = _applied(found, operation, self._definition)
        return found

    def to_path(self):
        """The files' names below what the dataset's path meant, each starting with a slash."""
        return [source.name for source in self._sources()]

    def download(self, target_path=None, overwrite=False, ignore_not_found=False):
        """Copies the files below `target_path` (default: a temporary folder); their local paths."""
        return downloaded(self._sources(), target_path, overwrite)

    def mount(self, mount_point=None, **kwargs):
        """A context manager under whose `mount_point` the files are."""
        from azureml.data.context_managers import DatasetContextManager

        return DatasetContextManager(self, mount_point)

    def as_mount(self, path_on_compute=None):
        return self._unnamed().as_mount(path_on_compute)

    def as_download(self, path_on_compute=None):
        return self._unnamed().as_download(path_on_compute)

    def as_hdfs(self):
        return self._unnamed().as_hdfs()

    def _unnamed(self):
        return self.as_named_input(MadeUp("input_"))

    def take(self, count):
        return self._with({"take": _count(count)})

    def skip(self, count):
        return self._with({"skip": _count(count)})

    def take_sample(self, probability, seed=None):
        return self._with({"sample": _share(0.0, probability, seed)})

    def random_split(self, percentage, seed=None):
        """Two datasets: about `percentage` of the files, and the rest."""
        share = _share(0.0, percentage, seed)
        rest = {"from": share["to"], "to": 1.0, "seed": share["seed"]}
        return self._with({"sample": share}), self._with({"sample": rest})

    def __getitem__(self, key):
        """A partition key, for a filter."""
        from azureml.data._expression import Expression

        if key not in self.partition_keys:
            raise _user_error(
                "The dataset has no partition key {!r}. It has: {}.".format(
                    key, ", ".join(self.partition_keys) or "none"
                )
            )
        return Expression({"column": key})

    def filter(self, expression):
        """The files for which `expression` holds, for example ds.file_metadata('Size') > 1000."""
        from azureml.data._expression import Expression, content

        if not isinstance(expression, Expression):
            raise _user_error(
                "filter takes an expression such as ds.file_metadata('Size') > 1000, not {!r}.".format(expression)
            )
        return self._with({"filter": content(expression)})

    def file_metadata(self, col):
        """The files' Size, LastModifiedTime or CreationTime (taken as the same), for a filter."""
        from azureml.data._expression import Expression

        if col not in ("Size", "LastModifiedTime", "CreationTime"):
            raise _user_error("file_metadata has Size, LastModifiedTime and CreationTime, not {!r}.".format(col))
        return Expression({"metadata": col})

    def as_cache(self, datacache_store):
        raise _not_built("FileDataset.as_cache")

    def hydrate(self, datacache_store, replica_count=None):
        raise _not_built("FileDataset.hydrate")


def downloaded(sources, target_path, overwrite):
    """The local paths of copies of the files below `target_path`, or a temporary folder."""
    from azureml.data.abstract_datastore import copy_whole

    if target_path is None:
        import tempfile

        target_path = tempfile.mkdtemp()
    target_path = os.path.expanduser(target_path)
    targets = [os.path.abspath(os.path.join(target_path, s.name.lstrip("/"))) for s in sources]
    there = [t for t in targets if os.path.exists(t)]
    if there and not overwrite:
        raise _user_error("{} exists already. Pass overwrite=True, or another target_path.".format(there[0]))
    for source, target in zip(sources, targets):
        copy_whole(source.local, target)
    return targets


def _applied(found, operation, definition):
    ((name, value),) = operation.items()
    if name == "take":
        return found[:value]
    if name == "skip":
        return found[value:]
    if name == "filter":
        return [source for source in found if _holds(value, source, definition)]
    import random

    chosen = random.Random(value["seed"])
    draws = [chosen.random() for _ in found]
    return [source for source, draw in zip(found, draws) if value["from"] <= draw < value["to"]]


def _holds(expression, source, definition):
    """A filter expression over one file: see azureml.data._expression."""
    import operator

    if "metadata" in expression:
        return _metadata(source, expression["metadata"])
    if "column" in expression:
        from azureml.data import _schema, _types

        kind = _schema.path_types(definition, [source])[expression["column"]]
        text = _schema.of_path(definition, source)[expression["column"]]
        return _types.column([text], kind, None, "null", "null")[0]
    if "value" in expression:
        return expression["value"]
    if "datetime" in expression:
        import datetime

        return datetime.datetime.strptime(expression["datetime"][:19], "%Y-%m-%dT%H:%M:%S")
    values = [_holds(e, source, definition) for e in expression["of"]]
    function = {
        "gt": operator.gt, "ge": operator.ge, "lt": operator.lt, "le": operator.le, "eq": operator.eq, "ne": operator.ne,
        "and": lambda a, b: a and b, "or": lambda a, b: a or b, "not": operator.not_,
    }[expression["op"]]  # fmt: skip
    return function(*values)


def _metadata(source, name):
    status = os.stat(source.local)
    if name == "Size":
        return status.st_size
    import datetime

    return datetime.datetime.fromtimestamp(status.st_mtime, datetime.timezone.utc).replace(tzinfo=None)


def _user_error(message):
    from azureml.exceptions import UserErrorException

    return UserErrorException(message)


def _count(count):
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        from azureml.exceptions import UserErrorException

        raise UserErrorException("The count must be a whole number, 0 or more, not {!r}.".format(count))
    return count


def _share(low, high, seed):
    if isinstance(high, bool) or not isinstance(high, (int, float)) or not 0 <= high <= 1:
        from azureml.exceptions import UserErrorException

        raise UserErrorException("The share must be a number from 0 to 1, not {!r}.".format(high))
    return {"from": low, "to": float(high), "seed": int.from_bytes(os.urandom(4), "big") if seed is None else int(seed)}
