"""The verbs on a workspace's secrets. A value is sealed before it reaches the store, and leaves only when it is asked for by name."""

from __future__ import annotations

import re
from typing import Any

from penstock.model.errors import BadRequest, NotFound
from penstock.service.assets.catalog import Catalog, iso
from penstock.service.assets.seal import seal, unseal
from penstock.service.context import Context
from penstock.store import secrets as store

Json = dict[str, Any]
_NAME = re.compile(r"[0-9A-Za-z-]{1,127}\Z")
MAX_CHARACTERS = 25_000


class Secrets:
    """Secrets by name. Errors name the secret, never its value."""

    def __init__(self, context: Context, workspaces: Catalog) -> None:
        self._context = context
        self._workspaces = workspaces
        self._db = context.database

    def list(self, workspace: str) -> list[Json]:
        """Names and content types, by name."""
        self._workspaces.workspace(workspace)
        with self._db.read() as connection:
            return [_dated(row) for row in store.listed(connection, workspace)]

    def get(self, workspace: str, name: str) -> Json:
        """`{"name", "value", "content_type", …}`; NotFound when there is none."""
        self._workspaces.workspace(workspace)
        with self._db.read() as connection:
            row = store.get(connection, workspace, name)
        if row is None:
            raise NotFound(
                f"There is no secret '{name}' in workspace '{workspace}'. Set it: "
                f"ws.get_default_keyvault().set_secret('{name}', value)",
                target=name,
            )
        value = unseal(self._context.key, _label(workspace, name), row["sealed"])
        return {"value": value, **_dated({k: v for k, v in row.items() if k not in ("sealed", "workspace")})}

    def put(self, workspace: str, name: str, body: Json) -> Json:
        """Keep a secret; one of that name is replaced. Its name and content type, not its value."""
        if not _NAME.match(name):
            raise BadRequest(f"The secret name {name!r} is invalid. Use 1 to 127 letters, digits and '-'.", target=name)
        value = body.get("value")
        if not isinstance(value, str):
            raise BadRequest(f"The value of secret '{name}' is not text. Give a string.", target=name)
        if len(value) > MAX_CHARACTERS:
            raise BadRequest(
                f"The value of secret '{name}' has {len(value):,} characters; {MAX_CHARACTERS:,} are the most. "
                "Keep the bulk in a file, and its key here.",
                target=name,
            )
        self._workspaces.workspace(workspace)
        now = self._context.clock()
        kind = body.get("content_type")
        row = {
            "workspace": workspace,
            "name": name,
            "sealed": seal(self._context.key, _label(workspace, name), value),
            "content_type": None if kind is None else str(kind),
            "created_at": now,
            "updated_at": now,
        }
        self._db.write(lambda connection: store.put(connection, row))
        return next(s for s in self.list(workspace) if s["name"] == name)

    def delete(self, workspace: str, name: str) -> None:
        """Forget a secret; one that is not there is gone already."""
        self._workspaces.workspace(workspace)
        self._db.write(lambda connection: store.drop(connection, workspace, name))


def _label(workspace: str, name: str) -> str:
    return f"secret '{name}' of workspace '{workspace}'"


def _dated(row: Json) -> Json:
    return {**row, "created_at": iso(row["created_at"]), "updated_at": iso(row["updated_at"])}
