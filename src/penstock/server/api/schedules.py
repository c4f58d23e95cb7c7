"""Schedules of a workspace: made, changed, looked at, run now and caught up by hand."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Body
from starlette.responses import JSONResponse, Response

from penstock.server.api.workspaces import page
from penstock.service.services import Services

Json = dict[str, Any]
_ONE = "/ws/{ws}/schedules/{schedule_id}"


def router(services: Services) -> APIRouter:
    routes = APIRouter(tags=["schedules"])
    schedules = services.schedules

    @routes.post("/ws/{ws}/schedules")
    def create_schedule(ws: str, body: Json = Body()) -> Response:  # noqa: B008
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
    def update_schedule(ws: str, schedule_id: str, body: Json = Body()) -> Json:  # noqa: B008
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
    def backfill_schedule(ws: str, schedule_id: str, body: Json = Body()) -> Json:  # noqa: B008
        return schedules.backfill(ws, schedule_id, body)

    return routes
