"""DataPath: a place on a datastore; DataPathComputeBinding: how it reaches a compute. Nothing is read here."""

import os

from azureml._graph.ports import InputPort, datastore_name

_MODES = ("mount", "download", "upload")


class DataPath:
    """A path on a datastore. `name` is made up as `<datastore>_<8 hex>` when not given."""

    _is_datapath = True

    def __init__(self, datastore=None, path_on_datastore=None, name=None):
        if datastore is None or not datastore_name(datastore):
            raise ValueError("DataPath needs a datastore: DataPath(datastore=…, path_on_datastore='…').")
        self._datastore = datastore
        self._path_on_datastore = path_on_datastore
        self._name = name or "{}_{}".format(datastore_name(datastore), os.urandom(4).hex())

    @property
    def datastore_name(self):
        return datastore_name(self._datastore)

    @property
    def path_on_datastore(self):
        return self._path_on_datastore

    @property
    def name(self):
        return self._name

    def create_data_reference(self, data_reference_name=None, datapath_compute_binding=None):
        from azureml.data.data_reference import DataReference

        return DataReference.create(data_reference_name or self._name, self, datapath_compute_binding)

    @staticmethod
    def create_from_data_reference(data_reference):
        return DataPath(data_reference.datastore, data_reference.path_on_datastore, data_reference.data_reference_name)

    def _lower(self):
        return {"datastore": self.datastore_name, "path": self._path_on_datastore or ""}

    def _identity(self):
        return (self.datastore_name, self._path_on_datastore)

    def __str__(self):
        return "$AZUREML_DATAREFERENCE_{}".format(self._name)

    def __repr__(self):
        return "DataPath(datastore={!r}, path_on_datastore={!r})".format(self.datastore_name, self._path_on_datastore)


class DataPathComputeBinding:
    """How a DataPath is made available: mode mount, download or upload, and where on the compute."""

    def __init__(self, mode="mount", path_on_compute=None, overwrite=False):
        if mode not in _MODES:
            from azureml.exceptions import UserErrorException

            raise UserErrorException("Invalid mode {!r}: use mount, download or upload.".format(mode))
        self.mode = mode
        self.path_on_compute = path_on_compute
        self.overwrite = overwrite

    def create_data_reference(self, data_reference_name=None, datapath=None):
        return datapath.create_data_reference(data_reference_name, self)

    @staticmethod
    def create_from_data_reference(data_reference):
        return DataPathComputeBinding(data_reference.mode, data_reference.path_on_compute, data_reference.overwrite)

    def _bind(self, item):
        """The port for the tuple `(item, self)`, item being a DataPath or a PipelineParameter whose default is one."""
        datapath = getattr(item, "default_value", item)
        if not hasattr(datapath, "_is_datapath"):
            raise ValueError(
                "A tuple as an input must be (DataPath, DataPathComputeBinding) or (PipelineParameter with a DataPath "
                "as its default, DataPathComputeBinding), but its first part is {}.".format(type(item).__name__)
            )
        if datapath is item:
            source = lambda scope: item._lower()  # noqa: E731
        else:
            source = lambda scope: scope.value(item)  # noqa: E731
        name = "".join(c if c.isalnum() or c == "_" else "_" for c in item.name)
        return InputPort(name, self.mode, (id(item),), source, None, "data", self.path_on_compute, self.overwrite)
