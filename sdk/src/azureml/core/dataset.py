"""Dataset: where datasets are made and found."""

import azureml._sentinel  # noqa: F401
from azureml.data.abstract_dataset import AbstractDataset
from azureml.data.dataset_factory import FileDatasetFactory, TabularDatasetFactory


class Dataset:
    """`Dataset.Tabular` and `Dataset.File` make datasets; get_by_name and get_by_id find them."""

    class Scenario:
        """What a dataset is used for when a model is registered with it."""

        TRAINING = "training"
        VALIDATION = "validation"
        TEST = "test"
        INFERENCING = "inferencing"

    Tabular = TabularDatasetFactory
    File = FileDatasetFactory

    get_by_name = staticmethod(AbstractDataset.get_by_name)
    get_by_id = staticmethod(AbstractDataset.get_by_id)
    get_all = staticmethod(AbstractDataset.get_all)

    @staticmethod
    def get(workspace, name=None, id=None):
        """The dataset of that id, or registered under that name."""
        return AbstractDataset.get_by_id(workspace, id) if id else AbstractDataset.get_by_name(workspace, name)

    @staticmethod
    def list(workspace):
        """The latest version of each registered dataset."""
        return AbstractDataset.get_all(workspace).values()
