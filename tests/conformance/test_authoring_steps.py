"""Every kind of step: what it needs, what it refuses, the node that it becomes."""

import pytest

from azureml.contrib.notebook import AzureMLNotebookHandler, NotebookRunConfig, NotebookRunnerStep
from azureml.core import Environment, ScriptRunConfig
from azureml.core.databricks import JarLibrary, MavenLibrary, PyPiLibrary
from azureml.data import dataset_consumption_config
from azureml.data.data_reference import DataReference
from azureml.data.sql_data_reference import SqlDataReference
from azureml.pipeline import steps as all_steps
from azureml.pipeline.core import Pipeline, PipelineData, PipelineParameter, TrainingOutput
from azureml.pipeline.steps import (
    AdlaStep,
    AutoMLStep,
    AzureBatchStep,
    CommandStep,
    DatabricksStep,
    DataTransferStep,
    EstimatorStep,
    HyperDriveStep,
    KustoStep,
    MpiStep,
    ParallelRunConfig,
    ParallelRunStep,
    PythonScriptStep,
    RScriptStep,
    SynapseSparkStep,
)
from azureml.train.automl import AutoMLConfig
from azureml.train.dnn import TensorFlow
from azureml.train.estimator import Estimator
from azureml.train.hyperdrive import (
    BanditPolicy,
    GridParameterSampling,
    HyperDriveConfig,
    PrimaryMetricGoal,
    RandomParameterSampling,
    choice,
    loguniform,
    uniform,
)


class Store:
    name = "blob"


class FileDataset:
    id = "f1"

    def _saved_id(self, workspace):
        return self.id

    def as_named_input(self, name):
        return dataset_consumption_config.DatasetConsumptionConfig(name, self)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in ("x.py", "x.R", "x.usql", "x.ipynb"):
        (tmp_path / name).write_text("")
    monkeypatch.chdir(tmp_path)
    return str(tmp_path)


def node(step):
    pipeline = Pipeline(None, [step], default_datastore=Store())
    assert pipeline.validate() == []
    return pipeline._lower()["nodes"][-1]


RAW = DataReference(Store(), "raw", "a")


def test_every_name_of_the_package_can_be_imported():
    for name in all_steps.__all__:
        assert isinstance(getattr(all_steps, name), type)
    with pytest.raises(AttributeError, match="NoSuchStep"):
        _ = all_steps.NoSuchStep


def test_python_script_step(folder):
    with pytest.raises(ValueError, match=r"^script_name is required$"):
        PythonScriptStep(None)
    with pytest.warns(UserWarning, match="hash_paths"):
        step = PythonScriptStep("x.py", hash_paths=["a"])
    assert (step.name, step.step_type, node(step)["kind"]) == ("x.py", "PythonScriptStep", "python_script")
    with pytest.raises(ValueError, match="params must be a dict"):
        PythonScriptStep("x.py", params=["a"])
    with pytest.raises(ValueError, match="RunConfiguration"):
        PythonScriptStep("x.py", runconfig="local")


def test_command_step(folder):
    step = CommandStep("echo 'a b' c")
    assert step.name == "CommandStep_echo"
    assert node(step)["arguments"] == [{"literal": "echo"}, {"literal": "a b"}, {"literal": "c"}]
    data = PipelineData("x")
    lowered = node(CommandStep(["cp", RAW, data], inputs=[RAW], outputs=[data]))
    assert lowered["arguments"][1:] == [{"input": "raw"}, {"output": "x"}]
    config = ScriptRunConfig(folder, command=["python", "x.py"], compute_target="c")
    assert node(CommandStep(runconfig=config))["compute"]["name"] == "c"
    with pytest.raises(ValueError, match=r"^command is required either from command directly or runconfig\.$"):
        CommandStep()


def test_data_transfer_step(folder):
    target = DataReference(Store(), "target", "b")
    for missing in ("source_data_reference", "destination_data_reference", "compute_target"):
        settings = {"source_data_reference": RAW, "destination_data_reference": target, "compute_target": "adf"}
        del settings[missing]
        with pytest.raises(ValueError, match=f"^{missing} is required$"):
            DataTransferStep("t", **settings)
    step = DataTransferStep("t", RAW, target, "adf", "Directory", "directory")
    assert step.get_output().name == "_data_transfer_output" and step.get_output().datastore.name == "blob"
    settings = node(step)["settings"]
    assert settings["destination"] == {"datastore": "blob", "path": "b"}
    assert settings["source_reference_type"] == "directory"
    with pytest.raises(ValueError, match="'file' or 'directory'"):
        DataTransferStep("t", RAW, target, "adf", "tree")
    several = SqlDataReference(Store(), "q", sql_query="select 1", sql_stored_procedure="p")
    with pytest.raises(ValueError, match="its source gives sql_query and sql_stored_procedure"):
        DataTransferStep("t", several, target, "adf", destination_reference_type="file")
    query = SqlDataReference(Store(), "q", sql_query="select 1")
    untyped = DataTransferStep("t", query, target, "adf")  # public code makes one, and puts it in no pipeline
    with pytest.raises(ValueError, match="Step 't': destination_reference_type must be 'file'"):
        node(untyped)
    assert (
        node(DataTransferStep("t", query, target, "adf", destination_reference_type="file"))["kind"] == "data_transfer"
    )


def test_databricks_step(folder):
    with pytest.raises(ValueError, match=r"Exactly one of .* is required"):
        DatabricksStep("d", num_workers=1, compute_target="db")
    with pytest.raises(ValueError, match="Exactly one of"):
        DatabricksStep("d", notebook_path="/a", main_class_name="b", num_workers=1, compute_target="db")
    with pytest.raises(ValueError, match="num_workers"):
        DatabricksStep("d", notebook_path="/a", compute_target="db")
    with pytest.raises(ValueError, match="num_workers"):
        DatabricksStep("d", notebook_path="/a", num_workers=1, min_workers=1, max_workers=2, compute_target="db")
    with pytest.raises(ValueError, match="instance_pool_id"):
        DatabricksStep("d", notebook_path="/a", num_workers=1, node_type="n", instance_pool_id="p", compute_target="db")
    with pytest.raises(ValueError, match="permit_cluster_restart"):
        DatabricksStep("d", notebook_path="/a", num_workers=1, permit_cluster_restart=True, compute_target="db")
    with pytest.raises(ValueError, match="compute_target is required"):
        DatabricksStep("d", notebook_path="/a", num_workers=1)
    text = PipelineParameter("my_param", "x")
    step = DatabricksStep(
        "d",
        inputs=[RAW],
        num_workers="1",
        python_script_name="x.py",
        source_directory=folder,
        python_script_params={"a", text, 3},
        pypi_libraries=[PyPiLibrary("numpy")],
        maven_libraries=[MavenLibrary("g:a:1")],
        jar_libraries=[JarLibrary("dbfs:/a.jar")],
        compute_target="db",
    )
    settings = node(step)["settings"]
    assert settings["cluster"]["spark_version"] == "10.4.x-scala2.12"
    assert (settings["cluster"]["node_type"], settings["cluster"]["num_workers"]) == ("Standard_D3_v2", 1)
    assert settings["cluster"]["spark_env_variables"] == {"PYSPARK_PYTHON": "/databricks/python3/bin/python3"}
    params = settings["python_script_params"]
    at = params.index({"literal": "my_param"})
    assert params[at + 1] == {"parameter": "my_param"} and len(params) == 4
    assert settings["libraries"]["pypi_libraries"] == [{"package": "numpy", "repo": None}]
    notebook = DatabricksStep(
        "n", notebook_path="/a", notebook_params={"p": text}, existing_cluster_id="c", compute_target="db"
    )
    assert node(notebook)["settings"]["notebook_params"] == {"p": {"parameter": "my_param"}}
    assert node(notebook)["snapshot"] is None


def test_adla_step(folder):
    with pytest.raises(ValueError, match=r"^compute_target is required$"):
        AdlaStep("x.usql")
    lowered = node(AdlaStep("x.usql", inputs=[RAW], params={"a": 1}, degree_of_parallelism=2, compute_target="adla"))
    assert lowered["settings"]["degree_of_parallelism"] == 2 and lowered["parameters"] == {"a": {"literal": "1"}}


def test_estimator_step(folder):
    estimator = Estimator(folder, entry_script="x.py", compute_target="c", conda_packages=["numpy"])
    with pytest.raises(ValueError, match="estimator_entry_script_arguments"):
        EstimatorStep("e", estimator, compute_target="c")
    with pytest.raises(ValueError, match="script_params"):
        EstimatorStep("e", Estimator(folder, entry_script="x.py", script_params={"--a": 1}), [], compute_target="c")
    with pytest.raises(ValueError, match="inputs in the estimator"):
        EstimatorStep("e", Estimator(folder, entry_script="x.py", inputs=[1]), [], compute_target="c")
    with pytest.raises(ValueError, match="compute_target is required"):
        EstimatorStep("e", estimator, [])
    lowered = node(EstimatorStep("e", estimator, ["--a", RAW], inputs=[RAW], compute_target="c"))
    assert lowered["kind"] == "estimator" and lowered["settings"]["script_name"] == "x.py"
    assert lowered["arguments"] == [{"literal": "--a"}, {"input": "raw"}]


def test_framework_estimators(folder):
    made = TensorFlow(folder, compute_target="c", entry_script="x.py", distributed_backend="ps", worker_count=2)
    assert (
        made.run_config.tensorflow.worker_count == 2 and made.framework_version in TensorFlow.get_supported_versions()
    )
    assert any(p.startswith("tensorflow==") for p in made.conda_dependencies.pip_packages)
    with pytest.raises(ValueError, match=r"'9.9'"):
        TensorFlow(folder, entry_script="x.py", framework_version="9.9")


def test_mpi_step(folder):
    settings = {"name": "m", "source_directory": folder, "script_name": "x.py", "arguments": [], "compute_target": "c"}
    settings.update(node_count="2", process_count_per_node=1)
    assert node(MpiStep(**settings))["settings"]["node_count"] == {"literal": "2"}
    for missing in settings:
        with pytest.raises(ValueError, match=f"{missing} is required"):
            MpiStep(**dict(settings, **{missing: None}))


def test_r_script_step(folder):
    lowered = node(RScriptStep("x.R", cran_packages=["dplyr"], use_gpu=True))
    assert lowered["kind"] == "r_script" and lowered["settings"]["cran_packages"] == ["dplyr"]


def test_synapse_spark_step(folder):
    settings = {"driver_memory": "2g", "executor_memory": "2g"}
    settings.update(driver_cores="2", executor_cores=2, num_executors=1, compute_target="s", source_directory=folder)
    lowered = node(SynapseSparkStep("x.py", environment=Environment("e"), **settings))
    assert lowered["settings"]["driver_cores"] == 2 and lowered["settings"]["environment"]["name"] == "e"
    with pytest.raises(ValueError, match="num_executors is required"):
        SynapseSparkStep("x.py", **dict(settings, num_executors=None))


def test_azure_batch_and_kusto_steps(folder):
    step = AzureBatchStep("b", pool_id="p", executable="x.cmd", arguments="a 'b c'", compute_target="batch")
    assert [a["literal"] for a in node(step)["arguments"]] == ["a", "b c"]
    with pytest.raises(ValueError, match="pool_id"):
        AzureBatchStep("b", executable="x", compute_target="batch")
    lowered = node(KustoStep("k", "kusto", "db", folder, PipelineData("x"), {"a": 1}))
    assert lowered["allow_reuse"] is False and lowered["settings"] == {"database_name": "db"}
    with pytest.raises(ValueError, match="compute_target"):
        KustoStep("k", None, "db", folder, PipelineData("x"))


def test_hyper_drive_step(folder):
    sampling = RandomParameterSampling({"--rate": uniform(0.1, 0.5), "--n": choice(1, 2), "--l": loguniform(-3, 0)})
    config = HyperDriveConfig(
        hyperparameter_sampling=sampling,
        primary_metric_name="accuracy",
        primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
        max_total_runs="8",
        policy=BanditPolicy(evaluation_interval=2, slack_factor=0.1),
        run_config=ScriptRunConfig(folder, "x.py", ["--a", 1], compute_target="c"),
    )
    metrics = PipelineData("metrics", training_output=TrainingOutput("Metrics"))
    lowered = node(HyperDriveStep("h", config, outputs=[metrics], metrics_output=PipelineData("also")))
    assert lowered["settings"]["max_concurrent_runs"] == 8 and lowered["settings"]["max_duration_minutes"] == 10080
    assert lowered["settings"]["sampling"]["parameter_space"]["--n"] == ["choice", [[1, 2]]]
    assert [o["training_output"]["type"] for o in lowered["outputs"]] == ["Metrics", "Metrics"]
    assert lowered["arguments"] == [{"literal": "--a"}, {"literal": "1"}]
    with pytest.raises(Exception, match="GRID"):
        GridParameterSampling({"--rate": uniform(0, 1)})
    with pytest.raises(Exception, match="slack"):
        BanditPolicy()


def test_automl_step(folder):
    config = AutoMLConfig("regression", training_data=FileDataset(), label_column_name="y", compute_target="c")
    lowered = node(AutoMLStep("automl", config))
    assert [o["name"] for o in lowered["outputs"]] == ["default_metrics_automl", "default_model_automl"]
    assert (
        lowered["inputs"][0]["name"] == "training_data" and lowered["settings"]["settings"]["label_column_name"] == "y"
    )
    with pytest.raises(Exception, match="task"):
        AutoMLConfig("clustering")


def test_notebook_runner_step(folder):
    config = NotebookRunConfig(folder, "x.ipynb", parameters={"a": 1}, handler=AzureMLNotebookHandler(timeout=60))
    lowered = node(NotebookRunnerStep("n", config, output_notebook_pipeline_data_name="out"))
    assert lowered["settings"]["parameters"] == {"a": {"literal": "1"}} and lowered["outputs"][0]["name"] == "out"
    with pytest.raises(Exception, match=r"none\.ipynb"):
        NotebookRunConfig(folder, "none.ipynb")


# --- ParallelRunStep ------------------------------------------------------------------------------------------------


def parallel(folder, **changes):
    settings = {
        "environment": Environment("e"),
        "entry_script": "x.py",
        "error_threshold": -1,
        "output_action": "append_row",
        "compute_target": "c",
        "node_count": "2",
        "source_directory": folder,
    }
    settings.update(changes)
    return ParallelRunConfig(**settings)


def test_parallel_run_config(folder):
    config = parallel(folder, output_action="Append_Row", mini_batch_size="2KB", append_row_file_name="out.txt")
    assert (config.output_action, config._mini_batch_bytes, config.append_row_file_name) == (
        "append_row",
        2048,
        "out.txt",
    )
    assert (config.run_invocation_timeout, config.run_max_try, config.logging_level) == (60, 3, "INFO")
    assert config.node_count == 2 and parallel(folder, mini_batch_size="10")._mini_batch_bytes == 10


@pytest.mark.parametrize(
    "wrong",
    [
        {"environment": "e"},
        {"output_action": "nothing"},
        {"error_threshold": "10"},
        {"error_threshold": -2},
        {"mini_batch_size": "10 KB"},
        {"mini_batch_size": 0},
        {"mini_batch_size": "1KB", "partition_keys": ["a"]},
        {"partition_keys": "a"},
        {"run_max_try": 0},
        {"run_invocation_timeout": 0},
        {"process_count_per_node": 0},
        {"allowed_failed_percent": 101},
        {"append_row_file_name": "a/b"},
        {"node_count": 0},
        {"logging_level": "LOUD"},
    ],
    ids=str,
)
def test_parallel_run_config_refuses(folder, wrong):
    with pytest.raises(ValueError):
        parallel(folder, **wrong)


def test_parallel_run_config_knows_the_size_of_its_cluster(folder):
    class Cluster:
        name = "c"
        scale_settings = type("Scale", (), {"maximum_node_count": 1})

    with pytest.raises(ValueError, match="max_nodes"):
        parallel(folder, compute_target=Cluster())


def test_parallel_run_config_goes_to_a_file_and_back(folder, tmp_path):
    config = parallel(folder, mini_batch_size="5", partition_keys=None)
    config.save_to_yaml(str(tmp_path / "prs.yml"))
    loaded = ParallelRunConfig.load_yaml(None, str(tmp_path / "prs.yml"))
    assert (loaded.entry_script, loaded.mini_batch_size, loaded.compute_target) == ("x.py", "5", "c")


def test_parallel_run_step(folder):
    output = PipelineData("inferences")
    named = FileDataset().as_named_input("images")
    settings = node(
        ParallelRunStep("p", parallel(folder), [named], output, arguments=["--model", "m"], side_inputs=[RAW])
    )
    assert settings["inputs"][0]["mode"] == "mount"
    assert settings["settings"]["inputs"] == ["images"] and settings["settings"]["output"] == "inferences"
    assert settings["settings"]["node_count"] == {"literal": "2"}


def test_parallel_run_step_refuses(folder):
    config, named = parallel(folder), FileDataset().as_named_input("images")
    with pytest.raises(AssertionError):
        ParallelRunStep("p", config, [], PipelineData("x"))
    with pytest.raises(Exception, match=r"^Please specify output parameter\.$"):
        ParallelRunStep("p", config, [named])
    for arguments in (["model"], ["--output", "x"], ["--mini_batch_size=3"]):
        with pytest.raises(ValueError):
            ParallelRunStep("p", config, [named], PipelineData("x"), arguments=arguments)
    with pytest.raises(ValueError, match="entry_script"):
        ParallelRunStep("p", parallel(folder, entry_script="none.py"), [named], PipelineData("x"))
    ParallelRunStep("p", parallel(folder, output_action="summary_only"), [named])
