"""SynapseSparkStep: a Python file on Spark."""

from azureml._paths import absolute
from azureml.core._sections import number, plain
from azureml.pipeline.core.builder import PipelineStep, check_compute_target


class SynapseSparkStep(PipelineStep):
    """The first eight arguments are all needed."""

    _kind = "synapse_spark"

    def __init__(
        self,
        file,
        source_directory,
        compute_target,
        driver_memory,
        driver_cores,
        executor_memory,
        executor_cores,
        num_executors,
        name=None,
        app_name=None,
        environment=None,
        arguments=None,
        inputs=None,
        outputs=None,
        conf=None,
        py_files=None,
        jars=None,
        files=None,
        allow_reuse=True,
        version=None,
    ):
        given = dict(locals())
        names = ("file", "source_directory", "compute_target", "driver_memory", "driver_cores", "executor_memory")
        for setting in names + ("executor_cores", "num_executors"):
            if not given[setting]:
                raise ValueError("{} is required".format(setting))
        PipelineStep.__init__(self, name or file, inputs, outputs, arguments, fix_port_name_collisions=True)
        self._compute_target = check_compute_target(compute_target, self.name, required=True)
        self._file = file
        self._source_directory = source_directory
        self._environment = environment
        self._spark = {
            "driver_memory": driver_memory,
            "driver_cores": number(driver_cores, "driver_cores", 1),
            "executor_memory": executor_memory,
            "executor_cores": number(executor_cores, "executor_cores", 1),
            "num_executors": number(num_executors, "num_executors", 1),
            "app_name": app_name or self.name,
            "conf": dict(conf or {}),
            "py_files": list(py_files or []),
            "jars": list(jars or []),
            "files": list(files or []),
        }
        self._allow_reuse = allow_reuse
        self._version = version

    def _code(self, default_source_directory):
        return absolute(self._source_directory), self._file

    def _environment_variables(self):
        return dict(getattr(self._environment, "environment_variables", None) or {})

    def _settings(self, scope):
        return dict(plain(self._spark), file=self._file, environment=plain(self._environment))
