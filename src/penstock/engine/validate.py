"""All that is wrong with a graph, at once, before anything is kept. Pure; the cases shared with the SDK are in tests/contract/cases."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import Any

from penstock.model.errors import Problem
from penstock.model.graph import INPUT_MODES, MAX_RETRIES, OUTPUT_MODES, PARAMETER_TYPES, RETRY_ON, Json

_NODE_ID = re.compile(r"[0-9a-f]{8}\Z")
_PORT = re.compile(r"\w+\Z")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
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
_CONVERT: dict[str, Callable[[str], object]] = {"int": int, "float": float}


def problems(graph: Any) -> list[Problem]:
    """Every problem of `graph` (as JSON); an empty list means `Graph.from_json` will take it."""
    if not isinstance(graph, dict):
        return [_problem("The graph is not a JSON object. Send one, as docs/graph.md says.", "graph")]
    if graph.get("schema") != 1:
        said = graph.get("schema")
        return [
            _problem(f"The graph's schema is {said!r}; this server reads schema 1. Use a matching SDK.", "graph.schema")
        ]
    nodes = graph.get("nodes")
    if not isinstance(nodes, list) or not nodes:
        return [_problem("The graph has no nodes. A pipeline needs at least one step.", "graph.nodes")]
    found = list(_parameters(graph))
    found += [p for i, node in enumerate(nodes) for p in _shape(i, node)]
    if not all(_is_whole(node) for node in nodes):
        return found
    return [*found, *_references(graph), *cycle(nodes)]


def _is_whole(node: Any) -> bool:
    """Whether what refers to other parts of the graph can be followed."""
    if not isinstance(node, dict) or not isinstance(node.get("id"), str) or not isinstance(node.get("name"), str):
        return False
    ports = [*(node.get("inputs") or ()), *(node.get("outputs") or ())]
    sources = [p.get("source") for p in node.get("inputs") or () if isinstance(p, dict)]
    return all(isinstance(p, dict) and "name" in p for p in ports) and all(isinstance(s, dict) for s in sources)


def _problem(message: str, target: str) -> Problem:
    return Problem(message, target, "InvalidGraph")


def _parameters(graph: Json) -> Iterator[Problem]:
    seen: set[str] = set()
    for i, p in enumerate(graph.get("parameters") or ()):
        where = f"graph.parameters[{i}]"
        if not isinstance(p, dict) or not isinstance(p.get("name"), str) or not p["name"]:
            yield _problem(f"Parameter {i + 1} has no name. Give it one.", where)
            continue
        name = p["name"]
        if name in seen:
            yield _problem(f"Pipeline parameter '{name}' is defined twice. Define it once.", where)
        seen.add(name)
        if p.get("type") not in PARAMETER_TYPES:
            yield _problem(
                f"Pipeline parameter '{name}' has unknown type {p.get('type')!r}. Use one of {', '.join(PARAMETER_TYPES)}.",
                where,
            )
        elif complaint := value_problem(name, p["type"], p.get("default")):
            yield _problem(complaint, where)


def value_problem(name: str, kind: str, value: Any) -> str | None:
    """Why `value` cannot be a value of parameter `name` of type `kind`, or None."""
    if kind == "datapath":
        return _path_problem(name, value)
    if kind == "dataset":
        good = isinstance(value, dict) and isinstance(value.get("dataset"), str)
        return (
            None if good else f"Pipeline parameter '{name}' is of type dataset; give {{'dataset': id}}, not {value!r}."
        )
    if not isinstance(value, str):
        return f"Pipeline parameter '{name}': the value must be text, not {type(value).__name__}. Send str(value)."
    if kind == "bool" and value.lower() not in ("true", "false"):
        return f"Expected type of the pipeline parameter {name} is bool, but the value {value} does not convert. Use True or False."
    if kind == "int" and value in ("True", "False"):
        return None  # a bool is an int, as in Python
    if kind in _CONVERT:
        try:
            _CONVERT[kind](value)
        except ValueError:
            return f"Expected type of the pipeline parameter {name} is {kind}, but the value {value} does not convert. Give a value of that type."
    return None


def _path_problem(name: str, value: Any) -> str | None:
    given = value if isinstance(value, dict) else {}
    store, path = given.get("datastore"), given.get("path")
    if not isinstance(store, str) or not isinstance(path, str | None):
        return f"Pipeline parameter '{name}' is of type datapath; give {{'datastore', 'path'}}, not {value!r}."
    if path and (".." in re.split(r"[/\\]", path) or "\0" in path):
        return f"Pipeline parameter '{name}' leads out of the datastore: {path!r}. Give a path below it, without '..'."
    return None


def _shape(i: int, node: Any) -> Iterator[Problem]:
    where = f"graph.nodes[{i}]"
    if not isinstance(node, dict):
        yield _problem(f"Node {i + 1} is not a JSON object.", where)
        return
    name = node.get("name")
    if not isinstance(name, str) or not 1 <= len(name) <= 255 or "\0" in name:
        yield _problem(f"Node {i + 1} has the name {name!r}. A step's name is 1 to 255 characters without NUL.", where)
        return
    if not isinstance(node.get("id"), str) or not _NODE_ID.match(node["id"]):
        yield _problem(
            f"Step '{name}' has the node id {node.get('id')!r}. An id is 8 lowercase hexadecimal digits.", where
        )
    if not isinstance(node.get("kind"), str) or not node["kind"]:
        yield _problem(f"Step '{name}' has no kind. Name the step kind.", where)
    if node.get("snapshot") is not None and not _DIGEST.match(str(node["snapshot"])):
        yield _problem(f"Step '{name}' names the snapshot {node['snapshot']!r}, which is no sha256 digest.", where)
    yield from _ports(name, node, "input", INPUT_MODES, where)
    yield from _ports(name, node, "output", OUTPUT_MODES, where)
    yield from _limits(name, node, where)


def _limits(step: str, node: Json, where: str) -> Iterator[Problem]:
    """What is wrong with a step's time limit and with what it says of being tried again."""
    seconds, retry = node.get("timeout_seconds"), node.get("retry")
    if seconds is not None and not (_is_number(seconds) and seconds > 0):
        yield _problem(f"Step '{step}': timeout_seconds is {seconds!r}. Give a number of seconds above 0.", where)
    age = node.get("max_age_seconds")
    if age is not None and not (_is_number(age) and age >= 0):
        yield _problem(f"Step '{step}': max_age_seconds is {age!r}. Give a number of seconds from 0 on.", where)
    if retry is None:
        return
    if not isinstance(retry, dict):
        yield _problem(f"Step '{step}': retry is {retry!r}. Give {{'count', 'backoff_seconds', 'on'}}.", where)
        return
    count, backoff, on = (retry.get(k) for k in ("count", "backoff_seconds", "on"))
    if count is not None and not (_is_number(count) and int(count) == count and 0 <= count <= MAX_RETRIES):
        yield _problem(
            f"Step '{step}': the count of retries is {count!r}. Give a whole number from 0 to {MAX_RETRIES}.", where
        )
    if backoff is not None and not (_is_number(backoff) and backoff >= 0):
        yield _problem(
            f"Step '{step}': backoff_seconds of its retries is {backoff!r}. Give a number of seconds from 0 on.", where
        )
    if on is not None and on not in RETRY_ON:
        yield _problem(f"Step '{step}': it is to be tried again on {on!r}. Use one of {', '.join(RETRY_ON)}.", where)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _ports(step: str, node: Json, direction: str, modes: tuple[str, ...], where: str) -> Iterator[Problem]:
    seen: set[str] = set()
    for port in node.get(direction + "s") or ():
        name = port.get("name") if isinstance(port, dict) else port
        if not isinstance(name, str) or not _PORT.match(name):
            yield _problem(
                f"Step '{step}': the {direction} name {name!r} is invalid. Use letters, digits and underscores only.",
                where,
            )
            continue
        if name in seen:
            yield _problem(
                f"Step '{step}': the {direction} [{name}] is repeated. {direction.title()} port names must be unique.",
                where,
            )
        seen.add(name)
        if port.get("reference") == "dataset" and name.upper() in TAKEN_VARIABLES:
            text = f"Step '{step}': the {direction} name '{name}' would overwrite the environment variable of that name. Choose another."
            yield _problem(text, where)
        if (port.get("mode") or "mount") not in modes:
            yield _problem(
                f"Step '{step}': {direction} '{name}' has mode {port['mode']!r}. Use one of {', '.join(modes)}.", where
            )
        destination = str(port.get("destination") or "")
        if ".." in destination.replace("\\", "/").split("/") or "\0" in destination:
            text = f"Step '{step}': the destination {destination!r} of output '{name}' leads out of its datastore. Use a path below it."
            yield _problem(text, where)
        if direction == "input" and not isinstance(port.get("source"), dict):
            yield _problem(
                f"Step '{step}': input '{name}' has no source. Connect it to an output, a path or a dataset.", where
            )


def _references(graph: Json) -> Iterator[Problem]:
    """What one part of the graph says of another: producers, parameters, ports in arguments."""
    nodes: dict[str, Json] = {}
    for node in graph["nodes"]:
        if node["id"] in nodes:
            yield _problem(
                f"Node id '{node['id']}' is used twice, by '{nodes[node['id']]['name']}' and '{node['name']}'.",
                "graph.nodes",
            )
        nodes[node["id"]] = node
    ports = {i: {o["name"] for o in n.get("outputs") or ()} for i, n in nodes.items()}
    parameters = {
        p["name"]: str(p.get("type")) for p in graph.get("parameters") or () if isinstance(p, dict) and "name" in p
    }
    for node in graph["nodes"]:
        for port in node.get("inputs") or ():
            if port["name"] in ports[node["id"]]:
                text = f"Step '{node['name']}': the name '{port['name']}' is already that of an output. Port names must be unique in a step."
                yield _problem(text, node["id"])
            yield from _source(node["name"], port, ports, parameters)
        for other in node.get("after") or ():
            if other not in nodes:
                yield _problem(
                    f"Step '{node['name']}' is to run after node '{other}', which is not in the graph. Add that step.",
                    node["id"],
                )
        for key, value in (node.get("parameters") or {}).items():
            yield from _parameter_used(node["name"], value, parameters, f"parameter '{key}'")
        for position, argument in enumerate(node.get("arguments") or (), 1):
            yield from _argument(node, position, argument, parameters)


def _source(step: str, port: Json, ports: dict[str, set[str]], parameters: dict[str, str]) -> Iterator[Problem]:
    source, name = port["source"], port["name"]
    if "node" in source:
        if source["node"] not in ports or source.get("output") not in ports[source["node"]]:
            said = source.get("output") or name
            yield _problem(
                f"Step '{step}': input '{name}' uses output '{said}', but no step produces it. "
                f"Add outputs=[{said}] to the step that writes it.",
                step,
            )
    elif "parameter" in source:
        yield from _parameter_used(step, source, parameters, f"input '{name}'")
        kind = parameters.get(source["parameter"], "datapath")
        if kind not in ("datapath", "dataset"):
            text = f"Step '{step}': input '{name}' takes parameter '{source['parameter']}' of type {kind}. Only a datapath or dataset holds data."
            yield _problem(text, step)
    elif not ("datastore" in source or "dataset" in source):
        yield _problem(
            f"Step '{step}': input '{name}' has a source that is neither an output, a path, a dataset nor a parameter.",
            step,
        )


def _parameter_used(step: str, value: Any, parameters: dict[str, str], what: str) -> Iterator[Problem]:
    if isinstance(value, dict) and "parameter" in value and value["parameter"] not in parameters:
        yield _problem(
            f"Step '{step}': {what} uses pipeline parameter '{value['parameter']}', which the graph does not define.",
            step,
        )


def _argument(node: Json, position: int, argument: Any, parameters: dict[str, str]) -> Iterator[Problem]:
    step = node["name"]
    if not isinstance(argument, dict) or len(argument) != 1:
        yield _problem(
            f"Step '{step}': argument {position} is not one of literal, input, output, parameter, parts.", step
        )
        return
    ((key, value),) = argument.items()
    if key in ("input", "output"):
        if value not in {p["name"] for p in node.get(key + "s") or ()}:
            yield _problem(
                f"Step '{step}': argument {position} uses {key} '{value}', which is not among the step's {key}s. Add it to {key}s=[…].",
                step,
            )
    elif key == "parameter":
        yield from _parameter_used(step, argument, parameters, f"argument {position}")
    elif key == "parts":
        for part in value:
            yield from _argument(node, position, part, parameters)
    elif key != "literal":
        yield _problem(f"Step '{step}': argument {position} is of unknown kind '{key}'.", step)
    elif "\0" in str(value):
        yield _problem(
            f"Step '{step}': argument {position} holds a NUL character, which no command line can carry. Remove it.",
            step,
        )


def cycle(nodes: list[Json]) -> list[Problem]:
    """One problem naming a step on a cycle, or nothing. Linear in nodes and edges."""
    upstream = {n["id"]: _upstream(n) for n in nodes}
    waiting = {i: len([u for u in us if u in upstream]) for i, us in upstream.items()}
    downstream: dict[str, list[str]] = {}
    for i, us in upstream.items():
        for u in us:
            downstream.setdefault(u, []).append(i)
    ready = [i for i, n in waiting.items() if n == 0]
    done = 0
    while ready:
        done += 1
        for i in downstream.get(ready.pop(), ()):
            waiting[i] -= 1
            if waiting[i] == 0:
                ready.append(i)
    if done == len(upstream):
        return []
    stuck = next(n for n in nodes if waiting[n["id"]])
    text = (
        f"Cycle detected including node {stuck['name']}({stuck['id']}). Remove one of the edges that lead back to it."
    )
    return [_problem(text, stuck["id"])]


def _upstream(node: Json) -> set[str]:
    return {i["source"]["node"] for i in node.get("inputs") or () if "node" in i["source"]} | set(
        node.get("after") or ()
    )
