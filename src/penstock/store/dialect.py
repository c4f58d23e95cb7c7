"""Where the two databases need other words for one thing. Knows dialects; knows no table."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Integer, String, Table, Text, cast, func, literal
from sqlalchemy.dialects import sqlite
from sqlalchemy.types import TypeEngine

Big: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")
"""Sizes, offsets and counters: SQLite's integers are as long as need be, PostgreSQL's are not."""


def name_type(length: int) -> TypeEngine[str]:
    """A text that is compared, sorted and looked up byte by byte, whatever language the database was made for."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


def is_postgresql(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"


def upsert(connection: Connection, table: Table) -> Any:
    """An INSERT that takes ON CONFLICT clauses."""
    return upserting(is_postgresql(connection), table)


def upserting(is_postgresql: bool, table: Table) -> Any:
    """The same, for a statement that is prepared once."""
    if not is_postgresql:
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # 40 ms of every server's start, which most have no use for

    return postgresql.insert(table)


def joined(connection: Connection, value: Any, order: Any) -> ColumnElement[str]:
    """The texts of a group's rows in one, with commas between. SQLite takes the rows as it finds them: its query must name the index
    that has them in the order, for its versions before 3.44 cannot be told one."""
    if not is_postgresql(connection):
        return func.group_concat(value)
    from sqlalchemy.dialects import postgresql

    return func.string_agg(value, postgresql.aggregate_order_by(literal(","), order))


def json_text(connection: Connection, value: Any) -> ColumnElement[str]:
    """A text as it is written in JSON."""
    return cast(func.to_json(value), Text) if is_postgresql(connection) else func.json_quote(value)
