"""The page of the API's calls, drawn from the OpenAPI document on the server: nothing is fetched from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from penstock.server.bodies import LaterRoute
from penstock.server.studio.routes import PAGE_HEADERS, templates, version

Json = dict[str, Any]


@dataclass(frozen=True)
class Call:
    method: str
    path: str
    says: str
    query: tuple[str, ...]


@dataclass(frozen=True)
class CallsPage:
    """`groups` are (title, calls), in the order of the API."""

    version: str
    groups: tuple[tuple[str, tuple[Call, ...]], ...]


def router(document: Callable[[], Json], static_version: str = "") -> APIRouter:
    """`/docs` over the OpenAPI `document`."""
    routes = APIRouter(include_in_schema=False, route_class=LaterRoute)
    pages = templates(static_version or version({}))

    @routes.get("/docs")
    def calls() -> Response:
        html = pages.get_template("calls.html").render(page=calls_page(document()))
        return HTMLResponse(html, headers=PAGE_HEADERS)

    return routes


def calls_page(document: Json) -> CallsPage:
    """What the page shows of an OpenAPI document."""
    groups: dict[str, list[Call]] = {}
    for path, verbs in document["paths"].items():
        for method, call in verbs.items():
            query = tuple(p["name"] for p in call.get("parameters", ()) if p["in"] == "query")
            says = call.get("description") or call.get("summary", "").capitalize()
            title = (call.get("tags") or ["other"])[0]
            groups.setdefault(title, []).append(Call(method.upper(), path, says, query))
    return CallsPage(document["info"]["version"], tuple((title, tuple(calls)) for title, calls in groups.items()))
