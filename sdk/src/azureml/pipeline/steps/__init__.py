"""The kinds of step. Each class is imported from its own module when it is first named."""

import azureml._sentinel  # noqa: F401  (refuses when foreign files have overwritten ours)
from azureml._names import reexport

_PREFIX = "azureml.pipeline.steps."
_HOMES = {
    "AdlaStep": "adla_step",
    "AutoMLStep": "automl_step",
    "AutoMLStepRun": "automl_step",
    "AzureBatchStep": "azurebatch_step",
    "CommandStep": "command_step",
    "DataTransferStep": "data_transfer_step",
    "DatabricksStep": "databricks_step",
    "EstimatorStep": "estimator_step",
    "HyperDriveStep": "hyper_drive_step",
    "HyperDriveStepRun": "hyper_drive_step",
    "KustoStep": "kusto_step",
    "ModuleStep": "module_step",
    "MpiStep": "mpi_step",
    "ParallelRunConfig": "parallel_run_config",
    "ParallelRunStep": "parallel_run_step",
    "PythonScriptStep": "python_script_step",
    "RScriptStep": "r_script_step",
    "SynapseSparkStep": "synapse_spark_step",
}
_HOMES = {name: _PREFIX + home for name, home in _HOMES.items()}
__all__ = sorted(_HOMES)
__getattr__, __dir__ = reexport(__name__, _HOMES)
