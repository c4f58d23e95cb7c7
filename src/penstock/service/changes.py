"""Telling whoever waits that a pipeline run's story has grown. Called after each commit; costs nothing when nobody waits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable


class Subscription:
    """One waiter on one root run, inside its own event loop. Use as a context manager."""

    def __init__(self, changes: Changes, root_id: str) -> None:
        self._changes = changes
        self.root_id = root_id
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self._end = asyncio.Event()

    def __enter__(self) -> Subscription:
        self._changes.add(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._changes.remove(self)

    def wake(self, ends: bool = False) -> None:
        """Called from any thread; `ends` when a run may have ended, which nobody should be told late."""
        try:
            self._loop.call_soon_threadsafe(self._event.set)
            if ends:
                self._loop.call_soon_threadsafe(self._end.set)
        except RuntimeError:
            pass  # its loop is closing, so nobody waits any more

    async def wait(self, seconds: float) -> bool:
        """Whether something happened within `seconds`."""
        try:
            await asyncio.wait_for(self._event.wait(), seconds)
        except TimeoutError:
            return False
        self._event.clear()
        return True

    async def wait_for_end(self, seconds: float) -> None:
        """Let more gather for `seconds`, unless a run ends meanwhile."""
        try:
            await asyncio.wait_for(self._end.wait(), seconds)
        except TimeoutError:
            return
        self._end.clear()


class Changes:
    """The waiters, by root run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, set[Subscription]] = {}
        self._ends: list[threading.Event] = []

    def on_end(self) -> threading.Event:
        """Set whenever a run may have ended, for whoever looks at all runs. Theirs to clear."""
        self._ends.append(threading.Event())
        return self._ends[-1]

    def notify_end(self) -> None:
        """Some run may have ended."""
        for event in self._ends:
            event.set()

    def add(self, subscription: Subscription) -> None:
        with self._lock:
            self._waiting.setdefault(subscription.root_id, set()).add(subscription)

    def remove(self, subscription: Subscription) -> None:
        with self._lock:
            waiting = self._waiting.get(subscription.root_id, set())
            waiting.discard(subscription)
            if not waiting:
                self._waiting.pop(subscription.root_id, None)

    def notify_all(self) -> None:
        """Wake everybody: something may have been missed."""
        self.notify_end()
        with self._lock:
            roots = list(self._waiting)
        self.notify(roots)

    def notify(self, root_ids: Iterable[str], ends: bool = False) -> None:
        """Wake everybody who waits for one of these roots; `ends` when one of them may have ended."""
        if ends:
            self.notify_end()
        if not self._waiting:
            return
        with self._lock:
            woken = [s for root in set(root_ids) for s in self._waiting.get(root, ())]
        for subscription in woken:
            subscription.wake(ends)
