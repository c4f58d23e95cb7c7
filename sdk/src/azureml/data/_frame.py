"""A tabular definition as a pandas DataFrame: read, typed by the definition, transformed. The only place that reads tables."""

import atexit
import shutil
import tempfile

from azureml.data import _delimited, _paths, _types
from azureml.data.dataset_error_handling import DatasetExecutionError

_folder = None


def url_folder():
    """A folder for what was fetched from URLs, for as long as this process lives."""
    global _folder
    if _folder is None:
        _folder = tempfile.mkdtemp(prefix="penstock-urls-")
        atexit.register(shutil.rmtree, _folder, ignore_errors=True)
    return _folder


def frame(definition, workspace, on_error="null", out_of_range_datetime="null"):
    """The DataFrame of a tabular definition. DatasetExecutionError names the file and line that cannot be read."""
    try:
        table = _read(definition, workspace, on_error, out_of_range_datetime)
    except (OSError, ValueError) as error:
        raise DatasetExecutionError("The dataset could not be read. {}".format(error)) from error
    for operation in definition.get("operations") or ():
        table = _applied(table, operation)
    return table


def _read(definition, workspace, on_error, out_of_range):
    import pandas

    layout = _delimited.Layout(definition)
    files = _paths.sources(definition["paths"], workspace, url_folder)
    names, columns, extra = None, [], {}
    for source in files:
        for found, rows in _delimited.chunks(source, layout):
            if names is None:
                names, columns = found, [[] for _ in found]
            _delimited.check_names(names, found, source)
            for column, values in zip(columns, zip(*rows)):
                column.extend(values)
            for name, text in _of_path(definition, source).items():
                extra.setdefault(name, []).extend([text] * len(rows))
    types = {c["name"]: c for c in definition.get("columns") or ()}
    series = {}
    for name, values in list(extra.items()) + list(zip(names, columns)):
        kind = types.get(name, {"type": "string"})
        try:
            series[name] = _types.column(
                values, kind["type"], kind.get("formats"), on_error, out_of_range, definition.get("empty_as_string")
            )
        except _types.Unreadable as error:
            raise ValueError("Column {!r}: {!r} is no {}.".format(name, str(error), kind["type"])) from None
    return pandas.DataFrame(series)


def _of_path(definition, source):
    """{column: text} that come from where the file is: partitions, and Path."""
    found = {}
    if definition.get("include_path"):
        found["Path"] = source.whole
    if definition.get("partition_format"):
        found.update(_paths.partition_values(definition["partition_format"], source.whole))
    return found


def _applied(table, operation):
    """The table after one operation of the definition."""
    ((name, value),) = operation.items()
    if name == "keep_columns":
        _check_columns(table, value)
        wanted = set(value)
        return table[[c for c in table.columns if c in wanted]]
    if name == "drop_columns":
        return table.drop(columns=[c for c in table.columns if c in set(value)])
    if name == "take":
        return table.head(value)
    if name == "skip":
        return table.iloc[value:].reset_index(drop=True)
    if name == "sample":
        import numpy

        drawn = numpy.random.RandomState(value["seed"]).random_sample(len(table))
        return table[(drawn >= value["from"]) & (drawn < value["to"])].reset_index(drop=True)
    if name == "filter":
        return table[_evaluated(table, value).astype(bool)].reset_index(drop=True)
    raise ValueError("The dataset has an operation {!r} that this version does not know.".format(name))


def _check_columns(table, names):
    missing = [n for n in names if n not in table.columns]
    if missing:
        raise DatasetExecutionError(
            "The dataset has no column {}. It has: {}.".format(
                ", ".join(repr(m) for m in missing), ", ".join(map(str, table.columns))
            )
        )


def _evaluated(table, expression):
    """A filter expression over the table: see azureml.data._expression."""
    import operator

    if "column" in expression:
        _check_columns(table, [expression["column"]])
        return table[expression["column"]]
    if "value" in expression:
        return expression["value"]
    if "datetime" in expression:
        import pandas

        return pandas.Timestamp(expression["datetime"])
    values = [_evaluated(table, e) for e in expression["of"]]
    function = {
        "gt": operator.gt, "ge": operator.ge, "lt": operator.lt, "le": operator.le, "eq": operator.eq, "ne": operator.ne,
        "and": operator.and_, "or": operator.or_, "not": operator.invert,
    }[expression["op"]]  # fmt: skip
    return function(*values)
