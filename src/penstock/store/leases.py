"""Who leads on a database that servers share, which servers there are, and whose folders hold its files.

For PostgreSQL alone: time is the database's own, so servers' clocks need not agree. Functions on a connection.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, text

from penstock.store.postgresql import tell
from penstock.store.tables import files_home

Row = dict[str, Any]
RELEASED = "released"
_NOW = "extract(epoch FROM clock_timestamp())"
_RENEW = text(f"UPDATE lease SET until = {_NOW} + :seconds WHERE name = 'leader' AND holder = :holder AND term = :term")
_TAKE = text(
    f"INSERT INTO lease (name, holder, term, until) VALUES ('leader', :holder, 1, {_NOW} + :seconds) "
    f"ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, term = lease.term + 1, until = {_NOW} + :seconds "
    f"WHERE lease.until < {_NOW} OR lease.holder = excluded.holder RETURNING term"
)
_GIVE_UP = text("UPDATE lease SET until = 0 WHERE name = 'leader' AND holder = :holder AND term = :term")
_HOLDS = text("SELECT 1 FROM lease WHERE name = 'leader' AND holder = :holder AND term = :term FOR SHARE")
_BEAT = text(
    f"INSERT INTO node (id, host, boot_id, lease_until) VALUES (:id, :host, :machine, {_NOW} + :seconds) "
    "ON CONFLICT (id) DO UPDATE SET host = excluded.host, boot_id = excluded.boot_id, lease_until = excluded.lease_until"
)
_LIVE = text(f"SELECT id, host, boot_id FROM node WHERE lease_until > {_NOW}")


@dataclass(frozen=True)
class Server:
    """One server of a database. `machine` tells hosts (and containers' process spaces) apart."""

    id: str
    host: str
    machine: str


def renew(connection: Connection, holder: str, term: int, seconds: float) -> bool:
    """Whether the lease of that term was still there to prolong, late or not: as long as nobody else took it, it is."""
    return connection.execute(_RENEW, {"holder": holder, "term": term, "seconds": seconds}).rowcount == 1


def take(connection: Connection, holder: str, seconds: float) -> int | None:
    """The new term, if nobody else holds the lease. A server that comes back takes its own from its earlier life."""
    found = connection.execute(_TAKE, {"holder": holder, "seconds": seconds}).scalar()
    return None if found is None else int(found)


def give_up(connection: Connection, holder: str, term: int) -> None:
    """Let others take the lease now, and tell them."""
    connection.execute(_GIVE_UP, {"holder": holder, "term": term})
    tell(connection, [RELEASED])


def holds(connection: Connection, holder: str, term: int) -> bool:
    """Whether the lease is of that term; nobody can take it before this transaction has ended."""
    return connection.execute(_HOLDS, {"holder": holder, "term": term}).first() is not None


def beat(connection: Connection, server: Server, seconds: float) -> None:
    """Keep the server's own row alive."""
    connection.execute(_BEAT, {"id": server.id, "host": server.host, "machine": server.machine, "seconds": seconds})


def live_servers(connection: Connection) -> list[Server]:
    return [Server(r.id, r.host, r.boot_id) for r in connection.execute(_LIVE)]


def keep_files(connection: Connection, row: Row) -> Row:
    """The home that holds this database's files: the one recorded, else this one from now on."""
    found = connection.execute(select(files_home)).mappings().first()
    if found is not None:
        return dict(found)
    connection.execute(insert(files_home), row)
    return row
