"""The verbs on what authors keep to use again: drafts of pipelines, modules and their versions. The SDK makes graphs of them."""

from __future__ import annotations

from typing import Any

from penstock.model.errors import BadRequest, Conflict, NotFound
from penstock.service.catalog import Catalog, iso
from penstock.service.context import Context
from penstock.service.pipelines import Pipelines
from penstock.service.submission import Submission
from penstock.store import authored as store

Json = dict[str, Any]
KINDS = ("draft", "module", "module_version")
_OWN = ("id", "workspace", "name", "parent_id", "created_at", "updated_at")
_DRAFT = ("graph", "interpreter", "experiment", "parameters", "tags", "properties", "continue_on_step_failure")


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
        if kind == "module" and (not name or self._find(workspace, kind, name=name)):
            raise (
                Conflict(f"There is a module '{name}' in this workspace already. Choose another name.", target="name")
                if name
                else BadRequest("The module has no name. Give one.", target="name")
            )
        if kind == "module_version":
            self.get(workspace, "module", str(body.get("parent_id")))
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
        """Change what is given."""
        found = self.get(workspace, kind, kept_id)
        given = {k: v for k, v in body.items() if k not in _OWN and v is not None}
        if kind == "draft" and ("graph" in given or body.get("run_id") or body.get("pipeline_id")):
            given = {k: v for k, v in self._with_graph(workspace, body).items() if k not in _OWN and v is not None}
        kept = {k: v for k, v in found.items() if k not in _OWN} | given
        name, now = str(body.get("name") or found["name"]), self._context.clock()
        self._db.write(lambda c: store.change(c, kept_id, name, kept, now))
        return self.get(workspace, kind, kept_id)

    def delete(self, workspace: str, kind: str, kept_id: str) -> None:
        self.get(workspace, kind, kept_id)
        self._db.write(lambda c: store.drop(c, kept_id))

    def submit_draft(self, workspace: str, draft_id: str, body: Json) -> Json:
        """Submit a draft; it remembers its last run."""
        draft = self.get(workspace, "draft", draft_id)
        submission = {k: draft[k] for k in _DRAFT if draft.get(k) is not None}
        done = self._submission.submit(
            workspace,
            {**submission, **body, "properties": {**(draft.get("properties") or {}), **(body.get("properties") or {})}},
        )
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

    def _with_graph(self, workspace: str, body: Json) -> Json:
        """A draft's body with the graph it stands on: its own, or that of a run or published pipeline."""
        if body.get("pipeline_id"):
            body = {**body, **self._pipelines.kept(workspace, str(body["pipeline_id"]))}
        foreseen = self._submission.foresee(
            workspace,
            {"as_run": body.get("run_id"), **{k: body.get(k) for k in ("graph", "interpreter", "parameters")}},
        )
        kept = {"graph": foreseen.plan.graph.raw, "interpreter": foreseen.bindings["interpreter"]}
        return {**{k: v for k, v in body.items() if k not in ("run_id", "pipeline_id")}, **kept}

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
