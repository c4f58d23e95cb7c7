"""Room under the home: what a failed write means to a person, and a ballast file given up so that failures can still be recorded.

Knows errno and the filesystem; knows nothing of runs.
"""

from __future__ import annotations

import errno
import os
import tempfile
import threading
from pathlib import Path

from penstock.model.errors import DiskFailed, NoSpace, PenstockError, ReadOnly, TooManyFiles

BALLAST = "ballast"
BALLAST_BYTES = 4 << 20
SPARE_INODES = 16
SPARE_BYTES = (
    1 << 20
)  # what must be free beside the ballast before it is made again, so that it is not given up at once
_FULL = (errno.ENOSPC, errno.EDQUOT)
_CROWDED = (errno.EMFILE, errno.ENFILE)


class Room:
    """What stands in the way of writing below one home now, if anything. Used from every thread."""

    def __init__(self, home: Path, ballast_bytes: int = BALLAST_BYTES) -> None:
        self._home = home
        self._ballast = home / BALLAST
        self._bytes = ballast_bytes
        self._lock = threading.Lock()
        self.trouble: PenstockError | None = None

    def prepare(self) -> None:
        """At the start: the ballast is there, or was given up because the disk is full already."""
        if self._free() < min(SPARE_BYTES, self._bytes // 4) and self._has_ballast():
            self._ballast.unlink(missing_ok=True)
            self.trouble = no_space(self._home)
        elif not self._has_ballast() and not self._make_ballast() and self._free() < SPARE_BYTES:
            self.trouble = no_space(self._home)

    def noticed(self, error: BaseException) -> PenstockError | None:
        """What `error` says about the disk or this process's files, for people; None when it says nothing of the kind.

        A full disk gives up the ballast: what must be recorded has room then, new work is refused until it is back.
        """
        found = _meaning(error, self._home)
        if found is None:
            return None
        with self._lock:
            if isinstance(found, NoSpace) and self._is_at_home(error):
                self._ballast.unlink(missing_ok=True) if _is_writable(self._home) else None
                self.trouble = found
            elif not isinstance(found, NoSpace):
                self.trouble = found
        return found

    def demand(self) -> None:
        """Raise what stands in the way of taking on new work, unless it has passed."""
        if self.trouble is not None and not self.recover():
            trouble = self.trouble
            if trouble is not None:
                raise type(trouble)(trouble.message, target=trouble.target)

    def recover(self) -> bool:
        """Whether nothing stands in the way any more: a trouble is looked at again, and the ballast made again."""
        with self._lock:
            if self.trouble is None:
                if not self._has_ballast():
                    self._make_ballast()
                return True
            if isinstance(self.trouble, NoSpace):
                passed = self._has_ballast() or (self._free() >= self._bytes + SPARE_BYTES and self._make_ballast())
            else:
                passed = _is_writable(self._home)
            if passed:
                self.trouble = None
            return passed

    def _is_at_home(self, error: BaseException) -> bool:
        """Whether the home's own disk is the full one."""
        named = getattr(error, "filename", None)
        try:
            return named is None or os.stat(_existing(named)).st_dev == os.stat(self._home).st_dev
        except (OSError, TypeError):
            return True

    def _free(self) -> int:
        try:
            return _free_bytes(self._home)
        except OSError:
            return 0

    def _has_ballast(self) -> bool:
        try:
            return self._ballast.stat().st_size >= self._bytes
        except OSError:
            return False

    def _make_ballast(self) -> bool:
        """Whether the ballast is there now; a disk too small for it goes without until there is room."""
        if self._free() < self._bytes + SPARE_BYTES:
            return False
        try:
            descriptor = os.open(self._ballast, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return False
        try:
            os.posix_fallocate(descriptor, 0, self._bytes)
        except OSError:
            self._ballast.unlink(missing_ok=True)
            return False
        finally:
            os.close(descriptor)
        return True


def no_space(folder: Path) -> NoSpace:
    """The error for a full disk under `folder`: how much is left, and what to do."""
    status = os.statvfs(_existing(folder))
    if status.f_files and status.f_favail < SPARE_INODES and status.f_bavail * status.f_frsize > 1 << 20:
        left = f"{status.f_favail} of {status.f_files:,} inodes are free, so no more files can be made"
        fix = "Delete small files there"
    else:
        left = f"{_size(status.f_bavail * status.f_frsize)} are free"
        fix = "Free some space there"
    return NoSpace(
        f"The disk that holds {folder} is full: {left}. {fix}, or move the home to a larger disk (PENSTOCK_HOME); "
        "the server goes on by itself.",
        target=str(folder),
    )


def _meaning(error: BaseException, home: Path) -> PenstockError | None:
    if isinstance(error, PenstockError) or not isinstance(error, OSError):
        return None
    named = error.filename if isinstance(error.filename, str) else None
    folder = Path(named).parent if named else home
    if error.errno in _FULL:
        return no_space(folder if named else _fullest(home))
    if error.errno in _CROWDED:
        return TooManyFiles(
            f"This server has {_n_open()} of at most {_limit()} files and connections open and can open no more. Call again "
            "in a moment; if it stays so, give it more: ulimit -n 65536, then penstock stop and try again."
        )
    if error.errno == errno.EROFS:
        return ReadOnly(
            f"{folder} cannot be written: its filesystem is mounted read-only. Mount it writable again "
            f"(mount -o remount,rw {_mount_point(folder)}); the server goes on by itself.",
            target=str(folder),
        )
    if error.errno in (errno.EIO, errno.EFBIG):
        return DiskFailed(
            f"The disk that holds {folder} failed: {error.strerror}. Look at the kernel's log (dmesg), then run: penstock doctor",
            target=str(folder),
        )
    return None


def _fullest(home: Path) -> Path:
    """The home, unless it is the folder for temporary files that has less room."""
    places = [home, Path(tempfile.gettempdir())]
    return min(places, key=_free_bytes)


def _free_bytes(folder: Path) -> int:
    status = os.statvfs(_existing(folder))
    if status.f_files and status.f_favail < SPARE_INODES:
        return 0
    return status.f_bavail * status.f_frsize


def _existing(path: str | os.PathLike[str]) -> Path:
    """The nearest folder of `path` that is there."""
    found = Path(path)
    while not found.exists() and found != found.parent:
        found = found.parent
    return found


def _mount_point(folder: Path) -> Path:
    found = _existing(folder).resolve()
    while not os.path.ismount(found) and found != found.parent:
        found = found.parent
    return found


def _is_writable(folder: Path) -> bool:
    """Whether a file can be opened for writing there (which takes no room)."""
    try:
        os.close(os.open(folder / "server.lock", os.O_WRONLY | os.O_CLOEXEC))
    except FileNotFoundError:
        return os.access(folder, os.W_OK)
    except OSError:
        return False
    return True


def _n_open() -> int:
    try:
        return len(os.listdir("/proc/self/fd"))
    except OSError:
        return _limit()


def _limit() -> int:
    import resource

    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:,.1f} MB" if n_bytes >= 100_000 else f"{n_bytes:,} bytes"
