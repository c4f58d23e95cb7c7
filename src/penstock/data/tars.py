"""Trees in and out as tars, without letting a member out of its folder."""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from penstock.data.paths import beneath
from penstock.model.errors import BadRequest, NotFound

_CHUNK = 1 << 20


class Uploads:
    """Staged trees waiting to be named by a later call, each used once."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "uploads"
        self._folder.mkdir(exist_ok=True)

    def receive(self, upload_id: str, stream: IO[bytes]) -> None:
        """Unpack a tar of plain files and folders as upload `upload_id`."""
        target = self._folder / upload_id
        target.mkdir()
        try:
            with tarfile.open(fileobj=stream, mode="r|") as archive:
                for member in archive:
                    _unpack(archive, member, target)
        except tarfile.TarError as error:
            shutil.rmtree(target, ignore_errors=True)
            raise BadRequest(f"The upload is not a readable tar: {error}. Upload it again.") from error
        except BaseException:
            shutil.rmtree(target, ignore_errors=True)  # half an upload is of no use, and may be what filled the disk
            raise

    def take(self, upload_id: str, target: Path) -> None:
        """Move the upload to `target`, which must not exist yet."""
        source = beneath(self._folder, upload_id)
        if not upload_id or not source.is_dir():
            raise NotFound(f"There is no upload {upload_id!r}. Upload the files first, and use the id once.")
        target.parent.mkdir(parents=True, exist_ok=True)
        os.rename(source, target)


def _unpack(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    path = beneath(target, member.name)
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
    elif source := archive.extractfile(member):
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb") as out:
            shutil.copyfileobj(source, out, _CHUNK)
        path.chmod(0o755 if member.mode & 0o100 else 0o644)
    else:
        raise BadRequest(f"The upload holds {member.name!r}, which is neither a file nor a folder. Leave it out.")


class _Sink:
    """Collects what tarfile writes so that it can be sent in pieces."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def write(self, piece: bytes) -> int:
        self.pieces.append(piece)
        return len(piece)

    def take(self) -> bytes:
        taken, self.pieces = b"".join(self.pieces), []
        return taken


def stream_tree(path: Path, name: str) -> Iterator[bytes]:
    """The bytes of a tar of `path` (a file or a folder), its first member called `name`."""
    sink = _Sink()
    with tarfile.open(fileobj=sink, mode="w|", format=tarfile.PAX_FORMAT) as archive:  # type: ignore[call-overload]
        for file, member in _members(path, name):
            archive.add(file, arcname=member, recursive=False)
            yield sink.take()
    yield sink.take()


def _members(path: Path, name: str) -> Iterator[tuple[Path, str]]:
    yield path, name
    if path.is_dir():
        for entry in sorted(path.rglob("*")):
            yield entry, f"{name}/{entry.relative_to(path).as_posix()}"


def tree_size(path: Path) -> int:
    """The bytes of a file, or of all files below a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(f.stat().st_size for f in path.rglob("*") if f.is_file())
