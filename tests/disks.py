"""Real small filesystems for tests, and what fills them. Mounting takes root: CI has it; elsewhere a test that needs it says that it is skipped."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def mounted(place: Path, options: str) -> Iterator[Path]:
    """A tmpfs with these options on the folder `place`."""
    place.mkdir(exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", place], capture_output=True, check=False)
    if done.returncode:
        message = f"NOT TESTED ON A FULL DISK: mounting one takes root. {done.stderr.decode().strip()}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def remount(place: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", place], check=True, capture_output=True)


def fill(folder: Path, name: str = "fill") -> Path:
    """Writes until no byte is free; the file to remove for room."""
    path = folder / name
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    for size in (1 << 16, 4096, 1):
        with contextlib.suppress(OSError):
            while True:
                os.write(descriptor, b"x" * size)
    os.close(descriptor)
    return path


def use_up_inodes(folder: Path) -> Path:
    """Makes files until no more can be made; the folder to empty for room."""
    many = folder / "many"
    many.mkdir()
    with contextlib.suppress(OSError):
        for number in range(1_000_000):
            (many / str(number)).touch()
    return many
