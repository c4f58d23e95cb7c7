"""DataTransferStep: data from one place to another."""

from azureml._graph.ports import datastore_name, input_port
from azureml.pipeline.core.builder import PipelineData, PipelineStep, check_compute_target

_TYPES = ("file", "directory")
_SQL = ("sql_table", "sql_query", "sql_stored_procedure")


class DataTransferStep(PipelineStep):
    """Source and destination are a DataReference, a SqlDataReference, a (DataPath, binding) tuple, or data of a step."""

    _kind = "data_transfer"

    def __init__(
        self,
        name,
        source_data_reference=None,
        destination_data_reference=None,
        compute_target=None,
        source_reference_type=None,
        destination_reference_type=None,
        allow_reuse=True,
    ):
        if not name:
            raise ValueError("name is required")
        if source_data_reference is None:
            raise ValueError("source_data_reference is required")
        if destination_data_reference is None:
            raise ValueError("destination_data_reference is required")
        self._destination = input_port(destination_data_reference, name)
        self._output = PipelineData("_data_transfer_output", datastore=_datastore_of(destination_data_reference))
        PipelineStep.__init__(self, name, [source_data_reference], [self._output])
        self._compute_target = check_compute_target(compute_target, self.name, required=True)
        self._source_type = _checked_type(source_reference_type, "source_reference_type")
        self._destination_type = _checked_type(destination_reference_type, "destination_reference_type")
        asked = [key for key in _SQL if getattr(source_data_reference, key, None)]
        if len(asked) > 1:
            raise ValueError("Step '{}': its source gives {}. Give only one of them.".format(name, " and ".join(asked)))
        is_query = bool(asked) and asked[0] != "sql_stored_procedure"
        self._makes_a_file = is_query and not hasattr(destination_data_reference, "sql_table")
        self._allow_reuse = allow_reuse

    def get_output(self):
        """What the transfer wrote, for a later step's inputs."""
        return self._output

    def _settings(self, scope):
        if self._makes_a_file and self._destination_type != "file":
            raise ValueError(
                "Step '{}': destination_reference_type must be 'file' when the source is an SQL datastore.".format(
                    self.name
                )
            )
        destination = self._destination
        place = destination.source(scope) if destination.source is not None else {"slot": destination.slot.name}
        return {
            "source": self._input_ports[0].name,
            "source_reference_type": self._source_type,
            "destination": place,
            "destination_reference_type": self._destination_type,
        }


def _checked_type(value, what):
    if value is None:
        return None
    if not isinstance(value, str) or value.lower() not in _TYPES:
        raise ValueError("{} must be 'file' or 'directory', but is {!r}.".format(what, value))
    return value.lower()


def _datastore_of(reference):
    if isinstance(reference, tuple):
        reference = getattr(reference[0], "default_value", reference[0])
    bound = getattr(reference, "bind_object", reference)
    datastore = getattr(bound, "datastore", None) or getattr(bound, "_datastore", None)
    return datastore if datastore_name(datastore) else None
