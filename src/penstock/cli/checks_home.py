"""Doctor's checks of the home: the folder, its filesystem, sockets, database and job folders. Reads only."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from penstock.cli.checks import Finding, fail, ok, warn
from penstock.cli.places import Place
from penstock.cli.terminal import size
from penstock.server import home as homes

LITTLE_SPACE, NO_SPACE = 2_000_000_000, 200_000_000
FEW_INODES = 50_000
MAKE_HOME = "Make it with: penstock init"


def folder(at: Place) -> Iterator[Finding]:
    """That the home is there and ours alone."""
    home = at.home
    if not home.exists():
        yield warn("home", f"{home} is not there yet.", MAKE_HOME)
        return
    if not home.is_dir():
        yield fail("home", f"{home} is a file, not a folder.", "Move it away, or set PENSTOCK_HOME to another folder.")
        return
    status = home.stat()
    if status.st_uid != os.getuid():
        yield fail(
            "home", f"{home} belongs to user {status.st_uid}, not to you.", "Set PENSTOCK_HOME to a folder of yours."
        )
    elif os.statvfs(home).f_flag & os.ST_RDONLY:
        yield fail(
            "home",
            f"{home} is on a filesystem that is mounted read-only.",
            "Mount it writable again: mount -o remount,rw (dmesg says why the kernel turned it), or set PENSTOCK_HOME elsewhere.",
        )
    elif not os.access(home, os.W_OK | os.X_OK):
        yield fail("home", f"{home} cannot be written to.", f"chmod 700 '{home}'")
    elif stat.S_IMODE(status.st_mode) & 0o077:
        mode = f"{stat.S_IMODE(status.st_mode):o}"
        yield warn("home", f"{home} is open to other users (mode {mode}); it holds a token.", f"chmod 700 '{home}'")
    else:
        yield ok("home", f"{home} is yours alone")


def filesystem(at: Place) -> Iterator[Finding]:
    """That the home is on a local disk: locks and SQLite cannot be trusted on a network filesystem."""
    kind = homes.filesystem_of(at.home)
    if kind in homes.NETWORK_FILESYSTEMS:
        yield fail(
            "filesystem",
            f"{at.home} is on a network filesystem ({kind}).",
            "Set PENSTOCK_HOME to a folder on a local disk.",
        )
    elif kind:
        yield ok("filesystem", f"{kind}, which is local")
    else:
        yield warn("filesystem", "its type cannot be told here.", "Make sure that the home is on a local disk.")


def space(at: Place) -> Iterator[Finding]:
    """That there is room for results: bytes and inodes."""
    there = next(p for p in (at.home, *at.home.parents) if p.exists())
    free = shutil.disk_usage(there).free
    counts = os.statvfs(there)
    if free < NO_SPACE:
        yield fail("space", f"only {size(free)} are free at {there}.", "Free some, or move the home (PENSTOCK_HOME).")
    elif free < LITTLE_SPACE:
        yield warn("space", f"{size(free)} are free at {there}.", "Free some before long.")
    elif counts.f_files and counts.f_favail < FEW_INODES:
        yield warn("space", f"{counts.f_favail} inodes are free at {there}.", "Delete small files there before long.")
    else:
        inodes = f", {counts.f_favail:,} inodes" if counts.f_files else ""
        yield ok("space", f"{size(free)} free{inodes}")


def sockets(at: Place) -> Iterator[Finding]:
    """That the sockets' folder is short enough a path and ours alone."""
    folder = at.settings.socket_dir
    away = "" if folder.parent == at.home else " (the home's path is too long for a socket)"
    if not folder.exists():
        yield ok("sockets", f"{folder}{away}, made when the server starts")
        return
    status = folder.stat()
    if status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o077:
        yield fail("sockets", f"{folder} is not yours alone, so it cannot be trusted.", f"chmod 700 '{folder}'")
    else:
        stale = [
            n for n in ("api.sock", "node.sock", "wake.sock") if (folder / n).exists() and not _listens(folder / n)
        ]
        if stale:
            yield warn(
                "sockets",
                f"nobody listens at {', '.join(stale)} in {folder}, left by a process that was killed.",
                "Nothing needs doing: who starts next replaces them.",
            )
        else:
            yield ok("sockets", f"{folder}{away}")


def _listens(path: Path) -> bool:
    kind = socket.SOCK_STREAM if path.name == "api.sock" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_UNIX, kind) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def database(at: Place) -> Iterator[Finding]:
    """That SQLite finds its file whole. Read-only; another process may go on writing."""
    from penstock.store.examination import examine

    path = at.settings.database
    if named := _elsewhere(at.home):
        yield ok("database", f"{named}; the server looks after it (docs/database.md)")
        return
    if not path.exists():
        yield ok("database", "none yet; the server makes it")
        return
    try:
        with examine(path) as found:
            said = found.problems()
    except sqlite3.Error as error:
        yield fail("database", f"{path} cannot be read: {error}.", _restore(path))
        return
    if not said:
        yield ok("database", f"{size(path.stat().st_size)}, quick_check finds it whole")
    else:
        yield fail("database", f"{path} is damaged: {'; '.join(map(str, said))}.", _restore(path))


def _elsewhere(home: Path) -> str | None:
    """The PostgreSQL database that the home belongs to, if it does."""
    try:
        found = json.loads((home / "home.json").read_text())["database"]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return str(found) if found else None


def _restore(path: Path) -> str:
    return f"Stop the server and restore a backup (penstock restore FILE), or keep what can be read: sqlite3 '{path}' .recover"


def jobs(at: Place) -> Iterator[Finding]:
    """That every job that began has ended or is still alive."""
    folder = at.home / "jobs"
    if not folder.is_dir():
        yield ok("jobs", "none yet")
        return
    n_jobs, orphans = 0, []
    for job in folder.iterdir():
        n_jobs += 1
        if (job / "started").exists() and not (job / "exit.json").exists() and not _is_running(job):
            orphans.append(job.name)
    if orphans:
        shown = ", ".join(sorted(orphans)[:3]) + (", …" if len(orphans) > 3 else "")
        yield warn(
            "jobs",
            f"{len(orphans)} of {n_jobs} job folders began, did not end, and have no process: {shown}.",
            "A running server settles them; start one with: penstock serve",
        )
    else:
        yield ok("jobs", f"{n_jobs} job folders, none orphaned")


def _is_running(job: Path) -> bool:
    """Whether the stub that made `started` is alive: the same pid, start time and boot."""
    try:
        started: dict[str, Any] = json.loads((job / "started").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    if started.get("canceled"):
        return True  # never started and never will: nothing is missing
    boot = Path("/proc/sys/kernel/random/boot_id")
    if started.get("boot_id") and boot.exists() and boot.read_text(encoding="ascii").strip() != started["boot_id"]:
        return False
    try:
        os.kill(int(started["pid"]), 0)
    except (ProcessLookupError, KeyError, ValueError):
        return False
    except PermissionError:
        return True
    return True
