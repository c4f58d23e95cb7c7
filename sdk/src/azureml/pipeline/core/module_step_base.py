"""ModuleStepBase: a step made of a published module. It becomes a node of the kind that the module's version is of, with the code kept there."""

from azureml._graph.arguments import port_of
from azureml._graph.ports import argument_keys, input_port, is_dataset, output_port
from azureml.pipeline.core.builder import PipelineData, PipelineStep, check_compute_target


class ModuleStepBase(PipelineStep):
    """`inputs_map` and `outputs_map` give data to the module's ports, by name. `arguments` stand in place of the module's own.

    An output that is given nothing is kept, and no step reads it.
    """

    def __init__(
        self,
        module=None,
        version=None,
        module_version=None,
        inputs_map=None,
        outputs_map=None,
        compute_target=None,
        runconfig=None,
        runconfig_pipeline_params=None,
        arguments=None,
        params=None,
        name=None,
        _workflow_provider=None,
    ):
        from azureml.pipeline.steps.python_script_step import check_params, check_runconfig, check_runconfig_parameters

        found = _chosen(module, version, module_version)
        self._entity = entity = found._module_entity
        self._kind = entity["kind"]
        name = name or entity["module"]["name"]
        self._refuse_disabled(name)
        maps = {"inputs": dict(inputs_map or {}), "outputs": dict(outputs_map or {})}
        self._check_maps(name, maps)
        for kept in entity["outputs"]:
            maps["outputs"].setdefault(kept["name"], PipelineData(kept["name"]))
        inputs = [
            _Given(_input(name, kept, maps["inputs"][kept["name"]]))
            for kept in entity["inputs"]
            if kept["name"] in maps["inputs"]
        ]
        outputs = [_Given(_output(name, kept, maps["outputs"][kept["name"]])) for kept in entity["outputs"]]
        PipelineStep.__init__(self, name, inputs, outputs, arguments)
        self._has_arguments = arguments is not None
        self._compute_target = check_compute_target(compute_target, name) or entity.get("compute")
        self._runconfig = check_runconfig(runconfig, name) or found.runconfig
        self._runconfig_pipeline_params = check_runconfig_parameters(runconfig_pipeline_params)
        self._params = self._all_params(check_params(params, name))
        self._version = entity["version"]
        self._kept_snapshot = entity["snapshot"]
        self._check_params()

    def _settings(self, scope):
        entity = self._entity
        named = {"id": entity["module"]["id"], "name": entity["module"]["name"], "version": entity["version"]}
        return dict(entity["settings"], module=dict(named, version_id=entity["id"]))

    def _lower_arguments(self, scope):
        if self._has_arguments:
            return PipelineStep._lower_arguments(self, scope)
        given = {port.name for port in self._input_ports + self._output_ports}
        lowered = []
        for argument in self._entity["arguments"]:
            ((tag, name),) = argument.items()
            if tag == "parameter":
                lowered.append(scope.value(self._params.get(name, "")))
            else:  # an optional input to which nothing is given is empty text
                lowered.append(argument if tag == "literal" or name in given else {"literal": ""})
        return lowered

    def _adopt(self, argument, position):
        if isinstance(argument, str):
            tag, _, port = argument.partition(":")
            if tag in ("input", "output") and port in self._port_names(tag + "s"):
                argument = _PortArgument(tag, port)
        keys = argument_keys(argument)
        if keys and port_of(argument, keys, self._input_ports, self._output_ports) is None:
            raise ValueError(
                "Step '{}': argument {} ({}) is given to no port of {}. Add it to inputs_map or outputs_map; inputs: {}; outputs: {}.".format(
                    self.name,
                    position,
                    getattr(argument, "name", argument),
                    _title(self._entity),
                    ", ".join(self._port_names("inputs")) or "none",
                    ", ".join(self._port_names("outputs")) or "none",
                )
            )
        return PipelineStep._adopt(self, argument, position)

    # --- what is wrong with what it is given ------------------------------------------------------------------------

    def _port_names(self, key):
        return [kept["name"] for kept in self._entity[key]]

    def _refuse_disabled(self, name):
        module = self._entity["module"]
        for what, status in (
            ("module '{name}'".format(**module), module["status"]),
            (_title(self._entity), self._entity["status"]),
        ):
            if status == "Disabled":
                raise _user_error(
                    "Step '{}': {} is disabled. Enable it (its enable()), or choose another.".format(name, what)
                )
            if status == "Deprecated":
                print("Step '{}': {} is deprecated: ask its owner for the new one.".format(name, what))

    def _check_maps(self, step, maps):
        """ValueError with every input that gets nothing, and every name that is no port."""
        found = []
        for key, given in maps.items():
            word, known = key[:-1], self._port_names(key)
            found += [
                "Step '{}': {}_map names '{}', which is no {} of {}. It has: {}.".format(
                    step, key, name, word, _title(self._entity), ", ".join(known) or "none"
                )
                for name in given
                if name not in known
            ]
        found += [
            "Step '{0}': inputs_map gives nothing to input '{1}' of {2}. Add '{1}' to it.".format(
                step, kept["name"], _title(self._entity)
            )
            for kept in self._entity["inputs"]
            if kept["name"] not in maps["inputs"] and not kept.get("is_optional")
        ]
        if found:
            raise ValueError("\n".join(found))

    def _all_params(self, given):
        """The step's params over the module's defaults; a PipelineParameter among the arguments stands for the one of its name."""
        declared = {kept["name"]: kept for kept in self._entity["parameters"] if not kept.get("is_metadata")}
        unknown = sorted(set(given) - set(declared))
        if unknown:
            raise ValueError(
                "Step '{}': {} has no parameter {}. It has: {}.".format(
                    self.name,
                    _title(self._entity),
                    ", ".join(map(repr, unknown)),
                    ", ".join(declared) or "none",
                )
            )
        of_arguments = {argument.name for argument in self._arguments if hasattr(argument, "_lower_value")}
        chosen = {}
        for name, kept in declared.items():
            if name in given:
                chosen[name] = given[name]
            elif name not in of_arguments and kept["default"] is not None:
                chosen[name] = kept["default"]
            elif name not in of_arguments and not kept.get("is_optional"):
                raise ValueError(
                    "Step '{0}': parameter '{1}' of {2} has no default. Give it a value: params={{'{1}': …}}.".format(
                        self.name, name, _title(self._entity)
                    )
                )
        return chosen


class _Given:
    """A port that is made already, among a step's inputs or outputs."""

    def __init__(self, port):
        self._port = port

    def _as_input_port(self):
        return self._port

    _as_output_port = _as_input_port


class _PortArgument:
    """A port of the module, by its name."""

    def __init__(self, tag, name):
        self.name = name
        self._keys = ((tag, name),)

    def _argument_keys(self):
        return self._keys


def _chosen(module, version, module_version):
    """The ModuleVersion that is meant, as it is now."""
    from azureml.pipeline.core.module import Module, ModuleVersion

    if (module is None) == (module_version is None):
        raise ValueError("Exactly one of module and module_version is required")
    if module is not None:
        if not isinstance(module, Module):
            raise ValueError(
                "module must be a Module, but is {}. Module.get(workspace, name='…') gives one.".format(
                    type(module).__name__
                )
            )
        return module.resolve(version)
    if not isinstance(module_version, ModuleVersion):
        raise ValueError(
            "module_version must be a ModuleVersion, but is {}. For a version by name give module and version.".format(
                type(module_version).__name__
            )
        )
    if version is not None and str(version) != module_version.version:
        raise ValueError(
            "version is '{}', but module_version is version '{}'. Leave one of them out.".format(
                version, module_version.version
            )
        )
    return ModuleVersion.get(module_version._workspace, module_version.module_version_id)


def _input(step, kept, item):
    """The module's input port with the data of `item`. A mode that `item` does not choose is the module's."""
    if is_dataset(item):
        item = item.as_named_input(kept["name"])
        if hasattr(item.dataset, "as_mount"):
            item = item.as_download() if kept.get("mode") == "download" else item.as_mount()
    port = input_port(item, step)
    chooses_no_mode = isinstance(item, PipelineData) or getattr(item, "_adopt_as", None) == "output"
    if chooses_no_mode and port.mode == "mount" and kept.get("mode") == "download":
        port.mode = "download"
    port.name = kept["name"]
    port.keys = tuple(port.keys) + argument_keys(item) + (("input", kept["name"]),)
    port.path_on_compute = port.path_on_compute or kept.get("path_on_compute")
    port.overwrite = port.overwrite or bool(kept.get("overwrite"))
    return port


def _output(step, kept, item):
    """The module's output port for the data of `item`, which goes by the port's name from now on."""
    port = output_port(item, step)
    port.name = port.slot.output_name = kept["name"]
    port.keys = tuple(port.keys) + argument_keys(item) + (("output", kept["name"]),)
    port.datastore = port.datastore or kept.get("datastore")
    for key in ("path_on_compute", "overwrite", "is_directory"):
        port.settings[key] = port.settings.get(key) or kept.get(key) or port.settings.get(key)
    return port


def _title(entity):
    return "module '{}' version '{}'".format(entity["module"]["name"], entity["version"])


def _user_error(message):
    from azureml.exceptions import UserErrorException

    return UserErrorException(message)
