"""Notebooks as steps. Each name is imported from its module when it is first asked for."""

from azureml._names import reexport

_PREFIX = "azureml.contrib.notebook."
_HOMES = {
    "AzureMLNotebookHandler": _PREFIX + "_run_config",
    "NotebookRunConfig": _PREFIX + "_run_config",
    "NotebookRunnerStep": _PREFIX + "notebook_runner_step",
}
__all__ = sorted(_HOMES)
__getattr__, __dir__ = reexport(__name__, _HOMES)
