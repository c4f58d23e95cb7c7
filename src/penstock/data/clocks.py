"""The clock that stamps files somewhere: that of a file server may be another than ours."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

_KNOWN_SECONDS = 60.0
_TICK_SECONDS = 0.02
"""What clocks that are kept together differ by; nobody changes a file by hand so soon after it was written."""


class Clocks:
    """How far the clocks of some folders' filesystems are ahead of ours, each asked once a minute."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._ahead: dict[str, tuple[float, float]] = {}

    def latest(self, moment: float, folder: Path) -> float:
        """The latest stamp that a change in `folder` at this moment of ours, or before it, can have there."""
        now, key = self._clock(), os.fspath(folder)
        asked, ahead = self._ahead.get(key, (-_KNOWN_SECONDS, 0.0))
        if not 0 <= now - asked < _KNOWN_SECONDS:
            ahead = self._look(folder)
            self._ahead[key] = (now, ahead)
        return moment + max(0.0, ahead) + _TICK_SECONDS

    def _look(self, folder: Path) -> float:
        """Seconds; 0 where no file can be made to be looked at. The folder is made, but not the one that it is in."""
        try:
            with contextlib.suppress(FileExistsError):
                os.mkdir(folder)
            with tempfile.TemporaryFile(dir=folder) as file:
                return os.fstat(file.fileno()).st_ctime - self._clock()
        except OSError:
            return 0.0
