"""Schedules that are edited, run now and caught up by hand: nothing is run twice, and nothing that was due is forgotten."""

from __future__ import annotations

from typing import Any

import pytest
from fault.schedules_world import BEGIN, World
from fault.test_schedules import fire, make, verdicts
from fault.test_schedules import world as world

from penstock.model.errors import BadRequest
from penstock.store import ticks as ledger

HOURLY = {"frequency": "Hour", "interval": 1}


def times(world: World, schedule_id: str, verdict: str) -> list[float]:
    """When the ticks of this verdict were due, in hours since the beginning."""
    with world.database.read() as connection:
        found = ledger.ticks(connection, schedule_id, 100_000)
    return sorted((t["scheduled_at"] - BEGIN) / 3600 for t in found if t["verdict"] == verdict)


def test_backfill_runs_what_was_missed_and_nothing_twice(world: World) -> None:
    made = make(world, recurrence={"frequency": "Hour", "interval": 1})
    fire(world, BEGIN)
    fire(world, BEGIN + 3600 * 10)
    span = {"from": "2023-11-14T22:13:20", "to": "2023-11-16T00:00:00", "at_once": 20}
    assert world.schedules.backfill("w", made, {**span, "dry_run": True})["n"] == 9
    assert world.schedules.backfill("w", made, span)["n"] == 9
    fire(world, world.now)
    assert world.schedules.backfill("w", made, span)["n"] == 0
    assert sum(v == "fired" for v, _ in verdicts(world, made)) == 11


def test_a_backfill_from_before_its_creation_keeps_its_times(world: World) -> None:
    made = make(world, recurrence={"frequency": "Day", "interval": 1})  # due at 22:13:20, as it was made then
    found = world.schedules.backfill("w", made, {"from": "2023-11-12", "to": "2023-11-14T23:00:00", "dry_run": True})
    assert found["value"] == ["2023-11-12T22:13:20Z", "2023-11-13T22:13:20Z", "2023-11-14T22:13:20Z"]


def test_a_start_that_was_given_is_not_reached_behind(world: World) -> None:
    made = make(world, recurrence={"frequency": "Day", "interval": 1, "start_time": "2023-11-13T12:00:00"})
    found = world.schedules.backfill("w", made, {"from": "2023-11-01", "to": "2023-11-14T23:00:00", "dry_run": True})
    assert found["value"] == ["2023-11-13T12:00:00Z", "2023-11-14T12:00:00Z"]


def test_a_backfill_of_a_part_leaves_the_rest_of_a_skip_recorded(world: World) -> None:
    made = make(world, recurrence=HOURLY)
    fire(world, BEGIN)
    fire(world, BEGIN + 3600 * 10)
    world.schedules.backfill("w", made, {"from": "2023-11-14T22:13:20", "to": "2023-11-15T02:00:00", "at_once": 9})
    fire(world, world.now)
    assert times(world, made, "fired") == [0, 1, 2, 3, 10] and times(world, made, "skipped") == [4]
    with world.database.read() as connection:
        (rest,) = [t for t in ledger.ticks(connection, made) if t["verdict"] == "skipped"]
    assert rest["until_at"] == BEGIN + 3600 * 9 and "catch_up is latest" in rest["reason"]


def test_a_backfill_runs_what_could_not_be_submitted(world: World) -> None:
    made = make(world, recurrence=HOURLY, pipeline_id="gone")
    fire(world, BEGIN)
    world.submit = lambda schedule, body, also: World.submit(world, {**schedule, "pipeline_id": "p"}, body, also)  # type: ignore[method-assign]
    world.start()
    assert verdicts(world, made) == [("failed", 1)]
    world.schedules.backfill("w", made, {"from": "2023-11-14T22:00:00", "to": "2023-11-14T23:00:00"})
    fire(world, BEGIN + 60)
    assert verdicts(world, made) == [("fired", 1)]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"from": "x", "to": "2023-11-15"}, "from 'x' is no time"),
        ({"from": "2023-11-15"}, "to None is no time"),
        ({"from": "2000-01-01", "to": "2023-11-15"}, "more than 10,000 due times"),
        ({"from": "2023-11-15", "to": "2023-11-16", "at_once": 0}, "at_once must be"),
        ({"from": "2023-11-15", "to": "2023-11-16", "at_once": True}, "at_once must be"),
    ],
)
def test_a_wrong_backfill_is_refused(world: World, body: dict[str, Any], said: str) -> None:
    made = make(world, recurrence=HOURLY)
    with pytest.raises(BadRequest, match=said):
        world.schedules.backfill("w", made, body)


def test_a_run_by_hand_at_a_due_time_does_not_stand_for_it(world: World) -> None:
    made = make(world, recurrence=HOURLY)
    fire(world, BEGIN)
    world.now = BEGIN + 3600
    world.schedules.run_now("w", made)
    world.schedules.run_now("w", made)
    fire(world, BEGIN + 3600)
    assert verdicts(world, made) == [("fired", 1)] * 4
    assert len(times(world, made, "fired")) == 4 and 1.0 in times(world, made, "fired")


def test_a_skip_counts_the_first_run_of_a_schedule_without_a_start(world: World) -> None:
    made = make(world, recurrence={"frequency": "Day", "interval": 1, "hours": [8], "minutes": [0]})
    fire(world, BEGIN + 86400)
    assert verdicts(world, made) == [("skipped", 1), ("fired", 1)]


@pytest.mark.parametrize("edit", [{"status": "Disabled"}, {"recurrence": {"frequency": "Day", "interval": 1}}])
def test_what_was_due_before_an_edit_and_not_kept_yet_is_recorded(world: World, edit: dict[str, Any]) -> None:
    made = make(world, recurrence=HOURLY)
    fire(world, BEGIN)
    world.now = BEGIN + 3600 * 3 + 5  # no server was there meanwhile
    world.schedules.update("w", made, edit)
    assert verdicts(world, made) == [("fired", 1), ("skipped", 3)]
    with world.database.read() as connection:
        assert "edit: it was changed" in ledger.ticks(connection, made)[0]["reason"]


def test_a_queue_that_drains_does_not_wait_between_its_runs(world: World) -> None:
    made = make(world, recurrence=HOURLY, catch_up="all", overlap="queue")
    world.submit = lambda *given: _ended(world, World.submit(world, *given))  # type: ignore[method-assign]
    world.start()
    fire(world, BEGIN + 3600 * 20)
    assert verdicts(world, made) == [("fired", 1)] * 21


def _ended(world: World, run_id: str) -> str:
    world.end([run_id])
    return run_id
