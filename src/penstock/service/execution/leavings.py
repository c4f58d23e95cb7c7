"""What one try leaves in the store: its end, its files, its outputs, its journal. Adds rows to a batch; decides nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from penstock.engine.lifecycle import Conclusion, named
from penstock.model.status import Status
from penstock.service.context import Context
from penstock.service.execution.active import InFlight
from penstock.service.execution.batch import Batch
from penstock.service.execution.registering import left
from penstock.service.runs.binding import Binder

Json = dict[str, Any]


def keep(batch: Batch, context: Context, binder: Binder, flight: InFlight, conclusion: Conclusion) -> None:
    """What the try leaves: its end, files, outputs and journal."""
    state, end = flight.state, flight.end
    batch.journals.append((flight.name, row(flight)))
    tried = {"run_id": state.run_id, "attempt": state.attempt, "node_id": context.node_id, "queued_at": None}
    began = end.started_at if end else flight.started_at
    times = {"started_at": began, "ended_at": end.ended_at if end else batch.at}
    how = {"ending": end.ending if end else "lost", "exit_code": end.exit_code if end else None}
    batch.attempts.append({**tried, **times, **how, "exit": end.raw if end else {}})
    if end is None:
        return
    for f in end.files:
        if not _is_text(f["name"]):
            kept = context.home / "jobs" / flight.name / "files"
            batch.say(
                state.run_id,
                flight.active.id,
                "warning",
                message=f"Step '{state.node.name}' wrote a file whose name is no UTF-8 ({f['name']!a}); it is not listed, but lies in {kept}.",
            )
            continue
        path = f"jobs/{flight.name}/files/{f['name']}"
        file = {"run_id": state.run_id, "name": f["name"], "attempt": state.attempt, "path": path}
        batch.artifacts.append({**file, "size_bytes": f["size_bytes"]})
    if conclusion.status is Status.COMPLETED:
        _observe(batch, state.run_id, end.raw)
        rows = list(_outputs(binder, flight, {o["name"]: o for o in end.outputs}))
        batch.outputs += rows
        datasets = state.node.kept_as_datasets
        batch.datasets += left(flight.active.root.workspace, flight.active.id, state.run_id, datasets, rows)


def _observe(batch: Batch, run_id: str, raw: Json) -> None:
    """What the script was seen to read outside of its job. Where that is not known, no later step may stand on this one."""
    if changed := raw.get("inputs_changed"):
        batch.spoiled.append((run_id, f"its input changed while it ran: {', '.join(map(str, changed))}"))
    elif touched := raw.get("inputs_touched"):
        batch.spoiled.append((run_id, f"its input {named(touched)} changed while the run went on"))
    elif "reads" not in raw:
        batch.spoiled.append((run_id, "it cannot be told what it read: it was run by an older version of Penstock"))
    elif why := raw.get("reads_unknown"):
        batch.spoiled.append((run_id, f"it cannot be told what it read: {why}"))
    else:
        batch.observations += [
            {"run_id": run_id, "kind": r["kind"], "name": r["path"], "found": r["digest"]} for r in raw["reads"]
        ]


def manifests(flight: InFlight) -> list[Json]:
    """What the try wrote to each output, as its stub found it."""
    seen = {o["name"]: o for o in flight.end.outputs} if flight.end else {}
    return [{"kind": "missing", **seen.get(o.name, {}), "name": o.name} for o in flight.state.node.written]


def _outputs(binder: Binder, flight: InFlight, manifests: dict[str, Json]) -> Iterator[Json]:
    state = flight.state
    for output in state.node.written:
        place = binder.place(flight.active.root, output, state.run_id, state.attempt)
        seen = manifests.get(output.name) or {"kind": "missing"}
        yield {
            "run_id": state.run_id,
            "name": output.name,
            "datastore": binder.datastore_name(flight.active.root, output),
            "path": place.path,
            "kind": seen["kind"],
            "digest": seen.get("digest"),
            "n_files": int(seen.get("n_files") or 0),
            "size_bytes": int(seen.get("size_bytes") or 0),
            "pipeline_output_name": output.pipeline_output_name,
        }


def row(flight: InFlight) -> Json:
    """The run of a try, as journals are read for it."""
    return {"id": flight.state.run_id, "root_id": flight.active.id, "attempt": flight.state.attempt}


def _is_text(name: str) -> bool:
    """Whether a file's name is Unicode that can be stored and shown."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
