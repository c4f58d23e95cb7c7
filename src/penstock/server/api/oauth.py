"""OAuth 2.0 client credentials in the shape that clients of Azure's identity platform send and expect, and what such clients look up first.

The tenant in the path is taken as it comes: this server is one tenant.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any
from urllib.parse import parse_qsl, unquote

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from penstock.model.errors import BadRequest, PenstockError, Unauthorized
from penstock.service.services import Services
from penstock.service.tokens import ALGORITHM, GOOD_SECONDS

Json = dict[str, Any]
MOST_BYTES = 64 << 10
DEFAULT_SCOPE = "/.default"
FORM = "application/x-www-form-urlencoded"
_TENANT = re.compile(r"[A-Za-z0-9._-]{1,255}\Z")
_NEVER_KEPT = {"Cache-Control": "no-store", "Pragma": "no-cache"}


def router(services: Services) -> APIRouter:
    routes = APIRouter(tags=["sign-in"])
    url = services.context.url

    @routes.post("/{tenant}/oauth2/token")
    async def token_of_resource(tenant: str, request: Request) -> Response:
        return await answer(tenant, request, "resource")

    @routes.post("/{tenant}/oauth2/v2.0/token")
    async def token_of_scope(tenant: str, request: Request) -> Response:
        return await answer(tenant, request, "scope")

    async def answer(tenant: str, request: Request, wanted: str) -> Response:
        try:
            given = await _form(request)
            made = await run_in_threadpool(_token, services, tenant, given, wanted)
        except _Refusal as error:
            return _refused(error.code, error.message, error.status)
        except Unauthorized as error:
            return _refused("invalid_client", error.message, 401)
        except PenstockError as error:
            return _refused(
                "invalid_request" if error.http_status < 500 else "server_error", error.message, error.http_status
            )
        return JSONResponse(made, headers=_NEVER_KEPT)

    @routes.get("/{tenant}/.well-known/openid-configuration")
    def configuration(tenant: str) -> Json:
        return _configuration(url, tenant, "")

    @routes.get("/{tenant}/v2.0/.well-known/openid-configuration")
    def configuration_of_scopes(tenant: str) -> Json:
        return _configuration(url, tenant, "v2.0/")

    @routes.get("/{tenant}/discovery/keys")
    @routes.get("/{tenant}/discovery/v2.0/keys")
    def keys(tenant: str) -> Json:
        return services.tokens.public_keys()

    return routes


class _Refusal(Exception):
    """An error of RFC 6749, section 5.2."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        self.code, self.message, self.status = code, message, status


async def _form(request: Request) -> dict[str, str]:
    """The form, each field once, with the client's name and secret wherever it put them."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise _Refusal("invalid_request", f"The body is not of type {FORM}. Send a form.")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise _Refusal("invalid_request", f"The form has more than {MOST_BYTES:,} bytes.", 413)
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50)
    except ValueError:
        raise _Refusal("invalid_request", "The body is no form. Encode it as one, in UTF-8.") from None
    given = dict(pairs)
    if len(given) != len(pairs):
        raise _Refusal("invalid_request", "A field of the form is there twice. Send each once.")
    return {**given, **_basic(request.headers.get("authorization", ""))}


def _basic(header: str) -> dict[str, str]:
    kind, _, rest = header.partition(" ")
    if kind.lower() != "basic":
        return {}
    try:
        name, _, secret = base64.b64decode(rest, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        raise _Refusal(
            "invalid_client", "The Authorization header is no Basic one. Encode client_id:client_secret as base64.", 401
        ) from None
    return {"client_id": unquote(name), "client_secret": unquote(secret)}


def _token(services: Services, tenant: str, given: Json, wanted: str) -> Json:
    if not _TENANT.match(tenant):
        raise _Refusal("invalid_request", "The tenant in the path is not one. Use a GUID, or a name.")
    if given.get("grant_type") != "client_credentials":
        raise _Refusal(
            "unsupported_grant_type", f"The grant_type is {given.get('grant_type')!r}. Send client_credentials."
        )
    for name in ("client_id", "client_secret", wanted):
        if not given.get(name):
            raise _Refusal(
                "invalid_request", f"The form has no {name}. Send grant_type, client_id, client_secret and {wanted}."
            )
    resource = str(given[wanted])
    if wanted == "scope":
        resource = _resource_of(resource)
    principal = services.principals.sign_in(str(given["client_id"]), str(given["client_secret"]))
    try:
        token = services.tokens.issue(principal, tenant, resource)
    except BadRequest as error:
        raise _Refusal("invalid_scope" if wanted == "scope" else "invalid_resource", error.message) from None
    now = int(services.context.clock())
    made: Json = {"token_type": "Bearer", "access_token": token}
    if wanted == "scope":
        return {**made, "expires_in": GOOD_SECONDS, "ext_expires_in": GOOD_SECONDS}
    times = {
        "expires_in": GOOD_SECONDS,
        "ext_expires_in": GOOD_SECONDS,
        "expires_on": now + GOOD_SECONDS,
        "not_before": now,
    }
    return {**made, **{k: str(v) for k, v in times.items()}, "resource": resource}


def _resource_of(scope: str) -> str:
    """`https://management.azure.com/.default` is a scope of `https://management.azure.com/`."""
    scopes = [s for s in scope.split(" ") if s]
    if len(scopes) != 1 or not scopes[0].endswith(DEFAULT_SCOPE):
        raise _Refusal(
            "invalid_scope",
            f"The scope is {scope!r}. Ask for one resource, as https://management.azure.com{DEFAULT_SCOPE}.",
        )
    return scopes[0][: -len(DEFAULT_SCOPE)] + "/"


def _refused(code: str, message: str, status: int) -> Response:
    headers = {**_NEVER_KEPT, **({"WWW-Authenticate": 'Basic realm="penstock"'} if status == 401 else {})}
    return JSONResponse({"error": code, "error_description": message}, status, headers)


def _configuration(url: str, tenant: str, version: str) -> Json:
    if not _TENANT.match(tenant):
        raise BadRequest("The tenant in the path is not one. Use a GUID, or a name.", target="tenant")
    base = f"{url}/{tenant}"
    return {
        "issuer": f"{base}/",
        "token_endpoint": f"{base}/oauth2/{version}token",
        "jwks_uri": f"{base}/discovery/{version}keys",
        "authorization_endpoint": f"{base}/oauth2/{version}authorize",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": ["token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
    }
