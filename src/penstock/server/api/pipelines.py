"""Published pipelines, endpoints over them, and drafts: resources of our own API. What existing clients call is in wire.py."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from penstock.model.access import ALL, Permission
from penstock.server.api import openapi
from penstock.server.api.workspaces import page
from penstock.server.bodies import api_router
from penstock.server.callers import caller_of, idempotent, name_of, signed
from penstock.server.shapes import SUBMISSION, Labels, Number, Text, Values, Word, optional, sent, submission
from penstock.service.published.pipelines import RUN_SOURCE, RUN_TYPE
from penstock.service.services import Services

Json = dict[str, Any]
_PIPELINE_BODY = sent(
    name=Text,
    description=Text,
    version=Word,
    graph=Any,
    interpreter=Values,
    default_datastore=Text,
    continue_on_step_failure=bool,
    run_id=Text,
    draft_id=Text,
)
_SUBMISSION = optional(**SUBMISSION, version=Word)
_ENDPOINT_BODY = sent(name=Text, description=Text, pipeline_id=Text)
_ENDPOINT_CHANGE = sent(name=Text, description=Text, status=Text, default_version=Word)
_DRAFT_BODY = sent(
    name=Text,
    description=Text,
    pipeline_id=Text,
    run_id=Text,
    draft_id=Text,
    graph=Any,
    interpreter=Values,
    experiment=Text,
    parameters=Values,
    tags=Labels,
    properties=Labels,
    continue_on_step_failure=bool,
)
MOST = 1000
_PIPELINE = "/ws/{ws}/pipelines/{pipeline_id}"
_ENDPOINT = "/ws/{ws}/endpoints/{endpoint_id}"
_DRAFT = "/ws/{ws}/drafts/{draft_id}"


def router(services: Services) -> APIRouter:
    routes = api_router("pipelines")
    pipelines = services.pipelines

    @routes.post("/ws/{ws}/pipelines", status_code=201)
    def publish(ws: str, request: Request, body: Json = _PIPELINE_BODY) -> Response:
        by = name_of(request)
        if body.get("draft_id"):
            return JSONResponse(services.drafts.publish(ws, str(body["draft_id"]), by), 201)
        return JSONResponse(pipelines.publish(ws, body, by), 201)

    @routes.get("/ws/{ws}/pipelines")
    def list_pipelines(ws: str, status: str | None = None, limit: int = 100, cursor: Number | None = None) -> Json:
        limit = max(1, min(limit, MOST))
        found = pipelines.list(ws, status, cursor, limit)
        return page(found, str(found[-1]["number"]) if len(found) == limit else None)

    @routes.get(_PIPELINE)
    def get_pipeline(ws: str, pipeline_id: str) -> Json:
        return pipelines.get(ws, pipeline_id)

    @routes.get(_PIPELINE + "/graph")
    def get_pipeline_graph(ws: str, pipeline_id: str) -> Json:
        return pipelines.graph(ws, pipeline_id)

    @routes.get(_PIPELINE + "/openapi.json")
    def describe_pipeline(ws: str, pipeline_id: str) -> Json:
        found = pipelines.get(ws, pipeline_id)
        return openapi.document(found, found["endpoint"])

    @routes.put(_PIPELINE)
    def set_pipeline_status(ws: str, pipeline_id: str, body: Json = sent(status=Text)) -> Json:  # noqa: B008
        return pipelines.set_status(ws, pipeline_id, str(body.get("status")))

    @routes.post(_PIPELINE + "/runs", status_code=201)
    def submit_pipeline(ws: str, pipeline_id: str, request: Request, body: Json = _SUBMISSION) -> Response:
        ready = _ready(services, request, body, f"{ws}/{pipeline_id}")
        return _submitted(services, pipelines.submit(ws, pipeline_id, ready))

    @routes.get("/published")
    def find_published(request: Request, begins: str = "", limit: int = 100) -> Json:
        """What the caller may see or run, of all workspaces, whose id or name begins so."""
        caller = caller_of(request)
        seen = None
        if not caller.may(Permission.READ, ALL):
            seen = [w["name"] for w in services.views.workspaces() if caller.may(Permission.READ, w["name"])]
        limit = max(1, min(limit, MOST))
        return page([*services.endpoints.beginning(begins, seen, sorted(caller.published), limit)])

    _endpoints(routes, services)
    _drafts(routes, services)
    return routes


def _endpoints(routes: APIRouter, services: Services) -> None:
    endpoints = services.endpoints

    @routes.post("/ws/{ws}/endpoints", status_code=201)
    def create_endpoint(ws: str, body: Json = _ENDPOINT_BODY) -> Response:
        return JSONResponse(endpoints.create(ws, body), 201)

    @routes.get("/ws/{ws}/endpoints")
    def list_endpoints(
        ws: str, status: str | None = None, name: str | None = None, limit: int = 100, cursor: Number | None = None
    ) -> Json:
        if name is not None:
            return page([endpoints.named(ws, name)])
        limit = max(1, min(limit, MOST))
        found = [*endpoints.list(ws, status, cursor, limit)]
        return page(found, str(found[-1]["number"]) if len(found) == limit else None)

    @routes.get(_ENDPOINT)
    def get_endpoint(ws: str, endpoint_id: str) -> Json:
        return endpoints.get(ws, endpoint_id)

    @routes.get(_ENDPOINT + "/openapi.json")
    def describe_endpoint(ws: str, endpoint_id: str) -> Json:
        found = endpoints.get(ws, endpoint_id)
        pipeline = services.pipelines.get(ws, endpoints.pipeline_of(ws, endpoint_id))
        return openapi.document(pipeline, found["endpoint"], found["name"])

    @routes.put(_ENDPOINT)
    def update_endpoint(ws: str, endpoint_id: str, body: Json = _ENDPOINT_CHANGE) -> Json:
        return endpoints.update(ws, endpoint_id, body)

    @routes.post(_ENDPOINT + "/versions")
    def add_endpoint_version(ws: str, endpoint_id: str, body: Json = sent(pipeline_id=Text, default=bool)) -> Json:  # noqa: B008
        return endpoints.add(ws, endpoint_id, body)

    @routes.post(_ENDPOINT + "/runs", status_code=201)
    def submit_endpoint(ws: str, endpoint_id: str, request: Request, body: Json = _SUBMISSION) -> Response:
        version = None if body.get("version") is None else str(body["version"])
        ready = _ready(services, request, body, f"{ws}/{endpoint_id}/{version}")
        return _submitted(services, endpoints.submit(ws, endpoint_id, version, ready))


def _drafts(routes: APIRouter, services: Services) -> None:
    drafts = services.drafts

    @routes.post("/ws/{ws}/drafts", status_code=201)
    def create_draft(ws: str, body: Json = _DRAFT_BODY) -> Response:
        return JSONResponse(drafts.create(ws, body), 201)

    @routes.get("/ws/{ws}/drafts")
    def list_drafts(ws: str) -> Json:
        return page([*drafts.list(ws)])

    @routes.get(_DRAFT)
    def get_draft(ws: str, draft_id: str) -> Json:
        return drafts.get(ws, draft_id)

    @routes.put(_DRAFT)
    def update_draft(ws: str, draft_id: str, body: Json = _DRAFT_BODY) -> Json:
        return drafts.update(ws, draft_id, body)

    @routes.delete(_DRAFT, status_code=204)
    def delete_draft(ws: str, draft_id: str) -> Response:
        drafts.delete(ws, draft_id)
        return Response(status_code=204)

    @routes.post(_DRAFT + "/runs", status_code=201)
    def submit_draft(ws: str, draft_id: str, request: Request, body: Json = _SUBMISSION) -> Response:
        return _submitted(services, drafts.submit(ws, draft_id, signed(services, request, submission(body))))


def _ready(services: Services, request: Request, body: Json, what: str) -> Json:
    """The submission with who asks, how, and under which key."""
    known = {RUN_SOURCE: "SDK", RUN_TYPE: "SDK", **(body.get("properties") or {})}
    return idempotent(request, signed(services, request, {**submission(body), "properties": known}), what)


def _submitted(services: Services, done: Json) -> Response:
    run = services.views.find_run(done["run_id"])
    return JSONResponse({"run": run, "steps": done["steps"], "notes": done["notes"]}, 201)
