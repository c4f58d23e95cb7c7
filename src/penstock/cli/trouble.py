"""What a command ends with when it cannot do what was asked: a message, how to fix it, and an exit code."""

from __future__ import annotations

from typing import Any

FAILED = 1
BAD_USAGE = 2
NOT_THERE = 3
INTERRUPTED = 130


class Trouble(Exception):
    """An error for the person at the keyboard. `message` is whole sentences; `more` is further lines, one problem each."""

    def __init__(
        self,
        message: str,
        exit_code: int = FAILED,
        *,
        code: str = "BadRequest",
        more: tuple[str, ...] = (),
        body: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code
        self.code = code
        self.more = more
        self.body = body


class NoServer(Trouble):
    """Nobody answers where the server should be."""

    def __init__(self, message: str) -> None:
        super().__init__(message, NOT_THERE, code="NoServer")


class NotThere(Trouble):
    """What was named does not exist."""

    def __init__(self, message: str, body: dict[str, Any] | None = None) -> None:
        super().__init__(message, NOT_THERE, code="NotFound", body=body)
