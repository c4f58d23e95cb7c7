"""Published pipelines and the endpoints over them. Rows alone: nothing of how one is submitted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, insert, or_, select, update

from penstock.store.tables_published import pipeline_endpoint, pipeline_endpoint_version, published_pipeline

Row = dict[str, Any]
_JSON = ("graph", "interpreter")
_LISTED = [c for c in published_pipeline.c if c.name not in _JSON]


def add(connection: Connection, row: Row) -> None:
    connection.execute(insert(published_pipeline), {k: json.dumps(v) if k in _JSON else v for k, v in row.items()})


def get(connection: Connection, pipeline_id: str) -> Row | None:
    found = connection.execute(select(published_pipeline).where(published_pipeline.c.id == pipeline_id)).mappings()
    row = found.first()
    return None if row is None else {**row, **{k: json.loads(row[k]) for k in _JSON}}


def standing(connection: Connection, pipeline_id: str) -> Row | None:
    """All of it but the graph and the interpreter."""
    row = connection.execute(select(*_LISTED).where(published_pipeline.c.id == pipeline_id)).mappings().first()
    return dict(row) if row else None


def listed(connection: Connection, workspace: str, status: str | None, before: int | None, limit: int) -> list[Row]:
    """Newest first, without graphs."""
    query = select(*_LISTED).where(published_pipeline.c.workspace == workspace)
    if status is not None:
        query = query.where(published_pipeline.c.status == status)
    if before is not None:
        query = query.where(published_pipeline.c.number < before)
    query = query.order_by(published_pipeline.c.number.desc()).limit(limit)
    return [dict(r) for r in connection.execute(query).mappings()]


def named(connection: Connection, workspace: str, name: str) -> list[str]:
    """The ids of the active ones of this name, newest first."""
    same = (published_pipeline.c.workspace == workspace, published_pipeline.c.name == name)
    query = select(published_pipeline.c.id).where(*same, published_pipeline.c.status == "Active")
    return list(connection.execute(query.order_by(published_pipeline.c.number.desc())).scalars())


def newer(connection: Connection, row: Row, limit: int = 10) -> list[str]:
    """The ids of those published after this one under its name, or as versions of an endpoint of which it is one: newest first."""
    c, version = published_pipeline.c, pipeline_endpoint_version.c
    mine = select(version.endpoint_id).where(version.pipeline_id == row["id"])
    beside = select(version.pipeline_id).where(version.endpoint_id.in_(mine))
    query = select(c.id).where(c.workspace == row["workspace"], c.number > row["number"])
    query = query.where(or_(c.name == row["name"], c.id.in_(beside))).order_by(c.number.desc()).limit(limit)
    return list(connection.execute(query).scalars())


def beginning(
    connection: Connection, text: str, workspaces: Sequence[str] | None, granted: Sequence[str], limit: int
) -> list[Row]:
    """Endpoints, then pipelines whose id or name begins with `text`: those that are called just so first, then the newest.

    Of all workspaces (None), or of these, and beside them what is `granted` by its id. `{kind, id, workspace, name, version, status}`.
    """
    found: list[Row] = []
    for kind, c, version in (
        ("endpoint", pipeline_endpoint.c, pipeline_endpoint.c.default_version),
        ("pipeline", published_pipeline.c, published_pipeline.c.version),
    ):
        is_exact = or_(c.id == text, c.name == text)
        query = select(c.id, c.workspace, c.name, version.label("version"), c.status)
        query = query.where(or_(*(func.substr(column, 1, len(text)) == text for column in (c.id, c.name))))
        if workspaces is not None:
            query = query.where(or_(c.workspace.in_(workspaces), c.id.in_(granted)))
        query = query.order_by(is_exact.desc(), (c.status == "Active").desc(), c.number.desc()).limit(limit)
        found += [{"kind": kind, **row} for row in connection.execute(query).mappings()]
    return found


def set_status(connection: Connection, pipeline_id: str, status: str) -> None:
    query = update(published_pipeline).where(published_pipeline.c.id == pipeline_id)
    connection.execute(query.values(status=status))


def is_any(connection: Connection) -> bool:
    return connection.execute(select(published_pipeline.c.number).limit(1)).first() is not None


def is_any_active(connection: Connection) -> bool:
    query = select(published_pipeline.c.number).where(published_pipeline.c.status == "Active").limit(1)
    return connection.execute(query).first() is not None


def all_graphs(connection: Connection) -> list[Row]:
    """`{id, workspace, name, graph}` of every one."""
    c = published_pipeline.c
    found = connection.execute(select(c.id, c.workspace, c.name, c.graph)).mappings()
    return [{**r, "graph": json.loads(r["graph"])} for r in found]


def add_endpoint(connection: Connection, row: Row) -> bool:
    """Whether it is kept: not when the workspace has one of this name."""
    if endpoint(connection, row["workspace"], name=row["name"]) is not None:
        return False
    connection.execute(insert(pipeline_endpoint), row)
    return True


def endpoint(connection: Connection, workspace: str, **equal: str) -> Row | None:
    """An endpoint by `id` or `name`."""
    query = select(pipeline_endpoint).where(pipeline_endpoint.c.workspace == workspace)
    for name, value in equal.items():
        query = query.where(pipeline_endpoint.c[name] == value)
    row = connection.execute(query).mappings().first()
    return dict(row) if row else None


def endpoints(connection: Connection, workspace: str, status: str | None, before: int | None, limit: int) -> list[Row]:
    """Newest first."""
    query = select(pipeline_endpoint).where(pipeline_endpoint.c.workspace == workspace)
    if status is not None:
        query = query.where(pipeline_endpoint.c.status == status)
    if before is not None:
        query = query.where(pipeline_endpoint.c.number < before)
    query = query.order_by(pipeline_endpoint.c.number.desc()).limit(limit)
    return [dict(r) for r in connection.execute(query).mappings()]


def change_endpoint(connection: Connection, endpoint_id: str, values: Row) -> None:
    connection.execute(update(pipeline_endpoint).where(pipeline_endpoint.c.id == endpoint_id).values(**values))


def add_version(connection: Connection, endpoint_id: str, pipeline_id: str, at: float) -> int | None:
    """The number that this pipeline is given below the endpoint; None when it has one already."""
    c = pipeline_endpoint_version.c
    if connection.execute(select(c.version).where(c.endpoint_id == endpoint_id, c.pipeline_id == pipeline_id)).first():
        return None
    last = connection.execute(select(func.max(c.version)).where(c.endpoint_id == endpoint_id)).scalar()
    version = 0 if last is None else int(last) + 1
    row = {"endpoint_id": endpoint_id, "version": version, "pipeline_id": pipeline_id, "created_at": at}
    connection.execute(insert(pipeline_endpoint_version), row)
    return version


def versions(connection: Connection, endpoint_ids: Sequence[str]) -> dict[str, list[Row]]:
    """`{version, pipeline_id, status}` of each of these endpoints, oldest first."""
    c = pipeline_endpoint_version.c
    query = (
        select(c.endpoint_id, c.version, c.pipeline_id, published_pipeline.c.status)
        .join(published_pipeline, published_pipeline.c.id == c.pipeline_id)
        .where(c.endpoint_id.in_(endpoint_ids))
        .order_by(c.version)
    )
    found: dict[str, list[Row]] = {e: [] for e in endpoint_ids}
    for row in connection.execute(query).mappings():
        found[row["endpoint_id"]].append({k: row[k] for k in ("version", "pipeline_id", "status")})
    return found
