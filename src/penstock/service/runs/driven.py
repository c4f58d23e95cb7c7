"""Runs that a process of the user's drives (`start_logging`): told of when that process is gone, and then ended as Failed.

Knows which process drives a run, by (pid, start time, boot, space of process ids); must not know what it logs. A run with no known
process (an MLflow client's, one of another machine) is left to whoever made it.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection

from penstock.compute.owners import may_live
from penstock.model.status import Status
from penstock.service.context import Context
from penstock.store import history, runs

Json = dict[str, Any]
GRACE_SECONDS = 120.0
"""How long a run whose process is gone waits for another process to go on with it."""


class Driven:
    """`tick(now)` looks at every driven run once."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._missed: dict[str, float] = {}  # run id -> when its process was first found gone

    def tick(self, now: float) -> list[str]:
        """The runs that were ended because nobody drives them any more."""
        with self._context.database.read() as connection:
            rows = runs.driven(connection)
        gone = [r for r in rows if not may_live(r["owner"])]
        self._missed = {r["id"]: self._missed.get(r["id"], now) for r in gone}
        over = [r for r in gone if now - self._missed[r["id"]] >= GRACE_SECONDS]
        if over:
            ended = self._context.database.write(lambda connection: [r for r in over if _end(connection, r, now)])
            self._context.changes.notify([r["root_id"] for r in ended], ends=True)
            return [r["id"] for r in ended]
        return []


def checked_owner(given: object) -> str | None:
    """What a caller says of its own process, as it is kept; None when it says nothing that could be checked."""
    if not isinstance(given, dict) or not isinstance(given.get("pid"), int):
        return None
    start = given.get("start_time")
    known = {"pid": given["pid"], "start_time": start if isinstance(start, int) else None}
    return json.dumps({**known, **{k: str(given.get(k) or "") for k in ("boot_id", "space", "host")}})


def take_over(connection: Connection, row: Json, owner: str | None) -> None:
    """Whoever writes to a run whose process is gone, drives it from now on. (Beside a living one it only helps: a fork, say.)"""
    if owner and row["type"] == "interactive" and row["owner"] and row["owner"] != owner and not may_live(row["owner"]):
        runs.set_owner(connection, row["id"], owner)


def _end(connection: Connection, row: Json, now: float) -> bool:
    message = (
        f"The process {json.loads(row['owner'])['pid']} that drove this run has ended without ending the run. "
        "Call run.complete() at its end, or use: with experiment.start_logging() as run:"
    )
    error = {"code": "ProcessEnded", "message": message, "details": {}}
    move = runs.Move(row["id"], Status(row["status"]), Status.FAILED, row["attempt"], at=now, error=error)
    moved = bool(runs.move(connection, [move]))
    if moved:
        body = {"status": str(Status.FAILED), "message": message}
        history.append(connection, [history.Event(row["id"], row["root_id"], now, "failed", body)])
    return moved
