"""One run that points at the bytes of another: which, and what rows of it are copied: outputs, files, metrics, labels. Many at once, in few
statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, exists, literal, text

from penstock.store.dialect import insert_all, tuples_of
from penstock.store.tables import artifact, identity, label, metric, output, run

Row = dict[str, Any]
_FROM_OLD = "run_id = :old"
_LAST_TRY = "run_id = :old AND attempt >= :attempt ORDER BY id"
_OWN = "run_id = :old AND (kind = 'tag' OR (name <> 'azureml.isreused' AND name NOT LIKE 'azureml.reused%')) ON CONFLICT DO NOTHING"


REUSED = ("isreused", "reusedrunid", "reusednodeid", "reusedpipeline", "reusedpipelinerunid")


@dataclass(frozen=True)
class StandIn:
    """The step run that stands for another, which did not run."""

    run_id: str
    node: str
    root_id: str
    attempt: int

    @property
    def properties(self) -> dict[str, str | None]:
        """What the step that it stands for says of it."""
        values = ("true", self.run_id, self.node, self.root_id, self.root_id)
        return {f"azureml.{name}": value for name, value in zip(REUSED, values, strict=True)}


def stand_ins(connection: Connection, run_ids: Sequence[str]) -> dict[str, StandIn]:
    """By run, what stands for those of these that were reused: as it was decided, which is written once, in their identities."""
    text = (
        "SELECT identity.run_id, run.id, run.node, run.root_id, run.attempt FROM identity JOIN run ON run.id = identity.reused_run_id "
        "WHERE identity.reused_run_id IS NOT NULL AND identity.run_id IN"
    )
    return {run_id: StandIn(*row) for run_id, *row in tuples_of(connection, text, (), run_ids)}


def says_so(run_id: ColumnElement[str], name: str, value: str | None) -> ColumnElement[bool] | None:
    """Whether that run has this property (of this value, if one is given) because another stands for it; None: no other can make it have it."""
    prefix, _, short = name.partition(".")
    if prefix != "azureml" or short not in REUSED:
        return None
    old = run.alias("stand_in")
    columns = {"reusedrunid": old.c.id, "reusednodeid": old.c.node}
    found = exists().where(identity.c.run_id == run_id, identity.c.reused_run_id == old.c.id)
    if value is None:
        return found
    return found.where(literal("true") == value if short == "isreused" else columns.get(short, old.c.root_id) == value)


def copy_all(connection: Connection, pairs: Sequence[Row]) -> None:
    """Give each run `new` of root `root` what run `old` left with its try `attempt`: `outputs`, its rows of them, and its files, metrics and
    labels, but for those that say whom it stands on."""
    given = [{k: p[k] for k in ("old", "new", "root", "attempt")} for p in pairs]
    left = [{**row, "run_id": p["new"], "root_id": p["root"]} for p in pairs for row in p["outputs"]]
    insert_all(connection, output, left)
    copies: tuple[tuple[Table, dict[str, str | None], str], ...] = (
        (artifact, {"run_id": ":new", "attempt": "0"}, _FROM_OLD),
        (metric, {"run_id": ":new", "attempt": "0", "id": None}, _LAST_TRY),
        (label, {"run_id": ":new"}, _OWN),
    )
    for table, changed, which in copies:
        with_rows = _that_have(connection, table, [g["old"] for g in given])
        _copy(connection, table, changed, which, [g for g in given if g["old"] in with_rows])


def _that_have(connection: Connection, table: Table, run_ids: list[str]) -> set[str]:
    """Which of these runs the table has rows of: of most steps it has none, and a statement for each costs more than asking."""
    return {
        row[0]
        for row in tuples_of(connection, f"SELECT DISTINCT run_id FROM {table.name} WHERE run_id IN", (), run_ids)
    }


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
