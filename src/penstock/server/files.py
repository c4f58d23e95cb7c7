"""Sending a file that may still be growing: as many bytes as it had when it was opened."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from starlette.responses import StreamingResponse

_CHUNK_BYTES = 1 << 20


def send_file(
    path: Path, offset: int = 0, media_type: str = "application/octet-stream", headers: Mapping[str, str] = {}
) -> StreamingResponse:
    """The bytes of `path` from `offset` on; a length is promised and kept even while a step appends to the file."""
    file = open(path, "rb")
    size = max(os.fstat(file.fileno()).st_size - max(offset, 0), 0)

    def pieces() -> Iterator[bytes]:
        left = size
        with file:
            file.seek(max(offset, 0))
            while left and (piece := file.read(min(left, _CHUNK_BYTES))):
                left -= len(piece)
                yield piece

    return StreamingResponse(pieces(), media_type=media_type, headers={**headers, "Content-Length": str(size)})
