"""Bodies of requests: JSON read strictly, within a size, with one clear error each, whoever sent it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from penstock.model.errors import BadRequest, TooLarge, UnsupportedMediaType
from penstock.server.api.openapi import ERRORS
from penstock.service.published.places import PREFIX

Json = dict[str, Any]
MOST_BYTES = 1 << 20
"""Of a body for a published pipeline."""
MOST_OWN_BYTES = 64 << 20
"""Of one of our own API, which may hold a graph, or list what a snapshot holds."""
MOST_DEPTH = 64
CALL_ID = "x-ms-client-request-id"
"""The header by which the original's clients name a call."""


def api_router(tag: str) -> APIRouter:
    """For routes of our own API: what they take and how they refuse is the same for all."""
    return APIRouter(tags=[tag], route_class=JsonRoute, responses={"4XX": ERRORS, "5XX": ERRORS})


def bytes_of(media_type: str) -> dict[str, Any]:
    """What a route tells that answers with bytes of this type."""
    return {"response_class": Response, "responses": {200: {"content": {media_type: {}}}}}


BYTES = bytes_of("application/octet-stream")


class _Strict(Request):
    """A request whose JSON is read by the rules of this module. What they refuse reaches the caller through the application."""

    async def body(self) -> bytes:
        if not hasattr(self, "_body"):
            self._body = await _whole(self, MOST_OWN_BYTES)
        return self._body

    async def json(self) -> Any:
        return parse(await self.body())


class JsonRoute(APIRoute):
    """A route whose body is JSON by the rules of this module."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            return await handle(_Strict(request.scope, request.receive))

        return strictly


async def read_json(request: Request) -> Json:
    """The JSON object that was sent: UTF-8, no key twice, no NaN, not deeper than `MOST_DEPTH`."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if not (kind == "" or kind == "application/json" or kind.endswith("+json")):
        raise UnsupportedMediaType(
            f"The body is of type {kind!r}. Send JSON, with the header Content-Type: application/json.",
            target="Content-Type",
        )
    found = parse(await _whole(request, MOST_BYTES) or b"{}")
    if not isinstance(found, dict):
        raise BadRequest(f"The body is a JSON {type(found).__name__}. Send an object: {{…}}.")
    return found


async def _whole(request: Request, most_bytes: int) -> bytes:
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > most_bytes:
            raise TooLarge(f"The body is larger than {most_bytes:,} bytes. Send less; data belong in datastores.")
    return bytes(raw)


def parse(raw: bytes) -> Any:
    """What these bytes of JSON say."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRequest(f"The body is no UTF-8: byte {error.start} cannot be read. Send UTF-8.") from None
    try:
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant, parse_float=_finite)
        depth = _depth(found) if raw.count(b"{") + raw.count(b"[") > MOST_DEPTH else 0
    except RecursionError:
        depth = MOST_DEPTH + 1
    except json.JSONDecodeError as error:
        raise BadRequest(f"The body is no JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from None
    except ValueError:  # a number of thousands of digits
        raise BadRequest("The body holds a number that is too long. Send a shorter one.") from None
    if depth > MOST_DEPTH:
        raise BadRequest(f"The body is nested more than {MOST_DEPTH} deep. Send a flatter one.")
    if b"\\u" in raw:
        _demand_text(found)
    return found


def correlated(path: str, sent: str, body: Json) -> Json:
    """An error's body. On the paths of the original's clients it says also which call it belongs to; `sent` is how the caller named it."""
    return {**body, "correlation": {"operation": path, "request": sent[:128]}} if path.startswith(PREFIX) else body


def folded(body: Json) -> Json:
    """The body with keys in lower case, as the original takes any; BadRequest when two are the same then."""
    return _once([(key.lower(), value) for key, value in body.items()])


def _once(pairs: list[tuple[str, Any]]) -> Json:
    found: Json = {}
    for key, value in pairs:
        if key in found:
            raise BadRequest(f"The body has the key {key!r} twice. Send it once.", target=key[:100])
        found[key] = value
    return found


def _no_constant(name: str) -> Any:
    raise BadRequest(f"The body holds {name}, which is no JSON. Send a number, or text.")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise BadRequest(f"The body holds the number {text[:40]}, which is too large. Send a smaller one.")
    return number


def _demand_text(found: Any) -> None:
    """BadRequest when a text holds half of a surrogate pair: no database and no file name takes it."""
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = error.object[error.start]
        raise BadRequest(
            f"The body holds {half!r}, which is half of a character. Send whole ones: as UTF-8, or both halves."
        ) from None


def _depth(value: Any, at: int = 1) -> int:
    if at > MOST_DEPTH:
        return at
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return max((_depth(each, at + 1) for each in inner), default=at)
