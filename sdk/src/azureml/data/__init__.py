"""Datasets and what configures them. Each class is imported from the module that defines it when it is first named."""

import azureml._sentinel  # noqa: F401
from azureml._names import reexport

_PREFIX = "azureml.data."
_HOMES = {
    name: _PREFIX + home
    for home, names in {
        "datacache": "DatacacheStore",
        "dataset_factory": "DataType",
        "file_dataset": "FileDataset",
        "output_dataset_config": "HDFSOutputDatasetConfig LinkFileOutputDatasetConfig LinkTabularOutputDatasetConfig "
        "OutputFileDatasetConfig",
        "tabular_dataset": "TabularDataset",
    }.items()
    for name in names.split()
}
__all__ = sorted(_HOMES)
__getattr__, __dir__ = reexport(__name__, _HOMES)
