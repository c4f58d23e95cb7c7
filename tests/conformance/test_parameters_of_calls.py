"""The effect of each parameter of the calls that ask or change a workspace, one test per family of calls (cases/parameters.toml says which)."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pytest

from azureml.core import Datastore, Environment, Experiment, Model, Run, RunConfiguration, ScriptRunConfig, Workspace
from azureml.core.compute import (
    AdlaCompute,
    AmlCompute,
    BatchCompute,
    ComputeTarget,
    DatabricksCompute,
    KustoCompute,
)
from azureml.exceptions import ActivityFailedException, RunEnvironmentException, UserErrorException
from azureml.pipeline.core import Pipeline, PipelineData, PipelineParameter, PipelineRun
from azureml.pipeline.steps import PythonScriptStep
from azureml.widgets import RunDetails

SECRETS = {"account_key", "sas_token", "client_secret", "password", "user_password"}
DATASTORES = {
    "azure_blob_container": {"container_name": "c", "account_name": "a", "protocol": "https", "endpoint": "e", "sas_token": "t"},
    "azure_data_lake": {"store_name": "n", "tenant_id": "t", "client_id": "i", "client_secret": "x", "resource_url": "r", "authority_url": "u",
                        "subscription_id": "s", "resource_group": "g"},
    "azure_data_lake_gen2": {"filesystem": "f", "account_name": "a", "tenant_id": "t", "client_id": "i", "client_secret": "x",
                             "resource_url": "r", "authority_url": "u", "protocol": "https", "endpoint": "e"},
    "azure_my_sql": {"server_name": "n", "database_name": "d", "user_id": "u", "user_password": "x", "port_number": "1"},
    "azure_postgre_sql": {"server_name": "n", "database_name": "d", "user_id": "u", "user_password": "x", "port_number": "1",
                          "enforce_ssl": False},
    "azure_sql_database": {"server_name": "n", "database_name": "d", "tenant_id": "t", "client_id": "i", "client_secret": "x",
                           "resource_url": "r", "authority_url": "u"},
    "dbfs": {},
}  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ok.py").write_text(
        "import os, sys\nfrom azureml.core import Run\n"
        "run = Run.get_context()\nrun.log('a', 1)\nrun.parent.log('b', 2)\n"
        "for path in sys.argv[1:]:\n    os.makedirs(path, exist_ok=True)\n    open(os.path.join(path, 'f'), 'w').write('x')\n"
    )
    (tmp_path / "bad.py").write_text("raise SystemExit(3)")
    return tmp_path


def test_computes(module_workspace: Workspace):
    ws = module_workspace
    made = ComputeTarget.create(ws, "cluster", AmlCompute.provisioning_configuration(vm_size="v", max_nodes=2))
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        made.wait_for_completion(show_output=True, min_node_count=0, timeout_in_minutes=1)
        shown = out.getvalue()
        made.wait_for_completion(show_output=False, is_delete_operation=False)
        assert out.getvalue() == shown != ""
    assert made.name == "cluster" and AmlCompute(ws, "cluster").vm_size == "v" == ComputeTarget(ws, "cluster").vm_size
    for kind in (AdlaCompute, BatchCompute, DatabricksCompute, KustoCompute):
        name = kind.__name__.lower()[:12]
        attached = ComputeTarget.attach(ws, name, kind.attach_configuration(resource_id="/" + name))
        with contextlib.redirect_stdout(io.StringIO()):
            attached.wait_for_completion(show_output=True, is_delete_operation=False)
        assert type(kind(ws, name)) is kind and kind(ws, name).name == name
    other = Workspace.create("others", subscription_id="s", resource_group="g", exist_ok=True)
    assert "cluster" not in other.compute_targets


@pytest.mark.parametrize("kind", sorted(DATASTORES))
def test_datastores(module_workspace: Workspace, kind):
    register = getattr(Datastore, "register_" + kind)
    settings = DATASTORES[kind]
    made = register(module_workspace, "store_" + kind, **settings)
    found = Datastore.get(module_workspace, "store_" + kind)
    assert found.name == made.name == Datastore(module_workspace, "store_" + kind).name
    recorded = next(r["settings"] for r in module_workspace._values("datastores") if r["name"] == found.name)
    for name, value in settings.items():
        seen = getattr(found, {"filesystem": "container_name"}.get(name, name), recorded.get(name, "absent"))
        if value is None:
            continue
        assert seen == ("***" if name in SECRETS else value), name
    other = Workspace.create("others", subscription_id="s", resource_group="g", exist_ok=True)
    assert "store_" + kind not in other.datastores
    if kind == "dbfs":
        return
    changed = next(iter(settings))
    with pytest.raises(UserErrorException):
        register(module_workspace, "store_" + kind, **{**settings, changed: "new"})
    register(module_workspace, "store_" + kind, **{**settings, changed: "new"}, overwrite=True)
    again = Datastore.get(module_workspace, "store_" + kind)
    assert getattr(again, {"filesystem": "container_name"}.get(changed, changed)) == "new"


def test_a_datastore_by_key_or_by_user(module_workspace: Workspace):
    blob = Datastore.register_azure_blob_container(module_workspace, "by_key", "c", "a", account_key="k")
    assert blob.account_key in ("k", "***")
    assert Datastore.get(module_workspace, "by_key").account_key == "***"
    Datastore.register_azure_sql_database(module_workspace, "by_user", "s", "d", username="u", password="p")
    found = Datastore.get(module_workspace, "by_user")
    assert (found.username, found.password) == ("u", "***")


def test_environments(module_workspace: Workspace):
    first = Environment("e")
    first.register(module_workspace)
    second = Environment("e")
    second.environment_variables = {"A": "b"}
    second.register(workspace=module_workspace)
    get = Environment.get
    assert [get(module_workspace, "e", version=v).environment_variables.get("A") for v in ("1", "2", None)] == [
        None,
        "b",
        "b",
    ]
    Environment.label(module_workspace, "e", "1", ["tried"])
    assert get(module_workspace, "e", label="tried").version == "1"
    assert "e" in Environment.list(module_workspace)


def test_experiments_and_their_runs(module_workspace: Workspace):
    experiment = Experiment(module_workspace, "exp")
    assert experiment.name == "exp" and experiment.workspace is module_workspace
    run = experiment.start_logging(display_name="shown")
    run.tag("k", "v")
    run.tag("alone")
    run.add_properties({"p": "q"})
    child = run.child_run("child")
    child.complete()
    run.complete()
    other = experiment.start_logging()
    other.complete()

    def ids(**by):
        return [each.id for each in experiment.get_runs(**by)]

    assert ids() == [other.id, run.id]
    assert ids(tags={"k": "v"}) == [run.id] == ids(tags="alone") == ids(properties={"p": "q"})
    assert child.id in ids(include_children=True) and child.id not in ids(include_children=False)
    assert ids(type="azureml.PipelineRun") == []


def test_what_a_run_logs_and_keeps(module_workspace: Workspace, folder):
    run = Experiment(module_workspace, "logs").start_logging()
    run.log("a", 1, description="d")
    run.log(name="s", value=2, step=7)
    (folder / "p.png").write_bytes(b"png")
    run.log_image("i", path="p.png", description="d")
    with pytest.raises(UserErrorException):
        run.log_image("j", path="p.png", plot=object())
    run.upload_file("outputs/f.txt", "p.png")
    run.upload_file("outputs/g.txt", path_or_stream=io.BytesIO(b"s"), datastore_name=None)
    child = run.child_run("c")
    child.log("c", 3)
    child.complete()
    run.complete()
    found = Run(run.experiment, run.id)
    assert found.get_metrics(name="a") == {"a": 1}
    assert "c" in found.get_metrics(recursive=True) and "c" not in found.get_metrics()
    assert {"outputs/f.txt", "outputs/g.txt"} <= set(found.get_file_names())
    assert found.get_tags() == {}


def test_models(module_workspace: Workspace, folder, monkeypatch):
    ws = module_workspace
    (folder / "m.bin").write_text("1")
    made = Model.register(ws, "m.bin", "m", tags={"t": "1"}, properties={"p": 2.5}, description="d",
                          model_framework="Onnx", model_framework_version="1.2")  # fmt: skip
    (folder / "m.bin").write_text("2")
    Model.register(workspace=ws, model_path="m.bin", model_name="m")
    assert (made.version, made.tags, made.properties["p"], made.description) == (1, {"t": "1"}, "2.5", "d")
    assert (made.model_framework, made.model_framework_version) == ("Onnx", "1.2")
    versions = {
        "name": Model(ws, name="m"), "version": Model(ws, "m", version=1), "id": Model(ws, id="m:1"),
        "tags": Model(ws, "m", tags={"t": "1"}), "properties": Model(ws, "m", properties={"p": "2.5"}),
        "model_framework": Model(ws, "m", model_framework="Onnx"),
    }  # fmt: skip
    assert {by: model.version for by, model in versions.items()} == {**dict.fromkeys(versions, 1), "name": 2}

    def listed(**by):
        return [model.version for model in Model.list(ws, name="m", **by)]

    assert sorted(listed()) == [1, 2] and listed(latest=True) == [2]
    assert listed(tags=["t"]) == [1] == listed(properties=[["p", "2.5"]]) == listed(model_framework="Onnx")
    path = versions["version"].download(target_dir="to", exist_ok=False)
    assert Path(path).read_text() == "1"
    with pytest.raises(Exception, match="exist"):
        made.download(target_dir="to")
    made.download("to", exist_ok=True)
    made.download("to", exists_ok=True)


def test_models_of_a_run(module_workspace: Workspace, folder):
    run = Experiment(module_workspace, "models").start_logging()
    (folder / "m.bin").write_text("1")
    run.upload_file("outputs/m.bin", "m.bin")
    made = run.register_model("of_run", model_path="outputs/m.bin", tags={"t": "1"}, properties={"p": "1"},
                              model_framework="Onnx", model_framework_version="2", description="d")  # fmt: skip
    run.complete()
    assert (made.name, made.tags, made.description, made.model_framework) == ("of_run", {"t": "1"}, "d", "Onnx")
    assert made.model_framework_version == "2" and made.properties["p"] == "1"
    assert Model(module_workspace, "of_run", run_id=run.id).run_id == run.id
    assert [m.name for m in Model.list(module_workspace, run_id=run.id)] == ["of_run"]
    path = Model.get_model_path("of_run", version=1, _workspace=module_workspace)
    assert path.replace("\\", "/").endswith("azureml-models/of_run/1/m.bin")


def test_pipelines_and_their_runs(module_workspace: Workspace):
    ws = module_workspace
    data = PipelineData("data", pipeline_output_name="all")
    rate = PipelineParameter("rate", 1)
    good = PythonScriptStep(
        "ok.py", name="good", arguments=[data], outputs=[data], params={"r": rate}, compute_target="local"
    )
    pipeline = Pipeline(workspace=ws, steps=[good], description="what", default_datastore=ws.datastores["workspacefilestore"],
                        default_source_directory=".", resolve_closure=True)  # fmt: skip
    assert pipeline.description == "what" and pipeline.workspace is ws
    parent = Experiment(ws, "parents").start_logging()
    run = pipeline.submit("pipes", pipeline_parameters={"rate": 5}, continue_on_step_failure=True, regenerate_outputs=False,
                          parent_run_id=parent.id)  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()) as silent:
        assert run.wait_for_completion(show_output=False) == "Finished"
    parent.complete()
    assert "Streaming" not in silent.getvalue()
    assert run.experiment.name == "pipes" and run.parent.id == parent.id
    found = PipelineRun(experiment=Experiment(ws, "pipes"), run_id=run.id)
    (step,) = found.find_step_run("good")
    assert found.find_step_run(name="none") == []
    output = found.get_pipeline_output(pipeline_output_name="all")
    assert output.datastore_name == "workspacefilestore"
    step.tag("k", "v")
    assert (
        [c.id for c in found.get_children(tags={"k": "v"})]
        == [step.id]
        == [c.id for c in found.get_children(recursive=True)]
    )
    assert list(found.get_children(tags={"k": "w"})) == [] == list(found.get_children(properties={"no": "such"}))
    assert list(found.get_children(status="Failed")) == []
    assert [c.id for c in found.get_children(type="azureml.StepRun")] == [step.id]
    assert found.get_metrics(recursive=True)["a"] == 1


def test_a_default_source_directory_and_closure(module_workspace: Workspace, folder):
    (folder / "code").mkdir()
    (folder / "code" / "only.py").write_text("")
    first = PythonScriptStep("only.py", name="first", compute_target="local")
    then = PythonScriptStep("only.py", name="then", compute_target="local")
    then.run_after(step=first)
    pipeline = Pipeline(module_workspace, [then], default_source_directory="code")
    assert sorted(pipeline.graph.node_name_dict) == ["first", "then"]
    with pytest.raises(ValueError):
        Pipeline(module_workspace, [then], default_source_directory="code", resolve_closure=False)
    with pytest.raises(ValueError, match="script not found at"):
        Pipeline(module_workspace, [then])


def test_waiting(module_workspace: Workspace):
    ws = module_workspace
    bad = PythonScriptStep("bad.py", name="bad", compute_target="local")
    run = Experiment(ws, "waits").submit(config=Pipeline(ws, [bad]), tags={"a": "b"})
    assert run.get_tags()["a"] == "b"
    out = io.StringIO()
    with contextlib.redirect_stdout(out), pytest.raises(ActivityFailedException):
        run.wait_for_completion(show_output=True, raise_on_error=True)
    assert "StepRun( bad ) Status: Failed" in out.getvalue()
    with contextlib.redirect_stdout(io.StringIO()):
        assert run.wait_for_completion(raise_on_error=False) == "Failed"
        assert run.wait_for_completion(timeout_seconds=0, raise_on_error=False) == "Failed"


def test_what_does_not_depend_on_a_failed_step(module_workspace: Workspace):
    ws = module_workspace
    one = ComputeTarget.create(ws, "one", AmlCompute.provisioning_configuration(max_nodes=1))
    for goes_on, expected in ((False, "Canceled"), (True, "Finished")):
        bad = PythonScriptStep("bad.py", name="bad", compute_target=one)
        first = PythonScriptStep("ok.py", name="first", compute_target=one)
        then = PythonScriptStep("ok.py", name="then", compute_target=one)
        then.run_after(first)
        run = Pipeline(ws, [bad, then]).submit("goes_on", continue_on_step_failure=goes_on)
        with contextlib.redirect_stdout(io.StringIO()):
            assert run.wait_for_completion(raise_on_error=False) == "Failed"
        assert run.find_step_run("then")[0].get_status() == expected


def test_scripts_as_children_and_plain_waits(module_workspace: Workspace, folder):
    experiment = Experiment(module_workspace, "children")
    (folder / "plain.py").write_text("print('hello')")
    parent = experiment.start_logging()
    child = parent.submit_child(
        ScriptRunConfig(str(folder), "plain.py", run_config=RunConfiguration()), tags={"a": "b"}
    )
    with contextlib.redirect_stdout(io.StringIO()) as silent:
        details = child.wait_for_completion(show_output=False, wait_post_processing=True)
    assert details["status"] == "Completed" and child.parent.parent.id == parent.id and child.get_tags()["a"] == "b"
    assert "hello" not in silent.getvalue()
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        child.wait_for_completion(show_output=True)
    assert "hello" in shown.getvalue()
    bad = parent.submit_child(config=ScriptRunConfig(str(folder), "bad.py"))
    with contextlib.redirect_stdout(io.StringIO()):
        with pytest.raises(ActivityFailedException):
            bad.wait_for_completion(raise_on_error=True)
        assert bad.wait_for_completion(raise_on_error=False)["status"] == "Failed"
    parent.complete()


def test_the_context_of_no_run(capsys):
    assert Run.get_context(allow_offline=True).id.startswith("OfflineRun_")
    with pytest.raises(RunEnvironmentException):
        Run.get_context(allow_offline=False)


def test_a_widget_shows_its_run(module_workspace: Workspace, capsys):
    run = Experiment(module_workspace, "widgets").start_logging()
    run.complete()
    RunDetails(run_instance=run).show()
    assert run.id in capsys.readouterr().out
