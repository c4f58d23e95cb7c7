"""With PENSTOCK_CGROUPS a job has a control group: nothing of it can get away, even when its stub is killed. Takes a writable cgroup v2."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from integration.served import Client, node, serve, wait_for, wait_until_served
from node_driver import Server, is_gone, running_server

from penstock.node import cgroup

# Forked twice, in a session of its own, with nothing in its environment, below a parent that is gone: no mark is left on it.
ESCAPES = b"""
import json, os, signal
reader, writer = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.write(writer, b"%d" % os.getpid())
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.execve("/bin/sleep", ["sleep", "1000"], {})
    os._exit(0)
os.wait()
with open("pid", "w") as file:
    file.write(os.read(reader, 100).decode())
os.rename("pid", "pid.txt")
signal.pause()
"""
needs_groups = pytest.mark.skipif(cgroup.base() is None, reason="NOT TESTED WITH CGROUPS: none may be made here")


@pytest.fixture
def client(home: Path) -> Iterator[Client]:
    process = serve(home, "--embedded", PENSTOCK_CGROUPS="1")
    yield wait_until_served(home, process)
    process.terminate()
    process.wait(30)


def escaped(folder: Path) -> tuple[int, Path]:
    """The process that got away from its job's every mark, and the job's control group."""
    wait_for(lambda: (folder / "work" / "pid.txt").exists())
    pid, group = int((folder / "work" / "pid.txt").read_text()), Path((folder / "cgroup").read_text())
    assert pid in map(int, (group / "cgroup.procs").read_text().split())
    wait_for(lambda: psutil.Process(pid).environ() == {})  # it names itself just before it becomes another program
    return pid, group


def begin(client: Client, home: Path) -> tuple[str, Path]:
    answer = client.submit([node(client.snapshot(a__py=ESCAPES), outputs=[])])[1]
    return answer["run"]["id"], home / "jobs" / f"{answer['steps'][0]['run_id']}.1"


@needs_groups
def test_what_left_every_mark_behind_is_ended_though_the_stub_was_killed(client: Client, home: Path) -> None:
    run_id, folder = begin(client, home)
    pid, group = escaped(folder)
    os.kill(json.loads((folder / "started").read_text())["pid"], signal.SIGKILL)
    client.follow(run_id)
    (child,) = client.children(run_id)
    assert child["status"] == "Failed" and "was lost" in child["error"]["message"]
    assert is_gone(pid) and not group.exists()


@needs_groups
def test_a_cancel_leaves_its_control_group_empty_and_gone(client: Client, home: Path) -> None:
    run_id, folder = begin(client, home)
    pid, group = escaped(folder)
    client("POST", f"/ws/w/runs/{run_id}/cancel", {})
    client.follow(run_id)
    assert client.run(run_id)["status"] == "Canceled"
    assert is_gone(pid) and not group.exists()


@needs_groups
def test_a_group_that_the_job_filled_with_groups_is_emptied_too(tmp_path: Path) -> None:
    makes = """
import os, subprocess, sys
group = open("../cgroup").read()
os.mkdir(group + "/inner")
open(group + "/inner/cgroup.procs", "w").write("0")
print(subprocess.Popen(["sleep", "1000"], env={}, start_new_session=True).pid)
"""
    with running_server(tmp_path) as server:
        folder, end = server.run(makes, cgroups=True)
        assert (end["ending"], end["exit_code"]) == ("exited", 0)
        assert is_gone(int((folder / "stdout").read_text())) and not Path((folder / "cgroup").read_text()).exists()
        folder, end = server.run("raise SystemExit(3)", name="second.1", cgroups=True)
        assert end["exit_code"] == 3 and not Path((folder / "cgroup").read_text()).exists()


def test_a_job_that_cannot_start_leaves_no_group(tmp_path: Path) -> None:
    assert cgroup.end("/somewhere/else") == [] and not cgroup.join(str(tmp_path / "none"))
    with running_server(tmp_path) as server:
        assert isinstance(server, Server)
        _, end = server.run("print('runs')", argv=["/nowhere/python", "main.py"], cgroups=True)
        assert end["ending"] == "not_started"
        assert cgroup.base() is None or not list(Path(cgroup.base() or "").glob("penstock-run.1-*"))
