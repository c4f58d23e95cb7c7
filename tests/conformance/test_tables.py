"""Tables from every kind of source, written in every form, against a real server."""

from __future__ import annotations

import datetime
import sqlite3
from pathlib import Path

import pandas
import pyarrow.parquet
import pytest

from azureml.core import Dataset, Datastore, Workspace
from azureml.data import DataType
from azureml.data.azure_storage_datastore import AzureBlobDatastore
from azureml.data.datapath import DataPath
from azureml.data.dataset_error_handling import DatasetExecutionError, DatasetValidationError
from azureml.exceptions import DatasetTimestampMissingError, UserErrorException

FRAME = pandas.DataFrame(
    {
        "n": [1, 2, 3],
        "share": [0.5, None, 2.0],
        "name": ["x", None, "z"],
        "flag": [True, False, True],
        "at": pandas.to_datetime(["2020-01-02", "2020-01-03", None]),
    }
)
LONG = {"n": DataType.to_long(), "share": DataType.to_float()}
TYPES = {"n": "int64", "share": "float64", "name": "object", "flag": "bool", "at": "datetime64[ns]"}


@pytest.fixture(scope="module")
def ws(module_workspace: Workspace) -> Workspace:
    return module_workspace


@pytest.fixture
def store(ws: Workspace) -> AzureBlobDatastore:
    return ws.get_default_datastore()


def put(store: AzureBlobDatastore, path: str, content: str) -> tuple[AzureBlobDatastore, str]:
    target = Path(store._root) / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content.encode())
    return store, path


def types(frame: pandas.DataFrame) -> dict[str, str]:
    return {str(name): str(dtype) for name, dtype in frame.dtypes.items()}


def registered(store: AzureBlobDatastore, name: str, **more: object) -> Dataset:
    return Dataset.Tabular.register_pandas_dataframe(FRAME, (store, "frames"), name, show_progress=False, **more)


def test_a_data_frame_is_registered_as_parquet_and_read_back(ws: Workspace, store: AzureBlobDatastore) -> None:
    first = registered(store, "frame", description="three rows", tags={"k": "v"})
    assert (first.version, first.description, first.tags) == (1, "three rows", {"k": "v"})
    frame = Dataset.get_by_name(ws, "frame").to_pandas_dataframe()
    assert types(frame) == TYPES
    wanted = FRAME.astype({"at": "datetime64[ns]"}).drop(columns="name")
    pandas.testing.assert_frame_equal(frame.drop(columns="name"), wanted)
    assert frame["name"].tolist() == ["x", None, "z"]
    assert registered(store, "frame").version == 2
    assert len(list(Path(store._root, "frames").iterdir())) >= 2, "each version has a folder of its own"


def test_a_target_that_is_not_to_be_made_unique_is_not_mixed_with_what_is_there(store: AzureBlobDatastore) -> None:
    target = (store, "fixed/place")
    Dataset.Tabular.register_pandas_dataframe(
        FRAME, target, "fixed", make_target_path_unique=False, show_progress=False
    )
    assert [p.name for p in Path(store._root, "fixed/place").iterdir()] == ["part-00000.parquet"]
    with pytest.raises(UserErrorException, match="has files at 'fixed/place' already"):
        Dataset.Tabular.register_pandas_dataframe(FRAME, target, "fixed", make_target_path_unique=False)


def test_a_frame_that_no_table_can_hold_is_refused(store: AzureBlobDatastore) -> None:
    with pytest.raises(UserErrorException, match="takes a DataFrame, not list"):
        Dataset.Tabular.register_pandas_dataframe([1], store, "x")
    double = pandas.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(UserErrorException, match="column 'a' twice"):
        Dataset.Tabular.register_pandas_dataframe(double, store, "x")
    mixed = pandas.DataFrame({"a": [1, "x"]})
    with pytest.raises(UserErrorException, match="Give each column one type"):
        Dataset.Tabular.register_pandas_dataframe(mixed, store, "x", show_progress=False)


def test_parquet_files_with_partitions_paths_and_set_types(store: AzureBlobDatastore) -> None:
    for year in (2019, 2020):
        folder = Path(store._root, f"years/{year}")
        folder.mkdir(parents=True, exist_ok=True)
        FRAME.to_parquet(folder / "p.parquet")
    made = Dataset.Tabular.from_parquet_files(
        (store, "years/**/*.parquet"),
        include_path=True,
        partition_format="years/{year}/p.parquet",
        set_column_types={"n": DataType.to_string()},
    )
    frame = made.to_pandas_dataframe()
    assert list(frame.columns) == ["Path", "year", *FRAME.columns]
    assert types(frame) == {"Path": "object", "year": "int64", **TYPES, "n": "object"}
    assert frame["Path"][0] == "/years/2019/p.parquet"
    assert list(frame["n"][:3]) == ["1", "2", "3"]
    assert made.partition_keys == ["year"]
    assert made.get_partition_key_values() == [{"year": 2019}, {"year": 2020}]
    with pytest.raises(UserErrorException, match="no partition key 'month'"):
        made.get_partition_key_values(["month"])


def test_parquet_files_that_do_not_agree_or_are_none(store: AzureBlobDatastore) -> None:
    Path(store._root, "odd").mkdir(exist_ok=True)
    FRAME.to_parquet(Path(store._root, "odd/a.parquet"))
    FRAME[["n"]].to_parquet(Path(store._root, "odd/b.parquet"))
    with pytest.raises(DatasetValidationError, match=r"odd/b.parquet has the columns n, but the files before it"):
        Dataset.Tabular.from_parquet_files((store, "odd"))
    with pytest.raises(DatasetExecutionError, match=r"odd/b.parquet"):
        Dataset.Tabular.from_parquet_files((store, "odd"), validate=False).to_pandas_dataframe()
    with pytest.raises(DatasetValidationError, match="could not be made"):
        Dataset.Tabular.from_parquet_files(put(store, "text.parquet", "no parquet"))
    with pytest.raises(DatasetValidationError, match="no such column"):
        wanted = {"nope": DataType.to_bool()}
        Dataset.Tabular.from_parquet_files((store, "odd/a.parquet"), set_column_types=wanted)


def test_json_lines(store: AzureBlobDatastore) -> None:
    lines = '{"a": 1, "b": "x", "t": "2020-01-02"}\n\n{"a": 2, "c": true, "t": "2020-01-03"}\n'
    path = put(store, "lines.jsonl", lines)
    frame = Dataset.Tabular.from_json_lines_files(path).to_pandas_dataframe()
    assert list(frame.columns) == ["a", "b", "t", "c"]
    assert frame["b"][1] is None and frame["c"][0] is None
    assert types(frame)["a"] == "int64"
    typed = Dataset.Tabular.from_json_lines_files(path, set_column_types={"t": DataType.to_datetime("%Y-%m-%d")})
    assert types(typed.to_pandas_dataframe())["t"] == "datetime64[ns]"


def test_json_lines_that_are_none(store: AzureBlobDatastore) -> None:
    path = put(store, "bad.jsonl", '{"a": 1}\nnonsense\n[1]\n{"a": 2}\n')
    with pytest.raises(DatasetValidationError, match=r"bad.jsonl, line 2 is no JSON object: 'nonsense'"):
        Dataset.Tabular.from_json_lines_files(path)
    kept = Dataset.Tabular.from_json_lines_files(path, invalid_lines="drop").to_pandas_dataframe()
    assert list(kept["a"]) == [1, 2]
    with pytest.raises(UserErrorException, match="'error' or 'drop'"):
        Dataset.Tabular.from_json_lines_files(path, invalid_lines="skip")


def test_a_query_on_a_database_that_is_a_file(ws: Workspace) -> None:
    store = Datastore.register_azure_sql_database(ws, "sales", "server", "database", username="u", password="p")
    with pytest.raises(DatasetValidationError, match="penstock datastore map sales FILE"):
        Dataset.Tabular.from_sql_query((store, "SELECT 1"))
    with sqlite3.connect(Path(store._root) / "sales.db") as database:
        database.execute("CREATE TABLE orders (id INTEGER, price REAL, what TEXT)")
        database.executemany("INSERT INTO orders VALUES (?, ?, ?)", [(1, 2.5, "tea"), (2, None, None)])
    query = "SELECT id, price, what FROM orders ORDER BY id"
    for given in ((store, query), DataPath(store, query)):
        frame = Dataset.Tabular.from_sql_query(given).to_pandas_dataframe()
        assert types(frame) == {"id": "int64", "price": "float64", "what": "object"}
        assert frame["what"].tolist() == ["tea", None]
    made = Dataset.Tabular.from_sql_query((store, query)).register(ws, "orders")
    assert len(Dataset.get_by_name(ws, made.name).filter(made["id"] > 1).to_pandas_dataframe()) == 1
    with pytest.raises(DatasetValidationError, match="no such table"):
        Dataset.Tabular.from_sql_query((store, "SELECT * FROM nowhere"))
    with pytest.raises(DatasetValidationError, match=r"readonly|gives no rows"):
        Dataset.Tabular.from_sql_query((store, "DELETE FROM orders"))
    with pytest.raises(UserErrorException, match=r"takes .datastore, .SELECT"):
        Dataset.Tabular.from_sql_query("SELECT 1")


def test_a_table_is_partitioned_by_its_columns(ws: Workspace, store: AzureBlobDatastore) -> None:
    frame = pandas.DataFrame({"city": ["Ulm/Donau", "Bonn", "Bonn"], "code": ["01", "02", "02"], "v": [1, 2, 3]})
    made = Dataset.Tabular.register_pandas_dataframe(frame, store, "cities", show_progress=False)
    parts = made.partition_by(["city", "code"], (store, "parts"), name="by city")
    assert parts.partition_keys == ["city", "code"]
    assert parts.get_partition_key_values() == [{"city": "Bonn", "code": "02"}, {"city": "Ulm/Donau", "code": "01"}]
    back = Dataset.get_by_name(ws, "by city").to_pandas_dataframe()
    assert sorted(back.itertuples(index=False, name=None)) == sorted(frame.itertuples(index=False, name=None))
    bonn = parts.filter(parts["city"] == "Bonn").to_pandas_dataframe()
    assert bonn["v"].tolist() == [2, 3]
    files = made.partition_by("city", (store, "parts"), partition_as_file_dataset=True)
    assert len(files.to_path()) == 2
    assert len(files.filter(files["city"] == "Bonn").to_path()) == 1
    with pytest.raises(UserErrorException, match="no column 'nope'"):
        made.partition_by("nope", store)


def test_a_table_is_written_as_files(store: AzureBlobDatastore, tmp_path: Path) -> None:
    made = registered(store, "to files")
    (file,) = made.to_csv_files(separator=";").download(str(tmp_path / "csv"))
    assert Path(file).read_text().splitlines()[0] == "n;share;name;flag;at"
    (file,) = made.to_parquet_files().download(str(tmp_path / "parquet"))
    assert len(pandas.read_parquet(file)) == 3


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("quoted_from", [0, 150_000, 300_000])
def test_a_long_text_is_read_whole_wherever_its_first_quote_is(
    store: AzureBlobDatastore, end: str, quoted_from: int
) -> None:
    count = 200_000  # several megabytes: read in pieces, by several threads up to the first quote
    texts = [f'two\nlines, "{n}"' if n >= quoted_from and n % 7 == 0 else f"é{n % 5}" for n in range(count)]
    rows = (
        f'{n},{n / 8},"{t.replace(chr(34), chr(34) * 2)}"' if "\n" in t else f"{n},{n / 8},{t}"
        for n, t in enumerate(texts)
    )
    path = put(store, "long/a.csv", end.join(["n,share,text", *rows]))
    made = Dataset.Tabular.from_delimited_files(path, infer_column_types=False, set_column_types=LONG)
    frame = made.to_pandas_dataframe()
    assert types(frame) == {"n": "int64", "share": "float64", "text": "object"}
    assert frame["n"].tolist() == list(range(count))
    assert frame["share"].tolist() == [n / 8 for n in range(count)]
    assert frame["text"].tolist() == texts


def test_rows_by_time_share_and_expression(store: AzureBlobDatastore) -> None:
    rows = "".join(f"2020-01-{day:02d},{day}\n" for day in range(1, 31))
    made = Dataset.Tabular.from_delimited_files(put(store, "days.csv", "day,n\n" + rows))
    timed = made.with_timestamp_columns(timestamp="day")
    tenth, twentieth = datetime.datetime(2020, 1, 10), datetime.datetime(2020, 1, 20)

    def days(dataset: Dataset) -> list[int]:
        return list(dataset.to_pandas_dataframe()["n"])

    assert days(timed.time_before(tenth)) == list(range(1, 11))
    assert days(timed.time_before(tenth, include_boundary=False)) == list(range(1, 10))
    assert days(timed.time_after(twentieth)) == list(range(20, 31))
    assert days(timed.time_between(tenth, twentieth, include_boundary=False)) == list(range(11, 20))
    assert days(timed.time_recent(datetime.timedelta(days=1))) == []
    assert days(made.filter((made["n"] > 5) & ~(made["n"] >= 8) | (made["n"] == 30))) == [6, 7, 30]
    first, second = made.random_split(0.3, seed=1)
    assert sorted(days(first) + days(second)) == list(range(1, 31)) and 0 < len(days(first)) < 20
    assert days(made.take_sample(0.5, seed=3)) == days(made.take_sample(0.5, seed=3))
    assert days(made.skip(28).take(1)) == [29]
    with pytest.raises(TypeError, match="Combine with & and"):
        made.filter((made["n"] > 1) and (made["n"] < 3))


def test_moments_have_zones_and_hours(store: AzureBlobDatastore) -> None:
    now = datetime.datetime.now(datetime.UTC)
    ago = [(now - datetime.timedelta(hours=hours)).strftime("%Y-%m-%d %H:%M:%S") for hours in range(5)]
    made = Dataset.Tabular.from_delimited_files(
        put(store, "hours.csv", "at,n\n" + "".join(f"{at},{n}\n" for n, at in enumerate(ago)))
    )
    timed = made.with_timestamp_columns(partition_timestamp="at", validate=True)
    assert timed.timestamp_columns == (None, "at")
    assert timed.time_recent(datetime.timedelta(hours=2, minutes=30)).to_pandas_dataframe()["n"].tolist() == [0, 1, 2]
    there = datetime.timezone(datetime.timedelta(hours=5))
    between = (now - datetime.timedelta(hours=3.5), (now - datetime.timedelta(hours=0.5)).astimezone(there))
    assert timed.time_between(*between).to_pandas_dataframe()["n"].tolist() == [1, 2, 3]
    assert made.filter(made["at"] > between[1]).to_pandas_dataframe()["n"].tolist() == [0]
    with pytest.raises(DatasetTimestampMissingError, match="has no timestamp column"):
        made.time_before(now)
    with pytest.raises(DatasetValidationError, match="no column 'nope'"):
        made.with_timestamp_columns("nope", validate=True)
    with pytest.raises(DatasetValidationError, match="no column 'nope'"):
        made.with_timestamp_columns("nope").time_before(now)
    late = made.with_timestamp_columns("nope").time_before(now, validate=False)
    with pytest.raises(DatasetExecutionError, match="no column 'nope'"):
        late.to_pandas_dataframe()


def test_a_filter_that_compares_what_cannot_be_compared(store: AzureBlobDatastore) -> None:
    made = Dataset.Tabular.from_delimited_files(put(store, "kinds.csv", "s,n\na,1\n,2\nb,3\n"))
    assert made.filter(made["s"] > "a").to_pandas_dataframe()["n"].tolist() == [3], "what is missing is not above"
    for expression in (made["s"] > 1, made["n"] > "x", made["s"] < datetime.datetime(2020, 1, 1)):
        with pytest.raises(DatasetExecutionError, match="compares what cannot be compared"):
            made.filter(expression).to_pandas_dataframe()


@pytest.mark.parametrize("wrong", [-0.1, 1.5, "x", None])
def test_rows_are_drawn_the_same_again(store: AzureBlobDatastore, wrong: object) -> None:
    rows = "n\n" + "".join(f"{n}\n" for n in range(50))
    made = Dataset.Tabular.from_delimited_files(put(store, "drawn.csv", rows))
    for seed in (None, 7):
        halves = made.random_split(0.5, seed=seed)
        first, again = ([h.to_pandas_dataframe()["n"].tolist() for h in halves] for _ in range(2))
        assert first == again and sorted(first[0] + first[1]) == list(range(50))
    for share, counts in ((0, [0, 50]), (1, [50, 0])):
        assert [len(h.to_pandas_dataframe()) for h in made.random_split(share, seed=1)] == counts
    assert [len(d.to_pandas_dataframe()) for d in (made.take(0), made.take(99), made.skip(0), made.skip(99))] == [
        0,
        50,
        50,
        0,
    ]
    for cut in (made.random_split, made.take_sample, made.take, made.skip):
        with pytest.raises(UserErrorException, match="must be a"):
            cut(wrong)


def test_partitions_by_date(ws: Workspace, store: AzureBlobDatastore) -> None:
    put(store, "dated/2020/01/02/a.csv", "n\n1\n")
    put(store, "dated/2021/11/03/b.csv", "n\n2\n")
    where = {"path": (store, "dated/**/*.csv"), "partition_format": "/dated/{day:yyyy/MM/dd}/{name}.csv"}
    made = Dataset.Tabular.from_delimited_files(**where)
    frame = made.to_pandas_dataframe()
    assert types(frame) == {"day": "datetime64[ns]", "name": "object", "n": "int64"}
    assert frame["day"].tolist() == [pandas.Timestamp("2020-01-02"), pandas.Timestamp("2021-11-03")]
    late = made.with_timestamp_columns(partition_timestamp="day").time_after(datetime.datetime(2020, 6, 1))
    assert late.to_pandas_dataframe()["name"].tolist() == ["b"]
    files = Dataset.File.from_files(**where)
    assert files.partition_keys == ["day", "name"]
    assert files.filter(files["day"] < datetime.datetime(2020, 6, 1)).to_path() == ["/2020/01/02/a.csv"]
    months = Dataset.Tabular.from_delimited_files(
        (store, "dated/**/*.csv"), partition_format="/dated/{month:yyyy/MM}/*/{name}.csv"
    )
    assert months.to_pandas_dataframe()["month"].tolist() == [
        pandas.Timestamp("2020-01-01"),
        pandas.Timestamp("2021-11-01"),
    ]
    with pytest.raises(DatasetValidationError, match=r"/dated/2020/01/02/a.csv does not fit the partition_format"):
        Dataset.Tabular.from_delimited_files((store, "dated/**/*.csv"), partition_format="/other/{x}.csv")


def test_groups_of_rows(store: AzureBlobDatastore) -> None:
    frame = pandas.DataFrame({"n": range(10)})
    Dataset.Tabular.register_pandas_dataframe(
        frame, (store, "grouped"), "grouped", row_group_size=3, show_progress=False
    )
    (file,) = Path(store._root, "grouped").rglob("*.parquet")
    assert pyarrow.parquet.ParquetFile(file).num_row_groups == 4
