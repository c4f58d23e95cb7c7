"""`penstock step debug`: a step by hand, at a terminal of its own; and what `run logs` shows of tries and takes of Ctrl-C."""

import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from forked import serve
from integration.served import node, wait_until_served

from penstock.cli.logs import AGAIN_SECONDS

RUNS = "/ws/w/runs"
FIRST = b"""
import os, pathlib
out = pathlib.Path(os.environ["AZUREML_DATAREFERENCE_out"])
(out / "said").write_text("forty-two")
"""
SECOND = b"""
import os, pathlib, sys
from azureml.core import Run
from beside import word
data, out = map(pathlib.Path, sys.argv[1:3])
answer = (data / "said").read_text()
Run.get_context().log("answer", 42)
breakpoint()
(out / "result").write_text(f"{word} {answer} {os.environ['COLOUR']}")
sys.exit(7 if answer == "forty-two" else 0)
"""


@pytest.fixture(scope="module")
def client(module_home):
    process = serve(module_home, "--embedded")
    yield wait_until_served(module_home, process)
    process.terminate()
    process.wait(30)


@pytest.fixture(scope="module")
def run(client):
    """A run whose second step ended at its breakpoint (nobody was there to answer)."""
    first = node(client.snapshot(a__py=FIRST), 1)
    second = node(
        client.snapshot(a__py=SECOND, beside__py=b"word = 'the answer is'\n"),
        2,
        name="look closer",
        inputs=[{"name": "data", "source": {"node": "00000001", "output": "out"}}],
        arguments=[{"input": "data"}, {"output": "out"}],
        environment_variables={"COLOUR": "blue"},
    )
    status, answer = client.submit([first, second])
    assert status == 201, answer
    client.follow(answer["run"]["id"])
    return answer["run"]["id"], answer["steps"][1]["run_id"]


class Terminal:
    """A command of ours at a terminal."""

    def __init__(self, home, *words):
        self.ours, theirs = pty.openpty()
        how = termios.tcgetattr(theirs)
        how[3] |= (
            termios.NOFLSH
        )  # at Ctrl-C a terminal throws away what is not read yet, and at times the answer to Ctrl-C with it
        termios.tcsetattr(theirs, termios.TCSANOW, how)
        argv = [sys.executable, "-m", "penstock", *words, "--home", str(home)]
        self.process = subprocess.Popen(
            argv, stdin=theirs, stdout=theirs, stderr=theirs, preexec_fn=take_terminal, cwd="/"
        )
        os.close(theirs)
        self.text = ""

    def read_until(self, piece):
        until = time.monotonic() + 30
        while piece is None or piece not in self.text:
            assert select.select([self.ours], [], [], max(0.0, until - time.monotonic()))[0], self.text
            try:
                data = os.read(self.ours, 65536)
            except OSError:
                data = b""
            if not data:
                assert piece is None, self.text
                break
            self.text += data.decode()
        return self.text

    def type(self, text):
        self.text = ""
        os.write(self.ours, text.encode())

    def interrupt(self):
        """Ctrl-C, again until something is said: CPython loses a signal that comes between its prompt and its wait for a key."""
        for _ in range(10):
            self.type("\x03")
            if select.select([self.ours], [], [], 3.0)[0] or self.process.poll() is not None:
                return

    def end(self):
        text = self.read_until(None)
        os.close(self.ours)
        return self.process.wait(30), text


def take_terminal():
    os.setsid()
    import fcntl

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def facts(client, run_id):
    """All that is recorded of a run."""
    parts = ("", "/events", "/metrics", "/files", "/outputs", "/attempts")
    return [client("GET", f"{RUNS}/{run_id}{part}")[1] for part in parts]


def test_a_step_stops_at_its_breakpoint_with_real_inputs_and_leaves_the_run_alone(client, run):
    root, step = run
    before = facts(client, root), facts(client, step)
    terminal = Terminal(client.home, "step", "debug", root, "look closer")
    terminal.read_until("(Pdb) ")
    terminal.type("answer\n")
    assert "'forty-two'" in terminal.read_until("(Pdb) ")
    terminal.interrupt()  # Ctrl-C is pdb's, not ours
    terminal.read_until("(Pdb) ") if terminal.process.poll() is None else None
    terminal.type("continue\n")
    status, text = terminal.end()
    assert status == 7, text
    scratch = Path(text.rpartition("See what it left: ")[2].strip())
    assert (scratch / "outputs" / "out" / "result").read_text() == "the answer is forty-two blue"
    assert "answer" in (scratch / "journal").read_text()
    assert (facts(client, root), facts(client, step)) == before


def test_it_says_what_is_missing(client, run, tmp_path):
    root, _ = run
    argv = [sys.executable, "-m", "penstock", "step", "debug", "--home", str(client.home)]
    done = subprocess.run([*argv, root, "look farther"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 3 and "Did you mean 'look closer'?" in done.stderr
    (tmp_path / "here").touch()
    done = subprocess.run([*argv, root, "step 1", "--into", str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "is not empty" in done.stderr
    done = subprocess.run(
        [*argv, root, "step 1", "--into", str(tmp_path / "new")], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0 and (tmp_path / "new" / "outputs" / "out" / "said").read_text() == "forty-two"


def test_the_logs_of_each_try(client):
    code = b"""
import os, pathlib, sys
tries = pathlib.Path(os.environ["PENSTOCK_HOME"]) / "tries"
tries.write_text((tries.read_text() if tries.exists() else "") + "x")
print("try", len(tries.read_text()))
sys.exit(len(tries.read_text()) < 3)
"""
    retry = {"count": 2, "backoff_seconds": 0.01, "on": "any"}
    _, answer = client.submit([node(client.snapshot(a__py=code), retry=retry)])
    root = answer["run"]["id"]
    argv = [sys.executable, "-m", "penstock", "run", "logs", root, "--home", str(client.home)]
    followed = subprocess.run([*argv, "-f"], capture_output=True, text=True, timeout=60)
    assert [line for line in followed.stdout.splitlines() if line.startswith("try")] == ["try 1", "try 2", "try 3"]
    for options, said in (([], "try 3\n"), (["--attempt", "1"], "try 1\n"), (["--attempt", "3"], "try 3\n")):
        shown = subprocess.run([*argv, *options], capture_output=True, text=True, timeout=60).stdout
        assert said in shown and shown.count("try ") - shown.count(", try ") == 1
    done = subprocess.run([*argv, "--attempt", "4"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 3 and "tried 4 times" in done.stderr


def test_ctrl_c_twice_while_following_cancels(client):
    code = b"import time; print('begun', flush=True); time.sleep(1000)"
    _, answer = client.submit([node(client.snapshot(a__py=code))])
    while True:
        terminal = Terminal(client.home, "run", "logs", "-f", answer["run"]["id"])
        terminal.read_until("begun")
        pressed_at = time.monotonic()
        terminal.type("\x03")
        terminal.read_until("Ctrl-C once more")
        terminal.type("\x03")
        was_in_time = time.monotonic() - pressed_at < AGAIN_SECONDS
        status, text = terminal.end()
        assert status in (130, -signal.SIGINT), text
        if was_in_time or "was asked to stop" in text:
            break  # on a machine so busy that this test itself was late, once more: the run goes on
    assert "was asked to stop" in text
    client.follow(answer["run"]["id"])
    assert client.run(answer["run"]["id"])["status"] == "Canceled"


def test_a_page_of_runs_that_begin_with_a_prefix(client, run):
    root, step = run
    found = client("GET", f"{RUNS}?prefix={root[:8]}")[1]["value"]
    assert [r["id"] for r in found] == [root]
    assert client("GET", f"{RUNS}?prefix={step[:8]}")[1]["value"] == []
    assert [r["id"] for r in client("GET", f"{RUNS}?include_children=1&prefix={step[:8]}")[1]["value"]] == [step]
    assert client("GET", f"{RUNS}?prefix=%25")[1]["value"] == []
