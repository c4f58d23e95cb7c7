"""NotebookRunConfig: a notebook with its parameters and what it needs to run."""

import os

from azureml._paths import absolute
from azureml.core.runconfig import RunConfiguration
from azureml.exceptions import UserErrorException


class AzureMLNotebookHandler:
    """How a notebook is executed; `timeout` is in seconds for one cell."""

    def __init__(self, history=True, timeout=None, **kwargs):
        self.history = history
        self.timeout = timeout
        self.options = kwargs

    def _lower(self):
        return {"history": self.history, "timeout": self.timeout}


class NotebookRunConfig:
    """`parameters` replace the defaults of the cell tagged `parameters`."""

    def __init__(
        self,
        source_directory,
        notebook,
        output_notebook=None,
        parameters=None,
        handler=None,
        run_config=None,
        _telemetry_values=None,
    ):
        source_directory = absolute(source_directory)
        if not os.path.isfile(os.path.join(source_directory, notebook)):
            raise UserErrorException("Notebook {} is not in {}.".format(notebook, source_directory))
        if parameters is not None and not isinstance(parameters, dict):
            raise UserErrorException("parameters must be a dict, but is {}.".format(type(parameters).__name__))
        if run_config is not None and not hasattr(run_config, "_as_dict"):
            raise UserErrorException(
                "run_config must be a RunConfiguration, but is {}.".format(type(run_config).__name__)
            )
        self.source_directory = source_directory
        self.notebook = notebook
        self.output_notebook = output_notebook
        self.parameters = dict(parameters or {})
        self.handler = handler or AzureMLNotebookHandler()
        self.run_config = run_config or RunConfiguration()

    @property
    def identity(self):
        return self.run_config.identity

    def _submit(self, experiment, tags=None, **kwargs):
        raise UserErrorException(
            "Submitting a NotebookRunConfig by itself is not built yet in this version of Penstock."
        )
