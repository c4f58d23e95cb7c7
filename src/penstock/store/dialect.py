"""Where the two databases need other words for one thing. Knows dialects; knows no table."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Connection, Integer, String, Table
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
    if not is_postgresql(connection):
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # 40 ms of every server's start, which most have no use for

    return postgresql.insert(table)
