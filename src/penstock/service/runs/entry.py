"""Submissions on their way into the store: their rows, and the one transaction that keeps them. Reads nothing beforehand."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection

from penstock.model.errors import BadRequest
from penstock.model.graph import Graph, Node
from penstock.model.status import Status
from penstock.service.context import Context, beside, guid
from penstock.service.execution.batch import Batch
from penstock.service.runs import resuming
from penstock.service.runs.graphs import KnownGraph
from penstock.service.runs.resuming import Resumption
from penstock.store import catalog, history, records, runs

Json = dict[str, Any]
IMPLICIT_COMPUTE = "AmlCompute"
_MODULE_IDS = uuid.UUID("6f1de0cb-3b0a-4b39-9a04-5f4c3d0f5a55")


@dataclass(frozen=True)
class Prepared:
    """What every submission of one graph shares, checked. With `is_same` parameters choose no data: it holds whatever they are."""

    workspace: str
    known: KnownGraph
    text: str | None
    """The graph as it is kept; None: it is there."""
    computes: tuple[str, ...]
    """Those to be made on this first use."""
    bindings: Json
    is_same: bool

    @property
    def graph(self) -> Graph:
        return self.known.graph


class Entry:
    """The rows of one submission."""

    def __init__(self, context: Context, ready: Prepared, body: Json, experiment_id: str) -> None:
        self._context, self._ready, self._body = context, ready, body
        self.at = context.clock()
        self.plan = ready.known.plan(body.get("parameters") or {})
        self.bindings: Json = {
            **ready.bindings,
            "experiment_id": experiment_id,
            "timeout_seconds": timeout_of(body),
            "eligible": [],
        }
        self.resumption = resuming.NOTHING
        self.settled: Batch | None = None
        self.root_id = context.make_id()
        ids = beside(self.root_id, [context.make_id() for _ in ready.graph.nodes])
        self.step_ids = dict(zip((n.id for n in ready.graph.nodes), ids, strict=True))

    def take_over(self, resumption: Resumption) -> None:
        """Begin with what an earlier run completed."""
        self.resumption = resumption

    def settle(self, batch: Batch | None) -> None:
        """Every step stands already, as `batch` says: the run is kept as completed. None: it is not."""
        self.settled = batch

    def note_eligible(self, nodes: Iterable[str]) -> None:
        """Steps for which an earlier one may stand: told, not decided."""
        self.bindings["eligible"] = sorted(nodes)

    def steps(self) -> list[Json]:
        taken = {*self.resumption.taken, *self.bindings["eligible"]}
        return [step_of(n.id, self.step_ids[n.id], taken) for n in self.plan.graph.nodes]

    def root(self) -> Json:
        """The row of the pipeline run."""
        description = str(self._body.get("description") or self.plan.graph.description or "")
        name = str(self._body.get("display_name") or description or self._body["experiment"])
        row = self._run(self.root_id, "pipeline", name, self._body.get("parent_run_id"), None)
        row["display_name"] = self._body.get("display_name")
        row["description"] = description or None
        row["pipeline_id"] = self._body.get("pipeline_id")
        return row

    def labels(self, kind: str) -> dict[str, str | None]:
        """Its `tags`, `properties` or `step_tags`, as they are kept."""
        return {str(k): None if v is None else str(v) for k, v in (self._body.get(kind) or {}).items()}

    @property
    def key(self) -> str | None:
        """The idempotency key that it was sent under."""
        key = self._body.get("idempotency_key")
        return str(key) if key else None

    def keep(self, connection: Connection) -> bool:
        """Whether the rows are kept: not when a run stands under the same idempotency key already."""
        return bool(keep_all(connection, [self]))

    def _all_labels(self) -> dict[str, dict[str, dict[str, str | None]]]:
        """By run: its own, and the tags that every step of it has from the beginning."""
        properties = self.labels("properties")
        if self.resumption.root_id:
            properties["azureml.resumedfrom"] = self.resumption.root_id
        found = {self.root_id: {"tag": self.labels("tags"), "property": properties}}
        if of_steps := self.labels("step_tags"):
            found |= {step_id: {"tag": of_steps} for step_id in self.step_ids.values()}
        return found

    def _events(self) -> Iterator[history.Event]:
        created: Json = {"status": str(Status.NOT_STARTED), "n_steps": len(self.step_ids)}
        if self.resumption.root_id:
            created["resumed_from"] = self.resumption.root_id
        yield history.Event(self.root_id, self.root_id, self.at, "created", created)
        for text in self._body.get("warnings") or ():
            yield history.Event(self.root_id, self.root_id, self.at, "warning", {"message": str(text)})

    def _submission(self) -> Json:
        return {
            "run_id": self.root_id,
            "idempotency_key": self.key,
            "graph_digest": self._ready.known.digest,
            "parameters": json.dumps(self.plan.values),
            "bindings": json.dumps(self.bindings),
            "continue_on_failure": int(bool(self._body.get("continue_on_step_failure"))),
            "regenerate_outputs": int(bool(self._body.get("regenerate_outputs"))),
            "request": self._body.get("request"),
        }

    def _compute(self, name: str) -> Json:
        return {
            "workspace": self._ready.workspace,
            "name": name,
            "type": IMPLICIT_COMPUTE,
            "settings": {"implicit": True},
            "created_at": self.at,
        }

    def _runs(self) -> list[Json]:
        taken, upstream, nodes = self.resumption.taken, self.plan.upstream, self.plan.graph.nodes
        over = {"status": str(Status.COMPLETED), "started_at": self.at, "ended_at": self.at}
        if self.settled:
            hits = {t.new_id: t.by.run_id for t in self.settled.taken}
            rows = [self.root(), *(self._run(self.step_ids[n.id], "step", n.name, self.root_id, n) for n in nodes)]
            for row in rows:
                row.update(over)
                row["reused_run_id"] = hits.get(row["id"])
            return rows
        rows = [self.root()]
        for n in nodes:
            row = self._run(self.step_ids[n.id], "step", n.name, self.root_id, n)
            row["unmet"] = sum(u not in taken for u in upstream[n.id])
            rows.append({**row, **over} if n.id in taken else row)
        return rows

    def _run(self, run_id: str, kind: str, name: str, parent: Any, node: Node | None) -> Json:
        return {
            "id": run_id,
            "workspace": self._ready.workspace,
            "experiment": self._body["experiment"],
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
            "unmet": 0,
            "description": None,
            "pipeline_id": None,
            "created_at": self.at,
            "started_at": None,
            "ended_at": None,
            "reused_run_id": None,
        }


def keep_all(connection: Connection, entries: Sequence[Entry]) -> list[Entry]:
    """Write these submissions together, which costs little more than one. Those that are kept: no two under one idempotency key."""
    known = runs.known_keys(connection, [e.key for e in entries if e.key])
    kept = []
    for entry in entries:
        if entry.key is None or entry.key not in known:
            kept.append(entry)
            known.update([entry.key] if entry.key else [])
    for row in {(e._ready.workspace, n): e._compute(n) for e in kept for n in e._ready.computes}.values():
        catalog.add_compute(connection, row)
    graphs = {e._ready.known.digest: text for e in kept if (text := e._ready.text) is not None}
    runs.insert_submissions(connection, [e._submission() for e in kept], graphs)
    runs.insert_runs(connection, [row for e in kept for row in e._runs()])
    records.insert_labels(connection, {run_id: labels for e in kept for run_id, labels in e._all_labels().items()})
    history.append(connection, (event for e in kept for event in e._events()))
    for entry in kept:
        resuming.keep(connection, entry._context.home, entry.resumption, entry.root_id, entry.step_ids, entry.at)
        if entry.settled:
            entry.settled.keep(connection, entry._context)
    return kept


def step_of(node_id: str, run_id: str, taken: Container[str]) -> Json:
    """What a caller is told of one step of its submission."""
    return {"node": node_id, "run_id": run_id, "module_id": _module_id(node_id), "reusable": node_id in taken}


@lru_cache(maxsize=20_000)
def _module_id(node_id: str) -> str:
    """The GUID that is made of this name: of version 5."""
    return guid(hashlib.sha1(_MODULE_IDS.bytes + node_id.encode(), usedforsecurity=False).hexdigest(), 5)


def timeout_of(body: Json) -> float | None:
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
