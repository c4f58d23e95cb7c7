"""A workspace's secrets. Only the owner of the home may read a value: over TCP even reading takes the token (see guard.py)."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from penstock.server.api.workspaces import page
from penstock.server.bodies import api_router
from penstock.server.shapes import Text, sent
from penstock.service.services import Services

Json = dict[str, Any]


def router(services: Services) -> APIRouter:
    routes = api_router("secrets")
    secrets = services.secrets

    @routes.get("/ws/{ws}/secrets")
    def list_secrets(ws: str) -> Json:
        return page(secrets.list(ws))

    @routes.get("/ws/{ws}/secrets/{name}")
    def get_secret(ws: str, name: str) -> Response:
        return JSONResponse(secrets.get(ws, name), headers={"Cache-Control": "no-store"})

    @routes.put("/ws/{ws}/secrets/{name}")
    def put_secret(ws: str, name: str, body: Json = sent(value=Any, content_type=Text)) -> Json:  # noqa: B008
        return secrets.put(ws, name, body)

    @routes.delete("/ws/{ws}/secrets/{name}", status_code=204)
    def delete_secret(ws: str, name: str) -> Response:
        secrets.delete(ws, name)
        return Response(status_code=204)

    return routes
