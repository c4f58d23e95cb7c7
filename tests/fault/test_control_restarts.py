"""What was asked of a run holds though the server dies right after, or its stub hangs."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import time

import pytest
from forked import serve
from integration.served import Client, has_begun, node, wait_for

RUNS = "/ws/w/runs"
FAILS = b"import sys; sys.exit('no luck')"
SLEEPS = b"import time\ntime.sleep(1000)"


class Place:
    """A home whose server can be killed and started again, with settings of its own."""

    def __init__(self, home, **environ):
        self.home, self.environ = home, environ
        self.start()

    def start(self):
        """A server that serves: ours, or one that a stub with something to tell has started first."""
        self.process = serve(self.home, "--embedded", **self.environ)
        self.client = Client(self.home)
        wait_for(self._answers)
        self.client("PUT", "/workspaces/w", {"create": True, "exist_ok": True})

    def _answers(self):
        try:
            return self.client("GET", "/server")[0] == 200
        except (OSError, ValueError, http.client.HTTPException):
            return False

    def stop(self):
        """Stop what serves; and ours once more, if it waited all the while for the one of a stub to go."""

        def is_over():
            with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
                self.client("POST", "/shutdown", {"force": True})
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self.process.wait(1) is not None

        wait_for(is_over)

    def kill(self):
        pid = self.client.record()["pid"]
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not _lives(pid))
        self.process.wait(30)

    def wait_until_dead(self):
        assert self.process.wait(30) == -signal.SIGKILL


@pytest.fixture
def place(home):
    one = Place(home)
    yield one
    one.stop()


def submit(client, *nodes, **more):
    status, answer = client.submit(list(nodes), **more)
    assert status == 201, answer
    return answer["run"]["id"], [s["run_id"] for s in answer["steps"]]


def running(home, step):
    wait_for(lambda: has_begun(home / "jobs" / f"{step}.1"))


def requeued(client, step):
    return [e for e in client.events(step) if e["name"] == "requeued"]


def test_the_next_try_is_due_when_it_was_though_the_server_died_meanwhile(place, home):
    retry = {"count": 1, "backoff_seconds": 3, "on": "any"}
    root, (step,) = submit(place.client, node(place.client.snapshot(a__py=FAILS), retry=retry))
    wait_for(lambda: requeued(place.client, step))
    place.kill()
    place.start()
    place.client.follow(root)
    attempts = place.client("GET", f"{RUNS}/{step}/attempts")[1]["value"]
    assert len(attempts) == 2 and len(requeued(place.client, step)) == 1
    first, second = (json.loads((home / "jobs" / f"{step}.{n}" / "exit.json").read_text()) for n in (1, 2))
    assert 3.0 <= second["started_at"] - first["ended_at"] < 8.0


def test_the_tries_of_a_poison_step_are_counted_over_the_servers_that_die_on_the_way(place, home):
    retry = {"count": 2, "backoff_seconds": 0, "on": "any"}
    root, (step,) = submit(place.client, node(place.client.snapshot(a__py=SLEEPS), retry=retry))
    for attempt in (1, 2, 3):
        folder = home / "jobs" / f"{step}.{attempt}"
        wait_for(lambda folder=folder: has_begun(folder))
        place.kill()
        os.kill(json.loads((folder / "started").read_text())["pid"], signal.SIGKILL)
        place.start()
    place.client.follow(root)
    run = place.client.run(step)
    assert (run["status"], run["attempt"]) == ("Failed", 3) and "tried 3 times" in run["error"]["message"]


def test_a_run_out_of_time_while_no_server_lived_ends_so(place, home):
    root, (step,) = submit(place.client, node(place.client.snapshot(a__py=SLEEPS)), timeout_seconds=2)
    running(home, step)
    place.kill()
    time.sleep(2)  # the clock itself is what is waited for
    place.start()
    place.client.follow(root)
    assert place.client.run(root)["error"]["code"] == "TimedOut"
    assert place.client.run(step)["status"] == "Canceled"


@pytest.mark.parametrize("point", ["cancel.before:1", "cancel.marked:1", "cancel.after:1"])
@pytest.mark.parametrize("whole", [True, False], ids=["the run", "its step"])
def test_a_cancel_that_was_taken_is_carried_out_by_the_next_server(home, point, whole):
    place = Place(home, PENSTOCK_CRASH_AT=point)
    root, (step,) = submit(place.client, node(place.client.snapshot(a__py=SLEEPS)))
    running(home, step)
    try:
        place.client("POST", f"{RUNS}/{root if whole else step}/cancel", {})
    except (OSError, ValueError, http.client.HTTPException):
        pass  # it died before it could answer, or in the middle of its answer
    place.wait_until_dead()
    place.environ = {}
    place.start()
    place.client.follow(root)
    assert place.client.run(step)["status"] == "Canceled" and place.client.run(root)["status"] == "Canceled"
    place.stop()


def test_a_cancel_of_a_step_that_waits_outlives_the_server_that_took_it(home):
    place = Place(home, PENSTOCK_SLOTS="1")
    snapshot = place.client.snapshot(a__py=SLEEPS)
    root, (first, second) = submit(place.client, node(snapshot, 0), node(snapshot, 1))
    running(home, first)
    os.kill(place.client.record()["pid"], signal.SIGSTOP)  # so that nobody acts on what is written next
    with _database(home) as connection:
        _ask(connection, second, root)
    place.kill()
    place.start()
    wait_for(lambda: place.client.run(second)["status"] == "Canceled")
    assert place.client.run(second)["attempt"] == 0
    place.client("POST", f"{RUNS}/{root}/cancel", {})
    place.client.follow(root)
    place.stop()


def _database(home):
    import contextlib
    import sqlite3

    return contextlib.closing(sqlite3.connect(home / "penstock.db", isolation_level=None))


def _ask(connection, step, root):
    """The one row that a cancel of a waiting step is, until the scheduler acts on it."""
    body = json.dumps({"status": "NotStarted"})
    columns = "run_id, root_id, at, name, body"
    connection.execute(
        f"INSERT INTO event ({columns}) VALUES (?, ?, ?, 'cancel_requested', ?)", (step, root, time.time(), body)
    )


def test_a_stub_that_hangs_does_not_keep_a_cancel_from_ending(place, home):
    root, (step,) = submit(place.client, node(place.client.snapshot(a__py=SLEEPS)))
    running(home, step)
    folder = home / "jobs" / f"{step}.1"
    pids = [json.loads((folder / name).read_text())["pid"] for name in ("started", "running")]
    os.kill(pids[0], signal.SIGSTOP)
    place.client("POST", f"{RUNS}/{root}/cancel", {})
    wait_for(lambda: (folder / "cancel").exists())
    os.utime(folder / "cancel", (time.time() - 60,) * 2)  # a minute has passed
    place.client.follow(root)
    assert place.client.run(step)["status"] == "Canceled"
    assert not any(_lives(p) for p in pids)


def _lives(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
