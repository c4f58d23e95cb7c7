"""Which of the servers of one database decides: the holder of a lease that it keeps renewing.

Whoever lost the lease may not know it yet (paused, cut off). So every transaction of the scheduler proves the lease inside
itself (`fence`), and before it touches the world the holder looks at its own clock (`check`). docs/decisions has the reasons.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from sqlalchemy import Connection

from penstock.store import leases
from penstock.store.database import Database

log = logging.getLogger("penstock.leader")
LEASE_SECONDS = 5.0
RENEW_SECONDS = 1.0


class NotLeader(Exception):
    """Another server decides now: what this one was about to do is void."""


class Leader(Protocol):
    """Whether this server decides. `term` counts the leaders of a database; None while another one leads."""

    @property
    def term(self) -> int | None: ...

    @property
    def trouble(self) -> str | None:
        """Why it cannot be known who leads."""

    def fence(self, connection: Connection) -> None:
        """NotLeader unless this server leads, and goes on leading until this transaction has ended."""

    def check(self) -> None:
        """NotLeader unless this server leads as far as its own clock can tell. Asks nobody."""


class Alone:
    """The leader of a database that no other server can use."""

    term = 0
    trouble = None

    def fence(self, connection: Connection) -> None:
        pass

    def check(self) -> None:
        pass


class Elected(threading.Thread):
    """Takes the lease when nobody holds it, and renews it. `changed()` is called when this server begins or ceases to lead."""

    def __init__(self, database: Database, server: leases.Server, changed: Callable[[], None]) -> None:
        super().__init__(name="leader", daemon=True)
        self._database, self._server, self._changed = database, server, changed
        self._term: int | None = None
        self._until = 0.0
        self._nudged = threading.Event()
        self._stopping = False
        self.trouble: str | None = None

    @property
    def term(self) -> int | None:
        return self._term if _clock() < self._until else None

    def fence(self, connection: Connection) -> None:
        term = self._term
        if term is None or not leases.holds(connection, self._server.id, term):
            self._lose(term)
            raise NotLeader

    def check(self) -> None:
        if self.term is None:
            raise NotLeader

    def nudge(self) -> None:
        """Look now: the lease may be free."""
        self._nudged.set()

    def run(self) -> None:
        while not self._stopping:
            try:
                self._beat()
                self.trouble = None
            except Exception as error:  # the lease runs out by itself then, and this server stops deciding
                before, self.trouble = self.trouble, str(error)
                if before is None:
                    log.warning("the leader's lease could not be renewed: %s", error)
            self._nudged.wait(RENEW_SECONDS)
            self._nudged.clear()

    def stop(self) -> None:
        """Give the lease up, so that another server need not wait for its end."""
        self._stopping = True
        self.nudge()
        self.join(timeout=10)
        term, self._term = self._term, None
        if term is not None:
            try:
                self._database.write_apart(lambda c: leases.give_up(c, self._server.id, term))
            except Exception as error:
                log.warning("the leader's lease could not be given up and will run out: %s", error)

    def _beat(self) -> None:
        asked_at, term, before = _clock(), self._term, self.term
        found = self._database.write_apart(lambda c: self._hold(c, term))
        if self._term == term:
            self._until = asked_at + LEASE_SECONDS
            self._term = found
        if self.term != before:
            self._changed()

    def _hold(self, connection: Connection, term: int | None) -> int | None:
        """The term that this server holds now."""
        leases.beat(connection, self._server, LEASE_SECONDS)
        if term is not None and leases.renew(connection, self._server.id, term, LEASE_SECONDS):
            return term
        return leases.take(connection, self._server.id, LEASE_SECONDS)

    def _lose(self, term: int | None) -> None:
        if self._term == term:
            self._term = None
            self._changed()


def _clock() -> float:
    """Seconds that go on while this process or its machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
