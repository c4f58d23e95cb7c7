"""AutoMLConfig and AutoMLImageConfig: checked settings of a search over models."""

from azureml.exceptions import UserErrorException

_TASKS = ("classification", "regression", "forecasting")
_IMAGE_PREFIX = "image"


class _Configuration:
    """`user_settings` holds what was given, by the argument's name."""

    def __init__(self, given):
        extra = given.pop("kwargs", None) or {}
        given.pop("self", None)
        self.user_settings = dict(given, **extra)

    def as_serializable_dict(self):
        return dict(self.user_settings)

    def get_supported_dataset_languages(self, use_gpu):
        return ["eng"]

    def _submit(self, experiment, tags=None, **kwargs):
        raise UserErrorException(
            "Submitting an {} is not built yet in this version of Penstock.".format(type(self).__name__)
        )


class AutoMLConfig(_Configuration):
    """`task` is classification, regression or forecasting."""

    def __init__(
        self,
        task,
        path=None,
        iterations=None,
        primary_metric=None,
        positive_label=None,
        compute_target=None,
        spark_context=None,
        X=None,
        y=None,
        sample_weight=None,
        X_valid=None,
        y_valid=None,
        sample_weight_valid=None,
        cv_splits_indices=None,
        validation_size=None,
        n_cross_validations=None,
        y_min=None,
        y_max=None,
        num_classes=None,
        featurization="auto",
        max_cores_per_iteration=1,
        max_concurrent_iterations=1,
        iteration_timeout_minutes=None,
        mem_in_mb=None,
        enforce_time_on_windows=False,
        experiment_timeout_hours=None,
        experiment_exit_score=None,
        enable_early_stopping=True,
        blocked_models=None,
        blacklist_models=None,
        exclude_nan_labels=True,
        verbosity=20,
        enable_tf=False,
        model_explainability=True,
        allowed_models=None,
        whitelist_models=None,
        enable_onnx_compatible_models=False,
        enable_voting_ensemble=True,
        enable_stack_ensemble=None,
        debug_log="automl.log",
        training_data=None,
        validation_data=None,
        test_data=None,
        test_size=None,
        label_column_name=None,
        weight_column_name=None,
        cv_split_column_names=None,
        enable_local_managed=False,
        enable_dnn=None,
        forecasting_parameters=None,
        **kwargs,
    ):
        given = dict(locals())
        if not isinstance(task, str) or task.lower() not in _TASKS:
            raise UserErrorException("task must be one of {}, but is {!r}.".format(", ".join(_TASKS), task))
        if training_data is not None and X is not None:
            raise UserErrorException("Give training_data with label_column_name, or X and y, not both.")
        if n_cross_validations is not None and not isinstance(n_cross_validations, str) and n_cross_validations < 2:
            raise UserErrorException("n_cross_validations must be 2 or more, but is {!r}.".format(n_cross_validations))
        _Configuration.__init__(self, given)
        self.user_settings["task_type"] = task.lower()


class AutoMLImageConfig(_Configuration):
    """`task` is one of ImageTask."""

    def __init__(
        self,
        task,
        compute_target,
        training_data,
        hyperparameter_sampling,
        iterations,
        max_concurrent_iterations=None,
        experiment_timeout_hours=None,
        early_termination_policy=None,
        validation_data=None,
        arguments=None,
        **kwargs,
    ):
        given = dict(locals())
        name = getattr(task, "value", task)
        if not isinstance(name, str) or not name.lower().startswith(_IMAGE_PREFIX):
            raise UserErrorException("task must be an ImageTask, but is {!r}.".format(task))
        _Configuration.__init__(self, given)
