"""Modules, their versions, and the types of data that their ports name."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Body
from starlette.responses import JSONResponse, Response

from penstock.server.api.workspaces import page
from penstock.service.services import Services

Json = dict[str, Any]
_MODULE = "/ws/{ws}/modules/{module_id}"
_VERSION = "/ws/{ws}/module_versions/{version_id}"


def router(services: Services) -> APIRouter:
    routes = APIRouter(tags=["modules"])
    modules = services.modules
    _data_types(routes, services)

    @routes.post("/ws/{ws}/modules")
    def create_module(ws: str, body: Json = Body()) -> Response:  # noqa: B008
        return JSONResponse(modules.create(ws, body), 201)

    @routes.get("/ws/{ws}/modules")
    def list_modules(ws: str, name: str | None = None) -> Json:
        return page([*modules.list(ws)] if name is None else [modules.named(ws, name)])

    @routes.get(_MODULE)
    def get_module(ws: str, module_id: str) -> Json:
        return modules.get(ws, module_id)

    @routes.put(_MODULE)
    def update_module(ws: str, module_id: str, body: Json = Body()) -> Json:  # noqa: B008
        return modules.update(ws, module_id, body)

    @routes.post(_MODULE + "/versions")
    def publish_module_version(ws: str, module_id: str, body: Json = Body()) -> Response:  # noqa: B008
        return JSONResponse(modules.publish(ws, module_id, body), 201)

    @routes.get(_VERSION)
    def get_module_version(ws: str, version_id: str) -> Json:
        return modules.version(ws, version_id)

    @routes.put(_VERSION)
    def update_module_version(ws: str, version_id: str, body: Json = Body()) -> Json:  # noqa: B008
        return modules.update_version(ws, version_id, body)

    return routes


def _data_types(routes: APIRouter, services: Services) -> None:
    types = services.data_types

    @routes.post("/ws/{ws}/data_types")
    def create_data_type(ws: str, body: Json = Body()) -> Response:  # noqa: B008
        return JSONResponse(types.create(ws, body), 201)

    @routes.get("/ws/{ws}/data_types")
    def list_data_types(ws: str) -> Json:
        return page([*types.list(ws)])

    @routes.put("/ws/{ws}/data_types/{type_id}")
    def update_data_type(ws: str, type_id: str, body: Json = Body()) -> Json:  # noqa: B008
        return types.update(ws, type_id, body)
