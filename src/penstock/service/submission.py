"""Submitting a pipeline: checked whole, then kept whole in one transaction, then the scheduler is woken."""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Container
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from penstock.engine import fingerprint
from penstock.engine.plan import Plan, make_plan, parameter_problems
from penstock.engine.validate import problems
from penstock.model.errors import BadRequest, Conflict, InvalidGraph, NotFound, Problem
from penstock.model.graph import Graph, Node
from penstock.model.status import Status
from penstock.service import resuming
from penstock.service.binding import Root
from penstock.service.catalog import Catalog, wrong_compute_name
from penstock.service.context import Context
from penstock.service.datastores import Datastores
from penstock.service.inbox import Inbox
from penstock.service.resuming import Resumption
from penstock.steps.registry import kind_problems
from penstock.store import catalog, identities, records, runs

Json = dict[str, Any]
IMPLICIT_COMPUTE = "AmlCompute"
_MODULE_IDS = uuid.UUID("6f1de0cb-3b0a-4b39-9a04-5f4c3d0f5a55")


class Submission:
    """The verb `submit`."""

    def __init__(self, context: Context, workspaces: Catalog, inbox: Inbox, datastores: Datastores) -> None:
        self._context = context
        self._workspaces = workspaces
        self._inbox = inbox
        self._datastores = datastores
        self._db = context.database

    def submit(self, workspace: str, body: Json) -> Json:
        """Keep a pipeline run and its steps: `{"run_id", "steps", "notes"}`. The same idempotency_key gives the same run."""
        key = body.get("idempotency_key")
        if key and (known := self._submitted(str(key), body.get("request"))):
            self._tell(known["run_id"])  # whoever submitted it first may have died, or lost the answer, before this
            return known
        self._context.room.demand()
        if body.get("resume_from"):
            with self._db.read() as connection:
                body = resuming.body_of(connection, workspace, body)
        plan, computes, space = self._checked(workspace, body)
        experiment = self._workspaces.put_experiment(workspace, str(body.get("experiment") or ""))
        bindings = self._bindings(space, experiment["id"], body)
        resumption = self._resumption(plan, bindings, body)
        bindings["eligible"] = sorted(self._eligible(workspace, plan, body))
        rows = _Rows(self._context, workspace, body, plan, bindings, resumption)
        home = self._context.home
        at = self._context.clock()
        if not self._db.write(lambda connection: _keep(connection, home, rows, computes, at)):
            return self.submit(workspace, body)  # the same key was quicker on another connection: its run is the answer
        self._tell(rows.root_id)
        notes = [*_notes(computes, bindings), *resumption.notes(plan)]
        return {"run_id": rows.root_id, "steps": rows.steps(bindings["eligible"]), "notes": notes}

    def foresee(self, workspace: str, body: Json) -> Root:
        """The pipeline run that this submission would be. Nothing is kept of it."""
        if run_id := body.get("as_run"):
            with self._db.read() as connection:
                body = {
                    **resuming.graph_of(connection, workspace, str(run_id)),
                    **{k: v for k, v in body.items() if v is not None},
                }
        plan, _, space = self._checked(workspace, body)
        bindings = self._bindings(space, "", body)
        ids = {n.id: n.id for n in plan.graph.nodes}
        experiment = str(body.get("experiment") or "")
        return Root("", workspace, experiment, plan, bindings, ids, bool(body.get("regenerate_outputs")))

    def _eligible(self, workspace: str, plan: Plan, body: Json) -> set[str]:
        """The steps of which one like it has completed: whether that stands for it is decided when its data are there."""
        if body.get("regenerate_outputs"):
            return set()
        modules = {n.id: (n.name, fingerprint.module(n, plan.values)) for n in plan.graph.nodes if n.allow_reuse}
        with self._db.read() as connection:
            known = identities.known_modules(connection, workspace, modules.values())
        return {node_id for node_id, (_, module) in modules.items() if module in known}

    def _checked(self, workspace: str, body: Json) -> tuple[Plan, list[str], Json]:
        """The plan, the computes to be made and the workspace of a submission; InvalidGraph with all that is wrong with it."""
        found = problems(body.get("graph"))
        if found:
            raise InvalidGraph(tuple(found))
        graph = Graph.from_json(body["graph"])
        given = body.get("parameters") or {}
        space = self._workspaces.workspace(workspace)
        found = [*parameter_problems(graph, given), *(p for n in graph.nodes for p in kind_problems(n))]
        computes, found_computes = self._computes(workspace, graph)
        found += [*found_computes, *self._missing_data(workspace, graph, given, space), *self._missing_snapshots(graph)]
        if found:
            raise InvalidGraph(tuple(found))
        self._datastores.bring_inputs(workspace, space["default_datastore"], graph, given)
        return make_plan(graph, given), computes, space

    def _resumption(self, plan: Plan, bindings: Json, body: Json) -> Resumption:
        """What is taken over from the run that is resumed, if one is; written into the bindings too."""
        if not body.get("resume_from"):
            return resuming.NOTHING
        with self._db.read() as connection:
            found = resuming.look_up(connection, str(body["resume_from"]), plan, bindings["datastores"])
        bindings.update(found.bindings())
        return found

    def _tell(self, root_id: str) -> None:
        self._inbox.put("submitted", root_id)
        self._context.wake()

    def _submitted(self, key: str, request: Any) -> Json | None:
        """What the submission under this key came to; Conflict when that was another one."""
        with self._db.read() as connection:
            root_id = runs.submitted_as(connection, key)
            if root_id is None:
                return None
            if request is not None and runs.request_of(connection, root_id) != request:
                raise Conflict(
                    f"Another body was sent under this Idempotency-Key before: run {root_id} came of it. "
                    "Send a new key with a new body.",
                    target="Idempotency-Key",
                )
            steps = [r for r in runs.runs_of_root(connection, root_id) if r["type"] == "step"]
            submission = runs.get_submission(connection, root_id) or {"bindings": {}}
        bound = submission["bindings"]
        taken = {*(bound.get("taken_over") or {}), *(bound.get("eligible") or ())}
        return {"run_id": root_id, "steps": [_step(r["node"], r["id"], taken) for r in steps], "notes": []}

    def _computes(self, workspace: str, graph: Graph) -> tuple[list[str], list[Problem]]:
        """Computes to be made on first use, and problems with the others."""
        with self._db.read() as connection:
            known = {c["name"] for c in catalog.computes(connection, workspace)}
        unknown = [n for n in graph.nodes if n.compute and n.compute != "local" and n.compute not in known]
        if self._context.embedded:
            return list(dict.fromkeys(str(n.compute) for n in unknown)), [
                Problem(f"Step '{n.name}': {wrong}", n.id, "InvalidGraph")
                for n in unknown
                if (wrong := wrong_compute_name(str(n.compute)))
            ]
        there = ", ".join(sorted(known)) or "none yet"
        return [], [
            Problem(
                f"Step '{n.name}': Target {n.compute} does not exist in the workspace. There are: {there}. "
                f"Create it: penstock compute create {n.compute}",
                n.id,
                "InvalidGraph",
            )
            for n in unknown
        ]

    def _missing_data(self, workspace: str, graph: Graph, given: Json, space: Json) -> list[Problem]:
        stores = {d["name"] for d in self._datastores.list(workspace)}
        with self._db.read() as connection:
            sources = [(n, i.source) for n in graph.nodes for i in n.inputs]
            sources += [(n, {"datastore": o.datastore}) for n in graph.nodes for o in n.outputs if o.datastore]
            values = {
                p.name: given.get(p.name, p.default) for p in graph.parameters if p.type in ("datapath", "dataset")
            }
            sources = [(n, values.get(s["parameter"], s) if "parameter" in s else s) for n, s in sources]
            found: dict[tuple[str, str], Problem] = {}
            for node, source in sources:
                name = source.get("datastore")
                if name and name not in stores:
                    text = f"Step '{node.name}': there is no datastore '{name}'. There are: {', '.join(sorted(stores))}. Register it first."
                    found[(node.id, name)] = Problem(text, node.id, "InvalidGraph")
                dataset = source.get("dataset")
                if dataset and catalog.get_dataset(connection, workspace, str(dataset)) is None:
                    text = f"Step '{node.name}': there is no dataset with id '{dataset}' in workspace '{workspace}'."
                    found[(node.id, str(dataset))] = Problem(text, node.id, "InvalidGraph")
        return list(found.values())

    def _missing_snapshots(self, graph: Graph) -> list[Problem]:
        wanted: dict[str, Node] = {}
        for node in graph.nodes:
            if node.snapshot:
                wanted.setdefault(node.snapshot, node)
        return [
            Problem(
                f"Step '{n.name}': its snapshot {d} was never uploaded. Upload it before submitting.",
                n.id,
                "InvalidGraph",
            )
            for d, n in wanted.items()
            if not self._context.snapshots.has(d)
        ]

    def _bindings(self, space: Json, experiment_id: str, body: Json) -> Json:
        interpreter = body.get("interpreter") or {}
        executable = str(interpreter.get("executable") or "")
        if not executable or not os.access(executable, os.X_OK):
            raise BadRequest(
                f"The interpreter {executable!r} is not there or cannot be run on this machine. "
                "Submit from a Python that this server can start.",
                target="interpreter",
            )
        with self._db.read() as connection:
            stores = {d["name"]: {"root": d["root"]} for d in catalog.datastores(connection, space["name"])}
        return {
            "interpreter": interpreter,
            "workspace": {k: space[k] for k in ("name", "id", "subscription_id", "resource_group")},
            "experiment_id": experiment_id,
            "default_datastore": space["default_datastore"],
            "datastores": stores,
            "timeout_seconds": _timeout(body),
        }


def _timeout(body: Json) -> float | None:
    """The limit of the whole run, in seconds from its submission."""
    seconds = body.get("timeout_seconds")
    if seconds is None:
        return None
    is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if not is_number or not 0 < seconds < float("inf"):
        raise BadRequest(
            f"The run's timeout_seconds is {seconds!r}. Give a number of seconds above 0, or leave it out.",
            target="timeout_seconds",
        )
    return float(seconds)


class _Rows:
    """The rows of one submission."""

    def __init__(
        self, context: Context, workspace: str, body: Json, plan: Plan, bindings: Json, resumption: Resumption
    ) -> None:
        self.resumption = resumption
        self.at, self.workspace, self.body, self.plan = context.clock(), workspace, body, plan
        self.root_id = context.make_id()
        self.step_ids = {n.id: context.make_id() for n in plan.graph.nodes}
        self.submission = {
            "run_id": self.root_id,
            "idempotency_key": body.get("idempotency_key"),
            "graph": json.dumps(plan.graph.raw),
            "parameters": json.dumps(plan.values),
            "bindings": json.dumps(bindings),
            "continue_on_failure": int(bool(body.get("continue_on_step_failure"))),
            "regenerate_outputs": int(bool(body.get("regenerate_outputs"))),
            "request": body.get("request"),
        }

    def steps(self, eligible: Container[str] = ()) -> list[Json]:
        taken = {n.id for n in self.plan.graph.nodes if n.id in self.resumption.taken or n.id in eligible}
        return [_step(n.id, self.step_ids[n.id], taken) for n in self.plan.graph.nodes]

    def runs(self) -> list[Json]:
        description = str(self.body.get("description") or self.plan.graph.description or "")
        name = str(self.body.get("display_name") or description or self.body["experiment"])
        root = self._run(self.root_id, "pipeline", name, self.body.get("parent_run_id"), None, 0)
        root["display_name"] = self.body.get("display_name")
        root["description"] = description or None
        root["pipeline_id"] = self.body.get("pipeline_id")
        taken = self.resumption.taken
        children = [
            self._run(self.step_ids[n.id], "step", n.name, self.root_id, n, self._unmet(n))
            for n in self.plan.graph.nodes
        ]
        over = {"status": str(Status.COMPLETED), "started_at": self.at, "ended_at": self.at}
        return [root, *({**c, **over} if c["node"] in taken else c for c in children)]

    def _unmet(self, node: Node) -> int:
        return sum(u not in self.resumption.taken for u in self.plan.upstream[node.id])

    def _run(self, run_id: str, kind: str, name: str, parent: Any, node: Node | None, unmet: int) -> Json:
        return {
            "id": run_id,
            "workspace": self.workspace,
            "experiment": self.body["experiment"],
            "type": kind,
            "name": name,
            "display_name": None,
            "parent_id": parent,
            "root_id": self.root_id,
            "node": node.id if node else None,
            "step_type": node.step_type if node else None,
            "target": (node.compute or "local") if node else None,
            "status": str(Status.NOT_STARTED),
            "attempt": 0,
            "unmet": unmet,
            "description": None,
            "pipeline_id": None,
            "created_at": self.at,
            "started_at": None,
            "ended_at": None,
        }


def _keep(connection: Connection, home: Path, rows: _Rows, computes: list[str], at: float) -> bool:
    """Whether the rows are kept: not when a run stands under the same idempotency key already."""
    key = rows.submission["idempotency_key"]
    if key and runs.submitted_as(connection, str(key)) is not None:
        return False
    for name in computes:
        row = {
            "workspace": rows.workspace,
            "name": name,
            "type": IMPLICIT_COMPUTE,
            "settings": {"implicit": True},
            "created_at": at,
        }
        catalog.add_compute(connection, row)
    parent = rows.body.get("parent_run_id")
    if parent and runs.get_run(connection, str(parent)) is None:
        raise NotFound(f"There is no run '{parent}' to be the parent. Leave parent_run_id out, or name a run.")
    runs.insert_submission(connection, rows.submission)
    runs.insert_runs(connection, rows.runs())
    for kind, values in (("tag", rows.body.get("tags")), ("property", rows.body.get("properties"))):
        records.set_labels(
            connection, rows.root_id, kind, {str(k): None if v is None else str(v) for k, v in (values or {}).items()}
        )
    body = {"status": str(Status.NOT_STARTED), "n_steps": len(rows.step_ids)}
    if rows.resumption.root_id:
        body["resumed_from"] = rows.resumption.root_id
        records.set_labels(connection, rows.root_id, "property", {"azureml.resumedfrom": rows.resumption.root_id})
    told: list[tuple[str, Json]] = [("created", body)]
    told += [("warning", {"message": str(text)}) for text in rows.body.get("warnings") or ()]
    runs.append_events(connection, [runs.Event(rows.root_id, rows.root_id, at, *each) for each in told])
    resuming.keep(connection, home, rows.resumption, rows.root_id, rows.step_ids, at)
    return True


def _step(node_id: str, run_id: str, taken: Container[str]) -> Json:
    module_id = str(uuid.uuid5(_MODULE_IDS, node_id))
    return {"node": node_id, "run_id": run_id, "module_id": module_id, "reusable": node_id in taken}


def _notes(computes: list[str], bindings: Json) -> list[str]:
    """One line for each thing done that the author did not spell out."""
    notes = []
    if computes:
        names = ", ".join(f"'{c}'" for c in computes)
        notes.append(f"Compute {names} was not known here: it now means this machine (see: penstock compute list).")
    interpreter = bindings["interpreter"]
    version = re.sub(r"^(\d+\.\d+\.\d+).*", r"\1", str(interpreter.get("version") or ""))
    notes.append(
        f"Steps run in your own interpreter, Python {version} at {interpreter['executable']}; environments are recorded only."
    )
    return notes
