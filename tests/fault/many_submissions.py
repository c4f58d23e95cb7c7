"""Very many submissions over HTTP while the server is killed again and again: every one that was acknowledged is there, exactly once, and no
other is. Not a test by itself; a small one is in test_many_submissions.py:

    python tests/fault/many_submissions.py [--runs 100000] [--kills 10] [--clients 8] [--seconds 720]

Each client sends its submissions one after the other, each under an Idempotency-Key of its own, and sends one again until it is acknowledged,
as `requests` would in a loop. The server is killed with SIGKILL at moments spread over the submissions, and started again. None of the runs begins:
one that does not end has the only place of their compute. In the end the database is read: by key, by id, and whole.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from conftest import stop_all
from integration.served import Client, node, serve, wait_for, wait_until_served

from penstock.service.care.invariants import check_invariants
from penstock.store.database import open_database

PATH = (
    "/pipelines/v1.0/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
    "/PipelineRuns/PipelineSubmit/"
)
PAUSE_SECONDS = 0.02
"""What a client waits before it sends again what was not answered."""


class Submitting:
    """A server that dies, and clients that go on until all is acknowledged."""

    def __init__(self, home: Path, n_runs: int, n_clients: int, until: float) -> None:
        self.home, self.n_runs, self.until = home, n_runs, until
        self.acknowledged: dict[str, str] = {}
        """The id of the run by its key."""
        self.answered: Counter[str] = Counter()
        self.problems: list[str] = []
        self.n_kills = 0
        self.shares = [range(n, n_runs, n_clients) for n in range(n_clients)]
        self._start()
        client = Client(home)
        client("PUT", "/ws/w/computes/cluster", {"settings": {"max_nodes": 1}})
        script = client.snapshot(a__py=b"import time\ntime.sleep(86400)")
        graph = {"schema": 1, "nodes": [node(script, outputs=[])]}
        body = {"name": "held", "graph": graph, "interpreter": {"executable": sys.executable}}
        self.pipeline = client("POST", "/ws/w/pipelines", body)[1]["id"]
        busy = client("POST", f"/ws/w/pipelines/{self.pipeline}/runs", {"experiment": "busy"})[1]["run"]["id"]
        wait_for(lambda: [c["status"] for c in client.children(busy)] == ["Running"])
        self.host = client.record()["url"].removeprefix("http://")
        token = (home / "token").read_text().strip()
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def _start(self) -> None:
        self.server = serve(self.home)
        wait_until_served(self.home, self.server)

    def submit_all(self, share: range) -> None:
        """One client's submissions, in order."""
        connection = http.client.HTTPConnection(self.host, timeout=60)
        for n in share:
            key = f"key {n}"
            while key not in self.acknowledged and time.monotonic() < self.until:
                try:
                    self._submit(connection, key)
                except (OSError, http.client.HTTPException) as error:
                    self.answered[type(error).__name__] += 1
                    connection.close()
                    time.sleep(PAUSE_SECONDS)
        connection.close()

    def _submit(self, connection: http.client.HTTPConnection, key: str) -> None:
        body = json.dumps({"ExperimentName": "many", "tags": {"key": key}})
        connection.request("POST", PATH + self.pipeline, body, {**self.headers, "Idempotency-Key": key})
        answer = connection.getresponse()
        content = answer.read()
        self.answered[str(answer.status)] += 1
        if answer.status == 200:
            self.acknowledged[key] = json.loads(content)["Id"]
        elif answer.status < 500:
            self.problems.append(f"{key}: {answer.status} {content[:200]!r}")
            self.acknowledged[key] = ""

    def play(self, n_kills: int, rng: random.Random) -> None:
        """All submissions, with the server killed so often on the way."""
        moments = sorted(rng.randrange(1, max(2, self.n_runs)) for _ in range(n_kills))
        threads = [threading.Thread(target=self.submit_all, args=(share,)) for share in self.shares]
        for thread in threads:
            thread.start()
        for moment in moments:
            while len(self.acknowledged) < moment and any(t.is_alive() for t in threads):
                time.sleep(0.005)
            if not any(t.is_alive() for t in threads):
                break
            os.kill(self.server.pid, signal.SIGKILL)
            self.server.wait()
            self.n_kills += 1
            self._start()
        for thread in threads:
            thread.join()

    def check(self) -> Iterator[str]:
        """What is wrong with what the database has."""
        yield from self.problems
        with sqlite3.connect(f"file:{self.home / 'penstock.db'}?mode=ro", uri=True) as database:
            rows = database.execute(
                "SELECT r.id, s.idempotency_key, l.value FROM run r JOIN submission s ON s.run_id = r.id "
                "LEFT JOIN label l ON l.run_id = r.id AND l.kind = 'tag' AND l.name = 'key' "
                "WHERE r.type = 'pipeline' AND r.experiment = 'many'"
            ).fetchall()
            (n_steps,) = database.execute("SELECT count(*) FROM run WHERE type = 'step'").fetchone()
        database.close()
        of_key: dict[str, list[str]] = {}
        for run_id, digest, key in rows:
            of_key.setdefault(key, []).append(run_id)
            if digest is None or len(digest) != len(hashlib.sha256().hexdigest()):
                yield f"run {run_id} has the key {digest}"
        for key, run_id in self.acknowledged.items():
            if of_key.get(key) != [run_id]:
                yield f"{key} was acknowledged as {run_id}, and there are {of_key.get(key)}"
        sent = {f"key {n}" for n in range(self.n_runs)}
        yield from (f"nobody sent {key}" for key in of_key.keys() - sent)
        if n_steps != len(rows) + 1:
            yield f"{len(rows)} runs have {n_steps - 1} steps"
        store = open_database(self.home / "penstock.db")
        with store.read() as connection:
            yield from check_invariants(connection)
        store.close()
        self.n_kept = len(rows)


def table(found: Submitting, problems: list[str], seconds: float) -> Iterator[str]:
    """What was done, and what came of it."""
    answers = ", ".join(f"{what}: {n:,}" for what, n in sorted(found.answered.items()))
    facts = {
        "submissions": found.n_runs,
        "acknowledged": len(found.acknowledged),
        "runs in the database": found.n_kept,
        "acknowledged and not there once": sum("was acknowledged" in p for p in problems),
        "there and not acknowledged": found.n_kept - len(found.acknowledged),
        "there and not sent": sum("nobody sent" in p for p in problems),
        "all else that is wrong": sum("was acknowledged" not in p and "nobody sent" not in p for p in problems),
        "server killed": found.n_kills,
    }
    yield from (f"{what:<34} {n:>9,}" for what, n in facts.items())
    yield f"answers: {answers}; {seconds:.0f} s, {len(found.acknowledged) / seconds:.0f} a second, restarts included"
    yield from problems[:20]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=720, help="no more is sent after so long")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="ps-", dir="/tmp"))
    began = time.monotonic()
    try:
        found = Submitting(home, asked.runs, asked.clients, began + asked.seconds)
        found.play(asked.kills, random.Random(asked.seed))
        seconds = time.monotonic() - began
        found.server.terminate()
        found.server.wait(60)
        problems = list(found.check())
        print("\n".join(table(found, problems, seconds)))
        return 1 if problems else 0
    finally:
        stop_all(home)
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
