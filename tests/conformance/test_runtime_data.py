"""Datastores, datasets and models as public code uses them, against a real server."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from azureml.core import Dataset, Datastore, Workspace
from azureml.data import DataType, FileDataset, TabularDataset
from azureml.data.azure_storage_datastore import AzureBlobDatastore, AzureFileDatastore
from azureml.data.datapath import DataPath
from azureml.data.dataset_error_handling import DatasetExecutionError, DatasetValidationError
from azureml.exceptions import (
    UserErrorException,
)
from msrest.exceptions import HttpOperationError


@pytest.fixture(scope="module")
def ws(module_workspace: Workspace) -> Workspace:
    return module_workspace


@pytest.fixture
def store(ws: Workspace) -> AzureBlobDatastore:
    return ws.get_default_datastore()


def put(store: AzureBlobDatastore, path: str, content: str | bytes) -> tuple[AzureBlobDatastore, str]:
    """Writes a file on the datastore, and gives the path expression of it."""
    target = Path(store._root) / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content if isinstance(content, bytes) else content.encode())
    return store, path


def types(dataset: TabularDataset) -> dict[str, str]:
    return {name: str(dtype) for name, dtype in dataset.to_pandas_dataframe().dtypes.items()}


# Datastores -----------------------------------------------------------------------------------------------------------


def test_the_datastores_every_workspace_has(ws: Workspace) -> None:
    assert sorted(ws.datastores) == ["workspaceblobstore", "workspacefilestore"]
    assert type(ws.get_default_datastore()) is AzureBlobDatastore
    assert ws.get_default_datastore().name == "workspaceblobstore"
    assert ws.get_default_datastore().datastore_type == "AzureBlob"
    assert type(Datastore(ws, "workspacefilestore")) is AzureFileDatastore
    assert Datastore(ws) == Datastore.get_default(ws)


def test_a_datastore_that_is_not_there_is_both_errors(ws: Workspace) -> None:
    for error in (HttpOperationError, UserErrorException):
        with pytest.raises(error, match="There is no datastore 'nope'"):
            Datastore.get(ws, "nope")


def test_uploading_keeps_the_tree_and_says_so(
    store: AzureBlobDatastore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "src/sub").mkdir(parents=True)
    (tmp_path / "src/a.txt").write_text("a")
    (tmp_path / "src/sub/b.txt").write_text("b")
    reference = store.upload(str(tmp_path / "src"), "up/load")
    assert reference.path_on_datastore == "up/load"
    assert reference.datastore.name == "workspaceblobstore"
    assert capsys.readouterr().out == "Uploading an estimated of 2 files\nUploaded 2 files\n"
    (tmp_path / "src/a.txt").write_text("changed")
    store.upload_files([str(tmp_path / "src/a.txt")], target_path="up/load")
    said = capsys.readouterr().out
    assert (
        said
        == "Uploading an estimated of 1 files\nTarget already exists. Skipping upload for up/load/a.txt\nUploaded 0 files\n"
    )
    assert (Path(store._root) / "up/load/a.txt").read_text() == "a"
    store.upload_files([str(tmp_path / "src/a.txt")], target_path="up/load", overwrite=True, show_progress=False)
    assert (Path(store._root) / "up/load/a.txt").read_text() == "changed"
    assert capsys.readouterr().out == ""
    assert store.download(str(tmp_path / "down"), prefix="up/load", show_progress=False) == 2
    assert (tmp_path / "down/up/load/sub/b.txt").read_text() == "b"


def test_only_files_can_be_uploaded(store: AzureBlobDatastore, tmp_path: Path) -> None:
    with pytest.raises(UserErrorException, match="is a folder, not a file"):
        store.upload_files([str(tmp_path)])
    with pytest.raises(UserErrorException, match="does not exist"):
        store.upload_files([str(tmp_path / "missing")])
    with pytest.raises(UserErrorException, match="there is no folder"):
        store.upload(str(tmp_path / "missing"))
    with pytest.raises(UserErrorException, match="leads out of datastore"):
        store.upload_files([__file__], target_path="../out")


def test_a_registration_is_recorded_whatever_it_says(ws: Workspace) -> None:
    made = Datastore.register_azure_blob_container(ws, "bogus", "<my-container>", "<my-account>", account_key="<key>")
    assert (made.container_name, made.account_name, made.datastore_type) == (
        "<my-container>",
        "<my-account>",
        "AzureBlob",
    )
    assert Datastore.get(ws, "bogus").container_name == "<my-container>"
    with pytest.raises(UserErrorException, match="already exists but with different settings"):
        Datastore.register_azure_blob_container(ws, "bogus", "other", "<my-account>")
    Datastore.register_azure_blob_container(ws, "bogus", "other", "<my-account>", overwrite=True)
    sql = Datastore.register_azure_sql_database(ws, "sql", "server", "db", username="u", password="p")
    assert (sql.datastore_type, sql.server_name) == ("AzureSqlDatabase", "server")
    lake = Datastore.register_azure_data_lake(ws, "lake", "store", tenant_id="t", client_id="c", client_secret="s")
    assert lake.datastore_type == "AzureDataLake"
    Datastore.get(ws, "bogus").unregister()
    assert "bogus" not in ws.datastores


def test_the_default_datastore_can_be_another(ws: Workspace) -> None:
    ws.set_default_datastore("workspacefilestore")
    assert ws.get_default_datastore().name == "workspacefilestore"
    ws.datastores["workspaceblobstore"].set_as_default()
    assert ws.get_default_datastore().name == "workspaceblobstore"


# Tabular datasets -----------------------------------------------------------------------------------------------------


def test_types_are_inferred_from_all_rows(store: AzureBlobDatastore) -> None:
    rows = "i,f,gap,b,day,moment,text,mixed,blank,long\n"
    rows += "1,1.5,1,true,2020-01-31,2020-01-31T10:00:00Z,a,1,,12345678901234567890\n"
    rows += "-2,2e3,,False,1999-12-01,2020-02-01 00:00:01.5+02:00,,x,,1\n"
    made = Dataset.Tabular.from_delimited_files(put(store, "types/a.csv", rows))
    assert types(made) == {
        "i": "int64",
        "f": "float64",
        "gap": "float64",
        "b": "bool",
        "day": "datetime64[ns]",
        "moment": "datetime64[ns]",
        "text": "object",
        "mixed": "object",
        "blank": "object",
        "long": "object",
    }
    frame = made.to_pandas_dataframe()
    assert frame["text"][1] is None
    assert frame["long"][0] == "12345678901234567890"
    assert str(frame["moment"][1]) == "2020-01-31 22:00:01.500000"
    late = "a\n" + "1\n" * 30000 + "x\n"
    assert types(Dataset.Tabular.from_delimited_files(put(store, "types/late.csv", late))) == {"a": "object"}


def test_without_inference_all_is_text(store: AzureBlobDatastore) -> None:
    path = put(store, "plain/a.csv", "a,b\n1,\n2,x\n")
    made = Dataset.Tabular.from_delimited_files(path, infer_column_types=False)
    assert types(made) == {"a": "object", "b": "object"}
    assert made.to_pandas_dataframe()["b"].tolist() == [None, "x"]
    kept = Dataset.Tabular.from_delimited_files(path, infer_column_types=False, empty_as_string=True)
    assert kept.to_pandas_dataframe()["b"].tolist() == ["", "x"]


def test_headers(store: AzureBlobDatastore) -> None:
    path = put(store, "head/a.csv", "1,x\n2,y\n")
    made = Dataset.Tabular.from_delimited_files(path, header=False)
    assert list(made.to_pandas_dataframe().columns) == ["Column1", "Column2"]
    assert len(made.to_pandas_dataframe()) == 2
    odd = Dataset.Tabular.from_delimited_files(put(store, "head/b.csv", ",a,a\n1,2,3\n"))
    assert list(odd.to_pandas_dataframe().columns) == ["Column1", "a", "a_1"]


def test_types_can_be_set(store: AzureBlobDatastore) -> None:
    path = put(store, "set/a.csv", "n,d,t\n1,31/01/2020,5\nx,01/02/2020,6\n")
    wanted = {"n": DataType.to_float(), "d": DataType.to_datetime("%d/%m/%Y"), "t": DataType.to_string()}
    made = Dataset.Tabular.from_delimited_files(path, set_column_types=wanted)
    assert types(made) == {"n": "float64", "d": "datetime64[ns]", "t": "object"}
    assert made.to_pandas_dataframe()["d"].dt.month.tolist() == [1, 2]
    assert made.to_pandas_dataframe()["n"].isna().tolist() == [False, True]
    with pytest.raises(DatasetExecutionError, match="Column 'n': 'x' is no float"):
        made.to_pandas_dataframe(on_error="fail")
    with pytest.raises(DatasetValidationError, match="set_column_types names 'zz'"):
        Dataset.Tabular.from_delimited_files(path, set_column_types={"zz": DataType.to_float()})


def test_quotes_separators_and_encodings(store: AzureBlobDatastore) -> None:
    made = Dataset.Tabular.from_delimited_files(put(store, "q/a.csv", 'a,b\n"x, y","li\nne"\n"he ""said""",2\n'))
    assert made.to_pandas_dataframe()["a"].tolist() == ["x, y", 'he "said"']
    tabs = Dataset.Tabular.from_delimited_files(put(store, "q/a.tsv", "\ufeffa\tb\n1\t2\n"), separator="\t")
    assert list(tabs.to_pandas_dataframe().columns) == ["a", "b"]
    latin = put(store, "q/latin.csv", "a\nümlaut\n".encode("latin-1"))
    with pytest.raises(DatasetValidationError, match=r"/q/latin.csv is not text in utf-8.*Give its encoding"):
        Dataset.Tabular.from_delimited_files(latin)
    made = Dataset.Tabular.from_delimited_files(latin, encoding="iso88591")
    assert made.to_pandas_dataframe()["a"][0] == "ümlaut"


def test_several_files_globs_and_paths(store: AzureBlobDatastore) -> None:
    put(store, "many/2020/a.csv", "x\n1\n")
    put(store, "many/2021/b.csv", "x\n2\n")
    put(store, "many/notes.txt", "no\ntable, at all\n")
    make = Dataset.Tabular.from_delimited_files
    for path in (
        (store, "many/*/*.csv"),
        (store, "many/**/*.csv"),
        [(store, "many/2020/a.csv"), DataPath(store, "many/2021")],
        [store.path("many/2020/a.csv"), (store, "many/2021/b.csv")],
    ):
        assert make(path).to_pandas_dataframe()["x"].tolist() == [1, 2]
    made = make((store, "many/*/*.csv"), include_path=True, partition_format="/many/{year}/{name}.csv")
    frame = made.to_pandas_dataframe()
    assert list(frame.columns) == ["Path", "year", "name", "x"]
    assert frame["year"].tolist() == [2020, 2021]
    assert frame["name"].tolist() == ["a", "b"]
    assert made.partition_keys == ["year", "name"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0", r"bad/a.csv is a binary file \(byte 0 at 8\)"),
        (b"a,b\n1,2\n3\n", r"bad/a.csv, line 3: the row has 1 field, but the header has 2"),
        (b"a,b\n1,2\n\n3,4,5\n", r"bad/a.csv, line 4: the row has 3 fields, but the header has 2"),
        (b"", r"bad/a.csv is empty"),
        (b"\n \n", r"bad/a.csv is empty"),
    ],
)
def test_what_is_no_table_is_refused_with_its_place(store: AzureBlobDatastore, content: bytes, said: str) -> None:
    path = put(store, "bad/a.csv", content)
    for validate in (True, False):
        with pytest.raises(DatasetValidationError, match=said):
            Dataset.Tabular.from_delimited_files(path, validate=validate)


def test_paths_that_cannot_be(store: AzureBlobDatastore, tmp_path: Path) -> None:
    make = Dataset.Tabular.from_delimited_files
    for path in (__file__, "./data/a.csv", [__file__], 3, []):
        with pytest.raises(UserErrorException):
            make(path)
    with pytest.raises(DatasetValidationError, match=r"Datastore 'workspaceblobstore' has nothing at 'gone.csv'"):
        make((store, "gone.csv"))
    with pytest.raises(DatasetValidationError, match=r"http://127.0.0.1:1/a.csv could not be read"):
        make("http://127.0.0.1:1/a.csv")
    lazy = make((store, "gone.csv"), validate=False, infer_column_types=False)
    with pytest.raises(DatasetExecutionError, match="has nothing at"):
        lazy.to_pandas_dataframe()


def test_a_dataset_of_a_url(ws: Workspace, tmp_path: Path) -> None:
    import functools
    import http.server
    import threading

    (tmp_path / "web.csv").write_text("a\n1\n2\n")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        made = Dataset.Tabular.from_delimited_files(f"http://127.0.0.1:{server.server_port}/web.csv")
        assert made.to_pandas_dataframe()["a"].tolist() == [1, 2]
        server.shutdown()
        thread.join()


def test_operations_make_new_datasets(store: AzureBlobDatastore) -> None:
    rows = "a,b,c\n" + "".join(f"{n},{n * 2},t{n}\n" for n in range(100))
    made = Dataset.Tabular.from_delimited_files(put(store, "ops/a.csv", rows))
    assert list(made.keep_columns(["c", "a"]).to_pandas_dataframe().columns) == ["a", "c"]
    assert list(made.drop_columns("b").to_pandas_dataframe().columns) == ["a", "c"]
    assert made.skip(10).take(3).to_pandas_dataframe()["a"].tolist() == [10, 11, 12]
    assert made.filter((made["a"] > 95) & ~(made["b"] == 194)).to_pandas_dataframe()["a"].tolist() == [96, 98, 99]
    one, two = made.random_split(0.8, seed=1)
    parts = one.to_pandas_dataframe()["a"].tolist(), two.to_pandas_dataframe()["a"].tolist()
    assert sorted(parts[0] + parts[1]) == list(range(100))
    assert 60 < len(parts[0]) < 95
    assert made.random_split(0.8, seed=1)[0].to_pandas_dataframe()["a"].tolist() == parts[0]
    with pytest.raises(DatasetExecutionError, match="The dataset has no column 'zz'"):
        made.keep_columns(["zz"]).to_pandas_dataframe()
    with pytest.raises(DatasetValidationError, match="The dataset has no column 'zz'"):
        made.keep_columns(["zz"], validate=True)
    with pytest.raises(TypeError, match="Combine with &"):
        made.filter(made["a"] > 1 and made["b"] > 1)
    assert len(made.to_pandas_dataframe()) == 100


def test_registering_gives_versions(ws: Workspace, store: AzureBlobDatastore) -> None:
    made = Dataset.Tabular.from_delimited_files(put(store, "reg/a.csv", "a\n1\n"))
    assert (made.name, made.id, made.version) == (None, None, None)
    one = made.register(ws, "reg", description="first", tags={"k": 1})
    assert (one.name, one.version, one.description, one.tags) == ("reg", 1, "first", {"k": "1"})
    assert made.register(ws, "reg").version == 1
    other = made.keep_columns(["a"])
    with pytest.raises(UserErrorException, match="There is already a dataset registered under name 'reg'"):
        other.register(ws, "reg")
    assert other.register(ws, "reg", create_new_version=True).version == 2
    assert Dataset.get_by_name(ws, "reg").version == 2
    assert Dataset.get_by_name(ws, "reg", version=1).id == one.id
    assert Dataset.get_by_id(ws, one.id).to_pandas_dataframe()["a"].tolist() == [1]
    assert "reg" in ws.datasets
    assert ws.datasets["reg"].version == 2
    assert ws.datasets.get("nope") is None
    assert "reg" in list(Dataset.get_all(ws))
    assert isinstance(Dataset.get_by_name(ws, "reg"), TabularDataset)
    with pytest.raises(UserErrorException, match='Cannot find dataset registered with name "nope"'):
        Dataset.get_by_name(ws, "nope")
    assert one.as_named_input("raw").name == "raw"
    one.unregister_all_versions()
    assert "reg" not in ws.datasets


def test_a_file_dataset(ws: Workspace, store: AzureBlobDatastore, tmp_path: Path) -> None:
    put(store, "files/a.txt", "a")
    put(store, "files/sub/b.txt", "b")
    assert Dataset.File.from_files((store, "files")).to_path() == ["/a.txt", "/sub/b.txt"]
    assert Dataset.File.from_files((store, "files/a.txt")).to_path() == ["/a.txt"]
    assert Dataset.File.from_files((store, "files/**/b.txt")).to_path() == ["/sub/b.txt"]
    made = Dataset.File.from_files((store, "files"))
    paths = made.download(str(tmp_path / "down"))
    assert paths == [str(tmp_path / "down/a.txt"), str(tmp_path / "down/sub/b.txt")]
    with pytest.raises(UserErrorException, match="exists already"):
        made.download(str(tmp_path / "down"))
    with made.mount() as mounted:
        assert sorted(os.listdir(mounted.mount_point)) == ["a.txt", "sub"]
    assert made.register(ws, "files").version == 1
    assert isinstance(ws.datasets["files"], FileDataset)
    assert Dataset.File.from_files((store, "gone")).id is None
    assert made.as_mount().mode == "mount"


def test_a_file_that_changed_since_is_read_with_the_same_care(store: AzureBlobDatastore) -> None:
    rows = "a,b\n" + "1,2.5\n" * 3
    made = Dataset.Tabular.from_delimited_files(put(store, "later/a.csv", rows))
    assert made.to_pandas_dataframe()["b"].tolist() == [2.5] * 3
    for change, said in (("1\n", "line 5: the row has 1 field"), ("1,2,3\n", "line 5: the row has 3 fields")):
        put(store, "later/a.csv", rows + change)
        with pytest.raises(DatasetExecutionError, match=said):
            made.to_pandas_dataframe()
    put(store, "later/a.csv", rows + "x,\n")
    frame = made.to_pandas_dataframe()
    assert [str(t) for t in frame.dtypes] == ["float64", "float64"]
    assert frame["a"].isna().tolist() == [False, False, False, True]
    put(store, "later/a.csv", "a,c\n1,2\n")
    put(store, "later/b.csv", "a,b\n1,2\n")
    with pytest.raises(DatasetExecutionError, match="All files of a dataset share one header"):
        both = Dataset.Tabular.from_delimited_files((store, "later/*.csv"), validate=False, infer_column_types=False)
        both.to_pandas_dataframe()


def test_numbers_are_read_to_the_last_digit(store: AzureBlobDatastore) -> None:
    numbers = ["0.1", "1e-320", "123456789.123456789", "5e-324", "0.30000000000000004", "7.2057594037927933e16"]
    made = Dataset.Tabular.from_delimited_files(
        put(store, "digits/a.csv", "x,y\n" + "".join(f"{n},1\n" for n in numbers))
    )
    assert made.to_pandas_dataframe()["x"].tolist() == [float(n) for n in numbers]


def test_the_same_types_whatever_reads_them(store: AzureBlobDatastore) -> None:
    made = Dataset.Tabular.from_delimited_files(put(store, "same/a.csv", "a,b\n1,2020-01-01\n"))
    columns = json.loads(json.dumps(made._definition))["columns"]
    assert columns == [{"name": "a", "type": "int"}, {"name": "b", "type": "datetime"}]
