"""A cached dataset as a step's input: not built. The names import; making one says so."""

from azureml.data.abstract_dataset import _not_built


class DatacacheConsumptionConfig:
    """Not built."""

    def __init__(self, *args, **kwargs):
        raise _not_built("DatacacheConsumptionConfig")
