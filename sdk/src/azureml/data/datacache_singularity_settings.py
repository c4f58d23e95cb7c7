"""Settings of caches on Singularity: not built. The names import; making one says so."""

from azureml.data.abstract_dataset import _not_built


class DatacacheSingularitySettings:
    """Not built."""

    def __init__(self, *args, **kwargs):
        raise _not_built("DatacacheSingularitySettings")


class SingularityPriority:
    """Not built."""

    def __init__(self, *args, **kwargs):
        raise _not_built("SingularityPriority")


class SingularitySlaTier:
    """Not built."""

    def __init__(self, *args, **kwargs):
        raise _not_built("SingularitySlaTier")
