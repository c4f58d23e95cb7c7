"""The studio's pages, loaded by the first call that the API does not take: many servers are never looked at in a browser.

Knows which routers the pages are made of; nothing of what they show.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import Response

from penstock.service.services import Services


def add_later(app: FastAPI, services: Services, trouble: Callable[[], str | None]) -> None:
    """Have `app` take the routes of all pages when it is first asked for what it has no route for."""
    unknown = app.router.default
    is_loaded = False

    async def load_or_refuse(scope: Any, receive: Any, send: Any) -> None:
        nonlocal is_loaded
        if is_loaded:
            await unknown(scope, receive, send)
            return
        for part in routers(app, services, trouble):
            app.router.routes.extend(part.routes)
        is_loaded = True
        await app.router(scope, receive, send)

    app.router.default = load_or_refuse


def routers(app: FastAPI, services: Services, trouble: Callable[[], str | None]) -> list[APIRouter]:
    """The routes of all pages. `trouble` says what keeps the server from working, for the head of every page."""
    from penstock.server.studio import calls, pipelines, routes, schedules, signing_in
    from penstock.server.studio.visitors import visitor_of

    pages = routes.router(
        services.views,
        trouble=trouble,
        why=services.explaining.why,
        inputs=services.inputs.of,
        visitor=lambda request: visitor_of(services, request),
    )
    return [
        signing_in.router(services),
        pages,
        pipelines.router(services, _static_version()),
        schedules.router(services, _static_version()),
        calls.router(app.openapi),
    ]


def no_page(request: Request) -> Response:
    """What a browser is told of an address with nothing behind it."""
    from penstock.server.studio.routes import missing_page, templates

    return missing_page(templates(_static_version()), f"There is no page {request.url.path} on this server.")


@cache
def _static_version() -> str:
    from penstock.server.studio.routes import HERE, version

    return version({p.name: p.read_bytes() for p in (HERE / "static").iterdir()})
