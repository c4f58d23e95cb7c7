"""The verbs on what authors keep to use again: drafts of pipelines, modules and their versions. The SDK makes graphs of them."""

from __future__ import annotations

from typing import Any

from penstock.model.errors import BadRequest, Conflict, NotFound
from penstock.service.assets.catalog import Catalog, iso
from penstock.service.context import Context
from penstock.service.published.assigning import as_text
from penstock.service.published.pipelines import Pipelines
from penstock.service.runs import resuming
from penstock.service.runs.submission import Submission
from penstock.store import authored as store

Json = dict[str, Any]
KINDS = ("draft", "module", "module_version")
_OWN = ("id", "workspace", "name", "parent_id", "created_at", "updated_at")
_DRAFT = ("graph", "interpreter", "experiment", "parameters", "tags", "properties", "continue_on_step_failure")
_TAKEN = ("graph", "interpreter", "experiment", "parameters", "continue_on_step_failure")
_ORIGINS = {
    "run_id": "parent_pipeline_run_id",
    "pipeline_id": "parent_pipeline_id",
    "draft_id": "parent_pipeline_draft_id",
}
"""What a draft may be made from, and where it says so."""


class Authored:
    """Drafts, modules and module versions by id."""

    def __init__(self, context: Context, workspaces: Catalog, submission: Submission, pipelines: Pipelines) -> None:
        self._context, self._workspaces = context, workspaces
        self._submission, self._pipelines = submission, pipelines
        self._db = context.database

    def create(self, workspace: str, kind: str, body: Json) -> Json:
        """Keep what `body` says under a new id. A draft's graph must be one that can be submitted; a module's name must be new."""
        self._check(workspace, kind)
        self._context.room.demand()
        name = str(body.get("name") or "")
        if kind == "module":
            self._demand_new_name(workspace, name)
        if kind == "module_version":
            body = {**body, "version": self._version(workspace, body)}
        if kind == "draft":
            body = self._with_graph(workspace, body)
        now, made_id = self._context.clock(), self._context.make_id()
        row = {
            "id": made_id,
            "workspace": workspace,
            "kind": kind,
            "parent_id": body.get("parent_id"),
            "name": name,
            "body": {k: v for k, v in body.items() if k not in _OWN},
            "created_at": now,
            "updated_at": now,
        }
        self._db.write(lambda c: store.add(c, row))
        return self.get(workspace, kind, made_id)

    def get(self, workspace: str, kind: str, kept_id: str) -> Json:
        found = self._find(workspace, kind, id=kept_id)
        if found is None:
            what = kind.replace("_", " ")
            raise NotFound(
                f"There is no {what} '{kept_id}' in workspace '{workspace}'. List them first.", target=kept_id
            )
        return found

    def list(self, workspace: str, kind: str, **equal: str | None) -> list[Json]:
        """Newest first; `equal` may be name or parent_id."""
        self._check(workspace, kind)
        wanted = {k: v for k, v in equal.items() if v is not None}
        with self._db.read() as connection:
            return [_shown(r) for r in store.listed(connection, workspace, kind, **wanted)]

    def update(self, workspace: str, kind: str, kept_id: str, body: Json) -> Json:
        """Change what is given. A draft's values must still fit its graph; a module's name must still be its own."""
        found = self.get(workspace, kind, kept_id)
        name = str(body.get("name") or found["name"])
        if kind == "module" and name != found["name"]:
            self._demand_new_name(workspace, name)
        if kind == "draft" and any(body.get(k) is not None for k in (*_ORIGINS, "graph", "parameters")):
            body = self._with_graph(workspace, body, found)
        given = {k: v for k, v in body.items() if k not in _OWN and v is not None}
        kept = {k: v for k, v in found.items() if k not in _OWN} | given
        now = self._context.clock()
        self._db.write(lambda c: store.change(c, kept_id, name, kept, now))
        return self.get(workspace, kind, kept_id)

    def delete(self, workspace: str, kind: str, kept_id: str) -> None:
        self.get(workspace, kind, kept_id)
        self._db.write(lambda c: store.drop(c, kept_id))

    def submit_draft(self, workspace: str, draft_id: str, body: Json) -> Json:
        """Submit a draft; it remembers its last run."""
        draft = self.get(workspace, "draft", draft_id)
        submission = {k: draft[k] for k in _DRAFT if draft.get(k) is not None}
        given = {k: v for k, v in body.items() if v is not None}
        both = {k: {**(draft.get(k) or {}), **(given.get(k) or {})} for k in ("parameters", "tags", "properties")}
        both["parameters"] = {k: as_text(v) for k, v in both["parameters"].items()}
        if not given.get("experiment") and not submission.get("experiment"):
            raise BadRequest(
                f"The draft '{draft['name']}' has no experiment. Give it one: draft.update(experiment_name='…').",
                target="experiment",
            )
        done = self._submission.submit(workspace, {**submission, **given, **both})
        self.update(workspace, "draft", draft_id, {"last_submitted_pipeline_run_id": done["run_id"]})
        return done

    def publish_draft(self, workspace: str, draft_id: str, by: str | None) -> Json:
        """A published pipeline of the draft as it is now, with the values it has as defaults."""
        draft = self.get(workspace, "draft", draft_id)
        graph = dict(draft["graph"])
        values = draft.get("parameters") or {}
        graph["parameters"] = [{**p, "default": values.get(p["name"], p["default"])} for p in graph["parameters"]]
        kept = {k: draft.get(k) for k in ("name", "description", "interpreter", "continue_on_step_failure")}
        return self._pipelines.publish(workspace, {**kept, "graph": graph}, by)

    def _with_graph(self, workspace: str, body: Json, before: Json | None = None) -> Json:
        """A draft's body with a graph that can be submitted with its values: its own, that of what it is made from, or the one before."""
        origin: Json = before or {}
        if body.get("pipeline_id"):
            origin = self._pipelines.kept(workspace, str(body["pipeline_id"]))
        elif body.get("draft_id"):
            origin = self.get(workspace, "draft", str(body["draft_id"]))
        elif body.get("run_id"):
            with self._db.read() as connection:
                origin = resuming.graph_of(connection, workspace, str(body["run_id"]))
        parents = {parent: body.get(own) for own, parent in _ORIGINS.items() if body.get(own)}
        taken = {k: origin[k] for k in _TAKEN if origin.get(k) is not None}
        given = {k: v for k, v in body.items() if k not in _ORIGINS and v is not None}
        made = {**taken, **given, **parents}
        values = made.get("parameters") or {}
        made["parameters"] = {k: as_text(v) for k, v in values.items()}
        foreseen = self._submission.foresee(workspace, {k: made.get(k) for k in ("graph", "interpreter", "parameters")})
        return {**made, "graph": foreseen.plan.graph.raw, "interpreter": foreseen.bindings["interpreter"]}

    def _version(self, workspace: str, body: Json) -> str:
        """What a new version of a module is called: as asked if no other is, else one more than the highest number."""
        module = self.get(workspace, "module", str(body.get("parent_id")))
        known = {str(v["version"]) for v in self.list(workspace, "module_version", parent_id=module["id"])}
        if body.get("version") is None:
            return str(max((int(v) for v in known if v.isdecimal()), default=0) + 1)
        version = str(body["version"])
        if version in known:
            raise Conflict(
                f"Module '{module['name']}' has a version '{version}' already. Publish under another version.",
                target="version",
            )
        return version

    def _demand_new_name(self, workspace: str, name: str) -> None:
        if not name:
            raise BadRequest("The module has no name. Give one.", target="name")
        if self._find(workspace, "module", name=name):
            raise Conflict(f"There is a module '{name}' in this workspace already. Choose another name.", target="name")

    def _check(self, workspace: str, kind: str) -> None:
        self._workspaces.workspace(workspace)
        if kind not in KINDS:
            raise NotFound(f"Nothing of the kind {kind!r} is kept here. There are: {', '.join(KINDS)}.", target="kind")

    def _find(self, workspace: str, kind: str, **equal: str) -> Json | None:
        with self._db.read() as connection:
            row = store.get(connection, workspace, kind, **equal)
        return None if row is None else _shown(row)


def _shown(row: Json) -> Json:
    times = {"created_at": iso(row["created_at"]), "updated_at": iso(row["updated_at"])}
    return {**row["body"], **{k: row[k] for k in _OWN[:4]}, **times}
