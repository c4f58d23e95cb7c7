"""The columns of a tabular definition: found once from its files, and kept in it. Knows no pandas."""


def columns(definition, workspace, infer, wanted):
    """[{name, type}] of the files, path and partition columns first. DatasetValidationError says what is wrong, and where."""
    from azureml.data.dataset_error_handling import DatasetValidationError

    try:
        if definition["format"] == "delimited":
            found = _of_delimited(definition, workspace, infer)
        else:
            from azureml.data import _formats

            found = _of_path(definition, workspace) + _formats.columns(definition, workspace)
    except (OSError, ValueError) as error:
        raise DatasetValidationError("The dataset could not be made. {}".format(error)) from error
    names = [c["name"] for c in found]
    missing = [name for name in wanted if name not in names]
    if missing:
        raise DatasetValidationError(
            "set_column_types names {}, but the files have no such column. They have: {}.".format(
                ", ".join(map(repr, missing)), ", ".join(names)
            )
        )
    return [dict(column, **wanted.get(column["name"], {})) for column in found]


def known(definition, workspace):
    """The definition with its columns: one that a step's output was registered with has none until it is read."""
    if definition.get("columns") is not None:
        return definition
    wanted = definition.get("set_types") or {}
    return dict(definition, columns=columns(definition, workspace, True, wanted))


def _of_delimited(definition, workspace, infer):
    from azureml.data import _delimited, _paths

    layout = _delimited.Layout(definition)
    files = _paths.sources(definition["paths"], workspace)
    names, types = _delimited.inferred(files, layout, infer)
    found = _path_columns(definition, files, infer)
    return found + [{"name": name, "type": kind} for name, kind in zip(names, types)]


def _of_path(definition, workspace):
    from azureml.data import _paths

    if not (definition.get("include_path") or definition.get("partition_format")):
        return []
    return _path_columns(definition, _paths.sources(definition["paths"], workspace), True)


def _path_columns(definition, files, infer):
    return [{"name": name, "type": kind} for name, kind in path_types(definition, files, infer).items()]


def path_types(definition, files, infer=True):
    """{column: type} of what comes from where the files are."""
    from azureml.data._types import Inference

    found = {}
    for source in files:
        for name, text in of_path(definition, source).items():
            found.setdefault(name, Inference()).add([text])
    given = {c["name"]: c["type"] for c in definition.get("partition_types") or ()}
    return {n: given.get(n) or ("string" if n == "Path" or not infer else i.result()) for n, i in found.items()}


def of_path(definition, source):
    """{column: text} that come from where the file is: Path, and partitions."""
    from azureml.data import _paths

    found = {}
    if definition.get("include_path"):
        found["Path"] = source.whole
    if definition.get("partition_format"):
        values = _paths.partition_values(definition["partition_format"], source.whole)
        if definition.get("partition_quoted"):
            from urllib.parse import unquote

            values = {name: unquote(text) for name, text in values.items()}
        found.update(values)
    return found
