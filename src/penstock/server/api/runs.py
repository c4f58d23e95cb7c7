"""Submitting, following, reading and stopping runs; snapshots and uploads that go with them."""

from __future__ import annotations

import json
import tempfile
from typing import IO, Any

from fastapi import APIRouter, Body, Depends, Request
from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response, StreamingResponse

from penstock.model.errors import BadRequest
from penstock.server.api.workspaces import page
from penstock.server.bodies import BYTES, LaterRoute, api_router, bytes_of
from penstock.server.callers import caller_of, signed
from penstock.server.files import send_file
from penstock.server.shapes import SUBMISSION, Labels, Number, Text, Things, optional, sent, submission
from penstock.server.stream import follow
from penstock.service.care.room import Room
from penstock.service.context import new_id
from penstock.service.runs.driven import checked_owner
from penstock.service.runs.views import EVENTS_A_PAGE
from penstock.service.services import Services

Json = dict[str, Any]
_SUBMISSION = sent(**SUBMISSION, graph=Any, graph_digest=Text, resume_from=Text, idempotency_key=Text)
_PLANNED = sent(**SUBMISSION, graph=Any, as_run=Text)
_INTERACTIVE = sent(
    experiment=Text,
    id=Text,
    name=Text,
    display_name=Text,
    parent_id=Text,
    tags=Labels,
    properties=Labels,
    owner=Any,
)
SPOOL_BYTES = 8 << 20
MAX_LIMIT = 1000


def router(services: Services) -> APIRouter:
    routes = api_router("runs")
    views, control = services.views, services.control
    _uploads(routes, services)
    _reading(routes, services)
    _what_is_left(routes, services)

    @routes.post("/ws/{ws}/runs", status_code=201)
    def submit(ws: str, request: Request, body: Json = _SUBMISSION) -> Response:
        done = services.submission.submit(ws, signed(services, request, submission(body)))
        run = views.find_run(done["run_id"])
        answer = {"run": run, **{k: done[k] for k in ("steps", "notes", "all_stand")}}
        # Made in a third of the time that JSONResponse takes for thousands of steps.
        return Response(to_json(answer), 201, media_type="application/json")

    @routes.post("/ws/{ws}/plan")
    def plan(ws: str, body: Json = _PLANNED) -> Json:
        return {"steps": services.explaining.plan(services.submission.foresee(ws, body))}

    @routes.get("/ws/{ws}/runs/{run_id}/why")
    def why(ws: str, run_id: str) -> Response:
        views.find_run(run_id, ws)
        return JSONResponse({"steps": services.explaining.why(run_id)})

    @routes.post("/ws/{ws}/interactive_runs", status_code=201)
    def start_interactive(ws: str, request: Request, body: Json = _INTERACTIVE) -> Response:
        services.access.check_family(caller_of(request), body.get("parent_id"))
        return JSONResponse(views.find_run(control.start_interactive(ws, signed(services, request, body))), 201)

    def write_journal(ws: str, run_id: str, owner: str = "", body: list[Any] = Body()) -> Json:  # noqa: B008
        views.find_run(run_id, ws)
        control.write_journal(run_id, body, _owner(owner))
        return {"records": len(body)}

    # What a script logs may hold NaN and halves of characters: whoever takes it in knows what to do with them.
    path = "/ws/{ws}/runs/{run_id}/journal"
    routes.add_api_route(path, write_journal, methods=["POST"], route_class_override=LaterRoute)

    @routes.post("/ws/{ws}/runs/{run_id}/cancel", responses={202: {"description": "It will be"}})
    def cancel(ws: str, run_id: str, body: Json = optional(reason=Text)) -> Response:  # noqa: B008
        views.find_run(run_id, ws)
        asked = control.cancel(run_id, body.get("reason"))
        return JSONResponse(views.find_run(run_id), 202 if asked else 200)

    @routes.post("/ws/{ws}/runs/{run_id}/complete")
    def complete(ws: str, run_id: str, body: Json = sent(status=Text, error=Any)) -> Json:  # noqa: B008
        views.find_run(run_id, ws)
        control.complete(run_id, body)
        return views.find_run(run_id)

    return routes


def _owner(text: str) -> str | None:
    """The process that the caller says it is."""
    try:
        return checked_owner(json.loads(text)) if text else None
    except ValueError:
        raise BadRequest("owner is no JSON. Send {pid, start_time, boot_id, space, host}, or leave it out.") from None


def _uploads(routes: APIRouter, services: Services) -> None:
    context = services.context

    @routes.post("/ws/{ws}/snapshots")
    def offer_snapshot(ws: str, body: Json = sent(files=Things, digest=Text)) -> Json:  # noqa: B008
        files = body.get("files")
        if not isinstance(files, list):
            raise BadRequest("A snapshot needs 'files', a list of {path, size, mode, digest}, and 'digest'. Send both.")
        return {"missing": context.snapshots.offer(str(body.get("digest")), files)}

    @routes.post("/ws/{ws}/blobs")
    async def receive_blobs(ws: str, request: Request) -> Json:
        with await spool(request, context.room) as content:
            return {"kept": await run_in_threadpool(context.snapshots.receive, content)}

    @routes.get("/ws/{ws}/snapshots/{digest}")
    def get_snapshot(ws: str, digest: str) -> Json:
        return {"digest": digest, "files": context.snapshots.files(digest)}

    @routes.get("/ws/{ws}/blobs/{digest}", **BYTES)
    def get_blob(ws: str, digest: str) -> Response:
        return send_file(context.snapshots.blob_path(digest))

    @routes.post("/uploads", status_code=201)
    async def receive_upload(request: Request) -> Response:
        upload_id = new_id()
        with await spool(request, context.room) as content:
            await run_in_threadpool(context.uploads.receive, upload_id, content)
        return JSONResponse({"id": upload_id}, 201)

    @routes.put("/ws/{ws}/runs/{run_id}/files/{name:path}")
    async def put_file(ws: str, run_id: str, name: str, request: Request) -> Json:
        await run_in_threadpool(services.views.find_run, run_id, ws)
        with await spool(request, context.room) as content:
            size = await run_in_threadpool(services.control.put_file, run_id, name, content)
        return {"name": name, "size_bytes": size}


async def spool(request: Request, room: Room) -> IO[bytes]:
    """The body of a request, whole; refused while there is no room for it."""
    room.demand()
    kept = tempfile.SpooledTemporaryFile(SPOOL_BYTES)
    try:
        async for chunk in request.stream():
            kept.write(chunk)
    except BaseException:
        kept.close()
        raise
    kept.seek(0)
    return kept


def _reading(routes: APIRouter, services: Services) -> None:
    views = services.views

    @routes.get("/runs")
    def list_all_runs(wanted: Json = Depends(_filter)) -> Json:  # noqa: B008
        return listed(None, wanted)

    @routes.get("/ws/{ws}/runs")
    def list_runs(ws: str, wanted: Json = Depends(_filter)) -> Json:  # noqa: B008
        return listed(ws, wanted)

    def listed(ws: str | None, wanted: Json) -> Json:
        found = views.list_runs(ws, **wanted)
        return page(found, str(found[-1]["number"]) if len(found) == wanted["limit"] else None)

    @routes.get("/ws/{ws}/runs/{run_id}")
    def get_run(ws: str, run_id: str) -> Json:
        return views.find_run(run_id, ws, as_logged=True)

    @routes.get("/ws/{ws}/runs/{run_id}/children")
    def get_children(ws: str, run_id: str, scripts: bool = False) -> Response:
        views.find_run(run_id, ws)
        return JSONResponse(page(views.children(run_id, scripts)))

    @routes.get("/ws/{ws}/runs/{run_id}/stream", **bytes_of("application/x-ndjson"))
    def stream(ws: str, run_id: str, after: Number = 0, logs: int = 0) -> Response:
        run = views.find_run(run_id, ws)
        return StreamingResponse(follow(services, run, after, bool(logs)), media_type="application/x-ndjson")

    @routes.get("/ws/{ws}/runs/{run_id}/events")
    def get_events(ws: str, run_id: str, after: Number = 0) -> Response:
        views.find_run(run_id, ws)
        found = views.events(run_id, after)
        return JSONResponse(page(found, str(found[-1]["id"]) if len(found) >= EVENTS_A_PAGE else None))

    @routes.get("/ws/{ws}/runs/{run_id}/metrics")
    def get_metrics(ws: str, run_id: str, recursive: int = 0) -> Response:
        views.find_run(run_id, ws)
        return JSONResponse(page(views.metrics(run_id, bool(recursive))))


def _what_is_left(routes: APIRouter, services: Services) -> None:
    views = services.views

    @routes.get("/ws/{ws}/runs/{run_id}/files")
    def get_files(ws: str, run_id: str) -> Json:
        views.find_run(run_id, ws)
        return page(views.files(run_id))

    @routes.get("/ws/{ws}/runs/{run_id}/files/{name:path}", **BYTES)
    def get_file(ws: str, run_id: str, name: str, offset: Number = 0) -> Response:
        views.find_run(run_id, ws)
        return send_file(views.file_path(run_id, name), offset)

    @routes.get("/ws/{ws}/runs/{run_id}/datasets")
    def get_output_datasets(ws: str, run_id: str) -> Json:
        views.find_run(run_id, ws)
        return page(views.output_datasets(run_id))

    @routes.get("/ws/{ws}/runs/{run_id}/outputs")
    def get_outputs(ws: str, run_id: str) -> Json:
        views.find_run(run_id, ws)
        return page(views.outputs(run_id))

    @routes.get("/ws/{ws}/runs/{run_id}/graph")
    def get_graph(ws: str, run_id: str) -> Json:
        views.find_run(run_id, ws)
        return views.graph(run_id)

    @routes.get("/ws/{ws}/runs/{run_id}/job")
    def get_job(ws: str, run_id: str, folder: str) -> Json:
        views.find_run(run_id, ws)
        return services.debugging.describe(run_id, folder)

    @routes.get("/ws/{ws}/runs/{run_id}/attempts")
    def get_attempts(ws: str, run_id: str) -> Json:
        views.find_run(run_id, ws)
        return page(views.attempts(run_id))


def _filter(
    request: Request,
    experiment: str | None = None,
    type: str | None = None,
    parent: str | None = None,
    status: str | None = None,
    prefix: str | None = None,
    pipeline_id: str | None = None,
    include_children: bool = False,
    scripts: bool = False,
    limit: int = 100,
    cursor: Number | None = None,
) -> Json:
    """The fields of store.runs.Filter that a query string asks for."""
    labels = [
        (kind, key[len(kind) + 1 :], value or None)
        for key, value in request.query_params.multi_items()
        for kind in ("tag", "property")
        if key.startswith(kind + ".")
    ]
    plain = {"experiment": experiment, "type": type, "parent": parent, "status": status, "prefix": prefix}
    return {
        **{name: value or None for name, value in {**plain, "pipeline_id": pipeline_id}.items()},
        "labels": tuple(labels),
        "include_children": include_children,
        "scripts": scripts,
        "limit": max(1, min(limit, MAX_LIMIT)),
        "before_number": cursor,
    }
