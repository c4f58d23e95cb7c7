"""Writes the moves of runs into a batch and keeps what the scheduler holds in memory in step. Decides none of them."""

from __future__ import annotations

from typing import Any

from penstock.engine.progress import Blocked, StepState
from penstock.model.graph import Node
from penstock.model.status import TERMINAL, Status
from penstock.service.execution.active import Active, InFlight
from penstock.service.execution.batch import Batch
from penstock.service.execution.registering import left
from penstock.service.execution.taking import Taken
from penstock.service.reuse.reusing import Decision
from penstock.service.runs.binding import Root
from penstock.store import history, runs

Json = dict[str, Any]


def begin(batch: Batch, active: Active) -> None:
    """The pipeline run is under way, if it was not."""
    if active.status is Status.NOT_STARTED:
        batch.move(active.id, runs.Move(active.id, active.status, Status.RUNNING, 0, at=batch.at, started_at=batch.at))
        active.status = Status.RUNNING


def hand_out(batch: Batch, active: Active, state: StepState, **body: Any) -> None:
    """The step is handed out for its next try."""
    number = state.attempt + 1
    decision = active.decisions.pop(state.node.id, None)
    if decision is not None:
        batch.identities.append(decision.row(state.run_id, active.root.workspace, state.node.name, batch.at))
    move = runs.Move(state.run_id, state.status, Status.QUEUED, state.attempt, next_attempt=number, at=batch.at)
    batch.move(active.id, move, target=state.node.compute or "local", **body)
    state.status, state.attempt = Status.QUEUED, number


def take_over(batch: Batch, active: Active, state: StepState, decision: Decision) -> None:
    """An earlier step stands for this one: it completes without having run. Its state is for `Progress.end` to take in."""
    begin(batch, active)
    moved = runs.Move(state.run_id, Status.NOT_STARTED, Status.COMPLETED, 0, at=batch.at, started_at=batch.at)
    taken = stand_in(batch, active.root, state.node, decision)
    active.root.taken[state.node.id] = {**{o["name"]: str(o["path"]) for o in taken.outputs}, **decision.links}
    batch.move(active.id, moved, **history.reused(taken.by.run_id))
    active.standing.complete(state.node.id, decision.outputs, decision.links)
    active.root.left_at[state.node.id] = active.root.looked_at.get(state.node.id, batch.at)
    active.decisions.pop(state.node.id, None)


def stand_in(batch: Batch, root: Root, node: Node, decision: Decision) -> Taken:
    """What goes with an earlier step's standing for this one."""
    assert decision.hit is not None
    taken = Taken(root.step_ids[node.id], root.id, decision.hit, decision.outputs)
    batch.taken.append(taken)
    if node.kept_as_datasets:
        batch.datasets += left(root.workspace, root.id, taken.new_id, node.kept_as_datasets, decision.outputs)
    return taken


def move(
    batch: Batch,
    flight: InFlight,
    after: Status,
    started_at: float | None = None,
    error: Json | None = None,
    **body: Any,
) -> None:
    """A step that was handed out goes on to `after`. An end is for `Progress.end` to take in."""
    state = flight.state
    made = runs.Move(state.run_id, state.status, after, state.attempt, at=batch.at, started_at=started_at, error=error)
    if error:
        body["message"] = error["message"]
    batch.move(flight.active.id, made, **body)
    if after not in TERMINAL:
        state.status = after


def note_start(batch: Batch, flight: InFlight) -> None:
    """A step whose start was never recorded ran all the same: its story says so."""
    if flight.state.status is Status.QUEUED and flight.end is not None and flight.end.user_code_started:
        body = {"status": str(Status.RUNNING), "attempt": flight.state.attempt}
        batch.say(flight.state.run_id, flight.active.id, "running", flight.end.started_at, **body)


def end_unstarted(batch: Batch, active: Active, state: StepState, after: Status, error: Json, **body: Any) -> None:
    """A step that waits ends as `after` without having been handed out (again)."""
    made = runs.Move(state.run_id, Status.NOT_STARTED, after, state.attempt, at=batch.at, error=error)
    batch.move(active.id, made, **body)


def block(batch: Batch, active: Active, blocked: Blocked) -> None:
    """A step will never start."""
    error = {"code": "NotStarted", "message": blocked.reason, "details": {}}
    end_unstarted(batch, active, blocked.state, Status.CANCELED, error, message=blocked.reason)
