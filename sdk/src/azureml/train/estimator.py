"""Estimator: a script with what it needs to run, and the distributed settings that go with it. Deprecated in Azure; still in use."""

import os

from azureml._names import reexport
from azureml._paths import local
from azureml.core._environment_sections import DEFAULT_GPU_IMAGE
from azureml.core._sections import number
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.runconfig import MpiConfiguration, RunConfiguration, TensorflowConfiguration

_HOMES = dict.fromkeys(["Gloo", "Mpi", "Nccl", "ParameterServer"], "azureml.train._distributed_training")
__getattr__, __dir__ = reexport(__name__, _HOMES)


class MMLBaseEstimatorRunConfig(RunConfiguration):
    """The run configuration of an estimator."""

    def __init__(
        self,
        compute_target,
        vm_size=None,
        vm_priority=None,
        entry_script=None,
        script_params=None,
        node_count=None,
        process_count_per_node=None,
        distributed_backend=None,
        use_gpu=None,
        use_docker=None,
        custom_docker_base_image=None,
        custom_docker_image=None,
        image_registry_details=None,
        user_managed=False,
        conda_packages=None,
        pip_packages=None,
        environment_definition=None,
        inputs=None,
        source_directory_data_store=None,
        shm_size=None,
    ):
        RunConfiguration.__init__(self, script=entry_script, arguments=_flat(script_params))
        if compute_target is not None:
            self.target = compute_target
        if node_count is not None:
            self.node_count = node_count
        if environment_definition is not None:
            self.environment = environment_definition
        else:
            packages = CondaDependencies.create(pip_packages=pip_packages, conda_packages=conda_packages)
            self.environment.python.conda_dependencies = packages
            self.environment.python.user_managed_dependencies = bool(user_managed)
            image = custom_docker_image or custom_docker_base_image
            if image:
                self.environment.docker.base_image = image
            elif use_gpu:
                self.environment.docker.base_image = DEFAULT_GPU_IMAGE
            if image_registry_details is not None:
                self.environment.docker.base_image_registry = image_registry_details
        self.docker.use_docker = bool(use_docker)
        if shm_size:
            self.docker.shm_size = shm_size
        self.amlcompute.vm_size = vm_size
        self.amlcompute.vm_priority = vm_priority
        self.source_directory_data_store = getattr(source_directory_data_store, "name", source_directory_data_store)


class MMLBaseEstimator:
    """What all estimators have."""

    def __init__(self, source_directory, compute_target=None, estimator_config=None):
        self._source_directory = source_directory or os.getcwd()
        self._compute_target = compute_target
        self._estimator_config = estimator_config

    @property
    def source_directory(self):
        return self._source_directory

    @property
    def run_config(self):
        return self._estimator_config

    @property
    def conda_dependencies(self):
        return self._estimator_config.environment.python.conda_dependencies

    def _submit(self, experiment, tags=None, **kwargs):
        from azureml.exceptions import UserErrorException

        raise UserErrorException(
            "Submitting a {} by itself is not built yet in this version of Penstock. "
            "Put its script in a PythonScriptStep and submit a Pipeline of it.".format(type(self).__name__)
        )


class Estimator(MMLBaseEstimator):
    """Azure: the same class; of each pair of an old and a new argument only one may be given."""

    def __init__(
        self,
        source_directory,
        *,
        compute_target=None,
        vm_size=None,
        vm_priority=None,
        entry_script=None,
        script_params=None,
        node_count=1,
        process_count_per_node=1,
        distributed_backend=None,
        distributed_training=None,
        use_gpu=False,
        use_docker=True,
        custom_docker_base_image=None,
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
        source_directory_data_store=None,
        shm_size=None,
        resume_from=None,
        max_run_duration_seconds=None,
        _disable_validation=True,
        _show_lint_warnings=False,
        _show_package_warnings=False,
    ):
        if not isinstance(script_params, (dict, type(None))):
            raise ValueError("script_params must be a dict, but is {}.".format(type(script_params).__name__))
        self._entry_script = entry_script
        self._script_params = dict(script_params or {})
        self._inputs = list(inputs or [])
        conda_file = conda_dependencies_file or conda_dependencies_file_path
        pip_file = pip_requirements_file or pip_requirements_file_path
        configuration = MMLBaseEstimatorRunConfig(
            compute_target,
            vm_size=vm_size,
            vm_priority=vm_priority,
            entry_script=entry_script,
            script_params=script_params,
            node_count=number(node_count, "node_count", 1),
            use_gpu=use_gpu,
            use_docker=use_docker,
            custom_docker_image=custom_docker_image or custom_docker_base_image,
            image_registry_details=image_registry_details,
            user_managed=user_managed,
            conda_packages=conda_packages,
            pip_packages=list(pip_packages or []) + _requirements(source_directory, pip_file) or None,
            environment_definition=environment_definition,
            source_directory_data_store=source_directory_data_store,
            shm_size=shm_size,
        )
        if conda_file and environment_definition is None:
            path = _beside(source_directory, conda_file)
            configuration.environment.python.conda_dependencies = CondaDependencies(path)
        if environment_variables:
            configuration.environment_variables = environment_variables
        _distribute(configuration, distributed_training or distributed_backend, process_count_per_node)
        configuration.max_run_duration_seconds = max_run_duration_seconds
        self.resume_from = resume_from
        MMLBaseEstimator.__init__(self, source_directory, compute_target, configuration)


def _distribute(configuration, backend, process_count_per_node):
    if backend is None:
        return
    name = backend.lower() if isinstance(backend, str) else type(backend).__name__.lower()
    if name in ("mpi", "mpiconfiguration"):
        configuration.communicator = "Mpi"
        count = getattr(backend, "process_count_per_node", process_count_per_node)
        configuration.mpi = MpiConfiguration(count, configuration.node_count)
    elif name in ("ps", "parameterserver", "tensorflowconfiguration"):
        configuration.communicator = "ParameterServer"
        configuration.tensorflow = TensorflowConfiguration(
            getattr(backend, "worker_count", 1), getattr(backend, "parameter_server_count", 1)
        )
    elif name in ("gloo", "nccl"):
        configuration.communicator = name.capitalize()
    else:
        raise ValueError(
            "distributed_training {!r} is not known: use Mpi, ParameterServer, Gloo or Nccl.".format(backend)
        )


def _flat(script_params):
    """{'--a': 1} -> ['--a', 1]; an empty text stands for a flag without a value."""
    flat = []
    for name, value in (script_params or {}).items():
        flat.append(name)
        if value != "":
            flat.append(value)
    return flat


def _requirements(source_directory, path):
    if not path:
        return []
    from azureml.core.environment import _requirements as read

    return read(_beside(source_directory, path))


def _beside(source_directory, path):
    """A file that is named as from the source folder."""
    return os.path.join(local(source_directory or ""), local(path))
