"""The verbs on webhooks: who is told when pipeline runs end. The telling itself is deliveries.py."""

from __future__ import annotations

import base64
import secrets
from typing import Any

from penstock.model.errors import BadRequest, Conflict, NotFound
from penstock.service.assets.catalog import Catalog, iso
from penstock.service.assets.seal import seal, unseal
from penstock.service.context import Context
from penstock.service.notify.posting import SECRET_PREFIX, Poster
from penstock.store import webhooks as store

Json = dict[str, Any]
SECRET_BYTES = 32
MOST = 100
"""Webhooks a workspace may have: each ended run is looked at once for every one."""
DELIVERIES = 50


class Webhooks:
    """Webhooks by id. A secret is shown once, when it is made."""

    def __init__(self, context: Context, workspaces: Catalog) -> None:
        self._context, self._workspaces = context, workspaces
        self._db = context.database
        self._poster = Poster(context.webhook_hosts)

    def create(self, workspace: str, body: Json) -> Json:
        """Keep one; with its `secret`, which is not shown again."""
        self._workspaces.workspace(workspace)
        url, events = str(body.get("url") or ""), body.get("events") or list(store.ENDINGS)
        if not isinstance(events, list) or not set(map(str, events)) <= set(store.ENDINGS):
            raise BadRequest(f"The events are {events!r}. Give some of: {', '.join(store.ENDINGS)}.", target="events")
        experiment = body.get("experiment")
        self._poster.checked(url)
        secret = SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode("ascii")
        made_id = self._context.make_id()
        row = {
            "id": made_id,
            "workspace": workspace,
            "url": url,
            "experiment": None if experiment is None else str(experiment),
            "events": [e for e in store.ENDINGS if e in events],
            "sealed": seal(self._context.key, label(made_id), secret),
            "created_at": self._context.clock(),
            "disabled": None,
        }
        with self._db.read() as connection:
            if len(store.listed(connection, workspace)) >= MOST:
                raise Conflict(f"Workspace '{workspace}' has {MOST} webhooks, the most there can be. Delete one first.")
        self._db.write(lambda connection: store.add(connection, row))
        self._context.changes.notify_end()
        return {**self.get(workspace, made_id), "secret": secret}

    def list(self, workspace: str) -> list[Json]:
        """Oldest first."""
        self._workspaces.workspace(workspace)
        with self._db.read() as connection:
            return [_shown(row) for row in store.listed(connection, workspace)]

    def get(self, workspace: str, webhook_id: str) -> Json:
        """One, with what it was told lately: `deliveries`, newest first."""
        row = self._find(workspace, webhook_id)
        with self._db.read() as connection:
            told = store.deliveries(connection, webhook_id, DELIVERIES)
        times = ("next_at", "delivered_at", "created_at")
        return {**_shown(row), "deliveries": [{**d, **{k: iso(d[k]) for k in times}} for d in told]}

    def set_enabled(self, workspace: str, webhook_id: str, enabled: bool) -> Json:
        """Tell it, or tell it no more. Of what ended meanwhile it is not told."""
        self._find(workspace, webhook_id)
        because = None if enabled else "it was disabled"
        self._db.write(lambda connection: store.disable(connection, webhook_id, because))
        self._context.changes.notify_end()
        return self.get(workspace, webhook_id)

    def delete(self, workspace: str, webhook_id: str) -> None:
        self._find(workspace, webhook_id)
        self._db.write(lambda connection: store.drop(connection, webhook_id))

    def _find(self, workspace: str, webhook_id: str) -> Json:
        with self._db.read() as connection:
            row = store.get(connection, webhook_id)
        if row is None or row["workspace"] != workspace:
            raise NotFound(
                f"There is no webhook '{webhook_id}' in workspace '{workspace}'. List them: penstock webhook list",
                target=webhook_id,
            )
        return row


def label(webhook_id: str) -> str:
    """What its secret is sealed for."""
    return f"webhook '{webhook_id}'"


def secret_of(context: Context, row: Json) -> str:
    return unseal(context.key, label(row["id"]), row["sealed"])


def _shown(row: Json) -> Json:
    kept = {k: row[k] for k in ("id", "workspace", "url", "experiment", "events", "disabled")}
    return {**kept, "created_at": iso(row["created_at"])}
