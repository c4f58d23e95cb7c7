"""Registered environments: each a definition under a name and a version."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, insert, select, update

from penstock.store.tables import environment

Row = dict[str, Any]
_JSON = ("definition", "labels")


def versions(connection: Connection, workspace: str, name: str | None = None) -> list[Row]:
    """Every version, oldest registration first."""
    query = select(environment).where(environment.c.workspace == workspace).order_by(environment.c.created_at)
    if name is not None:
        query = query.where(environment.c.name == name)
    rows = connection.execute(query).mappings()
    return [{k: json.loads(v) if k in _JSON else v for k, v in row.items()} for row in rows]


def add(connection: Connection, row: Row) -> None:
    connection.execute(insert(environment), {k: json.dumps(v) if k in _JSON else v for k, v in row.items()})


def set_labels(connection: Connection, workspace: str, name: str, version: str, labels: list[str]) -> None:
    same = (environment.c.workspace == workspace, environment.c.name == name, environment.c.version == version)
    connection.execute(update(environment).where(*same).values(labels=json.dumps(labels)))
