"""What a step that did not run again takes over from the earlier one that stands for it. Nothing is copied but rows.

Outputs, files and logs stay where the earlier run put them; what its script logged for the parent is told to the new parent.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from penstock.model.errors import Conflict
from penstock.service.execution import journal
from penstock.service.runs.views import LOGS
from penstock.store import records, removals, takeover

Json = dict[str, Any]


class Gone(Conflict):
    """What a step was to stand on has been cleared away since that was decided."""

    code = "Gone"


@dataclass(frozen=True)
class Taken:
    """Run `new_id` of `root_id` stands for the step run in `row` (its id, root_id, node and attempt)."""

    new_id: str
    root_id: str
    row: Json


def keep(connection: Connection, home: Path, taken: Sequence[Taken], at: float) -> None:
    """Write what these steps take over. Their own rows are there already, as Completed. Gone when it was cleared away meanwhile."""
    if (gone := removals.any_of(connection, [t.row["id"] for t in taken])) is not None:
        raise Gone(
            f"What run {gone} wrote was cleared away just now. Try again: its steps run anew, or penstock gc --restore brings it back.",
            target=gone,
        )
    takeover.copy_all(connection, [_pair(t) for t in taken])
    records.put_artifacts(connection, [log for t in taken for log in _logs(home, t.row, t.new_id)])
    for each in taken:
        told = list(_told_to_parent(home, each))
        if told:
            run = {"id": each.new_id, "root_id": each.root_id, "attempt": 0}
            journal.apply(connection, told, run, f"jobs/{_job(each.row)}", at)


def _pair(taken: Taken) -> Json:
    row = taken.row
    properties = {
        "azureml.isreused": "true",
        "azureml.reusedrunid": row["id"],
        "azureml.reusednodeid": row["node"],
        "azureml.reusedpipeline": row["root_id"],
        "azureml.reusedpipelinerunid": row["root_id"],
    }
    run = {"old": row["id"], "new": taken.new_id, "root": taken.root_id, "attempt": row["attempt"]}
    return {**run, "properties": properties}


def _job(row: Json) -> str:
    return f"{row['id']}.{row['attempt']}"


def _logs(home: Path, row: Json, new: str) -> Iterable[Json]:
    """The logs of the earlier step, as files of the new one. (One that was taken over itself has them among its files.)"""
    for name, base in LOGS.items():
        path = f"jobs/{_job(row)}/{base}"
        try:
            size = (home / path).stat().st_size
        except FileNotFoundError:
            continue
        yield {"run_id": new, "name": name, "attempt": 0, "path": path, "size_bytes": size}


def _told_to_parent(home: Path, taken: Taken) -> Iterable[Json]:
    """What the earlier script logged for its parent, now for the new one."""
    try:
        lines = (home / "jobs" / _job(taken.row) / "journal").read_bytes()
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
