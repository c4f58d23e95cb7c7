"""Tables as they come: garbled, huge, odd, empty; what their columns hold; files that they name. Against a real server."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

import pandas
import pytest

from azureml.core import Dataset, Workspace
from azureml.data import DataType
from azureml.data.azure_storage_datastore import AzureBlobDatastore
from azureml.data.dataset_error_handling import DatasetExecutionError, DatasetValidationError
from azureml.exceptions import UserErrorException

delimited = Dataset.Tabular.from_delimited_files


@pytest.fixture
def store(module_workspace: Workspace) -> AzureBlobDatastore:
    return module_workspace.get_default_datastore()


def put(store: AzureBlobDatastore, path: str, content: str | bytes) -> tuple[AzureBlobDatastore, str]:
    target = Path(store._root, path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content.encode() if isinstance(content, str) else content)
    return store, path


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("utf-8-sig", "utf8"),
        ("utf-16", "utf16"),
        ("cp1252", "windows1252"),
        ("latin-1", "iso88591"),
        ("utf-32", "utf32"),
    ],
)
def test_a_byte_order_mark_or_another_encoding_is_no_part_of_a_name(
    store: AzureBlobDatastore, encoding: str, name: str
) -> None:
    made = delimited(put(store, f"enc/{name}.csv", "größe,n\nklein é,1\n".encode(encoding)), encoding=name)
    frame = made.to_pandas_dataframe()
    assert list(frame.columns) == ["größe", "n"]
    assert frame.values.tolist() == [["klein é", 1]]


def test_text_in_another_encoding_than_said_is_refused(store: AzureBlobDatastore) -> None:
    with pytest.raises(DatasetValidationError, match=r"is not text in utf-8.*Give its encoding"):
        delimited(put(store, "enc/wrong.csv", b"a\n" + b"x\n" * 9 + b"\xe9\n"))
    with pytest.raises(UserErrorException, match=r"The encoding 'ebcdic' is not known\. Use one of"):
        delimited(put(store, "enc/ok.csv", "a\n1\n"), encoding="ebcdic")


def test_ten_thousand_columns(store: AzureBlobDatastore) -> None:
    names = ",".join(f"c{n}" for n in range(10_000))
    values = ",".join(str(n) for n in range(10_000))
    made = delimited(put(store, "wide.csv", f"{names}\n{values}\n{values}\n"))
    assert made.keep_columns(["c9999"]).to_pandas_dataframe()["c9999"].tolist() == [9999, 9999]
    assert made.to_pandas_dataframe().shape == (2, 10_000)


@pytest.mark.parametrize(
    ("content", "why"),
    [("", "is empty"), ("\n\n", "is empty"), ("   \n", "is empty"), ("a,b\n1\n", "line 2: the row has 1 field"),
     ('a,b\n1,"x\n', "line 2: the row"), ("a\n1\0\n", "binary file")],
)  # fmt: skip
def test_what_is_no_table(store: AzureBlobDatastore, content: str, why: str) -> None:
    path = put(store, "bad/one.csv", content)
    if why == "line 2: the row" and '"' in content:
        assert delimited(path).to_pandas_dataframe().values.tolist() == [[1, "x\n"]], (
            "a quote left open runs to the end"
        )
        return
    with pytest.raises(DatasetValidationError, match=why):
        delimited(path)


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ("1,2\n" * 300_000 + "3\n", "line 300002: the row has 1 field, but the header has 2"),
        ("1,2\n" * 300_000 + "3,4,5\n" + "1,2\n" * 10, "line 300002: the row has 3 fields"),
        ("1,2\n" * 300_000 + "1,\0\n", "NUL character"),
    ],
)
def test_a_long_file_that_went_bad_since_says_where(store: AzureBlobDatastore, rows: str, why: str) -> None:
    path = put(store, "bad/long.csv", "a,b\n1,2\n")
    made = delimited(path)
    assert made.to_pandas_dataframe().values.tolist() == [[1, 2]]
    put(store, "bad/long.csv", "a,b\n" + rows)
    with pytest.raises(DatasetExecutionError, match=why):
        made.to_pandas_dataframe()


def test_a_value_of_another_type_far_down_becomes_null(store: AzureBlobDatastore) -> None:
    made = delimited(put(store, "bad/late.csv", "a,b\n1,2\n"))
    put(store, "bad/late.csv", "a,b\n" + "1,2\n" * 300_000 + "x,3\n")
    frame = made.to_pandas_dataframe()
    assert (len(frame), frame["a"].isna().sum(), frame["b"].iloc[-1]) == (300_001, 1, 3)


def test_a_header_without_rows_is_an_empty_table(store: AzureBlobDatastore) -> None:
    frame = delimited(put(store, "empty/header.csv", "a,b\n")).to_pandas_dataframe()
    assert (list(frame.columns), len(frame)) == (["a", "b"], 0)


def test_columns_of_mixed_types_are_text_and_say_so_when_set(store: AzureBlobDatastore) -> None:
    path = put(store, "mixed.csv", "v,w\n1,2\nx,3\n2020-01-01,\ntrue,1e3\n")
    assert delimited(path).to_pandas_dataframe()["v"].tolist() == ["1", "x", "2020-01-01", "true"]
    forced = delimited(path, set_column_types={"v": DataType.to_long()})
    assert forced.to_pandas_dataframe()["v"].isna().tolist() == [False, True, True, True]
    with pytest.raises(DatasetExecutionError, match="Column 'v': 'x' is no int"):
        forced.to_pandas_dataframe(on_error="fail")
    with pytest.raises(DatasetValidationError, match="set_column_types names 'zz'"):
        delimited(path, set_column_types={"zz": DataType.to_long()})


def test_a_pattern_that_matches_nothing(store: AzureBlobDatastore) -> None:
    with pytest.raises(DatasetValidationError, match="has nothing at 'nowhere/"):
        delimited((store, "nowhere/*.csv"))
    with pytest.raises(DatasetExecutionError, match="has nothing at 'nowhere/"):
        Dataset.File.from_files((store, "nowhere/*.csv")).to_path()


def test_names_that_differ_by_case_are_different(module_workspace: Workspace, store: AzureBlobDatastore) -> None:
    frame = delimited(put(store, "case/a.csv", "a,A\n1,2\n")).to_pandas_dataframe()
    assert (frame["a"].tolist(), frame["A"].tolist()) == ([1], [2])
    put(store, "case/A.csv", "a,A\n3,4\n")
    assert Dataset.File.from_files((store, "case/*")).to_path() == ["/A.csv", "/a.csv"]
    one = delimited((store, "case/a.csv")).register(module_workspace, "cased")
    two = delimited((store, "case/A.csv")).register(module_workspace, "CASED")
    assert (one.version, two.version) == (1, 1)
    assert Dataset.get_by_name(module_workspace, "CASED").id == two.id


def test_a_path_of_ones_own_machine(store: AzureBlobDatastore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine/sub").mkdir(parents=True)
    (tmp_path / "mine/sub/a.txt").write_text("a")
    with pytest.raises(UserErrorException, match="cannot be made of a local path"):
        Dataset.File.from_files("~/mine")
    store.upload("~/mine", "home", show_progress=False)
    store.upload_files(["~/mine/sub/a.txt"], target_path="home2", show_progress=False)
    made = Dataset.File.upload_directory("~/mine", (store, "home3"), show_progress=False)
    assert made.to_path() == ["/sub/a.txt"]
    assert Path(store._root, "home2/a.txt").read_text() == "a"
    assert store.download("~/down", "home", show_progress=False) == 1
    assert (tmp_path / "down/home/sub/a.txt").read_text() == "a"
    assert made.download("~/down2") == [str(tmp_path / "down2/sub/a.txt")]
    assert not os.path.exists("~")


def test_links_in_what_is_uploaded(store: AzureBlobDatastore, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other/b.txt").write_text("b")
    top = tmp_path / "top"
    top.mkdir()
    (top / "file").symlink_to(tmp_path / "other/b.txt")
    (top / "folder").symlink_to(tmp_path / "other")
    (top / "again").symlink_to(top)
    store.upload(str(top), "links", show_progress=False)
    found = Dataset.File.from_files((store, "links"))
    assert found.to_path() == ["/file", "/folder/b.txt"]
    assert not any(p.is_symlink() for p in Path(store._root, "links").rglob("*")), "a link of this machine went up"
    (top / "broken").symlink_to("nowhere")
    with pytest.raises(UserErrorException, match=r"broken is a link to nowhere, which does not exist"):
        store.upload(str(top), "links", show_progress=False)
    for path in ("../out", "a/../../out", "a\0b"):
        with pytest.raises(UserErrorException, match="leads out of"):
            store.upload_files([str(tmp_path / "other/b.txt")], target_path=path, show_progress=False)


def test_a_file_that_changes_while_it_goes_up(store: AzureBlobDatastore, tmp_path: Path) -> None:
    put(store, "moving/big", "what was there")
    big = tmp_path / "big"
    big.write_bytes(b"x" * (64 << 20))
    stop = threading.Event()

    def write() -> None:
        with open(big, "ab") as file:
            while not stop.is_set():
                file.write(b"y")
                file.flush()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with pytest.raises(UserErrorException, match="was written to while it was being copied"):
            store.upload_files([str(big)], target_path="moving", overwrite=True, show_progress=False)
    finally:
        stop.set()
        writer.join()
    assert Path(store._root, "moving/big").read_text() == "what was there"
    assert os.listdir(Path(store._root, "moving")) == ["big"]


def test_a_file_that_goes_while_its_folder_goes_up(store: AzureBlobDatastore, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)

    class Print:
        """Removes the second file when the first words are said: then the files have been found."""

        def write(self, text: str) -> int:
            (tmp_path / "b").unlink(missing_ok=True)
            return len(text)

        def flush(self) -> None:
            pass

    with (
        contextlib.redirect_stdout(Print()),
        pytest.raises(  # type: ignore[type-var]
            UserErrorException,
            match=r"b was removed while its folder was being uploaded\. Upload again; files that are up: 1",
        ),
    ):
        store.upload(str(tmp_path), "going")


def test_what_columns_hold(store: AzureBlobDatastore) -> None:
    rows = "n,f,t,at\n1,0.5,a,2020-01-01\n2,,b,2020-01-03\n3,1.5,a,\n"
    profile = delimited(put(store, "profile.csv", rows)).get_profile()
    assert list(profile.columns) == ["n", "f", "t", "at"]
    n, f, t, at = profile.columns.values()
    assert (n.type, n.min, n.max, n.mean, n.median, n.std) == ("int", 1, 3, 2.0, 2.0, 1.0)
    assert (f.count, f.missing_count, f.not_missing_count, f.max) == (3, 1, 2, 1.5)
    assert (t.type, t.unique_values, t.min) == ("string", 2, None)
    assert str(at.max) == "2020-01-03 00:00:00"
    assert "<th>median</th>" in profile._repr_html_()
    assert profile.is_stale() is False


def test_files_that_a_column_names(module_workspace: Workspace, store: AzureBlobDatastore, tmp_path: Path) -> None:
    for name in ("a b", "c"):
        put(store, f"pictures/{name}.png", name)
    rows = "".join(
        f"{n},AmlDatastore://{store.name}/pictures/{f}.png\n" for n, f in enumerate(("a%20b", "c", "c", "gone"))
    )
    kinds = {"file": DataType.to_stream(module_workspace, escaped=True)}
    made = delimited(put(store, "pictures.csv", "n,file\n" + rows), set_column_types=kinds)
    assert made.to_pandas_dataframe()["file"][1].endswith("pictures/c.png")
    assert [Path(p).read_text() for p in made.download("file", str(tmp_path / "down"))] == ["a b", "c"]
    with made.mount("file") as mounted:
        assert sorted(os.listdir(mounted.mount_point)) == ["a b.png", "c.png"]
    with pytest.raises(UserErrorException, match=r"has nothing at 'pictures/gone\.png'"):
        made.download("file", str(tmp_path / "all"), ignore_not_found=False)
    with pytest.raises(UserErrorException, match="Column 'n' names no files"):
        made.download("n")


def test_a_version_that_was_deleted_says_so(module_workspace: Workspace, store: AzureBlobDatastore) -> None:
    made = delimited(put(store, "deleted.csv", "a\n1\n")).register(module_workspace, "deleted")
    made.unregister_all_versions()
    with pytest.raises(UserErrorException, match='Cannot find dataset registered with name "deleted"'):
        Dataset.get_by_name(module_workspace, "deleted")
    assert isinstance(Dataset.get_by_id(module_workspace, made.id).to_pandas_dataframe(), pandas.DataFrame)


def test_numbers_with_a_comma(store: AzureBlobDatastore) -> None:
    path = put(store, "comma.csv", "n;m\n1,5;x\n-2;\n;\n")
    kinds = {"n": DataType.to_float(decimal_mark=",")}
    made = delimited(path, separator=";", set_column_types=kinds)
    assert made.to_pandas_dataframe()["n"].fillna(0).tolist() == [1.5, -2.0, 0.0]
    with pytest.raises(UserErrorException, match="decimal_mark must be"):
        DataType.to_float(decimal_mark="'")
