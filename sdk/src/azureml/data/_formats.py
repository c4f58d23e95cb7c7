"""Tables that carry their own types: Parquet, JSON lines, SQL query. Each read gives a DataFrame with the types of docs/data.md.

Knows nothing of partitions and operations.
"""

import json
import os

from azureml.data._delimited import NotDelimited, encoding_of


def table(source, definition):
    """The DataFrame of one file."""
    if definition["format"] == "parquet":
        return _parquet(source)
    return _json_lines(source, definition)


def query(definition, workspace):
    """The DataFrame of a query on the SQLite file behind a datastore."""
    import sqlite3
    import time
    from urllib.parse import quote

    import pandas

    file = _sqlite_file(definition["datastore"], workspace)
    connection = sqlite3.connect("file:{}?mode=ro".format(quote(file)), uri=True)
    try:
        end = time.monotonic() + float(definition.get("query_timeout") or 30)
        connection.set_progress_handler(lambda: time.monotonic() > end, 10000)
        cursor = connection.execute(definition["query"])
        if cursor.description is None:
            raise ValueError("The query {!r} gives no rows. Use a SELECT.".format(definition["query"]))
        names = [d[0] for d in cursor.description]
        rows = cursor.fetchall()
    except sqlite3.Error as error:
        why = "it took longer than query_timeout" if "interrupted" in str(error) else str(error)
        raise ValueError("The query {!r} on {} failed: {}.".format(definition["query"], file, why)) from None
    finally:
        connection.close()
    columns = list(zip(*rows)) or [()] * len(names)
    return pandas.DataFrame({name: _series(list(values)) for name, values in zip(names, columns)})


def columns(definition, workspace):
    """[{name, type}] of the files. ValueError when they do not agree."""
    if definition["format"] == "sql":
        return _columns_of(query(definition, workspace))
    from azureml.data import _paths

    found, first = None, None
    for source in _paths.sources(definition["paths"], workspace):
        here = _parquet_columns(source) if definition["format"] == "parquet" else _columns_of(table(source, definition))
        if found is None or definition["format"] == "json_lines":
            found, first = _merged(found, here), first or source
        else:
            check_names([c["name"] for c in found], [c["name"] for c in here], source)
    return found


def check_names(names, found, source):
    if found != names:
        raise ValueError(
            "{} has the columns {}, but the files before it have {}. All files of a dataset share their columns.".format(
                source.whole, ", ".join(found), ", ".join(names)
            )
        )


def _merged(before, here):
    if before is None:
        return here
    names = {c["name"] for c in before}
    return before + [c for c in here if c["name"] not in names]


def _columns_of(frame):
    return [{"name": str(name), "type": kind_of(frame[name])} for name in frame.columns]


def kind_of(series):
    """string, int, float, bool or datetime: what a column is."""
    kinds = {"i": "int", "u": "int", "f": "float", "b": "bool", "M": "datetime"}
    return kinds.get(getattr(series.dtype, "kind", "O"), "string")


# --- Parquet --------------------------------------------------------------------------------------------------------


def pyarrow_parquet(what):
    """The module pyarrow.parquet; UserErrorException with the install line when it is not there."""
    try:
        import pyarrow.parquet as module
    except ImportError:
        from azureml.exceptions import UserErrorException

        raise UserErrorException(
            "{} needs pyarrow, which is not installed in this Python. Install it: pip install pyarrow".format(what)
        ) from None
    return module


def _parquet_columns(source):
    parquet = pyarrow_parquet("Reading Parquet files")
    import pyarrow.types as types

    tests = (
        ("int", types.is_integer), ("float", types.is_floating), ("bool", types.is_boolean),
        ("datetime", types.is_temporal),
    )  # fmt: skip
    schema = parquet.read_schema(source.local)
    return [{"name": f.name, "type": next((kind for kind, test in tests if test(f.type)), "string")} for f in schema]


def _parquet(source):
    from concurrent.futures import ThreadPoolExecutor

    parquet = pyarrow_parquet("Reading Parquet files")
    import pandas
    import pyarrow.types as types

    from azureml.data._arrow import texts_of

    def read(columns, **how):
        with parquet.ParquetFile(source.local, **how) as file:
            return file.read(columns=columns)

    schema = parquet.read_schema(source.local)
    named = [f.name for f in schema if types.is_string(f.type) or types.is_large_string(f.type)]
    # Text goes to objects at once: pandas 3 would make a type of its own of it, to be made objects again at some cost.
    # Meanwhile another thread reads the rest.
    with ThreadPoolExecutor(1) as pool:
        rest = pool.submit(read, [n for n in schema.names if n not in named])
        table = read(named, read_dictionary=named) if named else None
        texts = {n: pandas.Series(texts_of(table.column(n)), dtype=object, copy=False) for n in named}
        del table
    table = rest.result()
    del rest
    frame = uniform(table.to_pandas(ignore_metadata=True, date_as_object=False, split_blocks=True, self_destruct=True))
    if not texts:
        return frame
    return pandas.DataFrame({n: texts[n] if n in texts else frame[n] for n in schema.names}, copy=False)


def uniform(frame):
    """The frame with the same types whatever the version of pandas: text as object, times in nanoseconds without a zone."""
    import pandas

    for name in frame.columns:
        series = frame[name]
        if getattr(series.dtype, "kind", "") == "M" or isinstance(series.dtype, pandas.DatetimeTZDtype):
            if getattr(series.dtype, "tz", None) is not None:
                series = series.dt.tz_convert("UTC").dt.tz_localize(None)
            if str(series.dtype) != "datetime64[ns]":
                series = series.astype("datetime64[ns]")
            if series is not frame[name]:
                frame[name] = series
        elif isinstance(series.dtype, pandas.StringDtype):
            frame[name] = series.astype(object).where(series.notna(), None)
    return frame


# --- JSON lines -----------------------------------------------------------------------------------------------------


def _json_lines(source, definition):
    import pandas

    drop = definition.get("invalid_lines") == "drop"
    rows = []
    try:
        with open(source.local, encoding=encoding_of(definition.get("encoding"))) as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                row = _row(line)
                if row is not None:
                    rows.append(row)
                elif not drop:
                    raise ValueError(
                        "{}, line {} is no JSON object: {!r}. Mend it, or pass invalid_lines='drop'.".format(
                            source.whole, number, line.strip()[:80]
                        )
                    )
    except UnicodeDecodeError as error:
        raise NotDelimited(
            "{} is not text in {}: byte 0x{:02x} at {}. Give its encoding.".format(
                source.whole, error.encoding, error.object[error.start], error.start
            )
        ) from None
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pandas.DataFrame({name: _series([row.get(name) for row in rows]) for name in names})


def _row(line):
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def _series(values):
    """A Series of JSON or SQL values: numbers and truths as such when all are, anything else as it is; missing is None."""
    import pandas

    kinds = {type(v) for v in values if v is not None}
    if kinds == {bool} and None not in values:
        return pandas.Series(values, dtype=bool)
    if kinds == {int} and all(v is None or -(2**63) <= v < 2**63 for v in values):
        return pandas.Series(values, dtype="float64" if None in values else "int64")
    if kinds and kinds <= {int, float}:
        return pandas.Series([None if v is None else float(v) for v in values], dtype="float64")
    return pandas.Series(values, dtype=object)


# --- SQL ------------------------------------------------------------------------------------------------------------

_ENDINGS = (".sqlite", ".sqlite3", ".db")


def _sqlite_file(name, workspace):
    from azureml.core.datastore import Datastore

    store = Datastore.get(workspace, name)
    store._pull("")
    root = store._root
    if os.path.isfile(root):
        return root
    files = [f for f in sorted(os.listdir(root)) if f.endswith(_ENDINGS)]
    if len(files) == 1:
        return os.path.join(root, files[0])
    raise FileNotFoundError(
        "Datastore '{}' has no database here: {} holds {} SQLite files. Map it to one: penstock datastore map {} FILE".format(
            name, root, len(files) or "no", name
        )
    )
