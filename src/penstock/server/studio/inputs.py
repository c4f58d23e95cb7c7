"""What a run reads, as rows of its page. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
SHOWN_STEPS, SHOWN_PATHS = 3, 3


@dataclass(frozen=True)
class InputRow:
    """`what` it is, `place`: where that lies, `used_by`: the steps of a pipeline run that read it, `changed`: that its files are others now."""

    name: str
    what: str
    place: str
    used_by: str
    changed: str


def input_rows(inputs: Sequence[Json], of_pipeline: bool) -> tuple[InputRow, ...]:
    """The rows, in the graph's order."""
    return tuple(
        InputRow(
            str(each["name"]),
            _what(each) + (f" (parameter {each['parameter']})" if each["parameter"] else ""),
            _place(each),
            f"read by {_some(list(dict.fromkeys(each['steps'])), SHOWN_STEPS)}" if of_pipeline else "",
            str(each["drift"] or ""),
        )
        for each in inputs
    )


def _what(each: Json) -> str:
    source, dataset = each["source"], each["dataset"]
    if "node" in source:
        return f"output {source['output']} of {source['step']}"
    if dataset is None:
        return "path on a datastore" if "datastore" in source else "nothing"
    if dataset["name"] is None:
        return f"dataset {dataset['id'][:8]}, not registered"
    return f"dataset {dataset['name']}, version {dataset['version']}"


def _place(each: Json) -> str:
    paths = each["dataset"]["paths"] if each["dataset"] else [p for p in [each["source"]] if "datastore" in p]
    return _some([_address(p) for p in paths], SHOWN_PATHS)


def _address(path: Json) -> str:
    return str(path["url"]) if "url" in path else f"{path['datastore']}/{str(path.get('path') or '').strip('/')}"


def _some(texts: list[str], most: int) -> str:
    left = len(texts) - most
    return ", ".join(texts[:most]) + (f" and {left} more" if left > 0 else "")
