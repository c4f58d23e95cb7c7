"""DataReference: a path on a datastore with the name and the mode under which a step sees it. Nothing is read here."""

from azureml._graph.ports import InputPort, MadeUp, datastore_name

_MODES = ("mount", "download", "upload")


class DataReference:
    """Azure: the same class. The name defaults to the datastore's when there is no path, else to eight random hex digits."""

    def __init__(
        self,
        datastore,
        data_reference_name=None,
        path_on_datastore=None,
        mode="mount",
        path_on_compute=None,
        overwrite=False,
    ):
        if mode not in _MODES:
            raise _user_error("Invalid mode {!r} for a DataReference: use mount, download or upload.".format(mode))
        if datastore is None:
            raise _user_error("A DataReference needs a datastore, but datastore is None.")
        if not data_reference_name:
            seed = "{}/{}".format(datastore_name(datastore), path_on_datastore)
            data_reference_name = MadeUp("", seed) if path_on_datastore else datastore_name(datastore)
        if not all(c.isalnum() or c == "_" for c in data_reference_name):
            raise _user_error(
                "Invalid data reference name {!r}: use letters, digits and underscores only.".format(
                    data_reference_name
                )
            )
        self.datastore = datastore
        self.data_reference_name = data_reference_name
        self.path_on_datastore = path_on_datastore
        self.mode = mode
        self.path_on_compute = path_on_compute
        self.overwrite = overwrite

    def _copy(self, **changes):
        values = {
            "datastore": self.datastore,
            "data_reference_name": self.data_reference_name,
            "path_on_datastore": self.path_on_datastore,
            "mode": self.mode,
            "path_on_compute": self.path_on_compute,
            "overwrite": self.overwrite,
        }
        values.update(changes)
        return DataReference(**values)

    def path(self, path=None, data_reference_name=None):
        """A reference to `path` below this one."""
        base = (self.path_on_datastore or "").rstrip("/")
        whole = "/".join(part for part in (base, (path or "").lstrip("/")) if part) or None
        return self._copy(path_on_datastore=whole, data_reference_name=data_reference_name)

    def as_mount(self):
        return self._copy(mode="mount")

    def as_download(self, path_on_compute=None, overwrite=False):
        return self._copy(mode="download", path_on_compute=path_on_compute, overwrite=overwrite)

    def as_upload(self, path_on_compute=None, overwrite=False):
        return self._copy(mode="upload", path_on_compute=path_on_compute, overwrite=overwrite)

    @staticmethod
    def create(data_reference_name=None, datapath=None, datapath_compute_binding=None):
        from azureml.data.datapath import DataPathComputeBinding

        binding = datapath_compute_binding or DataPathComputeBinding()
        return DataReference(
            datapath._datastore,
            data_reference_name,
            datapath.path_on_datastore,
            binding.mode,
            binding.path_on_compute,
            binding.overwrite,
        )

    def to_config(self):
        from azureml.core.runconfig import DataReferenceConfiguration

        return DataReferenceConfiguration(
            datastore_name(self.datastore), self.mode, self.path_on_datastore, self.path_on_compute, self.overwrite
        )

    def __str__(self):
        return "$AZUREML_DATAREFERENCE_{}".format(self.data_reference_name)

    def __repr__(self):
        return str(self)

    def _argument_keys(self):
        return (id(self), ("data", self.data_reference_name))

    def _source(self):
        return {"datastore": datastore_name(self.datastore), "path": self.path_on_datastore or ""}

    def _as_input_port(self):
        return InputPort(
            self.data_reference_name,
            self.mode,
            self._argument_keys(),
            lambda scope: self._source(),
            None,
            "data",
            self.path_on_compute,
            self.overwrite,
        )


def _user_error(message):
    from azureml.exceptions import UserErrorException

    return UserErrorException(message)
