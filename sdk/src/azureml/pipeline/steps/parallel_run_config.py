"""ParallelRunConfig: how a ParallelRunStep cuts its inputs into mini-batches and runs the entry script over them."""

import os
import re

from azureml._paths import absolute, local
from azureml.core._sections import number

_SIZE = re.compile(r"^(\d+)([kKmMgG][bB])*$")
_UNITS = {"": 1, "kb": 1024, "mb": 1024**2, "gb": 1024**3}
_NOT_IN_A_FILE_NAME = re.compile(r'[~"#%&*:<>?/\\{|}]')
_ACTIONS = ("summary_only", "append_row")
_LEVELS = ("CRITICAL", "FATAL", "ERROR", "WARN", "WARNING", "INFO", "DEBUG", "NOTSET")
_YAML_KEY = "parallel_run_config"


class ParallelRunConfig:
    """Attributes carry the names of the arguments. Every check raises ValueError."""

    def __init__(
        self,
        environment,
        entry_script,
        error_threshold,
        output_action,
        compute_target,
        node_count,
        process_count_per_node=None,
        mini_batch_size=None,
        source_directory=None,
        description=None,
        logging_level="INFO",
        run_invocation_timeout=60,
        run_max_try=3,
        append_row_file_name=None,
        allowed_failed_count=None,
        allowed_failed_percent=None,
        partition_keys=None,
        environment_variables=None,
    ):
        self.environment = _environment(environment)
        self.entry_script = _text(entry_script, "entry_script")
        self.error_threshold = _error_threshold(error_threshold)
        self.output_action = _output_action(output_action)
        self.compute_target = compute_target
        self.node_count = _count(node_count, "node_count", 1)
        self.process_count_per_node = (
            None if process_count_per_node is None else _count(process_count_per_node, "process_count_per_node", 1)
        )
        self.source_directory = source_directory
        self.description = description
        self.logging_level = _logging_level(logging_level)
        self.run_invocation_timeout = _count(run_invocation_timeout, "run_invocation_timeout", 1)
        self.run_max_try = _count(run_max_try, "run_max_try", 1)
        self.append_row_file_name = _file_name(append_row_file_name)
        self.allowed_failed_count = (
            None if allowed_failed_count is None else _count(allowed_failed_count, "allowed_failed_count", 0)
        )
        self.allowed_failed_percent = _percent(allowed_failed_percent)
        if partition_keys is not None and mini_batch_size is not None:
            raise ValueError("mini_batch_size and partition_keys are mutually exclusive: give only one of them.")
        self.partition_keys = _partition_keys(partition_keys)
        self.mini_batch_size = mini_batch_size
        self._mini_batch_bytes = None if mini_batch_size is None else mini_batch_bytes(mini_batch_size)
        self._environment_variables = dict(environment_variables or {})
        self._check_node_count()

    @property
    def environment_variables(self):
        return self._environment_variables

    @environment_variables.setter
    def environment_variables(self, values):
        self._environment_variables = dict(values or {})

    def _check_node_count(self):
        scale = getattr(self.compute_target, "scale_settings", None)
        most = getattr(scale, "maximum_node_count", None)
        if isinstance(most, int) and isinstance(self.node_count, int) and self.node_count > most:
            raise ValueError(
                "node_count ({}) is greater than max_nodes ({}) of compute '{}'.".format(
                    self.node_count, most, self.compute_target.name
                )
            )

    def __repr__(self):
        return "ParallelRunConfig(entry_script={!r}, output_action={!r})".format(self.entry_script, self.output_action)

    # --- files ------------------------------------------------------------------------------------------------------------

    _FIELDS = (
        "entry_script", "error_threshold", "output_action", "node_count", "process_count_per_node", "mini_batch_size",
        "source_directory", "description", "logging_level", "run_invocation_timeout", "run_max_try",
        "append_row_file_name", "allowed_failed_count", "allowed_failed_percent", "partition_keys",
        "environment_variables",
    )  # fmt: skip

    def save_to_yaml(self, path):
        from azureml.core._sections import plain
        from azureml.core._yaml import dump

        target = self.compute_target
        values = {name: plain(getattr(self, name)) for name in self._FIELDS if getattr(self, name) not in (None, {})}
        values["compute_target_name"] = target if isinstance(target, str) else getattr(target, "name", None)
        values["environment"] = plain(self.environment)
        with open(local(path), "w", encoding="utf-8") as file:
            file.write(dump({_YAML_KEY: values}))

    @staticmethod
    def load_yaml(workspace, path):
        """The configuration under the key `parallel_run_config` of file `path`; ValueError for what is none."""
        from azureml.core._yaml import load

        with open(local(path), encoding="utf-8") as file:
            values = load(file.read())
        if not isinstance(values, dict) or not isinstance(values.get(_YAML_KEY), dict):
            raise ValueError("{} has no map `{}`.".format(path, _YAML_KEY))
        return ParallelRunConfig._from_dict(values[_YAML_KEY], workspace, os.path.dirname(absolute(path)), path)

    @staticmethod
    def _from_dict(values, workspace, folder, where):
        """The configuration that these say; names of folders begin at `folder`."""
        values = dict(values)
        target = values.pop("compute_target_name", None)
        environment = _environment_of(values, workspace, folder)
        unknown = sorted(set(values) - set(ParallelRunConfig._FIELDS))
        if unknown:
            raise ValueError("{}: unknown settings {}.".format(where, ", ".join(unknown)))
        return ParallelRunConfig(environment=environment, compute_target=target, **values)


def mini_batch_bytes(size):
    """'10' or 10 -> 10, '1KB' -> 1024; a PipelineParameter by its default. ValueError for other texts."""
    value = getattr(size, "default_value", size)
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    match = _SIZE.match(value) if isinstance(value, str) else None
    if match is None or int(match.group(1)) <= 0:
        raise ValueError(
            "mini_batch_size {!r} is not valid: use a number of files, or a size such as '10MB' (KB, MB or GB).".format(
                value
            )
        )
    return int(match.group(1)) * _UNITS[(match.group(2) or "").lower()]


def _environment(environment):
    from azureml.core.environment import Environment

    if not isinstance(environment, Environment):
        raise ValueError("environment must be an Environment, but is {}.".format(type(environment).__name__))
    return environment


def _environment_of(values, workspace, folder):
    from azureml.core.environment import Environment

    definition = values.pop("environment", None)
    name = values.pop("environment_name", None)
    directory = values.pop("environment_dir_path", None)
    if definition is not None:
        return Environment._from_dict(definition)
    if name is not None:
        return Environment.get(workspace, name)
    if directory is not None:
        return Environment.load_from_directory(os.path.join(folder, directory))
    raise ValueError("Give one of environment, environment_name and environment_dir_path.")


def _text(value, what):
    if not isinstance(value, str) or not value:
        raise ValueError("{} is required and must be text, but is {!r}.".format(what, value))
    return value


def _error_threshold(value):
    if isinstance(value, bool) or not isinstance(value, int) or value < -1:
        raise ValueError("error_threshold must be an int of -1 or more, but is {!r}.".format(value))
    return value


def _output_action(value):
    if not isinstance(value, str) or value.lower() not in _ACTIONS:
        raise ValueError("output_action must be summary_only or append_row, but is {!r}.".format(value))
    return value.lower()


def _count(value, what, least):
    if hasattr(value, "_lower_value"):
        _count(value.default_value, what, least)
        return value
    from azureml.exceptions import UserErrorException

    try:
        return number(value, what, least)
    except UserErrorException as error:
        raise ValueError(error.message) from None


def _percent(value):
    if value is None:
        return None
    try:
        result = float(value)
    except (TypeError, ValueError):
        result = -1
    if not 0 <= result <= 100:
        raise ValueError("allowed_failed_percent must be from 0 to 100, but is {!r}.".format(value))
    return result


def _logging_level(value):
    level = getattr(value, "default_value", value)
    if not isinstance(level, str) or level.upper() not in _LEVELS:
        raise ValueError("logging_level must be one of {}, but is {!r}.".format(", ".join(_LEVELS), level))
    return value


def _file_name(value):
    if value is None:
        return None
    if not isinstance(value, str) or not value or _NOT_IN_A_FILE_NAME.search(value):
        raise ValueError(
            'append_row_file_name {!r} is not valid: it must be a file name without ~"#%&*:<>?/\\{{|}}.'.format(value)
        )
    return value


def _partition_keys(value):
    keys = value
    if hasattr(value, "_lower_value"):
        import json

        try:
            keys = json.loads(value.default_value)
        except (TypeError, ValueError):
            keys = None
    if value is not None and not (isinstance(keys, list) and keys and all(isinstance(key, str) for key in keys)):
        raise ValueError(
            "partition_keys must be a list of column names, but is {!r}.".format(getattr(value, "default_value", value))
        )
    return value
