"""Writes src/penstock/store/newest.sql, the schema that a new SQLite database begins with: what all migrations together make.

python tests/contract/schemas/newest.py
"""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from penstock.store.database import NEWEST, migrate


def newest() -> str:
    """The script, as the migrations of this checkout have it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "penstock.db"
        migrate(path)
        with closing(sqlite3.connect(path)) as database:
            made = database.execute(
                "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid"
            ).fetchall()
            (version,) = database.execute("SELECT version_num FROM alembic_version").fetchone()
    statements = [*(sql for (sql,) in made), f"INSERT INTO alembic_version VALUES ('{version}')"]
    return (
        "-- What all migrations together make. Written by tests/contract/schemas/newest.py.\nBEGIN IMMEDIATE;\n"
        + "".join(f"{s.strip()};\n" for s in statements)
        + "COMMIT;\n"
    )


if __name__ == "__main__":
    NEWEST.write_text(newest())
