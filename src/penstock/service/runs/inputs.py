"""What a run reads: other steps' outputs, paths on datastores, datasets; and whether a dataset's files are others than when it was registered."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from sqlalchemy import Connection

from penstock.model.errors import NotFound
from penstock.service.assets.datasets import Datasets
from penstock.service.context import Context
from penstock.store import catalog, runs

Json = dict[str, Any]
LOOK_SECONDS = 30.0
"""For so long what was found of a dataset's files stands: a page that follows a run asks every few seconds."""
MOST_FILES = 10_000
"""A dataset of more files is not looked at for a page."""
_KEPT = 1000


class Inputs:
    """The inputs of a step, or what all steps of a pipeline run read from outside of it."""

    def __init__(self, context: Context, datasets: Datasets) -> None:
        self._context, self._datasets = context, datasets
        self._looked: OrderedDict[tuple[str, str, int], tuple[float, str | None]] = OrderedDict()

    def of(self, run_id: str) -> list[Json]:
        """`[{name, steps, mode, parameter, source, dataset, drift}]`. `source` is the graph's, its parameter resolved; of a pipeline run what
        is the same stands once, with the names of the steps that read it."""
        with self._context.database.read() as connection:
            row = runs.get_run(connection, run_id)
            submission = runs.get_submission(connection, row["root_id"]) if row else None
            if row is None or submission is None or row["type"] not in ("pipeline", "step"):
                return []
            found = _read(submission, row["node"] if row["type"] == "step" else None)
            for each in found:
                each["dataset"] = _dataset(connection, row, each["source"])
        for each in found:
            each["drift"] = self._drift(row["workspace"], each["dataset"])
        return found

    def _drift(self, workspace: str, dataset: Json | None) -> str | None:
        if dataset is None or dataset["name"] is None:
            return None
        key, now = (workspace, dataset["name"], dataset["version"]), self._context.clock()
        at, known = self._looked.get(key, (0.0, None))
        if not at <= now < at + LOOK_SECONDS:
            try:
                known = self._datasets.drift(*key, most_files=MOST_FILES)["message"]
            except NotFound:  # unregistered meanwhile
                known = None
            self._looked[key] = (now, known)
            while len(self._looked) > _KEPT:
                self._looked.popitem(last=False)
        return known


def _read(submission: Json, node_id: str | None) -> list[Json]:
    """The inputs of one node, or those of all that come from outside."""
    given, graph = submission["parameters"], submission["graph"]
    defaults = {p["name"]: p.get("default") for p in graph.get("parameters") or ()}
    found: OrderedDict[str, Json] = OrderedDict()
    for node in graph["nodes"]:
        if node_id not in (None, node["id"]):
            continue
        for port in node.get("inputs") or ():
            source, parameter = port["source"], port["source"].get("parameter")
            if parameter is not None:
                source = given.get(parameter, defaults.get(parameter)) or {}
            if "node" in source and node_id is None:
                continue
            key = str(sorted(source.items())) if node_id is None else port["name"]
            kept = found.setdefault(key, {"name": port["name"], "steps": [], "mode": port.get("mode")})
            kept.update(parameter=parameter, source=_named(source, graph))
            kept["steps"].append(node["name"])
    return list(found.values())


def _named(source: Json, graph: Json) -> Json:
    """A source; the name of its step beside the id."""
    if "node" not in source:
        return source
    return {**source, "step": next((n["name"] for n in graph["nodes"] if n["id"] == source["node"]), source["node"])}


def _dataset(connection: Connection, row: Json, source: Json) -> Json | None:
    """The dataset that a source is, with the newest version under which it was registered when the run was submitted."""
    if "dataset" not in source:
        return None
    dataset_id = str(source["dataset"])
    kept = catalog.get_dataset(connection, row["workspace"], dataset_id)
    versions = catalog.versions_of_dataset(connection, row["workspace"], dataset_id)
    then = [v for v in versions if v["created_at"] <= row["created_at"]][-1:] or versions[:1]
    named = then[0] if then else {"name": None, "version": None}
    paths = kept["definition"].get("paths") or [] if kept else []
    return {"id": dataset_id, "name": named["name"], "version": named["version"], "paths": paths}
