"""SHA-256 of many files, in threads, in the order asked. Knows bytes; remembers nothing."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from penstock.data.walking import Changed, Found, Stamp, reading, stamp_of

Progress = Callable[[int, int], None]  # files and bytes since the last call
_PIECE = 1 << 20
_BATCH_FILES, _BATCH_BYTES = 256, 8 << 20
_MOST_THREADS = 8


@dataclass(frozen=True, slots=True)
class Line:
    """One file of a tree: its name as bytes, its stamp and the hex of its SHA-256; for a link back (`stamp` None) where it leads."""

    name: bytes
    stamp: Stamp | None
    hex: str

    @property
    def text(self) -> bytes:
        """Its line in the digest of a tree."""
        if self.stamp is None:
            return b"%s\0000\0link:%s\n" % (self.name, os.fsencode(self.hex))
        return b"%s\0%d\0sha256:%s\n" % (self.name, self.stamp[0], self.hex.encode())


def hash_file(path: str, stamp: Stamp) -> str:
    """The hex digest of a file that looks like `stamp` before and after; Changed when it does not."""
    # Without waiting: what was a file may be a pipe by now.
    with reading(path):
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        with reading(path):
            if stamp_of(os.fstat(fd)) != stamp:
                raise Changed(path)
            left = stamp[0] + 1  # one more than there should be: a file that grows shows
            state = hashlib.sha256()
            while left > 0 and (piece := os.read(fd, min(_PIECE, left))):
                state.update(piece)
                left -= len(piece)
            if left != 1 or stamp_of(os.fstat(fd)) != stamp:
                raise Changed(path)
            return state.hexdigest()
    finally:
        os.close(fd)


def hashed(found: Iterable[tuple[Found, str | None]], progress: Progress | None = None) -> Iterator[Line]:
    """A line for each file, in order; those whose digest is given are not opened. Few are held at a time."""
    batches = _batches(found)
    first = next(batches, [])
    second = next(batches, None)
    if second is None:
        yield from _told(_hash_batch(first), progress)
        return
    n_threads = min(_MOST_THREADS, len(os.sched_getaffinity(0)))
    pool = ThreadPoolExecutor(n_threads, thread_name_prefix="digest")
    waiting: deque[Future[list[Line]]] = deque(pool.submit(_hash_batch, batch) for batch in (first, second))
    try:
        for batch in batches:
            waiting.append(pool.submit(_hash_batch, batch))
            if len(waiting) > 2 * n_threads:
                yield from _told(waiting.popleft().result(), progress)
        while waiting:
            yield from _told(waiting.popleft().result(), progress)
    finally:
        pool.shutdown(cancel_futures=True)


def _batches(found: Iterable[tuple[Found, str | None]]) -> Iterator[list[tuple[Found, str | None]]]:
    """Enough files at a time that handing them to a thread costs nothing beside hashing them."""
    batch: list[tuple[Found, str | None]] = []
    n_bytes = 0
    for item in found:
        batch.append(item)
        if item[1] is None and item[0][2] is not None:
            n_bytes += item[0][2][0]
        if len(batch) >= _BATCH_FILES or n_bytes >= _BATCH_BYTES:
            yield batch
            batch, n_bytes = [], 0
    if batch:
        yield batch


def _hash_batch(batch: list[tuple[Found, str | None]]) -> list[Line]:
    lines = []
    for (name, path, stamp, leads_to), known in batch:
        if stamp is None:
            lines.append(Line(name, None, leads_to))
        else:
            lines.append(Line(name, stamp, known if known is not None else hash_file(path, stamp)))
    return lines


def _told(lines: list[Line], progress: Progress | None) -> list[Line]:
    if progress is not None and lines:
        progress(len(lines), sum(line.stamp[0] for line in lines if line.stamp is not None))
    return lines
