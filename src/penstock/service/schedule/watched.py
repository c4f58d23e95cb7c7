"""What a schedule watches: where that is, what lies there now, and which of its changes the schedule's own runs have made.

Knows datastores and the store; must not know when anybody looks or what is submitted then.
"""

from __future__ import annotations

import filecmp
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from penstock.data import listings
from penstock.data.listings import CannotLook, Listing, Watched
from penstock.data.paths import beneath
from penstock.data.remotes import stamps
from penstock.model.graph import Graph
from penstock.service.assets.datastores import Datastores
from penstock.service.context import Context
from penstock.service.runs.binding import constant_destination, output_path
from penstock.store import catalog, runs
from penstock.store import ticks as ledger

Json = dict[str, Any]
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
LATE_SECONDS = 60.0  # what a run writes may be seen this long after its end


@dataclass(frozen=True)
class Found:
    """What lies somewhere, and of what that is the listing: when that is another, no file has changed. `top`: the local folder or file."""

    listing: Listing
    of: str
    top: str | None


class Places:
    """Where schedules watch, and what is there."""

    def __init__(self, context: Context, datastores: Datastores) -> None:
        self._context, self._datastores = context, datastores

    def named(self, workspace: str, name: str | None) -> str:
        """The datastore's name, or the default one's. NotFound."""
        if name:
            return str(self._datastores.get(workspace, name)["name"])
        with self._context.database.read() as connection:
            row = catalog.get_workspace(connection, workspace)
        return str((row or {})["default_datastore"])

    def folder(self, schedule: Json) -> tuple[str, str | None]:
        """The local folder of the datastore that is watched, and its URL if it is mapped to one."""
        name = schedule["settings"]["datastore"]
        found = next((d for d in self._datastores.list(schedule["workspace"]) if d["name"] == name), None)
        if found is None:
            raise CannotLook(f"there is no datastore '{name}' any more. Register it again.", target=name)
        return str(found["root"]), found["url"]

    def look(self, schedule: Json, *, whole: bool, may_go: bool = False) -> Found:
        """What is there now. CannotLook; BadRequest for a path that leads out of its datastore."""
        target = target_of(schedule)
        root, url = self.folder(schedule)
        of = json.dumps([url or root, target.path, target.is_deep])
        if url is None:
            try:
                top = beneath(Path(root), target.base)
            except RuntimeError as error:  # pathlib says so of links that lead to themselves
                raise CannotLook(f"{target.base} cannot be followed: {error}.", target=target.base) from None
            return Found(listings.look(root, target, whole=whole, may_go=may_go), of, str(top))
        options = self._datastores.options(schedule["workspace"], schedule["settings"]["datastore"])
        return Found(stamps(url, options, target), of, None)

    def state(self, schedule: Json) -> tuple[str, int]:
        """What is there now, for the store, and how many files: where nothing is yet, no files. CannotLook where that is not known."""
        root, url = self.folder(schedule)
        if url is None and Path(root).is_relative_to(self._context.home):
            os.makedirs(root, exist_ok=True)  # ours to make: nothing has been put there yet
        if url is None and os.path.isdir(root) and not os.path.lexists(os.path.join(root, target_of(schedule).base)):
            of = json.dumps([root, target_of(schedule).path, target_of(schedule).is_deep])
            return Listing("", "", False, []).pack(of), 0
        found = self.look(schedule, whole=True)
        return found.listing.pack(found.of), len(found.listing.records or ())

    def own(self, connection: Connection, schedule: Json, paths: Iterable[str], since: float) -> set[str]:
        """Those of the paths that runs of the schedule have written, told by its submissions: before an end is recorded too."""
        paths = list(paths)
        known: dict[str, bool] = {}

        def is_run_of(run_id: str) -> bool:
            if run_id not in known:
                known[run_id] = ledger.is_run_of(connection, schedule["id"], run_id)
            return known[run_id]

        found = {p for p in paths if any(is_run_of(i) for i in _ID.findall(p))}
        rest = [p for p in paths if p not in found]
        if rest:
            copies = self._copies(connection, schedule, since - LATE_SECONDS)
            found.update(p for p in rest if any(_is_copy(p, *copy) for copy in copies))
        return found

    def _copies(self, connection: Connection, schedule: Json, since: float) -> list[tuple[str, Path, Path]]:
        """Of each output that is left at a place of the author's choice: that place, where it lies, and what was published."""
        root, url = self.folder(schedule)
        if url is not None:
            return []
        found = []
        for row in ledger.copying_since(connection, schedule["id"], since):
            graph = Graph.from_json(json.loads(row["graph"]))
            default = graph.default_datastore or _default(connection, schedule["workspace"])
            step_ids = {r["node"]: r["id"] for r in runs.runs_of_root(connection, row["run_id"]) if r["node"]}
            for node in graph.nodes:
                for output in node.outputs:
                    place = constant_destination(output)
                    if place and (output.datastore or default) == schedule["settings"]["datastore"]:
                        published = output_path(output, step_ids.get(node.id, ""))
                        found.append((place.strip("/"), Path(root, place.strip("/")), Path(root, published)))
        return found


def target_of(schedule: Json) -> Watched:
    """The path that a schedule watches."""
    settings = schedule["settings"]
    return listings.watched(settings.get("path_on_datastore"), settings.get("recursive") is not False)


def _default(connection: Connection, workspace: str) -> str:
    return str((catalog.get_workspace(connection, workspace) or {})["default_datastore"])


def _is_copy(path: str, place: str, copy: Path, published: Path) -> bool:
    """Whether what lies at `path` is, byte for byte, what a step left there."""
    if path != place and not path.startswith(place + "/"):
        return False
    below = path[len(place) :].strip("/")
    try:
        return filecmp.cmp(copy / below, published / below, shallow=False)
    except OSError:
        return False
