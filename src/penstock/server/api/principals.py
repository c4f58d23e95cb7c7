"""Principals and what they may do: the owner's to change."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Body
from starlette.responses import JSONResponse, Response

from penstock.model.errors import BadRequest
from penstock.server.api.workspaces import page
from penstock.service.services import Services

Json = dict[str, Any]
_SHOWN_ONCE = {"Cache-Control": "no-store"}


def router(services: Services) -> APIRouter:
    routes = APIRouter(tags=["principals"])
    principals = services.principals

    @routes.get("/principals")
    def list_principals() -> Json:
        return page(principals.list())

    @routes.post("/principals")
    def create_principal(body: Json = Body()) -> Response:  # noqa: B008
        return JSONResponse(principals.create(body), 201, _SHOWN_ONCE)

    @routes.get("/principals/{name}")
    def get_principal(name: str) -> Json:
        return principals.get(name)

    @routes.put("/principals/{name}")
    def enable_principal(name: str, body: Json = Body()) -> Json:  # noqa: B008
        if not isinstance(body.get("enabled"), bool):
            raise BadRequest("A principal is changed with {'enabled': true or false}. Send that.", target="enabled")
        return principals.set_enabled(name, body["enabled"])

    @routes.post("/principals/{name}/rotate")
    def rotate_secret(name: str, body: Json = Body(default={})) -> Response:  # noqa: B008
        return JSONResponse(principals.rotate(name, body), 201, _SHOWN_ONCE)

    @routes.post("/principals/{name}/grants")
    def grant_role(name: str, body: Json = Body()) -> Json:  # noqa: B008
        return principals.grant(name, body)

    @routes.post("/principals/{name}/revoke")
    def revoke_role(name: str, body: Json = Body()) -> Json:  # noqa: B008
        return principals.revoke(name, body)

    @routes.delete("/principals/{name}")
    def delete_principal(name: str) -> Response:
        principals.delete(name)
        return Response(status_code=204)

    @routes.get("/audit")
    def read_audit(limit: int = 100) -> Json:
        return page(services.audit.lines(max(1, min(limit, 10_000))))

    return routes
