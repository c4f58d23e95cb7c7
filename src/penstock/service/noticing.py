"""Being told by the system that something has changed below local folders, so that nobody need look all the time.

Only wakes a watcher: a change that is told twice, late or not at all costs a look or the time until the next one, never a run.
Knows watchfiles; must not know schedules.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from watchfiles._rust_notify import RustNotify

log = logging.getLogger("penstock.schedules")
GATHER_MS, QUIET_MS = 200, 50  # what comes within this is told at once; or sooner, when nothing more comes
AGAIN_MS = 500  # how often to see which folders there are
REFUSED_SECONDS = 300.0  # a system that had no room for more watches is asked again after this

Folder = tuple[str, int, int]  # a path, and what folder is there now: another one at the path has to be watched anew


class Wanting(Protocol):
    """Whom to tell what: `places` are folders (all that is below, or only what is in them) by id."""

    def places(self, is_deep: bool) -> Mapping[str, str]: ...

    def set_told(self, ids: Iterable[str], is_told: bool) -> None:
        """Whether these are told from now on. What was before that was not told."""

    def notice(self, ids: Iterable[str]) -> None: ...


class Noticing(threading.Thread):
    """Tells of changes in folders, or of those in all that is below them, until `stop`."""

    def __init__(self, wanting: Wanting, is_deep: bool, woken: Callable[[], None]) -> None:
        super().__init__(name="noticing", daemon=True)
        self._wanting, self._is_deep, self._woken = wanting, is_deep, woken
        self._stopping = threading.Event()
        self._teller: RustNotify | None = None
        self._folders: set[Folder] = set()
        self._ids: dict[str, list[str]] = {}

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._follow()
            except OSError as error:  # too many watches or too many files: those folders are looked at now and then
                log.warning("the system does not tell of changes in watched folders: %s", error)
                self._tell_none()
                self._stopping.wait(REFUSED_SECONDS)
        self._close()

    def stop(self) -> None:
        self._stopping.set()
        self.join(timeout=5)

    def _follow(self) -> None:
        """Wait for changes for a while in the folders that there are now."""
        places = self._wanting.places(self._is_deep)
        ids: dict[str, list[str]] = {}
        for each, path in places.items():
            ids.setdefault(path, []).append(each)
        there = {folder for path in ids if (folder := _folder(path)) is not None}
        before, self._ids = self._folders, ids
        if there != before:
            self._exchange(there)
            self._notice(path for path, *_ in there - before)
        told = {each for path, *_ in there for each in ids[path]}
        self._wanting.set_told(places.keys() - told, False)
        self._wanting.set_told(told, True)
        if self._teller is None:
            self._stopping.wait(AGAIN_MS / 1000)
        else:
            self._tell(self._teller, AGAIN_MS)

    def _exchange(self, there: set[Folder]) -> None:
        """Listen to other folders. The old ones are heard until the new ones are, so that nothing falls between."""
        from watchfiles._rust_notify import RustNotify  # what a start need not wait for

        before, self._teller = self._teller, None
        try:
            if there:
                paths = sorted(path for path, *_ in there)
                self._teller = RustNotify(paths, False, False, 0, self._is_deep, True)
        finally:
            if before is not None:
                self._tell(before, QUIET_MS)
                before.close()
            self._folders = there if self._teller is not None else set()

    def _tell(self, teller: RustNotify, timeout_ms: int) -> None:
        changes = teller.watch(GATHER_MS, QUIET_MS, timeout_ms, self._stopping)
        if isinstance(changes, str):
            return
        around: set[str] = set()
        for _, path in changes:
            while path not in around and path not in ("", "/"):
                around.add(path)
                path = os.path.dirname(path)
        self._notice(around)

    def _notice(self, paths: Iterable[str]) -> None:
        ids = [each for path in paths for each in self._ids.get(path, ())]
        if ids:
            self._wanting.notice(ids)
            self._woken()

    def _tell_none(self) -> None:
        self._close()
        self._wanting.set_told(self._wanting.places(self._is_deep), False)

    def _close(self) -> None:
        if self._teller is not None:
            self._teller.close()
        self._teller, self._folders = None, set()


def _folder(path: str) -> Folder | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return path, found.st_dev, found.st_ino
