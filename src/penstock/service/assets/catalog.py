"""Workspaces and what is registered in them: experiments, computes, datastores."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection

from penstock.model.errors import BadRequest, Conflict, NotFound
from penstock.service.context import Context, new_id
from penstock.store import catalog

Json = dict[str, Any]
DEFAULT_DATASTORE = "workspaceblobstore"
DEFAULT_DATASTORES = {DEFAULT_DATASTORE: "AzureBlob", "workspacefilestore": "AzureFile"}
_EXPERIMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,254}\Z")
_WORKSPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}\Z")


def wrong_compute_name(name: str) -> str | None:
    """Why no compute can be called `name`, or None."""
    if re.match(r"[A-Za-z][A-Za-z0-9-]{0,63}\Z", name):
        return None
    return f"The compute name {name!r} is invalid. Use 1 to 64 letters, digits and '-', starting with a letter."


def wrong_experiment_name(name: str) -> str | None:
    """Why no experiment can be called `name`, or None."""
    if _EXPERIMENT.match(name):
        return None
    return f"The experiment name {name!r} is invalid. Use 1 to 255 letters, digits, '-' and '_', starting with a letter or digit."


class Catalog:
    """The verbs on workspaces and their experiments, computes and datastores."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._experiments: dict[tuple[str, str], str] = {}
        self._db = context.database

    def workspaces(self) -> list[Json]:
        with self._db.read() as connection:
            return [_workspace(w) for w in catalog.workspaces(connection)]

    def workspace(self, name: str) -> Json:
        """The workspace `name`; NotFound names those that exist."""
        with self._db.read() as connection:
            return _workspace(self._find_workspace(connection, name))

    def put_workspace(self, name: str, body: Json) -> tuple[Json, bool]:
        """The workspace and whether it is new (docs/graph.md, PUT workspaces)."""
        if not _WORKSPACE.match(name):
            raise BadRequest(
                f"The workspace name {name!r} is invalid. Use letters, digits, '-', '_' and '.', starting with a letter or digit."
            )
        create = bool(body.get("create"))
        with self._db.read() as connection:
            existing = catalog.get_workspace(connection, name)
            if existing is None and not create and not self._context.embedded:
                self._find_workspace(connection, name)
        if existing is not None:
            if create and not body.get("exist_ok"):
                raise Conflict(
                    f"Workspace '{name}' exists already. Pass exist_ok=True, or choose another name.", target=name
                )
            return _workspace(existing), False
        row = {
            "name": name,
            "id": new_id(),
            "subscription_id": str(body.get("subscription_id") or ""),
            "resource_group": str(body.get("resource_group") or ""),
            "location": str(body.get("location") or "local"),
            "tags": body.get("tags") or {},
            "default_datastore": DEFAULT_DATASTORE,
            "created_at": self._context.clock(),
        }
        stores = [self._datastore_row(name, store, kind, {}) for store, kind in DEFAULT_DATASTORES.items()]
        new = self._db.write(lambda connection: _add_workspace(connection, row, stores))
        return self.workspace(name), new

    def _find_workspace(self, connection: Connection, name: str) -> Json:
        found = catalog.get_workspace(connection, name)
        if found is None:
            names = ", ".join(w["name"] for w in catalog.workspaces(connection)) or "none yet"
            raise NotFound(
                f"There is no workspace '{name}' on this server. There are: {names}. Create it with Workspace.create.",
                target=name,
            )
        return found

    def experiments(self, workspace: str) -> list[Json]:
        with self._db.read() as connection:
            return [_dated(e) for e in catalog.experiments(connection, workspace)]

    def put_experiment(self, workspace: str, name: str, tags: Json | None = None) -> Json:
        """The experiment, made when it is new; with `tags`, these are its tags from now on."""
        self.check_experiment(name)
        with self._db.read() as connection:
            self._find_workspace(connection, workspace)
            found = catalog.get_experiment(connection, workspace, name)
        if found is None:
            row = {
                "workspace": workspace,
                "name": name,
                "id": new_id(),
                "tags": {},
                "created_at": self._context.clock(),
            }
            self._db.write(lambda connection: catalog.add_experiment(connection, row))
            with self._db.read() as connection:
                found = catalog.get_experiment(connection, workspace, name)
        assert found is not None
        self._experiments[workspace, name] = str(found["id"])
        if tags is not None and tags != found["tags"]:
            self._db.write(lambda connection: catalog.set_experiment_tags(connection, workspace, name, tags))
            found = {**found, "tags": tags}
        return _dated(found)

    def check_experiment(self, name: str) -> None:
        """BadRequest unless an experiment can be called that."""
        if wrong := wrong_experiment_name(name):
            raise BadRequest(wrong)

    def known_experiment(self, workspace: str, name: str) -> str | None:
        """The id of an experiment that was asked for before: experiments stay."""
        return self._experiments.get((workspace, name))

    def computes(self, workspace: str) -> list[Json]:
        with self._db.read() as connection:
            return [_compute(c) for c in catalog.computes(connection, workspace)]

    def compute(self, workspace: str, name: str) -> Json:
        with self._db.read() as connection:
            found = catalog.get_compute(connection, workspace, name)
            names = [c["name"] for c in catalog.computes(connection, workspace)]
        if found is None:
            there = ", ".join(names) or "none yet"
            raise NotFound(
                f"There is no compute '{name}' in workspace '{workspace}'. There are: {there}. Create it: penstock compute create {name}"
            )
        return _compute(found)

    def put_compute(self, workspace: str, name: str, body: Json) -> Json:
        """Create or change a compute."""
        if wrong := wrong_compute_name(name):
            raise BadRequest(wrong)
        row = {
            "workspace": workspace,
            "name": name,
            "type": str(body.get("type") or "AmlCompute"),
            "settings": checked_compute_settings(name, body.get("settings") or {}),
            "created_at": self._context.clock(),
        }
        self.workspace(workspace)
        self._db.write(lambda connection: catalog.put_compute(connection, row))
        return self.compute(workspace, name)

    def delete_compute(self, workspace: str, name: str) -> None:
        self.compute(workspace, name)
        self._db.write(lambda connection: catalog.drop_compute(connection, workspace, name))

    def _datastore_row(self, workspace: str, name: str, kind: str, settings: Json) -> Json:
        root = self._context.home / "workspaces" / workspace / name
        return {
            "workspace": workspace,
            "name": name,
            "type": kind,
            "settings": settings,
            "root": str(root),
            "created_at": self._context.clock(),
        }


def checked_compute_settings(name: str, settings: Json) -> Json:
    """`settings` with numbers as numbers; BadRequest names what is no number."""
    checked = dict(settings)
    for key in ("min_nodes", "max_nodes"):
        if checked.get(key) is not None:
            try:
                checked[key] = int(checked[key])
            except (OverflowError, TypeError, ValueError):
                raise BadRequest(
                    f"Compute '{name}': {key} is {checked[key]!r}, which is not a whole number. Give one."
                ) from None
            if checked[key] < 0:
                raise BadRequest(f"Compute '{name}': {key} is {checked[key]}, which is negative. Give 0 or more.")
    return checked


def _add_workspace(connection: Connection, row: Json, stores: list[Json]) -> bool:
    new = catalog.add_workspace(connection, row)
    if new:
        for store in stores:
            catalog.put_datastore(connection, store)
    return new


def _dated(row: Json) -> Json:
    return {**row, "created_at": iso(row["created_at"])}


def _workspace(row: Json) -> Json:
    return _dated(row)


def _compute(row: Json) -> Json:
    return {**_dated(row), "status": "Succeeded"}


@lru_cache(4096)
def iso(at: float | None) -> str | None:
    """Epoch seconds as ISO 8601 UTC with microseconds and Z."""
    return (
        None
        if at is None
        else datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    )
