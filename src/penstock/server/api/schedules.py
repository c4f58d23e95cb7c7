"""Schedules of a workspace: made, changed, looked at, run now and caught up by hand."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from penstock.server.api.workspaces import page
from penstock.server.bodies import api_router
from penstock.server.shapes import Shape, Text, Values, sent
from penstock.service.services import Services

Json = dict[str, Any]
SHAPE = Shape(
    name=Text,
    description=Text,
    status=Any,
    pipeline_id=Text,
    pipeline_endpoint_id=Text,
    experiment_name=Text,
    recurrence=Values,
    pipeline_parameters=Values,
    continue_on_step_failure=bool,
    datastore=Text,
    path_on_datastore=Text,
    polling_interval=float,
    data_path_parameter_name=Text,
    catch_up=Text,
    overlap=Text,
    pause_after=int,
    recursive=bool,
    on_delete=bool,
    settle_seconds=float,
    regenerate_outputs=bool,
    datasets=Text,
)
_SCHEDULE = sent(**SHAPE.keys)
_SPAN = sent(**{"from": Text, "to": Text, "at_once": int, "dry_run": bool})
_ONE = "/ws/{ws}/schedules/{schedule_id}"


def router(services: Services) -> APIRouter:
    routes = api_router("schedules")
    schedules = services.schedules

    @routes.post("/ws/{ws}/schedules", status_code=201)
    def create_schedule(ws: str, body: Json = _SCHEDULE) -> Response:
        return JSONResponse(schedules.create(ws, body), 201)

    @routes.get("/ws/{ws}/schedules")
    def list_schedules(
        ws: str, active_only: bool = False, pipeline_id: str | None = None, pipeline_endpoint_id: str | None = None
    ) -> Json:
        return page(schedules.list(ws, active_only, pipeline_id=pipeline_id, endpoint_id=pipeline_endpoint_id))

    @routes.get(_ONE)
    def get_schedule(ws: str, schedule_id: str) -> Json:
        return schedules.get(ws, schedule_id)

    @routes.put(_ONE)
    def update_schedule(ws: str, schedule_id: str, body: Json = _SCHEDULE) -> Json:
        return schedules.update(ws, schedule_id, body)

    @routes.get(_ONE + "/ticks")
    def list_ticks(ws: str, schedule_id: str, limit: int = 100) -> Json:
        return schedules.ticks(ws, schedule_id, max(1, min(limit, 10_000)))

    @routes.get(_ONE + "/next")
    def next_ticks(ws: str, schedule_id: str, n: int = 10) -> Json:
        return schedules.next(ws, schedule_id, n)

    @routes.get(_ONE + "/runs")
    def list_runs_of_schedule(ws: str, schedule_id: str) -> Json:
        return {"value": schedules.runs(ws, schedule_id)}

    @routes.get("/ws/{ws}/runs/{run_id}/changed")
    def list_changed_files(ws: str, run_id: str) -> Json:
        return schedules.changed(ws, run_id)

    @routes.post(_ONE + "/run-now")
    def run_schedule_now(ws: str, schedule_id: str) -> Json:
        return schedules.run_now(ws, schedule_id)

    @routes.post(_ONE + "/backfill")
    def backfill_schedule(ws: str, schedule_id: str, body: Json = _SPAN) -> Json:
        return schedules.backfill(ws, schedule_id, body)

    return routes
