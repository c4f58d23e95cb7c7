"""Values that people log, as JSON values. Knows numpy's numbers by their behaviour; imports nothing."""

_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def plain(value):
    """`value` as bool, int, float, str or None: numpy's scalars become Python's, what is none of these its repr.

    JSON has no NaN and no infinity: they travel as text, and azureml._runs.shapes turns them back.
    """
    if type(value) is float:
        return value if value - value == 0 else _NOT_FINITE[repr(value)]
    if value is None or type(value) in (bool, int, str):
        return value
    if isinstance(value, bool):
        return bool(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return plain(float(value))
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "size", 1) == 1:
        try:
            inner = item()
        except (TypeError, ValueError):
            return repr(value)
        if inner is not value:
            return plain(inner)
    index = getattr(value, "__float__", None)
    if index is not None and type(value).__module__ in ("decimal", "fractions"):
        return plain(float(value))
    return repr(value)


def is_sequence(value):
    """Whether `value` holds several values, so that it is not one of its own."""
    if isinstance(value, (str, bytes)):
        return False
    if isinstance(value, (list, tuple, range, set, frozenset, dict)):
        return True
    if hasattr(value, "__next__"):
        return True
    return bool(getattr(value, "shape", ())) and getattr(value, "size", 1) != 1


def plain_list(values):
    return [plain(v) for v in values]


def plain_table(table):
    """{column: list of plain values}, a single value standing for a list of one."""
    return {str(k): plain_list(v) if is_sequence(v) else plain(v) for k, v in table.items()}
