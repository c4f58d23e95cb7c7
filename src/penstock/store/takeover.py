"""Rows of a run copied to another that points at the same bytes: outputs, files, metrics, labels. Many at once, in few statements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, text

from penstock.store.dialect import upsert
from penstock.store.tables import artifact, label, metric, output

Row = dict[str, Any]
_FROM_OLD = "run_id = :old"
_LAST_TRY = "run_id = :old AND attempt >= :attempt ORDER BY id"
_OWN = "run_id = :old AND (kind = 'tag' OR (name <> 'azureml.isreused' AND name NOT LIKE 'azureml.reused%')) ON CONFLICT DO NOTHING"


def copy_all(connection: Connection, pairs: Sequence[Row]) -> None:
    """Give each run `new` of root `root` what run `old` left with its try `attempt`; `properties` are set on it as well."""
    if not pairs:
        return
    given = [{k: p[k] for k in ("old", "new", "root", "attempt")} for p in pairs]
    _copy(connection, output, {"run_id": ":new", "root_id": ":root"}, _FROM_OLD, given)
    _copy(connection, artifact, {"run_id": ":new", "attempt": "0"}, _FROM_OLD, given)
    _copy(connection, metric, {"run_id": ":new", "attempt": "0", "id": None}, _LAST_TRY, given)
    _copy(connection, label, {"run_id": ":new"}, _OWN, given)
    rows = [(p["new"], n, v) for p in pairs for n, v in p["properties"].items()]
    named = [{"run_id": new, "kind": "property", "name": name, "value": value} for new, name, value in rows]
    connection.execute(upsert(connection, label).on_conflict_do_nothing(), named)


def _copy(connection: Connection, table: Table, changed: dict[str, str | None], which: str, given: list[Row]) -> None:
    """Insert copies of the rows `which` says; a column that is changed to None is left for the database to fill in."""
    columns = {c.name: changed.get(c.name, c.name) for c in table.c}
    kept = {name: value for name, value in columns.items() if value is not None}
    statement = text(
        f"INSERT INTO {table.name} ({', '.join(kept)}) SELECT {', '.join(kept.values())} FROM {table.name} WHERE {which}"
    )
    connection.execute(statement, [{k: v for k, v in g.items() if f":{k}" in statement.text} for g in given])
