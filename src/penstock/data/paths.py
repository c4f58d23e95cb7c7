"""Joining a root and a path that someone else chose, without leaving the root."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from penstock.model.errors import BadRequest


def beneath(root: Path, relative: str) -> Path:
    """`root / relative`; BadRequest when that would leave `root` (`..`, an absolute path, NUL, a symbolic link out)."""
    clean = relative_path(relative)
    joined = root / clean
    if _meets_link(root, clean) and not joined.resolve().is_relative_to(root.resolve()):
        raise BadRequest(f"The path {relative!r} leads out of its folder. Use a path below it.", target=relative)
    return joined


def _meets_link(root: Path, clean: PurePosixPath) -> bool:
    """Whether any step of the way down is a link. Where none is, the way ends below `root`, wherever that lies."""
    place = os.fspath(root)
    for part in clean.parts:
        place = os.path.join(place, part)
        if os.path.islink(place):
            return True
    return False


def relative_path(text: str) -> PurePosixPath:
    """`text` as a path that goes down only; leading slashes and '.' do not count."""
    path = PurePosixPath(text.replace("\\", "/").lstrip("/"))
    if "\0" in text or ".." in path.parts:
        raise BadRequest(f"The path {text!r} leads out of its folder. Use a path below it.", target=text)
    return path
