"""Datastores whose files are elsewhere: any fsspec URL, mirrored in a folder of the home. Files come and go when they are asked for.

Knows fsspec, which is an extra; must not know who uses the files.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from penstock.data.listings import CannotLook, Listing, Watched, of_stamps
from penstock.data.paths import beneath, relative_path
from penstock.data.publish import STAGING
from penstock.model.crashpoints import passing
from penstock.model.errors import BadRequest, PenstockError

Json = dict[str, Any]
_CHANGES = ("ETag", "etag", "mtime", "LastModified", "last_modified", "created", "ino")

_AZURE = ("account_name", "account_key", "sas_token", "tenant_id", "client_id", "client_secret")
_OPTIONS = {"az": _AZURE, "abfs": _AZURE, "abfss": _AZURE}


def filesystem(url: str, options: Json) -> tuple[Any, str]:
    """(fsspec's filesystem, the path on it) of a URL; BadRequest with the command that installs what is missing.

    `options` are what its datastore was registered with; a filesystem is given those that it may know.
    """
    try:
        fsspec, core, registry = (importlib.import_module(m) for m in ("fsspec", "fsspec.core", "fsspec.registry"))
    except ImportError:
        raise BadRequest(
            f"{url} needs fsspec, which is not installed beside the server. Install it: pip install 'penstock[fsspec]'",
            target=url,
        ) from None
    protocol = url.partition("://")[0]
    try:
        found, path = core.url_to_fs(url, **{k: options[k] for k in _OPTIONS.get(protocol, ()) if options.get(k)})
    except ImportError as error:
        package = _package(registry.known_implementations.get(protocol) or {}, protocol)
        raise BadRequest(
            f"{url} cannot be opened: {error}. Install what it needs beside the server: pip install {package}",
            target=url,
        ) from None
    except ValueError as error:
        known = ", ".join(sorted(fsspec.available_protocols()))
        raise BadRequest(f"{url} cannot be opened: {error}. The protocols are: {known}.", target=url) from None
    return found, str(path).rstrip("/")


def _package(known: Json, protocol: str) -> str:
    """The package that holds a filesystem: the first part of its module's name, unless that is fsspec itself."""
    module = str(known.get("class") or "").partition(".")[0]
    return module if module and module != "fsspec" else f"'fsspec[{protocol}]'"


def stamps(url: str, options: Json, target: Watched) -> Listing:
    """What a watched path of a datastore at a URL holds now. CannotLook when its server does not say."""
    try:
        there, base = filesystem(url, options)
        found = [(n, json.dumps(facts, sort_keys=True)) for n, facts in _listed(there, base, target.base, target.depth)]
    except Exception as error:  # each filesystem has exceptions of its own
        raise CannotLook(f"{url} cannot be listed: {said(error)}", target=url) from None
    return of_stamps(url, found, target)


def said(error: BaseException) -> str:
    """What went wrong with a URL, in one line."""
    return error.message if isinstance(error, PenstockError) else f"{type(error).__name__}: {error}"


def mirror_root(folder: Path, name: str, url: str) -> Path:
    """Where the files of a datastore at this URL are mirrored below `folder`: another URL's never lie there."""
    return folder / f"{name}-{hashlib.sha256(url.encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class Mirror:
    """One datastore's files: at `url`, and those that were asked for below `root`. `notes` says what both were when last compared."""

    url: str
    root: Path
    options: Json = field(repr=False)

    @property
    def notes(self) -> Path:
        return self.root.with_name(f"{self.root.name}.json")

    def pull(self, path: str) -> int:
        """Bring what is new or changed at or below `path`; how many files. What has gone from the URL goes here too."""
        there, base = filesystem(self.url, self.options)
        wanted = str(relative_path(path)) if path.strip("/") else ""
        with _lock(self.notes):
            known = self._known()
            found = dict(_listed(there, base, wanted))
            count = 0
            for name, facts in found.items():
                target = beneath(self.root, name)
                if name in known and _is_same(known[name]["there"], facts) and target.exists():
                    continue
                self._bring(there, f"{base}/{name}", target)
                known[name] = {"there": facts, "here": _facts(target)}
                count += 1
            for name in [n for n in known if _lies_in(n, wanted) and n not in found]:
                beneath(self.root, name).unlink(missing_ok=True)
                del known[name]
            self._keep(known)
        return count

    def push(self, path: str) -> int:
        """Send what is new or changed here at or below `path`; how many files."""
        there, base = filesystem(self.url, self.options)
        with _lock(self.notes):
            known = self._known()
        sent: dict[str, Json] = {}
        try:
            for name in self._here(path):
                local = self.root / name
                facts = _facts(local)
                if known.get(name, {}).get("here") == facts:
                    continue
                sent[name] = {"there": _put(there, local, f"{base}/{name}"), "here": facts}
                passing("send.file")
        finally:
            if sent:  # what was not is sent when this is done again
                with _lock(self.notes):
                    self._keep({**self._known(), **sent})
        return len(sent)

    def what_is_other(self, path: str) -> str | None:
        """What the URL has otherwise at or below `path` than when it was last brought or sent; None: all is as it was. CannotLook when
        its server does not say."""
        wanted = str(relative_path(path))
        known = {n: k["there"] for n, k in self._known().items() if _lies_in(n, wanted)}
        try:
            there, base = filesystem(self.url, self.options)
            found = dict(_listed(there, base, wanted))
        except Exception as error:  # each filesystem has exceptions of its own
            raise CannotLook(f"{self.url} cannot be listed: {said(error)}", target=self.url) from None
        unsent = next((n for n in self._here(path) if n not in known), None)
        if unsent is not None:
            return f"{unsent} was never sent to {self.url}"
        for name, facts in known.items():
            if name not in found or not _is_same(facts, found[name]):
                return f"{name} {'was changed' if name in found else 'is not there any more'} at {self.url}"
        more = next((n for n in found if n not in known), None)
        return None if more is None else f"{more} was added at {self.url}"

    def _bring(self, there: Any, source: str, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
        try:
            there.get_file(source, str(partial))
            os.replace(partial, target)
        finally:
            partial.unlink(missing_ok=True)

    def _here(self, path: str) -> Iterator[str]:
        top = beneath(self.root, path)
        if top.is_file():
            yield str(top.relative_to(self.root))
            return
        for folder, folders, names in os.walk(top):
            folders[:] = sorted(f for f in folders if f != STAGING)
            for name in sorted(names):
                yield str(Path(folder, name).relative_to(self.root))

    def _known(self) -> dict[str, Json]:
        try:
            known: dict[str, Json] = json.loads(self.notes.read_text())
            return known
        except (FileNotFoundError, ValueError):
            return {}  # all is compared again

    def _keep(self, known: dict[str, Json]) -> None:
        self.notes.parent.mkdir(parents=True, exist_ok=True)
        partial = self.notes.with_name(f".{self.notes.name}.{os.getpid()}")
        partial.write_text(json.dumps(known))
        os.replace(partial, self.notes)


def _put(there: Any, local: Path, target: str) -> Json:
    """Send one file; what tells a change of it there."""
    there.makedirs(target.rpartition("/")[0], exist_ok=True)
    there.put_file(str(local), target)
    stamp = _stamp(there.info(target))
    if stamp["size"] not in (None, local.stat().st_size):
        raise OSError(f"{target} has {stamp['size']} bytes there, {local} has {local.stat().st_size}")
    return stamp


_locks: dict[Path, threading.Lock] = {}


def _lock(notes: Path) -> threading.Lock:
    """Two calls at once must not each forget what the other noted."""
    return _locks.setdefault(notes, threading.Lock())


def _listed(there: Any, base: str, wanted: str, depth: int | None = None) -> Iterator[tuple[str, Json]]:
    """(path below the URL, what tells a change) of every file at or below `wanted`, and no more than `depth` folders down."""
    place = f"{base}/{wanted}" if wanted else base
    there.invalidate_cache()  # filesystems remember their listings
    try:
        found = there.find(place, maxdepth=None if depth is None else depth + 1, detail=True)
    except FileNotFoundError:
        return
    for whole, info in sorted(found.items()):
        name = str(whole)[len(base) :].strip("/")
        if name:
            yield str(relative_path(name)), _stamp(info)


def _stamp(info: Json) -> Json:
    found = {k: info[k] for k in _CHANGES if info.get(k) is not None}
    return {
        "size": info.get("size"),
        **{k: str(v.timestamp() if isinstance(v, datetime) else v) for k, v in found.items()},
    }


def _is_same(one: Json, other: Json) -> bool:
    """Whether two stamps are of the same bytes: filesystems tell of one file, and of it among others, not always the same things."""
    return all(one[k] == other[k] for k in one.keys() & other.keys())


def _facts(path: Path) -> Json:
    status = path.stat()
    return {"size": status.st_size, "mtime": status.st_mtime_ns}


def _lies_in(name: str, wanted: str) -> bool:
    return not wanted or name == wanted or name.startswith(wanted + "/")
