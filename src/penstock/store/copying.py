"""A whole copy of a home's SQLite database, taken while a server writes to it; and telling a copy that its home has moved."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote


def copy_database(source: Path, target: Path) -> None:
    """Everything committed to `source` by now, as one file without a log beside it."""
    place = f"file:{quote(str(source))}?mode=ro"
    with closing(sqlite3.connect(place, uri=True, timeout=30)) as opened, closing(sqlite3.connect(target)) as copy:
        opened.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")


def move_home(path: Path, before: Path, after: Path) -> None:
    """Have the rows that name the folder `before` (datastores, what active runs are bound to) name `after`."""
    old, new = str(before), str(after)
    with closing(sqlite3.connect(path)) as database:
        database.execute(
            "UPDATE datastore SET root = ? || substr(root, ?) WHERE root = ? OR substr(root, 1, ?) = ?",
            (new, len(old) + 1, old, len(old) + 1, old + "/"),
        )
        for run_id, text in database.execute("SELECT run_id, bindings FROM submission").fetchall():
            bindings = json.loads(text)
            for store in bindings.get("datastores", {}).values():
                root = str(store.get("root", ""))
                if root == old or root.startswith(old + "/"):
                    store["root"] = new + root[len(old) :]
            database.execute("UPDATE submission SET bindings = ? WHERE run_id = ?", (json.dumps(bindings), run_id))
        database.commit()
