"""Moving what is cleared away aside on its own filesystem, back, and out of the world. Knows paths; not why anything is moved.

What is aside lies at `<root>/.staging/.removed/<sweep>/<name>`: no listing of a datastore shows it, and each move is one rename.
Every function may be called again after a crash and then finishes what it began.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from penstock.data.publish import STAGING

REMOVED = ".removed"


def place_of(root: str, sweep: str, name: str) -> Path:
    """Where something that is aside lies."""
    return Path(root) / STAGING / REMOVED / sweep / name


def put(final: Path, aside: Path) -> bool:
    """Move what lies at `final` aside; whether it is there now (what was gone already is not)."""
    if not os.path.lexists(final):
        return os.path.lexists(aside)
    aside.parent.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(aside):
        raise FileExistsError(17, "something of this name is aside already", str(aside))
    _rename(final, aside)
    try:
        os.rmdir(final.parent)  # the run's own folder, when nothing else of it is left
    except OSError:
        pass
    return True


def bring_back(aside: Path, final: Path) -> bool:
    """Move back what is aside; False when something else is in its place, or it is not there."""
    if not os.path.lexists(aside):
        return os.path.lexists(final)
    if os.path.lexists(final):
        return False
    final.parent.mkdir(parents=True, exist_ok=True)
    _rename(aside, final)
    forget_folder(aside)
    return True


def delete(aside: Path) -> bool:
    """Delete what is aside, read-only folders too; whether nothing of it is left."""
    if aside.is_dir() and not aside.is_symlink():
        for folder, _, _ in os.walk(aside):
            os.chmod(folder, stat.S_IRWXU)
        shutil.rmtree(aside, ignore_errors=True)
    else:
        aside.unlink(missing_ok=True)
    forget_folder(aside)
    return not os.path.lexists(aside)


def forget_folder(aside: Path) -> None:
    """Remove the folders around what was aside, as far as they are empty."""
    for folder in (aside.parent, aside.parent.parent):
        try:
            os.rmdir(folder)
        except OSError:
            return


@contextmanager
def one_at_a_time(home: Path) -> Iterator[None]:
    """Of all threads and processes that clear away in this home, one; the others wait."""
    descriptor = os.open(home / "clearing.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _rename(source: Path, target: Path) -> None:
    try:
        os.rename(source, target)
    except PermissionError:
        if source.is_symlink() or not source.is_dir():
            raise
        os.chmod(source, os.stat(source).st_mode | stat.S_IWUSR)  # a folder without 'w' cannot be moved elsewhere
        os.rename(source, target)
