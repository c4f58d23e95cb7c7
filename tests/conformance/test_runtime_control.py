"""Run control through the SDK: time limits, tries, cancel, and Ctrl-C once and twice at a terminal."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from azureml.core import Experiment, Workspace
from azureml.core.runconfig import RunConfiguration
from azureml.exceptions import ActivityFailedException
from azureml.pipeline.core import Pipeline
from azureml.pipeline.core.run import PipelineRun
from azureml.pipeline.steps import PythonScriptStep

SLEEPS = "import time; print('begun', flush=True); time.sleep(1000)"
COUNTS = """
import os, pathlib, sys
tries = pathlib.Path({path!r})
tries.write_text((tries.read_text() if tries.exists() else "") + "x")
print("this is try", len(tries.read_text()), flush=True)
from azureml.core import Run
Run.get_context().log("try", len(tries.read_text()))
sys.exit(len(tries.read_text()) < 2)
"""


class Author:
    """A source folder, and pipelines of the scripts in it."""

    def __init__(self, folder: Path, workspace: Workspace) -> None:
        self.folder, self.workspace = folder, workspace

    def step(self, name: str, code: str, **more: object) -> PythonScriptStep:
        (self.folder / f"{name}.py").write_text(code)
        return PythonScriptStep(
            f"{name}.py", name=name, source_directory=str(self.folder), compute_target="cpu", allow_reuse=False, **more
        )

    def submit(self, *steps: PythonScriptStep, **more: object) -> PipelineRun:
        return Experiment(self.workspace, "control").submit(Pipeline(self.workspace, list(steps)), **more)


@pytest.fixture
def author(tmp_path: Path, module_workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> Author:
    (tmp_path / "scripts").mkdir()
    return Author(tmp_path / "scripts", module_workspace)


def test_a_step_is_tried_again_when_its_author_said_so(
    author: Author, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    step = author.step("flaky", COUNTS.format(path=str(tmp_path / "tries")))
    assert step.retry(count=3, backoff_seconds=0.05, on="any") is step
    run = author.submit(step)
    assert run.wait_for_completion() == "Finished"
    text = capsys.readouterr().out
    order = ["this is try 1", "StepRun( flaky ) will be tried again. Try 1 of at most 4", "this is try 2", "Finished"]
    places = [text.find(piece) for piece in order]
    assert places == sorted(places) and -1 not in places, text
    (flaky,) = run.get_steps()
    assert flaky.get_status() == "Finished" and flaky.get_stdout_log() == "this is try 2\n"
    assert flaky.get_metrics() == {"try": 2}
    assert "azureml-logs/attempt_1/70_stdout.txt" in flaky.get_file_names()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda step: step.retry(count=-1), "count of retries is -1"),
        (lambda step: step.retry(on="weekends"), "weekends"),
        (lambda step: step.retry(backoff_seconds=None, count="many"), "many"),
        (lambda step: step.timeout(0), "above 0"),
        (lambda step: step.timeout("1h"), "'1h'"),
    ],
)
def test_what_is_no_limit_is_refused_where_it_is_written(author: Author, call: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        call(author.step("any", "pass"))


def test_the_limit_of_a_step(author: Author) -> None:
    config = RunConfiguration()
    config.max_run_duration_seconds = 0.4
    for step in (
        author.step("by_config", SLEEPS, runconfig=config),
        author.step("by_call", SLEEPS, runconfig=config).timeout(0.3),
    ):
        run = author.submit(step)
        with pytest.raises(ActivityFailedException, match=r"TimedOut|limit of"):
            run.wait_for_completion(show_output=False)
        error = next(run.get_steps()).get_details()["error"]
        limit = "0.3" if step.name == "by_call" else "0.4"
        assert f"limit of {limit} seconds" in str(error)


def test_the_limit_of_a_whole_run(author: Author) -> None:
    begun = author.step("endless", SLEEPS)
    pipeline = Pipeline(author.workspace, [begun])
    for run in (
        pipeline.submit("control", timeout_seconds=0.8),
        Experiment(author.workspace, "control").submit(pipeline, timeout_seconds=0.8),
    ):
        with pytest.raises(ActivityFailedException, match=r"limit of 0.8 seconds. Still running then: 'endless'"):
            run.wait_for_completion(show_output=False)
        assert run.get_status() == "Failed"


def test_cancel_of_a_run_and_of_one_of_its_steps(author: Author) -> None:
    for whole in (True, False):
        run = author.submit(author.step("endless", SLEEPS))
        step = next(run.get_steps())
        (run if whole else step).cancel()
        assert run.wait_for_completion(show_output=False) == "Canceled"
        assert step.get_status() == "Canceled"


class Terminal:
    """A process that waits for a run, at a terminal of its own."""

    def __init__(self, run_id: str) -> None:
        code = (
            f"from azureml.core import Workspace; Workspace('s', 'g', 'ws').get_run({run_id!r}).wait_for_completion()"
        )
        self.ours, theirs = pty.openpty()
        argv = [sys.executable, "-u", "-c", code]
        self.process = subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, preexec_fn=_own_terminal)
        os.close(theirs)
        self.text = ""

    def read_until(self, piece: str | None, seconds: float = 30.0) -> str:
        """All that was printed up to `piece`, or to the end."""
        until = time.monotonic() + seconds
        while piece is None or piece not in self.text:
            ready, _, _ = select.select([self.ours], [], [], max(0.0, until - time.monotonic()))
            assert ready, self.text
            try:
                data = os.read(self.ours, 65536)
            except OSError:  # nobody has the other side any more
                data = b""
            if not data:
                assert piece is None, self.text
                break
            self.text += data.decode()
        return self.text

    def press_ctrl_c(self) -> None:
        os.write(self.ours, b"\x03")


def _own_terminal() -> None:
    os.setsid()
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.fixture
def waiting(author: Author) -> Iterator[tuple[PipelineRun, Terminal]]:
    run = author.submit(author.step("endless", SLEEPS))
    terminal = Terminal(run.id)
    try:
        terminal.read_until("begun")
        yield run, terminal
    finally:
        terminal.process.kill()
        terminal.process.wait()
        os.close(terminal.ours)
        run.cancel()


def test_ctrl_c_once_lets_go(waiting: tuple[PipelineRun, Terminal]) -> None:
    run, terminal = waiting
    terminal.press_ctrl_c()
    text = terminal.read_until(None)
    assert terminal.process.wait(30) in (1, -signal.SIGINT, 130)
    assert "Stopped waiting" in text and "was asked to stop" not in text
    assert run.get_status() == "Running"


def test_ctrl_c_twice_cancels(waiting: tuple[PipelineRun, Terminal]) -> None:
    run, terminal = waiting
    terminal.press_ctrl_c()
    terminal.read_until("Ctrl-C again within 2 seconds")
    terminal.press_ctrl_c()
    text = terminal.read_until(None)
    assert terminal.process.wait(30) in (1, -signal.SIGINT, 130)
    assert f"Run {run.id} was asked to stop." in text
    assert run.wait_for_completion(show_output=False) == "Canceled"
