"""What a server that dies at a named point is put through, and the check that all ends as it would have, once. See test_crash_points.py."""

import json
import os
import signal
from pathlib import Path

import pytest
from conftest import fresh_home
from fault.crashing import Crashing, check_three_steps, three_steps
from integration.served import node, wait_for

from penstock.model.crashpoints import POINTS

HERE_FROM = "--- from here on ---"
EACH = int(os.environ.get("PENSTOCK_CRASHES") or 1)
CANCELS = [p for p in POINTS if p.startswith("cancel.")]
SENDS = [p for p in POINTS if p.startswith("send.")]
CLEARS = [p for p in POINTS if p.startswith("clear.")]
REUSES = [p for p in POINTS if p.startswith(("digest.", "hit."))]
each_point = pytest.mark.parametrize("point", POINTS)
each_time = pytest.mark.parametrize("time", range(1, EACH + 1))


def runs_to_its_end(crashing):
    """Three steps, one after the other."""
    run_id, step_ids = crashing.submit("key", three_steps(crashing.snapshots["runs"]))
    assert crashing.end_of(run_id) == "Completed"
    check_three_steps(crashing, run_id, step_ids)


def is_canceled(crashing):
    """A run whose step hangs is canceled; then one whose step has not begun, for the node stands still."""
    hangs = [node(crashing.snapshots["hangs"]), node(crashing.snapshots["runs"], 1, after=["00000000"])]
    run_id, step_ids = crashing.submit("hangs", hangs)
    running = crashing.home / "jobs" / f"{step_ids[0]}.1" / "running"
    wait_for(lambda: crashing.run(run_id) and crashing.began())
    crashing.ask("POST", f"/ws/w/runs/{run_id}/cancel", {})
    assert crashing.end_of(run_id) == "Canceled"
    assert crashing.began() == [step_ids[0]]
    assert not Path(f"/proc/{json.loads(running.read_text())['pid']}").exists()
    the_node = json.loads((crashing.home / "node.lock").read_text())["pid"]
    os.kill(the_node, signal.SIGSTOP)
    try:
        run_id, waiting = crashing.submit("waits", [node(crashing.snapshots["hangs"])])
        wait_for(lambda: crashing.run(run_id) and (crashing.home / "jobs" / f"{waiting[0]}.1" / "job.json").exists())
        crashing.ask("POST", f"/ws/w/runs/{run_id}/cancel", {})
        assert crashing.end_of(run_id) == "Canceled"
    finally:
        os.kill(the_node, signal.SIGCONT)
    assert crashing.began() == [step_ids[0]]


def is_reused(crashing):
    """A step that reads a folder from outside runs; the next run of it is spared."""
    store = crashing.home / "workspaces/w/workspaceblobstore"
    (store / "given").mkdir(parents=True, exist_ok=True)
    (store / "given" / "data").write_text("x")
    given = {"name": "in", "source": {"datastore": "workspaceblobstore", "path": "given"}}
    steps = [node(crashing.snapshots["runs"], inputs=[given], allow_reuse=True)]
    steps.append(
        node(crashing.snapshots["runs"], 1, allow_reuse=True, outputs=[])
        | {"inputs": [{"name": "in", "source": {"node": "00000000", "output": "out"}}]}
    )
    first, step_ids = crashing.submit("first", steps)
    assert crashing.end_of(first) == "Completed"
    second, _ = crashing.submit("second", steps)
    assert crashing.end_of(second) == "Completed"
    assert sorted(crashing.began()) == sorted(step_ids), "each ran once, in the first run"
    outputs = [crashing.ask("GET", f"/ws/w/runs/{run_id}/outputs")["value"] for run_id in (first, second)]
    assert [o["path"] for o in outputs[0]] == [o["path"] for o in outputs[1]]
    assert {p.name: p.read_text() for p in (store / outputs[0][0]["path"]).iterdir()} == dict.fromkeys(
        "ab", step_ids[0]
    )


def clears_away(crashing):
    """Two outputs are cleared away, brought back, cleared away once more, and deleted."""
    run_id, step_ids = crashing.submit("key", three_steps(crashing.snapshots["runs"]))
    assert crashing.end_of(run_id) == "Completed"
    store = crashing.home / "workspaces/w/workspaceblobstore"

    def outputs():
        return sorted(p.parts[-2] for p in store.glob("azureml/*/*"))

    def asides():
        return list((store / ".staging/.removed").glob("*/*"))

    crashing.ask("POST", "/gc", {"max_age_seconds": 0, "delete": True})
    assert outputs() == [] and len(asides()) == 2
    crashing.ask("POST", "/gc/restore", {})
    crashing.ask("POST", "/gc/restore", {})  # of one that died in between, the rest
    assert outputs() == sorted(step_ids[:2]) and asides() == []
    check_three_steps(crashing, run_id, step_ids)
    crashing.ask("POST", "/gc", {"max_age_seconds": 0, "delete": True})
    crashing.ask("POST", "/gc/purge", {})
    assert outputs() == [] and asides() == []


def sends(crashing):
    """Steps whose datastore is at a URL: they are over when what they wrote is there."""
    far = crashing.home / "far"
    crashing.ask("PUT", "/ws/w/datastores/workspaceblobstore/root", {"root": f"simplecache::file://{far}"})
    run_id, step_ids = crashing.submit("key", three_steps(crashing.snapshots["runs"]))
    assert crashing.end_of(run_id) == "Completed"
    check_three_steps(crashing, run_id, step_ids, far)


def scenario_of(point):
    if point in SENDS:
        return sends
    if point in CLEARS:
        return clears_away
    if point in REUSES:
        return is_reused
    return is_canceled if point in CANCELS else runs_to_its_end


def play(home, scenario, at, **environ):
    """Plays the scenario with a server that dies at `at`; what it passed before it died, and how often it had to be revived."""
    log = home / "passed"
    with Crashing(home, **environ) as crashing:
        crashing.start(PENSTOCK_CRASH_AT=at, PENSTOCK_CRASH_LOG=str(log))
        crashing.prepare()
        with open(log, "a") as file:
            file.write(HERE_FROM + "\n")
        scenario(crashing)
        crashing.stop()
    assert crashing.complaints() == []
    return log.read_text().splitlines(), crashing.n_died


def trails(new_database):
    """By scenario, the points that a server passes which does not die, in order."""
    found = {}
    for scenario in (runs_to_its_end, is_canceled, clears_away, is_reused, sends):
        with fresh_home() as home:
            found[scenario], n_died = play(home, scenario, "commit.before:0", **new_database())
            assert n_died == 0
    return found


def dies_at(home, passed, point, time, **database):
    """Plays what passes this point with a server that dies there at this time."""
    trail = passed[scenario_of(point)]
    before = trail[: trail.index(HERE_FROM)].count(point)
    after = trail.count(point) - before
    assert after or before, f"nothing passes {point}: add what does to a scenario"
    if time > max(after, before * (not after)):
        pytest.skip(f"{point} is passed {after} times")
    number = before + time if after else time
    _, n_died = play(home, scenario_of(point), f"{point}:{number}", **database)
    assert n_died == 1 or time > 1
