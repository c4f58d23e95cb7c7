"""Principals, their credentials (hashed) and grants, and the sealed keys that sign tokens."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, insert, or_, select, update

from penstock.store.dialect import upsert
from penstock.store.tables_identity import credential, principal, role_grant, signing_key

Row = dict[str, Any]


def add(connection: Connection, row: Row) -> bool:
    """Keep a principal; False when there is one of that name."""
    kept = upsert(connection, principal).values(row).on_conflict_do_nothing(index_elements=[principal.c.name])
    return bool(connection.execute(kept).rowcount)


def find(connection: Connection, name_or_id: str) -> Row | None:
    same = or_(principal.c.id == name_or_id, principal.c.name == name_or_id)
    found = connection.execute(select(principal).where(same)).mappings().first()
    return dict(found) if found else None


def listed(connection: Connection) -> list[Row]:
    """By name."""
    return [dict(r) for r in connection.execute(select(principal).order_by(principal.c.name)).mappings()]


def exists(connection: Connection) -> bool:
    return connection.execute(select(principal.c.id).limit(1)).first() is not None


def change(connection: Connection, principal_id: str, **values: Any) -> None:
    connection.execute(update(principal).where(principal.c.id == principal_id).values(values))


def drop(connection: Connection, principal_id: str) -> None:
    for table in (credential, role_grant):
        connection.execute(delete(table).where(table.c.principal_id == principal_id))
    connection.execute(delete(principal).where(principal.c.id == principal_id))


def add_credential(connection: Connection, row: Row) -> None:
    connection.execute(insert(credential), [row])


def credentials(connection: Connection, principal_id: str) -> list[Row]:
    """Oldest first."""
    query = select(credential).where(credential.c.principal_id == principal_id).order_by(credential.c.created_at)
    return [dict(r) for r in connection.execute(query).mappings()]


def expire(connection: Connection, principal_id: str, at: float) -> None:
    """End all credentials at `at`, those that end before then excepted."""
    same = (credential.c.principal_id == principal_id, credential.c.expires_at > at)
    connection.execute(update(credential).where(*same).values(expires_at=at))


def grant(connection: Connection, row: Row) -> None:
    """Give a role; one given on the same target before is replaced."""
    keys = [role_grant.c.principal_id, role_grant.c.kind, role_grant.c.target]
    statement = upsert(connection, role_grant).values(row)
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_={"role": row["role"]}))


def revoke(connection: Connection, principal_id: str, kind: str, target: str) -> bool:
    same = (role_grant.c.principal_id == principal_id, role_grant.c.kind == kind, role_grant.c.target == target)
    return bool(connection.execute(delete(role_grant).where(*same)).rowcount)


def grants(connection: Connection, principal_id: str) -> list[Row]:
    query = select(role_grant).where(role_grant.c.principal_id == principal_id)
    query = query.order_by(role_grant.c.kind, role_grant.c.target)
    return [dict(r) for r in connection.execute(query).mappings()]


def add_key(connection: Connection, row: Row) -> None:
    connection.execute(insert(signing_key), [row])


def keys(connection: Connection) -> list[Row]:
    """Newest first."""
    query = select(signing_key).order_by(signing_key.c.created_at.desc())
    return [dict(r) for r in connection.execute(query).mappings()]


def drop_keys(connection: Connection, made_before: float) -> None:
    connection.execute(delete(signing_key).where(signing_key.c.created_at < made_before))
