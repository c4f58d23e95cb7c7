"""Where the two databases need other words for one thing. Knows dialects; knows no table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    CursorResult,
    Integer,
    String,
    Table,
    Text,
    cast,
    func,
    literal,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.types import TypeEngine

CHUNK = 400
_ROWS = 100  # in one statement: of 26 columns, less than a tenth of the values that SQLite takes

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


def joined(connection: Connection, value: Any, order: Any, where: Any) -> ColumnElement[str]:
    """The values of those of a group's rows as one text, with commas between. SQLite takes the rows as it finds them: its query must name the
    index that has them in the order, for its versions before 3.44 cannot be told one."""
    if not is_postgresql(connection):
        return func.group_concat(value).filter(where)
    from sqlalchemy.dialects import postgresql

    return func.string_agg(cast(value, Text), postgresql.aggregate_order_by(literal(","), order)).filter(where)


def json_array(connection: Connection, value: Any, order: Any, where: Any) -> ColumnElement[str]:
    """The texts of those of a group's rows as one JSON array, in the order that `joined` tells of. (To quote each would take as long again.)"""
    if not is_postgresql(connection):
        return func.json_group_array(value).filter(where)
    from sqlalchemy.dialects import postgresql

    return cast(func.json_agg(postgresql.aggregate_order_by(value, order)).filter(where), Text)


def insert_all(connection: Connection, table: Table, rows: Sequence[dict[str, Any]], conflict: str = "") -> None:
    """Insert rows that have the same columns. Past SQLAlchemy, which works on each of thousands for longer than the database does.

    `conflict` is what follows the values: an ON CONFLICT clause.
    """
    if not rows:
        return
    names = list(rows[0])
    given = [*map(itemgetter(*names), rows)] if len(names) > 1 else [(row[names[0]],) for row in rows]
    n_together = 0
    if not is_postgresql(connection):  # its driver sends statements together anyway
        n_together = len(given) - len(given) % _ROWS
        if n_together:
            _insert_together(connection, table, names, given[:n_together], conflict)
    if rest := given[n_together:]:
        text = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES {_list(names)} {conflict}"
        connection.exec_driver_sql(text.replace("?", _mark(connection)), rest)


def _insert_together(
    connection: Connection, table: Table, names: list[str], given: list[tuple[Any, ...]], conflict: str
) -> None:
    """SQLite is done sooner with _ROWS rows in a statement, and when it is given once what all rows share."""
    columns = dict(zip(names, zip(*given, strict=True), strict=True))
    shared = [name for name in names[1:] if len(set(columns[name])) == 1]
    own = [name for name in names if name not in shared]
    once = [columns[name][0] for name in shared]
    each = [*zip(*(columns[name] for name in own), strict=True)]
    values = _numbered(len(shared), len(own))
    text = f"INSERT INTO {table.name} ({', '.join([*shared, *own])}) VALUES {values} {conflict}"
    for start in range(0, len(each), _ROWS):
        connection.exec_driver_sql(text, (*once, *chain.from_iterable(each[start : start + _ROWS])))


@lru_cache(maxsize=64)
def _numbered(n_shared: int, n_own: int) -> str:
    """_ROWS rows of values by their numbers: first what they share, then what each has of its own."""
    shared = [f"?{1 + n}" for n in range(n_shared)]
    own = [[f"?{1 + n_shared + row * n_own + n}" for n in range(n_own)] for row in range(_ROWS)]
    return ", ".join(f"({', '.join([*shared, *mine])})" for mine in own)


def with_ids(connection: Connection, text: str, given: Sequence[Any], ids: Sequence[str]) -> int:
    """How many rows a statement changed that ends with `IN`, done for all these ids; `given` stand in it as `?`, in order."""
    chunks = (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))
    return sum(_run(connection, f"{text} {_list(some)}", [*given, *some]).rowcount for some in chunks)


def tuples_of(
    connection: Connection, text: str, given: Sequence[Any], ids: Sequence[str], rest: str = ""
) -> Iterator[tuple[Any, ...]]:
    """The rows of a query that ends with `IN`, for all these ids; `rest` comes behind, and holds within CHUNK of them."""
    for start in range(0, len(ids), CHUNK):
        some = ids[start : start + CHUNK]
        yield from tuples(connection, f"{text} {_list(some)} {rest}", [*given, *some])


def tuples(connection: Connection, text: str, given: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """The rows of a query as the driver gives them: SQLAlchemy's own take three times as long, which thousands feel."""
    result = _run(connection, text, given)
    assert result.cursor is not None
    rows = [*result.cursor.fetchall()]
    result.close()
    return rows


def _run(connection: Connection, text: str, given: Sequence[Any]) -> CursorResult[Any]:
    return connection.exec_driver_sql(text.replace("?", _mark(connection)), tuple(given))


def _list(values: Sequence[Any]) -> str:
    return f"({', '.join('?' * len(values))})"


def _mark(connection: Connection) -> str:
    return "%s" if is_postgresql(connection) else "?"
