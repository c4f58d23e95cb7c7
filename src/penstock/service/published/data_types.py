"""The verbs on types of data: names that ports of modules and PipelineData give to what they hold. Recorded: nothing checks data by them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from penstock.service.assets.catalog import Catalog
from penstock.service.context import Context
from penstock.service.published.authored import Authored, text, times

Json = dict[str, Any]


class DataTypes:
    """Types of data by name."""

    def __init__(self, context: Context, workspaces: Catalog) -> None:
        self._kept = Authored(context, workspaces, "data_type", "data type")

    def create(self, workspace: str, body: Json) -> Json:
        made = {
            "description": text(body, "description"),
            "is_directory": bool(body.get("is_directory")),
            "parents": _parents(body),
        }
        row = self._kept.new(workspace, self._kept.checked_name(body.get("name")), made)
        self._kept.add_named(row)
        return _shown(row)

    def list(self, workspace: str) -> Sequence[Json]:
        """Newest first."""
        return [_shown(r) for r in self._kept.rows(workspace)]

    def update(self, workspace: str, type_id: str, body: Json) -> Json:
        """Change its description or its parents."""
        changes: Json = {} if body.get("description") is None else {"description": str(body["description"])}
        if body.get("parents") is not None:
            changes["parents"] = _parents(body)
        self._kept.row(workspace, id=type_id)
        self._kept.change(workspace, type_id, changes)
        return _shown(self._kept.row(workspace, id=type_id))


def _parents(body: Json) -> Sequence[str]:
    given = body.get("parents")
    return [str(p) for p in given] if isinstance(given, list) else []


def _shown(row: Json) -> Json:
    return {**row["body"], "id": row["id"], "name": row["name"], **times(row)}
