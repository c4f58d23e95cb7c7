"""The threads that have schedules submitted: one for the clock, two that look at data, two that are told of changes.

Knows how they are put together; decides nothing.
"""

from __future__ import annotations

import logging
import threading
from typing import Protocol

from penstock.model.errors import DatabaseAway, NoSpace
from penstock.service.context import Context
from penstock.service.execution.leader import NotLeader
from penstock.service.schedule.noticing import Noticing
from penstock.service.schedule.triggers import Clock
from penstock.service.schedule.watching import Watcher
from penstock.service.services import Services

log = logging.getLogger("penstock.schedules")
LOOK_SECONDS = 1.0  # other servers of the database may have changed a schedule
TROUBLE_SECONDS = 5.0


class Ticking(Protocol):
    """A loop over schedules (triggers.py, watching.py)."""

    def tick(self, now: float) -> float:
        """One pass; when the next one is due. NotLeader."""


class TickingThread(threading.Thread):
    """Ticks schedules until `stop`: when one is due, and at once when `wake` says that one was changed."""

    def __init__(self, context: Context, clock: Ticking) -> None:
        super().__init__(name="schedules", daemon=True)
        self._context, self._clock = context, clock
        self._woken = threading.Event()
        self._stopping = False

    def wake(self) -> None:
        self._woken.set()

    def run(self) -> None:
        due = 0.0
        while not self._stopping:
            self._woken.wait(min(LOOK_SECONDS, max(0.0, due - self._context.clock())))
            self._woken.clear()
            if self._stopping:
                return
            try:
                due = self._clock.tick(self._context.clock())
            except NotLeader:
                due = self._context.clock() + LOOK_SECONDS
            except Exception as error:  # nothing is lost: what has no verdict is tried again
                known = error if isinstance(error, DatabaseAway | NoSpace) else self._context.room.noticed(error)
                if known is None:
                    log.exception("a pass over the schedules failed and will be redone")
                else:
                    log.warning("a pass over the schedules failed and will be redone: %s", known.message)
                self._woken.wait(TROUBLE_SECONDS)

    def stop(self) -> None:
        self._stopping = True
        self.wake()
        self.join(timeout=5)


class Automatic:
    """All that submits by itself: the clock, and the watchers of local data and of data at URLs with those who wake the first."""

    def __init__(self, context: Context, services: Services) -> None:
        self._clock = TickingThread(context, Clock(context, services.targets.submit, services.control.cancel))
        local = Watcher(context, services.places, False, self._clock.wake)
        watching = TickingThread(context, local)
        elsewhere = TickingThread(context, Watcher(context, services.places, True, self._clock.wake))
        self._ticking = [self._clock, watching, elsewhere]
        self._noticing = [Noticing(local, is_deep, watching.wake) for is_deep in (True, False)]

    def wake(self) -> None:
        """A schedule was made or changed."""
        for each in self._ticking:
            each.wake()

    def start(self) -> None:
        for thread in (*self._ticking, *self._noticing):
            thread.start()

    def stop(self) -> None:
        for teller in self._noticing:
            teller.stop()
        for ticking in self._ticking:
            ticking.stop()
