"""Making datasets: Dataset.Tabular, Dataset.File, and the column types that a caller may set."""

import azureml._sentinel  # noqa: F401
from azureml.data.abstract_dataset import _not_built


class DataType:
    """The type of a column, for set_column_types."""

    def __init__(self, kind, formats=None, escaped=False, decimal="."):
        self._kind = kind
        self._decimal = decimal
        self._escaped = bool(escaped)
        self._formats = formats

    @staticmethod
    def to_string():
        return DataType("string")

    @staticmethod
    def to_long():
        return DataType("int")

    @staticmethod
    def to_float(decimal_mark="."):
        """Numbers written with this mark before their fraction."""
        if decimal_mark not in (".", ","):
            raise _user_error("decimal_mark must be '.' or ',', not {!r}.".format(decimal_mark))
        return DataType("float", decimal=decimal_mark)

    @staticmethod
    def to_bool():
        return DataType("bool")

    @staticmethod
    def to_datetime(formats=None):
        """Dates in these formats (strptime's letters), or ISO when none is given."""
        return DataType("datetime", [formats] if isinstance(formats, str) else list(formats or ()) or None)

    @staticmethod
    def to_stream(workspace, escaped=False):
        """What the column holds names files, AmlDatastore://<datastore>/<path> or http(s)://…: see TabularDataset.download."""
        return DataType("stream", escaped=escaped)

    def _as_json(self):
        kind = {"type": self._kind}
        if self._formats:
            kind["formats"] = self._formats
        if self._escaped:
            kind["escaped"] = True
        if self._decimal != ".":
            kind["decimal"] = self._decimal
        return kind

    def __repr__(self):
        return "DataType({})".format(self._kind)


class TabularDatasetFactory:
    """Dataset.Tabular."""

    @staticmethod
    def from_delimited_files(
        path,
        validate=True,
        include_path=False,
        infer_column_types=True,
        set_column_types=None,
        separator=",",
        header=True,
        partition_format=None,
        support_multi_line=False,
        empty_as_string=False,
        encoding="utf8",
    ):
        """A table in delimited text files. Column types are found now, from all rows, and kept in the definition."""
        from azureml.data._paths import paths_of
        from azureml.data._schema import columns
        from azureml.data.tabular_dataset import TabularDataset

        paths, workspace = paths_of(path)
        definition = {
            "paths": paths,
            "format": "delimited",
            "separator": separator,
            "header": _has_header(header),
            "encoding": _encoding(encoding),
            "include_path": bool(include_path),
            "partition_format": partition_format,
            "empty_as_string": bool(empty_as_string),
        }
        wanted = _wanted_types(set_column_types)
        if validate or infer_column_types:
            definition["columns"] = columns(definition, workspace, infer_column_types, wanted)
        else:
            definition["columns"] = [dict(kind, name=name) for name, kind in wanted.items()]
        return TabularDataset(definition, workspace)

    @staticmethod
    def from_parquet_files(path, validate=True, include_path=False, set_column_types=None, partition_format=None):
        """A table in Parquet files, with the types that they have."""
        from azureml.data._paths import paths_of

        paths, workspace = paths_of(path)
        definition = {"paths": paths, "format": "parquet", "include_path": bool(include_path)}
        definition["partition_format"] = partition_format
        return _typed(definition, workspace, validate, set_column_types)

    @staticmethod
    def from_json_lines_files(
        path,
        validate=True,
        include_path=False,
        set_column_types=None,
        partition_format=None,
        invalid_lines="error",
        encoding="utf8",
    ):
        """A table of JSON objects, one a line. A key that a line does not have is None there."""
        from azureml.data._delimited import NotDelimited, encoding_of
        from azureml.data._paths import paths_of

        if invalid_lines not in ("error", "drop"):
            raise _user_error("invalid_lines must be 'error' or 'drop', not {!r}.".format(invalid_lines))
        paths, workspace = paths_of(path)
        definition = {"paths": paths, "format": "json_lines", "include_path": bool(include_path)}
        definition.update(partition_format=partition_format, invalid_lines=invalid_lines, encoding=_encoding(encoding))
        try:
            encoding_of(definition["encoding"])
        except NotDelimited as error:
            raise _user_error(str(error)) from None
        return _typed(definition, workspace, validate, set_column_types)

    @staticmethod
    def from_sql_query(query, validate=True, set_column_types=None, query_timeout=30):
        """The rows of `query`: (datastore, 'SELECT …') or a DataPath of the two. The datastore is a SQLite file here."""
        store, text = (
            query
            if isinstance(query, tuple) and len(query) == 2
            else (getattr(query, "_datastore", None), getattr(query, "path_on_datastore", None))
        )
        if not hasattr(store, "datastore_type") or not isinstance(text, str) or not text.strip():
            raise _user_error("from_sql_query takes (datastore, 'SELECT …') or a DataPath, not {!r}.".format(query))
        if isinstance(query_timeout, bool) or not isinstance(query_timeout, (int, float)) or query_timeout <= 0:
            raise _user_error("query_timeout must be a number of seconds, not {!r}.".format(query_timeout))
        definition = {"paths": [], "format": "sql", "datastore": store.name, "query": text}
        definition["query_timeout"] = query_timeout
        return _typed(definition, store.workspace, validate, set_column_types)

    @staticmethod
    def register_pandas_dataframe(
        dataframe,
        target,
        name,
        description=None,
        tags=None,
        show_progress=True,
        row_group_size=None,
        make_target_path_unique=True,
    ):
        """Writes the DataFrame as Parquet below `target` and registers it as a new version of dataset `name`."""
        from azureml.data._writing import register

        settings = {
            "name": name,
            "description": description,
            "tags": tags,
            "show_progress": show_progress,
            "row_group_size": row_group_size,
            "make_target_path_unique": make_target_path_unique,
        }
        return register(dataframe, target, settings)

    @staticmethod
    def register_spark_dataframe(dataframe, target, name, description=None, tags=None, show_progress=True):
        raise _not_built("Dataset.Tabular.register_spark_dataframe")

    @staticmethod
    def register_dask_dataframe(dataframe, target, name, description=None, tags=None, show_progress=True):
        raise _not_built("Dataset.Tabular.register_dask_dataframe")


class FileDatasetFactory:
    """Dataset.File."""

    @staticmethod
    def from_files(path, validate=True, partition_format=None, is_file=False):
        """The files at these paths. That they exist is not checked here."""
        from azureml.data._paths import paths_of
        from azureml.data.file_dataset import FileDataset

        paths, workspace = paths_of(path)
        definition = {"paths": paths}
        if partition_format:
            definition["partition_format"] = partition_format
        return FileDataset(definition, workspace)

    @staticmethod
    def upload_directory(src_dir, target, pattern=None, overwrite=False, show_progress=True):
        """Uploads the files below `src_dir` to (datastore, path); a FileDataset of them."""
        import fnmatch
        import os

        from azureml.data._writing import place_of
        from azureml.data.abstract_datastore import files_below, local_path

        store, path = place_of(target)
        src_dir = local_path(src_dir)
        if not os.path.isdir(src_dir):
            raise _user_error("upload_directory: there is no folder {}.".format(src_dir))
        files = files_below(src_dir)
        if pattern:
            files = [f for f in files if fnmatch.fnmatch(os.path.relpath(f, src_dir), pattern)]
        store._upload_files(files, src_dir, path, overwrite, show_progress)
        return FileDatasetFactory.from_files((store, path))


def _typed(definition, workspace, validate, set_column_types):
    """The dataset of files that know their own types; they are looked at only when `validate` says so."""
    from azureml.data._schema import columns
    from azureml.data.tabular_dataset import TabularDataset

    wanted = _wanted_types(set_column_types)
    if wanted:
        definition["set_types"] = wanted
    definition["columns"] = columns(definition, workspace, True, wanted) if validate else None
    return TabularDataset(definition, workspace)


def _user_error(message):
    from azureml.exceptions import UserErrorException

    return UserErrorException(message)


def _wanted_types(types):
    wanted = {}
    for name, kind in (types or {}).items():
        if not isinstance(kind, DataType):
            from azureml.exceptions import UserErrorException

            raise UserErrorException(
                "set_column_types[{!r}] is {!r}. Use DataType, for example DataType.to_float().".format(name, kind)
            )
        wanted[name] = kind._as_json()
    return wanted


def _has_header(header):
    """True or False of what the original takes: a bool or a PromoteHeadersBehavior."""
    if isinstance(header, bool):
        return header
    return getattr(header, "value", header) not in (0, None)


def _encoding(encoding):
    return str(getattr(encoding, "value", encoding) or "utf8")
