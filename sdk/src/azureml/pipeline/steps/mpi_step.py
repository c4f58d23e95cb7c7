"""MpiStep: a Python script started several times, on several nodes."""

from azureml._paths import absolute
from azureml.core._sections import number
from azureml.pipeline.core.builder import PipelineStep, check_compute_target
from azureml.pipeline.steps.python_script_step import check_params

_COMPUTES = ("AmlCompute", "Kubernetes", "AKS")


class MpiStep(PipelineStep):
    """All of name, source_directory, script_name, arguments, compute_target, node_count and process_count_per_node are needed."""

    _kind = "mpi"

    def __init__(
        self,
        name=None,
        source_directory=None,
        script_name=None,
        arguments=None,
        compute_target=None,
        node_count=None,
        process_count_per_node=None,
        inputs=None,
        outputs=None,
        allow_reuse=True,
        version=None,
        hash_paths=None,
        **kwargs,
    ):
        required = {
            "name": name,
            "source_directory": source_directory,
            "script_name": script_name,
            "compute_target": compute_target,
            "node_count": node_count,
            "process_count_per_node": process_count_per_node,
        }
        for setting, value in required.items():
            if not value:
                raise ValueError("{} is required".format(setting))
        if arguments is None:
            raise ValueError("arguments is required")
        PipelineStep.__init__(self, name, inputs, outputs, arguments, fix_port_name_collisions=True)
        compute_type = getattr(compute_target, "type", None)
        if isinstance(compute_type, str) and compute_type not in _COMPUTES:
            raise ValueError(
                "MpiStep runs on an AmlCompute or Kubernetes compute, not on one of type {}.".format(compute_type)
            )
        self._compute_target = check_compute_target(compute_target, self.name, required=True)
        self._source_directory = source_directory
        self._script_name = script_name
        self._node_count = node_count if hasattr(node_count, "_lower_value") else number(node_count, "node_count", 1)
        self._process_count_per_node = (
            process_count_per_node
            if hasattr(process_count_per_node, "_lower_value")
            else number(process_count_per_node, "process_count_per_node", 1)
        )
        self._params = check_params(kwargs.get("params"), self.name)
        self._allow_reuse = allow_reuse
        self._version = version

    def _code(self, default_source_directory):
        return absolute(self._source_directory), self._script_name

    def _settings(self, scope):
        return {
            "script_name": self._script_name,
            "node_count": scope.value(self._node_count),
            "process_count_per_node": scope.value(self._process_count_per_node),
        }
