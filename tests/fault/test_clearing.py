"""Clearing away, driven by a clock of our own: crashes at each of its points, the grace time, the limits, and who wins a race."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from test_janitor import context  # noqa: F401 (a fixture)

from penstock.model import crashpoints
from penstock.model.settings import Retention
from penstock.model.status import Status
from penstock.service.care.clearing import Clearing, Limits
from penstock.service.care.janitor import Janitor
from penstock.service.context import Context
from penstock.service.execution import taking
from penstock.service.execution.batch import Batch, Stale
from penstock.store import catalog, history, records, removals, runs
from penstock.store.takeover import StandIn

DAY = 86_400.0
POINTS = sorted(p for p in crashpoints.POINTS if p.startswith("clear."))


class Died(BaseException):
    """The process ended here."""


class Home:
    """A store with step runs that have one output each, and the time."""

    def __init__(self, plain: Context) -> None:
        self.now = 100 * DAY
        self.context = dataclasses.replace(plain, clock=lambda: self.now)
        self.root = Path(plain.home / "store").resolve()

    @property
    def clearing(self) -> Clearing:
        return Clearing(self.context)

    def add(self, run_id: str, age: float, size: int = 10, status: Status = Status.COMPLETED, root: str = "") -> Path:
        """A step run that ended `age` seconds ago, in a pipeline run of its own, with its output on disk."""
        ended = None if status is Status.RUNNING else self.now - age
        row: dict[str, Any] = {
            "workspace": "w", "experiment": "e", "name": run_id, "parent_id": None, "unmet": 0,
            "created_at": self.now - age - 1,
        }  # fmt: skip
        over = Status.COMPLETED if status is Status.COMPLETED else Status.RUNNING
        step = {**row, "id": run_id, "type": "step", "root_id": f"root {run_id}", "status": "Completed", "attempt": 1}
        parent = {**row, "id": f"root {run_id}", "type": "pipeline", "root_id": f"root {run_id}", "attempt": 0}
        parent |= {"status": str(over), "ended_at": ended}
        output = {
            "run_id": run_id, "name": "out", "datastore": "d", "path": f"azureml/{run_id}/out",
            "kind": "directory", "digest": "sha256:0", "n_files": 1, "size_bytes": size, "pipeline_output_name": None,
        }  # fmt: skip

        def work(connection: Any) -> None:
            runs.insert_runs(connection, [parent, {**step, "ended_at": self.now - age}])
            records.put_outputs(connection, [output])

        self.context.database.write(work)
        path = self.root / "azureml" / run_id / "out"
        path.mkdir(parents=True)
        (path / "f").write_text("x" * size)
        return path

    def states(self) -> list[str]:
        with self.context.database.read() as connection:
            rows = removals.in_state(connection, "going", "aside", "returning", "gone")
        return [r["state"] for r in rows]

    def asides(self) -> list[Path]:
        return sorted((self.root / ".staging" / ".removed").glob("*/*"))


@pytest.fixture
def home(context: Context) -> Home:  # noqa: F811
    return Home(context)


def dying_at(point: str, n: int, work: Callable[[], object]) -> bool:
    """Whether `work` died the n-th time it came by the point."""
    seen = 0

    def on_passing(name: str) -> None:
        nonlocal seen
        seen += name == point
        if name == point and seen == n:
            raise Died

    crashpoints.watch(on_passing)
    try:
        work()
    except Died:
        return True
    finally:
        crashpoints.watch(None)
    return False


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_crash_at_any_point_loses_nothing_and_is_taken_up(home: Home, point: str, n: int) -> None:
    paths = [home.add(f"r{i}", 10 * DAY) for i in range(3)]
    died = dying_at(point, n, lambda: home.clearing.clear(Limits(DAY)))
    home.clearing.tick()
    assert home.states() == ["aside"] * 3 and len(home.asides()) == 3 and not any(p.exists() for p in paths)
    died |= dying_at(point, n, lambda: home.clearing.restore())
    home.clearing.tick()
    if home.states():  # it died before it had said that all are to come back
        home.clearing.restore()
    assert home.states() == [] and home.asides() == []
    assert [(p / "f").read_text() for p in paths] == ["x" * 10] * 3
    home.clearing.clear(Limits(DAY))
    died |= dying_at(point, n, lambda: home.clearing.purge())
    home.clearing.tick()
    assert home.states() == ["gone"] * 3 and home.asides() == [] and not any(p.exists() for p in paths)
    assert died or (point == "clear.before" and n > 1), "a point that is never passed shows nothing"


def test_what_is_aside_is_deleted_after_its_time_and_not_before(home: Home) -> None:
    home.add("r", 10 * DAY)
    home.clearing.clear(Limits(DAY))
    home.now += 7 * DAY - 1
    home.clearing.tick()
    assert home.states() == ["aside"]
    home.now += 2
    home.clearing.tick()
    assert home.states() == ["gone"] and home.asides() == []
    assert not (home.root / ".staging" / ".removed").exists()


def test_the_janitor_holds_the_limits_that_are_set(home: Home) -> None:
    home.context = dataclasses.replace(home.context, retention=Retention(5 * DAY, 25))
    old, new = home.add("old", 6 * DAY), [home.add(f"new{n}", n * DAY) for n in (1, 2, 3)]
    janitor = Janitor(home.context)
    while janitor.tick(home.now) < home.now + 1:
        pass
    assert not old.exists(), "too old"
    assert [p.exists() for p in new] == [True, True, False], "25 bytes hold two of ten"


def test_without_limits_the_janitor_clears_nothing_away(home: Home) -> None:
    path = home.add("old", 1000 * DAY)
    home.clearing.tick()
    assert path.exists() and home.states() == []


def test_what_a_model_was_made_by_stays(home: Home) -> None:
    path = home.add("r", 10 * DAY)
    row = {
        "workspace": "w", "name": "m", "tags": {}, "properties": {}, "description": None, "framework": None,
        "framework_version": None, "run_id": "r", "experiment": "e", "entry": "", "path": "p", "size_bytes": 1, "created_at": 1.0,
    }  # fmt: skip
    home.context.database.write(lambda c: catalog.add_model(c, row))
    assert home.clearing.clear(Limits(DAY))["outputs"] == [] and path.exists()
    assert home.clearing.plan(Limits(DAY))["kept"][0]["kept_because"] == "it made model 'm' version 1"


def test_what_belongs_to_a_run_that_goes_on_stays(home: Home) -> None:
    path = home.add("r", 10 * DAY, status=Status.RUNNING)
    assert home.clearing.clear(Limits(DAY))["outputs"] == [] and path.exists()


def test_an_output_inside_another_stays_with_it(home: Home) -> None:
    home.add("r", 10 * DAY)
    inner = {
        "run_id": "r", "name": "in", "datastore": "d", "path": "azureml/r/out/inner",
        "kind": "file", "digest": "sha256:0", "n_files": 1, "size_bytes": 1, "pipeline_output_name": None,
    }  # fmt: skip
    home.context.database.write(lambda c: records.put_outputs(c, [inner]))
    assert home.clearing.clear(Limits(DAY))["outputs"] == []


def test_what_is_not_there_is_left_alone_and_a_link_is_moved_as_a_link(home: Home, tmp_path: Path) -> None:
    lost, linked = home.add("lost", 10 * DAY), home.add("linked", 10 * DAY)
    for path in (lost, linked):
        (path / "f").unlink()
        path.rmdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "mine").write_text("mine")
    linked.symlink_to(tmp_path / "elsewhere")
    planned, done = home.clearing.plan(Limits(DAY)), home.clearing.clear(Limits(DAY))
    for told in (planned, done):
        assert [o["run_id"] for o in told["outputs"]] == ["linked"], "what is not there frees nothing"
        assert (told["size_bytes"], told["n_outputs"], told["n_absent"]) == (10, 1, 1)
    assert home.states() == ["aside"] and len(home.clearing.aside()) == 1
    home.clearing.purge()
    assert (tmp_path / "elsewhere" / "mine").read_text() == "mine"


def test_what_is_not_there_takes_no_room(home: Home) -> None:
    lost, first, last = (home.add(name, age * DAY) for name, age in (("lost", 3), ("first", 2), ("last", 1)))
    (lost / "f").unlink()
    lost.rmdir()
    assert home.clearing.clear(Limits(max_bytes=20))["outputs"] == []
    assert first.exists() and last.exists() and home.states() == []


def test_what_vanished_from_aside_is_not_said_to_be_back(home: Home) -> None:
    home.add("r", 10 * DAY)
    home.clearing.clear(Limits(DAY))
    (aside,) = home.asides()
    (aside / "f").unlink()
    aside.rmdir()
    answer = home.clearing.restore()
    assert answer["restored"] == 0 and answer["not_restored"][0]["until"] is None
    assert home.states() == ["gone"]


@pytest.fixture
def hit(home: Home) -> Iterator[Batch]:
    """A decision that run `new` is spared, as `old` stands for it: made, and not yet written."""
    home.add("old", 10 * DAY)
    batch = Batch(home.now)
    old = StandIn("old", "0", "root old", 1)
    with home.context.database.read() as connection:
        left = records.outputs_of(connection, ["old"])["old"]
    batch.taken.append(taking.Taken("new", "root new", old, left))
    batch.say("new", "root new", "completed")
    yield batch


def test_a_hit_that_was_decided_and_not_written_gives_way(home: Home, hit: Batch) -> None:
    home.clearing.clear(Limits(DAY))
    with pytest.raises(Stale):
        hit.commit(home.context)
    with home.context.database.read() as connection:
        assert history.of_root(connection, "root new", 0, 10) == [], "nothing of it was written"


def test_a_hit_that_was_written_first_keeps_its_bytes(home: Home, hit: Batch) -> None:
    parent = {
        "id": "root new", "type": "pipeline", "root_id": "root new", "attempt": 0, "status": "Running", "workspace": "w",
        "experiment": "e", "name": "new", "parent_id": None, "unmet": 0, "created_at": home.now, "ended_at": None,
    }  # fmt: skip
    step = {**parent, "id": "new", "type": "step", "status": "Completed", "ended_at": home.now}
    home.context.database.write(lambda c: runs.insert_runs(c, [parent, step]))
    hit.commit(home.context)
    assert home.clearing.clear(Limits(DAY))["outputs"] == []
