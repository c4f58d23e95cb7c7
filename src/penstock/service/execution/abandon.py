"""Gives up a pipeline run that cannot be moved on, when somebody asked for it to stop. Uses its rows alone: the rest may not be readable."""

from __future__ import annotations

from penstock.model.errors import PenstockError
from penstock.model.status import TERMINAL, Status
from penstock.service.context import Context
from penstock.service.execution.batch import Batch
from penstock.service.execution.leader import NotLeader
from penstock.store import runs


def is_of_the_machine(error: BaseException) -> bool:
    """Whether a pass failed for reasons that lie in no run: the disk, the database, the node, who leads."""
    return isinstance(error, OSError | PenstockError | NotLeader)


def is_to_stop(context: Context, root_id: str) -> bool:
    """Whether somebody asked for this pipeline run to be canceled."""
    with context.database.read() as connection:
        row = runs.get_run(connection, root_id)
    return row is not None and row["status"] == Status.CANCEL_REQUESTED


def abandon(context: Context, root_id: str, why: str, now: float) -> None:
    """End the run and its steps as Failed, and have whatever they run stopped."""
    message = f"The server could not move this run on ({why}), and it was asked to stop: it was given up. The server's log has the whole error."
    error = {"code": "Internal", "message": message, "details": {}}
    with context.database.read() as connection:
        rows = [r for r in runs.runs_of_root(connection, root_id) if Status(r["status"]) not in TERMINAL]
    for row in rows:
        if row["type"] == "step" and row["attempt"]:
            context.compute.cancel(f"{row['id']}.{row['attempt']}")
    batch = Batch(now)
    for row in rows:
        if row["type"] == "step" and row["attempt"]:
            tried = {"run_id": row["id"], "attempt": row["attempt"], "node_id": context.node_id, "queued_at": None}
            how = {
                "started_at": row["started_at"],
                "ended_at": now,
                "ending": "abandoned",
                "exit_code": None,
                "exit": {},
            }
            batch.attempts.append({**tried, **how})
        if row["type"] in ("step", "pipeline"):
            move = runs.Move(row["id"], Status(row["status"]), Status.FAILED, row["attempt"], at=now, error=error)
            batch.move(root_id, move, message=message)
    batch.ends_run = True
    batch.commit(context)
