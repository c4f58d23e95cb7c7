"""Looking at a home's SQLite database without changing it: its schema, and what its rows say should lie on the disk.

Opens the file read-only beside a running server, or for itself when none runs. Knows the tables; looks at no file but the database.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from penstock.model.status import ACTIVE
from penstock.store.identities import FORGOTTEN

Row = dict[str, Any]
_NEWEST = 20_000  # rows of a kind that are looked at


class Examination:
    """One look at one database."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def problems(self) -> list[str]:
        """What SQLite finds wrong with its file; empty when it is whole."""
        said = [str(row[0]) for row in self._connection.execute("PRAGMA quick_check(3)")]
        return [] if said == ["ok"] else said

    def schema(self) -> str | None:
        """The schema's version; None before the first migration."""
        row = self._first("SELECT name FROM sqlite_master WHERE name = 'alembic_version'")
        return (
            None
            if row is None
            else str((self._first("SELECT version_num FROM alembic_version") or {"version_num": ""})["version_num"])
        )

    def known_runs(self, run_ids: Iterable[str]) -> set[str]:
        """Those of these runs that have a row."""
        asked, found = list(run_ids), set()
        for start in range(0, len(asked), 500):
            part = asked[start : start + 500]
            marks = ",".join("?" * len(part))
            found |= {r["id"] for r in self._all(f"SELECT id FROM run WHERE id IN ({marks})", part)}
        return found

    def begun_steps(self) -> list[Row]:
        """Steps that a compute has and that are not over: id, name, status, attempt."""
        states = [str(s) for s in ACTIVE if s != "NotStarted"]
        marks = ",".join("?" * len(states))
        return self._all(
            f"SELECT id, name, status, attempt FROM run WHERE type = 'step' AND attempt > 0 AND status IN ({marks})",
            states,
        )

    def snapshots_of_active_runs(self) -> dict[str, str]:
        """The snapshots that runs which are not over still need, with such a run."""
        states = [str(s) for s in ACTIVE]
        marks = ",".join("?" * len(states))
        rows = self._all(
            "SELECT submission.run_id AS id, graph.text AS graph FROM submission JOIN graph ON graph.digest = submission.graph_digest "
            f"JOIN run ON run.id = submission.run_id WHERE run.status IN ({marks})",
            states,
        )
        return {n["snapshot"]: r["id"] for r in rows for n in json.loads(r["graph"])["nodes"] if n.get("snapshot")}

    def published_outputs(self) -> list[Row]:
        """The newest outputs of steps that ran and completed, and that nobody told to forget: run_id, step, name, path, root of the datastore,
        and `cleared`, which is None of what was not cleared away. What reused steps point at is among them, once."""
        return self._all(
            "SELECT run.id AS run_id, run.name AS step, output.name AS name, output.path AS path, datastore.root AS root, "
            "removal.state AS cleared FROM run JOIN identity ON identity.run_id = run.id JOIN output ON output.run_id = run.id "
            "JOIN datastore ON datastore.name = output.datastore AND datastore.workspace = run.workspace "
            "LEFT JOIN removal ON removal.run_id = run.id AND removal.name = output.name "
            "WHERE run.status = 'Completed' AND run.attempt > 0 AND coalesce(identity.unusable, '') NOT LIKE ? "
            "ORDER BY run.number DESC LIMIT ?",
            [FORGOTTEN + "%", _NEWEST],
        )

    def models(self) -> list[Row]:
        """name, version, path (below the home), entry."""
        return self._all("SELECT name, version, path, entry FROM model")

    def datastores(self) -> list[Row]:
        """workspace, name, root."""
        return self._all("SELECT workspace, name, root FROM datastore WHERE root <> ''")

    def _all(self, statement: str, values: Iterable[Any] = ()) -> list[Row]:
        cursor = self._connection.execute(statement, tuple(values))
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def _first(self, statement: str) -> Row | None:
        return next(iter(self._all(statement)), None)


@contextmanager
def examine(path: Path) -> Iterator[Examination]:
    """An examination of the database at `path`; sqlite3.Error when it cannot be read."""
    mode = "mode=ro" if os.access(path.parent, os.W_OK) else "mode=ro&immutable=1"  # on a read-only disk nobody writes
    connection = sqlite3.connect(f"file:{quote(str(path))}?{mode}", uri=True, timeout=5)
    try:
        yield Examination(connection)
    finally:
        connection.close()
