"""AutoML configurations. Each name is imported from its module when it is first asked for."""

from azureml._names import reexport

_HOMES = {
    "AutoMLConfig": "azureml.train.automl.automlconfig",
    "AutoMLImageConfig": "azureml.train.automl.automlconfig",
    "AutoMLStep": "azureml.pipeline.steps.automl_step",
    "AutoMLStepRun": "azureml.pipeline.steps.automl_step",
}
__all__ = sorted(_HOMES)
__getattr__, __dir__ = reexport(__name__, _HOMES)
