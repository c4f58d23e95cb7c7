"""What the database says when the disk under it fails, as the OSError that it is. Knows SQLite's codes; knows no table."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

_PRIMARY = 0xFF  # the low byte of SQLite's extended result codes
_ERRNO = {sqlite3.SQLITE_FULL: errno.ENOSPC, sqlite3.SQLITE_READONLY: errno.EROFS, sqlite3.SQLITE_IOERR: errno.EIO}


def as_os_error(error: Exception, path: Path) -> Exception:
    """The OSError behind a failed statement, naming the database's file; any other error as it is."""
    original = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(original, sqlite3.OperationalError):
        return error
    code = getattr(original, "sqlite_errorcode", 0) & _PRIMARY
    number = _ERRNO.get(code) or (_cannot_open(path) if code == sqlite3.SQLITE_CANTOPEN else None)
    if code == sqlite3.SQLITE_IOERR and _is_full(path):
        number = errno.ENOSPC  # SQLite says "disk I/O error" when its shared memory or log cannot grow
    if number is None:
        return error
    found = OSError(number, f"{os.strerror(number)} (the database says: {original})", str(path))
    found.__cause__ = error
    return found


@contextmanager
def told_as_os_errors(path: Path) -> Iterator[None]:
    """What fails inside for the disk's sake is raised as an OSError."""
    try:
        yield
    except DBAPIError as error:
        found = as_os_error(error, path)
        if found is error:
            raise
        raise found from error


def _is_full(path: Path) -> bool:
    try:
        return os.statvfs(path.parent).f_bavail == 0
    except OSError:
        return False


def _cannot_open(path: Path) -> int | None:
    """Why a file of the database cannot be opened, found out by opening one."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return error.errno
    return errno.ENOSPC if os.statvfs(path.parent).f_favail == 0 else None
