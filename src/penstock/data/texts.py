"""The texts that digests are of, each under its own SHA-256: of two digests it can be told what differs. A cache: what is lost is not told."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

MOST_FILES = 1000
"""Of a tree of more files no text is kept."""
_MOST_TEXTS = 5000
_HEX = re.compile(r"[0-9a-f]{64}")


class Texts:
    """Texts in a folder. For many threads and processes at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, text: bytes) -> None:
        """A disk that is full or read-only costs an explanation later, and nothing else."""
        path = self._folder / hashlib.sha256(text).hexdigest()
        try:
            if path.exists():
                return
            self._folder.mkdir(exist_ok=True)
            number, draft = tempfile.mkstemp(dir=self._folder, prefix=".draft-")
        except OSError:
            return
        try:
            with open(number, "wb") as file:
                file.write(text)
            os.replace(draft, path)
        except OSError:
            os.unlink(draft)

    def find(self, digest: str) -> bytes | None:
        """The text of this digest, with or without `sha256:` before it; None when it is not kept, or not as it was."""
        name = digest.removeprefix("sha256:")
        if not _HEX.fullmatch(name):
            return None
        try:
            text = (self._folder / name).read_bytes()
        except OSError:
            return None
        return text if hashlib.sha256(text).hexdigest() == name else None

    def forget_old(self) -> None:
        """Drop all but the newest."""
        try:
            found = sorted(self._folder.iterdir(), key=lambda path: path.lstat().st_mtime_ns, reverse=True)
        except OSError:
            return
        for path in found[_MOST_TEXTS:]:
            path.unlink(missing_ok=True)


def files_of(text: bytes) -> dict[str, bytes]:
    """By its name what is said of each file in the text that a tree's digest is of (docs/job.md)."""
    return dict(_files(text))


def _files(text: bytes) -> Iterator[tuple[str, bytes]]:
    while text:
        name, _, rest = text.partition(b"\0")
        said, _, text = rest.partition(b"\n")
        yield name.decode("utf-8", "backslashreplace"), said
