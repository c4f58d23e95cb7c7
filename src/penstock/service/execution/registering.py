"""Datasets that a completed step leaves: its outputs as definitions, saved, named and versioned in the transaction that completes it.

Knows what a `transform` of docs/graph.md means as a definition. Reads no file: the SDK finds column types when a table is read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from penstock.model.errors import Conflict
from penstock.model.graph import Output
from penstock.service.context import new_id
from penstock.store import catalog, history, takeover

Json = dict[str, Any]
EVENT = "dataset"
LINK_EVENT = "output_link"


@dataclass(frozen=True)
class Left:
    """One output of a step that has completed. `written` is False when the step wrote nothing to it."""

    workspace: str
    run_id: str
    root_id: str
    output: Output
    datastore: str
    path: str
    is_file: bool
    written: bool


def left(workspace: str, root_id: str, run_id: str, outputs: Sequence[Output], rows: Iterable[Json]) -> list[Left]:
    """What one completed run leaves as datasets: `outputs` are those of its node that become some, `rows` what was found of those it wrote."""
    by_name = {r["name"]: r for r in rows}
    found = []
    for output in outputs:
        row = by_name.get(output.name)
        if output.mode == "link":
            found.append(Left(workspace, run_id, root_id, output, "", "", False, False))
        elif row:
            place = (output, row["datastore"], row["path"], row["kind"] == "file", row["kind"] != "missing")
            found.append(Left(workspace, run_id, root_id, *place))
    return found


def record(connection: Connection, home: Path, completed: list[Left], now: float) -> list[history.Event]:
    """Save, and where asked for register, what completed steps left; the events that tell of it."""
    events: list[history.Event] = []
    for each in completed:
        wanted = each.output.raw.get("register") or {}
        if each.output.mode == "link":
            dataset_id = linked_dataset(connection, home, each.run_id, each.output.name)
        else:
            dataset_id = _kept(connection, each, now)
        if dataset_id is None:
            if wanted:
                text = f"Output '{each.output.name}' was not registered as dataset '{wanted['name']}': the step left nothing there."
                events.append(history.Event(each.run_id, each.root_id, now, "warning", {"message": text}))
            continue
        body: Json = {"output": each.output.name, "dataset": dataset_id}
        if wanted:
            try:
                body |= _registered(connection, each, dataset_id, wanted, now)
            except Conflict as error:
                text = f"Output '{each.output.name}' was not registered: {error.message}"
                events.append(history.Event(each.run_id, each.root_id, now, "warning", {"message": text}))
        events.append(history.Event(each.run_id, each.root_id, now, EVENT, body))
    return events


def _kept(connection: Connection, each: Left, now: float) -> str | None:
    if not each.written:
        return None
    definition = file_definition(each.datastore, each.path)
    return catalog.add_dataset(connection, dataset_row(each.workspace, "file", definition, now))


def linked_dataset(connection: Connection, home: Path, run_id: str, output: str) -> str | None:
    """The id of the dataset that a run's script linked last to its output, or None.

    Its journal says so at once; the story does when the journal has been read, and still when the job folder is gone. Of a reused step:
    what the script linked of the one that stands for it.
    """
    for folder in sorted((home / "jobs").glob(f"{run_id}.*"), reverse=True):
        ids = [str(r["dataset"]) for r in _journal(folder) if r.get("op") == "output_link" and r.get("name") == output]
        if ids:
            return ids[-1]
    story = [e["body"] for e in history.of_run(connection, run_id) if e["name"] == LINK_EVENT]
    ids = [str(b["dataset"]) for b in story if b.get("output") == output]
    if ids:
        return ids[-1]
    stand_in = takeover.stand_ins(connection, [run_id]).get(run_id)
    return linked_dataset(connection, home, stand_in.run_id, output) if stand_in else None


def _journal(folder: Path) -> Iterator[Json]:
    try:
        lines = (folder / "journal").read_bytes().splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue  # whoever takes the journal in says so
        if isinstance(record, dict):
            yield record


def _registered(connection: Connection, each: Left, dataset_id: str, wanted: Json, now: float) -> Json:
    kept = dataset_id
    if wanted.get("transform") and each.output.mode != "link":
        kind, definition = transformed(each.datastore, each.path, each.is_file, wanted["transform"])
        kept = catalog.add_dataset(connection, dataset_row(each.workspace, kind, definition, now))
    version = give_name(connection, each.workspace, kept, str(wanted["name"]), wanted, now)
    return {"dataset": kept, "name": wanted["name"], "version": version}


def give_name(
    connection: Connection,
    workspace: str,
    dataset_id: str,
    name: str,
    body: Json,
    now: float,
    state: Json | None = None,
) -> int:
    """The version under which the dataset is registered as `name`: the newest if that is this one, else a new one.

    `state` is what its files are now (filesets.state).
    """
    versions = catalog.dataset_versions(connection, workspace, name)
    same = next((v for v in versions if v["dataset_id"] == dataset_id), None)
    texts = {k: body[k] for k in ("description", "tags") if body.get(k) is not None}
    has_other_files = bool(same and state and same["source_state"] and state != same["source_state"])
    if same is not None and same is versions[0] and not (has_other_files and body.get("create_new_version")):
        if texts:
            catalog.update_dataset_version(connection, workspace, name, same["version"], texts)
        return int(same["version"])
    if versions and not body.get("create_new_version"):
        raise Conflict(
            f"There is already a dataset registered under name '{name}' with another definition. "
            "Specify create_new_version=True to register it as a new version.",
            target=name,
        )
    row = {"workspace": workspace, "name": name, "dataset_id": dataset_id, "created_at": now}
    texts = {"description": body.get("description"), "tags": body.get("tags") or {}}
    return catalog.add_dataset_version(connection, {**row, **texts, "source_state": state})


def dataset_row(workspace: str, kind: str, definition: Json, now: float) -> Json:
    """The row of a definition; equal definitions of a workspace have equal digests, and so one id."""
    text = json.dumps([kind, definition], sort_keys=True)
    digest = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    row = {"id": new_id(), "workspace": workspace, "kind": kind, "definition": definition, "digest": digest}
    return {**row, "created_at": now}


def file_definition(datastore: str, path: str) -> Json:
    return {"paths": [{"datastore": datastore, "path": path}]}


def transformed(datastore: str, path: str, is_file: bool, transform: list[Json]) -> tuple[str, Json]:
    """(kind, definition) of an output after the `transform` of docs/graph.md."""
    kind, definition = "file", file_definition(datastore, path)
    for step in transform:
        if "parse" in step:
            kind, definition = "tabular", _table(datastore, path, is_file, step)
        elif "partition_format" in step:
            definition["partition_format"] = step["partition_format"]
        else:
            definition.setdefault("operations", []).append(_operation(step))
    return kind, definition


_HEADERLESS = ("NO_HEADERS", "PromoteHeadersBehavior.NO_HEADERS", False, 0)


def _table(datastore: str, path: str, is_file: bool, step: Json) -> Json:
    pattern = step.get("path_glob") or ("**/*" + step["file_extension"] if step.get("file_extension") else "")
    place = {"datastore": datastore, "path": path if is_file or not pattern else f"{path}/{pattern.lstrip('/')}"}
    definition: Json = {
        "paths": [place],
        "format": step["parse"],
        "include_path": bool(step.get("include_path")),
        "partition_format": step.get("partition_format"),
        "columns": None,  # found when it is read: what a step published never changes
    }
    if step["parse"] == "delimited":
        definition |= {"separator": step.get("separator") or ",", "header": step.get("header") not in _HEADERLESS}
        definition |= {"encoding": "utf8", "empty_as_string": False}
    if step.get("set_column_types"):
        definition["set_types"] = step["set_column_types"]
    return definition


def _operation(step: Json) -> Json:
    if "random_split" not in step:
        return step
    share, seed = float(step["random_split"]), int(step["seed"])
    low, high = (0.0, share) if step["part"] == 1 else (share, 1.0)
    return {"sample": {"from": low, "to": high, "seed": seed}}
