"""Schedules, and the files that those which watch data saw last. Their ticks are in ticks.py."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, or_, select, update

from penstock.store.dialect import upsert
from penstock.store.tables import schedule, watched

Row = dict[str, Any]
_BY_ID = select(schedule).where(schedule.c.id == bindparam("b_id"))
_BY_IDS = select(schedule).where(schedule.c.id.in_(bindparam("b_ids", expanding=True)))
_OF_KIND = (schedule.c.status == "Active", schedule.c.kind == bindparam("b_kind"))
_DUE = (
    select(schedule)
    .where(*_OF_KIND, or_(schedule.c.next_at <= bindparam("b_now"), schedule.c.seen_at > bindparam("b_ahead")))
    .order_by(schedule.c.next_at)
    .limit(bindparam("b_limit"))
)
_NEXT_DUE = select(func.min(schedule.c.next_at)).where(*_OF_KIND)
_ADVANCE = (
    update(schedule)
    .where(schedule.c.id == bindparam("b_id"), schedule.c.revision == bindparam("b_revision"))
    .where(schedule.c.status == "Active", schedule.c.next_at.is_not_distinct_from(bindparam("b_before")))
    .values(next_at=bindparam("b_next"), seen_at=bindparam("b_now"))
)


def add(connection: Connection, row: Row) -> None:
    connection.execute(insert(schedule), [_written(row)])


def add_watching(connection: Connection, row: Row, files: str, n_files: int) -> None:
    """Add a schedule that watches data together with what is there."""
    add(connection, row)
    put_watched(connection, row["id"], files, n_files, row["created_at"])


def get(connection: Connection, schedule_id: str) -> Row | None:
    found = connection.execute(_BY_ID, {"b_id": schedule_id}).mappings().first()
    return _read(found) if found else None


def some(connection: Connection, schedule_ids: Sequence[str]) -> dict[str, Row]:
    """These schedules by id."""
    return {r["id"]: _read(r) for r in connection.execute(_BY_IDS, {"b_ids": list(schedule_ids)}).mappings()}


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
    given = {"b_kind": kind, "b_now": now, "b_ahead": now + ahead, "b_limit": limit}
    return [_read(r) for r in connection.execute(_DUE, given).mappings()]


def next_due(connection: Connection, kind: str) -> float | None:
    found = connection.execute(_NEXT_DUE, {"b_kind": kind}).scalar()
    return None if found is None else float(found)


def advance(connection: Connection, row: Row, next_at: float | None, now: float) -> bool:
    """Set when it is due next, unless it was edited or advanced since it was read as `row`."""
    same = {"b_id": row["id"], "b_revision": row["revision"], "b_before": row["next_at"]}
    return connection.execute(_ADVANCE, {**same, "b_next": next_at, "b_now": now}).rowcount == 1


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


def _written(row: Row) -> Row:
    return {k: json.dumps(v) if k == "settings" else v for k, v in row.items()}


def _read(row: Any) -> Row:
    return {**row, "settings": json.loads(row["settings"])}
