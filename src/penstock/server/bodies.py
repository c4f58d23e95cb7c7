"""Bodies of requests: JSON read strictly, within a size, with one clear error each, whoever sent it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.routing import Match, compile_path
from starlette.types import Scope

from penstock.model.errors import BadRequest, TooLarge, UnsupportedMediaType
from penstock.model.strict import once, parse
from penstock.server.api.openapi import ERRORS
from penstock.service.published.places import PREFIX

Json = dict[str, Any]
MOST_BYTES = 1 << 20
"""Of a body for a published pipeline."""
MOST_OWN_BYTES = 64 << 20
"""Of one of our own API, which may hold a graph, or list what a snapshot holds."""
CALL_ID = "x-ms-client-request-id"
"""The header by which the original's clients name a call."""


def api_router(tag: str, prefix: str = "/api/v1") -> APIRouter:
    """For routes of our own API: what they take and how they refuse is the same for all."""
    refusals: Any = {"4XX": ERRORS, "5XX": ERRORS}
    return APIRouter(prefix=prefix, tags=[tag], route_class=JsonRoute, responses=refusals)


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


class LaterRoute(APIRoute):
    """A route that knows what it is for, and is made whole when something else is first asked of it. Two hundred made whole are a tenth of a
    server's start, and few are called."""

    _making = threading.RLock()

    def __init__(self, path: str, endpoint: Callable[..., Any], **how: Any) -> None:
        self._how = {"path": path, "endpoint": endpoint, **how}
        self.path, self.endpoint = path, endpoint
        self.methods = {method.upper() for method in how.get("methods") or ["GET"]}
        self._pieces = [None if "{" in piece else piece for piece in path.split("/")]
        self._takes_more = ":path}" in path

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As of any route; but most paths are told from this one by their pieces, without an expression that must be compiled first."""
        if not scope.get("root_path") and not self._may_be(scope["path"].split("/")):
            return Match.NONE, {}
        return super().matches(scope)

    def _may_be(self, pieces: list[str]) -> bool:
        if len(pieces) != len(self._pieces) and not self._takes_more:
            return False
        for mine, theirs in zip(self._pieces, pieces, strict=False):
            if mine is None and self._takes_more:
                return True
            if mine is not None and mine != theirs:
                return False
        return True

    def __getattr__(self, name: str) -> Any:
        if name in ("path_regex", "path_format", "param_convertors"):
            self.path_regex, self.path_format, self.param_convertors = compile_path(self.path)
            return self.__dict__[name]
        with self._making:
            how = self.__dict__.pop("_how", None)
            if how is not None:
                super().__init__(**how)
        try:
            return self.__dict__[name]
        except KeyError:
            raise AttributeError(name) from None


class JsonRoute(LaterRoute):
    """A route whose body is JSON by the rules of this module."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            return await handle(_Strict(request.scope, request.receive))

        return strictly


async def read_json(request: Request) -> Json:
    """The JSON object that was sent: read strictly."""
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


def correlated(path: str, sent: str, body: Json) -> Json:
    """An error's body. On the paths of the original's clients it says also which call it belongs to; `sent` is how the caller named it."""
    return {**body, "correlation": {"operation": path, "request": sent[:128]}} if path.startswith(PREFIX) else body


def folded(body: Json) -> Json:
    """The body with keys in lower case, as the original takes any; BadRequest when two are the same then."""
    return once([(key.lower(), value) for key, value in body.items()])
