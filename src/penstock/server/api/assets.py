"""Datasets and models."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Body, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from penstock.server.api.workspaces import page
from penstock.service.services import Services

Json = dict[str, Any]


def router(services: Services) -> APIRouter:
    routes = APIRouter(tags=["assets"])
    datasets = services.datasets
    _models(routes, services)

    @routes.post("/ws/{ws}/datasets")
    def save_dataset(ws: str, body: Json = Body()) -> Json:  # noqa: B008
        services.catalog.workspace(ws)
        return {"id": datasets.save(ws, body)}

    @routes.post("/ws/{ws}/datasets/register")
    def register_dataset(ws: str, body: Json = Body()) -> Response:  # noqa: B008
        return JSONResponse(datasets.register(ws, body), 201)

    @routes.get("/ws/{ws}/datasets")
    def find_datasets(ws: str, name: str | None = None, version: int | None = None) -> Json:
        if name is not None and version is not None:
            return page([datasets.find(ws, name, version)])
        return page(datasets.list(ws, name))

    @routes.get("/ws/{ws}/datasets/drift")
    def drift_of_dataset(ws: str, name: str, version: int | None = None) -> Json:
        return datasets.drift(ws, name, version)

    @routes.get("/ws/{ws}/datasets/{dataset_id}")
    def get_dataset(ws: str, dataset_id: str) -> Json:
        return datasets.by_id(ws, dataset_id)

    @routes.delete("/ws/{ws}/datasets")
    def delete_dataset(ws: str, name: str) -> Response:
        datasets.delete(ws, name)
        return Response(status_code=204)

    return routes


def _models(routes: APIRouter, services: Services) -> None:
    models = services.models

    @routes.post("/ws/{ws}/models")
    def register_model(ws: str, body: Json = Body()) -> Response:  # noqa: B008
        services.catalog.workspace(ws)
        return JSONResponse(models.register(ws, body), 201)

    @routes.get("/ws/{ws}/models")
    def list_models(ws: str, request: Request, name: str | None = None, latest: int = 0) -> Json:
        query = request.query_params
        wanted: Json = {
            "name": name,
            "latest": bool(latest),
            "run_id": query.get("run_id"),
            "version": query.get("version"),
        }
        for kind, field in (("tag.", "tags"), ("property.", "properties")):
            wanted[field] = {k[len(kind) :]: v or None for k, v in query.multi_items() if k.startswith(kind)}
        return page(models.list(ws, wanted))

    @routes.get("/ws/{ws}/models/{name}/{version}")
    def get_model(ws: str, name: str, version: int) -> Json:
        return models.get(ws, name, version)

    @routes.put("/ws/{ws}/models/{name}/{version}")
    def update_model(ws: str, name: str, version: int, body: Json = Body()) -> Json:  # noqa: B008
        return models.update(ws, name, version, body)

    @routes.delete("/ws/{ws}/models/{name}/{version}")
    def delete_model(ws: str, name: str, version: int) -> Response:
        models.delete(ws, name, version)
        return Response(status_code=204)

    @routes.get("/ws/{ws}/models/{name}/{version}/content")
    def get_content(ws: str, name: str, version: int) -> Response:
        models.get(ws, name, version)
        return StreamingResponse(models.content(ws, name, version), media_type="application/x-tar")
