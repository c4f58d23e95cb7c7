"""The verbs on drafts: submissions that are kept to be changed, submitted and published again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from penstock.model.errors import BadRequest
from penstock.service.assets.catalog import Catalog
from penstock.service.context import Context
from penstock.service.published.assigning import as_text
from penstock.service.published.authored import Authored, text, times
from penstock.service.published.pipelines import Pipelines
from penstock.service.runs import resuming
from penstock.service.runs.submission import Submission

Json = dict[str, Any]
_OWN = ("id", "workspace", "name", "created_at", "updated_at")
_DRAFT = ("graph", "interpreter", "experiment", "parameters", "tags", "properties", "continue_on_step_failure")
_TAKEN = ("graph", "interpreter", "experiment", "parameters", "continue_on_step_failure")
_ORIGINS = {
    "run_id": "parent_pipeline_run_id",
    "pipeline_id": "parent_pipeline_id",
    "draft_id": "parent_pipeline_draft_id",
}
"""What a draft may be made from, and where it says so."""


class Drafts:
    """Drafts by id."""

    def __init__(self, context: Context, workspaces: Catalog, submission: Submission, pipelines: Pipelines) -> None:
        self._kept = Authored(context, workspaces, "draft", "draft")
        self._submission, self._pipelines = submission, pipelines
        self._db = context.database

    def create(self, workspace: str, body: Json) -> Json:
        """Keep what `body` says under a new id. Its graph must be one that can be submitted."""
        body = self._with_graph(workspace, body)
        row = self._kept.new(workspace, str(body.get("name") or ""), {k: v for k, v in body.items() if k not in _OWN})
        self._kept.add(row)
        return _shown(row)

    def get(self, workspace: str, draft_id: str) -> Json:
        return _shown(self._kept.row(workspace, id=draft_id))

    def list(self, workspace: str) -> Sequence[Json]:
        """Newest first."""
        return [_shown(r) for r in self._kept.rows(workspace)]

    def update(self, workspace: str, draft_id: str, body: Json) -> Json:
        """Change what is given. Its values must still fit its graph."""
        found = self.get(workspace, draft_id)
        if any(body.get(k) is not None for k in (*_ORIGINS, "graph", "parameters")):
            body = self._with_graph(workspace, body, found)
        changes = {k: v for k, v in body.items() if k not in _OWN and v is not None}
        self._kept.change(workspace, draft_id, changes, text(body, "name"))
        return self.get(workspace, draft_id)

    def delete(self, workspace: str, draft_id: str) -> None:
        self.get(workspace, draft_id)
        self._kept.drop(draft_id)

    def submit(self, workspace: str, draft_id: str, body: Json) -> Json:
        """Submit a draft; it remembers its last run."""
        draft = self.get(workspace, draft_id)
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
        self.update(workspace, draft_id, {"last_submitted_pipeline_run_id": done["run_id"]})
        return done

    def publish(self, workspace: str, draft_id: str, by: str | None) -> Json:
        """A published pipeline of the draft as it is now, with the values it has as defaults."""
        draft = self.get(workspace, draft_id)
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
            origin = self.get(workspace, str(body["draft_id"]))
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


def _shown(row: Json) -> Json:
    return {**row["body"], **{k: row[k] for k in ("id", "workspace", "name")}, **times(row)}
