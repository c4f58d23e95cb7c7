"""Steps that run and end while no server lives: the next one shows their true exit status, all they printed, and the last they logged."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from fault.crashing import Crashing
from integration.served import API, node, wait_for

LINES = 2000
ENDS = b"""
import json, os, pathlib, sys, time
home, status = pathlib.Path(os.environ["PENSTOCK_HOME"]), int(sys.argv[1])
print("before", flush=True)
while not (home / "go").exists():
    time.sleep(0.01)
for number in range(2000):
    print("line", number)
    record = {"at": time.time(), "op": "metric", "name": "loss", "kind": "scalar", "value": number}
    with open(pathlib.Path(os.environ["PENSTOCK_JOB"]) / "journal", "a") as journal:
        journal.write(json.dumps(record) + "\\n")
sys.stdout.flush()
if status < 0:
    os.kill(os.getpid(), -status)
sys.exit(status)
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def environ(request: pytest.FixtureRequest) -> dict[str, str]:
    """Settings that name the database."""
    return {} if request.param == "sqlite" else {"PENSTOCK_DATABASE": request.getfixturevalue("postgresql_store")}


class Foreground(Crashing):
    """No stub brings back a server that was run in the foreground: between two of ours there is none."""

    kind = ()


def end_alone(crashing: Crashing, home: Path, statuses: list[int]) -> tuple[str, list[str]]:
    """The run and its steps, which have ended with these statuses while no server lived; there is one again."""
    snapshot = crashing.client.snapshot(a__py=ENDS)
    nodes = [node(snapshot, n, arguments=[{"literal": str(s)}], outputs=[]) for n, s in enumerate(statuses)]
    run_id, steps = crashing.submit("key", nodes)
    folders = [home / "jobs" / f"{step}.1" for step in steps]
    wait_for(lambda: all((f / "stdout").exists() and (f / "stdout").read_text() == "before\n" for f in folders))
    server = crashing.processes[-1]
    os.kill(server.pid, signal.SIGKILL)
    server.wait(30)
    (home / "go").touch()
    wait_for(lambda: all((f / "exit.json").exists() for f in folders))
    crashing.start()
    return run_id, steps


def test_a_step_that_ended_while_no_server_lived_shows_its_exit_status_log_and_last_metric(
    home: Path, environ: dict[str, str]
) -> None:
    statuses = [0, 3, -signal.SIGSEGV]
    with Foreground(home, **environ, PENSTOCK_SLOTS="3") as crashing:
        crashing.start()
        crashing.prepare()
        run_id, steps = end_alone(crashing, home, statuses)
        assert crashing.end_of(run_id) == "Failed"
        rows = {r["id"]: r for r in crashing.ask("GET", f"/ws/w/runs/{run_id}/children")["value"]}
        assert [(rows[s]["status"], rows[s]["attempt"]) for s in steps] == [
            ("Completed", 1),
            ("Failed", 1),
            ("Failed", 1),
        ]
        assert "exit status 3" in rows[steps[1]]["error"]["message"]
        assert "signal 11 (SIGSEGV)" in rows[steps[2]]["error"]["message"]
        for step, status in zip(steps, statuses, strict=True):
            check_story(crashing.ask, crashing, step, status)
        crashing.stop()
    assert crashing.complaints() == []


def check_story(ask: Callable[..., dict], crashing: Crashing, step: str, status: int) -> None:
    (attempt,) = ask("GET", f"/ws/w/runs/{step}/attempts")["value"]
    assert (attempt["ending"], attempt["exit_code"]) == (("exited", status) if status >= 0 else ("signaled", None))
    metrics = ask("GET", f"/ws/w/runs/{step}/metrics")["value"]
    assert [m["value"] for m in metrics] == list(range(LINES)), "every one, the last included, once"
    names = [f["name"] for f in ask("GET", f"/ws/w/runs/{step}/files")["value"]]
    (log,) = [n for n in names if n.endswith(("stdout", "stdout.txt", "70_driver_log.txt"))]
    _, printed = crashing.client.raw("GET", f"{API}/ws/w/runs/{step}/files/{log}")
    assert printed.decode() == "before\n" + "".join(f"line {n}\n" for n in range(LINES))
