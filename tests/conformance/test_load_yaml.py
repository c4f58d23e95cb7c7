"""Pipeline.load_yaml: every key, what becomes of it, and what is said of a wrong one."""

from __future__ import annotations

import contextlib
import io
import textwrap

import pytest

from azureml.core import Datastore, Experiment, Workspace
from azureml.exceptions import UserErrorException
from azureml.pipeline.core import Module, Pipeline
from azureml.pipeline.core.graph import InputPortDef, OutputPortDef

HEAD = """\
pipeline:
  description: what it does
  parameters:
    count: {type: int, default: 3}
    rate: {type: float, default: 0.5}
    word: {type: string, default: w}
    is_on: {type: bool, default: true}
    place:
      type: datapath
      default: {datastore: workspaceblobstore, path_on_datastore: some/where, name: chosen}
  data_references:
    raw: {datastore: workspaceblobstore, path_on_datastore: in/raw.txt}
    table: {datastore: sql, sql_query: SELECT 1}
    several: {datastore: sql, sql_table: t, sql_query: SELECT 2, sql_stored_procedure: q}
    called: {datastore: sql, sql_stored_procedure: p, sql_stored_procedure_params: {a: {value: 1, type: Int}, b: {value: x}}}
  default_compute: cpu-cluster
  steps:
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "code").mkdir()
    for name in ("train.py", "x.usql"):
        (tmp_path / "code" / name).write_text("import sys; print(sys.argv[1:])")
    (tmp_path / "run.yml").write_text("target: of-runconfig\nenvironment:\n  environmentVariables:\n    A: b\n")
    return tmp_path


@pytest.fixture(scope="module")
def ws(module_workspace: Workspace):
    Datastore.register_azure_sql_database(module_workspace, "sql", "s", "d", username="u", password="p")
    Datastore.register_azure_data_lake(module_workspace, "lake", store_name="s")
    return module_workspace


def load(ws, folder, steps: str, head: str = HEAD):
    (folder / "pipeline.yml").write_text(head + textwrap.indent(textwrap.dedent(steps), "    "))
    return Pipeline.load_yaml(ws, filename=str(folder / "pipeline.yml"))


def nodes(pipeline):
    return {node["name"]: node for node in pipeline._lower_dry().graph["nodes"]}


PYTHON = """\
    first:
      type: PythonScriptStep
      name: prepare
      script_name: train.py
      source_directory: code
      allow_reuse: false
      version: 2
      runconfig: run.yml
      compute: other
      arguments: [--in, "input:data", --out, "output:made", --place, "input:where", "parameter:n"]
      parameters:
        n: {source: count}
        fixed: 7
      runconfig_parameters:
        NodeCount: {source: count}
      inputs:
        data: {source: raw, bind_mode: download, path_on_compute: /x, overwrite: true}
        where: {source: place, type: mount}
      outputs:
        made: {destination: handed_on, datastore: workspacefilestore, bind_mode: upload, path_on_compute: /y, overwrite: true}
    second:
      python_script_step:
        name: train
        script_name: train.py
        source_directory: code
      inputs:
        read: {source: handed_on, type: download}
"""


def test_python_steps_in_both_forms(ws, folder):
    pipeline = load(ws, folder, PYTHON)
    with contextlib.redirect_stdout(io.StringIO()):
        assert pipeline.validate() == []
    found = nodes(pipeline)
    assert pipeline.description == "what it does"
    first, second = found["prepare"], found["train"]
    assert (first["compute"]["name"], second["compute"]["name"]) == ("other", "cpu-cluster")
    assert (first["allow_reuse"], first["version"]) == (False, "2")
    assert first["environment_variables"] == {"A": "b"}
    assert first["parameters"] == {"n": {"parameter": "count"}, "fixed": {"literal": "7"}}
    assert first["settings"]["runconfig_parameters"] == {"NodeCount": {"parameter": "count"}}
    assert first["arguments"] == [
        {"literal": "--in"}, {"input": "data"}, {"literal": "--out"}, {"output": "made"}, {"literal": "--place"},
        {"input": "where"}, {"parameter": "count"},
    ]  # fmt: skip
    data, where = first["inputs"]
    assert (data["mode"], data["path_on_compute"], data["overwrite"]) == ("download", "/x", True)
    assert data["source"] == {"datastore": "workspaceblobstore", "path": "in/raw.txt"} and where["source"] == {
        "parameter": "place"
    }
    (made,) = first["outputs"]
    assert (made["name"], made["datastore"], made["mode"], made["path_on_compute"]) == (
        "made",
        "workspacefilestore",
        "upload",
        "/y",
    )
    assert (
        second["inputs"][0]["source"] == {"node": first["id"], "output": "made"}
        and second["inputs"][0]["name"] == "read"
    )
    declared = {p["name"]: p for p in pipeline._lower_dry().graph["parameters"]}
    assert declared["place"]["default"] == {"datastore": "workspaceblobstore", "path": "some/where"}


def test_it_runs(ws, folder):
    (folder / "raw.txt").write_text("x")
    with contextlib.redirect_stdout(io.StringIO()):
        ws.get_default_datastore().upload_files(["raw.txt"], target_path="in")
        run = Experiment(ws, "yaml").submit(load(ws, folder, PYTHON))
        assert run.wait_for_completion(show_output=False) == "Finished"
    log = run.find_step_run("prepare")[0].get_stdout_log()
    assert "raw.txt" in log and "'3'" in log


def test_steps_of_other_kinds(ws, folder):
    pipeline = load(ws, folder, """\
        copy:
          data_transfer_step: {name: copies, adla_compute_name: adf, destination_reference_type: file}
          source_data_reference: {from: {source: table}}
          destination_data_reference: {to: {source: raw}}
        call:
          type: DataTransferStep
          destination_reference_type: file
          source_data_reference: {from: {source: called}}
          destination_data_reference: {to: {source: raw}}
        usql:
          adla_step: {name: adla, script_name: x.usql, source_directory: code, degree_of_parallelism: 2, priority: 3}
          inputs: {i: {source: raw}}
          outputs: {o: {destination: o, datastore: lake}}
        spark:
          databricks_step: {run_name: r, python_script_name: train.py, source_directory: code, num_workers: 1}
        batch:
          azurebatch_step: {pool_id: p, create_pool: true, executable: train.py, source_directory: code}
          inputs: {i: {source: raw}}
    """)  # fmt: skip
    found = nodes(pipeline)
    assert found["copies"]["compute"]["name"] == "adf"
    assert found["copies"]["inputs"][0]["source"]["sql"]["query"] == "SELECT 1"
    called = found["call"]["inputs"][0]["source"]["sql"]
    assert called["stored_procedure"] == "p" and [p["type"] for p in called["stored_procedure_params"]] == [
        "Int",
        "String",
    ]
    assert found["adla"]["settings"]["priority"] == 3 and found["adla"]["outputs"][0]["datastore"] == "lake"
    assert found["spark"]["settings"]["cluster"]["num_workers"] == 1 and found["spark"]["settings"]["run_name"] == "r"
    assert found["batch"]["settings"]["create_pool"] is True and found["batch"]["kind"] == "azure_batch"


def test_steps_of_modules(ws, folder):
    module = Module.create(ws, "m", "d")
    ports = {"inputs": [InputPortDef("i")], "outputs": [OutputPortDef("o")], "params": {"p": 1}}
    for version in ("1", "2"):
        module.publish_python_script("train.py", "d", source_directory="code", version=version, **ports)
    found = nodes(load(ws, folder, """\
        old:
          module: {name: m, version: '1'}
          compute: other
          runconfig: run.yml
          parameters: {p: {source: count}}
          runconfig_parameters: {NodeCount: {source: count}}
          arguments: [--in, 'input:i', --out, 'output:o', --p, 'parameter:p']
          inputs: {i: {source: raw, type: download}}
          outputs: {o: {destination: handed_on, type: upload}}
        new:
          type: ModuleStep
          id: ID
          inputs: {i: {source: handed_on}}
          outputs: {o: {destination: other}}
        asks:
          module: {name: m}
          inputs: {i: {source: several}}
          outputs: {o: {destination: asked}}
    """.replace("ID", module.id)))  # fmt: skip
    old, new = found["old"], found["new"]
    assert (old["step_type"], old["version"], old["compute"]["name"]) == ("ModuleStep", "1", "other")
    assert old["environment_variables"] == {"A": "b"} and old["parameters"] == {"p": {"parameter": "count"}}
    assert old["arguments"][1::2] == [{"input": "i"}, {"output": "o"}, {"parameter": "count"}]
    assert old["settings"]["runconfig_parameters"] == {"NodeCount": {"parameter": "count"}}
    assert (new["version"], new["compute"]["name"], new["parameters"]) == ("2", "cpu-cluster", {"p": {"literal": "1"}})
    assert new["inputs"][0]["source"] == {"node": old["id"], "output": "o"}
    asked = found["asks"]["inputs"][0]["source"]["sql"]  # all that is given, as public YAML does
    assert (asked["table"], asked["query"], asked["stored_procedure"]) == ("t", "SELECT 2", "q")
    with pytest.raises(UserErrorException, match="There is no module 'none'"):
        load(ws, folder, "one: {module: {name: none}}\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\n", "the key 'pipeline' is required"),
        ("pipeline:\n  name: n\n", "the key 'steps' is required"),
        ("pipeline:\n  stepz: {}\n", "unknown keys stepz"),
        ("pipeline:\n  parameters: {p: {type: int}}\n", "parameter 'p' needs a type and a default"),
        ("pipeline:\n  parameters: {p: {type: list, default: 1}}\n", "type 'list' is not known"),
        ("pipeline:\n  parameters: {p: {type: int, default: x}}\n", "default 'x' is not of type int"),
        ("pipeline: [\n", "is not YAML that can be read"),
        ("pipeline:\n  steps: {s: {name: n}}\n", "step 's' needs exactly one type, of: AdlaStep"),
        ("pipeline:\n  steps: {s: {type: MagicStep}}\n", "type 'MagicStep' is not known"),
        ("pipeline:\n  steps: {s: {type: PythonScriptStep, scriptname: x}}\n", "unknown keys scriptname"),
        ("pipeline:\n  steps: {s: {type: PythonScriptStep, script_name: x, inputs: {i: {source: q}}}}\n",
         "input 'i' has the source 'q', which is no parameter, no data reference and no step's output"),
        ("pipeline:\n  steps: {s: {type: PythonScriptStep, script_name: x, parameters: {i: {source: q}}}}\n",
         "parameter 'i' has the source 'q', which is not declared"),
        ("pipeline:\n  steps: {s: {type: PythonScriptStep, script_name: x, arguments: ['input:q']}}\n",
         "argument 'input:q' names no input of the step"),
        ("pipeline:\n  steps: {s: {type: DatabricksStep, maven_libabries: []}}\n", "maven_libabries cannot be given in YAML"),
        ("pipeline:\n  data_references: {r: {path: x}}\n  steps: {s: {type: PythonScriptStep, script_name: x, inputs: {i: {source: r}}}}\n",
         "data reference 'r' needs a datastore, a dataset_id or a dataset_name"),
        ("pipeline:\n  steps: {s: {type: ParallelRunStep}}\n", "needs parallel_run_config"),
        ("pipeline:\n  steps: {s: {type: PythonScriptStep, script_name: x, runconfig: yaml/run.yml}}\n",
         "step 's': there is no runconfig 'yaml/run.yml', neither in "),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(folder, text, message):
    (folder / "bad.yml").write_text(text)
    with pytest.raises(ValueError) as caught:
        Pipeline.load_yaml(None, "bad.yml")
    assert message in str(caught.value) and "bad.yml" in str(caught.value)


def test_a_missing_file(folder):
    with pytest.raises(FileNotFoundError):
        Pipeline.load_yaml(None, "none.yml")


def test_datasets_by_name(ws, folder):
    from azureml.core import Dataset

    (folder / "raw.txt").write_text("x")
    with contextlib.redirect_stdout(io.StringIO()):
        ws.get_default_datastore().upload_files(["raw.txt"], target_path="in", overwrite=True)
    Dataset.File.from_files((ws.get_default_datastore(), "in")).register(ws, "kept", create_new_version=True)
    head = "pipeline:\n  data_references:\n    d: {dataset_name: kept}\n  steps:\n"
    pipeline = load(ws, folder, """\
        s:
          type: PythonScriptStep
          script_name: train.py
          source_directory: code
          inputs: {there: {source: d, bind_mode: mount}}
    """, head)  # fmt: skip
    (port,) = nodes(pipeline)["s"]["inputs"]
    assert (port["name"], port["mode"]) == ("there", "mount")
