"""Dying on purpose, for tests alone: a server started with PENSTOCK_CRASH_AT="<point>:<n>" kills itself with SIGKILL the n-th
time it passes that point of `penstock.model.crashpoints`. Deliberately no setting: nobody but a test has a use for it.

`<point>:0` never kills. With PENSTOCK_CRASH_LOG the points passed are written to that file, one a line, so that a test can tell
that a point was reached at all.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping

from penstock.model import crashpoints
from penstock.model.errors import BadRequest


def arm(environ: Mapping[str, str]) -> None:
    """Watch the points that `environ` asks for; nothing when it asks for none."""
    asked = environ.get("PENSTOCK_CRASH_AT")
    if not asked:
        return
    name, _, number = asked.partition(":")
    if name not in crashpoints.POINTS or not number.isdigit():
        raise BadRequest(
            f"PENSTOCK_CRASH_AT is {asked!r}; it is a point and a number, such as commit.after:2. Unset it: it is for tests."
        )
    crashpoints.watch(_Killer(name, int(number), environ.get("PENSTOCK_CRASH_LOG")).passing)


class _Killer:
    """Counts the passings of one point."""

    def __init__(self, name: str, number: int, log: str | None) -> None:
        self._name, self._left, self._log = name, number, log

    def passing(self, name: str) -> None:
        if self._log:
            with open(self._log, "a", encoding="ascii") as log:
                log.write(name + "\n")
        if name != self._name:
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
