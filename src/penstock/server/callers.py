"""Who asks, as the guard found it out, for routes whose answer or effect depends on it."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from penstock.model.access import OWNER, Caller
from penstock.server.permissions import CALLER
from penstock.service.access import SUBMITTED_BY
from penstock.service.services import Services

Json = dict[str, Any]


def caller_of(request: Request) -> Caller:
    found = request.scope.get("state", {}).get(CALLER)
    return found if isinstance(found, Caller) else OWNER


def signed(services: Services, request: Request, body: Json) -> Json:
    """A submission with who submits it among its properties, whatever the caller says of that. A run submits as whoever submitted it."""
    caller = caller_of(request)
    given = {k: v for k, v in (body.get("properties") or {}).items() if k != SUBMITTED_BY}
    name = (
        caller.name
        if caller.kind == "principal"
        else services.access.submitter_of(caller.id)
        if caller.kind == "run"
        else None
    )
    return {**body, "properties": {**given, **({SUBMITTED_BY: name} if name else {})}}
