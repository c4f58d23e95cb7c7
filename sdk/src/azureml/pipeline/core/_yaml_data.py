"""What steps of a pipeline's YAML read and write, as objects that a step takes. Knows the keys of one port and of one data reference."""

from azureml._graph.ports import InputPort
from azureml.pipeline.core.builder import PipelineData

_MODES = ("mount", "upload")


class YamlOutput(PipelineData):
    """An output with all that the file says of it, what PipelineData takes and what it does not."""

    def __init__(self, whole, port, said):
        mode = said.get("bind_mode") or said.get("type") or "mount"
        PipelineData.__init__(
            self,
            said.get("destination") or port,
            whole.datastore(said.get("datastore")),
            output_name=port,
            output_mode=mode if mode in _MODES or not isinstance(said.get("dataset"), dict) else "mount",
            output_path_on_compute=said.get("path_on_compute"),
            output_overwrite=said.get("overwrite"),
            is_directory=said.get("is_directory"),
            pipeline_output_name=said.get("pipeline_output_name"),
        )
        self.is_dataset = bool(said.get("as_dataset")) or isinstance(said.get("dataset"), dict)
        self._more = {key: said[key] for key in ("as_dataset", "register") if said.get(key)}
        if isinstance(said.get("dataset"), dict):
            self._more.update(reference="dataset", destination=said["dataset"].get("path"), mode=mode)
            if said["dataset"].get("globs"):
                self._more["globs"] = said["dataset"]["globs"]

    def _as_output_port(self):
        port = PipelineData._as_output_port(self)
        port.slot.promoted = self.is_dataset
        port.settings.update(self._more)
        return port


class YamlInput:
    """Data of a step as an input of another, as files or as the dataset that they are saved as."""

    def __init__(self, port, data, said):
        self.name = port
        self.mode = said.get("bind_mode") or said.get("type") or "mount"
        self._data = data
        self._said = said

    def _argument_keys(self):
        return (id(self), id(self._data))

    def _as_input_port(self):
        said = self._said
        is_dataset = said.get("as_dataset", self._data.is_dataset)
        port = InputPort(
            self.name,
            self.mode,
            self._argument_keys(),
            slot=self._data._slot,
            reference="dataset" if is_dataset else "data",
            path_on_compute=said.get("path_on_compute"),
            overwrite=bool(said.get("overwrite")),
        )
        port.transform = said.get("transform") or None
        return port


class YamlPath:
    """A pipeline parameter that is a path, as the input `name` of a step."""

    def __init__(self, name, parameter, said):
        from azureml.data.datapath import DataPathComputeBinding

        self.name = name
        self._parameter = parameter
        mode = said.get("bind_mode") or said.get("type") or "mount"
        self._binding = DataPathComputeBinding(mode, said.get("path_on_compute"), bool(said.get("overwrite")))

    def _argument_keys(self):
        return (id(self),)

    def _as_input_port(self):
        port = self._binding._bind(self._parameter)
        port.name, port.keys = self.name, self._argument_keys()
        return port


def consumed(port, dataset, said, where):
    """A dataset, or a pipeline parameter that is one, as the input `port`."""
    from azureml.data.dataset_consumption_config import DatasetConsumptionConfig
    from azureml.exceptions import UserErrorException

    try:
        mode = said.get("bind_mode") or said.get("type") or "direct"
        return DatasetConsumptionConfig(port, dataset, mode, said.get("path_on_compute"))
    except UserErrorException as error:
        raise ValueError("{}: input '{}': {}".format(where, port, error.message)) from None


def referred(whole, name, said, where, mode="mount", place=None, overwrite=False):
    """What an entry of data_references stands for."""
    from azureml.data.data_reference import DataReference

    where = "{}: data reference '{}'".format(where, name)
    if not isinstance(said, dict):
        raise ValueError("{} must be a map.".format(where))
    if said.get("dataset_id") or said.get("dataset_name"):
        return dataset_of(whole.workspace, said)
    if not said.get("datastore"):
        raise ValueError("{} needs a datastore, a dataset_id or a dataset_name.".format(where))
    store = whole.datastore(said["datastore"])
    if any(said.get(key) for key in ("sql_table", "sql_query", "sql_stored_procedure")):
        return _sql(store, name, said)
    return DataReference(store, name, said.get("path_on_datastore"), mode, place, bool(overwrite))


def dataset_of(workspace, said):
    from azureml.core.dataset import Dataset

    if said.get("dataset_id"):
        return Dataset.get_by_id(workspace, said["dataset_id"])
    return Dataset.get_by_name(workspace, said["dataset_name"])


def _sql(store, name, said):
    from azureml.data.sql_data_reference import SqlDataReference
    from azureml.data.stored_procedure_parameter import StoredProcedureParameter

    given = said.get("sql_stored_procedure_params") or {}
    parameters = [StoredProcedureParameter(key, value.get("value"), value.get("type")) for key, value in given.items()]
    return SqlDataReference(
        store, name, said.get("sql_table"), said.get("sql_query"), said.get("sql_stored_procedure"), parameters or None
    )
