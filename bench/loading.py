"""One address called from many connections at once, for some seconds: what was answered, how fast, and what was not answered at all."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
import urllib.parse
import uuid
from dataclasses import dataclass, field

WARM_SECONDS = 2.0
AGAIN_SECONDS = 0.05
"""So long after a connection was reset, its client connects again."""
LATE_SECONDS = 60.0
"""So long after the end, what has not been answered is given up."""


@dataclass
class Load:
    """What came of it."""

    seconds: float
    taken: list[float] = field(default_factory=list)
    """Of each answer: how long it took."""
    statuses: dict[int, int] = field(default_factory=dict)
    n_reset: int = 0
    """Calls whose connection was reset, or not taken at all."""
    n_late: int = 0

    @property
    def rate(self) -> float:
        return len(self.taken) / self.seconds

    @property
    def refusals(self) -> str:
        """What was answered otherwise, or not at all, in words that begin with a semicolon."""
        refused = {k: v for k, v in self.statuses.items() if k >= 300}
        said = [f"; refused {refused}" if refused else ""]
        said.append(f"; {self.n_reset:,} connections reset" if self.n_reset else "")
        said.append(f"; {self.n_late:,} calls without an answer for {LATE_SECONDS:g} s" if self.n_late else "")
        return "".join(said)

    def quantile(self, share: float) -> float:
        """Milliseconds within which that share was answered."""
        found = sorted(self.taken)
        return 1000 * found[min(len(found) - 1, int(share * len(found)))] if found else math.nan


def load(url: str, body: bytes, headers: dict[str, str], clients: int, seconds: float, keyed: bool = False) -> Load:
    """Calls the address from so many connections, each as soon as it was answered. `keyed`: each call has an Idempotency-Key of its own."""
    parts = urllib.parse.urlsplit(url)
    lines = [f"POST {parts.path}{'?' + parts.query if parts.query else ''} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += [f"{k}: {v}" for k, v in headers.items()]
    caller = _Caller(parts, "\r\n".join(lines).encode(), body, keyed, Load(seconds))
    return asyncio.run(caller.call(clients))


class _Caller:
    """The clients of one load."""

    def __init__(self, parts: urllib.parse.SplitResult, head: bytes, body: bytes, keyed: bool, found: Load) -> None:
        self.parts, self.head, self.body, self.keyed, self.found = parts, head, body, keyed, found
        self.begin = time.perf_counter() + WARM_SECONDS
        self.end = self.begin + found.seconds

    async def call(self, clients: int) -> Load:
        tasks = [asyncio.create_task(self._client()) for _ in range(clients)]
        done, late = await asyncio.wait(tasks, timeout=WARM_SECONDS + self.found.seconds + LATE_SECONDS)
        self.found.n_late = len(late)
        for task in late:
            task.cancel()
        for task in done:
            task.result()
        return self.found

    async def _client(self) -> None:
        while time.perf_counter() < self.end:
            try:
                await self._connected()
            except (OSError, asyncio.IncompleteReadError):
                self.found.n_reset += 1
                await asyncio.sleep(AGAIN_SECONDS)

    async def _connected(self) -> None:
        """Calls until the end, on one connection."""
        reader, writer = await asyncio.open_connection(self.parts.hostname, self.parts.port)
        with contextlib.closing(writer):
            while (asked := time.perf_counter()) < self.end:
                key = b"\r\nIdempotency-Key: " + uuid.uuid4().hex.encode() if self.keyed else b""
                writer.write(self.head + key + b"\r\n\r\n" + self.body)
                status = await _answer(reader)
                now = time.perf_counter()
                self.found.statuses[status] = self.found.statuses.get(status, 0) + 1
                if self.begin <= now <= self.end and status < 300:
                    self.found.taken.append(now - asked)


async def _answer(reader: asyncio.StreamReader) -> int:
    """The status, once all of the answer is there."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), None)
    if length is None:  # in chunks
        while (size := int((await reader.readline()).strip() or b"0", 16)) > 0:
            await reader.readexactly(size + 2)
        await reader.readline()
    else:
        await reader.readexactly(length)
    return int(head[9:12])
