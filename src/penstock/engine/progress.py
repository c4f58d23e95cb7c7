"""How far one pipeline run is: which steps may start, which never will, how it ends. Pure, in memory, work per change O(edges of that step).

The rows in the store are the truth; this is what the scheduler derives from them to decide without asking again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from penstock.engine.plan import Plan
from penstock.model.graph import Node
from penstock.model.status import TERMINAL, Status


@dataclass
class StepState:
    """One step of an active pipeline run: `unmet` upstream steps are still to complete, `due_at` is when its next try is due,
    `backoff_seconds` after the end of the last."""

    node: Node
    run_id: str
    status: Status
    attempt: int = 0
    unmet: int = 0
    due_at: float | None = None
    backoff_seconds: float = 0.0


@dataclass(frozen=True)
class Blocked:
    """A step that will never start, and why."""

    state: StepState
    reason: str


@dataclass
class Change:
    """What follows from one step's end. `to_cancel` are running steps to stop."""

    satisfied: list[StepState] = field(default_factory=list)
    ready: list[StepState] = field(default_factory=list)
    blocked: list[Blocked] = field(default_factory=list)
    to_cancel: list[StepState] = field(default_factory=list)
    ended: Status | None = None


class Progress:
    """The steps of one active pipeline run, by node id."""

    def __init__(
        self,
        root_id: str,
        plan: Plan,
        steps: list[StepState],
        *,
        continue_on_failure: bool,
        deadline: float | None = None,
    ) -> None:
        self.root_id = root_id
        self.plan = plan
        self.steps = {s.node.id: s for s in steps}
        self.by_run = {s.run_id: s for s in steps}
        self.continue_on_failure = continue_on_failure
        self.deadline = deadline
        self.cancel_requested = False
        self.is_out_of_time = False
        self._failed = next((s.node.name for s in steps if s.status is Status.FAILED), None)
        self.open = sum(s.status not in TERMINAL for s in steps)
        for state in steps:
            ups = (self.steps[u].status for u in plan.upstream[state.node.id])
            state.unmet = sum(u is not Status.COMPLETED for u in ups)

    def ready(self) -> list[StepState]:
        """Every step that may start now, in plan order (for a fresh or a recovered run)."""
        states = (self.steps[n.id] for n in self.plan.order)
        return [s for s in states if s.status is Status.NOT_STARTED and s.unmet == 0 and self.stopped_by() is None]

    def stopped_by(self) -> str | None:
        """Why nothing new starts and what runs is to stop; None while the run goes on."""
        if self.cancel_requested:
            return "the pipeline run was canceled"
        if self.is_out_of_time:
            return "the pipeline run was out of time"
        return f"step '{self._failed}' failed" if self._failed is not None and not self.continue_on_failure else None

    def end(self, state: StepState, status: Status) -> Change:
        """Record that `state` ended as `status`, and say what follows."""
        change = Change()
        self._close(state, status)
        if status is Status.COMPLETED:
            for down in self.plan.downstream[state.node.id]:
                follower = self.steps[down]
                follower.unmet -= 1
                change.satisfied.append(follower)
                if follower.unmet == 0 and follower.status is Status.NOT_STARTED and self.stopped_by() is None:
                    change.ready.append(follower)
        elif status is Status.FAILED and not self.continue_on_failure:
            self._stop_all(change, f"step '{state.node.name}' failed")
        else:
            self._block_below(state, change)
        change.ended = self.outcome()
        return change

    def cancel(self) -> Change:
        """Someone asked to cancel the pipeline run: nothing new starts, what runs is to be stopped."""
        self.cancel_requested = True
        change = Change()
        self._stop_all(change, "the pipeline run was canceled")
        change.ended = self.outcome()
        return change

    def run_out_of_time(self) -> Change:
        """The deadline has passed: nothing new starts, what runs is to be stopped, and the run ends as Failed."""
        self.is_out_of_time = True
        change = Change()
        self._stop_all(change, "the pipeline run was out of time")
        change.ended = self.outcome()
        return change

    def under_way(self) -> list[StepState]:
        """The steps that a compute has, in plan order."""
        states = (self.steps[n.id] for n in self.plan.order)
        return [s for s in states if s.status not in TERMINAL and s.status is not Status.NOT_STARTED]

    def outcome(self) -> Status | None:
        """How the pipeline run ended, or None while a step is open."""
        if self.open:
            return None
        ends = {s.status for s in self.steps.values()}
        if self.cancel_requested:
            return Status.CANCELED if ends != {Status.COMPLETED} else Status.COMPLETED
        if Status.FAILED in ends or (self.is_out_of_time and ends != {Status.COMPLETED}):
            return Status.FAILED
        return Status.CANCELED if Status.CANCELED in ends else Status.COMPLETED

    def _close(self, state: StepState, status: Status) -> None:
        if state.status not in TERMINAL:
            self.open -= 1
        if status is Status.FAILED and self._failed is None:
            self._failed = state.node.name
        state.status = status

    def _stop_all(self, change: Change, reason: str) -> None:
        for node in self.plan.order:
            state = self.steps[node.id]
            if state.status is Status.NOT_STARTED:
                self._block(state, change, reason)
            elif state.status not in TERMINAL and state.status is not Status.CANCEL_REQUESTED:
                change.to_cancel.append(state)

    def _block_below(self, state: StepState, change: Change) -> None:
        word = "failed" if state.status is Status.FAILED else "was canceled"
        reason = f"step '{state.node.name}' {word}"
        below = list(self.plan.downstream[state.node.id])
        while below:
            follower = self.steps[below.pop(0)]
            if follower.status is Status.NOT_STARTED:
                self._block(follower, change, reason)
                below.extend(self.plan.downstream[follower.node.id])

    def _block(self, state: StepState, change: Change, reason: str) -> None:
        self._close(state, Status.CANCELED)
        again = " again" if state.attempt else ""
        change.blocked.append(Blocked(state, f"Not started{again}: {reason}."))
