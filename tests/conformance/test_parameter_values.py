"""Parameters whose effect needs more than one other value to be seen."""

from __future__ import annotations

import pytest
from parameter_cases import Store, lay_out

from azureml.core import Model
from azureml.core.container_registry import ContainerRegistry
from azureml.core.runconfig import DataPath
from azureml.data import OutputFileDatasetConfig
from azureml.exceptions import UserErrorException
from azureml.pipeline.core import Pipeline, PipelineData
from azureml.pipeline.steps import PythonScriptStep
from azureml.train.estimator import Estimator
from azureml.train.hyperdrive import BanditPolicy


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    lay_out(str(tmp_path))
    monkeypatch.chdir(tmp_path)


def node(step):
    return Pipeline(None, [step], default_datastore=Store())._lower()["nodes"][-1]


def test_a_bandit_policy_has_one_slack():
    assert BanditPolicy(slack_amount=0.3).to_json()["properties"]["slack_amount"] == 0.3
    for slacks in ({}, {"slack_amount": 0.1, "slack_factor": 0.1}):
        with pytest.raises(UserErrorException, match="exactly one of slack_factor and slack_amount"):
            BanditPolicy(**slacks)


def test_a_path_that_a_schedule_or_rest_call_names():
    path = DataPath(datastore_name="blob", relative_path="a/b")
    assert (path.datastore_name, path.relative_path) == ("blob", "a/b")


def test_an_estimator_keeps_the_registry_of_its_image():
    registry = ContainerRegistry()
    registry.address = "r.example"
    made = Estimator(".", entry_script="x.py", image_registry_details=registry)
    assert made.run_config.environment.docker.base_image_registry.address == "r.example"


def test_an_estimator_takes_gpus_and_mpi_as_a_run_configuration_says_it():
    from azureml.core.runconfig import DEFAULT_GPU_IMAGE, MpiConfiguration

    made = Estimator(".", entry_script="x.py", use_gpu=True, node_count=2, distributed_training=MpiConfiguration(3))
    assert made.run_config.environment.docker.base_image == DEFAULT_GPU_IMAGE
    assert (made.run_config.communicator, made.run_config.mpi.process_count_per_node) == ("Mpi", 3)
    own = Estimator(".", entry_script="x.py", use_gpu=True, custom_docker_image="mine")
    assert own.run_config.environment.docker.base_image == "mine"


def test_partitions_of_an_output():
    data = OutputFileDatasetConfig("o", partition_format="{a}/x.csv")
    PythonScriptStep("x.py", outputs=[data])
    made = node(PythonScriptStep("y.py", inputs=[data.as_input("i")]))
    assert made["inputs"][0]["transform"] == [{"partition_format": "{a}/x.csv"}]


def test_a_type_of_pipeline_data_is_kept():
    assert PipelineData("a", data_type="T").data_type == "T" and PipelineData("a").data_type is None


def test_packaging_a_model_says_that_it_is_not_built():
    with pytest.raises(UserErrorException, match="not built yet"):
        Model.package(None, [], inference_config=None, generate_dockerfile=True, image_name="n", image_label="l")
