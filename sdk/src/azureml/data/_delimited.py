"""Delimited text: its rows, its header, and what is wrong with it, by file and line. Knows no pandas."""

import csv
import sys
from itertools import islice

from azureml.data._types import Inference

CHUNK_ROWS = 20000
_ENCODINGS = {
    "utf8": "utf-8-sig",
    "utf-8": "utf-8-sig",
    "utf8bom": "utf-8-sig",
    "iso88591": "iso-8859-1",
    "latin1": "latin-1",
    "ascii": "ascii",
    "utf16": "utf-16",
    "utf32": "utf-32",
    "windows1252": "cp1252",
}


class NotDelimited(ValueError):
    """The file is not what the dataset says; the message names file and line."""


def encoding_of(name):
    """Python's name of an encoding; NotDelimited lists those that there are."""
    found = _ENCODINGS.get(str(name or "utf8").lower())
    if found is None:
        raise NotDelimited(
            "The encoding {!r} is not known. Use one of: {}.".format(name, ", ".join(sorted(_ENCODINGS)))
        )
    return found


class Layout:
    """How the files are written."""

    def __init__(self, definition):
        self.separator = definition.get("separator", ",")
        self.header = definition.get("header", True)
        self.encoding = encoding_of(definition.get("encoding"))
        if len(self.separator) != 1 or self.separator in '"\r\n':
            raise NotDelimited("The separator {!r} must be one character, and no quote.".format(self.separator))


def chunks(source, layout):
    """(names, list of rows) a chunk at a time; the first chunk may be empty. NotDelimited says where a row does not fit."""
    _refuse_binary(source, layout)
    limit = csv.field_size_limit(sys.maxsize)
    try:
        with open(source.local, encoding=layout.encoding, newline="") as file:
            reader = csv.reader(_without_nul(file, source), delimiter=layout.separator)
            names, first = _header(reader, source, layout)
            width, number = len(names), 0
            while True:
                rows = [first] if first is not None else []
                first = None
                for row in islice(reader, CHUNK_ROWS):
                    if len(row) != width:
                        if not row:
                            continue  # a blank line
                        raise NotDelimited(_ragged(source, reader.line_num, len(row), width))
                    rows.append(row)
                if not rows and number:
                    return
                number += 1
                yield names, rows
                if len(rows) == 0:
                    return
    except UnicodeDecodeError as error:
        raise NotDelimited(
            "{} is not text in {}: byte 0x{:02x} at {} cannot be read. Give its encoding, for example encoding='iso88591'.".format(
                source.whole, layout.encoding, error.object[error.start], error.start
            )
        ) from None
    except csv.Error as error:
        raise NotDelimited("{} is not delimited text: {}.".format(source.whole, error)) from None
    finally:
        csv.field_size_limit(limit)


def names_of(source, layout):
    """The column names of a file, from its first row."""
    _refuse_binary(source, layout)
    try:
        with open(source.local, encoding=layout.encoding, newline="") as file:
            return _header(csv.reader(file, delimiter=layout.separator), source, layout)[0]
    except (UnicodeDecodeError, csv.Error) as error:
        raise NotDelimited("{} is not delimited text: {}.".format(source.whole, error)) from None


def _refuse_binary(source, layout):
    with open(source.local, "rb") as file:
        start = file.read(1 << 16)
    if not start.strip():
        raise NotDelimited("{} is empty. A delimited file needs at least a header.".format(source.whole))
    if b"\0" in start and not layout.encoding.startswith(("utf-16", "utf-32")):
        raise NotDelimited(
            "{} is a binary file (byte 0 at {}), not delimited text. Use a file dataset, or from_parquet_files.".format(
                source.whole, start.index(b"\0")
            )
        )


def _without_nul(file, source):
    for line in file:
        if "\0" in line:
            raise NotDelimited("{} holds a NUL character: it is not delimited text.".format(source.whole))
        yield line


def _header(reader, source, layout):
    """(column names, the first row when it is no header)."""
    for row in reader:
        if row:
            break
    else:
        raise NotDelimited("{} has no rows. A delimited file needs at least a header.".format(source.whole))
    if not layout.header:
        return ["Column{}".format(n) for n in range(1, len(row) + 1)], row
    names, seen = [], set()
    for number, name in enumerate(row, 1):
        base = name.strip() or "Column{}".format(number)
        unique, again = base, 0
        while unique in seen:
            again += 1
            unique = "{}_{}".format(base, again)
        seen.add(unique)
        names.append(unique)
    return names, None


def _ragged(source, line, has, wants):
    return "{}, line {}: the row has {} {}, but the header has {}. Mend the file, or give its separator if it is another.".format(
        source.whole, line, has, "field" if has == 1 else "fields", wants
    )


def inferred(files, layout, infer):
    """([names], [types]) of the columns of all files, read once; types are all string unless `infer`."""
    names, columns = None, []
    for source in files:
        for found, rows in chunks(source, layout):
            if names is None:
                names, columns = found, [Inference() for _ in found]
            check_names(names, found, source)
            if not infer:
                break
            for column, values in zip(columns, zip(*rows)):
                column.add(values)
    return names, [c.result() if infer else "string" for c in columns]


def check_names(names, found, source):
    if found != names:
        raise NotDelimited(
            "{} has the columns {}, but the files before it have {}. All files of a dataset share one header.".format(
                source.whole, ", ".join(found), ", ".join(names)
            )
        )
