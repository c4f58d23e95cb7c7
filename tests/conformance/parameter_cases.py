"""For each class, one way to make it and another value of each of its parameters: the value must show in what is made of it.

`CASES[name] = (make, base, others)`: `make(**base)` and `make(**{**base, parameter: other})` must differ in `look`. A pair
`(other, more)` adds `more` to the base of both. What a step is looked at by is the graph that it is submitted as.
"""

from __future__ import annotations

import os
from typing import Any

from azureml.contrib.notebook import AzureMLNotebookHandler, NotebookRunConfig, NotebookRunnerStep
from azureml.core import Environment, RunConfiguration, ScriptRunConfig
from azureml.core.databricks import EggLibrary, JarLibrary, MavenLibrary, PyPiLibrary, RCranLibrary
from azureml.data import DataType, OutputFileDatasetConfig
from azureml.data.data_reference import DataReference
from azureml.data.datapath import DataPath, DataPathComputeBinding
from azureml.data.dataset_consumption_config import DatasetConsumptionConfig
from azureml.data.output_dataset_config import HDFSOutputDatasetConfig
from azureml.data.sql_data_reference import SqlDataReference
from azureml.data.stored_procedure_parameter import StoredProcedureParameter, StoredProcedureParameterType
from azureml.pipeline.core import (
    Pipeline,
    PipelineData,
    PipelineParameter,
    TrainingOutput,
)
from azureml.pipeline.steps import (
    AdlaStep,
    AzureBatchStep,
    CommandStep,
    DatabricksStep,
    DataTransferStep,
    EstimatorStep,
    HyperDriveStep,
    KustoStep,
    ParallelRunConfig,
    ParallelRunStep,
    PythonScriptStep,
    SynapseSparkStep,
)
from azureml.train.estimator import Estimator
from azureml.train.hyperdrive import (
    BanditPolicy,
    GridParameterSampling,
    HyperDriveConfig,
    PrimaryMetricGoal,
    RandomParameterSampling,
    choice,
)


class Store:
    datastore_type = "AzureBlob"

    def __init__(self, name: str = "blob") -> None:
        self.name = name


class Files:
    """As much of a FileDataset as authoring asks for."""

    def __init__(self, id: str = "f1") -> None:
        self.id = id

    def _saved_id(self, workspace: object) -> str:
        return self.id

    def as_named_input(self, name: str) -> DatasetConsumptionConfig:
        return DatasetConsumptionConfig(name, self)


Files.__name__ = Files.__qualname__ = "FileDataset"
FILES = (
    "x.py",
    "y.py",
    "x.usql",
    "y.usql",
    "x.ipynb",
    "y.ipynb",
    "score.py",
    "spec.yml",
    "req.txt",
    "Dockerfile",
    "init.sh",
)


def lay_out(folder: str) -> None:
    """The files that the cases speak of, in `folder` and in its folder `other`; the process stands in it."""
    os.makedirs(os.path.join(folder, "other"), exist_ok=True)
    for name in FILES:
        for place in (folder, os.path.join(folder, "other")):
            with open(os.path.join(place, name), "w") as file:
                file.write(
                    "name: e\ndependencies:\n- python=3.9\n"
                    if name == "spec.yml"
                    else "numpy\n"
                    if name == "req.txt"
                    else ""
                )
    with open(os.path.join(folder, "other", "x.py"), "w") as file:
        file.write("other")


def raw(name: str = "raw") -> DataReference:
    return DataReference(Store(), name, "a")


def look(made: Any) -> Any:
    """What can be seen of it: the graph of a step, the JSON of a setting, the public attributes of anything else."""
    if hasattr(made, "_kind") and hasattr(made, "run_after"):
        lowered = Pipeline(None, [made], default_datastore=Store("default"))._lower(_digest)
        return {key: value for key, value in lowered["nodes"][-1].items() if key != "id"}
    seen = {"repr": repr(made)} if " object at 0x" not in repr(made) else {}
    for attribute in (
        "_as_dict",
        "to_json",
        "_lower_search",
        "_lower",
        "as_dict",
        "serialize_to_string",
        "_lower_config",
    ):
        if hasattr(made, attribute):
            try:
                seen[attribute] = repr(getattr(made, attribute)())
            except TypeError:
                continue  # it wants a scope; its public attributes will do
    for name in dir(made):
        if not name.startswith("_"):
            value = getattr(made, name)
            if not callable(value):
                seen[name] = repr(look(value) if " object at 0x" in repr(value) else value)
    return seen


def _digest(folder: str) -> str:
    return os.path.relpath(folder)


def config(**settings: Any) -> RunConfiguration:
    made = RunConfiguration()
    for name, value in settings.items():
        setattr(made, name, value)
    return made


def count(name: str = "n") -> PipelineParameter:
    return PipelineParameter(name, 2)


def parallel(**settings: Any) -> ParallelRunStep:
    return ParallelRunStep(
        "p", ParallelRunConfig(**settings), inputs=[Files().as_named_input("d")], output=PipelineData("o")
    )


def search(**settings: Any) -> HyperDriveConfig:
    sampling = RandomParameterSampling({"--a": choice(1, 2)})
    base = {"hyperparameter_sampling": sampling, "primary_metric_name": "m", "primary_metric_goal": PrimaryMetricGoal.MAXIMIZE,
            "max_total_runs": 4, "estimator": Estimator(".", entry_script="x.py", compute_target="c")}  # fmt: skip
    if "run_config" in settings:
        del base["estimator"]
    return HyperDriveConfig(**{**base, **settings})


def searched(**settings: Any) -> HyperDriveStep:
    return HyperDriveStep("h", search(**settings), estimator_entry_script_arguments=[])


def notebook_step(**settings: Any) -> NotebookRunnerStep:
    return NotebookRunnerStep(notebook_run_config=NotebookRunConfig(**settings))


PRC = {"environment": Environment("e"), "entry_script": "score.py", "error_threshold": 1, "output_action": "append_row",
       "compute_target": "c", "node_count": 1}  # fmt: skip
CLUSTER = {"name": "d", "compute_target": "db", "notebook_path": "/n", "num_workers": 1}
SPARK = {"file": "x.py", "source_directory": ".", "compute_target": "s", "driver_memory": "1g", "driver_cores": 1,
         "executor_memory": "1g", "executor_cores": 1, "num_executors": 1}  # fmt: skip
BATCH = {"name": "b", "source_directory": ".", "executable": "x.py", "pool_id": "p", "compute_target": "c"}
PORTS = {"inputs": [raw()], "outputs": [PipelineData("o")]}
SAME_OF_STEPS = {"allow_reuse": False, "version": "2"}


def _data(name: str = "d", **settings: Any) -> PythonScriptStep:
    """PipelineData as the output of a step: what it says shows there."""
    return PythonScriptStep("x.py", outputs=[PipelineData(name, **settings)])


def _consumed(**settings: Any) -> PythonScriptStep:
    return PythonScriptStep("x.py", inputs=[DatasetConsumptionConfig(**settings)])


def _referred(**settings: Any) -> PythonScriptStep:
    return PythonScriptStep("x.py", inputs=[DataReference(**settings)])


def _bound(**settings: Any) -> PythonScriptStep:
    return PythonScriptStep("x.py", inputs=[(DataPath(Store(), "a", name="n"), DataPathComputeBinding(**settings))])


def _transferred(**settings: Any) -> DataTransferStep:
    return DataTransferStep("t", SqlDataReference(**settings), raw(), "adf", destination_reference_type="file")


def _command(**settings: Any) -> CommandStep:
    return CommandStep(**settings)


AUTHORING: dict[str, tuple[Any, dict[str, Any], dict[str, Any]]] = {
    "PythonScriptStep.__init__": (
        PythonScriptStep,
        {"script_name": "x.py"},
        {
            "script_name": "y.py", "name": "n", "arguments": ["a"], "compute_target": "c", "runconfig": config(target="t"),
            "runconfig_pipeline_params": {"NodeCount": count()}, "inputs": [raw()], "outputs": [PipelineData("o")],
            "params": {"a": 1}, "source_directory": "other", **SAME_OF_STEPS,
        },
    ),
    "CommandStep.__init__": (
        _command,
        {"command": "echo a"},
        {
            "command": "echo b", "name": "n", "compute_target": "c", "runconfig": config(target="t"),
            "runconfig_pipeline_params": {"NodeCount": count()}, "inputs": [raw()], "outputs": [PipelineData("o")],
            "params": {"a": 1}, "source_directory": "other", **SAME_OF_STEPS,
        },
    ),
    "DatabricksStep.__init__": (
        DatabricksStep,
        CLUSTER,
        {
            "name": "n", "inputs": [raw()], "outputs": [PipelineData("o")],
            "existing_cluster_id": ("c", {"num_workers": None, "existing_cluster_id": "b"}),
            "spark_version": "9.1.x-scala2.12", "node_type": "Standard_D4_v2",
            "instance_pool_id": "p", "num_workers": 3, "min_workers": (2, {"num_workers": None, "min_workers": 1, "max_workers": 4}),
            "max_workers": (3, {"num_workers": None, "min_workers": 1, "max_workers": 4}),
            "spark_env_variables": {"A": "b"}, "spark_conf": {"c": "d"},
            "init_scripts": ["dbfs:/i.sh"], "cluster_log_dbfs_path": "dbfs:/l", "notebook_path": "/m", "notebook_params": {"a": 1},
            "python_script_path": ("dbfs:/t.py", {"notebook_path": None, "python_script_path": "dbfs:/s.py"}),
            "main_class_name": ("M", {"notebook_path": None, "main_class_name": "L", "jar_libraries": [JarLibrary("j")]}),
            "python_script_params": (["--x", 2], {"notebook_path": None, "python_script_path": "dbfs:/s.py"}),
            "jar_params": (["q"], {"notebook_path": None, "main_class_name": "M", "jar_libraries": [JarLibrary("j")]}),
            "python_script_name": ("x.py", {"notebook_path": None, "python_script_name": "y.py", "source_directory": "."}),
            "source_directory": ("other", {"notebook_path": None, "python_script_name": "x.py"}),
            "run_name": "r", "timeout_seconds": 5, "runconfig": config(target="t"), "maven_libraries": [MavenLibrary("a:b:1")],
            "pypi_libraries": [PyPiLibrary("p")], "egg_libraries": [EggLibrary("e")], "jar_libraries": [JarLibrary("j")],
            "rcran_libraries": [RCranLibrary("r")], "compute_target": "c",
            "permit_cluster_restart": (True, {"num_workers": None, "existing_cluster_id": "c"}), **SAME_OF_STEPS,
        },
    ),
    "SynapseSparkStep.__init__": (
        SynapseSparkStep,
        SPARK,
        {
            "file": "y.py", "source_directory": "other", "compute_target": "t", "driver_memory": "2g", "driver_cores": 2,
            "executor_memory": "2g", "executor_cores": 2, "num_executors": 2, "name": "n", "app_name": "a",
            "environment": Environment("f"), "arguments": ["a"], "inputs": [Files().as_named_input("i")], "outputs": [HDFSOutputDatasetConfig("o")],
            "conf": {"a": "b"}, "py_files": ["p.py"], "jars": ["j.jar"], "files": ["f.txt"], **SAME_OF_STEPS,
        },
    ),
    "AdlaStep.__init__": (
        AdlaStep,
        {"script_name": "x.usql", "compute_target": "c", "source_directory": "."},
        {
            "script_name": "y.usql", "name": "n", "inputs": [raw()], "outputs": [PipelineData("o")], "params": {"a": 1},
            "degree_of_parallelism": 3, "priority": 4, "runtime_version": "r", "compute_target": "t", "source_directory": "other",
            **SAME_OF_STEPS,
        },
    ),
    "AzureBatchStep.__init__": (
        AzureBatchStep,
        BATCH,
        {
            "name": "n", "create_pool": True, "pool_id": "q", "delete_batch_job_after_finish": False,
            "delete_batch_pool_after_finish": True, "is_positive_exit_code_failure": False, "vm_image_urn": "urn:a:b:c",
            "run_task_as_admin": True, "target_compute_nodes": 2, "vm_size": "v", "source_directory": "other", "executable": "y.py",
            "arguments": "a", "inputs": [raw()], "outputs": [PipelineData("o")], "compute_target": "t", **SAME_OF_STEPS,
        },
    ),
    "DataTransferStep.__init__": (
        DataTransferStep,
        {"name": "t", "source_data_reference": raw(), "destination_data_reference": raw("to"), "compute_target": "adf"},
        {
            "name": "n", "source_data_reference": raw("other"), "destination_data_reference": DataReference(Store(), "to", "b"),
            "compute_target": "adf2", "source_reference_type": "file", "destination_reference_type": "directory", "allow_reuse": False,
        },
    ),
    "KustoStep.__init__": (
        KustoStep,
        {"name": "k", "compute_target": "c", "database_name": "d", "query_directory": ".", "output": PipelineData("o")},
        {
            "name": "n", "compute_target": "t", "database_name": "e", "query_directory": "other", "output": PipelineData("p"),
            "parameter_dict": {"a": "b"}, "allow_reuse": True,
        },
    ),
    "EstimatorStep.__init__": (
        EstimatorStep,
        {"name": "e", "estimator": Estimator(".", entry_script="x.py", compute_target="c"),
        "estimator_entry_script_arguments": [], "compute_target": "c"},
        {
            "name": "n", "estimator": Estimator(".", entry_script="y.py", compute_target="c"), "estimator_entry_script_arguments": ["a"],
            "runconfig_pipeline_params": {"NodeCount": count()}, "inputs": [raw()], "outputs": [PipelineData("o")], "compute_target": "t",
            **SAME_OF_STEPS,
        },
    ),
    "HyperDriveStep.__init__": (
        HyperDriveStep,
        {"name": "h", "hyperdrive_config": search(), "estimator_entry_script_arguments": []},
        {
            "name": "n", "hyperdrive_config": search(max_total_runs=5), "estimator_entry_script_arguments": ["a"], "inputs": [raw()],
            "outputs": [PipelineData("o")], "metrics_output": PipelineData("m"), **SAME_OF_STEPS,
        },
    ),
    "HyperDriveConfig.__init__": (
        searched,
        {},
        {
            "hyperparameter_sampling": GridParameterSampling({"--b": choice(1)}), "primary_metric_name": "n",
            "primary_metric_goal": PrimaryMetricGoal.MINIMIZE, "max_total_runs": 5, "max_concurrent_runs": 2, "max_duration_minutes": 5,
            "policy": BanditPolicy(slack_factor=0.1), "estimator": Estimator(".", entry_script="y.py", compute_target="c"),
            "run_config": lambda: ScriptRunConfig(".", "x.py", run_config=config(target="t")),
        },
    ),
    "NotebookRunnerStep.__init__": (
        NotebookRunnerStep,
        {"notebook_run_config": NotebookRunConfig.__new__(NotebookRunConfig)},
        {
            "name": "n", "notebook_run_config": lambda: NotebookRunConfig(".", "y.ipynb"), "runconfig_pipeline_params": {"NodeCount": count()},
            "compute_target": "c", "params": {"a": 1}, "inputs": [raw()], "outputs": [PipelineData("o")],
            "output_notebook_pipeline_data_name": "nb", **SAME_OF_STEPS,
        },
    ),
    "NotebookRunConfig.__init__": (
        notebook_step,
        {"source_directory": ".", "notebook": "x.ipynb"},
        {
            "source_directory": "other", "notebook": "y.ipynb", "output_notebook": "z.ipynb", "parameters": {"a": 1},
            "handler": AzureMLNotebookHandler(timeout=5), "run_config": config(target="t"),
        },
    ),
    "ParallelRunConfig.__init__": (
        parallel,
        PRC,
        {
            "environment": Environment("f"), "entry_script": "y.py", "error_threshold": 2, "output_action": "summary_only", "compute_target": "t",
            "node_count": 2, "process_count_per_node": 3, "mini_batch_size": 4, "source_directory": "other", "description": "d",
            "logging_level": "DEBUG", "run_invocation_timeout": 5, "run_max_try": 4, "append_row_file_name": "a.txt",
            "allowed_failed_count": 1, "allowed_failed_percent": 5, "partition_keys": (["a"], {"mini_batch_size": None}),
            "environment_variables": {"A": "b"},
        },
    ),
    "ParallelRunStep.__init__": (
        ParallelRunStep,
        {"name": "p", "parallel_run_config": ParallelRunConfig.__new__(ParallelRunConfig),
        "inputs": [Files().as_named_input("d")], "output": PipelineData("o")},
        {
            "name": "n", "parallel_run_config": lambda: ParallelRunConfig(**{**PRC, "node_count": 3}), "inputs": [Files("f2").as_named_input("e")],
            "output": PipelineData("q"), "side_inputs": [raw()], "arguments": ["--a", 1], "allow_reuse": False,
        },
    ),
    # What steps are given, looked at through a step -----------------------------------------------------------------------------
    "PipelineData.__init__": (
        _data,
        {},
        {
            "name": "e", "datastore": Store("other"), "output_name": "p", "output_mode": "upload", "output_path_on_compute": "/x",
            "output_overwrite": True, "is_directory": True, "pipeline_output_name": "all",
            "training_output": TrainingOutput("Model", model_file="m"),
        },
    ),
    "DataReference.__init__": (
        _referred,
        {"datastore": Store(), "data_reference_name": "r"},
        {
            "datastore": Store("other"), "data_reference_name": "s", "path_on_datastore": "a", "mode": "download", "path_on_compute": "/x",
            "overwrite": True,
        },
    ),
    "DatasetConsumptionConfig.__init__": (
        _consumed,
        {"name": "d", "dataset": Files()},
        {"name": "e", "dataset": Files("f2"), "mode": "mount", "path_on_compute": ("/x", {"mode": "mount"})},
    ),
    "DatasetConsumptionConfig.as_mount": (
        lambda **k: PythonScriptStep("x.py", inputs=[DatasetConsumptionConfig("d", Files()).as_mount(**k)]),
        {},
        {"path_on_compute": "/x"},
    ),
    "DataPathComputeBinding.__init__": (_bound, {}, {"mode": "download", "path_on_compute": "/x", "overwrite": True}),
    "azureml.data.datapath.DataPath.__init__": (
        DataPath,
        {"datastore": Store(), "name": "n"},
        {"datastore": Store("other"), "path_on_datastore": "b", "name": "m"},
    ),
    "SqlDataReference.__init__": (
        _transferred,
        {"datastore": Store(), "sql_table": "t", "data_reference_name": "r"},
        {
            "datastore": Store("other"), "data_reference_name": "s", "sql_table": "u",
            "sql_query": ("SELECT 1", {"sql_table": None, "sql_query": "SELECT 2"}),
            "sql_stored_procedure": ("p", {"sql_table": None, "sql_stored_procedure": "q"}),
            "sql_stored_procedure_params": (
                [StoredProcedureParameter("a", "1", StoredProcedureParameterType.Int)],
                {"sql_table": None, "sql_stored_procedure": "p"},
            ),
        },
    ),
    "PipelineData.as_mount": (
        lambda **k: _read(lambda data: data.as_mount(**k)), {}, {"input_name": "other"},
    ),
    "OutputFileDatasetConfig.__init__": (
        lambda **k: PythonScriptStep("x.py", outputs=[OutputFileDatasetConfig(**k)]),
        {"name": "o"},
        {"name": "p", "destination": (Store("other"), "b"), "source": "/x"},
    ),
    "OutputFileDatasetConfig.as_input": (
        lambda **k: _read(lambda data: data.as_input(**k), OutputFileDatasetConfig("o")), {"name": "i"}, {"name": "j"},
    ),
    "OutputFileDatasetConfig.as_upload": (
        lambda **k: PythonScriptStep("x.py", outputs=[OutputFileDatasetConfig("o").as_upload(**k)]),
        {},
        {"overwrite": True, "source_globs": ["*.csv"]},
    ),
    "OutputFileDatasetConfig.register_on_complete": (
        lambda **k: PythonScriptStep("x.py", outputs=[OutputFileDatasetConfig("o").register_on_complete(**k)]),
        {"name": "n"},
        {"name": "m", "description": "d", "tags": {"a": "b"}},
    ),
    "OutputFileDatasetConfig.read_delimited_files": (
        lambda **k: PythonScriptStep("x.py", outputs=[OutputFileDatasetConfig("o").read_delimited_files(**k).register_on_complete("n")]),
        {},
        {"include_path": True, "separator": ";", "header": False, "partition_format": "{a}/x", "path_glob": "*.tsv",
        "set_column_types": {"a": DataType.to_string()}},
    ),
    "OutputFileDatasetConfig.read_parquet_files": (
        lambda **k: PythonScriptStep("x.py", outputs=[OutputFileDatasetConfig("o").read_parquet_files(**k).register_on_complete("n")]),
        {},
        {"include_path": True, "partition_format": "{a}/x", "path_glob": "*.p", "set_column_types": {"a": DataType.to_string()}},
    ),
    "HDFSOutputDatasetConfig.__init__": (
        lambda **k: PythonScriptStep("x.py", outputs=[HDFSOutputDatasetConfig(**k)]),
        {"name": "o"},
        {"name": "p", "destination": (Store("other"), "b")},
    ),
    "HDFSOutputDatasetConfig.register_on_complete": (
        lambda **k: PythonScriptStep("x.py", outputs=[HDFSOutputDatasetConfig("o").register_on_complete(**k)]),
        {"name": "n"},
        {"name": "m", "description": "d", "tags": {"a": "b"}},
    ),
    "PipelineParameter.__init__": (
        lambda **k: PythonScriptStep("x.py", arguments=[PipelineParameter(**k)]),
        {"name": "a", "default_value": 1},
        {"name": "b"},
    ),
}  # fmt: skip


def _read(read: Any, data: Any = None) -> PythonScriptStep:
    """A step that reads what another has left."""
    data = data or PipelineData("d")
    PythonScriptStep("x.py", outputs=[data])
    return PythonScriptStep("y.py", inputs=[read(data)])
