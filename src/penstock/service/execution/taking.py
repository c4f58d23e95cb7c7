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
from penstock.store.takeover import StandIn

Json = dict[str, Any]


class Gone(Conflict):
    """What a step was to stand on has been cleared away since that was decided."""

    code = "Gone"


class Taken(NamedTuple):
    """Run `by` stands for run `new_id` of `root_id`, with the `outputs` that it left."""

    new_id: str
    root_id: str
    by: StandIn
    outputs: Sequence[Json]


def keep(connection: Connection, home: Path, taken: Sequence[Taken], at: float) -> None:
    """Write what these steps take over. Their own rows are there already, as Completed, and say of whom. Gone when it was cleared away
    meanwhile."""
    if taken:
        _copy(connection, taken)
        _tell_parents(connection, home, [(t, t.by) for t in taken], at)


def keep_marked(connection: Connection, home: Path, taken: Sequence[Taken], at: float) -> None:
    """The same of steps whose rows do not say what stands for them: their properties, outputs and logs say it."""
    if not taken:
        return
    _copy(connection, taken)
    ran = takeover.who_ran(connection, [t.by.run_id for t in taken])
    _tell_parents(connection, home, [(t, ran[t.by.run_id]) for t in taken], at)
    for each in taken:
        records.insert_labels(connection, {each.new_id: {"property": each.by.properties}})
        records.put_artifacts(connection, list(_logs(home, ran[each.by.run_id].job, each.new_id)))
    records.put_outputs(connection, [{**row, "run_id": t.new_id} for t in taken for row in t.outputs])


def _copy(connection: Connection, taken: Sequence[Taken]) -> None:
    if (gone := removals.any_of(connection, [t.by.run_id for t in taken])) is not None:
        raise Gone(
            f"What run {gone} wrote was cleared away just now. Try again: its steps run anew, or penstock gc --restore brings it back.",
            target=gone,
        )
    takeover.copy_all(connection, [{"old": t.by.run_id, "new": t.new_id, "attempt": t.by.attempt} for t in taken])


def _logs(home: Path, job: str, new: str) -> Iterable[Json]:
    """The logs of the try that ran, as files of the new step."""
    for name, path in logs_of(home, job):
        file = {"run_id": new, "name": name, "attempt": 0, "path": f"jobs/{job}/{path.name}"}
        yield {**file, "size_bytes": path.stat().st_size}


def _tell_parents(connection: Connection, home: Path, taken: Sequence[tuple[Taken, StandIn]], at: float) -> None:
    """What the script that ran for each step logged for its parent is logged for the new one."""
    logged = records.journals_read(connection, [ran.job for _, ran in taken])
    for each, ran in taken:
        told = list(_told_to_parent(home, ran, each.root_id)) if ran.job in logged else []
        if told:
            run = {"id": each.new_id, "root_id": each.root_id, "attempt": 0}
            journal.apply(connection, told, run, f"jobs/{ran.job}", at)


def _told_to_parent(home: Path, ran: StandIn, new: str) -> Iterable[Json]:
    try:
        with open(f"{home}/jobs/{ran.job}/journal", "rb") as file:
            lines = file.read()
    except FileNotFoundError:
        return
    parent = ran.root_id
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
            yield {**entry, "run": new}
