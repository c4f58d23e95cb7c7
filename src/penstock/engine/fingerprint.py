"""What makes a step's result what it is, as one canonical struct; its digest; and what differs between two. Pure.

Counted: how the step was written, the values it consumes, the bytes of its source folder and of its inputs, its environment. Not counted:
where folders lie, times, the order of files, the compute, the run, values that only other steps consume. docs/reuse.md lists both.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from json.encoder import encode_basestring_ascii
from typing import Any

from penstock.model.graph import Input, Json, Node, Output

TAG = b"penstock.step.1\n"
DECLARED = "declared"
_HOLE = "\0penstock hole\0"
_UNCOUNTED_SETTINGS = ("source_directory", "module")


def parts(node: Node, values: Mapping[str, Any], contents: Mapping[str, str], environment: str) -> Json:
    """The struct of one step. `contents`: the digest of each input by port; `environment`: that of what runs it."""
    return {
        "kind": node.kind,
        "step": node.name,
        "version": node.version,
        "settings": {k: v for k, v in node.settings.items() if k not in _UNCOUNTED_SETTINGS},
        "snapshot": node.snapshot,
        "arguments": [_argument(a, values) for a in node.arguments],
        "parameters": {name: _argument(a, values) for name, a in node.parameters.items()},
        "environment_variables": dict(node.environment_variables),
        "inputs": {i.name: {**_input(i), "contents": contents[i.name]} for i in node.inputs},
        "outputs": {o.name: _output(o) for o in node.outputs},
        "environment": environment,
    }


def fingerprint(struct: Json) -> str:
    """The digest of a struct: the same for the same, whatever the order of its keys."""
    return "sha256:" + hashlib.sha256(TAG + _canonical(struct)).hexdigest()


def module(node: Node, values: Mapping[str, Any]) -> str:
    """The digest of what is known of a step before its data and its environment are."""
    struct = parts(node, values, {i.name: "" for i in node.inputs}, "")
    return "sha256:" + hashlib.sha256(b"penstock.module.1\n" + _canonical(struct)).hexdigest()


class Recipe:
    """One step of a plan as far as it is known before its data and its environment are; these are filled in.

    The canonical text of its struct is made once, with holes: of thousands of steps that are looked up again the whole text would be made
    again each time. What comes out is what `parts`, `fingerprint` and `module` give.
    """

    def __init__(self, node: Node, values: Mapping[str, Any]) -> None:
        self._node, self._values = node, values
        self._ports = sorted(i.name for i in node.inputs)
        holed = _canonical(parts(node, values, dict.fromkeys(self._ports, _HOLE), _HOLE))
        self._pieces = holed.split(_quoted(_HOLE))
        if len(self._pieces) != len(self._ports) + 2:  # a value of its own reads like a hole
            self._pieces = []
        self.module = module(node, values)
        self._last: tuple[list[str], str] = ([], "")

    def parts(self, contents: Mapping[str, str], environment: str) -> Json:
        return parts(self._node, self._values, contents, environment)

    def fingerprint(self, contents: Mapping[str, str], environment: str) -> str:
        if not self._pieces:
            return fingerprint(self.parts(contents, environment))
        # In the order of keys: the environment comes before the inputs, and these by their names.
        filling = [environment, *[contents[p] for p in self._ports]]
        last, same = self._last
        if filling == last:
            return same
        pieces = [TAG, self._pieces[0]]
        for text, piece in zip(filling, self._pieces[1:], strict=True):
            pieces += (_quoted(text), piece)
        made = "sha256:" + hashlib.sha256(b"".join(pieces)).hexdigest()
        self._last = (filling, made)
        return made


def differences(before: Json, after: Json) -> list[tuple[str, Any, Any]]:
    """What `after` has otherwise than `before`: `(place, was, is)` each, a place being like `argument 2` or `input prepped`."""
    return list(_differences(before, after))


def sentence(place: str, was: Any, now: Any) -> str:
    """One difference in words."""
    if place in ("snapshot", "environment"):
        return f"its {'source folder' if place == 'snapshot' else place} changed"
    if place.startswith("input ") and place.endswith(" contents"):
        return f"the contents of {place.removesuffix(' contents')} changed"
    if DECLARED in (was, now):
        return f"{place} is {'new' if was is None else 'not declared any more'}"
    if was is None:
        return f"{place} is new: {_shown(now)}"
    if now is None:
        return f"{place} is gone: it was {_shown(was)}"
    return f"{place} was {_shown(was)}, is {_shown(now)}"


def named(place: str, parts: Json, parameter: str | None = None) -> str:
    """`argument 2` with the option that it is the value of, if the step's struct has one before it, and the parameter whose value it is; other
    places as they are."""
    word, _, number = place.partition(" ")
    before = int(number) - 2 if word == "argument" else -1
    arguments = parts.get("arguments") or ()
    option = arguments[before].get("value") if 0 <= before < len(arguments) else None
    more = [option] if isinstance(option, str) and option.startswith("-") else []
    more += [f"parameter {parameter}"] if parameter else []
    return f"{place} ({', '.join(more)})" if more else place


def _differences(before: Json, after: Json) -> Iterator[tuple[str, Any, Any]]:
    for key in ("kind", "step", "version", "snapshot", "environment"):
        if before.get(key) != after.get(key):
            yield ({"kind": "the kind of step", "step": "its name"}.get(key, key), before.get(key), after.get(key))
    yield from _by_place("argument", _numbered(before), _numbered(after))
    for key, word in (("settings", ""), ("parameters", "parameter"), ("environment_variables", "environment variable")):
        yield from _by_place(word, before.get(key) or {}, after.get(key) or {})
    for key, word in (("inputs", "input"), ("outputs", "output")):
        yield from _ports(word, before.get(key) or {}, after.get(key) or {})


def _numbered(struct: Json) -> Json:
    return {str(i): a for i, a in enumerate(struct.get("arguments") or (), 1)}


def _by_place(word: str, before: Json, after: Json) -> Iterator[tuple[str, Any, Any]]:
    for name in dict.fromkeys([*before, *after]):
        if before.get(name) != after.get(name):
            yield f"{word} {name}".strip(), before.get(name), after.get(name)


def _ports(word: str, before: Json, after: Json) -> Iterator[tuple[str, Any, Any]]:
    for name in dict.fromkeys([*before, *after]):
        was, now = before.get(name), after.get(name)
        if was is None or now is None:
            yield f"{word} {name}", None if was is None else DECLARED, None if now is None else DECLARED
            continue
        for key in dict.fromkeys([*was, *now]):
            if was.get(key) != now.get(key):
                yield f"{word} {name} {key}", was.get(key), now.get(key)


def _argument(argument: Json, values: Mapping[str, Any]) -> Json:
    """An argument with the value it has in this run; ports by their names, as what they hold counts with the ports."""
    ((key, value),) = argument.items()
    if key == "parts":
        return {"parts": [_argument(part, values) for part in value]}
    if key == "parameter":
        return {"value": values[value]}
    return {"value": value} if key == "literal" else {key: value}


def _input(port: Input) -> Json:
    return {
        "mode": port.mode,
        "reference": port.reference,
        "path_on_compute": port.path_on_compute,
        "transform": list(port.transform),
    }


def _output(port: Output) -> Json:
    return {
        "mode": port.mode,
        "reference": port.reference,
        "datastore": port.datastore,
        "is_directory": port.is_directory,
        "destination": port.destination,
        "register": port.raw.get("register"),
    }


def _shown(value: Any) -> str:
    """A value as people read it, not too long of it."""
    if isinstance(value, dict) and len(value) == 1:
        ((key, inner),) = value.items()
        if key == "value":
            return _shown(inner)
        if key in ("input", "output"):
            return f"{key} {inner}"
    text = repr(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= 80 else text[:77] + "…"


def _quoted(text: str) -> bytes:
    return encode_basestring_ascii(text).encode()


def _canonical(struct: Json) -> bytes:
    return json.dumps(struct, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
