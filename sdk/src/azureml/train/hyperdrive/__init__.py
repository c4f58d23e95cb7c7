"""HyperDrive: searches over hyperparameters. Each name is imported from its module when it is first asked for."""

from azureml._names import reexport

_PREFIX = "azureml.train.hyperdrive."
_HOMES = {
    name: _PREFIX + home
    for home, names in {
        "parameter_expressions": "choice lognormal loguniform normal qlognormal qloguniform qnormal quniform randint "
        "uniform",
        "policy": "BanditPolicy EarlyTerminationPolicy MedianStoppingPolicy NoTerminationPolicy "
        "TruncationSelectionPolicy",
        "run": "HyperDriveRun PrimaryMetricGoal",
        "runconfig": "HyperDriveConfig HyperDriveRunConfig",
        "sampling": "BayesianParameterSampling GridParameterSampling HyperParameterSampling RandomParameterSampling",
        "_submit": "ExperimentSubmitRegistrar",
    }.items()
    for name in names.split()
}
_HOMES["HyperDriveStep"] = "azureml.pipeline.steps.hyper_drive_step"
_HOMES["HyperDriveStepRun"] = "azureml.pipeline.steps.hyper_drive_step"
__all__ = sorted(_HOMES)
__getattr__, __dir__ = reexport(__name__, _HOMES)
