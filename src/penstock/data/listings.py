"""What lies below a watched path, file by file, and how two such listings differ. Lists and stats; opens no file.

A file is told by its size, the time of its last change and its inode; at a URL by what the server says of it. Knows paths on a
datastore; must not know who watches them or what happens then.
"""

from __future__ import annotations

import base64
import hashlib
import json
import marshal
import os
import posixpath
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from penstock.data.filesets import pattern_of, plain_part
from penstock.data.paths import relative_path
from penstock.data.publish import STAGING
from penstock.model.errors import PenstockError

PARTIAL = ".partial"  # what is being copied into a datastore ends in this, and begins with a dot
_RECORD = re.compile(rb"([^\0]*)\0([^\0]*)\0")
Seen = tuple[str, int, int, int]  # name, size, mtime_ns, inode
Record = tuple[bytes, bytes]  # path on the datastore, stamp


class CannotLook(PenstockError):
    """What lies there cannot be known now: nobody is to take it for gone."""

    code, http_status = "CannotLook", 409


@dataclass(frozen=True)
class Watched:
    """A path on a datastore that is watched: a folder, a file, or what a glob matches."""

    path: str
    is_deep: bool = True

    @property
    def is_glob(self) -> bool:
        return self.base != self.path

    @property
    def base(self) -> str:
        """The folder (or the file) that all of it lies in."""
        return plain_part(self.path)

    @property
    def depth(self) -> int | None:
        """How many folders below the base are looked into; None: all."""
        if self.is_deep or "**" in self.path:
            return None
        return self.path[len(self.base) :].strip("/").count("/") if self.is_glob else 0

    def takes(self) -> Callable[[str], object] | None:
        """Whether a path on the datastore is meant; None: all below the base are."""
        return re.compile(pattern_of(self.path, is_deep=self.is_deep)).match if self.is_glob else None


def watched(path: str | None, is_deep: bool) -> Watched:
    """What a schedule's path_on_datastore means."""
    clean = str(relative_path(path or ""))
    return Watched("" if clean == "." else clean, is_deep)


@dataclass(frozen=True)
class Listing:
    """What was there. `signature` is equal when nothing changed; `records` are sorted by path, and None when nobody asked for them.

    `place` tells the folder itself: another one (a disk that was mounted anew) gives its files other inodes.
    """

    signature: str
    place: str
    is_file: bool
    records: list[Record] | None = field(default=None, repr=False)

    def pack(self, of: str) -> str:
        """As text, for the store. `of` says what was listed."""
        assert self.records is not None
        head = json.dumps({"version": 1, "of": of, "place": self.place, "is_file": self.is_file}).encode()
        packer = zlib.compressobj(1)
        pieces = [packer.compress(head + b"\n")]
        pieces += [packer.compress(b"%b\0%b\0" % record) for record in self.records]
        return base64.b64encode(b"".join([*pieces, packer.flush()])).decode()


@dataclass(frozen=True)
class Packed:
    """A listing out of the store. It is unpacked anew each time it is gone through."""

    of: str
    place: str
    is_file: bool
    _body: bytes = field(repr=False)

    @classmethod
    def of_text(cls, text: str) -> Packed:
        head, _, body = zlib.decompress(base64.b64decode(text)).partition(b"\n")
        facts = json.loads(head)
        return cls(facts["of"], facts["place"], facts["is_file"], body)

    def records(self) -> Iterator[Record]:
        return ((m[1], m[2]) for m in _RECORD.finditer(self._body))

    def is_empty(self) -> bool:
        return not self._body


@dataclass(frozen=True)
class Changes:
    """Paths on the datastore, sorted."""

    created: list[str] = field(default_factory=list)
    modified: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.created) + len(self.modified) + len(self.deleted)

    def but(self, left_out: Callable[[str], bool]) -> Changes:
        """Those that are not left out."""
        return Changes(
            *([p for p in paths if not left_out(p)] for paths in (self.created, self.modified, self.deleted))
        )

    def path(self) -> str:
        """The changed path if there is one, else the deepest folder that all of them lie in. Of what is gone, its folder."""
        there = [*self.created, *self.modified]
        folders = {posixpath.dirname(p) for p in (*there, *self.deleted)}
        is_one = len(there) == 1 and not self.deleted
        found = there[0] if is_one else posixpath.commonpath(folders) if all(folders) else ""
        while not _is_text(found):  # a parameter cannot name it; the folder around it can
            found = posixpath.dirname(found)
        return found


def compare(before: Packed, after: Listing) -> Changes:
    """What became of the files between two listings."""
    assert after.records is not None
    same_place = before.place == after.place
    found = Changes()
    old = before.records()
    at = next(old, None)
    for path, stamp in after.records:
        while at is not None and at[0] < path:
            found.deleted.append(_text(at[0]))
            at = next(old, None)
        if at is None or at[0] != path:
            found.created.append(_text(path))
            continue
        if at[1] != stamp and (same_place or _but_inode(at[1]) != _but_inode(stamp)):
            found.modified.append(_text(path))
        at = next(old, None)
    while at is not None:
        found.deleted.append(_text(at[0]))
        at = next(old, None)
    return found


def look(root: str, target: Watched, *, whole: bool, may_go: bool = False) -> Listing:
    """What lies there now, below the local folder `root`. CannotLook with the reason when that cannot be known.

    `may_go`: that nothing is at the path, in a folder that is there, is no trouble: it is told as a file that is not there.
    """
    top = os.path.join(root, target.base) if target.base else root
    try:
        place = os.stat(top)
    except (FileNotFoundError, NotADirectoryError):
        folder = os.path.dirname(top)
        if may_go and target.base and os.path.isdir(folder):
            return _listed("", True, [], whole)
        raise CannotLook(f"there is nothing at {top}. Make it, or bring it back.", target=top) from None
    except OSError as error:
        raise _cannot(top, error) from None
    if not os.path.isdir(top):
        seen = (os.path.basename(top), place.st_size, place.st_mtime_ns, place.st_ino)
        return _listed(_place(os.stat(os.path.dirname(top))), True, [(posixpath.dirname(target.base), [seen])], whole)
    try:
        folders = _walk(top, target)
        return _listed(_place(place), False, folders, whole)
    except OSError as error:
        raise _cannot(top, error) from None


def of_stamps(place: str, found: Iterable[tuple[str, str]], target: Watched) -> Listing:
    """The listing of a place that is no local folder, of (path, what tells a change)."""
    takes, base, depth = target.takes(), target.base, target.depth
    records = []
    for path, stamp in found:
        below = path[len(base) :].strip("/") if base else path
        if (depth is None or below.count("/") <= depth) and (takes is None or takes(path)) and not _is_ours(path):
            records.append((os.fsencode(path), stamp.encode()))
    records.sort()
    signature = hashlib.sha256(marshal.dumps(records, 0)).hexdigest()
    return Listing(signature, place, len(records) == 1 and records[0][0] == os.fsencode(base), records)


def _listed(place: str, is_file: bool, folders: Iterable[tuple[str, list[Seen]]], whole: bool) -> Listing:
    digest = hashlib.sha256(place.encode())
    records: list[Record] = []
    for below, files in folders:
        files.sort()
        digest.update(marshal.dumps((below, files), 0))  # version 0: equal lists are equal bytes
        if whole:
            prefix = os.fsencode(below) + b"/" if below else b""
            records += [
                (prefix + os.fsencode(name), b"%d %d %d" % (size, changed, inode))
                for name, size, changed, inode in files
            ]
    records.sort()
    return Listing(digest.hexdigest(), place, is_file, records if whole else None)


def _walk(top: str, target: Watched) -> Iterator[tuple[str, list[Seen]]]:
    """Folder by folder: its path on the datastore, and the files that are meant."""
    takes, depth, is_root = target.takes(), target.depth, not target.base
    linked: set[str] = set()
    todo = [(top, target.base, 0)]
    while todo:
        path, below, level = todo.pop()
        try:
            files, folders = _entries(path)
        except (FileNotFoundError, NotADirectoryError):
            if path == top:
                raise
            continue  # it went away between two calls: then it is not there
        prefix = f"{below}/" if below else ""
        yield below, [f for f in files if takes(prefix + f[0])] if takes else files
        if depth is None or level < depth:
            for name, is_link in sorted(folders, reverse=True):
                whole = f"{path}/{name}"
                if not (is_root and level == 0 and name == STAGING) and not (is_link and _leads_back(whole, linked)):
                    todo.append((whole, prefix + name, level + 1))


def _entries(path: str) -> tuple[list[Seen], list[tuple[str, bool]]]:
    files: list[Seen] = []
    folders: list[tuple[str, bool]] = []
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)  # by descriptor: a stat then looks up one name
    try:
        with os.scandir(fd) as entries:
            for entry in entries:
                name = entry.name
                try:
                    if entry.is_file():
                        if name[0] != "." or not name.endswith(PARTIAL):
                            stat = entry.stat()
                            files.append((name, stat.st_size, stat.st_mtime_ns, stat.st_ino))
                    elif entry.is_dir():
                        folders.append((name, entry.is_symlink()))
                except FileNotFoundError:
                    pass  # gone since it was listed
    finally:
        os.close(fd)
    return files, folders


def _leads_back(link: str, linked: set[str]) -> bool:
    """Whether a link leads to a folder that it lies in itself, or to one that a link has led to."""
    real, here = os.path.realpath(link), os.path.realpath(os.path.dirname(link))
    if real in linked or here == real or here.startswith(real.rstrip("/") + "/"):
        return True
    linked.add(real)
    return False


def _is_ours(path: str) -> bool:
    name = path.rpartition("/")[2]
    return path.startswith(STAGING + "/") or (name.startswith(".") and name.endswith(PARTIAL))


def _cannot(path: str, error: OSError) -> CannotLook:
    where = error.filename if isinstance(error.filename, str) else path
    return CannotLook(
        f"{where} cannot be read: {error.strerror}. Make it readable for the user that Penstock runs as.", target=where
    )


def _place(status: os.stat_result) -> str:
    return f"{status.st_dev}:{status.st_ino}"


def _but_inode(stamp: bytes) -> bytes:
    return stamp.rpartition(b" ")[0] or stamp


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _text(path: bytes) -> str:
    return os.fsdecode(path)
