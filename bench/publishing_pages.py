"""Pages and lists over very many published pipelines and runs: how long each takes, and what the server's memory is then."""

from __future__ import annotations

import contextlib
import http.client
import json
import sqlite3
import statistics
import time
import urllib.parse
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import processes
from measures import Figure, quiet

PIPELINES, RUNS = 10_000, 100_000
EXPERIMENTS = 50
WIRE = "/pipelines/v1.0/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/{ws}"
SHOWN = {
    "the studio's list of runs": "/runs",
    "the studio's list of published pipelines": "/pipelines",
    "the runs of an experiment, in the studio": "/?experiment=bench7",
    "the page of a published pipeline": "/pipelines/{pipeline}",
    "100 runs over the API": "/api/v1/ws/{ws}/runs?limit=100",
    "100 published pipelines over the API": "/api/v1/ws/{ws}/pipelines?limit=100",
    "1,000 of them on the paths of the original": WIRE + "/Pipelines",
    "runs of one published pipeline": "/api/v1/ws/{ws}/runs?pipeline_id={pipeline}",
    "what is published, by the beginning of a name": "/api/v1/published?begins=pipeline%20777",
    "runs of a status that none has": "/api/v1/ws/{ws}/runs?status=Queued",
    "runs with a tag that none has": "/api/v1/ws/{ws}/runs?tag.nothing=1",
}
WHOLE = ("runs of a status that none has", "runs with a tag that none has")
"""What looks at every run, and has no aim."""


def pages(ws: Any, home: Path, rounds: int) -> list[Figure]:
    """Medians of some rounds, after one that is not measured."""
    pipeline, run = _one_of_each(ws, home)
    processes.stop(home)
    with contextlib.closing(sqlite3.connect(home / "penstock.db")) as database, database:
        _multiply_pipelines(database, pipeline)
        _multiply_runs(database, run)
    ws.get_details()  # starts the server again
    host = urllib.parse.urlsplit(json.loads((home / "server.json").read_text())["url"]).netloc
    connection = http.client.HTTPConnection(host, timeout=120)
    figures = []
    for what, path in SHOWN.items():
        taken = []
        for _ in range(4 * rounds + 1):
            began = time.perf_counter()
            connection.request("GET", path.format(ws=ws.name, pipeline=pipeline))
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200, (path, answer.status)
            taken.append(1000 * (time.perf_counter() - began))
        note = f"slowest {max(taken[1:]):.0f} ms, the first {taken[0]:.0f} ms"
        figures.append(Figure(what, statistics.median(taken[1:]), "ms", None if what in WHOLE else 50.0, note))
    note = f"{PIPELINES:,} published pipelines, {RUNS:,} pipeline runs of a step each"
    figures.append(Figure("server memory after all these", processes.server_memory(home), "MB", 150.0, note))
    return figures


def _one_of_each(ws: Any, home: Path) -> tuple[str, str]:
    """A published pipeline and a run of it, the ones that all others are made like."""
    from azureml.core import Experiment
    from azureml.pipeline.core import Pipeline
    from azureml.pipeline.steps import PythonScriptStep

    folder = home / "nothing"
    folder.mkdir()
    (folder / "nothing.py").touch()
    step = PythonScriptStep("nothing.py", name="step", source_directory=str(folder), compute_target="local")
    published = Pipeline(ws, [step]).publish(name="pipeline")
    with quiet():
        run = Experiment(ws, "bench0").submit(published)
        run.wait_for_completion(show_output=False)
    return str(published.id), str(run.id)


def _rows(database: sqlite3.Connection, table: str, where: str, value: str) -> list[dict[str, Any]]:
    found = database.execute(f"SELECT * FROM {table} WHERE {where} = ?", [value])
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found]


def _insert(database: sqlite3.Connection, table: str, rows: Iterator[dict[str, Any]]) -> None:
    first = next(rows)
    names = list(first)
    statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
    database.execute(statement, list(first.values()))
    database.executemany(statement, ([row[n] for n in names] for row in rows))


def _multiply_pipelines(database: sqlite3.Connection, pipeline: str) -> None:
    (row,) = _rows(database, "published_pipeline", "id", pipeline)
    del row["number"]
    made = ({**row, "id": str(uuid.uuid4()), "name": f"pipeline {n}"} for n in range(1, PIPELINES))
    _insert(database, "published_pipeline", made)


def _multiply_runs(database: sqlite3.Connection, run: str) -> None:
    """The run with its steps, events, tags and submission, again and again, in some experiments."""
    pipelines = [r[0] for r in database.execute("SELECT id FROM published_pipeline")]
    (space,) = {r["workspace"] for r in _rows(database, "run", "id", run)}
    (experiment,) = _rows(database, "experiment", "name", "bench0")
    named = ({**experiment, "name": f"bench{n}", "id": str(uuid.uuid4())} for n in range(1, EXPERIMENTS))
    _insert(database, "experiment", named)
    again = [str(uuid.uuid4()) for _ in range(1, RUNS)]
    steps = [r["id"] for r in _rows(database, "run", "root_id", run) if r["id"] != run]

    def ids(n: int) -> dict[str, str]:
        return {run: again[n], **{s: str(uuid.uuid5(uuid.UUID(again[n]), s)) for s in steps}}

    def made(table: str, where: str, *keys: str, key: str = "") -> Iterator[dict[str, Any]]:
        rows = [r for name in (run, *(steps if where == "run_id" else ())) for r in _rows(database, table, where, name)]
        for n in range(len(again)):
            now = ids(n)
            for row in rows:
                new = {k: v for k, v in row.items() if k != key}
                new |= {k: now.get(row[k]) for k in keys} | ({"idempotency_key": None} if table == "submission" else {})
                if table == "run":
                    new |= {"experiment": f"bench{n % EXPERIMENTS}", "experiment_number": n // EXPERIMENTS + 2}
                    new |= {"created_at": row["created_at"] + n, "workspace": space}
                    new["pipeline_id"] = pipelines[n % len(pipelines)] if row["pipeline_id"] else None
                yield new

    _insert(database, "run", made("run", "root_id", "id", "root_id", "parent_id", key="number"))
    _insert(database, "submission", made("submission", "run_id", "run_id"))
    _insert(database, "event", made("event", "root_id", "run_id", "root_id", key="id"))
    _insert(database, "label", made("label", "run_id", "run_id"))
