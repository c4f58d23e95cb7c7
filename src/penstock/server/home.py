"""The home folder: made, checked, and its lasting choices (id, port, key, token) kept. One server holds it, by a kernel lock."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import socket
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from penstock.model.errors import CannotServe

Json = dict[str, Any]
NETWORK_FILESYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "9p", "fuse.sshfs", "glusterfs", "ceph", "lustre"}
)
LOCK_SECONDS = 0.5
PORTS = range(20_000, 32_000)  # below the ports that systems hand out by themselves


@dataclass(frozen=True)
class Home:
    """A home that this process may serve."""

    path: Path
    id: str
    port: int
    key: bytes
    token: str
    lock: IO[str]


class AlreadyServed(Exception):
    """Another server holds this home; it is spoken to instead."""


def take(path: Path, sockets: Path, port: int | None) -> Home:
    """The home at `path`, locked for this process. CannotServe says what is wrong with it; AlreadyServed that someone else has it."""
    prepare(path, sockets)
    lock = open(path / "server.lock", "a+")
    _lock(lock)
    choices = _choices(path, port)
    return Home(path, choices["id"], choices["port"], _secret(path / "key"), _secret(path / "token").hex(), lock)


def _lock(file: IO[str]) -> None:
    """Tried for a moment: what a server was just starting when it was killed has its lock, too, until it runs its own program."""
    until = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > until:
                raise AlreadyServed from None
        time.sleep(0.02)


def prepare(path: Path, sockets: Path) -> None:
    """Make the home's folders, private to this user; CannotServe when that cannot be."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.stat().st_mode & 0o077:
            path.chmod(0o700)  # it was made by hand, or by another program: what lies in it is nobody else's
        for folder in (path / "jobs", path / "logs", sockets):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = path / f".probe.{os.getpid()}"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        raise CannotServe(
            f"The home folder {path} cannot be written: {error.strerror}. Make it writable, or set PENSTOCK_HOME to another folder."
        ) from error
    if sockets.stat().st_uid != os.getuid():
        raise CannotServe(
            f"The socket folder {sockets} belongs to another user. Set PENSTOCK_TMP to a folder of your own."
        )
    kind = filesystem_of(path)
    if kind in NETWORK_FILESYSTEMS:
        raise CannotServe(
            f"The home folder {path} lies on a network filesystem ({kind}), where locks and the database are not safe. "
            "Set PENSTOCK_HOME to a folder on a local disk."
        )


def filesystem_of(path: Path) -> str:
    """The type of the filesystem that holds `path`, as the kernel calls it; '' when it does not say."""
    best, kind = "", ""
    try:
        mounts = Path("/proc/self/mounts").read_text().splitlines()
    except OSError:
        return ""
    resolved = str(path.resolve())
    for line in mounts:
        fields = line.split()
        point = fields[1].replace("\\040", " ")
        inside = resolved == point or resolved.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, fields[2]
    return kind


def id_of(path: Path) -> str | None:
    """The id of the home at `path`; None when there is none to be seen."""
    try:
        return str(json.loads((path / "home.json").read_text())["id"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def key_of(path: Path) -> bytes:
    """The signing key of the home at `path`."""
    return _secret(path / "key")


def _choices(path: Path, port: int | None) -> Json:
    """The id and port of this home, chosen once. A port given now is kept from now on."""
    file = path / "home.json"
    try:
        kept = json.loads(file.read_text())
    except FileNotFoundError:
        kept = {"schema": 1, "id": str(uuid.uuid4()), "port": None}
    except ValueError as error:
        raise CannotServe(
            f'{file} is damaged ({error}). Restore it, or write {{"schema": 1, "id": "…", "port": …}} into it.'
        ) from error
    chosen = port or kept["port"] or _free_port()
    if chosen != kept["port"]:
        kept["port"] = chosen
        write_whole(file, json.dumps(kept))
    return dict(kept)


def _free_port() -> int:
    for _ in range(200):
        port = secrets.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise CannotServe("No free port was found between 20000 and 32000. Choose one: penstock serve --port N")


def _secret(file: Path) -> bytes:
    """32 random bytes, made once, readable by this user alone."""
    try:
        return bytes.fromhex(file.read_text())
    except FileNotFoundError:
        made = secrets.token_bytes(32)
        write_whole(file, made.hex())
        return made
    except ValueError as error:
        raise CannotServe(
            f"{file} is damaged: it should hold 64 hexadecimal digits. Restore it, or delete it to have a new one."
        ) from error


def write_whole(path: Path, text: str) -> None:
    """Write a private file so that it is there whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    os.replace(partial, path)
