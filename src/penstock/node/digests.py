"""Digests of files and trees, tagged `sha256:`. Knows bytes alone.

A tree's digest is that of the lines `<path> NUL <size> NUL <digest> LF` in order of the paths' bytes: no times, no modes, no places.
Small amounts go through the interpreter's own SHA-256, since loading OpenSSL costs a stub more than hashing a megabyte.
"""

from __future__ import annotations

import os

try:
    from _sha2 import sha256 as _small_sha256  # type: ignore[import-not-found, unused-ignore]
except ImportError:
    from _sha256 import sha256 as _small_sha256  # type: ignore[import-not-found, unused-ignore]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Json = dict[str, Any]

_SMALL_BYTES = 1 << 20
_THREADS_FROM_BYTES = 32 << 20
_PIECE = 1 << 20


def digest_files(root: str, paths: list[str], sizes: list[int]) -> list[Json]:
    """`{"path", "size", "digest"}` of each file, in the order given."""
    total = sum(sizes)
    if total < _SMALL_BYTES:
        digests = [_digest_file(os.path.join(root, path), _small_sha256) for path in paths]
    else:
        import hashlib  # after the fork, but cheaper than what follows

        many = total >= _THREADS_FROM_BYTES and len(paths) > 1
        digests = (_digest_in_threads if many else _digest_in_turn)(root, paths, hashlib.sha256)
    return [
        {"path": path, "size": size, "digest": digest} for path, size, digest in zip(paths, sizes, digests, strict=True)
    ]


def tree_digest(files: list[Json]) -> str:
    lines = [(os.fsencode(file["path"]), file["size"], file["digest"].encode()) for file in files]
    return "sha256:" + str(_small_sha256(b"".join(b"%s\0%d\0%s\n" % line for line in sorted(lines))).hexdigest())


def names_digest(names: list[str]) -> str:
    """Of what a folder lists, in order of the names' bytes."""
    return "sha256:" + str(_small_sha256(b"\0".join(sorted(map(os.fsencode, names)))).hexdigest())


def _digest_in_turn(root: str, paths: list[str], new: Callable[[], Any]) -> list[str]:
    return [_digest_file(os.path.join(root, path), new) for path in paths]


def _digest_in_threads(root: str, paths: list[str], new: Callable[[], Any]) -> list[str]:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return list(pool.map(lambda path: _digest_file(os.path.join(root, path), new), paths))


def _digest_file(path: str, new: Callable[[], Any]) -> str:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        state = new()
        while piece := os.read(fd, _PIECE):
            state.update(piece)
        return "sha256:" + str(state.hexdigest())
    finally:
        os.close(fd)
