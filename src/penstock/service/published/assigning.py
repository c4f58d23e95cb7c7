"""Values given to the parameters of a published pipeline: as the engine takes them, or all that is wrong with them.

Knows the types of parameters and registered datasets; must not know who asks or how one is submitted.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from typing import Any

from penstock.engine.validate import value_problem
from penstock.model.errors import NotFound, Problem, WrongParameters
from penstock.model.graph import Graph, Parameter
from penstock.service.assets.datasets import Datasets

Json = dict[str, Any]
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_VERSION = re.compile(r"(?P<name>.+):(?P<version>[0-9]{1,9}|latest)\Z", re.DOTALL)


def assigned(graph: Graph, given: Json, unknown: Callable[[str], str], datasets: Datasets, workspace: str) -> Json:
    """Values as the engine takes them; WrongParameters otherwise. `unknown` says why there is no parameter of that name.

    Text will do for each type: `datastore/path` for a datapath; for a dataset its id, or its name as `name` or `name:version`.
    """
    known = {p.name: p for p in graph.parameters}
    values: Json = {}
    found: list[Problem] = []
    for name, value in given.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            found.append(Problem(unknown(name) + (f" Did you mean '{near[0]}'?" if near else ""), name))
            continue
        try:
            values[name] = _value(known[name].type, value, datasets, workspace)
        except NotFound as error:
            found.append(Problem(f"Pipeline parameter '{name}': {error.message}", name))
            continue
        if complaint := value_problem(name, known[name].type, values[name]):
            found.append(Problem(complaint, name))
    if found:
        raise WrongParameters(tuple(found), tuple(_described(p, graph) for p in graph.parameters))
    return values


def as_text(value: Any) -> Any:
    """A JSON number or truth value as the SDK sends it; anything else as it is, to be complained of."""
    if isinstance(value, bool | int):
        return str(value)
    return repr(value) if isinstance(value, float) else value


def _value(kind: str, given: Any, datasets: Datasets, workspace: str) -> Any:
    if kind not in ("datapath", "dataset"):
        return as_text(given)
    if not isinstance(given, str):
        return given
    if kind == "datapath":
        store, _, path = given.partition("/")
        return {"datastore": store, "path": path}
    if _ID.match(given):
        return {"dataset": given}
    named = _VERSION.match(given)
    if named is None or named["version"] == "latest":
        return {"dataset": datasets.find(workspace, named["name"] if named else given)["id"]}
    return {"dataset": datasets.find(workspace, named["name"], int(named["version"]))["id"]}


def without_effect(graph: Graph, given: Json) -> list[str]:
    """A warning for each of these parameters that no step uses."""
    names = [name for name in given if name in graph.unused]
    return [f"No step uses the pipeline parameter '{name}': the value given for it had no effect." for name in names]


def _described(parameter: Parameter, graph: Graph) -> Problem:
    """A parameter among the details of an error: its name, type and default, and whether no step uses it."""
    default = parameter.default
    if isinstance(default, dict):
        default = default.get("dataset") or f"{default.get('datastore')}/{default.get('path') or ''}"
    unused = ", no step uses it" if parameter.name in graph.unused else ""
    return Problem(f"{parameter.type}, default {default}{unused}", parameter.name, "Parameter")
