"""Bytes of datasets kept as they are: each distinct file once in the home's content store, and a tree of links to them per set of files.

Layout: `<home>/blobs/<first two>/<hex>`, `<home>/pins/<id>/<datastore>/<path on it>`, `<home>/pins/<id>/.urls/<digest>/<name>`. A path of
a definition that has `pinned` is looked up in that tree in place of its datastore. Knows files; must not know what a dataset is called.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import urllib.error
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from penstock.data.filesets import File, url_name
from penstock.data.paths import beneath, relative_path
from penstock.model.errors import BadRequest, NotFound

Json = dict[str, Any]
URLS = ".urls"
_CHUNK = 1 << 20


def root_of(home: Path, path: Json) -> Path:
    """The folder in which a pinned path of a definition is looked up."""
    return beneath(home / "pins", str(path["pinned"])) / str(path.get("datastore") or URLS)


def pin(home: Path, definition: Json, found: Iterable[File]) -> Json:
    """The definition with its files kept as they are now. The same bytes at the same places give the same definition."""
    if definition.get("format") == "sql":
        raise BadRequest(
            "The answer to a query cannot be pinned. Write it as files, and pin those: dataset.to_parquet_files()."
        )
    if all("pinned" in path for path in definition["paths"]):
        return definition
    blobs = {_place(file): _kept(home, file) for file in found}
    lines = sorted(f"{place}\0{blob.name}\n" for place, blob in blobs.items())
    name = hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()[:32]
    _link(home / "pins", name, blobs)
    return {**definition, "paths": [{**path, "pinned": name} for path in definition["paths"]]}


def _place(file: File) -> str:
    """Where a file lies in a pin."""
    if not file.datastore:
        return f"{URLS}/{url_name(file.whole)}"
    return f"{file.datastore}/{relative_path(file.whole)}"


def _kept(home: Path, file: File) -> Path:
    """The file's bytes in the content store. BadRequest when they change while they are read."""
    if not file.datastore:
        with _opened_url(file.source) as source:
            return _into_store(home, source)
    with open(file.source, "rb") as source:
        before = os.fstat(source.fileno())
        blob = _into_store(home, source)
        after = os.stat(file.source)
    facts = [(s.st_size, s.st_mtime_ns, s.st_ino) for s in (before, after)]
    if facts[0] != facts[1]:
        raise BadRequest(
            f"{file.whole} on datastore '{file.datastore}' changed while it was being kept. Register again when nobody writes to it.",
            target=file.whole,
        )
    return blob


def _opened_url(url: str) -> IO[bytes]:
    try:
        answer: IO[bytes] = urllib.request.urlopen(url, timeout=60)
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise NotFound(f"{url} could not be read: {error}. Try again, or register it without pin=True.") from None
    return answer


def _into_store(home: Path, source: IO[bytes]) -> Path:
    folder = home / "blobs" / "00"  # among blobs, where the janitor finds what a dead server left
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{os.getpid()}.{threading.get_ident()}.partial"
    hashed = hashlib.sha256()
    try:
        with open(partial, "wb") as out:
            while chunk := source.read(_CHUNK):
                hashed.update(chunk)
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
        partial.chmod(0o444)
        blob = home / "blobs" / hashed.hexdigest()[:2] / hashed.hexdigest()
        blob.parent.mkdir(exist_ok=True)
        os.replace(partial, blob)
        return blob
    finally:
        partial.unlink(missing_ok=True)


def _link(pins: Path, name: str, blobs: dict[str, Path]) -> None:
    """The tree of a pin, there whole or not at all."""
    final = pins / name
    if final.exists():
        return
    partial = pins / f".{name}.{os.getpid()}.{threading.get_ident()}"
    try:
        for place, blob in blobs.items():
            target = partial / place
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(blob, target)
        try:
            os.rename(partial, final)
        except OSError:
            if not final.exists():
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
