"""Whether a process named in a job folder is still that very process. Knows /proc; knows nothing of jobs.

A pid alone proves nothing: pids are given out again, and a machine that booted again gives out the same ones. The three together
(pid, start time in clock ticks since boot, boot id) name one process for ever.
"""

from __future__ import annotations

import os


def _stat_fields(pid: int | str) -> list[bytes] | None:
    """The fields of /proc/<pid>/stat from the third on (the second, the command's name, may hold spaces and brackets)."""
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    except OSError:
        return None
    try:
        return os.read(fd, 4096).rpartition(b")")[2].split()
    except OSError:  # the process ended between open and read
        return None
    finally:
        os.close(fd)


def process_start_time(pid: int | str = "self") -> int | None:
    """Clock ticks since boot at which the process started; None when there is no such process or no /proc."""
    fields = _stat_fields(pid)
    return int(fields[19]) if fields and len(fields) > 19 else None


def boot_id() -> str:
    """What the kernel calls this boot; empty where it cannot be known."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def is_alive(pid: int, start_time: int | None, boot: str | None) -> bool:
    """Whether that very process still runs; a zombie does not. Without /proc, or without a start time, the pid has to do."""
    if boot and boot != (boot_id() or boot):
        return False
    fields = _stat_fields(pid)
    if fields is not None and len(fields) > 19:
        return fields[0] not in (b"Z", b"X") and start_time in (None, int(fields[19]))
    if os.path.exists("/proc/self/stat"):
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
