"""A home as one file, taken while its server works; and a home from such a file. Needs no server; knows the home's layout.

The database is copied first and the files after it, so whatever its rows say is among the files. Staged outputs come before published
ones: an output is renamed from there to here once, so it is met at least once.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import shutil
import stat
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from penstock.data.paths import relative_path
from penstock.data.publish import STAGING
from penstock.model.errors import BadRequest, CannotServe, Conflict, NotFound
from penstock.store.copying import copy_database, move_home
from penstock.store.database import HEAD
from penstock.store.examination import examine

Json = dict[str, Any]
MANIFEST = "penstock-backup.json"
DATABASE = "penstock.db"
LASTING = ("home.json", "key", "token")
TREES = ("jobs", "snapshots", "blobs", "pins", "models", "runs", "workspaces")
LEFT_OUT = frozenset({"work", "inputs"})  # of a job folder: made again from what is kept
OWN = (*LASTING, DATABASE, *TREES)
NO_PID = (1 << 22) + 1  # above what the kernel gives out


@dataclass(frozen=True)
class Taken:
    """What a backup holds."""

    n_files: int
    size_bytes: int
    schema: str | None


def back_up(home: Path, target: Path, version: str, at: float) -> Taken:
    """Write the home to `target`, whole or not at all."""
    if not (home / DATABASE).exists():
        raise NotFound(f"{home} holds no database, so there is nothing to back up. Name the home: --home FOLDER")
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with tempfile.TemporaryDirectory(prefix="penstock-backup-", dir=target.parent) as scratch:
            copy = Path(scratch) / DATABASE
            copy_database(home / DATABASE, copy)
            with examine(copy) as found:
                schema = found.schema()
            descriptor = os.open(
                partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600
            )  # it holds the key
            with os.fdopen(descriptor, "wb") as out:
                with tarfile.open(fileobj=out, mode="w:gz", compresslevel=1, format=tarfile.PAX_FORMAT) as archive:
                    told = {"schema": 1, "penstock": version, "database_schema": schema, "home": str(home), "at": at}
                    _add_bytes(archive, MANIFEST, json.dumps(told).encode(), at)
                    counted = _Counted(archive)
                    counted.add(copy, DATABASE)
                    for path, name in _files(home):
                        counted.add(path, name)
                out.flush()
                os.fsync(out.fileno())
        os.replace(partial, target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return Taken(counted.n_files, counted.size_bytes, schema)


def _files(home: Path) -> Iterator[tuple[Path, str]]:
    for name in LASTING:
        yield home / name, name
    yield from _below(home / "jobs", "jobs", 0)
    stages = sorted(home.glob(f"workspaces/*/*/{STAGING}"))
    for stage in stages:
        yield from _below(stage, str(stage.relative_to(home)), 9)
    for tree in TREES[1:]:
        yield from _below(home / tree, tree, 9)


def _below(folder: Path, name: str, depth: int) -> Iterator[tuple[Path, str]]:
    """Every file, folder and link below `folder`, itself first. `depth` 0 is the folder of the job folders."""
    yield folder, name
    try:
        entries = sorted(os.scandir(folder), key=lambda e: e.name)
    except OSError:
        return  # gone meanwhile, or never there
    for entry in entries:
        inner = f"{name}/{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            is_staging = depth == 9 and entry.name == STAGING and name.count("/") == 2
            if not is_staging and not (depth == 1 and entry.name in LEFT_OUT):
                yield from _below(Path(entry.path), inner, depth if depth == 9 else depth + 1)
        else:
            yield Path(entry.path), inner


class _Counted:
    """An archive that is written to, and how much went in."""

    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive
        self.n_files = self.size_bytes = 0

    def add(self, path: Path, name: str) -> None:
        """Add what is at `path` as it is now; nothing when it is gone. A file that grows is taken as long as it was when opened."""
        try:
            status = path.lstat()
        except FileNotFoundError:
            return
        member = tarfile.TarInfo(name)
        member.mtime, member.mode = int(status.st_mtime), stat.S_IMODE(status.st_mode)
        if stat.S_ISDIR(status.st_mode):
            member.type = tarfile.DIRTYPE
            self._archive.addfile(member)
        elif stat.S_ISLNK(status.st_mode):
            member.type, member.linkname = tarfile.SYMTYPE, os.readlink(path)
            self._archive.addfile(member)
        elif stat.S_ISREG(status.st_mode):
            self._add_file(path, member)

    def _add_file(self, path: Path, member: tarfile.TarInfo) -> None:
        try:
            file = open(path, "rb")
        except FileNotFoundError:
            return
        with file:
            member.size = os.fstat(file.fileno()).st_size
            self._archive.addfile(member, _Exactly(file, member.size))  # type: ignore[arg-type]
        self.n_files += 1
        self.size_bytes += member.size


class _Exactly:
    """Reads a file to the length it had; one that was cut meanwhile is filled with zeros."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self._left = file, size

    def read(self, size: int) -> bytes:
        wanted = min(size, self._left)
        piece = self._file.read(wanted)
        self._left -= wanted
        return piece + bytes(wanted - len(piece))


def _add_bytes(archive: tarfile.TarFile, name: str, content: bytes, at: float) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = len(content), 0o600, int(at)
    archive.addfile(member, io.BytesIO(content))


def restore(source: Path, home: Path, *, force: bool, stamp: str) -> Path | None:
    """Make `home` what the backup holds; where what was there before is kept, if anything was.

    Nothing changes until the whole backup has been read. Runs that were active then are taken up by the next server: what had ended
    keeps its end, what had not begun begins, and what was in the middle is lost and says so.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(home / "server.lock", "a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(f"A server works in {home}. Stop it first: penstock stop --force") from None
        there = [n for n in OWN if (home / n).exists()]
        if there and not force:
            raise Conflict(
                f"{home} holds a home already ({', '.join(there[:3])}). Restore to another one (--home FOLDER), or use --force: "
                "what is there is moved aside."
            )
        fresh = home / f".restoring.{os.getpid()}"
        try:
            told = _unpack(source, fresh)
            _settle(fresh, Path(told["home"]), home)
            return _put_in_place(fresh, home, home / f"replaced-{stamp}" if there else None)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)


def _unpack(source: Path, fresh: Path) -> Json:
    """The backup's own words about itself, its members below `fresh`."""
    links: list[tuple[Path, str]] = []
    told: Json | None = None
    fresh.mkdir(mode=0o700)
    try:
        with tarfile.open(source, mode="r:gz") as archive:
            for member in archive:
                if told is None:
                    told = _manifest(archive, member, source)
                    continue
                target = fresh / relative_path(member.name)
                target.parent.mkdir(parents=True, exist_ok=True)
                if member.isdir():
                    target.mkdir(exist_ok=True)
                elif member.issym():
                    links.append((target, member.linkname))
                elif (content := archive.extractfile(member)) is not None:
                    with open(target, "wb") as out:
                        shutil.copyfileobj(content, out, 1 << 20)
                    target.chmod(member.mode & 0o777)
                    os.utime(target, (member.mtime, member.mtime))
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise BadRequest(
            f"{source} cannot be read to its end: {error}. Use another backup; nothing was changed."
        ) from error
    if told is None:
        raise BadRequest(f"{source} is empty. Use another backup; nothing was changed.")
    for target, points_to in links:  # last, so that nothing is written through one
        os.symlink(points_to, target)
    return told


def _manifest(archive: tarfile.TarFile, member: tarfile.TarInfo, source: Path) -> Json:
    content = archive.extractfile(member) if member.name == MANIFEST else None
    if content is None:
        raise BadRequest(f"{source} is no backup of Penstock: it does not begin with {MANIFEST}. Name the right file.")
    told: Json = json.loads(content.read())
    if told.get("schema") != 1 or str(told.get("database_schema")) > HEAD:
        raise CannotServe(
            f"{source} was made by Penstock {told.get('penstock')} with schema {told.get('database_schema')}; this one knows {HEAD} "
            "and older. Upgrade: pip install -U penstock"
        )
    return told


def _settle(fresh: Path, before: Path, after: Path) -> None:
    """Make what was restored true at its new place and time."""
    if before != after:
        move_home(fresh / DATABASE, before, after)
    for job in (fresh / "jobs").iterdir() if (fresh / "jobs").is_dir() else ():
        if (job / "exit.json").exists():
            continue
        if not (job / "started").exists():
            shutil.rmtree(job)  # made again, with the paths of its new home, when its turn comes
        elif not json.loads((job / "started").read_text() or "{}").get("canceled"):
            nobody = {"pid": NO_PID, "start_time": 0, "boot_id": "restored", "at": (job / "started").stat().st_mtime}
            (job / "started").write_text(json.dumps(nobody))


def _put_in_place(fresh: Path, home: Path, aside: Path | None) -> Path | None:
    if aside is not None:
        aside.mkdir(mode=0o700)
        for name in (*OWN, f"{DATABASE}-wal", f"{DATABASE}-shm", "server.json"):
            if (home / name).exists():
                os.rename(home / name, aside / name)
    for name in OWN:
        if (fresh / name).exists():
            os.rename(fresh / name, home / name)
    home.chmod(0o700)
    return aside
