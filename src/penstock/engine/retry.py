"""Whether a step is tried again, and when: the one place that decides it. Pure.

What a step's try ended of is a Cause; who may ask for what is docs/decisions/0003-retries.md. A step's due time follows from what
is stored (its policy, the number and the end of its last try), so a server that starts anew comes to the same.
"""

from __future__ import annotations

from enum import StrEnum

from penstock.model.graph import RetryPolicy
from penstock.model.job import Exit

MAX_BACKOFF_SECONDS = 3600.0


class Cause(StrEnum):
    """Why a try did not complete."""

    NEVER_BEGAN = "never began"
    """It was lost before user code began, provably."""
    NOT_PREPARED = "not prepared"
    """User code was not begun, for a reason that the stub has recorded."""
    LOST = "lost"
    """It is gone without a word, and user code may have run."""
    ENDED_BADLY = "ended badly"
    """User code ran and did not end well: exit status, signal, time limit, a missing output."""


def cause(end: Exit | None, began_at: float | None) -> Cause:
    """Why a try that did not complete did not. `end` None: there is no record; `began_at`: when user code did, if it did."""
    if end is None:
        return Cause.NEVER_BEGAN if began_at is None else Cause.LOST
    return Cause.ENDED_BADLY if end.user_code_started else Cause.NOT_PREPARED


def may_retry(why: Cause, asked: RetryPolicy | None) -> bool:
    """Whether such an end may be followed by another try at all. User code is never run again unless the author asked for it."""
    if why is Cause.NEVER_BEGAN:
        return True
    if asked is None:
        return False
    return why is Cause.NOT_PREPARED or asked.on == "any"


def due_at(policy: RetryPolicy, attempt: int, ended_at: float) -> float:
    """When the try after `attempt` (counted from 1) is due: twice as long after each, an hour at most."""
    doubled = policy.backoff_seconds * 2.0 ** min(attempt - 1, 60)
    return ended_at + min(doubled, MAX_BACKOFF_SECONDS)


def next_try(
    why: Cause, asked: RetryPolicy | None, default: RetryPolicy, attempt: int, ended_at: float
) -> float | None:
    """When the next try is due, None when there is none. Every try counts, whatever it ended of: a poison step stops."""
    policy = asked or default
    if attempt > policy.count or not may_retry(why, asked):
        return None
    return due_at(policy, attempt, ended_at)
