"""What runs have logged. Journals of running steps are taken in first; of a step that was tried again only its last try counts."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from penstock.model.status import TERMINAL
from penstock.service.context import Context
from penstock.service.execution import journal
from penstock.store import records, runs

Json = dict[str, Any]
KEPT_RUNS = 4


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


class Gathered:
    """The metrics of a run for who shows them: `[{run_id, name, kind, value}]` by first appearance, all scalars of a name as one `list`.

    Those of the last few runs are kept, since a page asks again and again; a mark says whether they are still all.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._kept: OrderedDict[tuple[str, bool], tuple[tuple[int, int], list[Json]]] = OrderedDict()

    def metrics(self, run_id: str, recursive: bool) -> list[Json]:
        take_in(self._context, run_id)
        with self._context.database.read() as connection:
            mark = records.mark_of_metrics(connection, run_id, recursive)
            kept = self._kept.get((run_id, recursive))
            if kept is None or kept[0] != mark:
                kept = (mark, records.gathered_metrics(connection, run_id, recursive))
        self._kept[run_id, recursive] = kept
        while len(self._kept) > KEPT_RUNS:
            self._kept.popitem(last=False)
        return kept[1]
