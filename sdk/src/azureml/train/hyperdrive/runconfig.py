"""HyperDriveConfig: what is searched, for which metric, how long."""

from azureml.core._sections import number
from azureml.exceptions import UserErrorException
from azureml.train.hyperdrive.run import PrimaryMetricGoal

_MOST_RUNS = 1000


class HyperDriveConfig:
    """Exactly one of `estimator`, `run_config` (a ScriptRunConfig) and `pipeline`."""

    def __init__(
        self,
        hyperparameter_sampling,
        primary_metric_name,
        primary_metric_goal,
        max_total_runs,
        max_concurrent_runs=None,
        max_duration_minutes=10080,
        policy=None,
        estimator=None,
        run_config=None,
        resume_from=None,
        resume_child_runs=None,
        pipeline=None,
        debug_flag=None,
        custom_run_id=None,
    ):
        if sum(1 for what in (estimator, run_config, pipeline) if what is not None) != 1:
            raise UserErrorException("Exactly one of estimator, run_config and pipeline is required.")
        if not hasattr(hyperparameter_sampling, "to_json"):
            raise UserErrorException("hyperparameter_sampling must be a sampling such as RandomParameterSampling.")
        if not isinstance(primary_metric_name, str) or not primary_metric_name:
            raise UserErrorException("primary_metric_name is required: it is the name that the script logs.")
        if policy is not None and not hasattr(policy, "to_json"):
            raise UserErrorException("policy must be a termination policy such as BanditPolicy.")
        self._sampling = hyperparameter_sampling
        self._metric = primary_metric_name
        self._goal = _goal(primary_metric_goal)
        self._max_total_runs = number(max_total_runs, "max_total_runs", 1)
        if self._max_total_runs > _MOST_RUNS:
            raise UserErrorException("max_total_runs must be at most {}.".format(_MOST_RUNS))
        self._max_concurrent_runs = (
            self._max_total_runs
            if max_concurrent_runs is None
            else number(max_concurrent_runs, "max_concurrent_runs", 1)
        )
        if self._max_concurrent_runs > self._max_total_runs:
            raise UserErrorException("max_concurrent_runs must not be greater than max_total_runs.")
        self._max_duration_minutes = number(max_duration_minutes, "max_duration_minutes", 1)
        self._policy = policy
        self._estimator = estimator
        self._run_config = run_config
        self._pipeline = pipeline
        self.resume_from = resume_from
        self.resume_child_runs = resume_child_runs
        self.custom_run_id = custom_run_id

    estimator = property(lambda self: self._estimator)
    run_config = property(lambda self: self._run_config)
    pipeline = property(lambda self: self._pipeline)

    @property
    def source_directory(self):
        return getattr(self._estimator or self._run_config, "source_directory", None)

    def _submit(self, experiment, tags=None, **kwargs):
        raise UserErrorException("Submitting a HyperDriveConfig is not built yet in this version of Penstock.")

    # --- what HyperDriveStep asks -------------------------------------------------------------------------------------

    def _script(self):
        """(script, its arguments, its folder)."""
        if self._pipeline is not None:
            raise UserErrorException("A HyperDriveConfig on a pipeline cannot be a step.")
        if self._estimator is not None:
            return self._estimator._entry_script, [], self._estimator.source_directory
        return self._run_config.script, list(self._run_config.arguments), self._run_config.source_directory

    def _runconfig(self):
        return self._estimator.run_config if self._estimator is not None else self._run_config.run_config

    def _target(self):
        return getattr(self._estimator, "_compute_target", None)

    def _lower_search(self):
        return {
            "sampling": self._sampling.to_json(),
            "primary_metric_name": self._metric,
            "primary_metric_goal": self._goal,
            "max_total_runs": self._max_total_runs,
            "max_concurrent_runs": self._max_concurrent_runs,
            "max_duration_minutes": self._max_duration_minutes,
            "policy": self._policy.to_json() if self._policy is not None else None,
        }


class HyperDriveRunConfig(HyperDriveConfig):
    """The old name of HyperDriveConfig."""


def _goal(goal):
    try:
        return PrimaryMetricGoal.from_str(goal)
    except ValueError as error:
        raise UserErrorException(str(error)) from None
