"""TensorFlow, PyTorch and Chainer estimators, and the distributed settings that go with them."""

from azureml.train._distributed_training import Gloo, Mpi, Nccl, ParameterServer
from azureml.train._framework import FrameworkEstimator

__all__ = ["Chainer", "Gloo", "Mpi", "Nccl", "ParameterServer", "PyTorch", "TensorFlow"]


class TensorFlow(FrameworkEstimator):
    _packages = ("tensorflow=={}",)
    _versions = ("1.10", "1.12", "1.13", "2.0", "2.1", "2.2")

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
        worker_count=1,
        parameter_server_count=1,
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
        framework_version=None,
        **kwargs,
    ):
        given = dict(locals(), **kwargs)
        for name in ("self", "kwargs"):
            del given[name]
        counts = given.pop("worker_count"), given.pop("parameter_server_count")
        if distributed_backend == "ps":
            given["distributed_backend"] = ParameterServer(*counts)
        FrameworkEstimator.__init__(self, **given)


class PyTorch(FrameworkEstimator):
    _packages = ("torch=={}",)
    _versions = ("1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6")

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
        framework_version=None,
        **kwargs,
    ):
        given = dict(locals(), **kwargs)
        for name in ("self", "kwargs"):
            del given[name]
        FrameworkEstimator.__init__(self, **given)


class Chainer(FrameworkEstimator):
    _packages = ("chainer=={}",)
    _versions = ("5.1.0", "7.0.0")

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
        framework_version=None,
        **kwargs,
    ):
        given = dict(locals(), **kwargs)
        for name in ("self", "kwargs"):
            del given[name]
        FrameworkEstimator.__init__(self, **given)
