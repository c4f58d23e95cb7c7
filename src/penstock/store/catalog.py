"""Workspaces and what is registered in them: experiments, computes, datastores, datasets, models."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, Table, delete, func, insert, select, update

from penstock.store.dialect import upsert
from penstock.store.tables import (
    compute,
    dataset,
    dataset_version,
    datastore,
    experiment,
    model,
    version_given,
    workspace,
)

Row = dict[str, Any]
_JSON = ("tags", "settings", "properties", "definition", "source_state")


def _row(mapping: Any) -> Row:
    row = dict(mapping)
    return {k: json.loads(v) if k in _JSON and isinstance(v, str) else v for k, v in row.items()}


def _text(row: Row) -> Row:
    return {k: json.dumps(v, sort_keys=True) if k in _JSON else v for k, v in row.items()}


def _all(connection: Connection, query: Any) -> list[Row]:
    return [_row(r) for r in connection.execute(query).mappings()]


def _first(connection: Connection, query: Any) -> Row | None:
    found = connection.execute(query).mappings().first()
    return _row(found) if found else None


def _add(connection: Connection, table: Table, row: Row) -> bool:
    # psycopg forgets the count with the cursor, which SQLAlchemy closes at once unless told to keep it.
    keep = {"preserve_rowcount": True}
    done = connection.execute(upsert(connection, table).on_conflict_do_nothing(), _text(row), execution_options=keep)
    return done.rowcount == 1


def add_workspace(connection: Connection, row: Row) -> bool:
    """Whether the workspace was new."""
    return _add(connection, workspace, row)


def get_workspace(connection: Connection, name: str) -> Row | None:
    return _first(connection, select(workspace).where(workspace.c.name == name))


def workspaces(connection: Connection) -> list[Row]:
    return _all(connection, select(workspace).order_by(workspace.c.name))


def set_default_datastore(connection: Connection, name: str, datastore_name: str) -> None:
    connection.execute(update(workspace).where(workspace.c.name == name).values(default_datastore=datastore_name))


def add_experiment(connection: Connection, row: Row) -> bool:
    return _add(connection, experiment, row)


def get_experiment(connection: Connection, workspace_name: str, name: str) -> Row | None:
    return _first(connection, _named(experiment, workspace_name, name))


def experiments(connection: Connection, workspace_name: str) -> list[Row]:
    return _all(connection, _of(experiment, workspace_name))


def set_experiment_tags(connection: Connection, workspace_name: str, name: str, tags: Row) -> None:
    same = (experiment.c.workspace == workspace_name, experiment.c.name == name)
    connection.execute(update(experiment).where(*same).values(**_text({"tags": tags})))


def add_compute(connection: Connection, row: Row) -> bool:
    """Whether the compute was new; one that is there keeps its settings."""
    return _add(connection, compute, row)


def put_compute(connection: Connection, row: Row) -> None:
    _replace(connection, compute, row)


def get_compute(connection: Connection, workspace_name: str, name: str) -> Row | None:
    return _first(connection, _named(compute, workspace_name, name))


def computes(connection: Connection, workspace_name: str) -> list[Row]:
    return _all(connection, _of(compute, workspace_name))


def drop_compute(connection: Connection, workspace_name: str, name: str) -> bool:
    return _drop(connection, compute, workspace_name, name)


def put_datastore(connection: Connection, row: Row) -> None:
    _replace(connection, datastore, row)


def get_datastore(connection: Connection, workspace_name: str, name: str) -> Row | None:
    return _first(connection, _named(datastore, workspace_name, name))


def datastores(connection: Connection, workspace_name: str) -> list[Row]:
    return _all(connection, _of(datastore, workspace_name))


def drop_datastore(connection: Connection, workspace_name: str, name: str) -> bool:
    return _drop(connection, datastore, workspace_name, name)


def add_dataset(connection: Connection, row: Row) -> str:
    """The id of this definition: the one it has, or the row's."""
    _add(connection, dataset, row)
    query = select(dataset.c.id).where(dataset.c.workspace == row["workspace"], dataset.c.digest == row["digest"])
    return str(connection.execute(query).scalar_one())


def get_dataset(connection: Connection, workspace_name: str, dataset_id: str) -> Row | None:
    return _first(connection, select(dataset).where(dataset.c.workspace == workspace_name, dataset.c.id == dataset_id))


def add_dataset_version(connection: Connection, row: Row) -> int:
    """Register the next version of the dataset's name; gives that version."""
    version = _next_version(connection, dataset_version, "dataset", row)
    connection.execute(insert(dataset_version), {**_text(row), "version": version})
    return version


def _next_version(connection: Connection, table: Table, kind: str, row: Row) -> int:
    """One more than the highest version that this name ever had."""
    given = version_given
    same = (given.c.workspace == row["workspace"], given.c.kind == kind, given.c.name == row["name"])
    last = int(connection.execute(select(given.c.version).where(*same)).scalar() or 0)
    version = max(last, _highest(connection, table, row["workspace"], row["name"])) + 1
    _note_version(connection, kind, row["workspace"], row["name"], version)
    return version


def _highest(connection: Connection, table: Table, workspace_name: str, name: str) -> int:
    query = select(func.max(table.c.version)).where(table.c.workspace == workspace_name, table.c.name == name)
    return int(connection.execute(query).scalar() or 0)


def _note_version(connection: Connection, kind: str, workspace_name: str, name: str, version: int) -> None:
    given = version_given
    row = {"workspace": workspace_name, "kind": kind, "name": name, "version": version}
    keys = [given.c.workspace, given.c.kind, given.c.name]
    statement = upsert(connection, given).values(**row)
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_={"version": version}))


def dataset_versions(connection: Connection, workspace_name: str, name: str | None = None) -> list[Row]:
    """Registered datasets with their definitions, newest version first."""
    columns = [c for c in dataset.c if c.name in ("id", "kind", "definition")]
    query = (
        select(*columns, dataset_version)
        .join(dataset, dataset.c.id == dataset_version.c.dataset_id)
        .where(dataset_version.c.workspace == workspace_name)
        .order_by(dataset_version.c.name, dataset_version.c.version.desc())
    )
    if name is not None:
        query = query.where(dataset_version.c.name == name)
    return _all(connection, query)


def versions_of_dataset(connection: Connection, workspace_name: str, dataset_id: str) -> list[Row]:
    query = select(dataset_version).where(
        dataset_version.c.workspace == workspace_name, dataset_version.c.dataset_id == dataset_id
    )
    return _all(connection, query.order_by(dataset_version.c.created_at))


def update_dataset_version(connection: Connection, workspace_name: str, name: str, version: int, row: Row) -> None:
    t = dataset_version
    same = (t.c.workspace == workspace_name, t.c.name == name, t.c.version == version)
    connection.execute(update(t).where(*same).values(**_text(row)))


def drop_dataset(connection: Connection, workspace_name: str, name: str) -> bool:
    _keep_number(connection, dataset_version, "dataset", workspace_name, name)
    return _drop(connection, dataset_version, workspace_name, name)


def _keep_number(connection: Connection, table: Table, kind: str, workspace_name: str, name: str) -> None:
    """Note the highest version before versions go: a database of an older release has not noted it."""
    given = version_given
    same = (given.c.workspace == workspace_name, given.c.kind == kind, given.c.name == name)
    last = int(connection.execute(select(given.c.version).where(*same)).scalar() or 0)
    highest = _highest(connection, table, workspace_name, name)
    if highest > last:
        _note_version(connection, kind, workspace_name, name, highest)


def add_model(connection: Connection, row: Row) -> int:
    """Register the next version of the model; gives that version."""
    version = _next_version(connection, model, "model", row)
    connection.execute(insert(model), {**_text(row), "version": version})
    return version


def model_at(connection: Connection, row: Row) -> int | None:
    """The version of the model whose bytes lie at the path that `row` says."""
    found = _first(connection, _named(model, row["workspace"], row["name"]).where(model.c.path == row["path"]))
    return None if found is None else int(found["version"])


def models(connection: Connection, workspace_name: str, name: str | None = None) -> list[Row]:
    """Every version, newest registration first."""
    query = (
        select(model)
        .where(model.c.workspace == workspace_name)
        .order_by(model.c.created_at.desc(), model.c.version.desc())
    )
    return _all(connection, query.where(model.c.name == name) if name is not None else query)


def get_model(connection: Connection, workspace_name: str, name: str, version: int) -> Row | None:
    return _first(connection, _named(model, workspace_name, name).where(model.c.version == version))


def update_model(connection: Connection, workspace_name: str, name: str, version: int, row: Row) -> None:
    same = (model.c.workspace == workspace_name, model.c.name == name, model.c.version == version)
    connection.execute(update(model).where(*same).values(**_text(row)))


def drop_model(connection: Connection, workspace_name: str, name: str, version: int) -> bool:
    _keep_number(connection, model, "model", workspace_name, name)
    same = (model.c.workspace == workspace_name, model.c.name == name, model.c.version == version)
    return connection.execute(delete(model).where(*same)).rowcount > 0


def _of(table: Table, workspace_name: str) -> Any:
    return select(table).where(table.c.workspace == workspace_name).order_by(table.c.name)


def _named(table: Table, workspace_name: str, name: str) -> Any:
    return select(table).where(table.c.workspace == workspace_name, table.c.name == name)


def _replace(connection: Connection, table: Table, row: Row) -> None:
    values = _text(row)
    kept = {k: v for k, v in values.items() if k not in ("workspace", "name", "created_at")}
    statement = upsert(connection, table).values(**values)
    connection.execute(statement.on_conflict_do_update(index_elements=[table.c.workspace, table.c.name], set_=kept))


def _drop(connection: Connection, table: Table, workspace_name: str, name: str) -> bool:
    return (
        connection.execute(delete(table).where(table.c.workspace == workspace_name, table.c.name == name)).rowcount > 0
    )
