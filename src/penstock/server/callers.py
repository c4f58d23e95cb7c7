"""Who asks, as the guard found it out, for routes whose answer or effect depends on it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from fastapi import Request

from penstock.model.access import OWNER, Caller
from penstock.model.errors import BadRequest
from penstock.server.permissions import CALLER
from penstock.service.identity.access import OURS, SUBMITTED_BY, SUBMITTER_ID
from penstock.service.services import Services

Json = dict[str, Any]
MOST_KEY = 255


def caller_of(request: Request) -> Caller:
    found = request.scope.get("state", {}).get(CALLER)
    return found if isinstance(found, Caller) else OWNER


def signed(services: Services, request: Request, body: Json) -> Json:
    """A submission with who submits it among its properties, whatever the caller says of that. A run submits as whoever submitted it."""
    caller = caller_of(request)
    given = {k: v for k, v in (body.get("properties") or {}).items() if k not in OURS}
    by: dict[str, str] = {}
    if caller.kind == "principal":
        by = {SUBMITTED_BY: caller.name, SUBMITTER_ID: caller.id}
    elif caller.kind == "run":
        by = services.access.submitter_of(caller.id)
    return {**body, "properties": {**given, **by}}


def name_of(request: Request) -> str | None:
    """The principal who asks; None: the owner, or somebody on this machine."""
    caller = caller_of(request)
    return None if caller.kind in ("owner", "local") else caller.name


def idempotent(request: Request, body: Json, what: str) -> Json:
    """A submission under the request's Idempotency-Key, if it has one: of this caller, for this target, with exactly this body."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return body
    if not 1 <= len(key) <= MOST_KEY or not key.isprintable():
        raise BadRequest(
            f"The Idempotency-Key has {len(key)} characters. Send 1 to {MOST_KEY} printable ones.",
            target="Idempotency-Key",
        )
    place = json.dumps([what, caller_of(request).id, key])
    return {
        **body,
        "idempotency_key": hashlib.sha256(place.encode()).hexdigest(),
        "request": hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest(),
    }
