"""The node: one light, single-threaded process per host and home. Knows sockets and stubs; what a job is only the stub knows.

It waits in poll(2) for a datagram or for a child's end (SIGCHLD through a wakeup pipe): no polling, no thread. Signals are blocked
round the fork, so a stub is born with them blocked and none of the node's handlers can run inside it.
A stub that has finished and is left clean reports so and may be given the next job.
The node holds no state that matters: killed, it leaves the stubs to finish alone, and the next node knows nothing of them and need not.
"""

from __future__ import annotations

import fcntl
import gc
import json
import os
import select
import signal
import socket
import time

from . import messages, stub
from .identity import boot_id, process_start_time

_LONGEST_MESSAGE = 65536
_JOBS_PER_STUB = 100
"""After this many a stub is replaced: what a long life gathers in a process stays bounded."""


def serve(sockets: str, home: str, idle_seconds: float) -> int:
    """Starts the node in a process of its own; gives back the exit status of the command that asked for it."""
    os.makedirs(home, exist_ok=True)
    os.makedirs(sockets, mode=0o700, exist_ok=True)
    lock = os.open(os.path.join(home, "node.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 0  # another node serves this home
    readable, writable = os.pipe()
    if os.fork():
        os.close(writable)
        trouble = os.read(readable, 4096)  # ends when the node listens, or says why it cannot
        if trouble:
            os.write(2, trouble)
        return 1 if trouble else 0
    os.close(readable)
    _detach()
    status = 1
    try:
        node = _make(sockets, home, idle_seconds, lock, writable)
        os.close(writable)
        status = node.run()
    except BaseException:
        stub.log_trouble(home, "the node stopped")
    finally:
        os._exit(status)


def _make(sockets: str, home: str, idle_seconds: float, lock: int, starter: int) -> Node:
    """The node; whoever started it is told why there is none."""
    try:
        return Node(sockets, home, idle_seconds, lock)
    except Exception as error:
        os.write(starter, f"The node could not start: {error}. Check the folders {home} and {sockets}.\n".encode())
        raise


def _detach() -> None:
    os.setsid()
    os.chdir("/")
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    os.close(nothing)


def is_server_there(home: str) -> bool:
    """Whether a process holds the flock on `<home>/server.lock`. Only looked up where possible: trying the lock could make
    a server that starts at that very moment believe that another one runs."""
    path = os.path.join(home, "server.lock")
    try:
        inode = os.stat(path).st_ino
        with open("/proc/locks", encoding="ascii") as locks:
            return any(" FLOCK " in line and line.split()[5].endswith(f":{inode}") for line in locks)
    except FileNotFoundError as missing:
        if missing.filename == path:
            return False
    except (OSError, IndexError):
        pass
    fd = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(fd)


class Node:
    """Listens from the moment it is made."""

    def __init__(self, sockets: str, home: str, idle_seconds: float, lock: int) -> None:
        self._home = home
        self._idle_seconds = idle_seconds
        self._lock = lock
        self._boot_id = boot_id()
        self._env = dict(os.environ)
        self._voice = messages.Voice()
        self._stubs: dict[int, Stub] = {}
        self._idle: list[int] = []
        self._is_asked_to_leave = False
        self._reports, self._reporting = _pipe()
        self._wake_reader, wake_writer = _pipe()
        os.set_blocking(wake_writer, False)
        signal.set_wakeup_fd(wake_writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._leave_soon)
        record = {"pid": os.getpid(), "start_time": process_start_time(), "boot_id": self._boot_id, "at": time.time()}
        os.truncate(lock, 0)
        os.pwrite(lock, json.dumps(record).encode(), 0)
        self._path = os.path.join(sockets, messages.NODE_SOCKET)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        if os.path.lexists(self._path):  # left by a node that was killed: the lock is ours, so nobody listens there
            os.unlink(self._path)
        self._socket.bind(self._path)
        self._inode = os.stat(self._path).st_ino

    def _leave_soon(self, *_: object) -> None:
        self._is_asked_to_leave = True

    def run(self) -> int:
        """Serves until nobody needs it any more, or until SIGTERM; the stubs go on either way."""
        gc.collect()
        gc.freeze()  # what is here now is never looked at again: fewer pages that a fork has to copy
        gc.disable()
        poll = select.poll()
        for source in (self._socket.fileno(), self._reports, self._wake_reader):
            poll.register(source, select.POLLIN)
        was_idle = False
        while not self._is_asked_to_leave:
            if poll.poll(self._idle_seconds * 1000):
                self._hear_stubs()
                self._reap()
                self._receive()
                was_idle = False
                continue
            self._dismiss_idle()
            if not self._stubs and not is_server_there(self._home):
                if was_idle:
                    break
                was_idle = True
        self._stop_listening()
        while self._receive():
            pass
        return 0

    def _stop_listening(self) -> None:
        """From here on a sender is refused, and starts the next node. If the home was removed, another may listen there already."""
        try:
            if os.stat(self._path).st_ino == self._inode:
                os.unlink(self._path)
        except FileNotFoundError:
            pass

    def _receive(self) -> bool:
        try:
            message = os.fsdecode(self._socket.recv(_LONGEST_MESSAGE))
        except BlockingIOError:
            return False
        verb, _, folder = message.partition(" ")
        if verb == "start" and os.path.isabs(folder):
            self._start(folder)
        elif verb != "ping":
            stub.log_line(self._home, f"a message that is not 'start <job folder>' was ignored: {message[:200]!r}")
        return True

    def _start(self, folder: str) -> None:
        """Gives the job to a stub that waits for one, else to a new one."""
        while self._idle:
            one = self._stubs.get(self._idle.pop())
            try:
                if one is not None:
                    os.write(one.orders, os.fsencode(folder) + b"\0")
                    one.folder = folder
                    return
            except OSError:
                continue  # it has died, and will be reaped
        orders, ordering = os.pipe()
        signal.pthread_sigmask(signal.SIG_BLOCK, stub.SIGNALS)
        try:
            pid = os.fork()
        except OSError as error:
            stub.log_line(self._home, f"no process could be forked for {folder}: {error}")
            pid = -1
        if pid == 0:
            os.close(ordering)
            self._become_stub(folder, orders)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, stub.SIGNALS)
        os.close(orders)
        if pid > 0:
            self._stubs[pid] = Stub(folder, ordering)
        else:
            os.close(ordering)

    def _become_stub(self, folder: str, orders: int) -> None:
        """Never returns: whatever happens in a stub stays in the stub."""
        status = 1
        try:
            # Closing matters: a lock lives, and a pipe stays open, as long as any process holds the file. And the number of the
            # wakeup descriptor will be given to another file.
            os.close(signal.set_wakeup_fd(-1))
            for fd in (self._lock, self._socket.detach(), self._wake_reader, self._reports):
                os.close(fd)
            for other in self._stubs.values():
                os.close(other.orders)
            host = stub.Host(self._boot_id, self._env, self._voice)
            jobs_left = _JOBS_PER_STUB
            while folder and stub.run(folder, host) and (jobs_left := jobs_left - 1):
                os.write(self._reporting, b"%d\n" % host.pid)
                folder = _read_order(orders)
            status = 0
        except BrokenPipeError:
            status = 0  # the node has gone, and the job is done
        except BaseException:
            stub.log_trouble(self._home, f"the stub of {folder} failed")
        finally:
            os._exit(status)

    def _hear_stubs(self) -> None:
        """Notes which stubs wait for another job."""
        try:
            while reports := os.read(self._reports, _LONGEST_MESSAGE):
                for pid in map(int, reports.split()):
                    if pid in self._stubs:
                        self._stubs[pid].folder = None
                        self._idle.append(pid)
        except BlockingIOError:
            pass

    def _dismiss_idle(self) -> None:
        """Lets the stubs go that wait: at the end of their orders they end."""
        for pid in self._idle:
            if pid in self._stubs:
                os.close(self._stubs.pop(pid).orders)
        self._idle.clear()

    def _reap(self) -> None:
        try:
            while os.read(self._wake_reader, 4096):
                pass
        except BlockingIOError:
            pass
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            ended = self._stubs.pop(pid, None)
            if ended is None:
                continue
            os.close(ended.orders)
            if ended.folder is not None and status != 0:
                stub.log_line(self._home, f"the stub of {ended.folder} ended with wait status {status}")
                stub.tell_of_loss(ended.folder)


class Stub:
    """What the node remembers of a stub: the job folder it runs, None while it waits for one, and where to write the next."""

    __slots__ = ("folder", "orders")

    def __init__(self, folder: str, orders: int) -> None:
        self.folder: str | None = folder
        self.orders = orders


def _pipe() -> tuple[int, int]:
    """A pipe that is read without waiting."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    return reader, writer


def _read_order(orders: int) -> str:
    """The next job folder; empty when there will be none."""
    order = b""
    while not order.endswith(b"\0"):
        piece = os.read(orders, _LONGEST_MESSAGE)
        if not piece:
            return ""
        order += piece
    return os.fsdecode(order[:-1])
