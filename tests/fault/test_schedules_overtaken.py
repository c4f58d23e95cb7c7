"""Schedules of a server that is overtaken at any moment, believing on for a while that it leads: another one decides, and once."""

from __future__ import annotations

import contextlib

import pytest
from fault.schedules_world import BEGIN, Killed, World
from fault.test_schedules import make, verdicts
from fault.test_schedules import world as world

from penstock.store import ticks as ledger

PLACES = 20  # more than one pass over two due times crosses
HOURLY = {"frequency": "Hour", "interval": 1}


def overtake_at(world: World, place: int, overlap: str) -> str:
    """Two due times, and a take-over at that place of the pass over them."""
    made = make(world, recurrence=HOURLY, catch_up="all", overlap=overlap)
    world.now, world.doubt = BEGIN + 3600, 0
    world.overtake_at = world.steps + place
    world.run(0)
    for n in (0, 1):
        world.run(n)
    return made


@pytest.mark.parametrize("place", range(1, PLACES))
@pytest.mark.parametrize("overlap", ["allow", "skip", "queue", "cancel-previous"])
def test_there_is_no_run_beside_the_ledger_and_none_is_doubled(world: World, place: int, overlap: str) -> None:
    made = overtake_at(world, place, overlap)
    found = [verdict for verdict, _ in verdicts(world, made)]
    assert found == ["fired", {"skip": "skipped", "queue": "queued"}.get(overlap, "fired")]
    assert len(world.running()) == {"allow": 2}.get(overlap, 1)


@pytest.mark.parametrize("place", range(1, PLACES))
def test_the_run_of_a_due_time_is_not_canceled_by_who_was_deciding_on_it_too(world: World, place: int) -> None:
    made = overtake_at(world, place, "cancel-previous")
    world.end(world.running(), "Completed")
    with world.database.read() as connection:
        assert [t["run_status"] for t in ledger.ticks(connection, made)] == ["Completed", "Canceled"]


@pytest.mark.parametrize("place", range(1, PLACES))
def test_a_run_that_was_its_servers_last_act_is_in_the_ledger_whatever_comes_before_it_then(
    world: World, place: int
) -> None:
    made = make(world, recurrence=HOURLY, overlap="skip")
    world.now = BEGIN + 3600 * 5
    world.kill_at = world.steps + place
    with contextlib.suppress(Killed):
        world.run(0)
    world.start()
    world.kill_at = None
    world.schedules.backfill("w", made, {"from": "2023-11-14T23:00:00", "to": "2023-11-15T00:30:00"})
    world.run(0)
    assert len(world.running()) == sum(verdict == "fired" for verdict, _ in verdicts(world, made))
