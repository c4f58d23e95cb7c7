"""The graph of a pipeline, for looking at: nodes, ports, edges. Made from the Graph JSON; changing it changes no pipeline."""

from azureml.pipeline.core._definitions import (
    DataSource,
    DataSourceDef,
    InputPortDef,
    ModuleDef,
    OutputPortDef,
    ParamDef,
)


class Edge:
    """From an output port to an input port."""

    def __init__(self, source_port, dest_port):
        self.source_port = source_port
        self.dest_port = dest_port


class Param:
    """A parameter of a node, with its value."""

    def __init__(self, param_def):
        self.param_def = param_def
        self._value = param_def.default_value

    def get_value(self):
        return self._value

    def set_value(self, param_value):
        self._value = param_value


class InputPort:
    def __init__(self, node, input_port_def):
        self.node = node
        self.input_port_def = input_port_def
        self.incoming_edge = None

    name = property(lambda self: self.input_port_def.name)
    bind_mode = property(lambda self: self.input_port_def.default_datastore_mode)
    data_types = property(lambda self: self.input_port_def.data_types)
    data_reference_name = property(lambda self: self.input_port_def.default_data_reference_name)
    overwrite = property(lambda self: self.input_port_def.default_overwrite)
    path_on_compute = property(lambda self: self.input_port_def.default_path_on_compute)
    additional_transformations = property(lambda self: self.input_port_def.additional_transformations)

    def connect(self, source_port):
        edge = Edge(source_port, self)
        self.incoming_edge = edge
        self.node.graph._edges.append(edge)
        return edge

    def disconnect(self):
        if self.incoming_edge is not None:
            self.node.graph._edges.remove(self.incoming_edge)
            self.incoming_edge = None


class OutputPort:
    def __init__(self, node, output_port_def, settings=None):
        self.node = node
        self.output_port_def = output_port_def
        self._settings = settings or {}

    name = property(lambda self: self.output_port_def.name)
    bind_mode = property(lambda self: self.output_port_def.default_datastore_mode)
    data_type = property(lambda self: self.output_port_def.data_type)
    datastore_name = property(lambda self: self.output_port_def.default_datastore_name)
    overwrite = property(lambda self: self.output_port_def.default_overwrite)
    path_on_compute = property(lambda self: self.output_port_def.default_path_on_compute)
    pipeline_output_name = property(lambda self: self._settings.get("pipeline_output_name"))
    dataset_registration = property(lambda self: self._settings.get("register"))
    dataset_output = property(lambda self: self._settings if self._settings.get("reference") == "dataset" else None)

    def connect(self, dest_port):
        return dest_port.connect(self)


class Node:
    """A node with its ports by name."""

    def __init__(self, graph, node_id, name=None, module=None, module_builder=None, datasource=None,
                 datasource_builder=None, module_wiring=None):  # fmt: skip
        self.graph = graph
        self.node_id = node_id
        self.name = name
        self.module_def = getattr(module, "module_def", module)
        self.datasource_def = getattr(datasource, "datasource_def", datasource)
        self.input_dict = {}
        self.output_dict = {}
        self.params = {}
        self._after = []

    inputs = property(lambda self: list(self.input_dict.values()))
    outputs = property(lambda self: list(self.output_dict.values()))

    def get_input(self, name):
        return self.input_dict.get(name)

    def get_output(self, name):
        return self.output_dict.get(name)

    def get_param(self, name):
        return self.params.get(name)

    def run_after(self, node):
        self._after.append(node)

    def sequence(self, nodes):
        for node in nodes:
            node.run_after(self)

    def __repr__(self):
        return "{}(name={!r}, node_id={!r})".format(type(self).__name__, self.name, self.node_id)


class ModuleNode(Node):
    def __init__(self, graph, node_id, name=None, module=None, module_builder=None, module_wiring=None, runconfig=None,
                 cloud_settings=None, regenerate_outputs=None):  # fmt: skip
        Node.__init__(self, graph, node_id, name, module)
        self.runconfig = runconfig
        self.cloud_settings = cloud_settings
        self.regenerate_outputs = regenerate_outputs


class DataSourceNode(Node):
    def __init__(self, graph, node_id, name=None, datasource=None, datasource_builder=None, datapath_param_name=None):
        Node.__init__(self, graph, node_id, name, datasource=datasource)
        self.datapath_param_name = datapath_param_name
        self.output_dict[name] = OutputPort(self, OutputPortDef(name))


class Graph:
    """`pipeline.graph`."""

    def __init__(self, name, context):
        self._name = name
        self._context = context
        self._nodes = {}
        self._edges = []
        self._params = {}
        self._lowered = None

    @classmethod
    def _of(cls, pipeline, lowered):
        graph = cls("pipeline", pipeline)
        graph._lowered = lowered
        graph._params = dict(lowered.parameters)
        for raw in lowered.graph["nodes"]:
            graph._add(raw)
        for raw in lowered.graph["nodes"]:
            graph._wire(raw)
        return graph

    @classmethod
    def _of_kept(cls, workspace, kept):
        """The graph that a server keeps."""
        from azureml._graph.lower import Lowered

        parameters = {p["name"]: _parameter(p) for p in kept["parameters"]}
        return cls._of(workspace, Lowered(kept, [], None, parameters))

    def _add(self, raw):
        inputs = [
            InputPortDef(p["name"], None, p["mode"], p["path_on_compute"], default_data_reference_name=p["name"])
            for p in raw["inputs"]
        ]
        outputs = [
            OutputPortDef(p["name"], p["datastore"], p["mode"], p["path_on_compute"], bool(p["is_directory"]))
            for p in raw["outputs"]
        ]
        definition = ModuleDef(
            raw["name"],
            None,
            inputs,
            outputs,
            allow_reuse=raw["allow_reuse"],
            version=raw["version"],
            step_type=raw["step_type"],
        )
        node = ModuleNode(self, raw["id"], raw["name"], definition, runconfig=raw["run_definition"])
        for port in inputs:
            node.input_dict[port.name] = InputPort(node, port)
        for port, settings in zip(outputs, raw["outputs"]):
            node.output_dict[port.name] = OutputPort(node, port, settings)
        for name, value in raw["parameters"].items():
            node.params[name] = Param(ParamDef(name, value.get("literal", value.get("parameter"))))
        self._nodes[node.node_id] = node

    def _wire(self, raw):
        from azureml._graph.submission import data_references

        node = self._nodes[raw["id"]]
        ids = {name: node_id for name, node_id, _, _ in data_references({"nodes": [raw]})}
        for port in raw["inputs"]:
            source = port["source"]
            if "node" in source:
                node.input_dict[port["name"]].connect(self._nodes[source["node"]].output_dict[source["output"]])
            elif "datastore" in source:
                node_id = ids[port["name"]]
                if node_id not in self._nodes:
                    definition = DataSourceDef(
                        port["name"], datastore_name=source["datastore"], path_on_datastore=source.get("path")
                    )
                    self._nodes[node_id] = DataSourceNode(self, node_id, port["name"], DataSource(node_id, definition))
                node.input_dict[port["name"]].connect(self._nodes[node_id].outputs[0])
        for before in raw["after"]:
            node.run_after(self._nodes[before])

    nodes = property(lambda self: list(self._nodes.values()))
    node_dict = property(lambda self: dict(self._nodes))
    module_nodes = property(lambda self: [node for node in self._nodes.values() if isinstance(node, ModuleNode)])
    datasource_nodes = property(
        lambda self: [node for node in self._nodes.values() if isinstance(node, DataSourceNode)]
    )
    edges = property(lambda self: list(self._edges))
    params = property(lambda self: dict(self._params))

    @property
    def node_name_dict(self):
        """{name: nodes of that name}; names need not be unique."""
        found = {}
        for node in self._nodes.values():
            found.setdefault(node.name, []).append(node)
        return found

    def get_node(self, node_id):
        return self._nodes.get(node_id)

    def connect(self, source_port, dest_port):
        return dest_port.connect(source_port)

    def sequence(self, nodes):
        for before, after in zip(nodes, nodes[1:]):  # noqa: RUF007
            after.run_after(before)

    def delete_node(self, node_id):
        self._nodes.pop(node_id, None)
        self._edges = [e for e in self._edges if node_id not in (e.source_port.node.node_id, e.dest_port.node.node_id)]

    def add_datasource_node(self, name, datasource=None, datasource_builder=None, datapath_param_name=None):
        node = DataSourceNode(self, self._new_id(name), name, datasource, datasource_builder, datapath_param_name)
        self._nodes[node.node_id] = node
        return node

    def add_module_node(self, name, input_bindings, output_bindings=None, param_bindings=None, module=None,
                        module_builder=None, module_wiring=None, runconfig=None, cloud_settings=None):  # fmt: skip
        node = ModuleNode(self, self._new_id(name), name, module, module_builder, module_wiring, runconfig)
        for binding in input_bindings or ():
            node.input_dict[binding.name] = InputPort(node, InputPortDef(binding.name))
        for binding in output_bindings or ():
            node.output_dict[binding.name] = OutputPort(node, OutputPortDef(binding.name))
        self._nodes[node.node_id] = node
        return node

    def _new_id(self, name):
        from zlib import crc32

        salt = 0
        while True:
            digits = "%08x" % crc32("{}\0{}".format(name, salt).encode("utf-8"))
            if digits not in self._nodes:
                return digits
            salt += 1

    def validate(self):
        """What is wrong with the graph; [] when nothing is."""
        from azureml.pipeline.core.pipeline import _problems

        return _problems(self._lowered) if self._lowered is not None else []

    def finalize(self, dry_run=None, regenerate_outputs=False):
        """{node: whether it is new}. Whether a step is reused is decided by the server when the step is ready."""
        return dict.fromkeys(self.module_nodes, True)

    def submit(self, pipeline_parameters=None, continue_on_step_failure=False, regenerate_outputs=False,
               parent_run_id=None, **kwargs):  # fmt: skip
        pipeline = self._context
        return pipeline.submit(
            pipeline._experiment_name or kwargs.pop("experiment_name", "pipeline"),
            pipeline_parameters,
            continue_on_step_failure,
            regenerate_outputs,
            parent_run_id,
        )

    def __repr__(self):
        return "Graph(nodes=[{}])".format(", ".join(repr(node.name) for node in self.nodes))

    def generate_yaml(self):
        """The pipeline as a dict in the shape of the pipeline YAML. ValueError for a step that the YAML cannot say."""
        from azureml.pipeline.core._save_yaml import Inline, document

        return document(self._kept(), None, None, Inline())

    def _save(self, path, name, title=None, description=None):
        """Writes that YAML to `path`, or into the folder `path` as <name>.yml, and what it names beside it."""
        from azureml.pipeline.core._save_yaml import save

        save(self._context, self._kept(), path, name, title, description)

    def _kept(self):
        """Its JSON, with datasets by ids that the server knows."""
        if self._lowered is None:
            raise ValueError("This graph was not made from a pipeline, so there are no steps to write down.")
        pipeline = self._context
        if not hasattr(pipeline, "_lower_whole") or pipeline._workspace is None:
            return self._lowered.graph
        from azureml._graph.submission import keepers

        return pipeline._lower_whole(None, keepers(pipeline._workspace)[1]).graph


def _parameter(raw):
    from azureml.pipeline.core.graph import PipelineParameter

    text = raw["default"]
    if raw["type"] == "bool":
        return PipelineParameter(raw["name"], text.lower() == "true")
    convert = {"int": int, "float": float}.get(raw["type"], str)
    return PipelineParameter(raw["name"], convert(text))
