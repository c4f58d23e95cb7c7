"""DatabricksStep: a notebook, a Python script or a JAR on Databricks."""

from azureml._paths import absolute
from azureml.core._sections import plain
from azureml.pipeline.core.builder import PipelineStep, check_compute_target
from azureml.pipeline.steps.python_script_step import check_runconfig

_DEFAULT_SPARK = "10.4.x-scala2.12"
_DEFAULT_NODE_TYPE = "Standard_D3_v2"
_DEFAULT_SPARK_ENV = {"PYSPARK_PYTHON": "/databricks/python3/bin/python3"}


class DatabricksStep(PipelineStep):
    """Exactly one of `notebook_path`, `python_script_path`, `python_script_name` and `main_class_name`."""

    _kind = "databricks"

    def __init__(
        self,
        name,
        inputs=None,
        outputs=None,
        existing_cluster_id=None,
        spark_version=None,
        node_type=None,
        instance_pool_id=None,
        num_workers=None,
        min_workers=None,
        max_workers=None,
        spark_env_variables=None,
        spark_conf=None,
        init_scripts=None,
        cluster_log_dbfs_path=None,
        notebook_path=None,
        notebook_params=None,
        python_script_path=None,
        python_script_params=None,
        main_class_name=None,
        jar_params=None,
        python_script_name=None,
        source_directory=None,
        hash_paths=None,
        run_name=None,
        timeout_seconds=None,
        runconfig=None,
        maven_libraries=None,
        pypi_libraries=None,
        egg_libraries=None,
        jar_libraries=None,
        rcran_libraries=None,
        compute_target=None,
        allow_reuse=True,
        version=None,
        permit_cluster_restart=None,
    ):
        given = dict(locals())
        self._work = _work(given)
        self._params = {}
        PipelineStep.__init__(self, name, inputs, outputs)
        self._compute_target = check_compute_target(compute_target, self.name, required=True)
        self._runconfig = check_runconfig(runconfig, self.name)
        self._libraries = _libraries(given)
        self._cluster = _cluster(given) if runconfig is None else {}
        self._source_directory = source_directory
        self._run_name = run_name
        self._timeout_seconds = timeout_seconds
        self._allow_reuse = allow_reuse
        self._version = version

    def _code(self, default_source_directory):
        if self._work["python_script_name"]:
            return absolute(self._source_directory or default_source_directory), self._work["python_script_name"]
        return None

    def _settings(self, scope):
        settings = {key: value for key, value in self._work.items() if not key.endswith("_params")}
        settings["notebook_params"] = {k: scope.value(v) for k, v in self._work["notebook_params"].items()}
        for key in ("python_script_params", "jar_params"):
            settings[key] = _lowered_list(self._work[key], scope)
        settings["cluster"] = plain(self._cluster)
        settings["libraries"] = {kind: [plain(item) for item in items] for kind, items in self._libraries.items()}
        settings["run_name"] = self._run_name
        settings["timeout_seconds"] = self._timeout_seconds
        return settings


def _work(given):
    names = ("notebook_path", "python_script_path", "python_script_name", "main_class_name")
    if sum(1 for name in names if given[name]) != 1:
        raise ValueError("Exactly one of {} is required".format(", ".join(names)))
    work = {name: given[name] for name in names}
    notebook_params = given["notebook_params"] or {}
    if not isinstance(notebook_params, dict):
        raise ValueError("notebook_params must be a dict, but is {}.".format(type(notebook_params).__name__))
    work["notebook_params"] = dict(notebook_params)
    for name in ("python_script_params", "jar_params"):
        params = given[name] or []
        # Public samples pass a set; sorted, it gives the same step each time.
        work[name] = sorted(params, key=str) if isinstance(params, (set, frozenset)) else list(params)
    return work


def _lowered_list(params, scope):
    """Each value; a PipelineParameter gives two arguments, its name and then its value."""
    lowered = []
    for value in params:
        if hasattr(value, "_lower_value"):
            lowered.append({"literal": value.name})
        lowered.append(scope.value(value))
    return lowered


def _libraries(given):
    kinds = ("maven_libraries", "pypi_libraries", "egg_libraries", "jar_libraries", "rcran_libraries")
    found = {kind: list(given[kind] or []) for kind in kinds}
    if given["runconfig"] is not None and any(found.values()):
        raise ValueError("Give libraries or runconfig, not both.")
    return found


def _cluster(given):
    numbers = ("num_workers", "min_workers", "max_workers")
    if given["existing_cluster_id"] is not None:
        for name in ("spark_version", "node_type", "instance_pool_id") + numbers:
            if given[name] is not None:
                raise ValueError("{} cannot be given together with existing_cluster_id.".format(name))
        return {
            "existing_cluster_id": given["existing_cluster_id"],
            "permit_cluster_restart": given["permit_cluster_restart"],
        }
    if given["permit_cluster_restart"] is not None:
        raise ValueError("permit_cluster_restart can only be given together with existing_cluster_id.")
    fixed = given["num_workers"] is not None
    ranged = given["min_workers"] is not None or given["max_workers"] is not None
    complete = given["min_workers"] is not None and given["max_workers"] is not None
    if fixed == ranged or (ranged and not complete):
        raise ValueError(
            "Either num_workers or both min_workers and max_workers is required without existing_cluster_id."
        )
    if given["node_type"] is not None and given["instance_pool_id"] is not None:
        raise ValueError("Give node_type or instance_pool_id, not both.")
    cluster = {name: None if given[name] is None else int(given[name]) for name in numbers}
    cluster["spark_version"] = given["spark_version"] or _DEFAULT_SPARK
    cluster["instance_pool_id"] = given["instance_pool_id"]
    cluster["node_type"] = given["node_type"] or (None if given["instance_pool_id"] else _DEFAULT_NODE_TYPE)
    cluster["spark_env_variables"] = given["spark_env_variables"] or dict(_DEFAULT_SPARK_ENV)
    for name in ("spark_conf", "init_scripts", "cluster_log_dbfs_path"):
        cluster[name] = given[name]
    return cluster
