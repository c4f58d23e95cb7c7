"""The node and its stubs as processes: killed, started twice, asked to leave, without a server."""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from node_driver import Server, running_server, wait_gone

from penstock.node import messages


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running_server(tmp_path) as one:
        yield one


def a_waiting_script(tmp_path: Path) -> tuple[str, Path]:
    """Code that waits until somebody writes into a pipe, and that pipe."""
    pipe = tmp_path / "go"
    os.mkfifo(pipe)
    return f"open({str(pipe)!r}).read(); print('finished')", pipe


def release(pipe: Path) -> None:
    pipe.write_text("go")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_stub_finishes_without_its_node(server: Server, tmp_path: Path, number: signal.Signals) -> None:
    code, pipe = a_waiting_script(tmp_path)
    folder = server.make_job(code)
    server.start(folder)
    server.hear("running run.1")
    pid = server.node_pid()
    os.kill(pid, number)
    wait_gone(pid)
    with pytest.raises((ConnectionRefusedError, FileNotFoundError)):
        messages.start(server.sockets, folder)
    release(pipe)
    end = server.finish(folder)
    assert (end["ending"], end["exit_code"]) == ("exited", 0)
    assert (folder / "stdout").read_text() == "finished\n"
    wait_gone(json.loads((folder / "started").read_text())["pid"])


def test_the_next_node_takes_over_after_a_kill(server: Server) -> None:
    os.kill(server.node_pid(), signal.SIGKILL)
    wait_gone(server.node_pid())
    assert server.start_node().returncode == 0
    _, end = server.run("pass")
    assert end["ending"] == "exited"


def test_a_second_node_leaves_at_once_with_status_0(server: Server) -> None:
    pid = server.node_pid()
    done = server.start_node()
    assert (done.returncode, done.stderr) == (0, b"")
    assert server.node_pid() == pid
    messages.ping(server.sockets)


def test_a_node_that_cannot_listen_says_why(tmp_path: Path) -> None:
    server = Server(tmp_path)
    real, server.sockets = server.sockets, tmp_path / ("long" * 40)
    try:
        done = server.start_node()
    finally:
        server.sockets = real
        server.close()
    assert done.returncode == 1
    assert b"AF_UNIX path too long" in done.stderr


def test_a_stub_that_is_killed_takes_its_script_along_and_the_server_is_told(server: Server) -> None:
    folder = server.make_job("import signal; signal.pause()")
    server.start(folder)
    server.hear("running run.1")
    stub, script = (json.loads((folder / name).read_text())["pid"] for name in ("started", "running"))
    os.kill(stub, signal.SIGKILL)
    wait_gone(script)
    server.hear("exit run.1")
    assert not (folder / "exit.json").exists()
    assert str(folder) in server.log()
    server.run("pass", name="after.1")


def test_a_clean_stub_runs_the_next_job(server: Server) -> None:
    stubs = set()
    for n in range(12):
        folder, end = server.run(f"import sys; sys.exit({n % 2})", name=f"run.{n}")
        assert end["exit_code"] == n % 2
        stubs.add(json.loads((folder / "started").read_text())["pid"])
    assert len(stubs) < 6
    pid = server.node_pid()
    os.kill(pid, signal.SIGTERM)
    wait_gone(pid)
    for stub in stubs:
        wait_gone(stub)  # a stub that waits for a job does not outlive the node


def test_nothing_of_one_job_reaches_the_next(server: Server) -> None:
    code = "import os; print(sorted(k for k in os.environ if k.startswith('MINE')), oct(os.umask(0)), len(os.listdir('/proc/self/fd')))"
    seen = set()
    for n in range(6):
        folder, end = server.run("import os; " + code, name=f"run.{n}", env={f"MINE{n}": "x"})
        assert end["usage"]["max_rss_bytes"] < 100e6
        seen.add((folder / "stdout").read_text().replace(f"MINE{n}", "MINE"))
    assert len(seen) == 1
    server.run("x = bytearray(300_000_000)", name="large.1")
    _, end = server.run("pass", name="small.1")
    assert end["usage"]["max_rss_bytes"] < 100e6


def test_many_jobs_at_once_all_end(server: Server) -> None:
    folders = [server.make_job(None, argv=["true"], script=None, name=f"run.{n}") for n in range(60)]
    for folder in folders:
        server.start(folder)
    for folder in folders:
        assert server.finish(folder)["exit_code"] == 0


def test_a_job_that_ends_with_no_server_starts_one(server: Server, tmp_path: Path) -> None:
    pipe = tmp_path / "server"
    os.mkfifo(pipe)
    code = (
        "import os, sys; open(sys.argv[1], 'w').write(f'{os.environ[\"PENSTOCK_HOME\"]} {os.getsid(0) == os.getpid()}')"
    )
    argv = [sys.executable, "-c", code, str(pipe)]
    server.stop_listening()
    folder = server.make_job("pass", server_argv=argv, server_env={"PENSTOCK_HOME": "there"})
    server.start(folder)
    assert pipe.read_text() == "there True"
    assert server.end(folder)["ending"] == "exited"
    wait_gone(json.loads((folder / "started").read_text())["pid"])
    assert server.log() == ""


def test_a_node_that_nobody_needs_leaves(tmp_path: Path) -> None:
    with running_server(tmp_path, idle_seconds=0.05) as server:
        wait_gone(server.node_pid())
        assert not (server.sockets / messages.NODE_SOCKET).exists()


def test_a_node_whose_home_was_removed_leaves_and_does_not_bring_it_back(tmp_path: Path) -> None:
    with running_server(tmp_path, idle_seconds=0.2) as server:
        pid = server.node_pid()
        shutil.rmtree(server.home)
        (server.sockets / messages.NODE_SOCKET).unlink()
        wait_gone(pid)
        assert not server.home.exists()


def test_a_node_that_leaves_does_not_silence_the_next(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        first = server.node_pid()
        (server.home / "node.lock").unlink()
        assert server.start_node().returncode == 0
        os.kill(first, signal.SIGTERM)
        wait_gone(first)
        _, end = server.run("pass")
        assert end["ending"] == "exited"


def test_a_node_stays_while_a_server_or_a_stub_is_there(tmp_path: Path) -> None:
    code, pipe = a_waiting_script(tmp_path)
    (tmp_path / "home").mkdir()
    with open(tmp_path / "home" / "server.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with running_server(tmp_path, idle_seconds=0.05) as server:
            outlast_the_node(server, "first.1")
            waiting = server.make_job(code)
            server.start(waiting)
            server.hear("running run.1")
            fcntl.flock(lock, fcntl.LOCK_UN)
            outlast_the_node(server, "second.1")
            release(pipe)
            server.finish(waiting)
            wait_gone(server.node_pid())


def outlast_the_node(server: Server, name: str) -> None:
    """Ten times as long as the node waits for something to do; then it must still be there."""
    select.select([], [], [], 0.5)
    messages.ping(server.sockets)
    server.run("pass", name=name)


def test_a_message_that_is_not_understood_is_logged_and_harmless(server: Server) -> None:
    messages.send(str(server.sockets / messages.NODE_SOCKET), "halt")
    messages.send(str(server.sockets / messages.NODE_SOCKET), "start /no/such/folder")
    server.run("pass")
    assert "'halt'" in server.log()


def test_the_node_stays_light(server: Server) -> None:
    def rss_bytes() -> int:
        lines = Path(f"/proc/{server.node_pid()}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))

    def run_some(name: str) -> None:
        for n in range(150):  # more than one stub takes
            server.run(None, argv=["true"], script=None, name=f"{name}.{n}")

    run_some("first")
    before = rss_bytes()
    assert before < 15_000_000
    run_some("second")
    assert rss_bytes() - before < 300_000
