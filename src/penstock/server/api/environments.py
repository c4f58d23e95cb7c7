"""Environments."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from penstock.server.api.workspaces import page
from penstock.server.bodies import api_router
from penstock.server.shapes import Texts, Values, sent
from penstock.service.services import Services

Json = dict[str, Any]


def router(services: Services) -> APIRouter:
    routes = api_router("environments")
    environments = services.environments

    @routes.get("/ws/{ws}/environments")
    def list_environments(ws: str, name: str | None = None) -> Json:
        return page(environments.list(ws, name))

    @routes.get("/ws/{ws}/environments/{name}")
    def get_environment(ws: str, name: str, version: str | None = None, label: str | None = None) -> Json:
        return environments.get(ws, name, version, label)

    @routes.post("/ws/{ws}/environments/{name}", status_code=201)
    def register_environment(ws: str, name: str, body: Json = sent(definition=Values)) -> Response:  # noqa: B008
        services.catalog.workspace(ws)
        return JSONResponse(environments.register(ws, name, body), 201)

    @routes.put("/ws/{ws}/environments/{name}/{version}/labels")
    def label_environment(ws: str, name: str, version: str, body: Json = sent(labels=Texts)) -> Json:  # noqa: B008
        return environments.label(ws, name, version, {str(label) for label in body.get("labels") or ()})

    return routes
