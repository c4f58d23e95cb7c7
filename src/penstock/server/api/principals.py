"""Principals and what they may do: the owner's to change."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from penstock.model.errors import BadRequest
from penstock.server.api.workspaces import page
from penstock.server.bodies import api_router
from penstock.server.shapes import Text, optional, sent
from penstock.service.services import Services

Json = dict[str, Any]
_PRINCIPAL = sent(name=Text, role=Text, workspace=Text, published=Text, days=float, note=Text)
_GRANT = sent(workspace=Text, published=Text, role=Text)
_SHOWN_ONCE = {"Cache-Control": "no-store"}


def router(services: Services) -> APIRouter:
    routes = api_router("principals")
    principals = services.principals

    @routes.get("/principals")
    def list_principals() -> Json:
        return page(principals.list())

    @routes.post("/principals", status_code=201)
    def create_principal(body: Json = _PRINCIPAL) -> Response:
        return JSONResponse(principals.create(body), 201, _SHOWN_ONCE)

    @routes.get("/principals/{name}")
    def get_principal(name: str) -> Json:
        return principals.get(name)

    @routes.put("/principals/{name}")
    def enable_principal(name: str, body: Json = sent(enabled=bool)) -> Json:  # noqa: B008
        if not isinstance(body.get("enabled"), bool):
            raise BadRequest("A principal is changed with {'enabled': true or false}. Send that.", target="enabled")
        return principals.set_enabled(name, body["enabled"])

    @routes.post("/principals/{name}/rotate", status_code=201)
    def rotate_secret(name: str, body: Json = optional(days=float, keep_hours=float, note=Text)) -> Response:  # noqa: B008
        return JSONResponse(principals.rotate(name, body), 201, _SHOWN_ONCE)

    @routes.post("/principals/{name}/grants")
    def grant_role(name: str, body: Json = _GRANT) -> Json:
        return principals.grant(name, body)

    @routes.post("/principals/{name}/revoke")
    def revoke_role(name: str, body: Json = _GRANT) -> Json:
        return principals.revoke(name, body)

    @routes.delete("/principals/{name}", status_code=204)
    def delete_principal(name: str) -> Response:
        principals.delete(name)
        return Response(status_code=204)

    @routes.get("/audit")
    def read_audit(limit: int = 100) -> Json:
        return page(services.audit.lines(max(1, min(limit, 10_000))))

    return routes
