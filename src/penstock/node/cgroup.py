"""A control group (cgroup v2) for one job: whatever the job starts is in it, whoever its parent, and can be killed at once.

Knows the kernel's files; knows nothing of jobs. Used when a setting asks for it: to move a process into a group takes the kernel
some 10 ms on a machine that is not busy. Without, the stub is a subreaper and what a killed stub leaves is swept up (sweep.py);
that misses only what left its parent, its session and its environment behind, after its stub was killed.
"""

from __future__ import annotations

import os
import time

_PREFIX = "penstock-"
_GONE_SECONDS = 0.5


def base() -> str | None:
    """The folder of this process's own group, if groups may be made in it; None where they may not."""
    own, mount = _own_group(), _mount()
    if own is None or mount is None:
        return None
    root, point = mount
    if root != "/" and not (own + "/").startswith(root + "/"):
        return None
    place = (point + (own if root == "/" else own[len(root) :])).rstrip("/")
    may_move = os.access(os.path.join(place, "cgroup.procs"), os.W_OK)
    return place if may_move and os.access(place, os.W_OK | os.X_OK) else None


def make(name: str) -> str | None:
    """A new group of this name; None where there can be none."""
    place = base()
    if place is None:
        return None
    path = f"{place}/{_PREFIX}{name}"
    try:
        os.mkdir(path)
        if os.path.exists(path + "/cgroup.kill"):
            return path
        os.rmdir(path)  # a kernel before 5.14
    except OSError:
        pass  # a limit of groups, or not ours after all
    return None


def join(path: str) -> bool:
    """Move this process into the group: what it starts is born there."""
    return _write(path + "/cgroup.procs", b"0")


def end(path: str) -> list[int]:
    """Kill all that is in the group and remove it; the pids that are there still. Empty proves that nothing is. Safe to repeat."""
    if not os.path.basename(path).startswith(_PREFIX):
        return []
    give_up_at = time.monotonic() + _GONE_SECONDS
    while True:
        try:
            for group, _, _ in os.walk(path, topdown=False):  # the job may have made groups in its own
                os.rmdir(group)
            return []
        except OSError:
            _write(path + "/cgroup.kill", b"1")
        if time.monotonic() > give_up_at:
            return sorted(map(int, _read(path + "/cgroup.procs").split()))
        time.sleep(0.002)


def _own_group() -> str | None:
    for line in _read("/proc/self/cgroup").splitlines():
        if line.startswith("0::"):
            return line[3:]
    return None


def _mount() -> tuple[str, str] | None:
    """Which group the mounted tree begins at, and where it is mounted."""
    for line in _read("/proc/self/mountinfo").splitlines():
        fields, _, kind = line.partition(" - ")
        if kind.startswith("cgroup2 "):
            return fields.split()[3], fields.split()[4]
    return None


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""


def _write(path: str, data: bytes) -> bool:
    try:
        fd = os.open(path, os.O_WRONLY)
    except OSError:
        return False
    try:
        os.write(fd, data)
    except OSError:
        return False
    finally:
        os.close(fd)
    return True
