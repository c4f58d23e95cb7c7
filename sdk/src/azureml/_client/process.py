"""This process, so that the server can see whether it still runs: pid, start time, boot, space of process ids. Knows /proc."""

import os


def this_process():
    """{pid, start_time, boot_id, space, host}; what cannot be known is empty."""
    return {
        "pid": os.getpid(),
        "start_time": _start_time(),
        "boot_id": _read("/proc/sys/kernel/random/boot_id").strip(),
        "space": _link("/proc/self/ns/pid"),
        "host": os.uname().nodename if hasattr(os, "uname") else "",
    }


def _start_time():
    """Clock ticks since boot at which this process started."""
    fields = _read("/proc/self/stat").rpartition(")")[2].split()
    return int(fields[19]) if len(fields) > 19 else None


def _read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _link(path):
    try:
        return os.readlink(path)
    except OSError:
        return ""
