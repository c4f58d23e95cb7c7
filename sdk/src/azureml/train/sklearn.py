"""The scikit-learn estimator."""

from azureml.train._framework import FrameworkEstimator

__all__ = ["SKLearn"]


class SKLearn(FrameworkEstimator):
    _packages = ("scikit-learn=={}",)
    _versions = ("0.20.3",)

    def __init__(
        self,
        source_directory,
        *,
        compute_target=None,
        vm_size=None,
        vm_priority=None,
        entry_script=None,
        script_params=None,
        use_docker=True,
        custom_docker_image=None,
        image_registry_details=None,
        user_managed=False,
        conda_packages=None,
        pip_packages=None,
        conda_dependencies_file_path=None,
        pip_requirements_file_path=None,
        conda_dependencies_file=None,
        pip_requirements_file=None,
        environment_variables=None,
        environment_definition=None,
        inputs=None,
        shm_size=None,
        resume_from=None,
        max_run_duration_seconds=None,
        framework_version=None,
        **kwargs,
    ):
        given = dict(locals(), **kwargs)
        for name in ("self", "kwargs"):
            del given[name]
        FrameworkEstimator.__init__(self, **given)
