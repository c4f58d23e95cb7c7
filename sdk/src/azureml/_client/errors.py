"""What can go wrong between the SDK and a server, as exceptions of the public API's family. Knows no HTTP."""

from azureml.exceptions import AuthenticationException, AzureMLException, UserErrorException


class HomeError(UserErrorException):
    """The home cannot be used: unwritable, or on a network filesystem."""


class ServerNotFoundError(AzureMLException, ConnectionError):
    """No server answers and none could be started."""


class ServerLostError(AzureMLException, ConnectionError):
    """The connection broke before the answer came, on a call that may not simply be repeated."""


class ServerError(AzureMLException):
    """The server answered with a 5xx."""


def refusal(status, body, kind=None):
    """The exception for an answer `status` whose body is the API's error shape (or is not)."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return ServerError(
            "The Penstock server answered with status {} and no explanation. Its log is <home>/logs/server.log.".format(
                status
            ),
            status_code=status,
        )
    message = str(error.get("message") or "The server gave no message.")
    details = [d for d in error.get("details") or [] if isinstance(d, dict)]
    others = [str(d.get("message")) for d in details if d.get("message") and str(d.get("message")) not in message]
    if others:
        message += "".join("\n  - " + text for text in others)
    if status == 401:
        kind = AuthenticationException
    if kind is None:
        kind = ServerError if status >= 500 else UserErrorException
    return kind(message, code=error.get("code"), status_code=status, target=error.get("target"), details=details)
