"""What a step that did not run again takes over from the earlier one that stands for it. Nothing is copied but rows.

Outputs, files and logs stay where the earlier run put them; what its script logged for the parent is told to the new parent.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection

from penstock.model.errors import Conflict
from penstock.service.execution import journal
from penstock.service.runs.views import logs_of
from penstock.store import records, removals, takeover

Json = dict[str, Any]


class Gone(Conflict):
    """What a step was to stand on has been cleared away since that was decided."""

    code = "Gone"


class Taken(NamedTuple):
    """Run `new_id` of `root_id` stands for the step run in `row` (its id, root_id, node and attempt), which left `outputs`."""

    new_id: str
    root_id: str
    row: Json
    outputs: Sequence[Json]


def keep(connection: Connection, home: Path, taken: Sequence[Taken], at: float) -> None:
    """Write what these steps take over. Their own rows are there already, as Completed, and say of whom. Gone when it was cleared away
    meanwhile."""
    if not taken:
        return
    if (gone := removals.any_of(connection, [t.row["id"] for t in taken])) is not None:
        raise Gone(
            f"What run {gone} wrote was cleared away just now. Try again: its steps run anew, or penstock gc --restore brings it back.",
            target=gone,
        )
    takeover.copy_all(connection, [{"old": t.row["id"], "new": t.new_id, "attempt": t.row["attempt"]} for t in taken])
    logged = records.journals_read(connection, [_job(t.row) for t in taken])
    for each in taken:
        told = list(_told_to_parent(home, each)) if _job(each.row) in logged else []
        if told:
            run = {"id": each.new_id, "root_id": each.root_id, "attempt": 0}
            journal.apply(connection, told, run, f"jobs/{_job(each.row)}", at)


def keep_marked(connection: Connection, home: Path, taken: Sequence[Taken], at: float) -> None:
    """The same of steps whose rows do not say what stands for them: their properties, outputs and logs say it."""
    keep(connection, home, taken, at)
    others = takeover.stand_ins(connection, [t.row["id"] for t in taken])
    for each in taken:
        row, other = each.row, others.get(each.row["id"])
        stand_in = takeover.StandIn(row["id"], row["node"], row["root_id"], row["attempt"])
        records.insert_labels(connection, {each.new_id: {"property": stand_in.properties}})
        job = f"{other.run_id}.{other.attempt}" if other is not None else _job(row)
        records.put_artifacts(connection, list(_logs(home, job, each.new_id)))
    records.put_outputs(connection, [{**row, "run_id": t.new_id} for t in taken for row in t.outputs])


def _job(row: Json) -> str:
    return f"{row['id']}.{row['attempt']}"


def _logs(home: Path, job: str, new: str) -> Iterable[Json]:
    """The logs of the try that ran, as files of the new step. (A step that was taken over itself has them among its files.)"""
    for name, path in logs_of(home, job):
        file = {"run_id": new, "name": name, "attempt": 0, "path": f"jobs/{job}/{path.name}"}
        yield {**file, "size_bytes": path.stat().st_size}


def _told_to_parent(home: Path, taken: Taken) -> Iterable[Json]:
    """What the earlier script logged for its parent, now for the new one."""
    try:
        with open(f"{home}/jobs/{_job(taken.row)}/journal", "rb") as file:
            lines = file.read()
    except FileNotFoundError:
        return
    parent = taken.row["root_id"]
    if parent.encode() not in lines:
        return
    for line in lines.splitlines():
        if parent.encode() not in line:
            continue
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # said when it was read the first time
        if isinstance(entry, dict) and entry.get("run") == parent:
            yield {**entry, "run": taken.root_id}
