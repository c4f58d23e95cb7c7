"""ScriptRun: a run of a single script."""

import azureml._sentinel  # noqa: F401
from azureml.core.run import Run


class ScriptRun(Run):
    """Made by submitting a ScriptRunConfig."""

    def __init__(self, experiment, run_id, directory=None, _run_config=None, **kwargs):
        Run.__init__(self, experiment, run_id, **kwargs)
        self._directory = directory
        self._run_config = _run_config
