"""Prints how long a server that was killed takes to take everything up again: 10,000 runs in its database, 50 steps running.

`python bench/recovery.py [--runs N] [--steps N] [--rounds N]`, with penstock installed. Time runs from the start of the new server's process
to the moment when what every running step logged while there was no server is in its database: then its scheduler has adopted them all.
It also answers by then or a little later, and says that it watches them all; in the end each must have completed at its first try.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests" / "integration")]

import processes  # noqa: E402
from served import Client, node, wait_for, wait_until_served  # noqa: E402

from penstock.store import history, runs  # noqa: E402
from penstock.store.database import open_database  # noqa: E402

AIM_SECONDS = 2.0
LOGGED = "SELECT count(*) FROM metric WHERE name = ?"
WAITS = b"""
import os, time
while not os.path.exists(os.path.join(os.environ["PENSTOCK_HOME"], "go")):
    time.sleep(0.2)
"""


def serve(home: Path, slots: int) -> subprocess.Popen[bytes]:
    env = {**os.environ, "PENSTOCK_HOME": str(home), "PENSTOCK_SLOTS": str(slots)}
    argv = [sys.executable, "-m", "penstock", "serve", "--embedded"]
    with open(home / "bench.log", "ab") as log:
        return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env=env)


def fill(home: Path, n_runs: int) -> None:
    """`n_runs` pipeline runs that are over, each with one step and its story, written through the store."""
    database = open_database(home / "penstock.db")
    for start in range(0, n_runs, 500):
        rows: list[dict[str, Any]] = []
        events: list[history.Event] = []
        for _ in range(min(500, n_runs - start)):
            root, step = str(uuid.uuid4()), str(uuid.uuid4())
            shared = {
                "workspace": "w",
                "experiment": "old",
                "root_id": root,
                "status": "Completed",
                "created_at": 1.0,
                "ended_at": 2.0,
            }
            rows.append(
                {
                    **shared,
                    "id": root,
                    "type": "pipeline",
                    "name": "old",
                    "parent_id": None,
                    "attempt": 0,
                    "unmet": 0,
                    "node": None,
                }
            )
            rows.append(
                {
                    **shared,
                    "id": step,
                    "type": "step",
                    "name": "s",
                    "parent_id": root,
                    "attempt": 1,
                    "unmet": 0,
                    "node": "00000000",
                }
            )
            events += [
                history.Event(r, root, 1.0, name, {"status": "Completed"})
                for r in (root, step)
                for name in ("created", "running", "completed")
            ]

        def work(connection: Any, rows: Any = rows, events: Any = events) -> None:
            runs.insert_runs(connection, rows)
            history.append(connection, events)

        database.write(work, redoable=True)
    database.close()


def begin_steps(client: Client, home: Path, count: int) -> list[str]:
    """The ids of `count` steps that run, in runs of ten."""
    snapshot, ids = client.snapshot(a__py=WAITS), []
    for start in range(0, count, 10):
        nodes = [node(snapshot, n) for n in range(min(10, count - start))]
        ids += [s["run_id"] for s in client.submit(nodes)[1]["steps"]]
    wait_for(lambda: all((home / "jobs" / f"{i}.1" / "running").exists() for i in ids), 120)
    return ids


def recover(
    home: Path, jobs: list[Path], process: subprocess.Popen[bytes]
) -> tuple[dict[str, float], subprocess.Popen[bytes]]:
    """Kills the server and times the next one, from its start to: having adopted all, answering so."""
    process.send_signal(signal.SIGKILL)
    process.wait()
    name = f"meanwhile {uuid.uuid4()}"
    for job in jobs:
        record = {"at": time.time(), "op": "metric", "name": name, "kind": "scalar", "value": 1.0}
        with open(job / "journal", "a", encoding="utf-8") as journal:
            journal.write(json.dumps(record) + "\n")
    began = time.monotonic()
    process = serve(home, len(jobs))
    client = Client(home)
    with contextlib.closing(sqlite3.connect(home / "penstock.db", timeout=30)) as database:
        while database.execute(LOGGED, (name,)).fetchone()[0] < len(jobs):
            time.sleep(0.005)
    found = {"adopted": time.monotonic() - began}
    while watches(client) != len(jobs):
        time.sleep(0.005)
    found["answers"] = time.monotonic() - began
    return found, process


def watches(client: Client) -> int:
    """How many steps the server says that it watches; none while it does not answer."""
    try:
        return int(json.loads(client.raw("GET", "/healthz")[1])["steps"])
    except (OSError, ValueError):
        return 0


def plain_start() -> float:
    """Seconds until a server answers on a home with nothing to take up: what any start costs here and now."""
    with processes.fresh_home() as home:
        for _ in range(2):  # the first makes the home and its database
            began = time.monotonic()
            process = serve(home, 1)
            wait_until_served(home, process)
            seconds = time.monotonic() - began
            process.terminate()
            process.wait()
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    with processes.fresh_home() as home:
        process = serve(home, chosen.steps)
        client = wait_until_served(home, process)
        ids = begin_steps(client, home, chosen.steps)
        process.send_signal(signal.SIGKILL)
        process.wait()
        fill(home, chosen.runs)
        process = serve(home, chosen.steps)
        wait_until_served(home, process)
        times = []
        for number in range(chosen.rounds):
            found, process = recover(home, [home / "jobs" / f"{i}.1" for i in ids], process)
            times.append(found["adopted"])
            print(
                f"round {number + 1}: all adopted after {found['adopted']:.2f} s, answers after {found['answers']:.2f} s",
                flush=True,
            )
        (home / "go").touch()
        client = Client(home)
        for step_id in ids:
            client.follow(client.run(step_id)["parent_id"])
        ends = [client.run(i) for i in ids]
        well = sum(r["status"] == "Completed" and r["attempt"] == 1 for r in ends)
        met = "met" if max(times) <= AIM_SECONDS else "MISSED"
        print(
            f"{chosen.runs:,} runs, {chosen.steps} steps running: adopted all after {statistics.median(times):.2f} s in the median, "
            f"{max(times):.2f} s at most ({met}: at most {AIM_SECONDS:g} s)"
        )
        print(
            f"any server's start takes {plain_start():.2f} s here now (load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores)"
        )
        print(f"{well} of {len(ids)} steps completed at their first try after {chosen.rounds + 1} kills")


if __name__ == "__main__":
    main()
