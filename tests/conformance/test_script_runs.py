"""Scripts submitted by themselves, and as children of a run, against a real server."""

from __future__ import annotations

from pathlib import Path

import pytest

from azureml.core import Dataset, Environment, Experiment, Run, ScriptRunConfig, Workspace
from azureml.core.runconfig import MpiConfiguration
from azureml.exceptions import ActivityFailedException, UserErrorException

SCRIPT = """
import os, sys
from azureml.core import Run
run = Run.get_context()
run.log("argument", sys.argv[1])
os.makedirs("outputs", exist_ok=True)
open("outputs/kept.txt", "w").write(os.environ.get("GIVEN", ""))
print("said by the script")
if sys.argv[1] == "fail":
    raise ValueError("on purpose")
for name, given in run.input_datasets.items():
    run.log("read from " + name, open(given).read())
"""


@pytest.fixture(scope="module")
def ws(module_workspace: Workspace) -> Workspace:
    return module_workspace


@pytest.fixture
def folder(tmp_path: Path) -> str:
    (tmp_path / "script.py").write_text(SCRIPT)
    return str(tmp_path)


def test_a_script_is_a_plain_run(ws: Workspace, folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    environment = Environment("own")
    environment.environment_variables = {"GIVEN": "value"}
    config = ScriptRunConfig(folder, "script.py", ["one"], environment=environment)
    run = Experiment(ws, "scripts").submit(config, tags={"k": "v"})
    assert type(run) is Run
    details = run.wait_for_completion(show_output=True)
    assert (run.get_status(), details["status"]) == ("Completed", "Completed")
    said = capsys.readouterr().out
    assert "RunId: " + run.id in said and "said by the script" in said and "Created step" not in said
    assert run.get_metrics() == {"argument": "one"}
    assert run.get_tags() == {"k": "v"}
    assert "outputs/kept.txt" in run.get_file_names()
    run.download_file("outputs/kept.txt", folder + "/kept.txt")
    assert Path(folder, "kept.txt").read_text() == "value"
    again = Run.get(ws, run.id)
    assert (type(again), again.type, again.get_status()) == (Run, "azureml.scriptrun", "Completed")


def test_a_script_that_fails(ws: Workspace, folder: str) -> None:
    run = Experiment(ws, "scripts").submit(ScriptRunConfig(folder, "script.py", ["fail"], compute_target="cpu"))
    with pytest.raises(ActivityFailedException, match="on purpose"):
        run.wait_for_completion()
    assert run.get_status() == "Failed"


def test_a_script_reads_a_dataset(ws: Workspace, folder: str) -> None:
    store = ws.get_default_datastore()
    Path(store._root, "in.txt").write_text("content")
    given = Dataset.File.from_files((store, "in.txt")).as_named_input("given").as_mount()
    run = Experiment(ws, "scripts").submit(ScriptRunConfig(folder, "script.py", [given]))
    run.wait_for_completion()
    assert run.get_metrics("read from given") == {"read from given": "content"}


def test_a_child_is_submitted(ws: Workspace, folder: str) -> None:
    with Experiment(ws, "scripts").start_logging() as parent:
        child = parent.submit_child(ScriptRunConfig(folder, "script.py", ["child"]))
        child.wait_for_completion()
    assert child.get_metrics()["argument"] == "child"
    assert child.id in [run.id for run in parent.get_children(recursive=True)]


def test_what_is_not_built_is_refused_by_name(ws: Workspace, folder: str) -> None:
    experiment = Experiment(ws, "scripts")
    with pytest.raises(UserErrorException, match="Submitting a command by itself is not built yet"):
        experiment.submit(ScriptRunConfig(folder, command=["echo", "x"]))
    several = ScriptRunConfig(folder, "script.py", distributed_job_config=MpiConfiguration(node_count=2))
    with pytest.raises(UserErrorException, match="several processes"):
        experiment.submit(several)


def test_a_script_is_found_again_as_the_run_that_was_submitted(ws: Workspace, folder: str) -> None:
    experiment = Experiment(ws, "found-again")
    given = {arg: experiment.submit(ScriptRunConfig(folder, "script.py", [arg]), tags={"k": arg}) for arg in ("a", "b")}
    for run in given.values():
        run.wait_for_completion()
    with experiment.start_logging() as driven:
        below = driven.submit_child(ScriptRunConfig(folder, "script.py", ["below"]))
        below.wait_for_completion()
    everything = [driven.id, given["b"].id, given["a"].id]
    found = list(experiment.get_runs())
    assert [r.id for r in found] == everything and {type(r) for r in found} == {Run}
    assert [r.get_metrics().get("argument") for r in found] == [None, "b", "a"]
    assert [r.get_status() for r in found] == ["Completed"] * 3
    assert [r.id for r in Run.list(experiment, status="Completed")] == everything
    given["a"].tag("late", "1")
    assert [r.id for r in experiment.get_runs(tags={"late": "1"})] == [given["a"].id]
    assert [r.id for r in experiment.get_runs(tags={"k": "b"})] == [given["b"].id]
    assert [r.id for r in experiment.get_runs(type="azureml.scriptrun")] == everything
    assert (
        list(experiment.get_runs(type="azureml.StepRun")) == list(experiment.get_runs(type="azureml.PipelineRun")) == []
    )
    assert {r.id for r in experiment.get_runs(include_children=True)} == {*everything, below.id}
    for recursive in (False, True):
        assert [(c.id, type(c), c.get_status()) for c in driven.get_children(recursive)] == [
            (below.id, Run, "Completed")
        ]
    assert [c.id for c in driven.get_children(type="azureml.scriptrun")] == [below.id]
    assert driven.get_metrics(recursive=True)["argument"] == "below"
