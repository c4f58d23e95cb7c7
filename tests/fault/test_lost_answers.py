"""A server that dies in the middle of a call takes the answer with it: the SDK asks the next one, and what was asked for is done once."""

from __future__ import annotations

from pathlib import Path

import pytest
from forked import serve
from integration import served
from integration.served import wait_for

from azureml._client.client import Client
from azureml.core import Dataset, Experiment, Model, Workspace
from azureml.pipeline.core import Pipeline
from azureml.pipeline.steps import PythonScriptStep

MOST = 40


def registered_and_run(ws: Workspace, folder: Path, number: int) -> None:
    """What scripts ask of a server, each a call of its own."""
    (folder / "model.bin").write_text(str(number))
    model = Model.register(ws, str(folder / "model.bin"), "model")
    dataset = Dataset.File.from_files([(ws.get_default_datastore(), f"in/{number}.txt")])
    assert dataset.register(ws, "data", create_new_version=True).version == model.version == number
    run = Experiment(ws, "calls").start_logging()
    run.upload_file("kept.bin", str(folder / "model.bin"))
    again = run.register_model("of-a-run", "kept.bin")
    assert again.version == number
    run.complete()


@pytest.mark.parametrize("point", ["commit.before", "commit.after"])
def test_what_scripts_ask_for_is_done_once_wherever_the_server_dies(home: Path, tmp_path: Path, point: str) -> None:
    ws = Workspace.create("calls", exist_ok=True)
    killed = 0
    for number in range(1, MOST):
        Client().call("POST", "/shutdown", {"force": True})
        wait_for(lambda: not _answers(home))
        process = serve(home, "--embedded", PENSTOCK_CRASH_AT=f"{point}:{number}")
        wait_for(lambda: process.poll() is not None or _answers(home))  # noqa: B023
        registered_and_run(ws, tmp_path, number)
        if process.poll() is None:
            break
        killed += 1
    assert killed > 5 and process.poll() is None, "every commit of the calls was one to die at"
    assert [m.version for m in Model.list(ws, "model")] == list(range(number, 0, -1))
    ended = [r.get_status() for r in Experiment(ws, "calls").get_runs()]
    assert ended == ["Completed"] * number
    Client().call("POST", "/shutdown", {"force": True})
    assert process.wait(30) == 0


@pytest.mark.parametrize("point", ["commit.before", "commit.after"])
def test_a_pipeline_whose_answer_was_lost_is_submitted_once(home: Path, tmp_path: Path, point: str) -> None:
    ws = Workspace.create("calls", exist_ok=True)
    (tmp_path / "a.py").write_text("print(1)\n")
    step = PythonScriptStep("a.py", source_directory=str(tmp_path), compute_target="local", allow_reuse=False)
    died = []
    for number in (1, 2, 3, 4):
        Client().call("POST", "/shutdown", {"force": True})
        wait_for(lambda: not _answers(home))
        process = serve(home, "--embedded", PENSTOCK_CRASH_AT=f"{point}:{number}")
        wait_for(lambda: process.poll() is not None or _answers(home))  # noqa: B023
        run = Experiment(ws, "calls").submit(Pipeline(ws, [step]))
        assert run.wait_for_completion(show_output=False) == "Finished"
        died.append(process.poll() is not None)
    assert sum(died) >= 2 and len(list(Experiment(ws, "calls").get_runs())) == 4
    Client().call("POST", "/shutdown", {"force": True})
    wait_for(lambda: not _answers(home))


def _answers(home: Path) -> bool:
    try:
        return bool(served.Client(home)("GET", "/server")[0] == 200)
    except (OSError, ValueError, KeyError):
        return False
