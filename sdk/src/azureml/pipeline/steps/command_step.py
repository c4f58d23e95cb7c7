"""CommandStep: a command line."""

import shlex

from azureml._paths import absolute
from azureml.pipeline.core.builder import PipelineStep, check_compute_target
from azureml.pipeline.steps.python_script_step import check_params, check_runconfig, check_runconfig_parameters


class CommandStep(PipelineStep):
    """`command` is text, split as a shell does, or a list; `runconfig` may be a ScriptRunConfig that brings one."""

    _kind = "command"

    def __init__(
        self,
        command=None,
        name=None,
        compute_target=None,
        runconfig=None,
        runconfig_pipeline_params=None,
        inputs=None,
        outputs=None,
        params=None,
        source_directory=None,
        allow_reuse=True,
        version=None,
    ):
        script_run = runconfig if hasattr(runconfig, "run_config") else None
        if script_run is not None:
            command = command or script_run.command
            source_directory = source_directory or script_run.source_directory
            runconfig = script_run.run_config
        command = command or getattr(runconfig, "command", None)
        if not command:
            raise ValueError("command is required either from command directly or runconfig.")
        words = _words(command)
        PipelineStep.__init__(
            self, name or "CommandStep_{}".format(words[0]), inputs, outputs, words, fix_port_name_collisions=True
        )
        self._source_directory = source_directory
        self._compute_target = check_compute_target(compute_target, self.name)
        self._runconfig = check_runconfig(runconfig, self.name)
        self._params = check_params(params, self.name)
        self._runconfig_pipeline_params = check_runconfig_parameters(runconfig_pipeline_params)
        self._allow_reuse = allow_reuse
        self._version = version
        self._check_params()

    def _code(self, default_source_directory):
        """Without a source directory the command brings no code."""
        return (absolute(self._source_directory), None) if self._source_directory else None

    def _settings(self, scope):
        return {}


def _words(command):
    if isinstance(command, str):
        try:
            words = shlex.split(command)
        except ValueError as error:
            raise ValueError("command {!r} cannot be split into words: {}.".format(command, error)) from None
    elif isinstance(command, (list, tuple)):
        words = list(command)
    else:
        raise ValueError("command must be text or a list, but is {}.".format(type(command).__name__))
    if not words:
        raise ValueError("command is required either from command directly or runconfig.")
    return words
