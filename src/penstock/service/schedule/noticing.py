"""Being told by the system that something has changed below local folders, so that nobody need look all the time.

Only wakes a watcher: a change that is told twice, late or not at all costs a look or the time until the next one, never a run.
Knows watchfiles; must not know schedules.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from watchfiles._rust_notify import RustNotify

GATHER_MS, QUIET_MS = 200, 50  # what comes within this is told at once; or sooner, when nothing more comes
AGAIN_MS = 500  # how often to see which folders there are
REFUSED_SECONDS = 60.0  # a system that had no room for more watches is asked again after this

Folder = tuple[str, int, int]  # a path, and what folder is there now: another one at the path has to be watched anew


class Wanting(Protocol):
    """Whom to tell what: `places` are folders (all that is below, or only what is in them) by id."""

    def places(self, is_deep: bool) -> Mapping[str, str]: ...

    def set_told(self, ids: Iterable[str], is_told: bool, why_not: str | None = None) -> None:
        """Whether these are told from now on, or why the system refuses that. What was before that was not told."""

    def notice(self, ids: Iterable[str]) -> None: ...


class Noticing(threading.Thread):
    """Tells of changes in folders, or of those in all that is below them, until `stop`."""

    def __init__(self, wanting: Wanting, is_deep: bool, woken: Callable[[], None]) -> None:
        super().__init__(name="noticing", daemon=True)
        self._wanting, self._is_deep, self._woken = wanting, is_deep, woken
        self._stopping = threading.Event()
        self._teller: RustNotify | None = None
        self._folders: set[Folder] = set()
        self._refused: dict[Folder, str] = {}
        self._forgives_at = 0.0
        self._ids: dict[str, list[str]] = {}

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._follow()
            except (OSError, RuntimeError) as error:  # all of them together are too many
                self._close()
                self._wanting.set_told(self._wanting.places(self._is_deep), False, str(error))
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
        if time.monotonic() >= self._forgives_at:
            self._refused, self._forgives_at = {}, time.monotonic() + REFUSED_SECONDS
        there = {folder for path in ids if (folder := _folder(path)) is not None} - self._refused.keys()
        before, self._ids = self._folders, ids
        if there != before:
            self._exchange(there)
            self._notice(path for path, *_ in there - before)
        told = {each for path, *_ in there for each in ids[path]}
        refused = {each: why for (path, *_), why in self._refused.items() for each in ids.get(path, ())}
        self._wanting.set_told(places.keys() - told - refused.keys(), False)
        self._wanting.set_told(told, True)
        for each, why in refused.items():
            self._wanting.set_told((each,), False, why)
        if self._teller is None:
            self._stopping.wait(AGAIN_MS / 1000)
        else:
            self._tell(self._teller, AGAIN_MS)

    def _exchange(self, there: set[Folder]) -> None:
        """Listen to other folders. The old ones are heard until the new ones are, so that nothing falls between."""
        before, self._teller = self._teller, None
        try:
            self._teller = self._teller_of(there)
        finally:
            if before is not None:
                self._tell(before, QUIET_MS)
                before.close()
            self._folders = there if self._teller is not None else set()

    def _teller_of(self, there: set[Folder]) -> RustNotify | None:
        """What tells of these folders. Those of which the system will not tell are left out of `there`, for a while."""
        if not there:
            return None
        try:
            return self._listen(there)
        except (OSError, RuntimeError):
            refused = {folder: why for folder in there if (why := self._refusal(folder))}
            if not refused:
                raise
        self._refused |= refused
        there.difference_update(refused)
        return self._listen(there) if there else None

    def _refusal(self, folder: Folder) -> str | None:
        """Why the system will not tell of this folder alone."""
        try:
            self._listen({folder}).close()
        except (OSError, RuntimeError) as error:
            return str(error)
        return None

    def _listen(self, folders: set[Folder]) -> RustNotify:
        from watchfiles._rust_notify import RustNotify  # what a start need not wait for

        # Not with permissions ignored: it would ignore as well that the system has no room for more watches.
        return RustNotify(sorted(path for path, *_ in folders), False, False, 0, self._is_deep, False)

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
