"""What a schedule submits. The only place that knows both schedules and targets."""

from __future__ import annotations

from typing import Any

from penstock.service.published.endpoints import Endpoints
from penstock.service.published.pipelines import RUN_TYPE, Pipelines
from penstock.service.runs.submission import Also

Json = dict[str, Any]


class Targets:
    """What schedules submit: published pipelines, and the default versions of endpoints."""

    def __init__(self, pipelines: Pipelines, endpoints: Endpoints) -> None:
        self._pipelines, self._endpoints = pipelines, endpoints

    def check(self, workspace: str, body: Json) -> None:
        """Refuse a schedule whose pipeline or endpoint is not there, or whose parameters it does not take."""
        given = body.get("pipeline_parameters") or {}
        if body.get("pipeline_id"):
            self._pipelines.check(workspace, str(body["pipeline_id"]), given)
        else:
            self._endpoints.check(workspace, str(body.get("pipeline_endpoint_id")), given)

    def submit(self, schedule: Json, body: Json, also: Also) -> str:
        """Submit what the schedule is for; the id of the run. The same idempotency_key gives the same run, without `also`."""
        workspace = schedule["workspace"]
        submission = {
            **{k: body[k] for k in ("experiment", "idempotency_key", "regenerate_outputs", "datasets")},
            "parameters": {**body["parameters"], **(body.get("data_paths") or {})},
            "properties": {**body["properties"], RUN_TYPE: "Schedule"},
            "continue_on_step_failure": body.get("continue_on_failure"),
        }
        if schedule["pipeline_id"]:
            done = self._pipelines.submit(workspace, schedule["pipeline_id"], submission, also)
        else:
            done = self._endpoints.submit(workspace, schedule["endpoint_id"], None, submission, also)
        return str(done["run_id"])
