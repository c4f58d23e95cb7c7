"""What happened to runs: facts that are appended, in the order in which they were.

Where earlier steps stand for all steps of a pipeline run, one row tells of all of them. That a step completed so is in its own row already;
its event is made from that when somebody asks, under an id that was set aside for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, literal_column, select, text

from penstock.model.status import Status
from penstock.store.dialect import insert_all, is_postgresql, tuples, tuples_of
from penstock.store.postgresql import tell
from penstock.store.tables import event

Row = dict[str, Any]
_COLUMNS = [c.name for c in event.c]
_IS_WARNING: ColumnElement[bool] = literal_column("event.name = 'warning'")  # as their index has it
ALL_REUSED = "all_reused"
"""The name of the row that tells of the ends of all steps: nobody is shown it."""


class Event(NamedTuple):
    """A fact to append to a run's history."""

    run_id: str
    root_id: str
    at: float
    name: str
    body: Mapping[str, Any] = {}


def all_reused(root_id: str, at: float, n_steps: int) -> Event:
    """That each step of a pipeline run completed by the one that its row names. Their events come in the order of the rows, which were inserted
    with that of the run, behind it: so they have the next numbers of its experiment, by which the events have their ids."""
    return Event(root_id, root_id, at, ALL_REUSED, {"n_steps": n_steps})


def reused(by: str) -> Row:
    """What the event of a completed step says if it is run `by` that stands for it."""
    return {"message": f"reused from run {by[:8]}", "reused_run_id": by}


def append(connection: Connection, events: Iterable[Event]) -> None:
    """Keep these, in this order."""
    told = list(events)
    start = 0
    for n, each in enumerate(told):
        if each.name == ALL_REUSED:
            _insert(connection, told[start:n])
            _set_aside(connection, each.body["n_steps"])
            start = n
    _insert(connection, told[start:])
    if told and is_postgresql(connection):  # other servers of this database follow runs too
        tell(connection, (f"{e.name} {e.run_id} {e.root_id}" for e in told))


def _insert(connection: Connection, events: Sequence[Event]) -> None:
    insert_all(connection, event, [{**e._asdict(), "body": json.dumps(e.body)} for e in events])


def _set_aside(connection: Connection, n: int) -> None:
    """Have the next event's id leave room for n before it. Writers take turns, so nobody else draws one meanwhile."""
    if is_postgresql(connection):
        sequence = "pg_get_serial_sequence('event', 'id')"
        connection.execute(text(f"SELECT setval({sequence}, nextval({sequence}) + :n - 1)"), {"n": n})
        return
    drawn = connection.execute(text("UPDATE sqlite_sequence SET seq = seq + :n WHERE name = 'event'"), {"n": n})
    if not drawn.rowcount:  # of this table none was drawn yet
        connection.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES ('event', :n)"), {"n": n})


def of_root(connection: Connection, root_id: str, after: int = 0, limit: int | None = None) -> list[Row]:
    """The events of all runs below a root, from behind the id `after`: the first `limit` of them."""
    query = f"SELECT {', '.join(_COLUMNS)} FROM event WHERE root_id = ? AND id > ? ORDER BY id {_at_most(limit, 1)}"
    found: list[Row] = []
    for each in tuples(connection, query, (root_id, after)):
        row = _row(dict(zip(_COLUMNS, each, strict=True)))
        found += _of_steps(connection, row, after, limit) if row["name"] == ALL_REUSED else [row]
    return found[:limit]


def of_run(connection: Connection, run_id: str, after: int = 0) -> list[Row]:
    """The events of one run alone, from behind the id `after`."""
    query = select(event).where(event.c.run_id == run_id, event.c.name != ALL_REUSED).order_by(event.c.id)
    own = _rows(connection, query)
    if not any(e["name"] == "completed" for e in own):
        own = sorted([*own, *_of_step(connection, run_id)], key=itemgetter("id"))
    return [row for row in own if row["id"] > after]


def _of_steps(connection: Connection, mark: Row, after: int, limit: int | None) -> Iterator[Row]:
    """The events behind `after` that the row `mark` tells of. They have the ids before its own, in the order of the runs' numbers."""
    n_before = max(0, after + 1 - (mark["id"] - mark["body"]["n_steps"]))
    query = (
        "SELECT run.id, run.experiment_number - root.experiment_number, run.reused_run_id FROM run AS root JOIN run ON run.root_id = root.id "
        "WHERE root.id = ? AND run.number > root.number + ? AND run.experiment_number > root.experiment_number + ? "
        f"AND run.reused_run_id IS NOT NULL ORDER BY run.number {_at_most(limit)}"
    )
    for run_id, place, by in tuples(connection, query, (mark["root_id"], n_before, n_before)):
        yield _made(mark, run_id, place, by)


def _of_step(connection: Connection, run_id: str) -> Iterator[Row]:
    """The event of one step, if it is one of all that were reused."""
    query = (
        "SELECT run.root_id, run.experiment_number - root.experiment_number, run.reused_run_id FROM run "
        "JOIN run AS root ON root.id = run.root_id WHERE run.id = ? AND run.reused_run_id IS NOT NULL"
    )
    for root_id, place, by in tuples(connection, query, (run_id,)):
        marks = select(event).where(event.c.root_id == root_id, event.c.name == ALL_REUSED)
        for mark in _rows(connection, marks):
            yield _made(mark, run_id, place, by)


def _made(mark: Row, run_id: str, place: int, by: str) -> Row:
    body = {"status": str(Status.COMPLETED), **reused(by)}
    place_id = mark["id"] - mark["body"]["n_steps"] + place - 1
    return {**mark, "id": place_id, "run_id": run_id, "name": "completed", "body": body}


def counts(connection: Connection, root_ids: Sequence[str]) -> dict[str, Row]:
    """Of those of these pipeline runs that are over: how many steps they had, and of how many an earlier one stood for it."""
    query = "SELECT run_id, body FROM event WHERE name IN ('completed', 'failed', 'canceled') AND run_id IN"
    found = ((run_id, json.loads(body)) for run_id, body in tuples_of(connection, query, (), root_ids))
    return {i: {k: body[k] for k in ("n_steps", "n_reused")} for i, body in found if "n_steps" in body}


def warnings(connection: Connection, run_id: str, of_root: bool) -> list[Row]:
    """The warning events of a run, or of all runs below it when it is a root."""
    mine = event.c.root_id == run_id if of_root else event.c.run_id == run_id
    return _rows(connection, select(event).where(mine, _IS_WARNING).order_by(event.c.id))


def cancel_requests(connection: Connection, root_id: str) -> list[str]:
    """The runs below this root that someone asked to cancel."""
    query = select(event.c.run_id).where(event.c.root_id == root_id, event.c.name == "cancel_requested").distinct()
    return list(connection.execute(query).scalars())


def _rows(connection: Connection, query: Any) -> list[Row]:
    return [_row(r) for r in connection.execute(query).mappings()]


def _row(row: Any) -> Row:
    return {**row, "body": json.loads(row["body"])}


def _at_most(limit: int | None, more: int = 0) -> str:
    """`more`: the row of ALL_REUSED takes a place and is no event."""
    return "" if limit is None else f"LIMIT {limit + more}"
