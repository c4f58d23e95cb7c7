"""The thread that waits on the wake socket and ticks the scheduler. The only place where the scheduler meets the clock."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

from penstock.model.errors import DatabaseAway, NoSpace
from penstock.service.context import Context
from penstock.service.execution.inbox import Inbox
from penstock.service.execution.leader import NotLeader
from penstock.service.execution.scheduler import Scheduler
from penstock.store.webhooks import ENDINGS

log = logging.getLogger("penstock.scheduler")
RETRY_SECONDS = 1.0
MAX_WAIT_SECONDS = 3600.0
MAX_SLEEP_SECONDS = 5.0  # while something is due: a clock set back must not make it wait for an hour


class WakeSocket:
    """A Unix datagram socket that stubs and other threads write one-line messages to: `exit <name>`, `running <name>`, nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.unlink(missing_ok=True)
        self._receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._receiver.bind(str(path))
        os.chmod(path, 0o600)
        self._receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sender.setblocking(False)

    def wake(self) -> None:
        """Have `receive` return soon. A full socket means it will anyway."""
        try:
            self._sender.sendto(b"", str(self.path))
        except (BlockingIOError, OSError):
            pass

    def receive(self, seconds: float) -> list[bytes]:
        """The messages that have come, waiting up to `seconds` for the first."""
        self._receiver.settimeout(max(seconds, 0.0))
        try:
            found = [self._receiver.recv(65536)]
        except (TimeoutError, BlockingIOError):
            return []
        self._receiver.setblocking(False)
        try:
            while len(found) < 10_000:
                found.append(self._receiver.recv(65536))
        except BlockingIOError:
            pass
        return found

    def close(self) -> None:
        self._receiver.close()
        self._sender.close()


class Loop(threading.Thread):
    """Runs the scheduler until `stop`. `trouble` is the last pass's failure, if it failed."""

    def __init__(
        self,
        context: Context,
        scheduler: Scheduler,
        inbox: Inbox,
        wake: WakeSocket,
        on_lead: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(name="scheduler", daemon=True)
        self._on_lead = on_lead
        self._term: int | None = (
            0  # the term whose work the scheduler has taken up; 0 is that of a server without others
        )
        self._context, self._scheduler, self._inbox, self._wake = context, scheduler, inbox, wake
        self._stopped = False
        self._is_behind = False
        self._has_passed = False
        self._trouble: str | None = None
        self.trouble_code: str | None = None
        """What kind of trouble it is, when it is one that passes by itself once its cause is mended."""

    def run(self) -> None:
        due: float | None = self._context.clock()
        while not self._stopped:
            wait = MAX_WAIT_SECONDS if due is None else min(due - self._context.clock(), MAX_SLEEP_SECONDS)
            for message in self._wake.receive(wait):
                kind, _, name = message.decode("utf-8", "replace").strip().partition(" ")
                if kind in ("exit", "running"):
                    self._inbox.put(kind, name)
            due = self._tick()

    def hear(self, lines: list[str], _: int) -> None:
        """What other servers of this database have committed: `<event> <run> <root>` each; no line means that some were missed."""
        told = [line.split(" ") for line in lines]
        for name, run_id, root_id in (words for words in told if len(words) == 3):
            if name == "created" and run_id == root_id:
                self._inbox.put("submitted", root_id)
            elif name == "cancel_requested":
                self._inbox.put("cancel", run_id)
        if lines:
            ends = any(words[0] in ENDINGS for words in told)
            self._context.changes.notify((words[2] for words in told if len(words) == 3), ends)
        else:
            self._is_behind = True
            self._context.changes.notify_all()
        if self._inbox or not lines:
            self._wake.wake()

    @property
    def trouble(self) -> str | None:
        """Why the last pass failed, or why this server cannot know whether it leads."""
        return self._trouble or self._context.leader.trouble

    @property
    def is_busy(self) -> bool:
        """Whether a pipeline run is under way."""
        return self._scheduler.n_active > 0

    @property
    def n_steps(self) -> int:
        """How many steps under way it watches; none before it has looked after those that it found at its start."""
        return self._scheduler.n_jobs if self._has_passed else 0

    def stop(self) -> None:
        self._stopped = True
        self._wake.wake()
        self.join(timeout=10)

    def _leads(self) -> bool:
        """Whether this server decides. All is read anew where another one may have decided since."""
        term = self._context.leader.term
        if term is None:
            self._term = None
            self._inbox.take()
            return False
        if term != self._term or self._is_behind:
            self._is_behind = False
            self._scheduler.recover()
            if self._on_lead is not None:
                self._on_lead()
            self._term = term
        return True

    def _tick(self) -> float | None:
        now = self._context.clock()
        try:
            if not self._leads():
                self._trouble = self.trouble_code = None
                return None
            due = self._scheduler.tick(now)
            self._has_passed = True
            self._trouble = self.trouble_code = None
        except NotLeader:
            return now
        except (
            Exception
        ) as error:  # recorded in the health page and the log; the store is read again and the pass redone
            known = error if isinstance(error, DatabaseAway | NoSpace) else self._context.room.noticed(error)
            self.trouble_code = known.code if known else None
            before, self._trouble = self._trouble, known.message if known else f"{type(error).__name__}: {error}"
            if known is None:
                log.exception("a scheduler pass failed and will be redone")
            elif self._trouble != before:
                log.warning("a scheduler pass failed and will be redone: %s", known.message)
            return now + RETRY_SECONDS
        return due
