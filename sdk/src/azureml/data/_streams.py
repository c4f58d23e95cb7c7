"""Columns that name files (DataType.to_stream): URLs, or places on datastores. Finds the files that the rows of a table name."""

import re

_ON_DATASTORE = re.compile(r"(?:AmlDatastore://|azureml://datastores/)([^/]+)/(?:paths/)?(.*)\Z", re.IGNORECASE)


class Column:
    """What a context manager needs: files that can be downloaded."""

    def __init__(self, dataset, name):
        self._dataset, self._name = dataset, name

    def download(self, target_path, overwrite):
        return self._dataset.download(self._name, target_path, overwrite)


def sources(dataset, name, ignore_not_found):
    """[Source] of the files that column `name` names, in the rows' order, each file once."""
    from azureml.data import _paths

    kinds = {c["name"]: c for c in dataset._definition.get("columns") or ()}
    kind = kinds.get(name) or {}
    if kind.get("type") != "stream":
        raise _user_error(
            "Column {!r} names no files. Make the dataset with set_column_types={{{!r}: DataType.to_stream(ws)}}.".format(
                name, name
            )
        )
    texts = dataset.to_pandas_dataframe()[name]
    wanted = dict.fromkeys(text for text in texts if text is not None)
    found = []
    for text in wanted:
        try:
            found += _paths.sources([_path(text, kind.get("escaped"), name)], dataset._workspace)
        except FileNotFoundError as error:
            if not ignore_not_found:
                raise _user_error("Column {!r}: {}".format(name, error)) from None
    return _paths.distinct(found)


def _path(text, escaped, column):
    if text.startswith(("http://", "https://")):
        return {"url": text}
    match = _ON_DATASTORE.match(text)
    if match is None:
        raise _user_error(
            "Column {!r}: {!r} names no file. Write AmlDatastore://<datastore>/<path>, or an http(s) address.".format(
                column, text
            )
        )
    store, path = match.groups()
    if escaped:
        from urllib.parse import unquote

        path = unquote(path)
    if ".." in path.split("/"):
        raise _user_error("Column {!r}: {!r} leads out of its datastore.".format(column, text))
    return {"datastore": store, "path": path}


def _user_error(message):
    from azureml.exceptions import UserErrorException

    return UserErrorException(message)
