"""NotebookRunnerStep: a notebook as a step."""

from azureml._paths import absolute
from azureml.pipeline.core.builder import PipelineData, PipelineStep, check_compute_target
from azureml.pipeline.steps.python_script_step import check_params, check_runconfig_parameters


class NotebookRunnerStep(PipelineStep):
    """`output_notebook_pipeline_data_name` names an output that receives the executed notebook."""

    _kind = "notebook_runner"

    def __init__(
        self,
        name=None,
        notebook_run_config=None,
        runconfig_pipeline_params=None,
        compute_target=None,
        params=None,
        inputs=None,
        outputs=None,
        allow_reuse=True,
        version=None,
        output_notebook_pipeline_data_name=None,
    ):
        if not hasattr(notebook_run_config, "notebook"):
            raise ValueError(
                "notebook_run_config must be a NotebookRunConfig, but is {}.".format(type(notebook_run_config).__name__)
            )
        outputs = list(outputs or [])
        if output_notebook_pipeline_data_name:
            outputs.append(PipelineData(output_notebook_pipeline_data_name, is_directory=False))
        config = notebook_run_config
        PipelineStep.__init__(self, name or config.notebook, inputs, outputs, fix_port_name_collisions=True)
        self._config = config
        self._runconfig = config.run_config
        self._source_directory = config.source_directory
        self._compute_target = check_compute_target(compute_target, self.name)
        self._params = check_params(params, self.name)
        self._runconfig_pipeline_params = check_runconfig_parameters(runconfig_pipeline_params)
        self._output_notebook = output_notebook_pipeline_data_name
        self._allow_reuse = allow_reuse
        self._version = version

    def _code(self, default_source_directory):
        return absolute(self._source_directory), self._config.notebook

    def _settings(self, scope):
        return {
            "notebook": self._config.notebook,
            "output_notebook": self._config.output_notebook,
            "output_notebook_port": self._output_notebook,
            "parameters": {name: scope.value(value) for name, value in self._config.parameters.items()},
            "handler": self._config.handler._lower() if hasattr(self._config.handler, "_lower") else {},
        }
