"""The statuses of a run and which may follow which. docs/statuses.md draws this table."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """Where a run is. The last three are terminal and final."""

    NOT_STARTED = "NotStarted"
    """Waiting for upstream steps, for a free slot or for its next try; moved on by the scheduler."""
    QUEUED = "Queued"
    """Handed to its compute under its name; moved on by the stub's report."""
    PREPARING = "Preparing"
    """Its environment is being made ready."""
    STARTING = "Starting"
    """Its compute has it, user code has not begun."""
    RUNNING = "Running"
    """User code runs (a pipeline run: some step has been handed out)."""
    FINALIZING = "Finalizing"
    """User code ended; its outputs are being published."""
    CANCEL_REQUESTED = "CancelRequested"
    """Someone asked to stop it; it ends when no process of it is left."""
    COMPLETED = "Completed"
    FAILED = "Failed"
    CANCELED = "Canceled"


TERMINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELED})
ACTIVE = frozenset(Status) - TERMINAL

_S = Status
TRANSITIONS: dict[Status, frozenset[Status]] = {
    _S.NOT_STARTED: frozenset({_S.QUEUED, _S.RUNNING, _S.CANCEL_REQUESTED, *TERMINAL}),
    _S.QUEUED: frozenset(
        {_S.PREPARING, _S.STARTING, _S.RUNNING, _S.FINALIZING, _S.NOT_STARTED, _S.CANCEL_REQUESTED, *TERMINAL}
    ),
    _S.PREPARING: frozenset({_S.STARTING, _S.RUNNING, _S.FINALIZING, _S.NOT_STARTED, _S.CANCEL_REQUESTED, *TERMINAL}),
    _S.STARTING: frozenset({_S.RUNNING, _S.FINALIZING, _S.NOT_STARTED, _S.CANCEL_REQUESTED, *TERMINAL}),
    _S.RUNNING: frozenset({_S.FINALIZING, _S.NOT_STARTED, _S.CANCEL_REQUESTED, *TERMINAL}),
    _S.CANCEL_REQUESTED: frozenset({_S.FINALIZING, *TERMINAL}),
    _S.FINALIZING: frozenset(TERMINAL),
    _S.COMPLETED: frozenset(),
    _S.FAILED: frozenset(),
    _S.CANCELED: frozenset(),
}


def may_follow(before: Status, after: Status) -> bool:
    """Whether a run in `before` may become `after`."""
    return after in TRANSITIONS[before]
