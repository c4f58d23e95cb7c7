"""Results made from data that something else changed in the middle of a run stand for nothing later."""

from __future__ import annotations

from pathlib import Path

import pytest

from azureml.core import Datastore, Experiment, Workspace
from azureml.pipeline.core import Pipeline, PipelineData, PipelineRun
from azureml.pipeline.steps import PythonScriptStep

MAKE = "import sys; open(sys.argv[1], 'w').write('good')"
MEDDLE = """
import glob, os, sys, time
if sys.argv[2] == "edit":
    time.sleep(0.1)  # nobody is quicker by hand
    path = max(glob.glob(sys.argv[1] + "/azureml/*/made"), key=os.path.getmtime)
    times = os.stat(path)
    open(path, "w").write("evil")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
"""
READ = "import sys; open(sys.argv[2], 'w').write(open(sys.argv[1]).read())"


@pytest.fixture
def ws(workspace: Workspace) -> Workspace:
    return workspace


@pytest.fixture
def store(ws: Workspace) -> Datastore:
    return ws.get_default_datastore()


def run(ws: Workspace, folder: Path, store: Datastore, what: str, salt: str = "") -> PipelineRun:
    """make -> read, and in between a step that nothing stands for, which may edit what make wrote, as somebody by hand would."""
    for name, text in (("make", MAKE), ("meddle", MEDDLE), ("read", READ)):
        (folder / f"{name}.py").write_text(text)
    made, got = PipelineData("made", is_directory=False), PipelineData("got", is_directory=False)
    same = {"source_directory": str(folder), "compute_target": "local"}
    make = PythonScriptStep("make.py", name="make", arguments=[made], outputs=[made], **same)
    given = [str(store._root), what]
    meddle = PythonScriptStep("meddle.py", name="meddle", arguments=given, allow_reuse=False, **same)
    meddle.run_after(make)
    read = PythonScriptStep("read.py", name="read", arguments=[made, got, salt], inputs=[made], outputs=[got], **same)
    read.run_after(meddle)
    done = Experiment(ws, "touched").submit(Pipeline(ws, [read]))
    assert done.wait_for_completion(show_output=False) == "Finished"
    return done


def left(done: PipelineRun, name: str, output: str, store: Datastore) -> str:
    (step,) = done.find_step_run(name)
    place = step.get_output(output).get_port_data_reference().path_on_datastore
    return (Path(store._root) / place).read_text()


@pytest.mark.parametrize("is_reused", [False, True])
def test_what_was_made_from_an_output_that_was_edited_meanwhile_is_not_reused(
    ws: Workspace, tmp_path: Path, store: Datastore, is_reused: bool
) -> None:
    if is_reused:
        run(ws, tmp_path, store, "leave", "before")
    edited = run(ws, tmp_path, store, "edit")
    verdicts = {d.name: d.verdict for d in edited.why()}
    assert verdicts == {"make": "reused" if is_reused else "ran", "meddle": "ran", "read": "ran"}
    assert left(edited, "make", "made", store) == left(edited, "read", "got", store) == "evil"
    said = [w["message"] for w in edited.get_details()["warnings"]]
    assert any("Input 'made' of step 'read' changed while the run went on" in w for w in said), said
    again = run(ws, tmp_path, store, "leave")
    assert left(again, "make", "made", store) == left(again, "read", "got", store) == "good"
    why = {d.name: d for d in again.why()}
    assert why["make"].verdict == "ran" and "its output 'made' was changed" in why["make"].because[0]
    assert why["read"].verdict == "ran"
    assert "did the same, but its input 'made' changed while the run went on" in str(why["read"])
    third = run(ws, tmp_path, store, "leave")
    assert {d.name: d.verdict for d in third.why()} == {"make": "reused", "meddle": "ran", "read": "reused"}
    assert left(third, "read", "got", store) == "good"
