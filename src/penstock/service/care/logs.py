"""Keeping logs from growing without end: copied away and emptied in place, since other processes append to the same file."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

MAX_BYTES = 5 << 20
KEPT = 3


def rotate(path: Path, max_bytes: int = MAX_BYTES, kept: int = KEPT) -> bool:
    """Move what a log holds to `<name>.1` (and that to `.2`, up to `kept`) when it is longer than `max_bytes`; whether it did.

    The file itself stays: whoever has it open for appending goes on at its new beginning. What is written between copying
    and emptying is lost.
    """
    try:
        if path.stat().st_size <= max_bytes:
            return False
    except FileNotFoundError:
        return False
    for number in range(kept - 1, 0, -1):
        older = path.with_name(f"{path.name}.{number}")
        if older.exists():
            os.replace(older, path.with_name(f"{path.name}.{number + 1}"))
    first = path.with_name(f"{path.name}.1")
    try:
        shutil.copyfile(path, first)
        first.chmod(0o600)
    except OSError:
        first.unlink(missing_ok=True)  # half a copy is no log; on a full disk the room matters more
        raise
    os.truncate(path, 0)
    return True
