"""Brings what is committed from SQLite's log into its database file, beside the writer. Knows a file; knows no table.

SQLite has the commit that fills the log do this, and whoever waits for that commit waits for it: of a commit of thousands of rows, for as long again.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

ROWS = 500
"""Written between two looks: a hundred commits of a few, or one of many."""
PAGES = 10_000
"""The log's length, 40 MB, from which on the writer does it after all: readers, or writing without a pause, have kept it from being emptied."""


class Checkpoints:
    """Of one database. The thread is started when there is something to do."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread: threading.Thread | None = None
        self._wanted = threading.Event()
        self._is_closed = False
        self._n_seen = 0

    def committed(self, n_rows: int) -> None:
        """The writer has written so many rows since it was opened."""
        if n_rows - self._n_seen < ROWS:
            return
        self._n_seen = n_rows
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)
            self._thread.start()
        self._wanted.set()

    def close(self) -> None:
        self._is_closed = True
        self._wanted.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _run(self) -> None:
        while self._wanted.wait() and not self._is_closed:
            self._wanted.clear()
            try:
                with closing(sqlite3.connect(self._path, isolation_level=None)) as connection:
                    connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            except sqlite3.Error:
                pass  # what is committed is in the log, and stays there until the next time; a full disk is told by the writer
