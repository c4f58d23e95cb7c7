"""FileDataset: files as they are."""

import os

import azureml._sentinel  # noqa: F401
from azureml.data.abstract_dataset import AbstractDataset, _not_built


class FileDataset(AbstractDataset):
    """Files on a datastore or at URLs."""

    _kind = "file"

    def _sources(self):
        from azureml.data import _paths
        from azureml.data.dataset_error_handling import DatasetExecutionError

        try:
            found = _paths.sources(self._definition["paths"], self._workspace)
        except OSError as error:
            raise DatasetExecutionError("The dataset could not be read. {}".format(error)) from error
        for operation in self._definition.get("operations") or ():
            found = _applied(found, operation)
        return found

    def to_path(self):
        """The files' names below what the dataset's path meant, each starting with a slash."""
        return [source.name for source in self._sources()]

    def download(self, target_path=None, overwrite=False, ignore_not_found=False):
        """Copies the files below `target_path` (default: a temporary folder); their local paths."""
        from azureml.data.abstract_datastore import copy_whole
        from azureml.exceptions import UserErrorException

        if target_path is None:
            import tempfile

            target_path = tempfile.mkdtemp()
        sources = self._sources()
        targets = [os.path.abspath(os.path.join(target_path, s.name.lstrip("/"))) for s in sources]
        there = [t for t in targets if os.path.exists(t)]
        if there and not overwrite:
            raise UserErrorException("{} exists already. Pass overwrite=True, or another target_path.".format(there[0]))
        for source, target in zip(sources, targets):
            copy_whole(source.local, target)
        return targets

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
        return self.as_named_input("input_" + os.urandom(4).hex())

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

    def filter(self, expression):
        raise _not_built("FileDataset.filter")

    def file_metadata(self, col):
        raise _not_built("FileDataset.file_metadata")

    def as_cache(self, datacache_store):
        raise _not_built("FileDataset.as_cache")

    def hydrate(self, datacache_store, replica_count=None):
        raise _not_built("FileDataset.hydrate")


def _applied(found, operation):
    ((name, value),) = operation.items()
    if name == "take":
        return found[:value]
    if name == "skip":
        return found[value:]
    import random

    chosen = random.Random(value["seed"])
    draws = [chosen.random() for _ in found]
    return [source for source, draw in zip(found, draws) if value["from"] <= draw < value["to"]]


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
