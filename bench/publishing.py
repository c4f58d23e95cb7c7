"""Published pipelines under load: submissions taken, a trigger until its script's first line, what a token costs, pages over very many.

    python bench/publishing.py [--seconds 30] [--clients 64] [--peers]

`bench/run.py --only publishing` does the same without peers. Submissions are held: a run that does not end keeps the only place of their
compute, so that what is measured is taking them. Each is in the database, on disk, before it is answered; in the end they are counted.
"""

from __future__ import annotations

import argparse
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
from pathlib import Path
from typing import Any

import processes
import publishing_pages
import publishing_peers
from loading import load
from measures import Figure, quiet, workspace

HERE = Path(__file__).resolve().parent
CLIENTS, SECONDS = 64, 30.0
TRIGGERS, CALLS = 40, 1000
HELD = "held"


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
        if set(found.statuses) != {200} or kept != answered or found.refusals:
            raise SystemExit(f"{what}: answered {found.statuses}{found.refusals}, and {kept} runs are kept")
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
        for line in publishing_peers.measure(asked.clients, asked.seconds):
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
