"""What was found of trees before, one file a tree: a first line with the result, then the files. Trusted only where its sums match.

It is a cache: written by rename without flushing to the disk, by any number of processes; a file that is damaged, of an earlier form or cannot
be written counts as none.
"""

from __future__ import annotations

import hashlib
import json
import marshal
import os
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from penstock.data.hashing import Line
from penstock.model.trees import Tree

_FORM = 2
_PIECE = 1 << 20
_BLOCK = 1000  # files written and read at a time
_ROOM = 640  # for the first line beside the root's path
_SMALL_FILES, _SMALL_BYTES = 32, 1 << 20  # hashed again after a restart sooner than kept


@dataclass(frozen=True)
class Known:
    """A result, and the signature under which it is the result still; '' when some file was too young to tell."""

    signature: str
    tree: Tree


class Remembered:
    """What is known of one tree; `path` is the cache's file of it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def known(self) -> Known | None:
        try:
            with open(self.path, "rb") as file:
                head = _head(file.readline())
        except OSError:
            return None
        return None if head is None else Known(head["signature"], Tree(**head["tree"]))

    def lines(self) -> Iterator[Line]:
        """Every file whose digest is known, in order; none when a single byte of them is not as it was written."""
        try:
            file = open(self.path, "rb")
        except OSError:
            return
        with file:
            head = _head(file.readline())
            start = file.tell()
            if head is None or _sum(file) != head["sum"]:
                return
            file.seek(start)
            yield from _lines(file)


class Draft:
    """What will be known of one tree. `add` each file in order, then `keep`; a draft that is not kept leaves nothing."""

    def __init__(self, path: Path, root: str) -> None:
        self._path = path
        self._room = _ROOM + 6 * len(root)
        self._root = root
        self._waiting: list[Line] = []
        self._file: IO[bytes] | None = None
        self._failed = False
        self._sum = hashlib.sha256()

    def __enter__(self) -> Draft:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._drop()

    def add(self, line: Line) -> None:
        self._waiting.append(line)
        if len(self._waiting) >= _BLOCK:
            self._write()

    def keep(self, known: Known) -> None:
        """Make it what is known. A small tree is not worth a file."""
        tree = known.tree
        if self._file is None and tree.n_files <= _SMALL_FILES and tree.size_bytes <= _SMALL_BYTES:
            self._path.unlink(missing_ok=True)
            return
        self._write()
        if self._file is None or self._failed:
            return
        head = {"form": _FORM, "root": self._root, "sum": self._sum.hexdigest(), **asdict(known)}
        text = json.dumps(head).encode()
        try:
            self._file.seek(0)
            self._file.write(_padded(text, self._room))
            self._file.close()
            os.replace(self._file.name, self._path)
            self._file = None
        except OSError:
            self._failed = True

    def _write(self) -> None:
        """A disk that is full or read-only costs hashing again next time, and nothing else."""
        if self._failed:
            self._waiting.clear()
            return
        try:
            if self._file is None:
                self._file = tempfile.NamedTemporaryFile(dir=self._path.parent, prefix=".draft-", delete=False)
                self._file.write(b" " * self._room)
            block = marshal.dumps(self._waiting, 0)
            body = len(block).to_bytes(8) + block
            self._sum.update(body)
            self._file.write(body)
        except OSError:
            self._failed = True
        self._waiting.clear()

    def _drop(self) -> None:
        if self._file is not None:
            try:
                self._file.close()
            except OSError:
                pass  # what was buffered found no room; the file goes anyway
            Path(self._file.name).unlink(missing_ok=True)
            self._file = None


def root_of(path: Path) -> str | None:
    """The root that a file of the cache speaks of; None when it cannot be read."""
    try:
        with open(path, "rb") as file:
            head = _head(file.readline())
    except OSError:
        return None
    return None if head is None else str(head["root"])


def _padded(text: bytes, room: int) -> bytes:
    own = hashlib.sha256(text).hexdigest().encode()
    return (own + b" " + text).ljust(room - 1) + b"\n"


def _head(line: bytes) -> dict[str, Any] | None:
    own, _, text = line.rstrip().partition(b" ")
    if not line.endswith(b"\n") or hashlib.sha256(text).hexdigest().encode() != own:
        return None
    head: dict[str, Any] = json.loads(text)
    return head if head.get("form") == _FORM else None


def _sum(file: IO[bytes]) -> str:
    state = hashlib.sha256()
    while piece := file.read(_PIECE):
        state.update(piece)
    return state.hexdigest()


def _lines(file: IO[bytes]) -> Iterator[Line]:
    """By blocks with their lengths before them; the sum of all has been found right."""
    while length := file.read(8):
        yield from marshal.loads(file.read(int.from_bytes(length)))
