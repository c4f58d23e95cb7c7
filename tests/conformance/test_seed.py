"""The story that the product began with, block by block in its order, written as its readers write it.

Where the original could not run as printed (an undefined name, a script given arguments that it does not take, one parenthesis too many) the mended
form stands here, and the trap itself has a test of what the user then sees.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

PREPARE = """\
from azureml.core import Run
import argparse
import os

run = Run.get_context()
parser = argparse.ArgumentParser()
parser.add_argument("--raw-ds", type=str, dest="raw_dataset_id")
parser.add_argument("--out_folder", type=str, dest="folder")
args = parser.parse_args()

rows = run.input_datasets["raw_data"].to_pandas_dataframe()
chosen = rows[["col1", "col2", "col3"]]
os.makedirs(args.folder, exist_ok=True)
chosen.to_csv(os.path.join(args.folder, "prepped_data.csv"), index=False)
print("dataset id: " + args.raw_dataset_id)
"""

TRAIN = """\
from azureml.core import Run
import argparse
import os

parser = argparse.ArgumentParser()
parser.add_argument("--in_folder")
parser.add_argument("--reg", type=float, default=None)
args = parser.parse_args()

with open(os.path.join(args.in_folder, "prepped_data.csv")) as file:
    header, *rows = file.read().split()
run = Run.get_context()
run.log("rows", len(rows))
run.log("header", header)
if args.reg is not None:
    run.log("reg", args.reg)
"""

NO_ARGUMENTS = "print('{} ran')\n"


@pytest.fixture(autouse=True)
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The author's working folder with `scripts/` in it."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "scripts"
    folder.mkdir()
    (folder / "data_prep.py").write_text(PREPARE)
    (folder / "train_model.py").write_text(TRAIN)
    return folder


@pytest.fixture(scope="module")
def ws(module_workspace: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A workspace with `raw_dataset` registered and the cluster left to be made on first use."""
    from azureml.core import Dataset

    folder = tmp_path_factory.mktemp("raw")
    lines = ["col1,col2,col3,col4"] + [f"{i},{i * i},{i % 2},unused" for i in range(10)]
    (folder / "raw.csv").write_text("\n".join(lines) + "\n")
    store = module_workspace.get_default_datastore()
    store.upload_files([str(folder / "raw.csv")], target_path="raw", show_progress=False)
    Dataset.Tabular.from_delimited_files((store, "raw/raw.csv")).register(module_workspace, "raw_dataset")
    return module_workspace


def data_pipeline(ws: Any, *, second_script: str = "train_model.py", extra: tuple[Any, ...] = (), **kwargs: Any) -> Any:
    """prepare data → train model, with a dataset going in and PipelineData between them."""
    from azureml.core import Dataset
    from azureml.pipeline.core import Pipeline, PipelineData
    from azureml.pipeline.steps import EstimatorStep, PythonScriptStep

    assert EstimatorStep.__name__ == "EstimatorStep"  # the original imports it without a use
    raw_ds = Dataset.get_by_name(ws, "raw_dataset")
    data_store = ws.get_default_datastore()
    prepped_data = PipelineData("prepped", datastore=data_store)
    step1 = PythonScriptStep(
        name="prepare data",
        source_directory="scripts",
        script_name="data_prep.py",
        compute_target="aml-cluster",
        arguments=["--raw-ds", raw_ds.as_named_input("raw_data"), "--out_folder", prepped_data],
        outputs=[prepped_data],
        **kwargs,
    )
    step2 = PythonScriptStep(
        name="train model",
        source_directory="scripts",
        script_name=second_script,
        compute_target="aml-cluster",
        arguments=["--in_folder", prepped_data, *extra],
        inputs=[prepped_data],
    )
    return Pipeline(workspace=ws, steps=[step1, step2])


def test_two_steps_without_a_data_edge_run(ws: Any, scripts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from azureml.core import Experiment
    from azureml.pipeline.core import Pipeline
    from azureml.pipeline.steps import PythonScriptStep

    for name in ("data_prep.py", "train_model.py"):
        (scripts / name).write_text(NO_ARGUMENTS.format(name))
    step1 = PythonScriptStep(
        name="prepare data", source_directory="scripts", script_name="data_prep.py", compute_target="aml-cluster"
    )
    step2 = PythonScriptStep(
        name="train model", source_directory="scripts", script_name="train_model.py", compute_target="aml-cluster"
    )
    train_pipeline = Pipeline(workspace=ws, steps=[step1, step2])
    experiment = Experiment(workspace=ws, name="training-pipeline")
    pipeline_run = experiment.submit(train_pipeline)
    printed = capsys.readouterr().out
    assert "Created step prepare data [" in printed
    assert "Created step train model [" in printed
    assert f"Submitted PipelineRun {pipeline_run.id}" in printed
    assert "Link to Azure Machine Learning Portal: http" in printed

    assert pipeline_run.wait_for_completion(show_output=False) == "Finished"
    logs = {step.name: step.get_stdout_log() for step in pipeline_run.get_steps()}
    assert "data_prep.py ran" in logs["prepare data"]
    assert "train_model.py ran" in logs["train model"]
    assert "aml-cluster" in ws.compute_targets, "a name that an administrator would have made is made on first use"


def test_data_passes_from_a_dataset_through_pipeline_data(ws: Any) -> None:
    from azureml.core import Dataset, Experiment

    run = Experiment(ws, "training-pipeline").submit(data_pipeline(ws))
    assert run.wait_for_completion(show_output=False) == "Finished"
    (prepare,) = run.find_step_run("prepare data")
    (train,) = run.find_step_run("train model")
    assert train.get_metrics() == {"rows": 10, "header": "col1,col2,col3"}
    assert f"dataset id: {Dataset.get_by_name(ws, 'raw_dataset').id}" in prepare.get_stdout_log()
    assert prepare.get_output_data("prepped").download("out") == 1
    (found,) = Path("out").rglob("prepped_data.csv")
    assert found.read_text().splitlines()[:2] == ["col1,col2,col3", "0,0,0"]


def test_the_printed_second_step_fails_on_its_arguments_and_the_reason_is_easy_to_find(
    ws: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """As printed, the second step runs data_prep.py with --in_folder, which argparse refuses with status 2."""
    from azureml.core import Experiment
    from azureml.exceptions import ActivityFailedException

    run = Experiment(ws, "training-pipeline").submit(data_pipeline(ws, second_script="data_prep.py"))
    with pytest.raises(ActivityFailedException) as caught:
        run.wait_for_completion(show_output=True)
    shown = capsys.readouterr().out + str(caught.value)
    assert "unrecognized arguments: --in_folder" in shown
    (train,) = run.find_step_run("train model")
    assert train.get_status() == "Failed"
    error = json.dumps(train.get_details()["error"])
    assert "exit status 2" in error and "train model" in error
    assert run.get_status() == "Failed"
    assert run.find_step_run("prepare data")[0].get_status() == "Finished"


def test_reuse_is_controlled_on_the_step_and_on_the_whole_submission(ws: Any, scripts: Path) -> None:
    """The sample with its parenthesis mended; every step runs, whatever reuse would have said."""
    from azureml.core import Dataset, Experiment
    from azureml.core.runconfig import RunConfiguration
    from azureml.pipeline.core import Pipeline, PipelineData
    from azureml.pipeline.steps import PythonScriptStep

    (scripts / "data_prep.py").write_text(PREPARE.replace("--out_folder", "--folder"))
    raw_ds = Dataset.get_by_name(ws, "raw_dataset")
    prepped_data = PipelineData("prepped", datastore=ws.get_default_datastore())
    run_config = RunConfiguration()
    step1 = PythonScriptStep(
        name="prepare data",
        source_directory="scripts",
        script_name="data_prep.py",
        compute_target="aml-cluster",
        runconfig=run_config,
        inputs=[raw_ds.as_named_input("raw_data")],
        outputs=[prepped_data],
        arguments=["--raw-ds", "by name", "--folder", prepped_data],
        allow_reuse=False,
    )
    train_pipeline = Pipeline(workspace=ws, steps=[step1])
    experiment = Experiment(ws, "training-pipeline")
    ids = set()
    for kwargs in ({}, {"regenerate_outputs": True}):
        pipeline_run = experiment.submit(train_pipeline, **kwargs)
        assert pipeline_run.wait_for_completion(show_output=False) == "Finished"
        (step,) = pipeline_run.get_steps()
        assert step.get_properties().get("azureml.isreused") != "true"
        ids.add(step.id)
    assert len(ids) == 2


def test_the_most_recent_run_of_the_experiment_is_found_again(ws: Any) -> None:
    from azureml.core import Experiment
    from azureml.pipeline.core import PipelineRun

    submitted = [Experiment(ws, "recent-runs").submit(data_pipeline(ws)) for _ in range(2)]
    for run in submitted:
        run.wait_for_completion(show_output=False)
    pipeline_experiment = ws.experiments.get("recent-runs")
    found = list(pipeline_experiment.get_runs())
    assert isinstance(found[0], PipelineRun)
    assert [run.id for run in found] == [run.id for run in reversed(submitted)]
    assert found[0].get_status() == "Finished"


@pytest.mark.parametrize(("given", "seen"), [({}, 0.01), ({"reg_rate": 0.1}, 0.1)], ids=["default", "assigned"])
def test_a_parameter_reaches_the_script(ws: Any, given: dict[str, float], seen: float) -> None:
    from azureml.core import Experiment
    from azureml.pipeline.core.graph import PipelineParameter

    reg_param = PipelineParameter(name="reg_rate", default_value=0.01)
    pipeline = data_pipeline(ws, extra=("--reg", reg_param))
    run = Experiment(ws, "training-pipeline").submit(pipeline, pipeline_parameters=given)
    assert run.wait_for_completion(show_output=False) == "Finished"
    assert run.find_step_run("train model")[0].get_metrics()["reg"] == seen


def test_a_parameter_of_another_type_or_name_is_refused(ws: Any) -> None:
    from azureml.core import Experiment
    from azureml.pipeline.core.graph import PipelineParameter

    pipeline = data_pipeline(ws, extra=("--reg", PipelineParameter(name="reg_rate", default_value=0.01)))
    experiment = Experiment(ws, "training-pipeline")
    with pytest.raises(Exception, match="Pipeline parameter with name zz does not exist"):
        experiment.submit(pipeline, pipeline_parameters={"zz": 1.0})
    with pytest.raises(Exception, match="Expected type of the pipeline parameter reg_rate is float"):
        experiment.submit(pipeline, pipeline_parameters={"reg_rate": "0.1"})


def test_a_pipeline_is_published_and_run_over_rest_by_a_service_principal(
    ws: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second half of the story in one piece, with `requests` and the SDK alone."""
    import requests

    from azureml.core import Experiment
    from azureml.core.authentication import InteractiveLoginAuthentication, ServicePrincipalAuthentication
    from azureml.pipeline.core import PipelineRun
    from azureml.pipeline.core.graph import PipelineParameter

    reg_param = PipelineParameter(name="reg_rate", default_value=0.01)
    pipeline = data_pipeline(ws, extra=("--reg", reg_param))
    published_pipeline = pipeline.publish(
        name="training_pipeline", description="Model training pipeline", version="1.0"
    )
    rest_endpoint = published_pipeline.endpoint
    print(rest_endpoint)
    assert capsys.readouterr().out == f"{rest_endpoint}\n" and rest_endpoint.startswith("http")

    # Alternatively, the most recent run of the pipeline is published.
    Experiment(ws, "published-from-its-run").submit(pipeline).wait_for_completion(show_output=False)
    pipeline_experiment = ws.experiments.get("published-from-its-run")
    run = list(pipeline_experiment.get_runs())[0]  # noqa: RUF015 - as it is written there
    of_run = run.publish_pipeline(name="training_pipeline", description="Model training pipeline", version="1.0")
    assert of_run.id != published_pipeline.id

    # A service principal with permission to run the pipeline: both of them here, and nothing else.
    server = rest_endpoint.split("/pipelines/")[0]
    owner = InteractiveLoginAuthentication().get_authentication_header()
    made = requests.post(f"{server}/api/v1/principals", headers=owner, json={"name": "trainer"}).json()
    for published in (published_pipeline, of_run):
        grants = f"{server}/api/v1/principals/trainer/grants"
        assert requests.post(grants, headers=owner, json={"published": published.id}).status_code == 200
    auth_header = ServicePrincipalAuthentication("a-tenant", made["id"], made["secret"]).get_authentication_header()

    def followed(run_id: str) -> tuple[str, float]:
        """How it ended as its page and REST tell it, and the rate that the script saw."""
        followed_run = PipelineRun(ws.experiments["run_training_pipeline"], run_id)
        assert followed_run.wait_for_completion(show_output=False) == "Finished"
        entity = requests.get(rest_endpoint.split("/PipelineSubmit/")[0] + f"/{run_id}", headers=auth_header).json()
        return entity["Status"]["StatusDetail"], followed_run.find_step_run("train model")[0].get_metrics()["reg"]

    for published in (published_pipeline, of_run):
        response = requests.post(
            published.endpoint, headers=auth_header, json={"ExperimentName": "run_training_pipeline"}
        )
        run_id = response.json()["Id"]
        print(run_id)
        assert followed(run_id) == ("Finished", 0.01)
        response = requests.post(
            published.endpoint,
            headers=auth_header,
            json={"ExperimentName": "run_training_pipeline", "ParameterAssignments": {"reg_rate": 0.1}},
        )
        assert followed(response.json()["Id"]) == ("Finished", 0.1)
    assert requests.post(published.endpoint, json={"ExperimentName": "run_training_pipeline"}).status_code == 401
