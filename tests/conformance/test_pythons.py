"""The SDK's core story on the oldest and the newest Python: authored, submitted, run as a step and read back in that interpreter alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PRODUCE = """\
import argparse, os, sys
from azureml.core import Run

parser = argparse.ArgumentParser()
parser.add_argument("--out")
parser.add_argument("--times", type=int)
args = parser.parse_args()
os.makedirs(args.out, exist_ok=True)
with open(os.path.join(args.out, "python.txt"), "w") as file:
    file.write(".".join(map(str, sys.version_info[:2])) * args.times)
run = Run.get_context()
run.log("answer", 42)
run.log_list("squares", [1, 4, 9])
run.log_row("pair", x=1, y="a")
run.log_row("pair", x=2, y="b")
run.tag("made by", "produce")
with open("outputs/note.txt", "w") as file:
    file.write("kept")
print("produced")
"""

CONSUME = """\
import os, sys
from azureml.core import Run

with open(os.path.join(os.environ["AZUREML_DATAREFERENCE_made"], "python.txt")) as file:
    found = file.read()
run = Run.get_context()
run.parent.log("found", found)
print("consumed " + found)
"""

STORY = """\
import json, os, sys
from azureml.core import Experiment, Run, Workspace
from azureml.pipeline.core import Pipeline, PipelineData, PipelineParameter, PipelineRun
from azureml.pipeline.steps import PythonScriptStep

ws = Workspace.create("story", subscription_id="s", resource_group="r", exist_ok=True)
made = PipelineData("made", datastore=ws.get_default_datastore())
times = PipelineParameter("times", 1)
produce = PythonScriptStep("produce.py", name="produce", source_directory="steps", compute_target="local",
                           arguments=["--out", made, "--times", times], outputs=[made])
consume = PythonScriptStep("consume.py", name="consume", source_directory="steps", compute_target="local",
                           inputs=[made], arguments=[made])
pipeline = Pipeline(ws, steps=[consume])
assert pipeline.validate() == []
run = Experiment(ws, "pythons").submit(pipeline, tags={"a": "b"}, pipeline_parameters={"times": 2})
status = run.wait_for_completion(show_output=True)
step = run.find_step_run("produce")[0]
count = step.get_output_data("made").download("downloaded")
files = [os.path.join(d, n) for d, _, names in os.walk("downloaded") for n in names]
again = next(iter(Experiment(ws, "pythons").get_runs()))
print("STORY " + json.dumps({
    "status": status, "count": count, "text": [open(f).read() for f in files], "metrics": step.get_metrics(),
    "parent": run.get_metrics(), "tags": step.get_tags(), "files": step.get_file_names(), "log": step.get_stdout_log(),
    "again": [type(again).__name__, again.id == run.id], "offline": Run.get_context().id[:10],
    "lean": sorted({"pandas", "numpy", "requests"} & set(sys.modules)), "python": list(sys.version_info[:2]),
}))
"""


@pytest.mark.parametrize("version", ["3.8", "3.13"])
def test_the_core_story_holds_on_python(
    version: str, home: Path, tmp_path: Path, python_of: Callable[[str], str]
) -> None:
    (tmp_path / "steps").mkdir()
    (tmp_path / "steps/produce.py").write_text(PRODUCE)
    (tmp_path / "steps/consume.py").write_text(CONSUME)
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "sdk/src"),
        "PENSTOCK_PYTHON": sys.executable,
        "PENSTOCK_HOME": str(home),
    }
    done = subprocess.run(
        [python_of(version), "-W", "error", "-c", STORY],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    story = json.loads(done.stdout.rsplit("STORY ", 1)[1])
    assert story["status"] == "Finished"
    assert (story["count"], story["text"]) == (1, [version * 2]), "the step ran in another Python than its author's"
    assert story["metrics"] == {"answer": 42, "squares": [1, 4, 9], "pair": {"x": [1, 2], "y": ["a", "b"]}}
    assert story["parent"] == {"found": version * 2}
    assert story["tags"]["made by"] == "produce"
    assert "outputs/note.txt" in story["files"]
    assert "produced" in story["log"]
    assert story["again"] == ["PipelineRun", True]
    assert story["offline"] == "OfflineRun"
    assert story["lean"] == []
    assert ".".join(map(str, story["python"])) == version
