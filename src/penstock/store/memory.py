"""A database in memory, for simulations: made from an image in a moment, and able to lose what was not flushed, as in a power cut.

Same schema, same statements and same guards as the real one; one thread, no disk.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool

from penstock.model.crashpoints import passing
from penstock.store.database import Database
from penstock.store.schema import metadata

T = TypeVar("T")


@cache
def empty_image() -> bytes:
    """A database with all tables and no rows."""
    raw = _connect()
    with _open(raw) as connection:
        metadata.create_all(connection)
        connection.commit()
        return raw.serialize()


class MemoryDatabase(Database):
    """One database in memory. What was written redoably is lost by `lose_unflushed`, unless something flushed came after it."""

    def __init__(self, image: bytes, *, is_losing: bool = False) -> None:
        self._raw = _connect()
        self._raw.deserialize(image)
        self._connection = _open(self._raw)
        self._flushed = image
        self._is_losing = is_losing

    def write(self, work: Callable[[Connection], T], *, redoable: bool = False) -> T:
        with self._connection.begin():
            result = work(self._connection)
            passing("commit.before")
        if self._is_losing and not redoable:
            self._flushed = self._raw.serialize()
        passing("commit.after")
        return result

    @contextmanager
    def read(self) -> Iterator[Connection]:
        if self._connection.in_transaction():  # a read within a read
            yield self._connection
            return
        with self._connection.begin():
            yield self._connection

    def close(self) -> None:
        self._connection.close()

    def image(self) -> bytes:
        """What another database can be made from."""
        return self._raw.serialize()

    def lose_unflushed(self) -> None:
        """Back to the last commit that was flushed to the disk, as after a power cut."""
        self._raw.deserialize(self._flushed)


def _connect() -> sqlite3.Connection:
    raw = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False, cached_statements=256)
    raw.execute("PRAGMA foreign_keys=ON")
    return raw


_to_open: list[sqlite3.Connection] = []


def _open(raw: sqlite3.Connection) -> Connection:
    """A connection on `raw`, by the one engine of all: what it has compiled, it has compiled once."""
    _to_open.append(raw)
    return _engine().connect()


@cache
def _engine() -> Engine:
    engine = create_engine("sqlite://", creator=_to_open.pop, poolclass=NullPool)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine
