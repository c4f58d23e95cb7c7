"""Datasets and models."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from penstock.server.api.workspaces import page
from penstock.server.bodies import api_router, bytes_of
from penstock.server.shapes import Labels, Text, Values, Version, sent
from penstock.service.services import Services

Json = dict[str, Any]
_REGISTRATION = sent(id=Text, name=Text, description=Text, tags=Labels, create_new_version=bool, pin=bool)
_MODEL = sent(
    name=Text,
    description=Text,
    tags=Labels,
    properties=Labels,
    framework=Text,
    framework_version=Text,
    run_id=Text,
    source=Values,
)
_MODEL_TEXTS = sent(description=Text, tags=Labels, properties=Labels)


def router(services: Services) -> APIRouter:
    routes = api_router("assets")
    datasets = services.datasets
    _models(routes, services)

    @routes.post("/ws/{ws}/datasets")
    def save_dataset(ws: str, body: Json = sent(kind=Text, definition=Values)) -> Json:  # noqa: B008
        services.catalog.workspace(ws)
        return {"id": datasets.save(ws, body)}

    @routes.post("/ws/{ws}/datasets/register", status_code=201)
    def register_dataset(ws: str, body: Json = _REGISTRATION) -> Response:
        return JSONResponse(datasets.register(ws, body), 201)

    @routes.get("/ws/{ws}/datasets")
    def find_datasets(ws: str, name: str | None = None, version: Version | None = None) -> Json:
        if name is not None and version is not None:
            return page([datasets.find(ws, name, version)])
        return page(datasets.list(ws, name))

    @routes.get("/ws/{ws}/datasets/drift")
    def drift_of_dataset(ws: str, name: str, version: Version | None = None) -> Json:
        return datasets.drift(ws, name, version)

    @routes.get("/ws/{ws}/datasets/{dataset_id}")
    def get_dataset(ws: str, dataset_id: str) -> Json:
        return datasets.by_id(ws, dataset_id)

    @routes.delete("/ws/{ws}/datasets", status_code=204)
    def delete_dataset(ws: str, name: str) -> Response:
        datasets.delete(ws, name)
        return Response(status_code=204)

    return routes


def _models(routes: APIRouter, services: Services) -> None:
    models = services.models

    @routes.post("/ws/{ws}/models", status_code=201)
    def register_model(ws: str, body: Json = _MODEL) -> Response:
        services.catalog.workspace(ws)
        return JSONResponse(models.register(ws, body), 201)

    @routes.get("/ws/{ws}/models")
    def list_models(
        ws: str,
        request: Request,
        name: str | None = None,
        version: Version | None = None,
        run_id: str | None = None,
        latest: int = 0,
    ) -> Json:
        wanted: Json = {"name": name, "version": version, "run_id": run_id, "latest": bool(latest)}
        for kind, field in (("tag.", "tags"), ("property.", "properties")):
            found = request.query_params.multi_items()
            wanted[field] = {k[len(kind) :]: v or None for k, v in found if k.startswith(kind)}
        return page(models.list(ws, wanted))

    @routes.get("/ws/{ws}/models/{name}/{version}")
    def get_model(ws: str, name: str, version: Version) -> Json:
        return models.get(ws, name, version)

    @routes.put("/ws/{ws}/models/{name}/{version}")
    def update_model(ws: str, name: str, version: Version, body: Json = _MODEL_TEXTS) -> Json:
        return models.update(ws, name, version, body)

    @routes.delete("/ws/{ws}/models/{name}/{version}", status_code=204)
    def delete_model(ws: str, name: str, version: Version) -> Response:
        models.delete(ws, name, version)
        return Response(status_code=204)

    @routes.get("/ws/{ws}/models/{name}/{version}/content", **bytes_of("application/x-tar"))
    def get_content(ws: str, name: str, version: Version) -> Response:
        models.get(ws, name, version)
        return StreamingResponse(models.content(ws, name, version), media_type="application/x-tar")
