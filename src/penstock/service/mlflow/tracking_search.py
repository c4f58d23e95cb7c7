"""MLflow's search of runs: `metrics.rmse < 1 and tags.team = 'a'`, and orders such as `metrics.rmse DESC`. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from penstock.model.errors import BadRequest

Json = dict[str, Any]
Test = Callable[[Json], bool]
_KINDS = {
    **dict.fromkeys(("metric", "metrics"), "metrics"),
    **dict.fromkeys(("param", "params", "parameter", "parameters"), "params"),
    **dict.fromkeys(("tag", "tags"), "tags"),
    **dict.fromkeys(("attribute", "attributes", "attr", "run"), "info"),
}
_ALIASES = {
    "Run ID": "run_id",
    "run name": "run_name",
    "Run name": "run_name",
    "created": "start_time",
    "user": "user_id",
}
_TOKEN = re.compile(
    r"""\s*(?:(?P<key>(?:\w+\.)?(?:`[^`]+`|"[^"]+"(?=\s*(?:[=<>!]|\b(?:i?like|in|not|is)\b))|[\w./-]+))"""
    r"""\s*(?P<op>!=|<=|>=|=|<|>|\b(?:not\s+in|in|i?like|is\s+not\s+null|is\s+null)\b)\s*"""
    r"""(?P<value>\([^)]*\)|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[-+.\w]+)?)""",
    re.IGNORECASE,
)
_AND = re.compile(r"\s+and\s+", re.IGNORECASE)
_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"")


def parse(text: str) -> Test:
    """Whether a run fits; BadRequest names what cannot be read."""
    tests, place, text = [], 0, (text or "").strip()
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            raise _unreadable(text[place:])
        tests.append(_test(found["key"], re.sub(r"\s+", " ", found["op"].lower()), found["value"], text[place:]))
        place = found.end()
        joint = _AND.match(text, place)
        if joint is None and text[place:].strip():
            raise _unreadable(text[place:].strip())
        place = joint.end() if joint else len(text)
    return lambda run: all(test(run) for test in tests)


def ordered(found: Sequence[Json], order: Sequence[str]) -> list[Json]:
    """By each of `order`, then newest first. A run without the value comes last."""
    rows = sorted(found, key=lambda r: -int(r["info"]["start_time"]))
    for entry in reversed(order):
        words = re.fullmatch(r"\s*(.+?)(?:\s+(asc|desc))?\s*", entry, re.IGNORECASE)
        if words is None:
            raise _unreadable(entry)
        kind, key = _split(words[1])
        descends = (words[2] or "asc").lower() == "desc"
        having = [r for r in rows if _value(r, kind, key) is not None]
        having.sort(key=lambda r: _value(r, kind, key), reverse=descends)
        rows = having + [r for r in rows if _value(r, kind, key) is None]
    return rows


def _split(text: str) -> tuple[str, str]:
    """`metrics.\\`a b\\`` as ("metrics", "a b"); a bare name is an attribute."""
    head, _, rest = text.partition(".")
    kind, key = (_KINDS[head], rest) if rest and head in _KINDS else ("info", text)
    key = key[1:-1] if key[:1] in '`"' and key[-1:] == key[:1] else key
    return kind, _ALIASES.get(key, key) if kind == "info" else key


def _value(run: Json, kind: str, key: str) -> Any:
    if kind == "info":
        return run["info"].get(key)
    found = next((e["value"] for e in run["data"][kind] if e["key"] == key), None)
    return float(found) if kind == "metrics" and found is not None else found


def _test(name: str, op: str, raw: str | None, text: str) -> Test:
    kind, key = _split(name)
    if op in ("is null", "is not null"):
        return lambda run: (_value(run, kind, key) is None) == (op == "is null")
    if raw is None:
        raise _unreadable(text)
    wanted = _wanted(kind, key, op, raw, text)
    compare = _COMPARE[op]
    return lambda run: (value := _value(run, kind, key)) is not None and compare(value, wanted)


def _wanted(kind: str, key: str, op: str, raw: str, text: str) -> Any:
    if op in ("in", "not in"):
        return [a or b for a, b in _QUOTED.findall(raw)]
    quoted = _QUOTED.fullmatch(raw)
    is_number = kind == "metrics" or (kind == "info" and key.endswith("_time"))
    try:
        if is_number and not quoted:
            return float(raw)
    except ValueError:
        pass
    if is_number or quoted is None:
        what = "a number" if is_number else "a value in quotes"
        raise BadRequest(f"The filter {text!r} cannot be read: {name_of(kind, key)} is compared with {what}.")
    return re.sub(r"\\(.)", r"\1", quoted[1] if quoted[1] is not None else quoted[2])


def name_of(kind: str, key: str) -> str:
    return f"{'attributes' if kind == 'info' else kind}.{key}"


def _like(flags: int) -> Callable[[Any, Any], bool]:
    def fits(value: Any, pattern: Any) -> bool:
        parts = [".*" if c == "%" else "." if c == "_" else re.escape(c) for c in str(pattern)]
        return re.fullmatch("".join(parts), str(value), flags | re.DOTALL) is not None

    return fits


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "in": lambda a, b: a in b,
    "not in": lambda a, b: a not in b,
    "like": _like(0),
    "ilike": _like(re.IGNORECASE),
}


def _unreadable(text: str) -> BadRequest:
    return BadRequest(
        f"The filter cannot be read at {text[:60]!r}. Write, for example: metrics.rmse < 1 and params.model = 'tree'"
    )
