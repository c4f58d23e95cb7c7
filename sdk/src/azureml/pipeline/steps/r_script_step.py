"""RScriptStep: an R script."""

from azureml.pipeline.core.builder import PipelineStep, check_compute_target
from azureml.pipeline.steps.python_script_step import (
    PythonScriptStep,
    check_params,
    check_runconfig,
    check_runconfig_parameters,
)


class RScriptStep(PythonScriptStep):
    """Like a PythonScriptStep, with the R packages that the script needs."""

    _kind = "r_script"

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
        use_gpu=False,
        custom_docker_image=None,
        cran_packages=None,
        github_packages=None,
        custom_url_packages=None,
        allow_reuse=True,
        version=None,
    ):
        if not script_name:
            raise ValueError("script_name is required")
        PipelineStep.__init__(self, name or script_name, inputs, outputs, arguments, fix_port_name_collisions=True)
        self._script_name = script_name
        self._source_directory = source_directory
        self._compute_target = check_compute_target(compute_target, self.name)
        self._runconfig = check_runconfig(runconfig, self.name)
        self._params = check_params(params, self.name)
        self._runconfig_pipeline_params = check_runconfig_parameters(runconfig_pipeline_params)
        self._packages = {
            "use_gpu": bool(use_gpu),
            "custom_docker_image": custom_docker_image,
            "cran_packages": cran_packages,
            "github_packages": github_packages,
            "custom_url_packages": custom_url_packages,
        }
        self._allow_reuse = allow_reuse
        self._version = version
        self._check_params()

    def _settings(self, scope):
        from azureml.core._sections import plain

        return dict(plain(self._packages), script_name=self._script_name)
