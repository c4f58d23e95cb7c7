"""Following a run: its events as they are committed and, when asked, what its steps print. One NDJSON line each."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool

from penstock.model.status import TERMINAL
from penstock.service.changes import Subscription
from penstock.service.runs.views import EVENTS_A_PAGE, LOGS
from penstock.service.services import Services

Json = dict[str, Any]
PING_SECONDS = 15.0
LOG_SECONDS = 0.15
GATHER_SECONDS = (0.03, 0.2)  # events that come in a burst are sent together, the longer it lasts the more of them
PIECE_BYTES = 1 << 18
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


class _Cursor:
    """How far one follower has been told."""

    def __init__(self, run: Json, after: int, with_logs: bool) -> None:
        self.run_id, self.after, self.with_logs = run["id"], after, with_logs
        self.over = run["status"] in _TERMINAL  # it had ended before anybody followed
        self.ended = False


async def follow(services: Services, run: Json, after: int, with_logs: bool) -> AsyncIterator[bytes]:
    """Lines about `run` until it has ended."""
    logs, cursor = _Logs(services.context.home / "jobs"), _Cursor(run, after, with_logs)
    quiet, gather = 0.0, GATHER_SECONDS[0]
    with Subscription(services.context.changes, run["root_id"]) as subscription:
        if with_logs:
            steps = [run] if run["type"] == "step" else await run_in_threadpool(services.views.children, run["id"])
            for step in steps:
                if step["attempt"] and step["status"] not in _TERMINAL:
                    logs.follow(step["id"], step["attempt"])
        while True:
            pieces = _pieces(services, cursor, logs)
            while piece := await run_in_threadpool(next, pieces, b""):
                quiet = 0.0
                yield piece
                if len(piece) < PIECE_BYTES:
                    break
            if cursor.ended or cursor.over:
                return
            if await subscription.wait(wait := LOG_SECONDS if with_logs and logs.is_open() else PING_SECONDS):
                await subscription.wait_for_end(gather)
                gather = min(gather * 1.3, GATHER_SECONDS[1])
                continue
            gather, quiet = GATHER_SECONDS[0], quiet + wait
            if quiet >= PING_SECONDS:
                quiet = 0.0
                yield _line({"ping": 1})


def _pieces(services: Services, cursor: _Cursor, logs: _Logs) -> Iterator[bytes]:
    """What is new, in pieces of about PIECE_BYTES: a smaller one is the last."""
    held: list[bytes] = []
    size = 0
    for content in _new(services, cursor, logs):
        held.append(_line(content))
        size += len(held[-1])
        if size >= PIECE_BYTES:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def _new(services: Services, cursor: _Cursor, logs: _Logs) -> Iterator[Json]:
    """The events since the cursor, each step's last log lines before its end; then what the logs have gained."""
    while events := services.views.events(cursor.run_id, cursor.after):
        for event in events:
            cursor.after = event["id"]
            status = event["body"].get("status")
            if cursor.with_logs and event["name"] == "queued":
                logs.follow(event["run_id"], int(event["body"].get("attempt") or 1))
            if status in _TERMINAL or event["name"] == "requeued":
                yield from logs.close(event["run_id"])
                cursor.ended = cursor.ended or event["run_id"] == cursor.run_id
            yield {"event": event}
        if len(events) < EVENTS_A_PAGE:
            break
    if cursor.with_logs:
        yield from logs.grown()


def _line(content: Json) -> bytes:
    return json.dumps(content).encode() + b"\n"
