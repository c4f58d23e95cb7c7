"""Datastores that are elsewhere or nowhere yet: fsspec URLs, penstock.toml, secrets. Against a real server, through the SDK and the commands."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from azureml.core import Dataset, Datastore, Experiment, Workspace
from azureml.data import OutputFileDatasetConfig
from azureml.exceptions import UserErrorException
from azureml.pipeline.core import Pipeline, PipelineData
from azureml.pipeline.steps import PythonScriptStep
from penstock.model.errors import CannotServe
from penstock.service.assets.seal import unseal

READ = """
import os, sys
from azureml.core import Dataset, Run
run = Run.get_context()
found = [os.path.join(f, n) for f, _, names in os.walk(sys.argv[1]) for n in names]
run.tag("seen", " ".join(sorted(open(n).read().strip() for n in found)))
table = Dataset.get_by_name(run.experiment.workspace, "far table")
run.tag("rows", str(len(table.to_pandas_dataframe()) if hasattr(table, "to_pandas_dataframe") else 0))
"""


def cli(*args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "penstock", *args, "--workspace", "ws"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_a_datastore_in_the_memory_of_the_server(module_workspace: Workspace, tmp_path: Path) -> None:
    ws = module_workspace
    Datastore.register_azure_blob_container(ws, "far", "c", "a")
    done = cli("datastore", "map", "far", "memory://bucket/place")
    assert (done.returncode, "memory://bucket/place" in done.stdout) == (0, True), done.stderr
    far = Datastore(ws, "far")
    (tmp_path / "up/sub").mkdir(parents=True)
    (tmp_path / "up/a.csv").write_text("n\n1\n2\n")
    (tmp_path / "up/sub/b.csv").write_text("n\n3\n")
    far.upload(str(tmp_path / "up"), "in", show_progress=False)
    for mirrored in sorted(Path(far._root).rglob("*.csv")):
        mirrored.unlink()
    assert ws._call("POST", "datastores/far/pull", {"path": "in"}) == {"n_files": 2}, "it was never sent"
    assert ws._call("POST", "datastores/far/pull", {"path": "in"}) == {"n_files": 0}, "it was brought twice"
    Path(far._root, "in/a.csv").unlink()
    made = Dataset.Tabular.from_delimited_files((far, "in/**/*.csv")).register(ws, "far table")
    assert made.to_pandas_dataframe()["n"].tolist() == [1, 2, 3]
    assert far.download(str(tmp_path / "down"), "in/sub", show_progress=False) == 1
    (tmp_path / "read.py").write_text(READ)
    files = Dataset.File.from_files((far, "in/sub")).as_named_input("files").as_mount()
    Path(far._root, "in/sub/b.csv").unlink()
    step = PythonScriptStep("read.py", source_directory=str(tmp_path), arguments=[files], compute_target="cpu")
    run = Experiment(ws, "far").submit(Pipeline(ws, [step]))
    assert run.wait_for_completion(show_output=False) == "Finished"
    assert {k: next(run.get_steps()).get_tags()[k] for k in ("seen", "rows")} == {"seen": "n\n3", "rows": "3"}
    (tmp_path / "c.txt").write_text("c")
    assert cli("datastore", "upload", "far", str(tmp_path / "c.txt"), "new").returncode == 0
    assert "c.txt" in cli("datastore", "ls", "far", "new").stdout
    assert "memory://bucket/place" in cli("datastore", "list").stdout


WRITE = """
import os, sys
for place in sys.argv[1:]:
    os.makedirs(place, exist_ok=True)
    with open(os.path.join(place, "t.csv"), "w") as file:
        file.write("n\\n4\\n5\\n")
"""


def test_a_step_writes_to_a_datastore_at_a_url(module_workspace: Workspace, tmp_path: Path) -> None:
    ws = module_workspace
    Datastore.register_azure_blob_container(ws, "away", "c", "a")
    assert cli("datastore", "map", "away", "memory://elsewhere").returncode == 0
    away = Datastore(ws, "away")
    (tmp_path / "write.py").write_text(WRITE)
    (tmp_path / "read.py").write_text(READ)
    made = PipelineData("made", datastore=away)
    kept = OutputFileDatasetConfig("kept", destination=(away, "out")).register_on_complete("far table")
    writes = PythonScriptStep(
        "write.py", arguments=[made, kept], outputs=[made], source_directory=str(tmp_path), compute_target="cpu"
    )
    reads = PythonScriptStep(
        "read.py",
        arguments=[made],
        inputs=[made],
        source_directory=str(tmp_path),
        compute_target="cpu",
        allow_reuse=False,
    )
    reads.run_after(writes)
    again = []
    for _ in range(2):
        run = Experiment(ws, "away").submit(Pipeline(ws, [reads]))
        assert run.wait_for_completion(show_output=False) == "Finished"
        step = run.find_step_run("write.py")[0]
        again.append(step.get_properties().get("azureml.reusedrunid"))
        place = step.get_output_data("made").path_on_datastore
    assert again[0] is None and again[1] is not None
    for path in ("out", place):  # only the URL has them now
        shutil.rmtree(Path(away._root, path))
        assert away.download(str(tmp_path / "down"), path, show_progress=False) == 1
        assert (tmp_path / "down" / path / "t.csv").read_text() == "n\n4\n5\n"
    assert Dataset.get_by_name(ws, "far table").to_path() == ["/t.csv"]


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("nothing://x", "The protocols are:"),
        ("s3://bucket/x", "pip install s3fs"),
        ("file://elsewhere/x", "names the machine 'elsewhere'"),
    ],
)
def test_a_url_that_cannot_be_opened_says_what_is_missing(module_workspace: Workspace, target: str, why: str) -> None:
    done = cli("datastore", "map", "workspacefilestore", target)
    assert (done.returncode, why in done.stderr) == (1, True), done.stderr


def test_penstock_toml_says_what_is_behind_a_datastore(
    module_workspace: Workspace, module_home: Path, tmp_path: Path
) -> None:
    ws = module_workspace
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.txt").write_text("a")
    file = module_home / "penstock.toml"
    try:
        file.write_text(f'[datastores.told]\nmap = "{tmp_path / "data"}"\ntype = "AzureFile"\n')
        told = Datastore(ws, "told")
        assert (told.datastore_type, told._root) == ("AzureFile", str(tmp_path / "data"))
        assert Dataset.File.from_files((told, "*")).to_path() == ["/a.txt"]
        refused = cli("datastore", "map", "told", str(tmp_path))
        assert (refused.returncode, "mapped by" in refused.stderr) == (1, True), refused.stderr
        file.write_text('[datastores.told]\nmap = "/nowhere/at/all"\n')
        with pytest.raises(UserErrorException, match="there is nothing at /nowhere/at/all"):
            Datastore(ws, "told")
        for content, why in (("[datastores.x]\n", "says not what it is"), ("x", "cannot be read"),
                             ('[datastores.x]\nmap = "/tmp"\nurl = 1\n', "'url' is not known")):  # fmt: skip
            file.write_text(content)
            with pytest.raises(UserErrorException, match=why):
                ws.get_default_datastore()
    finally:
        file.unlink()
    assert ws.get_default_datastore().name == "workspaceblobstore"


def test_penstock_toml_names_urls_databases_and_workspaces(
    module_workspace: Workspace, module_home: Path, tmp_path: Path
) -> None:
    ws = module_workspace
    other = Workspace.create("another", subscription_id="s", resource_group="g", exist_ok=True)
    Datastore.register_azure_blob_container(ws, "turned", "c", "a")
    assert cli("datastore", "map", "turned", str(tmp_path)).returncode == 0
    with closing(sqlite3.connect(tmp_path / "numbers.db")) as database:
        database.execute("CREATE TABLE t AS SELECT 7 AS n")
        database.commit()
    for folder in ("near", "of-another"):
        (module_home / folder).mkdir()
        (module_home / folder / "a.txt").write_text(folder)
    file = module_home / "penstock.toml"
    try:
        file.write_text(
            '[datastores.turned]\nmap = "near"\n'
            '[datastores.url]\nmap = "memory://by-toml"\n'
            f'[datastores.base]\nmap = "{tmp_path / "numbers.db"}"\ntype = "AzurePostgreSql"\n'
            '[datastores.apart]\nmap = "of-another"\nworkspace = "another"\n'
        )
        assert Dataset.File.from_files((Datastore(ws, "turned"), "*")).to_path() == ["/a.txt"], "the file wins over map"
        assert Datastore(ws, "turned")._root == str(module_home.resolve() / "near"), "relative paths start at the home"
        (tmp_path / "up.txt").write_text("up")
        url = Datastore(ws, "url")
        url.upload_files([str(tmp_path / "up.txt")], target_path="in", show_progress=False)
        Path(url._root, "in/up.txt").unlink()
        assert Dataset.File.from_files((url, "in")).download(str(tmp_path / "down")) == [str(tmp_path / "down/up.txt")]
        asked = Dataset.Tabular.from_sql_query((Datastore(ws, "base"), "SELECT n FROM t"))
        assert asked.to_pandas_dataframe()["n"].tolist() == [7]
        assert Path(Datastore(other, "apart")._root, "a.txt").read_text() == "of-another"
        assert {"turned", "url", "base"} <= set(other.datastores), "what names no workspace is in all"
        with pytest.raises(UserErrorException, match="There is no datastore 'apart' in workspace 'ws'"):
            Datastore(ws, "apart")
        assert cli("datastore", "map", "apart", str(tmp_path)).returncode != 0
    finally:
        file.unlink()


def test_datastores_of_hadoop_and_databricks_are_folders_until_told_otherwise(
    module_workspace: Workspace, tmp_path: Path
) -> None:
    ws, secret = module_workspace, "geheim-kerberos"
    (tmp_path / "a.txt").write_text("a")
    made = [
        Datastore.register_dbfs(ws, "bricks"),
        Datastore.register_hdfs(
            ws, "hadoop", "https", "namenode", "certificate", "REALM", "kdc", "me", kerberos_password=secret
        ),
    ]
    assert [(d.name, d.datastore_type) for d in made] == [("bricks", "DBFS"), ("hadoop", "Hdfs")]
    for each in (Datastore.get(ws, d.name) for d in made):
        assert cli("datastore", "upload", each.name, str(tmp_path / "a.txt"), "in").returncode == 0
        assert Dataset.File.from_files((each, "in/*")).to_path() == ["/a.txt"]
        assert cli("datastore", "map", each.name, str(tmp_path)).returncode == 0
        assert Path(Datastore.get(ws, each.name)._root) == tmp_path
    shown = json.loads(cli("datastore", "show", "hadoop", "--json").stdout)
    assert (shown["settings"]["namenode_address"], shown["settings"]["credential_value"]) == ("namenode", "***")
    assert secret not in json.dumps(shown)


def test_secrets_are_kept_sealed_and_shown_nowhere(module_workspace: Workspace, module_home: Path) -> None:
    ws, secret = module_workspace, "geheim-4711"
    made = Datastore.register_azure_blob_container(ws, "sealed", "c", "a", account_key=secret)
    assert made.account_key == "***"
    assert Datastore.register_azure_blob_container(ws, "sealed", "c", "a", account_key="other").name == "sealed"
    Datastore.register_azure_blob_container(ws, "sealed", "c", "a", account_key=secret, overwrite=True)
    shown = [cli("datastore", *args).stdout for args in (("show", "sealed"), ("show", "sealed", "--json"), ("list",))]
    shown += [cli("doctor", "--json").stdout, json.dumps(ws._values("datastores"))]
    assert not [text for text in shown if secret in text or "sealed:1:" in text]
    holding = [p for p in module_home.rglob("*") if p.is_file() and secret.encode() in p.read_bytes()]
    assert holding == []
    with closing(sqlite3.connect(module_home / "penstock.db")) as database:
        (kept,) = database.execute("SELECT secrets FROM datastore WHERE name = 'sealed'").fetchone()
    key = bytes.fromhex((module_home / "key").read_text())
    assert json.loads(unseal(key, "datastore ws/sealed", kept)) == {"account_key": secret}
    with pytest.raises(CannotServe, match="cannot be read with this home's key"):
        unseal(key, "datastore ws/another", kept)
