"""Scripts that end badly, or behave badly, under a real node: the record says what happened, and nothing of them is left."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from node_driver import Server, is_gone, running_server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running_server(tmp_path) as one:
        yield one


DAEMON = """
import os, signal, sys, time
def daemon(path):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            with open(path + ".draft", "w") as file:
                file.write(str(os.getpid()))
            os.rename(path + ".draft", path)
            while True:
                signal.pause()
        os._exit(0)
    os.wait()
    while not os.path.exists(path):
        time.sleep(0.001)
"""


def test_an_exit_status_is_kept(server: Server) -> None:
    folder, end = server.run("import sys; print('before'); sys.exit(3)")
    assert (end["ending"], end["exit_code"]) == ("exited", 3)
    assert end["error"]["what"] == "'main.py' ended with exit status 3."
    assert (folder / "stdout").read_text() == "before\n"
    assert end["stderr_tail"] == "" and end["stdout_tail"] == "before\n"  # all that it said
    assert end["error"]["fix"] == "All that it printed: penstock run logs run"


def test_an_argument_that_the_script_does_not_take_is_easy_to_find(server: Server) -> None:
    code = "import argparse; argparse.ArgumentParser().parse_args()"
    _, end = server.run(code, "--in_folder", "x")
    assert end["exit_code"] == 2
    assert end["error"]["what"].endswith("error: unrecognized arguments: --in_folder x")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_script_killed_by_a_signal_is_said_to_be(server: Server, number: signal.Signals) -> None:
    _, end = server.run(f"import os; os.kill(os.getpid(), {int(number)})")
    assert (end["ending"], end["signal"], end["exit_code"]) == ("signaled", number, None)
    assert number.name in end["error"]["what"]


def test_ten_megabytes_in_one_line_are_kept_whole(server: Server) -> None:
    folder, end = server.run("import sys; [s.write('x' * 10_000_000) for s in (sys.stdout, sys.stderr)]; sys.exit(1)")
    assert (folder / "stdout").stat().st_size == 10_000_000
    assert len(end["stderr_tail"]) == 16384
    assert len(end["error"]["what"]) < 600
    assert (folder / "exit.json").stat().st_size < 32768


def test_a_script_may_close_its_streams(server: Server) -> None:
    _, end = server.run("import os, sys; sys.stdout.close(); os.close(2); open('outputs/x', 'w').close()")
    assert (end["ending"], end["exit_code"]) == ("exited", 0)


def test_a_broken_pipe_kills_quietly_as_it_does_in_a_shell(server: Server) -> None:
    _, end = server.run(None, argv=["sh", "-c", "yes | head -1; kill -PIPE $$"], script=None)
    assert (end["ending"], end["signal"]) == ("signaled", signal.SIGPIPE)


def test_children_left_behind_are_ended_and_recorded(server: Server) -> None:
    code = """
import subprocess, sys
print(subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"]).pid)
"""
    folder, end = server.run(code)
    pid = int((folder / "stdout").read_text())
    assert end["left_behind"] == [pid]
    assert (end["ending"], end["exit_code"]) == ("exited", 0)
    assert is_gone(pid)


def test_a_daemon_that_ignores_sigterm_is_ended_all_the_same(server: Server) -> None:
    folder, end = server.run(DAEMON + "daemon(os.path.abspath('pid'))")
    pid = int((folder / "work/pid").read_text())
    assert end["left_behind"] == [pid]
    assert is_gone(pid)


def test_helpers_that_end_by_themselves_are_not_called_left_behind(server: Server) -> None:
    code = """
import multiprocessing
def square(x):
    return x * x
if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        print(pool.map(square, [1, 2, 3]))
"""
    folder, end = server.run(code)
    assert (folder / "stdout").read_text() == "[1, 4, 9]\n", (folder / "stderr").read_text()
    assert end["left_behind"] == []


def test_a_file_where_a_folder_was_is_a_file(server: Server) -> None:
    output = server.output("o")
    code = "import os, sys; os.rmdir(sys.argv[1]); open(sys.argv[1], 'w').write('x')"
    _, end = server.run(code, output["stage"], outputs=[output])
    assert end["outputs"][0]["kind"] == "file"


def test_a_folder_where_a_file_was_promised_is_a_folder(server: Server) -> None:
    output = server.output("o", is_directory=False)
    _, end = server.run("import os, sys; os.mkdir(sys.argv[1])", output["stage"], outputs=[output])
    assert end["outputs"][0]["kind"] == "directory"


def test_a_script_may_remove_its_own_working_folder(server: Server) -> None:
    _, end = server.run("import os, shutil; shutil.rmtree(os.getcwd()); print('gone')")
    assert (end["ending"], end["exit_code"], end["error"], end["files"]) == ("exited", 0, None, [])


def test_cancel_ends_the_script_and_all_it_started(server: Server) -> None:
    code = DAEMON + "daemon(os.path.abspath('pid'))\nopen('../ready', 'w').close()\nsignal.pause()"
    folder = server.make_job(code)
    end = cancel(server, folder)
    assert (end["ending"], end["signal"]) == ("canceled", signal.SIGTERM)
    pid = int((folder / "work/pid").read_text())
    assert end["left_behind"] == [pid]
    assert is_gone(pid)


def test_cancel_of_a_script_that_ignores_sigterm_kills_it_after_its_grace(server: Server) -> None:
    code = "import os, signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: signal.pause()"
    folder = server.make_job(code, grace_seconds=0.3)
    end = cancel(server, folder, wait_for_handler=True)
    assert (end["ending"], end["signal"]) == ("canceled", signal.SIGKILL)


def test_a_canceled_script_may_tidy_up(server: Server) -> None:
    code = """
import signal, sys
def tidy(*_):
    open("outputs/tidied", "w").close()
    sys.exit(0)
signal.signal(signal.SIGTERM, tidy)
while True:
    signal.pause()
"""
    folder = server.make_job(code)
    end = cancel(server, folder, wait_for_handler=True)
    assert (end["ending"], end["exit_code"]) == ("canceled", 0)
    assert [file["name"] for file in end["files"]] == ["outputs/tidied"]


def cancel(server: Server, folder: Path, wait_for_handler: bool = False) -> dict[str, object]:
    """Starts the job, cancels it once its script sleeps, and waits for the end."""
    server.start(folder)
    server.hear(f"running {folder.name}")
    pid = json.loads((folder / "running").read_text())["pid"]
    while not is_ready(pid, folder, wait_for_handler):
        os.sched_yield()
    (folder / "cancel").touch()
    os.kill(json.loads((folder / "started").read_text())["pid"], signal.SIGTERM)
    return server.finish(folder)


def is_ready(pid: int, folder: Path, wait_for_handler: bool) -> bool:
    if not wait_for_handler:
        return (folder / "ready").exists()
    status = Path(f"/proc/{pid}/status").read_text()
    masks = [int(line.split()[1], 16) for line in status.splitlines() if line.startswith(("SigIgn", "SigCgt"))]
    return any(mask >> (signal.SIGTERM - 1) & 1 for mask in masks)


def test_sigterm_alone_cancels_too(server: Server) -> None:
    _, end = server.run("import os, signal; os.kill(os.getppid(), signal.SIGTERM); signal.pause()")
    assert (end["ending"], end["signal"]) == ("canceled", signal.SIGTERM)


def test_a_sigterm_that_comes_late_for_the_job_before_is_not_meant_for_this_one(server: Server) -> None:
    code = """
import glob, json, os, signal
me = os.getppid()
before = [path for path in glob.glob("../../*/started") if json.load(open(path))["pid"] == me]
before.remove(f"../../{os.environ['AZUREML_RUN_ID']}/started")
for path in before:
    open(os.path.join(os.path.dirname(path), "cancel"), "w").close()
if before:
    os.kill(me, signal.SIGTERM)
print("goes on after", bool(before))
"""
    heard = []
    while "goes on after True\n" not in heard:
        assert len(heard) < 50  # a stub runs a second job long before
        folder, end = server.run(code, name=f"run.{len(heard)}")
        assert (end["ending"], end["exit_code"]) == ("exited", 0)
        heard.append((folder / "stdout").read_text())


def test_a_timeout_ends_the_script(server: Server) -> None:
    _, end = server.run("import signal; signal.pause()", timeout_seconds=0.3)
    assert (end["ending"], end["signal"]) == ("timed_out", signal.SIGTERM)
    assert "0.3 seconds" in end["error"]["what"]


def test_journal_lines_survive_a_sigkill_on_the_next_line(server: Server) -> None:
    code = """
import os, signal
fd = os.open(os.path.join(os.environ["PENSTOCK_JOB"], "journal"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
for n in range(1000):
    os.write(fd, b'{"op": "metric", "name": "n", "kind": "scalar", "value": %d}\\n' % n)
os.kill(os.getpid(), signal.SIGKILL)
"""
    folder, end = server.run(code)
    assert end["signal"] == signal.SIGKILL
    values = [json.loads(line)["value"] for line in (folder / "journal").read_text().splitlines()]
    assert values == list(range(1000))


def test_arguments_may_be_any_text(server: Server) -> None:
    texts = ["ünïcödé", "😀", "", " ", "two\nlines", "--in", "$HOME", "'\"\\"]
    code = "import json, sys; json.dump(sys.argv[1:], open('outputs/argv.json', 'w'))"
    folder, end = server.run(code, *texts, step="step 😀\x01")
    assert json.loads((folder / "files/outputs/argv.json").read_text()) == texts
    assert end["exit_code"] == 0


def test_a_large_environment_arrives(server: Server) -> None:
    env = {f"V{n}": "x" * 100_000 for n in range(10)}
    folder, _ = server.run(
        "import os; print(sum(len(v) for k, v in os.environ.items() if k[0] == 'V' and k[1:].isdigit()))", env=env
    )
    assert (folder / "stdout").read_text() == "1000000\n"


def test_an_environment_too_large_for_the_kernel_is_refused(server: Server) -> None:
    _, end = server.run("pass", env={"V": "x" * 200_000})
    assert (end["ending"], end["user_code_started"]) == ("not_started", False)
    assert "bytes, more than this machine gives a process" in end["error"]["what"]


def test_a_nul_in_an_argument_is_refused(server: Server) -> None:
    folder, end = server.run("pass", "a\0b")
    assert end["ending"] == "not_started"
    assert "null byte" in end["error"]["what"]
    assert not (folder / "running").exists()


@pytest.mark.parametrize("interpreter", ["/no/such/python", "no-such-program", __file__])
def test_an_interpreter_that_is_not_there_is_named(server: Server, interpreter: str) -> None:
    folder, end = server.run("pass", argv=[interpreter, "main.py"])
    assert (end["ending"], end["user_code_started"]) == ("not_started", False)
    assert f"The interpreter '{interpreter}'" in end["error"]["what"]
    assert not (folder / "running").exists()


def test_a_script_that_is_not_there_is_named(server: Server) -> None:
    _, end = server.run("pass", script="train.py", argv=[sys.executable, "train.py"])
    assert end["ending"] == "not_started"
    assert "The script 'train.py' is not in the step's source folder." in end["error"]["what"]


def test_a_snapshot_with_a_missing_blob_names_the_file(server: Server) -> None:
    folder = server.make_job("pass")
    for blob in (server.home / "blobs").glob("*/*"):
        blob.unlink()
    server.start(folder)
    end = server.finish(folder)
    assert end["ending"] == "not_started"
    assert "The snapshot's file 'main.py' is missing" in end["error"]["what"]


def test_a_snapshot_with_a_cut_blob_names_the_file(server: Server) -> None:
    folder = server.make_job("print('a long script')")
    for blob in (server.home / "blobs").glob("*/*"):
        blob.write_bytes(b"pr")
    server.start(folder)
    assert "has 2 bytes in the store in place of 22" in server.finish(folder)["error"]["what"]


def test_a_snapshot_cannot_leave_its_folder(server: Server) -> None:
    snapshot = server.snapshot({"../../evil.py": "pass"})
    folder, end = server.run(None, snapshot=snapshot)
    assert end["ending"] == "not_started"
    assert "'../../evil.py', which leaves its folder" in end["error"]["what"]
    assert not (folder.parent / "evil.py").exists()


def test_a_download_of_nothing_names_the_input(server: Server, tmp_path: Path) -> None:
    given = {
        "name": "prepped",
        "mode": "download",
        "source": str(tmp_path / "nothing"),
        "local": str(tmp_path / "here"),
    }
    _, end = server.run("pass", inputs=[given])
    assert end["ending"] == "not_started"
    assert "Input 'prepped' cannot be downloaded" in end["error"]["what"]


def test_a_job_that_cannot_be_read_still_gets_an_exit(server: Server) -> None:
    folder = server.make_job("pass")
    (folder / "job.json").write_text('{"schema": 1')
    server.start(folder)
    server.run("pass", name="after.1")
    while not (folder / "exit.json").exists():
        os.sched_yield()
    end = server.end(folder)
    assert (end["ending"], end["name"]) == ("not_started", "run.1")
    assert "job.json" in end["error"]["what"]
