"""Schedules that watch data, with all that fires them, over one database and under a clock of our own; it can die at any commit."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from fault.schedules_world import Killed, keep_run

from penstock.service.assets.catalog import Catalog
from penstock.service.assets.datastores import Datastores
from penstock.service.context import Context
from penstock.service.schedule.schedules import Schedules
from penstock.service.schedule.triggers import Clock
from penstock.service.schedule.watched import Places
from penstock.service.schedule.watching import Watcher
from penstock.store import ticks as ledger
from penstock.store.database import Database

Json = dict[str, Any]


class Dying:
    """The database, with places to die at before and after each commit."""

    def __init__(self, database: Database) -> None:
        self._database, self.countdown, self.n_writes = database, -1, 0

    def write(self, work: Any) -> Any:
        self._cross()
        result = self._database.write(work)
        self._cross()
        self.n_writes += 1
        return result

    def read(self) -> Any:
        return self._database.read()

    def _cross(self) -> None:
        self.countdown -= 1
        if self.countdown == 0:
            raise Killed


class World:
    """The verbs and the loops over one database, under a clock of our own. What submits keeps runs under their keys."""

    def __init__(self, context: Context) -> None:
        self.now = 1_700_000_000.0
        self.database = Dying(context.database)
        self.context = dataclasses.replace(context, clock=lambda: self.now, key=b"k" * 32, database=self.database)
        self.root = context.home / "store"
        self.root.mkdir(exist_ok=True)
        self.submitted: list[Json] = []
        catalog_verbs = Catalog(self.context)
        self.datastores = Datastores(self.context, catalog_verbs)
        self.places = Places(self.context, self.datastores)
        self.schedules = Schedules(self.context, catalog_verbs, lambda workspace, body: None, self.places)
        self.restart()

    def restart(self) -> None:
        self.watchers = [Watcher(self.context, self.places, is_remote, lambda: None) for is_remote in (False, True)]
        self.clock = Clock(self.context, self.submit, lambda run_id: None)

    def submit(self, schedule: Json, body: Json, also: Any) -> str:
        self.database._cross()
        run_id = self.context.database._database.write(
            lambda c: keep_run(c, self.context.make_id(), body, self.now, also)
        )
        self.submitted.append(body)
        self.database._cross()
        return str(run_id)

    def make(self, **more: object) -> str:
        body = {"name": "s", "experiment_name": "e", "pipeline_id": "p", "datastore": "d", **more}
        found: str = self.schedules.create("w", body)["id"]
        return found

    def put(self, path: str, content: str = "x") -> Path:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
        return place

    def pass_time(self, seconds: float) -> None:
        """Let time go by, with all passes that come due."""
        until = self.now + seconds
        while self.now < until:
            due = min(w.tick(self.now) for w in self.watchers)
            self.clock.tick(self.now)
            self.now = min(until, max(self.now + 0.01, due))
        for watcher in self.watchers:
            watcher.tick(self.now)
        self.clock.tick(self.now)

    def tell(self) -> None:
        """As the system does when something has changed."""
        for watcher in self.watchers:
            watcher.notice(list(watcher._watches))

    def settle(self) -> None:
        self.tell()
        self.pass_time(3)

    def batches(self, schedule_id: str) -> list[list[str]]:
        """The files of each run, oldest first."""
        keys = sorted({b["idempotency_key"]: b for b in self.submitted if b["schedule_id"] == schedule_id}.items())
        return [json.loads(b["properties"]["penstock.changed"]) for _, b in keys]

    def ticks(self, schedule_id: str) -> list[tuple[str, str | None]]:
        with self.database.read() as connection:
            return [(t["verdict"], t["reason"]) for t in reversed(ledger.ticks(connection, schedule_id, 1000))]

    def note(self, schedule_id: str) -> str:
        return str(self.schedules.get("w", schedule_id)["note"] or "")
