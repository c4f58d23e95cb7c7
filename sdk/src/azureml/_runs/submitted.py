"""The run that this process is, made from its environment (docs/step.md). Its status is the runner's to set."""

from azureml.core.run import Run


class _SubmittedRun(Run):
    """The run that this process is. Its status is the runner's to set."""

    def __init__(self, experiment, run_id, **kwargs):
        Run.__init__(self, experiment, run_id, **kwargs)
        self._inputs = None
        self._outputs = None

    def _refresh(self):
        dto = Run._refresh(self)
        if dto["status"] in ("NotStarted", "Queued", "Preparing", "Starting"):
            dto["status"] = "Running"  # the record of it may come a moment later, but here we are
        return dto

    @property
    def experiment(self):
        if self._experiment is None:
            from azureml._runs.context import experiment_from_environment

            self._experiment = experiment_from_environment()
        return self._experiment

    @property
    def parent(self):
        from azureml._runs.context import parent_from_environment

        return parent_from_environment(self.experiment)

    @property
    def input_datasets(self):
        """{name: Dataset, or the local path of what is mounted or downloaded}."""
        if self._inputs is None:
            from azureml._runs.datasets import InputDatasets

            self._inputs = InputDatasets(lambda: self._workspace)
        return self._inputs

    @property
    def output_datasets(self):
        """{name: local path to write to}."""
        if self._outputs is None:
            from azureml._runs.datasets import OutputDatasets

            self._outputs = OutputDatasets(lambda: self._workspace)
        return self._outputs

    def complete(self, _set_status=True):
        """Nothing: the end of the script decides."""

    def fail(self, error_details=None, error_code=None, _set_status=True):
        """Nothing: the exit status of the script decides."""

    def cancel(self):
        import warnings

        warnings.warn("Run.cancel() does nothing in the run's own script: end the script instead.", stacklevel=2)

    def __exit__(self, exc_type, exc_value, traceback):
        return False

    def __repr__(self):
        return "Run(Id: {})".format(self.id)
