"""The errors of datasets: a definition that cannot be made, and one that cannot be read."""

from azureml.exceptions import UserErrorException


class DatasetValidationError(UserErrorException):
    """The data do not fit what was said of them, found when the dataset was made."""


class DatasetExecutionError(UserErrorException):
    """The data could not be read, found when they were needed."""
