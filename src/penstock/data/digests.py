"""The digest of what lies at a path, by content, at the price of a walk when nothing changed. Knows files; knows nothing of runs.

A tree's digest is that of docs/job.md, so it equals what a stub wrote of the same bytes. What was hashed before is believed of a file only while its
size, mtime, inode and ctime are the same, and only if it was at rest when it was hashed: a stamp that is not clearly older than the moment hashing
began could hide a second change. Not seen: writes through a memory map that was open all along, and, for as long as the network filesystem in
between keeps its own copy of stamps, changes made on another machine.
"""

from __future__ import annotations

import copy
import hashlib
import os
import shutil
import stat
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from penstock.data.hashing import Line, Progress, Wanted, hash_file, hashed, text_of
from penstock.data.remembered import Draft, Known, Remembered, root_of
from penstock.data.texts import MOST_FILES, Texts
from penstock.data.walking import Changed, Found, Listing, Stamp, Walk, reading, stamp_of
from penstock.model.crashpoints import passing
from penstock.model.errors import CannotDigest
from penstock.model.trees import NOTHING, STAGING, Skip, Tree

__all__ = ["NOTHING", "STAGING", "Digests", "Progress", "Skip", "Tree"]

_TRIES = 3
_IN_MEMORY = 20_000  # trees by a key, files by their path: half a KB each
_SETTLED_NS, _SETTLED_COARSE_NS = 100_000_000, 2_500_000_000
_A_DAY_NS = 86_400 * 1_000_000_000
_MISSING = Tree("missing", "", 0, 0)


class Digests:
    """Digests with what was found before in `<home>/digests`. For many threads and processes at once.

    `now` gives nanoseconds by the clock that stamps files; by default that clock itself is asked.
    """

    def __init__(self, home: Path, now: Callable[[], int] | None = None) -> None:
        self._folder = home / "digests"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._now = now or self._stamped_now
        self._memory: OrderedDict[str, Known] = OrderedDict()
        self._guard = threading.Lock()
        self._busy: dict[str, _Turn] = {}
        self.texts = Texts(self._folder / "texts")
        self.reads = True
        """Whether bytes may be read to know a digest; whoever may not wait for that may ask no other machine either."""

    def without_reading(self) -> Digests:
        """The same of what is known as it looks now; of all else CannotDigest, where this would read bytes."""
        known = copy.copy(self)
        known.reads = False
        return known

    def tree(
        self,
        path: Path | str,
        skip: Skip = NOTHING,
        progress: Progress | None = None,
        status: os.stat_result | None = None,
        is_told: bool = False,
    ) -> Tree:
        """What lies at `path`, link or not. `skip=STAGING` is for the root of a datastore. CannotDigest says why there is no digest.

        `status` is how it looks, from whoever has just looked there, at an absolute path. With `is_told` the text of a folder's digest is kept,
        to tell what differs from another.
        """
        if status is None:
            where = os.path.abspath(path)
            status = _status(where)
            if status is None:
                return _MISSING
        else:
            where = os.fspath(path)
        if stat.S_ISREG(status.st_mode):
            known = self._memory.get(where)
            return known.tree if known is not None and known.signature == repr(stamp_of(status)) else self._file(where)
        if stat.S_ISDIR(status.st_mode):
            return self._found("tree", where, skip.key, lambda: Walk(where, skip), progress, is_told)
        raise CannotDigest(
            f"'{where}' is neither file nor folder, so it has no digest. Use another path.", target=where
        )

    def afresh(self, path: Path) -> Tree:
        """As `tree`, with every byte read: nothing that is remembered is believed."""
        with tempfile.TemporaryDirectory(prefix=".afresh-", dir=self._folder) as empty:
            return Digests(Path(empty), self._now).tree(path)

    def file(self, path: Path) -> str:
        """The digest of a file. CannotDigest when there is none, or no file."""
        where = os.path.abspath(path)
        found = self.tree(Path(where))
        if found.kind == "file":
            return found.digest
        what = "is a folder" if found.kind == "directory" else "is not there"
        raise CannotDigest(f"The file '{where}' cannot be digested: it {what}. Use the path of a file.", target=where)

    def names(self, path: str) -> str:
        """The digest of what a folder lists, as docs/job.md has it; '' when there is no folder."""
        try:
            names = os.listdir(path)
        except (FileNotFoundError, NotADirectoryError):
            return ""
        return "sha256:" + hashlib.sha256(b"\0".join(sorted(map(os.fsencode, names)))).hexdigest()

    def listed(
        self, files: Iterable[tuple[str, str | Path]], remembered_as: str = "", progress: Progress | None = None
    ) -> Tree:
        """A directory of these files under these names, wherever they lie. `remembered_as` tells lists of one folder apart. Its text is kept."""
        listing = Listing((name, os.fspath(path)) for name, path in files)
        root = remembered_as or listing.folder_around()
        return self._found("list", root, "", listing.afresh, progress, is_told=True)

    def forget_gone(self) -> int:
        """Drop what is remembered of roots that are not there any more, drafts of processes that died, and old texts; how many files but those."""
        dropped = 0
        self.texts.forget_old()
        for path in self._folder.iterdir():
            if path.name.startswith(".afresh-"):
                if path.lstat().st_mtime_ns + _A_DAY_NS < self._now():
                    shutil.rmtree(path, ignore_errors=True)
                continue
            if path.name.startswith(".draft-"):
                is_gone = path.lstat().st_mtime_ns + _A_DAY_NS < self._now()
            else:
                root = None if path.name.startswith(".") else root_of(path)
                is_gone = root is not None and root.startswith("/") and not os.path.lexists(root)
            if is_gone:
                path.unlink(missing_ok=True)
                dropped += 1
        return dropped

    def now(self) -> int:
        """This moment by the clock that stamps files, in nanoseconds; 0, so that nothing counts as old, when it cannot be asked."""
        return self._now()

    def is_at_rest(self, stamps_ns: tuple[int, ...], began: int) -> bool:
        """Whether no change after `began` could leave these times. Whole seconds come of filesystems that keep time coarsely."""
        newest = max(stamps_ns)
        if newest + _SETTLED_COARSE_NS < began:
            return True
        return all(t + (_SETTLED_NS if t % 1_000_000_000 else _SETTLED_COARSE_NS) < began for t in stamps_ns)

    # Trees ------------------------------------------------------------------------------------------------------------

    def _found(
        self,
        kind: str,
        root: str,
        skip: str,
        walk: Callable[[], Walk | Listing],
        progress: Progress | None,
        is_told: bool = False,
    ) -> Tree:
        key = hashlib.sha256("\0".join((kind, root, skip)).encode("utf-8", "surrogateescape")).hexdigest()
        remembered = Remembered(self._folder / key[:40])
        tree = self._unchanged(key, remembered, walk)
        if tree is not None:
            return tree
        self._demand_reading(root)
        with self._turn(key) as waited:
            tree = self._unchanged(key, remembered, walk) if waited else None
            if tree is None:
                known = _until_it_stands_still(root, lambda: self._digest(remembered, root, walk, progress, is_told))
                self._remember(key, known)
                tree = known.tree
        return tree

    def _unchanged(self, key: str, remembered: Remembered, walk: Callable[[], Walk | Listing]) -> Tree | None:
        """The result of before, if all looks as it did."""
        known = self._memory.get(key) or remembered.known()
        if known is None or not known.signature:
            return None
        try:
            if walk().run().signature != known.signature:
                return None
        except Changed:
            return None
        self._remember(key, known)
        return known.tree

    def _digest(
        self,
        remembered: Remembered,
        root: str,
        walk: Callable[[], Walk | Listing],
        progress: Progress | None,
        is_told: bool,
    ) -> Known:
        passing("digest.before")
        began = self._now()
        seen = walk()
        sums, n_files, n_bytes, at_rest = hashlib.sha256(), 0, 0, True
        told: list[bytes] = []
        with Draft(remembered.path, root) as draft:
            for line in hashed(_matched(seen.in_order(), remembered.lines()), progress):
                sums.update(text := text_of(line))
                if is_told and len(told) <= MOST_FILES:
                    told.append(text)
                stamp = line[1]
                if stamp is None:
                    continue
                n_files, n_bytes = n_files + 1, n_bytes + stamp[0]
                if self.is_at_rest((stamp[1], stamp[3]), began):
                    draft.add(line)
                else:
                    at_rest = False
            # A digest is of one moment: what came, went or changed behind us would make it one of none.
            if walk().run().signature != seen.signature:
                raise Changed(root)
            tree = Tree("directory", "sha256:" + sums.hexdigest(), n_files, n_bytes)
            known = Known(seen.signature if at_rest else "", tree)
            passing("digest.after")
            draft.keep(known)
        if is_told and len(told) <= MOST_FILES:
            self.texts.keep(b"".join(told))
        return known

    # Files ------------------------------------------------------------------------------------------------------------

    def _file(self, path: str) -> Tree:
        key = hashlib.sha256(b"file\0" + os.fsencode(path)).hexdigest()
        remembered = Remembered(self._folder / key[:40])
        tree = self._unchanged_file(remembered, path)
        if tree is not None:
            return tree
        self._demand_reading(path)
        with self._turn(key) as waited:
            tree = self._unchanged_file(remembered, path) if waited else None
            if tree is None:
                known = _until_it_stands_still(path, lambda: self._digest_file(remembered, path))
                self._remember(path, known)
                tree = known.tree
        return tree

    def _unchanged_file(self, remembered: Remembered, path: str) -> Tree | None:
        known = self._memory.get(path) or remembered.known()
        if known is None or not known.signature:
            return None
        try:
            if known.signature != repr(_stamp(path)):
                return None
        except Changed:
            return None
        self._remember(path, known)
        return known.tree

    def _digest_file(self, remembered: Remembered, path: str) -> Known:
        began = self._now()
        stamp = _stamp(path)
        tree = Tree("file", "sha256:" + hash_file(path, stamp), 1, stamp[0])
        known = Known(repr(stamp) if self.is_at_rest((stamp[1], stamp[3]), began) else "", tree)
        with Draft(remembered.path, path) as draft:
            draft.keep(known)
        return known

    # What is remembered -----------------------------------------------------------------------------------------------

    def _remember(self, key: str, known: Known) -> None:
        with self._guard:
            self._memory[key] = known
            self._memory.move_to_end(key)
            if len(self._memory) > _IN_MEMORY:
                self._memory.popitem(last=False)

    def _demand_reading(self, path: str) -> None:
        if not self.reads:
            raise CannotDigest(f"'{path}' was not read as it looks now. Read it first.", target=path)

    @contextmanager
    def _turn(self, key: str) -> Iterator[bool]:
        """One thread at a time hashes a tree; whether this one had to wait, so that it is known by now."""
        with self._guard:
            turn = self._busy.setdefault(key, _Turn())
            turn.n_wanted += 1
            waited = turn.n_wanted > 1
        try:
            with turn.lock:
                yield waited
        finally:
            with self._guard:
                turn.n_wanted -= 1
                if not turn.n_wanted:
                    del self._busy[key]

    def _stamped_now(self) -> int:
        """The time that a file written now would be stamped with; 0, so that no file counts as old, when none can be."""
        try:
            fd = os.open(self._folder / ".clock", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.utime(fd)
                return os.fstat(fd).st_mtime_ns
            finally:
                os.close(fd)
        except OSError:
            return 0


class _Turn:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.n_wanted = 0


def _until_it_stands_still(root: str, digest: Callable[[], Known]) -> Known:
    path = root
    for _ in range(_TRIES):
        try:
            return digest()
        except Changed as change:
            path = change.path
    raise CannotDigest(
        f"'{path}' changes while its digest is taken. Let what writes there end first, or keep what steps read elsewhere.",
        target=path,
    )


def _matched(found: Iterable[Found], lines: Iterator[Line]) -> Iterator[Wanted]:
    """Each file with its line if one knows it as it looks now. Both come in the order of names."""
    line = next(lines, None)
    for file in found:
        while line is not None and line[0] < file[0]:
            line = next(lines, None)
        yield file, line if line is not None and line[0] == file[0] and line[1] == file[2] else None


def _status(path: str) -> os.stat_result | None:
    """How a path looks that may be unreadable, or a link that leads nowhere; None when it is not there."""
    try:
        return os.stat(path)
    except OSError:
        pass
    try:
        with reading(path):
            return os.stat(path)
    except Changed:
        if not os.path.islink(path):
            return None
        raise CannotDigest(f"'{path}' is a link that leads nowhere. Remove it, or mend it.", target=path) from None


def _stamp(path: str) -> Stamp:
    with reading(path):
        return stamp_of(os.stat(path))
