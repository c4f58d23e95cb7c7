"""The home whose folders hold the files of a database that several servers share: found, checked, and pointed at its leader.

Every server has a home of its own (port, token, sockets); jobs, snapshots, logs and the default datastores are in one of them,
that of the first server of the database. Knows homes and the store's record of them.
"""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass
from pathlib import Path

from penstock.model.errors import CannotServe
from penstock.model.settings import socket_dir
from penstock.node import identity
from penstock.server import home as homes
from penstock.store import leases
from penstock.store.database import Database

LEADER_SOCKET = "leader.sock"
LEADER_WAKE = "leader-wake.sock"


@dataclass(frozen=True)
class Files:
    """Where files are: `sockets` holds the node's socket and the links to those of the leader; `key` signs run tokens."""

    path: Path
    sockets: Path
    key: bytes


def this_server(home_id: str) -> leases.Server:
    """This server, as others on its database see it. Processes are only found within one machine and one space of process ids."""
    return leases.Server(home_id, platform.node() or "localhost", f"{identity.boot_id()}/{_pid_space()}")


def files_of(database: Database, named: str, home: homes.Home, tmp: str) -> Files:
    """The home that holds this database's files. CannotServe when it is not on this machine: jobs run on one machine."""
    server = this_server(home.id)
    row = {"id": home.id, "path": str(home.path), "host": server.host}
    kept = database.write(lambda c: leases.keep_files(c, row))
    with database.read() as connection:
        others = [s for s in leases.live_servers(connection) if s.machine != server.machine]
    path = Path(kept["path"])
    if others or homes.id_of(path) != kept["id"]:
        there = others[0].host if others else kept["host"]
        raise CannotServe(
            f"The database {named} is served on '{there}', with its files in {path}, and '{server.host}' is another machine "
            "or cannot see that folder. Jobs run on one machine for now: start this server there, or leave it out and reach "
            "that one (PENSTOCK_URL). If the folder was moved, move it back."
        )
    sockets = socket_dir(path, tmp, os.getuid())
    if path != home.path:
        homes.prepare(path, sockets)
    return Files(path, sockets, homes.key_of(path))


def point_to_leader(files: Files, api: Path, wake: Path) -> None:
    """Steps that run reach the leader by two names that stay: from now on they lead to these sockets."""
    for name, target in ((LEADER_SOCKET, api), (LEADER_WAKE, wake)):
        partial = files.sockets / f".{name}.{os.getpid()}"
        partial.unlink(missing_ok=True)
        partial.symlink_to(target)
        os.replace(partial, files.sockets / name)


def keep_to(path: Path, named: str | None) -> None:
    """Have the home serve this database for good (None: its own SQLite); CannotServe when it belongs to another."""
    file = path / "home.json"
    choices = json.loads(file.read_text())
    kept = choices.get("database")
    if kept == named:
        return
    if kept is not None:
        way_out = "choose another folder: penstock serve --home DIR"
        if named is None:
            way_out = f"name it (PENSTOCK_DATABASE, or penstock serve --database URL), or {way_out}"
        raise CannotServe(
            f"The home {path} belongs to the database {kept}, not to {named or 'SQLite of its own'}. To go on, {way_out}. "
            f"If the database was moved, say so in {file}."
        )
    if (path / "penstock.db").exists():
        raise CannotServe(
            f"The home {path} keeps its runs in its own database, so it cannot serve {named} too. "
            "Choose another folder for that: penstock serve --home DIR --database URL"
        )
    homes.write_whole(file, json.dumps({**choices, "database": named}))


def _pid_space() -> str:
    try:
        return os.readlink("/proc/self/ns/pid").strip("pid:[]")
    except OSError:
        return ""
