"""What ten thousand schedules cost: a look at which are due, the memory for it, and how late the runs of those that are due begin."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import processes
from measures import Figure, workspace

SCHEDULES = 10_000
_SCANS = """
import json, resource, sys, time
import statistics
from schedules import clock_over
n, rounds = int(sys.argv[1]), int(sys.argv[2])
clock, now, database = clock_over(sys.argv[3], n)
taken, peaks = [], []
for i in range(rounds):
    began = time.perf_counter()
    clock.tick(now + i / 1000)
    taken.append((time.perf_counter() - began) * 1000)
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
database.close()
print(json.dumps([statistics.median(taken), max(taken), peaks[rounds // 10], peaks[-1]]))
"""


def figures(n: int, rounds: int) -> list[Figure]:
    with processes.fresh_home() as home:
        return [*scans(n, 20 * rounds), *delays(workspace(), home, n, 12 * rounds)]


def rows(n: int, pipeline_id: str, workspace: str, begin: float, over_seconds: float) -> list[dict[str, Any]]:
    """`n` schedules, each due once an hour, their times spread over so many seconds from `begin` on."""
    made = []
    for i in range(n):
        first = begin + i * over_seconds / n
        start = datetime.fromtimestamp(int(first), UTC).replace(tzinfo=None).isoformat()
        rule = {"frequency": "Hour", "interval": 1, "start_time": start, "time_zone": "UTC"}
        settings = {"experiment_name": "bench", "recurrence": rule}
        row = {"id": str(uuid.uuid4()), "workspace": workspace, "name": f"s{i}", "kind": "time", "status": "Active"}
        more = {"pipeline_id": pipeline_id, "endpoint_id": None, "settings": settings, "revision": 0}
        times = {"next_at": float(int(first)), "seen_at": begin, "created_at": begin, "updated_at": begin}
        made.append({**row, **more, **times})
    return made


def scans(n: int, rounds: int) -> list[Figure]:
    """Looks of which none finds anything due, in a process of their own."""
    with tempfile.TemporaryDirectory() as folder:
        argv = [sys.executable, "-c", _SCANS, str(n), str(rounds), str(Path(folder, "bench.db"))]
        here = Path(__file__).resolve().parent
        done = subprocess.run(argv, check=True, capture_output=True, text=True, cwd=here)
    median, most, before, after = json.loads(done.stdout)
    return [
        Figure(f"{n:,} schedules, a look, none due", median, "ms", 50, f"at most {most:.0f} ms in {rounds} looks"),
        Figure("the same, memory that grows", (after - before) / 1024, "MB", 1, f"{after / 1024:.0f} MB in all"),
    ]


def clock_over(path: str, n: int) -> tuple[Any, float, Any]:
    """The clock of a server that has `n` schedules, and when none of them is due."""
    from penstock.service.execution.leader import Alone
    from penstock.service.schedule.triggers import Clock
    from penstock.store import catalog, schedules
    from penstock.store.database import open_database

    now, database = time.time(), open_database(Path(path))
    space = {"name": "w", "id": "w", "subscription_id": "", "resource_group": "", "location": "", "tags": {}}
    database.write(lambda c: catalog.add_workspace(c, {**space, "default_datastore": "d", "created_at": 1.0}))
    kept = rows(n, "p", "w", now + 600, 3600)
    database.write(lambda c: [schedules.add(c, row) for row in kept])

    class Nothing:
        leader = Alone()

    context: Any = Nothing()
    context.database = database
    return Clock(context, lambda *_: "", lambda _: None), now, database


def delays(ws: Any, home: Path, n: int, seconds: float) -> list[Figure]:
    """From the due times of one server's schedules to the moments when their runs are there."""
    from azureml.pipeline.core import Pipeline
    from azureml.pipeline.steps import PythonScriptStep
    from penstock.store import schedules
    from penstock.store.database import open_database

    (home / "code").mkdir(exist_ok=True)
    (home / "code/nothing.py").touch()
    step = PythonScriptStep("nothing.py", source_directory=str(home / "code"), compute_target="local")
    published = Pipeline(ws, [step]).publish(name="nothing")
    database = open_database(home / "penstock.db")
    begin = time.time() + 10
    kept = rows(n, published.id, ws.name, begin, 3600)
    database.write(lambda c: [schedules.add(c, row) for row in kept])
    before = processes.server_memory(home)
    time.sleep(max(0.0, begin + seconds - time.time()) + 3)
    after = processes.server_memory(home)
    taken = _late(database, begin, begin + seconds)
    database.write(_disable)
    database.close()
    due = sum(row["next_at"] < begin + seconds for row in kept)
    assert len(taken) == due, f"{len(taken)} of {due} have fired"
    p99 = statistics.quantiles(taken, n=100)[98]
    note = f"median {statistics.median(taken):.2f} s, {len(taken)} fired in {seconds:.0f} s; server {before:.0f} → {after:.0f} MB"
    return [Figure(f"{n:,} schedules, late at the 99th percentile", p99, "s", 1, note)]


def _late(database: Any, begin: float, end: float) -> list[float]:
    from sqlalchemy import text

    query = text(
        "SELECT run.created_at - tick.scheduled_at FROM tick JOIN run ON run.id = tick.run_id"
        " WHERE tick.scheduled_at >= :begin AND tick.scheduled_at < :end"
    )
    with database.read() as connection:
        return [float(late) for late in connection.execute(query, {"begin": int(begin), "end": end}).scalars()]


def _disable(connection: Any) -> None:
    from sqlalchemy import text

    connection.execute(text("UPDATE schedule SET status = 'Disabled', next_at = NULL"))
