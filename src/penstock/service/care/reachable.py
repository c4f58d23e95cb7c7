"""What must stay: the places on disk that registered datasets, models, pinned runs, published pipelines and active runs lead to.

Reads the store alone. In doubt a place stays.
"""

from __future__ import annotations

import bisect
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from penstock.data import filesets
from penstock.model.status import TERMINAL
from penstock.store import authored, catalog, pipelines, removals

Json = dict[str, Any]
Roots = dict[tuple[str, str], str]  # (workspace, datastore) -> its folder
_OVER = frozenset(str(s) for s in TERMINAL)


@dataclass
class Reachable:
    """Places that stay, each with the reason; and the runs whose outputs stay."""

    places: dict[str, str] = field(default_factory=dict)
    runs: dict[str, str] = field(default_factory=dict)
    _ordered: list[str] = field(default_factory=list)

    def keep(self, place: str, why: str) -> None:
        self.places.setdefault(place, why)
        self._ordered = []

    def why(self, place: str) -> str | None:
        """Why this place stays: it is kept itself, lies in what is, or holds what is; None when it may go."""
        parent = place
        while True:
            if parent in self.places:
                return self.places[parent]
            above = os.path.dirname(parent)
            if above == parent:
                break
            parent = above
        if not self._ordered:
            self._ordered = sorted(self.places)
        at = bisect.bisect_left(self._ordered, place + "/")
        if at < len(self._ordered) and self._ordered[at].startswith(place + "/"):
            return self.places[self._ordered[at]]
        return None


def roots(connection: Connection) -> Roots:
    """The folder of every datastore that has one here."""
    found = {}
    for workspace in catalog.workspaces(connection):
        for store in catalog.datastores(connection, workspace["name"]):
            if store["root"]:
                found[workspace["name"], store["name"]] = os.path.realpath(store["root"])
    return found


def urls(connection: Connection) -> dict[tuple[str, str], str]:
    """The URL of every datastore that is at one."""
    spaces = [w["name"] for w in catalog.workspaces(connection)]
    return {(w, d["name"]): d["url"] for w in spaces for d in catalog.datastores(connection, w) if d["url"]}


def reachable(connection: Connection, where: Roots) -> Reachable:
    """All that must stay now."""
    found = Reachable()
    for run_id in removals.pins(connection):
        found.runs[run_id] = f"run {run_id} is pinned"
    for run_id, model in removals.runs_with_models(connection).items():
        found.runs.setdefault(run_id, f"it made {model}")
    for row in removals.registered_datasets(connection):
        why = f"dataset '{row['name']}' version {row['version']} is registered on it"
        _keep_definition(found, where, row["workspace"], row["definition"], why)
    for row in pipelines.all_graphs(connection):
        keep_graph(connection, found, where, row, f"published pipeline '{row['name']}' ({row['id']}) reads it")
    for row in authored.of_kind(connection, "draft"):
        keep_graph(connection, found, where, {**row, **row["body"]}, f"draft '{row['name']}' ({row['id']}) reads it")
    for row in removals.active_submissions(connection):
        keep_graph(connection, found, where, row, f"run {row['id']} is under way")
    return found


def keep_graph(connection: Connection, found: Reachable, where: Roots, row: Json, why: str) -> None:
    """Keep what the graph and parameters in `row`, of its workspace, name: paths on datastores, and datasets by id."""
    named = list(_objects([row["graph"], row.get("parameters")]))
    for each in named:
        if isinstance(each.get("datastore"), str) and isinstance(each.get("path"), str):
            _keep_path(found, where, row["workspace"], each, why)
    ids = [each["dataset"] for each in named if isinstance(each.get("dataset"), str)]
    for dataset in removals.definitions(connection, ids).values():
        _keep_definition(found, where, dataset["workspace"], dataset["definition"], why)


def is_over(row: Json) -> bool:
    """Whether the run of an output, and the pipeline run it belongs to, have ended."""
    return row["status"] in _OVER and row["root_status"] in _OVER


def _keep_definition(found: Reachable, where: Roots, workspace: str, definition: Json, why: str) -> None:
    for path in definition.get("paths") or ():
        if "datastore" in path and "pinned" not in path:
            _keep_path(found, where, workspace, path, why)


def _keep_path(found: Reachable, where: Roots, workspace: str, path: Json, why: str) -> None:
    root = where.get((workspace, path["datastore"]))
    if root is not None:
        below = filesets.plain_part(str(path.get("path") or "")).strip("/")
        found.keep(os.path.normpath(os.path.join(root, below)), why)


def _objects(value: Any) -> Iterator[Json]:
    """Every JSON object in a JSON value, itself included."""
    waiting: list[Any] = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            yield each
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each


def owners(rows: Iterable[Json], where: Roots) -> dict[str, list[Json]]:
    """The rows of outputs by the place they point at: that of the step that wrote it first."""
    found: dict[str, list[Json]] = {}
    for row in rows:
        root = where.get((row["workspace"], row["datastore"]))
        if root is not None:
            found.setdefault(os.path.normpath(os.path.join(root, row["path"].strip("/"))), []).append(row)
    return {place: rows for place, rows in found.items() if any(r["attempt"] for r in rows)}
