"""ScriptRunConfig: a script or command with all that it needs to run by itself."""

import os

from azureml.core._sections import number
from azureml.core.runconfig import RunConfiguration
from azureml.exceptions import UserErrorException

MAX_RUN_DURATION_SECONDS_DEFAULT = 30 * 24 * 60 * 60


class ScriptRunConfig:
    """Azure: the same class. `run_config` holds the merged settings."""

    MAX_RUN_DURATION_SECONDS_DEFAULT = MAX_RUN_DURATION_SECONDS_DEFAULT

    def __init__(
        self,
        source_directory,
        script=None,
        arguments=None,
        run_config=None,
        _telemetry_values=None,
        compute_target=None,
        environment=None,
        distributed_job_config=None,
        resume_from=None,
        max_run_duration_seconds=MAX_RUN_DURATION_SECONDS_DEFAULT,
        command=None,
        docker_runtime_config=None,
    ):
        if script and command:
            raise UserErrorException("Give script or command, not both.")
        if command and arguments:
            raise UserErrorException("arguments go with script: write those of a command into the command itself.")
        if run_config is not None and (compute_target is not None or environment is not None):
            raise UserErrorException(
                "Give run_config, or compute_target and environment, not both: set them on the run_config."
            )
        source_directory = os.path.expanduser(source_directory or os.getcwd())
        if not os.path.isdir(source_directory):
            raise UserErrorException("source_directory {} is not a folder.".format(os.path.abspath(source_directory)))
        self.source_directory = source_directory
        self.script = script
        self.command = command
        self.arguments = list(arguments or [])
        self.resume_from = resume_from
        self.max_run_duration_seconds = (
            None
            if max_run_duration_seconds is None
            else number(max_run_duration_seconds, "max_run_duration_seconds", 1)
        )
        self.run_config = run_config or RunConfiguration()
        if compute_target is not None:
            self.run_config.target = compute_target
        if environment is not None:
            self.run_config.environment = environment
        if docker_runtime_config is not None:
            self.run_config.docker = docker_runtime_config
        if distributed_job_config is not None:
            _distribute(self.run_config, distributed_job_config)
        self.run_config.script = script or self.run_config.script
        self.run_config.command = command or self.run_config.command

    @property
    def identity(self):
        return self.run_config.identity

    @identity.setter
    def identity(self, value):
        self.run_config.identity = value

    def _submit(self, experiment, tags=None, display_name=None, parent_run_id=None, properties=None, **kwargs):
        """Called by Experiment.submit; the Run of the script."""
        from azureml._graph.scripts import submit_script

        return submit_script(self, experiment, tags, display_name, parent_run_id, properties)


def _distribute(run_config, configuration):
    kind = type(configuration).__name__
    names = {
        "MpiConfiguration": ("mpi", "Mpi"),
        "PyTorchConfiguration": ("pytorch", "PyTorch"),
        "TensorflowConfiguration": ("tensorflow", "TensorFlow"),
        "ParallelTaskConfiguration": ("paralleltask", "ParallelTask"),
    }
    if kind not in names:
        raise UserErrorException(
            "distributed_job_config must be one of {}, but is {}.".format(", ".join(sorted(names)), kind)
        )
    section, communicator = names[kind]
    setattr(run_config, section, configuration)
    run_config.communicator = communicator
    if getattr(configuration, "node_count", None):
        run_config.node_count = configuration.node_count
