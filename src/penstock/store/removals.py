"""Outputs that may be cleared away, what speaks against it, and what was done: rows alone, no files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from penstock.model.status import TERMINAL, Status
from penstock.store.dialect import upsert
from penstock.store.tables import (
    dataset,
    dataset_version,
    graph,
    identity,
    model,
    output,
    pinned,
    removal,
    run,
    submission,
)
from penstock.store.takeover import LEFT_BY

Row = dict[str, Any]
_CHUNK = 400


def kept_outputs(connection: Connection) -> list[Row]:
    """Every output that a run points at, with the facts of its run, and how that and its root stand; in the order of runs."""
    root = run.alias("root")
    query = (
        select(*(c for c in output.c if c.name != "run_id"), run.c.id.label("run_id"), run.c.root_id, run.c.workspace)
        .add_columns(run.c.attempt, run.c.created_at, run.c.ended_at, run.c.number, run.c.name.label("step"))
        .add_columns(root.c.status.label("root_status"), run.c.status.label("status"))
        .join(run, output.c.run_id == LEFT_BY)
        .join(root, root.c.id == run.c.root_id)
        .where(output.c.kind != "missing")
        .order_by(run.c.number)
    )
    return [dict(r) for r in connection.execute(query).mappings()]


def removed_places(connection: Connection) -> set[tuple[str, str]]:
    """Root and path of each output that was cleared away."""
    return {(r.root, r.path) for r in connection.execute(select(removal.c.root, removal.c.path))}


def pins(connection: Connection) -> set[str]:
    """The runs that are pinned."""
    return set(connection.execute(select(pinned.c.run_id)).scalars())


def pin(connection: Connection, run_id: str, at: float) -> None:
    connection.execute(upsert(connection, pinned).values(run_id=run_id, created_at=at).on_conflict_do_nothing())


def unpin(connection: Connection, run_id: str) -> bool:
    """Whether it was pinned."""
    return bool(connection.execute(delete(pinned).where(pinned.c.run_id == run_id)).rowcount)


def registered_datasets(connection: Connection) -> list[Row]:
    """`{workspace, name, version, definition}` of every dataset that has a name."""
    query = select(
        dataset_version.c.workspace, dataset_version.c.name, dataset_version.c.version, dataset.c.definition
    ).join(dataset, dataset.c.id == dataset_version.c.dataset_id)
    return [{**r, "definition": json.loads(r["definition"])} for r in connection.execute(query).mappings()]


def definitions(connection: Connection, dataset_ids: Iterable[str]) -> dict[str, Row]:
    """Datasets by id: `{workspace, definition}`."""
    ids = list(dict.fromkeys(dataset_ids))
    found = {}
    for start in range(0, len(ids), _CHUNK):
        query = select(dataset).where(dataset.c.id.in_(ids[start : start + _CHUNK]))
        for r in connection.execute(query).mappings():
            found[r["id"]] = {"workspace": r["workspace"], "definition": json.loads(r["definition"])}
    return found


def runs_with_models(connection: Connection) -> dict[str, str]:
    """Runs that registered a model: run id → 'name' version n."""
    query = select(model.c.run_id, model.c.name, model.c.version).where(model.c.run_id.is_not(None))
    return {r.run_id: f"model '{r.name}' version {r.version}" for r in connection.execute(query)}


def active_submissions(connection: Connection) -> list[Row]:
    """`{id, workspace, graph, parameters}` of the pipeline runs that are under way."""
    over = [str(s) for s in TERMINAL]
    query = (
        select(run.c.id, run.c.workspace, graph.c.text.label("graph"), submission.c.parameters)
        .join(submission, submission.c.run_id == run.c.id)
        .join(graph, graph.c.digest == submission.c.graph_digest)
        .where(run.c.status.not_in(over))
    )
    return [
        {**r, "graph": json.loads(r["graph"]), "parameters": json.loads(r["parameters"])}
        for r in connection.execute(query).mappings()
    ]


def add(connection: Connection, rows: Sequence[Row]) -> None:
    """Note outputs that are cleared away from now on: no later step stands on their run."""
    if rows:
        connection.execute(insert(removal), list(rows))


def in_state(connection: Connection, *states: str, sweep: str | None = None, before: float | None = None) -> list[Row]:
    """The removals in one of these states, oldest first; of one sweep, or from before a time."""
    query = select(removal).where(removal.c.state.in_(states)).order_by(removal.c.created_at, removal.c.run_id)
    if sweep is not None:
        query = query.where(removal.c.sweep == sweep)
    if before is not None:
        query = query.where(removal.c.created_at <= before)
    return [dict(r) for r in connection.execute(query).mappings()]


def set_state(connection: Connection, rows: Iterable[Row], state: str) -> None:
    for row in rows:
        connection.execute(update(removal).where(*_this(row)).values(state=state))


def drop(connection: Connection, rows: Iterable[Row]) -> None:
    for row in rows:
        connection.execute(delete(removal).where(*_this(row)))


def of_places(connection: Connection, places: Iterable[str]) -> dict[str, Row]:
    """What was cleared away of outputs at these paths on their datastores, by path."""
    wanted = list(dict.fromkeys(places))
    found: dict[str, Row] = {}
    for start in range(0, len(wanted), _CHUNK):
        query = select(removal).where(removal.c.path.in_(wanted[start : start + _CHUNK]))
        found.update({r["path"]: dict(r) for r in connection.execute(query).mappings()})
    return found


def any_of(connection: Connection, run_ids: Iterable[str]) -> str | None:
    """The first of these step runs that points at an output that was cleared away, if one does."""
    if connection.execute(select(removal.c.path).limit(1)).first() is None:
        return None
    ids = list(dict.fromkeys(run_ids))
    for start in range(0, len(ids), _CHUNK):
        query = (
            select(run.c.id)
            .join(output, output.c.run_id == LEFT_BY)
            .join(removal, removal.c.path == output.c.path)
            .where(run.c.id.in_(ids[start : start + _CHUNK]))
            .limit(1)
        )
        if (found := connection.execute(query).scalar()) is not None:
            return str(found)
    return None


def results(connection: Connection, workspace: str, run_id: str | None = None, *, unfit: bool = False) -> list[Row]:
    """Results that may be reused (of one run, or all), newest first: step, run, size, when it ended, how often and when it was last reused.
    With `unfit` those that may not be reused as well."""
    sizes = select(
        output.c.run_id, func.sum(output.c.size_bytes).label("size_bytes"), func.sum(output.c.n_files).label("n_files")
    )
    sizes = sizes.group_by(output.c.run_id)
    hits = select(run.c.reused_run_id, func.count().label("n_hits"), func.max(run.c.started_at).label("last_hit"))
    hits = hits.where(run.c.reused_run_id.is_not(None)).group_by(run.c.reused_run_id)
    size, hit = sizes.subquery(), hits.subquery()
    query = (
        select(identity.c.run_id, identity.c.workspace, identity.c.name, identity.c.fingerprint, run.c.ended_at)
        .add_columns(run.c.root_id, run.c.experiment, size.c.size_bytes, size.c.n_files, hit.c.n_hits, hit.c.last_hit)
        .join(run, run.c.id == identity.c.run_id)
        .outerjoin(size, size.c.run_id == identity.c.run_id)
        .outerjoin(hit, hit.c.reused_run_id == identity.c.run_id)
        .where(identity.c.workspace == workspace, run.c.status == str(Status.COMPLETED))
        .order_by(run.c.number.desc())
    )
    if not unfit:
        query = query.where(identity.c.unusable.is_(None), identity.c.fingerprint.is_not(None))
        query = query.where(identity.c.run_id.not_in(select(removal.c.run_id)))
    if run_id is not None:
        query = query.where(identity.c.run_id == run_id)
    found = []
    for r in connection.execute(query).mappings():
        counted = {k: int(r[k] or 0) for k in ("size_bytes", "n_files", "n_hits")}
        found.append({**r, **counted})
    return found


def _this(row: Row) -> tuple[Any, Any]:
    return removal.c.run_id == row["run_id"], removal.c.name == row["name"]
