"""The database: opened, migrated, written by one writer with group commit, read by many.

Knows connections and transactions; knows no table.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import DBAPIError, OperationalError

from penstock.model.crashpoints import passing
from penstock.model.errors import CannotServe
from penstock.store import postgresql
from penstock.store.checkpoints import PAGES, Checkpoints
from penstock.store.faults import as_os_error, told_as_os_errors

HEAD = "0017"
NEWEST = Path(__file__).with_name("newest.sql")
"""What a new SQLite database begins with."""
TRIES = 5
T = TypeVar("T")
Work = Callable[[Connection], Any]
_Waiting = tuple[Work, "Future[Any]", bool]


class Database:
    """One database. Works are written one after another, whichever server of the database they come from.

    Writers that come at the same time share a transaction (group commit). Work given to `write` may be run again, alone,
    when another in its transaction fails, or when the database gave the transaction up: it must allow that.
    """

    url: URL | None = None
    """Where it is, when other servers may share it."""

    def __init__(self, where: Path | URL) -> None:
        self.url = where if isinstance(where, URL) else None
        self._path = where if isinstance(where, Path) else Path()
        self._engine = postgresql.make_engine(where) if isinstance(where, URL) else _sqlite(where)
        self._readers = (
            self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            if self.url is not None
            else self._engine
        )
        self._waiting: deque[_Waiting] = deque()
        self._lock = threading.Lock()
        self._writer = self._engine.connect()
        self._flushes = True
        self._session = 0
        self._scribe: threading.Thread | None = None
        self._wanted = threading.Event()
        self._is_closed = False
        self._checkpoints = Checkpoints(self._path)

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

    def write_soon(self, work: Callable[[Connection], T]) -> Future[T]:
        """As `write`, for callers that must not wait in their thread: what it gave, once it is committed."""
        future: Future[T] = Future()
        self._waiting.append((work, future, False))
        if self._scribe is None:
            self._scribe = threading.Thread(target=self._write_on, name="writer", daemon=True)
            self._scribe.start()
        self._wanted.set()
        return future

    def _write_on(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            if self._is_closed:
                return
            with self._lock:
                if self._waiting:
                    self._commit_batch()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading; it sees everything committed before, and nothing of what is committed while it reads."""
        if self.url is None:
            with told_as_os_errors(self._path), self._readers.connect() as connection:
                yield connection
            return
        try:
            with self._readers.connect() as connection:
                yield connection
        except DBAPIError as error:
            found = postgresql.told(error, self.url)
            if found is error:
                raise
            raise found from error

    def write_apart(self, work: Callable[[Connection], T]) -> T:
        """As `write`, without waiting for other writers: for leases alone, whose rows nothing else writes."""
        try:
            with self._engine.connect() as connection, connection.begin():
                return work(connection)
        except DBAPIError as error:
            raise self._told(error) from error

    def listen(self, heard: Callable[[list[str], int], None]) -> postgresql.Listener | None:
        """Has `heard` called with what other servers commit, in a thread of its own; None where there can be no others."""
        if self.url is None:
            return None
        listener = postgresql.Listener(self.url, lambda lines, session: self._hear(heard, lines, session))
        listener.start()
        return listener

    def close(self) -> None:
        self._is_closed = True
        self._wanted.set()
        if self._scribe is not None:
            self._scribe.join(timeout=5)
        self._checkpoints.close()
        self._writer.close()
        self._engine.dispose()

    def _hear(self, heard: Callable[[list[str], int], None], lines: list[str], session: int) -> None:
        if not lines or session != self._session:  # what this server tells, it knows
            heard(lines, session)

    def _commit_batch(self) -> None:
        batch: list[_Waiting] = []
        while self._waiting:
            batch.append(self._waiting.popleft())
        is_flushed = not all(redoable for *_, redoable in batch)
        try:
            results = self._run([work for work, *_ in batch], is_flushed)
        except Exception as error:
            if len(batch) == 1:
                batch[0][1].set_exception(self._told(error))
                return
            for work, future, _ in batch:
                self._commit_one(work, future, is_flushed)
            return
        passing("commit.after")
        for (_, future, _), result in zip(batch, results, strict=True):
            future.set_result(result)
        if self.url is None:
            self._checkpoints.committed(self._driver().total_changes)

    def _commit_one(self, work: Work, future: Future[Any], is_flushed: bool) -> None:
        try:
            (result,) = self._run([work], is_flushed)
        except Exception as error:
            future.set_exception(self._told(error))
        else:
            passing("commit.after")
            future.set_result(result)

    def _told(self, error: Exception) -> Exception:
        """A failure of the disk or the database's own, as an error that says so."""
        return as_os_error(error, self._path) if self.url is None else postgresql.told(error, self.url)

    def _run(self, works: list[Work], is_flushed: bool) -> list[Any]:
        """What the works gave, committed together. Done again when the database gave up the transaction and kept nothing of it."""
        if self.url is None:
            self._flush_commits(is_flushed)
        for tries_left in reversed(range(TRIES)):
            is_committing = False
            try:
                with self._writer.begin():
                    if self.url is not None:
                        postgresql.take_turn(self._writer, is_flushed)
                        self._session = postgresql.session_of(self._writer)
                    results = [work(self._writer) for work in works]
                    passing("commit.before")
                    is_committing = True
                return results
            except DBAPIError as error:
                if self.url is None or not tries_left or not postgresql.may_retry(error, is_committing):
                    raise
                if postgresql.is_over(self._writer):
                    self._writer.invalidate()
        raise AssertionError("unreachable")

    def _flush_commits(self, wanted: bool) -> None:
        """Whether commits wait for the disk. Below it, SQLite's log keeps the order of commits in either case."""
        if wanted != self._flushes:
            self._driver().execute("PRAGMA synchronous=" + ("FULL" if wanted else "NORMAL"))
            self._flushes = wanted

    def _driver(self) -> sqlite3.Connection:
        """The writer's connection as SQLite's driver has it."""
        raw = self._writer.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        return raw


def _sqlite(path: Path) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        connect_args={"check_same_thread": False, "timeout": 30, "cached_statements": 256},
        pool_size=40,  # as many as the server has worker threads: a connection is not made anew under load
        max_overflow=24,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None
        own = ("journal_mode=WAL", f"wal_autocheckpoint={PAGES}")
        for pragma in (*own, "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def open_database(where: Path | str) -> Database:
    """The database at a path (SQLite) or URL (PostgreSQL), made or migrated to this version's schema.

    CannotServe when it is newer, damaged or out of reach.
    """
    place = where if isinstance(where, Path) else postgresql.parse(where)
    named = str(place) if isinstance(place, Path) else postgresql.shown(place)
    try:
        if isinstance(place, URL):
            _migrate_together(place, named)
        elif _is_empty(place):
            _make(place)
        elif _is_behind(_version(place), named):
            migrate(place)
        return Database(place)
    except (OperationalError, sqlite3.DatabaseError) as error:
        way_out = "Check the disk and the file's permissions, or run: penstock doctor"
        if isinstance(place, URL):
            way_out = "Check that it runs, and the user and password of the URL."
        said = str(error.orig if isinstance(error, OperationalError) else error).strip()
        raise CannotServe(f"The database {named} cannot be opened: {said}. {way_out}") from error


def shown(url: str) -> str:
    """The name of a database for people, without its secrets; CannotServe when the URL is none."""
    return postgresql.shown(postgresql.parse(url))


def _is_behind(version: str | None, named: str) -> bool:
    if version is not None and version > HEAD:
        raise CannotServe(
            f"The database {named} has schema {version}; this Penstock knows {HEAD} and older. Upgrade: pip install -U penstock"
        )
    return version != HEAD


def _is_empty(path: Path) -> bool:
    """Whether nothing was ever kept there."""
    if not path.exists():
        return True
    with closing(sqlite3.connect(path, timeout=30)) as connection:
        return not connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()


def _make(path: Path) -> None:
    """A new SQLite database at HEAD: in a fifth of a second less than by all migrations, and without what they need."""
    with closing(sqlite3.connect(path, timeout=30)) as connection:
        connection.executescript(NEWEST.read_text())


def _version(path: Path) -> str | None:
    with sqlite3.connect(path, timeout=30) as connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "alembic_version" not in tables:
            return None
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    connection.close()
    return row[0] if row else None


def _migrate_together(url: URL, named: str) -> None:
    """Bring a PostgreSQL database to HEAD in one transaction; of servers that start at once, one does it."""
    engine = postgresql.make_engine(url)
    try:
        with engine.connect() as connection, connection.begin():
            postgresql.wait_to_migrate(connection)
            version = None
            if inspect(connection).has_table("alembic_version"):
                version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            if _is_behind(version, named):
                _upgrade(connection)
    finally:
        engine.dispose()


def migrate(path: Path) -> None:
    """Bring the SQLite database at `path` to HEAD."""
    engine = _sqlite(path)
    with engine.connect() as connection, connection.begin():
        _upgrade(connection)
    engine.dispose()


def _upgrade(connection: Connection) -> None:
    from alembic import command  # 150 ms that only a new or an old database pays
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def check_readable(database: Database) -> None:
    """Raise unless the database answers."""
    with database.read() as connection:
        connection.execute(text("SELECT 1"))
