"""Snapshots of the datasets before TabularDataset: not built. The names import; making one says so."""

from azureml.data.abstract_dataset import _not_built


class DatasetSnapshot:
    """Not built."""

    def __init__(self, *args, **kwargs):
        raise _not_built("DatasetSnapshot")
