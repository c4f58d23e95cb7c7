"""Care of the store: results that may be reused, clearing away, pins."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from penstock.model.errors import BadRequest
from penstock.server.api.workspaces import page
from penstock.server.bodies import api_router
from penstock.server.shapes import Text, optional
from penstock.service.care.clearing import Limits
from penstock.service.services import Services

Json = dict[str, Any]


def router(services: Services) -> APIRouter:
    routes = api_router("care")
    results, clearing, views = services.results, services.clearing, services.views

    @routes.get("/ws/{ws}/results")
    def list_results(ws: str, step: str | None = None) -> Json:
        return page(results.list(ws, step))

    @routes.post("/ws/{ws}/results/verify")
    def verify(ws: str, body: Json = optional(run_id=Text)) -> Json:  # noqa: B008
        return results.verify(ws, body.get("run_id"))

    @routes.get("/ws/{ws}/results/{run_id}")
    def show_result(ws: str, run_id: str) -> Json:
        return results.show(ws, run_id)

    @routes.delete("/ws/{ws}/results/{run_id}")
    def forget(ws: str, run_id: str) -> Json:
        return results.forget(ws, run_id)

    @routes.put("/ws/{ws}/runs/{run_id}/pin")
    def pin(ws: str, run_id: str) -> Json:
        views.find_run(run_id, ws)
        clearing.pin(run_id)
        return {"run_id": run_id, "pinned": True}

    @routes.delete("/ws/{ws}/runs/{run_id}/pin")
    def unpin(ws: str, run_id: str) -> Json:
        views.find_run(run_id, ws)
        return {"run_id": run_id, "pinned": False, "was_pinned": clearing.unpin(run_id)}

    @routes.get("/cleared")
    def cleared() -> Json:
        return page(clearing.aside())

    @routes.post("/gc")
    def gc(body: Json = optional(max_age_seconds=float, max_bytes=float, delete=bool)) -> Json:  # noqa: B008
        """What would go; with `delete`, it goes."""
        limits = Limits(_number(body, "max_age_seconds"), _whole(body, "max_bytes"))
        return clearing.clear(limits) if body.get("delete") else clearing.plan(limits)

    @routes.post("/gc/restore")
    def restore(body: Json = optional(sweep=Text)) -> Json:  # noqa: B008
        return clearing.restore(body.get("sweep"))

    @routes.post("/gc/purge")
    def purge() -> Json:
        return clearing.purge()

    return routes


def _number(body: Json, name: str) -> float | None:
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise BadRequest(f"{name} is {value!r}. Give a number from 0 on, or leave it out.", target=name)
    return value


def _whole(body: Json, name: str) -> int | None:
    value = _number(body, name)
    return None if value is None else int(value)
