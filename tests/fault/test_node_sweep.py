"""What a killed stub leaves is found and ended: its script's children, daemons with a session of their own, processes without an environment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from node_driver import Server, is_gone, running_server, wait_gone

from penstock.node import sweep
from penstock.node.identity import process_start_time

SPAWNER = """
import os, signal, subprocess, sys, json
def daemon(env):
    # Forked twice, in a session of its own, its parent gone: as daemons do it.
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(writer, b"%d" % os.getpid())
            os.execve("/bin/sleep", ["sleep", "1000"], env)
        os._exit(0)
    os.wait()
    return int(os.read(reader, 100))
plain = subprocess.Popen(["sleep", "1000"]).pid
bare = subprocess.Popen(["sleep", "1000"], env={}).pid
parent = subprocess.Popen([sys.executable, "-c",
    "import subprocess, time; print(subprocess.Popen(['sleep', '1000'], env={}, start_new_session=True).pid, flush=True); time.sleep(1000)"],
    stdout=subprocess.PIPE, start_new_session=True)
hidden = int(parent.stdout.readline())
with open("pids", "w") as file:
    json.dump([plain, bare, parent.pid, hidden, daemon(dict(os.environ))], file)
os.rename("pids", "pids.json")
signal.pause()
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running_server(tmp_path) as one:
        yield one


def pids_of(folder: Path) -> list[int]:
    path, until = folder / "work" / "pids.json", time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < until, (folder / "stderr").read_text()
        time.sleep(0.01)
    return [int(pid) for pid in json.loads(path.read_text())]


def kill_stub(folder: Path) -> dict[str, int]:
    stub: dict[str, int] = json.loads((folder / "started").read_text())
    os.kill(stub["pid"], signal.SIGKILL)
    wait_gone(stub["pid"])
    return stub


def test_nothing_of_a_killed_stub_is_left(server: Server) -> None:
    folder, other = server.make_job(SPAWNER), server.make_job(SPAWNER, name="other.1")
    bystander = subprocess.Popen(["sleep", "1000"])
    try:
        server.start(folder)
        server.start(other)
        ours, theirs = pids_of(folder), pids_of(other)
        stub = kill_stub(folder)
        assert not all(is_gone(pid) for pid in ours)
        assert sweep.end_left_behind(str(folder), stub["pid"], stub["start_time"]) == []
        assert all(is_gone(pid) for pid in ours)
        assert not any(is_gone(pid) for pid in theirs)
        assert bystander.poll() is None
        assert sweep.end_left_behind(str(folder), stub["pid"], stub["start_time"]) == []
    finally:
        bystander.kill()
        bystander.wait()
        stub = kill_stub(other)
        sweep.end_left_behind(str(other), stub["pid"], stub["start_time"])


def test_a_process_that_took_over_the_pid_is_spared() -> None:
    one = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    try:
        began = process_start_time(one.pid)
        sweep.kill(one.pid, (began or 0) + 1)
        assert one.poll() is None
        sweep.kill(one.pid, began)
        assert one.wait(timeout=20) == -signal.SIGKILL
    finally:
        one.kill()
        one.wait()
