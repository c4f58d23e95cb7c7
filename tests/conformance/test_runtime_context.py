"""Run.get_context(): inside a step everything logged is in the journal when the call returns, and no server is needed."""

from __future__ import annotations

import ast
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from azureml.core import Run
from azureml.core.run import _OfflineRun
from azureml.exceptions import RunEnvironmentException, UserErrorException

RUN_ID = "0f0e0d0c-0000-4000-8000-000000000001"
ROOT_ID = "0f0e0d0c-0000-4000-8000-000000000000"


class Step:
    """A job folder made by hand, and the environment of a step in it."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.job = folder / f"{RUN_ID}.1"
        (self.job / "work").mkdir(parents=True)
        patch.chdir(self.job / "work")
        patch.setenv("PENSTOCK_HOME", str(folder / "nohome"))  # no server: using one would fail
        patch.setenv("PENSTOCK_URL", f"unix://{folder}/nobody.sock")
        values = {
            "AZUREML_RUN_ID": RUN_ID,
            "AZUREML_ROOT_RUN_ID": ROOT_ID,
            "PENSTOCK_PARENT_RUN_ID": ROOT_ID,
            "PENSTOCK_JOB": str(self.job),
            "AZUREML_ARM_WORKSPACE_NAME": "ws",
            "AZUREML_ARM_SUBSCRIPTION": "sub",
            "AZUREML_ARM_RESOURCEGROUP": "rg",
            "AZUREML_ARM_PROJECT_NAME": "exp",
        }
        for name, value in values.items():
            patch.setenv(name, value)

    def records(self) -> list[dict]:
        lines = (self.job / "journal").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def bare(self) -> list[dict]:
        return [{k: v for k, v in r.items() if k != "at"} for r in self.records()]


@pytest.fixture
def step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Step]:
    yield Step(tmp_path, monkeypatch)


def test_the_context_is_one_object(step: Step) -> None:
    run = Run.get_context()
    assert run is Run.get_context()
    assert run.id == RUN_ID
    assert isinstance(run, Run)
    assert run.experiment.name == "exp"
    assert run.experiment.workspace.name == "ws"
    assert run.experiment.workspace.subscription_id == "sub"


def test_each_kind_of_logging_is_one_record(step: Step) -> None:
    run = Run.get_context()
    run.log("loss", 0.5)
    run.log_list("l", [1, 2.5, "x"])
    run.log_row("r", a=1, b="y")
    run.log_table("t", {"x": [1, 2], "y": 3})
    run.tag("k", 1)
    run.remove_tags("k")
    run.add_properties({"p": 2})
    assert step.bare() == [
        {"op": "metric", "name": "loss", "kind": "scalar", "value": 0.5},
        {"op": "metric", "name": "l", "kind": "list", "value": [1, 2.5, "x"]},
        {"op": "metric", "name": "r", "kind": "row", "value": {"a": 1, "b": "y"}},
        {"op": "metric", "name": "t", "kind": "table", "value": {"x": [1, 2], "y": 3}},
        {"op": "tag", "name": "k", "value": "1"},
        {"op": "untag", "name": "k"},
        {"op": "property", "name": "p", "value": "2"},
    ]
    assert all(isinstance(r["at"], float) for r in step.records())


def test_numpy_numbers_become_numbers_and_the_unknown_its_repr(step: Step) -> None:
    import numpy

    run = Run.get_context()
    for value in (numpy.float64(1.5), numpy.int64(2), numpy.float32(0.5), numpy.bool_(True), numpy.array([3])):
        run.log("x", value)
    run.log("x", float("nan"))
    run.log("x", numpy.float64("inf"))
    run.log("x", {1, 2}.__class__)
    assert [r["value"] for r in step.records()] == [1.5, 2, 0.5, True, 3, "NaN", "Infinity", "<class 'set'>"]
    assert all(type(r["value"]) is not bool for r in step.records()[:2])


@pytest.mark.parametrize("value", [[1, 2], (1,), range(3), (n for n in "ab"), {1: 2}])
def test_log_takes_no_list(step: Step, value: object) -> None:
    with pytest.raises(UserErrorException, match=r"run.log does not support list type. Use run.log_list instead"):
        Run.get_context().log("x", value)


def test_bad_values_are_refused_before_anything_is_written(step: Step, tmp_path: Path) -> None:
    run = Run.get_context()
    for call in (
        lambda: run.log_row("r", a=[1]),
        lambda: run.log_list("l", 3),
        lambda: run.log_table("t", [1]),
        lambda: run.log_image("i"),
        lambda: run.log_image("i", path="a.png", plot=object()),
        lambda: run.log_image("i", path="missing.png"),
        lambda: run.log_image("i", plot=object()),
        lambda: run.log_confusion_matrix("c", "{not json"),
        lambda: run.log_confusion_matrix("c", 3),
        lambda: run.log("", 1),
        lambda: run.upload_file("../out", __file__),
        lambda: run.upload_file("/abs", __file__),
        lambda: run.upload_file("a", "missing"),
        lambda: run.upload_file("a", str(tmp_path)),
        lambda: run.upload_files(["a"], []),
        lambda: run.upload_folder("a", "missing"),
    ):
        with pytest.raises(UserErrorException):
            call()
    assert not (step.job / "journal").exists()


def test_the_parent_is_logged_to_through_the_same_journal(step: Step) -> None:
    run = Run.get_context()
    assert run.parent.id == ROOT_ID
    assert type(run.parent).__name__ == "PipelineRun"
    run.parent.log("best", 1)
    run.parent.tag("t", "v")
    assert step.bare() == [
        {"op": "metric", "name": "best", "kind": "scalar", "value": 1, "run": ROOT_ID},
        {"op": "tag", "name": "t", "value": "v", "run": ROOT_ID},
    ]


def test_a_file_is_in_the_job_folder_and_the_journal(step: Step) -> None:
    import io

    run = Run.get_context()
    Path("m.txt").write_text("model")
    Path("d/e").mkdir(parents=True)
    Path("d/e/f.txt").write_text("f")
    run.upload_file("outputs/m.txt", "m.txt")
    run.upload_file("bytes", io.BytesIO(b"12"))
    run.upload_folder("folder", "d")
    assert (step.job / "files/outputs/m.txt").read_text() == "model"
    assert (step.job / "files/folder/e/f.txt").read_text() == "f"
    assert step.bare() == [
        {"op": "artifact", "name": "outputs/m.txt", "path": "files/outputs/m.txt", "size_bytes": 5},
        {"op": "artifact", "name": "bytes", "path": "files/bytes", "size_bytes": 2},
        {"op": "artifact", "name": "folder/e/f.txt", "path": "files/folder/e/f.txt", "size_bytes": 1},
    ]
    assert not list(step.job.rglob("*.partial"))


def test_a_picture_that_cannot_be_read_fails_no_step(step: Step, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run.get_context()
    Path("p.png").write_bytes(b"png")
    run.log("before", 1)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))  # what is open stays so; nothing more can be opened
    try:
        run.log_image("unread", path="p.png")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    why = "p.png cannot be read: Too many open files. Make it readable, or leave it out."
    assert capsys.readouterr().err == f"Metric 'unread' was not kept: {why}\n"
    run.log_image("read", path="p.png")
    warnings = [r["message"] for r in step.bare() if r["op"] == "warning"]
    assert warnings == [f"1 metrics could not be kept, the last called 'unread': {why}"]


def test_a_plot_is_kept_as_a_picture(step: Step) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure = pyplot.figure()
    figure.add_subplot().plot([1, 2])
    Run.get_context().log_image("roc curve/1", plot=figure)
    pyplot.close(figure)
    artifact, metric = step.bare()
    assert metric["kind"] == "image"
    assert metric["value"] == {"artifact": artifact["name"]}
    assert artifact["name"].startswith("roc curve_1_")
    assert (step.job / artifact["path"]).read_bytes().startswith(b"\x89PNG")


def test_a_document_is_kept_as_a_metric_and_a_file(step: Step) -> None:
    import numpy

    run = Run.get_context()
    run.log_confusion_matrix(
        "cm", {"schema_type": "confusion_matrix", "data": {"matrix": numpy.array([[1, 2], [3, 4]])}}
    )
    run.log_residuals("res", '{"data": 1}')
    records = step.bare()
    assert [r["op"] for r in records] == ["artifact", "metric", "artifact", "metric"]
    assert records[1]["value"]["data"] == {"matrix": [[1, 2], [3, 4]]}
    assert json.loads((step.job / records[0]["path"]).read_text())["schema_type"] == "confusion_matrix"


@pytest.mark.parametrize("kind", ["confusion_matrix", "accuracy_table", "residuals", "predictions"])
def test_a_structured_metric_is_a_dictionary_or_json_of_one(step: Step, kind: str) -> None:
    log = getattr(Run.get_context(), f"log_{kind}")
    value = {"schema_type": kind, "schema_version": "1.0.0", "data": {"bin_edges": [0, 1], "bin_counts": [2]}}
    log("as a dictionary", value)
    log("as text", json.dumps(value))
    assert [(r["kind"], r["value"]["data"]) for r in step.bare() if r["op"] == "metric"] == [(kind, value["data"])] * 2
    with pytest.raises(UserErrorException, match="JSON"):
        log("bad", "{no JSON")


def test_the_script_cannot_set_its_own_end(step: Step) -> None:
    run = Run.get_context()
    run.complete()
    run.fail("no")
    with pytest.warns(UserWarning, match="does nothing in the run's own script"):
        run.cancel()
    with run:
        pass
    assert not (step.job / "journal").exists()


def test_nothing_logged_is_lost_by_a_kill(step: Step) -> None:
    script = "import os, signal\nfrom azureml.core import Run\nrun = Run.get_context()\nrun.log('last', 1)\nos.kill(os.getpid(), signal.SIGKILL)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    assert step.bare() == [{"op": "metric", "name": "last", "kind": "scalar", "value": 1}]


def test_a_child_process_logs_to_the_same_run(step: Step) -> None:
    run = Run.get_context()
    run.log("x", 0)
    children = []
    for number in range(4):
        pid = os.fork()
        children.append(pid)
        if pid == 0:
            for n in range(200):
                run.log("x", n + number)
            os._exit(0)
    for pid in children:
        os.waitpid(pid, 0)
    assert len(step.records()) == 801


def test_a_thousand_metrics_take_less_than_a_second(step: Step) -> None:
    import time

    run, began = Run.get_context(), time.perf_counter()
    for n in range(1000):
        run.log("x", n)
    assert time.perf_counter() - began < 1
    assert len(step.records()) == 1000


def test_mounted_inputs_and_outputs_are_paths(step: Step, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZUREML_DATASET_ENVIRONMENT_VARS", "raw:mount,more:download")
    monkeypatch.setenv("raw", "/data/raw")
    monkeypatch.setenv("more", "/data/more")
    monkeypatch.setenv("AZUREML_DATASET_FILE_OUTPUTS", "out")
    monkeypatch.setenv("out", "/data/out")
    from azureml._runs.submitted import _SubmittedRun

    run = _SubmittedRun(None, RUN_ID)
    assert run.input_datasets["raw"] == "/data/raw"
    assert isinstance(run.input_datasets, dict)
    run.input_datasets["training_data"] = "mine"
    assert sorted(run.input_datasets) == ["more", "raw", "training_data"]
    assert run.input_datasets.get("nothing") is None
    with pytest.raises(KeyError, match=r"There is no input dataset 'nothing'. This run has: more, raw, training_data"):
        run.input_datasets["nothing"]
    assert run.output_datasets["out"] == "/data/out"
    with pytest.raises(KeyError, match=r"There is no output dataset 'x'. This run has: out"):
        run.output_datasets["x"]


def test_reading_without_a_server_says_so(step: Step) -> None:
    from azureml._client.errors import ServerNotFoundError

    with pytest.raises(ServerNotFoundError, match="No Penstock server answers at unix://"):
        Run.get_context().get_metrics()


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AZUREML_RUN_ID", "PENSTOCK_JOB"):
        monkeypatch.delenv(name, raising=False)


def test_outside_a_run_logging_prints(outside: None, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run.get_context()
    assert isinstance(run, _OfflineRun)
    assert run.id.startswith("OfflineRun_")
    assert not hasattr(run, "experiment")
    run.log("acc", 0.5)
    run.log_list("l", [1])
    run.log_table("t", {"a": [1]})
    run.log_row("r", a=1)
    run.log_image("i", path="p.png")
    assert capsys.readouterr().out == (
        "Attempted to log scalar metric acc:\n0.5\nAttempted to log list metric l:\n[1]\n"
        "Attempted to log table metric t:\n{'a': [1]}\nAttempted to log row metric r:\n{'a': 1}\n"
        "Attempted to log image metric i:\np.png\n"
    )


def test_outside_a_run_offline_may_be_refused(outside: None) -> None:
    with pytest.raises(RunEnvironmentException, match="Could not load a submitted run"):
        Run.get_context(allow_offline=False)


def test_the_shapes_of_metrics() -> None:
    from azureml._runs.shapes import shaped

    def record(name: str, kind: str, value: object) -> dict:
        return {"run_id": "r", "name": name, "kind": kind, "value": value}

    records = [
        record("once", "scalar", 1),
        record("often", "scalar", 1),
        record("often", "scalar", "NaN"),
        record("list", "list", [1, 2]),
        record("short", "list", [7]),
        record("row", "row", {"a": 1}),
        record("rows", "row", {"a": 1, "b": 2}),
        record("rows", "row", {"a": 3, "b": 4}),
        record("table", "table", {"x": [1, 2]}),
        record("image", "image", {"artifact": "i.png"}),
    ]
    found = shaped(records)
    assert str(found.pop("often")) == "[1, nan]"
    assert found == {
        "once": 1,
        "list": [1, 2],
        "short": 7,
        "row": {"a": 1},
        "rows": {"a": [1, 3], "b": [2, 4]},
        "table": {"x": [1, 2]},
        "image": "aml://artifactId/ExperimentRun/dcid.r/i.png",
    }
    assert shaped(records, "once") == {"once": 1}


def test_what_every_step_pays_for_is_light() -> None:
    script = (
        "import sys; before = set(sys.modules); from azureml.core import Run; r = Run.get_context();"
        "print(sorted(m for m in set(sys.modules) - before if not m.startswith('azureml')))"
    )
    env = {k: v for k, v in os.environ.items() if not k.startswith(("AZUREML_", "PENSTOCK_"))}
    out = subprocess.run([sys.executable, "-c", script], env=env, check=True, capture_output=True, text=True).stdout
    assert not ast.literal_eval(out)
