"""What is wrong with a Graph (docs/graph.md), as sentences: all of it at once, in graph order. Pure; linear in the graph's size.

The engine has a validator of its own; tests/contract/cases/graph.json holds what both must refuse.
"""

_HEX = frozenset("0123456789abcdef")
PARAMETER_TYPES = ("string", "int", "float", "bool", "datapath", "dataset")
INPUT_MODES = ("mount", "download", "direct", "upload", "hdfs")
OUTPUT_MODES = ("mount", "upload", "hdfs", "link")
# A dataset port becomes a variable of its own name in the script's environment.
TAKEN_VARIABLES = frozenset(
    (
        "PATH",
        "HOME",
        "USER",
        "SHELL",
        "LANG",
        "TZ",
        "TMPDIR",
        "PYTHONPATH",
        "PYTHONHOME",
        "LD_LIBRARY_PATH",
        "LD_PRELOAD",
    )
)
RETRY_ON = ("infrastructure", "any")
MAX_RETRIES = 100
_SOURCES = ("node", "datastore", "dataset", "parameter")


def problems(graph):
    """Sentences, one a problem; [] when the graph is sound."""
    if not isinstance(graph, dict):
        return ["The graph must be a JSON object, but is {}.".format(type(graph).__name__)]
    if graph.get("schema") != 1:
        return ["Graph schema {!r} is not known here: this version reads schema 1.".format(graph.get("schema"))]
    nodes = graph.get("nodes")
    if not isinstance(nodes, list) or not nodes:
        return ["The graph has no steps: give the pipeline at least one step."]
    found = []
    parameters = _parameters(graph.get("parameters") or [], found)
    known = {}
    for node in nodes:
        _identity(node, known, found)
    for node in known.values():
        _ports(node, known, parameters, found)
        _values(node, parameters, found)
        found += limit_problems(node)
        for before in node.get("after") or ():
            if before not in known:
                found.append("{}: it is to run after node {!r}, which does not exist.".format(_label(node), before))
    cycle = _cycle(known)
    if cycle is not None:
        closing = cycle[-1]
        found.append("Cycle detected including node {}({})".format(known[closing].get("name"), closing))
    return found


def cycle_names(graph):
    """The names of the steps of a cycle, each before the one that waits for it; the first again at the end. [] for none."""
    known = {node["id"]: node for node in graph["nodes"]}
    cycle = (_cycle(known) or [])[::-1]  # it was walked upstream
    return [known[node_id]["name"] for node_id in cycle + cycle[:1]]


def _label(node):
    return "Step '{}'".format(str(node.get("name")).replace("\0", "\\0"))


def is_name(text):
    return isinstance(text, str) and bool(text) and all(c.isalnum() or c == "_" for c in text)


def _identity(node, known, found):
    if not isinstance(node, dict):
        found.append("A step must be a JSON object, but one is {}.".format(type(node).__name__))
        return
    node_id, name = node.get("id"), node.get("name")
    if not isinstance(node_id, str) or len(node_id) != 8 or not set(node_id) <= _HEX:
        found.append("{}: node id {!r} is not valid: it must be 8 lowercase hex digits.".format(_label(node), node_id))
        node_id = str(node_id)
    elif node_id in known:
        found.append("{}: node id {} is used twice: ids are unique in a graph.".format(_label(node), node_id))
        return
    if not isinstance(name, str) or not name or "\0" in name or len(name) > 255:
        found.append("{}: the step name is not valid: use 1 to 255 characters, none of them NUL.".format(_label(node)))
    if not isinstance(node.get("kind"), str) or not node.get("kind"):
        found.append("{}: the step has no kind.".format(_label(node)))
    known[node_id] = node


def limit_problems(node):
    """What is wrong with a step's time limit, and with what it says of being tried again."""
    found = []
    seconds, retry = node.get("timeout_seconds"), node.get("retry")
    if seconds is not None and not (_is_number(seconds) and seconds > 0):
        found.append("{}: timeout_seconds is {!r}. Give a number of seconds above 0.".format(_label(node), seconds))
    age = node.get("max_age_seconds")
    if age is not None and not (_is_number(age) and age >= 0):
        found.append("{}: max_age_seconds is {!r}. Give a number of seconds from 0 on.".format(_label(node), age))
    if retry is None:
        return found
    if not isinstance(retry, dict):
        return found + ["{}: retry is {!r}. Give {{'count', 'backoff_seconds', 'on'}}.".format(_label(node), retry)]
    count, backoff, on = retry.get("count"), retry.get("backoff_seconds"), retry.get("on")
    if count is not None and not (_is_number(count) and int(count) == count and 0 <= count <= MAX_RETRIES):
        found.append(
            "{}: the count of retries is {!r}. Give a whole number from 0 to {}.".format(
                _label(node), count, MAX_RETRIES
            )
        )
    if backoff is not None and not (_is_number(backoff) and backoff >= 0):
        found.append(
            "{}: backoff_seconds of its retries is {!r}. Give a number of seconds from 0 on.".format(
                _label(node), backoff
            )
        )
    if on is not None and on not in RETRY_ON:
        found.append(
            "{}: it is to be tried again on {!r}. Use one of {}.".format(_label(node), on, ", ".join(RETRY_ON))
        )
    return found


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < float("inf")


def _parameters(declared, found):
    known = {}
    for parameter in declared:
        name, kind = parameter.get("name"), parameter.get("type")
        if not isinstance(name, str) or not name or "\0" in name:
            found.append("Pipeline parameter {!r}: the parameter name is not valid: use text without NUL.".format(name))
            continue
        if name in known:
            found.append("Pipeline parameter '{}' is declared twice: its name is already taken.".format(name))
            continue
        known[name] = parameter
        if kind not in PARAMETER_TYPES:
            found.append(
                "Pipeline parameter '{}': type {!r} is not known. Use {}.".format(
                    name, kind, ", ".join(PARAMETER_TYPES)
                )
            )
        elif not _fits(kind, parameter.get("default")):
            found.append(
                "Pipeline parameter '{}': default {!r} is not a value of type {}.".format(
                    name, parameter.get("default"), kind
                )
            )
    return known


def _fits(kind, default):
    """Whether `default`, as it travels, is a value of `kind`."""
    if kind == "datapath":
        return isinstance(default, dict) and isinstance(default.get("datastore"), str) and bool(default["datastore"])
    if kind == "dataset":
        return isinstance(default, dict) and isinstance(default.get("dataset"), str) and bool(default["dataset"])
    if not isinstance(default, str):
        return False
    if kind == "bool":
        return default in ("True", "False", "true", "false")
    if kind in ("int", "float"):
        try:
            (int if kind == "int" else float)(default)
        except ValueError:
            # A bool is an int to Python, and code that says PipelineParameter(default_value=True) may mean either.
            return kind == "int" and default in ("True", "False")
    return True


def _ports(node, known, parameters, found):
    inputs, outputs = {}, set()
    for port in node.get("outputs") or ():
        _port_name(node, port, "output", found)
        if port.get("name") in outputs:
            found.append(
                "{}: output '{}' is already an output of this step. Output names must be unique.".format(
                    _label(node), port.get("name")
                )
            )
        outputs.add(port.get("name"))
        _mode(node, port, "output", OUTPUT_MODES, found)
    for port in node.get("inputs") or ():
        name = port.get("name")
        _port_name(node, port, "input", found)
        if name in inputs:
            found.append("{}: input [{}] is repeated. Input port names must be unique.".format(_label(node), name))
        elif name in outputs:
            found.append(
                "{}: '{}' is already an output of this step: an input needs another name.".format(_label(node), name)
            )
        inputs[name] = port
        _mode(node, port, "input", INPUT_MODES, found)
        _source(node, port, known, parameters, found)
    for position, argument in enumerate(node.get("arguments") or (), 1):
        _argument(node, argument, position, inputs, outputs, parameters, found)


def _port_name(node, port, what, found):
    if not is_name(port.get("name")):
        found.append(
            "{}: {} name {!r} is not valid: use letters, digits and underscores only.".format(
                _label(node), what, port.get("name")
            )
        )
    elif port.get("reference") == "dataset" and port["name"].upper() in TAKEN_VARIABLES:
        found.append(
            "{}: the {} name '{}' would overwrite the environment variable of that name. Choose another.".format(
                _label(node), what, port["name"]
            )
        )


def _mode(node, port, what, modes, found):
    if port.get("mode") not in modes:
        found.append(
            "{}: mode {!r} of {} '{}' is not known. Use {}.".format(
                _label(node), port.get("mode"), what, port.get("name"), ", ".join(modes)
            )
        )


def _source(node, port, known, parameters, found):
    source, name = port.get("source"), port.get("name")
    given = [key for key in _SOURCES if isinstance(source, dict) and source.get(key)]
    if len(given) != 1:
        found.append(
            "{}: the source of input '{}' is not valid: it must be a step's output, a path on a datastore, a dataset "
            "or a parameter.".format(_label(node), name)
        )
        return
    if given[0] == "parameter":
        parameter = parameters.get(source["parameter"])
        if parameter is None:
            found.append(_unknown_parameter(node, source["parameter"], "input '{}'".format(name)))
        elif parameter.get("type") not in ("datapath", "dataset"):
            found.append(
                "{}: input '{}' takes its data from parameter '{}', whose type is {} and not datapath or dataset.".format(
                    _label(node), name, source["parameter"], parameter.get("type")
                )
            )
    if given[0] != "node":
        return
    producer = known.get(source["node"])
    if producer is None or source.get("output") not in _output_names(producer):
        found.append(
            "{}: input '{}' uses output '{}' of {}, but no step produces it. "
            "Add it to the outputs of the step that writes it.".format(
                _label(node),
                name,
                source.get("output"),
                "node {}".format(source["node"]) if producer is None else _label(producer),
            )
        )


def _output_names(node):
    """The names of a node's outputs."""
    return {port.get("name") for port in node.get("outputs") or ()}


def _unknown_parameter(node, name, where):
    return "{}: {} uses pipeline parameter '{}', which is not declared in the graph.".format(_label(node), where, name)


def _argument(node, argument, position, inputs, outputs, parameters, found):
    where = "argument {}".format(position)
    if not isinstance(argument, dict) or len(argument) != 1:
        found.append("{}: {} is not valid: {!r}.".format(_label(node), where, argument))
        return
    ((tag, value),) = argument.items()
    if (tag == "input" and value not in inputs) or (tag == "output" and value not in outputs):
        found.append("{}: {} names {} '{}', which the step does not have.".format(_label(node), where, tag, value))
    elif tag == "parameter" and value not in parameters:
        found.append(_unknown_parameter(node, value, where))
    elif tag == "literal" and (not isinstance(value, str) or "\0" in value):
        found.append("{}: {} must be text without NUL, but is {!r}.".format(_label(node), where, value))
    elif tag == "parts":
        for part in value or ():
            _argument(node, part, position, inputs, outputs, parameters, found)
    elif tag not in ("input", "output", "parameter", "literal"):
        found.append("{}: {} is of unknown form {!r}.".format(_label(node), where, tag))


def _values(node, parameters, found):
    for name, value in (node.get("parameters") or {}).items():
        if not isinstance(value, dict) or not (isinstance(value.get("literal"), str) or "parameter" in value):
            found.append("{}: parameter '{}' must be a literal or a pipeline parameter.".format(_label(node), name))
        elif "parameter" in value and value["parameter"] not in parameters:
            found.append(_unknown_parameter(node, value["parameter"], "parameter '{}'".format(name)))


def _upstream(node):
    for port in node.get("inputs") or ():
        source = port.get("source")
        if isinstance(source, dict) and source.get("node"):
            yield source["node"]
    for before in node.get("after") or ():
        yield before


def _cycle(known):
    """The ids of the nodes of a cycle, the one at which it closes last; None when there is none. Depth first, without recursion."""
    done = {}
    for root in known:
        if root in done:
            continue
        done[root] = False
        stack = [(root, _upstream(known[root]))]
        while stack:
            node_id, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                stack.pop()
                done[node_id] = True
            elif following in known and following not in done:
                done[following] = False
                stack.append((following, _upstream(known[following])))
            elif done.get(following) is False:
                path = [at for at, _ in stack]
                return path[path.index(following) :]
    return None
