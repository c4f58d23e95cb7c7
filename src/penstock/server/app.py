"""The application: routes, pages, and the one shape every error has."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from penstock import __version__
from penstock.model.errors import PenstockError
from penstock.server import pages
from penstock.server.api import (
    assets,
    care,
    environments,
    mlflow,
    modules,
    oauth,
    pipelines,
    principals,
    runs,
    schedules,
    secrets,
    server,
    webhooks,
    wire,
    workspaces,
)
from penstock.server.bodies import CALL_ID, correlated
from penstock.service.care.room import Room
from penstock.service.execution.loop import Loop
from penstock.service.services import Services

log = logging.getLogger("penstock.server")
_CODES = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    426: "UnsupportedProtocol",
}


def make_app(services: Services, loop: Loop, stop: Any) -> FastAPI:
    """The whole application over these services. `stop(force)` ends the server."""
    app = FastAPI(
        title="Penstock", version=__version__, docs_url=None, redoc_url=None, separate_input_output_schemas=False
    )
    _add(app, wire.router(services))  # first: what machines call most
    _add(app, server.router(services, loop, stop))
    for part in (
        workspaces,
        runs,
        care,
        assets,
        environments,
        secrets,
        webhooks,
        pipelines,
        modules,
        schedules,
        principals,
        mlflow,
        oauth,
    ):
        _add(app, part.router(services))
    pages.add_later(app, services, lambda: _trouble(services, loop))
    app.add_exception_handler(PenstockError, _penstock_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _bad_body)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(OSError, _disk_error(services.context.room))
    app.add_exception_handler(Exception, _surprise)
    return app


def _add(app: FastAPI, router: APIRouter) -> None:
    """Take the routes as they are. To include a router makes each of them once more, a fifth of a server's start."""
    app.router.routes.extend(router.routes)


def _trouble(services: Services, loop: Loop) -> str | None:
    found = services.context.room.trouble
    return found.message if found is not None else loop.trouble


async def _penstock_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, PenstockError)
    headers = {"WWW-Authenticate": "Bearer"} if error.http_status == 401 else None
    return JSONResponse(_correlated(request, error.as_json()), error.http_status, headers)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, PenstockError):  # what reading the body has refused
        return await _penstock_error(request, error.__cause__)
    if error.status_code == 404 and "text/html" in request.headers.get("accept", ""):
        return pages.no_page(request)
    code = _CODES.get(error.status_code, "BadRequest")
    message = f"{request.method} {request.url.path}: {error.detail}. The calls there are: see /docs."
    return _shape(request, code, message, error.status_code)


async def _bad_body(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(p) for p in first["loc"])
    return _shape(request, "BadRequest", f"{place}: {first['msg']}. Send what docs/graph.md says.", 400, place)


async def _gone(request: Request, error: Exception) -> Response:
    """Nobody reads this answer: the caller hung up while it sent, as one does whose file changed, or who was interrupted."""
    log.info("%s %s: the caller hung up before all was sent", request.method, request.url.path)
    return _shape(request, "BadRequest", "The request broke off before all of it had come. Send it again.", 400)


def _disk_error(room: Room) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, error: Exception) -> Response:
        known = room.noticed(error)
        if known is None:
            return await _surprise(request, error)
        return JSONResponse(known.as_json(), known.http_status)

    return answer


async def _surprise(request: Request, error: Exception) -> Response:
    log.error("a request failed", exc_info=error)
    message = f"The server failed on this request: {type(error).__name__}: {error}. Its log says more; penstock doctor checks it."
    return _shape(request, "Internal", message, 500)


def _correlated(request: Request, body: dict[str, Any]) -> dict[str, Any]:
    return correlated(request.url.path, request.headers.get(CALL_ID, ""), body)


def _shape(request: Request, code: str, message: str, status: int, target: str = "") -> Response:
    body = {"error": {"code": code, "message": message, "target": target, "details": []}}
    return JSONResponse(_correlated(request, body), status)
