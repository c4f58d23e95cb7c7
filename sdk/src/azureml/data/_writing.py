"""Tables written to a datastore as files: Parquet, delimited text, a folder for each value. Needs pandas; Parquet needs pyarrow."""

import os
import uuid


def place_of(target):
    """(datastore, path on it) of what a caller gave as target: a datastore, (datastore, 'path'), DataPath or DataReference."""
    from azureml.data._paths import paths_of

    if hasattr(target, "datastore_type"):
        return target, ""
    (definition,), _ = paths_of(target)
    if "url" in definition:
        raise _user_error(
            "The target {!r} is a URL. Give a datastore or (datastore, 'path').".format(definition["url"])
        )
    store = target[0] if isinstance(target, tuple) else getattr(target, "datastore", None) or target._datastore
    return store, definition["path"]


def joined(*parts):
    return "/".join(part.strip("/") for part in parts if part and part.strip("/"))


def unique(path):
    """A folder below `path` that nobody else writes to."""
    return joined(path, str(uuid.uuid4()))


def write_parquet(store, path, frame, row_group_size=None):
    """Writes the frame to a Parquet file that is there whole or not at all."""
    from azureml.data._formats import pyarrow_parquet

    parquet = pyarrow_parquet("Writing Parquet files")
    import pyarrow

    try:
        table = pyarrow.Table.from_pandas(frame, preserve_index=False)
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError) as error:
        raise _user_error(
            "The table cannot be written as Parquet: {}. Give each column one type.".format(error)
        ) from None
    _whole(store, path, lambda partial: parquet.write_table(table, partial, row_group_size=row_group_size))


def write_csv(store, path, frame, separator):
    _whole(store, path, lambda partial: frame.to_csv(partial, sep=separator, index=False))


def _whole(store, path, write):
    target = store._local(path)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    partial = "{}.{}.partial".format(target, os.getpid())
    try:
        write(partial)
        os.replace(partial, target)
    finally:
        if os.path.exists(partial):
            os.unlink(partial)
    store._push(path)


def register(frame, target, settings):
    """What register_pandas_dataframe does: Parquet below the target, registered as a new version."""
    import pandas

    if not isinstance(frame, pandas.DataFrame):
        raise _user_error("register_pandas_dataframe takes a DataFrame, not {}.".format(type(frame).__name__))
    doubled = [str(c) for c in frame.columns[frame.columns.duplicated()]]
    if doubled:
        raise _user_error("The DataFrame has the column {!r} twice. Rename one.".format(doubled[0]))
    from azureml.data.dataset_factory import TabularDatasetFactory

    store, path = place_of(target)
    folder = unique(path) if settings["make_target_path_unique"] else path
    file = joined(folder, "part-00000.parquet")
    if not settings["make_target_path_unique"] and os.path.exists(store._local(folder)) and _has_files(store, folder):
        raise _user_error(
            "Datastore '{}' has files at '{}' already. Give an empty path, or make_target_path_unique=True.".format(
                store.name, folder
            )
        )
    say = print if settings["show_progress"] else _silent
    say("Validating arguments.")
    say("Arguments validated.")
    say("Uploading file to {}".format(folder))
    write_parquet(store, file, frame.rename(columns=str), settings["row_group_size"])
    say("Successfully uploaded file to datastore.")
    say("Creating and registering a new dataset.")
    made = TabularDatasetFactory.from_parquet_files((store, file))
    made = made.register(
        store.workspace, settings["name"], settings["description"], settings["tags"], create_new_version=True
    )
    say("Successfully created and registered a new dataset.")
    return made


def _has_files(store, folder):
    return bool(store._files_at(joined(folder) + "/"))


def partitioned(dataset, keys, target, name, as_files):
    """The dataset written in a folder for each combination of its keys' values, as a dataset with those partitions."""
    from urllib.parse import quote

    from azureml.data._formats import kind_of
    from azureml.data.file_dataset import FileDataset
    from azureml.data.tabular_dataset import TabularDataset

    frame = dataset.to_pandas_dataframe()
    _check_keys(frame, keys)
    store, path = place_of(target)
    folder = unique(path)
    others = [c for c in frame.columns if c not in keys]
    if not others:
        raise _user_error("partition_by: all columns are keys, so nothing is left to write. Leave one out.")
    for values, part in frame.groupby(keys[0] if len(keys) == 1 else list(keys), sort=False):
        values = (values,) if len(keys) == 1 else values
        below = [quote(_key_text(v), safe=" ,=+") for v in values]
        write_parquet(store, joined(folder, *below) + "/part-00000.parquet", part[others])
    definition = {
        "paths": [{"datastore": store.name, "path": folder}],
        "partition_format": "".join("/{" + k + "}" for k in keys) + "/*.parquet",
        "partition_types": [{"name": k, "type": kind_of(frame[k])} for k in keys],
        "partition_quoted": True,
    }
    if not as_files:
        columns = [{"name": c, "type": kind_of(frame[c])} for c in list(keys) + others]
        definition = dict(definition, format="parquet", include_path=False, columns=columns)
    made = (FileDataset if as_files else TabularDataset)(definition, store.workspace)
    return made.register(store.workspace, name, create_new_version=True) if name else made


def _key_text(value):
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _check_keys(frame, keys):
    for key in keys:
        if key not in frame.columns:
            raise _user_error(
                "partition_by: there is no column {!r}. There are: {}.".format(key, ", ".join(frame.columns))
            )
        if frame[key].isna().any() or (frame[key].astype(str) == "").any():
            raise _user_error(
                "partition_by: column {!r} has blanks, which name no folder. Fill or filter them.".format(key)
            )


def as_files(dataset, ending, separator=","):
    """The table written to the workspace's default datastore, as a file dataset."""
    from azureml.core.datastore import Datastore
    from azureml.data.dataset_factory import FileDatasetFactory

    if dataset._workspace is None:
        raise _user_error(
            "The dataset belongs to no workspace yet, so there is no datastore to write to. Register it, or call as_named_input."
        )
    frame = dataset.to_pandas_dataframe()
    store = Datastore.get_default(dataset._workspace)
    file = joined(unique("managed-dataset"), "part-00000" + ending)
    if ending == ".csv":
        write_csv(store, file, frame, separator)
    else:
        write_parquet(store, file, frame)
    return FileDatasetFactory.from_files((store, os.path.dirname(file)))


def _silent(*args):
    pass


def _user_error(message):
    from azureml.exceptions import UserErrorException

    return UserErrorException(message)
