"""What is left of a job whose stub was killed: found in /proc by what every process of it carries, and ended. Knows processes;
knows nothing of statuses.

While its stub lives nothing of a job can slip away: the stub is their subreaper. Killed with SIGKILL it takes the script along
(PDEATHSIG), but not what the script had started. Such processes are told by three marks: PENSTOCK_JOB in the environment they were
started with, the stub's session, and being the child of one so marked. Only this user's processes are looked at, and none is
signalled but the very one that was found: it is held by a pidfd before its marks are read.
"""

from __future__ import annotations

import os
import signal
import time

from .identity import _stat_fields

_MARK = b"PENSTOCK_JOB="
_GONE_SECONDS = 0.5
"""How long one call waits for the killed to go; one that sits in the kernel is asked after again by the next."""
_DONE = (b"Z", b"X")


def end_left_behind(folder: str, stub: int, started: int | None) -> list[int]:
    """Kills every process of the job in `folder`, whose dead stub had this pid and start time; the pids that are there still.

    An empty list proves that none is left that carries a mark. Safe to repeat.
    """
    give_up_at = time.monotonic() + _GONE_SECONDS
    while True:
        left = find(folder, stub, started)
        for pid, began in left.items():
            _kill(pid, began)
        if not left or time.monotonic() > give_up_at:
            return sorted(left)
        time.sleep(0.005)


def find(folder: str, stub: int, started: int | None) -> dict[int, int]:
    """Start times by pid of the living processes that belong to the job in `folder`."""
    mark = _MARK + os.fsencode(os.path.abspath(folder))
    me, user = os.getpid(), os.getuid()
    seen: dict[int, tuple[int, int]] = {}
    found: dict[int, int] = {}
    for name in _listed("/proc"):
        fields = _stat_fields(name) if name.isdigit() and int(name) != me and _owner(name) == user else None
        if fields is None or len(fields) < 20 or fields[0] in _DONE:
            continue
        pid, parent, session, began = int(name), int(fields[1]), int(fields[3]), int(fields[19])
        seen[pid] = parent, began
        is_of_session = session == stub and (started is None or began >= started)
        if is_of_session or mark in _environment(pid).split(b"\0"):
            found[pid] = began
    return _with_children(found, seen)


def _with_children(found: dict[int, int], seen: dict[int, tuple[int, int]]) -> dict[int, int]:
    """`found` and all that is below: a child that dropped its environment and its session still has its parent."""
    grown = True
    while grown:
        below = {pid: began for pid, (parent, began) in seen.items() if parent in found and pid not in found}
        found.update(below)
        grown = bool(below)
    return found


def _kill(pid: int, began: int) -> None:
    """Ends that very process: between the look and the signal its pid may have become another's."""
    try:
        handle = os.pidfd_open(pid)
    except (OSError, AttributeError):
        handle = -1
    try:
        fields = _stat_fields(pid)
        if fields is None or len(fields) < 20 or int(fields[19]) != began:
            return
        if handle >= 0:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
        else:
            os.kill(pid, signal.SIGKILL)
    except OSError:
        pass  # it has gone, or has become somebody else's: the next look tells
    finally:
        if handle >= 0:
            os.close(handle)


def kill(pid: int, began: int | None) -> None:
    """SIGKILL for that very process; nothing when it is gone."""
    if began is not None:
        _kill(pid, began)


def has_passed(at: float) -> bool:
    """Whether that moment (epoch seconds) is over."""
    return time.time() > at


def _owner(name: str) -> int:
    try:
        return os.stat(f"/proc/{name}").st_uid
    except OSError:
        return -1


def _environment(pid: int) -> bytes:
    """The environment the process was started with; empty when it cannot be read."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read()
    except OSError:
        return b""


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []  # no /proc: nothing can be found, and nothing be proved
