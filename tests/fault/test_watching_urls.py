"""Schedules that watch datastores at URLs: by their listing, through times when nobody answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import fsspec
import pytest
from fault.test_janitor import context as context  # a service without its server
from fault.watched_world import World
from fsspec.implementations.memory import MemoryFileSystem

from penstock.model.errors import BadRequest
from penstock.service.context import Context
from penstock.service.schedule.watching import NET_SECONDS, TROUBLE_SECONDS


class Far(MemoryFileSystem):
    """Files in memory, whose server can be away, and which remembers its listings until told to forget them."""

    protocol = ("far",)
    store: dict[str, Any] = {}
    pseudo_dirs: list[str] = [""]
    is_away = False
    listed: dict[str, Any] = {}

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.replace("far://", "memory://")))

    def find(self, path: str, maxdepth: int | None = None, withdirs: bool = False, **kwargs: Any) -> Any:
        if type(self).is_away:
            raise ConnectionError("nobody answers")
        if path not in self.listed:
            self.listed[path] = super().find(path, maxdepth, withdirs, **kwargs)
        return self.listed[path]

    def invalidate_cache(self, path: str | None = None) -> None:
        self.listed.clear()


@pytest.fixture
def world(context: Context) -> Iterator[World]:
    fsspec.register_implementation("far", Far, clobber=True)
    Far.store, Far.pseudo_dirs, Far.is_away = {}, [""], False
    made = World(context)
    made.datastores.map("w", "d", "far://bucket/place")
    yield made


def put(path: str, content: bytes = b"x") -> None:
    Far().pipe(f"/bucket/place/{path}", content)


def test_what_is_created_or_modified_at_a_url_fires(world: World) -> None:
    put("in/old")
    made = world.make(path_on_datastore="in", data_path_parameter_name="where")
    flat = world.make(path_on_datastore="in", recursive=False)
    world.settle()
    put("in/sub/a")
    put("other/b")
    world.settle()
    put("in/old", b"longer")
    world.settle()
    assert world.batches(made) == [["in/sub/a"], ["in/old"]] and world.batches(flat) == [["in/old"]]
    assert next(b["data_paths"] for b in world.submitted if b["data_paths"])["where"]["path"] == "in/sub/a"


def test_it_is_looked_at_every_five_minutes_when_nobody_tells(world: World) -> None:
    made = world.make()
    world.pass_time(5)
    put("a")
    world.pass_time(NET_SECONDS - 10)
    assert world.batches(made) == []
    world.pass_time(20)
    assert world.batches(made) == [["a"]]


def test_a_server_that_is_away_for_an_hour_is_noted_and_nothing_fires_falsely(world: World) -> None:
    put("in/a")
    made = world.make(path_on_datastore="in", on_delete=True)
    world.settle()
    Far.is_away = True
    world.tell()
    world.pass_time(3600)
    assert "nobody answers" in world.note(made) and "far://bucket/place" in world.note(made)
    Far.is_away = False
    world.pass_time(TROUBLE_SECONDS + 3)
    assert world.note(made) == "" and world.ticks(made) == []
    put("in/b")
    world.settle()
    assert world.batches(made) == [["in/b"]]


def test_one_that_is_away_cannot_be_watched_from_now_on(world: World) -> None:
    Far.is_away = True
    with pytest.raises(BadRequest, match=r"cannot be known: far://.*nobody answers"):
        world.make()
    assert world.schedules.list("w") == []


def test_an_emptied_place_forgets_nothing_unless_deletes_count(world: World) -> None:
    put("in/a")
    silent, told = world.make(path_on_datastore="in"), world.make(path_on_datastore="in", on_delete=True)
    world.settle()
    kept = Far.store.pop("/bucket/place/in/a")
    world.settle()
    Far.store["/bucket/place/in/a"] = kept
    world.settle()
    assert world.batches(silent) == [] and world.batches(told) == [[], ["in/a"]]
