"""Public notebooks, run from copies in a real kernel; every difference from the public file is printed (`-s` shows it).

They are not ours to keep: `PUBLIC_NOTEBOOKS` names a folder with clones of Azure/MachineLearningNotebooks and MicrosoftLearning/mslearn-dp100.
"""

from __future__ import annotations

import difflib
import functools
import http.server
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from azureml.core import Workspace
from azureml.pipeline.core import PipelineEndpoint, PipelineRun, PublishedPipeline, Schedule

pytestmark = pytest.mark.slow
CLONES = os.environ.get("PUBLIC_NOTEBOOKS", "")
AZURE, LEARN = ("MachineLearningNotebooks", "f1aff553"), ("mslearn-dp100", "d82038dd")
INTRO = "how-to-use-azureml/machine-learning-pipelines/intro-to-pipelines"
TITANIC = "how-to-use-azureml/azure-synapse/Titanic.csv"


class Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def taken(clone: tuple[str, str], path: str, folder: Path) -> Path:
    """A copy of what the clone has at this path, with the configuration of a workspace beside it."""
    name, commit = clone
    if not (Path(CLONES) / name).is_dir() or not CLONES:
        pytest.skip(
            f"PUBLIC NOTEBOOKS WERE NOT RUN. Clone {name} into a folder, and name that: PUBLIC_NOTEBOOKS=FOLDER"
        )
    packed = subprocess.run(
        ["git", "-C", f"{CLONES}/{name}", "archive", commit, path], check=True, capture_output=True
    ).stdout
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed, check=True)
    place = folder / path if (folder / path).is_dir() else (folder / path).parent
    (place / ".azureml").mkdir(exist_ok=True)
    named = {"subscription_id": "s", "resource_group": "g", "workspace_name": "ws"}
    (place / ".azureml" / "config.json").write_text(json.dumps(named))
    return place


def run(file: Path, **swaps: str) -> str:
    """Everything that the notebook's cells printed, once all of them have run."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(file, as_version=4)
    public = [line for cell in notebook.cells for line in cell.source.splitlines()]
    for cell in notebook.cells:
        for old, new in swaps.items():
            cell.source = cell.source.replace(old, new)
    ours = [line for cell in notebook.cells for line in cell.source.splitlines()]
    changed = list(difflib.unified_diff(public, ours, f"public/{file.name}", "run", n=0, lineterm=""))
    print("\n".join(changed) or f"{file.name} runs as it is")
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(file.parent)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return "".join(o.get("text", "") or o.get("data", {}).get("text/plain", "") for o in outputs)


def ended(ws: Workspace, experiment: str) -> list[PipelineRun]:
    """The runs of an experiment, newest first, over."""
    found = list(ws.experiments[experiment].get_runs())
    for each in found:
        each.wait_for_completion(show_output=False, raise_on_error=False)
    return found


@pytest.fixture(scope="module")
def ws(module_workspace: Workspace) -> Workspace:
    return module_workspace


@pytest.fixture(scope="module")
def intro(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return taken(AZURE, INTRO, tmp_path_factory.mktemp("public"))


@pytest.fixture
def titanic(tmp_path: Path) -> Iterator[str]:
    """The address of the one file that the notebook reads from elsewhere."""
    (tmp_path / "demo").mkdir()
    taken(AZURE, TITANIC, tmp_path)
    (tmp_path / TITANIC).rename(tmp_path / "demo/Titanic.csv")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Files, directory=str(tmp_path))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_steps_are_reused_between_two_pipelines(ws: Workspace, intro: Path, titanic: str) -> None:
    run(intro / "aml-pipelines-getting-started.ipynb", **{"https://dprepdata.blob.core.windows.net": titanic})
    (first,), (second,) = ended(ws, "Hello_World1"), ended(ws, "Hello_World2")
    assert (first.get_status(), second.get_status()) == ("Finished", "Finished")
    for each in (first, second):
        names = [step.name for step in each.get_steps()]
        assert sorted(names) == ["compare_step", "extract_step", "train_step"]
        print(*each.why(), sep="\n")
    assert {d.name: d.verdict for d in second.why()} == dict.fromkeys(
        ("train_step", "compare_step", "extract_step"), "reused"
    )
    old = {step.name: step.id for step in first.get_steps()}
    assert {d.name: d.reused_run_id for d in second.why()} == old


def test_data_from_step_to_step(ws: Workspace, intro: Path, tmp_path: Path) -> None:
    taken(AZURE, TITANIC, tmp_path)
    ws.get_default_datastore().upload_files([str(tmp_path / TITANIC)], target_path="titanic", overwrite=True)
    said = run(intro / "aml-pipelines-with-data-dependency-steps.ipynb")
    (each,) = ended(ws, "Data_dependency_sample")
    assert each.get_status() == "Finished" and len(list(each.get_steps())) == 3
    (train,) = (step for step in each.get_steps() if "processed_data1" in step.get_outputs())
    place = train.get_outputs()["processed_data1"].get_port_data_reference().path_on_datastore
    assert f"path on datastore: {place}" in said  # its scripts make folders and leave them empty


def test_publishing_and_running_by_rest(ws: Workspace, intro: Path, titanic: str) -> None:
    said = run(
        intro / "aml-pipelines-publish-and-run-using-rest-endpoint.ipynb",
        **{"https://dprepdata.blob.core.windows.net": titanic},
    )
    (by_rest,), (by_sdk,) = ended(ws, "My_Pipeline1"), ended(ws, "Pipeline_experiment_sample")
    assert f"Submitted pipeline run:  {by_rest.id}" in said
    for each, given in ((by_rest, "45"), (by_sdk, "10")):
        assert each.get_status() == "Finished" and len(list(each.get_steps())) == 3
        assert f"Argument 4: {given}" in each.find_step_run("compare.py")[0].get_stdout_log()
    names = {p.name: (p.version, p.continue_on_step_failure) for p in PublishedPipeline.list(ws)}
    assert names["My_New_Pipeline"] == (None, True) and names["My_New_Pipeline2"] == ("0.1", True)
    assert ws.datasets["compare_result"].version >= 1


def test_a_data_path_as_a_parameter(ws: Workspace, intro: Path, tmp_path: Path) -> None:
    for n in "123":
        (tmp_path / n).write_text(n)
        target = f"sample_datapath{n}"
        ws.get_default_datastore().upload_files([str(tmp_path / n)], target_path=target, show_progress=False)
    run(intro / "aml-pipelines-showcasing-datapath-and-pipelineparameter.ipynb")
    runs = [*reversed(ended(ws, "showcasing-datapath")), *ended(ws, "MyRestPipeline")]
    for n, each in enumerate(runs, 1):
        log = each.find_step_run("train_step")[0].get_stdout_log()
        assert each.get_status() == "Finished" and f"Sample string argument  : sample_string{n}" in log
        assert f"sample_datapath{n}" in log
    assert len(runs) == 3
    (schedule,) = Schedule.list(ws, active_only=False)
    assert (schedule.name, schedule.status) == ("Datastore_trigger_schedule", "Disabled")


def test_versions_of_an_endpoint(ws: Workspace, intro: Path) -> None:
    """Its script is given no arguments there, and fails for want of them: what is shown is which version ran."""
    run(intro / "aml-pipelines-setup-versioned-pipeline-endpoints.ipynb")
    endpoint = PipelineEndpoint.get(ws, name="NewName")
    first, second = (v.pipeline.id for v in endpoint.list_versions())
    assert endpoint.get_default_version() == "1"
    ran = {
        e: [r.get_properties()["azureml.pipelineid"] for r in ended(ws, e)]
        for e in ("default_pipeline", "NewName", "submit_endpoint_sample")
    }
    assert ran == {"default_pipeline": [first], "NewName": [second, first], "submit_endpoint_sample": [first]}
    (sample,) = ended(ws, "submit_endpoint_sample")
    (step,) = sample.get_steps()
    assert sample.get_tags() == {"endpoint_tag": "1"} and "expected str, bytes" in str(step.get_details()["error"])


def test_a_model_is_trained_published_run_by_rest_and_scheduled(ws: Workspace, tmp_path: Path) -> None:
    """np.float is not in a numpy of today."""
    folder = taken(LEARN, "08 - Create a Pipeline.ipynb", tmp_path)
    taken(LEARN, "data", tmp_path)
    run(folder / "08 - Create a Pipeline.ipynb", **{"np.float(": "float("})
    runs = ended(ws, "mslearn-diabetes-pipeline")
    assert len(runs) >= 2 and {r.get_status() for r in runs} == {"Finished"}
    published = {p.name: p for p in PublishedPipeline.list(ws)}["diabetes-training-pipeline"]
    assert published.version == "1.0" and runs[0].get_properties()["azureml.pipelineid"] == published.id
    assert runs[-1].find_step_run("Train and Register Model")[0].get_metrics()["AUC"] > 0.8
    (weekly,) = (s for s in Schedule.list(ws) if s.name == "weekly-diabetes-training")
    assert weekly.pipeline_id == published.id
    weekly.disable()
