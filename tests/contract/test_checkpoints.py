"""What is committed comes into the database's own file soon, beside the writer, and is not lost when that is not to be had."""

import shutil
import sqlite3
import time
from contextlib import closing

import pytest
from sqlalchemy import text

from penstock.store import checkpoints
from penstock.store.database import open_database

INSERT = text(
    "INSERT INTO workspace (name, id, subscription_id, resource_group, location, tags, default_datastore, created_at) "
    "VALUES (:n, :n, 's', 'g', '', '{}', '', 0)"
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "penstock.db"


@pytest.fixture
def database(path):
    opened = open_database(path)
    yield opened
    opened.close()


def write(database, first, n):
    database.write(lambda c: c.execute(INSERT, [{"n": f"w{i}"} for i in range(first, first + n)]))


def n_in(path, folder):
    """The rows that are in the file by itself, without its log."""
    alone = folder / "alone.db"
    shutil.copyfile(path, alone)
    with closing(sqlite3.connect(f"file:{alone}?immutable=1", uri=True)) as connection:
        return connection.execute("SELECT count(*) FROM workspace").fetchone()[0]


def test_what_is_committed_comes_into_the_file_beside_the_writer(database, path, tmp_path):
    write(database, 0, checkpoints.ROWS)
    until = time.monotonic() + 20
    while n_in(path, tmp_path) < checkpoints.ROWS and time.monotonic() < until:
        time.sleep(0.02)
    assert n_in(path, tmp_path) == checkpoints.ROWS


def test_a_reader_keeps_the_log_and_nothing_is_lost(database, path, tmp_path):
    with database.read() as reader:
        assert reader.execute(text("SELECT count(*) FROM workspace")).scalar() == 0
        for k in range(4):
            write(database, k * checkpoints.ROWS, checkpoints.ROWS)
        assert reader.execute(text("SELECT count(*) FROM workspace")).scalar() == 0, "it sees what there was"
    database.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM workspace").fetchone()[0] == 4 * checkpoints.ROWS
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


def test_a_file_that_cannot_be_written_stays_as_it_is(path, tmp_path):
    beside = checkpoints.Checkpoints(tmp_path)  # a folder: no database
    beside.committed(checkpoints.ROWS)
    beside.close()
