"""A graph as the YAML that Pipeline.load_yaml reads: the same steps, ports, values and order. `save` puts what the YAML names beside it.

Knows the Graph (docs/graph.md) and the file's keys; ValueError for a step that the file cannot say.
"""

import os
from itertools import chain, count

from azureml._graph.arguments import DATA_PLACEHOLDER
from azureml._paths import local
from azureml.pipeline.core._load_yaml import FIELDS, TAKES_PARAMS

_TAKES_ARGUMENTS = ("AzureBatchStep", "ModuleStep", "ParallelRunStep", "PythonScriptStep")
_PREFIXES = ("input:", "output:", "side_input:", "parameter:")
_PARALLEL = (
    "entry_script", "error_threshold", "output_action", "append_row_file_name", "allowed_failed_count", "allowed_failed_percent",
    "description", "mini_batch_size", "node_count", "process_count_per_node", "logging_level", "run_invocation_timeout",
    "run_max_try", "partition_keys",
)  # fmt: skip


class Inline:
    """Folders as they were when the pipeline was made, run configurations in the file itself."""

    def source(self, node):
        """The folder of a node's code, as the file names it; None for a step that brings none."""
        return node["settings"].get("source_directory")

    def runconfig(self, definition):
        return definition


class Beside:
    """Folders and run configurations put beside the file, in `<its name>_files`: what the server keeps, whatever became of the author's."""

    def __init__(self, workspace, path):
        self._workspace = workspace
        self._folder = os.path.dirname(os.path.abspath(path))
        self._name = os.path.splitext(os.path.basename(path))[0] + "_files"
        self._runconfigs = []

    def source(self, node):
        from azureml._runs.snapshots import lay_out

        if not node["snapshot"]:
            return Inline.source(self, node)
        name = os.path.join(self._name, node["snapshot"].partition(":")[2][:12])
        lay_out(self._workspace, node["snapshot"], os.path.join(self._folder, name))
        return name

    def runconfig(self, definition):
        from azureml.core._yaml import dump

        if definition not in self._runconfigs:
            self._runconfigs.append(definition)
        name = os.path.join(self._name, "runconfig_{}.yml".format(self._runconfigs.index(definition) + 1))
        os.makedirs(os.path.join(self._folder, self._name), exist_ok=True)
        with open(os.path.join(self._folder, name), "w", encoding="utf-8") as file:
            file.write(dump(definition))
        return name


def save(workspace, graph, path, name, title=None, description=None):
    """Writes the file: `path`, or `<name>.yml` in the folder `path` (default: the working one). `title` goes before the graph's own."""
    from azureml.core._yaml import dump

    path = local(path) if path else os.getcwd()
    if os.path.isdir(path):
        path = os.path.join(path, "{}.yml".format("".join(c if c.isalnum() or c in "-_." else "_" for c in name)))
    document(graph, title, description, Inline())  # nothing is written for what the file cannot say
    said = dump(document(graph, title, description, Beside(workspace, path)))
    with open(path, "w", encoding="utf-8") as file:
        file.write(said)


def document(graph, title, description, place):
    """The file as a dict. ValueError that names every step of which it cannot say what it is."""
    refused = [node for node in graph["nodes"] if node["step_type"] not in FIELDS]
    if refused:
        raise ValueError(
            "A pipeline's YAML cannot say {}. It can say: {}. Keep the code that makes this pipeline.".format(
                ", ".join("step '{name}', a {step_type}".format(**node) for node in refused), ", ".join(sorted(FIELDS))
            )
        )
    description = description or graph["description"]
    said = {"name": title or description or "pipeline"}
    if description:
        said["description"] = description
    return {"pipeline": dict(said, **_Document(graph, place).said())}


class _Document:
    """One file being written: names for all that steps hand on and read."""

    def __init__(self, graph, place):
        self.graph = graph
        self.place = place
        self._taken = {parameter["name"] for parameter in graph["parameters"]}
        self._data = {
            (node["id"], port["name"]): self._unique(port["name"], "{}_{}".format(node["name"], port["name"]))
            for node in graph["nodes"]
            for port in node["outputs"]
        }
        self._datasets = {
            (node["id"], port["name"])
            for node in graph["nodes"]
            for port in node["outputs"]
            if port["reference"] == "dataset" or port.get("as_dataset")
        }
        self._references = {}
        self._keys = {}
        names = [node["name"] for node in graph["nodes"]]
        for node in graph["nodes"]:
            is_alone = names.count(node["name"]) == 1
            self._keys[node["id"]] = node["name"] if is_alone else "{} {}".format(node["name"], node["id"])

    def said(self):
        graph, said = self.graph, {}
        if graph["default_datastore"]:
            said["default_datastore"] = graph["default_datastore"]
        steps = {self._keys[node["id"]]: _Step(self, node).said() for node in graph["nodes"]}
        parameters = {p["name"]: {"type": p["type"], "default": _default(p)} for p in graph["parameters"]}
        return dict(said, parameters=parameters, data_references=self._references, steps=steps)

    def key(self, node_id):
        return self._keys[node_id]

    def data(self, node_id, output):
        return self._data[node_id, output]

    def is_dataset(self, node_id, output):
        """Whether whoever reads this output reads a dataset, if nothing else is said."""
        return (node_id, output) in self._datasets

    def reference(self, port, source):
        """The name of the entry of data_references that says this source."""
        said = _reference(source)
        for name, known in self._references.items():
            if known == said:
                return name
        name = self._unique(port)
        self._references[name] = said
        return name

    def _unique(self, *wanted):
        """The first of these that nothing else is called, else the last with a number."""
        words = ["".join(c if c.isalnum() or c == "_" else "_" for c in name) for name in wanted]
        tries = chain(words, ("{}_{}".format(words[-1], number) for number in count(2)))
        name = next(each for each in tries if each not in self._taken)
        self._taken.add(name)
        return name


class _Step:
    """One entry of `steps`."""

    def __init__(self, whole, node):
        self.whole = whole
        self.node = node
        self.settings = node["settings"]
        self.kind = node["step_type"]
        self.sides = ()

    def said(self):
        node, kind = self.node, self.kind
        said = {"type": kind, "name": node["name"]}
        if kind == "ModuleStep":
            module = self.settings["module"]
            said = {"module": {k: module[k] for k in ("id", "name", "version")}, "name": node["name"]}
        else:
            said["allow_reuse"] = node["allow_reuse"]
            if node["version"] is not None:
                said["version"] = node["version"]
        if node["compute"] and kind != "ParallelRunStep":
            said["compute"] = node["compute"]["name"]
        said.update(self._of_kind())
        said.update(self._values())
        said.update(self._ports())
        if kind in _TAKES_ARGUMENTS and node["arguments"]:
            said["arguments"] = [self._argument(argument) for argument in node["arguments"]]
        said.update(self._limits())
        return said

    def _of_kind(self):
        """What this class alone takes."""
        own = {
            "DataTransferStep": self._transfer,
            "DatabricksStep": self._databricks,
            "ParallelRunStep": self._parallel,
            "ModuleStep": dict,
        }.get(self.kind)
        if own is not None:
            return own()
        named = [name for name in FIELDS[self.kind].split() if self.settings.get(name) is not None]
        said = {name: self.settings[name] for name in named if name not in ("name", "source_directory")}
        return self._with_source(said)

    def _with_source(self, said):
        folder = self.whole.place.source(self.node)
        return dict(said, source_directory=folder) if folder else said

    def _transfer(self):
        names = ("source_reference_type", "destination_reference_type")
        said = {name: self.settings[name] for name in names if self.settings.get(name) is not None}
        (port,) = self.node["inputs"]
        said["source_data_reference"] = {port["name"]: self._input(port)}
        destination = self.settings["destination"]
        if "slot" in destination:
            raise ValueError(
                "A pipeline's YAML cannot say that step '{}' transfers to data of a step. Keep the code that makes this pipeline.".format(
                    self.node["name"]
                )
            )
        source = destination.get("parameter") or self.whole.reference("destination", destination)
        said["destination_data_reference"] = {"destination": {"source": source}}
        return said

    def _databricks(self):
        settings = self.settings
        if any((settings.get("libraries") or {}).values()):
            raise ValueError(
                "A pipeline's YAML cannot say the libraries of step '{}'. Keep the code that makes this pipeline.".format(
                    self.node["name"]
                )
            )
        plain = dict(settings, **(settings.get("cluster") or {}))
        params = ("notebook_params", "python_script_params", "jar_params")
        named = [name for name in FIELDS[self.kind].split() if plain.get(name) is not None and name not in params]
        said = {name: plain[name] for name in named if name not in ("name", "source_directory")}
        if settings["notebook_params"]:
            said["notebook_params"] = {key: _value(value) for key, value in settings["notebook_params"].items()}
        for name in params[1:]:
            if settings[name]:
                said[name] = list(_paired(settings[name]))
        return self._with_source(said)

    def _parallel(self):
        settings = self.settings
        self.sides = {port["name"] for port in self.node["inputs"]} - set(settings["inputs"])
        config = {}
        for name in _PARALLEL:
            value = settings.get(name)
            if isinstance(value, dict):
                value = _value(value)
            if value is not None:
                config[name] = value
        config["compute_target_name"] = (self.node["compute"] or {}).get("name")
        config["environment"] = settings["environment"]
        config["environment_variables"] = self.node["environment_variables"]
        return {"parallel_run_config": self._with_source(config)}

    def _values(self):
        """The run configuration, and the parameters of both kinds."""
        node, said = self.node, {}
        definition = dict(node["run_definition"] or {})
        of_definition = (definition.get("environment") or {}).get("environmentVariables") or {}
        if self.kind != "ParallelRunStep" and node["environment_variables"] != of_definition:
            environment = dict(definition.get("environment") or {}, environmentVariables=node["environment_variables"])
            definition["environment"] = environment
        if definition:
            said["runconfig"] = self.whole.place.runconfig(definition)
        if self.settings.get("runconfig_parameters"):
            said["runconfig_parameters"] = {k: _value(v) for k, v in self.settings["runconfig_parameters"].items()}
        parameters = {name: _value(value) for name, value in node["parameters"].items()}
        if self.kind == "ModuleStep":  # its arguments name pipeline parameters themselves
            used = [argument["parameter"] for argument in node["arguments"] if "parameter" in argument]
            parameters = {k: v for k, v in parameters.items() if not (k in used and v == {"source": k})}
        if parameters and self.kind in TAKES_PARAMS:
            said["parameters"] = parameters
        return said

    def _ports(self):
        said, inputs = {}, {}
        if self.kind != "DataTransferStep":
            inputs = {port["name"]: self._input(port) for port in self.node["inputs"]}
        sides = {name: inputs.pop(name) for name in list(inputs) if name in self.sides}
        outputs = {port["name"]: self._output(port) for port in self.node["outputs"]}
        for key, ports in (("inputs", inputs), ("side_inputs", sides), ("outputs", outputs)):
            if ports:
                said[key] = ports
        return said

    def _input(self, port):
        source, is_dataset = port["source"], port["reference"] == "dataset"
        said = {"source": source.get("parameter"), "type": port["mode"]}
        if "node" in source:
            said["source"] = self.whole.data(source["node"], source["output"])
            if is_dataset != self.whole.is_dataset(source["node"], source["output"]):
                said["as_dataset"] = is_dataset
        elif "parameter" not in source:
            said["source"] = self.whole.reference(port["name"], source)
        return dict(said, **_given(port, "path_on_compute", "overwrite", "transform"))

    def _output(self, port):
        said = {"destination": self.whole.data(self.node["id"], port["name"]), "type": port["mode"]}
        said.update(
            _given(port, "datastore", "path_on_compute", "overwrite", "pipeline_output_name", "as_dataset", "register")
        )
        if port["is_directory"] is not None:
            said["is_directory"] = port["is_directory"]
        if port["reference"] == "dataset":
            said["dataset"] = _given({"path": port["destination"], "globs": port.get("globs")}, "path", "globs")
        return said

    def _argument(self, argument):
        ((tag, value),) = argument.items()
        if tag == "literal":
            return {"literal": value} if value.startswith(_PREFIXES) else value
        if tag == "parameter":
            keys = [key for key, said in self.node["parameters"].items() if said == argument]
            if self.kind not in TAKES_PARAMS or not keys or (self.kind == "ModuleStep" and value in keys):
                return argument
            return "parameter:" + (value if value in keys else keys[0])
        if tag == "parts":
            return "".join(
                DATA_PLACEHOLDER + next(iter(p.values())) if "literal" not in p else p["literal"] for p in value
            )
        return "{}:{}".format("side_input" if value in self.sides else tag, value)

    def _limits(self):
        node, said = self.node, {}
        if node["after"]:
            said["run_after"] = [self.whole.key(before) for before in node["after"]]
        limits = (node["run_definition"] or {}).get("maxRunDurationSeconds"), self.settings.get("timeout_seconds")
        if node.get("timeout_seconds") and node["timeout_seconds"] not in limits:
            said["timeout"] = node["timeout_seconds"]
        if node.get("max_age_seconds") is not None:
            said["max_age"] = node["max_age_seconds"]
        if node.get("retry"):
            said["retry"] = {k: v for k, v in node["retry"].items() if v is not None}
        return said


def _given(port, *names):
    """Those of these that the port says."""
    return {name: port[name] for name in names if port.get(name)}


def _value(value):
    """A value of a step as the file says it."""
    return {"source": value["parameter"]} if "parameter" in value else value["literal"]


def _paired(values):
    """Values of a list in which a pipeline parameter stands as its name and then its value."""
    rest = list(values)
    while rest:
        value = rest.pop(0)
        if rest and rest[0] == {"parameter": value.get("literal")}:
            value = rest.pop(0)
        yield _value(value)


def _default(parameter):
    """A parameter's default, as the file says a value of its type."""
    kind, default = parameter["type"], parameter["default"]
    if kind == "datapath":
        return {"datastore": default["datastore"], "path_on_datastore": default.get("path") or ""}
    if kind == "dataset":
        return {"dataset_id": default["dataset"]}
    if kind == "bool":
        return default.lower() == "true"
    try:
        return {"int": int, "float": float}.get(kind, str)(default)
    except ValueError:  # True of an int
        return default.lower() == "true"


def _reference(source):
    """An entry of data_references."""
    if "dataset" in source:
        return {"dataset_id": source["dataset"]}
    said = {"datastore": source["datastore"], "path_on_datastore": source.get("path") or ""}
    sql = source.get("sql")
    if not sql:
        return said
    del said["path_on_datastore"]
    said.update({"sql_" + key: sql[key] for key in ("table", "query", "stored_procedure") if sql.get(key)})
    if sql.get("stored_procedure_params"):
        said["sql_stored_procedure_params"] = {
            each["name"]: {"value": each["value"], "type": each["type"]} for each in sql["stored_procedure_params"]
        }
    return said
