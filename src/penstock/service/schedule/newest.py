"""The newest versions of the registered datasets that a graph was made with. Only on request: else each stays the version it was."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from penstock.store import catalog

Json = dict[str, Any]
DATASETS = "penstock.datasets"
"""The property of a run that says which versions it was given: {name: version} as JSON."""


def with_newest(connection: Connection, workspace: str, graph: Json, given: Json) -> tuple[Json, Json, dict[str, int]]:
    """The graph and the parameters with each registered dataset's newest version, and those versions by name.

    A dataset that has no name, or whose name is gone, stays as it is.
    """
    used: dict[str, int] = {}
    known: dict[str, str] = {}

    def newest(dataset_id: str) -> str:
        if dataset_id not in known:
            known[dataset_id] = dataset_id
            named = catalog.versions_of_dataset(connection, workspace, dataset_id)
            versions = catalog.dataset_versions(connection, workspace, named[0]["name"]) if named else []
            if versions:
                known[dataset_id] = versions[0]["id"]
                used[versions[0]["name"]] = versions[0]["version"]
        return known[dataset_id]

    def renewed(source: Any) -> Any:
        has_one = isinstance(source, dict) and source.get("dataset")
        return {**source, "dataset": newest(str(source["dataset"]))} if has_one else source

    nodes = [
        {**n, "inputs": [{**i, "source": renewed(i["source"])} for i in n.get("inputs") or ()]} for n in graph["nodes"]
    ]
    parameters = [{**p, "default": renewed(p.get("default"))} for p in graph.get("parameters") or ()]
    values = {name: renewed(value) for name, value in given.items()}
    return {**graph, "parameters": parameters, "nodes": nodes}, values, used
