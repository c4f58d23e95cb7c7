"""Models, driven runs and workspaces as public code uses them, against a real server."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from azureml.core import Experiment, Model, Workspace
from azureml.exceptions import (
    ModelNotFoundException,
    ModelPathNotFoundException,
    UserErrorException,
    WebserviceException,
)


@pytest.fixture(scope="module")
def ws(module_workspace: Workspace) -> Workspace:
    return module_workspace


# Models ---------------------------------------------------------------------------------------------------------------


def test_models(ws: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m/weights.bin").write_bytes(b"\0" * 2000)
    (tmp_path / "one.pkl").write_text("pickle")
    first = Model.register(ws, str(tmp_path / "one.pkl"), "model", tags={"a": 1}, properties={"acc": 0.5})
    assert capsys.readouterr().out == "Registering model model\n"
    assert (first.name, first.version, first.id, first.tags, first.properties) == (
        "model",
        1,
        "model:1",
        {"a": "1"},
        {"acc": "0.5"},
    )
    second = Model.register(model_path=str(tmp_path / "m"), model_name="model", workspace=ws)
    assert second.version == 2
    assert Model(ws, "model").version == 2
    assert Model(ws, id="model:1").version == 1
    assert Model(ws, "model", version=1).tags == {"a": "1"}
    assert [m.version for m in Model.list(ws, "model")] == [2, 1]
    assert [m.version for m in Model.list(ws, "model", latest=True)] == [2]
    assert [m.version for m in Model.list(ws, tags=[["a", "1"]])] == [1]
    assert [m.version for m in Model.list(ws, properties=["acc"])] == [1]
    assert ws.models["model"].version == 2
    got = second.download(str(tmp_path / "got"))
    assert (Path(got) / "weights.bin").stat().st_size == 2000
    with pytest.raises(WebserviceException, match="exist_ok"):
        second.download(str(tmp_path / "got"))
    assert second.download(str(tmp_path / "got"), exist_ok=True) == got
    first.add_tags({"b": 2})
    first.remove_tags("a")
    first.add_properties({"acc": 9, "n": 1})
    again = Model(ws, "model", version=1)
    assert (again.tags, again.properties) == ({"b": "2"}, {"acc": "0.5", "n": "1"})
    first.delete()
    assert [m.version for m in Model.list(ws, "model")] == [2]


def test_a_model_that_is_not_there(ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for arguments in ({"name": "gone"}, {"name": "gone", "version": 3}, {"id": "gone:3"}):
        with pytest.raises(WebserviceException, match="ModelNotFound"):
            Model(ws, **arguments)
    with pytest.raises(WebserviceException, match="cannot be found"):
        Model.register(ws, "gone.pkl", "gone")
    with pytest.raises(ModelNotFoundException):
        Model.get_model_path("gone")
    with pytest.raises(ModelNotFoundException):
        Model.get_model_path("gone", _workspace=ws)
    with pytest.raises(UserErrorException, match="version should be an int"):
        Model.get_model_path("gone", version="1")


def test_the_path_of_a_model(ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("p.pkl").write_text("p")
    Model.register(ws, "p.pkl", "path")
    assert Model.get_model_path("path", _workspace=ws) == os.path.join("azureml-models", "path", "1", "p.pkl")
    assert Model.get_model_path("path") == os.path.join("azureml-models", "path", "1", "p.pkl")


# Runs that the caller drives ------------------------------------------------------------------------------------------


def test_a_run_that_the_caller_drives(ws: Workspace, tmp_path: Path) -> None:
    experiment = Experiment(ws, "interactive")
    with experiment.start_logging() as run:
        assert run.get_status() == "Running"
        run.log("loss", 1)
        run.log("loss", float("inf"))
        run.log_row("row", a=1)
        run.tag("k", "v")
        run.add_properties({"p": 1})
        (tmp_path / "f.txt").write_text("file")
        run.upload_file("outputs/f.txt", str(tmp_path / "f.txt"))
        child = run.child_run("kid")
        child.log("x", 2)
        child.complete()
    assert run.get_status() == "Completed"
    assert run.get_metrics() == {"loss": [1, float("inf")], "row": {"a": 1}}
    assert run.get_metrics(recursive=True)["x"] == 2
    assert (run.tags, run.properties["p"]) == ({"k": "v"}, "1")
    assert run.get_file_names() == ["outputs/f.txt"]
    run.download_file("outputs/f.txt", str(tmp_path / "got.txt"))
    assert (tmp_path / "got.txt").read_text() == "file"
    run.download_files("outputs", str(tmp_path / "all"))
    assert (tmp_path / "all/outputs/f.txt").read_text() == "file"
    with pytest.raises(UserErrorException, match=r"File with path x was not found,\navailable files include"):
        run.download_file("x")
    assert [c.id for c in run.get_children()] == [child.id]
    assert child.parent.id == run.id
    model = run.register_model("driven", "outputs/f.txt")
    assert model.run_id == run.id
    with pytest.raises(ModelPathNotFoundException, match="Could not locate the provided model_path nope"):
        run.register_model("driven", "nope")
    assert run.wait_for_completion()["status"] == "Completed"
    assert next(experiment.get_runs()).id == run.id
    assert list(experiment.get_runs(tags={"k": "v"})) == [run]
    assert list(experiment.get_runs(tags={"k": "w"})) == []
    assert len(list(experiment.get_runs(include_children=True))) == 2


def test_a_run_whose_block_raises_has_failed(ws: Workspace) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        Experiment(ws, "interactive").start_logging() as run,
    ):
        raise ZeroDivisionError("by zero")
    assert run.get_status() == "Failed"
    assert run.get_details()["error"]["error"]["message"] == "ZeroDivisionError: by zero"


@pytest.mark.parametrize("name", ["", "a b", ".a", "a.b", "-a", "é", "a" * 256, None])
def test_experiment_names(ws: Workspace, name: str | None) -> None:
    with pytest.raises(UserErrorException, match="Experiment name must be 1-255 characters"):
        Experiment(ws, name)


# Workspaces -----------------------------------------------------------------------------------------------------------


def test_a_config_is_found_upwards_in_both_formats(
    ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    ws.write_config(str(tmp_path / "a"))
    assert json.loads((tmp_path / "a/.azureml/config.json").read_text()) == {
        "Id": None,
        "Scope": f"/subscriptions/{ws.subscription_id}/resourceGroups/tests/providers/Microsoft.MachineLearningServices/workspaces/ws",
    }
    monkeypatch.chdir(tmp_path / "a/b")
    found = Workspace.from_config()
    assert (found.name, found.resource_group, found.subscription_id) == ("ws", "tests", ws.subscription_id)
    (tmp_path / "a/b/config.json").write_text(
        json.dumps({"subscription_id": "s", "resource_group": "g", "workspace_name": "portal"})
    )
    assert Workspace.from_config().name == "portal"
    assert Workspace.from_config(str(tmp_path / "a")).name == "ws"
    assert Workspace.from_config(str(tmp_path / "a/b/config.json")).name == "portal"
    assert Workspace.setup().name == "portal"


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"workspace_name": 3}', '{"Scope": "/subscriptions/x"}'])
def test_a_config_that_cannot_be_read(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(UserErrorException, match=r"config.json"):
        Workspace.from_config(str(tmp_path / "config.json"))


def test_no_config(tmp_path: Path) -> None:
    with pytest.raises(
        UserErrorException, match=r"The workspace configuration file config.json, could not be found in"
    ):
        Workspace.from_config(str(tmp_path))
    with pytest.raises(UserErrorException, match=r"does not exist"):
        Workspace("s", "g", "w", _disable_service_check=True).write_config(str(tmp_path / "missing"))


def test_creating_a_workspace_twice(ws: Workspace) -> None:
    from azureml.exceptions import WorkspaceException

    Workspace.create("twice", subscription_id="s", resource_group="g")
    with pytest.raises(WorkspaceException, match="exist_ok=True"):
        Workspace.create("twice", subscription_id="s", resource_group="g")
    assert Workspace.create("twice", subscription_id="s", resource_group="g", exist_ok=True).location == "local"
    assert "twice" in Workspace.list("s")
    assert Workspace.list("nobody") == {}
    assert ws.get_details()["name"] == "ws"
    assert ws.get_default_compute_target("CPU") is None


def test_no_authentication_asks_anything(ws: Workspace) -> None:
    from azureml.core import authentication as a

    for made in (
        a.InteractiveLoginAuthentication(tenant_id="t"),
        a.AzureCliAuthentication(),
        a.MsiAuthentication(),
    ):
        assert made.get_authentication_header()["Authorization"].startswith("Bearer ")
        assert made.get_token().token
    assert a.TokenAuthentication(lambda audience: "mine").get_authentication_header() == {
        "Authorization": "Bearer mine"
    }
