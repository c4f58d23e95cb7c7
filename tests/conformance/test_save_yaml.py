"""What is saved as YAML loads again as the same pipeline: from an author's graph, a run, a published pipeline and a draft."""

from __future__ import annotations

import re
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from azureml.core import Dataset, Datastore, Environment, Experiment, RunConfiguration, Workspace
from azureml.core._yaml import dump
from azureml.core._yaml import load as read
from azureml.data import DataType, OutputFileDatasetConfig
from azureml.data.data_reference import DataReference
from azureml.data.datapath import DataPath, DataPathComputeBinding
from azureml.data.dataset_consumption_config import DatasetConsumptionConfig
from azureml.data.output_dataset_config import LinkFileOutputDatasetConfig
from azureml.data.sql_data_reference import SqlDataReference
from azureml.exceptions import UserErrorException
from azureml.pipeline.core import Module, Pipeline, PipelineData, PipelineDraft, PipelineParameter, PublishedPipeline
from azureml.pipeline.core.graph import Graph, InputPortDef, OutputPortDef
from azureml.pipeline.steps import (
    AdlaStep,
    AzureBatchStep,
    CommandStep,
    DatabricksStep,
    DataTransferStep,
    ModuleStep,
    ParallelRunConfig,
    ParallelRunStep,
    PythonScriptStep,
)

SCRIPT = "import os, sys\nfor p in sys.argv[1:]:\n    if os.path.isabs(p):\n        os.makedirs(p, exist_ok=True)\nprint(sys.argv[1:])\n"


@pytest.fixture(scope="module")
def ws(module_workspace: Workspace) -> Workspace:
    Datastore.register_azure_sql_database(module_workspace, "sql", "s", "d", username="u", password="p")
    return module_workspace


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "code").mkdir()
    for name in ("x.py", "x.usql", "run.cmd"):
        (tmp_path / "code" / name).write_text(SCRIPT)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def essence(graph: dict) -> dict:
    """A graph without what the file does not say: where folders lay, and whether a compute was named by an object."""
    nodes = []
    for raw in graph["nodes"]:
        node = dict(raw, settings={k: v for k, v in raw["settings"].items() if k != "source_directory"})
        node["compute"] = node["compute"] and node["compute"]["name"]
        for key in ("inputs", "outputs"):
            node[key] = [{k: v for k, v in port.items() if v not in (None, False)} for port in node[key]]
        nodes.append(node)
    return {**graph, "nodes": nodes, "description": graph["description"] or "pipeline"}


def round_trip(ws: Workspace, pipeline: Pipeline, folder: Path) -> dict:
    """The file's content, once what it loads as is what was saved."""
    said = read(dump(pipeline.graph.generate_yaml()))
    (folder / "saved.yml").write_text(dump(said))
    loaded = Pipeline.load_yaml(ws, str(folder / "saved.yml"))
    assert essence(loaded._lower_dry().graph) == essence(pipeline._lower_dry().graph)
    return said["pipeline"]


def script(name: str, **more: object) -> PythonScriptStep:
    return PythonScriptStep(
        "x.py", name=name, source_directory="code", compute_target=more.pop("compute_target", "cpu"), **more
    )


def test_every_form_of_data_between_scripts(ws: Workspace, folder: Path) -> None:
    store = ws.get_default_datastore()
    folder_dataset = Dataset.File.from_files((store, "somewhere"), validate=False)
    place = PipelineParameter("place", DataPath(store, "a/b"))
    chosen = PipelineParameter("chosen", folder_dataset)
    plain = PipelineData(
        "plain", output_name="out", output_mode="upload", output_path_on_compute="/w", output_overwrite=True
    )
    named = PipelineData(
        "named", Datastore.get(ws, "workspacefilestore"), is_directory=False, pipeline_output_name="result"
    )
    promoted = PipelineData("promoted").as_dataset().register("of_yaml", create_new_version=False)
    files = OutputFileDatasetConfig("files", (store, "kept/{run-id}")).as_upload(True, ["*.csv"])
    table = OutputFileDatasetConfig("table").read_delimited_files(set_column_types={"a": DataType.to_float()})
    registered = table.keep_columns("a").register_on_complete("table_of_yaml", "d", {"t": "1"})
    first = script(
        "first",
        inputs=[
            DataReference(store, "raw", "in/x", "download", "/y", True), (place, DataPathComputeBinding("download", "/z", True)),
            (DataPath(store, "in/z", "direct_path"), DataPathComputeBinding()),
            DatasetConsumptionConfig("in_files", folder_dataset, "mount"), DatasetConsumptionConfig("of_parameter", chosen, "download", "/p"),
        ],
        outputs=[plain, named, promoted, files, registered, LinkFileOutputDatasetConfig("linked")],
        arguments=["--to", plain, f"--named={named}/x", files, DatasetConsumptionConfig("direct", folder_dataset), "input:raw", "5"],
    )  # fmt: skip
    second = script(
        "second",
        inputs=[plain.as_download("out", "/q", True), promoted.as_named_input("pd").as_download(),
                promoted.parse_delimited_files().as_named_input("pt"), files.as_input("ofdc"), registered.as_input("tabular"),
                named, DataReference(store, "raw", "in/y")],
        outputs=[PipelineData("out2", output_name="out")],
        arguments=[plain.as_download("out", "/q", True)],
    )  # fmt: skip
    said = round_trip(ws, Pipeline(ws, [first, second], description="all data", default_datastore=store), folder)
    assert (said["name"], said["description"], said["default_datastore"]) == ("all data", "all data", store.name)
    assert said["parameters"]["place"] == {
        "type": "datapath",
        "default": {"datastore": store.name, "path_on_datastore": "a/b"},
    }
    assert said["data_references"]["raw"] == {"datastore": store.name, "path_on_datastore": "in/x"}
    assert said["data_references"]["raw_2"]["path_on_datastore"] == "in/y"
    assert said["steps"]["first"]["arguments"][5] == {"literal": "input:raw"}
    assert said["steps"]["second"]["outputs"]["out"]["destination"] == "second_out"


def test_values_limits_and_order(ws: Workspace, folder: Path) -> None:
    config = RunConfiguration()
    config.environment_variables, config.target, config.max_run_duration_seconds = {"A": "b: c # d"}, "named", 5
    values = [
        PipelineParameter("n", 3),
        PipelineParameter("rate", 0.5),
        PipelineParameter("is_on", True),
        PipelineParameter("word", "12"),
    ]
    one = script("train model ", params={"p": values[0], "literal": 7}, arguments=["parameter:p", *values[1:], "parameter:none", "--x=y"],
                 runconfig=config, runconfig_pipeline_params={"NodeCount": values[0]}, allow_reuse=False, version="1.0")  # fmt: skip
    same_name = [script("twin", arguments=[str(number)]) for number in range(2)]
    last = script("last", compute_target=None).timeout(60).max_age(timedelta(days=1)).retry(3, 5, "any")
    for step in same_name:
        step.run_after(one)
        last.run_after(step)
    said = round_trip(ws, Pipeline(ws, [last]), folder)
    assert said["name"] == "pipeline" and said["parameters"]["is_on"] == {"type": "bool", "default": True}
    assert said["parameters"]["word"] == {"type": "string", "default": "12"}
    steps = said["steps"]
    assert steps["train model "]["parameters"]["rate"] == {"source": "rate"} and "timeout" not in steps["train model "]
    assert (steps["last"]["timeout"], steps["last"]["max_age"], steps["last"]["retry"]["on"]) == (60, 86400.0, "any")
    assert len(steps["last"]["run_after"]) == 2 and "compute" not in steps["last"]


def test_every_kind_of_step_that_the_file_knows(ws: Workspace, folder: Path) -> None:
    store, p = ws.get_default_datastore(), PipelineParameter("p", 2)
    raw, data = DataReference(store, "raw", "in"), PipelineData("data", store)
    adla = AdlaStep("x.usql", "adla", [raw], [data], {"v": p}, 2, 3, "r", "lake", "code", False, "7")
    copy = DataTransferStep(
        "copy",
        SqlDataReference(Datastore.get(ws, "sql"), "table", sql_query="SELECT 1"),
        raw,
        "adf",
        None,
        "file",
        False,
    )
    cluster = {"spark_version": "x", "num_workers": 2, "spark_conf": {"a": "b"}, "run_name": "r", "timeout_seconds": 9}
    spark = DatabricksStep("spark", [copy.get_output().as_input("copied")], [PipelineData("made", store)], python_script_name="x.py",
                           source_directory="code", python_script_params=["--a", p, "b"], compute_target="dbr", **cluster)  # fmt: skip
    notebook = DatabricksStep("notebook", notebook_path="/n", notebook_params={"k": p, "l": "m"}, existing_cluster_id="c",
                              permit_cluster_restart=True, compute_target="dbr")  # fmt: skip
    batch = AzureBatchStep(
        "batch",
        False,
        "pool",
        executable="run.cmd",
        source_directory="code",
        arguments=[raw, "x"],
        inputs=[raw],
        compute_target="b",
    )
    environment = Environment("e")
    environment.environment_variables = {"E": "1"}
    config = ParallelRunConfig(environment, "x.py", 3, "append_row", "cpu", p, 2, "1KB", "code", "d", run_max_try=PipelineParameter("tries", 4),
                               append_row_file_name="rows.txt", environment_variables={"F": "2"})  # fmt: skip
    files = Dataset.File.from_files((store, "somewhere"), validate=False)
    side = files.as_named_input("side").as_mount()
    parallel = ParallelRunStep(
        "parallel",
        config,
        [files.as_named_input("batch_of")],
        PipelineData("rows", store),
        [side],
        ["--side", side, "--p", p],
        False,
    )
    said = round_trip(ws, Pipeline(ws, [adla, copy, spark, notebook, batch, parallel]), folder)
    assert said["steps"]["parallel"]["parallel_run_config"]["node_count"] == {"source": "p"}
    assert said["steps"]["spark"]["python_script_params"] == ["--a", {"source": "p"}, "b"]
    assert said["steps"]["copy"]["destination_data_reference"] == {"destination": {"source": "raw"}}


def test_what_the_file_cannot_say_is_refused(ws: Workspace, folder: Path) -> None:
    command = CommandStep("echo", compute_target="cpu", name="says")
    with pytest.raises(
        ValueError, match=r"cannot say step 'says', a CommandStep. It can say: AdlaStep, .*Keep the code"
    ):
        Pipeline(ws, [command, script("s")]).graph.generate_yaml()
    library = DatabricksStep("lib", notebook_path="/n", num_workers=1, jar_libraries=["x"], compute_target="dbr")
    with pytest.raises(ValueError, match="the libraries of step 'lib'"):
        Pipeline(ws, [library]).graph.generate_yaml()
    with pytest.raises(ValueError, match="was not made from a pipeline"):
        Graph("g", None).generate_yaml()


def modules(ws: Workspace) -> Pipeline:
    """A script and two steps of a module, one of which gives its own arguments."""
    module = Module.create(ws, "of yaml", "d")
    module.publish_python_script("x.py", "d", [InputPortDef("i")], [OutputPortDef("o")], {"p": 1, "q": 2}, version="1", source_directory="code",
                                 arguments=["input:i", "output:o", "parameter:p"], is_default=True)  # fmt: skip
    data = [PipelineData(f"data{n}") for n in range(3)]
    config = RunConfiguration()
    config.environment_variables = {"A": "1"}
    steps = [
        script("write it", arguments=[data[0]], outputs=[data[0]], runconfig=config),
        ModuleStep(module, inputs_map={"i": data[0]}, outputs_map={"o": data[1]}, params={"q": PipelineParameter("n", 3)}, compute_target="cpu",
                   runconfig=config),
        ModuleStep(module, inputs_map={"i": data[1]}, outputs_map={"o": data[2]}, compute_target="cpu", name="other name",
                   arguments=[data[2], PipelineParameter("p", 5), PipelineParameter("undeclared", 6)]),
    ]  # fmt: skip
    return Pipeline(ws, steps)


def test_a_run_a_published_pipeline_and_a_draft_are_saved_with_their_files(ws: Workspace, folder: Path) -> None:
    pipeline = modules(ws)
    round_trip(ws, pipeline, folder)
    run = Experiment(ws, "saved").submit(pipeline)
    assert run.wait_for_completion(show_output=False) == "Finished"
    published = pipeline.publish("My pipeline: 1", "of steps")
    draft = PipelineDraft.create(ws, published, experiment_name="saved")
    shutil.rmtree(folder / "code")
    (folder / "there").mkdir()
    run.save()
    published.save(folder / "there")
    draft.save(str(folder / "there" / "draft.yml"))
    saved = {
        folder / "pipeline.yml": run,
        folder / "there" / "My_pipeline__1.yml": published,
        folder / "there" / "draft.yml": draft,
    }
    for path, of in saved.items():
        loaded = Pipeline.load_yaml(ws, str(path))
        again = Experiment(ws, "saved").submit(loaded)
        assert again.wait_for_completion(show_output=False) == "Finished"
        assert {s.name: s.get_properties()["azureml.reusedrunid"] for s in again.get_steps()} == {
            s.name: s.id for s in run.get_steps()
        }
        kept = PublishedPipeline.get_graph(of) if of is published else of.get_graph()
        assert [n.name for n in loaded.graph.module_nodes] == [n.name for n in kept.module_nodes]
        files = path.parent / (path.stem + "_files")
        assert (
            sorted(p.name for p in files.glob("*/*")) == ["run.cmd", "x.py", "x.usql"]
            and (files / "runconfig_1.yml").exists()
        )
        of.save(path)  # what is there already is what is to be there
    assert read((folder / "there" / "My_pipeline__1.yml").read_text())["pipeline"]["name"] == "My pipeline: 1"
    (script_file,) = (folder / "pipeline_files").glob("*/x.py")
    script_file.write_text("changed")
    with pytest.raises(
        UserErrorException, match=r"holds other files than the snapshot sha256:.*Move it away, or save elsewhere"
    ):
        run.save()


def test_a_saved_pipeline_finds_its_module_by_name_where_its_id_is_not_known(ws: Workspace, folder: Path) -> None:
    Module.create(ws, "of other", "d").publish_python_script("x.py", "d", [], [], source_directory="code", version="4")
    text = "pipeline:\n  steps:\n    s:\n      module: {id: none, name: of other, version: '4'}\n      name: called\n"
    (folder / "other.yml").write_text(text)
    (node,) = Pipeline.load_yaml(ws, "other.yml")._lower_dry().graph["nodes"]
    assert (node["name"], node["version"], node["settings"]["module"]["name"]) == ("called", "4", "of other")
    (folder / "other.yml").write_text(text.replace("of other", "of no other"))
    with pytest.raises(UserErrorException, match="no module 'of no other'"):
        Pipeline.load_yaml(ws, "other.yml")


def test_the_file_of_the_docs_loads_and_runs(ws: Workspace, folder: Path, checkout: Path) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", (checkout / "docs" / "yaml.md").read_text(), re.DOTALL)
    (folder / "sums.yml").write_text(text)
    (folder / "code" / "prepare.py").write_text("import sys; print(sys.argv[1:])")
    ports = {"inputs": [InputPortDef("start")], "outputs": [OutputPortDef("out")]}
    Module.create(ws, "add", "d").publish_python_script("x.py", "d", source_directory="code", version="1", **ports)
    (folder / "raw.csv").write_text("1")
    ws.get_default_datastore().upload_files([str(folder / "raw.csv")], target_path="in", show_progress=False)
    run = Experiment(ws, "docs").submit(Pipeline.load_yaml(ws, "sums.yml"), pipeline_parameters={"start": 4})
    assert run.wait_for_completion(show_output=False) == "Finished"
    assert run.find_step_run("prepare")[0].get_stdout_log().rstrip().endswith("'--start', '4']")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "steps: {s: {type: PythonScriptStep, script_name: x.py, source_directory: code, run_after: [t]}}",
            "it is to run after 't', which is no step",
        ),
        (
            "parameters: {p: {type: dataset, default: x}}\n  steps: {s: {}}",
            "the default of a dataset is a map of dataset_id or dataset_name",
        ),
        (
            "steps: {s: {type: PythonScriptStep, script_name: x.py, arguments: [{parameter: p}]}}",
            "an argument has the source 'p', which is not declared",
        ),
        (
            "steps: {s: {type: PythonScriptStep, script_name: x.py, source_directory: code, retry: {count: -1}}}",
            "the count of retries is -1",
        ),
    ],
)
def test_what_is_wrong_in_the_file_is_said(ws: Workspace, folder: Path, text: str, message: str) -> None:
    (folder / "bad.yml").write_text("pipeline:\n  " + text + "\n")
    with pytest.raises(ValueError) as caught:
        Pipeline.load_yaml(ws, "bad.yml")
    assert message in str(caught.value)
