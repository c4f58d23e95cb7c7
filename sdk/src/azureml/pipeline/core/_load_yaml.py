"""Pipeline.load_yaml: a pipeline written as YAML becomes the same objects that Python code would make.

Knows the file's keys; what is wrong with a value is left to the class that gets it, and told with the step's name.
"""

import os

_TOP = {"name", "description", "parameters", "data_references", "default_compute", "steps"}
_PARAMETER_TYPES = {"string": str, "int": int, "float": float, "bool": lambda text: str(text).lower() == "true"}
_OF_EVERY_STEP = {
    "type", "compute", "runconfig", "parameters", "runconfig_parameters", "arguments", "inputs", "outputs", "side_inputs",
    "source_data_reference", "destination_data_reference", "parallel_run_config", "models_id", "adla_compute_name",
}  # fmt: skip
_SECTIONS = {
    "python_script_step": "PythonScriptStep",
    "parallel_run_step": "ParallelRunStep",
    "adla_step": "AdlaStep",
    "data_transfer_step": "DataTransferStep",
    "databricks_step": "DatabricksStep",
    "azurebatch_step": "AzureBatchStep",
    "module": "ModuleStep",
}
_FIELDS = {
    "PythonScriptStep": "name script_name source_directory allow_reuse version hash_paths",
    "ParallelRunStep": "name allow_reuse",
    "AdlaStep": "name script_name source_directory allow_reuse version hash_paths degree_of_parallelism priority runtime_version",
    "DataTransferStep": "name source_reference_type destination_reference_type allow_reuse",
    "DatabricksStep": "name existing_cluster_id spark_version node_type instance_pool_id num_workers min_workers max_workers "
    "spark_env_variables spark_conf init_scripts cluster_log_dbfs_path notebook_path notebook_params python_script_path "
    "python_script_params main_class_name jar_params python_script_name source_directory hash_paths run_name timeout_seconds "
    "allow_reuse version permit_cluster_restart",
    "AzureBatchStep": "name create_pool pool_id delete_batch_job_after_finish delete_batch_pool_after_finish "
    "is_positive_exit_code_failure vm_image_urn run_task_as_admin target_compute_nodes vm_size source_directory executable "
    "allow_reuse version",
    "ModuleStep": "name id version",
}
_LIBRARIES = (
    "maven_libraries", "maven_libabries", "pypi_libraries", "egg_libraries", "jar_libraries", "rcran_libraries", "rcran_libabries",
)  # fmt: skip
_TAKES_PARAMS = ("PythonScriptStep", "AdlaStep", "ModuleStep")


def load_pipeline(workspace, filename):
    """The Pipeline that the file describes; ValueError for what it does not say, or says wrongly."""
    from azureml.core._yaml import YamlError, load
    from azureml.pipeline.core.pipeline import Pipeline

    with open(filename, encoding="utf-8") as file:
        try:
            values = load(file.read())
        except YamlError as error:
            raise ValueError("{} is not YAML that can be read. {}".format(filename, error)) from None
    if not isinstance(values, dict) or not isinstance(values.get("pipeline"), dict):
        raise ValueError("{}: the key 'pipeline' is required, with a map of its parts.".format(filename))
    whole = _Yaml(workspace, filename, values["pipeline"])
    return Pipeline(workspace, whole.steps(), description=whole.values.get("description") or whole.values.get("name"))


class _Yaml:
    """The file's parts as objects; data that steps hand on is made when it is first named."""

    def __init__(self, workspace, filename, values):
        _check_keys(values, _TOP, "{}: pipeline".format(filename))
        self.workspace = workspace
        self.filename = filename
        self.values = values
        self.parameters = {
            name: self._parameter(name, said) for name, said in _map(values, "parameters", filename).items()
        }
        self.references = _map(values, "data_references", filename)
        self.data = {}
        if not isinstance(values.get("steps"), dict) or not values["steps"]:
            raise ValueError("{}: the key 'steps' is required, with a map of steps.".format(filename))

    def steps(self):
        described = [_Step(self, name, said) for name, said in self.values["steps"].items()]
        for step in described:
            step.name_outputs()
        return [step.make() for step in described]

    def path(self, name):
        """A file or folder named in the YAML: from the working directory, else from the YAML's own folder."""
        beside = os.path.join(os.path.dirname(os.path.abspath(self.filename)), name)
        return name if os.path.exists(name) or not os.path.exists(beside) else beside

    def datastore(self, name):
        from azureml.core.datastore import Datastore

        return None if name is None else Datastore.get(self.workspace, name)

    def _parameter(self, name, said):
        from azureml.data.datapath import DataPath
        from azureml.pipeline.core.graph import PipelineParameter

        where = "{}: parameter '{}'".format(self.filename, name)
        if not isinstance(said, dict) or "type" not in said or "default" not in said:
            raise ValueError("{} needs a type and a default.".format(where))
        kind, default = said["type"], said["default"]
        if kind == "datapath":
            if not isinstance(default, dict):
                raise ValueError(
                    "{}: the default of a datapath is a map of datastore and path_on_datastore.".format(where)
                )
            path = DataPath(
                self.datastore(default.get("datastore")), default.get("path_on_datastore"), default.get("name")
            )
            return PipelineParameter(name, path)
        if kind not in _PARAMETER_TYPES:
            raise ValueError(
                "{}: type {!r} is not known: use string, int, float, bool or datapath.".format(where, kind)
            )
        try:
            return PipelineParameter(name, _PARAMETER_TYPES[kind](default))
        except (TypeError, ValueError):
            raise ValueError("{}: default {!r} is not of type {}.".format(where, default, kind)) from None

    def reference(self, name, mode=None, path_on_compute=None, overwrite=None):
        """The object behind an entry of data_references."""
        from azureml.data.data_reference import DataReference

        said = self.references[name]
        where = "{}: data reference '{}'".format(self.filename, name)
        if not isinstance(said, dict):
            raise ValueError("{} must be a map.".format(where))
        if said.get("dataset_id") or said.get("dataset_name"):
            return self._dataset(said)
        if not said.get("datastore"):
            raise ValueError("{} needs a datastore, a dataset_id or a dataset_name.".format(where))
        store = self.datastore(said["datastore"])
        if any(said.get(key) for key in ("sql_table", "sql_query", "sql_stored_procedure")):
            return _sql_reference(store, name, said)
        path = said.get("path_on_datastore")
        return DataReference(store, name, path, mode or "mount", path_on_compute, bool(overwrite))

    def _dataset(self, said):
        from azureml.core.dataset import Dataset

        if said.get("dataset_id"):
            return Dataset.get_by_id(self.workspace, said["dataset_id"])
        return Dataset.get_by_name(self.workspace, said["dataset_name"])


class _Step:
    """One entry of `steps`."""

    def __init__(self, whole, key, said):
        self.whole = whole
        self.where = "{}: step '{}'".format(whole.filename, key)
        if not isinstance(said, dict):
            raise ValueError("{} must be a map.".format(self.where))
        sections = [name for name in _SECTIONS if isinstance(said.get(name), dict)]
        if len(sections) + ("type" in said) != 1:
            known = ", ".join(sorted(_FIELDS))
            raise ValueError("{} needs exactly one type, of: {}.".format(self.where, known))
        self.kind = _SECTIONS[sections[0]] if sections else said["type"]
        if self.kind not in _FIELDS:
            raise ValueError(
                "{}: type {!r} is not known: use one of {}.".format(self.where, self.kind, ", ".join(sorted(_FIELDS)))
            )
        own = {k: v for k, v in said.items() if k not in sections}
        self.section = (
            said[sections[0]] if sections else own
        )  # a module's section names the module, what is beside it the step
        self.said = dict(own, **self.section)
        self.name = own.get("name") if sections or own.get("id") else None
        for library in _LIBRARIES:
            if library in self.said:
                raise ValueError(
                    "{}: {} cannot be given in YAML. Write the step in Python.".format(self.where, library)
                )
        self.fields = _FIELDS[self.kind].split()
        _check_keys(self.said, _OF_EVERY_STEP | set(self.fields), self.where)
        self.key = key
        self.inputs, self.outputs = {}, {}

    def name_outputs(self):
        """Makes the data that this step writes, so that steps before it in the file can read it."""
        from azureml.pipeline.core.builder import PipelineData

        for port, said in _map(self.said, "outputs", self.where).items():
            said = said if isinstance(said, dict) else {}
            data = PipelineData(
                said.get("destination") or port,
                self.whole.datastore(said.get("datastore")),
                output_name=port,
                output_mode=said.get("bind_mode") or said.get("type") or "mount",
                output_path_on_compute=said.get("path_on_compute"),
                output_overwrite=said.get("overwrite"),
            )
            kept = data.as_dataset() if said.get("as_dataset") else data
            self.whole.data[said.get("destination") or port] = kept
            self.outputs[port] = kept

    def make(self):
        for port, said in _map(self.said, "inputs", self.where).items():
            self.inputs[port] = self._input(port, said)
        sides = {port: self._input(port, said) for port, said in _map(self.said, "side_inputs", self.where).items()}
        given = {name: self.said[name] for name in self.fields if self.said.get(name) is not None}
        given.setdefault("name", self.key)
        for name in ("source_directory", "query_directory"):
            if name in given:
                given[name] = self.whole.path(given[name])
        compute = (
            self.said.get("compute") or self.said.get("adla_compute_name") or self.whole.values.get("default_compute")
        )
        try:
            return self._made(given, compute, sides)
        except TypeError as error:
            raise ValueError("{}: {}.".format(self.where, error)) from None

    def _made(self, given, compute, sides):
        import azureml.pipeline.steps as kinds

        if self.kind == "DataTransferStep":
            return kinds.DataTransferStep(
                source_data_reference=self._one("source_data_reference"),
                destination_data_reference=self._one("destination_data_reference"),
                compute_target=compute,
                **given,
            )
        if self.kind == "ParallelRunStep":
            return self._parallel(kinds, given, sides)
        arguments = [self._argument(text, sides) for text in self.said.get("arguments") or []]
        if self.kind == "ModuleStep":
            return self._module(kinds, given, compute, arguments)
        given.update(inputs=list(self.inputs.values()) + list(sides.values()), outputs=list(self.outputs.values()))
        if self.kind in _TAKES_PARAMS:
            given["params"] = self._values("parameters")
        if self.kind == "PythonScriptStep":
            given.update(
                arguments=arguments,
                runconfig=self._runconfig(),
                runconfig_pipeline_params=self._values("runconfig_parameters"),
            )
        elif self.kind == "AzureBatchStep" and arguments:
            given["arguments"] = arguments
        return getattr(kinds, self.kind)(compute_target=compute, **given)

    def _parallel(self, kinds, given, sides):
        if not self.said.get("parallel_run_config"):
            raise ValueError("{} needs parallel_run_config, the name of a file.".format(self.where))
        config = kinds.ParallelRunConfig.load_yaml(
            self.whole.workspace, self.whole.path(self.said["parallel_run_config"])
        )
        return kinds.ParallelRunStep(
            parallel_run_config=config,
            inputs=list(self.inputs.values()),
            output=next(iter(self.outputs.values()), None),
            side_inputs=list(sides.values()) or None,
            arguments=[self._argument(text, sides) for text in self.said.get("arguments") or []] or None,
            **given,
        )

    def _module(self, kinds, given, compute, arguments):
        from azureml.pipeline.core.module import Module

        section = self.section
        found = Module.get(self.whole.workspace, module_id=section.get("id"), name=section.get("name"))
        return kinds.ModuleStep(
            module=found,
            name=self.name or self.key,
            version=given.get("version"),
            inputs_map=dict(self.inputs),
            outputs_map=dict(self.outputs),
            compute_target=compute,
            runconfig=self._runconfig(),
            runconfig_pipeline_params=self._values("runconfig_parameters"),
            arguments=arguments,
            params=self._values("parameters"),
        )

    def _runconfig(self):
        from azureml.core.runconfig import RunConfiguration

        return RunConfiguration.load(self.whole.path(self.said["runconfig"])) if self.said.get("runconfig") else None

    def _values(self, key):
        """{name: literal or PipelineParameter}."""
        found = {}
        for name, said in _map(self.said, key, self.where).items():
            if isinstance(said, dict) and set(said) == {"source"}:
                if said["source"] not in self.whole.parameters:
                    raise ValueError(
                        "{}: parameter '{}' has the source {!r}, which is not declared.".format(
                            self.where, name, said["source"]
                        )
                    )
                said = self.whole.parameters[said["source"]]
            found[name] = said
        return found or None

    def _one(self, key):
        found = [self._input(port, said) for port, said in _map(self.said, key, self.where).items()]
        if len(found) != 1:
            raise ValueError("{}: {} needs exactly one entry.".format(self.where, key))
        return found[0]

    def _input(self, port, said):
        from azureml.pipeline.core.graph import InputPortBinding

        source = said.get("source") if isinstance(said, dict) else said
        if not isinstance(source, str):
            raise ValueError("{}: input '{}' needs a source.".format(self.where, port))
        said = said if isinstance(said, dict) else {}
        mode, place, overwrite = (
            said.get("bind_mode") or said.get("type"),
            said.get("path_on_compute"),
            said.get("overwrite"),
        )
        if source in self.whole.parameters:
            return _BoundPath(port, self.whole.parameters[source], mode or "mount", place, bool(overwrite))
        if source in self.whole.references:
            found = self.whole.reference(source, mode, place, overwrite)
            if hasattr(found, "as_named_input"):
                named = found.as_named_input(port)
                return {"mount": named.as_mount, "download": named.as_download}[mode](place) if mode else named
            if not hasattr(found, "_as_input_port") or self.kind == "DataTransferStep":
                return found
            return InputPortBinding(port, found, mode or "mount", place, overwrite)
        if source not in self.whole.data:
            raise ValueError(
                "{}: input '{}' has the source '{}', which is no parameter, no data reference and no step's output.".format(
                    self.where, port, source
                )
            )
        data = self.whole.data[source]
        if hasattr(data, "as_named_input"):
            named = data.as_named_input(port)
            return named.as_download(place) if mode == "download" else named.as_mount()
        return InputPortBinding(port, data, mode or "mount", place, overwrite)

    def _argument(self, text, sides):
        prefix, _, name = text.partition(":") if isinstance(text, str) else ("", "", "")
        ports = {"input": self.inputs, "output": self.outputs, "side_input": sides}.get(prefix)
        if ports is None:
            return text
        if name not in ports:
            raise ValueError(
                "{}: argument '{}' names no {} of the step.".format(self.where, text, prefix.replace("_", " "))
            )
        return ports[name]


class _BoundPath:
    """A pipeline parameter that is a path, as the input `name` of a step."""

    def __init__(self, name, parameter, mode, path_on_compute, overwrite):
        from azureml.data.datapath import DataPathComputeBinding

        self.name = name
        self._parameter = parameter
        self._binding = DataPathComputeBinding(mode, path_on_compute, overwrite)

    def _argument_keys(self):
        return (id(self),)

    def _as_input_port(self):
        port = self._binding._bind(self._parameter)
        port.name, port.keys = self.name, self._argument_keys()
        return port


def _sql_reference(store, name, said):
    from azureml.data.sql_data_reference import SqlDataReference
    from azureml.data.stored_procedure_parameter import StoredProcedureParameter

    given = said.get("sql_stored_procedure_params") or {}
    parameters = [StoredProcedureParameter(key, value.get("value"), value.get("type")) for key, value in given.items()]
    return SqlDataReference(
        store, name, said.get("sql_table"), said.get("sql_query"), said.get("sql_stored_procedure"), parameters or None
    )


def _map(values, key, where):
    """`values[key]` as a dict; {} when it is not there."""
    found = values.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ValueError("{}: {} must be a map.".format(where, key))
    return found


def _check_keys(values, known, where):
    unknown = sorted(str(key) for key in set(values) - set(known))
    if unknown:
        raise ValueError("{}: unknown keys {}. Known: {}.".format(where, ", ".join(unknown), ", ".join(sorted(known))))
