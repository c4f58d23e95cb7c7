"""Datastores: each is a local folder (or a SQLite file, or the mirror of a URL) under a name; what a registration says is recorded.

Secrets are kept sealed and shown to nobody.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlalchemy import Connection

from penstock.data.filesets import plain_part
from penstock.data.remotes import Mirror, filesystem, mirror_root
from penstock.model.errors import BadRequest, NotFound
from penstock.model.graph import Graph
from penstock.service.assets import configured
from penstock.service.assets.catalog import DEFAULT_DATASTORES, Catalog, iso
from penstock.service.assets.seal import seal, unseal
from penstock.service.context import Context
from penstock.store import catalog

Json = dict[str, Any]
REDACTED = "***"
SECRETS = frozenset({"account_key", "client_secret", "credential_value", "password", "sas_token", "user_password"})


class Datastores:
    """The verbs on datastores. Until told otherwise each is a folder below the home."""

    def __init__(self, context: Context, workspaces: Catalog) -> None:
        self._context = context
        self._workspaces = workspaces
        self._db = context.database

    def list(self, workspace: str) -> list[Json]:
        default = self._workspaces.workspace(workspace)["default_datastore"]
        self._configure(workspace)
        with self._db.read() as connection:
            return [_datastore(d, default) for d in catalog.datastores(connection, workspace)]

    def get(self, workspace: str, name: str) -> Json:
        found = self._find(self.list(workspace), workspace, name)
        if not Path(found["root"]).exists():
            Path(found["root"]).mkdir(parents=True, exist_ok=True)
        return found

    def _find(self, there: Iterable[Json], workspace: str, name: str) -> Json:
        found = {d["name"]: d for d in there}
        if name not in found:
            raise NotFound(
                f"There is no datastore '{name}' in workspace '{workspace}'. There are: {', '.join(found)}. Register it first.",
                target=name,
            )
        return found[name]

    def put(self, workspace: str, name: str, body: Json) -> Json:
        if not re.match(r"\w{1,255}\Z", name):
            raise BadRequest(f"The datastore name {name!r} is invalid. Use 1 to 255 letters, digits and '_'.")
        settings = body.get("settings") or {}
        kind = str(body.get("type") or "AzureBlob")
        row = self._workspaces._datastore_row(workspace, name, kind, without_secrets(settings))
        self._workspaces.workspace(workspace)
        secrets = {k: v for k, v in settings.items() if k in SECRETS and v not in (None, REDACTED)}
        sealed = seal(self._context.key, _label(workspace, name), json.dumps(secrets)) if secrets else None
        self._db.write(lambda connection: _put(connection, {**row, "secrets": sealed}))
        return self.get(workspace, name)

    def map(self, workspace: str, name: str, target: str | None) -> Json:
        """Put a local folder (for a database, a SQLite file) or any fsspec URL behind the datastore; None: its own folder in the home."""
        if any(w.name == name and w.workspace in (None, workspace) for w in configured.datastores(self._context.home)):
            raise BadRequest(
                f"Datastore '{name}' is mapped by {self._context.home / configured.FILE}. Change it there."
            )
        found = self.get(workspace, name)
        place = self._place(workspace, name, found["type"], target)
        with self._db.read() as connection:
            row = catalog.get_datastore(connection, workspace, name) or {}
        self._db.write(lambda c: catalog.put_datastore(c, {**row, **place}))
        return self.get(workspace, name)

    def _place(self, workspace: str, name: str, kind: str, target: str | None) -> Json:
        """`root` and `url` of a datastore that is mapped to `target`."""
        if target is None:
            return {"root": self._workspaces._datastore_row(workspace, name, kind, {})["root"], "url": None}
        if is_remote(target):
            filesystem(target, self.options(workspace, name))
            mirrors = self._context.home / "mirrors" / workspace
            return {"root": str(mirror_root(mirrors, name, target)), "url": target}
        return {"root": str(mapped_path(name, kind, target, self._context.home)), "url": None}

    def _configure(self, workspace: str) -> None:
        """Make the datastores as penstock.toml says."""
        wanted = [w for w in configured.datastores(self._context.home) if w.workspace in (None, workspace)]
        if not wanted:
            return
        with self._db.read() as connection:
            known = {d["name"]: d for d in catalog.datastores(connection, workspace)}
        for each in wanted:
            row = known.get(each.name)
            kind = each.type or (row["type"] if row else "AzureBlob")
            place = self._place(workspace, each.name, kind, each.target)
            made = row or {**self._workspaces._datastore_row(workspace, each.name, kind, {}), "url": None}
            if row is None or any(row[k] != v for k, v in {**place, "type": kind}.items()):
                self._db.write(lambda c, new={**made, **place, "type": kind}: catalog.put_datastore(c, new))  # type: ignore[misc]

    def pull(self, workspace: str, name: str, path: str) -> int:
        """Bring what is at `path` of a datastore that is mapped to a URL; how many files came. 0 for all others."""
        found = self.get(workspace, name)
        return mirror(self._context, workspace, found).pull(path) if found["url"] else 0

    def push(self, workspace: str, name: str, path: str) -> int:
        """Send what is at `path` here to the URL of the datastore, if it is mapped to one; how many files went."""
        found = self.get(workspace, name)
        return mirror(self._context, workspace, found).push(path) if found["url"] else 0

    def bring_inputs(self, workspace: str, graph: Graph, given: Json) -> None:
        """Bring what a run reads from datastores that are mapped to URLs."""
        remote = {d["name"] for d in self.list(workspace) if d["url"]}
        if not remote:
            return
        values = {p.name: given.get(p.name, p.default) for p in graph.parameters}
        for source in (i.source for node in graph.nodes for i in node.inputs):
            wanted = values.get(source["parameter"]) if "parameter" in source else source
            for path in self._paths(workspace, wanted if isinstance(wanted, dict) else {}):
                if path.get("datastore") in remote and "pinned" not in path:
                    self.pull(workspace, path["datastore"], plain_part(str(path.get("path") or "")))

    def _paths(self, workspace: str, source: Json) -> tuple[Json, ...]:
        """The paths on datastores that an input means."""
        if "dataset" not in source:
            return (source,)
        with self._db.read() as connection:
            dataset = catalog.get_dataset(connection, workspace, str(source["dataset"]))
        return tuple((dataset or {"definition": {}})["definition"].get("paths") or ())

    def options(self, workspace: str, name: str) -> Json:
        """What the datastore was registered with, its secrets too: for whoever opens it, never for an answer."""
        return options(self._context, workspace, name)

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


def mirror(context: Context, workspace: str, store: Json) -> Mirror:
    """The files of a datastore that is at a URL: a row of the store, or what a run's bindings say of it, with its name."""
    return Mirror(store["url"], Path(store["root"]), options(context, workspace, store["name"]))


def options(context: Context, workspace: str, name: str) -> Json:
    """What a datastore was registered with, its secrets too."""
    with context.database.read() as connection:
        row = catalog.get_datastore(connection, workspace, name)
    if row is None:
        return {}
    sealed = row["secrets"]
    secrets = json.loads(unseal(context.key, _label(workspace, name), sealed)) if sealed else {}
    return {**{k: v for k, v in row["settings"].items() if v != REDACTED}, **secrets}


def _put(connection: Connection, row: Json) -> None:
    """Registering a datastore again leaves what is behind it."""
    known = catalog.get_datastore(connection, row["workspace"], row["name"])
    catalog.put_datastore(connection, {**row, "root": known["root"], "url": known["url"]} if known else row)


def without_secrets(settings: Json) -> Json:
    """The settings with *** in place of what nobody but its owner is to see."""
    return {k: REDACTED if k in SECRETS and v is not None else v for k, v in settings.items()}


def _label(workspace: str, name: str) -> str:
    return f"datastore {workspace}/{name}"


def is_remote(target: str) -> bool:
    """Whether `target` is a URL of another kind than a local file's."""
    scheme = target.partition("://")[0] if "://" in target else ""
    return bool(scheme) and scheme not in ("file", "local")


def mapped_path(name: str, kind: str, target: str, home: Path) -> Path:
    """The local path that `target`, a path or a file:// URL, names; BadRequest says why it cannot be behind a datastore."""
    parts = urlsplit(target.replace("local://", "file://", 1))
    if parts.scheme == "file" and parts.netloc not in ("", "localhost"):
        raise BadRequest(
            f"Datastore '{name}' cannot be mapped to {target}: it names the machine {parts.netloc!r}. Write file:///path."
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
    public = {k: v for k, v in row.items() if k != "secrets"}
    return {**public, "created_at": iso(row["created_at"]), "is_default": row["name"] == default}
