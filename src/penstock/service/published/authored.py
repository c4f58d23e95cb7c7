"""What authors keep to use again, as JSON under an id: one `Authored` for each kind. Drafts, modules and data types are kept by it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from penstock.model.errors import BadRequest, Conflict, NotFound
from penstock.service.assets.catalog import Catalog, iso
from penstock.service.context import Context
from penstock.store import authored as store

Json = dict[str, Any]
LONGEST_NAME = 255


class Authored:
    """The rows of one kind; `what` is the word for one of them."""

    def __init__(self, context: Context, workspaces: Catalog, kind: str, what: str) -> None:
        self._context, self._workspaces, self._kind, self._what = context, workspaces, kind, what
        self._db = context.database

    def new(self, workspace: str, name: str, body: Json, parent_id: str | None = None) -> Json:
        """A row that is still to be added."""
        self._workspaces.workspace(workspace)
        self._context.room.demand()
        now = self._context.clock()
        row = {"id": self._context.make_id(), "workspace": workspace, "kind": self._kind, "parent_id": parent_id}
        return {**row, "name": name, "body": body, "created_at": now, "updated_at": now}

    def add(self, row: Json) -> None:
        self._db.write(lambda c: store.add(c, row))

    def add_named(self, row: Json) -> None:
        """Conflict when the workspace has one of this name."""

        def work(connection: Connection) -> bool:
            if store.get(connection, row["workspace"], self._kind, name=row["name"]) is not None:
                return False
            store.add(connection, row)
            return True

        if not self._db.write(work):
            raise self._taken(row["name"])

    def row(self, workspace: str, **equal: str) -> Json:
        """The one of this `id` or `name`; NotFound names those that there are."""
        with self._db.read() as connection:
            row = store.get(connection, workspace, self._kind, **equal)
            if row is not None:
                return row
            names = sorted({r["name"] for r in store.listed(connection, workspace, self._kind)})
        wanted = next(iter(equal.values()))
        has = f"There are: {', '.join(map(repr, names)) or 'none'}." if "name" in equal else "List them first."
        raise NotFound(f"There is no {self._what} '{wanted}' in workspace '{workspace}'. {has}", target=wanted)

    def rows(self, workspace: str, **equal: str) -> list[Json]:
        """Newest first."""
        self._workspaces.workspace(workspace)
        with self._db.read() as connection:
            return store.listed(connection, workspace, self._kind, **equal)

    def change(self, workspace: str, kept_id: str, changes: Json, name: str | None = None) -> None:
        """Put `changes` over its body, and give it another name if one is given."""
        at = self._context.clock()

        def work(connection: Connection) -> None:
            row = store.get(connection, workspace, self._kind, id=kept_id)
            if row is not None:
                store.change(connection, kept_id, name or row["name"], {**row["body"], **changes}, at)

        self._db.write(work)

    def rename(self, workspace: str, kept_id: str, name: str, changes: Json) -> None:
        """As `change`; Conflict when another one of the workspace has this name."""
        at = self._context.clock()

        def work(connection: Connection) -> bool:
            other = store.get(connection, workspace, self._kind, name=name)
            if other is not None and other["id"] != kept_id:
                return False
            row = other or store.get(connection, workspace, self._kind, id=kept_id)
            assert row is not None  # what is found by name is never deleted
            store.change(connection, kept_id, name, {**row["body"], **changes}, at)
            return True

        if not self._db.write(work):
            raise self._taken(name)

    def drop(self, kept_id: str) -> None:
        self._db.write(lambda c: store.drop(c, kept_id))

    def checked_name(self, name: Any) -> str:
        """`name`, or BadRequest for what is none."""
        if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME or "\0" in name:
            raise BadRequest(
                f"The {self._what}'s name {name!r} is invalid. Give 1 to {LONGEST_NAME} characters, without NUL.",
                target="name",
            )
        return name

    def _taken(self, name: str) -> Conflict:
        return Conflict(
            f"There is a {self._what} '{name}' in this workspace already. Choose another name.", target="name"
        )


def text(body: Json, name: str) -> str | None:
    return None if body.get(name) is None else str(body[name])


def times(row: Json) -> Json:
    return {"created_at": iso(row["created_at"]), "updated_at": iso(row["updated_at"])}
