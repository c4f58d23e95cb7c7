"""The pipeline runs that are under way, as the scheduler holds them in memory; made again from the store whenever in doubt."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from penstock.engine import retry
from penstock.engine.progress import Progress, StepState
from penstock.model.graph import RetryPolicy
from penstock.model.job import Exit, Job
from penstock.model.status import TERMINAL, Status
from penstock.service.reuse.reusing import Decision, Standing
from penstock.service.runs.binding import Root
from penstock.service.runs.graphs import Graphs
from penstock.store import records, runs

Json = dict[str, Any]
_PUBLISHED_SECONDS = (
    2.0  # outputs are moved to their places so soon after the time that a step is said to have ended at
)


@dataclass
class Active:
    """One pipeline run under way."""

    root: Root
    progress: Progress
    status: Status
    standing: Standing = field(default_factory=Standing)
    decisions: dict[str, Decision] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.root.id

    @property
    def is_stopping(self) -> bool:
        """Whether it was canceled, or is out of time."""
        return self.progress.cancel_requested or self.progress.is_out_of_time


@dataclass
class InFlight:
    """One job that a compute has, or is about to have. `started_at`: when user code began, as far as is known."""

    active: Active
    state: StepState
    name: str
    job: Job | None
    started_at: float | None = None
    end: Exit | None = None


@dataclass
class Memory:
    """Everything the scheduler knows without asking. `waiting` holds ready steps by compute, first come first; `postponed` those
    whose next try is not due yet; `limited` the pipeline runs that have a deadline; `sending` the jobs that hold no slot any more."""

    roots: dict[str, Active] = field(default_factory=dict)
    jobs: dict[str, InFlight] = field(default_factory=dict)
    waiting: dict[tuple[str, str], deque[tuple[Active, StepState]]] = field(default_factory=dict)
    postponed: list[tuple[Active, StepState]] = field(default_factory=list)
    limited: dict[str, Active] = field(default_factory=dict)
    busy: dict[tuple[str, str], int] = field(default_factory=dict)
    sending: set[str] = field(default_factory=set)
    limits: dict[tuple[str, str], tuple[int | None, float]] = field(default_factory=dict)

    def add_root(self, active: Active) -> None:
        self.roots[active.id] = active
        if active.progress.deadline is not None:
            self.limited[active.id] = active

    def enqueue(self, active: Active, state: StepState) -> None:
        """Have the step started when it is due and there is room."""
        if state.due_at is not None:
            self.postponed.append((active, state))
        else:
            self.waiting.setdefault(compute_key(active, state), deque()).append((active, state))

    def release(self, now: float) -> None:
        """Let those wait for room whose next try is due."""
        due = [(a, s) for a, s in self.postponed if _is_due(s, now)]
        if due:
            self.postponed = [(a, s) for a, s in self.postponed if not _is_due(s, now)]
            for active, state in due:
                state.due_at = None
                self.enqueue(active, state)

    def next_due(self) -> float | None:
        """When the next postponed try is due, or the next pipeline run is out of time."""
        times = [s.due_at for _, s in self.postponed if s.due_at is not None]
        times += [d for a in self.limited.values() if (d := a.progress.deadline) is not None and not a.is_stopping]
        return min(times, default=None)

    def add_job(self, flight: InFlight) -> None:
        self.jobs[flight.name] = flight
        key = compute_key(flight.active, flight.state)
        self.busy[key] = self.busy.get(key, 0) + 1

    def drop_job(self, name: str) -> None:
        flight = self.jobs.pop(name, None)
        if flight is not None and name in self.sending:
            self.sending.remove(name)
        elif flight is not None:
            self.busy[compute_key(flight.active, flight.state)] -= 1

    def free_slot(self, flight: InFlight) -> None:
        """The job's process is over, its outputs are on their way to a URL: another step may start meanwhile."""
        if flight.name in self.jobs and flight.name not in self.sending:
            self.sending.add(flight.name)
            self.busy[compute_key(flight.active, flight.state)] -= 1

    @property
    def n_working(self) -> int:
        return len(self.jobs) - len(self.sending)

    def drop_root(self, root_id: str) -> None:
        """Forget a root and all that is under way for it."""
        self.roots.pop(root_id, None)
        self.limited.pop(root_id, None)
        for name in [n for n, f in self.jobs.items() if f.active.id == root_id]:
            self.drop_job(name)
        self.postponed = [pair for pair in self.postponed if pair[0].id != root_id]
        for key, queue in self.waiting.items():
            self.waiting[key] = deque(pair for pair in queue if pair[0].id != root_id)


def _is_due(state: StepState, now: float) -> bool:
    """Whether its next try may start; one that is due later than its backoff has seen the clock set back."""
    return state.due_at is None or not now < state.due_at <= now + state.backoff_seconds


def compute_key(active: Active, state: StepState) -> tuple[str, str]:
    return active.root.workspace, state.node.compute or "local"


def load(connection: Connection, root_id: str, default: RetryPolicy, graphs: Graphs) -> Active | None:
    """The pipeline run as the store has it; None when it is over or unknown."""
    rows = runs.steps_of_root(connection, root_id)
    submission = runs.kept_submission(connection, root_id)
    root = next((r for r in rows if r["id"] == root_id), None)
    if root is None or submission is None or root["status"] in TERMINAL:
        return None
    outputs = _outputs(connection, root_id, rows)
    bound = _bound(connection, root, submission, rows, outputs, graphs)
    plan = bound.plan
    steps = {r["node"]: r for r in rows if r["type"] == "step" and r["parent_id"] == root_id}
    states = [
        StepState(n, steps[n.id]["id"], Status(steps[n.id]["status"]), steps[n.id]["attempt"]) for n in plan.graph.nodes
    ]
    for state in states:
        if state.attempt and state.status is Status.NOT_STARTED:
            state.due_at = _due_at(connection, state, default)
    seconds = submission["bindings"].get("timeout_seconds")
    progress = Progress(
        root_id,
        plan,
        states,
        continue_on_failure=bool(submission["continue_on_failure"]),
        deadline=None if seconds is None else root["created_at"] + float(seconds),
    )
    standing = Standing()
    for row in rows:
        if row["type"] == "step" and row["parent_id"] == root_id and row["status"] == Status.COMPLETED:
            standing.complete(row["node"], outputs.get(row["id"], []))
            bound.left_at[row["node"]] = row["ended_at"] + _PUBLISHED_SECONDS
        elif row["node"] and row["queued_at"] is not None:
            bound.looked_at[row["node"]] = row["queued_at"]
    return Active(bound, progress, Status(root["status"]), standing)


def root_of(connection: Connection, root_id: str, graphs: Graphs) -> Root | None:
    """What the steps of a pipeline run share, whether it is over or not; None when there is none of this id."""
    rows = runs.steps_of_root(connection, root_id)
    submission = runs.kept_submission(connection, root_id)
    root = next((r for r in rows if r["id"] == root_id), None)
    if root is None or submission is None:
        return None
    return _bound(connection, root, submission, rows, _outputs(connection, root_id, rows), graphs)


def _bound(
    connection: Connection,
    root: Json,
    submission: Json,
    rows: list[Json],
    outputs: dict[str, list[Json]],
    graphs: Graphs,
) -> Root:
    digest = submission["graph_digest"]
    known = graphs.read(digest, lambda: str(runs.graph_text(connection, digest)))
    plan = known.plan(submission["parameters"])
    steps = [r for r in rows if r["type"] == "step" and r["parent_id"] == root["id"]]
    taken = {
        r["node"]: {o["name"]: str(o["path"]) for o in outputs.get(r["id"], [])}
        for r in steps
        if r["status"] == Status.COMPLETED and not r["attempt"]
    }
    ids = {r["node"]: r["id"] for r in steps}
    fixed = (root["id"], root["workspace"], root["experiment"], plan, submission["bindings"], ids)
    return Root(*fixed, bool(submission["regenerate_outputs"]), taken)


def _outputs(connection: Connection, root_id: str, rows: list[Json]) -> dict[str, list[Json]]:
    """What the run's completed steps left, by step."""
    found: dict[str, list[Json]] = {}
    if any(r["type"] == "step" and r["status"] == Status.COMPLETED for r in rows):
        for output in records.outputs(connection, root_id):
            found.setdefault(output["run_id"], []).append(output)
    return found


def _due_at(connection: Connection, state: StepState, default: RetryPolicy) -> float | None:
    """When the next try of a step that is to be tried again is due; None: now."""
    ends = [a["ended_at"] for a in runs.attempts(connection, state.run_id) if a["attempt"] == state.attempt]
    state.backoff_seconds = retry.due_at(state.node.retry or default, state.attempt, 0.0)
    return retry.due_at(state.node.retry or default, state.attempt, ends[0]) if ends and ends[0] else None
