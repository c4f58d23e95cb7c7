"""Datastores: each is a local folder (or a SQLite file) under a name; what a registration says is recorded, but for its secrets."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlalchemy import Connection

from penstock.model.errors import BadRequest, NotFound
from penstock.service.catalog import DEFAULT_DATASTORES, Catalog, iso
from penstock.service.context import Context
from penstock.store import catalog

Json = dict[str, Any]
SECRETS = frozenset({"account_key", "client_secret", "credential_value", "password", "sas_token", "user_password"})


class Datastores:
    """The verbs on datastores. Until told otherwise each is a folder below the home."""

    def __init__(self, context: Context, workspaces: Catalog) -> None:
        self._context = context
        self._workspaces = workspaces
        self._db = context.database

    def list(self, workspace: str) -> list[Json]:
        default = self._workspaces.workspace(workspace)["default_datastore"]
        with self._db.read() as connection:
            return [_datastore(d, default) for d in catalog.datastores(connection, workspace)]

    def get(self, workspace: str, name: str) -> Json:
        found = next((d for d in self.list(workspace) if d["name"] == name), None)
        if found is None:
            names = ", ".join(d["name"] for d in self.list(workspace))
            raise NotFound(
                f"There is no datastore '{name}' in workspace '{workspace}'. There are: {names}. Register it first.",
                target=name,
            )
        if not Path(found["root"]).exists():
            Path(found["root"]).mkdir(parents=True, exist_ok=True)
        return found

    def put(self, workspace: str, name: str, body: Json) -> Json:
        if not re.match(r"\w{1,255}\Z", name):
            raise BadRequest(f"The datastore name {name!r} is invalid. Use 1 to 255 letters, digits and '_'.")
        row = self._workspaces._datastore_row(
            workspace, name, str(body.get("type") or "AzureBlob"), without_secrets(body.get("settings") or {})
        )
        self._workspaces.workspace(workspace)
        self._db.write(lambda connection: _put(connection, row))
        return self.get(workspace, name)

    def map(self, workspace: str, name: str, target: str | None) -> Json:
        """Put another local folder (or, for a database, a SQLite file) behind the datastore; None: its own folder in the home."""
        found = self.get(workspace, name)
        root = self._workspaces._datastore_row(workspace, name, found["type"], {})["root"]
        if target is not None:
            root = str(mapped_path(name, found["type"], target, self._context.home))
        keys = ("workspace", "name", "type", "settings", "created_at")
        with self._db.read() as connection:
            row = catalog.get_datastore(connection, workspace, name) or {}
        self._db.write(lambda c: catalog.put_datastore(c, {**{k: row[k] for k in keys}, "root": root}))
        return self.get(workspace, name)

    def delete(self, workspace: str, name: str) -> None:
        if name in DEFAULT_DATASTORES:
            raise BadRequest(f"'{name}' is built into every workspace and cannot be unregistered.")
        if self.get(workspace, name)["is_default"]:
            raise BadRequest(
                f"'{name}' is the workspace's default datastore. Choose another with ws.set_default_datastore first."
            )
        self._db.write(lambda connection: catalog.drop_datastore(connection, workspace, name))

    def set_default(self, workspace: str, name: str) -> Json:
        self.get(workspace, name)
        self._db.write(lambda connection: catalog.set_default_datastore(connection, workspace, name))
        return self.get(workspace, name)


def _put(connection: Connection, row: Json) -> None:
    """Registering a datastore again leaves what is behind it."""
    known = catalog.get_datastore(connection, row["workspace"], row["name"])
    catalog.put_datastore(connection, {**row, "root": known["root"]} if known else row)


def without_secrets(settings: Json) -> Json:
    """The settings with *** in place of what nobody but its owner is to see: it is not kept at all."""
    return {k: "***" if k in SECRETS and v is not None else v for k, v in settings.items()}


def mapped_path(name: str, kind: str, target: str, home: Path) -> Path:
    """The local path that `target`, a path or a file:// URL, names; BadRequest says why it cannot be behind a datastore."""
    parts = urlsplit(target)
    if parts.scheme and len(parts.scheme) > 1 and (parts.scheme != "file" or parts.netloc not in ("", "localhost")):
        raise BadRequest(
            f"Datastore '{name}' cannot be mapped to {target}: only local folders and file:// URLs are built yet. Mount it, and map it to the folder."
        )
    path = Path(unquote(parts.path)) if parts.scheme == "file" else Path(target)
    if not path.is_absolute():
        raise BadRequest(f"Datastore '{name}': {target!r} is a relative path. Give an absolute one.")
    if not path.exists():
        raise BadRequest(f"Datastore '{name}': there is nothing at {path}. Make the folder first.")
    if path.is_file() and "Sql" not in kind:
        raise BadRequest(f"Datastore '{name}' ({kind}) cannot be mapped to the file {path}. Give a folder.")
    whole = path.resolve()
    inside = home.resolve()
    if whole == inside or inside.is_relative_to(whole) or whole.is_relative_to(inside / "jobs"):
        raise BadRequest(f"Datastore '{name}' cannot be mapped to {path}: the home lies there. Give another folder.")
    return whole


def _datastore(row: Json, default: str) -> Json:
    return {**row, "created_at": iso(row["created_at"]), "is_default": row["name"] == default}
