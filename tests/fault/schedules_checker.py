"""Thirty days of schedules under a clock of our own, over a real database: kills, clock steps, restarts, two servers, edits.

    python tests/fault/schedules_checker.py --seeds 0..100 [--database postgresql://…] [--days 30]

Afterwards every due time has exactly one run or a recorded verdict, and there is no run beside them. A seed replays by naming it.
What submits is a stand-in for the rest of the server that keeps runs under their idempotency keys in the same database.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from sqlalchemy import delete, func, select

from penstock.model.errors import DatabaseAway, NotFound
from penstock.service.schedule.schedules import Schedules
from penstock.service.schedule.triggers import Clock, rule_of
from penstock.store import catalog, runs, tables
from penstock.store import schedules as store
from penstock.store.database import Database, open_database

Json = dict[str, Any]
DAY = 86400.0
BEGIN = 1_700_000_000.0
ZONES = sorted(z for z in available_timezones() if z not in ("localtime", "Factory"))


class Killed(BaseException):
    """The server died here."""


class World:
    """One database, and servers on it that come and go."""

    def __init__(self, database: Database, seed: int) -> None:
        self.database, self.pick, self.now = database, random.Random(seed), BEGIN
        self.kill_at: int | None = None
        self.steps = 0
        self.is_down = False
        self.counts: Counter[str] = Counter()
        database.write(_empty)
        self.n_ids = 0
        self.seed = seed
        self.context: Any = _Context(self)
        self.schedules = Schedules(self.context, _Workspaces(), lambda workspace, body: None, None)  # type: ignore[arg-type]
        self.clocks = [self.new_clock(), self.new_clock()]

    def new_clock(self) -> Clock:
        return Clock(self.context, self.submit, self.cancel)

    def new_id(self) -> str:
        self.n_ids += 1
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self.seed} {self.n_ids}"))

    def cross(self, place: str) -> None:
        """A place where a server may die."""
        self.steps += 1
        if self.kill_at is not None and self.steps >= self.kill_at:
            self.kill_at = None
            self.counts["kill"] += 1
            raise Killed(place)

    def submit(self, schedule: Json, body: Json) -> str:
        self.cross("before a submission")
        if schedule["pipeline_id"] == "gone":
            raise NotFound("The pipeline 'gone' is disabled. Enable it.")
        if self.is_down:
            raise DatabaseAway("The database does not answer.")
        run_id = self.database.write(lambda c: _keep_run(c, self.new_id(), body, self.now))
        self.cross("after a submission")
        return run_id

    def cancel(self, run_id: str) -> None:
        self.database.write(lambda c: _end(c, [run_id], self.now, "Canceled"))


class _Writes:
    """The database, with places to die at before and after each commit of the clock."""

    def __init__(self, world: World) -> None:
        self.world = world

    def write(self, work: Any) -> Any:
        self.world.cross("before a commit")
        result = self.world.database.write(work)
        self.world.cross("after a commit")
        return result

    def read(self) -> Any:
        return self.world.database.read()


class _Workspaces:
    def workspace(self, name: str) -> Json:
        return {"name": name}


class _Leader:
    def check(self) -> None:
        pass

    def fence(self, connection: Any) -> None:
        pass


class _Context:
    def __init__(self, world: World) -> None:
        self.database, self.leader, self.make_id = _Writes(world), _Leader(), world.new_id
        self.clock, self.embedded = (lambda: world.now), False


def _empty(connection: Any) -> None:
    for table in (tables.watched, tables.tick, tables.schedule, tables.submission, tables.run):
        connection.execute(delete(table))
    if catalog.get_workspace(connection, "w") is None:
        row = {"name": "w", "id": "w", "subscription_id": "", "resource_group": "", "location": "", "tags": {}}
        catalog.add_workspace(connection, {**row, "default_datastore": "d", "created_at": 1.0})


def _keep_run(connection: Any, run_id: str, body: Json, now: float) -> str:
    if known := runs.submitted_as(connection, body["idempotency_key"]):
        return known
    row = {"id": run_id, "workspace": "w", "experiment": "e", "type": "pipeline", "name": body["schedule_id"]}
    more = {"root_id": run_id, "status": "Running", "attempt": 0, "unmet": 0, "created_at": now, "parent_id": None}
    runs.insert_runs(connection, [{**row, **more}])
    kept = {"run_id": run_id, "idempotency_key": body["idempotency_key"], "graph": "{}", "parameters": "{}"}
    values = {**kept, "bindings": "{}", "continue_on_failure": 0, "regenerate_outputs": 0}
    connection.execute(tables.submission.insert(), [values])
    return run_id


def _end(connection: Any, run_ids: list[str], now: float, status: str = "Completed") -> None:
    table = tables.run
    same = (table.c.id.in_(run_ids), table.c.status == "Running")
    connection.execute(table.update().where(*same).values(status=status, ended_at=now))


def recurrence_of(pick: random.Random, zone: str) -> Json:
    kind = pick.choice(["Minute", "Hour", "Day", "Day", "Week", "Month", "cron"])
    if kind == "cron":
        hour = pick.choice(["*", "*/6", str(pick.randrange(24))])
        return {"cron": f"{pick.randrange(60)} {pick.randrange(60)} {hour} * * *", "time_zone": zone}
    found: Json = {"frequency": kind, "interval": pick.randint(1, 3), "time_zone": zone}
    if kind == "Minute":
        found["interval"] = pick.randint(30, 600)
    if kind in ("Day", "Week"):
        found |= {"hours": [pick.randrange(24), pick.randrange(24)], "minutes": [pick.randrange(60)]}
    if kind == "Week":
        found["week_days"] = pick.sample(["Monday", "Wednesday", "Sunday"], 2)
    if pick.random() < 0.5:
        found["start_time"] = pick.choice(["2023-11-20T02:30:00", "2023-10-31T23:59:59", "2000-01-31T00:00:00"])
    return found


def play(database: Database, seed: int, days: float = 30) -> Counter[str]:
    """One seed; AssertionError when a promise does not hold."""
    world = World(database, seed)
    pick = world.pick
    made = []
    for n in range(3):
        body = {
            "name": f"s{n}",
            "experiment_name": "e",
            "pipeline_id": "gone" if pick.random() < 0.1 else "p",
            "recurrence": recurrence_of(pick, pick.choice(ZONES)),
            "catch_up": pick.choice(["latest", "all", "none"]),
            "overlap": pick.choice(["allow", "allow", "skip", "queue", "cancel-previous"]),
        }
        made.append(world.schedules.create("w", body)["id"])
    high = world.now
    end = BEGIN + days * DAY
    evaluated: list[float] = []
    has_stepped = False
    while world.now < end:
        has_stepped |= _happen(world, made)
        high = max(high, world.now)
        evaluated.append(world.now)
        _pass(world)
    world.is_down, world.kill_at = False, None
    for _ in range(2000):  # until all that was kept has a verdict: runs end, queues drain
        _end_some(world, 1.0)
        world.counts["drain"] += 1
        world.clocks[0].tick(world.now)
        with database.read() as connection:
            if not store.pending(connection, 1):
                break
    check(world, made, high, has_stepped)
    return world.counts


def _happen(world: World, made: list[str]) -> bool:
    """Time goes on, and something happens. Whether the clock was set back."""
    pick, chance, is_back = world.pick, world.pick.random(), False
    with world.database.read() as connection:
        due = store.next_due(connection, "time")
    world.now = max(world.now, due) + pick.random() if due and chance < 0.8 else world.now + pick.random() * DAY / 2
    if chance < 0.15:
        world.kill_at = world.steps + pick.randint(1, 8)
    elif chance < 0.18:
        world.now += pick.choice([3600, 3 * DAY])
        world.counts["forward"] += 1
    elif chance < 0.20:
        world.now -= 3600
        is_back = True
        world.counts["back"] += 1
    elif chance < 0.22:
        world.is_down = not world.is_down
        world.counts["down"] += 1
    elif chance < 0.24:
        world.clocks = [world.new_clock(), world.new_clock()]
    _end_some(world, 0.5)
    return is_back


def _end_some(world: World, share: float) -> None:
    with world.database.read() as connection:
        found = list(connection.execute(select(tables.run.c.id).where(tables.run.c.status == "Running")).scalars())
    chosen = [r for r in found if world.pick.random() < share]
    if chosen:
        world.database.write(lambda c: _end(c, chosen, world.now))


def _pass(world: World) -> None:
    for clock in world.pick.sample(world.clocks, world.pick.randint(1, 2)):
        try:
            again = clock.tick(world.now)
            while again <= world.now:
                again = clock.tick(world.now)
        except Killed:
            world.clocks = [world.new_clock(), world.new_clock()]


def check(world: World, made: list[str], high: float, has_stepped: bool) -> None:
    """Every due time has one run or a recorded verdict; no run is beside them; no two runs share a due time."""
    with world.database.read() as connection:
        n_runs = connection.execute(select(func.count()).select_from(tables.run)).scalar()
        ledger = {i: store.ticks(connection, i, limit=10**9) for i in made}
        rows = {i: store.get(connection, i) for i in made}
    fired = [t["run_id"] for ticks in ledger.values() for t in ticks if t["verdict"] == "fired"]
    assert len(fired) == len(set(fired)), "a run stands for two due times"
    assert n_runs == len(fired), f"{n_runs} runs, {len(fired)} of them in the ledger"
    for schedule_id, ticks in ledger.items():
        row = rows[schedule_id]
        assert row is not None
        first = rule_of(row).first()
        due = set(_due(row, first, high))
        spans = [(t["scheduled_at"], t["until_at"]) for t in ticks if t["until_at"] is not None]
        alone = {t["scheduled_at"] for t in ticks}
        for at in due:
            recorded = at in alone or any(low <= at <= last for low, last in spans)
            assert recorded or (has_stepped and at > world.now - 2 * 3600) or at > world.now, (schedule_id, at, row)
        extra = alone - due
        assert not extra, f"{schedule_id} has ticks at no due time: {sorted(extra)[:3]} {row['settings']}"
        assert all(t["verdict"] in ("fired", "skipped", "failed") for t in ticks), "a tick has no verdict"
        for t in ticks:
            world.counts[t["verdict"]] += 1


def _due(row: Json, first: float | None, high: float) -> Iterator[float]:
    if first is None:
        return
    yield first
    for at in rule_of(row).all_after(first):
        if at > high:
            return
        yield at


def main() -> int:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--seeds", default="0..100")
    given.add_argument("--days", type=float, default=30)
    given.add_argument("--database")
    asked = given.parse_args()
    low, _, last = asked.seeds.partition("..")
    folder = Path(tempfile.mkdtemp(prefix="schedules-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    database = open_database(asked.database or folder / "checked.db")
    counts: Counter[str] = Counter()
    began = time.perf_counter()
    failed = []
    try:
        for seed in range(int(low), int(last or low) + 1):
            try:
                counts += play(database, seed, asked.days)
            except AssertionError as error:
                failed.append(seed)
                print(f"seed {seed}: {error}", flush=True)
    finally:
        database.close()
        shutil.rmtree(folder)
    n = int(last or low) - int(low) + 1
    took = time.perf_counter() - began
    print(f"{n} seeds, {len(failed)} failed {failed[:10]}; {took / n * 1000:.0f} ms a seed; {dict(counts)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
