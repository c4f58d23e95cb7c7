"""Joining a root and a path that someone else chose, without leaving the root."""

from __future__ import annotations

import os
import stat
from itertools import islice
from pathlib import Path, PurePosixPath

from penstock.model.errors import BadRequest


def beneath(root: Path, relative: str) -> Path:
    """`root / relative`; BadRequest when that would leave `root` (`..`, an absolute path, NUL, a symbolic link out)."""
    return Path(Ways(os.fspath(root)).down(relative)[0])


_NO_NAMES = ("", ".", "..")
_MANY, _CHEAPER = 50, 20  # to list a folder costs far less, an entry, than to look at the entry by itself


class Ways:
    """Ways down one root, each folder on them looked at once: for thousands of places at a time, which are known for a moment."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._plain: set[str] = set()  # folders to which no link leads
        self._n_looked_at: dict[str, int] = {}

    def is_folder(self, name: str) -> bool:
        """Whether the root holds a folder of this name, or a link to one."""
        place = f"{self._root}/{name}"
        if place in self._plain:
            return True
        self._count(self._root)
        return os.path.isdir(place)

    def down(self, relative: str) -> tuple[str, os.stat_result | None]:
        """The place, as `beneath` gives it, and how it looks if it is there and no link leads to it."""
        folder, _, name = relative.rpartition("/")
        place, is_linked = f"{self._root}/{folder}", False
        if place in self._plain and name not in _NO_NAMES and "\\" not in relative and "\0" not in name:
            rest = [name]  # what leads here is known to be well
        else:
            place, rest = self._root, _parts(relative)
        status: os.stat_result | None = None
        for part in rest:
            folder, place = place, f"{place}/{part}"
            if place in self._plain:
                continue
            try:
                status = os.lstat(place)
            except OSError:
                status = None
                continue
            if stat.S_ISLNK(status.st_mode):
                is_linked = True
            elif stat.S_ISDIR(status.st_mode) and not is_linked:
                self._plain.add(place)
                self._count(folder)
        if not is_linked:  # then it ends below the root, wherever that lies
            return place, None if place in self._plain else status
        if not Path(place).resolve().is_relative_to(Path(self._root).resolve()):
            raise BadRequest(f"The path {relative!r} leads out of its folder. Use a path below it.", target=relative)
        return place, None

    def _count(self, folder: str) -> None:
        """One more entry of this folder is looked at. Where many were, and there are not many times as many, what it holds is found at once."""
        n = self._n_looked_at[folder] = self._n_looked_at.get(folder, 0) + 1
        times = n // _MANY
        if n % _MANY or times & (times - 1):
            return  # tried after 50, 100, 200, 400: so that trying in vain costs no more than the looks themselves
        most = n * _CHEAPER
        try:
            if (
                os.stat(folder).st_nlink > most
            ):  # as many as there are folders in it; 1 where the filesystem does not count so far
                return
            with os.scandir(folder) as entries:
                self._plain.update(e.path for e in islice(entries, most) if e.is_dir(follow_symlinks=False))
        except OSError:
            return  # each is looked at by itself, and what is wrong with it is said of it


def relative_path(text: str) -> PurePosixPath:
    """`text` as a path that goes down only; leading slashes and '.' do not count."""
    return PurePosixPath(*_parts(text))


def _parts(text: str) -> list[str]:
    parts = text.replace("\\", "/").split("/")
    if "" in parts or "." in parts:
        parts = [part for part in parts if part not in ("", ".")]
    if "\0" in text or ".." in parts:
        raise BadRequest(f"The path {text!r} leads out of its folder. Use a path below it.", target=text)
    return parts
