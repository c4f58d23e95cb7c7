"""Forms that are sent to the server: read, with limits, and told from those that another site's page sends.

Knows HTTP; must not know what a form is about.
"""

from __future__ import annotations

import hmac
from urllib.parse import parse_qsl, urlsplit

from fastapi import Request

from penstock.model.errors import BadRequest, Forbidden
from penstock.service.services import Services

MOST_BYTES = 64 << 10
FORM = "application/x-www-form-urlencoded"
COOKIE = "cookie"
"""Where the guard leaves the session's cookie, in the scope's state, when the caller was known by it."""
ELSEWHERE = "elsewhere"
"""Where it leaves, in the scope's state, that another site's page had the browser send this."""
FORM_KEY = "form_key"
"""The field that forms of a session's pages carry."""


class TooLong(BadRequest):
    http_status = 413


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form, each once; BadRequest when the body is none."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise BadRequest(f"The body is not of type {FORM}. Send a form.")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise TooLong(f"The form has more than {MOST_BYTES:,} bytes.")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50)
    except ValueError:
        raise BadRequest("The body is no form. Encode it as one, in UTF-8.") from None
    given = dict(pairs)
    if len(given) != len(pairs):
        raise BadRequest("A field of the form is there twice. Send each once.")
    return given


def is_from_elsewhere(headers: dict[bytes, bytes], hosts: frozenset[str]) -> bool:
    """Whether a page of another site has a browser send this. Browsers say where a form is from; other programs need not."""
    origin = headers.get(b"origin")
    if origin is not None:
        return urlsplit(origin.decode("latin-1")).netloc.lower() not in hosts
    return headers.get(b"sec-fetch-site", b"none") not in (b"same-origin", b"none")


def form_key(services: Services, request: Request) -> str:
    """The value of FORM_KEY for pages of this caller."""
    return services.sessions.form_key(str(request.scope.get("state", {}).get(COOKIE, "")))


def check(services: Services, request: Request, given: dict[str, str]) -> None:
    """Forbidden unless the form was on a page of this session. Who is known by a token instead of a cookie needs none."""
    cookie = request.scope.get("state", {}).get(COOKIE)
    if cookie is None:
        return
    if not hmac.compare_digest(
        form_key(services, request).encode(), given.get(FORM_KEY, "").encode("utf-8", "replace")
    ):
        raise Forbidden("This form is not from a page of your session. Open the page again, and send it from there.")


def check_origin(request: Request) -> None:
    """Forbidden when another site's page sent this."""
    if request.scope.get("state", {}).get(ELSEWHERE):
        raise Forbidden("This form was sent by a page of another site. Open this server's own page.")
