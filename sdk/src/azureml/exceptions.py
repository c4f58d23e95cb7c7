"""Every exception class of the public API. Knows nothing else; imports nothing, because every process loads it."""


class AzureMLException(Exception):
    """The base of them all: `.message`, `.inner_exception`, and `.code`, `.status_code` when a server said so."""

    _error_code = "SystemError"

    def __init__(
        self,
        exception_message,
        inner_exception=None,
        target=None,
        details=None,
        message_format=None,
        message_parameters=None,
        reference_code=None,
        **kwargs,
    ):
        Exception.__init__(self, exception_message)
        self._exception_message = exception_message
        self._inner_exception = inner_exception
        self.target = target
        self.details = details
        self.reference_code = reference_code
        self.code = kwargs.get("code")
        self.status_code = kwargs.get("status_code")

    @property
    def message(self):
        """The sentence alone, without the frame that `str` puts round it."""
        return self._exception_message

    @message.setter
    def message(self, value):
        self._exception_message = value

    @property
    def inner_exception(self):
        return self._inner_exception

    @inner_exception.setter
    def inner_exception(self, value):
        self._inner_exception = value

    def print_stacktrace(self):
        import traceback

        traceback.print_exception(type(self), self, self.__traceback__)

    def _serialize_json(self):
        import json

        error = {"code": self._error_code, "message": str(self._exception_message)}
        if self.target is not None:
            error["target"] = str(self.target)
        return json.dumps({"error": error}, indent=4)

    def __str__(self):
        return "{}:\n\tMessage: {}\n\tInnerException {}\n\tErrorResponse \n{}".format(
            type(self).__name__, self._exception_message, self._inner_exception, self._serialize_json()
        )

    def __repr__(self):
        return str(self)


class UserErrorException(AzureMLException):
    _error_code = "UserError"

    def __init__(self, exception_message, **kwargs):
        AzureMLException.__init__(self, exception_message, **kwargs)


class AuthenticationException(UserErrorException):
    pass


class ActivityFailedException(AzureMLException):
    """A run that was waited for did not succeed; `error_details` is what its `get_details()['error']` says."""

    def __init__(self, error_details, **kwargs):
        AzureMLException.__init__(self, "Activity Failed:\n{}".format(error_details), **kwargs)
        self.error_details = error_details


class ActivityCanceledException(AzureMLException):
    def __init__(self, error_details="Activity was canceled", **kwargs):
        AzureMLException.__init__(self, error_details, **kwargs)
        self.error_details = error_details


class AzureMLAggregatedException(AzureMLException):
    def __init__(self, exceptions_list, **kwargs):
        texts = [getattr(e, "message", None) or str(e) for e in exceptions_list]
        AzureMLException.__init__(self, "AzureMLAggregatedException:\n" + "\n".join(texts), **kwargs)
        self.exceptions_list = list(exceptions_list)


class ComputeTargetException(AzureMLException):
    pass


class ExperimentExecutionException(AzureMLException):
    pass


class RunEnvironmentException(AzureMLException):
    """Something was asked of the submitted run where there is none."""

    def __init__(self, exception_message=None, **kwargs):
        if exception_message is None:
            exception_message = (
                "Could not load a submitted run, if outside of an execution context, "
                "use experiment.start_logging to initialize an azureml.core.Run."
            )
        AzureMLException.__init__(self, exception_message, **kwargs)


class RunConfigurationException(AzureMLException):
    pass


class ProjectSystemException(AzureMLException):
    pass


class SnapshotException(AzureMLException):
    pass


class TrainingException(AzureMLException):
    pass


class DiscoveryUrlNotFoundException(AzureMLException):
    def __init__(self, discovery_key, **kwargs):
        AzureMLException.__init__(self, "Could not find {} in the discovery endpoint.".format(discovery_key), **kwargs)


class DatasetTimestampMissingError(AzureMLException):
    def __init__(self, error_details, **kwargs):
        AzureMLException.__init__(self, error_details, **kwargs)
        self.error_details = error_details


class WebserviceException(AzureMLException):
    def __init__(self, exception_message, status_code=None, logger=None, **kwargs):
        AzureMLException.__init__(self, exception_message, status_code=status_code, **kwargs)


class ModelNotFoundException(AzureMLException):
    def __init__(self, exception_message, logger=None, **kwargs):
        AzureMLException.__init__(self, exception_message, **kwargs)


class ModelPathNotFoundException(AzureMLException):
    def __init__(self, exception_message, logger=None, **kwargs):
        AzureMLException.__init__(self, exception_message, **kwargs)


class WorkspaceException(AzureMLException):
    def __init__(self, exception_message, found_multiple=False, **kwargs):
        AzureMLException.__init__(self, exception_message, **kwargs)
        self.found_multiple = found_multiple


class WorkspacePrivateEndpointException(WorkspaceException):
    pass


class ParallelRunException(AzureMLException):
    def __init__(self, exception_message, code=None, delay_seconds=0, **kwargs):
        AzureMLException.__init__(self, exception_message, code=code, **kwargs)
        self.delay_seconds = delay_seconds
