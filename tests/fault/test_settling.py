"""Submissions of which an earlier step stands for every step: kept as completed at once, by the rules of the scheduler, from what is known alone."""

import http.server
import os
import shutil
import sys
import threading
import time
from pathlib import Path

import pytest
from test_scheduler import after, simulation, status  # noqa: F401 (a fixture among them)

from penstock.model import crashpoints
from penstock.selftest.graphs import SNAPSHOT
from penstock.selftest.processes import Behaviour
from penstock.service.care.clearing import Clearing, Limits
from penstock.service.execution.registering import dataset_row
from penstock.service.reuse.reusing import Reuse
from penstock.store import catalog, records, runs

NODES = [
    {"id": "aaaa0001", "name": "a", "outputs": [{"name": "made"}]},
    {
        "id": "aaaa0002",
        "name": "b",
        "inputs": [{"name": "made", "source": {"node": "aaaa0001", "output": "made"}}],
        "outputs": [{"name": "more"}],
    },
]
AT_REST_SECONDS = 0.15  # a file younger than this is read again


def submit(simulation, key, nodes=NODES, **more):  # noqa: F811
    """The id of the run and those of its steps, by node."""
    simulation.machine.behaviours.update(
        a=Behaviour(0.1, writes=frozenset({"made"})), b=Behaviour(0.1, writes=frozenset({"more"}))
    )
    shared = {"kind": "python_script", "settings": {"script_name": "a.py"}, "snapshot": SNAPSHOT}
    body = {"experiment": "e", "graph": {"schema": 1, "nodes": [{**shared, **n} for n in nodes]}, **more}
    body |= {"interpreter": {"executable": sys.executable}, "idempotency_key": key}
    answer = simulation.server.services.submission.submit("w", body)
    return answer["run_id"], {s["node"]: s["run_id"] for s in answer["steps"]}


@pytest.fixture
def done(simulation):  # noqa: F811
    """The steps of a first run, in a world that has since looked at all they left."""
    run_id, steps = submit(simulation, "first")
    after(simulation, 5)
    assert status(simulation, run_id) == "Completed"
    time.sleep(AT_REST_SECONDS)
    again, _ = submit(simulation, "again")
    assert status(simulation, again) == "NotStarted"  # what the first left was not read since it was written
    after(simulation, 5)
    assert status(simulation, again) == "Completed"
    return steps


def standing(simulation, run_id, steps):  # noqa: F811
    """Which earlier step stands for each, and the story of the run."""
    with simulation.database.read() as connection:
        rows = {r["id"]: r for r in runs.runs_of_root(connection, run_id)}
        outputs = records.outputs_of(connection, steps.values())
    events = [(e["run_id"], e["name"], e["body"]) for e in simulation.server.services.views.events(run_id, 0)]
    assert {r["status"] for r in rows.values()} == {"Completed"} and {r["attempt"] for r in rows.values()} == {0}
    assert all(r["started_at"] and r["ended_at"] and not r["unmet"] for r in rows.values())
    assert all(len(found) == 1 for found in outputs.values())
    return {node: rows[step]["reused_run_id"] for node, step in steps.items()}, events


def test_a_run_of_which_all_stands_has_completed_when_its_submission_is_answered(simulation, done):  # noqa: F811
    ended = simulation.server.services.context.changes.on_end()
    run_id, steps = submit(simulation, "third", tags={"k": "v"})
    assert ended.is_set()
    assert status(simulation, run_id) == "Completed" and simulation.server.scheduler.n_active == 0
    stood_on, events = standing(simulation, run_id, steps)
    assert stood_on == done
    assert [(r, n) for r, n, _ in events] == [
        (run_id, "created"),
        (run_id, "running"),
        (steps["aaaa0001"], "completed"),
        (steps["aaaa0002"], "completed"),
        (run_id, "completed"),
    ]
    assert events[-1][2]["n_reused"] == events[-1][2]["n_steps"] == 2
    after(simulation, 2)
    assert submit(simulation, "third")[0] == run_id  # the same key, the same run


def test_the_scheduler_would_have_written_the_same(simulation, done, monkeypatch):  # noqa: F811
    monkeypatch.setattr(Reuse, "whole", lambda *_: None)
    slow, slow_steps = submit(simulation, "by the scheduler")
    after(simulation, 2)
    monkeypatch.undo()
    quick, quick_steps = submit(simulation, "at once")
    assert status(simulation, quick) == status(simulation, slow) == "Completed"
    (first, first_events), (second, second_events) = (
        standing(simulation, r, s) for r, s in ((slow, slow_steps), (quick, quick_steps))
    )
    names = {slow: "root", quick: "root", **dict(zip(slow_steps.values(), slow_steps, strict=True))}
    names |= {s: n for n, s in quick_steps.items()}
    assert first == second
    assert [(names[r], n, b) for r, n, b in first_events] == [(names[r], n, b) for r, n, b in second_events]


@pytest.mark.parametrize("more", [{"regenerate_outputs": True}, {"timeout_seconds": 60, "regenerate_outputs": True}])
def test_what_is_to_be_made_again_is_not_settled(simulation, done, more):  # noqa: F811
    run_id, _ = submit(simulation, "third", **more)
    assert status(simulation, run_id) == "NotStarted"
    after(simulation, 5)
    assert status(simulation, run_id) == "Completed"


def outputs_of(simulation, steps):  # noqa: F811
    with simulation.database.read() as connection:
        rows = records.outputs_of(connection, steps.values())
    root = Path(simulation.server.services.datastores.list("w")[0]["root"])
    return {node: root / rows[step][0]["path"] for node, step in steps.items()}


def test_what_was_written_since_is_left_to_the_scheduler(simulation, done):  # noqa: F811
    place = outputs_of(simulation, done)["aaaa0002"]
    file = next(p for p in [place, *place.rglob("*")] if p.is_file())
    os.utime(file)  # the same bytes: they have to be read to know that
    run_id, steps = submit(simulation, "touched")
    assert status(simulation, run_id) == "NotStarted"
    after(simulation, 5)
    assert standing(simulation, run_id, steps)[0] == done
    file.write_text("something else")
    run_id, _ = submit(simulation, "changed")
    assert status(simulation, run_id) == "NotStarted"
    after(simulation, 5)
    with simulation.database.read() as connection:
        assert sorted(r["attempt"] for r in runs.runs_of_root(connection, run_id)) == [0, 0, 1]  # b ran


def test_no_other_machine_is_asked_while_a_submission_waits_for_its_answer(simulation, page):  # noqa: F811
    url, asked = page
    row = dataset_row("w", "file", {"paths": [{"url": url}]}, 1.0)
    dataset = simulation.database.write(lambda c: catalog.add_dataset(c, row))
    given = {"name": "in", "source": {"dataset": dataset}, "mode": "direct", "reference": "dataset"}
    nodes = [{**NODES[0], "inputs": [given]}]
    for key in ("first", "again", "once more"):
        asked.clear()
        run_id, _ = submit(simulation, key, nodes)
        assert not asked and status(simulation, run_id) == "NotStarted"
        after(simulation, 5)
        assert asked and status(simulation, run_id) == "Completed"
        time.sleep(AT_REST_SECONDS)
    with simulation.database.read() as connection:
        assert sorted(r["attempt"] for r in runs.runs_of_root(connection, run_id)) == [
            0,
            0,
        ]  # it was reused all the same


@pytest.fixture
def page():
    """The URL of a page with an etag, and when it was asked for."""
    asked = []

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.send_header("ETag", '"1"')
            self.send_header("Content-Length", "1")
            self.end_headers()
            self.wfile.write(b"x")

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/page.txt", asked
        server.shutdown()


def test_what_is_gone_is_made_again(simulation, done):  # noqa: F811
    shutil.rmtree(outputs_of(simulation, done)["aaaa0001"].parent)
    run_id, _ = submit(simulation, "third")
    assert status(simulation, run_id) == "NotStarted"
    after(simulation, 5)
    assert status(simulation, run_id) == "Completed"


def test_what_is_cleared_away_between_the_look_and_the_writing_is_decided_anew(simulation, done):  # noqa: F811
    context = simulation.server.services.context
    cleared = []

    def clear(point):
        if point == "hit.decided" and not cleared:
            cleared.append(point)
            simulation.world.now += 100 * 86_400
            Clearing(context).clear(Limits(max_age=1.0))

    crashpoints.watch(clear)
    run_id, _ = submit(simulation, "third")
    assert cleared and status(simulation, run_id) == "NotStarted"
    crashpoints.watch(None)
    after(simulation, 5)
    with simulation.database.read() as connection:
        rows = [r for r in runs.runs_of_root(connection, run_id) if r["type"] == "step"]
        assert {(r["status"], r["attempt"]) for r in rows} == {("Completed", 1)}


@pytest.mark.parametrize("point", ["commit.before", "commit.after"])
def test_a_server_that_dies_while_it_writes_leaves_all_of_it_or_nothing(simulation, done, point):  # noqa: F811
    class Died(BaseException):
        pass

    def die(passed):
        with simulation.database.read() as connection:
            settled = runs.submitted_as(connection, "third")
        if passed == point and (settled or point == "commit.before"):
            raise Died

    crashpoints.watch(die)
    with pytest.raises(Died):
        submit(simulation, "third")
    crashpoints.watch(None)
    with simulation.database.read() as connection:
        kept = runs.submitted_as(connection, "third")
    assert (kept is not None) is (point == "commit.after")
    run_id, steps = submit(simulation, "third")
    assert kept in (None, run_id) and status(simulation, run_id) == "Completed"
    assert standing(simulation, run_id, steps)[0] == done
