"""Who may speak to the server, decided before any route.

The socket's owner may do anything. A TCP caller needs a fitting Host header and, to change anything or to read a secret, the token;
a step, which has the token of its run, may track runs as MLflow does.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.responses import JSONResponse

from penstock.model.errors import BadRequest, PenstockError, TooManyFiles, Unauthorized, UnsupportedProtocol

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]
PROTOCOL = b"1"
_SAFE = ("GET", "HEAD")
_GUARDED = re.compile(r"/api/v1/ws/[^/]+/secrets(/|$)")
_CROWDED = TooManyFiles(
    "This server has as many connections open as its limit of open files allows. Call again in a moment; if it stays so, "
    "give it more: ulimit -n 65536, then penstock stop and try again."
)


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(
        self,
        app: App,
        token: str,
        hosts: frozenset[str],
        touched: Callable[[], None],
        is_crowded: Callable[[], bool],
        is_run_token: Callable[[str], bool] = lambda text: False,
    ) -> None:
        self._app, self._token, self._hosts, self._touched = app, token, hosts, touched
        self._is_crowded = is_crowded
        self._is_run_token = is_run_token

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._touched()
        if self._is_crowded():
            await JSONResponse(_CROWDED.as_json(), _CROWDED.http_status, {"Connection": "close"})(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await JSONResponse(refusal.as_json(), refusal.http_status)(scope, receive, send)

    def _refusal(self, scope: Scope) -> PenstockError | None:
        headers = dict(scope["headers"])
        spoken = headers.get(b"x-penstock-protocol", PROTOCOL)
        if spoken != PROTOCOL:
            said = spoken.decode("latin-1")
            return UnsupportedProtocol(
                f"This server speaks protocol 1, the caller {said}. Upgrade the older of the two: pip install -U penstock"
            )
        server = scope.get("server")
        if server is None or server[1] is None:
            return None
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if host not in self._hosts:
            return BadRequest(
                f"The Host header is {host!r}, not this server's name. Use the address it printed.", target="Host"
            )
        if scope["method"] in _SAFE and not _GUARDED.match(scope["path"]):
            return None
        given = headers.get(b"authorization", b"").decode("latin-1")
        if hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode()):
            return None
        if scope["path"].startswith("/mlflow/") and self._is_run_token(given.removeprefix("Bearer ")):
            return None
        return Unauthorized(
            "Changing anything, or reading a secret, over TCP needs the home's token. Send 'Authorization: Bearer <token>', from <home>/token."
        )
