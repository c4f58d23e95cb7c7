"""The pages on which people sign in, out, and let a program sign in for them.

A session is a signed cookie that scripts cannot read and other sites cannot have sent; forms carry the session's key besides.
"""

from __future__ import annotations

import hashlib
import hmac
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from penstock.model.errors import NotFound, Unauthorized
from penstock.server import forms
from penstock.server.bodies import LaterRoute
from penstock.server.callers import caller_of
from penstock.server.studio.routes import HERE, PAGE_HEADERS, templates, version
from penstock.service.identity.sessions import COOKIE, COOKIE_SECONDS
from penstock.service.services import Services

Json = dict[str, Any]
HEADERS = {**PAGE_HEADERS, "Cache-Control": "no-store"}
_PAGES = templates(version({p.name: p.read_bytes() for p in (HERE / "static").iterdir()}))


def router(services: Services) -> APIRouter:
    routes = APIRouter(include_in_schema=False, route_class=LaterRoute)
    pages = _SigningIn(services)
    routes.get("/signin")(pages.sign_in_page)
    routes.post("/signin")(pages.sign_in)
    routes.post("/signout")(pages.sign_out)
    routes.get("/device")(pages.device_page)
    routes.post("/device")(pages.device)
    return routes


class _SigningIn:
    def __init__(self, services: Services) -> None:
        self._services = services

    def sign_in_page(self, request: Request, to: str = "/") -> Response:
        return self._page("signin.html", to=_place(to), problem="", name="")

    async def sign_in(self, request: Request) -> Response:
        """Check the secret, and have the browser keep a cookie."""
        forms.check_origin(request)
        given = await forms.read_form(request)
        to, name = _place(given.get("to", "")), given.get("name", "").strip()
        try:
            who = await run_in_threadpool(self._who, name, given.get("secret", "").strip())
        except Unauthorized as error:
            return self._page("signin.html", 401, to=to, problem=error.message, name=name)
        answer = RedirectResponse(to, 303, HEADERS)
        self._set_cookie(answer, self._services.sessions.give(COOKIE, who, COOKIE_SECONDS), COOKIE_SECONDS)
        return answer

    async def sign_out(self, request: Request) -> Response:
        forms.check_origin(request)
        forms.check(self._services, request, await forms.read_form(request))
        answer = RedirectResponse("/signin", 303, HEADERS)
        self._set_cookie(answer, "", 0)
        return answer

    def device_page(self, request: Request, user_code: str = "") -> Response:
        """Where a code is typed in; with one, who it is that waits."""
        if forms.COOKIE not in request.scope["state"]:
            to = "/device" + (f"?user_code={quote(user_code, safe='')}" if user_code else "")
            return RedirectResponse(f"/signin?to={quote(to, safe='')}", 303, HEADERS)
        if not user_code:
            return self._device(request)
        try:
            return self._device(request, waiting=self._services.devices.waiting(user_code))
        except NotFound as error:
            return self._device(request, 404, problem=error.message)

    async def device(self, request: Request) -> Response:
        """Let the program that shows this code sign in as whoever sends this, or not."""
        forms.check_origin(request)
        given = await forms.read_form(request)
        forms.check(self._services, request, given)
        cookie = request.scope["state"].get(forms.COOKIE)
        if cookie is None:
            raise Unauthorized("A code is typed in by a person who is signed in. Open /device in a browser.")
        is_allowed = given.get("decision") == "allow"
        who = await run_in_threadpool(self._services.sessions.read, COOKIE, cookie)
        try:
            self._services.devices.decide(given.get("user_code", ""), who if is_allowed else None)
        except NotFound as error:
            return self._device(request, 404, problem=error.message)
        done = "The program is signed in: go back to it." if is_allowed else "The program is not signed in."
        return self._device(request, done=done)

    def _who(self, name: str, secret: str) -> Json:
        if not name:
            return self._services.sessions.owner(secret)
        return self._services.principals.sign_in(name, secret)

    def _device(self, request: Request, status: int = 200, **shown: Any) -> Response:
        found = {"problem": "", "done": "", "waiting": None, **shown}
        key = forms.form_key(self._services, request)
        return self._page("device.html", status, caller=caller_of(request).name, form_key=key, **found)

    def _page(self, template: str, status: int = 200, **shown: Any) -> Response:
        return HTMLResponse(_PAGES.get_template(template).render(**shown), status, HEADERS)

    def _set_cookie(self, answer: Response, value: str, seconds: int) -> None:
        is_tls = self._services.context.url.startswith("https:")
        answer.set_cookie(
            cookie_name(self._services),
            value,
            max_age=seconds,
            path="/",
            secure=is_tls,
            httponly=True,
            samesite="strict",
        )


def refused_page(message: str) -> Response:
    """What a browser is told of a page that whoever is signed in may not see."""
    return HTMLResponse(_PAGES.get_template("refused.html").render(message=message), 403, HEADERS)


def cookie_name(services: Services) -> str:
    """Of this home's servers: browsers send cookies to every port of a host."""
    return "penstock-" + hmac.new(services.context.key, b"cookie", hashlib.sha256).hexdigest()[:12]


def session_cookie(services: Services, headers: dict[bytes, bytes]) -> str | None:
    """The session's cookie among those that were sent."""
    sent = headers.get(b"cookie")
    if not sent:
        return None
    try:
        found = SimpleCookie(sent.decode("latin-1")).get(cookie_name(services))
    except CookieError:
        return None
    return found.value if found is not None else None


def _place(to: str) -> str:
    """A page of this server to go on to; anything else leads to the start page."""
    is_ours = to.startswith("/") and not to.startswith(("//", "/\\")) and to.isprintable() and "\\" not in to
    return to if is_ours else "/"
