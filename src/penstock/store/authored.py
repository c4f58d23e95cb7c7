"""Drafts, modules, module versions and types of data: what authors keep to use again, as JSON under an id."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from penstock.store.tables_published import authored

Row = dict[str, Any]


def add(connection: Connection, row: Row) -> None:
    connection.execute(insert(authored), {**row, "body": json.dumps(row["body"])})


def get(connection: Connection, workspace: str, kind: str, **equal: str) -> Row | None:
    """The newest of this kind with these columns: `id`, `name` or `parent_id`."""
    found = listed(connection, workspace, kind, **equal)
    return found[0] if found else None


def listed(connection: Connection, workspace: str, kind: str, **equal: str) -> list[Row]:
    """Newest first."""
    query = select(authored).where(authored.c.workspace == workspace, authored.c.kind == kind)
    for name, value in equal.items():
        query = query.where(authored.c[name] == value)
    found = connection.execute(query.order_by(authored.c.number.desc())).mappings()
    return [{**r, "body": json.loads(r["body"])} for r in found]


def of_kind(connection: Connection, kind: str) -> list[Row]:
    """Of every workspace."""
    found = connection.execute(select(authored).where(authored.c.kind == kind)).mappings()
    return [{**r, "body": json.loads(r["body"])} for r in found]


def change(connection: Connection, kept_id: str, name: str, body: Row, at: float) -> None:
    values = {"name": name, "body": json.dumps(body), "updated_at": at}
    connection.execute(update(authored).where(authored.c.id == kept_id).values(**values))


def drop(connection: Connection, kept_id: str) -> None:
    connection.execute(delete(authored).where(authored.c.id == kept_id))
