"""AdlaStep: a U-SQL script."""

from azureml._paths import absolute
from azureml.pipeline.core.builder import PipelineStep, check_compute_target
from azureml.pipeline.steps.python_script_step import check_params


class AdlaStep(PipelineStep):
    """In the script `@@<port>@@` stands for a path and `@@<param>@@` for a value."""

    _kind = "adla"

    def __init__(
        self,
        script_name,
        name=None,
        inputs=None,
        outputs=None,
        params=None,
        degree_of_parallelism=None,
        priority=None,
        runtime_version=None,
        compute_target=None,
        source_directory=None,
        allow_reuse=True,
        version=None,
        hash_paths=None,
    ):
        if not script_name:
            raise ValueError("script_name is required")
        PipelineStep.__init__(self, name or script_name, inputs, outputs)
        self._compute_target = check_compute_target(compute_target, self.name, required=True)
        self._script_name = script_name
        self._params = check_params(params, self.name)
        self._source_directory = source_directory
        self._degree_of_parallelism = degree_of_parallelism
        self._priority = priority
        self._runtime_version = runtime_version
        self._allow_reuse = allow_reuse
        self._version = version

    def _code(self, default_source_directory):
        return absolute(self._source_directory or default_source_directory), self._script_name

    def _settings(self, scope):
        return {
            "script_name": self._script_name,
            "degree_of_parallelism": self._degree_of_parallelism,
            "priority": self._priority,
            "runtime_version": self._runtime_version,
        }
