"""Models: registered, versioned, found again, with their files."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from penstock.data.paths import beneath
from penstock.data.tars import stream_tree, tree_size
from penstock.model.errors import BadRequest, NotFound
from penstock.service.assets.catalog import iso
from penstock.service.context import Context, new_id
from penstock.store import catalog, records, runs

Json = dict[str, Any]


class Models:
    """The verbs on models: files kept under a name and a version."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._db = context.database

    def register(self, workspace: str, body: Json) -> Json:
        """The next version of the model, its bytes copied into the home. The same `key` gives the same version, once it is kept."""
        name = str(body.get("name") or "")
        if not re.match(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}\Z", name):
            raise BadRequest(f"The model name {name!r} is invalid. Use 1 to 255 letters, digits, '-', '_' and '.'.")
        source = body.get("source") or {}
        self._context.room.demand()
        folder = self._context.home / "models" / workspace / _folder_name(name, body)
        if folder.exists() and (version := self._kept_at(workspace, name, folder)):
            return self.get(workspace, name, version)
        try:
            if "upload" not in source:
                shutil.rmtree(folder, ignore_errors=True)
                self._copy_from_run(str(source.get("run_id")), str(source.get("path")), folder)
            elif not folder.exists():  # else an earlier call of this key has taken it, and got no further
                self._context.uploads.take(str(source["upload"]), folder)
            version = self._keep(workspace, name, body, folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)  # a model is registered with all its files or not at all
            raise
        return self.get(workspace, name, version)

    def _keep(self, workspace: str, name: str, body: Json, folder: Path) -> int:
        entries = sorted(p.name for p in folder.iterdir())
        if not entries:
            raise BadRequest(f"Model '{name}' has no files. Give the path of a file or a folder that holds some.")
        row = self._row(workspace, name, body, folder, entries)
        return self._db.write(
            lambda connection: catalog.model_at(connection, row) or catalog.add_model(connection, row)
        )

    def _kept_at(self, workspace: str, name: str, folder: Path) -> int | None:
        """The version whose bytes lie there."""
        row = {"workspace": workspace, "name": name, "path": self._place(folder)}
        with self._db.read() as connection:
            return catalog.model_at(connection, row)

    def _place(self, folder: Path) -> str:
        return str(folder.relative_to(self._context.home))

    def _row(self, workspace: str, name: str, body: Json, folder: Path, entries: list[str]) -> Json:
        run_id = body.get("run_id")
        experiment = None
        if run_id:
            with self._db.read() as connection:
                run = runs.get_run(connection, str(run_id))
            experiment = run["experiment"] if run else None
        return {
            "workspace": workspace,
            "name": name,
            "tags": {str(k): str(v) for k, v in (body.get("tags") or {}).items()},
            "properties": {str(k): str(v) for k, v in (body.get("properties") or {}).items()},
            "description": body.get("description"),
            "framework": body.get("framework"),
            "framework_version": body.get("framework_version"),
            "run_id": run_id,
            "experiment": experiment,
            "entry": entries[0],
            "path": self._place(folder),
            "size_bytes": tree_size(folder),
            "created_at": self._context.clock(),
        }

    def _copy_from_run(self, run_id: str, path: str, folder: Path) -> None:
        prefix = path.rstrip("/")
        with self._db.read() as connection:
            files = records.artifacts(connection, run_id)
        chosen = [f for f in files if f["name"] == prefix or f["name"].startswith(prefix + "/")]
        if not chosen:
            names = ", ".join(f["name"] for f in files[:20]) or "none"
            raise NotFound(
                f"Could not locate the provided model_path {path} in the set of files uploaded to the run: {names}.",
                target=path,
            )
        base = Path(prefix).name
        for f in chosen:
            target = beneath(folder, base + f["name"][len(prefix) :])
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self._context.home / f["path"], target)

    def get(self, workspace: str, name: str, version: int) -> Json:
        with self._db.read() as connection:
            found = catalog.get_model(connection, workspace, name, version)
        if found is None:
            raise NotFound(
                f"ModelNotFound: Model with id {name}:{version} not found in workspace '{workspace}'.", target=name
            )
        return _model(found)

    def list(self, workspace: str, wanted: Json) -> list[Json]:
        """Models newest first, by name, run, tags, properties; `latest` keeps one version of each."""
        with self._db.read() as connection:
            rows = catalog.models(connection, workspace, wanted.get("name"))
        if wanted.get("latest"):
            newest: dict[str, Json] = {}
            for row in rows:
                if row["name"] not in newest or row["version"] > newest[row["name"]]["version"]:
                    newest[row["name"]] = row
            rows = [r for r in rows if newest[r["name"]] is r]
        return [_model(r) for r in rows if _matches(r, wanted)]

    def update(self, workspace: str, name: str, version: int, body: Json) -> Json:
        self.get(workspace, name, version)
        row: Json = {k: body[k] for k in ("tags", "properties", "description") if k in body}
        if row:
            self._db.write(lambda connection: catalog.update_model(connection, workspace, name, version, row))
        return self.get(workspace, name, version)

    def delete(self, workspace: str, name: str, version: int) -> None:
        model = self.get(workspace, name, version)
        self._db.write(lambda connection: catalog.drop_model(connection, workspace, name, version))
        shutil.rmtree(self._context.home / model["path"], ignore_errors=True)

    def content(self, workspace: str, name: str, version: int) -> Iterator[bytes]:
        """A tar of the model's file or folder; its first member is its own name."""
        model = self.get(workspace, name, version)
        return stream_tree(self._context.home / model["path"] / model["entry"], model["entry"])


def _folder_name(name: str, body: Json) -> str:
    """Where the bytes go: the same for the same call, which its `key` tells."""
    key = body.get("key")
    return new_id() if key is None else hashlib.sha256(f"{name}\n{key}".encode()).hexdigest()[:32]


def _matches(row: Json, wanted: Json) -> bool:
    if wanted.get("run_id") and row["run_id"] != wanted["run_id"]:
        return False
    if wanted.get("version") is not None and row["version"] != wanted["version"]:
        return False
    for kind in ("tags", "properties"):
        for key, value in (wanted.get(kind) or {}).items():
            if key not in row[kind] or (value is not None and str(row[kind][key]) != value):
                return False
    return True


def _model(row: Json) -> Json:
    public = {k: v for k, v in row.items() if k not in ("workspace", "created_at")}
    return {**public, "id": f"{row['name']}:{row['version']}", "created_at": iso(row["created_at"])}
