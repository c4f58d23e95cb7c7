"""EstimatorStep: an estimator's script."""

from azureml._paths import absolute
from azureml.pipeline.core.builder import PipelineStep, check_compute_target
from azureml.pipeline.steps.python_script_step import check_runconfig_parameters


class EstimatorStep(PipelineStep):
    """The script's arguments are `estimator_entry_script_arguments`, not the estimator's `script_params`."""

    _kind = "estimator"

    def __init__(
        self,
        name=None,
        estimator=None,
        estimator_entry_script_arguments=None,
        runconfig_pipeline_params=None,
        inputs=None,
        outputs=None,
        compute_target=None,
        allow_reuse=True,
        version=None,
    ):
        if estimator is None:
            raise ValueError("estimator is required")
        if estimator_entry_script_arguments is None:
            raise ValueError("estimator_entry_script_arguments is a required parameter. Pass [] when there are none.")
        if not hasattr(estimator, "_script_params"):
            raise ValueError("estimator must be an Estimator, but is {}.".format(type(estimator).__name__))
        if estimator._script_params:
            raise ValueError(
                "script_params in the estimator is not supported in EstimatorStep: use estimator_entry_script_arguments."
            )
        if estimator._inputs:
            raise ValueError("inputs in the estimator is not supported in EstimatorStep: use the inputs of the step.")
        PipelineStep.__init__(
            self, name or estimator._entry_script, inputs, outputs, estimator_entry_script_arguments, True
        )
        self._compute_target = check_compute_target(compute_target, self.name, required=True)
        self._estimator = estimator
        self._runconfig = estimator.run_config
        self._runconfig_pipeline_params = check_runconfig_parameters(runconfig_pipeline_params)
        self._source_directory = estimator.source_directory
        self._allow_reuse = allow_reuse
        self._version = version

    def _code(self, default_source_directory):
        return absolute(self._source_directory or default_source_directory), self._estimator._entry_script

    def _settings(self, scope):
        return {"script_name": self._estimator._entry_script}
