"""A person who signs in at a shared server by a code (RFC 8628) that is shown at a terminal, as by `penstock login`. Asks nobody where none is."""

import json
import os
import socket
import sys
import time
from urllib.parse import urlencode

from azureml._client.tokens import FORM, RESOURCE, AccessToken, logins

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
TENANT = "common"
PATH = "/" + TENANT + "/oauth2/v2.0/"
HURRIED_SECONDS = 5  # so much longer the server wants to be left alone when it was asked too soon


def is_somebody_there():
    """Whether a person sits at a terminal, who can read a code and type it in elsewhere."""
    streams = (sys.stdin, sys.stderr)
    return all(stream is not None and not stream.closed and stream.isatty() for stream in streams)


def sign_in(client):
    """The AccessToken of whoever typed in the code that is shown on stderr; what renews it is kept, as `penstock login` keeps it."""
    begun = _asked(client, "devicecode", {"client_id": _who_asks(), "scope": RESOURCE})[1]
    if "device_code" not in begun:
        raise _refusal(client, begun)
    print(
        "To sign in at {}, open {} in a browser, and type in the code {}".format(
            client.address, begun["verification_uri"], begun["user_code"]
        ),
        file=sys.stderr,
        flush=True,
    )
    fields = {"grant_type": GRANT, "device_code": begun["device_code"], "client_id": "penstock"}
    pause, until = float(begun["interval"]), time.monotonic() + float(begun["expires_in"])
    while time.monotonic() < until:
        time.sleep(pause)
        status, answer = _asked(client, "token", fields)
        if status == 200 and answer.get("access_token"):
            entry = {"kind": "person", "tenant": TENANT, "refresh_token": answer["refresh_token"]}
            _keep(client.home, client.address.rstrip("/"), entry)
            return AccessToken(answer["access_token"], int(time.time()) + int(answer.get("expires_in", 3600)))
        if answer.get("error") == "slow_down":
            pause += HURRIED_SECONDS
        elif answer.get("error") != "authorization_pending":
            raise _refusal(client, answer)
    raise _refusal(client, {"error": "expired_token", "error_description": "Nobody typed in the code in time."})


def _asked(client, what, fields):
    status, answer = client.post_plain(PATH + what, urlencode(fields).encode("ascii"), dict(FORM))
    return status, answer if isinstance(answer, dict) else {}


def _who_asks():
    """What the page says is to be signed in."""
    return "{} on {}".format(os.path.basename(sys.argv[0] or "") or "python", socket.gethostname())


def _refusal(client, answer):
    from azureml.exceptions import AuthenticationException

    why = answer.get("error_description") or "The server gave no code to sign in with."
    return AuthenticationException(
        "Nobody signed in at {}: {} Try again, or: penstock login {}".format(client.address, why, client.address),
        code=answer.get("error"),
    )


def _keep(home, url, entry):
    """Remember how to sign in there, readable by this user alone, whole or not at all."""
    os.makedirs(home, mode=0o700, exist_ok=True)
    file = os.path.join(home, "logins.json")
    partial = os.path.join(home, ".logins.json.{}".format(os.getpid()))
    if os.path.lexists(partial):
        os.unlink(partial)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        json.dump(dict(logins(home), **{url: entry}), out, indent=1)
        out.flush()
        os.fsync(out.fileno())
    os.replace(partial, file)
