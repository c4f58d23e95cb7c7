"""`penstock run …` on real runs: list, show, logs, follow, cancel, and stopping a server that is busy."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import submitting
from submitting import step

Json = dict[str, Any]
Result = subprocess.CompletedProcess[str]
Cli = Callable[..., Result]
FILES = {
    "speak.py": "import sys\nprint('hello 🎉')\nprint('to stderr', file=sys.stderr)\n",
    "fail.py": "print('about to fail')\nraise ValueError('no such column: label')\n",
    # It says that it is there, then waits until the test opens the gate.
    "wait.py": "import os\nprint('waiting', flush=True)\nopen(os.environ['GATE']).read()\nprint('went on')\n",
}


def cli(*args: str) -> Result:
    return subprocess.run([sys.executable, "-m", "penstock", *args], capture_output=True, text=True, timeout=60)


class Place:
    """A running server with a workspace, and the two runs that most tests look at."""

    def __init__(self, home: Path) -> None:
        self.client = submitting.client_of(home)
        self.snapshot = submitting.upload(self.client, "ws", FILES)
        self.good = self.submit(step("say hello", "speak.py", self.snapshot, node="00000001"), experiment="good")
        nodes = [
            step("say hello", "speak.py", self.snapshot, node="00000001"),
            step("break", "fail.py", self.snapshot, node="00000002", after=("00000001",)),
            step("never", "speak.py", self.snapshot, node="00000003", after=("00000002",)),
        ]
        self.bad = self.submit(*nodes, experiment="bad")
        for run_id in (self.good, self.bad):
            submitting.wait(self.client, "ws", run_id)

    def submit(self, *nodes: Json, experiment: str = "tests") -> str:
        run_id: str = submitting.submit(self.client, "ws", list(nodes), experiment)["run"]["id"]
        return run_id

    def waiting(self, gate: Path) -> str:
        """A run whose step waits at `gate`."""
        os.mkfifo(gate)
        run_id = self.submit(
            step("wait", "wait.py", self.snapshot, node="00000001", environment_variables={"GATE": str(gate)}),
            step("after", "speak.py", self.snapshot, node="00000002", after=("00000001",)),
        )
        with closing(self.client.stream(f"ws/ws/runs/{run_id}/stream", {"logs": 1})) as lines:
            if any("waiting" in line.get("log", {}).get("text", "") for line in lines):
                return run_id
        raise AssertionError("the step ended without waiting")


@pytest.fixture(scope="module")
def place(module_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("project")
    subprocess.run([sys.executable, "-m", "penstock", "init", "-q", "-w", "ws"], cwd=folder, check=True)
    return Place(module_home)


def test_runs_are_listed_newest_first(place: Place) -> None:
    listed = json.loads(cli("run", "list", "--json").stdout)["value"]
    ids = [r["id"] for r in listed]
    assert ids.index(place.bad) < ids.index(place.good)
    table = cli("run", "list").stdout
    assert (place.bad[:8] in table and "✖" in table and "(just now)" in table) or "ago)" in table
    failed = json.loads(cli("run", "list", "--status", "failed", "--json").stdout)["value"]
    assert [r["id"] for r in failed] == [place.bad]
    only = json.loads(cli("run", "list", "--experiment", "good", "--json").stdout)["value"]
    assert [r["id"] for r in only] == [place.good]
    assert len(json.loads(cli("run", "list", "-n", "1", "--json").stdout)["value"]) == 1


def test_a_failed_run_shows_the_scripts_own_traceback_and_what_never_started(place: Place) -> None:
    done = cli("run", "show", place.bad[:8])
    assert done.returncode == 1
    assert "ValueError: no such column: label" in done.stdout and "fail.py" in done.stdout
    assert "Not started: step 'break' failed." in done.stdout and f"/runs/{place.bad}" in done.stdout
    assert done.stdout.index("ValueError") < done.stdout.index("Steps (1 of 3 completed)")


def test_show_as_json_is_the_apis_own_objects(place: Place) -> None:
    done = cli("run", "show", place.good, "--json")
    detail = json.loads(done.stdout)
    assert done.returncode == 0 and set(detail) == {"run", "children", "outputs", "metrics"}
    assert detail["run"] == place.client.get(f"ws/ws/runs/{place.good}")
    assert cli("run", "show", place.good, "--quiet").stdout == ""


def test_a_run_that_is_not_there_is_answered_with_the_nearest(place: Place) -> None:
    wrong = place.good[:7] + ("0" if place.good[7] != "0" else "1")
    done = cli("run", "show", wrong)
    assert done.returncode == 3 and place.good[:8] in done.stderr
    ambiguous = cli("run", "show", "")
    assert ambiguous.returncode in (2, 3) and ambiguous.stderr
    error = json.loads(cli("run", "show", "nosuchrun", "--json").stdout)["error"]
    assert error["code"] == "NotFound"


def test_kept_logs_are_printed_by_step(place: Place) -> None:
    done = cli("run", "logs", place.bad)
    assert done.returncode == 0
    assert "── say hello (Completed) ──" in done.stdout and "hello 🎉" in done.stdout and "to stderr" in done.stdout
    assert "── never (Canceled) ──\n(it printed nothing)" in done.stdout
    one = cli("run", "logs", place.bad, "--step", "break")
    assert "about to fail" in one.stdout and "hello" not in one.stdout and "──" not in one.stdout
    assert cli("run", "logs", place.bad, "break").stdout == one.stdout
    assert cli("run", "logs", place.bad, "break", "--step", "other").returncode == 2
    wrong = cli("run", "logs", place.bad, "--step", "brake")
    assert wrong.returncode == 3 and "Did you mean 'break'?" in wrong.stderr
    names = {json.loads(line)["log"]["name"] for line in cli("run", "logs", place.good, "--json").stdout.splitlines()}
    assert names == {"azureml-logs/70_stdout.txt", "azureml-logs/75_stderr.txt"}


def test_a_silent_step_is_said_to_be_silent_and_nothing_more(place: Place) -> None:
    snapshot = submitting.upload(
        place.client, "ws", {"mute.py": "import sys\nsys.exit(3)\n", "say.py": "print('hi')\nraise SystemExit(4)"}
    )
    mute, say = step("mute", "mute.py", snapshot, node="00000001"), step("say", "say.py", snapshot, node="00000002")
    run_id = submitting.submit(place.client, "ws", [mute, say], continue_on_step_failure=True)["run"]["id"]
    submitting.wait(place.client, "ws", run_id)
    printed = cli("run", "logs", run_id).stdout
    assert "── mute (Failed) ──\n(it printed nothing)\n" in printed and "── say (Failed) ──\nhi\n" in printed
    shown = cli("run", "show", run_id).stdout
    assert "Step 'say': 'say.py' ended with exit status 4. All that it printed: penstock run logs " in shown
    assert "│ hi" in shown and "stderr" not in shown and "say: Step 'say'" not in shown


def test_following_an_ended_run_prints_it_and_tells_how_it_ended(place: Place) -> None:
    done = cli("run", "logs", "-f", place.bad)
    assert done.returncode == 1
    assert "say hello │ hello 🎉" in done.stdout and "break     │ ✖ Failed" in done.stdout
    assert done.stdout.rstrip().endswith(f"✖ Failed  run {place.bad[:8]}")
    lines = [json.loads(line) for line in cli("run", "logs", "-f", place.good, "--json").stdout.splitlines()]
    assert any("log" in line for line in lines) and lines[-1]["event"]["body"]["status"] == "Completed"


def test_following_ends_with_the_run_and_misses_nothing(place: Place, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    run_id = place.waiting(gate)
    with subprocess.Popen(
        [sys.executable, "-m", "penstock", "run", "logs", "-f", run_id[:10]], stdout=subprocess.PIPE, text=True
    ) as follower:
        assert follower.stdout and follower.stdout.readline() == "wait  │ waiting\n"
        gate.write_text("")
        rest = follower.stdout.read()
    assert "wait  │ went on" in rest and "after │ hello 🎉" in rest and follower.returncode == 0


def test_following_goes_on_when_the_server_is_killed(place: Place, module_home: Path, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    run_id = place.waiting(gate)
    with subprocess.Popen(
        [sys.executable, "-m", "penstock", "run", "logs", "-f", run_id], stdout=subprocess.PIPE, text=True
    ) as follower:
        assert follower.stdout and follower.stdout.readline() == "wait  │ waiting\n"
        os.kill(json.loads((module_home / "server.json").read_text())["pid"], signal.SIGKILL)
        gate.write_text("")
        rest = follower.stdout.read()
    assert rest.count("went on") == 1 and "waiting" not in rest and "after │ hello" in rest
    assert follower.returncode == 0


def test_ctrl_c_leaves_the_run_alone_and_says_how_to_follow_it(place: Place, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    run_id = place.waiting(gate)
    with subprocess.Popen(
        [sys.executable, "-m", "penstock", "run", "logs", "-f", run_id],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as follower:
        assert follower.stdout and follower.stderr
        follower.stdout.readline()
        follower.send_signal(signal.SIGINT)
        said = follower.stderr.read()
    assert follower.returncode == 130 and f"penstock run logs -f {run_id[:8]}" in said
    gate.write_text("")
    assert submitting.wait(place.client, "ws", run_id)["status"] == "Completed"


def test_on_a_terminal_there_is_colour_and_progress_and_no_color_is_kept(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    shown = on_terminal("run", "logs", "-f", place.bad)
    assert "\x1b[31m" in shown and "of 3 steps done" in shown
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in on_terminal("run", "show", place.bad)
    assert "\x1b" not in cli("run", "show", place.bad).stdout


def on_terminal(*args: str) -> str:
    """What a command writes to a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen([sys.executable, "-m", "penstock", *args], stdout=theirs, stderr=theirs, stdin=theirs):
        os.close(theirs)
        pieces = []
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # the last writer has closed it
                break
            if not piece:
                break
            pieces.append(piece)
    os.close(ours)
    return b"".join(pieces).decode()


def test_a_run_is_canceled_with_its_reason(place: Place, tmp_path: Path) -> None:
    run_id = place.waiting(tmp_path / "gate")
    done = cli("run", "cancel", run_id[:8], "--reason", "a typo")
    assert done.returncode == 0 and "asked to stop" in done.stdout
    assert submitting.wait(place.client, "ws", run_id)["status"] == "Canceled"
    again = cli("run", "cancel", run_id)
    assert again.returncode == 0 and "is Canceled already" in again.stdout
    assert cli("run", "show", run_id, "-q").returncode == 1


def test_completion_offers_run_ids(place: Place) -> None:
    environment = {
        **os.environ,
        "_PENSTOCK_COMPLETE": "bash_complete",
        "COMP_WORDS": "penstock run show ",
        "COMP_CWORD": "3",
    }
    done = subprocess.run([sys.executable, "-m", "penstock"], capture_output=True, text=True, env=environment)
    assert f"plain,{place.bad[:8]}" in done.stdout and "plain,latest" in done.stdout


def test_a_reused_step_is_shown_as_such(place: Place) -> None:
    hello = step("say hello", "speak.py", place.snapshot, node="00000001", allow_reuse=True)
    for _ in range(2):  # one after the other: side by side both would run
        again = place.submit(hello, experiment="reused")
        submitting.wait(place.client, "ws", again)
    shown, printed = cli("run", "show", again).stdout, cli("run", "logs", again).stdout
    assert "Steps (1 of 1 completed, 1 reused)" in shown
    assert "reused from run " in shown.split("say hello")[-1]
    assert "── say hello (Completed, reused from run " in printed and "hello 🎉" in printed
    listed = json.loads(cli("run", "list", "--experiment", "reused", "--json").stdout)["value"]
    assert [(r["n_steps"], r["n_reused"]) for r in listed] == [(1, 1), (1, 0)]
    lines = cli("run", "list", "--experiment", "reused").stdout.splitlines()
    assert "STEPS" in lines[0] and [line.split("  ")[-1].strip() for line in lines[1:3]] == ["1, 1 reused", "1"]


def test_stopping_a_busy_server_names_the_runs_and_needs_force(place: Place, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    run_id = place.waiting(gate)
    refused = cli("stop")
    assert refused.returncode == 1 and run_id[:8] in refused.stderr and "--force" in refused.stderr
    forced = cli("stop", "--force")
    assert forced.returncode == 0 and "go on by themselves" in forced.stdout
    gate.write_text("")  # no server is there while the step ends
    assert cli("run", "logs", "-f", run_id).returncode == 0
    assert cli("run", "show", run_id, "-q").returncode == 0


def test_a_run_that_a_notebook_drives_is_shown_but_does_not_hold_the_server(place: Place) -> None:
    assert cli("run", "list", "-w", "ws").returncode == 0
    place.client.post("ws/ws/interactive_runs", {"experiment": "notebook", "id": "explore-1"})
    active = json.loads(cli("status", "--json").stdout)["active_runs"]
    assert [r["id"] for r in active] == ["explore-1"]
    assert "explore-1"[:8] in cli("status").stdout
    assert cli("stop").returncode == 0


def test_a_plan_says_whose_scripts_it_is_of(place: Place) -> None:
    done = cli("plan", place.good[:8])
    assert done.returncode == 0, done.stderr
    wanted = f"With the scripts of run {place.good[:8]} as they were submitted; Pipeline.plan() looks at the folder as it is."
    assert "say hello" in done.stdout and done.stdout.splitlines()[-1] == wanted
    assert json.loads(cli("plan", place.good, "--json").stdout)["steps"][0]["name"] == "say hello"
