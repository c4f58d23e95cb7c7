"""The database: opened, migrated, written by one writer with group commit, read by many.

Knows connections and transactions; knows no table.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import OperationalError

from penstock.model.errors import CannotServe

HEAD = "0003"
T = TypeVar("T")
Work = Callable[[Connection], Any]
_Waiting = tuple[Work, "Future[Any]", bool]


class Database:
    """One database, written by one writer. Writers that come at the same time share a transaction (group commit).

    Work given to `write` may be run again, alone, when another in its transaction fails: it must allow that.
    """

    def __init__(self, path: Path) -> None:
        self._engine = _sqlite(path)
        self._waiting: deque[_Waiting] = deque()
        self._lock = threading.Lock()
        self._writer = self._engine.connect()
        self._flushes = True

    def write(self, work: Callable[[Connection], T], *, redoable: bool = False) -> T:
        """What `work(connection)` gave, once it is committed; its exception when it failed (and only it was undone).

        A commit is flushed to the disk, so it survives a power cut. `redoable` says that it need not be: what it writes would
        be found again (in job folders) and written again. It survives the end of this process all the same.
        """
        future: Future[T] = Future()
        self._waiting.append((work, future, redoable))
        with self._lock:
            if not future.done():
                self._commit_batch()
        return future.result()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading; it sees everything committed before."""
        with self._engine.connect() as connection:
            yield connection

    def close(self) -> None:
        self._writer.close()
        self._engine.dispose()

    def _commit_batch(self) -> None:
        batch: list[_Waiting] = []
        while self._waiting:
            batch.append(self._waiting.popleft())
        self._flush_commits(not all(redoable for *_, redoable in batch))
        try:
            with self._writer.begin():
                results = [work(self._writer) for work, *_ in batch]
        except Exception as error:
            if len(batch) == 1:
                batch[0][1].set_exception(error)
                return
            for work, future, _ in batch:
                self._commit_one(work, future)
            return
        for (_, future, _), result in zip(batch, results, strict=True):
            future.set_result(result)

    def _commit_one(self, work: Work, future: Future[Any]) -> None:
        try:
            with self._writer.begin():
                result = work(self._writer)
        except Exception as error:
            future.set_exception(error)
        else:
            future.set_result(result)

    def _flush_commits(self, wanted: bool) -> None:
        """Whether commits wait for the disk. Below it, SQLite's log keeps the order of commits in either case."""
        if wanted != self._flushes:
            raw = self._writer.connection.driver_connection
            assert raw is not None
            raw.execute("PRAGMA synchronous=" + ("FULL" if wanted else "NORMAL"))
            self._flushes = wanted


def _sqlite(path: Path) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        connect_args={"check_same_thread": False, "timeout": 30, "cached_statements": 256},
        pool_size=8,
        max_overflow=24,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def open_database(path: Path) -> Database:
    """The database at `path`, made or migrated to this version's schema; CannotServe when it is newer or damaged."""
    try:
        version = _version(path)
    except (OperationalError, sqlite3.DatabaseError) as error:
        message = f"The database {path} cannot be opened: {error}. Check the disk and the file's permissions, or run: penstock doctor"
        raise CannotServe(message) from error
    if version is not None and version > HEAD:
        raise CannotServe(
            f"The database {path} has schema {version}; this Penstock knows {HEAD} and older. Upgrade: pip install -U penstock"
        )
    if version != HEAD:
        migrate(path)
    return Database(path)


def _version(path: Path) -> str | None:
    if not path.exists():
        return None
    with sqlite3.connect(path, timeout=30) as connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "alembic_version" not in tables:
            return None
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    connection.close()
    return row[0] if row else None


def migrate(path: Path) -> None:
    """Bring the database at `path` to HEAD."""
    from alembic import command  # 150 ms that only a new or an old database pays
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    engine = _sqlite(path)
    with engine.connect() as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    engine.dispose()


def check_readable(database: Database) -> None:
    """Raise unless the database answers."""
    with database.read() as connection:
        connection.execute(text("SELECT 1"))
