"""Delimited text read by pyarrow where it is installed: the quickest way for text whose types are known and that is as it should be.

Also text of any Arrow column as objects. It must not decide what anything means: whatever it would read otherwise than
docs/data.md says is left to slower readers.
"""

_KINDS = ("string", "int", "float", "bool", "datetime")


def table(source, layout, skip, kinds, empty_as_string):
    """[Series] of the columns, or None where this way does not do. `skip` are the lines of the header."""
    if layout.encoding != "utf-8-sig" or any(
        k["type"] not in _KINDS or k.get("formats") or k.get("decimal") for k in kinds
    ):
        return None
    try:
        import pyarrow
        import pyarrow.csv as csv
    except ImportError:
        return None
    names = [str(number) for number in range(len(kinds))]
    read = csv.ReadOptions(column_names=names, skip_rows=skip)
    parse = csv.ParseOptions(delimiter=layout.separator, newlines_in_values=_has_quotes(source))
    types = {
        "string": pyarrow.dictionary(pyarrow.int32(), pyarrow.string()), "int": pyarrow.int64(), "float": pyarrow.float64(), "bool": pyarrow.bool_(),
        "datetime": pyarrow.timestamp("ns"),
    }  # fmt: skip
    convert = csv.ConvertOptions(
        column_types={name: types[kind["type"]] for name, kind in zip(names, kinds)},
        null_values=[""],
        strings_can_be_null=not empty_as_string,
        true_values=["true", "True", "TRUE"],
        false_values=["false", "False", "FALSE"],
    )
    try:
        found = csv.read_csv(source.local, read_options=read, parse_options=parse, convert_options=convert)
    except (pyarrow.ArrowException, UnicodeDecodeError):
        return None  # the careful reader finds the line, and says what is wrong with it
    columns = found.columns
    del found
    if any(k["type"] in ("int", "bool") and c.null_count for k, c in zip(kinds, columns)):
        return None  # a blank among them makes it another type
    series = []
    while columns:
        series.append(_series(columns.pop(0), kinds[len(series)]["type"]))
    return series


def _series(column, kind):
    import pandas

    values = texts_of(column) if kind == "string" else column.to_numpy()
    return pandas.Series(values, dtype=object if kind == "string" else values.dtype, copy=False)


def texts_of(column):
    """An array of str and None, in which equal texts near each other are one object: most columns of text have few."""
    import numpy

    found, at = numpy.empty(len(column), dtype=object), 0
    for chunk in column.chunks:
        if not hasattr(chunk, "dictionary"):  # text whose values hardly repeat
            chunk = chunk.dictionary_encode()
        texts = chunk.dictionary.to_numpy(zero_copy_only=False)
        known = numpy.append(texts.astype(object), [None])  # None is the last
        codes = chunk.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False)
        numpy.take(known, codes, out=found[at : at + len(chunk)], mode="clip")
        at += len(chunk)
    return found


def _has_quotes(source):
    """Whether a line break may stand within a value; where none can, the text is cut up and read in parallel."""
    with open(source.local, "rb") as file:
        for piece in iter(lambda: file.read(1 << 18), b""):
            if b'"' in piece:
                return True
    return False
