"""The verbs on modules: steps kept by name, in versions that never change.

Knows what a version is made of; must not know how a step is made of one (the SDK does that) or who asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from penstock.engine import validate
from penstock.model.errors import BadRequest, Conflict, InvalidGraph, NotFound, Problem
from penstock.model.graph import Graph
from penstock.service.assets.catalog import Catalog, iso
from penstock.service.context import Context
from penstock.service.published.authored import Authored, text, times
from penstock.steps.registry import kind_problems, registered
from penstock.store import authored as store

Json = dict[str, Any]
STATUSES = ("Active", "Deprecated", "Disabled")
# What a version is: written once. Its status and description may change.
_OBJECTS, _LISTS = ("settings", "run_definition"), ("inputs", "outputs", "parameters", "arguments")
_TEXTS = ("snapshot", "category", "compute")
_WRITTEN_ONCE = ("kind", *_TEXTS, *_OBJECTS, *_LISTS)
_CHANGEABLE = {"description", "status"}


class Modules:
    """Modules by id or name, and their versions by id."""

    def __init__(self, context: Context, workspaces: Catalog) -> None:
        self._context, self._db = context, context.database
        self._modules = Authored(context, workspaces, "module", "module")
        self._versions = Authored(context, workspaces, "module_version", "module version")

    def create(self, workspace: str, body: Json) -> Json:
        """Make a module without versions. Conflict when the workspace has one of this name."""
        name = self._modules.checked_name(body.get("name"))
        row = self._modules.new(workspace, name, {"description": text(body, "description"), "status": "Active"})
        self._modules.add_named(row)
        return self.get(workspace, row["id"])

    def get(self, workspace: str, module_id: str) -> Json:
        """With its versions, oldest first."""
        return self._shown(self._modules.row(workspace, id=module_id))

    def named(self, workspace: str, name: str) -> Json:
        return self._shown(self._modules.row(workspace, name=name))

    def list(self, workspace: str) -> Sequence[Json]:
        """Newest first."""
        return [self._shown(r) for r in self._modules.rows(workspace)]

    def update(self, workspace: str, module_id: str, body: Json) -> Json:
        """Change its name, description, status or default_version (a version, or the id of one)."""
        found = self.get(workspace, module_id)
        changes = _changes(body)
        if body.get("default_version") is not None:
            changes["default_version"] = _enabled_version(found, str(body["default_version"]))["version"]
        name = found["name"] if body.get("name") is None else self._modules.checked_name(body["name"])
        self._modules.rename(workspace, module_id, name, changes)
        return self.get(workspace, module_id)

    def publish(self, workspace: str, module_id: str, body: Json) -> Json:
        """Keep a version, called `version`, else one more than the highest number. With `default` it is the module's from now on."""
        module = self._modules.row(workspace, id=module_id)
        asked = None if body.get("version") is None else self._versions.checked_name(str(body["version"]))
        kept = _shaped(body)
        self._check_step(module["name"], kept)
        made = {**kept, "description": text(body, "description"), "status": "Active"}
        row = self._versions.new(workspace, "", made, module_id)
        if not self._db.write(lambda c: _add_version(c, row, asked, bool(body.get("default")))):
            raise Conflict(
                f"Module '{module['name']}' has a version '{asked}' already, and a version never changes. "
                "Publish under another one.",
                target="version",
            )
        return self.version(workspace, row["id"])

    def version(self, workspace: str, version_id: str) -> Json:
        """All of a version, with the module that it is one of."""
        row = self._versions.row(workspace, id=version_id)
        module = self._modules.row(workspace, id=row["parent_id"])
        named = {"id": module["id"], "name": module["name"], "status": module["body"]["status"]}
        return {**row["body"], "id": row["id"], "version": row["name"], "module": named, **times(row)}

    def update_version(self, workspace: str, version_id: str, body: Json) -> Json:
        """Change its description or status: nothing else of a version ever changes."""
        found = self.version(workspace, version_id)
        if other := sorted(set(body) - _CHANGEABLE):
            raise BadRequest(
                f"Version '{found['version']}' of module '{found['module']['name']}' never changes in {', '.join(other)}. "
                "Publish another version.",
                target=other[0],
            )
        self._versions.change(workspace, version_id, _changes(body))
        return self.version(workspace, version_id)

    def _check_step(self, name: str, kept: Json) -> None:
        """InvalidGraph with all that is wrong with a step made of this."""
        if kept["kind"] not in registered():
            raise BadRequest(
                f"A version's kind is that of a step, not {kept['kind']!r}. Known kinds: {', '.join(sorted(registered()))}.",
                target="kind",
            )
        graph = _as_graph(name, kept)
        found = validate.problems(graph)
        if not found:
            node = Graph.from_json(graph).nodes[0]
            found = [p for p in kind_problems(node) if p.code != "NotBuiltYet"]
            found += self._code_problems(name, node.snapshot, node.settings.get("script_name"))
        if found:
            raise InvalidGraph(tuple(found))

    def _code_problems(self, name: str, snapshot: str | None, script: str | None) -> Sequence[Problem]:
        if snapshot is None:
            return []
        if not self._context.snapshots.has(snapshot):
            said = f"Module '{name}': its snapshot {snapshot} was never uploaded. Upload it before publishing."
            return [Problem(said, "snapshot", "InvalidGraph")]
        if script is None or any(f["path"] == script for f in self._context.snapshots.files(snapshot)):
            return []
        said = f"Module '{name}': there is no '{script}' in its source folder. Check script_name, source_directory and .amlignore."
        return [Problem(said, "script_name", "InvalidGraph")]

    def _shown(self, row: Json) -> Json:
        versions = self._versions.rows(row["workspace"], parent_id=row["id"])[::-1]
        shown = [
            {"id": v["id"], "version": v["name"], "status": v["body"]["status"], "created_at": iso(v["created_at"])}
            for v in versions
        ]
        plain = {k: row["body"].get(k) for k in ("description", "status", "default_version")}
        return {**plain, "id": row["id"], "name": row["name"], "versions": shown, **times(row)}


def _shaped(body: Json) -> Json:
    """What is kept of a version, each part of the shape it must have; BadRequest for another."""
    kept: Json = {k: body.get(k) for k in _WRITTEN_ONCE}
    for name in _TEXTS:
        if not isinstance(kept[name] or "", str):
            raise BadRequest(f"A version's {name} is {kept[name]!r}. Send text.", target=name)
    for name in _OBJECTS:
        kept[name] = given = kept[name] or {}
        if not isinstance(given, dict):
            raise BadRequest(f"A version's {name} is {given!r}. Send a JSON object.", target=name)
    for name in _LISTS:
        kept[name] = given = kept[name] or []
        if not isinstance(given, list) or not all(isinstance(part, dict) for part in given):
            raise BadRequest(f"A version's {name} is {given!r}. Send a list of JSON objects.", target=name)
    return kept


def _as_graph(name: str, kept: Json) -> Json:
    """A graph of one step made of a version, by which the version is checked."""
    source = {"datastore": "workspaceblobstore", "path": ""}
    node = {
        "id": "00000000",
        "name": name,
        **{k: kept[k] for k in ("kind", "settings", "snapshot", "arguments", "outputs")},
        "inputs": [{**port, "source": source} for port in kept["inputs"]],
    }
    declared = [{"name": p.get("name"), "type": "string", "default": ""} for p in kept["parameters"]]
    return {"schema": 1, "parameters": declared, "nodes": [node]}


def _add_version(connection: Connection, row: Json, asked: str | None, is_default: bool) -> bool:
    """Whether it is kept: not when the module has a version of this name."""
    workspace, module_id = row["workspace"], row["parent_id"]
    known = [v["name"] for v in store.listed(connection, workspace, row["kind"], parent_id=module_id)]
    version = asked or str(max((int(v) for v in known if v.isdecimal()), default=0) + 1)
    if version in known:
        return False
    store.add(connection, {**row, "name": version})
    module = store.get(connection, workspace, "module", id=module_id)
    if is_default and module is not None:
        body = {**module["body"], "default_version": version}
        store.change(connection, module_id, module["name"], body, row["created_at"])
    return True


def _enabled_version(module: Json, wanted: str) -> Json:
    """The version of this name or id; NotFound, or Conflict while it is disabled."""
    for each in module["versions"]:
        if wanted in (each["version"], each["id"]):
            if each["status"] == "Disabled":
                raise Conflict(
                    f"Version '{each['version']}' of module '{module['name']}' is disabled. "
                    "Enable it before it is made the default.",
                    target="default_version",
                )
            return dict(each)
    has = ", ".join(v["version"] for v in module["versions"]) or "none"
    raise NotFound(f"Module '{module['name']}' has no version '{wanted}'. It has: {has}.", target="default_version")


def _changes(body: Json) -> Json:
    """The description and status that `body` asks for."""
    changes = {k: str(body[k]) for k in sorted(_CHANGEABLE) if body.get(k) is not None}
    if changes.get("status", "Active") not in STATUSES:
        raise BadRequest(
            f"A status is one of {', '.join(STATUSES)}, not {changes['status']!r}. Send one of them.", target="status"
        )
    return changes
