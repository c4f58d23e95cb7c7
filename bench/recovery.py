"""Prints how long a server that was killed takes to take everything up again: 10,000 runs in its database, 50 steps running.

`python bench/recovery.py [--runs N] [--steps N] [--rounds N]`, with penstock installed. Time runs from the start of the new server's process
to the moment when its scheduler has adopted every step that runs (each is seen Running, none is lost, none starts twice).
"""

from __future__ import annotations

import argparse
import json
import os
import signal
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

from penstock.store import runs  # noqa: E402
from penstock.store.database import open_database  # noqa: E402

AIM_SECONDS = 2.0
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
        events: list[runs.Event] = []
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
                runs.Event(r, root, 1.0, name, {"status": "Completed"})
                for r in (root, step)
                for name in ("created", "running", "completed")
            ]

        def work(connection: Any, rows: Any = rows, events: Any = events) -> None:
            runs.insert_runs(connection, rows)
            runs.append_events(connection, events)

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
    home: Path, steps: int, process: subprocess.Popen[bytes]
) -> tuple[dict[str, float], subprocess.Popen[bytes]]:
    """Kills the server and times the next one, from its start to: answering, having adopted all."""
    process.send_signal(signal.SIGKILL)
    process.wait()
    began = time.monotonic()
    process = serve(home, steps)
    client = Client(home)
    found: dict[str, float] = {}
    while "adopted" not in found:
        try:
            if "answers" not in found and client.record()["pid"] == process.pid and client("GET", "/server")[0] == 200:
                found["answers"] = time.monotonic() - began
            if "answers" in found and json.loads(client.raw("GET", "/healthz")[1])["steps"] == steps:
                found["adopted"] = time.monotonic() - began
        except (OSError, ValueError):
            time.sleep(0.002)
    return found, process


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
            found, process = recover(home, chosen.steps, process)
            times.append(found["adopted"])
            print(
                f"round {number + 1}: answers after {found['answers']:.2f} s, all adopted after {found['adopted']:.2f} s",
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
            f"{chosen.runs:,} runs, {chosen.steps} steps running: at most {max(times):.2f} s to adopting all ({met}: at most {AIM_SECONDS:g} s)"
        )
        print(
            f"any server's start takes {plain_start():.2f} s here now (load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores)"
        )
        print(f"{well} of {len(ids)} steps completed at their first try after {chosen.rounds + 1} kills")


if __name__ == "__main__":
    main()
