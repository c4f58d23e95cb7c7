"""What is said of a pipeline run that is over: why it did not complete. Pure."""

from __future__ import annotations

from penstock.engine.progress import Progress, StepState
from penstock.model.job import Json
from penstock.model.status import Status


def root_error(progress: Progress, status: Status, limit_seconds: float | None = None) -> Json | None:
    """The error of the pipeline run that ended as `status`; None when it completed."""
    if status is Status.CANCELED:
        return {"code": "Canceled", "message": "The pipeline run was canceled.", "details": {}}
    if status is not Status.FAILED:
        return None
    states = list(progress.steps.values())
    failed = [s for s in states if s.status is Status.FAILED]
    if progress.is_out_of_time:
        return _out_of_time(states, failed, limit_seconds or 0.0)
    message = f"{len(failed)} of {len(states)} steps failed: {named(failed)}."
    return {"code": "StepsFailed", "message": message, "details": {"steps": [s.run_id for s in failed]}}


def _out_of_time(states: list[StepState], failed: list[StepState], limit_seconds: float) -> Json:
    stopped = [s for s in states if s.status is Status.CANCELED and s.attempt]
    waiting = [s for s in states if s.status is Status.CANCELED and not s.attempt]
    message = out_of_time(limit_seconds, stopped, len(waiting))
    if failed:
        message += f" Failed: {named(failed)}."
    return {"code": "TimedOut", "message": message, "details": {"steps": [s.run_id for s in stopped]}}


def out_of_time(limit_seconds: float, running: list[StepState], n_waiting: int) -> str:
    """That the limit has passed, and what it found."""
    return (
        f"The pipeline run was stopped after its limit of {limit_seconds:g} seconds. "
        f"Still running then: {named(running) or 'nothing'}. Not started: {n_waiting}. "
        "Submit it with a longer timeout_seconds, or take up what it did with: penstock run resume RUN"
    )


def named(states: list[StepState]) -> str:
    """The names of steps, in quotes; the first twenty."""
    more = f" and {len(states) - 20} more" if len(states) > 20 else ""
    return ", ".join(f"'{s.node.name}'" for s in states[:20]) + more
