"""Keeps one pipeline run that cannot be moved on from holding up all others. Knows names and times; what a run is, the scheduler knows.

A pass decides for all runs at once. One that fails for no reason of the machine's (a full disk, a database that is away) is redone with each
of its runs alone; what fails alone is put aside, tried again now and then, and the others go on.
"""

from __future__ import annotations

from collections.abc import Iterable

AGAIN_SECONDS = 60.0


class Quarantine:
    """The pipeline runs to be tried alone, and those put aside until a time."""

    def __init__(self) -> None:
        self._suspects: list[str] = []
        self._aside: dict[str, float] = {}

    def choose(self, unread: set[str], now: float) -> tuple[set[str], bool]:
        """Which of the runs that are to be read this pass takes up, and whether that one is to be alone."""
        if not self._suspects:
            self._suspects = [r for r in self._aside if not self._waits(r, now)]
        while self._suspects:
            if (suspect := self._suspects.pop()) in unread:
                return {suspect}, True
            self._aside.pop(suspect, None)
        return unread - set(self._aside), False

    def failed(self, touched: set[str], now: float) -> str | None:
        """A pass over these failed by what it met in them: the one that is put aside by this, when it was alone."""
        if len(touched) > 1:
            self._suspects = sorted(touched)
            return None
        for name in touched:
            self._aside[name] = now + AGAIN_SECONDS
            return name
        return None

    def passed(self, alone: Iterable[str]) -> None:
        """These went well alone."""
        for name in alone:
            self._aside.pop(name, None)

    def readmit(self, names: Iterable[str]) -> None:
        """Somebody did something to these: they are tried again now."""
        self._suspects += [n for n in names if self._aside.get(n)]

    def due(self, unread: set[str], now: float) -> float | None:
        """When the next of the runs to be read is to be tried; None: there is none."""
        if self._suspects or unread - set(self._aside):
            return now
        return min((min(self._aside[r], now + AGAIN_SECONDS) for r in unread), default=None)

    def _waits(self, name: str, now: float) -> bool:
        """Whether its time has not come; one that lies too far ahead has seen the clock set back."""
        return now < self._aside[name] <= now + AGAIN_SECONDS
