"""Who speaks to the server, found out before any route; whether they may is asked of permissions.py.

Whoever reaches the socket is the owner, unless they show a token: then they are whose it is, and no more. A TCP caller needs a fitting Host
header, and shows the home's token, a principal's, a run's, or the cookie of a session; one of this machine who shows nothing may look, where
the server says so. What others than the owner at the socket change, and what they are refused, is put on record.
"""

from __future__ import annotations

import hmac
import math
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Match

from penstock.model.access import LOCAL, OWNER, Caller
from penstock.model.errors import (
    BadRequest,
    NotFound,
    PenstockError,
    TooManyFiles,
    TooManyRequests,
    Unauthorized,
    UnsupportedProtocol,
)
from penstock.server.bodies import CALL_ID, correlated
from penstock.server.forms import COOKIE, ELSEWHERE, is_from_elsewhere
from penstock.server.permissions import CALLER, SIGN_IN, Permissions
from penstock.service.identity.sessions import COOKIE as COOKIE_KIND
from penstock.service.services import Services

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]
PROTOCOL = b"1"
_SAFE = ("GET", "HEAD")
_RUN_TOKEN_DOTS = 2
_DRAINED_BYTES = 1 << 16
_CROWDED = TooManyFiles(
    "This server has as many connections open as its limit of open files allows. Call again in a moment; if it stays so, "
    "give it more: ulimit -n 65536, then penstock stop and try again."
)


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(
        self,
        app: App,
        services: Services,
        *,
        hosts: frozenset[str],
        strangers_look: bool,
        touched: Callable[[], None],
        is_crowded: Callable[[], bool],
        requests_a_minute: int = 0,
    ) -> None:
        self._app, self._services, self._hosts = app, services, hosts
        self._touched, self._is_crowded = touched, is_crowded
        self._stranger: Caller | PenstockError = LOCAL if strangers_look else Unauthorized(SIGN_IN)
        self._permissions = Permissions(services)
        self._rate = Rate(requests_a_minute, services.context.clock)

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._touched()
        if self._is_crowded():
            await _drain(receive)  # or the caller may learn of the closing before the answer
            await JSONResponse(_CROWDED.as_json(), _CROWDED.http_status, {"Connection": "close"})(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        server = scope.get("server")
        is_at_socket = server is None or server[1] is None
        if is_at_socket and not _headers(scope).get(b"authorization"):
            refusal = _unspoken(scope)
            state[CALLER] = OWNER
        else:
            refusal = _unspoken(scope) if is_at_socket else self._refusal(scope)
            if refusal is None:
                state[CALLER] = caller = await self._caller(scope)
                refusal = self._rate.refusal(caller) or await self._may(scope, caller)
            send = self._recording(scope, send)
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await _answer(scope, refusal)(scope, receive, send)

    def _refusal(self, scope: Scope) -> PenstockError | None:
        headers = _headers(scope)
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if host not in self._hosts:
            return BadRequest(
                f"The Host header is {host!r}, not this server's name. Use the address it printed.", target="Host"
            )
        return _unspoken(scope)

    async def _may(self, scope: Scope, caller: Caller | PenstockError) -> PenstockError | None:
        try:
            await self._permissions.ask(scope["method"], scope["path"], caller)
        except NotFound as error:
            return error if self._is_route(scope) else None  # the application has a better answer where nothing is
        except PenstockError as error:
            return error
        return None

    def _is_route(self, scope: Scope) -> bool:
        return any(route.matches(scope)[0] is not Match.NONE for route in getattr(self._app, "routes", ()))

    async def _caller(self, scope: Scope) -> Caller | PenstockError:
        """Who asks; the error says why nobody can be told from what was shown."""
        headers = _headers(scope)
        is_elsewhere = scope["method"] not in _SAFE and is_from_elsewhere(headers, self._hosts)
        scope["state"][ELSEWHERE] = is_elsewhere
        shown = headers.get(b"authorization", b"").decode("latin-1")
        if not shown or shown.lower().startswith("basic "):
            cookie = None if is_elsewhere else self._cookie(headers)
            return await run_in_threadpool(self._session, scope, cookie) if cookie else self._stranger
        kind, _, token = shown.partition(" ")
        if hmac.compare_digest(token.encode(), self._services.context.token.encode()):
            return OWNER
        if kind.lower() != "bearer" or not token.isascii():
            return Unauthorized(SIGN_IN)
        if (known := self._remembered(token)) is not None:
            return known
        try:
            return await run_in_threadpool(self._bearer, token)
        except PenstockError as error:
            return error

    def _remembered(self, token: str) -> Caller | None:
        """Who shows a token that was checked just before: no thread is asked for that."""
        subject = self._services.tokens.remembered(token)
        return None if subject in (None, OWNER.id) else self._services.principals.remembered(str(subject))

    def _cookie(self, headers: dict[bytes, bytes]) -> str | None:
        """What a browser that has signed in shows. Only they send cookies, so only they have the pages loaded."""
        if b"cookie" not in headers:
            return None
        from penstock.server.studio.signing_in import session_cookie

        return session_cookie(self._services, headers)

    def _session(self, scope: Scope, cookie: str) -> Caller | PenstockError:
        """Who signed in on the sign-in page; a stranger once that has expired."""
        try:
            caller = self._known(self._services.sessions.read(COOKIE_KIND, cookie)["id"])
        except PenstockError:
            return self._stranger
        scope["state"][COOKIE] = cookie
        return caller

    def _known(self, subject: str) -> Caller:
        return OWNER if subject == OWNER.id else self._services.principals.caller(subject)

    def _bearer(self, token: str) -> Caller:
        head, _, rest = token.partition(".")
        is_jwt = rest.count(".") == 1 and head.startswith("ey")
        if is_jwt:
            return self._known(self._services.tokens.verify(token))
        if token.count(".") >= _RUN_TOKEN_DOTS:
            return self._services.access.run_of(token)
        raise Unauthorized(SIGN_IN)

    def _recording(self, scope: Scope, send: Any) -> Any:
        """`send`, with what is changed and what is refused put on record."""

        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start":
                status = message["status"]
                if scope["method"] not in _SAFE or status in (401, 403, 429):
                    self._services.audit.record(*_asked(scope), status)  # one write to a file that is open
            await send(message)

        return sending


class Hurried(TooManyRequests):
    """One asks too often; `wait` is how many seconds to leave."""

    wait = 1


class Rate:
    """How often each principal may ask: so many requests a minute, of which it may save up as many. 0 is without limit."""

    def __init__(self, a_minute: int, clock: Callable[[], float]) -> None:
        self._a_minute, self._clock = a_minute, clock
        self._left: dict[str, tuple[float, float]] = {}

    def refusal(self, caller: Caller | PenstockError) -> PenstockError | None:
        if not self._a_minute or not isinstance(caller, Caller) or caller.kind != "principal":
            return None
        now = self._clock()
        left, at = self._left.get(caller.id, (float(self._a_minute), now))
        left = min(self._a_minute, left + max(0.0, now - at) * self._a_minute / 60)
        self._left[caller.id] = (
            left - 1 if left >= 1 else left,
            now,
        )  # noted each time: the clock may have been set back
        if left >= 1:
            return None
        error = Hurried(
            f"Principal '{caller.name}' has asked more than {self._a_minute} times within a minute. Wait, then go on."
        )
        error.wait = math.ceil((1 - left) * 60 / self._a_minute)
        return error


def _answer(scope: Scope, refusal: PenstockError) -> Response:
    """JSON for programs; a browser that opens a page is shown where to sign in, or why not."""
    headers = _headers(scope)
    is_page = scope["method"] in _SAFE and b"text/html" in headers.get(b"accept", b"") and not _is_of_api(scope["path"])
    if is_page and refusal.http_status == 401:
        wanted = scope["path"] + ("?" + scope["query_string"].decode("latin-1") if scope["query_string"] else "")
        return RedirectResponse("/signin?to=" + quote(wanted, safe=""), 303, {"Cache-Control": "no-store"})
    if is_page and refusal.http_status == 403:
        from penstock.server.studio.signing_in import refused_page

        return refused_page(refusal.message)
    sent = headers.get(CALL_ID.encode(), b"").decode("latin-1")
    return JSONResponse(correlated(scope["path"], sent, refusal.as_json()), refusal.http_status, _more(refusal))


def _is_of_api(path: str) -> bool:
    return path.startswith(("/api/", "/mlflow/", "/pipelines/"))


def _more(refusal: PenstockError) -> dict[str, str] | None:
    if isinstance(refusal, Hurried):
        return {"Retry-After": str(refusal.wait)}
    return {"WWW-Authenticate": "Bearer"} if refusal.http_status == 401 else None


async def _drain(receive: Any) -> None:
    """Read what is left of a small body."""
    left, message = _DRAINED_BYTES, await receive()
    while message.get("more_body") and (left := left - len(message.get("body", b""))) > 0:
        message = await receive()


def _headers(scope: Scope) -> dict[bytes, bytes]:
    return dict(scope["headers"])


def _unspoken(scope: Scope) -> PenstockError | None:
    """What keeps this from being a call at all."""
    headers = _headers(scope)
    if "\0" in scope["path"] or b"%00" in scope["query_string"]:
        return NotFound("The address holds NUL (%00), and nothing here is called so. Leave it out.")
    spoken = headers.get(b"x-penstock-protocol", PROTOCOL)
    if spoken == PROTOCOL:
        return None
    said = spoken.decode("latin-1")
    return UnsupportedProtocol(
        f"This server speaks protocol 1, the caller {said}. Upgrade the older of the two: pip install -U penstock"
    )


def _asked(scope: Scope) -> tuple[Caller | None, str, str, str]:
    """Who asked what, from where."""
    caller = scope["state"].get(CALLER)
    client = scope.get("client")
    return (
        caller if isinstance(caller, Caller) else None,
        scope["method"],
        scope["path"],
        str(client[0]) if client else "",
    )
