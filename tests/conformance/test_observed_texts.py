"""The texts that the original was seen to say, word for word: existing code matches on them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from parameter_cases import Files, Store, lay_out, raw

from azureml.core import Dataset, Datastore, Environment, Experiment, RunConfiguration, Workspace
from azureml.core.compute import AmlCompute, ComputeTarget
from azureml.core.model import Model
from azureml.data import OutputFileDatasetConfig
from azureml.data.dataset_consumption_config import DatasetConsumptionConfig
from azureml.exceptions import ComputeTargetException, UserErrorException, WebserviceException
from azureml.pipeline.core import Pipeline, PipelineData, PipelineParameter, TrainingOutput
from azureml.pipeline.core.graph import InputPortBinding
from azureml.pipeline.steps import CommandStep, DatabricksStep, DataTransferStep, PythonScriptStep


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    lay_out(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def made(*steps, **options):
    return Pipeline(None, list(steps), default_datastore=Store("default"), **options)


def two_producers():
    data = PipelineData("x")
    return made(PythonScriptStep("x.py", name="A", outputs=[data]), PythonScriptStep("x.py", name="B", outputs=[data]))


def two_defaults():
    steps = [PythonScriptStep("x.py", arguments=[PipelineParameter("q", n)]) for n in (5, 1)]
    return made(*steps)._lower()


def repeated():
    b = PipelineData("b")
    return made(PythonScriptStep("x.py", outputs=[b]), PythonScriptStep("y.py", inputs=[b, b]))


def not_promoted():
    data = PipelineData("d")
    return made(
        PythonScriptStep("x.py", outputs=[data]),
        PythonScriptStep("y.py", inputs=[data.as_dataset().as_named_input("i")]),
    )


TEXTS = {
    "PipelineData name cannot be empty": (ValueError, lambda: PipelineData("")),
    "Invalid output mode [x]": (ValueError, lambda: PipelineData("a", output_mode="x")),
    "Input/Output n appears in arguments list but is not in the input/output lists…": (
        ValueError, lambda: PythonScriptStep("x.py", arguments=[PipelineData("n")])),
    "Step output x can not be used as an output for step B, as it is already an output of step A.|"
    "Step output x can not be used as an output for step A, as it is already an output of step B.": (ValueError, two_producers),
    "Input zz on step x.py is not connected to any previous step": (
        ValueError, lambda: made(PythonScriptStep("x.py", inputs=[PipelineData("zz")]))),
    "[b] is repeated. Input port names must be unique.": (ValueError, repeated),
    "DataStore not provided for output: n": (ValueError, lambda: Pipeline(None, [PythonScriptStep("x.py", outputs=[PipelineData("n")])])),
    "…is not promoted to a dataset…": (ValueError, not_promoted),
    "…Input name 'a-b' is not valid…|Invalid input name \"a-b\". …": (UserErrorException, lambda: DatasetConsumptionConfig("a-b", Files())),
    "…Invalid input name \"1a\"…": (UserErrorException, lambda: DatasetConsumptionConfig("1a", Files())),
    "Can not add object of type int to Pipeline.": (NotImplementedError, lambda: made(7)),
    "parameter foo is not recognized for Pipeline ": (ValueError, lambda: made(PythonScriptStep("x.py"), foo=1)),
    "Step [zzz.py]: script not found at: {here}/zzz.py. Make sure to specify an appropriate source_directory on the Step or "
    "default_source_directory on the Pipeline.": (ValueError, lambda: made(PythonScriptStep("zzz.py"))),
    "script_name is required": (ValueError, lambda: PythonScriptStep("")),
    "Parameter name X is already in use": (
        Exception, lambda: PythonScriptStep("x.py", arguments=[PipelineParameter("X", 1)], params={"X": 1})),
    "Graph already has pipeline parameter with same name q but different default values 5, 1": (Exception, two_defaults),
    "Default value is of unsupported type: list": (ValueError, lambda: PipelineParameter("p", [1])),
    "source_data_reference is required": (ValueError, lambda: DataTransferStep("t", None, raw(), "adf")),
    "destination_data_reference is required": (ValueError, lambda: DataTransferStep("t", raw(), None, "adf")),
    "compute_target is required": (ValueError, lambda: DataTransferStep("t", raw(), raw("b"), None)),
    "…Exactly one of notebook_path, python_script_path, python_script_name, main_class_name is required": (
        ValueError, lambda: DatabricksStep("d", num_workers=1, compute_target="c")),
    "command is required either from command directly or runconfig.": (ValueError, lambda: CommandStep()),
    "…the key 'pipeline' is required…": (ValueError, lambda: Pipeline.load_yaml(None, "spec.yml")),
    "The workspace configuration file config.json, could not be found in …": (UserErrorException, lambda: Workspace.from_config("other")),
}  # fmt: skip


def matches(pattern: str, said: str, here: str) -> bool:
    """`…` stands for any text, `|` parts what either is as good."""
    parts = pattern.replace("{here}", here).split("|")
    return any(re.fullmatch(re.escape(part).replace("…", ".*"), said, re.DOTALL) for part in parts)


@pytest.mark.parametrize("text", sorted(TEXTS))
def test_a_text_is_as_it_was(text, folder):
    kind, act = TEXTS[text]
    with pytest.raises(kind) as caught:
        act()
    said = getattr(caught.value, "message", None) or str(caught.value)
    assert matches(text, said, str(folder)), said


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"zz": 1}, "Pipeline parameter with name zz does not exist"),
        ({"q": "5"}, "Expected type of the pipeline parameter q is int, but the value 5 provided is of type str"),
    ],
)
def test_what_a_submission_may_not_set(module_workspace, value, text):
    pipeline = Pipeline(
        module_workspace, [PythonScriptStep("x.py", compute_target="local", arguments=[PipelineParameter("q", 5)])]
    )
    with pytest.raises(Exception) as caught:
        Experiment(module_workspace, "e").submit(pipeline, pipeline_parameters=value)
    assert str(caught.value).startswith(text)  # and then says what there is
    with pytest.raises(ValueError, match="foo"):
        pipeline.submit("e", foo=1)


def test_what_a_workspace_has_not(module_workspace):
    with pytest.raises(ComputeTargetException) as caught:
        ComputeTarget(module_workspace, "none")
    assert caught.value.message.startswith("ComputeTargetNotFound")
    for name in ("amlcompute", "local", "containerinstance"):
        with pytest.raises(UserErrorException):
            ComputeTarget.create(module_workspace, name, AmlCompute.provisioning_configuration(max_nodes=1))
    with pytest.raises(WebserviceException) as missing:
        Model(module_workspace, "none")
    assert missing.value.message.startswith("ModelNotFound")
    for name in ("a.b", "-a", "a b", "", "x" * 256):
        with pytest.raises(UserErrorException):
            Experiment(module_workspace, name)


def test_what_a_pipeline_says_of_itself(capsys):
    first = PythonScriptStep("x.py", name="a b ")
    pipeline = made(first)
    assert pipeline.validate() == []
    assert re.fullmatch(r"Step a b  is ready to be created \[[0-9a-f]{8}\]\n", capsys.readouterr().out)
    second = PythonScriptStep("x.py", name="c2")
    first.run_after(second)
    second.run_after(first)
    (problem,) = made(first, second).validate()
    assert re.fullmatch(r"Cycle detected including node (a b |c2)\([0-9a-f]{8}\)", problem)


def test_validate_says_all_that_is_wrong():
    first, second = PythonScriptStep("x.py", name="one"), PythonScriptStep("x.py", name="two")
    first.run_after(second)
    second.run_after(first)
    taken = PythonScriptStep(
        "x.py", name="taken", inputs=[Files().as_named_input("PATH"), Files().as_named_input("HOME")]
    )
    other = PythonScriptStep("x.py", name="other", inputs=[Files().as_named_input("PATH")])
    problems = made(first, second, taken, other).validate()
    assert problems[0].startswith("Cycle detected including node ")
    assert [re.findall(r"'(\w+)'", p)[:2] for p in problems[1:]] == [
        ["taken", "PATH"],
        ["taken", "HOME"],
        ["other", "PATH"],
    ]


def test_other_values_that_were_refused():
    with pytest.raises(ValueError):
        InputPortBinding("a", PipelineData("a"), bind_mode="direct-ish")
    with pytest.raises(ValueError):
        OutputFileDatasetConfig("o").register_on_complete("")
    for settings in (
        {"type": "Metrics", "metric": "m"},
        {"type": "Model", "iteration": 1, "metric": "m"},
        {"type": "Other"},
    ):
        with pytest.raises(ValueError):
            TrainingOutput(**settings)
    for name in ("a-b", "a b", "a.b"):
        with pytest.raises(ValueError):
            PipelineData(name)


def test_names_that_differ_by_case_are_different():
    upper, lower = PipelineData("Data"), PipelineData("data")
    writer = PythonScriptStep("x.py", outputs=[upper, lower])
    reader = PythonScriptStep("y.py", inputs=[upper, lower], arguments=[upper, lower])
    graph = made(writer, reader)._lower()
    assert [port["name"] for port in graph["nodes"][-1]["inputs"]] == ["Data", "data"]
    assert [argument["input"] for argument in graph["nodes"][-1]["arguments"]] == ["Data", "data"]
    steps = [
        PythonScriptStep("x.py", arguments=[PipelineParameter(name, n)]) for n, name in enumerate(("Rate", "rate"))
    ]
    assert [p["name"] for p in made(*steps)._lower()["parameters"]] == ["Rate", "rate"]


def test_what_a_workspace_has_whose_names_differ_by_case(module_workspace, folder):
    ws = module_workspace
    runs = {name: Experiment(ws, name).start_logging() for name in ("Cased", "cased")}
    for name, run in runs.items():
        (folder / "f").write_text(name)
        run.upload_file(name, "f")
        run.upload_file(name.swapcase(), "f")
        run.tag(name.upper(), name)
        run.complete()
        assert [each.id for each in Experiment(ws, name).get_runs()] == [run.id]
        assert sorted(run.get_file_names()) == sorted((name, name.swapcase()))
        ComputeTarget.create(ws, name, AmlCompute.provisioning_configuration(vm_size=name, max_nodes=1))
        Datastore.register_azure_blob_container(ws, name, name, "a")
        Datastore(ws, name).upload_files(["f"], target_path="in", show_progress=False)
        Model.register(ws, "f", name)
        Environment(name).register(ws)
        ws.get_default_keyvault().set_secret(name, name)
    for name in runs:
        assert ComputeTarget(ws, name).vm_size == name and Datastore(ws, name).container_name == name
        assert Dataset.File.from_files((Datastore(ws, name), "in")).to_path() == ["/f"]
        assert Path(Datastore(ws, name)._root, "in/f").read_text() == name
        assert Path(Model(ws, name).download("got", exist_ok=True)).read_text() == name and Model(ws, name).version == 1
        assert Environment.get(ws, name).version == "1" and ws.get_default_keyvault().get_secret(name) == name


def test_a_path_below_ones_own_home(folder, monkeypatch, module_workspace):
    from azureml.core import ScriptRunConfig

    monkeypatch.setenv("HOME", str(folder))
    step = PythonScriptStep("x.py", source_directory="~/other")
    seen = []
    made(step)._lower(lambda place: seen.append(place))
    assert seen == [str(folder / "other")]
    assert Pipeline(None, [PythonScriptStep("y.py")], default_source_directory="~/other").validate() == []
    assert ScriptRunConfig("~/other", "x.py", run_config=RunConfiguration()).source_directory == str(folder / "other")
    module_workspace.write_config("~")
    assert Workspace.from_config("~").name == module_workspace.name
    store = Datastore.get_default(module_workspace)
    store.upload("~/other", "from_home", show_progress=False)
    store.upload_files(["~/x.py"], target_path="from_home", overwrite=True, show_progress=False)
    assert (
        store.download("~/back", prefix="from_home", show_progress=False) > 1
        and (folder / "back" / "from_home" / "y.py").exists()
    )
    assert Model.register(module_workspace, "~/x.py", "of_home").version == 1


def test_what_is_wrong_with_each_step_is_said_at_once_the_first_as_ever(folder):
    steps = [PythonScriptStep(name, name="Step " + name, source_directory=str(folder)) for name in ("no.py", "nor.py")]
    with pytest.raises(ValueError) as one:
        made(steps[0])
    with pytest.raises(ValueError) as both:
        made(PythonScriptStep("x.py"), *steps)
    first, second = str(both.value).split("\n")
    assert first == str(one.value)
    assert second.startswith("Step [Step nor.py]: script not found at: ")
