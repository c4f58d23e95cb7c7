"""Tokens that a principal gets for its secret: JWTs signed with RS256, good for an hour, checked without the database but for the keys.

Keys are made when needed and sealed in the database, so that all servers of it know them; each signs for 30 days and is known a day
longer than anything it signed.
"""

from __future__ import annotations

import hashlib
import threading
from typing import Any

from sqlalchemy import Connection

from penstock.model.errors import BadRequest, Unauthorized
from penstock.service.assets.seal import seal, unseal
from penstock.service.context import Context
from penstock.store import principals as store

Json = dict[str, Any]
GOOD_SECONDS = 3600
SIGNS_SECONDS = 30 * 86400.0
KNOWN_SECONDS = SIGNS_SECONDS + GOOD_SECONDS + 86400.0
LEEWAY_SECONDS = 60
ALGORITHM = "RS256"
AUDIENCES = (
    "https://management.azure.com",
    "https://management.core.windows.net",
    "https://ml.azure.com",
    "https://aml.azureml.net",
    "penstock",
)
"""What existing clients ask a token for: all of it is this server."""
_REMEMBERED = 4096
_LOOK_AGAIN_SECONDS = 5.0


class Tokens:
    """Issues and checks tokens."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._db = context.database
        self._keys: dict[str, Any] = {}
        self._looked_at = float("-inf")
        self._seen: dict[bytes, tuple[float, str]] = {}
        self._lock = threading.Lock()

    def issue(self, principal: Json, tenant: str, resource: str) -> str:
        """A token for `resource`, one of AUDIENCES or this server's own address."""
        from joserfc import jwt  # with its ciphers 40 ms that only whoever signs in pays

        wanted = resource.rstrip("/")
        if wanted not in AUDIENCES and wanted != self._context.url:
            raise BadRequest(
                f"Tokens for {resource!r} are not given here. Ask for {AUDIENCES[0]}/ (or, as scope, {AUDIENCES[0]}/.default).",
                target="resource",
            )
        now = int(self._context.clock())
        key_id, key = self._signing_key()
        claims = {
            "iss": f"{self._context.url}/{tenant}/",
            "aud": resource,
            "iat": now,
            "nbf": now,
            "exp": now + GOOD_SECONDS,
            "sub": principal["id"],
            "oid": principal["id"],
            "appid": principal["id"],
            "tid": tenant,
            "ver": "1.0",
        }
        return jwt.encode({"alg": ALGORITHM, "kid": key_id}, claims, key, algorithms=[ALGORITHM])

    def verify(self, text: str) -> str:
        """The id of the principal that this token was given to; Unauthorized says what is wrong with it."""
        now, mark = self._context.clock(), hashlib.sha256(text.encode()).digest()
        seen = self._seen.get(mark)
        if seen is None:
            seen = self._checked(text, now)
            with self._lock:
                if len(self._seen) >= _REMEMBERED:
                    self._seen.clear()
                self._seen[mark] = seen
        if now > seen[0]:
            raise Unauthorized("The token has expired. Ask for a new one.")
        return seen[1]

    def remembered(self, text: str) -> str | None:
        """The principal of a token that was checked before and is good still, without waiting for anything."""
        seen = self._seen.get(hashlib.sha256(text.encode()).digest())
        return seen[1] if seen is not None and self._context.clock() <= seen[0] else None

    def public_keys(self) -> Json:
        """The JWKS: every key whose tokens may still be good."""
        self._load()
        if not self._keys:
            self._signing_key()
        return {"keys": [key.as_dict(private=False) for key in self._keys.values()]}

    def _checked(self, text: str, now: float) -> tuple[float, str]:
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        if not self._keys or _key_id(text) not in self._keys:
            self._load(now)
        try:
            claims = jwt.decode(text, KeySet(list(self._keys.values())), algorithms=[ALGORITHM]).claims
        except (JoseError, ValueError, TypeError) as error:
            raise Unauthorized(
                f"The token is not one of this server's: {error}. Ask {self._context.url} for one."
            ) from None
        audience, begins, ends = claims.get("aud"), claims.get("nbf"), claims.get("exp")
        if not isinstance(audience, str) or (
            audience.rstrip("/") not in AUDIENCES and audience.rstrip("/") != self._context.url
        ):
            raise Unauthorized(f"The token is for {audience!r}, not for this server. Ask for {AUDIENCES[0]}/.")
        if not isinstance(ends, (int, float)) or not isinstance(begins, (int, float)) or begins > now + LEEWAY_SECONDS:
            raise Unauthorized("The token does not say from when to when it is good. Ask for a new one.")
        return float(ends), str(claims.get("sub"))

    def _signing_key(self) -> tuple[str, Any]:
        """The newest key, if it may still sign; else a new one."""
        now = self._context.clock()
        with self._db.read() as connection:
            rows = store.keys(connection)
        if not rows or not 0 <= now - rows[0]["created_at"] < SIGNS_SECONDS:
            self._db.write(lambda connection: self._make_key(connection, now))
        self._load(now, force=True)
        newest = next(iter(self._keys))
        return newest, self._keys[newest]

    def _make_key(self, connection: Connection, now: float) -> None:
        from joserfc.jwk import RSAKey

        newest = store.keys(connection)[:1]
        if newest and 0 <= now - newest[0]["created_at"] < SIGNS_SECONDS:
            return  # another server was quicker
        key_id = self._context.make_id()
        pem = RSAKey.generate_key(2048, private=True).as_pem(private=True).decode()
        sealed = seal(self._context.key, _label(key_id), pem)
        store.add_key(connection, {"id": key_id, "sealed": sealed, "created_at": now})
        store.drop_keys(connection, now - KNOWN_SECONDS)

    def _load(self, now: float | None = None, *, force: bool = False) -> None:
        """All keys, newest first. Whoever shows unknown keys has them looked up every few seconds at most."""
        from joserfc.jwk import RSAKey

        at = self._context.clock() if now is None else now
        if not force and self._keys and 0 <= at - self._looked_at < _LOOK_AGAIN_SECONDS:
            return
        with self._db.read() as connection:
            rows = [r for r in store.keys(connection) if at - r["created_at"] < KNOWN_SECONDS]
        kept = dict(self._keys)
        self._keys = {
            r["id"]: kept.get(r["id"])
            or RSAKey.import_key(
                unseal(self._context.key, _label(r["id"]), r["sealed"]),
                {"kid": r["id"], "use": "sig", "alg": ALGORITHM},
            )
            for r in rows
        }
        self._looked_at = at


def _key_id(text: str) -> str:
    from joserfc import jws
    from joserfc.errors import JoseError

    try:
        return str(jws.extract_compact(text.encode()).headers().get("kid"))
    except (JoseError, ValueError, TypeError):
        return ""


def _label(key_id: str) -> str:
    return f"signing key {key_id}"
