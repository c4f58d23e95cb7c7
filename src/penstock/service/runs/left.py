"""Whether an output that a step left is as it was published."""

from __future__ import annotations

from typing import Any

from penstock.data.digests import Digests, Tree
from penstock.data.paths import Ways
from penstock.data.remotes import Mirror
from penstock.model.graph import Output
from penstock.service.runs.binding import constant_destination

Json = dict[str, Any]


def what_is_other(row: Json, output: Output, ways: Ways, digests: Digests, mirror: Mirror | None) -> str | None:
    """What of it is not as the `row` says: where it lies on its datastore, to which `ways` lead, at the datastore's URL, or at the place where
    its author has a copy kept. None: all is."""
    if row["kind"] == "missing":
        return None
    tree = _below(ways, row["path"], digests)
    if tree.digest != row["digest"] or tree.kind != row["kind"]:
        return f"its output '{row['name']}' {went(tree.kind)}"
    if mirror is not None and (other := mirror.what_is_other(row["path"])) is not None:
        return f"its output '{row['name']}': {other}"
    if destination := constant_destination(output):
        copy = _below(ways, destination, digests)
        if copy.digest != row["digest"]:
            return f"the copy of its output '{row['name']}' at {destination} {went(copy.kind)}"
    return None


def went(kind: str) -> str:
    """What happened to something that is of this `kind` now."""
    return "is not there any more" if kind == "missing" else "was changed"


def _below(ways: Ways, path: str, digests: Digests) -> Tree:
    place, status = ways.down(path)
    return digests.tree(place, status=status)
