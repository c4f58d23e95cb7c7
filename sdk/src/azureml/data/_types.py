"""Column types: found from text, and text turned into them. Pure but for numpy and pandas in the second half.

A type is string, int, float, bool or datetime. It is inferred once, when a dataset is made, and kept in its definition, so it does
not vary with the version of pandas that reads.
"""

import re

_INT64 = (-(2**63), 2**63 - 1)
_DATE = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?\s*(Z|[+-]\d{2}:?\d{2})?\Z"
)
_PLAIN_TIMES = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\n\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)*\Z", re.ASCII)
_DIGIT = re.compile("[0-9]")
_LONG_WHOLE = re.compile(r"(?:^|,)\s*[+-]?\d{19,}\s*(?:,|$)")
_TRUTH = {"true": True, "false": False}


class Inference:
    """The type of one column, from its values a chunk at a time."""

    def __init__(self):
        self.type = None
        self.has_blank = False

    def add(self, values):
        filled = values
        if "" in values:
            self.has_blank = True
            filled = [v for v in values if v]
        if filled and self.type != "string":
            self.type = _joined(self.type, _type_of(filled, self.type))

    def result(self):
        """The type; whole numbers with blanks among them are floats, a column of blanks is text."""
        if self.type == "int" and self.has_blank:
            return "float"
        return self.type or "string"


def _joined(old, new):
    if old is None or old == new:
        return new
    return "float" if {old, new} == {"int", "float"} else "string"


def _type_of(values, before):
    order = {
        "bool": (_is_bool,),
        "datetime": (_is_datetime,),
        "int": (_is_int, _is_float),
        "float": (_is_int, _is_float),
    }
    for test in order.get(before, (_is_int, _is_float, _is_bool, _is_datetime)):
        if test(values):
            return test.__name__[4:]
    return "string"


def _is_int(values):
    try:
        numbers = list(map(int, values))
    except ValueError:
        return False
    return min(numbers) >= _INT64[0] and max(numbers) <= _INT64[1] and _is_plain_number(values)


def _is_float(values):
    try:
        for _ in map(float, values):
            pass
    except ValueError:
        return False
    if not _is_plain_number(values):
        return False
    # Whole numbers too long for int64 are names of something: as floats they would lose digits.
    return _LONG_WHOLE.search(",".join(values)) is None


def _is_plain_number(values):
    text = "".join(values)
    return text.isascii() and "_" not in text and _DIGIT.search(text) is not None


def _is_bool(values):
    return all(v.strip().lower() in _TRUTH for v in set(values))


def _is_datetime(values):
    return all(map(_good_date, set(values)))


def _good_date(text):
    match = _DATE.match(text.strip())
    if match is None:
        return False
    month, day, hour, minute, second = (int(g or 0) for g in match.group(2, 3, 4, 5, 6))
    return 1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 60


# --- conversion -----------------------------------------------------------------------------------------------------


class Unreadable(ValueError):
    """A value that is not of its column's type, when that is to be an error."""


def column(values, kind, formats, on_error, out_of_range, empty_as_string=False):
    """A pandas Series of the text `values` as `kind`. What does not convert is null, or Unreadable when on_error is 'fail'."""
    import pandas

    if kind in ("string", "stream"):
        blank = "" if empty_as_string else None
        return pandas.Series([v or blank for v in values], dtype=object)
    if kind == "int":
        return _ints(values, on_error)
    if kind == "float":
        return pandas.Series(_floats(values, on_error), dtype="float64")
    if kind == "bool":
        return _bools(values, on_error)
    return pandas.Series(_datetimes(values, formats, on_error, out_of_range), dtype="datetime64[ns]")


def converted(series, kind, formats, on_error, out_of_range):
    """A column that has a type of its own, as `kind`."""
    import pandas

    missing = series.isna()
    if kind in ("string", "stream"):
        return pandas.Series([None if m else str(v) for v, m in zip(series, missing)], dtype=object)
    if kind == "datetime" and series.dtype.kind == "M":
        return series
    if kind == "int" and series.dtype.kind in "if" and not missing.any() and (series % 1 == 0).all():
        return series.astype("int64")
    if kind == "float" and series.dtype.kind in "if":
        return series.astype("float64")
    texts = ["" if m else str(v) for v, m in zip(series, missing)]
    try:
        return column(texts, kind, formats, on_error, out_of_range)
    except Unreadable as error:
        raise ValueError("Column {!r}: {!r} is no {}.".format(series.name, str(error), kind)) from None


def _ints(values, on_error):
    import pandas

    try:
        return pandas.Series(list(map(int, values)), dtype="int64")
    except (ValueError, OverflowError):
        return pandas.Series(_floats(values, on_error), dtype="float64")


def _floats(values, on_error):
    nan = float("nan")
    try:
        return [float(v) if v else nan for v in values]
    except ValueError:
        return [_float(v, on_error) for v in values]


def _float(text, on_error):
    try:
        return float(text) if text.strip() else float("nan")
    except ValueError:
        if on_error == "fail":
            raise Unreadable(text) from None
        return float("nan")


def _bools(values, on_error):
    import pandas

    found = [_TRUTH.get(v.strip().lower()) for v in values]
    if None not in found:
        return pandas.Series(found, dtype=bool)
    for value, truth in zip(values, found):
        if truth is None and value and on_error == "fail":
            raise Unreadable(value)
    return pandas.Series(found, dtype=object)


def _datetimes(values, formats, on_error, out_of_range):
    import numpy

    quick = _plain_times(values) if not formats else None
    if quick is not None:
        return quick
    known = {"": "NaT"}
    for value in set(values):
        if value:
            known[value] = _iso(value, formats, on_error, out_of_range)
    return numpy.array([known[v] for v in values], dtype="datetime64[ns]")


def _plain_times(values):
    """The times when all are written as 2020-01-02 03:04:05 (or with T), by numpy's own parser; else None."""
    import numpy

    if not values or _PLAIN_TIMES.match("\n".join(values)) is None:
        return None
    if min(values) < "1678" or max(values) >= "2262":
        return None
    try:
        return numpy.array(values, dtype="datetime64[s]").astype("datetime64[ns]")
    except ValueError:  # a month 13
        return None


def _iso(text, formats, on_error, out_of_range):
    """ISO text in UTC that numpy reads; NaT for what is no date."""
    parsed = _parsed(text.strip(), formats)
    if parsed is None:
        if on_error == "fail":
            raise Unreadable(text)
        return "NaT"
    if not 1678 <= int(parsed[:4]) <= 2261:  # beyond what nanoseconds in 64 bits hold
        if out_of_range == "fail":
            raise Unreadable(text)
        return "NaT"
    return parsed


def _parsed(text, formats):
    import datetime

    for form in formats or ():
        try:
            return datetime.datetime.strptime(text, form).isoformat()
        except ValueError:
            continue
    match = _DATE.match(text)
    if formats or match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        moment = datetime.datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))
    except ValueError:
        return None
    if zone and zone != "Z":
        shift = datetime.timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
        moment = moment - shift if zone[0] == "+" else moment + shift
    return moment.isoformat() + ("." + fraction if fraction else "")
