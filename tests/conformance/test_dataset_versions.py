"""Versions of datasets: numbers given once, bytes that are kept, sources that changed. Against a real server."""

from __future__ import annotations

import html
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from azureml.core import Dataset, Experiment, Model, Workspace
from azureml.data.azure_storage_datastore import AzureBlobDatastore
from azureml.data.dataset_consumption_config import DatasetConsumptionConfig
from azureml.exceptions import UserErrorException, WebserviceException
from azureml.pipeline.core import Pipeline, PipelineRun
from azureml.pipeline.steps import PythonScriptStep

READ = """
import os, sys
from azureml.core import Run
path = sys.argv[1]
names = [path] if os.path.isfile(path) else [os.path.join(f, n) for f, _, found in os.walk(path) for n in found]
Run.get_context().tag("seen", " ".join(sorted(open(n).read().strip() for n in names)))
"""


@pytest.fixture
def store(module_workspace: Workspace) -> AzureBlobDatastore:
    return module_workspace.get_default_datastore()


def put(store: AzureBlobDatastore, path: str, content: str) -> tuple[AzureBlobDatastore, str]:
    target = Path(store._root, path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(content)
    return store, path


def test_a_version_that_was_deleted_is_not_given_again(module_workspace: Workspace, store: AzureBlobDatastore) -> None:
    ws = module_workspace
    made = Dataset.Tabular.from_delimited_files(put(store, "numbers/a.csv", "a\n1\n"))
    assert made.register(ws, "numbers").version == 1
    second = made.keep_columns("a").register(ws, "numbers", create_new_version=True)
    kept_id = second.id
    assert second.version == 2
    second.unregister_all_versions()
    assert second.name is None
    with pytest.raises(UserErrorException, match='Cannot find dataset registered with name "numbers"'):
        Dataset.get_by_name(ws, "numbers", version=2)
    assert Dataset.get_by_id(ws, kept_id).to_pandas_dataframe()["a"].tolist() == [1]
    assert made.register(ws, "numbers").version == 3


def test_a_model_version_that_was_deleted_is_not_given_again(module_workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "m.txt").write_text("m")
    models = [Model.register(module_workspace, str(tmp_path / "m.txt"), "numbered") for _ in range(2)]
    assert [m.version for m in models] == [1, 2]
    models[1].delete()
    assert Model.register(module_workspace, str(tmp_path / "m.txt"), "numbered").version == 3
    for gone in ({"name": "numbered", "version": 2}, {"id": "numbered:2"}):
        with pytest.raises(WebserviceException, match="ModelNotFound: Model with id numbered:2 not found"):
            Model(module_workspace, **gone)
    with pytest.raises(WebserviceException, match="numbered"):
        models[1].download(str(tmp_path / "gone"))


def test_a_step_that_names_a_deleted_version_is_refused_and_one_that_holds_it_reads_it(
    module_workspace: Workspace, store: AzureBlobDatastore, tmp_path: Path
) -> None:
    ws = module_workspace
    (tmp_path / "read.py").write_text(READ)
    held = Dataset.File.from_files(put(store, "held/a.txt", "held")).register(ws, "held")

    def submitted(given: DatasetConsumptionConfig) -> PipelineRun:
        step = PythonScriptStep(
            "read.py", source_directory=str(tmp_path), arguments=[given], inputs=[given], compute_target="cpu"
        )
        return Experiment(ws, "held").submit(Pipeline(ws, [step]))

    by_name = DatasetConsumptionConfig("by_name", (ws, "held", 1)).as_mount()
    assert submitted(by_name).wait_for_completion(show_output=False) == "Finished"
    held.unregister_all_versions()
    with pytest.raises(UserErrorException, match='Cannot find dataset registered with name "held"'):
        submitted(by_name)
    run = submitted(held.as_named_input("by_id").as_mount())
    assert run.wait_for_completion(show_output=False) == "Finished"
    assert next(run.get_steps()).get_tags()["seen"] == "held"


def test_a_pinned_version_reads_as_it_did_after_its_source_was_written_over(
    module_workspace: Workspace, store: AzureBlobDatastore
) -> None:
    ws = module_workspace
    made = Dataset.Tabular.from_delimited_files(
        (put(store, "pin/x=1/a.csv", "a\n1\n")[0], "pin/**/*.csv"), partition_format="/x={x}/*.csv"
    )
    first = made.register(ws, "pinned", pin=True)
    assert made.register(ws, "pinned", pin=True).version == 1, "the same bytes were taken for others"
    put(store, "pin/x=1/a.csv", "a\n2\n")
    put(store, "pin/x=2/b.csv", "a\n3\n")
    second = made.register(ws, "pinned", create_new_version=True, pin=True)
    assert second.version == 2
    Path(store._root, "pin/x=1/a.csv").unlink()
    rows = [Dataset.get_by_name(ws, "pinned", version=v).to_pandas_dataframe().values.tolist() for v in (1, 2)]
    assert rows == [[[1, 1]], [[1, 2], [2, 3]]]
    assert first.keep_columns("a").to_pandas_dataframe()["a"].tolist() == [1]
    with pytest.raises(UserErrorException, match="answer to a query cannot be pinned"):
        Dataset.Tabular.from_sql_query((store, "SELECT 1"), validate=False).register(ws, "asked", pin=True)


def test_a_step_is_given_the_bytes_of_a_pinned_version(
    module_workspace: Workspace, store: AzureBlobDatastore, tmp_path: Path
) -> None:
    ws = module_workspace
    (tmp_path / "read.py").write_text(READ)
    one = Dataset.File.from_files(put(store, "steps/one.txt", "one")).register(ws, "one file", pin=True)
    put(store, "steps/two.txt", "two")
    both = Dataset.File.from_files((store, "steps/*.txt")).register(ws, "two files", pin=True)
    for name in ("one", "two"):
        put(store, f"steps/{name}.txt", "changed")
    inputs = [
        one.as_named_input("a").as_mount(),
        one.as_named_input("b").as_download(),
        both.as_named_input("c").as_mount(),
    ]
    steps = [
        PythonScriptStep(
            "read.py", name=i.name, source_directory=str(tmp_path), arguments=[i], inputs=[i], compute_target="cpu"
        )
        for i in inputs
    ]
    run = Experiment(ws, "pins").submit(Pipeline(ws, steps))
    assert run.wait_for_completion(show_output=False) == "Finished"
    assert {s.name: s.get_tags()["seen"] for s in run.get_steps()} == {"a": "one", "b": "one", "c": "one two"}


@pytest.fixture
def address() -> Iterator[str]:
    class Page(BaseHTTPRequestHandler):
        asked = 0

        def do_GET(self) -> None:
            Page.asked += 1
            content = f"n\n{Page.asked}\n".encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/a%20b.csv"
    server.shutdown()
    server.server_close()


def test_what_a_url_held_can_be_pinned(module_workspace: Workspace, address: str) -> None:
    made = Dataset.Tabular.from_delimited_files(address).register(module_workspace, "page", pin=True)
    first = made.to_pandas_dataframe()["n"].tolist()
    assert made.to_pandas_dataframe()["n"].tolist() == first


def test_a_version_whose_source_changed_says_so_once(
    module_workspace: Workspace, store: AzureBlobDatastore, capsys: pytest.CaptureFixture[str]
) -> None:
    ws = module_workspace
    made = Dataset.Tabular.from_delimited_files(put(store, "drift/a.csv", "a\n1\n")).register(ws, "drifting")
    put(store, "drift/a.csv", "a\n10\n")
    for _ in range(2):
        assert Dataset.get_by_name(ws, "drifting").take(1).to_pandas_dataframe()["a"].tolist() == [10]
    said = capsys.readouterr().err
    assert said.count("dataset 'drifting' version 1 have changed") == 1, said
    assert "then 1 file of 4 bytes, now 1 file of 5 bytes" in said
    again = Dataset.Tabular.from_delimited_files((store, "drift/a.csv")).register(
        ws, "drifting", create_new_version=True
    )
    assert again.version == 2, "other bytes are another version when one is asked for"
    assert again.to_pandas_dataframe()["a"].tolist() == [10]
    assert capsys.readouterr().err == ""
    Path(store._root, "drift/a.csv").unlink()
    found = ws._call("GET", "datasets/drift", None, {"name": "drifting", "version": 2})
    assert found["changed"] and "nothing is there now" in found["message"]
    assert made.version == 1


def test_files_that_changed_are_told_of_by_whoever_reads_them(
    module_workspace: Workspace, store: AzureBlobDatastore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ws = module_workspace
    put(store, "told/a.csv", "a\n1\n")
    Dataset.File.from_files((store, "told/*.csv")).register(ws, "told files")
    Dataset.Tabular.from_delimited_files((store, "told/*.csv")).register(ws, "told table")
    put(store, "told/b.csv", "a\n2\n")
    said = "version 1 have changed since it was registered: then 1 file of 4 bytes, now 2 files of 8 bytes"
    assert Dataset.get_by_name(ws, "told files").to_path() == ["/a.csv", "/b.csv"]
    assert "dataset 'told files' " + said in capsys.readouterr().err
    code = "from azureml.core import Dataset, Run\nrun = Run.get_context()\n"
    code += "print(len(run.input_datasets['table'].to_pandas_dataframe()))\n"
    (tmp_path / "rows.py").write_text(code)
    table = Dataset.get_by_name(ws, "told table").as_named_input("table")
    step = PythonScriptStep("rows.py", source_directory=str(tmp_path), inputs=[table], compute_target="cpu")
    run = Experiment(ws, "told").submit(Pipeline(ws, [step]))
    assert run.wait_for_completion(show_output=False) == "Finished"
    (ran,) = run.get_steps()
    assert ran.get_stdout_log() == "2\n" and "dataset 'told table' " + said in ran.get_stderr_log()


def test_files_that_were_written_again_are_not_said_to_be_others(
    module_workspace: Workspace, store: AzureBlobDatastore, capsys: pytest.CaptureFixture[str]
) -> None:
    Dataset.File.from_files(put(store, "again/a.csv", "a")).register(module_workspace, "again")
    time.sleep(0.05)
    put(store, "again/a.csv", "a")
    assert Dataset.get_by_name(module_workspace, "again").to_path() == ["/a.csv"]
    said = "files of dataset 'again' version 1 were written again since it was registered: 1 file of 1 bytes, as then"
    assert said in capsys.readouterr().err


def test_the_page_of_a_run_that_read_it_says_that_the_files_changed_since(
    module_workspace: Workspace, store: AzureBlobDatastore, module_home: Path, tmp_path: Path
) -> None:
    ws = module_workspace
    (tmp_path / "read.py").write_text(READ)
    drifts = Dataset.File.from_files(put(store, "paged/drifts.txt", "a")).register(ws, "paged")
    stays = Dataset.File.from_files(put(store, "paged/stays.txt", "a")).register(ws, "stays", pin=True)
    given = [drifts.as_named_input("one").as_mount(), stays.as_named_input("two").as_mount()]
    step = PythonScriptStep(
        "read.py", source_directory=str(tmp_path), arguments=given, inputs=given, compute_target="cpu"
    )
    run = Experiment(ws, "paged").submit(Pipeline(ws, [step]))
    assert run.wait_for_completion(show_output=False) == "Finished"
    for name in ("drifts", "stays"):
        put(store, f"paged/{name}.txt", "another")
    token = {"Authorization": "Bearer " + (module_home / "token").read_text().strip()}
    for each in (run, next(run.get_steps())):
        with urlopen(Request(each.get_portal_url(), headers=token), timeout=30) as answer:
            page = html.unescape(answer.read().decode())
        assert (
            "The files of dataset 'paged' version 1 have changed since it was registered: then 1 file of 1 bytes"
            in page
        )
        assert "files of dataset 'stays'" not in page, "what is pinned does not drift"


def test_a_file_that_changes_while_it_is_kept_is_refused_and_nothing_is_registered(
    module_workspace: Workspace, store: AzureBlobDatastore, module_home: Path
) -> None:
    put(store, "moving/big.bin", "x" * (64 << 20))
    made = Dataset.File.from_files((store, "moving/big.bin"))
    stop = threading.Event()

    def write() -> None:
        with open(Path(store._root, "moving/big.bin"), "ab") as file:
            while not stop.is_set():
                file.write(b"y")
                file.flush()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with pytest.raises(
            UserErrorException, match=r"moving/big\.bin on datastore .* changed while it was being kept"
        ):
            made.register(module_workspace, "moving", pin=True)
    finally:
        stop.set()
        writer.join()
    assert "moving" not in module_workspace.datasets
    assert [p for p in (module_home / "pins").rglob("*") if p.name == "big.bin"] == []
    assert not list((module_home / "blobs").rglob("*.partial"))


def test_a_pinned_version_is_in_a_backup(
    module_workspace: Workspace, store: AzureBlobDatastore, module_home: Path, tmp_path: Path
) -> None:
    made = Dataset.File.from_files(put(store, "saved/a.txt", "saved")).register(module_workspace, "saved", pin=True)
    pinned = made._definition["paths"][0]["pinned"]
    penstock = [sys.executable, "-m", "penstock"]
    subprocess.run([*penstock, "backup", tmp_path / "b.tar.gz", "--home", module_home], check=True, timeout=60)
    again = tmp_path / "again"
    subprocess.run([*penstock, "restore", tmp_path / "b.tar.gz", "--home", again], check=True, timeout=60)
    assert (again / "pins" / pinned / store.name / "saved/a.txt").read_text() == "saved"
    assert not (again / "pins" / pinned / store.name / "saved/a.txt").stat().st_mode & 0o222
