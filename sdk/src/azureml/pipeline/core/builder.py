"""PipelineData, PipelineStep and StepSequence: the author's side of data between steps. No server, no file is touched here."""

from azureml._graph.arguments import literal, port_of, text
from azureml._graph.ports import (
    InputPort,
    OutputPort,
    Slot,
    argument_keys,
    by_name,
    check_port_name,
    datastore_name,
    input_port,
    output_port,
    settle_names,
)

_OUTPUT_MODES = ("mount", "upload")
_INPUT_BIND_MODES = ("mount", "download")


class PipelineData:
    """Data that one step writes and others read. Azure: the same class; where it is stored is in docs/step.md."""

    def __init__(
        self,
        name,
        datastore=None,
        output_name=None,
        output_mode="mount",
        output_path_on_compute=None,
        output_overwrite=None,
        data_type=None,
        is_directory=None,
        pipeline_output_name=None,
        training_output=None,
    ):
        check_port_name(name, "PipelineData")
        if output_mode not in _OUTPUT_MODES:
            raise ValueError("Invalid output mode [{}]".format(output_mode))
        if output_name is not None:
            check_port_name(output_name, "PipelineData output")
        self._name = name
        self._datastore = datastore
        self._output_name = output_name or name
        self._output_mode = output_mode
        self._output_path_on_compute = output_path_on_compute
        self._output_overwrite = output_overwrite
        self._data_type = data_type
        self._is_directory = is_directory
        self._pipeline_output_name = pipeline_output_name
        self._training_output = training_output
        self._slot = Slot(name, self._output_name)

    @property
    def name(self):
        return self._name

    @property
    def datastore(self):
        return self._datastore

    @property
    def data_type(self):
        return self._data_type

    @property
    def _producer(self):
        return self._slot.step

    def get_env_variable_name(self):
        return "$AZUREML_DATAREFERENCE_{}".format(self._name)

    def __str__(self):
        return self.get_env_variable_name()

    def __repr__(self):
        return self.get_env_variable_name()

    def create_input_binding(self, input_name=None, mode=None, path_on_compute=None, overwrite=None):
        """An InputPortBinding on this data; ValueError for a mode other than mount or download."""
        from azureml.pipeline.core.graph import InputPortBinding

        mode = mode or "mount"
        if mode not in _INPUT_BIND_MODES:
            raise ValueError("Input [{}] has an invalid mode [{}]: use mount or download.".format(self._name, mode))
        return InputPortBinding(
            name=input_name or self._name,
            bind_object=self,
            bind_mode=mode,
            path_on_compute=path_on_compute,
            overwrite=overwrite,
        )

    def as_input(self, input_name):
        return self.create_input_binding(input_name=input_name)

    def as_mount(self, input_name=None):
        return self.create_input_binding(input_name=input_name, mode="mount")

    def as_download(self, input_name=None, path_on_compute=None, overwrite=None):
        return self.create_input_binding(input_name, "download", path_on_compute, overwrite)

    def as_dataset(self):
        from azureml.pipeline.core.pipeline_output_dataset import PipelineOutputFileDataset

        return PipelineOutputFileDataset(self)

    def _argument_keys(self):
        return (id(self),)

    def _as_input_port(self):
        return InputPort(self._name, "mount", (id(self),), slot=self._slot)

    def _as_output_port(self):
        settings = {
            "mode": self._output_mode,
            "is_directory": self._is_directory,
            "path_on_compute": self._output_path_on_compute,
            "overwrite": bool(self._output_overwrite),
            "pipeline_output_name": self._pipeline_output_name,
        }
        if self._training_output is not None:
            settings["training_output"] = self._training_output._lower()
        self._slot.output_name = self._output_name  # a ModuleStep may have called it otherwise
        return OutputPort(self._output_name, (id(self),), self._slot, self._datastore, settings)


class StepSequence:
    """Steps one after the other: each entry (a step, or a list of steps that may run together) waits for the one before."""

    def __init__(self, steps=None):
        self._steps = list(steps) if steps is not None else []

    def __iter__(self):
        return iter(self._steps)

    def __len__(self):
        return len(self._steps)


class PipelineStep:
    """One step. A subclass names its `_kind` and gives `_settings(scope)`; the rest of its node is lowered here."""

    _kind = None

    def __init__(
        self, name, inputs, outputs, arguments=None, fix_port_name_collisions=False, resource_inputs=None
    ):  # fmt: skip
        self.name = _step_name(name, type(self).__name__)
        self.step_type = type(self).__name__
        self._run_after = []
        self._compute_target = None
        self._runconfig = None
        self._params = {}
        self._runconfig_pipeline_params = {}
        self._source_directory = None
        self._kept_snapshot = None  # the digest of code that the server keeps already
        self._allow_reuse = True
        self._version = None
        self._timeout_seconds = None
        self._retry = None
        self._max_age_seconds = None
        self._input_ports = [input_port(item, self.name) for item in _as_list(inputs, "inputs", self.name)]
        self._input_ports += [
            input_port(item, self.name) for item in _as_list(resource_inputs, "resource_inputs", name)
        ]
        self._output_ports = [output_port(item, self.name) for item in _as_list(outputs, "outputs", self.name)]
        self._arguments = [self._adopt(item, n) for n, item in enumerate(_as_list(arguments, "arguments", name), 1)]
        self._settle_ports()

    # --- the author's verbs -----------------------------------------------------------------------------------

    def run_after(self, step):
        """This step starts only when `step` has completed, whatever data passes between them."""
        if not isinstance(step, PipelineStep):
            raise ValueError(
                "Step '{}': run_after takes one step, but got {}. Call it once for each step.".format(
                    self.name, type(step).__name__
                )
            )
        if step is self:
            raise ValueError(
                "Step '{}' cannot run after itself. Name the step that is to run before it.".format(self.name)
            )
        self._run_after.append(step)

    def retry(self, count=2, backoff_seconds=10, on="infrastructure"):
        """Have this step tried again, up to `count` times, after `backoff_seconds` and twice as long after each; the step itself.

        `on="infrastructure"`: only while its script provably has not begun. `on="any"`: also when the script failed, was
        killed or ran out of time; so it must bear being run twice. Penstock's own: v1 has nothing like it.
        """
        self._retry = {"count": count, "backoff_seconds": backoff_seconds, "on": on}
        _check_limits(self, {"retry": self._retry})
        return self

    def timeout(self, seconds):
        """Have this step stopped after so many seconds of running, as Failed; the step itself.

        It goes before `max_run_duration_seconds` of the step's RunConfiguration. Penstock's own: v1 has nothing like it.
        """
        self._timeout_seconds = seconds
        _check_limits(self, {"timeout_seconds": seconds})
        return self

    def max_age(self, age):
        """Have this step run again when the result that would be reused is older than `age`; the step itself.

        `age` is a datetime.timedelta, or seconds. Penstock's own: v1 has nothing like it.
        """
        self._max_age_seconds = age.total_seconds() if hasattr(age, "total_seconds") else age
        _check_limits(self, {"max_age_seconds": self._max_age_seconds})
        return self

    def __repr__(self):
        return "{}(name={!r})".format(self.step_type, self.name)

    # --- ports and arguments, settled when the step is made ----------------------------------------------------

    def _adopt(self, argument, position):
        """An argument as it is kept: ports stay objects, text is text. Dataset arguments become ports by themselves."""
        if isinstance(argument, str):
            return text(argument, self.name, position)
        keys = argument_keys(argument)
        if not keys:
            if hasattr(argument, "_lower_value"):
                return _checked_parameter(argument, self.name, position)
            if hasattr(argument, "_saved_id"):
                input_port(argument, self.name)  # raises: tells to call as_named_input
            return text(argument, self.name, position)
        if port_of(argument, keys, self._input_ports, self._output_ports) is None:
            adopt_as = getattr(argument, "_adopt_as", None)
            if adopt_as == "input":
                self._input_ports.append(input_port(argument, self.name))
            elif adopt_as == "output":
                self._output_ports.append(output_port(argument, self.name))
            else:
                raise ValueError(
                    "Input/Output {} appears in arguments list but is not in the input/output lists. "
                    "Step '{}': add it to inputs=[...] if the step reads it, to outputs=[...] if it writes it.".format(
                        getattr(argument, "name", None) or getattr(argument, "data_reference_name", argument), self.name
                    )
                )
        else:
            self._check_same_input(argument)
        return argument

    def _check_same_input(self, argument):
        """ValueError when a named input of the arguments is another dataset than the input of that name."""
        for port in self._input_ports:
            known = port.item
            if known is None or known is argument or ("dataset", known.name) not in argument_keys(argument):
                continue
            if not _is_same_dataset(getattr(argument, "dataset", None), known.dataset):
                raise ValueError("[{}] is repeated. Input port names must be unique.".format(port.name))

    def _settle_ports(self):
        """Port names made unique, and this step written down as the producer of its outputs."""
        settle_names(self.name, self._output_ports)
        settle_names(self.name, self._input_ports)
        output_names = set()
        for port in self._output_ports:
            if port.name in output_names:
                raise ValueError("[{}] is repeated. Output port names must be unique.".format(port.name))
            output_names.add(port.name)
            port.slot.step = self
        input_names = set()
        for port in self._input_ports:
            if port.name in output_names:
                port.name = "INPUT_" + port.name
            if port.name in input_names:
                raise ValueError("[{}] is repeated. Input port names must be unique.".format(port.name))
            input_names.add(port.name)

    # --- what the lowering asks ---------------------------------------------------------------------------------

    def _predecessors(self):
        """The steps that must complete before this one: by order, then by data."""
        steps = list(self._run_after)
        steps += [port.slot.step for port in self._input_ports if port.slot is not None and port.slot.step is not None]
        return steps

    def _check_producers(self):
        """ValueError when data of this step has no producer, or two."""
        for port in self._output_ports:
            if port.slot.step is not self:
                raise ValueError(
                    "Step output {} can not be used as an output for step {}, as it is already an output of step {}.".format(
                        port.name, self.name, port.slot.step.name
                    )
                )
        for port in self._input_ports:
            if port.slot is None:
                continue
            if port.slot.step is None:
                raise ValueError(
                    "Input {} on step {} is not connected to any previous step".format(port.slot.name, self.name)
                )
            if port.needs_promotion and not port.slot.promoted:
                raise ValueError(
                    "Input {0} on step {1} is not promoted to a dataset: step {2} lists the PipelineData itself. "
                    "List the result of {0}.as_dataset() in the outputs of step {2}.".format(
                        port.slot.name, self.name, port.slot.step.name
                    )
                )

    def _code(self, default_source_directory):
        """(folder, file in it) of the code that this step runs; None when it brings none."""
        return

    def _settings(self, scope):
        """The kind's own settings, as JSON."""
        return {}

    def _time_limit(self):
        """Seconds that the script may run; None: as long as it likes."""
        return self._timeout_seconds or getattr(self._runconfig, "max_run_duration_seconds", None) or None

    def _environment_variables(self):
        runconfig = self._runconfig
        return {} if runconfig is None else dict(getattr(runconfig, "environment_variables", None) or {})

    def _lower_arguments(self, scope):
        lowered = []
        for argument in self._arguments:
            if isinstance(argument, str):
                lowered.append(literal(argument, self._ports_by_name, self._params, scope.value))
            elif hasattr(argument, "_lower_value"):
                lowered.append(scope.value(argument))
            else:
                lowered.append(port_of(argument, argument_keys(argument), self._input_ports, self._output_ports))
        return lowered

    def _ports_by_name(self):
        return by_name(self._input_ports, self._output_ports)

    def _lower_parameters(self, scope):
        """What becomes AML_PARAMETER_<name>: the params, and every PipelineParameter among the arguments."""
        parameters = {str(name): scope.value(value) for name, value in self._params.items()}
        for argument in self._arguments:
            if not isinstance(argument, str) and hasattr(argument, "_lower_value"):
                parameters.setdefault(argument.name, scope.value(argument))
        return parameters

    def _check_params(self):
        """Exception when a PipelineParameter argument and an entry of params claim the same variable."""
        for argument in self._arguments:
            if not isinstance(argument, str) and hasattr(argument, "_lower_value") and argument.name in self._params:
                raise Exception("Parameter name {} is already in use".format(argument.name))

    # --- the original's building blocks, kept for code that subclasses a step ---------------------------------------

    @staticmethod
    def validate_arguments(arguments, inputs, outputs):
        """ValueError when an argument is data that is neither among the inputs nor the outputs."""
        PipelineStep("arguments", inputs, outputs, arguments)

    @staticmethod
    def resolve_input_arguments(arguments, inputs, outputs, params):
        return list(arguments or [])

    def get_source_directory(self, context, source_directory, script_name):
        """The folder of `script_name`: the step's own, else the pipeline's default."""
        import os

        folder = source_directory or getattr(context, "default_source_directory", None) or os.getcwd()
        return os.path.abspath(folder), None

    def create_input_output_bindings(self, inputs, outputs, default_datastore, resource_inputs=None):
        return list(inputs or []), list(outputs or [])

    def create_module_def(
        self,
        execution_type,
        input_bindings,
        output_bindings,
        param_defs=None,
        create_sequencing_ports=True,
        allow_reuse=True,
        version=None,
        module_type=None,
        arguments=None,
        runconfig=None,
        cloud_settings=None,
    ):
        from azureml.pipeline.core.graph import ModuleDef

        return ModuleDef(
            name=self.name,
            input_port_defs=input_bindings,
            output_port_defs=output_bindings,
            param_defs=param_defs,
            module_execution_type=execution_type,
            create_sequencing_ports=create_sequencing_ports,
            allow_reuse=allow_reuse,
            version=version,
            module_type=module_type,
            step_type=self.step_type,
            arguments=arguments,
            runconfig=runconfig,
            cloud_settings=cloud_settings,
        )

    def create_node(self, graph, default_datastore, context):
        """The node that stands for this step in `graph`. Penstock: a graph is lowered whole, so this only looks it up."""
        return next(iter(graph.node_name_dict.get(self.name, ())), None)


def _check_limits(step, limits):
    """ValueError when a time limit or a retry policy is not one."""
    from azureml._graph.validate import limit_problems

    found = limit_problems(dict(limits, name=step.name))
    if found:
        raise ValueError(" ".join(found))


def _step_name(name, step_type):
    if not isinstance(name, str) or not name:
        raise ValueError("{}: name is required and must be text, but it is {!r}.".format(step_type, name))
    if "\0" in name or len(name) > 255:
        raise ValueError(
            "{}: name {!r} is not valid: use 1 to 255 characters, none of them NUL.".format(step_type, name[:60])
        )
    return name


def _is_same_dataset(one, other):
    return one is other or (getattr(one, "id", None) is not None and one.id == getattr(other, "id", None))


def _checked_parameter(parameter, step_name, position):
    """A PipelineParameter as an argument; ValueError for one that holds data, which reaches a script as an input."""
    if parameter._type in ("datapath", "dataset"):
        raise ValueError(
            "Step '{}': argument {} is pipeline parameter '{}', which holds a {}. Make it an input: {}.".format(
                step_name,
                position,
                parameter.name,
                parameter._type,
                "(parameter, DataPathComputeBinding())"
                if parameter._type == "datapath"
                else "DatasetConsumptionConfig('name', parameter)",
            )
        )
    return parameter


def _as_list(items, what, step_name):
    if items is None:
        return []
    if isinstance(items, (list, tuple)) and not (isinstance(items, tuple) and argument_keys(items)):
        return list(items)
    raise ValueError(
        "Step '{0}': {1} must be a list, but is {2}. Write {1}=[…].".format(step_name, what, type(items).__name__)
    )


def check_compute_target(compute_target, step_name, required=False):
    """`compute_target`, or ValueError when it is neither a compute, a name, a (name, type) pair, nor None."""
    if isinstance(compute_target, tuple):
        if len(compute_target) != 2 or not all(isinstance(part, str) and part for part in compute_target):
            raise ValueError(
                "Step '{}': compute_target {!r} is not valid: a tuple must be (name, type).".format(
                    step_name, compute_target
                )
            )
        return compute_target
    if compute_target is None or compute_target == "":
        if required:
            raise ValueError("compute_target is required")
        return None
    if isinstance(compute_target, str) or isinstance(getattr(compute_target, "name", None), str):
        return compute_target
    raise ValueError(
        "Step '{}': compute_target must be a ComputeTarget or its name, but is {}.".format(
            step_name, type(compute_target).__name__
        )
    )


def lower_output(port):
    """The JSON of an output port."""
    lowered = {
        "name": port.name,
        "datastore": datastore_name(port.datastore),
        "mode": "mount",
        "is_directory": None,
        "path_on_compute": None,
        "overwrite": False,
        "pipeline_output_name": None,
        "reference": "data",
        "destination": None,
        "register": None,
    }
    lowered.update(port.settings)
    return lowered
