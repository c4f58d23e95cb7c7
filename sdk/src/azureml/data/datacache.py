"""Caches of datasets near a compute: not built. The names import; making one says so."""

from azureml.data.abstract_dataset import _not_built


class DatacacheStore:
    """Not built."""

    def __init__(self, *args, **kwargs):
        raise _not_built("DatacacheStore")


class DatacacheHydrationTracker:
    """Not built."""

    def __init__(self, *args, **kwargs):
        raise _not_built("DatacacheHydrationTracker")
