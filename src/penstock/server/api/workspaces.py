"""Workspaces, experiments, computes, datastores."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from penstock.model.access import ALL, Permission
from penstock.model.errors import Forbidden
from penstock.server.bodies import api_router
from penstock.server.callers import caller_of
from penstock.server.shapes import Labels, Text, Values, optional, sent
from penstock.service.services import Services

Json = dict[str, Any]
_WORKSPACE = optional(subscription_id=Text, resource_group=Text, location=Text, tags=Labels, create=bool, exist_ok=bool)


def router(services: Services) -> APIRouter:
    routes = api_router("workspaces")
    catalog = services.catalog
    _datastores(routes, services)

    @routes.get("/workspaces")
    def list_workspaces(request: Request) -> Json:
        """Those that the caller sees, and those of pipelines that it may run: it knows their names from its own runs."""
        caller = caller_of(request)
        runs_in = services.endpoints.workspaces_of(caller.published)
        return page([w for w in catalog.workspaces() if caller.sees(w["name"]) or w["name"] in runs_in])

    @routes.get("/workspaces/{ws}")
    def get_workspace(ws: str) -> Json:
        return catalog.workspace(ws)

    @routes.put("/workspaces/{ws}", responses={201: {"description": "It is new"}})
    def put_workspace(ws: str, request: Request, body: Json = _WORKSPACE) -> Response:
        caller = caller_of(request)
        if not caller.may(Permission.OWN, ALL) and (
            body.get("create") or ws not in {w["name"] for w in catalog.workspaces()}
        ):
            raise Forbidden(
                f"There is no workspace '{ws}' that {caller.name} may use, and it takes an owner of the server to make one. "
                "An owner makes it: penstock init --workspace NAME"
            )
        found, new = catalog.put_workspace(ws, body)
        return JSONResponse(found, 201 if new else 200)

    @routes.get("/ws/{ws}/experiments")
    def list_experiments(ws: str) -> Json:
        catalog.workspace(ws)
        return page(catalog.experiments(ws))

    @routes.put("/ws/{ws}/experiments/{name}")
    def put_experiment(ws: str, name: str, body: Json = optional(tags=Labels)) -> Json:  # noqa: B008
        tags = body.get("tags")
        return catalog.put_experiment(ws, name, tags if isinstance(tags, dict) else None)

    @routes.get("/ws/{ws}/computes")
    def list_computes(ws: str) -> Json:
        catalog.workspace(ws)
        return page(catalog.computes(ws))

    @routes.get("/ws/{ws}/computes/{name}")
    def get_compute(ws: str, name: str) -> Json:
        return catalog.compute(ws, name)

    @routes.put("/ws/{ws}/computes/{name}")
    def put_compute(ws: str, name: str, body: Json = optional(type=Text, settings=Values)) -> Json:  # noqa: B008
        return catalog.put_compute(ws, name, body)

    @routes.delete("/ws/{ws}/computes/{name}", status_code=204)
    def delete_compute(ws: str, name: str) -> Response:
        catalog.delete_compute(ws, name)
        return Response(status_code=204)

    return routes


def _datastores(routes: APIRouter, services: Services) -> None:
    stores = services.datastores

    @routes.get("/ws/{ws}/datastores")
    def list_datastores(ws: str) -> Json:
        return page(stores.list(ws))

    @routes.get("/ws/{ws}/datastores/{name}")
    def get_datastore(ws: str, name: str) -> Json:
        return stores.get(ws, name)

    @routes.put("/ws/{ws}/datastores/{name}")
    def put_datastore(ws: str, name: str, body: Json = optional(type=Text, settings=Values)) -> Json:  # noqa: B008
        return stores.put(ws, name, body)

    @routes.put("/ws/{ws}/datastores/{name}/root")
    def map_datastore(ws: str, name: str, body: Json = sent(root=Text)) -> Json:  # noqa: B008
        target = body.get("root")
        return stores.map(ws, name, None if target is None else str(target))

    @routes.post("/ws/{ws}/datastores/{name}/pull")
    def pull(ws: str, name: str, body: Json = optional(path=Text)) -> Json:  # noqa: B008
        return {"n_files": stores.pull(ws, name, str(body.get("path") or ""))}

    @routes.post("/ws/{ws}/datastores/{name}/push")
    def push(ws: str, name: str, body: Json = optional(path=Text)) -> Json:  # noqa: B008
        return {"n_files": stores.push(ws, name, str(body.get("path") or ""))}

    @routes.delete("/ws/{ws}/datastores/{name}", status_code=204)
    def delete_datastore(ws: str, name: str) -> Response:
        stores.delete(ws, name)
        return Response(status_code=204)

    @routes.put("/ws/{ws}/default_datastore")
    def set_default_datastore(ws: str, body: Json = sent(name=Text)) -> Json:  # noqa: B008
        return stores.set_default(ws, str(body.get("name") or ""))


def page(rows: list[Json], following: str | None = None) -> Json:
    """A collection's answer."""
    return {"value": rows, "next": following}
