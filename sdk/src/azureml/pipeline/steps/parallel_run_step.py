"""ParallelRunStep: an entry script over the mini-batches of its inputs."""

import os

from azureml._paths import absolute
from azureml.core._sections import plain
from azureml.pipeline.core.builder import PipelineStep

RESERVED = (
    "mini_batch_size", "error_threshold", "allowed_failed_count", "allowed_failed_percent", "output", "output_action",
    "logging_level", "process_count_per_node", "run_invocation_timeout", "run_max_try", "append_row_file_name",
    "partition_keys",
)  # fmt: skip
_PARAMETERS = (
    "mini_batch_size", "node_count", "process_count_per_node", "logging_level", "run_invocation_timeout", "run_max_try",
    "partition_keys",
)  # fmt: skip
_PLAIN = (
    "entry_script", "error_threshold", "output_action", "append_row_file_name", "allowed_failed_count",
    "allowed_failed_percent", "description",
)  # fmt: skip


class ParallelRunStep(PipelineStep):
    """All inputs of one kind: files, or tables. `side_inputs` are given to every process whole."""

    _kind = "parallel_run"

    def __init__(
        self, name, parallel_run_config, inputs, output=None, side_inputs=None, arguments=None, allow_reuse=True
    ):
        from azureml.pipeline.steps.parallel_run_config import ParallelRunConfig

        if not isinstance(parallel_run_config, ParallelRunConfig):
            raise ValueError(
                "parallel_run_config must be a ParallelRunConfig, but is {}.".format(type(parallel_run_config).__name__)
            )
        assert isinstance(inputs, list) and inputs, "inputs must be a non-empty list"
        config = parallel_run_config
        if output is None and config.output_action != "summary_only":
            raise Exception("Please specify output parameter.")
        _check_arguments(arguments)
        inputs = [_batched(item) for item in inputs]
        sides = [_batched(item) for item in side_inputs or []]
        PipelineStep.__init__(
            self, name, inputs + sides, [output] if output is not None else [], arguments, fix_port_name_collisions=True
        )
        self._batch_names = [port.name for port in self._input_ports[: len(inputs)]]
        _check_kinds(self._input_ports[: len(inputs)])
        self._config = config
        self._compute_target = config.compute_target
        self._source_directory = _checked_source(config)
        self._allow_reuse = allow_reuse

    @property
    def running_on_windows(self):
        return os.name == "nt"

    def _code(self, default_source_directory):
        return absolute(self._source_directory), self._config.entry_script

    def _environment_variables(self):
        variables = dict(self._config.environment.environment_variables or {})
        variables.update(self._config.environment_variables)
        return variables

    def _settings(self, scope):
        config = self._config
        settings = {name: plain(getattr(config, name)) for name in _PLAIN}
        for name in _PARAMETERS:
            value = getattr(config, name)
            if name == "partition_keys" and isinstance(value, list):
                settings[name] = list(value)
            else:
                settings[name] = None if value is None else scope.value(value)
        settings["inputs"] = list(self._batch_names)
        settings["output"] = self._output_ports[0].name if self._output_ports else None
        settings["environment"] = plain(config.environment)
        return settings


def _batched(item):
    """An input as ParallelRunStep takes it: files mounted, tables direct."""
    if hasattr(item, "_saved_id") and hasattr(item, "as_named_input"):
        raise ValueError(
            "A dataset cannot be an input by itself. Give it a name first: dataset.as_named_input('name')."
        )
    if getattr(item, "mode", None) == "direct" and _is_files(getattr(item, "dataset", None)):
        dataset = getattr(item.dataset, "default_value", item.dataset)
        if not getattr(dataset, "partition_keys", None):
            return item.as_mount()
    return item


def _is_files(dataset):
    dataset = getattr(dataset, "default_value", dataset)
    return any(c.__name__ in ("FileDataset", "OutputFileDatasetConfig") for c in type(dataset).__mro__)


def _check_kinds(ports):
    if len({"table" if port.mode == "direct" else "files" for port in ports}) > 1:
        raise ValueError("All inputs of a ParallelRunStep must be of one kind: all files, or all tables.")


def _check_arguments(arguments):
    for position, argument in enumerate(arguments or []):
        if not isinstance(argument, str):
            continue
        if position == 0 and not argument.startswith("-"):
            raise ValueError(
                "The arguments of a ParallelRunStep must start with a name such as --rate, not {!r}.".format(argument)
            )
        name = argument.lstrip("-").partition("=")[0]
        if argument.startswith("-") and name in RESERVED:
            raise ValueError("Argument {!r} is reserved for the step itself. Choose another name.".format(argument))


def _checked_source(config):
    folder = absolute(config.source_directory or os.getcwd())
    if not os.path.isdir(folder):
        raise ValueError("source_directory {} is not a folder.".format(folder))
    if not os.path.isfile(os.path.join(folder, config.entry_script)):
        raise ValueError("entry_script {} is not in {}.".format(config.entry_script, folder))
    return folder
