"""What others tell the scheduler, from any thread."""

from __future__ import annotations

from collections import deque


class Inbox:
    """What others tell the scheduler, from any thread. Every message may be lost or repeated: it only saves waiting."""

    def __init__(self) -> None:
        self._messages: deque[tuple[str, str]] = deque()

    def put(self, kind: str, name: str) -> None:
        self._messages.append((kind, name))

    def __bool__(self) -> bool:
        return bool(self._messages)

    def take(self) -> dict[str, list[str]]:
        """All messages by kind: submitted, cancel, running, exit."""
        taken: dict[str, list[str]] = {}
        while self._messages:
            kind, name = self._messages.popleft()
            taken.setdefault(kind, []).append(name)
        return taken
