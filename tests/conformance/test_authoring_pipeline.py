"""Pipelines: what they take, in which order their steps stand, what they refuse and in which words."""

import re

import pytest

from azureml.core.runconfig import RunConfiguration
from azureml.data.data_reference import DataReference
from azureml.data.datapath import DataPath, DataPathComputeBinding
from azureml.data.dataset_consumption_config import DatasetConsumptionConfig
from azureml.data.output_dataset_config import OutputFileDatasetConfig
from azureml.pipeline.core import Pipeline, PipelineData, PipelineParameter, StepSequence
from azureml.pipeline.steps import PythonScriptStep


class Store:
    name = "blob"


class Dataset:
    def __init__(self, id="d1"):
        self.id = id

    def _saved_id(self, workspace):
        return self.id

    def as_named_input(self, name):
        return DatasetConsumptionConfig(name, self)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "x.py").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def step(name="s", **settings):
    return PythonScriptStep("x.py", name, **settings)


def names(pipeline):
    return [node["name"] for node in pipeline._lower()["nodes"]]


def node(pipeline, name):
    return next(n for n in pipeline._lower()["nodes"] if n["name"] == name)


# --- what makes a pipeline ------------------------------------------------------------------------------------------


def test_the_closure_by_data_and_by_order_is_pulled_in(folder):
    x = PipelineData("x", Store())
    step("first", outputs=[x])
    second, last = step("second", inputs=[x]), step("last")
    last.run_after(second)
    assert names(Pipeline(None, last)) == ["first", "second", "last"]
    assert node(Pipeline(None, [last]), "last")["after"] == [node(Pipeline(None, [last]), "second")["id"]]


def test_without_the_closure_a_missing_predecessor_is_an_error(folder):
    first, last = step("first"), step("last")
    last.run_after(first)
    with pytest.raises(ValueError, match="first"):
        Pipeline(None, [last], resolve_closure=False)
    assert names(Pipeline(None, [last, first], resolve_closure=False)) == ["first", "last"]


def test_lists_may_be_nested_and_run_in_parallel(folder):
    pipeline = Pipeline(None, [step("a"), [step("b"), [step("c")]]])
    assert names(pipeline) == ["a", "b", "c"]
    assert all(n["after"] == [] for n in pipeline._lower()["nodes"])


def test_a_sequence_orders_its_entries(folder):
    a, b, c, d = (step(n) for n in "abcd")
    pipeline = Pipeline(None, StepSequence(steps=[a, [b, c], d]))
    ids = {n["name"]: n["id"] for n in pipeline._lower()["nodes"]}
    assert node(pipeline, "b")["after"] == node(pipeline, "c")["after"] == [ids["a"]]
    assert node(pipeline, "d")["after"] == [ids["b"], ids["c"]]


def test_pipeline_data_stands_for_its_producer(folder):
    x = PipelineData("x", Store())
    step("writer", outputs=[x])
    assert names(Pipeline(None, [x])) == ["writer"]


def test_what_is_no_step(folder):
    with pytest.raises(NotImplementedError, match=r"^Can not add object of type int to Pipeline\.$"):
        Pipeline(None, [3])


def test_an_unknown_keyword(folder):
    with pytest.raises(ValueError, match=r"^parameter foo is not recognized for Pipeline $"):
        Pipeline(None, [step()], foo=1)


def test_several_run_after_accumulate(folder):
    a, b, c = (step(n) for n in "abc")
    c.run_after(a)
    c.run_after(b)
    assert names(Pipeline(None, [c])) == ["a", "b", "c"] and len(node(Pipeline(None, [c]), "c")["after"]) == 2
    with pytest.raises(ValueError, match="one step"):
        c.run_after([a])


def test_names_need_not_be_unique_and_may_hold_anything_but_nul(folder):
    pipeline = Pipeline(None, [step("süß 🚂 "), step("süß 🚂 ")])
    assert len({n["id"] for n in pipeline._lower()["nodes"]}) == 2
    with pytest.raises(ValueError, match="NUL"):
        step("a\0b")


def test_the_same_script_gives_the_same_ids(folder):
    def once():
        x = PipelineData("x", Store())
        return [n["id"] for n in Pipeline(None, [step("a", outputs=[x]), step("b", inputs=[x])])._lower()["nodes"]]

    assert once() == once() and all(re.fullmatch("[0-9a-f]{8}", i) for i in once())


# --- scripts and folders --------------------------------------------------------------------------------------------


def test_a_missing_script(folder):
    with pytest.raises(ValueError) as caught:
        Pipeline(None, [PythonScriptStep("zzz.py")])
    assert str(caught.value) == (
        "Step [zzz.py]: script not found at: {}. Make sure to specify an appropriate source_directory on the Step or "
        "default_source_directory on the Pipeline.".format(folder / "zzz.py")
    )


def test_the_default_source_directory(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "y.py").write_text("")
    pipeline = Pipeline(None, [PythonScriptStep("y.py")], default_source_directory=str(elsewhere))
    folders = []
    pipeline._lower(lambda path: folders.append(path) or "sha256:1")
    assert folders == [str(elsewhere)]


# --- producers ------------------------------------------------------------------------------------------------------


def test_data_has_one_producer(folder):
    x = PipelineData("x", Store())
    a, b = step("a", outputs=[x]), step("b", outputs=[x])
    with pytest.raises(ValueError) as caught:
        Pipeline(None, [a, b])
    assert str(caught.value) == (
        "Step output x can not be used as an output for step a, as it is already an output of step b."
    )


def test_data_that_nobody_produces(folder):
    with pytest.raises(ValueError, match=r"^Input zz on step x\.py is not connected to any previous step$"):
        Pipeline(None, [PythonScriptStep("x.py", inputs=[PipelineData("zz", Store())])])


def test_an_output_without_a_datastore_anywhere(folder):
    writer = step(outputs=[PipelineData("x")])
    with pytest.raises(ValueError, match=r"^DataStore not provided for output: x$"):
        Pipeline(None, [writer])
    assert Pipeline(None, [writer], default_datastore=Store())._lower()["default_datastore"] == "blob"


def test_a_dataset_input_needs_a_promoted_output(folder):
    x = PipelineData("x", Store())
    files = x.as_dataset()
    with pytest.raises(ValueError, match="is not promoted to a dataset"):
        Pipeline(None, [step("a", outputs=[x]), step("b", inputs=[files])])
    pipeline = Pipeline(None, [step("a", outputs=[files]), step("b", inputs=[files.as_named_input("there")])])
    assert node(pipeline, "b")["inputs"][0]["reference"] == "dataset"


# --- validate -------------------------------------------------------------------------------------------------------


def test_validate_says_what_is_ready(folder, capsys):
    pipeline = Pipeline(None, [step("one")])
    assert pipeline.validate() == []
    assert re.fullmatch(r"Step one is ready to be created \[[0-9a-f]{8}\]\n", capsys.readouterr().out)


def test_a_cycle_is_found_by_validate_and_not_before(folder, capsys):
    c1, c2 = step("c1"), step("c2")
    c1.run_after(c2)
    c2.run_after(c1)
    pipeline = Pipeline(None, [c1])
    (problem,) = pipeline.validate()
    assert re.fullmatch(r"Cycle detected including node c[12]\([0-9a-f]{8}\)", problem)
    assert "ready" not in capsys.readouterr().out


# --- arguments ------------------------------------------------------------------------------------------------------


def test_arguments_are_resolved_to_ports_parameters_and_text(folder):
    x, y = PipelineData("x", Store()), PipelineData("y", Store())
    rate = PipelineParameter("rate", 0.01)
    writer = step("a", outputs=[x])
    reader = step(
        "b",
        arguments=["--in", x, "--out", y, "--rate", rate, 3, 0.5, True, f"--file={x}/a.csv"],
        inputs=[x],
        outputs=[y],
    )
    assert node(Pipeline(None, [writer, reader]), "b")["arguments"] == [
        {"literal": "--in"},
        {"input": "x"},
        {"literal": "--out"},
        {"output": "y"},
        {"literal": "--rate"},
        {"parameter": "rate"},
        {"literal": "3"},
        {"literal": "0.5"},
        {"literal": "True"},
        {"parts": [{"literal": "--file="}, {"input": "x"}, {"literal": "/a.csv"}]},
    ]


def test_an_argument_that_is_neither_input_nor_output(folder):
    message = (
        r"^Input/Output x appears in arguments list but is not in the input/output lists\. Step 's': add it to inputs"
    )
    with pytest.raises(ValueError, match=message):
        step(arguments=[PipelineData("x")])
    with pytest.raises(ValueError, match="appears in arguments list"):
        step(arguments=[DataReference(Store(), "raw", "a")])
    with pytest.raises(ValueError, match="appears in arguments list"):
        step(arguments=[(DataPath(Store(), "a"), DataPathComputeBinding())])


def test_arguments_that_have_no_text(folder):
    with pytest.raises(ValueError, match="argument 2 is None"):
        step(arguments=["--x", None])
    with pytest.raises(ValueError, match="dict"):
        step(arguments=[{}])
    with pytest.raises(ValueError, match="NUL"):
        step(arguments=["a\0"])
    with pytest.raises(ValueError, match="must be a list"):
        step(arguments="--x 1")


def test_bindings_and_references_as_arguments(folder):
    x = PipelineData("x", Store())
    raw = DataReference(Store(), "raw", "a/b")
    place = (PipelineParameter("place", DataPath(Store(), "p")), DataPathComputeBinding("download"))
    binding = x.as_download("local")
    reader = step("b", arguments=[binding, raw, place], inputs=[binding, raw, place])
    lowered = node(Pipeline(None, [step("a", outputs=[x]), reader]), "b")
    assert lowered["arguments"] == [{"input": "local"}, {"input": "raw"}, {"input": "place"}]
    assert [p["source"] for p in lowered["inputs"]][1:] == [
        {"datastore": "blob", "path": "a/b"},
        {"parameter": "place"},
    ]
    assert [p["mode"] for p in lowered["inputs"]] == ["download", "mount", "download"]


def test_an_input_named_as_an_output_is_renamed(folder):
    x, again = PipelineData("x", Store()), PipelineData("y", Store(), output_name="x")
    reader = step("b", arguments=[x, again], inputs=[x], outputs=[again])
    lowered = node(Pipeline(None, [step("a", outputs=[x]), reader]), "b")
    assert lowered["arguments"] == [{"input": "INPUT_x"}, {"output": "x"}]


def test_inputs_have_names_of_their_own(folder):
    b = DataReference(Store(), "b", "1")
    with pytest.raises(ValueError, match=r"^\[b\] is repeated\. Input port names must be unique\.$"):
        step(inputs=[b, DataReference(Store(), "b", "2")])
    with pytest.raises(ValueError, match=r"^\[x\] is repeated"):
        step(inputs=[Dataset().as_named_input("x")], arguments=[Dataset("d2").as_named_input("x")])


# --- datasets and output configurations -----------------------------------------------------------------------------


def test_a_dataset_needs_a_name_to_be_an_input(folder):
    for where in ("inputs", "arguments"):
        with pytest.raises(ValueError, match="as_named_input"):
            step(**{where: [Dataset()]})


def test_a_named_dataset_in_the_arguments_becomes_an_input(folder):
    dataset = Dataset()
    lowered = node(Pipeline(None, [step(arguments=["--d", dataset.as_named_input("raw_data")])]), "s")
    assert lowered["arguments"][1] == {"input": "raw_data"}
    assert lowered["inputs"][0]["source"] == {"dataset": "d1"} and lowered["inputs"][0]["mode"] == "direct"
    both = step(arguments=[dataset.as_named_input("x")], inputs=[Dataset().as_named_input("x")])
    assert len(node(Pipeline(None, [both]), "s")["inputs"]) == 1


def test_an_output_configuration_in_the_arguments_becomes_an_output(folder):
    output = OutputFileDatasetConfig("clean", (Store(), "out/{run-id}")).register_on_complete("kept", tags={"a": "1"})
    writer = step("a", arguments=["--o", output])
    reader = step("b", arguments=[output.as_input("there")])
    third = step("c", inputs=[output])
    pipeline = Pipeline(None, [reader, third])
    lowered = node(pipeline, "a")
    assert names(pipeline) == ["a", "b", "c"] and writer.name == "a"
    assert lowered["arguments"] == [{"literal": "--o"}, {"output": "clean"}]
    (port,) = lowered["outputs"]
    assert (port["reference"], port["datastore"], port["destination"]) == ("dataset", "blob", "out/{run-id}")
    assert port["register"]["name"] == "kept" and port["register"]["tags"] == {"a": "1"}
    assert node(pipeline, "b")["inputs"][0]["source"] == {"node": lowered["id"], "output": "clean"}
    assert re.fullmatch("input_[0-9a-f]{8}", node(pipeline, "c")["inputs"][0]["name"])


def test_a_table_read_from_an_output_carries_its_parsing(folder):
    output = OutputFileDatasetConfig("clean")
    reader = step("b", inputs=[output.read_delimited_files().keep_columns(["a"]).as_input("t")])
    pipeline = Pipeline(None, [step("a", arguments=[output]), reader], default_datastore=Store())
    (port,) = node(pipeline, "b")["inputs"]
    assert port["mode"] == "direct" and [next(iter(t)) for t in port["transform"]] == ["parse", "keep_columns"]


# --- the node -------------------------------------------------------------------------------------------------------


def test_settings_reach_the_node(folder):
    configuration = RunConfiguration()
    configuration.environment_variables = {"A": 1}
    configuration.target = "cluster"
    lowered = node(Pipeline(None, [step(runconfig=configuration, allow_reuse=False, version="2")]), "s")
    assert lowered["compute"] == {"name": "cluster", "explicit": False}
    assert (lowered["kind"], lowered["step_type"]) == ("python_script", "PythonScriptStep")
    assert lowered["settings"] == {"script_name": "x.py", "source_directory": str(folder)} and lowered[
        "environment_variables"
    ] == {"A": "1"}
    assert (lowered["allow_reuse"], lowered["version"]) == (False, "2")
    assert lowered["run_definition"]["framework"] == "Python"


def test_compute_targets(folder):
    class Cluster:
        name, type = "c", "AmlCompute"

    assert node(Pipeline(None, [step(compute_target=Cluster())]), "s")["compute"] == {"name": "c", "explicit": True}
    assert node(Pipeline(None, [step(compute_target="local")]), "s")["compute"] == {"name": "local", "explicit": False}
    assert node(Pipeline(None, [step(compute_target=("c", "AmlCompute"))]), "s")["compute"]["name"] == "c"
    assert node(Pipeline(None, [step()]), "s")["compute"] is None
    with pytest.raises(ValueError, match="compute_target"):
        step(compute_target=3)


def test_the_graph_can_be_looked_at(folder):
    x = PipelineData("x", Store())
    raw = DataReference(Store(), "raw", "a")
    graph = Pipeline(None, [step("a", inputs=[raw], outputs=[x]), step("b", inputs=[x])]).graph
    assert [n.name for n in graph.module_nodes] == ["a", "b"] and [n.name for n in graph.datasource_nodes] == ["raw"]
    assert len(graph.edges) == 2 and graph.edges[1].source_port.node is graph.node_name_dict["a"][0]
    assert graph.get_node(graph.module_nodes[0].node_id).get_output("x").datastore_name == "blob"
    assert graph.validate() == [] and "a" in str(graph.generate_yaml()["pipeline"]["steps"])
    assert len(graph.finalize()) == 2


def test_two_thousand_steps_cost_no_more_each_than_two_hundred(folder):
    from time import perf_counter

    def seconds(count):
        previous, steps = None, []
        for number in range(count):
            data = PipelineData(f"d{number}", Store())
            steps.append(step(str(number), inputs=[previous] if previous else [], outputs=[data]))
            previous = data
        start = perf_counter()
        pipeline = Pipeline(None, steps[-1:])
        assert pipeline.validate() == []
        return perf_counter() - start

    few = min(seconds(200) for _ in range(3))
    many = min(seconds(2000) for _ in range(2))
    assert many < 1.0 and many / 2000 < 4 * few / 200, (few, many)  # wide: the machine is shared
