"""Databases of every released schema open with today's code: migrated, read from, written to, and the same as a new one."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from contract.schemas.newest import newest
from sqlalchemy import Connection, create_engine, inspect, text

from penstock.model.errors import CannotServe
from penstock.model.status import Status
from penstock.store import catalog, environments, history, identities, postgresql, records, runs, takeover
from penstock.store import database as store_database
from penstock.store.database import HEAD, NEWEST, Database, open_database

SCHEMAS = sorted(Path(__file__).with_name("schemas").glob("*.sql"))
VERSIONS = Path(__file__).resolve().parents[2] / "src/penstock/store/migrations/versions"


@pytest.fixture(params=SCHEMAS, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A database as the release with that schema left it."""
    place = tmp_path / "penstock.db"
    with closing(sqlite3.connect(place)) as database:
        database.executescript(request.param.read_text())
    return place


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    opened = open_database(path)
    yield opened
    opened.close()


def test_there_is_a_database_of_every_schema_that_was_released() -> None:
    made = {p.stem for p in SCHEMAS}
    known = {p.name[:4] for p in VERSIONS.glob("[0-9]*.py")}
    assert made <= known and {v for v in known if v < max(made)} <= made, "schemas/record.py says how to record one"
    assert "0001" in made


def test_a_new_database_begins_with_what_all_migrations_make() -> None:
    def statements(script: str) -> list[list[str]]:
        """Constraints, and indexes that were made together, come in any order."""
        return sorted(sorted(line.strip().rstrip(",") for line in s.splitlines()) for s in script.split(";\n"))

    assert statements(NEWEST.read_text()) == statements(newest()), "run: python tests/contract/schemas/newest.py"


def test_what_could_not_be_made_whole_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, broken = tmp_path / "penstock.db", tmp_path / "broken.sql"
    broken.write_text(NEWEST.read_text().replace("COMMIT;", "CREATE nonsense;"))
    monkeypatch.setattr(store_database, "NEWEST", broken)
    with pytest.raises(CannotServe, match=r"cannot be opened: near \"nonsense\""):
        open_database(place)
    monkeypatch.undo()
    open_database(place).close()
    with closing(sqlite3.connect(place)) as made:
        assert made.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]


def test_an_old_database_is_migrated_and_its_runs_are_read(database: Database, path: Path) -> None:
    with database.read() as connection:
        (failed, completed) = runs.list_runs(connection, runs.Filter(type="pipeline"))
        assert (failed["status"], completed["status"]) == ("Failed", "Completed")
        steps = runs.children(connection, completed["id"])
        assert [(s["name"], s["status"], s["attempt"]) for s in steps] == [
            (f"step {n}", "Completed", 1) for n in (0, 1)
        ]
        assert [m["value"] for m in records.metrics(connection, completed["id"], recursive=True)] == [0.5, 0.5]
        assert records.labels(connection, [steps[0]["id"]])[steps[0]["id"]]["tag"] == {"kind": "fixture"}
        assert {a["name"] for a in records.artifacts(connection, steps[0]["id"])} >= {"outputs/model.bin"}
        assert [o["kind"] for o in records.outputs(connection, completed["id"])] == ["directory", "directory"]
        story = [e["name"] for e in history.of_root(connection, completed["id"])]
        assert story[0] == "created" and story[-1] == "completed"
        assert runs.get_submission(connection, completed["id"])["graph"]["schema"] == 1
        assert [a["exit_code"] for a in runs.attempts(connection, steps[0]["id"])] == [0]
        assert [m["version"] for m in catalog.models(connection, "w")] == [1]
        assert [d["name"] for d in catalog.dataset_versions(connection, "w")] == ["d"]
    with closing(sqlite3.connect(path)) as plain:
        assert plain.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]


def test_an_old_database_takes_new_runs(database: Database) -> None:
    with database.read() as connection:
        (run,) = runs.list_runs(connection, runs.Filter(status="Running"))
    ends = runs.Move(run["id"], Status.RUNNING, Status.COMPLETED, run["attempt"], at=run["created_at"] + 1)
    assert database.write(lambda c: runs.move(c, [ends])) == [ends]
    row = {k: run[k] for k in ("workspace", "experiment", "type", "name", "parent_id", "created_at")}
    new = {**row, "id": "new", "root_id": "new", "status": "NotStarted", "attempt": 0, "unmet": 0}
    database.write(lambda c: runs.insert_runs(c, [new]))
    with database.read() as connection:
        assert runs.get_run(connection, "new")["number"] > run["number"]


def shape(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Tables with their columns (name, type, null, key), and indexes with theirs."""
    with closing(sqlite3.connect(path)) as database:
        named = database.execute("SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'").fetchall()
        asks = {"table": "PRAGMA table_info({})", "index": "PRAGMA index_info({})"}
        found = {}
        for kind, name in named:
            rows = database.execute(asks[kind].format(name)).fetchall()
            found[f"{kind} {name}"] = sorted(
                (row[1], row[2].split("(")[0], row[3], row[5]) if kind == "table" else (row[2] or "an expression",)
                for row in rows
            )
        return found


def test_a_migrated_database_is_shaped_as_a_new_one(database: Database, path: Path, tmp_path: Path) -> None:
    open_database(tmp_path / "new.db").close()
    assert shape(path) == shape(tmp_path / "new.db")


def test_environments_of_an_old_database_are_read(database: Database, path: Path) -> None:
    with database.read() as connection:
        found = [(e["name"], e["definition"]["name"]) for e in environments.versions(connection, "w")]
    assert found == ([("env", "env")] if "environment" in kept_in(path) else [])


def kept_in(path: Path) -> set[str]:
    """The tables that have rows."""
    with closing(sqlite3.connect(path)) as plain:
        names = [row[0] for row in plain.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name for name in names if plain.execute(f"SELECT count(*) FROM {name}").fetchone()[0]}


def columns(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Tables of a PostgreSQL database with their columns and keys."""
    engine = postgresql.make_engine(postgresql.parse(url))
    try:
        found = inspect(engine)
        return {
            t: sorted((c["name"], str(c["type"]), c["nullable"]) for c in found.get_columns(t))
            + sorted((tuple(i["column_names"]), i["unique"]) for i in found.get_indexes(t))
            + found.get_pk_constraint(t)["constrained_columns"]
            for t in found.get_table_names()
        }
    finally:
        engine.dispose()


@pytest.mark.slow
@pytest.mark.parametrize("version", sorted(p.name[:4] for p in VERSIONS.glob("[0-9]*.py")))
def test_a_postgresql_of_every_schema_is_migrated(
    new_postgresql_url: Callable[[], str], postgresql_store: str, version: str
) -> None:
    old = new_postgresql_url()
    engine = postgresql.make_engine(postgresql.parse(old))
    with engine.connect() as connection, connection.begin():
        config = Config()
        config.set_main_option("script_location", str(VERSIONS.parent))
        config.attributes["connection"] = connection
        command.upgrade(config, version)
        row = {"name": "w", "created_at": 1.0}
        known = inspect(connection).get_columns("workspace")
        row |= {c["name"]: "{}" for c in known if not c["nullable"] and c["name"] not in row}
        names = ", ".join(row)
        connection.execute(text(f"INSERT INTO workspace ({names}) VALUES ({', '.join(':' + n for n in row)})"), row)
    engine.dispose()
    database = open_database(old)
    with database.read() as connection:
        assert [w["name"] for w in catalog.workspaces(connection)] == ["w"]
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == HEAD
    database.close()
    assert columns(old) == columns(postgresql_store)  # which was new, and empty, when it got its schema


REUSED = [
    "INSERT INTO workspace VALUES ('w', 'w', 's', 'g', 'l', '{}', 'd', 1.0)",
    *(
        "INSERT INTO run (id, workspace, experiment, type, name, parent_id, root_id, status, attempt, unmet, created_at, started_at, "
        f"ended_at) VALUES ('{run}', 'w', 'e', 'step', 'step', '{root}', '{root}', 'Completed', {attempt}, 0, 1.0, 2.0, 2.0)"
        for run, root, attempt in (("old", "r1", 1), ("new", "r2", 0), ("resumed", "r3", 0))
    ),
    *(
        f"INSERT INTO identity VALUES ('{run}', 'w', 'step', 'sha256:f', 'sha256:m', '{parts}', {reused}, '[]', NULL, 2.0)"
        for run, parts, reused in (("old", '{"a": 1}', "NULL"), ("new", "{}", "'old'"))
    ),
    *(
        "INSERT INTO output (run_id, name, root_id, datastore, path, kind, digest, n_files, size_bytes) "
        f"VALUES ('{run}', 'out', '{root}', 'd', 'p', 'file', 'sha256:x', 1, 1)"
        for run, root in (("old", "r1"), ("new", "r2"), ("resumed", "r3"))
    ),
]


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def test_reused_steps_of_before_point_at_what_stands_for_them_and_back(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = tmp_path / "penstock.db"
    url = request.getfixturevalue("new_postgresql_url")() if kind == "postgresql" else f"sqlite:///{path}"
    engine = postgresql.make_engine(postgresql.parse(url)) if kind == "postgresql" else create_engine(url)
    config = Config()
    config.set_main_option("script_location", str(VERSIONS.parent))

    def there(connection: Connection) -> list[list[tuple[object, ...]]]:
        asked = (f"SELECT * FROM {table} ORDER BY run_id" for table in ("identity", "output"))
        return [[tuple(row) for row in connection.execute(text(query))] for query in asked]

    with engine.connect() as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "0016")
        for statement in REUSED:
            connection.exec_driver_sql(statement)
        before = there(connection)
    database = open_database(url if kind == "postgresql" else path)
    with database.read() as connection:
        assert {r: found.run_id for r, found in takeover.stand_ins(connection, ["old", "new"]).items()} == {
            "new": "old"
        }
        assert set(identities.of_runs(connection, ["old", "new"])) == {"old"}
        left = records.outputs_of(connection, ["old", "new", "resumed"])
        assert [(o["run_id"], o["path"]) for found in left.values() for o in found] == [
            (run, "p") for run in ("old", "new", "resumed")
        ]
        assert connection.execute(text("SELECT count(*) FROM output")).scalar() == 2
    database.close()
    with engine.connect() as connection, connection.begin():
        config.attributes["connection"] = connection
        command.downgrade(config, "0016")
        # Columns that were dropped come back last.
        assert [sorted(map(str, row)) for rows in there(connection) for row in rows] == [
            sorted(map(str, row)) for rows in before for row in rows
        ]
    engine.dispose()


def test_a_database_of_a_later_release_is_refused_untouched(path: Path) -> None:
    with closing(sqlite3.connect(path)) as plain:
        plain.execute("UPDATE alembic_version SET version_num = '9999'")
        plain.commit()
    before = path.read_bytes()
    with pytest.raises(CannotServe, match=r"schema 9999.*pip install -U penstock"):
        open_database(path)
    assert path.read_bytes() == before
