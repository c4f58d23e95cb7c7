"""A tabular definition as a pandas DataFrame: read, typed by the definition, transformed. The only place that reads tables."""

from azureml.data import _arrow, _delimited, _formats, _paths, _schema, _types
from azureml.data.dataset_error_handling import DatasetExecutionError


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
    if definition["format"] == "delimited":
        return _read_delimited(_schema.known(definition, workspace), workspace, on_error, out_of_range)
    import pandas

    if definition["format"] == "sql":
        table = _formats.query(definition, workspace)
    else:
        tables = []
        for source in _paths.sources(definition["paths"], workspace):
            tables.append((source, _formats.table(source, definition)))
            if definition["format"] == "parquet":
                _formats.check_names(list(tables[0][1].columns), list(tables[-1][1].columns), source)
        of_path = _path_series(definition, workspace, [(s, len(t)) for s, t in tables], on_error, out_of_range)
        table = tables[0][1] if len(tables) == 1 else pandas.concat([t for _, t in tables], ignore_index=True)
        for place, (name, series) in enumerate(of_path.items()):
            table.insert(place, name, series)
    for name, kind in (definition.get("set_types") or {}).items():
        _check_columns(table, [name])
        table[name] = _types.converted(table[name], kind["type"], kind.get("formats"), on_error, out_of_range)
    return table


def _path_series(definition, workspace, counted, on_error, out_of_range):
    """{column: Series} that come from where the files are; `counted` are (source, number of rows)."""
    texts = _path_texts(definition, counted)
    kinds = _schema.path_types(definition, [source for source, _ in counted])
    return {n: _types.column(v, kinds[n], None, on_error, out_of_range) for n, v in texts.items()}


def _path_texts(definition, counted):
    texts = {}
    for source, count in counted:
        for name, text in _schema.of_path(definition, source).items():
            texts.setdefault(name, []).extend([text] * count)
    return texts


def _read_delimited(definition, workspace, on_error, out_of_range):
    import pandas

    layout = _delimited.Layout(definition)
    files = _paths.sources(definition["paths"], workspace)
    types = {c["name"]: c for c in definition.get("columns") or ()}
    rules = (on_error, out_of_range, definition.get("empty_as_string"))
    names, tables = None, []
    for source in files:
        found = _delimited.names_of(source, layout)
        names = names or found
        _delimited.check_names(names, found, source)
        table = _quick(source, layout, names, types, rules)
        tables.append((source, _careful(source, layout, names, types, rules) if table is None else table))
    counted = [(source, len(table[names[0]])) for source, table in tables]
    series = {}
    for name, texts in _path_texts(definition, counted).items():
        series[name] = _column(name, texts, types.get(name, _TEXT), rules)
    for name in names:
        pieces = [table[name] for _, table in tables]
        series[name] = pieces[0] if len(pieces) == 1 else pandas.concat(pieces, ignore_index=True)
    return pandas.DataFrame(series, copy=False)


def _careful(source, layout, names, types, rules):
    """{column: Series}, every row looked at."""
    columns = [[] for _ in names]
    for _, rows in _delimited.chunks(source, layout):
        for column, values in zip(columns, zip(*rows)):
            column.extend(values)
    return {name: _column(name, values, types.get(name, _TEXT), rules) for name, values in zip(names, columns)}


_TEXT = {"type": "string"}


def _column(name, texts, kind, rules):
    if kind.get("decimal"):
        texts = [text.replace(kind["decimal"], ".") for text in texts]
    try:
        return _types.column(texts, kind["type"], kind.get("formats"), *rules)
    except _types.Unreadable as error:
        raise ValueError("Column {!r}: {!r} is no {}.".format(name, str(error), kind["type"])) from None


_EXACT_BEFORE_3_1 = {"float_precision": "round_trip"}  # since then floats are always read to the last digit


def _version(pandas):
    return tuple(int(part) for part in pandas.__version__.split(".")[:2])


def _quick(source, layout, names, types, rules):
    """{column: Series} by the parser of pyarrow or of pandas; None where neither would say what is wrong."""
    kinds = [types.get(name, _TEXT) for name in names]
    skip = _header_rows(source, layout)
    columns = _arrow.table(source, layout, skip, kinds, rules[2])
    if columns is None:
        return _by_pandas(source, layout, skip, names, kinds, rules)
    return dict(zip(names, columns))


def _by_pandas(source, layout, skip, names, kinds, rules):
    """{column: Series} by pandas' own parser; None where it would not say what is wrong.

    It knows no types but those that the definition has: what is no number is read as it is written, and each different text is
    looked at once (not as a category: pandas 3 makes numbers of those). Rows that are too short would be filled up in
    silence: they show in the last column, so a gap there is looked at carefully.
    """
    import warnings

    import pandas

    dtypes = {n: {"int": "int64", "float": "float64"}.get(k["type"], object) for n, k in enumerate(kinds)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it only warns when it leaves fields out
        try:
            table = pandas.read_csv(
                source.local,
                sep=layout.separator,
                header=None,
                skiprows=skip,
                names=list(range(len(names))),
                index_col=False,
                dtype=dtypes,
                keep_default_na=False,
                na_values={n: [""] for n, k in enumerate(kinds) if k["type"] == "float"},
                encoding=layout.encoding,
                low_memory=False,  # equal texts are then one object
                **_EXACT_BEFORE_3_1 if _version(pandas) < (3, 1) else {},
            )
        except (ValueError, OverflowError, Warning):  # pandas.errors are ValueErrors
            return None
    last = len(names) - 1
    if dtypes[last] is not object and table[last].isna().any():
        return None
    found = {}
    for n, name in enumerate(names):
        series = table.pop(n)
        if dtypes[n] is object:
            codes, texts = pandas.factorize(series.to_numpy())
            if (codes < 0).any():
                return None
            series = _coded(name, codes, texts, kinds[n], rules)
        found[name] = series
    return found


def _coded(name, codes, texts, kind, rules):
    """The Series whose values are the `texts` at the `codes`."""
    import pandas

    values = _column(name, list(texts), kind, rules)
    return pandas.Series(values.to_numpy().take(codes), dtype=values.dtype, copy=False)


def _header_rows(source, layout):
    """How many lines the header takes: it is the first that is not blank, and may hold quoted line breaks."""
    if not layout.header:
        return 0
    import csv

    with open(source.local, encoding=layout.encoding, newline="") as file:
        reader = csv.reader(file, delimiter=layout.separator)
        for row in reader:
            if row:
                return reader.line_num
    return 0


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
    try:
        return function(*values)
    except TypeError as error:
        raise DatasetExecutionError(
            "The dataset's filter compares what cannot be compared: {}. Compare a column with a value of its own type.".format(
                error
            )
        ) from None
