"""Submitting a pipeline: checked whole, then kept whole in one transaction, then the scheduler is woken."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection

from penstock.engine.plan import Plan, parameter_problems
from penstock.model.errors import BadRequest, Conflict, InvalidGraph, NotFound, Problem
from penstock.model.graph import Graph
from penstock.service.assets.catalog import Catalog, wrong_compute_name
from penstock.service.assets.datastores import Datastores, mirror
from penstock.service.context import Context
from penstock.service.execution.batch import Stale
from penstock.service.execution.inbox import Inbox
from penstock.service.execution.settling import Settling
from penstock.service.runs import resuming
from penstock.service.runs.binding import Root
from penstock.service.runs.entry import Entry, Prepared, step_of, timeout_of
from penstock.service.runs.graphs import KnownGraph
from penstock.service.runs.resuming import Resumption
from penstock.store import catalog, identities, runs

Json = dict[str, Any]
Also = Callable[[Connection, str], None]
_OF_DATA = ("datapath", "dataset")
_KINDS = {"tabular": "TabularDataset", "file": "FileDataset"}


class UnknownGraph(NotFound):
    """A graph was named that was never sent."""

    code = "UnknownGraph"


class Submission:
    """The verb `submit`."""

    def __init__(self, context: Context, workspaces: Catalog, inbox: Inbox, datastores: Datastores) -> None:
        self._context = context
        self._workspaces = workspaces
        self._inbox = inbox
        self._datastores = datastores
        self._db = context.database
        self._settling = Settling(context)

    def submit(self, workspace: str, body: Json, also: Also | None = None) -> Json:
        """Keep a pipeline run and its steps: `{"run_id", "steps", "notes", "all_stand"}`. The same idempotency_key gives the same run.

        `also` writes what belongs to the run in the same transaction, which is undone when it raises.
        """
        key = body.get("idempotency_key")
        if key and (known := self._submitted(str(key), body.get("request"))):
            self._tell(known["run_id"])  # whoever submitted it first may have died, or lost the answer, before this
            return known
        self._context.room.demand()
        if body.get("resume_from"):
            with self._db.read() as connection:
                body = resuming.body_of(connection, workspace, body)
        ready = self.prepare(workspace, body)
        self._demand_parent(workspace, body.get("parent_run_id"))
        timeout_of(body)
        experiment = self._workspaces.put_experiment(
            workspace, str(body.get("experiment") or "")
        )  # all else is in order
        entry = Entry(self._context, ready, body, experiment["id"])
        entry.take_over(self._resumption(entry.plan, entry.bindings, body))
        self._look(entry, workspace, body)

        def keep(connection: Connection) -> bool:
            is_kept = entry.keep(connection)
            if is_kept and also is not None:
                also(connection, entry.root_id)
            return is_kept

        try:
            is_kept = self._db.write(keep)
        except Stale:  # what it was to stand on has been cleared away meanwhile: the scheduler decides anew
            entry.settle(None)
            is_kept = self._db.write(keep)
        if not is_kept:
            return self.submit(workspace, body)  # the same key was quicker on another connection: its run is the answer
        self.entered([entry])
        resumed = entry.resumption.notes(entry.plan, may_reuse=not body.get("regenerate_outputs"))
        notes = [*_notes(ready.computes, entry.bindings, body), *resumed]
        answer = {"run_id": entry.root_id, "steps": entry.steps(), "notes": notes}
        return {**answer, "all_stand": entry.settled is not None}

    def _look(self, entry: Entry, workspace: str, body: Json) -> None:
        """For which steps earlier ones may stand; if they do for all of them, the submission is settled."""
        plan, experiment = entry.plan, str(body.get("experiment") or "")
        is_expected = not body.get("regenerate_outputs") and self._settling.expects(plan)
        if is_expected:
            self._settling.look(entry, workspace, experiment)
        eligible = entry.step_ids if entry.settled else self._eligible(workspace, plan, body)
        entry.note_eligible(eligible)
        if not is_expected and len(eligible) == len(entry.step_ids):
            self._settling.look(entry, workspace, experiment)

    def _demand_parent(self, workspace: str, run_id: Any) -> None:
        if run_id:
            with self._db.read() as connection:
                row = runs.get_run(connection, str(run_id))
            if row is not None and row["workspace"] == workspace:
                return
            raise NotFound(
                f"There is no run '{run_id}' in workspace '{workspace}' to be the parent. Leave parent_run_id out, or name a run.",
                target="parent_run_id",
            )

    def entered(self, entries: Iterable[Entry]) -> None:
        """Submissions are committed: they may be taken up. Whoever waits for the end of one that is settled is told."""
        settled = {entry.root_id for entry in entries if entry.settled}
        if settled:
            self._context.changes.notify(settled, ends=True)
        self._tell(*(entry.root_id for entry in entries if not entry.settled))

    def foresee(self, workspace: str, body: Json) -> Root:
        """The pipeline run that this submission would be. Nothing is kept of it."""
        if run_id := body.get("as_run"):
            with self._db.read() as connection:
                body = {
                    **resuming.graph_of(connection, workspace, str(run_id)),
                    **{k: v for k, v in body.items() if v is not None},
                }
        ready = self.prepare(workspace, body)
        plan = ready.known.plan(body.get("parameters") or {})
        ids = {n.id: n.id for n in plan.graph.nodes}
        experiment = str(body.get("experiment") or "")
        return Root("", workspace, experiment, plan, ready.bindings, ids, bool(body.get("regenerate_outputs")))

    def _eligible(self, workspace: str, plan: Plan, body: Json) -> set[str]:
        """The steps of which one like it has completed: whether that stands for it is decided when its data are there."""
        if body.get("regenerate_outputs"):
            return set()
        modules = {n.id: (n.name, plan.modules[n.id]) for n in plan.graph.nodes if n.allow_reuse}
        with self._db.read() as connection:
            known = identities.known_modules(connection, workspace, modules.values())
        return {node_id for node_id, (_, module) in modules.items() if module in known}

    def prepare(self, workspace: str, body: Json) -> Prepared:
        """What every submission of this graph with these parameters shares; InvalidGraph with all that is wrong with it."""
        known, text = self._graph(body)
        graph, given = known.graph, body.get("parameters") or {}
        space = self._workspaces.workspace(workspace)
        stores = self._datastores.list(workspace)
        found = [*parameter_problems(graph, given), *known.problems]
        computes, found_computes = self._computes(workspace, graph)
        missing = self._missing_data(workspace, graph, given, {d["name"] for d in stores})
        found += [*found_computes, *missing, *self._missing_snapshots(graph)]
        if found:
            raise InvalidGraph(tuple(found))
        self._datastores.bring_inputs(workspace, graph, given)
        bindings = {
            "interpreter": _interpreter(body),
            "workspace": {k: space[k] for k in ("name", "id", "subscription_id", "resource_group")},
            "default_datastore": space["default_datastore"],
            "datastores": {d["name"]: {"root": d["root"], **({"url": d["url"]} if d["url"] else {})} for d in stores},
        }
        is_same = not any(d["url"] for d in stores) and not any(p.type in _OF_DATA for p in graph.parameters)
        return Prepared(workspace, known, text, tuple(computes), bindings, is_same)

    def _graph(self, body: Json) -> tuple[KnownGraph, str | None]:
        """The graph of a submission, and its text if it may not be kept yet: whoever has sent it before sends its digest alone."""
        digest = body.get("graph_digest")
        if not digest:
            return self._context.graphs.checked(body.get("graph"))
        if body.get("graph") is not None:
            raise BadRequest(
                "The submission has a graph and a graph_digest. Give one: the graph, or the digest of one that was submitted before.",
                target="graph_digest",
            )
        with self._db.read() as connection:
            if str(digest) not in runs.kept_graphs(connection, [str(digest)]):
                raise UnknownGraph(f"No graph of digest {digest} is kept here. Send the graph.", target="graph_digest")
            known = self._context.graphs.known(str(digest))
            return known or self._context.graphs.checked(runs.graph_text(connection, str(digest)))[0], None

    def _resumption(self, plan: Plan, bindings: Json, body: Json) -> Resumption:
        """What is taken over from the run that is resumed, if one is; written into the bindings too."""
        if not body.get("resume_from"):
            return resuming.NOTHING
        root_id, far = str(body["resume_from"]), partial(mirror, self._context, bindings["workspace"]["name"])
        with self._db.read() as connection:
            steps = resuming.completed(connection, root_id)
        found = resuming.look_up(root_id, steps, plan, bindings["datastores"], self._context.digests, far)
        bindings.update(found.bindings())
        return found

    def _tell(self, *root_ids: str) -> None:
        for root_id in root_ids:
            self._inbox.put("submitted", root_id)
        if root_ids:
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
            submission = runs.kept_submission(connection, root_id) or {"bindings": {}}
        bound = submission["bindings"]
        taken = {*(bound.get("taken_over") or {}), *(bound.get("eligible") or ())}
        return {
            "run_id": root_id,
            "steps": [step_of(r["node"], r["id"], taken) for r in steps],
            "notes": [],
            "all_stand": False,
        }

    def _computes(self, workspace: str, graph: Graph) -> tuple[list[str], list[Problem]]:
        """Computes to be made on first use, and problems with the others."""
        with self._db.read() as connection:
            known = {c["name"] for c in catalog.computes(connection, workspace)}
        unknown = [n for c, nodes in graph.computes.items() if c != "local" and c not in known for n in nodes]
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

    def _missing_data(self, workspace: str, graph: Graph, given: Json, stores: set[str]) -> list[Problem]:
        with self._db.read() as connection:
            values = {p.name: given.get(p.name, p.default) for p in graph.parameters if p.type in _OF_DATA}
            sources = [(n, values.get(s["parameter"], s) if "parameter" in s else s) for n, s in graph.data]
            found: dict[tuple[str, str], Problem] = {}
            for p in graph.parameters:
                if p.type == "dataset" and (
                    wrong := self._wrong_kind(connection, workspace, p.default, values[p.name])
                ):
                    found["", p.name] = Problem(f"Pipeline parameter '{p.name}' {wrong}", p.name, "InvalidGraph")
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

    def _wrong_kind(self, connection: Connection, workspace: str, default: Any, given: Any) -> str | None:
        """What is wrong with a dataset of another kind than the parameter's default, which its steps are written for."""
        ids = [str(value["dataset"]) for value in (default, given) if isinstance(value, dict) and "dataset" in value]
        rows = [catalog.get_dataset(connection, workspace, dataset_id) for dataset_id in ids]
        kinds = [_KINDS.get(row["kind"], row["kind"]) for row in rows if row is not None]
        return f"is a {kinds[0]}, and was given a {kinds[1]}. Give a {kinds[0]}." if len({*kinds}) == 2 else None

    def _missing_snapshots(self, graph: Graph) -> list[Problem]:
        return [
            Problem(
                f"Step '{n.name}': its snapshot {d} was never uploaded. Upload it before submitting.",
                n.id,
                "InvalidGraph",
            )
            for d, n in graph.snapshots.items()
            if not self._context.snapshots.has(d)
        ]


def _interpreter(body: Json) -> Json:
    interpreter = body.get("interpreter") or {}
    executable = str(interpreter.get("executable") or "")
    if not executable or not os.access(executable, os.X_OK):
        raise BadRequest(
            f"The interpreter {executable!r} is not there or cannot be run on this machine. "
            "Submit from a Python that this server can start.",
            target="interpreter",
        )
    return dict(interpreter)


def _notes(computes: Sequence[str], bindings: Json, body: Json) -> list[str]:
    """One line for each thing done that the author did not spell out."""
    notes = []
    if computes:
        names = ", ".join(f"'{c}'" for c in computes)
        notes.append(f"Compute {names} was not known here: it now means this machine (see: penstock compute list).")
    interpreter = bindings["interpreter"]
    version = re.sub(r"^(\d+\.\d+\.\d+).*", r"\1", str(interpreter.get("version") or ""))
    whose = (
        "the interpreter that the pipeline was published from" if body.get("pipeline_id") else "your own interpreter"
    )
    notes.append(
        f"Steps run in {whose}, Python {version} at {interpreter['executable']}; environments are recorded only."
    )
    return notes
