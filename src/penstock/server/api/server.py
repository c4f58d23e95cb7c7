"""The server itself: health, what it is, stopping it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from penstock import __version__
from penstock.model.access import ALL, Caller
from penstock.model.errors import Conflict
from penstock.node import identity
from penstock.server.bodies import api_router
from penstock.server.callers import caller_of
from penstock.server.shapes import optional
from penstock.service.execution.loop import Loop
from penstock.service.services import Services


def router(services: Services, loop: Loop, stop: Callable[[], None]) -> APIRouter:
    routes = api_router("server", prefix="")
    context = services.context

    @routes.get("/healthz")
    def health() -> Response:
        """Whether the server works: 503 with the trouble while the disk is full or the scheduler's passes fail."""
        body = {"status": "ok", "version": __version__, "pid": os.getpid(), "steps": loop.n_steps}
        room = context.room.trouble
        if room is not None:
            return JSONResponse({**body, "status": "failing", "code": room.code, "trouble": room.message}, 503)
        if loop.trouble:
            code = {"code": loop.trouble_code} if loop.trouble_code else {}
            return JSONResponse({**body, "status": "failing", **code, "trouble": loop.trouble}, 503)
        return JSONResponse(body)

    @routes.get("/api/v1/server")
    def describe() -> dict[str, Any]:
        """What this server is and where it keeps things."""
        return {
            "version": __version__,
            "protocol": 1,
            "embedded": context.embedded,
            "url": context.url,
            "home": str(context.home),
            "host_id": identity.boot_id(),
            "python": context.python,
            "pid": os.getpid(),
            "slots": context.slots,
            "term": context.leader.term,
        }

    @routes.get("/api/v1/whoami")
    def who_am_i(request: Request) -> dict[str, Any]:
        """Who the server takes the caller for, and what that one may do where."""
        return _shown(caller_of(request))

    @routes.post("/api/v1/shutdown")
    def shutdown(body: dict[str, Any] = optional(force=bool)) -> Response:  # noqa: B008
        """Stop the server; steps that run go on by themselves."""
        active = [
            r for r in services.views.list_runs(None, limit=1000) if not r["ended_at"] and r["type"] == "pipeline"
        ]
        if active and not body.get("force"):
            names = ", ".join(f"{r['experiment']} {r['id']}" for r in active[:5])
            raise Conflict(
                f"{len(active)} runs are active: {names}. Wait, cancel them, or stop anyway with --force: their steps go on."
            )
        stop()
        return JSONResponse({"stopping": True, "active": len(active)}, 202)

    return routes


def _shown(caller: Caller) -> dict[str, Any]:
    roles = {ALL: "owner"} if caller.kind == "owner" else {place: str(role) for place, role in caller.roles.items()}
    return {
        "kind": caller.kind,
        "id": caller.id,
        "name": caller.name,
        "roles": roles,
        "published": sorted(caller.published),
        "workspace": caller.workspace,
    }
