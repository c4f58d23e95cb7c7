"""Runs seen from outside: how they are found, what they say of themselves, what they keep, as public code asks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from azureml.core import Experiment, Run, ScriptRunConfig, Workspace
from azureml.exceptions import UserErrorException
from azureml.pipeline.core import Pipeline, PipelineRun, StepRun
from azureml.pipeline.steps import PythonScriptStep

SCRIPT = """
import os
from azureml.core import Run
run = Run.get_context()
run.log('inner', 1)
run.parent.log('outer', 2)
os.makedirs('outputs', exist_ok=True)
open('outputs/model.pkl', 'w').write('m')
"""


@pytest.fixture(scope="module")
def ws(module_workspace: Workspace) -> Workspace:
    return module_workspace


@pytest.fixture(scope="module")
def done(ws: Workspace, tmp_path_factory: pytest.TempPathFactory) -> PipelineRun:
    """A pipeline run of one step, over."""
    folder = tmp_path_factory.mktemp("src")
    (folder / "s.py").write_text(SCRIPT)
    step = PythonScriptStep("s.py", "only", compute_target="local", source_directory=str(folder), allow_reuse=False)
    run = Experiment(ws, "seen").submit(Pipeline(ws, [step]), tags={"kind": "pipeline"})
    run.wait_for_completion(show_output=False)
    return run


def test_both_vocabularies(ws: Workspace, done: PipelineRun) -> None:
    (step,) = done.get_children()
    assert (type(step), done.get_status(), step.get_status()) == (StepRun, "Finished", "Finished")
    for run in (done, step):
        plain = Run(run.experiment, run.id)
        assert (plain.status, plain.get_status()) == ("Completed", "Completed")
        assert run.get_details()["status"] == "Completed"
        assert plain.wait_for_completion()["status"] == "Completed"


def test_details_have_every_key(done: PipelineRun) -> None:
    wanted = {
        "runId", "target", "status", "startTimeUtc", "endTimeUtc", "properties", "inputDatasets", "outputDatasets",
        "runDefinition", "logFiles", "submittedBy",
    }  # fmt: skip
    (step,) = done.get_children()
    for run in (done, step):
        details = run.get_details()
        assert wanted <= set(details) and details["runId"] == run.id
        assert details["endTimeUtc"] >= details["startTimeUtc"]
    assert set(step.get_details()["logFiles"]) >= {"azureml-logs/70_stdout.txt"}


def test_metrics_of_a_pipeline_and_below(done: PipelineRun) -> None:
    assert done.get_metrics() == {"outer": 2}
    assert done.get_metrics(recursive=True) == {"outer": 2, "inner": 1}
    assert done.get_metrics("inner", recursive=True) == {"inner": 1} and done.get_metrics("none") == {}


def test_runs_are_found_by_type_tags_properties_status_and_with_children(ws: Workspace, done: PipelineRun) -> None:
    experiment = Experiment(ws, "seen")
    with experiment.start_logging(tags={"kind": "driven"}) as driven:
        driven.add_properties({"p": "1"})
    with pytest.raises(ValueError), experiment.start_logging() as failed:
        raise ValueError("on purpose")
    newest_first = [failed.id, driven.id, done.id]
    assert [r.id for r in experiment.get_runs()] == newest_first == [r.id for r in Run.list(experiment)]
    assert [r.id for r in experiment.get_runs(tags={"kind": "driven"})] == [driven.id]
    assert [r.id for r in experiment.get_runs(tags="kind")] == [driven.id, done.id]
    assert [r.id for r in experiment.get_runs(properties={"p": "1"})] == [driven.id]
    assert [type(r) for r in experiment.get_runs(type="azureml.PipelineRun")] == [PipelineRun]
    assert [r.id for r in Run.list(experiment, status="Failed")] == [failed.id]
    assert len(list(experiment.get_runs(include_children=True))) == 4
    assert type(Run.get(ws, done.id)) is PipelineRun and type(ws.get_run(driven.id)) is Run
    with pytest.raises(UserErrorException, match="There is no run 'nobody'"):
        Run.get(ws, "nobody")


def test_a_model_knows_the_run_that_it_is_of(ws: Workspace, done: PipelineRun) -> None:
    (step,) = done.get_children()
    model = step.register_model("of-a-step", "outputs/model.pkl", tags={"a": "b"})
    assert (model.run_id, model.version, model.experiment_name) == (step.id, 1, "seen")
    assert [m.id for m in ws.models["of-a-step"].list(ws, run_id=step.id)] == ["of-a-step:1"]
    assert model.run.id == step.id


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/x", "a//b", "", "a/", "..\\x", "a\0b"])
def test_a_file_by_a_name_that_leads_elsewhere_is_refused(ws: Workspace, tmp_path: Path, name: str) -> None:
    (tmp_path / "f").write_text("x")
    with Experiment(ws, "names").start_logging() as run:
        with pytest.raises(UserErrorException, match="file name"):
            run.upload_file(name, str(tmp_path / "f"))
        assert run.get_file_names() == []


def test_a_folder_with_links_is_uploaded_once_and_whole(ws: Workspace, tmp_path: Path) -> None:
    top, other = tmp_path / "top", tmp_path / "other"
    (top / "deep").mkdir(parents=True)
    other.mkdir()
    (top / "deep/a.txt").write_text("a")
    (other / "b.txt").write_text("b")
    (top / "elsewhere").symlink_to(other)
    (top / "link.txt").symlink_to(other / "b.txt")
    (top / "deep/again").symlink_to(top)
    (top / "broken").symlink_to("nowhere")
    os.mkfifo(top / "pipe")
    with Experiment(ws, "links").start_logging() as run:
        run.upload_folder("kept", str(top))
    assert run.get_file_names() == ["kept/deep/a.txt", "kept/elsewhere/b.txt", "kept/link.txt"]
    run.download_files("kept", str(tmp_path / "got"), append_prefix=False)
    assert (tmp_path / "got/link.txt").read_text() == "b" and not (tmp_path / "got/link.txt").is_symlink()


def test_a_child_is_submitted_below_and_listed(ws: Workspace, tmp_path: Path) -> None:
    (tmp_path / "c.py").write_text("from azureml.core import Run\nRun.get_context().log('child', 3)\n")
    with Experiment(ws, "children").start_logging() as parent:
        made = parent.create_children(tag_key="fold", tag_values=["1", "2"])
        for child in made:
            child.complete()
        submitted = parent.submit_child(ScriptRunConfig(str(tmp_path), "c.py"))
        assert submitted.wait_for_completion(show_output=False)["status"] == "Completed"
    assert [c.tags for c in made] == [{"fold": "1"}, {"fold": "2"}]
    assert parent.get_metrics(recursive=True) == {"child": 3}
    assert {c.id for c in made} <= {c.id for c in parent.get_children(recursive=True)}
    assert [c.id for c in parent.get_children(tags={"fold": "2"})] == [made[1].id]


MUCH = """
from azureml.core import Run
run = Run.get_context()
for n in range(12000):
    run.log("often", n)
run.log("n" * 600, 1)
run.log("long", "x" * 300000)
run.log_list("list", list(range(20000)))
run.log_row("wide", **{"c%d" % n: n for n in range(2000)})
run.log_table("table", {"c%d" % n: list(range(300)) for n in range(50)})
for n in range(700):
    run.log("name %d" % n, n)
run.set_tags({"tag %d" % n: "y" * 200 for n in range(300)})
"""


def test_nothing_that_is_logged_is_cut_off(ws: Workspace, tmp_path: Path) -> None:
    (tmp_path / "much.py").write_text(MUCH)
    run = Experiment(ws, "much").submit(ScriptRunConfig(str(tmp_path), "much.py"))
    run.wait_for_completion()
    metrics = run.get_metrics()
    assert metrics["often"] == list(range(12000)) and metrics["n" * 600] == 1
    assert metrics["long"] == "x" * 300000 and metrics["list"] == list(range(20000))
    assert metrics["wide"] == {f"c{n}": n for n in range(2000)}
    assert metrics["table"] == {f"c{n}": list(range(300)) for n in range(50)}
    assert [metrics[f"name {n}"] for n in range(700)] == list(range(700))
    assert run.get_tags() == {f"tag {n}": "y" * 200 for n in range(300)}
