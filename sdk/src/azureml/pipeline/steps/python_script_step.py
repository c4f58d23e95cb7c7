"""PythonScriptStep: a Python script on a compute."""

from azureml._paths import absolute
from azureml.pipeline.core.builder import PipelineStep, check_compute_target

RUNCONFIG_PARAMETERS = (
    "NodeCount",
    "MpiProcessCountPerNode",
    "TensorflowWorkerCount",
    "TensorflowParameterServerCount",
)


class PythonScriptStep(PipelineStep):
    """Runs `script_name` of `source_directory` with `arguments`. Azure: the same class."""

    _kind = "python_script"

    def __init__(
        self,
        script_name,
        name=None,
        arguments=None,
        compute_target=None,
        runconfig=None,
        runconfig_pipeline_params=None,
        inputs=None,
        outputs=None,
        params=None,
        source_directory=None,
        allow_reuse=True,
        version=None,
        hash_paths=None,
    ):
        if not script_name:
            raise ValueError("script_name is required")
        if not isinstance(script_name, str):
            raise ValueError("script_name must be text, but is {}.".format(type(script_name).__name__))
        if hash_paths:
            _warn_hash_paths()
        PipelineStep.__init__(self, name or script_name, inputs, outputs, arguments, fix_port_name_collisions=True)
        self._script_name = script_name
        self._source_directory = source_directory
        self._compute_target = check_compute_target(compute_target, self.name)
        self._runconfig = check_runconfig(runconfig, self.name)
        self._params = check_params(params, self.name)
        self._runconfig_pipeline_params = check_runconfig_parameters(runconfig_pipeline_params)
        self._allow_reuse = allow_reuse
        self._version = version
        self._check_params()

    def _code(self, default_source_directory):
        return absolute(self._source_directory or default_source_directory), self._script_name

    def _settings(self, scope):
        return {"script_name": self._script_name}


def check_params(params, step_name):
    if params is None:
        return {}
    if not isinstance(params, dict):
        raise ValueError("Step '{}': params must be a dict, but is {}.".format(step_name, type(params).__name__))
    return dict(params)


def check_runconfig(runconfig, step_name):
    if runconfig is not None and not hasattr(runconfig, "_as_dict"):
        raise ValueError(
            "Step '{}': runconfig must be a RunConfiguration, but is {}.".format(step_name, type(runconfig).__name__)
        )
    return runconfig


def check_runconfig_parameters(params):
    """`runconfig_pipeline_params` checked: only four settings can be parameters, and only by a PipelineParameter."""
    for name, value in (params or {}).items():
        if name not in RUNCONFIG_PARAMETERS:
            raise ValueError(
                "runconfig_pipeline_params takes {}, not {!r}.".format(", ".join(RUNCONFIG_PARAMETERS), name)
            )
        if not hasattr(value, "_lower_value"):
            raise ValueError(
                "runconfig_pipeline_params[{!r}] must be a PipelineParameter, but is {}.".format(
                    name, type(value).__name__
                )
            )
    return dict(params or {})


def _warn_hash_paths():
    import warnings

    warnings.warn(
        "hash_paths is ignored: every file of source_directory counts. Exclude files with .amlignore.",
        UserWarning,
        stacklevel=3,
    )
