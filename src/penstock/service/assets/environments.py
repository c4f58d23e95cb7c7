"""The verbs on environments: definitions kept under a name and a version. They are recorded; steps run in the author's interpreter."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Connection

from penstock.model.errors import BadRequest, NotFound
from penstock.service.assets.catalog import iso
from penstock.service.context import Context
from penstock.store import environments as store

Json = dict[str, Any]


class Environments:
    """Registering the same definition again gives the version that it has."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._db = context.database

    def register(self, workspace: str, name: str, body: Json) -> Json:
        definition = body.get("definition")
        if not re.match(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}\Z", name):
            raise BadRequest(
                f"The environment name {name!r} is invalid. Use 1 to 255 letters, digits, '-', '_' and '.'."
            )
        if name.lower().startswith(("azureml", "microsoft")):
            raise BadRequest(
                f"The environment name '{name}' is reserved for curated ones. Clone it: environment.clone('my-name')."
            )
        if not isinstance(definition, dict):
            raise BadRequest(f"Environment '{name}' needs a definition. Send it as an object.")
        now = self._context.clock()
        version = self._db.write(lambda connection: _register(connection, workspace, name, definition, now))
        return self.get(workspace, name, version)

    def list(self, workspace: str, name: str | None = None) -> list[Json]:
        """Every version, oldest registration first."""
        with self._db.read() as connection:
            return [_environment(row) for row in store.versions(connection, workspace, name)]

    def get(self, workspace: str, name: str, version: str | None = None, label: str | None = None) -> Json:
        """One version: the one asked for, or the newest with that label, or the newest."""
        found = self.list(workspace, name)
        chosen = [e for e in found if version in (None, e["version"]) and (label is None or label in e["labels"])]
        if chosen:
            return chosen[-1]
        if found:
            wanted = f"version {version}" if version is not None else f"label '{label}'"
            has = ", ".join(e["version"] for e in found)
            raise NotFound(
                f"Environment '{name}' has no {wanted} in workspace '{workspace}'. It has: {has}.", target=name
            )
        names = ", ".join(sorted({e["name"] for e in self.list(workspace)})) or "none"
        raise NotFound(
            f"Environment '{name}' is not registered in workspace '{workspace}'. It has: {names}.", target=name
        )

    def label(self, workspace: str, name: str, version: str, labels: set[str]) -> Json:
        """Gives the labels to this version; a label is on one version of a name at a time."""
        self.get(workspace, name, version)
        self._db.write(lambda connection: _label(connection, workspace, name, version, labels))
        return self.get(workspace, name, version)


def _register(connection: Connection, workspace: str, name: str, definition: Json, now: float) -> str:
    known = store.versions(connection, workspace, name)
    for row in known:
        if row["definition"] == definition:
            return str(row["version"])
    version = str(len(known) + 1)
    row = {"workspace": workspace, "name": name, "version": version, "definition": definition, "labels": []}
    store.add(connection, {**row, "created_at": now})
    return version


def _label(connection: Connection, workspace: str, name: str, version: str, labels: set[str]) -> None:
    for row in store.versions(connection, workspace, name):
        kept = set(row["labels"]) | labels if row["version"] == version else set(row["labels"]) - labels
        store.set_labels(connection, workspace, name, row["version"], sorted(kept))


def _environment(row: Json) -> Json:
    return {**{k: row[k] for k in ("name", "version", "definition", "labels")}, "created_at": iso(row["created_at"])}
