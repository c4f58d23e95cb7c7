"""What every compute can do. All verbs are safe to repeat; a job is found by its name alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from penstock.model.job import Exit, Job


class Phase(StrEnum):
    """How far a compute knows a job to be."""

    ABSENT = "absent"
    """Nobody has begun such a job: submit it (again)."""
    PENDING = "pending"
    """It has the job; user code has not begun."""
    RUNNING = "running"
    ENDED = "ended"
    """exit.json is there."""
    LOST = "lost"
    """Its watcher is gone without a record of the end; with `started_at`, user code had begun."""


@dataclass(frozen=True)
class Report:
    """What a compute says of one job."""

    phase: Phase
    end: Exit | None = None
    started_at: float | None = None
    why: str = ""


class Compute(Protocol):
    """A place that runs Jobs by name."""

    def submit(self, job: Job) -> bool:
        """Have the job run once under its name (one that is there already is left alone); False: not taken yet, submit it again."""

    def poll(self, names: Iterable[str]) -> Mapping[str, Report]:
        """What is known of each of these jobs."""

    def cancel(self, name: str) -> None:
        """Ask for the job to be stopped; `poll` tells when nothing of it is left."""
