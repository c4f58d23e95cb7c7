"""Steps made of modules: which version they run, what reaches its ports, and what is said when something is wrong. Against a real server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from azureml.core import Dataset, Experiment, RunConfiguration, Workspace
from azureml.data import OutputFileDatasetConfig
from azureml.data.data_reference import DataReference
from azureml.exceptions import UserErrorException
from azureml.pipeline.core import Pipeline, PipelineData, PipelineParameter, PipelineRun, PublishedPipeline
from azureml.pipeline.core.graph import InputPortDef, OutputPortDef, ParamDef
from azureml.pipeline.core.module import Module, ModuleVersion
from azureml.pipeline.steps import ModuleStep, PythonScriptStep

CALCULATE = """
import argparse, os
parser = argparse.ArgumentParser()
for name in ("file_num1", "file_num2", "output_sum", "output_product"):
    parser.add_argument("--" + name)
for name in ("arg_num1", "arg_num2"):
    parser.add_argument("--" + name, type=int)
args = parser.parse_args()
one = args.arg_num1 if args.file_num1 is None else int(open(args.file_num1).read())
two = args.arg_num2 if args.file_num2 is None else int(open(args.file_num2).read())
for path, value in ((args.output_sum, one + two), (args.output_product, one * two)):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    open(path, "w").write(str(value))
print("sum", one + two, "product", one * two, "initial", os.environ.get("AML_PARAMETER_initialNum"))
"""
SEES = """
import os, sys
from azureml.core import Run
def look(place):
    return open(place).read() if os.path.isfile(place) else ",".join(sorted(os.listdir(place)))
for name in sorted(os.environ):
    if name.startswith("AML_PARAMETER_"):
        print("parameter", name[14:], os.environ[name])
for given in sys.argv[1:]:
    print("given", look(given) if os.path.exists(given) else repr(given))
for name, value in sorted(Run.get_context().input_datasets.items()):
    print("dataset", name, look(value) if isinstance(value, str) else value.to_pandas_dataframe().shape)
"""


@pytest.fixture(scope="module")
def ws(module_workspace: Workspace) -> Workspace:
    return module_workspace


@pytest.fixture
def code(tmp_path: Path) -> str:
    (tmp_path / "calculate.py").write_text(CALCULATE)
    (tmp_path / "sees.py").write_text(SEES)
    return str(tmp_path)


def finished(ws: Workspace, *steps: object, **options: object) -> PipelineRun:
    run = Experiment(ws, "modules").submit(Pipeline(ws, list(steps)), **options)
    assert run.wait_for_completion(show_output=False) == "Finished"
    return run


def printed(run: PipelineRun, name: str) -> list[str]:
    return run.find_step_run(name)[0].get_stdout_log().splitlines()


def sees(module: Module, code: str, **more: object) -> ModuleVersion:
    return module.publish_python_script(
        "sees.py", "looks", more.pop("inputs", []), more.pop("outputs", []), source_directory=code, **more
    )


def three_steps(ws: Workspace, code: str) -> list[ModuleStep]:
    """The first makes two numbers, and each of the others the sum and the product of those before it."""
    store = ws.get_default_datastore()
    module = Module.create(ws, name="AddAndMultiply", description="A module that adds and multiplies")
    outs = [
        OutputPortDef(
            name=name, default_datastore_name=store.name, default_datastore_mode="mount", label="of two numbers"
        )
        for name in ("out_sum", "out_prod")
    ]
    ins = [
        InputPortDef(
            name=name, default_datastore_mode="mount", default_data_reference_name=store.name, label="a number"
        )
        for name in ("in1", "in2")
    ]
    entry = module.publish_python_script(
        "calculate.py",
        "initial",
        inputs=[],
        outputs=outs,
        params={"initialNum": 12},
        version="1",
        source_directory=code,
    )
    module.publish_python_script(
        "calculate.py", "middle", inputs=ins, outputs=outs, version="2", is_default=True, source_directory=code
    )
    data = {
        name: PipelineData(name, datastore=store, is_directory=False) for name in ("s1", "p1", "s2", "p2", "s3", "p3")
    }
    first = ModuleStep(
        module_version=entry,
        inputs_map={},
        outputs_map={"out_sum": data["s1"], "out_prod": data["p1"]},
        runconfig=RunConfiguration(),
        compute_target="cpu-cluster",
        name="first",
        arguments=["--output_sum", data["s1"], "--output_product", data["p1"],
                   "--arg_num1", PipelineParameter("initialNum", 17), "--arg_num2", "2"],
    )  # fmt: skip
    middle = ModuleStep(
        module=module,
        inputs_map={"in1": data["s1"], "in2": data["p1"]},
        outputs_map={"out_sum": data["s2"], "out_prod": data["p2"]},
        runconfig=RunConfiguration(),
        compute_target="cpu-cluster",
        arguments=["--file_num1", data["s1"], "--file_num2", data["p1"], "--output_sum", data["s2"], "--output_product", data["p2"]],
    )  # fmt: skip
    last = ModuleStep(
        module=module,
        version="2",
        inputs_map={"in1": data["s2"], "in2": data["p2"]},
        outputs_map={"out_sum": data["s3"], "out_prod": data["p3"]},
        compute_target="cpu-cluster",
        name="last",
        arguments=["--file_num1", data["s2"], "--file_num2", data["p2"], "--output_sum", data["s3"], "--output_product", data["p3"]],
    )  # fmt: skip
    return [first, middle, last]


def test_two_versions_of_a_module_calculate_in_three_steps(ws: Workspace, code: str) -> None:
    first, middle, last = three_steps(ws, code)
    assert (middle.name, middle.step_type) == ("AddAndMultiply", "ModuleStep")
    run = finished(ws, first, middle, last)
    assert printed(run, "first") == ["sum 19 product 34 initial 17"]
    assert printed(run, "AddAndMultiply") == ["sum 53 product 646 initial None"]
    assert printed(run, "last") == ["sum 699 product 34238 initial None"]
    step = run.find_step_run("last")[0]
    assert sorted(step.get_outputs()) == ["out_prod", "out_sum"]
    assert step.get_output_data("out_sum").path_on_datastore == f"azureml/{step.id}/out_sum"
    again = finished(ws, first, middle, last)
    assert {s.name: s.get_properties().get("azureml.reusedrunid") for s in again.get_steps()} == {
        s.name: s.id for s in run.get_steps()
    }
    other = finished(ws, first, middle, last, pipeline_parameters={"initialNum": 1})
    assert printed(other, "first") == ["sum 3 product 2 initial 1"]


def test_a_version_keeps_its_code_and_what_was_published_of_it(ws: Workspace, code: str) -> None:
    module = Module.create(ws, "kept", "d")
    version = sees(module, code, arguments=["one"])
    published = Pipeline(ws, [ModuleStep(module=module, compute_target="cpu")]).publish("of a module")
    os.unlink(os.path.join(code, "sees.py"))
    cleared = [sys.executable, "-m", "penstock", "gc", "--older-than", "0s", "--delete"]
    subprocess.run(cleared, check=True, capture_output=True)
    run = finished(ws, ModuleStep(module_version=version, compute_target="cpu"))
    assert printed(run, "kept") == ["given 'one'"]
    module.disable()
    with pytest.raises(UserErrorException, match=r"Step 'kept': module 'kept' is disabled. Enable it"):
        ModuleStep(module_version=version)
    again = PublishedPipeline.get(ws, published.id).submit(ws, "modules", None)
    assert again.wait_for_completion(show_output=False) == "Finished" and printed(again, "kept") == ["given 'one'"]
    module.enable()
    version.disable()
    with pytest.raises(UserErrorException, match=r"Step 's': module 'kept' version '1' is disabled"):
        ModuleStep(module=module, version=1, name="s")


def test_deprecated_ones_run_and_say_so(ws: Workspace, code: str, capsys: pytest.CaptureFixture) -> None:
    module = Module.create(ws, "old", "d")
    version = sees(module, code)
    version.deprecate()
    ModuleStep(module=module, name="s")
    assert "Step 's': module 'old' version '1' is deprecated: ask its owner for the new one." in capsys.readouterr().out


def test_every_kind_of_data_reaches_the_modules_ports(ws: Workspace, code: str, tmp_path: Path) -> None:
    store = ws.get_default_datastore()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "t.csv").write_text("a,b\n1,2\n3,4\n")
    store.upload(str(tmp_path / "data"), target_path="of_modules", show_progress=False)
    names = ["reference", "files", "named", "table", "config", "output", "piece"]
    ports = [InputPortDef(name) for name in names]
    module = Module.create(ws, "all-inputs", "d")
    sees(module, code, inputs=[*ports, InputPortDef("absent", is_optional=True)],
         arguments=[*ports[:3], "input:config", "input:output", "input:piece", "input:absent", "input:other", 5, ParamDef("p")],
         params={"p": 1, "q": "kept"})  # fmt: skip
    made, piece = OutputFileDatasetConfig("made"), PipelineData("piece_of", store)
    (tmp_path / "write.py").write_text(
        "import os, sys\nfor p in sys.argv[1:]:\n    os.makedirs(p, exist_ok=True)\n    open(os.path.join(p, 'w.txt'), 'w').write('w')\n"
    )
    writer = PythonScriptStep(
        "write.py", source_directory=str(tmp_path), compute_target="cpu", arguments=[made, piece], outputs=[piece]
    )
    folder = Dataset.File.from_files((store, "of_modules"))
    step = ModuleStep(
        module=module,
        compute_target="cpu",
        params={"p": PipelineParameter("chosen", 7)},
        inputs_map={
            "reference": DataReference(store, "called_otherwise", "of_modules/t.csv"),
            "files": folder,
            "named": folder.as_named_input("other").as_download(),
            "table": Dataset.Tabular.from_delimited_files((store, "of_modules/t.csv")),
            "config": made.as_input("anything"),
            "output": made,
            "piece": piece.as_download(),
        },
    )
    run = finished(ws, writer, step, pipeline_parameters={"chosen": 8})
    assert printed(run, "all-inputs") == [
        "parameter p 8", "parameter q kept", "given a,b", "1,2", "3,4", "", "given t.csv", "given t.csv", "given w.txt", "given w.txt",
        "given w.txt", "given ''", "given 'input:other'", "given '5'", "given '8'", "dataset config w.txt", "dataset files t.csv",
        "dataset named t.csv", "dataset output w.txt", "dataset table (2, 2)",
    ]  # fmt: skip


def test_outputs_are_mapped_and_have_the_modules_defaults(ws: Workspace, tmp_path: Path) -> None:
    (tmp_path / "write.py").write_text(
        "import os, sys\nfor p in sys.argv[1:]:\n    print(os.path.isdir(p))\n    open(os.path.join(p, 'w.txt'), 'w').write('w')\n"
    )
    ports = [
        OutputPortDef("folder", default_datastore_name="workspacefilestore", is_directory=True),
        OutputPortDef("files", default_datastore_mode="upload"),
    ]
    module = Module.create(ws, "writes", "d")
    module.publish_python_script("write.py", "writes", [], ports, source_directory=str(tmp_path), arguments=ports)
    files = OutputFileDatasetConfig("anything").register_on_complete("of_a_module")
    step = ModuleStep(module=module, outputs_map={"folder": PipelineData("d"), "files": files}, compute_target="cpu")
    run = finished(ws, step)
    assert printed(run, "writes") == ["True", "True"]
    data = run.find_step_run("writes")[0].get_outputs()
    assert data["folder"].get_port_data_reference().datastore_name == "workspacefilestore"
    assert Dataset.get_by_name(ws, "of_a_module").to_path() == ["/w.txt"]
    with_text = ModuleStep(
        module=module,
        outputs_map={"folder": PipelineData("d"), "files": files},
        arguments=[f"--to={PipelineData('d')}", "output:files"],
    )
    (node,) = Pipeline(ws, [with_text])._lower_dry().graph["nodes"]
    assert node["arguments"] == [{"parts": [{"literal": "--to="}, {"output": "folder"}]}, {"output": "files"}]


def test_what_a_module_step_is_made_of(ws: Workspace, code: str) -> None:
    module = Module.create(ws, "m", "d")
    version = sees(module, code, inputs=[InputPortDef("i")], outputs=[OutputPortDef("o")], params={"p": 1}, version="2")
    step = ModuleStep(
        module=module,
        version="2",
        inputs_map={"i": DataReference(ws.get_default_datastore(), "raw", "x")},
        outputs_map={"o": PipelineData("out")},
        compute_target="c",
        runconfig=RunConfiguration(),
        runconfig_pipeline_params={"NodeCount": PipelineParameter("n", 2)},
        arguments=["a", 1],
        params={"p": 3},
        name="named",
    )
    (made,) = Pipeline(ws, [step])._lower_dry().graph["nodes"]
    assert (made["kind"], made["step_type"], made["version"]) == ("python_script", "ModuleStep", "2")
    names = {"id": module.id, "name": "m", "version": "2", "version_id": version.module_version_id}
    assert made["settings"] == {
        "script_name": "sees.py",
        "source_directory": code,
        "module": names,
        "runconfig_parameters": {"NodeCount": {"parameter": "n"}},
    }
    assert made["snapshot"].startswith("sha256:") and made["run_definition"]
    assert (made["name"], made["compute"]["name"], [i["name"] for i in made["inputs"]]) == ("named", "c", ["i"])
    assert made["arguments"] == [{"literal": "a"}, {"literal": "1"}] and made["parameters"] == {"p": {"literal": "3"}}
    by_version = ModuleStep(
        module_version=version, inputs_map={"i": PipelineData("x")}, outputs_map={"o": PipelineData("out")}
    )
    assert (by_version.name, by_version._version) == ("m", "2")


def test_an_output_that_is_given_nothing_is_kept_all_the_same(ws: Workspace, code: str) -> None:
    """As public YAML leaves it out: nobody reads it."""
    module = Module.create(ws, "unread", "d")
    (Path(code) / "writes.py").write_text("import sys\nopen(sys.argv[1] + '/x', 'w').write('1')\n")
    out = OutputPortDef("out", is_directory=True)
    module.publish_python_script("writes.py", "d", [], [out], arguments=[out], source_directory=code, version="1")
    run = finished(ws, *(ModuleStep(module=module, compute_target="local", name=name) for name in ("a", "b")))
    for name in ("a", "b"):
        assert run.find_step_run(name)[0].get_output_data("out").download(code, show_progress=False) == 1


def test_what_is_wrong_with_a_module_step_is_said_when_it_is_made(ws: Workspace, code: str) -> None:
    module = Module.create(ws, "strict", "d")
    sees(module, code, inputs=[InputPortDef("i"), InputPortDef("j")], outputs=[OutputPortDef("o")], params={"p": 1})
    module.publish("generic", "esCloud", [], [], [ParamDef("must"), ParamDef("may", is_optional=True), ParamDef("hidden", 1, True)],
                   content_path=os.path.join(code, "sees.py"), version="2")  # fmt: skip
    data = PipelineData("data")
    good = {
        "inputs_map": {"i": data, "j": data},
        "outputs_map": {"o": PipelineData("out")},
        "version": "1",
        "name": "s",
    }
    wrong = {
        "inputs_map names 'x', which is no input of module 'strict' version '1'. It has: i, j.": {"inputs_map": {"x": data, "i": data, "j": data}},
        "inputs_map gives nothing to input 'j' of module 'strict' version '1'. Add 'j' to it.": {"inputs_map": {"i": data}},
        "outputs_map names 'z', which is no output": {"outputs_map": {"o": PipelineData("out"), "z": PipelineData("y")}},
        "has no parameter 'q'. It has: p.": {"params": {"q": 1}},
        r"argument 2 \(other\) is given to no port of module 'strict' version '1'. Add it to inputs_map or outputs_map; inputs: i, j; outputs: o.": {
            "arguments": ["--x", PipelineData("other")]
        },
        "Parameter name p is already in use": {"params": {"p": 2}, "arguments": [PipelineParameter("p", 3)]},
        "unexpected output type": {"outputs_map": {"o": "text"}},
        "unexpected input type": {"inputs_map": {"i": "text", "j": data}},
    }  # fmt: skip
    for message, change in wrong.items():
        with pytest.raises(Exception, match=message):
            ModuleStep(module=module, **{**good, **change})
    both = {"inputs_map": {"x": data}}
    with pytest.raises(ValueError, match=r"names 'x'(.|\n)*nothing to input 'i'(.|\n)*nothing to input 'j'"):
        ModuleStep(module=module, **{**good, **both})
    with pytest.raises(
        ValueError,
        match=r"parameter 'must' of module 'strict' version '2' has no default. Give it a value: params={'must': …}",
    ):
        ModuleStep(module=module, version="2")
    assert ModuleStep(module=module, version="2", params={"must": 1})._params == {"must": 1}
    with pytest.raises(ValueError, match=r"has no parameter 'hidden'"):
        ModuleStep(module=module, version="2", params={"must": 1, "hidden": 2})
    with pytest.raises(UserErrorException, match=r"Module 'strict' has no version '3'. It has: 1, 2."):
        ModuleStep(module=module, version="3")
    with pytest.raises(ValueError, match=r"Exactly one of module and module_version is required"):
        ModuleStep()
    with pytest.raises(ValueError, match=r"module must be a Module, but is str"):
        ModuleStep(module="strict")
    with pytest.raises(ValueError, match=r"module_version must be a ModuleVersion, but is str"):
        ModuleStep(module_version="1")
    with pytest.raises(ValueError, match=r"version is '1', but module_version is version '2'"):
        ModuleStep(module_version=module.resolve("2"), version="1")
