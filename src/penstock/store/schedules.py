"""Schedules, their ticks, and the files that they saw last."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, func, insert, or_, select, update

from penstock.model.status import TERMINAL
from penstock.store.dialect import upsert
from penstock.store.tables import run, schedule, submission, tick, watched

Row = dict[str, Any]
_IN_ONE = 500  # ids in one statement
KEY_SECONDS = 0.0005  # half of what tells two idempotency keys of a schedule apart
_ENDED = tuple(str(s) for s in TERMINAL)


def add(connection: Connection, row: Row) -> None:
    connection.execute(insert(schedule), [_written(row)])


def add_watching(connection: Connection, row: Row, files: str, n_files: int) -> None:
    """Add a schedule that watches data together with what is there."""
    add(connection, row)
    put_watched(connection, row["id"], files, n_files, row["created_at"])


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


def n_all(connection: Connection) -> int:
    return int(connection.execute(select(func.count()).select_from(schedule)).scalar() or 0)


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


def set_note(connection: Connection, schedule_id: str, note: str | None) -> None:
    connection.execute(update(schedule).where(schedule.c.id == schedule_id).values(note=note))


def pause(connection: Connection, schedule_id: str, revision: int, note: str) -> None:
    """Disable a schedule and say why, unless somebody edited it since `revision`."""
    same = (schedule.c.id == schedule_id, schedule.c.revision == revision, schedule.c.status == "Active")
    values = {"status": "Disabled", "next_at": None, "note": note, "revision": revision + 1}
    connection.execute(update(schedule).where(*same).values(**values))


def replace_note(connection: Connection, schedule_id: str, before: str | None, note: str | None) -> None:
    """Say `note`. None takes back what was said `before`, unless something else was said since."""
    query = update(schedule).where(schedule.c.id == schedule_id)
    if note is None:
        query = query.where(schedule.c.note == before)
    connection.execute(query.values(note=note))


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
        select(submission.c.run_id, submission.c.graph)
        .join(run, run.c.id == submission.c.run_id)
        .where(*_keys_of(schedule_id), submission.c.graph.contains('"destination"'))
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


def put_watched(connection: Connection, schedule_id: str, files: str, n_files: int, now: float) -> None:
    values = {"files": files, "n_files": n_files, "looked_at": now}
    query = upsert(connection, watched).values(schedule_id=schedule_id, **values)
    connection.execute(query.on_conflict_do_update(index_elements=[watched.c.schedule_id], set_=values))


def get_watched(connection: Connection, schedule_id: str) -> tuple[str, float] | None:
    """The files that were there when they were last compared, as text, and when that was."""
    query = select(watched.c.files, watched.c.looked_at).where(watched.c.schedule_id == schedule_id)
    found = connection.execute(query).first()
    return None if found is None else (str(found.files), float(found.looked_at))


def known_files(connection: Connection, schedule_id: str) -> tuple[int, float | None]:
    """How many files were there when they were last compared, and when that was."""
    query = select(watched.c.n_files, watched.c.looked_at).where(watched.c.schedule_id == schedule_id)
    found = connection.execute(query).first()
    return (0, None) if found is None else (int(found.n_files), float(found.looked_at))


def edits(connection: Connection, kind: str) -> tuple[Any, ...]:
    """Another value when a schedule of this kind was made, edited, paused or brought back."""
    counted = (func.count(), func.sum(schedule.c.revision), func.max(schedule.c.updated_at))
    query = select(*counted).where(schedule.c.kind == kind, schedule.c.status == "Active")
    return tuple(connection.execute(query).one())


def _keys_of(schedule_id: str) -> tuple[Any, Any]:
    """The idempotency keys of a schedule's runs: its id, an @, a time."""
    key = submission.c.idempotency_key
    return key > f"{schedule_id}@", key < f"{schedule_id}A"


def _written(row: Row) -> Row:
    return {k: json.dumps(v) if k == "settings" else v for k, v in row.items()}


def _read(row: Any) -> Row:
    return {**row, "settings": json.loads(row["settings"])}


def _tick(row: Any) -> Row:
    return {**row, "evidence": json.loads(row["evidence"])}
