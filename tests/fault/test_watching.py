"""Schedules that watch data: each settled batch of changes has one run, nothing is lost or told twice, whatever dies or goes away."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fault.schedules_world import Killed
from fault.test_janitor import context as context  # a service without its server
from fault.watched_world import World
from fault.watching_checker import play

from penstock.model.errors import BadRequest, NotFound
from penstock.service.context import Context
from penstock.service.schedule.watching import LOOK_SECONDS, NET_SECONDS, TROUBLE_SECONDS, UNTOLD_SECONDS
from penstock.store import catalog
from penstock.store import ticks as ledger
from penstock.store.database import open_database

Json = dict[str, Any]


@pytest.fixture
def world(context: Context) -> World:
    return World(context)


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, context: Context) -> Iterator[World]:
    if request.param == "sqlite":
        yield World(context)
        return
    opened = open_database(request.getfixturevalue("postgresql_store"))
    with context.database.read() as connection:
        space, place = catalog.get_workspace(connection, "w"), catalog.get_datastore(connection, "w", "d")
    assert space is not None and place is not None
    opened.write(lambda c: catalog.add_workspace(c, space))
    opened.write(lambda c: catalog.put_datastore(c, place))
    yield World(dataclasses.replace(context, database=opened))
    opened.close()


def test_what_is_created_or_modified_fires_and_what_was_there_does_not(either: World) -> None:
    either.put("in/old.csv")
    made = either.make(path_on_datastore="in", data_path_parameter_name="where")
    either.settle()
    assert either.batches(made) == []
    either.put("in/new.csv")
    either.settle()
    either.put("in/old.csv", "longer")
    either.settle()
    assert either.batches(made) == [["in/new.csv"], ["in/old.csv"]]
    assert either.submitted[0]["data_paths"] == {"where": {"datastore": "d", "path": "in/new.csv"}}
    either.settle()
    assert len(either.ticks(made)) == 2


def test_a_half_copied_batch_fires_once_when_it_has_settled(world: World) -> None:
    made = world.make(data_path_parameter_name="where")
    for n in range(5):
        world.put(f"in/a/{n}.csv")
        world.tell()
        world.pass_time(0.7)
        assert world.batches(made) == []
    world.put("in/b/x.csv")
    world.settle()
    assert world.batches(made) == [[*(f"in/a/{n}.csv" for n in range(5)), "in/b/x.csv"]]
    assert world.submitted[0]["data_paths"]["where"]["path"] == "in"


def test_a_longer_time_to_settle_is_kept_to(world: World) -> None:
    made = world.make(settle_seconds=30)
    world.put("a")
    world.tell()
    world.pass_time(29)
    assert world.batches(made) == []
    world.pass_time(2)
    assert world.batches(made) == [["a"]]


def test_without_a_time_to_settle_a_change_fires_at_once(world: World) -> None:
    made = world.make(settle_seconds=0)
    world.pass_time(0.1)
    world.put("a")
    world.tell()
    world.pass_time(0.02)
    assert world.batches(made) == [["a"]]


def test_deletes_fire_only_when_they_are_asked_for(world: World) -> None:
    world.put("in/a")
    world.put("in/b")
    without, asked = world.make(path_on_datastore="in"), world.make(path_on_datastore="in", on_delete=True)
    (world.root / "in/a").unlink()
    world.settle()
    assert world.batches(without) == [] and world.batches(asked) == [[]]
    properties = world.submitted[0]["properties"]
    assert json.loads(properties["penstock.deleted"]) == ["in/a"] and properties["penstock.n_changed"] == "1"
    world.put("in/a")
    world.settle()
    assert world.batches(without) == [["in/a"]] and world.batches(asked) == [[], ["in/a"]]


def test_sub_folders_count_unless_only_direct_children_are_to(world: World) -> None:
    world.put("in/x")
    deep, flat = world.make(path_on_datastore="in"), world.make(path_on_datastore="in", recursive=False)
    world.put("in/sub/a")
    world.settle()
    assert (world.batches(deep), world.batches(flat)) == ([["in/sub/a"]], [])
    world.put("in/b")
    world.settle()
    assert (world.batches(deep)[1:], world.batches(flat)) == ([["in/b"]], [["in/b"]])


def test_a_glob_and_a_file_can_be_watched(world: World) -> None:
    world.put("in/2024/a.csv")
    world.put("one.txt")
    globbed, single = world.make(path_on_datastore="in/*/*.csv"), world.make(path_on_datastore="one.txt")
    flat = world.make(path_on_datastore="in/*.csv", recursive=False)
    for path in ("in/2025/b.csv", "in/2025/b.txt", "in/c.csv", "in/2025/deep/d.csv", "two.txt"):
        world.put(path)
    world.settle()
    assert world.batches(globbed) == [["in/2025/b.csv"]] and world.batches(flat) == [["in/c.csv"]]
    assert world.batches(single) == []
    world.put("one.txt", "changed")
    world.settle()
    assert world.batches(single) == [["one.txt"]]


def test_a_glob_below_a_match_counts_what_lies_there(world: World) -> None:
    world.put("in/x")
    made = world.make(path_on_datastore="in/day-*")
    world.put("in/day-1/deep/a")
    world.put("in/night-1/deep/a")
    world.settle()
    assert world.batches(made) == [["in/day-1/deep/a"]]


def test_changes_between_two_looks_are_one_batch_and_none_is_lost(world: World) -> None:
    made = world.make(polling_interval=2)
    world.pass_time(1.5)
    world.put("a")
    world.pass_time(60)
    world.put("a", "again")
    world.put("b")
    world.tell()  # what the system tells does not count where an interval was given
    world.pass_time(50)
    assert world.batches(made) == [], "the polling interval holds"
    world.pass_time(20)
    assert world.batches(made) == [["a", "b"]]


def test_an_interval_may_be_a_fraction_of_a_minute(world: World) -> None:
    made = world.make(polling_interval=0.1)
    world.pass_time(1)
    world.put("a")
    world.pass_time(8)
    assert world.batches(made) == [["a"]]


def test_looks_at_a_chosen_interval_that_find_nothing_are_told_as_one(world: World) -> None:
    made = world.make(polling_interval=1)
    world.pass_time(600)
    world.put("a")
    world.pass_time(120)
    with world.database.read() as connection:
        found = [(t["verdict"], t["reason"], t["n"]) for t in ledger.ticks(connection, made)]
    assert [f[:2] for f in found] == [("skipped", "no change"), ("fired", None), ("skipped", "no change")]
    assert found[2][2] in (9, 10, 11), "a look a minute"


def test_what_nobody_tells_of_is_seen_in_the_end(world: World) -> None:
    made = world.make()
    world.watchers[0].tick(world.now)
    world.watchers[0].set_told([made], True)
    world.pass_time(5)
    world.put("a")
    world.pass_time(NET_SECONDS - 10)
    assert world.batches(made) == []
    world.pass_time(20)
    assert world.batches(made) == [["a"]]


def test_a_folder_that_the_system_does_not_tell_of_is_looked_at_now_and_then(world: World) -> None:
    made = world.make()
    world.pass_time(3)
    world.watchers[0].set_told([made], False, "no room for more")
    world.pass_time(3)
    assert "no room for more" in world.note(made)
    world.put("a")
    world.pass_time(UNTOLD_SECONDS + 2)
    assert world.batches(made) == [["a"]]
    world.watchers[0].set_told([made], True)
    world.pass_time(1)
    assert world.note(made) == ""


def test_wherever_the_server_dies_each_batch_has_one_run(either: World) -> None:
    made = either.make()
    either.settle()
    for step in range(1, 12):
        either.put(f"file-{step:02}")
        either.database.countdown = step
        try:
            either.settle()
        except Killed:
            either.restart()
        either.database.countdown = -1
        either.settle()
        either.restart()
        either.settle()
    assert either.batches(made) == [[f"file-{step:02}"] for step in range(1, 12)]
    assert [verdict for verdict, _ in either.ticks(made)] == ["fired"] * 11


def test_what_changed_while_no_server_was_there_fires(world: World) -> None:
    made = world.make(path_on_datastore="in")
    world.put("in/a")
    world.now += 86400
    world.restart()
    world.pass_time(3)
    assert world.batches(made) == [["in/a"]]


def test_an_unchanged_folder_writes_nothing(world: World) -> None:
    world.put("in/a")
    world.make(path_on_datastore="in")
    n_writes = world.database.n_writes
    world.settle()
    world.restart()
    world.settle()
    assert world.database.n_writes == n_writes


def test_a_folder_that_vanishes_is_told_of_and_fires_nothing_when_it_is_back(world: World) -> None:
    world.put("in/a")
    made = world.make(path_on_datastore="in", on_delete=True)
    world.settle()
    os.rename(world.root / "in", world.root / "away")
    world.settle()
    assert "nothing at" in world.note(made) and world.ticks(made) == []
    os.rename(world.root / "away", world.root / "in")
    world.pass_time(TROUBLE_SECONDS + 3)
    assert world.note(made) == "" and world.ticks(made) == []
    world.put("in/b")
    world.settle()
    assert world.batches(made) == [["in/b"]]


def test_an_unmounted_disk_is_no_deletion_and_its_return_no_creation(world: World) -> None:
    place = world.put("in/a")
    os.utime(place, ns=(1, 1))
    made = world.make(path_on_datastore="in", on_delete=True)
    world.settle()
    os.rename(world.root / "in", world.root / "disk")
    (world.root / "in").mkdir()  # the empty folder that it was mounted on
    world.settle()
    assert "is empty, and is another folder" in world.note(made)
    (world.root / "in").rmdir()
    shutil.copytree(world.root / "disk", world.root / "in")  # the same files, other inodes
    world.settle()
    world.pass_time(TROUBLE_SECONDS + 3)
    assert world.ticks(made) == [] and world.note(made) == ""


def test_a_folder_that_cannot_be_read_is_told_of(world: World) -> None:
    if os.getuid() == 0:
        os.symlink("loop", world.root / "loop")  # root reads all; a link to itself nobody can
        made = world.make(path_on_datastore="in")
        os.symlink(world.root / "loop", world.root / "in")
    else:
        world.put("in/sub/a")
        made = world.make(path_on_datastore="in")
        os.chmod(world.root / "in/sub", 0)
    world.settle()
    assert "Not watched now" in world.note(made) and world.ticks(made) == []
    if os.getuid():
        os.chmod(world.root / "in/sub", 0o700)


def test_a_path_that_is_not_there_yet_fires_when_it_comes(world: World) -> None:
    made = world.make(path_on_datastore="to/come")
    world.settle()
    assert "nothing at" in world.note(made)
    world.put("to/come/a")
    world.pass_time(TROUBLE_SECONDS + 3)
    assert world.batches(made) == [["to/come/a"]] and world.note(made) == ""


def test_a_watched_file_may_go_and_come_back(world: World) -> None:
    world.put("one")
    told, silent = world.make(path_on_datastore="one", on_delete=True), world.make(path_on_datastore="one")
    world.settle()
    os.rename(world.root / "one", world.root / "away")
    world.settle()
    assert [v for v, _ in world.ticks(told)] == ["fired"] and "nothing at" in world.note(silent)
    os.rename(world.root / "away", world.root / "one")
    world.settle()
    world.pass_time(TROUBLE_SECONDS + 3)
    assert world.batches(told) == [[], ["one"]] and world.batches(silent) == []


def test_files_that_never_stop_changing_are_told_of(world: World) -> None:
    made = world.make()
    for n in range(130):
        world.put("log", "x" * n)
        world.tell()
        world.pass_time(0.6)
    assert "not stopped changing" in world.note(made) and world.batches(made) == []
    world.settle()
    assert world.note(made) == "" and world.batches(made) == [["log"]]


def test_an_edit_of_what_is_watched_begins_anew(world: World) -> None:
    world.put("a/x")
    world.put("b/x")
    made = world.make(path_on_datastore="a")
    world.settle()
    world.schedules.update("w", made, {"path_on_datastore": "b"})
    world.settle()
    world.put("b/y")
    world.put("a/y")
    world.settle()
    assert world.batches(made) == [["b/y"]]


def test_an_edit_of_something_else_loses_no_change(world: World) -> None:
    made = world.make()
    world.settle()
    world.put("a")
    world.tell()
    world.pass_time(0.5)
    world.schedules.update("w", made, {"description": "other", "data_path_parameter_name": "p"})
    world.settle()
    assert world.batches(made) == [["a"]] and "p" in world.submitted[0]["data_paths"]


def test_what_changes_while_a_schedule_is_disabled_does_not_fire(world: World) -> None:
    made = world.make()
    world.schedules.update("w", made, {"status": "Disabled"})
    world.put("a")
    world.settle()
    world.schedules.update("w", made, {"status": "Active"})
    world.settle()
    world.put("b")
    world.settle()
    assert world.batches(made) == [["b"]]


def test_a_datastore_that_is_mapped_elsewhere_is_watched_from_there_on(world: World, tmp_path: Path) -> None:
    made = world.make()
    world.settle()
    (tmp_path / "other").mkdir()
    (tmp_path / "other/a").write_text("x")
    world.datastores.map("w", "d", str(tmp_path / "other"))
    world.settle()
    (tmp_path / "other/b").write_text("x")
    world.settle()
    assert world.batches(made) == [["b"]]


def test_a_clock_set_back_by_a_year_loses_no_change(world: World) -> None:
    made = world.make()
    world.put("a")
    world.settle()
    world.now -= 365 * 86400
    world.put("b")
    world.settle()
    world.now += 365 * 86400 - 3
    world.put("c")
    world.settle()
    assert sorted(world.batches(made)) == [["a"], ["b"], ["c"]]


def test_a_change_at_the_very_time_of_an_earlier_one_has_its_own_tick(world: World) -> None:
    made = world.make(settle_seconds=0)
    world.watchers[0].tick(world.now)
    for name in ("a", "b"):
        world.put(name)
        world.tell()
        while world.watchers[0].tick(world.now) <= world.now:
            pass
    world.clock.tick(world.now)
    assert world.batches(made) == [["a"], ["b"]]


def test_links_that_lead_round_are_walked_once(world: World) -> None:
    world.put("in/a/x")
    os.symlink(world.root / "in", world.root / "in/a/round")
    os.symlink("nowhere", world.root / "in/dangling")
    made = world.make(path_on_datastore="in")
    world.put("in/a/y")
    world.settle()
    assert world.batches(made) == [["in/a/y"]]


def test_a_name_that_is_no_text_fires_for_the_folder_around_it(world: World) -> None:
    world.put("in/x")
    made = world.make(path_on_datastore="in", data_path_parameter_name="where")
    with open(os.fsencode(world.root / "in") + b"/\xff.csv", "w"):
        pass
    world.settle()
    assert world.submitted[0]["data_paths"]["where"]["path"] == "in"
    assert world.ticks(made) == [("fired", None)]


def test_many_changes_are_kept_whole_but_not_as_a_property(world: World) -> None:
    made = world.make()
    for n in range(1500):
        world.put(f"in/{n:04}", "")
    world.settle()
    assert world.submitted[0]["properties"]["penstock.n_changed"] == "1500"
    assert "penstock.changed" not in world.submitted[0]["properties"]
    with world.database.read() as connection:
        (run_id,) = ledger.runs_of(connection, made)
    assert world.schedules.changed("w", run_id)["created"] == [f"in/{n:04}" for n in range(1500)]
    with pytest.raises(NotFound):
        world.schedules.changed("w", "nobody")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"path_on_datastore": "../x"}, "must lie below the datastore"),
        ({"path_on_datastore": "out"}, "leads out of its folder"),
        ({"recursive": "yes"}, "recursive must be true or false"),
        ({"on_delete": 1}, "on_delete must be true or false"),
        ({"polling_interval": 0}, "polling_interval must be"),
        ({"settle_seconds": -1}, "settle_seconds must be"),
    ],
)
def test_a_wrong_data_schedule_is_refused(world: World, given: Json, said: str) -> None:
    os.symlink("/usr", world.root / "out")
    with pytest.raises(BadRequest, match=said):
        world.make(**given)
    assert world.schedules.list("w") == []


def test_looks_come_no_more_often_than_they_have_to(world: World) -> None:
    world.make()
    world.watchers[0].tick(world.now)
    world.pass_time(3)
    assert world.watchers[0].tick(world.now) == world.now + LOOK_SECONDS


@pytest.mark.parametrize("seed", [0, 3, 18])
def test_whatever_happens_each_change_has_one_run(context: Context, seed: int) -> None:
    play(context, seed)
