"""What runs have logged. Journals of running steps are taken in first; of a step that was tried again only its last try counts."""

from __future__ import annotations

from typing import Any

from penstock.model.status import TERMINAL
from penstock.service import journal
from penstock.service.context import Context
from penstock.store import records, runs

Json = dict[str, Any]


def take_in(context: Context, run_id: str) -> None:
    """Record what the running steps of this run's pipeline have journaled so far."""
    with context.database.read() as connection:
        row = runs.get_run(connection, run_id)
        if row is None:
            return
        steps = [
            r for r in runs.runs_of_root(connection, row["root_id"]) if r["attempt"] and r["status"] not in TERMINAL
        ]
    if steps:
        now, home = context.clock(), context.home
        context.database.write(lambda c: [journal.ingest(c, home, f"{s['id']}.{s['attempt']}", s, now) for s in steps])


def metric_rows(context: Context, run_id: str, recursive: bool = False) -> list[Json]:
    """In logged order, with times in epoch seconds."""
    take_in(context, run_id)
    with context.database.read() as connection:
        found = records.metrics(connection, run_id, recursive)
        ids = list({m["run_id"] for m in found})
        last = {i: attempt for i, (_, attempt) in runs.standing(connection, ids).items()}
    return [m for m in found if m["attempt"] >= last.get(m["run_id"], 0)]
