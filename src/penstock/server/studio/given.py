"""What a run was given: values by name, and the arguments of a step's script. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Pair:
    name: str
    value: str
    href: str = ""


@dataclass(frozen=True)
class ArgumentRow:
    """One argument, with the option before it; `origin`: the parameter that gave its value, or that it is a path."""

    option: str
    value: str
    origin: str


def pairs(values: Json | None) -> tuple[Pair, ...]:
    """Names with their values as text."""
    return tuple(Pair(str(name), _plain(value)) for name, value in (values or {}).items())


def argument_rows(graph: Json, node_id: str | None, values: Mapping[str, Any]) -> tuple[ArgumentRow, ...]:
    """The arguments of a step in order, with the `values` that the run's parameters had."""
    node = next((n for n in graph.get("nodes") or () if n["id"] == node_id), None)
    known = {p["name"]: p.get("default") for p in graph.get("parameters") or ()} | {**values}
    return tuple(_rows(node.get("arguments") or (), known)) if node else ()


def _rows(arguments: Any, known: Mapping[str, Any]) -> Iterator[ArgumentRow]:
    option = ""
    for argument in arguments:
        value, origin = _value(argument, known)
        is_option = not origin and value.startswith("-") and not value[1:2].isdigit()
        if option and is_option:
            yield ArgumentRow(option, "", "")
        if is_option:
            option = value
            continue
        yield ArgumentRow(option, value, origin)
        option = ""
    if option:
        yield ArgumentRow(option, "", "")


def _value(argument: Json, known: Mapping[str, Any]) -> tuple[str, str]:
    """An argument as text, and where it comes from; of a port its name, for its path is another in each run."""
    ((kind, content),) = argument.items()
    if kind == "parts":
        found = [_value(part, known) for part in content]
        return "".join(text for text, _ in found), ", ".join(dict.fromkeys(origin for _, origin in found if origin))
    if kind == "parameter":
        return _plain(known.get(content)), f"parameter {content}"
    if kind in ("input", "output"):
        return str(content), f"path of this {kind}"
    return _plain(content), ""


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        if "datastore" in value:
            return f"{value['datastore']}/{value.get('path') or ''}"
        return str(value.get("dataset") or value)
    return "" if value is None else str(value)
