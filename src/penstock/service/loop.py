"""The thread that waits on the wake socket and ticks the scheduler. The only place where the scheduler meets the clock."""

from __future__ import annotations

import logging
import os
import socket
import threading
from pathlib import Path

from penstock.service.context import Context
from penstock.service.inbox import Inbox
from penstock.service.scheduler import Scheduler

log = logging.getLogger("penstock.scheduler")
RETRY_SECONDS = 1.0
MAX_WAIT_SECONDS = 3600.0


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

    def __init__(self, context: Context, scheduler: Scheduler, inbox: Inbox, wake: WakeSocket) -> None:
        super().__init__(name="scheduler", daemon=True)
        self._context, self._scheduler, self._inbox, self._wake = context, scheduler, inbox, wake
        self._stopped = False
        self.trouble: str | None = None

    def run(self) -> None:
        due: float | None = self._context.clock()
        while not self._stopped:
            wait = MAX_WAIT_SECONDS if due is None else due - self._context.clock()
            for message in self._wake.receive(wait):
                kind, _, name = message.decode("utf-8", "replace").strip().partition(" ")
                if kind in ("exit", "running"):
                    self._inbox.put(kind, name)
            due = self._tick()

    @property
    def is_busy(self) -> bool:
        """Whether a pipeline run is under way."""
        return self._scheduler.n_active > 0

    def stop(self) -> None:
        self._stopped = True
        self._wake.wake()
        self.join(timeout=10)

    def _tick(self) -> float | None:
        now = self._context.clock()
        try:
            due = self._scheduler.tick(now)
            self.trouble = None
        except (
            Exception
        ) as error:  # recorded in the health page and the log; the store is read again and the pass redone
            known = self._context.room.noticed(error)
            before, self.trouble = self.trouble, known.message if known else f"{type(error).__name__}: {error}"
            if known is None:
                log.exception("a scheduler pass failed and will be redone")
            elif self.trouble != before:
                log.warning("a scheduler pass failed and will be redone: %s", known.message)
            return now + RETRY_SECONDS
        return due
