"""Modules, their versions, and the types of data that their ports name."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from penstock.server.api.workspaces import page
from penstock.server.bodies import api_router
from penstock.server.shapes import Text, Values, Word, sent
from penstock.service.services import Services

Json = dict[str, Any]
_MODULE = "/ws/{ws}/modules/{module_id}"
_VERSION = "/ws/{ws}/module_versions/{version_id}"
_MODULE_BODY = sent(name=Text, description=Text, status=Text, default_version=Word)
_VERSION_BODY = sent(
    version=Word,
    description=Text,
    status=Text,
    default=bool,
    kind=Text,
    snapshot=Text,
    category=Text,
    compute=Text,
    settings=Values,
    run_definition=Values,
    inputs=Any,
    outputs=Any,
    parameters=Any,
    arguments=Any,
)
_TYPE_BODY = sent(name=Text, description=Text, is_directory=bool, parents=Any)


def router(services: Services) -> APIRouter:
    routes = api_router("modules")
    modules = services.modules
    _data_types(routes, services)

    @routes.post("/ws/{ws}/modules", status_code=201)
    def create_module(ws: str, body: Json = _MODULE_BODY) -> Response:
        return JSONResponse(modules.create(ws, body), 201)

    @routes.get("/ws/{ws}/modules")
    def list_modules(ws: str, name: str | None = None) -> Json:
        return page([*modules.list(ws)] if name is None else [modules.named(ws, name)])

    @routes.get(_MODULE)
    def get_module(ws: str, module_id: str) -> Json:
        return modules.get(ws, module_id)

    @routes.put(_MODULE)
    def update_module(ws: str, module_id: str, body: Json = _MODULE_BODY) -> Json:
        return modules.update(ws, module_id, body)

    @routes.post(_MODULE + "/versions", status_code=201)
    def publish_module_version(ws: str, module_id: str, body: Json = _VERSION_BODY) -> Response:
        return JSONResponse(modules.publish(ws, module_id, body), 201)

    @routes.get(_VERSION)
    def get_module_version(ws: str, version_id: str) -> Json:
        return modules.version(ws, version_id)

    @routes.put(_VERSION)
    def update_module_version(ws: str, version_id: str, body: Json = _VERSION_BODY) -> Json:
        return modules.update_version(ws, version_id, body)

    return routes


def _data_types(routes: APIRouter, services: Services) -> None:
    types = services.data_types

    @routes.post("/ws/{ws}/data_types", status_code=201)
    def create_data_type(ws: str, body: Json = _TYPE_BODY) -> Response:
        return JSONResponse(types.create(ws, body), 201)

    @routes.get("/ws/{ws}/data_types")
    def list_data_types(ws: str) -> Json:
        return page([*types.list(ws)])

    @routes.put("/ws/{ws}/data_types/{type_id}")
    def update_data_type(ws: str, type_id: str, body: Json = _TYPE_BODY) -> Json:
        return types.update(ws, type_id, body)
