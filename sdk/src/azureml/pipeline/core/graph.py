"""The values a graph is written with: PipelineParameter, port bindings, TrainingOutput, PipelineDataset.

The built graph (Graph, nodes, edges, ports) is in `_graph_view`, definitions (ModuleDef, InputPortDef …) in `_definitions`;
both are re-exported here, where public code looks for them.
"""

from azureml._graph.ports import INPUT_MODES, InputPort, OutputPort, Slot, check_port_name
from azureml._names import reexport

_VIEW = "azureml.pipeline.core._graph_view"
_DEFINITIONS = "azureml.pipeline.core._definitions"
_HOMES = dict.fromkeys(
    ["DataSourceNode", "Edge", "Graph", "InputPort", "ModuleNode", "Node", "OutputPort", "Param"], _VIEW
)
_HOMES.update(
    dict.fromkeys(["DataSource", "DataSourceDef", "DataType", "HasPipelinePortal", "InputPortDef"], _DEFINITIONS)
)
_HOMES.update(dict.fromkeys(["Module", "ModuleDef", "OutputPortDef", "ParamDef"], _DEFINITIONS))
_HOMES["PublishedPipeline"] = "azureml.pipeline.core.published_pipeline"
_HOMES["PortDataReference"] = "azureml.pipeline.core.run"
_HOMES["StoredProcedureParameter"] = "azureml.data.stored_procedure_parameter"
_HOMES["StoredProcedureParameterType"] = "azureml.data.stored_procedure_parameter"
__getattr__, __dir__ = reexport(__name__, _HOMES)


class PipelineParameter:
    """A value that is chosen when the pipeline is submitted: int, str, bool, float, a DataPath or a dataset."""

    def __init__(self, name, default_value):
        if not isinstance(name, str) or not name or "\0" in name:
            raise ValueError("PipelineParameter name must be non-empty text, but is {!r}.".format(name))
        self.name = name
        self.default_value = default_value
        self._type = _parameter_type(default_value)

    def __str__(self):
        return "PipelineParameter_Name:{}_Default:{}".format(self.name, self.default_value)

    def __repr__(self):
        return str(self)

    def _lower_value(self):
        return {"parameter": self.name}

    def _lower(self, scope):
        """The graph's declaration of this parameter."""
        return {"name": self.name, "type": self._type, "default": self._lower_text(self.default_value, scope)}

    def _lower_text(self, value, scope):
        if self._type == "datapath":
            return value._lower()
        if self._type == "dataset":
            return {"dataset": scope.dataset(value)}
        return str(value)

    def _assigned(self, value, scope):
        """A value given at submission, as the server takes it; Exception or TypeError when it is of another type."""
        if self._type == "dataset":
            if _parameter_type(value, silent=True) != "dataset" or type(value) is not type(self.default_value):
                raise TypeError(
                    "Expected type of the pipeline parameter {} is {}, but the value provided is of type {}".format(
                        self.name, type(self.default_value).__name__, type(value).__name__
                    )
                )
            return self._lower_text(value, scope)
        wanted = type(self.default_value)
        good = isinstance(value, wanted) or (wanted is float and isinstance(value, int) and not isinstance(value, bool))
        if not good:
            raise Exception(
                "Expected type of the pipeline parameter {} is {}, but the value {} provided is of type {}".format(
                    self.name, wanted.__name__, value, type(value).__name__
                )
            )
        return self._lower_text(value, scope)


def _parameter_type(value, silent=False):
    for known, name in ((bool, "bool"), (int, "int"), (float, "float"), (str, "string")):
        if isinstance(value, known):
            return name
    if isinstance(value, PipelineDataset) or (hasattr(value, "_saved_id") and hasattr(value, "as_named_input")):
        return "dataset"
    if hasattr(value, "_is_datapath"):
        return "datapath"
    if silent:
        return None
    raise ValueError("Default value is of unsupported type: {}".format(type(value).__name__))


class InputPortBinding:
    """A piece of data bound to an input port under a name and a mode."""

    def __init__(
        self,
        name,
        bind_object=None,
        bind_mode="mount",
        path_on_compute=None,
        overwrite=None,
        is_resource=False,
        additional_transformations=None,
        **kwargs,
    ):
        check_port_name(name, "Input")
        if bind_mode not in INPUT_MODES:
            raise ValueError("Input [{}] has an invalid mode [{}]".format(name, bind_mode))
        if kwargs:
            raise ValueError("InputPortBinding does not take {}.".format(", ".join(sorted(kwargs))))
        self.name = name
        self.bind_object = bind_object
        self.bind_mode = bind_mode
        self.path_on_compute = path_on_compute
        self.overwrite = overwrite
        self.is_resource = is_resource
        self.additional_transformations = additional_transformations

    @property
    def data_type(self):
        return self.get_bind_object_data_type()

    @property
    def data_reference_name(self):
        return getattr(self.bind_object, "data_reference_name", None) or self.name

    def as_resource(self):
        return InputPortBinding(
            self.name, self.bind_object, self.bind_mode, self.path_on_compute, self.overwrite, is_resource=True
        )

    def get_bind_object_name(self):
        bound = self.bind_object
        return getattr(bound, "name", None) or getattr(bound, "data_reference_name", None)

    def get_bind_object_data_type(self):
        return getattr(self.bind_object, "data_type", None)

    def __str__(self):
        return "$AZUREML_DATAREFERENCE_{}".format(self.name)

    def _argument_keys(self):
        keys = self.bind_object._argument_keys() if hasattr(self.bind_object, "_argument_keys") else ()
        return (id(self),) + tuple(keys)

    def _as_input_port(self):
        if not hasattr(self.bind_object, "_as_input_port"):
            raise ValueError(
                "Input [{}] is bound to {}, which cannot be an input.".format(
                    self.name, type(self.bind_object).__name__
                )
            )
        bound = self.bind_object._as_input_port()
        bound.name = self.name
        bound.keys = self._argument_keys()
        bound.mode = self.bind_mode
        bound.path_on_compute = self.path_on_compute or bound.path_on_compute
        bound.overwrite = bool(self.overwrite) or bound.overwrite
        return bound


class OutputPortBinding:
    """An output port described outside any PipelineData (modules use it)."""

    def __init__(
        self,
        name,
        datastore=None,
        output_name=None,
        bind_mode="mount",
        path_on_compute=None,
        is_directory=None,
        overwrite=None,
        data_type=None,
        pipeline_output_name=None,
        training_output=None,
        dataset_registration=None,
        dataset_output=None,
    ):
        check_port_name(name, "Output")
        if bind_mode not in ("mount", "upload"):
            raise ValueError("Invalid output mode [{}]".format(bind_mode))
        self.name = name
        self.datastore = datastore
        self.output_name = output_name or name
        self.bind_mode = bind_mode
        self.path_on_compute = path_on_compute
        self.is_directory = is_directory
        self.overwrite = overwrite
        self.data_type = data_type
        self.pipeline_output_name = pipeline_output_name
        self.training_output = training_output
        self.dataset_registration = dataset_registration
        self.dataset_output = dataset_output
        self._slot = Slot(name, self.output_name)

    def _argument_keys(self):
        return (id(self),)

    def _as_output_port(self):
        settings = {
            "mode": self.bind_mode,
            "is_directory": self.is_directory,
            "path_on_compute": self.path_on_compute,
            "overwrite": bool(self.overwrite),
            "pipeline_output_name": self.pipeline_output_name,
        }
        return OutputPort(self.output_name, (id(self),), self._slot, self.datastore, settings)

    def _as_input_port(self):
        return InputPort(self.name, "mount", (id(self),), slot=self._slot)


class TrainingOutput:
    """Which result of a HyperDrive or AutoML step an output receives: its metrics, or a model."""

    def __init__(self, type, iteration=None, metric=None, model_file=None):
        kind = type.lower() if isinstance(type, str) else None
        if kind == "metrics":
            if iteration is not None or metric is not None:
                raise ValueError("TrainingOutput of type Metrics takes neither iteration nor metric.")
        elif kind == "model":
            if iteration is not None and metric is not None:
                raise ValueError("TrainingOutput of type Model takes iteration or metric, not both.")
        else:
            raise ValueError("TrainingOutput type must be Metrics or Model, but is {!r}.".format(type))
        self.type = kind.capitalize()
        self.iteration = iteration
        self.metric = metric
        self.model_file = model_file

    def _lower(self):
        return {"type": self.type, "iteration": self.iteration, "metric": self.metric, "model_file": self.model_file}


class PipelineDataset:
    """A dataset as a step's input: the dataset, a port name and a mode."""

    def __init__(
        self, dataset=None, name=None, bind_mode="mount", path_on_compute=None, overwrite=False, parameter_name=None
    ):
        self.dataset = dataset
        self.name = name
        self.bind_mode = bind_mode
        self.path_on_compute = path_on_compute
        self.overwrite = overwrite
        self.parameter_name = parameter_name

    @staticmethod
    def create(dataset, name=None, parameter_name=None):
        PipelineDataset.validate_dataset(dataset)
        return PipelineDataset(
            dataset, name or PipelineDataset.default_name(dataset), "direct", parameter_name=parameter_name
        )

    @staticmethod
    def is_dataset(dset):
        return hasattr(dset, "_saved_id") and hasattr(dset, "as_named_input")

    @staticmethod
    def validate_dataset(dset):
        if not PipelineDataset.is_dataset(dset):
            raise ValueError("Expected a dataset, but got {}.".format(type(dset).__name__))

    @staticmethod
    def default_name(dataset):
        return getattr(dataset, "name", None) or "input_%08x" % (id(dataset) & 0xFFFFFFFF)

    @property
    def dataset_id(self):
        return getattr(self.dataset, "id", None)

    @property
    def saved_dataset_id(self):
        return self.dataset_id

    @property
    def dataset_version(self):
        return getattr(self.dataset, "version", None)

    @property
    def workspace(self):
        return getattr(self.dataset, "workspace", None)

    def _saved_id(self, workspace):
        return self.dataset._saved_id(workspace)

    def as_named_input(self, name):
        return PipelineDataset(
            self.dataset, name, self.bind_mode, self.path_on_compute, self.overwrite, self.parameter_name
        )

    def _argument_keys(self):
        return (id(self), ("dataset", self.name))

    def _as_input_port(self):
        check_port_name(self.name, "Input")
        return InputPort(
            self.name,
            self.bind_mode,
            self._argument_keys(),
            source=lambda scope: {"dataset": scope.dataset(self.dataset)},
            reference="dataset",
            path_on_compute=self.path_on_compute,
            overwrite=self.overwrite,
        )
