"""Tokens for a server: got for a principal's secret, stored by `penstock login`, or the run's own. Knows for how long each is good.

Asks nobody at a keyboard.
"""

import json
import os
import time
from collections import namedtuple
from urllib.parse import quote, urlencode

from azureml._client.home import server_record

AccessToken = namedtuple("AccessToken", ("token", "expires_on"))
NEVER = 253402300799  # the last second of the year 9999
EARLY_SECONDS = 300  # a token is renewed so long before it expires
RESOURCE = "https://management.azure.com/.default"
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}


def of_principal(client, tenant_id, client_id, secret):
    """An AccessToken for a principal's secret; AuthenticationException says why there is none."""
    fields = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret, "scope": RESOURCE}
    return _got(client, tenant_id, fields, "Service principal '{}'".format(client_id))


def of_login(client):
    """The token that `penstock login` stored for this client's server, renewed when it is old; None when there is none."""
    url = client.address.rstrip("/")
    entry = logins(client.home).get(url)
    if not isinstance(entry, dict):
        return None
    if entry.get("kind") == "token":
        return AccessToken(entry["token"], NEVER)
    if entry.get("kind") == "principal":
        return of_principal(client, entry["tenant"], entry["client_id"], entry["client_secret"])
    fields = {"grant_type": "refresh_token", "refresh_token": entry["refresh_token"], "client_id": "penstock"}
    return _got(
        client, entry["tenant"], fields, "The sign-in at {}".format(url), " Sign in again: penstock login " + url
    )


def of_environment(client):
    """PENSTOCK_TOKEN; else, in a step, that of its run; else, for the home's own server, the home's. The latter two go nowhere else."""
    given = os.environ.get("PENSTOCK_TOKEN")
    if given:
        return AccessToken(given, expiry_of(given))
    of_run = os.environ.get("AZUREML_RUN_TOKEN")
    if of_run and "PENSTOCK_JOB" in os.environ and _is_at(client, os.environ.get("AZUREML_SERVICE_ENDPOINT")):
        return AccessToken(of_run, _seconds(os.environ.get("AZUREML_RUN_TOKEN_EXPIRY")))
    if not _is_at(client, server_record(client.home).get("url")):
        return None
    try:
        with open(os.path.join(client.home, "token"), encoding="utf-8") as file:
            token = file.read().strip()
    except OSError:
        return None
    return AccessToken(token, NEVER) if token else None


def _is_at(client, url):
    """Whether the client's server is the embedded one, or the one at `url`."""
    return not client.is_remote or client.address.rstrip("/") == url


def _seconds(text):
    try:
        return int(text)
    except (TypeError, ValueError):
        return NEVER


def logins(home):
    """{address: what was stored for it} of the home's `logins.json`; {} when nobody has signed in anywhere."""
    try:
        with open(os.path.join(home, "logins.json"), encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def expiry_of(token):
    """When a JWT says that it expires, in seconds since 1970; NEVER of other tokens, and of those that do not say."""
    import base64

    parts = str(token).split(".")
    if len(parts) != 3:
        return NEVER
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)).decode("utf-8"))
        return int(claims["exp"])
    except (ValueError, KeyError, TypeError):
        return NEVER


def is_fresh(token, now=None):
    """Whether an AccessToken will still be good for a while."""
    return token is not None and token.expires_on - (time.time() if now is None else now) > EARLY_SECONDS


def _got(client, tenant_id, fields, who, way_out=""):
    from azureml.exceptions import AuthenticationException

    path = "/{}/oauth2/v2.0/token".format(quote(str(tenant_id or "common"), safe=""))
    status, answer = client.post_plain(path, urlencode(fields).encode("ascii"), dict(FORM))
    answer = answer if isinstance(answer, dict) else {}
    if status == 200 and answer.get("access_token"):
        return AccessToken(answer["access_token"], int(time.time()) + int(answer.get("expires_in", 3600)))
    why = answer.get("error_description") or "it answered with status {} and no token".format(status)
    raise AuthenticationException(
        "{} could not sign in at {}: {}{}".format(who, client.address, why, way_out),
        code=answer.get("error"),
        status_code=status,
    )
