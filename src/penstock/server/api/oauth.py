"""OAuth 2.0 in the shape that clients of Azure's identity platform send and expect, and what such clients look up first: client credentials
for programs, a device's code for people, tokens renewed.

The tenant in the path is taken as it comes: this server is one tenant.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from penstock.model.errors import BadRequest, PenstockError, Unauthorized
from penstock.server.api.openapi import ERRORS
from penstock.server.bodies import LaterRoute
from penstock.server.forms import read_form
from penstock.service.identity.devices import NotSignedIn
from penstock.service.identity.sessions import REFRESH, REFRESH_SECONDS
from penstock.service.identity.tokens import ALGORITHM, AUDIENCES, GOOD_SECONDS
from penstock.service.services import Services

Json = dict[str, Any]
DEFAULT_SCOPE = "/.default"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
_TENANT = re.compile(r"[A-Za-z0-9._-]{1,255}\Z")
_FIELDS = ("grant_type", "client_id", "client_secret", "resource", "scope", "device_code", "refresh_token")
_FORM: Json = {
    "required": True,
    "content": {
        "application/x-www-form-urlencoded": {
            "schema": {"type": "object", "properties": {name: {"type": "string"} for name in _FIELDS}}
        }
    },
}
_ERRORS: Json = {
    "description": "What is wrong, as RFC 6749 has it",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["error", "error_description"],
                "properties": {"error": {"type": "string"}, "error_description": {"type": "string"}},
            }
        }
    },
}
_NEVER_KEPT = {"Cache-Control": "no-store", "Pragma": "no-cache"}


def router(services: Services) -> APIRouter:
    routes = APIRouter(tags=["sign-in"], responses={"4XX": ERRORS, "5XX": ERRORS}, route_class=LaterRoute)
    told: Json = {"responses": {"4XX": _ERRORS, "5XX": _ERRORS}, "openapi_extra": {"requestBody": _FORM}}
    url = services.context.url

    @routes.post("/{tenant}/oauth2/token", **told)
    async def token_of_resource(tenant: str, request: Request) -> Response:
        return await answer(tenant, request, "resource")

    @routes.post("/{tenant}/oauth2/v2.0/token", **told)
    async def token_of_scope(tenant: str, request: Request) -> Response:
        return await answer(tenant, request, "scope")

    async def answer(tenant: str, request: Request, wanted: str) -> Response:
        return await answered(lambda given: _token(services, tenant, given, wanted), request)

    @routes.post("/{tenant}/oauth2/v2.0/devicecode", **told)
    async def device_code(tenant: str, request: Request) -> Response:
        """A code for a person to type in on this server's page /device."""
        address = request.client.host if request.client else ""
        return await answered(lambda given: _device_code(services, tenant, given, address), request)

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


async def answered(make: Callable[[Json], Json], request: Request) -> Response:
    """What `make` makes of a form, or an error of RFC 6749."""
    try:
        form = await read_form(request)
        given = {**form, **_basic(request.headers.get("authorization", ""))}
        made = await run_in_threadpool(make, given)
    except _Refusal as error:
        return _refused(error.code, error.message, error.status)
    except NotSignedIn as error:
        return _refused(error.code, error.message, 400)
    except Unauthorized as error:
        return _refused("invalid_client", error.message, 401)
    except PenstockError as error:
        code = "invalid_request" if error.http_status < 500 else "server_error"
        return _refused(code, error.message, error.http_status)
    return JSONResponse(made, headers=_NEVER_KEPT)


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
    _check_tenant(tenant)
    kind = given.get("grant_type")
    if kind == DEVICE:
        _check_fields(given, "device_code")
        return _of_person(services, tenant, services.devices.take(str(given["device_code"])))
    if kind == "refresh_token":
        _check_fields(given, "refresh_token")
        try:
            who = services.sessions.read(REFRESH, str(given["refresh_token"]))
        except Unauthorized as error:
            raise _Refusal("invalid_grant", error.message) from None
        return _of_person(services, tenant, who)
    if kind != "client_credentials":
        raise _Refusal(
            "unsupported_grant_type", f"The grant_type is {kind!r}. Send client_credentials, refresh_token or {DEVICE}."
        )
    return _of_program(services, tenant, given, wanted)


def _of_program(services: Services, tenant: str, given: Json, wanted: str) -> Json:
    """A token for a principal's secret. Clients that find the v1 endpoint by OpenID Connect's own rules send it a scope, too."""
    if wanted == "resource" and not given.get("resource") and given.get("scope"):
        given = {**given, "resource": _resource_of(str(given["scope"]))}
    _check_fields(given, "client_id", "client_secret", wanted)
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


def _of_person(services: Services, tenant: str, who: Json) -> Json:
    """A token, and what it is renewed with."""
    return {
        "token_type": "Bearer",
        "access_token": services.tokens.issue(who, tenant, AUDIENCES[0] + "/"),
        "expires_in": GOOD_SECONDS,
        "scope": AUDIENCES[0] + DEFAULT_SCOPE,
        "refresh_token": services.sessions.give(REFRESH, who, REFRESH_SECONDS),
    }


def _device_code(services: Services, tenant: str, given: Json, address: str) -> Json:
    _check_tenant(tenant)
    _check_fields(given, "client_id")
    made = services.devices.begin(str(given["client_id"])[:80], address)
    page = f"{services.context.url}/device"
    return {
        **made,
        "verification_uri": page,
        "verification_uri_complete": f"{page}?user_code={made['user_code']}",
        "message": f"To sign in, open {page} and type in the code {made['user_code']}.",
    }


def _check_tenant(tenant: str) -> None:
    if not _TENANT.match(tenant):
        raise _Refusal("invalid_request", "The tenant in the path is not one. Use a GUID, or a name.")


def _check_fields(given: Json, *names: str) -> None:
    for name in names:
        if not given.get(name):
            raise _Refusal("invalid_request", f"The form has no {name}. Send grant_type, {', '.join(names)}.")


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
        "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
        "grant_types_supported": ["client_credentials", "refresh_token", DEVICE],
        "response_types_supported": ["token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
    }
