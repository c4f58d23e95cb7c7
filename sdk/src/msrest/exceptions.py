"""HttpOperationError, which existing code catches when a datastore is not found. Nothing else of msrest is here."""


class ClientException(Exception):
    """The base of msrest's exceptions."""

    def __init__(self, message, inner_exception=None, *args, **kwargs):
        Exception.__init__(self, message)
        self.inner_exception = inner_exception


class HttpOperationError(ClientException):
    """An HTTP call that the server refused."""

    def __init__(self, message="", response=None, inner_exception=None, *args, **kwargs):
        ClientException.__init__(self, message, inner_exception)
        self.message = message
        self.response = response
        self.error = None
