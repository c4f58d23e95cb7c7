"""Published pipelines and endpoints, read and switched on the paths of clients written for the original."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from penstock.server.api.wire_runs import WS
from penstock.server.bodies import folded, read_json
from penstock.service.services import Services

Json = dict[str, Any]


def add(routes: APIRouter, services: Services) -> None:
    """The routes of published pipelines and endpoints."""
    pipelines, endpoints = services.pipelines, services.endpoints

    @routes.get(WS + "/Pipelines")
    def list_published(ws: str, activeOnly: bool = True) -> list[Json]:
        return [_published(p) for p in pipelines.list(ws, "Active" if activeOnly else None, None, 1000)]

    @routes.get(WS + "/Pipelines/{pipeline_id}")
    def get_published(ws: str, pipeline_id: str) -> Json:
        return _published(pipelines.get(ws, pipeline_id))

    @routes.put(WS + "/Pipelines/{pipeline_id}/status")
    async def set_published_status(ws: str, pipeline_id: str, request: Request) -> Json:
        body = folded(await read_json(request))
        status = str(body.get("status") or body.get("entitystatus"))
        return _published(await run_in_threadpool(pipelines.set_status, ws, pipeline_id, status))

    @routes.get(WS + "/PipelineEndpoints")
    def list_pipeline_endpoints(ws: str, activeOnly: bool = True) -> list[Json]:
        return [_endpoint(e) for e in endpoints.list(ws, "Active" if activeOnly else None, None, 1000)]

    @routes.get(WS + "/PipelineEndpoints/Name")
    def get_pipeline_endpoint_by_name(ws: str, name: str) -> Json:
        return _endpoint(endpoints.named(ws, name))

    @routes.get(WS + "/PipelineEndpoints/Id/{endpoint_id}")
    def get_pipeline_endpoint(ws: str, endpoint_id: str) -> Json:
        return _endpoint(endpoints.get(ws, endpoint_id))

    @routes.get(WS + "/PipelineEndpoints/{endpoint_id}/pipelines")
    def list_pipelines_of_endpoint(ws: str, endpoint_id: str) -> list[Json]:
        return [_published(pipelines.get(ws, v["pipeline_id"])) for v in endpoints.get(ws, endpoint_id)["versions"]]

    @routes.put(WS + "/PipelineEndpoints/{endpoint_id}")
    async def update_pipeline_endpoint(ws: str, endpoint_id: str, request: Request) -> Json:
        body = folded(await read_json(request))
        wanted = {"name": "name", "description": "description", "status": "status", "default_version": "defaultversion"}
        given = {ours: body[theirs] for ours, theirs in wanted.items() if body.get(theirs) is not None}
        return _endpoint(await run_in_threadpool(endpoints.update, ws, endpoint_id, given))


def _published(found: Json) -> Json:
    return {
        "Id": found["id"],
        "Name": found["name"],
        "Description": found["description"],
        "Version": found["version"],
        "GraphId": found["graph_id"],
        "TotalRunSteps": found["total_run_steps"],
        "ContinueRunOnStepFailure": found["continue_on_step_failure"],
        "EntityStatus": found["status"],
        "Url": found["endpoint"],
        "CreatedDate": found["created_at"],
        **({"Parameters": found["parameters"]} if "parameters" in found else {}),
    }


def _endpoint(found: Json) -> Json:
    return {
        "Id": found["id"],
        "Name": found["name"],
        "Description": found["description"],
        "DefaultVersion": found["default_version"],
        "PipelineVersionList": [{"Version": v["version"], "PipelineId": v["pipeline_id"]} for v in found["versions"]],
        "EntityStatus": found["status"],
        "Url": found["endpoint"],
        "CreatedDate": found["created_at"],
    }
