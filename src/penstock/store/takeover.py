"""One run that stands for another, whose outputs are then its own: which, and what else is copied: files, metrics, labels. Many at once, in
few statements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Table,
    and_,
    bindparam,
    exists,
    func,
    literal,
    text,
    update,
)

from penstock.store.dialect import tuples_of
from penstock.store.tables import artifact, label, metric, run

Row = dict[str, Any]
_FROM_OLD = "run_id = :old"
_LAST_TRY = "run_id = :old AND attempt >= :attempt ORDER BY id"
LEFT_BY = func.coalesce(run.c.reused_run_id, run.c.id)
"""Whose rows of outputs are those of a run."""
_OWN = "run_id = :old AND (kind = 'tag' OR (name <> 'azureml.isreused' AND name NOT LIKE 'azureml.reused%')) ON CONFLICT DO NOTHING"


REUSED = ("isreused", "reusedrunid", "reusednodeid", "reusedpipeline", "reusedpipelinerunid")


class StandIn(NamedTuple):
    """A completed step run that stands for another, which did not run, or may."""

    run_id: str
    node: str
    root_id: str
    attempt: int
    ended_at: float = 0.0
    number: int = 0

    @property
    def job(self) -> str:
        """The name of the try that it completed by."""
        return f"{self.run_id}.{self.attempt}"

    @property
    def properties(self) -> dict[str, str | None]:
        """What the step that it stands for says of it."""
        values = ("true", self.run_id, self.node, self.root_id, self.root_id)
        return {f"azureml.{name}": value for name, value in zip(REUSED, values, strict=True)}


def stand_ins(connection: Connection, run_ids: Sequence[str]) -> dict[str, StandIn]:
    """By run, what stands for those of these that were reused: as it was decided, which is written once, in their rows."""
    text = "SELECT run.id, ran.id, ran.node, ran.root_id, ran.attempt FROM run JOIN run AS ran ON ran.id = run.reused_run_id WHERE run.id IN"
    return {run_id: StandIn(*row) for run_id, *row in tuples_of(connection, text, (), run_ids)}


def taken_from(connection: Connection, run_ids: Sequence[str]) -> dict[str, str]:
    """By run, those that completed steps were taken over from when a pipeline run was resumed: which is no reuse, and stands in a property."""
    text = (
        "SELECT run.id, label.value FROM run JOIN label ON label.run_id = run.id AND label.kind = 'property' AND label.name = "
        "'azureml.reusedrunid' WHERE run.attempt = 0 AND run.reused_run_id IS NULL AND run.status = 'Completed' AND run.id IN"
    )
    return dict(tuples_of(connection, text, (), run_ids))


def who_ran(connection: Connection, run_ids: Sequence[str]) -> dict[str, StandIn]:
    """By completed step, the one whose script ran for it: itself, or the last of those that stand one for another."""
    ends = {run_id: run_id for run_id in run_ids}
    while before := taken_from(connection, list(ends.values())):
        ends = {run_id: before.get(end, end) for run_id, end in ends.items()}
    text = (
        "SELECT run.id, ran.id, ran.node, ran.root_id, ran.attempt FROM run JOIN run AS ran "
        "ON ran.id = coalesce(run.reused_run_id, run.id) WHERE run.id IN"
    )
    found = {run_id: StandIn(*row) for run_id, *row in tuples_of(connection, text, (), list(ends.values()))}
    return {run_id: found[end] for run_id, end in ends.items()}


def point(connection: Connection, pairs: Sequence[tuple[str, str]]) -> None:
    """Keep of each run `(new, old)` that `old` stands for it."""
    statement = update(run).where(run.c.id == bindparam("new")).values(reused_run_id=bindparam("old"))
    if pairs:
        connection.execute(statement, [{"new": new, "old": old} for new, old in pairs])


def says_so(rows: FromClause, name: str, value: str | None) -> ColumnElement[bool] | None:
    """Whether these runs have this property (of this value, if one is given) because another stands for it; None: no other can make it have it."""
    prefix, _, short = name.partition(".")
    if prefix != "azureml" or short not in REUSED:
        return None
    hit = rows.c.reused_run_id
    if value is None:
        return hit.is_not(None)
    if short == "isreused":
        return and_(hit.is_not(None), literal("true") == value)
    if short == "reusedrunid":
        return hit == value
    old = run.alias("stand_in")
    return exists().where(old.c.id == hit, (old.c.node if short == "reusednodeid" else old.c.root_id) == value)


def copy_all(connection: Connection, pairs: Sequence[Row]) -> None:
    """Give each run `new` what run `old` left with its try `attempt`: its files, metrics and labels, but for those that say whom it stands on."""
    copies: tuple[tuple[Table, dict[str, str | None], str], ...] = (
        (artifact, {"run_id": ":new", "attempt": "0"}, _FROM_OLD),
        (metric, {"run_id": ":new", "attempt": "0", "id": None}, _LAST_TRY),
        (label, {"run_id": ":new"}, _OWN),
    )
    for table, changed, which in copies:
        with_rows = _that_have(connection, table, [p["old"] for p in pairs])
        _copy(connection, table, changed, which, [p for p in pairs if p["old"] in with_rows])


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
