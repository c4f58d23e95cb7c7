"""Every member of what is published, drafted and kept as a module: its signature, what it prints, gives back and raises."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from azureml.core import Experiment, Workspace
from azureml.exceptions import UserErrorException
from azureml.pipeline.core import (
    Module,
    ModuleVersion,
    Pipeline,
    PipelineDraft,
    PipelineEndpoint,
    PipelineParameter,
    PipelineRun,
    PublishedPipeline,
)
from azureml.pipeline.core.graph import Graph, InputPortDef, OutputPortDef, ParamDef
from azureml.pipeline.steps import ModuleStep, PythonScriptStep

CASES = (Path(__file__).parent / "cases" / "published.txt").read_text().splitlines()
CLASSES = (
    PublishedPipeline, PipelineEndpoint, PipelineDraft, Pipeline, PipelineRun, Experiment, Graph, Module, ModuleVersion, ModuleStep,
    InputPortDef, OutputPortDef, ParamDef,
)  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_every_call_takes_what_v1_takes_in_its_order(case: str) -> None:
    name, _, rest = case.partition("(")
    owner, _, method = name.partition(".")
    (kind,) = [each for each in CLASSES if each.__name__ == owner]
    raw = inspect.getattr_static(kind, method)
    parameters = list(inspect.signature(getattr(raw, "__func__", raw)).parameters.values())
    parameters = parameters if isinstance(raw, staticmethod) else parameters[1:]
    marks = {inspect.Parameter.VAR_KEYWORD: "**", inspect.Parameter.VAR_POSITIONAL: "*"}
    has = [
        marks.get(p.kind, "") + p.name + ("" if p.default is p.empty else f"={p.default!r}")
        for p in parameters
        if not p.name.startswith("_")
    ]
    assert ", ".join(has) == rest.removesuffix(")")


@pytest.fixture(scope="module")
def ws(module_workspace: Workspace) -> Workspace:
    return module_workspace


@pytest.fixture
def pipeline(ws: Workspace, tmp_path: Path) -> Pipeline:
    (tmp_path / "x.py").write_text("import sys; print(sys.argv[1:])")
    step = PythonScriptStep(
        "x.py",
        name="prints",
        source_directory=str(tmp_path),
        compute_target="cpu",
        arguments=[PipelineParameter("n", 3)],
    )
    return Pipeline(ws, [step], description="prints n")


def printed(run: PipelineRun) -> str:
    assert isinstance(run, PipelineRun) and run.wait_for_completion(show_output=False) == "Finished"
    return run.find_step_run("prints")[0].get_stdout_log().strip()


@contextlib.contextmanager
def refused(message: str, kind: type[Exception] = UserErrorException) -> Iterator[None]:
    with pytest.raises(kind, match=message):
        yield


def test_a_published_pipeline(ws: Workspace, pipeline: Pipeline, capsys: pytest.CaptureFixture) -> None:
    published = pipeline.publish(name="pn", description="d", version="1.0", continue_on_step_failure=True)
    assert type(published) is PublishedPipeline and len(published.id) == 36 and published.id.count("-") == 4
    text = f"Pipeline(Name: pn,\nId: {published.id},\nStatus: Active,\nEndpoint: {published.endpoint})"
    assert repr(published) == str(published) == text
    assert published.id in published._repr_html_() and published.portal_url == published.get_portal_url()
    assert published.portal_url.startswith("http") and published.portal_url.endswith(published.id)
    assert (published.name, published.description, published.version) == ("pn", "d", "1.0")
    assert (published.status, published.continue_on_step_failure, published.total_run_steps) == ("Active", True, 1)
    assert isinstance(published.graph_id, str) and published.get_step_names() == ["prints"]
    graph = published.get_graph()
    assert (
        isinstance(graph, Graph) and repr(graph) == "Graph(nodes=['prints'])" and graph.params["n"].default_value == 3
    )
    bare = pipeline.publish()
    assert (bare.name, bare.description, bare.version, bare.continue_on_step_failure) == (
        "prints n",
        "prints n",
        None,
        None,
    )
    assert pipeline.publish("pn", version="1.0").id != published.id, "names and versions need not be unique"
    listed = PublishedPipeline.list(ws)
    assert type(listed) is list and published.id in [p.id for p in listed] and listed[0].name == "pn"
    assert published.disable() is None and published.status == "Disabled"
    with refused("is disabled. Enable it"):
        published.submit(ws, "e")
    assert published.id not in [p.id for p in PublishedPipeline.get_all(ws)]
    assert published.id in [p.id for p in PublishedPipeline.list(ws, active_only=False)]
    assert published.enable() is None and PublishedPipeline.get(ws, published.id).status == "Active"
    with refused("no published pipeline 'none' in workspace 'ws'"):
        PublishedPipeline.get(ws, "none")
    with refused("pipeline_parameters must be a dict of names and values", ValueError):
        published.submit(ws, "e", pipeline_parameters=["n"])
    with refused("Experiment name must be"):
        published.submit(ws, "not a name")
    with refused("There is no run 'none' in workspace 'ws' to be the parent"):
        published.submit(ws, "e", parent_run_id="none")
    capsys.readouterr()
    run = published.submit(ws, "e", {"n": 4}, continue_on_step_failure=False)
    said = capsys.readouterr().out.splitlines()
    assert said[-2:] == [
        f"Submitted PipelineRun {run.id}",
        f"Link to Azure Machine Learning Portal: {run.get_portal_url()}",
    ]
    assert printed(run) == "['4']" and run.id in [r.id for r in PipelineRun.get_pipeline_runs(ws, published.id)]


def test_the_first_publishing_says_how_long_the_server_stays_on_stderr_and_no_other_does(
    workspace: Workspace, tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    (tmp_path / "x.py").write_text("")
    step = PythonScriptStep("x.py", source_directory=str(tmp_path), compute_target="cpu")
    capfd.readouterr()
    Pipeline(workspace, [step]).publish("first").disable()
    out, err = capfd.readouterr()
    assert "not through a logout or a restart of the machine" in err and err.count("penstock service install") == 1
    assert "service" not in out
    again = Pipeline(workspace, [step]).publish("again")
    Experiment(workspace, "e").submit(again).publish_pipeline("of a run", "d", "1")
    assert "service" not in "".join(capfd.readouterr())


def test_publishing_a_run(ws: Workspace, pipeline: Pipeline, capsys: pytest.CaptureFixture) -> None:
    with refused("missing 2 required", TypeError):
        PipelineRun.publish_pipeline(None, "a")
    run = Experiment(ws, "e").submit(pipeline, pipeline_parameters={"n": 9})
    run.cancel()
    run.wait_for_completion(show_output=False, raise_on_error=False)
    status = run.get_status()
    capsys.readouterr()
    published = run.publish_pipeline("of a run", "d", "v", unknown=1)
    said = capsys.readouterr().out
    assert type(published) is PublishedPipeline and (status == "Finished") is ("Warning" not in said)
    assert (published.name, published.description, published.version) == ("of a run", "d", "v")
    assert printed(published.submit(ws, "e")) == "['3']", "the graph's own defaults"


def test_what_experiment_submit_takes(ws: Workspace, pipeline: Pipeline) -> None:
    published = pipeline.publish("taken")
    endpoint = PipelineEndpoint.publish(ws, "taken", "d", published)
    draft = PipelineDraft.create(ws, published)
    experiment = Experiment(ws, "takes")
    for config in (pipeline, published, endpoint, draft):
        run = experiment.submit(
            config, tags={"a": "b"}, pipeline_parameters={"n": 5}, nobody_knows=1, regenerate_outputs=True
        )
        assert printed(run) == "['5']" and run.get_tags() == {"a": "b"} and run.experiment.name == "takes"
        with pytest.warns(DeprecationWarning, match="use pipeline_parameters"):
            run = experiment.submit(config, pipeline_params={"n": 6})
        assert printed(run) == "['6']"
        with refused("pipeline_params is an old name of pipeline_parameters: give only one", ValueError):
            experiment.submit(config, pipeline_params={"n": 6}, pipeline_parameters={"n": 6})
        with pytest.raises(Exception, match="ipeline parameter with name zz does not exist"):
            experiment.submit(config, pipeline_parameters={"zz": 6})
    endpoint.add(pipeline.publish("newer"))
    assert experiment.submit(endpoint, pipeline_version="1").get_properties()["azureml.pipelineid"] != published.id
    with refused("Experiment.submit does not take a str"):
        experiment.submit("a pipeline")


def test_an_endpoint(ws: Workspace, pipeline: Pipeline) -> None:
    first, second = pipeline.publish("one"), pipeline.publish("two")
    endpoint = PipelineEndpoint.publish(workspace=ws, name="ep", description="d", pipeline=first)
    text = f"PipelineEndpoint(Name: ep,\nId: {endpoint.id},\nStatus: Active,\nEndpoint: {endpoint.endpoint})"
    assert repr(endpoint) == text and endpoint.id in endpoint._repr_html_()
    assert (endpoint.name, endpoint.description, endpoint.default_version) == ("ep", "d", "0")
    assert endpoint.endpoint.split("Id", 1)[0].endswith("/PipelineRuns/PipelineEndpointSubmit/")
    assert endpoint.swaggerurl.startswith("http")
    (only,) = endpoint.pipeline_version_list
    assert repr(only) == f"PipelineIdVersion(version='0', pipeline_id='{first.id}')"
    of_pipeline = PipelineEndpoint.publish(ws, "of a pipeline", "d", pipeline)
    assert of_pipeline.get_pipeline().name == "of a pipeline"
    with refused("There is a pipeline endpoint 'ep' in this workspace already", ValueError):
        PipelineEndpoint.publish(ws, "ep", "d", first)
    with refused("Either the id or the name of the pipeline endpoint must be given", Exception):
        PipelineEndpoint.get(ws)
    for wanted in ({"id": "none"}, {"name": "none"}):
        with refused("There is no pipeline endpoint 'none'"):
            PipelineEndpoint.get(ws, **wanted)
    endpoint.add_default(second)
    assert endpoint.default_version == endpoint.get_default_version() == "1"
    versions = endpoint.list_versions()
    assert repr(versions[1]) == f"PipelineVersion(version='1', pipeline='{second.id}')"
    assert (
        [v.pipeline.id for v in versions]
        == [v.pipeline.id for v in endpoint.get_all_versions()]
        == [first.id, second.id]
    )
    first.disable()
    assert [p.id for p in endpoint.list_pipelines()] == [second.id]
    assert [p.id for p in endpoint.get_all_pipelines(active_only=False)] == [first.id, second.id]
    first.enable()
    endpoint.set_default(first)
    assert endpoint.get_pipeline().id == first.id == endpoint.get_pipeline(0).id
    for wrong in (lambda: endpoint.set_default(pipeline.publish()), lambda: endpoint.set_default("9")):
        with refused("is no version of this endpoint. Add it first, or name a version", ValueError):
            wrong()
    with refused("Pipeline endpoint 'ep' has no version '9'. It has: 0, 1.", ValueError):
        endpoint.get_pipeline("9")
    for wrong in (lambda: endpoint.set_default_version("9"), lambda: endpoint.submit("e", pipeline_version="9")):
        with refused("has no version '9'. It has: 0, 1."):
            wrong()
    with refused("Give a PublishedPipeline or a Pipeline, not a str", ValueError):
        endpoint.add("pipeline")
    assert printed(endpoint.submit("e", {"n": 8}, None, "1")) == "['8']"
    endpoint.disable()
    with refused("The pipeline endpoint 'ep' is disabled"):
        endpoint.submit("e")
    endpoint.enable()
    assert [e.name for e in PipelineEndpoint.list(ws, max_results=1)] == ["of a pipeline"]
    assert {"ep", "of a pipeline"} <= {e.name for e in PipelineEndpoint.get_all(ws)}


def test_a_draft(ws: Workspace, pipeline: Pipeline, capsys: pytest.CaptureFixture) -> None:
    draft = PipelineDraft.create(ws, pipeline, "dn", "d", "drafts", {"n": 7}, True, {"t": "1"}, {"p": "2"})
    assert repr(draft) == f"PipelineDraft(Name: dn,\nId: {draft.id})" and draft.id in draft._repr_html_()
    assert (draft.name, draft.description, draft.tags, draft.properties) == ("dn", "d", {"t": "1"}, {"p": "2"})
    parents = (draft.parent_pipeline_id, draft.parent_pipeline_run_id, draft.parent_pipeline_draft_id)
    assert parents == (None, None, None) and draft.parent_step_run_ids == [] and isinstance(draft.get_graph(), Graph)
    capsys.readouterr()
    run = draft.submit_run()
    assert f"Submitted PipelineRun {run.id}" in capsys.readouterr().out and printed(run) == "['7']"
    assert (run.experiment.name, draft.last_submitted_pipeline_run_id) == ("drafts", run.id)
    published = draft.publish()
    assert type(published) is PublishedPipeline and published.continue_on_step_failure is True
    with refused("pipeline_parameters must be a dict", ValueError):
        draft.update(pipeline_parameters=[7])
    assert draft.delete() is None
    for gone in (
        lambda: PipelineDraft.get(ws, draft.id),
        draft.submit_run,
        draft.publish,
        draft.delete,
        draft.get_graph,
    ):
        with refused(f"There is no draft '{draft.id}' in workspace 'ws'"):
            gone()
