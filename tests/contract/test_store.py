"""What every store promises, on SQLite and on PostgreSQL."""

import math
import threading

import pytest

from penstock.model.errors import CannotServe
from penstock.model.status import Status
from penstock.service.execution import journal
from penstock.store import catalog, history, identities, pipelines, records, runs, secrets
from penstock.store.database import HEAD, Database, open_database


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def place(request):
    """Where a database with today's schema is: a path, or a URL of PostgreSQL."""
    return request.getfixturevalue("sqlite_path" if request.param == "sqlite" else "postgresql_store")


@pytest.fixture
def database(place):
    opened = open_database(place)
    row = {"name": "ws", "id": "w", "subscription_id": "", "resource_group": "", "location": "", "tags": {}}
    opened.write(lambda c: catalog.add_workspace(c, {**row, "default_datastore": "d", "created_at": 1.0}))
    yield opened
    opened.close()


def add_run(database: Database, run_id: str, status=Status.NOT_STARTED, **more):
    row = {
        "id": run_id,
        "workspace": "ws",
        "experiment": "e",
        "type": "step",
        "name": run_id,
        "parent_id": None,
        "root_id": "root",
        "status": str(status),
        "attempt": 0,
        "unmet": 0,
        "created_at": 1.0,
        **more,
    }
    database.write(lambda c: runs.insert_runs(c, [row]))


def status_of(database, run_id):
    with database.read() as connection:
        return runs.get_run(connection, run_id)["status"]


def test_a_stale_mover_loses(database):
    add_run(database, "r")
    first = runs.Move("r", Status.NOT_STARTED, Status.QUEUED, 0, next_attempt=1, at=2.0)
    assert database.write(lambda c: runs.move(c, [first])) == [first]
    assert database.write(lambda c: runs.move(c, [first])) == [], "the same move again finds another status"
    late = runs.Move("r", Status.QUEUED, Status.COMPLETED, 0, at=3.0)
    assert database.write(lambda c: runs.move(c, [late])) == [], "a report of an older attempt changes nothing"
    assert status_of(database, "r") == "Queued"


def test_terminal_is_final(database):
    add_run(database, "r", Status.RUNNING)
    database.write(lambda c: runs.move(c, [runs.Move("r", Status.RUNNING, Status.CANCELED, 0, at=2.0)]))
    with pytest.raises(ValueError, match="cannot become"):
        database.write(lambda c: runs.move(c, [runs.Move("r", Status.CANCELED, Status.COMPLETED, 0, at=3.0)]))
    assert status_of(database, "r") == "Canceled"


def test_an_impossible_row_cannot_be_stored(database):
    with pytest.raises(Exception, match=r"CHECK|check"):
        add_run(database, "r", "Sleeping")  # type: ignore[arg-type]
    with pytest.raises(Exception, match=r"CHECK|check"):
        add_run(database, "r", Status.COMPLETED)  # over, yet without an end


def test_a_failed_write_leaves_nothing_and_spares_the_others(database):
    def broken(connection):
        history.append(connection, [history.Event("r", "root", 1.0, "note")])
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        database.write(broken)
    database.write(lambda c: history.append(c, [history.Event("r", "root", 1.0, "note")]))
    with database.read() as connection:
        assert len(history.of_root(connection, "root")) == 1


def test_many_writers_at_once_all_get_their_own_answer(database):
    add_run(database, "r")
    answers = {}

    def work(n):
        def write(connection):
            if n % 5 == 0:
                raise ValueError(n)
            history.append(connection, [history.Event("r", "root", float(n), "note")])
            return n

        try:
            answers[n] = database.write(write)
        except ValueError as error:
            answers[n] = error

    threads = [threading.Thread(target=work, args=(n,)) for n in range(60)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert all(isinstance(answers[n], ValueError) if n % 5 == 0 else answers[n] == n for n in range(60))
    with database.read() as connection:
        assert len(history.of_root(connection, "root")) == 48


def test_events_are_read_on_from_where_one_stopped(database):
    add_run(database, "r")
    database.write(
        lambda c: history.append(
            c, [history.Event("r", "root", 1.0, "a"), history.Event("r", "root", 2.0, "b", {"x": "é"})]
        )
    )
    with database.read() as connection:
        first, second = history.of_root(connection, "root")
        assert [e["name"] for e in history.of_root(connection, "root", first["id"])] == ["b"]
        assert second["body"] == {"x": "é"}


def test_runs_are_listed_newest_first_and_by_tag(database):
    for i in range(5):
        add_run(database, f"r{i}", type="pipeline")
    database.write(lambda c: records.set_labels(c, "r1", "tag", {"k": "v"}))
    database.write(lambda c: records.set_labels(c, "r3", "tag", {"k": "w"}))
    with database.read() as connection:
        assert [r["id"] for r in runs.list_runs(connection, runs.Filter(limit=2))] == ["r4", "r3"]
        tagged = runs.list_runs(connection, runs.Filter(labels=(("tag", "k", None),)))
        assert [r["id"] for r in tagged] == ["r3", "r1"]
        exact = runs.list_runs(connection, runs.Filter(labels=(("tag", "k", "v"),)))
        assert [r["id"] for r in exact] == ["r1"]


def test_a_property_keeps_its_first_value_and_a_tag_its_last(database):
    add_run(database, "r")
    for value in ("one", "two"):
        database.write(lambda c, v=value: records.set_labels(c, "r", "tag", {"k": v}))
        database.write(lambda c, v=value: records.set_labels(c, "r", "property", {"k": v}))
    with database.read() as connection:
        assert records.labels(connection, ["r"])["r"] == {"tag": {"k": "two"}, "property": {"k": "one"}}


def test_what_a_script_may_say_never_stops_its_run_from_being_recorded(database, tmp_path):
    add_run(database, "r", Status.RUNNING)
    said = [
        {"op": "tag", "name": "n" * 2000, "value": "v"},
        {"op": "tag", "name": "nul\0", "value": "v"},
        {"op": "tag", "name": "n", "value": "v\0"},
        {"op": "metric", "name": "nul\0", "kind": "scalar", "value": 1, "at": 1.0},
        {"op": "metric", "name": "m", "kind": "k" * 100, "value": 1, "at": 1.0},
        {"op": "description", "value": "\0"},
        {"op": "artifact", "name": "é" * 4000 + ".txt", "path": "files/a", "size_bytes": 1 << 40},
        {"op": "metric", "name": "é" * 5000, "kind": "scalar", "value": "\ud800\0", "at": 1.0},
        {"op": "tag", "name": "good", "value": "é"},
    ]
    run = {"id": "r", "root_id": "root", "attempt": 1}
    database.write(lambda c: journal.apply(c, said, run, "jobs/r.1", 1.0))
    with database.read() as connection:
        assert records.labels(connection, ["r"])["r"]["tag"] == {"good": "é"}
        (metric,) = records.metrics(connection, "r")
        assert metric["name"] == "é" * 5000
        (file,) = records.artifacts(connection, "r")
        assert file["name"].startswith("…é") and file["name"].endswith("é.txt")
        assert len(history.of_root(connection, "root")) == 6, "each of the others is told as a warning"


def test_of_what_a_script_read_the_first_counts_and_of_what_it_wrote_the_last(database):
    add_run(database, "r", Status.RUNNING)
    run = {"id": "r", "root_id": "root", "attempt": 1}
    said = [
        {"op": "read", "kind": "model", "name": "m:latest", "found": "3"},
        {"op": "wrote", "name": "model m", "found": 4},
        {"op": "read", "kind": "run", "name": "x" * 2000, "found": ""},
    ]
    again = [dict(r, found="9") for r in said]
    for records_said in (said, again):
        database.write(lambda c, r=records_said: journal.apply(c, r, run, "jobs/r.1", 1.0))
    with database.read() as connection:
        seen = [(o["kind"], o["name"], o["found"]) for o in identities.observations(connection, ["r"])["r"]]
    assert seen == [("model", "m:latest", "3"), ("run", "x" * 1000, ""), ("wrote", "model m", "9")]


@pytest.mark.parametrize(
    "record",
    [
        "torn",
        {"op": "read", "kind": "model", "name": "nul\0", "found": "1"},
        {"op": "read", "kind": "unheard of", "name": "n", "found": "1"},
        {"op": "wrote", "name": "model m"},
    ],
)
def test_a_record_of_a_read_that_cannot_be_understood_is_not_forgotten(database, record):
    add_run(database, "r", Status.RUNNING)
    database.write(lambda c: journal.apply(c, [record], {"id": "r", "root_id": "root", "attempt": 1}, "jobs/r.1", 1.0))
    with database.read() as connection:
        (seen,) = identities.observations(connection, ["r"])["r"]
    assert seen["kind"] == "run"


def test_model_versions_count_up(database):
    row = {
        "workspace": "ws",
        "name": "m",
        "tags": {},
        "properties": {},
        "entry": "m.pkl",
        "path": "p",
        "size_bytes": 1,
        "created_at": 1.0,
    }
    assert [database.write(lambda c: catalog.add_model(c, row)) for _ in range(3)] == [1, 2, 3]


def test_what_is_added_says_whether_it_was_new(database):
    row = {"name": "e", "workspace": "ws", "id": "i", "tags": {}, "created_at": 1.0}
    assert [database.write(lambda c: catalog.add_experiment(c, row)) for _ in range(2)] == [True, False]


def test_the_same_definition_is_one_dataset(database):
    row = {"workspace": "ws", "kind": "file", "definition": {"a": 1}, "digest": "sha256:x", "created_at": 1.0}
    first = database.write(lambda c: catalog.add_dataset(c, {**row, "id": "one"}))
    assert database.write(lambda c: catalog.add_dataset(c, {**row, "id": "two"})) == first == "one"


def test_a_newer_schema_is_refused_and_left_alone(place):
    database = open_database(place)
    database.write(lambda c: c.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    with pytest.raises(CannotServe, match=f"schema 9999; this Penstock knows {HEAD}"):
        open_database(place)


def test_what_is_no_database_is_refused_with_its_path(tmp_path):
    path = tmp_path / "store.db"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(CannotServe, match=str(path)):
        open_database(path)


def test_the_scalars_of_a_name_are_gathered_in_logged_order(database):
    add_run(database, "r", parent_id=None, root_id="r", attempt=1)
    add_run(database, "child", parent_id="r", root_id="r")
    rows = [("r", f"n{i % 3}", "scalar", i, 1) for i in range(3000)]
    rows += [("r", "table", "table", {"a": [1]}, 1), ("r", "n0", "scalar", "NaN", 0), ("child", "n0", "scalar", 7, 0)]
    kept = [{"run_id": r, "attempt": a, "at": 1.0, "name": n, "kind": k, "value": v} for r, n, k, v, a in rows]
    database.write(lambda c: records.add_metrics(c, kept))
    with database.read() as connection:
        found = records.gathered_metrics(connection, "r")
        whole = records.gathered_metrics(connection, "r", recursive=True)
        latest = records.latest_scalars(connection, ["r", "child"])
        mark = records.mark_of_metrics(connection, "r", True)
    assert [(m["name"], m["kind"]) for m in found] == [(f"n{n}", "list") for n in range(3)] + [("table", "table")]
    assert [m["value"] for m in found[:3]] == [list(range(n, 3000, 3)) for n in range(3)]
    child = {"run_id": "child", "name": "n0", "kind": "scalar", "value": 7}
    assert [m for m in whole if m != child] == found and child in whole
    assert [(m["name"], m["value"], m["count"]) for m in latest["r"]] == [(f"n{n}", 2997 + n, 1000) for n in range(3)]
    assert [m["value"] for m in latest["child"]] == [7]
    database.write(lambda c: records.add_metrics(c, kept[-1:]))
    with database.read() as connection:
        assert records.mark_of_metrics(connection, "r", True) != mark


@pytest.mark.parametrize("odd", [True, "\ud800"], ids=["any reader of JSON", "half of a surrogate pair"])
def test_gathered_scalars_are_what_was_logged_to_the_last_digit(database, odd):
    add_run(database, "r", parent_id=None, root_id="r", attempt=1)
    values = [0.1 + 0.2, 5e-324, -0.0, math.inf, -math.inf, math.nan, 1, 2**53 + 1, -(10**40), None, 'a,"b" 😀', odd]
    row = {"run_id": "r", "attempt": 1, "at": 1.0, "name": 'odd ",\\ 😀', "kind": "scalar"}
    database.write(lambda c: records.add_metrics(c, [{**row, "value": v} for v in values]))
    with database.read() as connection:
        (found,) = records.gathered_metrics(connection, "r")
    assert (found["name"], repr(found["value"])) == (row["name"], repr(values))


def test_runs_are_counted_within_their_experiment(database):
    for run_id, experiment in (("a", "e"), ("b", "other"), ("c", "e")):
        add_run(database, run_id, experiment=experiment)
    with database.read() as connection:
        assert [runs.get_run(connection, i)["experiment_number"] for i in "abc"] == [1, 1, 2]


def test_secrets_are_kept_by_workspace_and_name(database):
    row = {
        "workspace": "ws",
        "name": "b",
        "sealed": "sealed:1:x",
        "content_type": None,
        "created_at": 1.0,
        "updated_at": 1.0,
    }
    database.write(lambda c: secrets.put(c, row))
    database.write(lambda c: secrets.put(c, {**row, "name": "A"}))
    database.write(lambda c: secrets.put(c, {**row, "sealed": "sealed:1:y", "created_at": 2.0, "updated_at": 2.0}))
    with database.read() as connection:
        kept = secrets.get(connection, "ws", "b")
        assert (kept["sealed"], kept["created_at"], kept["updated_at"]) == ("sealed:1:y", 1.0, 2.0)
        assert [s["name"] for s in secrets.listed(connection, "ws")] == ["A", "b"]
        assert "sealed" not in secrets.listed(connection, "ws")[0] and secrets.get(connection, "other", "b") is None
    assert database.write(lambda c: secrets.drop(c, "ws", "b")) and not database.write(
        lambda c: secrets.drop(c, "ws", "b")
    )


def test_only_a_driven_run_has_an_owner_to_be_replaced(database):
    add_run(database, "mine", Status.RUNNING, type="interactive", owner="1", root_id="mine")
    add_run(database, "nobodys", Status.RUNNING, type="interactive", root_id="nobodys")
    for run_id in ("mine", "nobodys"):
        database.write(lambda c, i=run_id: runs.set_owner(c, i, "2"))
    with database.read() as connection:
        assert [(r["id"], r["owner"]) for r in runs.driven(connection)] == [("mine", "2")]


def test_moves_together_are_all_made_or_none_may_be_kept(database):
    for n in range(500):
        add_run(database, f"r{n}", unmet=2)

    def end(n: int, before=Status.NOT_STARTED, at=2.0):
        return runs.Move(f"r{n}", before, Status.COMPLETED, 0, at=at, started_at=at)

    first = [runs.Move("r0", Status.NOT_STARTED, Status.RUNNING, 0, at=1.0, started_at=1.0), *map(end, range(1, 450))]
    assert database.write(lambda c: runs.move_together(c, [*first, end(0, Status.RUNNING, 3.0)]))
    with database.read() as connection:
        rows = {r["id"]: r for r in runs.runs_of_root(connection, "root")}
    assert {r["status"] for n, r in rows.items() if int(n[1:]) < 450} == {"Completed"}
    assert (rows["r0"]["started_at"], rows["r0"]["ended_at"], rows["r7"]["ended_at"]) == (1.0, 3.0, 2.0)
    assert not database.write(lambda c: runs.move_together(c, [end(450), end(7)])), "one has ended already"
    database.write(lambda c: runs.decrement_unmet(c, [*(f"r{n}" for n in range(450, 500)), "r460"]))
    with database.read() as connection:
        assert runs.get_run(connection, "r460")["unmet"] == 0 and runs.get_run(connection, "r470")["unmet"] == 1


def test_what_is_published_is_found_by_its_beginning_as_it_is_spelt(database):
    def publish(pipeline_id, name, status="Active"):
        row = {
            "id": pipeline_id,
            "workspace": "ws",
            "name": name,
            "description": None,
            "version": "1",
            "status": status,
        }
        row |= {"graph": {}, "graph_id": "g", "n_steps": 1, "interpreter": {}, "continue_on_failure": None}
        database.write(lambda c: pipelines.add(c, {**row, "published_by": None, "created_at": 1.0}))

    for pipeline_id, name, status in (
        ("a1", "train", "Active"),
        ("a2", "train", "Disabled"),
        ("b1", "train%", "Active"),
    ):
        publish(pipeline_id, name, status)
    publish("c1", "Train")
    kept = {"id": "e1", "workspace": "ws", "name": "train", "description": None, "status": "Active"}
    database.write(lambda c: pipelines.add_endpoint(c, {**kept, "default_version": 0, "created_at": 1.0}))

    def found(text, workspaces=None, granted=(), limit=10):
        with database.read() as connection:
            return [r["id"] for r in pipelines.beginning(connection, text, workspaces, granted, limit)]

    assert found("train") == ["e1", "a1", "a2", "b1"], (
        "endpoints first, then what is called just so, the active before others"
    )
    assert found("train%") == ["b1"] and found("T") == ["c1"] and found("a") == ["a1", "a2"] and found("%") == []
    assert found("", limit=2) == ["e1", "c1", "b1"], "so many of each kind, the newest first"
    assert found("", workspaces=["other"]) == [] and found("", workspaces=(), granted=["a2"]) == ["a2"]


@pytest.mark.parametrize("n", [1, 99, 100, 250])
def test_many_rows_are_kept_each_as_it_is_whatever_they_share(database, n):
    told = [history.Event(f"r{i}", "root", float(i % 2), "note" if i else "first", {"i": i % 3}) for i in range(n)]
    database.write(lambda c: history.append(c, told))
    with database.read() as connection:
        kept = history.of_root(connection, "root")
    assert [history.Event(e["run_id"], e["root_id"], e["at"], e["name"], e["body"]) for e in kept] == told
