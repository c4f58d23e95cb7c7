"""ModuleStepBase: a step made from a published module."""

from azureml.pipeline.core.builder import PipelineStep, check_compute_target


class ModuleStepBase(PipelineStep):
    """`inputs_map` and `outputs_map` bind the module's ports to data."""

    _kind = "module"

    def __init__(
        self,
        module=None,
        version=None,
        module_version=None,
        inputs_map=None,
        outputs_map=None,
        compute_target=None,
        runconfig=None,
        runconfig_pipeline_params=None,
        arguments=None,
        params=None,
        name=None,
        _workflow_provider=None,
    ):
        from azureml.pipeline.core.graph import InputPortBinding
        from azureml.pipeline.steps.python_script_step import (
            check_params,
            check_runconfig,
            check_runconfig_parameters,
        )

        if (module is None) == (module_version is None):
            raise ValueError("Exactly one of module and module_version is required")
        self._module = module
        self._module_version = module_version
        inputs = [
            InputPortBinding(port, item) if not hasattr(item, "bind_object") else item
            for port, item in (inputs_map or {}).items()
        ]
        source = module or module_version
        PipelineStep.__init__(
            self,
            name or getattr(source, "name", None) or "module",
            inputs,
            list((outputs_map or {}).values()),
            arguments,
        )
        self._compute_target = check_compute_target(compute_target, self.name)
        self._runconfig = check_runconfig(runconfig, self.name)
        self._params = check_params(params, self.name)
        self._runconfig_pipeline_params = check_runconfig_parameters(runconfig_pipeline_params)
        self._version = version
        self._outputs_map = {port: item._as_output_port().name for port, item in (outputs_map or {}).items()}

    def _settings(self, scope):
        version = self._module_version
        return {
            "module_id": getattr(self._module, "id", None) or getattr(version, "module_id", None),
            "module_version": self._version or getattr(version, "version", None),
            "outputs": self._outputs_map,
        }
