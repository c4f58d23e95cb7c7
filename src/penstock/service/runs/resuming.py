"""Taking up a run that did not complete: which of its steps need not run again, and what of them the new run points at.

Nothing is copied: outputs, files and logs of a step that is taken over stay where its first run put them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from penstock.data.digests import Digests
from penstock.data.paths import Ways
from penstock.data.remotes import Mirror
from penstock.engine.plan import Plan
from penstock.model.errors import BadRequest, Conflict, NotFound, PenstockError
from penstock.model.graph import Node
from penstock.model.status import TERMINAL, Status
from penstock.service.execution import taking
from penstock.service.runs.left import what_is_other
from penstock.store import history, records, runs
from penstock.store.takeover import StandIn

Json = dict[str, Any]
NOT_TAKEN = ("graph", "parameters")


@dataclass(frozen=True)
class TakenOver:
    """One step of the earlier run that completed: which, and its outputs."""

    by: StandIn
    outputs: tuple[Json, ...]


@dataclass(frozen=True)
class Resumption:
    """What a new run takes over, by node id; and for each step that had completed and is not taken over all the same, why."""

    root_id: str
    taken: dict[str, TakenOver]
    again: dict[str, str]

    def bindings(self) -> Json:
        """What the new run stores of it: which steps did not run in it. Where their outputs lie, their own rows say."""
        steps = {node: {"run_id": t.by.run_id} for node, t in self.taken.items()}
        return {"resumed_from": self.root_id, "taken_over": steps}

    def notes(self, plan: Plan, may_reuse: bool) -> list[str]:
        """For whoever asked: what is taken over, what is not though it had completed, and whose code runs. `may_reuse`: other runs' steps may
        stand for those that allow it."""
        if not self.root_id:
            return []
        nodes = plan.graph.nodes
        left = [n for n in nodes if n.id not in self.taken]
        does = "run, or are reused from other runs" if may_reuse and any(n.allow_reuse for n in left) else "run"
        notes = [f"{len(self.taken)} of {len(nodes)} steps are taken over from run {self.root_id}; {len(left)} {does}."]
        for node_id, why in self.again.items():
            node = plan.graph.node(node_id)
            becomes = "is decided anew" if may_reuse and node.allow_reuse else "runs again"
            notes.append(f"Step '{node.name}' {becomes}: {why}.")
        code = f"The code and arguments are those of run {self.root_id} as it was submitted."
        return [*notes, f"{code} To run changed code, submit the pipeline again: what is the same is reused."]


NOTHING = Resumption("", {}, {})


def body_of(connection: Connection, workspace: str, body: Json) -> Json:
    """The submission `body` with what it leaves out taken from the run it names as resume_from."""
    root_id = str(body["resume_from"])
    given = [k for k in NOT_TAKEN if body.get(k)]
    if given:
        raise BadRequest(
            f"A resumed run has the {given[0]} of the run it resumes. Leave {given[0]} out, or resume_from."
        )
    row = runs.get_run(connection, root_id)
    submission = runs.get_submission(connection, root_id)
    if row is None or row["workspace"] != workspace:
        raise NotFound(f"There is no run '{root_id}' to resume. List them: penstock run list", target=root_id)
    if submission is None:
        raise BadRequest(f"Run '{root_id}' is a {row['type']} run. Only a pipeline run can be resumed.", target=root_id)
    if row["status"] not in TERMINAL:
        raise Conflict(
            f"Run '{root_id}' is {row['status']}. Wait for its end, or cancel it, and resume it then.", target=root_id
        )
    if row["status"] == Status.COMPLETED:
        raise Conflict(f"Run '{root_id}' has completed: there is nothing left to do. Submit it anew.", target=root_id)
    bound = submission["bindings"]
    earlier = {
        "experiment": row["experiment"],
        "display_name": row["display_name"],
        "interpreter": bound["interpreter"],
        "continue_on_step_failure": bool(submission["continue_on_failure"]),
        "timeout_seconds": bound.get("timeout_seconds"),
    }
    kept = {k: v for k, v in body.items() if v is not None}
    return {**earlier, **kept, "graph": submission["graph"], "parameters": submission["parameters"]}


def graph_of(connection: Connection, workspace: str, root_id: str) -> Json:
    """What a submission like that of this pipeline run would be."""
    row, submission = runs.get_run(connection, root_id), runs.get_submission(connection, root_id)
    if row is None or row["workspace"] != workspace or submission is None:
        raise NotFound(f"There is no pipeline run '{root_id}'. List them: penstock run list", target=root_id)
    kept = {"graph": submission["graph"], "parameters": submission["parameters"], "experiment": row["experiment"]}
    return {**kept, "interpreter": submission["bindings"]["interpreter"]}


def completed(connection: Connection, root_id: str) -> dict[str, TakenOver]:
    """The steps of this run that completed, by node id."""
    outputs: dict[str, list[Json]] = {}
    for output in records.outputs(connection, root_id):
        outputs.setdefault(output["run_id"], []).append(output)
    rows = [r for r in runs.runs_of_root(connection, root_id) if r["type"] == "step"]
    return {
        r["node"]: TakenOver(StandIn(r["id"], r["node"], root_id, r["attempt"]), tuple(outputs.get(r["id"], ())))
        for r in rows
        if r["status"] == Status.COMPLETED
    }


def look_up(
    root_id: str,
    steps: Mapping[str, TakenOver],
    plan: Plan,
    datastores: dict[str, Json],
    digests: Digests,
    mirror: Callable[[Json], Mirror],
) -> Resumption:
    """What of the completed steps can be taken over. One whose outputs are not as it left them is not, nor is what reads them."""
    taken: dict[str, TakenOver] = {}
    again: dict[str, str] = {}
    for node in plan.order:
        step = steps.get(node.id)
        if step is None:
            continue
        upstream = next((plan.graph.node(u).name for u in plan.upstream[node.id] if u not in taken), None)
        if upstream is not None:
            again[node.id] = f"step '{upstream}' before it is not taken over"
        elif other := _what_is_other(node, step.outputs, datastores, digests, mirror):
            again[node.id] = other
        else:
            taken[node.id] = step
    return Resumption(root_id, taken, again)


def _what_is_other(
    node: Node, outputs: Iterable[Json], datastores: dict[str, Json], digests: Digests, mirror: Callable[[Json], Mirror]
) -> str | None:
    """Which of these outputs of a step does not hold what was published; None: all do."""
    for row in outputs:
        name, store = f"its output '{row['name']}'", datastores.get(row["datastore"])
        if store is None:
            return f"{name}: there is no datastore '{row['datastore']}' any more"
        try:
            far = mirror({"name": row["datastore"], **store}) if store.get("url") else None
            ways = Ways(os.path.abspath(store["root"]))
            if other := what_is_other(row, node.written_by_name[row["name"]], ways, digests, far):
                return other
        except PenstockError as error:
            return f"{name}: {error.message.removesuffix('.')}"
        except OSError as error:
            return f"{name}: {error.filename or 'a file'} could not be read: {error.strerror}"
    return None


def keep(
    connection: Connection, home: Path, resumption: Resumption, root_id: str, step_ids: dict[str, str], at: float
) -> None:
    """Write what the new run's steps take over, and the story of those that run again."""
    taken = [taking.Taken(step_ids[node], root_id, t.by, t.outputs) for node, t in resumption.taken.items()]
    taking.keep_marked(connection, home, taken, at)
    events = []
    for each in taken:
        message = f"Taken over from run {each.by.run_id}, where it completed."
        body = {"status": str(Status.COMPLETED), "message": message, "reused_run_id": each.by.run_id}
        events.append(history.Event(each.new_id, root_id, at, "completed", body))
    for node, why in resumption.again.items():
        body = {"message": f"It had completed in run {resumption.root_id}, but is not taken over: {why}."}
        events.append(history.Event(step_ids[node], root_id, at, "note", body))
    history.append(connection, events)
