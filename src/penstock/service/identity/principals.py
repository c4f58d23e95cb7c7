"""The verbs on principals: who may sign in beside the owner, with which secrets, and what they may do where.

Secrets are 256 random bits, so one round of SHA-256 keeps them (docs/decisions/0014); each is shown once.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
from typing import Any

from sqlalchemy import Connection

from penstock.model.access import ALL, Caller, Role
from penstock.model.errors import BadRequest, Conflict, NotFound, Unauthorized
from penstock.service.assets.catalog import Catalog, iso
from penstock.service.context import Context
from penstock.store import principals as store

Json = dict[str, Any]
DAY_SECONDS = 86400.0
DEFAULT_DAYS = 365.0
MOST_DAYS = 3650.0
USED_EVERY_SECONDS = 60.0
KNOWN_SECONDS = 1.0
"""How long what a principal may do is remembered: a disabled one is refused at most so much later."""
_GRANTS = ("role", "workspace", "published")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9@._-]{0,254}\Z")


class Principals:
    """Principals by name or id."""

    def __init__(self, context: Context, workspaces: Catalog) -> None:
        self._context, self._workspaces = context, workspaces
        self._db = context.database
        self._known: dict[str, tuple[float, Caller]] = {}
        self._used: dict[str, float] = {}
        self._lock = threading.Lock()

    def create(self, body: Json) -> Json:
        """A principal with its first `secret`, which is not shown again."""
        name = str(body.get("name") or "")
        if not _NAME.match(name):
            raise BadRequest(
                f"The principal name {name!r} is invalid. Use letters, digits and '@._-', starting with a letter or digit.",
                target="name",
            )
        now, made_id = self._context.clock(), self._context.make_id()
        secret, row = self._credential(made_id, body)
        kept = {"id": made_id, "name": name, "created_at": now, "disabled_at": None, "used_at": None}
        first = self._grant_row(made_id, body) if any(body.get(k) for k in _GRANTS) else None

        def work(connection: Connection) -> bool:
            if not store.add(connection, kept):
                return False
            store.add_credential(connection, row)
            if first:
                store.grant(connection, first)
            return True

        if not self._db.write(work):
            raise Conflict(
                f"There is a principal '{name}' already. Choose another name, or rotate its secret.", target=name
            )
        return {**self.get(made_id), "secret": secret}

    def list(self) -> list[Json]:
        """By name."""
        with self._db.read() as connection:
            return [self._shown(connection, row) for row in store.listed(connection)]

    def get(self, name_or_id: str) -> Json:
        with self._db.read() as connection:
            return self._shown(connection, self._find(connection, name_or_id))

    def rotate(self, name_or_id: str, body: Json) -> Json:
        """A new `secret`. The old ones go on for `keep_hours`, so that their holders can be changed one after the other."""
        with self._db.read() as connection:
            found = self._find(connection, name_or_id)
        keep = _number(body.get("keep_hours", 0), "keep_hours", 0, 24 * MOST_DAYS) * 3600
        secret, row = self._credential(found["id"], body)

        def work(connection: Connection) -> None:
            store.expire(connection, found["id"], self._context.clock() + keep)
            store.add_credential(connection, row)

        self._db.write(work)
        return {**self.get(found["id"]), "secret": secret}

    def set_enabled(self, name_or_id: str, enabled: bool) -> Json:
        """Let it in, or no more. Runs that it submitted go on."""
        with self._db.read() as connection:
            found = self._find(connection, name_or_id)
        at = None if enabled else self._context.clock()
        self._db.write(lambda connection: store.change(connection, found["id"], disabled_at=at))
        self._forget(found["id"])
        return self.get(found["id"])

    def delete(self, name_or_id: str) -> None:
        """Forget it, its secrets and grants. Its name may be given to another, its id never is."""
        with self._db.read() as connection:
            found = self._find(connection, name_or_id)
        self._db.write(lambda connection: store.drop(connection, found["id"]))
        self._forget(found["id"])

    def grant(self, name_or_id: str, body: Json) -> Json:
        """Give a role in a workspace (`*`: in all, and on the server), or leave to run one published pipeline or endpoint."""
        with self._db.read() as connection:
            found = self._find(connection, name_or_id)
        row = self._grant_row(found["id"], body)
        self._db.write(lambda connection: store.grant(connection, row))
        self._forget(found["id"])
        return self.get(found["id"])

    def revoke(self, name_or_id: str, body: Json) -> Json:
        with self._db.read() as connection:
            found = self._find(connection, name_or_id)
        kind, target = _place(body)
        if not self._db.write(lambda connection: store.revoke(connection, found["id"], kind, target)):
            raise NotFound(
                f"Principal '{found['name']}' has no grant on {kind} '{target}'. See: penstock principal show"
            )
        self._forget(found["id"])
        return self.get(found["id"])

    def sign_in(self, name_or_id: str, secret: str) -> Json:
        """The principal whose secret this is, with the `credential` it is. Unauthorized says only what its holder may know."""
        now = self._context.clock()
        given = _hash(secret)
        with self._db.read() as connection:
            found = store.find(connection, name_or_id)
            rows = store.credentials(connection, found["id"]) if found else []
        if found is None:
            raise Unauthorized(
                f"There is no principal '{name_or_id[:80]}' here. Make one: penstock principal create",
                target="client_id",
            )
        fitting = next((r for r in rows if hmac.compare_digest(r["hash"], given)), None)
        if fitting is None:
            raise Unauthorized(f"The secret is not that of principal '{found['name']}'.", target="client_secret")
        if fitting["expires_at"] <= now:
            raise Unauthorized(
                f"The secret of principal '{found['name']}' expired at {iso(fitting['expires_at'])}. "
                f"Make a new one: penstock principal rotate {found['name']}",
                target="client_secret",
            )
        if found["disabled_at"] is not None:
            raise Unauthorized(f"Principal '{found['name']}' is disabled.", target="client_id")
        self._note_use(found["id"], now)
        return {**found, "credential": fitting["id"]}

    def signed_in(self, principal_id: str, credential_id: str) -> Json:
        """The principal who once signed in with this credential; Unauthorized when it could do so no more."""
        now = self._context.clock()
        with self._db.read() as connection:
            found = store.find(connection, principal_id)
            rows = store.credentials(connection, principal_id) if found else []
        is_good = any(r["id"] == credential_id and r["expires_at"] > now for r in rows)
        if found is None or found["disabled_at"] is not None or not is_good:
            raise Unauthorized(
                "The secret of this sign-in is good no more, or its principal is disabled. Sign in again."
            )
        self._note_use(principal_id, now)
        return {**found, "credential": credential_id}

    def remembered(self, principal_id: str) -> Caller | None:
        """The same, when it was found out just before: without waiting for anything."""
        known = self._known.get(principal_id)
        is_fresh = known is not None and 0 <= self._context.clock() - known[0] < KNOWN_SECONDS
        return known[1] if known is not None and is_fresh else None

    def caller(self, principal_id: str) -> Caller:
        """What it may do now; Unauthorized when it is disabled or gone."""
        if (known := self.remembered(principal_id)) is not None:
            return known
        now = self._context.clock()
        with self._db.read() as connection:
            found = store.find(connection, principal_id)
            given = store.grants(connection, principal_id) if found else []
        if found is None or found["disabled_at"] is not None:
            raise Unauthorized("The principal of this token is disabled or was deleted.")
        roles = {g["target"]: Role(g["role"]) for g in given if g["kind"] == "workspace"}
        published = frozenset(g["target"] for g in given if g["kind"] == "published")
        made = Caller("principal", found["id"], found["name"], roles, published)
        self._known[principal_id] = (now, made)
        self._note_use(principal_id, now)
        return made

    def _forget(self, principal_id: str) -> None:
        self._known.pop(principal_id, None)

    def _note_use(self, principal_id: str, now: float) -> None:
        """Remember when it was last here, to the minute."""
        with self._lock:
            if now - self._used.get(principal_id, 0.0) < USED_EVERY_SECONDS:
                return
            self._used[principal_id] = now
        self._db.write(lambda connection: store.change(connection, principal_id, used_at=now), redoable=True)

    def _find(self, connection: Connection, name_or_id: str) -> Json:
        found = store.find(connection, name_or_id)
        if found is None:
            raise NotFound(
                f"There is no principal '{name_or_id}'. List them: penstock principal list", target=name_or_id
            )
        return found

    def _credential(self, principal_id: str, body: Json) -> tuple[str, Json]:
        days = _number(body.get("days", DEFAULT_DAYS), "days", 0.0001, MOST_DAYS)
        secret, now = secrets.token_urlsafe(32), self._context.clock()
        row = {
            "id": self._context.make_id(),
            "principal_id": principal_id,
            "hash": _hash(secret),
            "hint": secret[:3],
            "note": None if body.get("note") is None else str(body["note"]),
            "created_at": now,
            "expires_at": now + days * DAY_SECONDS,
        }
        return secret, row

    def _grant_row(self, principal_id: str, body: Json) -> Json:
        kind, target = _place(body)
        role = str(body.get("role") or (Role.SUBMITTER if kind == "published" else ""))
        if role not in list(Role) or (kind == "published" and role != Role.SUBMITTER):
            fitting = Role.SUBMITTER if kind == "published" else ", ".join(Role)
            raise BadRequest(f"The role {role!r} cannot be given on a {kind}. Give one of: {fitting}.", target="role")
        if kind == "workspace" and target != ALL:
            self._workspaces.workspace(target)
        return {"principal_id": principal_id, "kind": kind, "target": target, "role": role}

    def _shown(self, connection: Connection, row: Json) -> Json:
        times = ("created_at", "disabled_at", "used_at")
        credentials = [
            {
                "hint": c["hint"],
                "note": c["note"],
                "created_at": iso(c["created_at"]),
                "expires_at": iso(c["expires_at"]),
            }
            for c in store.credentials(connection, row["id"])
        ]
        given = [{k: g[k] for k in ("kind", "target", "role")} for g in store.grants(connection, row["id"])]
        return {**row, **{k: iso(row[k]) for k in times}, "credentials": credentials, "grants": given}


def _place(body: Json) -> tuple[str, str]:
    """What a grant is on."""
    places = [(kind, str(body[kind])) for kind in ("workspace", "published") if body.get(kind)]
    if len(places) != 1:
        raise BadRequest(
            "A grant is on one 'workspace' (a name, or *) or one 'published' (a pipeline's or endpoint's id). Give one."
        )
    return places[0]


def _number(given: object, name: str, least: float, most: float) -> float:
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not least <= given <= most:
        raise BadRequest(f"{name} is {given!r}. Give a number from {least:g} to {most:g}.", target=name)
    return float(given)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
