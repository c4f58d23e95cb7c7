"""Data that nobody gave a name goes by one that is the same each time, so that a step is known again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from azureml.core import Dataset, Experiment, Workspace
from azureml.data import OutputFileDatasetConfig
from azureml.data.data_reference import DataReference
from azureml.pipeline.core import Pipeline, PipelineRun
from azureml.pipeline.steps import PythonScriptStep

MAKE = """
import os, sys
found = [os.path.join(place, name) for place in sys.argv[1:3] for name in sorted(os.listdir(place))]
os.makedirs(sys.argv[3], exist_ok=True)
open(os.path.join(sys.argv[3], "all"), "w").write("".join(open(p).read() for p in found) + str(sys.argv[4:]))
"""
READ = "import os, sys; print(open(os.path.join(sys.argv[1], 'all')).read())"


@pytest.fixture
def data(workspace: Workspace, tmp_path: Path) -> Workspace:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text(name)
        workspace.get_default_datastore().upload(str(tmp_path / name), target_path=name, show_progress=False)
    return workspace


def pipeline(ws: Workspace, folder: Path) -> tuple[Pipeline, OutputFileDatasetConfig]:
    (folder / "make.py").write_text(MAKE)
    (folder / "read.py").write_text(READ)
    store, same = ws.get_default_datastore(), {"source_directory": str(folder), "compute_target": "local"}
    files = Dataset.File.from_files((store, "one/**"))
    reference = DataReference(store, path_on_datastore="two")
    made = OutputFileDatasetConfig()
    given = [files.as_mount(), reference, made]
    PythonScriptStep("make.py", name="make", arguments=given, inputs=[reference], **same)
    taken = made.as_input()
    read = PythonScriptStep("read.py", name="read", arguments=[str(taken)], inputs=[taken], **same)
    return Pipeline(ws, [read]), made


def run(ws: Workspace, made: Pipeline) -> PipelineRun:
    done = Experiment(ws, "unnamed").submit(made)
    assert done.wait_for_completion(show_output=False) == "Finished"
    return done


def test_a_pipeline_of_unnamed_data_is_reused_when_it_is_written_again(data: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    first, made = pipeline(data, folder)
    done = run(data, first)
    (read,) = done.find_step_run("read")
    assert read.get_stdout_log() == "onetwo[]\n"
    (make,) = done.find_step_run("make")
    left = make.get_output_data(made.name).path_on_datastore  # its name is the one that the step calls it by
    assert (Path(data.get_default_datastore()._root) / left / "all").read_text() == "onetwo[]"
    again, other = pipeline(data, folder)
    assert other.name == made.name
    assert {d.name: d.verdict for d in run(data, again).why()} == {"make": "reused", "read": "reused"}


def test_names_are_other_ones_in_every_step_and_none_is_taken_twice(data: Workspace, tmp_path: Path) -> None:
    (tmp_path / "make.py").write_text(MAKE)
    store, same = data.get_default_datastore(), {"source_directory": str(tmp_path), "compute_target": "local"}
    names = []
    for step in ("a", "b"):
        files = [Dataset.File.from_files((store, "one/**")).as_mount() for _ in range(2)]
        references = [DataReference(store, path_on_datastore="two") for _ in range(2)]
        outputs = [OutputFileDatasetConfig() for _ in range(2)]
        made = PythonScriptStep(
            "make.py", name=step, arguments=[*files, *references, *outputs], inputs=references, **same
        )
        (node,) = Pipeline(data, [made])._lower()["nodes"]
        ports = [p["name"] for p in node["inputs"] + node["outputs"]]
        assert len(set(ports)) == 6
        assert [next(iter(a.values())) for a in node["arguments"]] == [*ports[2:4], *ports[:2], *ports[4:]]
        names.append({p for p in ports if re.fullmatch("(input|output)_[0-9a-f]{8}", p)})
    assert len(names[0]) == 4 and not names[0] & names[1]
