"""Schedules, their ticks, and the files that they saw last."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, insert, or_, select, update

from penstock.model.status import TERMINAL
from penstock.store.dialect import upsert
from penstock.store.tables import output, run, schedule, tick, watched

Row = dict[str, Any]
_ENDED = tuple(str(s) for s in TERMINAL)


def add(connection: Connection, row: Row) -> None:
    connection.execute(insert(schedule), [_written(row)])


def get(connection: Connection, schedule_id: str) -> Row | None:
    found = connection.execute(select(schedule).where(schedule.c.id == schedule_id)).mappings().first()
    return _read(found) if found else None


def change(connection: Connection, schedule_id: str, revision: int, values: Row) -> bool:
    """Edit a schedule unless somebody else did since `revision`."""
    query = update(schedule).where(schedule.c.id == schedule_id, schedule.c.revision == revision)
    return connection.execute(query.values(revision=revision + 1, **_written(values))).rowcount == 1


def listed(connection: Connection, workspace: str | None = None, **equal: Any) -> list[Row]:
    """Oldest first; `equal` are columns and the values they must have."""
    query = select(schedule).order_by(schedule.c.created_at, schedule.c.id)
    if workspace is not None:
        query = query.where(schedule.c.workspace == workspace)
    for name, value in equal.items():
        query = query.where(schedule.c[name] == value)
    return [_read(r) for r in connection.execute(query).mappings()]


def n_active(connection: Connection) -> int:
    query = select(func.count()).select_from(schedule).where(schedule.c.status == "Active")
    return int(connection.execute(query).scalar() or 0)


def due(connection: Connection, kind: str, now: float, ahead: float, limit: int) -> list[Row]:
    """Active schedules whose time has come, and those worked out by a clock that was `ahead` seconds in front of this one."""
    come = or_(schedule.c.next_at <= now, schedule.c.seen_at > now + ahead)
    query = select(schedule).where(schedule.c.status == "Active", schedule.c.kind == kind, come)
    return [_read(r) for r in connection.execute(query.order_by(schedule.c.next_at).limit(limit)).mappings()]


def next_due(connection: Connection, kind: str) -> float | None:
    query = select(func.min(schedule.c.next_at)).where(schedule.c.status == "Active", schedule.c.kind == kind)
    found = connection.execute(query).scalar()
    return None if found is None else float(found)


def advance(connection: Connection, row: Row, next_at: float | None, now: float) -> bool:
    """Set when it is due next, unless it was edited or advanced since it was read as `row`."""
    same = (schedule.c.id == row["id"], schedule.c.revision == row["revision"], schedule.c.status == "Active")
    query = update(schedule).where(*same, schedule.c.next_at.is_not_distinct_from(row["next_at"]))
    return connection.execute(query.values(next_at=next_at, seen_at=now)).rowcount == 1


def set_note(connection: Connection, schedule_id: str, note: str | None, **values: Any) -> None:
    connection.execute(update(schedule).where(schedule.c.id == schedule_id).values(note=note, **values))


def add_ticks(connection: Connection, rows: Sequence[Row]) -> None:
    """Keep due times; one that is known already stays as it is."""
    blank = {"until_at": None, "n": 1, "verdict": "due", "reason": None, "run_id": None, "decided_at": None}
    if rows:
        whole = [{**blank, **r, "evidence": json.dumps(r.get("evidence") or {})} for r in rows]
        connection.execute(upsert(connection, tick).on_conflict_do_nothing(), whole)


def has_tick(connection: Connection, schedule_id: str, scheduled_at: float) -> bool:
    same = (tick.c.schedule_id == schedule_id, tick.c.scheduled_at == scheduled_at)
    return connection.execute(select(tick.c.verdict).where(*same)).first() is not None


def backfill_tick(connection: Connection, row: Row) -> float | None:
    """Keep a due time to be run after all, in place of its skip; until when that skip stood for others too."""
    same = (tick.c.schedule_id == row["schedule_id"], tick.c.scheduled_at == row["scheduled_at"])
    skipped = (*same, tick.c.verdict == "skipped")
    until = connection.execute(select(tick.c.until_at).where(*skipped)).scalar()
    values = {"verdict": "due", "reason": None, "until_at": None, "n": 1, "evidence": json.dumps(row["evidence"])}
    if connection.execute(update(tick).where(*skipped).values(**values, decided_at=None)).rowcount == 0:
        add_ticks(connection, [row])
    return until


def pending(connection: Connection, limit: int) -> list[Row]:
    """Ticks without a verdict, oldest first: all that are due, and the first of each schedule that is queued."""
    first = (
        select(tick.c.schedule_id, func.min(tick.c.scheduled_at).label("at"))
        .where(tick.c.verdict == "queued")
        .group_by(tick.c.schedule_id)
        .subquery()
    )
    queued = select(tick).join(first, (tick.c.schedule_id == first.c.schedule_id) & (tick.c.scheduled_at == first.c.at))
    query = select(tick).where(tick.c.verdict == "due").order_by(tick.c.scheduled_at).limit(limit)
    rows = [*connection.execute(query).mappings(), *connection.execute(queued.limit(limit)).mappings()]
    return sorted((_tick(r) for r in rows), key=lambda r: (r["scheduled_at"], r["schedule_id"]))


def decide(connection: Connection, row: Row, verdict: str, now: float, **values: Any) -> bool:
    """Give a pending tick its verdict, unless it has one."""
    same = (tick.c.schedule_id == row["schedule_id"], tick.c.scheduled_at == row["scheduled_at"])
    query = update(tick).where(*same, tick.c.verdict.in_(("due", "queued")))
    decided = None if verdict == "queued" else now
    return connection.execute(query.values(verdict=verdict, decided_at=decided, **values)).rowcount == 1


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


def active_runs(connection: Connection, schedule_id: str) -> list[str]:
    """Runs of this schedule that have not ended, oldest first."""
    query = (
        select(run.c.id)
        .join(tick, tick.c.run_id == run.c.id)
        .where(tick.c.schedule_id == schedule_id, run.c.status.not_in(_ENDED))
    )
    return list(connection.execute(query.order_by(run.c.number)).scalars())


def runs_of(connection: Connection, schedule_id: str) -> list[str]:
    """Its pipeline runs, newest first."""
    query = select(run.c.id).join(tick, tick.c.run_id == run.c.id).where(tick.c.schedule_id == schedule_id)
    return list(connection.execute(query.order_by(run.c.number.desc())).scalars())


def last_outcomes(connection: Connection, schedule_id: str, limit: int) -> list[bool]:
    """Of the latest ticks that came to an end, newest first: whether each failed."""
    query = (
        select(tick.c.verdict, run.c.status)
        .join(run, run.c.id == tick.c.run_id, isouter=True)
        .where(tick.c.schedule_id == schedule_id)
        .where(or_(tick.c.verdict == "failed", run.c.status.in_(_ENDED)))
        .order_by(tick.c.scheduled_at.desc())
        .limit(limit)
    )
    return [verdict == "failed" or status == "Failed" for verdict, status in connection.execute(query)]


def own_paths(connection: Connection, schedule_id: str, datastore: str) -> list[str]:
    """Where the schedule's own runs have put outputs on a datastore."""
    query = (
        select(output.c.path)
        .join(tick, tick.c.run_id == output.c.root_id)
        .where(tick.c.schedule_id == schedule_id, output.c.datastore == datastore)
    )
    return list(connection.execute(query).scalars())


def put_watched(connection: Connection, schedule_id: str, files: str, n_files: int, now: float) -> None:
    values = {"files": files, "n_files": n_files, "looked_at": now}
    query = upsert(connection, watched).values(schedule_id=schedule_id, **values)
    connection.execute(query.on_conflict_do_update(index_elements=[watched.c.schedule_id], set_=values))


def get_watched(connection: Connection, schedule_id: str) -> str | None:
    found = connection.execute(select(watched.c.files).where(watched.c.schedule_id == schedule_id)).scalar()
    return None if found is None else str(found)


def _written(row: Row) -> Row:
    return {k: json.dumps(v) if k == "settings" else v for k, v in row.items()}


def _read(row: Any) -> Row:
    return {**row, "settings": json.loads(row["settings"])}


def _tick(row: Any) -> Row:
    return {**row, "evidence": json.loads(row["evidence"])}
