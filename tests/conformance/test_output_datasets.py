"""What a step leaves as datasets: registered when it completes, read by later steps as tables, shown in its details."""

from __future__ import annotations

from pathlib import Path

import pytest

from azureml.core import Dataset, Experiment, Workspace
from azureml.data import (
    DataType,
    LinkFileOutputDatasetConfig,
    LinkTabularOutputDatasetConfig,
    OutputFileDatasetConfig,
    TabularDataset,
)
from azureml.pipeline.core import Pipeline, PipelineData, PipelineRun
from azureml.pipeline.steps import PythonScriptStep

WRITES = """
import os, sys
folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
open(os.path.join(folder, "a.csv"), "w").write("n,name,day\\n1,x,2020-01-02\\n2,y,2020-01-03\\n3,z,2020-01-04\\n")
open(os.path.join(folder, "notes.txt"), "w").write("not a table")
"""
READS = """
from azureml.core import Run
run = Run.get_context()
for name in run.input_datasets:
    frame = run.input_datasets[name].to_pandas_dataframe()
    run.log("columns of " + name, ",".join(frame.columns))
    run.log("rows of " + name, len(frame))
    run.log("types of " + name, ",".join(map(str, frame.dtypes)))
"""


@pytest.fixture(scope="module")
def ws(module_workspace: Workspace) -> Workspace:
    return module_workspace


class Scripts:
    """A source folder, and the steps that run what is in it."""

    def __init__(self, folder: Path, workspace: Workspace) -> None:
        self.folder, self.workspace = folder, workspace

    def step(self, name: str, code: str, **more: object) -> PythonScriptStep:
        (self.folder / f"{name}.py").write_text(code)
        more = {"compute_target": "cpu", "allow_reuse": False, **more}
        return PythonScriptStep(f"{name}.py", name=name, source_directory=str(self.folder), **more)

    def run(self, *steps: PythonScriptStep, status: str = "Finished") -> PipelineRun:
        run = Experiment(self.workspace, "leaving").submit(Pipeline(self.workspace, list(steps)))
        assert run.wait_for_completion(show_output=False, raise_on_error=False) == status
        return run


@pytest.fixture
def scripts(tmp_path: Path, ws: Workspace) -> Scripts:
    return Scripts(tmp_path, ws)


def metrics_of(run: PipelineRun, step: str) -> dict[str, object]:
    return run.find_step_run(step)[0].get_metrics()


def test_an_output_is_registered_when_its_step_completes(scripts: Scripts, ws: Workspace) -> None:
    out = OutputFileDatasetConfig("made").register_on_complete("left files", "what came out", {"kind": "raw"})
    for version in (1, 2):
        run = scripts.run(scripts.step("write", WRITES, arguments=[out]))
        found = Dataset.get_by_name(ws, "left files")
        assert (found.version, found.description, found.tags) == (version, "what came out", {"kind": "raw"})
        assert found.to_path() == ["/a.csv", "/notes.txt"]
        (left,) = run.find_step_run("write")[0].get_details()["outputDatasets"]
        assert (left["dataset"].name, left["dataset"].version) == ("left files", version)
        assert left["outputDetails"] == {"outputName": "made"}
    assert Dataset.get_by_name(ws, "left files", version=1).to_path() == ["/a.csv", "/notes.txt"]


def test_a_failed_step_registers_nothing(scripts: Scripts, ws: Workspace) -> None:
    out = OutputFileDatasetConfig("made").register_on_complete("never left")
    scripts.run(scripts.step("write", WRITES + "\nsys.exit(3)", arguments=[out]), status="Failed")
    assert "never left" not in ws.datasets


def test_what_was_never_written_is_not_registered_and_a_warning_says_so(scripts: Scripts, ws: Workspace) -> None:
    out = OutputFileDatasetConfig("made").register_on_complete("left empty")
    run = scripts.run(scripts.step("write", "pass", arguments=[out]))
    assert "left empty" not in ws.datasets
    warnings = [w["message"] for w in run.find_step_run("write")[0].get_details()["warnings"]]
    assert "Output 'made' was not registered as dataset 'left empty': the step left nothing there." in warnings


def test_a_registered_table_has_the_types_of_its_files(scripts: Scripts, ws: Workspace) -> None:
    types = {"n": DataType.to_float()}
    out = OutputFileDatasetConfig("made").read_delimited_files(path_glob="*.csv", set_column_types=types)
    scripts.run(scripts.step("write", WRITES, arguments=[out.drop_columns("name").register_on_complete("left table")]))
    found = Dataset.get_by_name(ws, "left table")
    assert isinstance(found, TabularDataset)
    frame = found.to_pandas_dataframe()
    assert {n: str(t) for n, t in frame.dtypes.items()} == {"n": "float64", "day": "datetime64[ns]"}


def test_a_later_step_reads_an_output_as_a_table(scripts: Scripts, ws: Workspace) -> None:
    out = OutputFileDatasetConfig("made")
    write = scripts.step("write", WRITES, arguments=[out])
    table = out.read_delimited_files(path_glob="**/*.csv").keep_columns(["n", "day"])
    read = scripts.step("read", READS, inputs=[table.as_input("table")])
    logged = metrics_of(scripts.run(write, read), "read")
    assert logged["columns of table"] == "n,day"
    assert logged["rows of table"] == 3
    assert logged["types of table"] == "int64,datetime64[ns]"


def test_an_output_of_parquet_files_is_read_as_a_table(scripts: Scripts, ws: Workspace) -> None:
    out = OutputFileDatasetConfig("made")
    code = WRITES + "\nimport pandas\npandas.DataFrame({'k': [1, 2]}).to_parquet(os.path.join(folder, 'p.parquet'))"
    table = out.read_parquet_files(path_glob="*.parquet").as_input("table")
    run = scripts.run(scripts.step("write", code, arguments=[out]), scripts.step("read", READS, inputs=[table]))
    assert metrics_of(run, "read")["rows of table"] == 2


def test_pipeline_data_as_a_dataset_is_parsed_split_and_registered(scripts: Scripts, ws: Workspace) -> None:
    made = PipelineData("made").as_dataset().register("left data")
    write = scripts.step("write", WRITES, arguments=[made], outputs=[made])
    first, second = made.parse_delimited_files().random_split(0.5, seed=7)
    inputs = [first.as_named_input("first"), second.as_named_input("second"), made.parse_delimited_files()]
    run = scripts.run(write, scripts.step("read", READS, inputs=inputs))
    logged = metrics_of(run, "read")
    assert logged["rows of first"] + logged["rows of second"] == logged["rows of made"] == 3
    assert Dataset.get_by_name(ws, "left data").to_path() == ["/a.csv", "/notes.txt"]
    scripts.run(scripts.step("write", WRITES, arguments=[made], outputs=[made]))
    assert Dataset.get_by_name(ws, "left data").version == 2


def test_a_name_that_is_taken_is_not_taken_over_without_being_asked(scripts: Scripts, ws: Workspace) -> None:
    made = PipelineData("made").as_dataset().register("kept name", create_new_version=False)
    for _ in (1, 2):
        run = scripts.run(scripts.step("write", WRITES, arguments=[made], outputs=[made]))
    assert Dataset.get_by_name(ws, "kept name").version == 1
    (warning,) = run.find_step_run("write")[0].get_details()["warnings"]
    assert "already a dataset registered under name 'kept name'" in warning["message"]


def test_a_script_links_its_output_to_a_dataset(scripts: Scripts, ws: Workspace) -> None:
    store = ws.get_default_datastore()
    (scripts.folder / "data").mkdir()
    (scripts.folder / "data" / "x.txt").write_text("linked")
    store.upload(str(scripts.folder / "data"), "to/link", show_progress=False)
    Dataset.File.from_files((store, "to/link")).register(ws, "to link")
    out = LinkFileOutputDatasetConfig("linked").register_on_complete("linked name")
    code = """
from azureml.core import Dataset, Run
run = Run.get_context()
run.output_datasets["linked"].link(Dataset.get_by_name(run.experiment.workspace, "to link"))
"""
    see = "import os, sys; assert os.listdir(sys.argv[1]) == ['x.txt'], os.listdir(sys.argv[1])"
    given = out.as_input("given")
    run = scripts.run(
        scripts.step("link", code, outputs=[out]), scripts.step("see", see, inputs=[given], arguments=[given])
    )
    assert Dataset.get_by_name(ws, "linked name").to_path() == ["/x.txt"]
    (left,) = run.find_step_run("link")[0].get_details()["outputDatasets"]
    assert left["dataset"].to_path() == ["/x.txt"]


def test_a_step_that_linked_its_output_is_reused_and_its_readers_see_what_the_dataset_holds_now(
    scripts: Scripts, ws: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store, data = ws.get_default_datastore(), tmp_path_factory.mktemp("data")

    def hold(text: str) -> None:
        (data / "x.txt").write_text(text)
        store.upload(str(data), "to/link again", overwrite=True, show_progress=False)

    link = """
from azureml.core import Dataset, Run
run = Run.get_context()
run.output_datasets["linked"].link(Dataset.get_by_name(run.experiment.workspace, "to link again"))
"""
    read = "import os, sys; print('it holds', open(os.path.join(sys.argv[1], 'x.txt')).read())"

    def submit(word: str) -> tuple[dict[str, str], PipelineRun]:
        out = LinkFileOutputDatasetConfig("linked").register_on_complete("linked again")
        given = out.as_input("given")
        run = scripts.run(
            scripts.step("link", link, outputs=[out], allow_reuse=True),
            scripts.step("read", read, inputs=[given], arguments=[given, word], allow_reuse=True),
        )
        (left,) = run.find_step_run("link")[0].get_details()["outputDatasets"]
        assert left["dataset"].id == Dataset.get_by_name(ws, "to link again").id
        return {d.name: d.verdict for d in run.why()}, run

    hold("first")
    Dataset.File.from_files((store, "to/link again")).register(ws, "to link again")
    assert submit("a")[0] == {"link": "ran", "read": "ran"}
    assert submit("a")[0] == {"link": "reused", "read": "reused"}
    hold("second")
    verdicts, run = submit("a")
    assert verdicts == {"link": "reused", "read": "ran"}
    assert "it holds second" in run.find_step_run("read")[0].get_stdout_log()
    assert submit("b")[0] == {"link": "reused", "read": "ran"}
    Dataset.File.from_files((store, "to/link again/x.txt")).register(ws, "to link again", create_new_version=True)
    assert submit("b")[0]["link"] == "ran", "another dataset goes by the name that its script links"


def test_a_script_links_its_output_to_a_table(scripts: Scripts, ws: Workspace) -> None:
    store = ws.get_default_datastore()
    (scripts.folder / "rows.csv").write_text("n\n1\n2\n3\n")
    store.upload_files([str(scripts.folder / "rows.csv")], target_path="to", show_progress=False)
    Dataset.Tabular.from_delimited_files((store, "to/rows.csv")).register(ws, "rows to link")
    out = LinkTabularOutputDatasetConfig("linked").register_on_complete("linked rows")
    code = """
from azureml.core import Dataset, Run
run = Run.get_context()
run.output_datasets["linked"].link(Dataset.get_by_name(run.experiment.workspace, "rows to link"))
"""
    run = scripts.run(
        scripts.step("link", code, outputs=[out]), scripts.step("read", READS, inputs=[out.as_input("given")])
    )
    assert metrics_of(run, "read")["rows of given"] == 3
    assert isinstance(Dataset.get_by_name(ws, "linked rows"), TabularDataset)
