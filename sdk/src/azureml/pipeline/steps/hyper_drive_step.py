"""HyperDriveStep: a search over a script's hyperparameters."""

from azureml._paths import absolute
from azureml.pipeline.core.builder import PipelineData, PipelineStep, check_compute_target


class HyperDriveStep(PipelineStep):
    """`metrics_output` receives all children's metrics as JSON; outputs with a TrainingOutput receive metrics or a model."""

    _kind = "hyper_drive"

    def __init__(
        self,
        name,
        hyperdrive_config,
        estimator_entry_script_arguments=None,
        inputs=None,
        outputs=None,
        metrics_output=None,
        allow_reuse=True,
        version=None,
    ):
        if not name:
            raise ValueError("name is required")
        if not hasattr(hyperdrive_config, "_lower_search"):
            raise ValueError(
                "hyperdrive_config must be a HyperDriveConfig, but is {}.".format(type(hyperdrive_config).__name__)
            )
        script, arguments, folder = hyperdrive_config._script()
        if estimator_entry_script_arguments is not None:
            if getattr(hyperdrive_config.estimator, "_script_params", None):
                raise ValueError(
                    "script_params in the estimator is not supported here: use estimator_entry_script_arguments."
                )
            arguments = estimator_entry_script_arguments
        elif hyperdrive_config.estimator is not None:
            raise ValueError(
                "estimator_entry_script_arguments is required with an estimator. Pass [] when there are none."
            )
        outputs = list(outputs or [])
        if metrics_output is not None:
            outputs.append(_as_metrics(metrics_output))
        PipelineStep.__init__(self, name, inputs, outputs, arguments, fix_port_name_collisions=True)
        self._config = hyperdrive_config
        self._script_name = script
        self._source_directory = folder
        self._runconfig = hyperdrive_config._runconfig()
        self._compute_target = check_compute_target(hyperdrive_config._target(), self.name)
        self._allow_reuse = allow_reuse
        self._version = version

    def _code(self, default_source_directory):
        return absolute(self._source_directory or default_source_directory), self._script_name

    def _settings(self, scope):
        return dict(self._config._lower_search(), script_name=self._script_name)


def _as_metrics(output):
    """The output that is to hold the metrics, marked as such."""
    from azureml.pipeline.core.graph import TrainingOutput

    if isinstance(output, PipelineData) and output._training_output is None:
        output._training_output = TrainingOutput("Metrics")
    return output


class HyperDriveStepRun:
    """The HyperDrive run of a step run. Its searches are not built yet in this version of Penstock."""

    def __init__(self, step_run):
        from azureml.exceptions import UserErrorException

        raise UserErrorException(
            "HyperDriveStepRun is not built yet in this version of Penstock: read the metrics of step run {} with "
            "get_metrics().".format(getattr(step_run, "id", step_run))
        )
