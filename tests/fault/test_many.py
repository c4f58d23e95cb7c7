"""Many at once: processes that submit to one server, a large graph cancelled in the middle, cancels that leave nothing behind.

The sizes are CI's. At full size: PENSTOCK_MANY=full python -m pytest tests/fault/test_many.py -s
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from integration.served import Client, node, printed, serve, wait_for, wait_until_served

IS_FULL = os.environ.get("PENSTOCK_MANY") == "full"
PROCESSES = 16
SUBMIT_SECONDS = 60.0 if IS_FULL else 8.0
GRAPH_STEPS = 2000 if IS_FULL else 500
CANCELS = 1000 if IS_FULL else 100
RUNS = 1000 if IS_FULL else 40
AT_ONCE = 8
QUICK = b"""
import os
os.makedirs(os.environ["AZUREML_DATAREFERENCE_out"], exist_ok=True)
"""
LOGS = b"""
import json, time
with open(os.path.join(os.environ["PENSTOCK_JOB"], "journal"), "a") as journal:
    journal.write(json.dumps({"at": time.time(), "op": "metric", "name": "m", "kind": "scalar", "value": 1}) + "\\n")
"""
LONG = b"""
import os, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
time.sleep(600)
"""


@pytest.fixture
def client(home: Path) -> Iterator[Client]:
    process = serve(home, "--embedded", PENSTOCK_SLOTS="4")
    yield wait_until_served(home, process)
    process.terminate()
    process.wait(60)
    assert "database is locked" not in printed(home)
    lines = [json.loads(line) for line in printed(home).splitlines() if line.startswith("{")]
    assert [line for line in lines if line["level"] in ("ERROR", "CRITICAL")] == []


def say(capsys: pytest.CaptureFixture[str], text: str) -> None:
    """A number for whoever reads the run of the tests."""
    with capsys.disabled():
        print(f"\n    {text}", flush=True)


def submit_for(home: Path, seconds: float, snapshot: str) -> dict[str, Any]:
    """In a process of its own: submits until the time is over; the runs acknowledged, the refusals, the slowest answer."""
    mine, kept, refused, slowest = Client(home), [], [], 0.0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.monotonic()
        status, answer = mine.submit([node(snapshot)])
        slowest = max(slowest, time.monotonic() - began)
        if status == 201:
            kept.append(answer["run"]["id"])
            mine.follow(kept[-1])  # as an author does who waits for his run
        else:
            refused.append((status, answer))
    return {"kept": kept, "refused": refused, "slowest": slowest}


def test_processes_that_submit_at_once_lose_nothing_and_meet_no_lock(
    client: Client, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshot = client.snapshot(a__py=QUICK)
    began = time.monotonic()
    argv = [sys.executable, __file__, str(home), str(SUBMIT_SECONDS), snapshot]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    writers = [subprocess.Popen(argv, stdout=subprocess.PIPE, env=env) for _ in range(PROCESSES)]
    answers = [json.loads(writer.communicate(timeout=SUBMIT_SECONDS + 120)[0]) for writer in writers]
    kept = [run_id for answer in answers for run_id in answer["kept"]]
    seconds = time.monotonic() - began
    assert [refusal for answer in answers for refusal in answer["refused"]] == []
    assert len(kept) == len(set(kept)) >= PROCESSES
    statuses = Counter(client.run(run_id)["status"] for run_id in kept)
    slowest = max(answer["slowest"] for answer in answers)
    say(
        capsys,
        f"{PROCESSES} processes: {len(kept)} runs in {seconds:.1f} s, slowest submit {slowest * 1000:.0f} ms, {dict(statuses)}",
    )
    assert statuses == {"Completed": len(kept)}


def test_a_large_graph_cancelled_in_the_middle_ends_soon_and_leaves_no_process(
    client: Client, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quick, long = client.snapshot(a__py=QUICK), client.snapshot(a__py=LONG)
    nodes = [node(quick if n < 8 else long, n, after=[f"{n - 8:08x}"] if n >= 8 else []) for n in range(GRAPH_STEPS)]
    began = time.monotonic()
    status, answer = client.submit(nodes)
    assert status == 201, answer
    submitted, run_id = time.monotonic(), answer["run"]["id"]
    wait_for(lambda: len(scripts_of(home)) >= 8, 60)  # four slots, each with a script that has a daemon
    asked = time.monotonic()
    client("POST", f"/ws/w/runs/{run_id}/cancel", {})
    client.follow(run_id)
    ended = time.monotonic()
    say(capsys, f"{GRAPH_STEPS} steps: submitted in {submitted - began:.2f} s, cancelled in {ended - asked:.2f} s")
    assert client.run(run_id)["status"] == "Canceled"
    assert scripts_of(home) == [], "Canceled means that no process of it is left"
    counted = Counter(c["status"] for c in client.children(run_id))
    assert set(counted) == {"Completed", "Canceled"} and sum(counted.values()) == GRAPH_STEPS
    assert ended - asked < 15


def scripts_of(home: Path) -> list[psutil.Process]:
    """Processes that carry a job of this home in their environment."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("PENSTOCK_JOB", "").startswith(str(home)):
                found.append(process)
    return found


def use_of(process: psutil.Process) -> tuple[int, int, float]:
    """Open files, threads, and resident memory in MB."""
    return process.num_fds(), process.num_threads(), process.memory_info().rss / 1e6


def cancel_some(client: Client, snapshot: str, count: int) -> None:
    """Runs that are cancelled at every moment of their start, four at a time."""
    for start in range(0, count, 4):
        runs = []
        for number in range(start, min(start + 4, count)):
            run_id = client.submit([node(snapshot)])[1]["run"]["id"]
            runs.append(run_id)
            if number % 2:
                client("POST", f"/ws/w/runs/{run_id}/cancel", {})
        for run_id in runs:
            client("POST", f"/ws/w/runs/{run_id}/cancel", {})
            client.follow(run_id)
            assert client.run(run_id)["status"] == "Canceled"


def test_cancels_leave_nothing_behind(client: Client, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    snapshot = client.snapshot(a__py=LONG)
    server = psutil.Process(client.record()["pid"])
    cancel_some(client, snapshot, 12)  # threads, connections and caches that stay are there now
    a_node = psutil.Process(json.loads((home / "node.lock").read_text())["pid"])
    before = [use_of(p) for p in (server, a_node)]
    began = time.monotonic()
    cancel_some(client, snapshot, CANCELS)
    seconds = time.monotonic() - began
    wait_for(lambda: scripts_of(home) == [])
    after = [use_of(p) for p in (server, a_node)]
    for name, b, a in zip(("server", "node"), before, after, strict=True):
        say(capsys, f"{name}: files {b[0]} -> {a[0]}, threads {b[1]} -> {a[1]}, memory {b[2]:.1f} -> {a[2]:.1f} MB")
    say(capsys, f"{CANCELS} cancels in {seconds:.1f} s ({seconds / CANCELS * 1000:.0f} ms each)")
    assert after[0][0] <= before[0][0] + 12 and after[1][0] <= before[1][0] + 8
    assert after[0][2] - before[0][2] < 30 + CANCELS * 0.02, "MB: a run's rows are on the disk, not in memory"
    left = [p for p in (home / "workspaces").rglob("*") if p.is_file()]
    assert left == [], "nothing staged, nothing published"


def prepare_train_evaluate(snapshot: str) -> list[dict[str, Any]]:
    """The demo's shape: what the first step writes the second reads, and what both write the third."""

    def source(number: int) -> dict[str, Any]:
        return {"name": f"from_{number}", "source": {"node": f"{number:08x}", "output": "out"}}

    read_by = {0: [], 1: [source(0)], 2: [source(0), source(1)]}
    return [node(snapshot, n, inputs=inputs) for n, inputs in read_by.items()]


def test_runs_of_the_demos_shape_all_complete_and_cost_no_more_with_time(
    client: Client, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshot = client.snapshot(a__py=QUICK + LOGS)
    server = psutil.Process(client.record()["pid"])

    def run_one(_: int) -> str:
        run_id = client.submit(prepare_train_evaluate(snapshot))[1]["run"]["id"]
        client.follow(run_id)
        return str(run_id)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(run_one, range(AT_ONCE * 2)))  # threads, connections and caches that stay are there now
        before, began = use_of(server), time.monotonic()
        run_ids = list(pool.map(run_one, range(RUNS)))
        seconds, after = time.monotonic() - began, use_of(server)
    assert Counter(client.run(r)["status"] for r in run_ids) == {"Completed": RUNS}
    children = [c for r in run_ids for c in client.children(r)]
    assert Counter((c["status"], c["attempt"]) for c in children) == {("Completed", 1): RUNS * 3}
    outputs = list((home / "workspaces/w/workspaceblobstore/azureml").glob("*/out"))
    assert len(outputs) == (RUNS + AT_ONCE * 2) * 3
    logged = [client("GET", f"/ws/w/runs/{r}/metrics?recursive=1")[1]["value"] for r in run_ids]
    assert {len(m) for m in logged} == {3}
    say(
        capsys,
        f"{RUNS} runs of three steps in {seconds:.1f} s ({seconds / RUNS / 3 * 1000:.0f} ms a step, {AT_ONCE} at once)",
    )
    files, threads, memory = zip(before, after, strict=True)
    size = (home / "penstock.db").stat().st_size / (RUNS + AT_ONCE * 2) / 1e3
    say(
        capsys,
        f"server: files {files}, threads {threads}, memory {memory[0]:.1f} -> {memory[1]:.1f} MB; database {size:.1f} KB a run",
    )
    assert after[0] <= before[0] + 12 and after[2] - before[2] < 30 + RUNS * 0.02


if __name__ == "__main__":
    print(json.dumps(submit_for(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3])))
