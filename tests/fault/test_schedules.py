"""Schedules: every due time has one run or a recorded verdict, whatever dies and whatever the clock does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fault.schedules_checker import play
from fault.schedules_world import BEGIN, World

from penstock.model.errors import BadRequest, Conflict, NotFound
from penstock.service.schedule.triggers import AT_ONCE
from penstock.store import schedules as store
from penstock.store import ticks as ledger
from penstock.store.database import open_database

DAILY = {"frequency": "Day", "interval": 1, "hours": [8], "minutes": [0]}


# Found by the checker: a run beside the ledger, of a server that was overtaken while it submitted; a run by hand in the place of a due time;
# a skip that did not count the first run.
FOUND = (0, 20, 165)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Any:
    opened = open_database(request.getfixturevalue("sqlite_path" if request.param == "sqlite" else "postgresql_store"))
    yield opened
    opened.close()


@pytest.fixture
def world(sqlite_path: Path) -> Any:
    opened = open_database(sqlite_path)
    yield World(opened, 0)
    opened.close()


def make(world: World, **more: object) -> str:
    body = {"name": "s", "experiment_name": "e", "pipeline_id": "p", "recurrence": DAILY, **more}
    found: str = world.schedules.create("w", body)["id"]
    return found


def fire(world: World, at: float) -> None:
    world.now = at
    world.run(world.leader)


def verdicts(world: World, schedule_id: str) -> list[tuple[str, int | None]]:
    with world.database.read() as connection:
        return [(t["verdict"], t["n"]) for t in reversed(ledger.ticks(connection, schedule_id, 100_000))]


def test_seeds_of_the_checker(database: Any) -> None:
    for seed in range(3):
        play(database, seed, days=6)


@pytest.mark.parametrize("seed", FOUND)
def test_seeds_that_have_found_something(world: World, seed: int) -> None:
    play(world.database, seed)


def test_of_missed_times_the_latest_runs_and_the_others_are_told(world: World) -> None:
    made = make(world, recurrence={"frequency": "Minute", "interval": 1})
    fire(world, BEGIN)
    fire(world, BEGIN + 60 * 1_000_000)
    assert verdicts(world, made) == [("fired", 1), ("skipped", 999_999), ("fired", 1)]


@pytest.mark.parametrize(
    "rule", [{"frequency": "Minute", "interval": 1}, {"cron": "*/30 * * * * *", "time_zone": "America/New_York"}]
)
def test_a_million_missed_times_are_one_skip_or_come_in_parts(world: World, rule: dict[str, object]) -> None:
    silent, all_of_them = make(world, recurrence=rule, catch_up="none"), make(world, recurrence=rule, catch_up="all")
    world.now = BEGIN + 60 * 1_000_000 + 75
    world.clocks[0].tick(world.now)
    assert len(verdicts(world, silent)) == 2 and {v for v, _ in verdicts(world, silent)[:1]} == {"skipped"}
    assert verdicts(world, all_of_them) == [("fired", 1)] * AT_ONCE
    assert world.clocks[0].tick(world.now) <= world.now, "the rest is next"


def test_all_missed_times_run_when_asked_for(world: World) -> None:
    made = make(world, recurrence={"frequency": "Hour", "interval": 1}, catch_up="all")
    fire(world, BEGIN + 3600 * 250)
    assert verdicts(world, made) == [("fired", 1)] * 251


def test_no_missed_time_runs_when_asked_for(world: World) -> None:
    made = make(world, catch_up="none", recurrence={"frequency": "Hour", "interval": 1})
    fire(world, BEGIN + 3600 * 5 + 600)
    assert {v for v, _ in verdicts(world, made)} == {"skipped"}
    fire(world, BEGIN + 3600 * 6)
    assert verdicts(world, made)[-1] == ("fired", 1)


def test_a_clock_that_jumps_a_year_and_back_goes_on_firing_once(world: World) -> None:
    made = make(world, recurrence={"frequency": "Hour", "interval": 1})
    fire(world, BEGIN)
    fire(world, BEGIN + 365 * 86400)
    fire(world, BEGIN + 1800)
    fire(world, BEGIN + 3600)
    fire(world, BEGIN + 7200)
    fire(world, BEGIN + 7100)
    fire(world, BEGIN + 7200)
    with world.database.read() as connection:
        fired = [t["scheduled_at"] - BEGIN for t in ledger.ticks(connection, made) if t["verdict"] == "fired"]
    assert sorted(fired) == [0, 7200, 365 * 86400], "what was recorded as skipped stays so; what comes after fires once"


@pytest.mark.parametrize("step", [3600, -3600, 365 * 86400, -365 * 86400])
def test_a_clock_that_jumps_and_stays_there_goes_on_from_there(world: World, step: int) -> None:
    made = make(world, recurrence={"frequency": "Hour", "interval": 1})
    for n in range(3):
        fire(world, BEGIN + 3600 * n)
    for n in range(3, 6):
        fire(world, BEGIN + 3600 * n + step)
    with world.database.read() as connection:
        fired = [t["scheduled_at"] for t in ledger.ticks(connection, made) if t["verdict"] == "fired"]
    expected = {BEGIN + 3600 * n for n in range(3)} | {BEGIN + 3600 * n + step for n in range(3, 6)}
    # One set back by a year is where the schedule was not made yet: it waits for its first time to come again.
    assert sorted(fired) == sorted(e for e in expected if e >= BEGIN)


def test_a_schedule_edited_in_the_middle_of_its_submission_is_fired_once_and_keeps_its_edit(world: World) -> None:
    made = make(world, recurrence={"frequency": "Hour", "interval": 1}, pipeline_parameters={"rate": 1})
    sent = []

    def submit(schedule: Any, body: Any, also: Any) -> str:
        sent.append(body["parameters"])
        world.schedules.update("w", made, {"pipeline_parameters": {"rate": len(sent) + 1}})
        return World.submit(world, schedule, body, also)

    world.submit = submit  # type: ignore[method-assign]
    world.start()
    fire(world, BEGIN)
    fire(world, BEGIN + 3600)
    assert sent == [{"rate": 1}, {"rate": 2}] and verdicts(world, made) == [("fired", 1), ("fired", 1)]
    assert world.schedules.get("w", made)["pipeline_parameters"] == {"rate": 3}


def test_a_schedule_edited_while_it_is_fired_keeps_its_edit(world: World) -> None:
    made = make(world)
    with world.database.read() as connection:
        before = store.get(connection, made)
    assert before is not None
    world.schedules.update("w", made, {"status": "Disabled"})
    assert not world.database.write(lambda c: store.advance(c, before, BEGIN + 5, BEGIN))
    with pytest.raises(Conflict, match="changed at the same time"):
        world.schedules._db.world.database.write(lambda c: store.change(c, made, 1, {"name": "n"}))
        stale = {**before}
        world.schedules._row = lambda *_: stale  # type: ignore[method-assign]
        world.schedules.update("w", made, {"name": "other"})


def test_a_pipeline_that_cannot_be_submitted_is_recorded_and_pauses_it(world: World) -> None:
    made = make(world, pipeline_id="gone", recurrence={"frequency": "Hour", "interval": 1}, pause_after=2)
    fire(world, BEGIN)
    fire(world, BEGIN + 3600)
    fire(world, BEGIN + 7200)
    shown = world.schedules.get("w", made)
    assert [v for v, _ in verdicts(world, made)] == ["failed", "failed"]
    assert shown["status"] == "Disabled" and "2 failures in a row" in shown["note"]


def end_runs(world: World, status: str) -> None:
    world.end(world.running(), status)


def test_runs_that_fail_pause_it_before_another_is_submitted(world: World) -> None:
    made = make(world, recurrence={"frequency": "Hour", "interval": 1}, pause_after=2)
    for n in range(3):
        fire(world, BEGIN + 3600 * n)
        end_runs(world, "Failed")
    shown = world.schedules.get("w", made)
    assert verdicts(world, made) == [("fired", 1), ("fired", 1), ("skipped", 1)]
    assert shown["status"] == "Disabled" and "2 failures in a row" in shown["note"]


def test_one_that_was_paused_and_enabled_again_is_not_paused_for_its_old_failures(world: World) -> None:
    made = make(world, pipeline_id="gone", recurrence={"frequency": "Hour", "interval": 1}, pause_after=2)
    fire(world, BEGIN)
    fire(world, BEGIN + 3600)
    world.now += 60
    assert world.schedules.update("w", made, {"status": "Active"})["note"] is None
    fire(world, BEGIN + 7200)
    assert world.schedules.get("w", made)["status"] == "Active"
    fire(world, BEGIN + 10800)
    assert world.schedules.get("w", made)["status"] == "Disabled"


def test_an_edit_made_while_it_is_paused_is_not_made_over_the_pause(world: World) -> None:
    made = make(world, pipeline_id="gone", pause_after=1)
    with world.database.read() as connection:
        before = store.get(connection, made)
    fire(world, BEGIN)
    world.schedules._row = lambda *_: before  # type: ignore[method-assign, assignment, return-value]
    with pytest.raises(Conflict, match="changed at the same time"):
        world.schedules.update("w", made, {"name": "other"})


def test_one_whose_runs_keep_failing_says_so_and_which_was_the_last(world: World) -> None:
    made = make(world, recurrence={"frequency": "Hour", "interval": 1})
    for n in range(3):
        assert not any("failed" in text for text in world.schedules.get("w", made)["warnings"])
        fire(world, BEGIN + 3600 * n)
        end_runs(world, "Failed")
    with world.database.read() as connection:
        (last, *_) = ledger.runs_of(connection, made)
    said = f"Its last 3 runs failed. Look at the last one: penstock run show {last}"
    assert said in world.schedules.list("w")[0]["warnings"]
    fire(world, BEGIN + 3600 * 3)
    end_runs(world, "Completed")
    assert said not in world.schedules.get("w", made)["warnings"]


def test_next_tells_the_zone_and_utc(world: World) -> None:
    made = make(world, recurrence={**DAILY, "time_zone": "W. Europe Standard Time"})
    first = world.schedules.next("w", made)["value"][1]
    assert first == {"at": "2023-11-15T07:00:00Z", "local": "2023-11-15T08:00:00+01:00"}
    assert len(world.schedules.next("w", made)["value"]) == 10


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"overlap": "never"}, "overlap must be one of"),
        ({"catch_up": "some"}, "catch_up must be one of"),
        ({"pause_after": -1}, "pause_after must be"),
        ({"pause_after": 1.5}, "pause_after must be"),
        ({"settle_seconds": float("nan")}, "settle_seconds must be"),
        ({"regenerate_outputs": "yes"}, "regenerate_outputs must be true or false"),
        ({"datasets": "newest"}, "datasets must be one of captured, latest"),
        ({"pipeline_parameters": [1]}, "pipeline_parameters must be an object"),
        ({"recurrence": "daily"}, "recurrence must be an object"),
        ({"datastore": "d"}, "cannot be given together with a recurrence"),
        ({"experiment_name": ""}, "no experiment_name"),
        ({"name": " "}, "no name"),
        ({"pipeline_endpoint_id": "e"}, "either a pipeline_id or a pipeline_endpoint_id"),
        ({"recurrence": {**DAILY, "time_zone": "Mars"}}, "no time zone 'Mars'"),
        ({"recurrence": None, "datastore": "d", "path_on_datastore": "../x"}, "must lie below the datastore"),
    ],
)
def test_a_wrong_schedule_is_refused_and_nothing_is_kept(world: World, given: dict[str, object], said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        make(world, **given)
    assert world.schedules.list("w") == []
    with pytest.raises(NotFound, match="no schedule 'x'"):
        world.schedules.get("w", "x")
