"""A PostgreSQL whose disk is full: what is new is refused as on a full disk of our own, nothing acknowledged is lost, and it goes on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from disks import fill, mounted
from fault.test_disk_server import GATE, ends_as, health, open_gate, running, submit_until_refused
from integration.served import node, printed, wait_for
from sqlalchemy import text

from penstock.model.errors import NoSpace
from penstock.store.database import open_database

REFUSES = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE 'could not extend file "base/1/2": No space left on device' USING ERRCODE = '53100'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON workspace EXECUTE FUNCTION refuse();
"""


def test_what_a_full_database_refuses_is_told_as_a_full_disk(postgresql_store: str) -> None:
    database = open_database(postgresql_store)
    try:
        with psycopg.connect(postgresql_store) as connection:
            connection.execute(REFUSES)
        with pytest.raises(
            NoSpace, match=r"disk of the database postgresql://.* is full: could not extend file"
        ) as told:
            database.write(lambda c: c.execute(text("INSERT INTO workspace (name) VALUES ('w')")))
        assert told.value.http_status == 507 and told.value.target.startswith("postgresql://")
        assert database.write(lambda c: c.execute(text("SELECT 1")).scalar()) == 1, "the session is good for more"
    finally:
        database.close()


@pytest.fixture
def small_database(postgresql_server: Callable[[str], str], tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The URL of a database that lies on a filesystem of 24 MB, and that filesystem."""
    place = Path(f"/tmp/pg-small-{os.getpid()}")
    with mounted(place, "size=24m,mode=755"):
        folder = place / "tables"
        folder.mkdir()
        with psycopg.connect(postgresql_server("postgres"), autocommit=True) as connection:
            (data,) = connection.execute("SHOW data_directory").fetchone()
            shutil.chown(folder, os.stat(data).st_uid, os.stat(data).st_gid)
            connection.execute(f"CREATE TABLESPACE small LOCATION '{folder}'")
            connection.execute("CREATE DATABASE small TABLESPACE small")
        try:
            yield postgresql_server("small"), place
        finally:
            with psycopg.connect(postgresql_server("postgres"), autocommit=True) as connection:
                connection.execute("DROP DATABASE small WITH (FORCE)")
                connection.execute("DROP TABLESPACE small")
    place.rmdir()


def test_a_full_disk_of_the_database_refuses_new_work_keeps_what_was_acknowledged_and_is_left_behind(
    home: Path, small_database: tuple[str, Path]
) -> None:
    url, place = small_database
    with running(home, PENSTOCK_DATABASE=url) as client:
        nodes = [node(client.snapshot(a__py=GATE))]
        first = client.submit(nodes, tags={"long": "x" * 4000})[1]["run"]["id"]
        wait_for(lambda: list(home.glob("jobs/*/running")))
        taken = fill(place)
        kept, error = submit_until_refused(client, nodes)
        assert error["code"] == "NoSpace" and error["target"].endswith("/small")
        assert "The disk of the database" in error["message"] and "Free some space" in error["message"]
        open_gate(home)
        said = wait_for(lambda: h if (h := health(client))["status"] == "failing" else None)
        assert "is full" in said["trouble"], said
        taken.unlink()
        wait_for(lambda: health(client)["status"] == "ok")
        last = client.submit(nodes)[1]["run"]["id"]
        assert [ends_as(client, r) for r in [first, *kept, last]] == ["Completed"] * (len(kept) + 2)
    assert "Traceback" not in printed(home)
    Path(f"{home}.go").unlink()
