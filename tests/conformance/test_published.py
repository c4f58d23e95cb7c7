"""Published pipelines and endpoints as their authors and callers use them, against a real server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from azureml.core import Dataset, Experiment, Workspace
from azureml.core.authentication import InteractiveLoginAuthentication, ServicePrincipalAuthentication
from azureml.data.datapath import DataPath, DataPathComputeBinding
from azureml.exceptions import UserErrorException
from azureml.pipeline.core import (
    Pipeline,
    PipelineData,
    PipelineEndpoint,
    PipelineParameter,
    PipelineRun,
    PublishedPipeline,
)
from azureml.pipeline.steps import PythonScriptStep

TRAIN = """
import argparse
from azureml.core import Run
parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float)
parser.add_argument("--times", type=int)
args = parser.parse_args()
run = Run.get_context()
run.log("rate", args.rate)
run.log("times", args.times)
"""
SHOW = """
import os, sys
place = sys.argv[1]
print("read", open(place).read() if os.path.isfile(place) else sorted(os.listdir(place)))
"""


FAIL = "raise SystemExit(3)"
AFTER_THE_FAILURE = """
import time
from azureml.core import Run
deadline = time.monotonic() + 60
while "Failed" not in [run.get_status() for run in Run.get_context().parent.get_children()]:
    assert time.monotonic() < deadline, "nothing failed"
    time.sleep(0.05)
"""


@pytest.fixture(scope="module")
def ws(module_workspace: Workspace) -> Workspace:
    return module_workspace


@pytest.fixture(scope="module")
def header(ws: Workspace) -> dict[str, str]:
    ws.get_details()  # there is a server, and its token
    return InteractiveLoginAuthentication().get_authentication_header()


def pipeline(ws: Workspace, folder: Path, **more: object) -> Pipeline:
    (folder / "train.py").write_text(TRAIN)
    rate, times = PipelineParameter("rate", 0.1), PipelineParameter("times", 3)
    step = PythonScriptStep(
        "train.py",
        name="train",
        source_directory=str(folder),
        compute_target="cpu",
        arguments=["--rate", rate, "--times", times],
        **more,
    )
    return Pipeline(ws, [step], description="trains")


def metrics(ws: Workspace, run_id: str) -> dict:
    run = PipelineRun.get(ws, run_id)
    assert run.wait_for_completion(show_output=False) == "Finished"
    return run.find_step_run("train")[0].get_metrics()


def test_a_pipeline_is_published_and_run_over_rest(ws: Workspace, tmp_path: Path, header: dict) -> None:
    made = pipeline(ws, tmp_path)
    published = made.publish(name="training_pipeline", description="Model training pipeline", version="1.0")
    assert (published.name, published.version, published.status) == ("training_pipeline", "1.0", "Active")
    assert published.total_run_steps == 1 and published.get_step_names() == ["train"]
    assert published.endpoint.endswith(f"/PipelineRuns/PipelineSubmit/{published.id}")
    assert str(published).startswith("Pipeline(Name: training_pipeline,\nId: " + published.id)
    response = requests.post(published.endpoint, headers=header, json={"ExperimentName": "run_training_pipeline"})
    assert response.status_code == 200
    assert metrics(ws, response.json()["Id"]) == {"rate": 0.1, "times": 3}
    sent = {"ExperimentName": "run_training_pipeline", "ParameterAssignments": {"rate": 1, "times": "5"}}
    answer = requests.post(published.endpoint, headers=header, json=sent).json()
    assert answer["PipelineId"] == published.id and answer["ParameterAssignments"] == {"rate": "1", "times": "5"}
    assert metrics(ws, answer["Id"]) == {"rate": 1.0, "times": 5}
    found = {run.id for run in PipelineRun.get_pipeline_runs(ws, published.id)}
    assert found == {response.json()["Id"], answer["Id"]}


def test_a_service_principal_with_permission_to_run_the_pipeline_runs_it(ws: Workspace, tmp_path: Path) -> None:
    published = pipeline(ws, tmp_path).publish("for_others")
    command = [
        sys.executable,
        "-m",
        "penstock",
        "principal",
        "create",
        "builder",
        "--published",
        published.id,
        "--json",
    ]
    made = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    sent = {"grant_type": "client_credentials", "client_id": made["id"], "client_secret": made["secret"]}
    server = published.endpoint.split("/pipelines/")[0]
    sent["resource"] = "https://management.azure.com/"
    token = requests.post(f"{server}/my-tenant/oauth2/token", data=sent).json()["access_token"]
    body = {"ExperimentName": "run_training_pipeline", "ParameterAssignments": {"rate": 0.2}}
    response = requests.post(published.endpoint, headers={"Authorization": f"Bearer {token}"}, json=body)
    assert response.status_code == 200
    assert metrics(ws, response.json()["Id"]) == {"rate": 0.2, "times": 3}
    assert PipelineRun.get(ws, response.json()["Id"]).get_details()["submittedBy"] == "builder"
    auth = ServicePrincipalAuthentication("my-tenant", made["id"], made["secret"])
    again = requests.post(published.endpoint, headers=auth.get_authentication_header(), json=body)
    assert again.status_code == 200
    refused = requests.post(published.endpoint, headers={"Authorization": "Bearer nonsense"}, json=body)
    assert refused.status_code == 401 and "token" in refused.json()["error"]["message"].lower()


def test_a_run_is_published_with_its_graph_and_the_graphs_own_defaults(ws: Workspace, tmp_path: Path) -> None:
    run = Experiment(ws, "first").submit(pipeline(ws, tmp_path), pipeline_parameters={"rate": 0.9})
    run.wait_for_completion(show_output=False)
    published = run.publish_pipeline(name="from_run", description="Of a run", version="2")
    again = PublishedPipeline.get(ws, published.id)
    assert again.graph_id == published.graph_id and again.description == "Of a run"
    submitted = published.submit(ws, "second")
    assert metrics(ws, submitted.id) == {"rate": 0.1, "times": 3}


def test_what_does_not_depend_on_a_failed_step_goes_on_as_it_was_published(ws: Workspace, tmp_path: Path) -> None:
    (tmp_path / "fail.py").write_text(FAIL)
    (tmp_path / "after.py").write_text(AFTER_THE_FAILURE)
    where = {"source_directory": str(tmp_path), "compute_target": "cpu", "allow_reuse": False}
    failing, first = PythonScriptStep("fail.py", **where), PythonScriptStep("after.py", name="first", **where)
    last = PythonScriptStep("after.py", name="last", **where)
    last.run_after(first)
    made = Pipeline(ws, [failing, last])
    on = made.publish("goes on", continue_on_step_failure=True)
    run = on.submit(ws, "goes_on")
    run.wait_for_completion(show_output=False, raise_on_error=False)
    statuses = {step.name: step.get_status() for step in run.get_steps()}
    assert statuses == {"fail.py": "Failed", "first": "Finished", "last": "Finished"}

    again = run.publish_pipeline("goes on", "of a run", "2", continue_on_step_failure=True)
    off = run.publish_pipeline("stops", "of a run", "3", continue_on_step_failure=False)
    assert [p.continue_on_step_failure for p in (on, again, off, made.publish("unsaid"))] == [True, True, False, None]
    stopped = off.submit(ws, "goes_on")
    stopped.wait_for_completion(show_output=False, raise_on_error=False)
    assert stopped.find_step_run("last")[0].get_status() == "Canceled"


def test_what_is_published_does_not_change_with_its_source(ws: Workspace, tmp_path: Path) -> None:
    published = pipeline(ws, tmp_path).publish("kept")
    (tmp_path / "train.py").write_text("raise SystemExit('this is another script')")
    run = Experiment(ws, "kept").submit(published, pipeline_parameters={"times": 7}, tags={"a": "b"})
    assert metrics(ws, run.id) == {"rate": 0.1, "times": 7} and run.get_tags() == {"a": "b"}


def test_a_disabled_pipeline_is_listed_and_submitted_only_when_it_is_enabled_again(
    ws: Workspace, tmp_path: Path
) -> None:
    published = pipeline(ws, tmp_path).publish("switched")
    published.disable()
    assert published.id not in [p.id for p in PublishedPipeline.list(ws)]
    assert published.id in [p.id for p in PublishedPipeline.get_all(ws, active_only=False)]
    with pytest.raises(UserErrorException, match=r"is disabled. Enable it: penstock pipeline enable"):
        published.submit(ws, "switched")
    published.enable()
    assert PublishedPipeline.get(ws, published.id).status == "Active"


def test_wrong_parameters_are_taught(ws: Workspace, tmp_path: Path) -> None:
    made = pipeline(ws, tmp_path)
    published = made.publish("taught")
    with pytest.raises(UserErrorException, match=r"rate \(float, default 0.1\), times \(int, default 3\)"):
        published.submit(ws, "taught", pipeline_parameters={"other": 1})
    with pytest.raises(UserErrorException, match="parameter times is int, but the value many does not convert"):
        published.submit(ws, "taught", pipeline_parameters={"times": "many"})
    (tmp_path / "train.py").write_text(TRAIN.replace("args =", "parser.add_argument('--new'); args ="))
    step = PythonScriptStep(
        "train.py",
        source_directory=str(tmp_path),
        compute_target="cpu",
        arguments=["--new", PipelineParameter("new", "x"), "--rate", PipelineParameter("rate", 0.1), "--times", 1],
    )
    later = Pipeline(ws, [step]).publish("taught")
    with pytest.raises(UserErrorException, match=f"was added after publishing: {later.id}"):
        published.submit(ws, "taught", pipeline_parameters={"new": "y"})
    with pytest.raises(UserErrorException, match=r"No step uses one of that name: a PipelineParameter is part"):
        later.submit(ws, "taught", pipeline_parameters={"other": "y"})
    alone = made.publish("taught alone")
    renamed = Pipeline(ws, [step]).publish("taught under another name")
    with pytest.raises(UserErrorException, match="No step uses one of that name"):
        alone.submit(ws, "taught", pipeline_parameters={"new": "y"})
    endpoint = PipelineEndpoint.publish(ws, name="taught", description="by versions", pipeline=alone)
    endpoint.add_default(renamed)
    endpoint.archive()
    added = f"added after publishing: {renamed.id}, published later as 'taught under"
    with pytest.raises(UserErrorException, match=added):
        alone.submit(ws, "taught", pipeline_parameters={"new": "y"})


def test_an_endpoint_keeps_its_name_over_versions(ws: Workspace, tmp_path: Path, header: dict) -> None:
    made = pipeline(ws, tmp_path)
    first, second = made.publish("one"), made.publish("two")
    endpoint = PipelineEndpoint.publish(ws, name="trained", description="by name", pipeline=first)
    assert endpoint.default_version == "0" and PipelineEndpoint.get(ws, name="trained").id == endpoint.id
    assert endpoint.endpoint in endpoint._repr_html_() and endpoint.id in endpoint._repr_html_()
    endpoint.add(second)
    with pytest.raises(ValueError, match="is a version of this endpoint already"):
        endpoint.add(second)
    assert [(v.version, v.pipeline.id) for v in endpoint.list_versions()] == [("0", first.id), ("1", second.id)]
    assert endpoint.get_default_version() == "0" and endpoint.get_pipeline().id == first.id
    endpoint.set_default(second)
    assert endpoint.get_default_version() == "1" and endpoint.get_pipeline("0").id == first.id
    by_name = endpoint.endpoint.split("Id", 1)[0] + "Name?name=" + endpoint.name
    urls = {
        endpoint.endpoint: second,
        endpoint.endpoint + "/0": first,
        by_name: second,
        by_name + "&pipelineVersion=0": first,
    }
    for url, expected in urls.items():
        answer = requests.post(url, headers=header, json={"ExperimentName": "called"})
        assert (answer.status_code, answer.json()["PipelineId"]) == (200, expected.id), url
    run = endpoint.submit("called", pipeline_parameters={"rate": 0.5}, pipeline_version="0")
    assert metrics(ws, run.id)["rate"] == 0.5
    assert Experiment(ws, "called").submit(endpoint, pipeline_version="0").id in {
        r.id for r in PipelineRun.get_pipeline_runs(ws, first.id)
    }
    endpoint.set_name("renamed")
    assert [e.name for e in PipelineEndpoint.list(ws)] == ["renamed"]
    endpoint.archive()
    assert PipelineEndpoint.list(ws) == [] and PipelineEndpoint.list(ws, active_only=False)[0].status == "Archived"
    PipelineEndpoint.publish(ws, "renamed", "the name is free again", first)
    endpoint.reactivate("back")
    assert {e.name for e in PipelineEndpoint.list(ws)} == {"renamed", "back"}


def test_data_are_chosen_over_rest(ws: Workspace, tmp_path: Path, header: dict) -> None:
    store = ws.get_default_datastore()
    (tmp_path / "one.txt").write_text("first")
    (tmp_path / "two.txt").write_text("second")
    store.upload_files([str(tmp_path / n) for n in ("one.txt", "two.txt")], target_path="chosen", show_progress=False)
    (tmp_path / "show.py").write_text(SHOW)
    path = PipelineParameter("where", DataPath(store, "chosen/one.txt"))
    files = PipelineParameter("files", Dataset.File.from_files((store, "chosen/one.txt")))
    out = PipelineData("out", store)
    steps = [
        PythonScriptStep(
            "show.py",
            name="path",
            source_directory=str(tmp_path),
            compute_target="cpu",
            arguments=[(path, DataPathComputeBinding("download")), out],
            inputs=[(path, DataPathComputeBinding("download"))],
            outputs=[out],
        ),
        PythonScriptStep(
            "show.py",
            name="files",
            source_directory=str(tmp_path),
            compute_target="cpu",
            arguments=[files_input := _as_input(files)],
            inputs=[files_input],
        ),
    ]
    published = Pipeline(ws, steps).publish("chooses")
    other = Dataset.File.from_files((store, "chosen/two.txt")).register(ws, "two", create_new_version=True)

    def printed(**sent: object) -> dict[str, str]:
        answer = requests.post(published.endpoint, headers=header, json={"ExperimentName": "chooses", **sent})
        assert answer.status_code == 200, answer.text
        run = PipelineRun.get(ws, answer.json()["Id"])
        assert run.wait_for_completion(show_output=False) == "Finished"
        return {step.name: step.get_stdout_log().strip() for step in run.get_steps()}

    assert printed()["path"] == "read first"
    two = {"DataStoreName": store.name, "RelativePath": "chosen/two.txt"}
    assert printed(DataPathAssignments={"where": two})["path"] == "read second"
    for value in (
        {"SavedDataSetReference": {"Id": other.id}},
        {"DataSetReference": {"Name": "two", "Version": "1"}},
        {"LiteralValue": two},
    ):
        found = printed(DataSetDefinitionValueAssignments={"files": value})["files"]
        assert "second" in found or "two.txt" in found, found
    # and by text alone, as a command line gives them
    assert printed(ParameterAssignments={"where": f"{store.name}/chosen/two.txt"})["path"] == "read second"
    for text in ("two", "two:1", "two:latest", other.id):
        found = printed(ParameterAssignments={"files": text})["files"]
        assert "second" in found or "two.txt" in found, (text, found)
    sent = {"ExperimentName": "chooses", "ParameterAssignments": {"files": "nothing:3"}}
    refused = requests.post(published.endpoint, headers=header, json=sent).json()["error"]
    assert 'registered with name "nothing"' in refused["message"]
    described = {d["target"]: d["message"] for d in refused["details"] if d["code"] == "Parameter"}
    assert described["where"] == f"datapath, default {store.name}/chosen/one.txt"


def _as_input(parameter: PipelineParameter) -> object:
    from azureml.data.dataset_consumption_config import DatasetConsumptionConfig

    return DatasetConsumptionConfig("files", parameter).as_mount()
