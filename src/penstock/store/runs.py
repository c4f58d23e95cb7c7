"""Runs, their events and their submissions. Functions on a connection; a write belongs inside `Database.write`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, exists, func, insert, select, update

from penstock.model.status import ACTIVE, TERMINAL, Status, may_follow
from penstock.store.dialect import is_postgresql, upsert
from penstock.store.postgresql import tell
from penstock.store.tables import attempt, event, label, run, submission

Row = dict[str, Any]


@dataclass(frozen=True)
class Event:
    """A fact to append to a run's story."""

    run_id: str
    root_id: str
    at: float
    name: str
    body: Row = field(default_factory=dict)


@dataclass(frozen=True)
class Move:
    """A guarded change of one run's status: it happens only while the run is as `before` and `attempt` say."""

    run_id: str
    before: Status
    after: Status
    attempt: int
    next_attempt: int | None = None
    at: float = 0.0
    started_at: float | None = None
    error: Row | None = None


_MOVE = (
    update(run)
    .where(
        run.c.id == bindparam("b_id"), run.c.status == bindparam("b_before"), run.c.attempt == bindparam("b_attempt")
    )
    .values(
        status=bindparam("b_after"),
        attempt=bindparam("b_next"),
        queued_at=func.coalesce(bindparam("b_queued_at"), run.c.queued_at),
        started_at=func.coalesce(run.c.started_at, bindparam("b_started_at")),
        ended_at=bindparam("b_ended_at"),
        error=func.coalesce(bindparam("b_error"), run.c.error),
    )
)
# Made once: what SQLAlchemy works out of a statement it keeps with it.
_INSERT_RUN, _INSERT_SUBMISSION, _INSERT_EVENT = insert(run), insert(submission), insert(event)
_LAST_NUMBER = (
    select(run.c.experiment_number)
    .where(run.c.workspace == bindparam("workspace"), run.c.experiment == bindparam("experiment"))
    .order_by(run.c.number.desc())
    .limit(1)
)
_UNMET = update(run).where(run.c.id == bindparam("b_id")).values(unmet=run.c.unmet - bindparam("b_by"))


def move(connection: Connection, moves: Iterable[Move]) -> list[Move]:
    """Do every move whose guard holds; the ones that someone else decided first are left out of the answer."""
    return [m for m in moves if connection.execute(_MOVE, _move_values(m)).rowcount == 1]


def _move_values(m: Move) -> Row:
    if not may_follow(m.before, m.after):
        raise ValueError(f"A run in {m.before} cannot become {m.after}.")
    return {
        "b_id": m.run_id,
        "b_before": str(m.before),
        "b_attempt": m.attempt,
        "b_after": str(m.after),
        "b_next": m.attempt if m.next_attempt is None else m.next_attempt,
        "b_queued_at": m.at if m.after is Status.QUEUED else None,
        "b_started_at": m.started_at,
        "b_ended_at": m.at if m.after in TERMINAL else None,
        "b_error": json.dumps(m.error) if m.error else None,
    }


def decrement_unmet(connection: Connection, run_ids: Sequence[str]) -> None:
    """One upstream of each of these runs has completed."""
    if run_ids:
        connection.execute(_UNMET, [{"b_id": r, "b_by": 1} for r in run_ids])


def append_events(connection: Connection, events: Iterable[Event]) -> None:
    events = list(events)
    rows = [
        {"run_id": e.run_id, "root_id": e.root_id, "at": e.at, "name": e.name, "body": json.dumps(e.body)}
        for e in events
    ]
    if rows:
        connection.execute(_INSERT_EVENT, rows)
        if is_postgresql(connection):  # other servers of this database follow runs too
            tell(connection, (f"{e.name} {e.run_id} {e.root_id}" for e in events))


def insert_runs(connection: Connection, rows: Sequence[Row]) -> None:
    """Keep these runs, each with the next number of its experiment."""
    last: dict[tuple[str, str], int] = {}
    numbered = []
    for row in rows:
        place = (row["workspace"], row["experiment"])
        last[place] = (last[place] if place in last else _last_number(connection, *place)) + 1
        numbered.append({**row, "experiment_number": last[place]})
    connection.execute(_INSERT_RUN, numbered)


def _last_number(connection: Connection, workspace: str, experiment: str) -> int:
    """The number of the experiment's newest run. Writers take turns, so nobody else counts meanwhile."""
    return int(connection.execute(_LAST_NUMBER, {"workspace": workspace, "experiment": experiment}).scalar() or 0)


def insert_submission(connection: Connection, row: Row) -> None:
    connection.execute(_INSERT_SUBMISSION, row)


def submitted_as(connection: Connection, idempotency_key: str) -> str | None:
    """The run that was submitted under this key, if any."""
    query = select(submission.c.run_id).where(submission.c.idempotency_key == idempotency_key)
    return connection.execute(query).scalar()


def request_of(connection: Connection, root_id: str) -> str | None:
    """The digest of what the caller sent, if it was kept."""
    return connection.execute(select(submission.c.request).where(submission.c.run_id == root_id)).scalar()


def facts_of(connection: Connection, root_id: str) -> Row:
    """Of a pipeline run: how many steps it has, and whether it goes on when one fails. Its graph, which may be large, is not read."""
    steps = select(func.count()).where(run.c.parent_id == root_id, run.c.type == "step")
    go_on = select(submission.c.continue_on_failure).where(submission.c.run_id == root_id)
    return {
        "n_steps": int(connection.execute(steps).scalar_one()),
        "continue_on_failure": bool(connection.execute(go_on).scalar()),
    }


def get_submission(connection: Connection, root_id: str) -> Row | None:
    found = connection.execute(select(submission).where(submission.c.run_id == root_id)).mappings().first()
    if found is None:
        return None
    row = dict(found)
    for key in ("graph", "parameters", "bindings"):
        row[key] = json.loads(row[key])
    return row


def parameters_of(connection: Connection, root_id: str) -> Row | None:
    """The parameter values of a submission. Its graph, which may be large, is not read."""
    found = connection.execute(select(submission.c.parameters).where(submission.c.run_id == root_id)).scalar()
    return None if found is None else dict(json.loads(found))


def get_run(connection: Connection, run_id: str) -> Row | None:
    found = connection.execute(select(run).where(run.c.id == run_id)).mappings().first()
    return dict(found) if found else None


def standing(connection: Connection, run_ids: Sequence[str]) -> dict[str, tuple[Status, int]]:
    """Status and attempt of those of these runs that there are."""
    found: dict[str, tuple[Status, int]] = {}
    for start in range(0, len(run_ids), 500):
        query = select(run.c.id, run.c.status, run.c.attempt).where(run.c.id.in_(run_ids[start : start + 500]))
        found.update({r.id: (Status(r.status), r.attempt) for r in connection.execute(query)})
    return found


def runs_of_root(connection: Connection, root_id: str) -> list[Row]:
    return _rows(connection, select(run).where(run.c.root_id == root_id).order_by(run.c.number))


def children(connection: Connection, parent_id: str) -> list[Row]:
    started = func.coalesce(run.c.started_at, 1e18)
    return _rows(connection, select(run).where(run.c.parent_id == parent_id).order_by(started, run.c.number))


def active_roots(connection: Connection) -> list[tuple[str, Status]]:
    """The pipeline runs that are not over and how they stand, oldest first."""
    query = select(run.c.id, run.c.status).where(run.c.type == "pipeline", run.c.status.in_(sorted(ACTIVE)))
    return [(r.id, Status(r.status)) for r in connection.execute(query.order_by(run.c.number))]


def driven(connection: Connection) -> list[Row]:
    """The runs that a process drives and has not ended: those with an owner."""
    query = select(run).where(run.c.type == "interactive", run.c.status.in_(sorted(ACTIVE)), run.c.owner.is_not(None))
    return _rows(connection, query.order_by(run.c.number))


def set_owner(connection: Connection, run_id: str, owner: str) -> None:
    """Whoever writes to a run that its caller drives, drives it from now on."""
    same = (run.c.id == run_id, run.c.owner.is_not(None), run.c.owner != owner)
    connection.execute(update(run).where(*same).values(owner=owner))


def n_active(connection: Connection) -> int:
    query = select(func.count()).select_from(run).where(run.c.parent_id.is_(None), run.c.status.in_(sorted(ACTIVE)))
    return int(connection.execute(query).scalar_one())


@dataclass(frozen=True)
class Filter:
    """Which runs to list; None means any."""

    workspace: str | None = None
    experiment: str | None = None
    type: str | None = None
    parent: str | None = None
    status: str | None = None
    pipeline_id: str | None = None
    include_children: bool = False
    labels: tuple[tuple[str, str, str | None], ...] = ()
    before_number: int | None = None
    limit: int = 100
    prefix: str | None = None


def list_runs(connection: Connection, wanted: Filter) -> list[Row]:
    """Runs newest first."""
    query = select(run).order_by(run.c.number.desc()).limit(wanted.limit)
    for column, value in (
        (run.c.workspace, wanted.workspace),
        (run.c.experiment, wanted.experiment),
        (run.c.type, wanted.type),
        (run.c.pipeline_id, wanted.pipeline_id),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.status is not None:
        query = query.where(run.c.status == wanted.status)
    if wanted.parent is not None:
        query = query.where(run.c.parent_id == wanted.parent)
    elif not wanted.include_children and wanted.type != "step" and wanted.pipeline_id is None:
        query = query.where(run.c.parent_id.is_(None))
    if wanted.prefix:
        query = query.where(_begins_with(wanted.prefix))
    if wanted.before_number is not None:
        query = query.where(run.c.number < wanted.before_number)
    for kind, name, value in wanted.labels:
        same = and_(label.c.run_id == run.c.id, label.c.kind == kind, label.c.name == name)
        query = query.where(exists().where(same if value is None else and_(same, label.c.value == value)))
    return _rows(connection, query)


def find_by_prefix(connection: Connection, prefix: str, limit: int = 5) -> list[Row]:
    return _rows(connection, select(run).where(_begins_with(prefix)).limit(limit))


def _begins_with(prefix: str) -> ColumnElement[bool]:
    return run.c.id.startswith(prefix, autoescape=True)


def events_of_root(connection: Connection, root_id: str, after: int = 0, limit: int | None = None) -> list[Row]:
    query = select(event).where(event.c.root_id == root_id, event.c.id > after).order_by(event.c.id).limit(limit)
    return [{**row, "body": json.loads(row["body"])} for row in _rows(connection, query)]


def events_of_run(connection: Connection, run_id: str, after: int = 0) -> list[Row]:
    query = select(event).where(event.c.run_id == run_id, event.c.id > after).order_by(event.c.id)
    return [{**row, "body": json.loads(row["body"])} for row in _rows(connection, query)]


def warnings(connection: Connection, run_id: str, of_root: bool) -> list[Row]:
    """The warning events of a run, or of all runs below it when it is a root."""
    mine = event.c.root_id == run_id if of_root else event.c.run_id == run_id
    query = select(event).where(mine, event.c.name == "warning").order_by(event.c.id)
    return [{**row, "body": json.loads(row["body"])} for row in _rows(connection, query)]


def cancel_requests(connection: Connection, root_id: str) -> list[str]:
    """The runs below this root that someone asked to cancel."""
    query = select(event.c.run_id).where(event.c.root_id == root_id, event.c.name == "cancel_requested").distinct()
    return list(connection.execute(query).scalars())


def save_attempt(connection: Connection, row: Row) -> None:
    """Keep how a try ended; a repeated report changes nothing."""
    connection.execute(upsert(connection, attempt).on_conflict_do_nothing(), {**row, "exit": json.dumps(row["exit"])})


def attempts(connection: Connection, run_id: str) -> list[Row]:
    query = select(attempt).where(attempt.c.run_id == run_id).order_by(attempt.c.attempt)
    return [{**row, "exit": json.loads(row["exit"])} for row in _rows(connection, query)]


def set_display(connection: Connection, run_id: str, **values: str) -> None:
    connection.execute(update(run).where(run.c.id == run_id).values(**values))


def _rows(connection: Connection, query: Any) -> list[Row]:
    return [dict(r) for r in connection.execute(query).mappings()]
