"""`PipelineData.as_dataset()`: a step's output seen as a dataset, as files or parsed into a table. Every method copies."""

import copy

from azureml._graph.ports import InputPort, check_port_name


class DatasetRegistration:
    """Under which name an output is registered when its step completes."""

    def __init__(self, name, create_new_version):
        if not isinstance(name, str) or not name:
            raise ValueError("A dataset is registered under a name: register(name='…').")
        self._name = name
        self._create_new_version = bool(create_new_version)

    @property
    def name(self):
        return self._name

    @property
    def create_new_version(self):
        return self._create_new_version


class PipelineOutputAbstractDataset:
    """What the file form and the tabular form share: the data, the name it has as an input, its registration."""

    def __init__(self, pipeline_data):
        self._pipeline_data = pipeline_data
        self._input_name = None
        self._input_mode = "mount"
        self._path_on_compute = None
        self._registration = None
        self._transform = []

    @property
    def name(self):
        return self._pipeline_data._output_name

    @property
    def input_name(self):
        return self._input_name or self._pipeline_data._output_name

    def as_named_input(self, name):
        check_port_name(name, "Input")
        named = copy.copy(self)
        named._input_name = name
        return named

    def register(self, name, create_new_version=True):
        registered = copy.copy(self)
        registered._registration = DatasetRegistration(name, create_new_version)
        return registered

    def create_input_binding(self):
        from azureml.pipeline.core.graph import InputPortBinding

        return InputPortBinding(
            name=self.input_name,
            bind_object=self,
            bind_mode=self._input_mode,
            path_on_compute=self._path_on_compute,
            additional_transformations=list(self._transform) or None,
        )

    def _argument_keys(self):
        return (id(self._pipeline_data),)

    def _as_input_port(self):
        port = InputPort(
            self.input_name,
            self._input_mode,
            self._argument_keys(),
            slot=self._pipeline_data._slot,
            reference="dataset",
            path_on_compute=self._path_on_compute,
        )
        port.transform = list(self._transform) or None
        return port

    def _as_output_port(self):
        port = self._pipeline_data._as_output_port()
        port.slot.promoted = True
        port.settings["as_dataset"] = True
        if self._registration is not None:
            port.settings["register"] = {
                "name": self._registration.name,
                "create_new_version": self._registration.create_new_version,
                "transform": list(self._transform) or None,
            }
        return port


class PipelineOutputFileDataset(PipelineOutputAbstractDataset):
    """The files of an output."""

    def _with_mode(self, mode, path_on_compute=None):
        changed = copy.copy(self)
        changed._input_mode = mode
        changed._path_on_compute = path_on_compute
        return changed

    def as_mount(self, path_on_compute=None):
        return self._with_mode("mount", path_on_compute)

    def as_download(self, path_on_compute=None):
        return self._with_mode("download", path_on_compute)

    def as_direct(self):
        return self._with_mode("direct")

    def _as_input_port(self):
        port = PipelineOutputAbstractDataset._as_input_port(self)
        port.needs_promotion = True
        return port

    def parse_delimited_files(
        self,
        include_path=False,
        separator=",",
        header="ALL_FILES_HAVE_SAME_HEADERS",
        partition_format=None,
        file_extension="",
        set_column_types=None,
        quoted_line_breaks=False,
    ):
        """A table from separated text. Without `file_extension`: '.csv' for ',', '.tsv' for tab, else every file."""
        extension = file_extension or {",": ".csv", "\t": ".tsv"}.get(separator, "")
        return PipelineOutputTabularDataset(
            self,
            [
                {
                    "parse": "delimited",
                    "include_path": include_path,
                    "separator": separator,
                    "header": getattr(header, "name", header),
                    "partition_format": partition_format,
                    "file_extension": extension,
                    "set_column_types": lower_column_types(set_column_types),
                    "quoted_line_breaks": quoted_line_breaks,
                }
            ],
        )

    def parse_parquet_files(
        self, include_path=False, partition_format=None, file_extension=".parquet", set_column_types=None
    ):
        return PipelineOutputTabularDataset(
            self,
            [
                {
                    "parse": "parquet",
                    "include_path": include_path,
                    "partition_format": partition_format,
                    "file_extension": file_extension,
                    "set_column_types": lower_column_types(set_column_types),
                }
            ],
        )


class PipelineOutputTabularDataset(PipelineOutputAbstractDataset):
    """A table made from the files of an output. It can only be consumed `direct`."""

    def __init__(self, pipeline_output_dataset, additional_transformations):
        PipelineOutputAbstractDataset.__init__(self, pipeline_output_dataset._pipeline_data)
        self._input_name = pipeline_output_dataset._input_name
        self._registration = pipeline_output_dataset._registration
        self._input_mode = "direct"
        self._transform = list(additional_transformations or [])

    def _then(self, step):
        changed = copy.copy(self)
        changed._transform = self._transform + [step]
        return changed

    def keep_columns(self, columns):
        return self._then({"keep_columns": column_list(columns)})

    def drop_columns(self, columns):
        return self._then({"drop_columns": column_list(columns)})

    def random_split(self, percentage, seed=None):
        """Two tables, about `percentage` (0 to 1) of the rows in the first."""
        split = split_of(percentage, seed)
        return self._then(dict(split, part=1)), self._then(dict(split, part=2))


def column_list(columns):
    names = [columns] if isinstance(columns, str) else list(columns or [])
    if not names or not all(isinstance(name, str) for name in names):
        raise ValueError("columns must be a column name or a list of them, but is {!r}.".format(columns))
    return names


def split_of(percentage, seed):
    if isinstance(percentage, bool) or not isinstance(percentage, (int, float)) or not 0 <= percentage <= 1:
        raise ValueError("percentage must be a number from 0 to 1, but is {!r}.".format(percentage))
    if seed is None:
        import random

        seed = random.randrange(2**31)
    return {"random_split": percentage, "seed": seed}


def lower_column_types(types):
    """{column: DataType} as JSON."""
    if not types:
        return None
    return {column: getattr(kind, "_as_json", lambda kind=kind: str(kind))() for column, kind in types.items()}
