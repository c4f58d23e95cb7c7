"""Webhooks of a workspace: who is told when its pipeline runs end."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from penstock.model.errors import BadRequest
from penstock.server.api.workspaces import page
from penstock.server.bodies import api_router
from penstock.server.shapes import Text, Texts, sent
from penstock.service.services import Services

Json = dict[str, Any]


def router(services: Services) -> APIRouter:
    routes = api_router("webhooks")
    webhooks = services.webhooks

    @routes.post("/ws/{ws}/webhooks", status_code=201)
    def create_webhook(ws: str, body: Json = sent(url=Text, experiment=Text, events=Texts)) -> Response:  # noqa: B008
        return JSONResponse(webhooks.create(ws, body), 201, {"Cache-Control": "no-store"})

    @routes.get("/ws/{ws}/webhooks")
    def list_webhooks(ws: str) -> Json:
        return page(webhooks.list(ws))

    @routes.get("/ws/{ws}/webhooks/{webhook_id}")
    def get_webhook(ws: str, webhook_id: str) -> Json:
        return webhooks.get(ws, webhook_id)

    @routes.put("/ws/{ws}/webhooks/{webhook_id}")
    def enable_webhook(ws: str, webhook_id: str, body: Json = sent(enabled=bool)) -> Json:  # noqa: B008
        if not isinstance(body.get("enabled"), bool):
            raise BadRequest("A webhook is changed with {'enabled': true or false}. Send that.", target="enabled")
        return webhooks.set_enabled(ws, webhook_id, body["enabled"])

    @routes.delete("/ws/{ws}/webhooks/{webhook_id}", status_code=204)
    def delete_webhook(ws: str, webhook_id: str) -> Response:
        webhooks.delete(ws, webhook_id)
        return Response(status_code=204)

    return routes
