"""Whether what a step published is still there. Looks at names and sizes; reads no content."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def what_is_missing(path: Path, recorded: Json) -> str | None:
    """What of a published output is not as it was recorded (`kind`, `n_files`, `size_bytes`); None when all of it is there."""
    if recorded["kind"] == "missing":
        return None  # it wrote nothing, and there is nothing to keep
    if not path.exists():
        return f"{path} is not there any more"
    n_files, size_bytes = _count(path)
    if n_files != recorded["n_files"]:
        return f"{path} has {n_files} files in place of {recorded['n_files']}"
    if size_bytes != recorded["size_bytes"]:
        return f"{path} has {size_bytes} bytes in place of {recorded['size_bytes']}"
    return None


def _count(path: Path) -> tuple[int, int]:
    if path.is_file():
        return 1, path.stat().st_size
    n_files = size_bytes = 0
    for folder, _, names in os.walk(path):
        for name in names:
            n_files += 1
            size_bytes += os.stat(os.path.join(folder, name), follow_symlinks=False).st_size
    return n_files, size_bytes
