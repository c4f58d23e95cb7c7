"""Proofs that somebody has signed in, kept by whoever did: a browser's cookie, a refresh token. Signed by the home's key; no table.

Each is bound to the secret that it was got for: rotating or deleting that, or disabling the principal, ends it. Must know no HTTP.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any

from penstock.model.access import OWNER
from penstock.model.errors import Unauthorized
from penstock.service.context import Context
from penstock.service.identity.principals import Principals

Json = dict[str, Any]
COOKIE, REFRESH = "cookie", "refresh"
COOKIE_SECONDS = 12 * 3600
REFRESH_SECONDS = 30 * 86400


class Sessions:
    """Gives and reads such proofs. Who signed in is {"id", "name", "credential"}."""

    def __init__(self, context: Context, principals: Principals) -> None:
        self._context, self._principals = context, principals

    def owner(self, token: str) -> Json:
        """The owner of the home, who shows its token."""
        known = self._context.token
        if not known or not hmac.compare_digest(known.encode(), token.encode("utf-8", "surrogatepass")):
            raise Unauthorized("This is not the token of the server's home. Its owner finds it in <home>/token.")
        return {"id": OWNER.id, "name": OWNER.name, "credential": _digest(known)}

    def give(self, kind: str, who: Json, seconds: float) -> str:
        """A proof of this kind that `who` signed in."""
        said = {"k": kind, "s": who["id"], "c": who["credential"], "e": int(self._context.clock() + seconds)}
        body = base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")
        return f"{body}.{self._mark(kind, body)}"

    def read(self, kind: str, text: str) -> Json:
        """Who signed in; Unauthorized when this is no such proof, or it is good no more."""
        body, _, mark = text.partition(".")
        if not hmac.compare_digest(self._mark(kind, body).encode(), mark.encode("utf-8", "surrogatepass")):
            raise Unauthorized("This was not given by this server. Sign in again.")
        try:
            said = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        except (binascii.Error, ValueError):
            raise Unauthorized("This was not given by this server. Sign in again.") from None
        if said["k"] != kind or said["e"] <= self._context.clock():
            raise Unauthorized("The sign-in has expired. Sign in again.")
        if said["s"] == OWNER.id:
            if not hmac.compare_digest(said["c"], _digest(self._context.token)):
                raise Unauthorized("The home's token is another by now. Sign in again.")
            return {"id": OWNER.id, "name": OWNER.name, "credential": said["c"]}
        return self._principals.signed_in(said["s"], said["c"])

    def form_key(self, cookie: str) -> str:
        """What forms of this session's pages carry, so that other sites cannot send them."""
        return self._mark("form", cookie)

    def _mark(self, kind: str, text: str) -> str:
        said = f"session:{kind}:{text}".encode("utf-8", "surrogatepass")
        return hmac.new(self._context.key, said, hashlib.sha256).hexdigest()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()[:36]
