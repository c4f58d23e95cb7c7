"""The ticks of schedules: one row a due time or a batch of changes, what became of it, and the run that was submitted for it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, or_, select, update

from penstock.model.status import TERMINAL
from penstock.store.dialect import is_postgresql, upserting
from penstock.store.tables import graph, run, schedule, submission, tick

Row = dict[str, Any]
_IN_ONE = 500  # ids in one statement
KEY_SECONDS = 0.0005  # half of what tells two idempotency keys of a schedule apart
_ENDED = tuple(str(s) for s in TERMINAL)
_UNRUN = ("skipped", "failed")
_SAME = (tick.c.schedule_id == bindparam("b_id"), tick.c.scheduled_at == bindparam("b_at"))
_VERDICT = select(tick.c.verdict).where(*_SAME)
_DUE = select(tick).where(tick.c.verdict == "due").order_by(tick.c.scheduled_at).limit(bindparam("b_limit"))
_FIRST_QUEUED = (
    select(tick.c.schedule_id, func.min(tick.c.scheduled_at).label("at"))
    .where(tick.c.verdict == "queued")
    .group_by(tick.c.schedule_id)
    .subquery()
)
_QUEUED = (
    select(tick)
    .join(
        _FIRST_QUEUED,
        (tick.c.schedule_id == _FIRST_QUEUED.c.schedule_id) & (tick.c.scheduled_at == _FIRST_QUEUED.c.at),
    )
    .limit(bindparam("b_limit"))
)
_DECIDE = (
    update(tick)
    .where(*_SAME, tick.c.verdict.in_(("due", "queued")))
    .values(
        verdict=bindparam("b_verdict"),
        decided_at=bindparam("b_decided"),
        run_id=bindparam("b_run"),
        reason=bindparam("b_reason"),
    )
)
_ACTIVE = (
    select(run.c.id)
    .join(tick, tick.c.run_id == run.c.id)
    .where(tick.c.schedule_id == bindparam("b_id"), run.c.status.not_in(_ENDED))
    .order_by(run.c.number)
)


def add_ticks(connection: Connection, rows: Sequence[Row]) -> None:
    """Keep due times; one that is known already stays as it is."""
    blank = {"until_at": None, "n": 1, "verdict": "due", "reason": None, "run_id": None, "decided_at": None}
    if rows:
        whole = [{**blank, **r, "evidence": json.dumps(r.get("evidence") or {})} for r in rows]
        connection.execute(_insert(is_postgresql(connection)), whole)


@cache
def _insert(is_postgresql: bool) -> Any:
    return upserting(is_postgresql, tick).on_conflict_do_nothing()


def add_at_free_time(connection: Connection, row: Row) -> float:
    """Keep a tick that stands for no due time, at the next free millisecond: the clock may have been set back. When that is.

    Never on a whole second: those are due times, and this must not stand in the place of one.
    """
    at: float = math.floor(row["scheduled_at"] * 1000) / 1000
    while at.is_integer() or has_tick(connection, row["schedule_id"], at):
        at = round(at + 0.001, 3)
    add_ticks(connection, [{**row, "scheduled_at": at}])
    return at


def stands_for_another(connection: Connection, schedule_id: str, reason: str, now: float) -> bool:
    """Have the latest tick stand for one more, at `now`, if it is a skip for this reason; whether it is."""
    newest = select(tick).where(tick.c.schedule_id == schedule_id).order_by(tick.c.scheduled_at.desc()).limit(1)
    found = connection.execute(newest).mappings().first()
    if found is None or (found["verdict"], found["reason"]) != ("skipped", reason) or found["scheduled_at"] > now:
        return False
    same = (tick.c.schedule_id == schedule_id, tick.c.scheduled_at == found["scheduled_at"])
    values = {"until_at": now, "n": found["n"] + 1, "decided_at": now}
    connection.execute(update(tick).where(*same).values(**values))
    return True


def has_tick(connection: Connection, schedule_id: str, scheduled_at: float) -> bool:
    return connection.execute(_VERDICT, {"b_id": schedule_id, "b_at": scheduled_at}).first() is not None


def is_pending(connection: Connection, row: Row) -> bool:
    """Whether a tick has no verdict yet."""
    found = connection.execute(_VERDICT, {"b_id": row["schedule_id"], "b_at": row["scheduled_at"]}).scalar()
    return found in ("due", "queued")


def backfill_tick(connection: Connection, row: Row) -> Row | None:
    """Keep a due time to be run after all, in place of its skip or failure: what there was, if that was it."""
    same = (tick.c.schedule_id == row["schedule_id"], tick.c.scheduled_at == row["scheduled_at"])
    before = connection.execute(select(tick).where(*same, tick.c.verdict.in_(_UNRUN))).mappings().first()
    if before is None:
        add_ticks(connection, [row])
        return None
    values = {"verdict": "due", "reason": None, "until_at": None, "n": 1, "evidence": json.dumps(row["evidence"])}
    connection.execute(update(tick).where(*same).values(**values, decided_at=None))
    return _tick(before)


def pending(connection: Connection, limit: int) -> list[Row]:
    """Ticks without a verdict, oldest first: all that are due, and the first of each schedule that is queued."""
    given = {"b_limit": limit}
    rows = [*connection.execute(_DUE, given).mappings(), *connection.execute(_QUEUED, given).mappings()]
    return sorted((_tick(r) for r in rows), key=lambda r: (r["scheduled_at"], r["schedule_id"]))


def decide(
    connection: Connection, row: Row, verdict: str, now: float, run_id: str | None = None, reason: str | None = None
) -> bool:
    """Give a pending tick its verdict, unless it has one."""
    values = {
        "b_verdict": verdict,
        "b_decided": None if verdict == "queued" else now,
        "b_run": run_id,
        "b_reason": reason,
    }
    return (
        connection.execute(_DECIDE, {"b_id": row["schedule_id"], "b_at": row["scheduled_at"], **values}).rowcount == 1
    )


def ticks(connection: Connection, schedule_id: str, limit: int = 100, before: float | None = None) -> list[Row]:
    """Newest first, each with the status of its run."""
    query = (
        select(tick, run.c.status.label("run_status"))
        .join(run, run.c.id == tick.c.run_id, isouter=True)
        .where(tick.c.schedule_id == schedule_id)
    )
    if before is not None:
        query = query.where(tick.c.scheduled_at < before)
    query = query.order_by(tick.c.scheduled_at.desc()).limit(limit)
    return [_tick(r) for r in connection.execute(query).mappings()]


def times_run(connection: Connection, schedule_id: str, begin: float, end: float) -> set[float]:
    """The due times from `begin` to `end` that were run, or will be."""
    span = (tick.c.scheduled_at >= begin, tick.c.scheduled_at <= end)
    query = select(tick.c.scheduled_at).where(tick.c.schedule_id == schedule_id, *span, tick.c.verdict.not_in(_UNRUN))
    return {float(at) for at in connection.execute(query).scalars()}


def active_runs(connection: Connection, schedule_id: str) -> list[str]:
    """Runs of this schedule that have not ended, oldest first."""
    return list(connection.execute(_ACTIVE, {"b_id": schedule_id}).scalars())


def runs_of(connection: Connection, schedule_id: str) -> list[str]:
    """Its pipeline runs, newest first."""
    query = select(run.c.id).join(tick, tick.c.run_id == run.c.id).where(tick.c.schedule_id == schedule_id)
    return list(connection.execute(query.order_by(run.c.number.desc())).scalars())


def last_outcomes(connection: Connection, schedule_id: str, limit: int, since: float) -> list[bool]:
    """Of the latest ticks made since then that came to an end, newest first: whether each failed."""
    query = _ended(schedule_id, limit).where(tick.c.made_at >= since)
    return [verdict == "failed" or status == "Failed" for verdict, status in connection.execute(query)]


def failing(connection: Connection, schedule_ids: Sequence[str], n: int) -> dict[str, str | None]:
    """Those of which the last `n` ticks that came to an end all failed, each with the last run that did (None: not submitted)."""
    found: dict[str, str | None] = {}
    for begin in range(0, len(schedule_ids), _IN_ONE):
        of = schedule.c.id
        last = _ended(of, n).add_columns(tick.c.run_id).correlate(schedule).subquery()
        is_bad = or_(last.c.verdict == "failed", last.c.status == "Failed")
        bad = select(func.count()).select_from(last).where(is_bad).scalar_subquery()
        query = select(of, bad.label("n")).where(of.in_(schedule_ids[begin : begin + _IN_ONE]))
        for schedule_id, n_bad in connection.execute(query):
            if n_bad >= n:
                run_ids = [r.run_id for r in connection.execute(_ended(schedule_id, n).add_columns(tick.c.run_id))]
                found[schedule_id] = next((r for r in run_ids if r is not None), None)
    return found


def _ended(schedule_id: Any, limit: int) -> Select[Any]:
    """The verdict and the run's status of the latest ticks that came to an end, newest first."""
    return (
        select(tick.c.verdict, run.c.status)
        .join(run, run.c.id == tick.c.run_id, isouter=True)
        .where(tick.c.schedule_id == schedule_id)
        .where(or_(tick.c.verdict == "failed", run.c.status.in_(_ENDED)))
        .order_by(tick.c.scheduled_at.desc())
        .limit(limit)
    )


def is_run_of(connection: Connection, schedule_id: str, run_id: str) -> bool:
    """Whether a run, or the pipeline run that it is a step of, was submitted by a schedule: known from the moment it is there."""
    query = select(submission.c.run_id).join(run, run.c.root_id == submission.c.run_id)
    return connection.execute(query.where(run.c.id == run_id, *_keys_of(schedule_id))).first() is not None


def copying_since(connection: Connection, schedule_id: str, since: float) -> list[Row]:
    """Runs of a schedule that may have left copies at places of the author's choice since then: run_id, and the graph as text."""
    query = (
        select(submission.c.run_id, graph.c.text.label("graph"))
        .join(run, run.c.id == submission.c.run_id)
        .join(graph, graph.c.digest == submission.c.graph_digest)
        .where(*_keys_of(schedule_id), graph.c.text.contains('"destination"'))
        .where(or_(run.c.ended_at.is_(None), run.c.ended_at >= since))
    )
    return [dict(r) for r in connection.execute(query.order_by(run.c.number)).mappings()]


def tick_of_run(connection: Connection, run_id: str) -> Row | None:
    """The tick that the pipeline run of this run (or it itself) was submitted for, before it is recorded with the tick too."""
    query = select(submission.c.idempotency_key).join(run, run.c.root_id == submission.c.run_id)
    key = connection.execute(query.where(run.c.id == run_id)).scalar()
    schedule_id, _, at = str(key or "").partition("@")
    if not at:
        return None
    same = (tick.c.schedule_id == schedule_id, func.abs(tick.c.scheduled_at - float(at)) < KEY_SECONDS)
    found = connection.execute(select(tick).where(*same)).mappings().first()
    return _tick(found) if found else None


def _keys_of(schedule_id: str) -> tuple[Any, Any]:
    """The idempotency keys of a schedule's runs: its id, an @, a time."""
    key = submission.c.idempotency_key
    return key > f"{schedule_id}@", key < f"{schedule_id}A"


def _tick(row: Any) -> Row:
    return {**row, "evidence": json.loads(row["evidence"])}
