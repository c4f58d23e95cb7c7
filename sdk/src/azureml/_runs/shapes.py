"""Logged records, in order, as the dictionary that get_metrics gives. Pure."""

_ARTIFACT_KINDS = frozenset(("image", "confusion_matrix", "accuracy_table", "residuals", "predictions"))

_NOT_FINITE = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


def shaped(records, name=None):
    """{name: value}: one scalar is itself, several a list; rows and tables are {column: value or list}."""
    metrics = {}
    for record in records:
        if name is None or record["name"] == name:
            metrics.setdefault(record["name"], []).append(record)
    return {key: _one(group) for key, group in metrics.items()}


def _one(records):
    kind = records[-1]["kind"]
    records = [r for r in records if r["kind"] == kind]
    if kind in _ARTIFACT_KINDS:
        return _collapsed([_reference(r) for r in records])
    if kind == "list":
        return _collapsed([_number(v) for r in records for v in r["value"]])
    if kind in ("row", "table"):
        return _columns([r["value"] for r in records])
    return _collapsed([_number(r["value"]) for r in records])


def _number(value):
    """A float that JSON could not carry, from the text that stood for it."""
    return _NOT_FINITE.get(value, value) if isinstance(value, str) else value


def _collapsed(values):
    return values[0] if len(values) == 1 else values


def _columns(rows):
    columns = {}
    for row in rows:
        for column, value in row.items():
            values = value if isinstance(value, list) else [value]
            columns.setdefault(column, []).extend(map(_number, values))
    only_row = len(rows) == 1
    return {
        column: values[0] if only_row and not isinstance(rows[0][column], list) else values
        for column, values in columns.items()
    }


def _reference(record):
    value = record["value"]
    name = value.get("artifact") if isinstance(value, dict) else value
    return "aml://artifactId/ExperimentRun/dcid.{}/{}".format(record.get("run_id", ""), name or record["name"])
