"""The exception classes: their family, their text."""

import pytest

import azureml.exceptions
from azureml.core.compute_target import ComputeTargetException
from azureml.exceptions import ActivityFailedException, AzureMLException, UserErrorException, WebserviceException

FAMILY = """
UserErrorException AuthenticationException ComputeTargetException ExperimentExecutionException RunEnvironmentException
WebserviceException WorkspaceException ModelNotFoundException ModelPathNotFoundException ActivityFailedException
ActivityCanceledException RunConfigurationException ProjectSystemException SnapshotException
DatasetTimestampMissingError ParallelRunException TrainingException DiscoveryUrlNotFoundException
AzureMLAggregatedException WorkspacePrivateEndpointException
"""


@pytest.mark.parametrize("name", FAMILY.split())
def test_every_class_is_of_the_family(name):
    assert issubclass(getattr(azureml.exceptions, name), AzureMLException)


def test_the_text_has_message_inner_exception_and_response():
    error = UserErrorException("no such thing")
    assert error.message == "no such thing" and error.inner_exception is None
    assert (
        str(error)
        == repr(error)
        == (
            "UserErrorException:\n\tMessage: no such thing\n\tInnerException None\n\tErrorResponse \n"
            '{\n    "error": {\n        "code": "UserError",\n        "message": "no such thing"\n    }\n}'
        )
    )


def test_one_compute_exception_at_both_paths():
    assert ComputeTargetException is azureml.exceptions.ComputeTargetException


def test_what_a_server_said_is_kept():
    error = WebserviceException("ModelNotFound", status_code=404)
    assert (error.status_code, error.code, UserErrorException("x", code="Conflict").code) == (404, None, "Conflict")
    assert azureml.exceptions.RunEnvironmentException().message
    assert '"error"' in ActivityFailedException('{"error": {}}').message
    assert azureml.exceptions.ParallelRunException("x", code=3).delay_seconds == 0
