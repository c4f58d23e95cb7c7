"""DatasetConsumptionConfig: a dataset under the name and mode in which a step sees it. Nothing is read here."""

from azureml._graph.ports import InputPort


class DatasetConsumptionConfig:
    """`mode` is direct, mount, download or hdfs. Each `as_…` gives a new object."""

    _adopt_as = "input"

    def __init__(self, name, dataset, mode="direct", path_on_compute=None):
        _check_name(name)
        self._name = name
        self.dataset = dataset
        self.mode = (mode or "direct").lower()
        self.path_on_compute = path_on_compute
        if self.mode not in ("direct", "mount", "download", "hdfs"):
            raise _user_error(
                "Invalid mode {!r} for input {!r}: use direct, mount, download or hdfs.".format(mode, name)
            )
        if isinstance(dataset, (list, tuple)) and not _is_reference(dataset):
            raise _user_error("A dataset given as a tuple must be (workspace, 'name') or (workspace, 'name', version).")
        if self.mode in ("mount", "download"):
            self._check_mountable(self.mode)

    @property
    def name(self):
        return self._name

    def as_mount(self, path_on_compute=None):
        return DatasetConsumptionConfig(self._name, self.dataset, "mount", path_on_compute)

    def as_download(self, path_on_compute=None):
        return DatasetConsumptionConfig(self._name, self.dataset, "download", path_on_compute)

    def as_hdfs(self):
        return DatasetConsumptionConfig(self._name, self.dataset, "hdfs")

    def _check_mountable(self, mode):
        dataset = getattr(self.dataset, "default_value", self.dataset)
        names = [c.__name__ for c in type(dataset).__mro__]
        if "TabularDataset" in names or "OutputTabularDatasetConfig" in names:
            raise _user_error(
                "{} does not support {}. Only FileDataset supports {}".format(type(dataset).__name__, mode, mode)
            )

    def __str__(self):
        return "DatasetConsumptionConfig:{}".format(self._name)

    def __repr__(self):
        return "DatasetConsumptionConfig(name={!r}, mode={!r})".format(self._name, self.mode)

    def _argument_keys(self):
        return (id(self), ("dataset", self._name))

    def _as_input_port(self):
        slot = getattr(self.dataset, "_slot", None)
        port = InputPort(
            self._name,
            self.mode,
            self._argument_keys(),
            None if slot is not None else self._source,
            slot,
            "dataset",
            self.path_on_compute,
        )
        port.item = self
        if slot is not None:
            port.transform = list(getattr(self.dataset, "_transform", ())) or None
        return port

    def _source(self, scope):
        if hasattr(self.dataset, "_lower_value"):
            return scope.value(self.dataset)
        return {"dataset": scope.dataset(_resolved(self.dataset))}


def _is_reference(dataset):
    return isinstance(dataset, tuple) and len(dataset) in (2, 3) and isinstance(dataset[1], str)


def _resolved(dataset):
    if not isinstance(dataset, tuple):
        return dataset
    from azureml.core.dataset import Dataset

    return Dataset.get_by_name(dataset[0], dataset[1], *dataset[2:])


def _check_name(name):
    if not isinstance(name, str) or not name or not all(c.isalnum() or c == "_" for c in name) or name[0].isdigit():
        raise _user_error(
            'Invalid input name "{}". Input names may have letters, digits and underscores only, and must not start '
            "with a digit.".format(name)
        )


def _user_error(message):
    from azureml.exceptions import UserErrorException

    return UserErrorException(message)
