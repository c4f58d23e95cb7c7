"""How data reach a script and leave it: every form of input and output in one run, as the script sees them. Against a real server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from azureml.core import Dataset, Experiment, Workspace
from azureml.data import HDFSOutputDatasetConfig, OutputFileDatasetConfig
from azureml.data.azure_storage_datastore import AzureBlobDatastore
from azureml.data.data_reference import DataReference
from azureml.data.datapath import DataPath, DataPathComputeBinding
from azureml.data.dataset_consumption_config import DatasetConsumptionConfig
from azureml.pipeline.core import Pipeline, PipelineData, PipelineParameter, PipelineRun
from azureml.pipeline.core.graph import PipelineParameter as GraphParameter
from azureml.pipeline.steps import PythonScriptStep

SEE = """
import json, os, sys
from azureml.core import Dataset, Run
run = Run.get_context()

def see(value):
    if os.path.isfile(value):
        return open(value).read()
    if os.path.isdir(value):
        found = [os.path.join(f, n) for f, _, names in os.walk(value) for n in names]
        return {os.path.relpath(n, value): open(n).read() for n in sorted(found)}
    return value

inputs = {k: see(v) if isinstance(v, str) else [type(v).__name__, v.id] for k, v in run.input_datasets.items()}
run.input_datasets["assigned"] = 1
names = [n for key in ("AZUREML_DATASET_ENVIRONMENT_VARS",) for n in os.environ.get(key, "").split(",") if n]
told = {"arguments": [see(a) for a in sys.argv[1:]], "inputs": inputs, "names": sorted(names),
        "variables": {n.split(":")[0]: see(os.environ[n.split(":")[0]]) for n in names},
        "references": {k: see(v) for k, v in os.environ.items() if k.startswith("AZUREML_DATAREFERENCE_")}}
run.tag("told", json.dumps(told))
"""

WRITE = """
import os, sys
from azureml.core import Run
run = Run.get_context()
folder, file, mounted, uploaded = sys.argv[1:]
os.makedirs(os.path.join(folder, "deep"), exist_ok=True)
open(os.path.join(folder, "deep", "a.txt"), "w").write("in a folder")
open(file, "w").write("a file")
for path, name in ((mounted, "mounted"), (uploaded, "uploaded")):
    assert os.path.isdir(path) and run.output_datasets[name] == os.environ[name] == path, name
    open(os.path.join(path, "b.txt"), "w").write(name)
assert sorted(os.environ["AZUREML_DATASET_FILE_OUTPUTS"].split(";")) == ["mounted", "uploaded"]
"""


@pytest.fixture
def ws(module_workspace: Workspace) -> Workspace:
    return module_workspace


@pytest.fixture
def store(ws: Workspace) -> AzureBlobDatastore:
    return ws.get_default_datastore()


@pytest.fixture
def scripts(tmp_path: Path) -> str:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/see.py").write_text(SEE)
    (tmp_path / "src/write.py").write_text(WRITE)
    return str(tmp_path / "src")


def put(store: AzureBlobDatastore, path: str, content: str) -> tuple[AzureBlobDatastore, str]:
    target = Path(store._root, path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(content)
    return store, path


def told(ws: Workspace, steps: list[PythonScriptStep], **submitting: Any) -> tuple[PipelineRun, dict[str, Any]]:
    run = Experiment(ws, "passing").submit(Pipeline(ws, steps), **submitting)
    assert run.wait_for_completion(show_output=False) == "Finished"
    return run, {s.name: json.loads(s.get_tags()["told"]) for s in run.get_steps() if "told" in s.get_tags()}


def test_datasets_as_the_script_sees_them(ws: Workspace, store: AzureBlobDatastore, scripts: str) -> None:
    put(store, "set/a.csv", "n\n1\n")
    put(store, "set/b.csv", "n\n2\n")
    folder = Dataset.File.from_files((store, "set"))
    file = Dataset.File.from_files((store, "set/a.csv")).register(ws, "one file")
    table = Dataset.Tabular.from_delimited_files((store, "set/*.csv")).register(ws, "table")
    table.keep_columns("n").register(ws, "table", create_new_version=True)
    chosen = PipelineParameter("chosen", default_value=folder)
    inputs = [
        folder.as_named_input("mounted").as_mount(),
        file.as_named_input("file").as_download(),
        table.as_named_input("direct"),
        DatasetConsumptionConfig("old", (ws, "table", 1)),
        DatasetConsumptionConfig("parameter", chosen).as_mount(),
    ]
    only_argument = file.as_named_input("argument").as_mount()
    step = PythonScriptStep(
        "see.py", name="see", source_directory=scripts, compute_target="cpu",
        inputs=inputs, arguments=[inputs[0], inputs[2], only_argument],
    )  # fmt: skip
    _, seen = told(ws, [step], pipeline_parameters={"chosen": file})
    both, one = {"a.csv": "n\n1\n", "b.csv": "n\n2\n"}, "n\n1\n"
    assert seen["see"]["arguments"] == [both, table.id, one]
    assert seen["see"]["inputs"] == {
        "mounted": both,
        "file": one,
        "direct": ["TabularDataset", table.id],
        "old": ["TabularDataset", table.id],
        "parameter": one,
        "argument": one,
    }
    modes = ["argument:mount", "direct:direct", "file:download", "mounted:mount", "old:direct", "parameter:mount"]
    assert seen["see"]["names"] == modes
    assert seen["see"]["variables"]["direct"] == table.id


def test_references_and_paths_as_the_script_sees_them(ws: Workspace, store: AzureBlobDatastore, scripts: str) -> None:
    put(store, "ref/a.txt", "a")
    put(store, "ref2/b.txt", "b")
    mounted = DataReference(store, "mounted", path_on_datastore="ref")
    file = store.path("ref/a.txt", data_reference_name="file").as_download()
    path = GraphParameter("where", default_value=DataPath(store, "ref"))
    by_path = (path, DataPathComputeBinding(mode="mount"))
    step = PythonScriptStep(
        "see.py", name="see", source_directory=scripts, compute_target="cpu",
        inputs=[mounted, file, by_path], arguments=[mounted, file, by_path],
    )  # fmt: skip
    _, first = told(ws, [step])
    assert first["see"]["arguments"] == [{"a.txt": "a"}, "a", {"a.txt": "a"}]
    assert first["see"]["references"]["AZUREML_DATAREFERENCE_file"] == "a"
    _, second = told(ws, [step], pipeline_parameters={"where": DataPath(store, "ref2")})
    assert second["see"]["arguments"][2] == {"b.txt": "b"}


def test_outputs_reach_the_next_step_the_datastore_and_the_author(
    ws: Workspace, store: AzureBlobDatastore, scripts: str, tmp_path: Path
) -> None:
    folder = PipelineData("folder", pipeline_output_name="final", datastore=store)
    file = PipelineData("file", is_directory=False, datastore=store)
    mounted = OutputFileDatasetConfig("mounted", destination=(store, "mine/{run-id}/{output-name}"))
    uploaded = OutputFileDatasetConfig("uploaded", destination=(store, "always/here")).as_upload(overwrite=True)
    write = PythonScriptStep(
        "write.py", name="write", source_directory=scripts, compute_target="cpu",
        outputs=[folder, file], arguments=[folder, file, mounted, uploaded],
    )  # fmt: skip
    inputs = [folder.as_input("renamed"), file.as_download(), mounted.as_input("back"), uploaded.as_input("up")]
    see = PythonScriptStep(
        "see.py", name="see", source_directory=scripts, compute_target="cpu", inputs=inputs[:2], arguments=inputs
    )
    run, seen = told(ws, [see])
    del write
    tree = {"deep/a.txt": "in a folder"}
    assert seen["see"]["arguments"] == [tree, "a file", {"b.txt": "mounted"}, {"b.txt": "uploaded"}]
    assert seen["see"]["references"] == {
        "AZUREML_DATAREFERENCE_renamed": tree,
        "AZUREML_DATAREFERENCE_file": "a file",
    }
    (step,) = run.find_step_run("write")
    assert Path(store._root, "always/here/b.txt").read_text() == "uploaded"
    assert Path(store._root, f"mine/{step.id}/mounted/b.txt").read_text() == "mounted"
    final = run.get_pipeline_output("final")
    assert final.download(str(tmp_path / "down"), show_progress=False) == 1
    assert (tmp_path / f"down/azureml/{step.id}/folder/deep/a.txt").read_text() == "in a folder"
    assert final._path_on_datastore == f"azureml/{step.id}/folder"
    assert step.get_output_data("file").download(str(tmp_path / "down"), show_progress=False) == 1
    assert (tmp_path / f"down/azureml/{step.id}/file").read_text() == "a file"


def test_ports_of_one_name_and_forms_of_one_output(ws: Workspace, store: AzureBlobDatastore, scripts: str) -> None:
    (Path(scripts) / "left.py").write_text(
        "import os, sys\nfor path in sys.argv[1:]:\n"
        "    os.makedirs(path, exist_ok=True); open(os.path.join(path, 'new'), 'w').write('new')\n"
    )
    old, new = PipelineData("x", datastore=store), PipelineData("x", datastore=store, output_mode="upload")
    left = PythonScriptStep("left.py", source_directory=scripts, compute_target="cpu", outputs=[old], arguments=[old])
    pass_on = "import os, runpy, sys\nassert os.listdir(sys.argv[1]) == ['new'] and sys.argv[1] != sys.argv[2]\n"
    (Path(scripts) / "on.py").write_text(pass_on + "del sys.argv[1]\nrunpy.run_path('left.py')\n")
    on = PythonScriptStep(
        "on.py", source_directory=scripts, compute_target="cpu", inputs=[old], outputs=[new], arguments=[old, new]
    )
    forms = [new.as_mount("mounted"), new.as_download("loaded"), new.as_input("given")]
    see = PythonScriptStep(
        "see.py", name="see", source_directory=scripts, compute_target="cpu", inputs=forms, arguments=forms
    )
    run, seen = told(ws, [see])
    del left, on
    assert seen["see"]["arguments"] == [{"new": "new"}] * 3
    assert set(seen["see"]["references"]) == {f"AZUREML_DATAREFERENCE_{n}" for n in ("mounted", "loaded", "given")}
    (step,) = run.find_step_run("on.py")
    assert set(step.get_outputs()) == {"x"}


def test_an_output_as_a_dataset_in_each_of_its_modes(ws: Workspace, store: AzureBlobDatastore, scripts: str) -> None:
    code = "import os, pandas, sys\nos.makedirs(sys.argv[1], exist_ok=True)\n"
    code += "pandas.DataFrame({'k': [1, 2], 'z': ['a', 'b']}).to_parquet(os.path.join(sys.argv[1], 'p.parquet'))\n"
    (Path(scripts) / "table.py").write_text(code)
    made = PipelineData("made", datastore=store).as_dataset()
    write = PythonScriptStep(
        "table.py", source_directory=scripts, compute_target="cpu", outputs=[made], arguments=[made]
    )
    read = "import json\nfrom azureml.core import Run\nrun = Run.get_context()\nfound = {}\n"
    read += "for name, value in run.input_datasets.items():\n"
    read += "    found[name] = value if isinstance(value, str) else value.to_path() if name == 'direct' else list(value.to_pandas_dataframe())\n"
    (Path(scripts) / "modes.py").write_text(read + "run.tag('told', json.dumps(found))\n")
    inputs = [
        made.as_named_input("mounted").as_mount(),
        made.as_named_input("loaded").as_download(),
        made.as_named_input("direct").as_direct(),
        made.parse_parquet_files().keep_columns("k").as_named_input("table"),
    ]
    modes = PythonScriptStep("modes.py", name="modes", source_directory=scripts, compute_target="cpu", inputs=inputs)
    _, seen = told(ws, [write, modes])
    found = seen["modes"]
    assert (found["direct"], found["table"]) == (["/p.parquet"], ["k"])
    assert found["mounted"] != found["loaded"] and found["mounted"].endswith("made")


def test_data_by_hdfs_are_folders_of_this_machine(ws: Workspace, store: AzureBlobDatastore, scripts: str) -> None:
    put(store, "hdfs/a.txt", "a")
    given = Dataset.File.from_files((store, "hdfs")).as_named_input("given").as_hdfs()
    made = HDFSOutputDatasetConfig("made", destination=(store, "by/{output-name}")).register_on_complete("by hdfs")
    code = "import os, shutil, sys\nfrom azureml.core import Run\nrun = Run.get_context()\n"
    code += "assert run.input_datasets['given'] == sys.argv[1] and run.output_datasets['made'] == sys.argv[2]\n"
    (Path(scripts) / "copy.py").write_text(
        code + "shutil.copy(os.path.join(sys.argv[1], 'a.txt'), os.path.join(sys.argv[2], 'b.txt'))\n"
    )
    copy = PythonScriptStep("copy.py", source_directory=scripts, compute_target="cpu", arguments=[given, made])
    back = made.as_input("back")
    see = PythonScriptStep("see.py", name="see", source_directory=scripts, compute_target="cpu", arguments=[back])
    _, seen = told(ws, [copy, see])
    assert seen["see"]["arguments"] == [{"b.txt": "a"}]
    assert Dataset.get_by_name(ws, "by hdfs").to_path() == ["/b.txt"]
    assert Path(store._root, "by/made/b.txt").read_text() == "a"


def test_a_table_may_be_the_value_of_a_parameter(ws: Workspace, store: AzureBlobDatastore, scripts: str) -> None:
    tables = [Dataset.Tabular.from_delimited_files(put(store, f"values/{n}.csv", "n\n" + "1\n" * n)) for n in (1, 3)]
    given = DatasetConsumptionConfig("given", PipelineParameter("which", tables[0]))
    code = "from azureml.core import Run\nrun = Run.get_context()\n"
    (Path(scripts) / "rows.py").write_text(
        code + "run.tag('told', str(len(run.input_datasets['given'].to_pandas_dataframe())))\n"
    )
    step = PythonScriptStep("rows.py", name="rows", source_directory=scripts, compute_target="cpu", inputs=[given])
    assert told(ws, [step])[1] == {"rows": 1}
    assert told(ws, [step], pipeline_parameters={"which": tables[1]})[1] == {"rows": 3}
    with pytest.raises(TypeError, match="which is TabularDataset, but the value provided is of type FileDataset"):
        told(ws, [step], pipeline_parameters={"which": Dataset.File.from_files((store, "values"))})
