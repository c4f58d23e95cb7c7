"""Pipeline.load_yaml: a pipeline written as YAML becomes the same objects that Python code would make.

Knows the file's keys; what is wrong with a value is left to the class that gets it, and told with the step's name.
"""

import os

from azureml._paths import local
from azureml.pipeline.core._yaml_data import YamlInput, YamlOutput, YamlPath, consumed, dataset_of, referred

_TOP = {"name", "description", "parameters", "data_references", "default_compute", "default_datastore", "steps"}
_PARAMETER_TYPES = {"string": str, "int": int, "float": float, "bool": lambda text: str(text).lower() == "true"}
_OF_EVERY_STEP = {
    "type", "compute", "runconfig", "parameters", "runconfig_parameters", "arguments", "inputs", "outputs", "side_inputs",
    "source_data_reference", "destination_data_reference", "parallel_run_config", "models_id", "adla_compute_name",
    "run_after", "timeout", "max_age", "retry",
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
FIELDS = {
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
TAKES_PARAMS = ("PythonScriptStep", "AdlaStep", "ModuleStep")


def load_pipeline(workspace, filename):
    """The Pipeline that the file describes; ValueError for what it does not say, or says wrongly."""
    from azureml.core._yaml import YamlError, load
    from azureml.pipeline.core.pipeline import Pipeline

    filename = local(filename)
    with open(filename, encoding="utf-8") as file:
        try:
            values = load(file.read())
        except YamlError as error:
            raise ValueError("{} is not YAML that can be read. {}".format(filename, error)) from None
    if not isinstance(values, dict) or not isinstance(values.get("pipeline"), dict):
        raise ValueError("{}: the key 'pipeline' is required, with a map of its parts.".format(filename))
    whole = _Yaml(workspace, filename, values["pipeline"])
    said = whole.values
    return Pipeline(
        workspace,
        whole.steps(),
        description=said.get("description") or said.get("name"),
        default_datastore=whole.datastore(said.get("default_datastore")),
    )


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
        made = {step.key: step.make() for step in described}
        for step in described:
            step.place(made)
        return list(made.values())

    def path(self, name):
        """A file or folder named in the YAML: from the working directory, else from the YAML's own folder."""
        name = local(name)
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
            store, path = self.datastore(default.get("datastore")), default.get("path_on_datastore")
            return PipelineParameter(name, DataPath(store, path, default.get("name")))
        if kind == "dataset":
            if not isinstance(default, dict) or not (default.get("dataset_id") or default.get("dataset_name")):
                raise ValueError("{}: the default of a dataset is a map of dataset_id or dataset_name.".format(where))
            return PipelineParameter(name, dataset_of(self.workspace, default))
        if kind not in _PARAMETER_TYPES:
            raise ValueError(
                "{}: type {!r} is not known: use string, int, float, bool, datapath or dataset.".format(where, kind)
            )
        try:
            return PipelineParameter(name, _PARAMETER_TYPES[kind](default))
        except (TypeError, ValueError):
            raise ValueError("{}: default {!r} is not of type {}.".format(where, default, kind)) from None


class _Step:
    """One entry of `steps`."""

    def __init__(self, whole, key, said):
        self.whole = whole
        self.where = "{}: step '{}'".format(whole.filename, key)
        if not isinstance(said, dict):
            raise ValueError("{} must be a map.".format(self.where))
        sections = [name for name in _SECTIONS if isinstance(said.get(name), dict)]
        if len(sections) + ("type" in said) != 1:
            known = ", ".join(sorted(FIELDS))
            raise ValueError("{} needs exactly one type, of: {}.".format(self.where, known))
        self.kind = _SECTIONS[sections[0]] if sections else said["type"]
        if self.kind not in FIELDS:
            raise ValueError(
                "{}: type {!r} is not known: use one of {}.".format(self.where, self.kind, ", ".join(sorted(FIELDS)))
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
        self.fields = FIELDS[self.kind].split()
        _check_keys(self.said, _OF_EVERY_STEP | set(self.fields), self.where)
        self.key = key
        self.inputs, self.outputs = {}, {}

    def name_outputs(self):
        """Makes the data that this step writes, so that steps before it in the file can read it."""
        for port, said in _map(self.said, "outputs", self.where).items():
            said = said if isinstance(said, dict) else {}
            self.outputs[port] = self.whole.data[said.get("destination") or port] = YamlOutput(self.whole, port, said)

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

    def place(self, made):
        """Puts the step after those that it names, and within its limits."""
        step = made[self.key]
        for before in self.said.get("run_after") or ():
            if before not in made:
                raise ValueError("{}: it is to run after '{}', which is no step.".format(self.where, before))
            step.run_after(made[before])
        if self.said.get("timeout") is not None:
            step.timeout(self.said["timeout"])
        if self.said.get("max_age") is not None:
            step.max_age(self.said["max_age"])
        if self.said.get("retry") is not None:
            step.retry(**_map(self.said, "retry", self.where))

    def _made(self, given, compute, sides):
        import azureml.pipeline.steps as kinds

        if self.kind == "DataTransferStep":
            made = kinds.DataTransferStep(
                source_data_reference=self._one("source_data_reference"),
                destination_data_reference=self._one("destination_data_reference"),
                compute_target=compute,
                **given,
            )
            for data in self.outputs.values():
                data._slot = made.get_output()._slot
            return made
        if self.kind == "ParallelRunStep":
            return self._parallel(kinds, given, sides)
        arguments = [self._argument(text, sides) for text in self.said.get("arguments") or []]
        if self.kind == "ModuleStep":
            return self._module(kinds, given, compute, arguments)
        given.update(inputs=list(self.inputs.values()) + list(sides.values()), outputs=list(self.outputs.values()))
        if self.kind in TAKES_PARAMS:
            given["params"] = self._values("parameters")
        if self.kind == "PythonScriptStep":
            given.update(
                arguments=arguments,
                runconfig=self._runconfig(),
                runconfig_pipeline_params=self._values("runconfig_parameters"),
            )
        elif self.kind == "AzureBatchStep" and arguments:
            given["arguments"] = arguments
        for name in ("notebook_params", "python_script_params", "jar_params"):
            if name in given:
                given[name] = self._resolved(given[name], name)
        return getattr(kinds, self.kind)(compute_target=compute, **given)

    def _parallel(self, kinds, given, sides):
        config = self.said.get("parallel_run_config")
        if not config:
            raise ValueError("{} needs parallel_run_config, the name of a file or a map.".format(self.where))
        if isinstance(config, dict):
            config = self._resolved(config, "parallel_run_config")
            if config.get("source_directory"):
                config["source_directory"] = self.whole.path(config["source_directory"])
            made = kinds.ParallelRunConfig._from_dict(config, self.whole.workspace, os.getcwd(), self.where)
        else:
            made = kinds.ParallelRunConfig.load_yaml(self.whole.workspace, self.whole.path(config))
        return kinds.ParallelRunStep(
            parallel_run_config=made,
            inputs=list(self.inputs.values()),
            output=next(iter(self.outputs.values()), None),
            side_inputs=list(sides.values()) or None,
            arguments=[self._argument(text, sides) for text in self.said.get("arguments") or []] or None,
            **given,
        )

    def _module(self, kinds, given, compute, arguments):
        from azureml.pipeline.core.module import Module

        return kinds.ModuleStep(
            module=self._found_module(Module, **{k: self.section.get(k) for k in ("id", "name")}),
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

    def _found_module(self, modules, id, name):
        """The module of this id; of this name, in a workspace where the id is not known."""
        from azureml.exceptions import UserErrorException

        try:
            return modules.get(self.whole.workspace, module_id=id, name=name)
        except UserErrorException:
            if id is None or name is None:
                raise
        return modules.get(self.whole.workspace, name=name)

    def _runconfig(self):
        from azureml.core.runconfig import RunConfiguration

        said = self.said.get("runconfig")
        if isinstance(said, dict):
            return RunConfiguration._from_dict(said)
        if not said:
            return None
        path = self.whole.path(said)
        if not os.path.exists(path):
            raise ValueError(
                "{}: there is no runconfig '{}', neither in {} nor beside the YAML. Put it there, or name it as it lies.".format(
                    self.where, said, os.getcwd()
                )
            )
        return RunConfiguration.load(path)

    def _values(self, key):
        """{name: literal or PipelineParameter}."""
        return self._resolved(_map(self.said, key, self.where), key) or None

    def _resolved(self, values, key):
        """The values of a map or list, each `{source: name}` as the pipeline's parameter of that name."""
        if isinstance(values, dict):
            return {name: self._parameter(said, "parameter '{}'".format(name)) for name, said in values.items()}
        return [self._parameter(said, key) for said in values]

    def _parameter(self, said, place, tag="source"):
        if not isinstance(said, dict) or set(said) != {tag}:
            return said
        if said[tag] not in self.whole.parameters:
            raise ValueError("{}: {} has the source {!r}, which is not declared.".format(self.where, place, said[tag]))
        return self.whole.parameters[said[tag]]

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
        if source in self.whole.parameters:
            parameter = self.whole.parameters[source]
            if parameter._type == "dataset":
                return consumed(port, parameter, said, self.where)
            return YamlPath(port, parameter, said)
        mode, place, overwrite = (
            said.get("bind_mode") or said.get("type") or "mount",
            said.get("path_on_compute"),
            said.get("overwrite"),
        )
        if source in self.whole.references:
            reference = self.whole.references[source]
            found = referred(self.whole, source, reference, self.whole.filename, mode, place, overwrite)
            if hasattr(found, "as_named_input"):
                return consumed(port, found, said, self.where)
            if not hasattr(found, "_as_input_port") or self.kind == "DataTransferStep":
                return found
            return InputPortBinding(port, found, mode, place, overwrite)
        if source not in self.whole.data:
            raise ValueError(
                "{}: input '{}' has the source '{}', which is no parameter, no data reference and no step's output.".format(
                    self.where, port, source
                )
            )
        data = self.whole.data[source]
        if data.is_dataset or said.get("as_dataset") or said.get("transform"):
            return YamlInput(port, data, said)
        return InputPortBinding(port, data, mode, place, overwrite)

    def _argument(self, text, sides):
        if isinstance(text, dict):
            return text["literal"] if set(text) == {"literal"} else self._parameter(text, "an argument", "parameter")
        prefix, _, name = text.partition(":") if isinstance(text, str) else ("", "", "")
        ports = {"input": self.inputs, "output": self.outputs, "side_input": sides}.get(prefix)
        if ports is None:
            return text
        if name not in ports:
            raise ValueError(
                "{}: argument '{}' names no {} of the step.".format(self.where, text, prefix.replace("_", " "))
            )
        return ports[name]


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
