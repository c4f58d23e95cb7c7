"""Who shows what: a run's own token checked, runs' families and workspaces looked up. Cheap: it is asked on every call."""

from __future__ import annotations

import hmac

from penstock.model.access import Caller
from penstock.model.errors import Forbidden, Unauthorized
from penstock.model.status import TERMINAL
from penstock.service.context import Context
from penstock.store import records, runs

DEEPEST = 100
SUBMITTED_BY = "azureml.submittedBy"
"""The property of a pipeline run that names the principal who submitted it, for people to read."""
SUBMITTER_ID = "penstock.submitterId"
"""The property that holds that principal's id: a name may be given to another one day, an id never is."""

OURS = (SUBMITTED_BY, SUBMITTER_ID)
"""Properties that only the server gives to a run."""


class Access:
    """Answers for the doors of the server."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._db = context.database

    def run_of(self, token: str) -> Caller:
        """The run whose token this is; Unauthorized when it is none, or the run (or that try of it) is over."""
        name = token.rpartition(".")[0]
        run_id, _, attempt = name.rpartition(".")
        expected = self._context.run_token(run_id, int(attempt)) if attempt.isdigit() and len(attempt) < 10 else ""
        if not expected or not hmac.compare_digest(expected.encode(), token.encode("utf-8", "replace")):
            raise Unauthorized("The token is not that of a run. A step has its own in AZUREML_RUN_TOKEN.")
        with self._db.read() as connection:
            row = runs.get_run(connection, run_id)
        if row is None or row["status"] in TERMINAL or row["attempt"] != int(attempt):
            raise Unauthorized(f"Run '{run_id}' is over, and its token with it.")
        return Caller("run", run_id, f"run {run_id}", workspace=row["workspace"])

    def workspace_of(self, run_id: str) -> str | None:
        with self._db.read() as connection:
            row = runs.get_run(connection, run_id)
        return str(row["workspace"]) if row else None

    def submitter_of(self, run_id: str) -> dict[str, str]:
        """The properties that say which principal submitted the pipeline that this run is part of; none: the owner did."""
        with self._db.read() as connection:
            row = runs.get_run(connection, run_id)
            root = row["root_id"] if row else run_id
            kept = records.labels(connection, [root]).get(root, {}).get("property", {})
        return {name: value for name in OURS if (value := kept.get(name)) is not None}

    def is_of_family(self, run_id: str, other: str) -> bool:
        """Whether `other` is this run, one of its parents, or below it."""
        if run_id == other:
            return True
        with self._db.read() as connection:
            return other in _above(runs.get_run(connection, run_id), connection) or run_id in _above(
                runs.get_run(connection, other), connection
            )

    def check_family(self, caller: Caller, run_id: str | None) -> None:
        """Forbidden for a step that names a run which is not itself, above it or below it."""
        if caller.kind == "run" and run_id and not self.is_of_family(caller.id, run_id):
            raise Forbidden(
                f"The token of run '{caller.id}' writes to that run, its children and its parents, not to '{run_id}'."
            )


def _above(row: object, connection: object) -> list[str]:
    found: list[str] = []
    while isinstance(row, dict) and row["parent_id"] and len(found) < DEEPEST:
        found.append(row["parent_id"])
        row = runs.get_run(connection, row["parent_id"])  # type: ignore[arg-type]
    return found
