"""How schedules stand: what their pipelines, and the ends of their runs, let one expect. Only looks at what was recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from penstock.store import pipelines
from penstock.store import ticks as ledger

Json = dict[str, Any]
FAILING = 3
"""So many failures in a row are told of."""


def warnings(connection: Connection, rows: Sequence[Json]) -> dict[str, list[str]]:
    """Of each of these schedules that is active, why what it submits will not run, or has not run well."""
    active = [r for r in rows if r["status"] == "Active"]
    said: dict[str, list[str]] = {r["id"]: [] for r in rows}
    known: dict[tuple[str | None, str | None], str | None] = {}
    for row in active:
        target = row["pipeline_id"], row["endpoint_id"]
        if target not in known:
            known[target] = _obstacle(connection, row["workspace"], *target)
        if found := known[target]:
            said[row["id"]].append(found)
    for schedule_id, run_id in ledger.failing(connection, [r["id"] for r in active], FAILING).items():
        why = (
            f"Look at the last one: penstock run show {run_id}"
            if run_id
            else "Why: penstock schedule ticks " + schedule_id
        )
        said[schedule_id].append(f"Its last {FAILING} runs failed. {why}")
    return said


def _obstacle(connection: Connection, workspace: str, pipeline_id: str | None, endpoint_id: str | None) -> str | None:
    """Why nothing can be submitted."""
    if endpoint_id is not None:
        endpoint = pipelines.endpoint(connection, workspace, id=endpoint_id)
        if endpoint is None or endpoint["status"] != "Active":
            return _disabled("endpoint", endpoint, endpoint_id)
        found = pipelines.versions(connection, [endpoint_id])[endpoint_id]
        pipeline_id = next((v["pipeline_id"] for v in found if v["version"] == endpoint["default_version"]), None)
    kept = pipelines.standing(connection, str(pipeline_id))
    return _disabled("pipeline", kept, str(pipeline_id)) if kept is None or kept["status"] == "Disabled" else None


def _disabled(what: str, kept: Json | None, wanted: str) -> str:
    if kept is None:
        return f"Its {what} '{wanted}' is not there any more: nothing is submitted. Make another schedule."
    state = str(kept["status"]).lower()
    return f"Its {what} '{kept['name']}' is {state}: nothing is submitted until penstock pipeline enable {kept['id']}"
