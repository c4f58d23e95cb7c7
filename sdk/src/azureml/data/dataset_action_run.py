"""Runs that profile a dataset: not built. The names import; making one says so."""

from azureml.data.abstract_dataset import _not_built


class DatasetActionRun:
    """Not built."""

    def __init__(self, *args, **kwargs):
        raise _not_built("DatasetActionRun")
