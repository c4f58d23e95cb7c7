"""Delimited text read by pyarrow where it is installed: the quickest way for text whose types are known and that is as it should be.

Also text of any Arrow column as objects. It must not decide what anything means: whatever it would read otherwise than
docs/data.md says is left to slower readers.
"""

import os

_KINDS = {"string": object, "int": "int64", "float": "float64", "bool": "bool", "datetime": "datetime64[ns]"}
_PIECE_BYTES = 1 << 20
_PIECE_BYTES_A_COLUMN = 1 << 12
_MOST_THREADS = 8
_MARK = b"\xef\xbb\xbf"


def table(source, layout, skip, kinds, empty_as_string):
    """[Series] of the columns, or None where this way does not do. `skip` are the lines of the header."""
    if layout.encoding != "utf-8-sig" or any(
        k["type"] not in _KINDS or k.get("formats") or k.get("decimal") for k in kinds
    ):
        return None
    try:
        import pyarrow
        import pyarrow.csv
    except ImportError:
        return None
    filled = _Filled([kind["type"] for kind in kinds], os.path.getsize(source.local))
    how = _options(layout, [kind["type"] for kind in kinds], empty_as_string)
    try:
        for part, n_bytes in _parts(source.local, skip, how):
            if not filled.add(part, n_bytes):
                return None  # a blank among whole numbers or truths makes them another type
    except (pyarrow.ArrowException, UnicodeDecodeError):
        return None  # the careful reader finds the line, and says what is wrong with it
    return filled.series()


def _options(layout, types, empty_as_string):
    """(parse options for text without quotes, convert options, the columns' names)."""
    import pyarrow
    import pyarrow.csv as csv

    arrow = {
        "string": pyarrow.string(), "int": pyarrow.int64(), "float": pyarrow.float64(), "bool": pyarrow.bool_(),
        "datetime": pyarrow.timestamp("ns"),
    }  # fmt: skip
    convert = csv.ConvertOptions(
        column_types={str(number): arrow[kind] for number, kind in enumerate(types)},
        null_values=[""],
        strings_can_be_null=not empty_as_string,
        true_values=["true", "True", "TRUE"],
        false_values=["false", "False", "FALSE"],
    )
    return (
        csv.ParseOptions(delimiter=layout.separator, quote_char=False),
        convert,
        [str(number) for number in range(len(types))],
    )


def _parts(path, skip, how):
    """(table, bytes of its text), in order. Up to the first quote, text is cut at line ends, and the pieces are read by several threads."""
    import pyarrow
    import pyarrow.csv as csv

    parse, convert, names = how
    n_bytes = max(_PIECE_BYTES, _PIECE_BYTES_A_COLUMN * len(names))
    spare = []  # memory that was written to before costs less than new memory

    def parsed(piece):
        room, length, is_first = piece
        read = csv.ReadOptions(
            column_names=names, skip_rows=skip if is_first else 0, block_size=length + 1, use_threads=False
        )
        source = pyarrow.BufferReader(pyarrow.py_buffer(memoryview(room)[:length]))
        table = csv.read_csv(source, read_options=read, parse_options=parse, convert_options=convert)
        spare.append(room)
        return table, length

    with open(path, "rb", buffering=0) as file:
        is_long = os.fstat(file.fileno()).st_size > 4 * n_bytes
        done = 0
        for part, length in _by_threads(parsed, _pieces(file, n_bytes, spare), is_long):
            done += length
            yield part, length
        file.seek(done)
        if file.read(1):  # a line break may stand within a value from here on
            file.seek(done)
            quoted = csv.ParseOptions(delimiter=parse.delimiter, newlines_in_values=True)
            read = csv.ReadOptions(column_names=names, skip_rows=0 if done else skip, block_size=4 * n_bytes)
            with csv.open_csv(file, read_options=read, parse_options=quoted, convert_options=convert) as reader:
                for batch in reader:
                    yield batch, read.block_size


def _pieces(file, n_bytes, spare):
    """(memory, how much of it is text, whether it is the first), each ending with a line, up to the first that has a quote."""
    import pyarrow

    rest, is_first, is_end = b"", True, False
    while not is_end:
        room = spare.pop() if spare else bytearray(n_bytes)
        if len(room) < 2 * len(rest):
            room = bytearray(2 * len(rest))
        room[: len(rest)] = rest
        length = len(rest)
        while length < len(room) and not is_end:
            read = file.readinto(memoryview(room)[length:])
            is_end, length = not read, length + read
        cut = length if is_end else room.rfind(b"\n", 0, length) + 1
        rest = bytes(memoryview(room)[cut:length])
        if not cut:
            spare.append(room)
            continue
        if room.find(b'"', 0, cut) >= 0:
            return
        if room.startswith(_MARK) and not is_first:
            raise pyarrow.ArrowInvalid("a byte order mark within the text")  # it would be left out in silence
        yield room, cut, is_first
        is_first = False


def _by_threads(function, items, is_long):
    """What `function` gives of the items, in their order; a few are in work at once."""
    from collections import deque

    import pyarrow

    n_threads = min(pyarrow.cpu_count(), _MOST_THREADS) if is_long else 1
    if n_threads == 1:
        yield from map(function, items)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(n_threads) as pool:
        under_way = deque()
        for item in items:
            under_way.append(pool.submit(function, item))
            if len(under_way) > 2 * n_threads:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


class _Filled:
    """Columns as arrays that parts of a table are written to one after the other: nothing is held twice."""

    def __init__(self, types, n_bytes):
        self._types = types
        self._arrays = []
        self._bytes_left = n_bytes
        self._n_rows = 0

    def add(self, part, n_bytes):
        """Whether the part has what its types promise."""
        columns = part.columns
        if any(kind in ("int", "bool") and c.null_count for kind, c in zip(self._types, columns)):
            return False
        start, self._n_rows = self._n_rows, self._n_rows + len(part)
        self._make_room(len(part), n_bytes)
        for kind, array, column in zip(self._types, self._arrays, columns):
            at = start
            for chunk in getattr(column, "chunks", (column,)):
                room = array[at : at + len(chunk)]
                at += len(chunk)
                if kind == "string":
                    _put_texts(chunk, room)
                else:
                    room[:] = chunk.to_numpy(zero_copy_only=False)
        return True

    def _make_room(self, n_rows, n_bytes):
        import numpy

        has = len(self._arrays[0]) if self._arrays else 0
        if has >= self._n_rows:
            self._bytes_left -= n_bytes
            return
        # As many rows as what is left would have at this density, and some: what is never written takes no memory.
        wants = self._n_rows + int(max(self._bytes_left - n_bytes, 0) / n_bytes * n_rows * 1.1) + 1
        self._bytes_left -= n_bytes
        grown = [numpy.empty(wants, dtype=_KINDS[kind]) for kind in self._types]
        for new, old in zip(grown, self._arrays):
            new[:has] = old
        self._arrays = grown

    def series(self):
        """The columns; empty ones when there was no part."""
        import numpy
        import pandas

        arrays = self._arrays or [numpy.empty(0, dtype=_KINDS[kind]) for kind in self._types]
        for array in arrays:
            array.resize(self._n_rows, refcheck=False)
        return [pandas.Series(array, dtype=array.dtype, copy=False) for array in arrays]


def texts_of(column):
    """An array of str and None, in which equal texts near each other are one object: most columns of text have few."""
    import numpy

    found, at = numpy.empty(len(column), dtype=object), 0
    for chunk in column.chunks:
        _put_texts(chunk, found[at : at + len(chunk)])
        at += len(chunk)
    return found


def _put_texts(chunk, room):
    import numpy

    if not hasattr(chunk, "dictionary"):  # text whose values hardly repeat
        chunk = chunk.dictionary_encode()
    texts = chunk.dictionary.to_numpy(zero_copy_only=False)
    known = numpy.append(texts.astype(object), [None])  # None is the last
    codes = chunk.indices.fill_null(len(texts)) if chunk.null_count else chunk.indices
    numpy.take(known, codes.to_numpy(zero_copy_only=False), out=room, mode="clip")
