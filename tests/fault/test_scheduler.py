"""Bugs of the scheduler that simulated seeds have found, each at its smallest: one server in a made-up world, and one thing goes wrong."""

import dataclasses
import os
import shutil
import sys
import time

import pytest

from penstock.model import crashpoints
from penstock.selftest.graphs import FOREVER, SNAPSHOT
from penstock.selftest.processes import Behaviour
from penstock.selftest.simulation import Simulation, make_home
from penstock.selftest.world import Crash, World
from penstock.service.care.invariants import check_invariants
from penstock.service.execution.batch import Batch, Stale
from penstock.service.execution.scheduler import Scheduler
from penstock.store import history, records, runs


@pytest.fixture
def simulation():
    """A server that runs, in a world where nothing goes wrong by itself."""
    home = make_home()
    world = World(1, home)
    world.faults = dataclasses.replace(world.faults, **{f.name: 0.0 for f in dataclasses.fields(world.faults)})
    found = Simulation(world)
    found.slots = 2
    found._start_server()
    crashpoints.watch(world.passing)
    yield found
    crashpoints.watch(None)
    found.database.close()
    shutil.rmtree(home)


def submit(simulation, key, *scripts, retry=None):
    """Submits a pipeline of independent steps that do as `scripts` say; the ids of the run and of its steps."""
    names = [f"{key}.{i}" for i in range(len(scripts))]
    simulation.machine.behaviours.update(zip(names, scripts, strict=True))
    nodes = [
        {"id": f"{ord(key):04x}{i:04x}", "name": n, "kind": "python_script", "settings": {"script_name": "a.py"}}
        | {
            "snapshot": SNAPSHOT,
            "retry": retry,
            "outputs": [{"name": o} for o in sorted(simulation.machine.behaviours[n].writes)],
        }
        for i, n in enumerate(names)
    ]
    body = {"experiment": "e", "graph": {"schema": 1, "nodes": nodes}, "interpreter": {"executable": sys.executable}}
    answer = simulation.server.services.submission.submit("w", {**body, "idempotency_key": key})
    return answer["run_id"], *(s["run_id"] for s in answer["steps"])


def after(simulation, seconds):
    simulation._pass_time(simulation.world.now + seconds)
    assert not simulation.world.problems


def status(simulation, run_id):
    with simulation.database.read() as connection:
        assert check_invariants(connection) == []
        return runs.get_run(connection, run_id)["status"]


def test_a_run_that_was_read_and_ended_in_a_pass_that_came_to_nothing_is_not_forgotten(simulation, monkeypatch):
    run_id, _ = submit(simulation, "a", Behaviour(0.1))
    simulation.server.services.control.cancel(run_id)
    commit, refused = Batch.commit, []

    def stale(batch, context):
        if batch.moves and not refused:
            refused.append(batch)
            raise Stale
        commit(batch, context)

    monkeypatch.setattr(Batch, "commit", stale)
    after(simulation, 5)
    assert refused and status(simulation, run_id) == "Canceled"


def test_canceling_the_last_waiting_step_of_one_run_among_several_ends_that_run(simulation):
    busy = [submit(simulation, key, Behaviour(FOREVER))[0] for key in "ab"]
    after(simulation, 1)
    waiting, step_id = submit(simulation, "c", Behaviour(0.1))
    after(simulation, 1)
    assert status(simulation, step_id) == "NotStarted"
    simulation.server.services.control.cancel(step_id)
    after(simulation, 1)
    assert status(simulation, waiting) == "Canceled"
    assert {status(simulation, run_id) for run_id in busy} == {"Running"}


def test_a_submission_whose_answer_was_lost_runs_when_it_is_submitted_again(simulation, monkeypatch):
    lost = []

    def lose_the_answer(point):
        with simulation.database.read() as connection:
            if point == "commit.after" and not lost and runs.active_roots(connection):
                lost.append(point)
                raise OSError("the answer to a commit is lost")

    crashpoints.watch(lose_the_answer)
    with pytest.raises(OSError, match="is lost"):
        submit(simulation, "a", Behaviour(0.1))
    run_id, _ = submit(simulation, "a", Behaviour(0.1))
    after(simulation, 5)
    assert status(simulation, run_id) == "Completed"


def test_a_clock_set_back_by_an_hour_does_not_keep_a_dead_step_from_being_noticed(simulation):
    run_id, step_id = submit(simulation, "a", Behaviour(FOREVER))
    after(simulation, 2)
    assert status(simulation, step_id) == "Running"
    simulation.world.offset -= 3600
    simulation.machine.has_node = False
    (stub,) = simulation.machine.stubs.values()
    stub.die("without a word")
    after(simulation, 3)
    assert status(simulation, run_id) == "Failed"


def test_canceling_a_step_whose_outputs_are_being_published_changes_nothing(simulation):
    run_id, step_id = submit(simulation, "a", Behaviour(0.1, writes=frozenset({"out"})))

    def cancel_meanwhile(point):
        if point == "publish.before":
            assert status(simulation, step_id) == "Finalizing"
            simulation.server.services.control.cancel(step_id)

    crashpoints.watch(cancel_meanwhile)
    after(simulation, 5)
    assert status(simulation, run_id) == "Completed"


def test_a_clock_set_back_while_nothing_ran_does_not_keep_the_next_step_from_being_looked_at(simulation):
    first, _ = submit(simulation, "a", Behaviour(0.1))
    after(simulation, 2)
    assert status(simulation, first) == "Completed"
    simulation.world.offset -= 3600
    start, simulation.machine.start = (
        simulation.machine.start,
        lambda folder: None,
    )  # the node dies with the message unread
    run_id, _ = submit(simulation, "b", Behaviour(0.1))
    after(simulation, 0.5)
    simulation.machine.start = start
    after(simulation, 5)
    assert status(simulation, run_id) == "Completed"


def test_canceling_a_run_and_a_step_of_it_in_one_pass_cancels_both(simulation):
    run_id, step_id = submit(simulation, "a", Behaviour(FOREVER))
    after(simulation, 1)
    simulation.server.inbox.put("cancel", run_id)
    simulation.server.services.control.cancel(run_id)
    simulation.server.inbox.put("cancel", step_id)
    after(simulation, 15)
    assert status(simulation, run_id) == status(simulation, step_id) == "Canceled"


def test_a_clock_set_back_does_not_put_off_the_next_try_of_a_step(simulation):
    script = Behaviour(0.1, n_bad=1, may_begin=2)
    run_id, _ = submit(simulation, "a", script, retry={"count": 1, "backoff_seconds": 2, "on": "any"})
    after(simulation, 1)
    simulation.world.offset -= 3600
    after(simulation, 10)
    assert status(simulation, run_id) == "Completed"


def test_of_two_outputs_none_is_visible_when_the_second_cannot_be_published(simulation):
    run_id, step_id = submit(simulation, "a", Behaviour(0.1, writes=frozenset({"one", "two"})))
    passed = []

    def refuse_the_second(point):
        passed.append(point)
        if point == "publish.before" and passed.count(point) == 2:
            raise PermissionError("no")

    crashpoints.watch(refuse_the_second)
    after(simulation, 5)
    assert status(simulation, run_id) == "Failed" and passed.count("publish.after") == 1
    assert not list(simulation.world.home.glob(f"workspaces/w/workspaceblobstore/azureml/{step_id}/*/*"))
    assert len(list(simulation.world.home.glob(f"workspaces/w/workspaceblobstore/.staging/{step_id}.1/*/a"))) == 2


def test_a_second_try_that_has_begun_is_not_forgotten_in_a_power_cut(simulation):
    simulation.database._is_losing = True
    script = Behaviour(FOREVER, n_metrics=3, n_bad=0, may_begin=3)
    _, step_id = submit(simulation, "a", script, retry={"count": 2, "backoff_seconds": 0, "on": "any"})
    after(simulation, 1)
    (stub,) = simulation.machine.stubs.values()
    stub.die("without a word")
    after(simulation, 3)
    assert status(simulation, step_id) == "Running"
    simulation._die(Crash("power", is_power_cut=True))
    with simulation.database.read() as connection:
        row = runs.get_run(connection, step_id)
        assert (row["status"], row["attempt"]) == ("Queued", 2)
        assert [a["attempt"] for a in runs.attempts(connection, step_id)] == [1]


@pytest.mark.parametrize("what", ["the run", "a step that runs", "a step that waits"])
def test_a_cancel_that_was_written_by_a_server_that_died_before_acting_on_it_is_carried_out(simulation, what):
    run_id, first, second, third = submit(simulation, "a", *[Behaviour(FOREVER)] * 3)
    after(simulation, 1)
    wanted = {"the run": run_id, "a step that runs": first, "a step that waits": third}[what]

    def die(point):
        if point == "commit.after":
            raise Crash(point)

    crashpoints.watch(die)
    with pytest.raises(Crash):
        simulation.server.services.control.cancel(wanted)
    crashpoints.watch(simulation.world.passing)
    simulation._die(Crash("commit.after"))
    after(simulation, 20)
    assert status(simulation, wanted) == "Canceled"
    assert status(simulation, second) == ("Canceled" if what == "the run" else "Running")


def power_cut(simulation):
    simulation._die(Crash("power", is_power_cut=True))


def test_what_ran_and_was_forgotten_in_a_power_cut_is_recorded_as_it_was_though_the_run_is_canceled(simulation):
    simulation.database._is_losing = True
    run_id, step_id = submit(simulation, "a", Behaviour(0.1, writes=frozenset({"out"}), n_metrics=3))
    stands = simulation.database._flushed
    simulation.machine.behaviours["b.0"] = Behaviour(FOREVER)
    after(simulation, 2)
    simulation.database._flushed = stands  # nothing after the submission has reached the disk
    power_cut(simulation)
    assert status(simulation, step_id) == "NotStarted"
    simulation.server = None
    simulation._start_server()
    simulation.server.services.control.cancel(run_id)
    after(simulation, 5)
    assert status(simulation, step_id) == "Completed"
    with simulation.database.read() as connection:
        assert len(records.metrics(connection, step_id)) == 3
        (output,) = records.outputs(connection, step_id)
        assert [e["body"].get("found_again") for e in history.of_root(connection, run_id) if e["name"] == "queued"] == [
            True
        ]
    assert (simulation.world.home / "workspaces/w" / output["datastore"] / output["path"] / "a").exists()


class Stumbling(Scheduler):
    """One that cannot conclude steps named `poison`, as if their records had a value that nobody has thought of."""

    def _conclusion(self, flight):
        if flight.state.node.name.startswith("p."):
            raise KeyError("a value that nobody has thought of")
        return super()._conclusion(flight)


def stumble(simulation):
    simulation.scheduler = Stumbling
    simulation.server = None
    simulation._start_server()


def settle(simulation, seconds):
    """As `after`, with passes that may fail."""
    simulation._pass_time(simulation.world.now + seconds)
    assert all("KeyError" in problem for problem in simulation.world.problems)


def test_a_run_that_cannot_be_moved_on_is_put_aside_and_the_others_go_on(simulation):
    stumble(simulation)
    bad, bad_step = submit(simulation, "p", Behaviour(0.1))
    good = [submit(simulation, key, Behaviour(1.0), Behaviour(0.1))[0] for key in "ab"]
    settle(simulation, 30)
    later, _ = submit(simulation, "c", Behaviour(0.1))
    settle(simulation, 5)
    assert {status(simulation, run_id) for run_id in [*good, later]} == {"Completed"}
    assert status(simulation, bad) == "Running"
    with simulation.database.read() as connection:
        warned = [e["body"]["message"] for e in history.of_root(connection, bad) if e["name"] == "warning"]
    assert len(warned) == 1 and "a value that nobody has thought of" in warned[0] and "cancel it" in warned[0]
    n_before = len(simulation.world.problems)
    settle(simulation, 50)
    assert n_before < len(simulation.world.problems) < n_before + 4  # tried again each minute, not in every pass
    simulation.server.scheduler.__class__ = Scheduler  # as after an upgrade that knows such values
    settle(simulation, 70)
    assert status(simulation, bad) == status(simulation, bad_step) == "Completed"


def test_a_run_that_cannot_be_moved_on_is_given_up_when_it_is_canceled(simulation):
    stumble(simulation)
    bad, _ = submit(simulation, "p", Behaviour(0.1))
    settle(simulation, 5)
    simulation.server.services.control.cancel(bad)
    settle(simulation, 5)
    assert status(simulation, bad) == "Failed"
    with simulation.database.read() as connection:
        assert "was given up" in runs.get_run(connection, bad)["error"]
    assert simulation.server.scheduler.n_active == 0
    assert not simulation.machine.stubs


@pytest.mark.parametrize("content", ["", '{"pid": 12'])
def test_a_step_whose_start_record_was_emptied_by_a_power_cut_is_lost_and_does_not_begin_again(simulation, content):
    simulation.database._is_losing = True
    _, step_id = submit(simulation, "a", Behaviour(FOREVER))
    after(simulation, 1)
    power_cut(simulation)
    started = simulation.world.home / "jobs" / f"{step_id}.1" / "started"
    started.write_text(content)
    os.utime(started, (0, time.time() - 60))
    after(simulation, 5)
    assert status(simulation, step_id) == "Failed"
    assert simulation.machine.code_starts[step_id] == 1


def test_a_step_whose_script_may_have_begun_before_a_power_cut_is_not_begun_again(simulation):
    simulation.database._is_losing = True
    _, step_id = submit(simulation, "a", Behaviour(FOREVER), retry={"count": 2, "backoff_seconds": 0})
    after(simulation, 1)
    power_cut(simulation)
    (simulation.world.home / "jobs" / f"{step_id}.1" / "running").unlink()  # it had not reached the disk
    after(simulation, 10)
    assert status(simulation, step_id) == "Failed"
    assert simulation.machine.code_starts[step_id] == 1
