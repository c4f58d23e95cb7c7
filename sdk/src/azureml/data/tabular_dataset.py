"""TabularDataset: a table in files. What is done to it is recorded in its definition; pandas is needed only to read it."""

import azureml._sentinel  # noqa: F401
from azureml.data.abstract_dataset import AbstractDataset, _not_built
from azureml.data.file_dataset import _count, _share


class TabularDataset(AbstractDataset):
    """Each method gives a new dataset; nothing is read before to_pandas_dataframe."""

    _kind = "tabular"

    def to_pandas_dataframe(self, on_error="null", out_of_range_datetime="null"):
        """The whole table. What is not of its column's type becomes null, or an error with on_error='fail'."""
        for name, value in (("on_error", on_error), ("out_of_range_datetime", out_of_range_datetime)):
            if value not in ("null", "fail"):
                raise _user_error("{} must be 'null' or 'fail', not {!r}.".format(name, value))
        try:
            import pandas
        except ImportError:
            raise _user_error(
                "to_pandas_dataframe needs pandas, which is not installed in this Python. Install it: pip install pandas"
            ) from None
        del pandas
        from azureml.data._frame import frame

        self._say_drift()
        return frame(self._definition, self._workspace, on_error, out_of_range_datetime)

    def keep_columns(self, columns, validate=False):
        """Only these columns, in the order they have in the data."""
        kept = self._with({"keep_columns": _names(columns)})
        if validate:
            kept._check_columns(_names(columns))
        return kept

    def drop_columns(self, columns):
        return self._with({"drop_columns": _names(columns)})

    def _check_columns(self, names):
        known = [c["name"] for c in self._definition.get("columns") or ()]
        missing = [n for n in names if known and n not in known]
        if missing:
            from azureml.data.dataset_error_handling import DatasetValidationError

            raise DatasetValidationError(
                "The dataset has no column {}. It has: {}.".format(", ".join(map(repr, missing)), ", ".join(known))
            )

    def take(self, count):
        return self._with({"take": _count(count)})

    def skip(self, count):
        return self._with({"skip": _count(count)})

    def take_sample(self, probability, seed=None):
        return self._with({"sample": _share(0.0, probability, seed)})

    def random_split(self, percentage, seed=None):
        """Two datasets: about `percentage` of the rows, and the rest. The same seed gives the same rows."""
        share = _share(0.0, percentage, seed)
        rest = {"from": share["to"], "to": 1.0, "seed": share["seed"]}
        return self._with({"sample": share}), self._with({"sample": rest})

    def __getitem__(self, key):
        """A column for a filter, or with a list of names a dataset of these columns."""
        if isinstance(key, list):
            return self.keep_columns(key)
        from azureml.data._expression import Expression

        return Expression({"column": key})

    def filter(self, expression):
        """The rows for which `expression` holds, for example ds['age'] > 40."""
        from azureml.data._expression import Expression, content

        if not isinstance(expression, Expression):
            raise _user_error("filter takes an expression such as ds['age'] > 40, not {!r}.".format(expression))
        return self._with({"filter": content(expression)})

    # --- time -------------------------------------------------------------------------------------------------------

    @property
    def timestamp_columns(self):
        return tuple(self._definition.get("timestamp_columns") or (None, None))

    def with_timestamp_columns(self, timestamp=None, partition_timestamp=None, validate=False, **kwargs):
        """The dataset with the columns that hold its times."""
        columns = [timestamp or kwargs.get("fine_grain_timestamp"), partition_timestamp]
        if validate:
            self._check_columns([name for name in columns if name])
        return self._derived(dict(self._definition, timestamp_columns=columns))

    def time_before(self, end_time, include_boundary=True, validate=True):
        column = self._time_column(validate)
        return self.filter(column <= end_time if include_boundary else column < end_time)

    def time_after(self, start_time, include_boundary=True, validate=True):
        column = self._time_column(validate)
        return self.filter(column >= start_time if include_boundary else column > start_time)

    def time_between(self, start_time, end_time, include_boundary=True, validate=True):
        return self.time_after(start_time, include_boundary, validate).time_before(end_time, include_boundary, validate)

    def time_recent(self, time_delta, include_boundary=True, validate=True):
        import datetime

        now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
        return self.time_after(now - time_delta, include_boundary, validate)

    def _time_column(self, validate):
        name = self.timestamp_columns[0] or self.timestamp_columns[1]
        if not name:
            from azureml.exceptions import DatasetTimestampMissingError

            raise DatasetTimestampMissingError(
                "The dataset has no timestamp column. Name one with with_timestamp_columns(timestamp=…)."
            )
        if validate:
            self._check_columns([name])
        return self[name]

    # --- files that a column names ----------------------------------------------------------------------------------

    def download(self, stream_column, target_path=None, overwrite=False, ignore_not_found=True):
        """Copies of the files that a column of DataType.to_stream names; their local paths."""
        from azureml.data._streams import sources
        from azureml.data.file_dataset import downloaded

        return downloaded(sources(self, stream_column, ignore_not_found), target_path, overwrite)

    def mount(self, stream_column, mount_point=None):
        """A context manager under whose `mount_point` the files are that a column of DataType.to_stream names."""
        from azureml.data._streams import Column
        from azureml.data.context_managers import DatasetContextManager

        return DatasetContextManager(Column(self, stream_column), mount_point)

    # --- written anew -----------------------------------------------------------------------------------------------

    def partition_by(self, partition_keys, target, name=None, show_progress=True, partition_as_file_dataset=False):
        """The table written below `target` in a folder for each value of the keys, as a dataset (registered under `name`)."""
        from azureml.data._writing import partitioned

        keys = _names(partition_keys)
        if not keys:
            raise _user_error("partition_by needs at least one column to partition by.")
        return partitioned(self, keys, target, name, partition_as_file_dataset)

    def to_csv_files(self, separator=","):
        """The table as delimited files, written to the default datastore now."""
        from azureml.data._writing import as_files

        return as_files(self, ".csv", separator)

    def to_parquet_files(self):
        """The table as Parquet files, written to the default datastore now."""
        from azureml.data._writing import as_files

        return as_files(self, ".parquet")

    def get_profile(self, workspace=None):
        """What the columns hold: counts, extremes, quartiles. Counted now."""
        from azureml.data.dataset_profile import DatasetProfile, profiled

        return DatasetProfile(
            self.id, workspace=workspace or self._workspace, profile=profiled(self.to_pandas_dataframe())
        )

    # --- not built yet ----------------------------------------------------------------------------------------------

    def to_dask_dataframe(self, sample_size=10000, dtypes=None, on_error="null", out_of_range_datetime="null"):
        raise _not_built("TabularDataset.to_dask_dataframe")

    def to_spark_dataframe(self):
        raise _not_built("TabularDataset.to_spark_dataframe")

    def get_profile_runs(self, workspace=None):
        raise _not_built("TabularDataset.get_profile_runs")

    def submit_profile_run(self, compute_target, experiment, cache_datastore_name=None):
        raise _not_built("TabularDataset.submit_profile_run")


def _names(columns):
    names = [columns] if isinstance(columns, str) else list(columns)
    for name in names:
        if not isinstance(name, str):
            raise _user_error("Column names are text, but {!r} is not.".format(name))
    return names


def _user_error(message):
    from azureml.exceptions import UserErrorException

    return UserErrorException(message)
