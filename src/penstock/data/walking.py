"""Which files lie below a folder, and how each looks from outside (`Stamp`). Lists and stats; opens no file.

What two walks saw is equal when their `signature` is. Links to files stand for the files. A link to a folder is followed, once: where it leads
back to a folder that is being walked, or to one that a link led to before, it counts as a link to that (`<path>/ NUL 0 NUL link:<other path>`).
"""

from __future__ import annotations

import hashlib
import marshal
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter

from penstock.model.errors import CannotDigest
from penstock.model.trees import NOTHING, Skip

Stamp = tuple[int, int, int, int]  # size, mtime_ns, inode, ctime_ns
stamp_of: Callable[[os.stat_result], Stamp] = attrgetter("st_size", "st_mtime_ns", "st_ino", "st_ctime_ns")

Found = tuple[bytes, str, Stamp | None, str]  # name in the digest, path, stamp; None and where it leads for a link back


class Changed(Exception):
    """Something changed under our eyes: looked at again, it may stand still."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


@dataclass(frozen=True, slots=True)
class _Place:
    """A folder on the way: below the root, and in truth. `base` is the real folder whose link led here; None: no link did."""

    below: str
    real: str
    base: str | None


class Walk:
    """One walk of one folder: by `run`, or by taking all that `in_order` gives. Then `signature` says what was seen."""

    def __init__(self, root: str, skip: Skip = NOTHING) -> None:
        self.root = root
        self._skip = skip
        self._real = os.path.realpath(root)
        self._linked: dict[str, str] = {}
        self._seen = hashlib.sha256()

    @property
    def signature(self) -> str:
        return self._seen.hexdigest()

    def run(self) -> Walk:
        """The walk without its files: names and stamps go by, a folder at a time."""
        todo = [_Place("", self._real, None)]
        while todo:
            place = todo.pop()
            if self._leads_back(place) is None:
                folders = self._list(place)[1]
                todo += [self._beneath(place, name, is_link) for name, is_link in reversed(folders)]
        return self

    def in_order(self) -> Iterator[Found]:
        """Every file, in the order of the paths' bytes, with no more in memory than the folders on the way."""
        stack = [self._entries(_Place("", self._real, None))]
        while stack:
            entry = next(stack[-1], None)
            if entry is None:
                stack.pop()
            elif isinstance(entry, _Place):
                back = self._leads_back(entry)
                if back is None:
                    stack.append(self._entries(entry))
                else:
                    yield os.fsencode(entry.below + "/"), self._path(entry.below), None, back
            else:
                yield entry

    def _entries(self, place: _Place) -> Iterator[Found | _Place]:
        files, folders = self._list(place)
        prefix = place.below + "/" if place.below else ""
        # A folder sorts as its name and a slash: then going down it at its turn is the order of whole paths.
        keyed: list[tuple[bytes, str, Stamp | None, bool]] = [(os.fsencode(n), n, stamp, False) for n, stamp in files]
        keyed += [(os.fsencode(name) + b"/", name, None, is_link) for name, is_link in folders]
        keyed.sort(key=lambda entry: entry[0])
        first, base = os.fsencode(prefix), os.path.join(self._path(place.below), "")
        for key, name, stamp, is_link in keyed:
            if stamp is None:
                yield self._beneath(place, name, is_link)
            else:
                yield first + key, base + name, stamp, ""

    def _list(self, place: _Place) -> tuple[list[tuple[str, Stamp]], list[tuple[str, bool]]]:
        path = self._path(place.below)
        files: list[tuple[str, Stamp]] = []
        folders: list[tuple[str, bool]] = []
        with (
            reading(path),
            _opened(path) as fd,
            os.scandir(fd) as entries,
        ):  # by descriptor: a stat then looks up one name
            for entry in entries if self._skip is NOTHING else self._kept(entries, place):
                if entry.is_file():
                    files.append((entry.name, stamp_of(entry.stat())))
                elif entry.is_dir():
                    folders.append((entry.name, entry.is_symlink()))
                else:
                    raise _odd(os.path.join(path, entry.name))
        folders.sort(key=lambda folder: os.fsencode(folder[0]) + b"/")
        # Version 0 knows nothing of references and interned strings, so equal lists are equal bytes.
        self._seen.update(marshal.dumps((place.below, files, folders), 0))
        return files, folders

    def _kept(self, entries: Iterable[os.DirEntry[str]], place: _Place) -> Iterator[os.DirEntry[str]]:
        skip = self._skip
        names = skip.names if place.below else skip.names | skip.top
        for entry in entries:
            if entry.name in names or entry.name.endswith(skip.endings):
                continue
            if not skip.only or entry.name.endswith(skip.only) or entry.is_dir():
                yield entry

    def _beneath(self, place: _Place, name: str, is_link: bool) -> _Place:
        below = f"{place.below}/{name}" if place.below else name
        real = os.path.join(place.real, name)
        if not is_link:
            return _Place(below, real, place.base)
        return _Place(below, os.path.realpath(real), place.real if place.base is None else place.base)

    def _leads_back(self, place: _Place) -> str | None:
        """Where in this walk the folder stands already, if a link leads back to it."""
        if place.base is None:
            return None
        back = self._linked.get(place.real)
        if back is None and _is_within(place.base, place.real) and _is_within(place.real, self._real):
            back = place.real[len(self._real) :].lstrip("/")
        if back is None:
            self._linked[place.real] = place.below
        else:
            self._seen.update(marshal.dumps((place.below, back), 0))
        return back

    def _path(self, below: str) -> str:
        return os.path.join(self.root, below) if below else self.root


class Listing:
    """Files from anywhere under names of their own: what a Walk gives, of a list."""

    def __init__(self, files: Iterable[tuple[str, str]]) -> None:
        self._files = sorted((os.fsencode(name), path) for name, path in files)
        self._seen = hashlib.sha256()

    def afresh(self) -> Listing:
        """The same list, not looked at yet."""
        other = Listing(())
        other._files = self._files
        return other

    @property
    def signature(self) -> str:
        return self._seen.hexdigest()

    def run(self) -> Listing:
        for _ in self.in_order():
            pass
        return self

    def in_order(self) -> Iterator[Found]:
        for name, path in self._files:
            with reading(path):
                status = os.stat(path)
            if not stat.S_ISREG(status.st_mode):
                raise _odd(path)
            stamp = stamp_of(status)
            self._seen.update(marshal.dumps((name, path, stamp), 0))
            yield name, path, stamp, ""

    def folder_around(self) -> str:
        """The deepest folder around all of them: what this list is remembered under unless told otherwise."""
        try:
            return os.path.commonpath([os.path.dirname(os.path.abspath(path)) for _, path in self._files])
        except ValueError:
            return ""


@contextmanager
def reading(path: str) -> Iterator[None]:
    """Says in a user's words why `path` cannot be read; what went away is Changed. What is the machine's trouble goes up as it is."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise Changed(path) from None
    except OSError as error:
        if error.errno in _OF_THE_MACHINE:
            raise
        where = os.path.join(path, error.filename) if isinstance(error.filename, str) else path
        raise CannotDigest(
            f"'{where}' cannot be read: {error.strerror}. Make it readable for the user that Penstock runs as, or remove it.",
            target=where,
        ) from error


_OF_THE_MACHINE = frozenset({12, 23, 24})  # ENOMEM, ENFILE, EMFILE: they say nothing of this file


@contextmanager
def _opened(path: str) -> Iterator[int]:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _odd(path: str) -> CannotDigest | Changed:
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return Changed(path)
    if stat.S_ISLNK(mode):
        if not os.path.exists(path):
            return CannotDigest(f"'{path}' is a link that leads nowhere. Remove it, or mend it.", target=path)
        mode = os.stat(path).st_mode
    kinds = (("pipe", stat.S_ISFIFO), ("socket", stat.S_ISSOCK), ("folder", stat.S_ISDIR), ("device", stat.S_ISBLK))
    kind = next((name for name, matches in kinds if matches(mode)), "device")
    if stat.S_ISREG(mode):
        return Changed(path)
    return CannotDigest(
        f"'{path}' is a {kind}, of which there is no digest. Remove it from what steps read.", target=path
    )
