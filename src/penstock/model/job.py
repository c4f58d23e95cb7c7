"""The Job: all that one step process needs, unaware of step kinds. docs/job.md is its contract."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class JobInput:
    """`source` is where the bytes lie, `local` where the script finds them (the same unless copied first).

    `tree`: what is put together at `local` from several places, each `{"source": path or URL, "target": path}`. `since`: when it held what
    it is taken to hold, in epoch seconds; None where nobody knows.
    """

    name: str
    mode: str
    source: str
    local: str
    tree: tuple[Json, ...] | None = None
    since: float | None = None


@dataclass(frozen=True)
class JobOutput:
    """`stage` lies on the datastore's own filesystem and ends in the output's name."""

    name: str
    stage: str
    is_directory: bool | None


@dataclass(frozen=True)
class Job:
    """`watch`: whether it matters what else the script reads (docs/job.md, `reads`)."""

    run_id: str
    attempt: int
    root_id: str
    step: str
    argv: tuple[str, ...]
    script: str | None
    env: dict[str, str]
    sdk_path: str | None
    snapshot: str | None
    inputs: tuple[JobInput, ...] = ()
    outputs: tuple[JobOutput, ...] = ()
    timeout_seconds: float | None = None
    grace_seconds: float = 10.0
    captures: tuple[str, ...] = ("outputs", "logs")
    resources: Json = field(default_factory=dict)
    watch: bool = True

    @property
    def name(self) -> str:
        """The name every compute finds this job by."""
        return f"{self.run_id}.{self.attempt}"


@dataclass(frozen=True)
class Exit:
    """How a job ended, as the stub wrote it in exit.json."""

    ending: str
    exit_code: int | None
    signal: int | None
    user_code_started: bool
    started_at: float | None
    ended_at: float
    outputs: tuple[Json, ...]
    files: tuple[Json, ...]
    error: Json | None
    stderr_tail: str
    raw: Json

    @classmethod
    def from_json(cls, raw: Json) -> Exit:
        return cls(
            ending=raw["ending"],
            exit_code=raw.get("exit_code"),
            signal=raw.get("signal"),
            user_code_started=bool(raw.get("user_code_started")),
            started_at=raw.get("script_started_at") or raw.get("started_at"),
            ended_at=float(raw["ended_at"]),
            outputs=tuple(raw.get("outputs") or ()),
            files=tuple(raw.get("files") or ()),
            error=raw.get("error"),
            stderr_tail=raw.get("stderr_tail") or "",
            raw=raw,
        )
