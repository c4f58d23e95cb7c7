"""Published pipelines under load: submissions taken, a trigger until its script's first line, what a token costs, pages over very many.

    python bench/publishing.py [--seconds 30] [--clients 64] [--peers]

`bench/run.py --only publishing` does the same without peers. Submissions are held: a run that does not end keeps the only place of their
compute, so that what is measured is taking them. Each is in the database, on disk, before it is answered; in the end they are counted.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http.client
import json
import sqlite3
import statistics
import sys
import tempfile
import time
import urllib.parse
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import processes
import publishing_pages
import publishing_peers
from measures import Figure, quiet, workspace

HERE = Path(__file__).resolve().parent
CLIENTS, SECONDS = 64, 30.0
WARM_SECONDS = 2.0
TRIGGERS, CALLS = 40, 1000
HELD = "held"


@dataclass
class Load:
    """What came of calling one address from many connections at once."""

    seconds: float
    taken: list[float] = field(default_factory=list)
    """Of each answer: how long it took."""
    statuses: dict[int, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        return len(self.taken) / self.seconds

    def quantile(self, share: float) -> float:
        """Milliseconds within which that share was answered."""
        found = sorted(self.taken)
        return 1000 * found[min(len(found) - 1, int(share * len(found)))]


def load(url: str, body: bytes, headers: dict[str, str], clients: int, seconds: float, keyed: bool = False) -> Load:
    """Calls the address from so many connections, each as soon as it was answered. `keyed`: each call has an Idempotency-Key of its own."""
    return asyncio.run(_load(url, body, headers, clients, seconds, keyed))


async def _load(url: str, body: bytes, headers: dict[str, str], clients: int, seconds: float, keyed: bool) -> Load:
    parts = urllib.parse.urlsplit(url)
    lines = [f"POST {parts.path}{'?' + parts.query if parts.query else ''} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{k}: {v}" for k, v in headers.items()),
    ]
    head = "\r\n".join(lines).encode()
    found = Load(seconds)
    begin = time.perf_counter() + WARM_SECONDS
    end = begin + seconds

    async def client() -> None:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        with contextlib.closing(writer):
            while (asked := time.perf_counter()) < end:
                key = b"\r\nIdempotency-Key: " + uuid.uuid4().hex.encode() if keyed else b""
                writer.write(head + key + b"\r\n\r\n" + body)
                status = await _answer(reader)
                now = time.perf_counter()
                found.statuses[status] = found.statuses.get(status, 0) + 1
                if begin <= now <= end and status < 300:
                    found.taken.append(now - asked)

    await asyncio.gather(*(client() for _ in range(clients)))
    return found


async def _answer(reader: asyncio.StreamReader) -> int:
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


class Served:
    """A home's server with a published pipeline, and a principal that may run it."""

    def __init__(self, ws: Any, home: Path, script: str, argument: str = "") -> None:
        from azureml.pipeline.core import Pipeline
        from azureml.pipeline.steps import PythonScriptStep

        self.ws, self.home = ws, home
        folder = Path(tempfile.mkdtemp(dir=home))
        (folder / "s.py").write_text(script)
        given = {"source_directory": str(folder), "compute_target": HELD, "allow_reuse": False}
        step = PythonScriptStep("s.py", name="step", arguments=[argument] if argument else [], **given)
        self.published = Pipeline(ws, [step]).publish(name="bench")
        self.host = urllib.parse.urlsplit(self.published.endpoint).netloc
        self.owner = {"Authorization": f"Bearer {(home / 'token').read_text().strip()}"}
        self.principal = {"Authorization": f"Bearer {self._token()}"}

    def _token(self) -> str:
        made = self.call("POST", "/api/v1/principals", {"name": uuid.uuid4().hex, "published": self.published.id})
        form = {"grant_type": "client_credentials", "resource": "https://management.azure.com/"}
        form |= {"client_id": made["id"], "client_secret": made["secret"]}
        self.call("POST", f"/api/v1/principals/{made['id']}/grants", {"published": self.published.id})
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        status, answer = self.raw("POST", "/t/oauth2/token", urllib.parse.urlencode(form).encode(), kind)
        assert status == 200, answer
        return str(json.loads(answer)["access_token"])

    def call(self, method: str, path: str, body: Any = None) -> Any:
        status, answer = self.raw(
            method, path, json.dumps(body).encode(), {"Content-Type": "application/json", **self.owner}
        )
        if status >= 300:
            raise SystemExit(f"{method} {path}: {status} {answer.decode()[:500]}")
        return json.loads(answer)

    def raw(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self.host, timeout=120)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()


def hold(ws: Any, home: Path) -> Served:
    """A published pipeline whose runs wait for one that does not end."""
    from azureml.core import Experiment

    served = Served(ws, home, "import time\ntime.sleep(3600)\n")
    served.call("PUT", f"/api/v1/ws/{ws.name}/computes/{HELD}", {"settings": {"max_nodes": 1}})
    with quiet():
        run = Experiment(ws, "bench").submit(served.published)
    while {s.get_status() for s in run.get_steps()} != {"Running"}:
        time.sleep(0.05)
    return served


def submissions(ws: Any, home: Path, clients: int, seconds: float) -> list[Figure]:
    """What a submission costs while many clients send them: without and with an Idempotency-Key."""
    served = hold(ws, home)
    body = json.dumps({"ExperimentName": "bench"}).encode()
    figures = []
    for what, keyed in (("a submission taken", False), ("one with an Idempotency-Key", True)):
        before = count(home)
        found = load(served.published.endpoint, body, served.principal, clients, seconds, keyed)
        kept, answered = count(home) - before, found.statuses.get(200, 0)
        if set(found.statuses) != {200} or kept != answered:
            raise SystemExit(f"{what}: answered {found.statuses}, and {kept} runs are kept")
        note = f"{found.rate:,.0f} a second from {clients} clients in {seconds:g} s; all {kept:,} are in the database"
        figures.append(Figure(what, 1000 / found.rate, "ms", 2.0, note))
        note = f"half within {found.quantile(0.5):.0f} ms, the slowest {found.quantile(1):.0f} ms"
        figures.append(Figure(f"{what}: answered, 99 of 100", found.quantile(0.99), "ms", 250.0, note))
    memory = processes.server_memory(home)
    figures.append(Figure("server memory with those runs waiting", memory, "MB", 150.0, f"{count(home):,} runs"))
    return figures


def count(home: Path) -> int:
    """Pipeline runs in the database."""
    with contextlib.closing(sqlite3.connect(f"file:{home / 'penstock.db'}?mode=ro", uri=True)) as database:
        return int(database.execute("SELECT count(*) FROM run WHERE type = 'pipeline'").fetchone()[0])


def triggers(ws: Any, home: Path, times: int) -> list[Figure]:
    """From sending the call until the script's first line, on a server that has nothing else to do."""
    mark = home / "began"
    served = Served(ws, home, (HERE / "scripts/first_line.py").read_text(), str(mark))
    body, taken = json.dumps({"ExperimentName": "bench"}), []
    headers = {"Content-Type": "application/json", **served.principal}
    connection = http.client.HTTPConnection(served.host, timeout=120)
    path = urllib.parse.urlsplit(served.published.endpoint).path + "?wait=60"
    for _ in range(times + 2):
        began = time.time()
        connection.request("POST", path, body, headers)
        answer = json.loads(connection.getresponse().read())
        assert answer["Status"]["StatusDetail"] == "Finished", answer
        taken.append(1000 * (float(mark.read_text()) - began))
        time.sleep(0.05)
    taken = taken[2:]
    note = f"slowest of {times}: {max(taken):.0f} ms"
    return [Figure("a call over HTTP until the script's first line", statistics.median(taken), "ms", 50.0, note)]


def tokens(ws: Any, home: Path, times: int) -> list[Figure]:
    """What it costs to know who calls: the same call with a principal's token and without any, in turn."""
    served = Served(ws, home, "")
    connection = http.client.HTTPConnection(served.host, timeout=120)
    taken: dict[str, list[float]] = {"with": [], "without": []}
    for _ in range(times):
        for kind, headers in (("with", served.principal), ("without", {})):
            began = time.perf_counter()
            connection.request("GET", "/api/v1/whoami", headers=headers)
            connection.getresponse().read()
            taken[kind].append(1000 * (time.perf_counter() - began))
    bare, whole = (statistics.mean(sorted(taken[k])[: times * 99 // 100]) for k in ("without", "with"))
    return [Figure("what a token costs a call", whole - bare, "ms", 1.0, f"{whole:.2f} ms beside {bare:.2f} ms")]


def publishing(rounds: int, clients: int = CLIENTS, seconds: float = SECONDS) -> Iterator[Figure]:
    """All of it, each on a home of its own."""
    parts: tuple[Callable[[Any, Path], list[Figure]], ...] = (
        lambda ws, home: triggers(ws, home, TRIGGERS),
        lambda ws, home: tokens(ws, home, CALLS),
        lambda ws, home: submissions(ws, home, clients, seconds),
        lambda ws, home: publishing_pages.pages(ws, home, rounds),
    )
    for measure in parts:
        with processes.fresh_home() as home:
            yield from measure(workspace(), home)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--peers", action="store_true", help="MLflow and Prefect too, in environments of their own")
    asked = parser.parse_args()
    for figure in publishing(5, asked.clients, asked.seconds):
        aim = "" if figure.aim is None else f"{'met' if figure.is_met else 'MISSED'} (at most {figure.aim:g})"
        print(f"{figure.what:<46} {figure.value:>8.2f} {figure.unit:<4} {aim:<22} {figure.note}", flush=True)
    if asked.peers:
        for line in publishing_peers.measure(load, asked.clients, asked.seconds):
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
