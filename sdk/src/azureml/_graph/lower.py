"""Steps to Graph JSON (docs/graph.md). Run dry when a pipeline is made and validated, for real when it is submitted."""

import gc
import os
from contextlib import contextmanager

from azureml._graph.order import arrange, flatten, node_ids
from azureml._graph.ports import datastore_name
from azureml.pipeline.core.builder import lower_output


class Lowered:
    """A graph as JSON, with what belongs to it but not in it: step of each node, the cycle, data references."""

    def __init__(self, graph, steps, cycle, parameters, folders=None):
        self.graph = graph
        self.steps = steps  # [(node id, step)] in graph order
        self.cycle = cycle  # node id or None
        self.parameters = parameters  # {name: PipelineParameter}
        self._folders = (
            folders  # of a dry run: the source folder of each node, None where something else is left open too
        )

    def filled(self, snapshot_of):
        """A dry run's Lowered made whole with the digests of its folders; None when they are not all that it lacks."""
        if self._folders is None:
            return None
        nodes = [
            node if folder is None else dict(node, snapshot=snapshot_of(folder))
            for node, folder in zip(self.graph["nodes"], self._folders)
        ]
        return Lowered(dict(self.graph, nodes=nodes), self.steps, self.cycle, self.parameters)


def lower(steps, options, scope):
    """The Lowered form of `steps`; ValueError and friends for what no server needs to be asked about."""
    listed, before = flatten(steps)
    order, predecessors, cycle = arrange(listed, before, options["resolve_closure"])
    ids = node_ids(order)
    for step in order:
        step._check_producers()
    _check_datastores(order, options)
    with _uncollected():
        nodes = _nodes(order, ids, predecessors, scope)
    graph = {
        "schema": 1,
        "description": options["description"],
        "default_datastore": datastore_name(options["default_datastore"]),
        "parameters": [p._lower(scope) for p in scope.parameters.values()],
        "nodes": nodes,
    }
    steps = [(ids[step], step) for step in order]
    folders = None if scope.asked_for_dataset else scope.folders
    return Lowered(graph, steps, ids[cycle] if cycle else None, scope.parameters, folders)


@contextmanager
def _uncollected():
    """No garbage is looked for meanwhile: nodes are made of thousands of objects of which none is any, and to look takes a fifth as long again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _check_datastores(order, options):
    if options["default_datastore"] is not None or options["workspace"] is not None:
        return  # the server knows the workspace's default
    for step in order:
        for port in step._output_ports:
            if port.datastore is None and port.settings.get("reference") != "dataset":
                raise ValueError("DataStore not provided for output: {}".format(port.name))


def _nodes(order, ids, predecessors, scope):
    """The nodes of all steps. A dry run says what is wrong with each step at once: the first problem's text, then the others."""
    nodes, problems = [], []
    for step in order:
        try:
            nodes.append(_node(step, ids, predecessors[step], scope))
        except Exception as error:
            if not scope.is_dry or not (problems or type(error) is ValueError):
                raise  # nothing more is sent for a graph that is wrong
            problems.append(error)
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise ValueError("\n".join(dict.fromkeys(str(problem) for problem in problems))) from problems[0]
    return nodes


def _node(step, ids, predecessors, scope):
    step._check_params()
    code = step._code(scope.default_source_directory)
    data = {port.slot.step for port in step._input_ports if port.slot is not None}
    runconfig_parameters = {k: scope.value(v) for k, v in step._runconfig_pipeline_params.items()}
    settings = step._settings(scope)
    folder = None if code is None else _checked(code, step, scope)
    snapshot = scope.snapshot(folder)
    if runconfig_parameters:
        settings["runconfig_parameters"] = runconfig_parameters
    if code is not None and code[1]:
        settings["source_directory"] = code[0]  # so that a traceback can say of what it is a copy
    return {
        "id": ids[step],
        "name": step.name,
        "kind": step._kind,
        "step_type": step.step_type,
        "settings": settings,
        "snapshot": step._kept_snapshot if folder is None else snapshot,
        "compute": _compute(step),
        "arguments": step._lower_arguments(scope),
        "inputs": [_input(port, ids, scope) for port in step._input_ports],
        "outputs": [lower_output(port) for port in step._output_ports],
        "parameters": step._lower_parameters(scope),
        "environment_variables": {str(k): str(v) for k, v in step._environment_variables().items()},
        "run_definition": scope.definition(step._runconfig),
        "allow_reuse": bool(step._allow_reuse),
        "version": None if step._version is None else str(step._version),
        "after": [ids[p] for p in predecessors if p not in data],
        "timeout_seconds": step._time_limit(),
        "max_age_seconds": step._max_age_seconds,
        "retry": step._retry,
    }


def _checked(code, step, scope):
    """The folder of a step's code, which is there with the script in it. Looked at once, however many steps share it."""
    folder, name = code
    if code in scope.there:
        return folder
    path = os.path.join(folder, name) if name else folder
    if name and not os.path.isfile(path):
        raise ValueError(
            "Step [{}]: script not found at: {}. Make sure to specify an appropriate source_directory on the Step "
            "or default_source_directory on the Pipeline.".format(step.name, path)
        )
    if not name and not os.path.isdir(path):
        raise ValueError("Step [{}]: source_directory not found at: {}.".format(step.name, path))
    scope.there.add(code)
    return folder


def _input(port, ids, scope):
    if port.slot is not None:
        source = {"node": ids[port.slot.step], "output": port.slot.output_name}
    else:
        source = port.source(scope)
    lowered = {
        "name": port.name,
        "source": source,
        "mode": port.mode,
        "path_on_compute": port.path_on_compute,
        "overwrite": port.overwrite,
        "reference": port.reference,
        "env": None,
    }
    if port.transform:
        lowered["transform"] = port.transform
    return lowered


def _compute(step):
    target = step._compute_target
    if target is None and step._runconfig is not None:
        return {"name": step._runconfig.target, "explicit": step._runconfig._target_is_object}
    if target is None:
        return None
    if isinstance(target, tuple):
        return {"name": target[0], "explicit": False, "type": target[1]}
    if isinstance(target, str):
        return {"name": target, "explicit": False}
    return {"name": target.name, "explicit": True}
