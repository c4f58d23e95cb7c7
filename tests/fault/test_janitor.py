"""The janitor, driven by a clock of our own: it clears what is over, and never what somebody may still ask for."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock.data.snapshots import Snapshots
from penstock.data.tars import Uploads
from penstock.model.status import Status
from penstock.service.care import logs
from penstock.service.care.janitor import DAY_SECONDS, HALF_WRITTEN_SECONDS, ROUND_SECONDS, SETTLED_SECONDS, Janitor
from penstock.service.care.room import Room
from penstock.service.changes import Changes
from penstock.service.context import Context
from penstock.store import catalog, runs
from penstock.store.database import open_database

NOW = 2_000_000_000.0


@pytest.fixture
def context(tmp_path: Path, sqlite_path: Path) -> Iterator[Context]:
    database = open_database(sqlite_path)
    space = {"name": "w", "id": "w", "subscription_id": "", "resource_group": "", "location": "", "tags": {}}
    database.write(lambda c: catalog.add_workspace(c, {**space, "default_datastore": "d", "created_at": 1.0}))
    store = {"workspace": "w", "name": "d", "type": "local", "settings": {}, "root": str(tmp_path / "store")}
    database.write(lambda c: catalog.put_datastore(c, {**store, "created_at": 1.0}))
    names = ("url", "socket", "python", "launcher", "node_id")
    yield Context(
        home=tmp_path,
        database=database,
        compute=None,  # type: ignore[arg-type]  # a janitor never asks one
        changes=Changes(),
        snapshots=Snapshots(tmp_path),
        uploads=Uploads(tmp_path),
        key=b"",
        embedded=True,
        slots=1,
        wake=lambda: None,
        room=Room(tmp_path, ballast_bytes=4096),
        **dict.fromkeys(names, ""),
    )
    database.close()


def add_run(context: Context, run_id: str, status: Status, attempt: int = 1) -> None:
    row: dict[str, Any] = {
        "id": run_id,
        "workspace": "w",
        "experiment": "e",
        "type": "step",
        "name": run_id,
        "parent_id": None,
        "root_id": "root",
        "status": str(status),
        "attempt": attempt,
        "unmet": 0,
        "created_at": 1.0,
        "ended_at": 2.0 if status in (Status.COMPLETED, Status.FAILED, Status.CANCELED) else None,
    }
    context.database.write(lambda c: runs.insert_runs(c, [row]))


def put(path: Path, age: float = 10 * DAY_SECONDS) -> Path:
    """A file made `age` seconds ago, and folders above it as old."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    for place in (path, path.parent):
        os.utime(place, (NOW - age, NOW - age))
    return path


def whole_round(janitor: Janitor, now: float = NOW) -> float:
    """Passes until a round is done; when the next is due."""
    for _ in range(1000):
        due = janitor.tick(now)
        if due >= now + 1:
            return due
    raise AssertionError("the janitor never came round")


def job(context: Context, name: str, age: float = 10 * DAY_SECONDS, ended: bool = True) -> Path:
    folder = context.home / "jobs" / name
    put(folder / "work" / "sub" / "script.py", age)
    put(folder / "inputs" / "big" / "data", age)
    put(folder / "stdout", age)
    if ended:
        put(folder / "exit.json", age)
    return folder


def test_what_an_ended_try_worked_in_goes_and_all_else_of_it_stays(context: Context) -> None:
    add_run(context, "done", Status.COMPLETED)
    folder = job(context, "done.1")
    assert whole_round(Janitor(context)) == NOW + ROUND_SECONDS
    assert sorted(p.name for p in folder.iterdir()) == ["exit.json", "stdout"]


@pytest.mark.parametrize(
    ("name", "status", "attempt", "age", "ended"),
    [
        ("r.1", Status.RUNNING, 1, 10 * DAY_SECONDS, False),
        ("r.1", Status.FINALIZING, 1, 10 * DAY_SECONDS, True),
        ("r.2", Status.RUNNING, 2, 10 * DAY_SECONDS, True),
        ("r.1", Status.COMPLETED, 1, SETTLED_SECONDS - 1, True),
        ("unknown.1", Status.COMPLETED, 1, 10 * DAY_SECONDS, True),
        ("r.1", Status.FAILED, 1, 10 * DAY_SECONDS, False),
    ],
    ids=["running", "finalizing", "second-try", "just-ended", "of-no-run-known", "without-exit-file"],
)
def test_what_is_in_use_or_not_ours_to_judge_stays(
    context: Context, name: str, status: Status, attempt: int, age: float, ended: bool
) -> None:
    add_run(context, "r", status, attempt)
    folder = job(context, name, age, ended)
    stage = put(context.home / "store" / ".staging" / name / "out", age if name != "unknown.1" else 10 * DAY_SECONDS)
    whole_round(Janitor(context))
    assert (folder / "work" / "sub" / "script.py").exists() and (folder / "inputs").exists()
    if status is not Status.FAILED:
        assert stage.exists()


def test_an_earlier_try_of_a_run_that_goes_on_is_over(context: Context) -> None:
    add_run(context, "r", Status.RUNNING, 2)
    folder = job(context, "r.1")
    whole_round(Janitor(context))
    assert not (folder / "work").exists()


def test_staged_outputs_of_what_is_over_go_those_of_a_failed_step_after_a_day(context: Context) -> None:
    for run_id, status in (("c", Status.CANCELED), ("f", Status.FAILED), ("old", Status.FAILED)):
        add_run(context, run_id, status)
    staging = context.home / "store" / ".staging"
    put(staging / "c.1" / "out", SETTLED_SECONDS + 1)
    put(staging / "f.1" / "out", SETTLED_SECONDS + 1)
    put(staging / "old.1" / "out", DAY_SECONDS + SETTLED_SECONDS + 1)
    whole_round(Janitor(context))
    assert [p.name for p in staging.iterdir()] == ["f.1"]


def test_uploads_nobody_claimed_and_half_written_blobs_go_when_they_are_old(context: Context) -> None:
    old, new = put(context.home / "uploads" / "a" / "f", DAY_SECONDS + 1), put(context.home / "uploads" / "b" / "f", 60)
    whole = put(context.home / "blobs" / "ab" / ("ab" * 32))
    half = put(context.home / "blobs" / "ab" / f"{'ab' * 32}.123.456", HALF_WRITTEN_SECONDS + 1)
    young = put(context.home / "blobs" / "ab" / f"{'ab' * 32}.123.457", 60)
    manifest = put(context.home / "snapshots" / f"{'cd' * 32}.json")
    partial = put(context.home / "snapshots" / f"{'cd' * 32}.json.99", HALF_WRITTEN_SECONDS + 1)
    orphan = put(context.home / "models" / "w" / "no-row" / "m.bin", DAY_SECONDS + 1)
    whole_round(Janitor(context))
    assert [p.exists() for p in (old, half, partial, orphan)] == [False] * 4
    assert all(p.exists() for p in (new, whole, young, manifest))


def test_a_pass_is_bounded_and_the_next_goes_on_where_it_stopped(context: Context) -> None:
    for number in range(450):
        add_run(context, f"r{number}", Status.COMPLETED)
        job(context, f"r{number}.1")
    janitor, left = Janitor(context), []
    for _ in range(2):
        assert janitor.tick(NOW) < NOW + 1
        left.append(len(list(context.home.glob("jobs/*/work"))))
    assert left[0] >= 250 and left[1] < left[0]
    whole_round(janitor)
    assert not list(context.home.glob("jobs/*/work"))


def test_a_full_disk_is_swept_at_once_and_when_there_is_room_the_scheduler_is_woken(context: Context) -> None:
    full = dataclasses.replace(context, room=Room(context.home, ballast_bytes=1 << 62))  # never room enough for that
    add_run(context, "done", Status.COMPLETED)
    folder = job(context, "done.1", age=1)
    assert full.room.noticed(OSError(28, "No space left on device")) is not None
    assert whole_round(Janitor(full)) == NOW + 1, "while there is trouble it looks every second"
    assert not (folder / "work").exists()
    woken: list[bool] = []
    context = dataclasses.replace(context, wake=lambda: woken.append(True))
    context.room.noticed(OSError(28, "No space left on device"))
    whole_round(Janitor(context))
    assert woken and context.room.trouble is None


def test_a_long_log_is_kept_in_three_pieces_and_goes_on_in_place(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    with open(log, "a") as writer:  # as the server holds it
        for number in range(1, 6):
            writer.write(f"{number}" * 100)
            writer.flush()
            assert logs.rotate(log, max_bytes=99)
        writer.write("now")
    found = {p.name: p.read_text()[:3] for p in tmp_path.iterdir()}
    assert found == {"server.log": "now", "server.log.1": "555", "server.log.2": "444", "server.log.3": "333"}
    assert not logs.rotate(log, max_bytes=99)
