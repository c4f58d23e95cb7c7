"""OutputFileDatasetConfig and its kin: an output of a step that is a dataset. Every method gives a copy that shares one producer."""

import copy

from azureml._graph.ports import MadeUp, OutputPort, Slot, check_port_name, datastore_name


class UploadOptions:
    def __init__(self, overwrite=False, source_globs=None):
        self.overwrite = overwrite
        self.source_globs = source_globs


class MountOptions:
    def __init__(self, disable_metadata_cache=False):
        self.disable_metadata_cache = disable_metadata_cache


class RegistrationConfiguration:
    """Under which name, with what description and tags an output is registered when its step completes."""

    def __init__(self, name, description, tags):
        self.name = name
        self.description = description
        self.tags = tags


class OutputDatasetConfig:
    """What every dataset output has: a name, a mode, a registration and a producer."""

    _adopt_as = "output"
    _is_tabular = False

    def __init__(self, mode, name=None, **kwargs):
        if name is not None:
            check_port_name(name, "Output")
        self._name = name or MadeUp("output_")
        self.mode = mode
        self.destination = None
        self.source = None
        self._registration = None
        self._options = None
        self._transform = []
        self._slot = Slot(self._name, self._name)

    @property
    def name(self):
        return self._slot.output_name if isinstance(self._name, MadeUp) else self._name

    @property
    def arg_val(self):
        """The text that stands for this output in a list of arguments."""
        return "DatasetOutputConfig:{}".format(self._name)

    def __str__(self):
        return self.arg_val

    def __repr__(self):
        return "{}(name={!r})".format(type(self).__name__, self._name)

    def as_input(self, name=None):
        """This output as the input of a later step. Without a name, a new one is made up on each call."""
        from azureml.data.dataset_consumption_config import DatasetConsumptionConfig

        mode = "direct" if self._is_tabular else "mount"
        return DatasetConsumptionConfig(name or MadeUp("input_"), self, mode)

    def register_on_complete(self, name, description=None, tags=None):
        """A copy that is registered as a new version of dataset `name` when the step completes."""
        if not isinstance(name, str) or not name:
            raise ValueError("register_on_complete needs the name to register the dataset under.")
        registered = copy.copy(self)
        registered._registration = RegistrationConfiguration(name, description, dict(tags or {}))
        return registered

    def _argument_keys(self):
        return (id(self._slot),)

    def _as_input_port(self):
        """A raw output in a list of inputs is taken as its `as_input()`."""
        port = self.as_input()._as_input_port()
        port.keys = port.keys + self._argument_keys()
        return port

    def _as_output_port(self):
        datastore, path = self._place()
        registration = self._registration
        settings = {
            "mode": self.mode,
            "reference": "dataset",
            "destination": path,
            "register": None,
        }
        if registration is not None:
            settings["register"] = {
                "name": registration.name,
                "description": registration.description,
                "tags": registration.tags,
                "create_new_version": True,
                "transform": list(self._transform) or None,
            }
        if self.source is not None:
            settings["path_on_compute"] = self.source
        if isinstance(self._options, UploadOptions):
            settings["overwrite"] = bool(self._options.overwrite)
            settings["globs"] = self._options.source_globs
        self._slot.output_name = self._slot.name  # a ModuleStep may have called it otherwise
        return OutputPort(self._name, self._argument_keys(), self._slot, datastore, settings)

    def _place(self):
        if self.destination is None:
            return None, None
        if isinstance(self.destination, tuple):
            return self.destination[0], self.destination[1].strip("/")
        return self.destination, None


class TransformationMixin:
    """`read_…`: the output's files read as a table."""

    def read_delimited_files(
        self,
        include_path=False,
        separator=",",
        header="ALL_FILES_HAVE_SAME_HEADERS",
        partition_format=None,
        path_glob=None,
        set_column_types=None,
    ):
        return self._as_table(
            {
                "parse": "delimited",
                "include_path": include_path,
                "separator": separator,
                "header": getattr(header, "name", header),
                "partition_format": partition_format,
                "path_glob": path_glob,
                "set_column_types": _column_types(set_column_types),
            }
        )

    def read_parquet_files(self, include_path=False, partition_format=None, path_glob=None, set_column_types=None):
        return self._as_table(
            {
                "parse": "parquet",
                "include_path": include_path,
                "partition_format": partition_format,
                "path_glob": path_glob,
                "set_column_types": _column_types(set_column_types),
            }
        )

    def _as_table(self, step):
        table = OutputTabularDatasetConfig(output_file_dataset_config=self)
        table._transform = self._transform + [step]
        return table


class OutputFileDatasetConfig(OutputDatasetConfig, TransformationMixin):
    """Files that a step writes and that become a FileDataset.

    `destination`: None (the default datastore, run by run), a datastore, or (datastore, 'path') where `{run-id}` and
    `{output-name}` are filled in. `source`: the folder on the compute in which the script writes.
    """

    def __init__(self, name=None, destination=None, source=None, partition_format=None):
        OutputDatasetConfig.__init__(self, "mount", name)
        self.destination = _checked_destination(destination, self._name)
        self.source = source
        self.partition_format = partition_format
        if partition_format:
            self._transform = [{"partition_format": partition_format}]

    def as_mount(self, disable_metadata_cache=False):
        changed = copy.copy(self)
        changed.mode = "mount"
        changed._options = MountOptions(disable_metadata_cache)
        return changed

    def as_upload(self, overwrite=False, source_globs=None):
        changed = copy.copy(self)
        changed.mode = "upload"
        changed._options = UploadOptions(overwrite, source_globs)
        return changed


class HDFSOutputDatasetConfig(OutputDatasetConfig, TransformationMixin):
    """Files that a Spark step writes through an hdfs path."""

    def __init__(self, name=None, destination=None):
        OutputDatasetConfig.__init__(self, "hdfs", name)
        self.destination = _checked_destination(destination, self._name)


class LinkFileOutputDatasetConfig(OutputDatasetConfig):
    """An output that the script links to an existing FileDataset: `run.output_datasets[name].link(dataset)`."""

    def __init__(self, name=None):
        OutputDatasetConfig.__init__(self, "link", name)


class LinkTabularOutputDatasetConfig(OutputDatasetConfig):
    """An output that the script links to an existing TabularDataset."""

    _is_tabular = True

    def __init__(self, name=None):
        OutputDatasetConfig.__init__(self, "link", name)


class OutputTabularDatasetConfig(OutputDatasetConfig):
    """A table read from the files of an output (`read_delimited_files` and `read_parquet_files` make it)."""

    _is_tabular = True

    def __init__(self, **kwargs):
        files = kwargs.get("output_file_dataset_config")
        if files is None:
            raise ValueError(
                "OutputTabularDatasetConfig is made by OutputFileDatasetConfig.read_delimited_files() or "
                "read_parquet_files(), not by itself."
            )
        self.__dict__.update(copy.copy(files).__dict__)

    def as_mount(self):
        changed = copy.copy(self)
        changed.mode = "mount"
        return changed

    def as_upload(self, overwrite=False, source_globs=None):
        changed = copy.copy(self)
        changed.mode = "upload"
        changed._options = UploadOptions(overwrite, source_globs)
        return changed

    def keep_columns(self, columns):
        return self._then({"keep_columns": _column_list(columns)})

    def drop_columns(self, columns):
        return self._then({"drop_columns": _column_list(columns)})

    def random_split(self, percentage, seed=None):
        """Two tables; they are called `<name>_1` and `<name>_2`."""
        from azureml.pipeline.core.pipeline_output_dataset import split_of

        split = split_of(percentage, seed)
        halves = self._then(dict(split, part=1)), self._then(dict(split, part=2))
        halves[0]._name = self._name + "_1"
        halves[1]._name = self._name + "_2"
        return halves

    def _then(self, step):
        changed = copy.copy(self)
        changed._transform = self._transform + [step]
        return changed


def _checked_destination(destination, name):
    if destination is None:
        return None
    if isinstance(destination, tuple):
        if len(destination) == 2 and datastore_name(destination[0]) and isinstance(destination[1], str):
            return destination
    elif not isinstance(destination, str) and isinstance(getattr(destination, "name", None), str):
        return destination
    raise ValueError(
        "Output '{}': destination must be a datastore or (datastore, 'path'), but is {!r}.".format(name, destination)
    )


def _column_list(columns):
    from azureml.pipeline.core.pipeline_output_dataset import column_list

    return column_list(columns)


def _column_types(types):
    from azureml.pipeline.core.pipeline_output_dataset import lower_column_types

    return lower_column_types(types)
