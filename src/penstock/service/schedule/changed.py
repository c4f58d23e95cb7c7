"""A batch of changed files: as what a tick keeps of it, as what its run has of it, and as an answer. Pure."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

from penstock.data.listings import Changes

Json = dict[str, Any]
PROPERTY = "penstock.changed"
PROPERTY_MOST = 1000  # a run's properties are read with the run each time; longer lists have a call of their own


def evidence(changes: Changes, n_own: int) -> Json:
    """What a tick keeps."""
    counts = {"created": len(changes.created), "modified": len(changes.modified), "deleted": len(changes.deleted)}
    listed = json.dumps([changes.created, changes.modified, changes.deleted], separators=(",", ":"))
    packed = base64.b64encode(zlib.compress(listed.encode(), 1)).decode()
    return {"by": "data", "path": changes.path(), "changed": len(changes), **counts, "own": n_own, "listed": packed}


def unpacked(kept: Json) -> Changes:
    """The batch, of a tick's evidence; none of a tick that was for no files."""
    if not kept.get("listed"):
        return Changes()
    return Changes(*json.loads(zlib.decompress(base64.b64decode(kept["listed"]))))


def properties(kept: Json) -> dict[str, str]:
    """What the run of the tick has: the paths as JSON lists, unless they are many, and always their number."""
    changes = unpacked(kept)
    found = {"penstock.n_changed": str(len(changes))}
    if len(changes) <= PROPERTY_MOST:
        found[PROPERTY] = json.dumps(sorted([*changes.created, *changes.modified]))
        if changes.deleted:
            found["penstock.deleted"] = json.dumps(changes.deleted)
    return found


def answer(kept: Json) -> Json:
    """All of it."""
    changes = unpacked(kept)
    lists = {"created": changes.created, "modified": changes.modified, "deleted": changes.deleted}
    return {"path": kept.get("path"), "n": len(changes), **lists}
