"""What can go wrong, as values a user can act on. Knows HTTP's status numbers, nothing of HTTP itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Problem:
    """One thing wrong with one place: what it is and how to mend it."""

    message: str
    target: str = ""
    code: str = "BadRequest"

    def as_json(self) -> dict[str, str]:
        return {"code": self.code, "message": self.message, "target": self.target}


class PenstockError(Exception):
    """An error with whole sentences for the user: what (value, place), then how to fix it."""

    code = "Internal"
    http_status = 500

    def __init__(self, message: str, *, target: str = "", details: tuple[Problem, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.target = target
        self.details = details

    def as_json(self) -> dict[str, Any]:
        details = [p.as_json() for p in self.details]
        return {"error": {"code": self.code, "message": self.message, "target": self.target, "details": details}}


class BadRequest(PenstockError):
    code, http_status = "BadRequest", 400


class InvalidGraph(PenstockError):
    code, http_status = "InvalidGraph", 400

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        first = problems[0].message
        more = "" if len(problems) == 1 else f" (and {len(problems) - 1} more problems, listed in details)"
        super().__init__(first + more, target="graph", details=problems)


class WrongParameters(PenstockError):
    """Values that a pipeline does not take. It teaches: every problem, then, as details of code `Parameter`, what there is to be given."""

    code, http_status = "InvalidGraph", 400

    def __init__(self, problems: tuple[Problem, ...], parameters: tuple[Problem, ...]) -> None:
        has = ", ".join(f"{p.target} ({p.message})" for p in parameters) or "no parameters"
        said = " ".join(p.message for p in problems)
        super().__init__(
            f"{said} This pipeline has: {has}.", target=problems[0].target, details=(*problems, *parameters)
        )


class NotBuiltYet(PenstockError):
    code, http_status = "NotBuiltYet", 400


class Unauthorized(PenstockError):
    code, http_status = "Unauthorized", 401


class Forbidden(PenstockError):
    """Whoever asks is known, and may not."""

    code, http_status = "Forbidden", 403


class TooManyRequests(PenstockError):
    """One principal asks more often than it may."""

    code, http_status = "TooManyRequests", 429


class NotFound(PenstockError):
    code, http_status = "NotFound", 404


class Conflict(PenstockError):
    code, http_status = "Conflict", 409


class TooLarge(PenstockError):
    """A body is larger than what its route takes."""

    code, http_status = "TooLarge", 413


class UnsupportedMediaType(PenstockError):
    """A body is of another type than its route takes."""

    code, http_status = "UnsupportedMediaType", 415


class UnsupportedProtocol(PenstockError):
    code, http_status = "UnsupportedProtocol", 426


class CannotServe(PenstockError):
    """The server cannot start here: the message says why and the way out."""

    code, http_status = "CannotServe", 503


class NoSpace(PenstockError):
    """A disk is full: bytes, inodes or a quota. What was asked was not done; what was acknowledged before is kept."""

    code, http_status = "NoSpace", 507


class ReadOnly(PenstockError):
    """A folder of ours cannot be written any more: its filesystem was mounted read-only."""

    code, http_status = "ReadOnly", 503


class DiskFailed(PenstockError):
    """The kernel could not read or write what the disk should hold."""

    code, http_status = "DiskFailed", 503


class TooManyFiles(PenstockError):
    """This process, or the machine, can open no more files or connections."""

    code, http_status = "TooManyFiles", 503


class DatabaseAway(PenstockError):
    """A database that is not ours to run does not answer. What was asked was not done, or is not known to be."""

    code, http_status = "DatabaseAway", 503


class CannotDigest(PenstockError):
    """Bytes whose digest cannot be known: unreadable, no plain file, or changing while they are read."""

    code, http_status = "CannotDigest", 409


class CannotIdentify(PenstockError):
    """An interpreter of which it cannot be known what it would run."""

    code, http_status = "CannotIdentify", 409
