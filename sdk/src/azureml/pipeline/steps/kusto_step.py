"""KustoStep: queries on a Kusto database."""

from azureml._paths import absolute
from azureml.pipeline.core.builder import PipelineStep


class KustoStep(PipelineStep):
    """`query_directory` holds the queries; `compute_target` is a name."""

    _kind = "kusto"

    def __init__(
        self, name, compute_target, database_name, query_directory, output, parameter_dict=None, allow_reuse=False
    ):
        if not isinstance(compute_target, str) or not compute_target:
            raise ValueError("compute_target must be the name of a Kusto compute.")
        for setting, value in (("database_name", database_name), ("query_directory", query_directory)):
            if not value:
                raise ValueError("{} is required".format(setting))
        if output is None:
            raise ValueError("output is required")
        PipelineStep.__init__(self, name, None, [output])
        self._compute_target = compute_target
        self._database_name = database_name
        self._source_directory = query_directory
        self._params = dict(parameter_dict or {})
        self._allow_reuse = allow_reuse

    def _code(self, default_source_directory):
        return absolute(self._source_directory), None

    def _settings(self, scope):
        return {"database_name": self._database_name}
