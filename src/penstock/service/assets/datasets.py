"""Datasets: saved, registered, pinned, found again; whether what they were made of has changed since."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from penstock.data import filesets, pins
from penstock.model.errors import BadRequest, NotFound
from penstock.service.assets.catalog import iso
from penstock.service.context import Context
from penstock.service.execution import registering
from penstock.store import catalog

Json = dict[str, Any]


class Datasets:
    """The verbs on datasets. A definition is saved once under an id; registering gives it a name and a version."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._db = context.database

    def save(self, workspace: str, body: Json) -> str:
        """The id of this definition; the same definition has the same id."""
        kind, definition = body.get("kind"), body.get("definition")
        if kind not in ("tabular", "file") or not isinstance(definition, dict):
            raise BadRequest("A dataset needs kind 'tabular' or 'file' and a definition. Send both.")
        row = registering.dataset_row(workspace, kind, definition, self._context.clock())
        return self._db.write(lambda connection: catalog.add_dataset(connection, row))

    def register(self, workspace: str, body: Json) -> Json:
        """Give a saved dataset a name: version 1, or the next one with create_new_version."""
        name = str(body.get("name") or "")
        if not re.match(r"[^\0\n/]{1,255}\Z", name):
            raise BadRequest(
                f"The dataset name {name!r} is invalid. Use 1 to 255 characters without '/' and line breaks."
            )
        saved = self.by_id(workspace, str(body.get("id")))
        now = self._context.clock()
        state = None
        if body.get("must_be_there"):
            filesets.sources(saved["definition"], self._root_of(workspace))
        if body.get("pin"):
            saved = self._pinned(workspace, saved)
        else:
            state = self._state(workspace, saved["definition"])
        version = self._db.write(lambda c: registering.give_name(c, workspace, saved["id"], name, body, now, state))
        return self.find(workspace, name, version)

    def _pinned(self, workspace: str, saved: Json) -> Json:
        """The dataset like this one whose bytes are kept."""
        self._context.room.demand()
        found = filesets.sources(saved["definition"], self._root_of(workspace))
        definition = pins.pin(self._context.home, saved["definition"], found)
        return self.by_id(workspace, self.save(workspace, {"kind": saved["kind"], "definition": definition}))

    def _root_of(self, workspace: str) -> filesets.RootOf:
        """The folder that a path of a definition is looked up in."""
        with self._db.read() as connection:
            roots = {d["name"]: d["root"] for d in catalog.datastores(connection, workspace)}

        def root_of(path: Json) -> Path:
            if "pinned" in path:
                return pins.root_of(self._context.home, path)
            if path["datastore"] not in roots:
                raise NotFound(f"There is no datastore '{path['datastore']}' in workspace '{workspace}'. Register it.")
            return Path(roots[path["datastore"]])

        return root_of

    def _state(self, workspace: str, definition: Json) -> Json | None:
        """What the dataset's files are now; None where none are found, or what it is made of are no files."""
        try:
            found = filesets.sources(definition, self._root_of(workspace))
            return filesets.state(found) if any(f.datastore for f in found) else None
        except (NotFound, OSError):
            return None

    def drift(self, workspace: str, name: str, version: int | None, most_files: int | None = None) -> Json:
        """Whether the files of a registered version are others than when it was registered: `changed`, `message`, both states. One of more
        than `most_files` is not looked at."""
        found = self.find(workspace, name, version)
        with self._db.read() as connection:
            rows = catalog.dataset_versions(connection, workspace, name)
        then = next((r["source_state"] for r in rows if r["version"] == found["version"]), None)
        if then is not None and most_files is not None and then["n_files"] > most_files:
            then = None
        now = self._state(workspace, found["definition"]) if then is not None else None
        changed = then is not None and now != then
        message = _drifted(name, found["version"], then, now) if changed and then is not None else None
        return {"changed": changed, "message": message, "then": then, "now": now}

    def by_id(self, workspace: str, dataset_id: str) -> Json:
        """The dataset with this id, with its first registration if it has one."""
        with self._db.read() as connection:
            found = catalog.get_dataset(connection, workspace, dataset_id)
            versions = catalog.versions_of_dataset(connection, workspace, dataset_id)
        if found is None:
            raise NotFound(f"There is no dataset with id '{dataset_id}' in workspace '{workspace}'.", target=dataset_id)
        named = versions[0] if versions else {"name": None, "version": None, "description": None, "tags": {}}
        row = {k: found[k] for k in ("id", "kind", "definition", "created_at")}
        return _dataset({**row, **{k: named[k] for k in ("name", "version", "description", "tags")}})

    def find(self, workspace: str, name: str, version: int | None = None) -> Json:
        """A registered dataset: the version asked for, or the newest."""
        with self._db.read() as connection:
            versions = catalog.dataset_versions(connection, workspace, name)
            names = sorted({v["name"] for v in catalog.dataset_versions(connection, workspace)}) if not versions else []
        if not versions:
            raise NotFound(
                f'Cannot find dataset registered with name "{name}" in the workspace. There are: {", ".join(names) or "none"}.'
            )
        for row in versions:
            if version is None or row["version"] == version:
                return _dataset(row)
        has = ", ".join(str(v["version"]) for v in versions)
        raise NotFound(f"Dataset '{name}' has no version {version}. It has: {has}.", target=name)

    def list(self, workspace: str, name: str | None = None) -> list[Json]:
        with self._db.read() as connection:
            return [_dataset(v) for v in catalog.dataset_versions(connection, workspace, name)]

    def delete(self, workspace: str, name: str) -> None:
        self.find(workspace, name)
        self._db.write(lambda connection: catalog.drop_dataset(connection, workspace, name))


def _dataset(row: Json) -> Json:
    keys = ("id", "kind", "definition", "name", "version", "description", "tags")
    return {**{k: row[k] for k in keys}, "created_at": iso(row["created_at"])}


def _drifted(name: str, version: int, then: Json, now: Json | None) -> str:
    was, have = _counted(then), "nothing is there now" if now is None else f"now {_counted(now)}"
    which, out = (
        f"files of dataset '{name}' version {version}",
        "Register a new version, or keep the bytes of a version with pin=True.",
    )
    if have == f"now {was}":
        return (
            f"The {which} were written again since it was registered: {was}, as then, but maybe with other bytes. {out}"
        )
    return f"The {which} have changed since it was registered: then {was}, {have}. {out}"


def _counted(state: Json) -> str:
    return f"{state['n_files']:,} file{'s' if state['n_files'] != 1 else ''} of {state['size_bytes']:,} bytes"
