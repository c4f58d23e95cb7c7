"""Pipeline parameters and step params: types, conflicts, what a submission may set them to."""

import pytest

from azureml._graph.scope import Scope
from azureml._graph.submission import assigned
from azureml.data.datapath import DataPath, DataPathComputeBinding
from azureml.data.dataset_consumption_config import DatasetConsumptionConfig
from azureml.pipeline.core import Pipeline, PipelineParameter
from azureml.pipeline.core.graph import PipelineParameter as PipelineParameterOfGraph
from azureml.pipeline.steps import PythonScriptStep


class Store:
    name = "blob"


class FileDataset:
    def __init__(self, id="f1"):
        self.id = id

    def _saved_id(self, workspace):
        return self.id

    def as_named_input(self, name):
        return DatasetConsumptionConfig(name, self)


class TabularDataset(FileDataset):
    pass


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    (tmp_path / "x.py").write_text("")
    monkeypatch.chdir(tmp_path)


def lowered(*steps):
    return Pipeline(None, list(steps))._lower()


def test_one_class_at_both_paths_and_its_text():
    assert PipelineParameter is PipelineParameterOfGraph
    assert str(PipelineParameter("p", 1.5)) == "PipelineParameter_Name:p_Default:1.5"


@pytest.mark.parametrize("value", [None, [1], {}])
def test_unsupported_defaults(value):
    with pytest.raises(ValueError) as caught:
        PipelineParameter("p", value)
    assert str(caught.value) == f"Default value is of unsupported type: {type(value).__name__}"


def test_every_type_is_declared_with_its_default_as_text():
    parameters = [
        PipelineParameter("i", 5),
        PipelineParameter("b", True),
        PipelineParameter("f", 0.01),
        PipelineParameter("s", "x"),
    ]
    place = PipelineParameter("p", DataPath(Store(), "a"))
    data = PipelineParameter("d", FileDataset())
    step = PythonScriptStep(
        "x.py",
        arguments=[*parameters, DatasetConsumptionConfig("there", data)],
        inputs=[(place, DataPathComputeBinding())],
    )
    graph = lowered(step)
    assert {p["name"]: (p["type"], p["default"]) for p in graph["parameters"]} == {
        "i": ("int", "5"),
        "b": ("bool", "True"),
        "f": ("float", "0.01"),
        "s": ("string", "x"),
        "p": ("datapath", {"datastore": "blob", "path": "a"}),
        "d": ("dataset", {"dataset": "f1"}),
    }
    assert {p["name"]: p["source"] for p in graph["nodes"][0]["inputs"]} == {
        "there": {"parameter": "d"},
        "p": {"parameter": "p"},
    }


def test_params_and_parameter_arguments_become_variables():
    rate = PipelineParameter("rate", 0.1)
    step = PythonScriptStep(
        "x.py", arguments=[rate, "parameter:epochs", "parameter:none"], params={"epochs": 5, "r": rate}
    )
    (node,) = lowered(step)["nodes"]
    assert node["parameters"] == {
        "epochs": {"literal": "5"},
        "r": {"parameter": "rate"},
        "rate": {"parameter": "rate"},
    }
    assert node["arguments"] == [{"parameter": "rate"}, {"literal": "5"}, {"literal": "parameter:none"}]


def test_an_argument_and_params_cannot_claim_one_name():
    with pytest.raises(Exception, match=r"^Parameter name q is already in use$"):
        PythonScriptStep("x.py", arguments=[PipelineParameter("q", 1)], params={"q": 2})


def test_one_name_has_one_default_in_a_graph():
    one, other = PipelineParameter("q", 5), PipelineParameter("q", 1)
    with pytest.raises(Exception) as caught:
        lowered(PythonScriptStep("x.py", arguments=[one]), PythonScriptStep("x.py", arguments=[other]))
    assert str(caught.value) == (
        "Graph already has pipeline parameter with same name q but different default values 5, 1"
    )
    lowered(
        PythonScriptStep("x.py", arguments=[one]), PythonScriptStep("x.py", params={"a": PipelineParameter("q", 5)})
    )


def test_data_reaches_a_script_as_an_input_and_not_as_text():
    with pytest.raises(ValueError, match="DataPathComputeBinding"):
        PythonScriptStep("x.py", arguments=[PipelineParameter("p", DataPath(Store(), "a"))])
    with pytest.raises(ValueError, match="DatasetConsumptionConfig"):
        PythonScriptStep("x.py", arguments=[PipelineParameter("p", FileDataset())])


def test_runconfig_parameters():
    count = PipelineParameter("nodes", 2)
    step = PythonScriptStep("x.py", runconfig_pipeline_params={"NodeCount": count})
    graph = lowered(step)
    assert graph["nodes"][0]["settings"]["runconfig_parameters"] == {"NodeCount": {"parameter": "nodes"}}
    assert graph["parameters"][0]["name"] == "nodes"
    with pytest.raises(ValueError, match="NodeCount"):
        PythonScriptStep("x.py", runconfig_pipeline_params={"Other": count})
    with pytest.raises(ValueError, match="PipelineParameter"):
        PythonScriptStep("x.py", runconfig_pipeline_params={"NodeCount": 2})


def test_values_at_submission():
    parameters = {
        p.name: p
        for p in (
            PipelineParameter("q", 5),
            PipelineParameter("x", 0.5),
            PipelineParameter("p", DataPath(Store(), "a")),
            PipelineParameter("d", FileDataset()),
        )
    }
    scope = Scope(None, None, lambda dataset: dataset.id)
    values = {"q": True, "x": 1, "p": DataPath(Store(), "b"), "d": FileDataset("f2")}
    assert assigned(parameters, values, scope) == {
        "q": "True",
        "x": "1",
        "p": {"datastore": "blob", "path": "b"},
        "d": {"dataset": "f2"},
    }
    with pytest.raises(
        Exception, match=r"^Pipeline parameter with name zz does not exist\. This pipeline has: q, x, p, d\.$"
    ):
        assigned(parameters, {"zz": 1}, scope)
    with pytest.raises(Exception) as caught:
        assigned(parameters, {"q": "5"}, scope)
    assert str(caught.value) == (
        "Expected type of the pipeline parameter q is int, but the value 5 provided is of type str"
    )
    with pytest.raises(TypeError, match="FileDataset"):
        assigned(parameters, {"d": TabularDataset()}, scope)
