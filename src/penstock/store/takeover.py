"""Rows of a run copied to another that points at the same bytes: outputs, files, metrics, labels. Many at once, in few statements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, select, text

from penstock.store.dialect import upsert
from penstock.store.tables import artifact, label, metric, output

Row = dict[str, Any]
_CHUNK = 400
_FROM_OLD = "run_id = :old"
_LAST_TRY = "run_id = :old AND attempt >= :attempt ORDER BY id"
_OWN = "run_id = :old AND (kind = 'tag' OR (name <> 'azureml.isreused' AND name NOT LIKE 'azureml.reused%')) ON CONFLICT DO NOTHING"


def copy_all(connection: Connection, pairs: Sequence[Row]) -> None:
    """Give each run `new` of root `root` what run `old` left with its try `attempt`; `properties` are set on it as well."""
    if not pairs:
        return
    given = [{k: p[k] for k in ("old", "new", "root", "attempt")} for p in pairs]
    _copy(connection, output, {"run_id": ":new", "root_id": ":root"}, _FROM_OLD, given)
    copies: tuple[tuple[Table, dict[str, str | None], str], ...] = (
        (artifact, {"run_id": ":new", "attempt": "0"}, _FROM_OLD),
        (metric, {"run_id": ":new", "attempt": "0", "id": None}, _LAST_TRY),
        (label, {"run_id": ":new"}, _OWN),
    )
    for table, changed, which in copies:
        with_rows = _that_have(connection, table, [g["old"] for g in given])
        _copy(connection, table, changed, which, [g for g in given if g["old"] in with_rows])
    rows = [(p["new"], n, v) for p in pairs for n, v in p["properties"].items()]
    named = [{"run_id": new, "kind": "property", "name": name, "value": value} for new, name, value in rows]
    connection.execute(upsert(connection, label).on_conflict_do_nothing(), named)


def _that_have(connection: Connection, table: Table, run_ids: list[str]) -> set[str]:
    """Which of these runs the table has rows of: of most steps it has none, and a statement for each costs more than asking."""
    found: set[str] = set()
    for start in range(0, len(run_ids), _CHUNK):
        query = select(table.c.run_id).where(table.c.run_id.in_(run_ids[start : start + _CHUNK])).distinct()
        found.update(connection.execute(query).scalars())
    return found


def _copy(connection: Connection, table: Table, changed: dict[str, str | None], which: str, given: list[Row]) -> None:
    """Insert copies of the rows `which` says; a column that is changed to None is left for the database to fill in."""
    if not given:
        return
    columns = {c.name: changed.get(c.name, c.name) for c in table.c}
    kept = {name: value for name, value in columns.items() if value is not None}
    statement = text(
        f"INSERT INTO {table.name} ({', '.join(kept)}) SELECT {', '.join(kept.values())} FROM {table.name} WHERE {which}"
    )
    connection.execute(statement, [{k: v for k, v in g.items() if f":{k}" in statement.text} for g in given])
