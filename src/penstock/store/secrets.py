"""Sealed secrets by workspace and name. Knows no key: what it keeps nobody can read without one."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, select

from penstock.store.dialect import upsert
from penstock.store.tables import secret

Row = dict[str, Any]


def put(connection: Connection, row: Row) -> None:
    """Keep a secret; one of that name is replaced."""
    statement = upsert(connection, secret).values(row)
    new = {k: statement.excluded[k] for k in ("sealed", "content_type", "updated_at")}
    connection.execute(statement.on_conflict_do_update(index_elements=[secret.c.workspace, secret.c.name], set_=new))


def get(connection: Connection, workspace: str, name: str) -> Row | None:
    same = (secret.c.workspace == workspace, secret.c.name == name)
    found = connection.execute(select(secret).where(*same)).mappings().first()
    return dict(found) if found else None


def listed(connection: Connection, workspace: str) -> list[Row]:
    """Names and content types, by name; no values."""
    query = select(secret.c.name, secret.c.content_type, secret.c.created_at, secret.c.updated_at)
    return [
        dict(r)
        for r in connection.execute(query.where(secret.c.workspace == workspace).order_by(secret.c.name)).mappings()
    ]


def drop(connection: Connection, workspace: str, name: str) -> bool:
    same = (secret.c.workspace == workspace, secret.c.name == name)
    return bool(connection.execute(delete(secret).where(*same)).rowcount)
