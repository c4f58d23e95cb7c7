"""Outputs on datastores at URLs: a step is Completed only when its bytes are there, whatever fails or dies on the way."""

from __future__ import annotations

import dataclasses
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fault.test_scheduler import after, simulation, status, submit  # noqa: F401  # a fixture among them
from fsspec.implementations.memory import MemoryFileSystem

from penstock.model import crashpoints
from penstock.selftest.graphs import SNAPSHOT
from penstock.selftest.processes import Behaviour
from penstock.selftest.simulation import Simulation, make_home
from penstock.selftest.world import World
from penstock.service.care.clearing import Limits
from penstock.service.execution.sending import GIVE_UP_SECONDS
from penstock.store import records, runs

STORE, URL = "workspaceblobstore", "far://bucket/place"


class Far(MemoryFileSystem):
    """Files in memory, at a server that can be away, or refuse some of what it is given."""

    protocol = ("far",)
    store: dict[str, Any] = {}
    pseudo_dirs: list[str] = [""]
    is_away = False
    refused = 0.0
    rng = random.Random(1)

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.replace("far://", "memory://")))

    def put_file(self, lpath: str, rpath: str, *args: Any, **kwargs: Any) -> None:
        if self.is_away or self.rng.random() < self.refused:
            raise ConnectionError("nobody answers")
        super().put_file(lpath, rpath, *args, **kwargs)

    def find(self, path: str, *args: Any, **kwargs: Any) -> Any:
        if self.is_away:
            raise ConnectionError("nobody answers")
        return super().find(path, *args, **kwargs)


@pytest.fixture(autouse=True)
def far() -> type[Far]:
    fsspec.register_implementation("far", Far, clobber=True)
    Far.store, Far.pseudo_dirs, Far.is_away, Far.refused = {}, [""], False, 0.0
    return Far


@pytest.fixture
def sim(simulation: Simulation) -> Simulation:  # noqa: F811
    """A server whose default datastore is far away."""
    map_far(simulation)
    return simulation


def map_far(simulation: Simulation) -> None:  # noqa: F811
    assert simulation.server is not None
    simulation.server.services.datastores.map("w", STORE, URL)


def held() -> dict[str, str]:
    """What the URL has."""
    return {p.removeprefix("/bucket/place/"): Far().cat_file(p).decode() for p in Far().find("/bucket/place")}


def story(sim: Simulation, run_id: str) -> list[str]:
    assert sim.server is not None
    events = sim.server.services.views.events(run_id)
    return [str(e["body"].get("message")) for e in events if e["body"].get("message")]


WRITES = Behaviour(0.1, writes=frozenset({"out"}))


def test_a_step_is_completed_only_when_its_bytes_are_at_the_url(sim: Simulation, far: type[Far]) -> None:
    far.is_away = True
    run_id, *steps = submit(sim, "a", *[WRITES] * 4)
    after(sim, 30)
    assert [status(sim, s) for s in steps] == ["Finalizing"] * 4, "each had one of the two slots in its turn"
    (told,) = {m for m in story(sim, run_id) if "wait" in m}
    assert told.startswith(f"Its outputs wait: {URL} does not take them (ConnectionError: nobody answers).")
    far.is_away = False
    after(sim, 61)
    assert status(sim, run_id) == "Completed"
    assert {p.split("/")[1] for p in held()} == set(steps)


def test_a_server_that_comes_back_sends_what_the_one_before_it_did_not(sim: Simulation, far: type[Far]) -> None:
    far.is_away = True
    run_id, step = submit(sim, "a", WRITES)
    after(sim, 5)
    sim.server = None
    far.is_away = False
    sim._want_server()
    after(sim, 10)
    assert (status(sim, run_id), {p.split("/")[1] for p in held()}) == ("Completed", {step})


def test_after_an_hour_the_step_fails_and_keeps_what_it_wrote(sim: Simulation, far: type[Far]) -> None:
    far.is_away = True
    run_id, step = submit(sim, "a", WRITES)
    after(sim, GIVE_UP_SECONDS - 60)
    assert status(sim, step) == "Finalizing"
    after(sim, 180)
    assert (status(sim, run_id), status(sim, step)) == ("Failed", "Failed")
    assert sim.server is not None
    error = sim.server.services.views.find_run(step)["error"]
    assert error["code"] == "PublishFailed"
    assert (
        f"could not be sent to {URL} (ConnectionError: nobody answers). What it wrote is kept at " in error["message"]
    )
    kept = Path(error["message"].rpartition("kept at ")[2].rstrip("."))
    assert [p.name for p in kept.iterdir()] == ["out"]


@pytest.mark.parametrize("which", [0, 1])
def test_what_cannot_be_sent_can_be_canceled(sim: Simulation, far: type[Far], which: int) -> None:
    far.is_away = True
    ids = submit(sim, "a", WRITES)
    after(sim, 5)
    assert sim.server is not None
    sim.server.services.control.cancel(ids[which])
    after(sim, 65)
    assert [status(sim, i) for i in ids] == ["Canceled"] * 2
    assert any("was canceled while its outputs could not be sent to far://" in m for m in story(sim, ids[0]))


def test_an_earlier_step_stands_for_one_only_while_its_bytes_are_at_the_url(sim: Simulation) -> None:
    node = {"id": "00000001", "name": "same", "kind": "python_script", "settings": {"script_name": "a.py"}}
    node |= {
        "snapshot": SNAPSHOT,
        "outputs": [{"name": "out", "destination": "kept/here", "is_directory": False}],
        "allow_reuse": True,
    }
    sim.machine.behaviours["same"] = dataclasses.replace(WRITES, may_begin=9)
    assert sim.server is not None
    submission = sim.server.services.submission

    def again(**more: Any) -> Any:
        body = {"experiment": "e", "graph": {"schema": 1, "nodes": [node]}, "interpreter": {"executable": "/bin/sh"}}
        answer = submission.submit("w", {**body, **more})
        after(sim, 10)
        assert status(sim, answer["run_id"]) == "Completed"
        with sim.database.read() as connection:
            (step,) = runs.children(connection, answer["run_id"])
            kept = records.labels(connection, [step["id"]])[step["id"]]
        return step["id"], kept["property"].get("azureml.reusedrunid"), story(sim, answer["run_id"])

    first = again()[0]
    assert sorted(held()) == [f"azureml/{first}/out", "kept/here"]
    assert again()[1] == first
    Far().rm(f"/bucket/place/azureml/{first}/out")
    second = again()
    assert second[1] is None, "the bytes at the URL are gone"
    Far().pipe_file(f"/bucket/place/azureml/{second[0]}/out", b"other")
    assert again()[1] is None, "they are others"
    assert again()[1] is not None


def test_what_lies_at_a_url_is_not_cleared_away(sim: Simulation) -> None:
    run_id, _ = submit(sim, "a", WRITES)
    after(sim, 5)
    assert status(sim, run_id) == "Completed" and sim.server is not None
    done = sim.server.services.clearing.clear(Limits(max_age=0.0))
    assert (
        done["outputs"] == [] and done["kept"][0]["kept_because"] == f"it lies at {URL}, where nothing is cleared away"
    )


class Farther(Simulation):
    """A simulated world whose default datastore is at a URL."""

    is_mapped = False

    def _start_server(self) -> None:
        super()._start_server()
        if not self.is_mapped and self.server is not None:
            self.is_mapped, self.world.is_quiet = True, True
            map_far(self)
            self.world.is_quiet = False


@pytest.fixture(scope="module")
def memory() -> Iterator[Path]:
    folder = make_home()
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("first", range(0, 100, 25))
def test_nothing_is_lost_or_half_sent_whatever_dies_when(memory: Path, far: type[Far], first: int) -> None:
    crashes = 0
    for seed in range(first, first + 25):
        for name in ("jobs", "workspaces", "mirrors"):
            shutil.rmtree(memory / name, ignore_errors=True)
        far.store, far.pseudo_dirs, far.refused, far.rng = {}, [""], 0.3, random.Random(seed)
        found = Farther(World(seed, memory))
        crashpoints.watch(found.world.passing)
        try:
            found.run()
            assert not found.world.problems, (seed, found.world.problems)
            check_sent(found)
        finally:
            crashpoints.watch(None)
            found.database.close()
        crashes += found.n_crashes
    assert crashes


def check_sent(sim: Simulation) -> None:
    """The URL has every output of every completed step."""
    with sim.database.read() as connection:
        rows = runs.list_runs(connection, runs.Filter(include_children=True, limit=1000))
        done = [r["id"] for r in rows if r["type"] == "step" and r["status"] == "Completed"]
        outputs = [o for i in done for o in records.outputs(connection, i) if o["kind"] != "missing"]
    there, tries = held(), {r["id"]: r["attempt"] for r in rows}
    for output in outputs:
        wrote = sim.machine.written.get((f"{output['run_id']}.{tries[output['run_id']]}", output["name"]))
        found = {t for p, t in there.items() if p == output["path"] or p.startswith(output["path"] + "/")}
        assert wrote is None or found == {wrote}, output
