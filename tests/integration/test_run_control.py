"""Cancel, retries and time limits, as any client of the server sees them."""

import json
import os
import signal

import psutil
import pytest
from forked import serve
from integration.served import has_begun, node, wait_for, wait_until_served

API = "/ws/w/runs"
OUT = b"import os, pathlib\nout = pathlib.Path(os.environ['AZUREML_DATAREFERENCE_out'])\nout.mkdir(parents=True, exist_ok=True)\n"
COUNTS = (
    OUT
    + b"""
import sys
tries = pathlib.Path(os.environ["PENSTOCK_HOME"]) / ("tries-" + os.environ["AZUREML_RUN_ID"])
n = len(tries.read_text()) if tries.exists() else 0
tries.write_text("x" * (n + 1))
print("try", n + 1, flush=True)
(out / "n.txt").write_text(str(n + 1))
if n + 1 < int(sys.argv[1]):
    sys.exit(f"no luck at try {n + 1}")
"""
)
SLEEPS = OUT + b"import time\nprint('begun', flush=True)\ntime.sleep(1000)\n"
DAEMON = (
    OUT
    + b"""
import subprocess, sys, time
code = "import os, subprocess, sys, time; os.setsid(); print(os.getpid(), flush=True); time.sleep(1000)"
first = subprocess.Popen(["sleep", "1000"])
second = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
second.stdout.readline()
(pathlib.Path(os.environ["PENSTOCK_HOME"]) / "pids").write_text(f"{first.pid} {second.pid}")
time.sleep(1000)
"""
)


@pytest.fixture(scope="module")
def client(module_home):
    process = serve(module_home, "--embedded", PENSTOCK_RETRY_BACKOFF_SECONDS="0.05")
    yield wait_until_served(module_home, process)
    process.terminate()
    process.wait(30)


def submit(client, *nodes, **more):
    status, answer = client.submit(list(nodes), **more)
    assert status == 201, answer
    return answer["run"]["id"], [s["run_id"] for s in answer["steps"]]


def job(client, run_id, attempt=1):
    return client.home / "jobs" / f"{run_id}.{attempt}"


def started(client, run_id, attempt=1):
    """The stub of a step whose script runs."""
    wait_for(lambda: has_begun(job(client, run_id, attempt)))
    return json.loads((job(client, run_id, attempt) / "started").read_text())["pid"]


def stopped(client, root):
    client.follow(root)
    return client.run(root)


# Retries ------------------------------------------------------------------------------------------------------------


def test_a_step_whose_author_asked_for_it_is_tried_again_and_every_try_is_kept(client):
    snapshot = client.snapshot(a__py=COUNTS)
    retry = {"count": 4, "backoff_seconds": 0.05, "on": "any"}
    root, (step,) = submit(client, node(snapshot, arguments=[{"literal": "3"}], retry=retry))
    lines = client.follow(root, logs=1)
    run = client.run(step)
    assert (run["status"], run["attempt"], run["error"]) == ("Completed", 3, None)
    attempts = client("GET", f"{API}/{step}/attempts")[1]["value"]
    assert [(a["attempt"], a["ending"], a["exit_code"]) for a in attempts] == [
        (1, "exited", 1),
        (2, "exited", 1),
        (3, "exited", 0),
    ]
    assert all(a["started_at"] < a["ended_at"] for a in attempts)
    story = [e for e in client.events(step) if e["name"] == "requeued"]
    assert [e["body"]["attempt"] for e in story] == [1, 2]
    assert "no luck at try 1" in story[0]["body"]["message"] and story[0]["body"]["due_at"] < story[1]["body"]["due_at"]
    names = {f["name"] for f in client("GET", f"{API}/{step}/files")[1]["value"]}
    assert {"azureml-logs/70_stdout.txt", "azureml-logs/attempt_1/70_stdout.txt"} <= names
    for name, said in (("", b"try 3\n"), ("attempt_1/", b"try 1\n"), ("attempt_2/", b"try 2\n")):
        assert client.raw("GET", f"/api/v1{API}/{step}/files/azureml-logs/{name}70_stdout.txt") == (200, said)
    logs = [(x["log"]["attempt"], x["log"]["text"]) for x in lines if "log" in x and "stdout" in x["log"]["name"]]
    assert logs == [(1, "try 1\n"), (2, "try 2\n"), (3, "try 3\n")]
    (output,) = client("GET", f"{API}/{step}/outputs")[1]["value"]
    store = client.home / "data" / "w"
    found = list(client.home.glob(f"**/{output['path']}/n.txt")) or list(store.glob("**/n.txt"))
    assert [f.read_text() for f in found] == ["3"]


def test_without_being_asked_user_code_runs_once(client):
    snapshot = client.snapshot(a__py=COUNTS)
    for retry in (None, {"count": 5, "backoff_seconds": 0, "on": "infrastructure"}):
        root, (step,) = submit(client, node(snapshot, arguments=[{"literal": "3"}], retry=retry))
        assert stopped(client, root)["status"] == "Failed"
        assert client.run(step)["attempt"] == 1


def test_a_step_that_never_succeeds_stops_at_its_count_and_says_so(client):
    snapshot = client.snapshot(a__py=COUNTS)
    retry = {"count": 2, "backoff_seconds": 0.01, "on": "any"}
    root, (step,) = submit(client, node(snapshot, arguments=[{"literal": "99"}], retry=retry))
    assert stopped(client, root)["status"] == "Failed"
    run = client.run(step)
    assert run["attempt"] == 3 and "It was tried 3 times." in run["error"]["message"]
    assert client("GET", f"{API}/{step}/outputs")[1]["value"] == []


def test_a_step_that_waits_for_its_next_try_can_be_canceled(client):
    snapshot = client.snapshot(a__py=COUNTS)
    retry = {"count": 2, "backoff_seconds": 1000, "on": "any"}
    for whole in (True, False):
        root, (step,) = submit(client, node(snapshot, arguments=[{"literal": "99"}], retry=retry))
        wait_for(lambda step=step: any(e["name"] == "requeued" for e in client.events(step)))
        assert client("POST", f"{API}/{root if whole else step}/cancel", {})[0] == 202
        assert stopped(client, root)["status"] == "Canceled"
        assert client.run(step)["status"] == "Canceled" and client.run(step)["attempt"] == 1


def test_a_step_whose_stub_was_killed_is_tried_again_only_if_its_author_asked(client):
    snapshot = client.snapshot(a__py=SLEEPS)
    root, (step,) = submit(client, node(snapshot, retry={"count": 1, "backoff_seconds": 0, "on": "any"}))
    for attempt in (1, 2):
        os.kill(started(client, step, attempt), signal.SIGKILL)
    assert stopped(client, root)["status"] == "Failed"
    run = client.run(step)
    assert run["error"]["code"] == "Lost" and run["attempt"] == 2
    root, (step,) = submit(client, node(snapshot))
    os.kill(started(client, step), signal.SIGKILL)
    assert stopped(client, root)["status"] == "Failed"
    assert client.run(step)["attempt"] == 1


def test_a_bad_policy_is_refused(client):
    snapshot = client.snapshot(a__py=COUNTS)
    status, answer = client.submit([node(snapshot, retry={"count": -1, "on": "x"}, timeout_seconds=0)])
    assert status == 400 and len(answer["error"]["details"]) == 3
    status, answer = client.submit([node(snapshot)], timeout_seconds="long")
    assert status == 400 and "'long'" in answer["error"]["message"]


# Time limits --------------------------------------------------------------------------------------------------------


def test_a_step_that_takes_too_long_is_ended_and_says_so(client):
    root, (step,) = submit(client, node(client.snapshot(a__py=SLEEPS), timeout_seconds=0.3))
    assert stopped(client, root)["status"] == "Failed"
    error = client.run(step)["error"]
    assert error["code"] == "TimedOut" and "0.3 seconds" in error["message"]


def test_a_run_that_takes_too_long_fails_and_says_what_was_still_running(client):
    snapshot = client.snapshot(a__py=SLEEPS)
    nodes = [node(snapshot, 0), node(snapshot, 1, after=["00000000"])]
    root, (first, second) = submit(client, *nodes, timeout_seconds=1)
    run = stopped(client, root)
    assert (run["status"], run["error"]["code"]) == ("Failed", "TimedOut")
    assert "limit of 1 seconds" in run["error"]["message"] and "'step 0'" in run["error"]["message"]
    assert [client.run(s)["status"] for s in (first, second)] == ["Canceled", "Canceled"]
    assert "out of time" in client.run(first)["error"]["message"]
    (event,) = [e for e in client.events(root) if e["name"] == "timed_out"]
    assert event["body"]["steps"] == [first]


def test_a_run_that_is_done_in_time_is_left_alone(client):
    root, _ = submit(client, node(client.snapshot(a__py=OUT)), timeout_seconds=60)
    assert stopped(client, root)["status"] == "Completed"


# Cancel -------------------------------------------------------------------------------------------------------------


def pids(client):
    path = client.home / "pids"
    wait_for(lambda: path.exists() and len(path.read_text().split()) == 2)
    found = [int(p) for p in path.read_text().split()]
    path.unlink()
    return found


@pytest.mark.parametrize("order", ["cancel, then kill", "kill, then cancel", "kill alone"])
def test_nothing_of_a_step_lives_once_it_is_over_though_its_stub_was_killed(client, order):
    root, (step,) = submit(client, node(client.snapshot(a__py=DAEMON)))
    left, stub = pids(client), started(client, step)
    assert all(psutil.pid_exists(p) for p in left)
    if order == "cancel, then kill":
        os.kill(stub, signal.SIGSTOP)  # so that it cannot do it itself
        client("POST", f"{API}/{root}/cancel", {})
        wait_for(lambda: (job(client, step) / "cancel").exists())
    os.kill(stub, signal.SIGKILL)
    if order == "kill, then cancel":
        client("POST", f"{API}/{root}/cancel", {})
    stopped(client, root)
    status = client.run(step)["status"]
    assert not [p for p in left if psutil.pid_exists(p) and psutil.Process(p).status() != psutil.STATUS_ZOMBIE]
    assert status in {"cancel, then kill": ("Canceled",), "kill alone": ("Failed",)}.get(order, ("Canceled", "Failed"))


def test_a_cancel_of_one_step_stops_it_and_what_needs_it(client):
    snapshot = client.snapshot(a__py=SLEEPS)
    root, (first, second) = submit(client, node(snapshot, 0), node(snapshot, 1, after=["00000000"]))
    started(client, first)
    assert client("POST", f"{API}/{first}/cancel", {})[0] == 202
    stopped(client, root)
    assert [client.run(s)["status"] for s in (first, second)] == ["Canceled", "Canceled"]
    assert client("POST", f"{API}/{first}/cancel", {})[0] == 200
