"""Reading the journals that running scripts append to, each record once. docs/job.md lists the records."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from penstock.data.paths import relative_path
from penstock.model.errors import BadRequest
from penstock.service.identity.access import OURS
from penstock.store import history, identities, records, runs

Json = dict[str, Any]
MAX_READ_BYTES = 8 << 20
MAX_KIND_CHARACTERS = 24
MAX_NAME_CHARACTERS = 1000
READ_KINDS = ("model", "dataset", "run")
"""What a script reads by name, each checked in its own way before a later step may stand on it."""

_UNREADABLE = {"kind": "run", "name": "what a journal record says that could not be read", "found": ""}
"""It may have told of something that the script read."""


@dataclass
class _Records:
    """The rows that some journal records become."""

    metrics: list[Json] = field(default_factory=list)
    artifacts: dict[tuple[str, str], Json] = field(default_factory=dict)
    links: list[tuple[str, Json]] = field(default_factory=list)
    observations: list[Json] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def ingest(connection: Connection, home: Path, job_name: str, run: Json, now: float) -> bool:
    """Record what the journal of this job has gained; whether it had. Call inside a write: the offset moves with the rows."""
    path = home / "jobs" / job_name / "journal"
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return False
    offset = records.journal_offset(connection, job_name)
    if size <= offset:
        return False
    while True:
        chunk = _whole_lines(path, offset)
        if not chunk:
            return True
        end = len(chunk)
        lines = chunk.split(b"\n")[:-1]
        apply(connection, [_parse(line) for line in lines], run, f"jobs/{job_name}", now)
        offset += end
        records.set_journal_offset(connection, job_name, offset)


def _whole_lines(path: Path, offset: int) -> bytes:
    """The whole lines from `offset` on: some megabytes of them, or one that is longer."""
    with open(path, "rb") as file:
        file.seek(offset)
        chunk = file.read(MAX_READ_BYTES)
        while b"\n" not in chunk:
            more = file.read(MAX_READ_BYTES)
            if not more:
                return b""
            chunk += more
    return chunk[: chunk.rfind(b"\n") + 1]


def _parse(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return line[:80].decode("utf-8", "replace")


def apply(connection: Connection, entries: list[Any], run: Json, folder: str, now: float) -> None:
    """Turn journal records into rows. `folder`, relative to the home, is where artifact paths start."""
    found = _Records()
    known: dict[str, bool] = {run["id"]: True}
    """Whether a run that is named is of the same pipeline run: of no other is anything taken."""
    for entry in entries:
        try:
            _apply_one(connection, entry, run, folder, now, found, known)
        except (KeyError, TypeError, ValueError, OverflowError, BadRequest) as error:
            found.problems.append(_text(f"A journal record could not be read ({error!r}): {str(entry)[:200]}"))
            if not isinstance(entry, dict) or entry.get("op") in (None, "read", "wrote"):
                found.observations.append(_UNREADABLE | {"run_id": run["id"]})
    records.add_metrics(connection, found.metrics)
    records.put_artifacts(connection, list(found.artifacts.values()))
    identities.add_observations(connection, found.observations)
    events = [history.Event(run["id"], run["root_id"], now, "warning", {"message": p}) for p in found.problems]
    events += [history.Event(i, run["root_id"], now, "output_link", body) for i, body in found.links]
    history.append(connection, events)


def _apply_one(
    connection: Connection, entry: Any, run: Json, folder: str, now: float, found: _Records, known: dict[str, bool]
) -> None:
    if not isinstance(entry, dict):
        raise ValueError("not a JSON object")
    is_json = entry["op"] == "metric"  # its value is kept as JSON, which has a way to write it
    if any("\0" in v for k, v in entry.items() if isinstance(v, str) and not (is_json and k == "value")):
        raise ValueError("a NUL character cannot be kept")
    if len(str(entry.get("kind") or "")) > MAX_KIND_CHARACTERS:
        raise ValueError(f"unknown kind {str(entry['kind'])[:40]!r}")
    op, run_id = entry["op"], str(entry.get("run") or run["id"])
    if run_id not in known:
        named = runs.get_run(connection, run_id)
        known[run_id] = named is not None and named["root_id"] == run["root_id"]
    if not known[run_id]:
        raise ValueError(f"run {run_id} is not of this pipeline run")
    if op == "metric":
        row = {"run_id": run_id, "attempt": run["attempt"], "at": float(entry.get("at") or now)}
        row["step"] = None if entry.get("step") is None else int(entry["step"])
        found.metrics.append(
            {**row, "name": _text(entry["name"]), "kind": _text(entry["kind"]), "value": entry["value"]}
        )
    elif op == "artifact":
        path = f"{folder}/{relative_path(_text(entry['path']))}"
        name = str(relative_path(_text(entry["name"])))
        row = {"run_id": run_id, "name": name, "attempt": run["attempt"], "path": path}
        found.artifacts[run_id, row["name"]] = {**row, "size_bytes": int(entry.get("size_bytes") or 0)}
    elif op in ("tag", "property"):
        value = entry.get("value")
        if op == "property" and entry["name"] in OURS:
            raise ValueError(f"{entry['name']} is the server's alone to say")
        records.set_labels(connection, run_id, op, {_text(entry["name"]): None if value is None else _text(value)})
    elif op == "untag":
        records.drop_tag(connection, run_id, _text(entry["name"]))
    elif op in ("description", "display_name"):
        runs.set_display(connection, run_id, **{op: _text(entry["value"])})
    elif op == "warning":
        found.problems.append(_text(entry["message"])[:2000])
    elif op == "output_link":
        found.links.append((run_id, {"output": _text(entry["name"]), "dataset": _text(entry["dataset"])}))
    elif op in ("read", "wrote"):
        found.observations.append(_observation(entry, op, run["id"]))
    else:
        raise ValueError(f"unknown op {op!r}")


def _observation(entry: Json, op: str, run_id: str) -> Json:
    """What the script fetched or left beside its outputs. It counts for the script's own run, whatever it was about."""
    kind = op if op == "wrote" else entry["kind"]
    if op == "read" and kind not in READ_KINDS:
        raise ValueError(f"unknown kind {kind!r}")
    name = _text(entry["name"])
    if len(name) > MAX_NAME_CHARACTERS:
        kind, name = (
            "run",
            name[:MAX_NAME_CHARACTERS],
        )  # cannot be looked up again: what is read so counts as different each time
    return {"run_id": run_id, "kind": kind, "name": name, "found": _text(entry["found"])}


def _text(value: Any) -> str:
    """`value` as text that every database takes: what is no Unicode is written out."""
    return str(value).encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
