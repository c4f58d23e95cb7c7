"""`penstock datastore|dataset|model …`, and what a datastore's registration keeps: everything but its secrets."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from azureml.core import Dataset, Datastore, Model, Workspace

Result = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def ws(module_workspace: Workspace) -> Workspace:
    return module_workspace


def cli(*args: str) -> Result:
    return subprocess.run(
        [sys.executable, "-m", "penstock", *args, "--workspace", "ws"], capture_output=True, text=True, timeout=60
    )


def said(*args: str) -> str:
    done = cli(*args)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_datastore_is_mapped_filled_and_looked_into(ws: Workspace, tmp_path: Path) -> None:
    Datastore.register_azure_blob_container(ws, "pub", "container", "<account>", account_key="geheim-17")
    before = Datastore(ws, "pub")._root
    (tmp_path / "data/sub").mkdir(parents=True)
    (tmp_path / "data/sub/a.txt").write_text("a")
    assert str(tmp_path / "data") in said("datastore", "map", "pub", str(tmp_path / "data"))
    assert Dataset.File.from_files((Datastore(ws, "pub"), "**")).to_path() == ["/sub/a.txt"]
    assert "sub/" in said("datastore", "ls", "pub")
    (tmp_path / "b.txt").write_text("b")
    assert "Copied 1 of 1 files" in said("datastore", "upload", "pub", str(tmp_path / "b.txt"), "new")
    assert "1 there already" in said("datastore", "upload", "pub", str(tmp_path / "b.txt"), "new")
    assert (tmp_path / "data/new/b.txt").read_text() == "b"
    Datastore.register_azure_blob_container(ws, "pub", "container", "other", overwrite=True)
    assert Datastore(ws, "pub")._root == str(tmp_path / "data"), "registering again leaves what is behind it"
    (tmp_path / "with space").mkdir()
    said("datastore", "map", "pub", (tmp_path / "with space").as_uri())
    assert Datastore(ws, "pub")._root == str(tmp_path / "with space")
    said("datastore", "map", "pub", "--reset")
    assert Datastore(ws, "pub")._root == before
    assert "workspaceblobstore *" in said("datastore", "list")


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("s3://bucket/x", "pip install s3fs"),
        ("/nowhere/at/all", "there is nothing at /nowhere/at/all"),
        ("file://elsewhere/x", "names the machine 'elsewhere'"),
    ],
)
def test_what_cannot_be_behind_a_datastore(ws: Workspace, target: str, why: str) -> None:
    done = cli("datastore", "map", "workspacefilestore", target)
    assert done.returncode == 1
    assert why in done.stderr


def test_a_file_or_the_home_itself_is_refused(ws: Workspace, tmp_path: Path, module_home: Path) -> None:
    (tmp_path / "f").write_text("")
    assert "cannot be mapped to the file" in cli("datastore", "map", "workspacefilestore", str(tmp_path / "f")).stderr
    assert "the home lies there" in cli("datastore", "map", "workspacefilestore", str(module_home)).stderr
    assert cli("datastore", "ls", "workspacefilestore", "../..").returncode == 2


def test_a_database_is_mapped_to_a_file(ws: Workspace, tmp_path: Path) -> None:
    store = Datastore.register_azure_postgre_sql(ws, "pg", "server", "database", "user", "geheim-17")
    with sqlite3.connect(tmp_path / "any.name") as database:
        database.execute("CREATE TABLE t AS SELECT 1 AS n")
    said("datastore", "map", "pg", str(tmp_path / "any.name"))
    found = Dataset.Tabular.from_sql_query((store, "SELECT n FROM t")).to_pandas_dataframe()
    assert found["n"].tolist() == [1]


def test_no_secret_is_kept_anywhere(ws: Workspace, module_home: Path) -> None:
    store = Datastore.register_azure_blob_container(ws, "secretive", "c", "a", account_key="geheim-17")
    Datastore.register_azure_data_lake(ws, "lake", "s", client_secret="geheim-17")
    assert (store.account_key, store.credential_type) == ("***", "AccountKey")
    ws._call("PUT", "datastores/raw", {"type": "AzureBlob", "settings": {"sas_token": "geheim-17"}})
    assert ws._call("GET", "datastores/raw")["settings"] == {"sas_token": "***"}
    assert "***" in said("datastore", "show", "secretive")
    holding = [p for p in module_home.rglob("*") if p.is_file() and b"geheim-17" in p.read_bytes()]
    assert holding == []


def test_datasets_and_models_are_listed_and_shown(ws: Workspace, tmp_path: Path) -> None:
    assert "has no models yet" in said("model", "list")
    store = ws.get_default_datastore()
    for version in (1, 2):
        Path(store._root, f"d{version}.csv").write_text("a,b\n1,x\n")
        made = Dataset.Tabular.from_delimited_files((store, f"d{version}.csv"))
        made.register(ws, "listed", tags={"k": "v"}, create_new_version=True)
    assert [d["version"] for d in json.loads(said("dataset", "list", "--json"))["value"] if d["name"] == "listed"] == [
        2
    ]
    assert "workspaceblobstore/d2.csv" in said("dataset", "list")
    assert "a (int), b (string)" in said("dataset", "show", "listed", "--version", "1")
    wrong = cli("dataset", "show", "listed", "--version", "9")
    assert (wrong.returncode, "it has 2, 1" in wrong.stderr) == (3, True)
    Path(store._root, "d2.csv").write_text("a,b\n1,xx\n")
    assert "have changed since it was registered" in said("dataset", "show", "listed")
    assert json.loads(said("dataset", "show", "listed", "--json"))["drift"]["changed"] is True
    (tmp_path / "m.pkl").write_bytes(b"model")
    Model.register(ws, str(tmp_path / "m.pkl"), "kept")
    assert "kept" in said("model", "list")
    assert "m.pkl" in said("model", "show", "kept")
    assert cli("model", "show", "none").returncode == 3


def test_a_dataset_is_registered_by_the_command(ws: Workspace) -> None:
    store = ws.get_default_datastore()
    Path(store._root, "told").mkdir()
    Path(store._root, "told/a.csv").write_text("n;m\n1;x\n2;\n")
    told = ("dataset", "register", "told", "told/*.csv", "--format", "delimited", "--separator", ";", "--tag", "k=v")
    assert "version 1 is workspaceblobstore/told/*.csv" in said(*told, "--description", "by hand", "--pin")
    Path(store._root, "told/a.csv").write_text("n;m\n3;x\n")
    made = Dataset.get_by_name(ws, "told")
    assert (made.tags, made.description) == ({"k": "v"}, "by hand")
    frame = made.to_pandas_dataframe()
    assert (frame["n"].tolist(), frame["m"].tolist()) == ([1, 2], ["x", None])
    assert "(pinned)" in said("dataset", "show", "told")
    assert cli("dataset", "register", "told", "told/a.csv").returncode == 1, "another definition needs --new-version"
    assert "version 2" in said("dataset", "register", "told", "told", "--new-version")
    gone = cli("dataset", "register", "none", "nothing/*.csv")
    assert (gone.returncode, "has nothing at 'nothing/*.csv'" in gone.stderr) == (3, True), gone.stderr
    assert cli("dataset", "register", "out", "../x").returncode == 2


def test_links_in_what_is_uploaded(ws: Workspace, tmp_path: Path) -> None:
    root = Path(Datastore(ws, "workspacefilestore")._root)
    for name in ("other", "top"):
        (tmp_path / name).mkdir()
    (tmp_path / "other/a.txt").write_text("a")
    (tmp_path / "top/folder").symlink_to(tmp_path / "other")
    (tmp_path / "top/again").symlink_to(tmp_path / "top")
    assert "Copied 1 of 1 files" in said("datastore", "upload", "workspacefilestore", str(tmp_path / "top"), "linked")
    assert [p.relative_to(root).as_posix() for p in root.rglob("*") if not p.is_dir()] == ["linked/folder/a.txt"]
    (tmp_path / "top/broken").symlink_to("nowhere")
    done = cli("datastore", "upload", "workspacefilestore", str(tmp_path / "top"), "linked")
    assert (done.returncode != 0, "broken is a link to nowhere" in done.stderr) == (True, True), done.stderr
    for path in ("../out", "a/../../../out"):
        assert "leads out of" in cli("datastore", "upload", "workspacefilestore", str(tmp_path / "other"), path).stderr


def test_a_file_that_is_written_to_while_it_goes_up_is_refused(ws: Workspace, tmp_path: Path) -> None:
    root = Path(Datastore(ws, "workspacefilestore")._root)
    (tmp_path / "quiet").write_text("quiet")
    (tmp_path / "written").write_bytes(b"x" * (64 << 20))
    stop = threading.Event()

    def write() -> None:
        with open(tmp_path / "written", "ab") as file:
            while not stop.is_set():
                file.write(b"y")
                file.flush()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        done = cli("datastore", "upload", "workspacefilestore", str(tmp_path), "changing")
    finally:
        stop.set()
        writer.join()
    assert (done.returncode, "written was written to while it was being copied" in done.stderr) == (1, True), (
        done.stderr
    )
    assert [path.name for path in (root / "changing").iterdir()] == ["quiet"], "nothing half is left"
