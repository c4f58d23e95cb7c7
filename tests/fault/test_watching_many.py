"""Schedules that watch a path with very many files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault.test_janitor import context as context  # a service without its server
from fault.watched_world import World

from penstock.service.context import Context

FOLDERS, EACH = 200, 1000
FILES = FOLDERS * EACH


def fill(root: Path) -> None:
    """Files that are links to one: as many names, and quicker made."""
    for folder in range(FOLDERS):
        place = root / f"in/{folder:03}"
        place.mkdir(parents=True)
        first = place / "0000"
        first.touch()
        for n in range(1, EACH):
            os.link(first, place / f"{n:04}")


@pytest.fixture
def world(context: Context) -> Iterator[World]:
    yield World(context)


def test_two_hundred_thousand_files_are_one_batch_and_then_one_of_them_is_one(world: World) -> None:
    made = world.make(path_on_datastore="in")
    world.pass_time(1)
    fill(world.root)
    world.settle()
    world.settle()
    (first,) = world.submitted
    assert first["properties"]["penstock.n_changed"] == str(FILES) and "penstock.changed" not in first["properties"]
    assert world.ticks(made) == [("fired", None)] and world.note(made) == ""
    world.put("in/117/new.csv")
    world.settle()
    assert world.submitted[1]["properties"]["penstock.changed"] == '["in/117/new.csv"]'
