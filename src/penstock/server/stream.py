"""Following a run: its events as they are committed and, when asked, what its steps print. One NDJSON line each."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool

from penstock.model.status import TERMINAL
from penstock.service.changes import Subscription
from penstock.service.services import Services
from penstock.service.views import LOGS

Json = dict[str, Any]
PING_SECONDS = 15.0
LOG_SECONDS = 0.15
GATHER_SECONDS = 0.04  # events that come in a burst are sent together
CHUNK_BYTES = 1 << 18
_TERMINAL = {str(s) for s in TERMINAL}


class _Logs:
    """How far the logs of the steps under way have been sent."""

    def __init__(self, jobs: Path) -> None:
        self._jobs = jobs
        self._open: dict[str, int] = {}
        self._sent: dict[tuple[str, int, str], int] = {}

    def follow(self, run_id: str, attempt: int) -> None:
        self._open[run_id] = attempt

    def is_open(self) -> bool:
        return bool(self._open)

    def close(self, run_id: str) -> Iterator[Json]:
        """What is left of a step that has ended."""
        attempt = self._open.pop(run_id, None)
        if attempt is not None:
            yield from self._new(run_id, attempt, final=True)

    def grown(self) -> Iterator[Json]:
        for run_id, attempt in list(self._open.items()):
            yield from self._new(run_id, attempt, final=False)

    def _new(self, run_id: str, attempt: int, *, final: bool) -> Iterator[Json]:
        for name, base in LOGS.items():
            key = (run_id, attempt, name)
            while True:
                offset = self._sent.get(key, 0)
                text, size = _read(self._jobs / f"{run_id}.{attempt}" / base, offset, final)
                if not size:
                    break
                self._sent[key] = offset + size
                yield {"log": {"run_id": run_id, "attempt": attempt, "name": name, "offset": offset, "text": text}}


def _read(path: Path, offset: int, final: bool) -> tuple[str, int]:
    """Whole lines from `offset` on (any piece of a very long one, or the rest when final), and their size in bytes."""
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            piece = file.read(CHUNK_BYTES)
    except FileNotFoundError:
        return "", 0
    end = piece.rfind(b"\n") + 1
    if end == 0 and (final or len(piece) == CHUNK_BYTES):
        end = len(piece)
    if final and len(piece) < CHUNK_BYTES:
        end = len(piece)
    return piece[:end].decode("utf-8", "replace"), end


async def follow(services: Services, run: Json, after: int, with_logs: bool) -> AsyncIterator[bytes]:
    """Lines about `run` until it has ended."""
    logs = _Logs(services.context.home / "jobs")
    with Subscription(services.context.changes, run["root_id"]) as subscription:
        if with_logs:
            steps = [run] if run["type"] == "step" else await run_in_threadpool(services.views.children, run["id"])
            for step in steps:
                if step["attempt"] and step["status"] not in _TERMINAL:
                    logs.follow(step["id"], step["attempt"])
        over, quiet = run["status"] in _TERMINAL, 0.0
        while True:
            lines, after, ended = await run_in_threadpool(_gather, services, run["id"], after, logs, with_logs)
            if lines:
                yield b"".join(lines)
            if ended or over:
                return
            quiet = 0.0 if lines else quiet
            if await subscription.wait(wait := LOG_SECONDS if with_logs and logs.is_open() else PING_SECONDS):
                await asyncio.sleep(GATHER_SECONDS)
            elif (quiet := quiet + wait) >= PING_SECONDS:
                quiet = 0.0
                yield _line({"ping": 1})


def _gather(services: Services, run_id: str, after: int, logs: _Logs, with_logs: bool) -> tuple[list[bytes], int, bool]:
    lines: list[bytes] = []
    ended = False
    for event in services.views.events(run_id, after):
        after = event["id"]
        status = event["body"].get("status")
        if with_logs and event["name"] == "queued":
            logs.follow(event["run_id"], int(event["body"].get("attempt") or 1))
        if status in _TERMINAL or event["name"] == "requeued":
            lines += map(_line, logs.close(event["run_id"]))
            ended = ended or event["run_id"] == run_id
        lines.append(_line({"event": event}))
    if with_logs:
        lines += map(_line, logs.grown())
    return lines, after, ended


def _line(content: Json) -> bytes:
    return json.dumps(content).encode() + b"\n"
