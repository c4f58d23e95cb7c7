"""AutoMLStep: a search over models. Its outputs are the metrics and the best model."""

from azureml.pipeline.core.builder import PipelineData, PipelineStep, check_compute_target
from azureml.pipeline.core.graph import TrainingOutput


class AutoMLStep(PipelineStep):
    """Default outputs are `default_metrics_<name>` and `default_model_<name>`."""

    _kind = "automl"

    def __init__(
        self,
        name,
        automl_config,
        inputs=None,
        outputs=None,
        script_repl_params=None,
        allow_reuse=True,
        version=None,
        hash_paths=None,
        enable_default_model_output=True,
        enable_default_metrics_output=True,
        **kwargs,
    ):
        if not hasattr(automl_config, "as_serializable_dict"):
            raise ValueError("automl_config must be an AutoMLConfig, but is {}.".format(type(automl_config).__name__))
        outputs = list(outputs or [])
        port_name = "".join(c if c.isalnum() else "_" for c in name)
        if enable_default_metrics_output:
            outputs.append(_default("default_metrics_" + port_name, "Metrics"))
        if enable_default_model_output:
            outputs.append(_default("default_model_" + port_name, "Model"))
        settings = automl_config.user_settings
        inputs = list(inputs or [])
        self._data = {}
        for key in ("training_data", "validation_data", "test_data"):
            if settings.get(key) is not None:
                self._data[key] = _named(settings[key], key)
                inputs.append(self._data[key])
        PipelineStep.__init__(self, name, inputs, outputs, fix_port_name_collisions=True)
        self._config = automl_config
        self._compute_target = check_compute_target(settings.get("compute_target"), self.name)
        self._allow_reuse = allow_reuse
        self._version = version

    def _settings(self, scope):
        from azureml.core._sections import plain

        settings = {key: value for key, value in self._config.as_serializable_dict().items() if key not in self._data}
        return {"settings": plain(settings), "data": {key: key for key in self._data}}


def _default(name, kind):
    return PipelineData(name, pipeline_output_name=name, training_output=TrainingOutput(kind))


def _named(data, name):
    """Data of the configuration as an input of the step."""
    if hasattr(data, "as_named_input"):
        return data.as_named_input(name)
    return data


class AutoMLStepRun:
    """The AutoML run of a step run. Not built yet in this version of Penstock."""

    def __init__(self, step_run):
        from azureml.exceptions import UserErrorException

        raise UserErrorException(
            "AutoMLStepRun is not built yet in this version of Penstock (step run {}).".format(
                getattr(step_run, "id", step_run)
            )
        )
