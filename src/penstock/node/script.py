"""The user's process and all that comes from it: started, waited for, ended, cleaned up after. Knows processes and signals;
knows nothing of what a job means.

The caller has SIGNALS blocked and is a subreaper: signals are taken one by one from sigtimedwait(2), so no handler ever runs and nothing is polled.
"""

from __future__ import annotations

import os
import resource  # noqa: F401  # wait4 needs it, and nothing may be imported after the fork
import signal
import sys
import time

from . import kernel
from .folder import NotStarted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SIGNALS = frozenset({signal.SIGTERM, signal.SIGCHLD, signal.SIGINT, signal.SIGHUP})
_WAITED_FOR = (signal.SIGTERM, signal.SIGCHLD)
TO_DEFAULT = (*sorted(SIGNALS), signal.SIGPIPE, signal.SIGXFSZ)

_RSS_UNIT = 1 if sys.platform == "darwin" else 1024

_MOMENT_SECONDS = 0.25
"""What a script's helpers get to end by themselves once it has gone (multiprocessing's resource tracker does)."""
_LEFT_BEHIND_SECONDS = 2.0
_HOPELESS_SECONDS = 10.0
"""A process that SIGKILL does not end within this sits in the kernel; it is recorded and left."""


def forget_signals() -> None:
    """Drops what is pending: it was meant for the job before."""
    while signal.sigtimedwait(_WAITED_FOR, 0) is not None:
        pass


def find_program(name: str, path: str | None) -> str:
    """The program that `argv[0]` names, as an absolute path. NotStarted when there is none that may be run."""
    folders = [""] if "/" in name else (path or os.defpath).split(os.pathsep)
    for folder in folders:
        program = os.path.join(folder, name)
        if os.path.isfile(program) and os.access(program, os.X_OK):
            return os.path.abspath(program)
    raise NotStarted(
        f"The interpreter '{name}' is not there, or may not be run.",
        "Submit from an interpreter that this machine still has, or name another one in the step's environment.",
    )


def spawn(program: str, argv: list[str], env: dict[str, str], folder: str, announce: Callable[[], None]) -> int:
    """The pid of the program, running in `folder`. stdin is empty; stdout and stderr are appended to the files of these names.

    `announce` is called in the new process itself, just before it becomes the program: whatever it writes is there before any
    user code runs. OSError when the program cannot be run.
    """
    readable, writable = os.pipe()
    stub = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            os.setpgid(0, 0)
            kernel.die_with_parent(stub, signal.SIGKILL)
            _connect_streams()
            announce()
            os.chdir(folder)
            for number in TO_DEFAULT:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            os.execve(program, argv, env)
        except OSError as error:
            os.write(writable, str(error.errno).encode())
        except BaseException as error:
            os.write(writable, f"0 {error}".encode())
        finally:
            os._exit(127)
    os.close(writable)
    trouble = os.read(readable, 4096).decode()  # ends when exec has closed the other side
    os.close(readable)
    if trouble:
        os.waitpid(pid, 0)
        code, _, text = trouble.partition(" ")
        raise OSError(int(code), text or os.strerror(int(code)))
    return pid


def _connect_streams() -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    for number, (path, mode) in enumerate(((os.devnull, os.O_RDONLY), ("stdout", flags), ("stderr", flags))):
        fd = os.open(path, mode, 0o644)
        os.dup2(fd, number)
        os.close(fd)


class Waiting:
    """Waits for one script and ends it when it must end.

    `reason` says why it was ended, if it was: canceled or timed_out. `usage` is what it and all its descendants used that have been
    waited for. At a SIGTERM `is_canceled` is asked: one that came late for the job before must not end this one.
    """

    def __init__(
        self, pid: int, timeout_seconds: float | None, grace_seconds: float, is_canceled: Callable[[], bool]
    ) -> None:
        self.pid = pid
        self.reason: str | None = None
        self.status: int | None = None
        self._grace_seconds = grace_seconds
        self._is_canceled = is_canceled
        self.has_children = True
        self.usage = {"user_seconds": 0.0, "system_seconds": 0.0, "max_rss_bytes": 0}
        self._deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds

    def wait(self) -> int:
        """The script's wait status, however long it takes."""
        self._reap()
        while self.status is None:
            number = self._next_signal()
            self._reap()
            if self.status is not None:
                break
            if number == signal.SIGTERM and self.reason is None and self._is_canceled():
                self._end("canceled")
            elif number is None and self.reason is None:
                self._end("timed_out")
            elif number is None:
                self._kill()
        return self.status

    def clean_up(self) -> list[int]:
        """The processes that the script left behind; none of them lives any more."""
        if self.reason is None:
            self._wait_for_children(_MOMENT_SECONDS)
        if not self.has_children:
            return []
        left = set(descendants())
        for pid in left:
            _signal(pid, signal.SIGTERM)
        self._wait_for_children(_LEFT_BEHIND_SECONDS)
        give_up_at = time.monotonic() + _HOPELESS_SECONDS
        while self.has_children and time.monotonic() < give_up_at:
            for pid in descendants():
                left.add(pid)
                _signal(pid, signal.SIGKILL)
            self._wait_for_children(0.05)
        return sorted(left)

    def _next_signal(self) -> int | None:
        if self._deadline is None:
            return signal.sigwaitinfo(_WAITED_FOR).si_signo
        taken = signal.sigtimedwait(_WAITED_FOR, max(0.0, self._deadline - time.monotonic()))
        return None if taken is None else taken.si_signo

    def _end(self, reason: str) -> None:
        self.reason = reason
        self._deadline = time.monotonic() + self._grace_seconds
        _signal(-self.pid, signal.SIGTERM)

    def _kill(self) -> None:
        """The script's grace is over: it, its group and whatever else it started, before any of them can react."""
        _signal(-self.pid, signal.SIGKILL)
        _signal(self.pid, signal.SIGKILL)
        self._deadline = time.monotonic() + 1

    def _reap(self) -> None:
        """Takes every child that has ended; orphans of the script are children of the stub by now."""
        while self.has_children:
            try:
                pid, status, used = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                self.has_children = False
                return
            if pid == 0:
                return
            if pid == self.pid:
                self.status = status
            self.usage["user_seconds"] += used.ru_utime
            self.usage["system_seconds"] += used.ru_stime
            self.usage["max_rss_bytes"] = max(self.usage["max_rss_bytes"], used.ru_maxrss * _RSS_UNIT)

    def _wait_for_children(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        self._reap()
        while self.has_children and (rest := end - time.monotonic()) > 0:
            signal.sigtimedwait((signal.SIGCHLD,), rest)
            self._reap()


def _signal(pid: int, number: int) -> None:
    try:
        if pid < 0:
            os.killpg(-pid, number)
        else:
            os.kill(pid, number)
    except OSError:
        pass  # it ended meanwhile, or became someone else's


def descendants() -> list[int]:
    """The pids of all processes under this one, parents before children."""
    found: list[int] = []
    todo = [os.getpid()]
    while todo:
        children = _children(todo.pop())
        found += children
        todo += children
    return found


def _children(pid: int) -> list[int]:
    children: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                children += map(int, file.read().split())
    except FileNotFoundError:
        if pid == os.getpid():
            return _children_by_parent(pid)  # a kernel without these files
    except OSError:
        pass
    return children


def _children_by_parent(parent: int) -> list[int]:
    """As _children, from every process there is; asked only for the stub itself, whose children all others become one by one."""
    children: list[int] = []
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{int(name)}/stat", "rb") as file:
                if int(file.read().rpartition(b")")[2].split()[1]) == parent:
                    children.append(int(name))
        except (OSError, ValueError, IndexError):
            continue
    return children
