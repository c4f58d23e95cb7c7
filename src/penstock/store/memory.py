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
from sqlalchemy.pool import StaticPool

from penstock.model.crashpoints import passing
from penstock.store.database import Database
from penstock.store.tables import metadata

T = TypeVar("T")


@cache
def empty_image() -> bytes:
    """A database with all tables and no rows."""
    raw = _connect()
    metadata.create_all(_engine(raw))
    image = raw.serialize()
    raw.close()
    return image


class MemoryDatabase(Database):
    """One database in memory. What was written redoably is lost by `lose_unflushed`, unless something flushed came after it."""

    def __init__(self, image: bytes, *, is_losing: bool = False) -> None:
        self._raw = _connect()
        self._raw.deserialize(image)
        self._connection = _engine(self._raw).connect()
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
        self._raw.close()

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


def _engine(raw: sqlite3.Connection) -> Engine:
    engine = create_engine("sqlite://", creator=lambda: raw, poolclass=StaticPool)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine
