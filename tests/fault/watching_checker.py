"""Files that come, change, go, and whose folder is away for a while, under schedules that watch them: kills, restarts, clock steps.


Afterwards every change that has settled is in exactly one run, and no run tells of what has not changed. A seed replays by naming it.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fault.schedules_world import Killed
from fault.test_janitor import context as made_context
from fault.watched_world import World
from sqlalchemy import func, select

from penstock.data.listings import Changes
from penstock.service.schedule.changed import unpacked
from penstock.store import schedules as store
from penstock.store import tables
from penstock.store import ticks as ledger

PATHS = [f"in/{folder}{n}" for folder in ("", "a/", "a/b/") for n in range(4)]
STEPS = 60


class Play:
    """One seed: `written` and `told` are what happened to each file, in order: W it was written, R a tick told of it."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.pick, self.counts = world, random.Random(seed), Counter[str]()
        self.story: dict[str, str] = dict.fromkeys(PATHS, "")
        self.known: set[float] = set()
        self.mtime = 1
        (world.root / "in").mkdir(exist_ok=True)
        more: dict[str, Any] = {
            "polling_interval": self.pick.choice([None, 0.2]),
            "on_delete": self.pick.random() < 0.3,
        }
        self.schedule_id = world.make(path_on_datastore="in", settle_seconds=self.pick.choice([0, 1, 5]), **more)

    def run(self) -> Counter[str]:
        for _ in range(STEPS):
            self._happen()
            self._pass(self.pick.random() * 4)
        self.world.database.countdown = -1
        self._bring_back()
        self.world.restart()
        for _ in range(4):
            self._pass(20)
        self._check()
        return self.counts

    def _happen(self) -> None:
        chance = self.pick.random()
        if chance < 0.55:
            for path in self.pick.sample(PATHS, self.pick.randint(1, 4)):
                self._write(path)
        elif chance < 0.65:
            self._remove(self.pick.choice(PATHS))
        elif chance < 0.75:
            self._take_away()
        elif chance < 0.85:
            self.world.database.countdown = self.pick.randint(1, 8)
        elif chance < 0.9:
            self.world.restart()
            self.counts["restart"] += 1
        elif chance < 0.94:
            self.world.now += self.pick.choice([3600, -3600, 365 * 86400, -365 * 86400])
            self.counts["clock"] += 1
        if self.pick.random() < 0.7:
            self.world.tell()

    def _write(self, path: str) -> None:
        self._bring_back()
        self.mtime += 1
        place = self.world.put(path, "x" * self.pick.randint(0, 3))
        os.utime(place, ns=(self.mtime, self.mtime))  # two writes within one tick of the kernel's clock look the same
        self.story[path] += "W"
        self.counts["write"] += 1

    def _remove(self, path: str) -> None:
        self._bring_back()
        (self.world.root / path).unlink(missing_ok=True)
        self.story[path] += "D"

    def _take_away(self) -> None:
        """The folder is renamed, or its disk is not mounted."""
        here, away = self.world.root / "in", self.world.root / "away"
        if here.exists() and not away.exists():
            here.rename(away)
            if self.pick.random() < 0.5:
                here.mkdir()
            self.counts["away"] += 1

    def _bring_back(self) -> None:
        here, away = self.world.root / "in", self.world.root / "away"
        if not away.exists():
            return
        if here.exists():
            here.rmdir()
        if self.pick.random() < 0.5:
            away.rename(here)
        else:
            shutil.copytree(away, here)
            shutil.rmtree(away)

    def _pass(self, seconds: float) -> None:
        try:
            self.world.pass_time(seconds)
        except Killed:
            self.counts["kill"] += 1
            self.world.restart()
        self.world.database.countdown = -1 if self.pick.random() < 0.5 else self.world.database.countdown
        with self.world.database.read() as connection:
            for tick in reversed(ledger.ticks(connection, self.schedule_id, 10_000)):
                if tick["scheduled_at"] not in self.known:
                    self.known.add(tick["scheduled_at"])
                    self._told(unpacked(tick["evidence"]))

    def _told(self, changes: Changes) -> None:
        for path in (*changes.created, *changes.modified):
            self.story[path] += "R"
        self.counts["tick"] += 1

    def _check(self) -> None:
        with self.world.database.read() as connection:
            kept = ledger.ticks(connection, self.schedule_id, 10_000)
            ticks = [t for t in kept if t["evidence"]["by"] != "look"]
            n_runs = connection.execute(select(func.count()).select_from(tables.run)).scalar()
            note = (store.get(connection, self.schedule_id) or {})["note"]
        fired = [t["run_id"] for t in ticks]
        assert note is None, note
        assert [t["verdict"] for t in ticks] == ["fired"] * len(ticks), "a tick has no verdict"
        assert len(set(fired)) == len(fired) == n_runs, f"{n_runs} runs, {len(fired)} ticks"
        for path, story in self.story.items():
            is_new = False
            for what in story:
                assert what != "R" or is_new, f"{path} was told without having changed: {story}"
                is_new = what == "W" if what != "D" else is_new
            assert not is_new or story.endswith("D") or not (self.world.root / path).exists(), (
                f"{path} was lost: {story}"
            )


def play(context: Any, seed: int) -> Counter[str]:
    """One seed; AssertionError when a promise does not hold."""
    return Play(World(context), seed).run()


def main() -> int:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--seeds", default="0..100")
    asked = given.parse_args()
    low, _, last = asked.seeds.partition("..")
    counts: Counter[str] = Counter()
    failed, began = [], time.perf_counter()
    for seed in range(int(low), int(last or low) + 1):
        folder = Path(tempfile.mkdtemp(prefix="watching-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
        making = made_context.__wrapped__(folder)  # type: ignore[attr-defined]
        try:
            counts += play(next(making), seed)
        except AssertionError as error:
            failed.append(seed)
            print(f"seed {seed}: {error}", flush=True)
        finally:
            making.close()
            shutil.rmtree(folder)
    n = int(last or low) - int(low) + 1
    took = time.perf_counter() - began
    print(f"{n} seeds, {len(failed)} failed {failed[:10]}; {took / n * 1000:.0f} ms a seed; {dict(counts)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
