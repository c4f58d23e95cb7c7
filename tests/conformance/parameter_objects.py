"""The same for what is no step: configurations, environments, ports, policies; and CASES, which is both."""

from __future__ import annotations

from typing import Any

from parameter_cases import AUTHORING, Store, config, look, raw

from azureml.contrib.notebook import AzureMLNotebookHandler
from azureml.core import Environment, RunConfiguration, ScriptRunConfig
from azureml.core.compute import (
    AdlaCompute,
    AmlCompute,
    BatchCompute,
    DatabricksCompute,
    KustoCompute,
)
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.databricks import JarLibrary
from azureml.core.linked_service import SynapseWorkspaceLinkedServiceConfiguration
from azureml.core.model import InferenceConfig
from azureml.core.runconfig import DockerConfiguration, MpiConfiguration
from azureml.pipeline.core import (
    ScheduleRecurrence,
    TimeZone,
    TrainingOutput,
)
from azureml.pipeline.core.graph import InputPortDef, OutputPortDef
from azureml.train.estimator import Estimator
from azureml.train.hyperdrive import (
    BanditPolicy,
    GridParameterSampling,
    RandomParameterSampling,
    choice,
    uniform,
)


class _Seen:
    """Several things to look at as one."""

    def __init__(self, first: Any, **more: Any) -> None:
        self.first = first
        self.__dict__.update(more)


def estimator(**settings: Any) -> Any:
    made = Estimator(**settings)
    return _Seen(made.run_config, source=made.source_directory, step=made._entry_script, params=made._script_params,
                 inputs=[str(i) for i in made._inputs], resume=made.resume_from)  # fmt: skip


def script_run(**settings: Any) -> Any:
    made = ScriptRunConfig(**settings)
    return _Seen(
        made.run_config,
        source_directory=made.source_directory,
        script=made.script,
        arguments=made.arguments,
        all=look(made),
    )


OBJECTS: dict[str, tuple[Any, dict[str, Any], dict[str, Any]]] = {
    "AmlCompute.provisioning_configuration": (
        AmlCompute.provisioning_configuration,
        {"max_nodes": 1},
        {
            "vm_size": "Standard_D2_v2", "vm_priority": "lowpriority", "min_nodes": 1, "max_nodes": 2, "idle_seconds_before_scaledown": 5,
            "admin_username": "u",
            "vnet_resourcegroup_name": "g", "vnet_name": "v", "subnet_name": "s", "tags": {"a": "b"}, "description": "d",
            "remote_login_port_public_access": "Enabled", "identity_type": "SystemAssigned", "identity_id": ["i"], "location": "l",
            "enable_node_public_ip": False,
        },
    ),
    **{
        f"{kind.__name__}.attach_configuration": (kind.attach_configuration, {"resource_id": "i"}, others)
        for kind, others in (
            (AdlaCompute, {"resource_group": "g", "account_name": "a", "resource_id": "j"}),
            (BatchCompute, {"resource_group": "g", "account_name": "a", "resource_id": "j"}),
            (DatabricksCompute, {"resource_group": "g", "workspace_name": "w", "resource_id": "j"}),
            (
                KustoCompute,
                {
                    "resource_group": "g", "workspace_name": "w", "resource_id": "j", "tenant_id": "t", "kusto_connection_string": "c",
                    "application_id": "a",
                },
            ),
        )
    },
    "ScriptRunConfig.__init__": (
        script_run,
        {"source_directory": ".", "script": "x.py"},
        {
            "source_directory": "other", "script": "y.py", "arguments": ["a"], "run_config": config(target="t"), "compute_target": "c",
            "environment": Environment("f"), "distributed_job_config": MpiConfiguration(2, 2), "resume_from": "r",
            "max_run_duration_seconds": 5, "command": (["echo"], {"script": None, "command": ["ls"]}),
            "docker_runtime_config": DockerConfiguration(use_docker=True),
        },
    ),
    "RunConfiguration.__init__": (
        RunConfiguration,
        {},
        {
            "script": "x.py", "arguments": ["a"], "framework": "PySpark", "communicator": "OpenMpi",
            "conda_dependencies": CondaDependencies.create(pip_packages=["p"]), "command": "echo",
        },
    ),
    "Estimator.__init__": (
        estimator,
        {"source_directory": ".", "entry_script": "x.py"},
        {
            "source_directory": "other", "compute_target": "c", "vm_size": "v", "vm_priority": "lowpriority", "entry_script": "y.py",
            "script_params": {"--a": 1}, "node_count": 2, "process_count_per_node": (2, {"distributed_backend": "mpi"}),
            "distributed_backend": "mpi", "distributed_training": MpiConfiguration(2, 2), "use_gpu": True, "use_docker": False,
            "custom_docker_base_image": "i", "custom_docker_image": "i", "user_managed": True, "conda_packages": ["c"], "pip_packages": ["p"],
            "conda_dependencies_file_path": "spec.yml", "pip_requirements_file_path": "req.txt", "conda_dependencies_file": "spec.yml",
            "pip_requirements_file": "req.txt", "environment_variables": {"A": "b"}, "environment_definition": Environment("f"),
            "inputs": [raw()], "source_directory_data_store": Store("s"), "shm_size": "4g", "resume_from": "r", "max_run_duration_seconds": 5,
        },
    ),
    "Environment.__init__": (Environment, {"name": "e"}, {"name": "f"}),
    "Environment.from_conda_specification": (
        Environment.from_conda_specification, {"name": "e", "file_path": "spec.yml"}, {"name": "f", "file_path": "empty.yml"},
    ),
    "Environment.from_dockerfile": (
        Environment.from_dockerfile,
        {"name": "e", "dockerfile": "FROM a"},
        {"name": "f", "dockerfile": "FROM b", "conda_specification": "spec.yml", "pip_requirements": "req.txt"},
    ),
    "CondaDependencies.__init__": (CondaDependencies, {}, {"conda_dependencies_file_path": "spec.yml"}),
    "CondaDependencies.create": (
        CondaDependencies.create,
        {},
        {
            "pip_indexurl": "https://i", "pip_packages": ["p"], "conda_packages": ["c"], "python_version": "3.9",
        },
    ),
    "CondaDependencies.add_channel": (lambda **k: _changed("add_channel", **k), {"channel": "a"}, {"channel": "b"}),
    "CondaDependencies.add_conda_package": (lambda **k: _changed("add_conda_package", **k), {"conda_package": "a"}, {"conda_package": "b"}),
    "CondaDependencies.add_pip_package": (lambda **k: _changed("add_pip_package", **k), {"pip_package": "a"}, {"pip_package": "b"}),
    "InferenceConfig.__init__": (
        InferenceConfig,
        {"entry_script": "x.py"},
        {
            "entry_script": "y.py", "runtime": "python", "conda_file": "c", "extra_docker_file_steps": "d", "source_directory": "other",
            "enable_gpu": True, "description": "d", "base_image": "i", "base_image_registry": "r", "cuda_version": "9",
            "environment": Environment("f"),
        },
    ),
    "InputPortDef.__init__": (
        InputPortDef,
        {"name": "a"},
        {
            "name": "b", "data_types": ["T"], "default_datastore_mode": "mount", "default_path_on_compute": "/x", "is_optional": True,
            "default_overwrite": True, "default_data_reference_name": "r", "is_resource": True, "label": "l", "additional_transformations": "t",
        },
    ),
    "OutputPortDef.__init__": (
        OutputPortDef,
        {"name": "a"},
        {
            "name": "b", "default_datastore_name": "s", "default_datastore_mode": "mount", "default_path_on_compute": "/x", "is_directory": True,
            "data_type": "T", "default_overwrite": True, "training_output": TrainingOutput("Metrics"), "label": "l",
        },
    ),
    "TrainingOutput.__init__": (
        TrainingOutput,
        {"type": "Model"},
        {"type": "Metrics", "iteration": 1, "metric": "m", "model_file": "f"},
    ),
    "ScheduleRecurrence.__init__": (
        ScheduleRecurrence,
        {"frequency": "Week", "interval": 1},
        {
            "frequency": "Day", "interval": 2, "start_time": "2020-01-01T00:00:00",
            "time_zone": (TimeZone.GMTStandardTime, {"start_time": "2020-01-01T00:00:00"}),
            "hours": [1], "minutes": [2], "week_days": ["Monday"], "time_of_day": "03:04",
        },
    ),
    "BanditPolicy.__init__": (
        BanditPolicy,
        {"slack_factor": 0.1},
        {"evaluation_interval": 2, "slack_factor": 0.2, "delay_evaluation": 1},
    ),
    "GridParameterSampling.__init__": (
        GridParameterSampling, {"parameter_space": {"a": choice(1)}}, {"parameter_space": {"b": choice(1)}, "properties": {"p": 1}},
    ),
    "RandomParameterSampling.__init__": (
        RandomParameterSampling, {"parameter_space": {"a": uniform(0, 1)}}, {"parameter_space": {"b": uniform(0, 1)}, "properties": {"p": 1}},
    ),
    "MpiConfiguration.__init__": (MpiConfiguration, {}, {"process_count_per_node": 2, "node_count": 2}),
    "JarLibrary.__init__": (JarLibrary, {"library": "a"}, {"library": "b"}),
    "AzureMLNotebookHandler.__init__": (AzureMLNotebookHandler, {}, {"history": False, "timeout": 5}),
    "SynapseWorkspaceLinkedServiceConfiguration.__init__": (
        SynapseWorkspaceLinkedServiceConfiguration,
        {"subscription_id": "s", "resource_group": "g", "name": "n"},
        {"subscription_id": "t", "resource_group": "h", "name": "m"},
    ),
}  # fmt: skip


def _changed(call: str, **settings: Any) -> CondaDependencies:
    made = CondaDependencies()
    getattr(made, call)(**settings)
    return made


CASES = {**AUTHORING, **OBJECTS}
