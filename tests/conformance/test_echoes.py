"""What a notebook shows of each object: its name is there, and nothing in it runs; no echo raises. Against a real server."""

from __future__ import annotations

import html

import pytest

from azureml.core import Dataset, Datastore, Environment, Experiment, Model, Run, Workspace
from azureml.core.compute import AmlCompute, ComputeTarget
from azureml.pipeline.core import Pipeline, PipelineData, PipelineDraft, PipelineEndpoint, Schedule, ScheduleRecurrence
from azureml.pipeline.core.module import Module
from azureml.pipeline.steps import PythonScriptStep
from azureml.widgets import ParallelRunStepDetails, RunDetails

EVIL = "<img src=x onerror=alert(1)>&amp;"
SHOWN = html.escape(EVIL)


@pytest.fixture(scope="module")
def shown(module_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """One of each, named so wherever a name may be anything."""
    ws = Workspace.create("echoes", subscription_id="s", resource_group="g", tags={EVIL: EVIL}, exist_ok=True)
    folder = tmp_path_factory.mktemp("src")
    (folder / "s.py").write_text(
        f"from azureml.core import Run\nRun.get_context().log({EVIL!r}, {EVIL!r})\nraise ValueError({EVIL!r})"
    )
    model = Model.register(ws, __file__, "m", tags={EVIL: EVIL}, properties={EVIL: EVIL}, description=EVIL)
    files = Dataset.File.from_files((ws.get_default_datastore(), "x")).register(
        ws, EVIL, description=EVIL, tags={EVIL: EVIL}
    )
    table = Dataset.Tabular.from_parquet_files((ws.get_default_datastore(), EVIL), validate=False)
    experiment = Experiment(ws, "e")
    driven = experiment.start_logging(display_name=EVIL)
    driven.tag(EVIL, EVIL)
    driven.log(EVIL, EVIL)
    driven.fail(error_details=EVIL)
    data = PipelineData("data")
    step = PythonScriptStep(
        "s.py", name=EVIL, source_directory=str(folder), compute_target="c", arguments=[data], outputs=[data]
    )
    pipeline = Pipeline(ws, [step], description=EVIL)
    run = experiment.submit(pipeline, tags={EVIL: EVIL})
    run.wait_for_completion(show_output=False, raise_on_error=False)
    (step_run,) = run.get_steps()
    published = pipeline.publish(EVIL, EVIL, EVIL)
    return {
        "workspace": ws, "experiment": experiment, "model": model, "file dataset": files, "tabular dataset": table,
        "datasets": ws.datasets, "datastore": ws.get_default_datastore(), "run": Run.get(ws, driven.id), "pipeline run": run,
        "step run": step_run, "pipeline": pipeline, "step": step, "data": data,
        "published pipeline": published, "endpoint": PipelineEndpoint.publish(ws, EVIL, EVIL, published),
        "draft": PipelineDraft.create(ws, pipeline, name=EVIL, description=EVIL, tags={EVIL: EVIL}),
        "module": Module.create(ws, EVIL, EVIL), "environment": Environment(EVIL), "compute": ComputeTarget(ws, "c"),
        "schedule": Schedule.create(ws, EVIL, published.id, "e", ScheduleRecurrence("Day", 1), description=EVIL),
        "configuration": AmlCompute.provisioning_configuration(max_nodes=1), "keyvault": ws.get_default_keyvault(),
        "details": RunDetails(run), "step details": ParallelRunStepDetails(step_run),
        "sql datastore": Datastore.register_azure_sql_database(ws, "sql", EVIL, EVIL, username=EVIL, password=EVIL),
    }  # fmt: skip


DRAWN = ("workspace", "experiment", "run", "pipeline run", "step run", "pipeline", "file dataset", "tabular dataset", "model",
         "details", "step details")  # fmt: skip


def test_every_object_echoes(shown: dict[str, object]) -> None:
    for what, each in shown.items():
        assert repr(each) and str(each), what
        drawn = getattr(each, "_repr_html_", None)
        said = drawn() if drawn is not None else ""
        assert "<img src=x" not in said, f"a {what} lets what it is named run"
        assert said or what not in DRAWN, what


@pytest.mark.parametrize("what", ["model", "file dataset", "pipeline", "details", "step details"])
def test_what_a_name_holds_is_shown_as_it_is(shown: dict[str, object], what: str) -> None:
    assert SHOWN in shown[what]._repr_html_()


def test_a_pipeline_is_drawn_and_a_run_says_how_it_stands(shown: dict[str, object]) -> None:
    for what in ("pipeline", "details"):
        assert "<svg" in shown[what]._repr_html_(), what
    assert "ValueError: " + SHOWN in shown["details"]._repr_html_()
    for what in ("run", "pipeline run", "step run"):
        said = shown[what]._repr_html_()
        assert shown[what].id in said and "Failed" in said and shown[what].get_portal_url() in said
