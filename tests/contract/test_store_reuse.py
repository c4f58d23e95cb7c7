"""What every store promises of steps that stand for others, on SQLite and on PostgreSQL."""

from contract.test_store import add_run, database, place
from sqlalchemy import event

from penstock.model.status import Status
from penstock.store import history, identities, records, removals, runs, takeover
from penstock.store.database import open_database

__all__ = ["database", "place"]  # the fixtures


def identity(run_id: str, fingerprint: str | None = "sha256:f", **more):
    row = {
        "run_id": run_id,
        "workspace": "ws",
        "name": "step",
        "fingerprint": fingerprint,
        "module": "sha256:m",
        "parts": {"a": 1},
    }
    return {**row, "why": [], "unusable": None, "created_at": 1.0, **more}


def test_a_step_is_found_by_its_fingerprint_once_it_has_completed_by_running(database):
    for name, status in (
        ("old", "Completed"),
        ("new", "Completed"),
        ("failed", "Failed"),
        ("spoilt", "Completed"),
        ("hit", "Completed"),
    ):
        stands = "new" if name == "hit" else None
        add_run(database, name, status, root_id=f"root of {name}", ended_at=2.0, reused_run_id=stands)
    rows = [identity(n) for n in ("old", "new", "failed", "spoilt")]
    database.write(lambda c: identities.add(c, rows))
    database.write(lambda c: identities.spoil(c, "spoilt", "it changed its input in place"))
    with database.read() as connection:
        found = identities.completed(connection, "ws", ["sha256:f", "sha256:g"], "root of new", {})
        assert {f: [s.run_id for s in steps] for f, steps in found.items()} == {"sha256:f": ["old"], "sha256:g": []}
        found = identities.completed(connection, "ws", ["sha256:f"], "", {})
        assert [s.run_id for s in found["sha256:f"]] == ["new", "old"]
        assert [r["run_id"] for r in identities.earlier(connection, "ws", "step", before="spoilt")] == ["new", "old"]
        assert identities.known_modules(connection, "ws", [("step", "sha256:m"), ("step", "sha256:n")]) == {"sha256:m"}
        assert identities.get(connection, "spoilt")["unusable"] == "it changed its input in place"


def test_a_step_that_another_stands_for_has_what_that_left(database):
    for name, root in (("old", "r1"), ("new", "r2")):
        add_run(database, root, Status.COMPLETED, type="pipeline", root_id=root, ended_at=2.0)
        add_run(database, name, Status.COMPLETED, root_id=root, ended_at=2.0)
    place = {
        "datastore": "d",
        "path": "p",
        "kind": "file",
        "digest": "sha256:x",
        "n_files": 1,
        "size_bytes": 1,
        "pipeline_output_name": None,
    }
    metric = {"run_id": "old", "at": 1.0, "kind": "scalar", "step": None}

    def leave(connection):
        records.put_outputs(connection, [{**place, "run_id": "old", "name": "out"}])
        records.put_artifacts(
            connection, [{"run_id": "old", "name": "outputs/m", "attempt": 2, "path": "jobs/old.2/m", "size_bytes": 3}]
        )
        records.add_metrics(connection, [{**metric, "attempt": n, "name": "m", "value": n} for n in (1, 2)])
        records.set_labels(connection, "old", "tag", {"kind": "x", "50%": "y"})
        records.set_labels(connection, "old", "property", {"azureml.isreused": "no", "own": "z"})

    database.write(leave)
    database.write(lambda c: takeover.copy_all(c, [{"old": "old", "new": "new", "attempt": 2}]))
    database.write(lambda c: takeover.point(c, [("new", "old")]))
    with database.read() as connection:
        for found in (
            records.outputs_of(connection, ["new"])["new"],
            records.outputs(connection, "new"),
            records.outputs(connection, "r2"),
        ):
            assert [(o["run_id"], o["name"], o["path"]) for o in found] == [("new", "out", "p")]
        kept = removals.kept_outputs(connection)
        assert [(o["run_id"], o["root_id"], o["path"]) for o in kept] == [("old", "r1", "p"), ("new", "r2", "p")]
        assert [(a["name"], a["attempt"], a["path"]) for a in records.artifacts(connection, "new")] == [
            ("outputs/m", 0, "jobs/old.2/m")
        ]
        assert [(m["value"], m["attempt"]) for m in records.metrics(connection, "new")] == [(2, 0)]  # of its last try
        labels = records.labels(connection, ["new"])["new"]
        assert labels["tag"] == {"kind": "x", "50%": "y"}
        assert labels["property"]["own"] == "z" and labels["property"]["azureml.isreused"] == "true"


def test_a_reused_step_says_what_stands_for_it_as_its_row_does(database):
    add_run(database, "old", Status.COMPLETED, root_id="r1", node="aa", attempt=3, ended_at=2.0)
    add_run(database, "new", Status.COMPLETED, root_id="r2", node="bb", ended_at=3.0)
    database.write(lambda c: takeover.point(c, [("new", "old")]))
    wanted = {
        "azureml.isreused": "true",
        "azureml.reusedrunid": "old",
        "azureml.reusednodeid": "aa",
        "azureml.reusedpipeline": "r1",
        "azureml.reusedpipelinerunid": "r1",
    }
    with database.read() as connection:
        found = records.labels(connection, ["new", "old"])
        assert found == {"new": {"tag": {}, "property": wanted}, "old": {"tag": {}, "property": {}}}
        assert takeover.stand_ins(connection, ["new", "old"]) == {"new": takeover.StandIn("old", "aa", "r1", 3)}
        for name, value in [*wanted.items(), *dict.fromkeys(wanted).items()]:
            listed = runs.list_runs(connection, runs.Filter(type="step", labels=(("property", name, value),)))
            assert [r["id"] for r in listed] == ["new"], name
            other = runs.Filter(type="step", labels=(("property", name, "another"),))
            assert runs.list_runs(connection, other) == []


def test_what_a_step_name_is_seen_to_read_is_new_once(database):
    seen = {"kind": "file", "name": "/rates.csv", "found": "sha256:1"}
    for run_id in ("first", "second"):
        add_run(database, run_id, Status.RUNNING)
        database.write(lambda c, run_id=run_id: identities.add(c, [identity(run_id)]))
        with database.read() as connection:
            wanted = ["/rates.csv"] if run_id == "first" else []
            assert identities.first_seen(connection, run_id, ["/rates.csv"]) == ("step", wanted)
        database.write(lambda c, run_id=run_id: identities.add_observations(c, [{**seen, "run_id": run_id}]))


def test_earlier_steps_are_looked_up_by_fingerprint_and_modules_by_name(sqlite_path):
    """Neither reads the workspace's whole history, as SQLite would by itself: it takes every index for as good as the other."""
    database = open_database(sqlite_path)
    asked = []
    with database.read() as connection:
        event.listen(connection, "before_cursor_execute", lambda *given: asked.append((given[2], given[3])))
        identities.completed(connection, "ws", ["sha256:f", "sha256:g"], "", {})
        identities.known_modules(connection, "ws", [("step", "sha256:m")])
        plans = [
            " ".join(row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values))
            for text, values in list(asked)
            if text.startswith(("SELECT", "WITH"))
        ]
    database.close()
    assert "(fingerprint=?)" in plans[0]
    assert "(workspace=? AND name=? AND module=?)" in plans[1]


def test_whose_script_ran_is_told_of_steps_that_stand_one_for_another(database):
    for name, attempt, stands in (("ran", 2, None), ("hit", 0, "ran"), ("taken", 0, None), ("taken again", 0, None)):
        add_run(
            database, name, Status.COMPLETED, root_id=f"r {name}", attempt=attempt, ended_at=2.0, reused_run_id=stands
        )
    of = {"taken": "hit", "taken again": "taken", "ran": "ran"}  # what a script says of itself leads nowhere
    labels = {name: {"property": {"azureml.reusedrunid": other}} for name, other in of.items()}
    database.write(lambda c: records.insert_labels(c, labels))
    with database.read() as connection:
        assert takeover.taken_from(connection, ["ran", "hit", "taken"]) == {"taken": "hit"}
        found = takeover.who_ran(connection, ["ran", "hit", "taken", "taken again"])
        assert {(f.run_id, f.root_id, f.job) for f in found.values()} == {("ran", "r ran", "ran.2")} and len(found) == 4


def reuse_all(database, root: str, n: int) -> None:
    """A pipeline run of n steps for each of which an earlier one stands, as a submission keeps it."""

    def work(connection):
        row = {"workspace": "ws", "experiment": "e", "root_id": root, "status": "Completed", "created_at": 1.0}
        more = {"attempt": 0, "unmet": 0, "ended_at": 2.0}
        steps = [
            {"id": f"{root}{i}", "type": "step", "name": "s", "parent_id": root, "reused_run_id": f"older{i:04d}"}
            for i in range(n)
        ]
        top = {"id": root, "type": "pipeline", "name": root, "parent_id": None, "reused_run_id": None}
        runs.insert_runs(connection, [{**row, **each, **more} for each in (top, *steps)])
        history.append(connection, [history.Event(root, root, 1.0, "created")])
        told = [
            history.Event(root, root, 2.0, "running"),
            history.Event(f"{root}0", root, 2.0, "output_dataset", {"output": "o"}),
            history.all_reused(root, 2.0, n),
            history.Event(root, root, 2.0, "completed"),
        ]
        history.append(connection, told)

    database.write(work)


def test_the_ends_of_steps_of_which_all_were_reused_are_told_as_if_each_had_its_row(database):
    for root in ("a", "b"):
        reuse_all(database, root, 5)
        database.write(lambda c: history.append(c, [history.Event("other", "other", 3.0, "note")]))
    late = [history.Event(run_id, "a", 4.0, "warning", {"message": "late"}) for run_id in ("a", "a3")]
    database.write(lambda c: history.append(c, late))
    with database.read() as connection:
        for root in ("a", "b"):
            story = history.of_root(connection, root)
            late = ["warning"] if root == "a" else []
            assert [e["name"] for e in story] == ["created", "running", "output_dataset", *["completed"] * 6, *late * 2]
            assert [e["run_id"] for e in story[3:9]] == [*(f"{root}{i}" for i in range(5)), root]
            assert story[4]["body"] == {
                "status": "Completed",
                "message": "reused from run older000",
                "reused_run_id": "older0001",
            }
            assert {(e["root_id"], e["at"]) for e in story[1:9]} == {(root, 2.0)}
            ids = [e["id"] for e in story]
            assert ids == sorted(set(ids))
            assert history.of_run(connection, f"{root}3") == [story[6], *story[10:]]
            assert history.of_run(connection, f"{root}4") == [story[7]]
            assert history.of_run(connection, f"{root}0") == [story[2], story[3]]
            assert history.of_run(connection, f"{root}0", story[2]["id"]) == [story[3]]
            assert [e["name"] for e in history.of_run(connection, root)] == ["created", "running", "completed", *late]
            for limit in range(1, 12):
                assert pages(connection, root, limit) == story
                for i, each in enumerate(story):
                    assert history.of_root(connection, root, each["id"], limit) == story[i + 1 :][:limit]
        every = [e["id"] for root in ("a", "b", "other") for e in history.of_root(connection, root)]
        assert len(every) == len(set(every)), "no two events have one id"


def pages(connection, root: str, limit: int):
    """The story, as whoever follows a run reads it: until a page is not full."""
    found, after = [], 0
    while True:
        page = history.of_root(connection, root, after, limit)
        found += page
        if len(page) < limit:
            return found
        after = page[-1]["id"]


def test_an_event_stands_behind_those_that_were_set_aside_when_nothing_was_told_before(database):
    database.write(lambda c: history.append(c, [history.all_reused("r", 1.0, 7)]))
    database.write(lambda c: history.append(c, [history.Event("s", "s", 1.0, "note")]))
    with database.read() as connection:
        assert [e["id"] for e in history.of_root(connection, "s")] == [9]
