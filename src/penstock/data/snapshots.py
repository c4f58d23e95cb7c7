"""Snapshots of source folders, content-addressed: a manifest per snapshot, a blob per distinct file.

Layout: `<home>/snapshots/<hex>.json`, `<home>/blobs/<first two>/<hex>`. Digests are tagged: `sha256:<hex>`.
"""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from penstock.model.errors import BadRequest, NotFound

Json = dict[str, Any]
_CHUNK = 1 << 20


class Snapshots:
    """The snapshots below one home."""

    def __init__(self, home: Path) -> None:
        self.manifests = home / "snapshots"
        self.blobs = home / "blobs"
        for folder in (self.manifests, self.blobs):
            folder.mkdir(exist_ok=True)

    def manifest_path(self, digest: str) -> Path:
        return self.manifests / (_hex(digest) + ".json")

    def has(self, digest: str) -> bool:
        return self.manifest_path(digest).exists()

    def files(self, digest: str) -> list[Json]:
        """What a snapshot holds: [{path, size, mode, digest}]; NotFound when it is not kept."""
        try:
            found: list[Json] = json.loads(self.manifest_path(digest).read_bytes())["files"]
        except FileNotFoundError:
            raise NotFound(
                f"There is no snapshot {digest} on this server. A run's get_snapshot_id() names its own."
            ) from None
        return found

    def blob_path(self, digest: str) -> Path:
        """Where the bytes of one file lie; NotFound when they are not kept."""
        path = self._blob(digest)
        if not path.exists():
            raise NotFound(f"There is no file with the digest {digest} on this server.")
        return path

    def offer(self, digest: str, files: list[Json]) -> list[str]:
        """The digests of blobs still wanted; when none is, the snapshot is kept."""
        _check(digest, files)
        sizes = {str(f["digest"]): int(f["size"]) for f in files}
        missing = [d for d, size in sizes.items() if not self._is_whole(d, size)]
        if not missing and not self.has(digest):
            _write_whole(self.manifest_path(digest), json.dumps({"files": files}).encode())
        return missing

    def _is_whole(self, digest: str, size: int) -> bool:
        """Whether the blob is there with all its bytes: one that a power cut left short is asked for again."""
        try:
            return self._blob(digest).stat().st_size == size
        except FileNotFoundError:
            return False

    def receive(self, stream: IO[bytes]) -> int:
        """Keep the blobs of a tar whose members are named by digest; how many. Each is verified before it appears."""
        count = 0
        try:
            with tarfile.open(fileobj=stream, mode="r|") as archive:
                for member in archive:
                    source = archive.extractfile(member)
                    if source is not None:
                        self._keep(member.name, source)
                        count += 1
        except tarfile.TarError as error:
            raise BadRequest(f"The uploaded blobs are not a readable tar: {error}. Upload them again.") from error
        return count

    def _keep(self, digest: str, source: IO[bytes]) -> None:
        target = self._blob(digest)
        target.parent.mkdir(exist_ok=True)
        partial = target.with_name(f"{target.name}.{os.getpid()}.{threading.get_ident()}")
        try:
            self._keep_whole(digest, source, partial, target)
        except BaseException:
            partial.unlink(missing_ok=True)  # half a blob is of no use, and may be what filled the disk
            raise

    def _keep_whole(self, digest: str, source: IO[bytes], partial: Path, target: Path) -> None:
        hashed = hashlib.sha256()
        with _naming(partial), open(partial, "wb") as out:
            while chunk := source.read(_CHUNK):
                hashed.update(chunk)
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
        if hashed.hexdigest() != target.name:
            raise BadRequest(f"Blob {digest} arrived with other bytes (sha256:{hashed.hexdigest()}). Upload it again.")
        partial.chmod(0o444)
        os.replace(partial, target)

    def _blob(self, digest: str) -> Path:
        name = _hex(digest)
        return self.blobs / name[:2] / name


def digest_of(files: Iterable[Json]) -> str:
    """The digest of a snapshot: of its sorted (path, mode bit, digest) lines."""
    lines = sorted(f"{f['path']}\0{'x' if int(f['mode']) & 0o100 else '-'}\0{f['digest']}\n" for f in files)
    return "sha256:" + hashlib.sha256("".join(lines).encode()).hexdigest()


def _hex(digest: str) -> str:
    algorithm, _, name = digest.partition(":")
    if algorithm != "sha256" or len(name) != 64 or not all(c in "0123456789abcdef" for c in name):
        raise BadRequest(f"{digest!r} is no sha256 digest. Write it as sha256:<64 hexadecimal digits>.")
    return name


def _check(digest: str, files: list[Json]) -> None:
    for f in files:
        path = str(f.get("path", ""))
        if not path or path.startswith("/") or "\0" in path or ".." in path.split("/"):
            raise BadRequest(f"The snapshot holds the path {path!r}, which leads out of its folder.")
        _hex(str(f.get("digest")))
    if digest_of(files) != digest:
        raise BadRequest(
            f"The snapshot's digest {digest} is not that of its files ({digest_of(files)}). Make it again."
        )


def _write_whole(path: Path, content: bytes) -> None:
    partial = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        with _naming(partial), open(partial, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """An OSError of a write names no file by itself; here it says which."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise
