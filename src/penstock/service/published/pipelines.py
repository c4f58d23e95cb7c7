"""The verbs on published pipelines: kept once under an id, submitted again by it. What runs under an id never changes.

Knows submissions; must not know who asks, schedules, or HTTP.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from penstock.model.errors import BadRequest, Conflict, NotFound
from penstock.model.graph import Graph
from penstock.service.assets.catalog import Catalog, iso
from penstock.service.assets.datasets import Datasets
from penstock.service.context import Context
from penstock.service.published.assigning import assigned, without_effect
from penstock.service.published.places import endpoint_url
from penstock.service.runs import resuming
from penstock.service.runs.submission import Also, Submission
from penstock.service.schedule.newest import DATASETS, with_newest
from penstock.store import pipelines as store
from penstock.store import runs
from penstock.store.database import Database

Json = dict[str, Any]
STATUSES = ("Active", "Deprecated", "Disabled")
LONGEST_NAME = 255
PIPELINE_ID = "azureml.pipelineid"
"""The property of a run that names its published pipeline, as existing code reads it."""
STAYS = (
    "This server stays up while a published pipeline is active, but not through a logout or a restart of the machine. "
    "To keep one for good: penstock service install"
)
RUN_SOURCE, RUN_TYPE = "runSource", "runType"
"""The properties that say by what a run was submitted (SDK, API, …) and how (HTTP, SDK, Schedule)."""
_GRAPH_IDS = uuid.UUID("0a0f5d0e-6a86-4b4f-8d4b-8a3f9d1a7c11")


class Pipelines:
    """Published pipelines by id."""

    def __init__(self, context: Context, workspaces: Catalog, submission: Submission, datasets: Datasets) -> None:
        self._context, self._workspaces, self._submission = context, workspaces, submission
        self._datasets = datasets
        self._db = context.database
        self.revision = 0
        """Counts changes of status: what was read under another one may not hold."""

    def publish(self, workspace: str, body: Json, by: str | None = None) -> Json:
        """Keep a graph with the interpreter it runs in, or the ones of the run `run_id`, under a new id. The first one of a server that
        nobody has installed has a note of how long that stays."""
        self._context.room.demand()
        space = self._workspaces.workspace(workspace)
        body = self._of_run(workspace, body) if body.get("run_id") else body
        plan = self._submission.foresee(workspace, {k: body.get(k) for k in ("graph", "interpreter")}).plan
        graph = dict(plan.graph.raw)
        graph["default_datastore"] = graph.get("default_datastore") or body.get("default_datastore")
        graph["default_datastore"] = graph["default_datastore"] or space["default_datastore"]
        now = self._context.clock()
        name = str(body.get("name") or graph.get("description") or _unnamed(now))
        if len(name) > LONGEST_NAME or "\0" in name:
            raise BadRequest(
                f"The pipeline's name has {len(name)} characters. Give 1 to {LONGEST_NAME}, without NUL.", target="name"
            )
        go_on = body.get("continue_on_step_failure")
        row = {
            "id": self._context.make_id(),
            "workspace": workspace,
            "name": name,
            "description": _text(body, "description") or graph.get("description"),
            "version": _text(body, "version"),
            "status": "Active",
            "graph": graph,
            "graph_id": str(uuid.uuid5(_GRAPH_IDS, json.dumps(graph, sort_keys=True))),
            "n_steps": len(plan.graph.nodes),
            "interpreter": body["interpreter"],
            "continue_on_failure": None if go_on is None else int(bool(go_on)),
            "published_by": by,
            "created_at": now,
        }

        def work(connection: Connection) -> bool:
            is_first = not store.is_any(connection)
            store.add(connection, row)
            return is_first

        is_first = self._db.write(work)
        notes = [STAYS] if self._context.embedded and is_first else []
        return {**self.get(workspace, row["id"]), "notes": notes}

    def get(self, workspace: str, pipeline_id: str) -> Json:
        """With its parameters and the names of its steps."""
        row = self._row(workspace, pipeline_id)
        graph = Graph.from_json(row["graph"])
        parameters = [{"name": p.name, "type": p.type, "default": p.default} for p in graph.parameters]
        return {
            **self._shown(row, self._workspaces.workspace(workspace)),
            "parameters": parameters,
            "steps": [n.name for n in graph.nodes],
        }

    def anywhere(self, pipeline_id: str) -> Json:
        """As `get`, whatever workspace it is in."""
        with self._db.read() as connection:
            row = store.standing(connection, pipeline_id)
        if row is None:
            raise NotFound(f"There is no published pipeline '{pipeline_id}' on this server. See them: /pipelines")
        return self.get(row["workspace"], pipeline_id)

    def graph(self, workspace: str, pipeline_id: str) -> Json:
        return dict(self._row(workspace, pipeline_id)["graph"])

    def kept(self, workspace: str, pipeline_id: str) -> Json:
        """What a draft or another pipeline made from it needs: its graph and interpreter."""
        row = self._row(workspace, pipeline_id)
        return {"graph": row["graph"], "interpreter": row["interpreter"]}

    def list(self, workspace: str, status: str | None, before: int | None, limit: int) -> list[Json]:
        """Newest first."""
        space = self._workspaces.workspace(workspace)
        with self._db.read() as connection:
            return [self._shown(r, space) for r in store.listed(connection, workspace, status, before, limit)]

    def find(self, workspace: str, id_or_name: str) -> str:
        """The id of the pipeline with this id, or of the newest active one of this name."""
        with self._db.read() as connection:
            row = store.standing(connection, id_or_name)
            if row is not None and row["workspace"] == workspace:
                return id_or_name
            found = store.named(connection, workspace, id_or_name)
        if not found:
            raise _unknown(workspace, id_or_name)
        return found[0]

    def set_status(self, workspace: str, pipeline_id: str, status: str) -> Json:
        """Disabled: cannot be submitted. Deprecated: can, and says so."""
        if status not in STATUSES:
            raise BadRequest(
                f"A pipeline's status is one of {', '.join(STATUSES)}, not {status!r}. Send one of them.",
                target="status",
            )
        self._standing(workspace, pipeline_id)
        self._db.write(lambda c: store.set_status(c, pipeline_id, status))
        self.revision += 1
        return self.get(workspace, pipeline_id)

    def is_any_active(self) -> bool:
        """Whether a server must stay up for whoever calls one."""
        with self._db.read() as connection:
            return store.is_any_active(connection)

    def check(self, workspace: str, pipeline_id: str, parameters: Json) -> None:
        """NotFound or WrongParameters unless it can be submitted with these parameters."""
        row = self._active(workspace, pipeline_id)
        self._assigned(row, Graph.from_json(row["graph"]), parameters)

    def _active(self, workspace: str, pipeline_id: str) -> Json:
        row = self._row(workspace, pipeline_id)
        if row["status"] == "Disabled":
            raise NotFound(
                f"The published pipeline '{row['name']}' ({pipeline_id}) is disabled. "
                f"Enable it: penstock pipeline enable {pipeline_id}",
                target=pipeline_id,
            )
        return row

    def submittable(self, workspace: str, pipeline_id: str) -> Json:
        """Its row; NotFound or Conflict unless it can be submitted."""
        row = self._active(workspace, pipeline_id)
        executable = str(row["interpreter"].get("executable") or "")
        if not os.access(executable, os.X_OK):
            raise Conflict(
                f"The published pipeline '{row['name']}' runs in the interpreter {executable}, which is not there any more. "
                "Bring it back, or publish the pipeline again from a Python that is there.",
                target="interpreter",
            )
        return row

    def submit(self, workspace: str, pipeline_id: str, body: Json, also: Also | None = None) -> Json:
        """Submit it: `{"run_id", "steps", "notes"}`. `body` is a submission without a graph; parameters may be numbers or truth values.

        With `is_lenient` a pipeline without parameters takes any, as the original does; the run has a warning of it. With `datasets` latest
        each registered dataset is its newest version, and the run has a property that says which.
        """
        row = self.submittable(workspace, pipeline_id)
        graph = Graph.from_json(row["graph"])
        given, warnings = body.get("parameters") or {}, []
        if body.get("is_lenient") and given and not graph.parameters:
            names = ", ".join(f"'{name}'" for name in given)
            warnings = [f"The pipeline has no parameters: what was given for {names} had no effect."]
            given = {}
        given = self._assigned(row, graph, given)
        warnings += without_effect(graph, given)
        go_on = body.get("continue_on_step_failure")
        properties, kept = {**(body.get("properties") or {}), PIPELINE_ID: pipeline_id}, row["graph"]
        if body.get("datasets") == "latest":
            with self._db.read() as connection:
                kept, given, used = with_newest(connection, workspace, kept, given)
            properties[DATASETS] = json.dumps(used, sort_keys=True)
        done = self._submission.submit(
            workspace,
            {
                **body,
                "graph": kept,
                "interpreter": row["interpreter"],
                "parameters": given,
                "properties": properties,
                "pipeline_id": pipeline_id,
                "warnings": warnings,
                "continue_on_step_failure": row["continue_on_failure"] if go_on is None else go_on,
            },
            also,
        )
        if row["status"] == "Deprecated":
            done["notes"].append(
                f"The published pipeline '{row['name']}' is deprecated: ask its owner for the new one."
            )
        return done

    def _assigned(self, row: Json, graph: Graph, given: Json) -> Json:
        def unknown(name: str) -> str:
            return self._unknown_parameter(row, name)

        return assigned(graph, given, unknown, self._datasets, row["workspace"])

    def _unknown_parameter(self, row: Json, name: str) -> str:
        said = f"Pipeline parameter with name {name} does not exist in the published pipeline '{row['name']}' ({row['id']})."
        with self._db.read() as connection:
            for newer_id in store.newer(connection, row):
                newer = store.get(connection, newer_id)
                if newer and name in {p["name"] for p in newer["graph"].get("parameters") or ()}:
                    return f"{said} It was added after publishing: {newer_id}, published later as '{newer['name']}', has it."
        return (
            f"{said} No step uses one of that name: a PipelineParameter is part of a pipeline when a step has it among its "
            "arguments, params or inputs."
        )

    def _of_run(self, workspace: str, body: Json) -> Json:
        run_id = str(body["run_id"])
        with self._db.read() as connection:
            of_run = resuming.graph_of(connection, workspace, run_id)
            kept = runs.get_submission(connection, run_id)
        assert kept is not None  # graph_of has said NotFound otherwise
        bound = kept["bindings"]
        return {
            "continue_on_step_failure": bool(kept["continue_on_failure"]),
            **{k: v for k, v in body.items() if v is not None},
            "graph": of_run["graph"],
            "interpreter": bound["interpreter"],
            "default_datastore": bound["default_datastore"],
        }

    def _row(self, workspace: str, pipeline_id: str) -> Json:
        with self._db.read() as connection:
            row = store.get(connection, pipeline_id)
        if row is None or row["workspace"] != workspace:
            raise _unknown(workspace, pipeline_id)
        return row

    def _standing(self, workspace: str, pipeline_id: str) -> Json:
        with self._db.read() as connection:
            row = store.standing(connection, pipeline_id)
        if row is None or row["workspace"] != workspace:
            raise _unknown(workspace, pipeline_id)
        return row

    def _shown(self, row: Json, space: Json) -> Json:
        plain = {
            k: row[k] for k in ("id", "workspace", "name", "description", "version", "status", "graph_id", "number")
        }
        return {
            **plain,
            "total_run_steps": row["n_steps"],
            "continue_on_step_failure": None
            if row["continue_on_failure"] is None
            else bool(row["continue_on_failure"]),
            "published_by": row["published_by"],
            "created_at": iso(row["created_at"]),
            "endpoint": endpoint_url(self._context.url, space, f"PipelineSubmit/{row['id']}"),
            "url": f"{self._context.url}/pipelines/{row['id']}",
        }


def facts(database: Database, run: Json) -> Json:
    """Of a pipeline run: `n_steps`, `continue_on_failure`, and the `graph_id` of its published pipeline."""
    with database.read() as connection:
        published = store.standing(connection, run["pipeline_id"]) if run["pipeline_id"] else None
        return {**runs.facts_of(connection, run["id"]), "graph_id": published["graph_id"] if published else None}


def _unknown(workspace: str, pipeline_id: str) -> NotFound:
    return NotFound(
        f"There is no published pipeline '{pipeline_id}' in workspace '{workspace}'. See them: penstock pipeline list",
        target=pipeline_id,
    )


def _unnamed(at: float) -> str:
    return "Pipeline-" + datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H-%M-%S")


def _text(body: Mapping[str, Any], name: str) -> str | None:
    return None if body.get(name) is None else str(body[name])
