"""A server that is killed and brought back, a client that tries again as the SDK does, and what must hold in the end. For tests."""

import http.client
import json
import sys
import time
from pathlib import Path

from forked import serve
from integration.served import Client, node, wait_for

from penstock.service.care.invariants import check_invariants
from penstock.store.database import open_database

SCRIPT = b"""
import json, os, pathlib, time
home, me = pathlib.Path(os.environ["PENSTOCK_HOME"]), os.environ["AZUREML_RUN_ID"]
with open(home / "began", "a") as began:
    began.write(me + "\\n")
with open(pathlib.Path(os.environ["PENSTOCK_JOB"]) / "journal", "a") as journal:
    journal.write(json.dumps({"at": time.time(), "op": "metric", "name": "m", "kind": "scalar", "value": 1}) + "\\n")
out = os.environ.get("AZUREML_DATAREFERENCE_out")
if out:
    pathlib.Path(out).mkdir(parents=True, exist_ok=True)
    for name in ("a", "b"):
        (pathlib.Path(out) / name).write_text(me)
print("done", flush=True)
"""
HANGS = SCRIPT + b"time.sleep(600)\n"


class Crashing:
    """A home whose server may die at any time; `ask` gets its answer in the end."""

    kind: tuple[str, ...] = ("--embedded",)

    def __init__(self, home: Path, **environ: str) -> None:
        self.home, self.environ = home, environ
        self.client = Client(home)
        self.processes = []
        self.n_died = 0
        self.snapshots: dict[str, str] = {}

    def __enter__(self) -> "Crashing":
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait(30)

    def start(self, **environ: str) -> None:
        self.processes.append(serve(self.home, *self.kind, **self.environ, **environ))

    def ask(self, *request):
        """The answer to a call that may be repeated; the server is started again whenever it is dead."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                status, answer = self.client(*request)
                if status < 500:
                    return answer
            except (OSError, ValueError, http.client.HTTPException):
                self.revive()
            time.sleep(0.01)
        raise AssertionError(f"{request} was never answered")

    def revive(self) -> None:
        process = self.processes[-1]
        if process.poll() is not None:
            self.n_died += process.returncode < 0
            self.start()

    def prepare(self) -> None:
        """The workspace and two snapshots."""
        self.ask("PUT", "/workspaces/w", {"create": True, "exist_ok": True})
        self.ask("PUT", "/ws/w/computes/cluster", {"settings": {}})
        self.ask("PUT", "/ws/w/experiments/e", {})
        self.snapshots = {"runs": self.client.snapshot(a__py=SCRIPT), "hangs": self.client.snapshot(a__py=HANGS)}

    def submit(self, key: str, nodes, python: str = sys.executable) -> tuple[str, list[str]]:
        """The ids of the run and its steps, which that interpreter runs."""
        body = {"experiment": "e", "graph": {"schema": 1, "nodes": nodes}, "idempotency_key": key}
        body["interpreter"] = {"executable": python}
        answer = self.ask("POST", "/ws/w/runs", body)
        return answer["run"]["id"], [s["run_id"] for s in answer["steps"]]

    def run(self, run_id: str):
        return self.ask("GET", f"/ws/w/runs/{run_id}")

    def end_of(self, run_id: str) -> str:
        """The run's status, once it is over."""
        return wait_for(
            lambda: s if (s := self.run(run_id)["status"]) in ("Completed", "Failed", "Canceled") else None, 60
        )

    def began(self) -> list[str]:
        path = self.home / "began"
        return path.read_text().split() if path.exists() else []

    def stop(self) -> None:
        self.ask("POST", "/shutdown", {"force": True})
        for process in self.processes:
            process.wait(30)

    def complaints(self) -> list[str]:
        """What is wrong with all that the database has, read beside the server if there is one."""
        database = open_database(self.environ.get("PENSTOCK_DATABASE") or self.home / "penstock.db")
        try:
            with database.read() as connection:
                return check_invariants(connection)
        finally:
            database.close()


def three_steps(snapshot: str):
    """One step after the other: an output, an output that is copied to a constant place too, and none."""
    source = {"node": "00000000", "output": "out"}
    copied = {"name": "out", "destination": "kept/here", "reference": "data"}
    return [
        node(snapshot),
        node(snapshot, 1, inputs=[{"name": "in", "source": source}], outputs=[copied]),
        node(snapshot, 2, after=["00000001"], outputs=[]),
    ]


def check_three_steps(crashing: Crashing, run_id: str, step_ids: list[str], store: Path | None = None) -> None:
    """All ended well, ran once, and what they wrote is there once."""
    assert crashing.run(run_id)["status"] == "Completed"
    children = crashing.ask("GET", f"/ws/w/runs/{run_id}/children")["value"]
    assert [(c["status"], c["attempt"]) for c in children] == [("Completed", 1)] * 3
    assert sorted(crashing.began()) == sorted(step_ids)
    outputs = crashing.ask("GET", f"/ws/w/runs/{run_id}/outputs")["value"]
    assert sorted(o["run_id"] for o in outputs) == sorted(step_ids[:2])
    store = store or crashing.home / "workspaces/w/workspaceblobstore"
    for output in outputs:
        assert {p.name: p.read_text() for p in (store / output["path"]).iterdir()} == dict.fromkeys(
            "ab", output["run_id"]
        )
    assert {p.name: p.read_text() for p in (store / "kept/here").iterdir()} == dict.fromkeys("ab", step_ids[1])
    metrics = crashing.ask("GET", f"/ws/w/runs/{run_id}/metrics?recursive=1")["value"]
    assert sorted(m["run_id"] for m in metrics) == sorted(step_ids)
    for step_id in step_ids:
        assert json.loads((crashing.home / "jobs" / f"{step_id}.1" / "exit.json").read_text())["exit_code"] == 0
