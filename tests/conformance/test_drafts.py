"""Drafts of pipelines: made from whatever has a graph, changed, submitted, published; what they are made from stays as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from azureml.core import Experiment, Workspace
from azureml.exceptions import UserErrorException
from azureml.pipeline.core import Pipeline, PipelineDraft, PipelineParameter, PipelineRun, PublishedPipeline
from azureml.pipeline.steps import PythonScriptStep

SCRIPT = "import sys\nfrom azureml.core import Run\nRun.get_context().log('seen', ' '.join(sys.argv[1:]))\n"


@pytest.fixture(scope="module")
def ws(module_workspace: Workspace) -> Workspace:
    return module_workspace


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("code")
    (folder / "say.py").write_text(SCRIPT)
    return folder


def pipeline(ws: Workspace, code: Path, *more: object) -> Pipeline:
    word, count = PipelineParameter("word", "hello"), PipelineParameter("count", 1)
    step = PythonScriptStep(
        "say.py", name="say", source_directory=str(code), compute_target="cpu", arguments=[word, count, *more]
    )
    return Pipeline(ws, [step], description="says")


def seen(run: PipelineRun) -> str:
    assert run.wait_for_completion(show_output=False) == "Finished"
    return run.find_step_run("say")[0].get_metrics()["seen"]


def test_a_draft_is_changed_submitted_and_published(ws: Workspace, code: Path) -> None:
    made = PipelineDraft.create(
        ws,
        name="TestPipelineDraft",
        description="draft description",
        experiment_name="helloworld",
        pipeline=pipeline(ws, code),
        continue_on_step_failure=True,
        tags={"dev": "true"},
        properties={"train": "value"},
    )
    draft = PipelineDraft.get(ws, id=made.id)
    assert (draft.name, draft.description) == ("TestPipelineDraft", "draft description")
    assert (draft.tags, draft.properties) == ({"dev": "true"}, {"train": "value"})
    assert draft.last_submitted_pipeline_run_id is None
    first = draft.submit_run()
    assert PipelineDraft.get(ws, made.id).last_submitted_pipeline_run_id == draft.last_submitted_pipeline_run_id
    assert draft.last_submitted_pipeline_run_id == first.id
    draft.update(name="UpdatedPipelineDraft", tags={"dev": "false"}, pipeline_parameters={"word": "bye", "count": 2})
    again = PipelineDraft.get(ws, made.id)
    assert (again.name, again.description, again.tags) == (
        "UpdatedPipelineDraft",
        "draft description",
        {"dev": "false"},
    )
    assert first.experiment.name == "helloworld" and seen(first) == "hello 1"
    second = Experiment(ws, "elsewhere").submit(again, pipeline_parameters={"count": 3}, tags={"by": "me"})
    assert second.get_tags() == {"dev": "false", "by": "me"} and second.get_properties()["train"] == "value"
    published = again.publish()
    assert published.name == "UpdatedPipelineDraft"
    again.update(pipeline_parameters={"word": "later"})
    assert seen(second) == "bye 3" and seen(published.submit(ws, "published")) == "bye 2"


def test_a_draft_is_made_from_whatever_has_a_graph_and_says_from_what(ws: Workspace, code: Path) -> None:
    published = pipeline(ws, code).publish("origin")
    run = published.submit(ws, "of-run", pipeline_parameters={"word": "given"})
    of_published = PipelineDraft.create(ws, published, experiment_name="a")
    of_run = PipelineDraft.create(ws, run, pipeline_parameters=None)
    of_draft = PipelineDraft.create(ws, of_run, name="copy")
    assert of_published.parent_pipeline_id == published.id and of_published.name == "origin"
    assert of_run.parent_pipeline_run_id == run.id and of_run.parent_step_run_ids == []
    assert of_draft.parent_pipeline_draft_id == of_run.id and of_draft.parent_pipeline_run_id is None
    submitted = of_draft.submit_run()  # with the run's experiment and values
    assert submitted.experiment.name == "of-run" and seen(submitted) == "given 1"
    of_run.delete()
    with pytest.raises(UserErrorException, match=f"no draft '{of_run.id}'"):
        PipelineDraft.get(ws, of_run.id)
    assert [node.name for node in of_draft.get_graph().module_nodes] == ["say"]


def test_a_draft_does_not_change_with_its_source_nor_that_with_it(ws: Workspace, tmp_path: Path) -> None:
    (tmp_path / "say.py").write_text(SCRIPT)
    published = pipeline(ws, tmp_path).publish("stays")
    draft = PipelineDraft.create(ws, published, experiment_name="stays")
    (tmp_path / "say.py").write_text("raise SystemExit('another script')")
    draft.update(pipeline_parameters={"word": "mine"})
    assert seen(draft.submit_run()) == "mine 1"
    (tmp_path / "say.py").write_text(SCRIPT)
    draft.update(pipeline=pipeline(ws, tmp_path, "more"))
    assert seen(draft.submit_run()) == "mine 1 more"
    assert seen(PublishedPipeline.get(ws, published.id).submit(ws, "stays")) == "hello 1"


def test_drafts_are_found_by_their_tags(ws: Workspace, code: Path) -> None:
    one = PipelineDraft.create(ws, pipeline(ws, code), tags={"team": "a"})
    other = PipelineDraft.create(ws, pipeline(ws, code), tags={"team": "b", "more": None})
    assert {one.id, other.id} <= {d.id for d in PipelineDraft.list(ws)}
    assert [d.id for d in PipelineDraft.list(ws, tags={"team": "b"})] == [other.id]
    assert [d.id for d in PipelineDraft.list(ws, tags="team")] == [other.id, one.id]
    assert one.name == "says"


def test_what_is_wrong_with_a_draft_is_said_when_it_is_made_or_changed(ws: Workspace, code: Path) -> None:
    with pytest.raises(ValueError, match="made from a Pipeline, a PublishedPipeline, a PipelineRun or a PipelineDraft"):
        PipelineDraft.create(ws, "pipeline")
    with pytest.raises(Exception, match="Pipeline parameter with name zz does not exist"):
        PipelineDraft.create(ws, pipeline(ws, code), pipeline_parameters={"zz": 1})
    draft = PipelineDraft.create(ws, pipeline(ws, code), name="lonely")
    with pytest.raises(ValueError, match="count"):
        draft.update(pipeline_parameters={"count": "many"})
    with pytest.raises(UserErrorException, match="'lonely' has no experiment"):
        draft.submit_run()
    draft.delete()
    with pytest.raises(UserErrorException, match="no draft"):
        draft.update(name="gone")
