"""The simulated world: hundreds of seeds in which everything goes wrong, the bugs that seeds have found, and that a broken guard is seen."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from penstock.selftest.processes import Stub
from penstock.selftest.simulation import make_home, run_seed
from penstock.service.execution.scheduler import Scheduler
from penstock.store import runs

SEEDS = range(200)


@pytest.fixture(scope="module")
def memory():
    """A home in memory that all seeds of this file share, one after the other."""
    folder = make_home()
    yield folder
    shutil.rmtree(folder)


def complaints(memory, seeds, scheduler=Scheduler):
    """The seeds in which something went wrong, each with what, as they are found."""
    results = (run_seed(seed, memory, scheduler) for seed in seeds)
    return ((r.seed, r.problems) for r in results if r.problems)


def is_caught(memory, n_seeds, scheduler=Scheduler, by=""):
    """Whether one of the first seeds complains, with these words among its own. The first that does is enough."""
    return any(by in problem for _, found in complaints(memory, range(n_seeds), scheduler) for problem in found)


@pytest.mark.parametrize("first", SEEDS[::50])
def test_nothing_is_lost_or_doubled_whatever_dies_when(memory, first):
    wrong = dict(complaints(memory, range(first, first + 50)))
    assert not wrong, f"penstock selftest --crash --seed {next(iter(wrong))}\n{wrong}"


def test_the_troubles_do_happen(memory):
    results = [run_seed(seed, memory) for seed in range(40)]
    story = "\n".join(line for r in results for line in r.story)
    for trouble in (
        "died at",
        "power cut",
        "lost",
        "was killed",
        "disk",
        "clock",
        "unread",
        "no answer",
        "is asked to stop",
    ):
        assert trouble in story, trouble
    assert sum(r.n_crashes for r in results) > 50


def test_a_seed_tells_the_same_story_in_any_process(memory):
    command = [sys.executable, "-m", "penstock", "selftest", "--crash", "--seed", "7", "--json"]
    stories = [
        json.loads(subprocess.check_output(command, env={**os.environ, "PYTHONHASHSEED": n}))["story"] for n in "123"
    ]
    assert stories[0] == stories[1] == stories[2] == list(run_seed(7, memory).story)


# A simulation that finds nothing proves nothing: each of these guards is taken away, and the simulation must complain.


def test_moving_a_run_without_heeding_its_guard_is_caught(memory, monkeypatch):
    move = runs.move

    def careless(connection, moves):
        move(connection, moves)
        return list(moves)

    monkeypatch.setattr(runs, "move", careless)
    assert is_caught(memory, 80)


def test_a_stub_that_does_not_heed_the_fence_is_caught(memory, monkeypatch):
    fence = Stub.fence

    def rush(stub):
        (stub.folder / "started").unlink(missing_ok=True)
        fence(stub)

    monkeypatch.setattr(Stub, "fence", rush)
    assert is_caught(memory, 60, by="was started 2 times")


def test_forgetting_a_run_whose_pass_failed_is_caught(memory):
    class Careless(Scheduler):
        def tick(self, now):
            self._failed, kept = set(), self._failed
            try:
                return super().tick(now)
            finally:
                self._failed &= kept

    assert is_caught(memory, 60, Careless)


def test_publishing_before_it_is_known_that_the_step_completed_is_caught(memory, monkeypatch):
    write = Stub.write

    def leak(stub, output, behaviour):
        write(stub, output, behaviour)
        visible = stub.world.home / "workspaces/w/workspaceblobstore/azureml" / stub.job["run_id"] / output["name"]
        visible.mkdir(parents=True, exist_ok=True)
        (visible / "early").write_text("half")

    monkeypatch.setattr(Stub, "write", leak)
    assert is_caught(memory, 20)
