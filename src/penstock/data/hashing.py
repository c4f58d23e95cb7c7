"""SHA-256 of many files, in threads, in the order asked. Knows bytes; remembers nothing."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from penstock.data.walking import Changed, Found, Stamp, reading, stamp_of

Progress = Callable[[int, int], None]  # files and bytes since the last call
_PIECE = 1 << 20
_BATCH_FILES, _BATCH_BYTES = 256, 8 << 20
_OPENING = 16 << 10  # bytes that could be hashed in the time that opening a file takes
_WORTH_A_THREAD = 1 << 20
_MOST_THREADS = 8


# One file of a tree: its name as bytes, its stamp and the hex of its SHA-256; for a link back, no stamp and where it leads.
# Plain tuples, since there are many.
Line = tuple[bytes, Stamp | None, str]
Wanted = tuple[Found, Line | None]  # a file, and its line where that is known


def text_of(line: Line) -> bytes:
    """Its line in the digest of a tree."""
    name, stamp, hex_or_place = line
    if stamp is None:
        return b"%s\0000\0link:%s\n" % (name, os.fsencode(hex_or_place))
    return b"%s\0%d\0sha256:%s\n" % (name, stamp[0], hex_or_place.encode())


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


def hashed(wanted: Iterable[Wanted], progress: Progress | None = None) -> Iterator[Line]:
    """A line for each file, in order; those that have theirs are not opened. Few are held at a time."""
    n_threads = min(_MOST_THREADS, len(os.sched_getaffinity(0)))
    pool = ThreadPoolExecutor(n_threads, thread_name_prefix="digest")  # starts a thread when there is work for one
    waiting: deque[Future[list[Line]]] = deque()
    try:
        for batch, n_bytes in _batches(wanted):
            if n_bytes < _WORTH_A_THREAD:
                waiting.append(_at_once(batch))
            else:
                waiting.append(pool.submit(_hash_batch, batch))
            while len(waiting) > 2 * n_threads or (waiting and waiting[0].done()):
                yield from _told(waiting.popleft().result(), progress)
        while waiting:
            yield from _told(waiting.popleft().result(), progress)
    finally:
        pool.shutdown(cancel_futures=True)


def _batches(wanted: Iterable[Wanted]) -> Iterator[tuple[list[Wanted], int]]:
    """Enough files at a time that handing them to a thread costs nothing beside hashing them; and how much there is to hash."""
    batch: list[Wanted] = []
    cost = 0
    for item in wanted:
        batch.append(item)
        stamp = item[0][2]
        if item[1] is None and stamp is not None:
            cost += _OPENING + stamp[0]
        if len(batch) >= _BATCH_FILES or cost >= _BATCH_BYTES:
            yield batch, cost
            batch, cost = [], 0
    if batch:
        yield batch, cost


def _hash_batch(batch: list[Wanted]) -> list[Line]:
    lines: list[Line] = []
    for (name, path, stamp, leads_to), line in batch:
        if line is not None:
            lines.append(line)
        elif stamp is None:
            lines.append((name, None, leads_to))
        else:
            lines.append((name, stamp, hash_file(path, stamp)))
    return lines


def _at_once(batch: list[Wanted]) -> Future[list[Line]]:
    done: Future[list[Line]] = Future()
    done.set_result(_hash_batch(batch))
    return done


def _told(lines: list[Line], progress: Progress | None) -> list[Line]:
    if progress is not None and lines:
        progress(len(lines), sum(stamp[0] for _, stamp, _ in lines if stamp is not None))
    return lines
