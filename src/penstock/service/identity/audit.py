"""The audit log: who changed what over the network, and who was refused. A line of JSON each, only ever added to.

One file a home, `logs/audit.jsonl`; a full one is set aside whole, never cut.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from penstock.model.access import Caller
from penstock.service.assets.catalog import iso
from penstock.service.context import Context

Json = dict[str, Any]
FULL_BYTES = 64 << 20


class Audit:
    """Adds to the log and reads it."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._path = context.home / "logs" / "audit.jsonl"
        self._lock = threading.Lock()
        self._file: int | None = None

    def record(self, caller: Caller | None, method: str, path: str, address: str, status: int) -> None:
        """One call that changed something, or was refused."""
        who = {"kind": caller.kind, "id": caller.id, "name": caller.name} if caller else None
        line = {
            "at": iso(self._context.clock()),
            "who": who,
            "method": method,
            "path": path[:2000],
            "from": address,
            "status": status,
        }
        data = (json.dumps(line) + "\n").encode()
        try:
            with self._lock:
                self._put(data)
        except OSError as error:
            if self._context.room.noticed(error) is None:
                raise

    def lines(self, limit: int) -> list[Json]:
        """The newest, the latest first."""
        found: list[Json] = []
        for path in self._files():
            for line in reversed(path.read_bytes().splitlines()):
                found.append(json.loads(line))
                if len(found) == limit:
                    return found
        return found

    def _put(self, data: bytes) -> None:
        if self._file is None or not self._path.exists():
            self.close()
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        is_full = os.fstat(self._file).st_size >= FULL_BYTES
        os.write(self._file, data)
        if is_full:
            self._path.rename(self._path.with_name(f"audit.{int(self._context.clock() * 1000)}.jsonl"))
            self.close()

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _files(self) -> Iterator[Path]:
        if self._path.exists():
            yield self._path
        yield from sorted(self._path.parent.glob("audit.*.jsonl"), reverse=True)
