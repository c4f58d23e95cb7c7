"""The drawn graph of a pipeline run: its steps with their statuses, alike ones in one box. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from penstock.server.studio.layout import Box, Line, lay_out
from penstock.server.studio.wording import TONES, badge, cut

Json = dict[str, Any]
TWINS = 7
"""So many steps with the same neighbours share one box."""
MOST_BOXES = 1500
NAME_LETTERS = 20
NAMED_WAITS = 3
"""So many of the steps that a step waits for are named."""


@dataclass(frozen=True)
class GraphBox:
    """One step, or many alike, as drawn."""

    x: float
    y: float
    width: float
    height: float
    name: str
    full_name: str
    tone: str
    note: str
    href: str


@dataclass(frozen=True)
class GraphLine:
    """One edge as an SVG path; its tone is its source's."""

    path: str
    title: str
    is_done: bool


@dataclass(frozen=True)
class GraphDrawing:
    width: float
    height: float
    boxes: tuple[GraphBox, ...]
    lines: tuple[GraphLine, ...]
    words: str


def draw(graph: Json, steps: Sequence[Json], href: Callable[[str], str]) -> GraphDrawing | None:
    """The drawing of `graph` with the steps' statuses, or without steps their kinds; None when there is nothing to see in it."""
    nodes: list[Json] = graph.get("nodes") or []
    if len(nodes) < 2:
        return None
    edges = _edges(nodes)
    leader = _leaders([n["id"] for n in nodes], edges)
    members: dict[str, list[str]] = {}
    for node_id, first in leader.items():
        members.setdefault(first, []).append(node_id)
    if len(members) > MOST_BOXES:
        return None
    merged: dict[tuple[str, str], list[str]] = {}
    for (source, target), flows in edges.items():
        merged.setdefault((leader[source], leader[target]), []).extend(flows)
    drawing = lay_out(list(members), list(merged))
    by_node = {s.get("node"): s for s in steps}
    names = {n["id"]: str(n["name"]) for n in nodes}
    kinds = {n["id"]: str(n.get("step_type") or "Not started") for n in nodes} if not steps else {}
    boxes = tuple(_box(b, members[b.id], names, kinds, by_node, href) for b in drawing.boxes)
    done = {b.id: g.tone == "ok" for b, g in zip(drawing.boxes, boxes, strict=True)}
    lines = tuple(
        GraphLine(_path(line), ", ".join(dict.fromkeys(merged[line.source, line.target])), done[line.source])
        for line in drawing.lines
    )
    words = f"Graph of {len(nodes)} steps; the table of steps says the same."
    return GraphDrawing(drawing.width, drawing.height, boxes, lines, words)


def waits(graph: Json, steps: Sequence[Json]) -> dict[str, str]:
    """By run id, what each step that has not started waits for."""
    names = {s.get("node"): str(s["name"]) for s in steps if s["status"] != "Completed"}
    above: dict[str, list[str]] = {}
    for source, target in _edges(graph.get("nodes") or []):
        if source in names:
            above.setdefault(target, []).append(names[source])
    return {s["id"]: _wait(above.get(s.get("node") or "", [])) for s in steps if s["status"] == "NotStarted"}


def _wait(names: list[str]) -> str:
    if not names:
        return "waiting for a free slot"
    more = f" and {len(names) - NAMED_WAITS} more" if len(names) > NAMED_WAITS else ""
    return f"waiting for: {', '.join(names[:NAMED_WAITS])}{more}"


def _edges(nodes: Sequence[Json]) -> dict[tuple[str, str], list[str]]:
    """Who feeds whom, with the names of what flows."""
    found: dict[tuple[str, str], list[str]] = {}
    known = {n["id"] for n in nodes}
    for node in nodes:
        for port in node.get("inputs") or []:
            source = port.get("source") or {}
            if source.get("node") in known:
                found.setdefault((source["node"], node["id"]), []).append(str(source.get("output") or port["name"]))
        for before in node.get("after") or []:
            if before in known:
                found.setdefault((before, node["id"]), [])
    return found


def _leaders(nodes: Sequence[str], edges: dict[tuple[str, str], list[str]]) -> dict[str, str]:
    """For each node the one that stands for it: the first with the same neighbours when there are many such."""
    above: dict[str, list[str]] = {n: [] for n in nodes}
    below: dict[str, list[str]] = {n: [] for n in nodes}
    for source, target in edges:
        below[source].append(target)
        above[target].append(source)
    alike: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for node in nodes:
        alike.setdefault((tuple(sorted(above[node])), tuple(sorted(below[node]))), []).append(node)
    return {n: (group[0] if len(group) >= TWINS else n) for group in alike.values() for n in group}


def _box(
    box: Box,
    members: list[str],
    names: dict[str, str],
    kinds: dict[str, str],
    by_node: dict[Any, Json],
    href: Callable[[str], str],
) -> GraphBox:
    steps = [by_node[m] for m in members if m in by_node]
    statuses = Counter(s["status"] for s in steps)
    name = names[members[0]]
    if len(members) > 1:
        done = statuses["Completed"]
        full, shown = _shared_name([names[m] for m in members])
        note = f"{done} of {len(members)} completed" if not kinds else kinds[members[0]]
        target = "#steps"
    else:
        full, shown = name, cut(name, NAME_LETTERS)
        note = _note(steps[0]) if steps else kinds.get(members[0], "Not started")
        target = href(steps[0]["id"]) if steps else ""
    return GraphBox(box.x, box.y, box.width, box.height, shown, full, _tone(statuses), note, target)


def _note(step: Json) -> str:
    is_reused = (step.get("properties") or {}).get("azureml.isreused") == "true"
    return "Reused" if is_reused else badge(step["status"]).word


def _shared_name(names: list[str]) -> tuple[str, str]:
    """What a box of many is called in full, and in the width of a box: the first and the last, or how many."""
    first, last, count = names[0], names[-1], len(names)
    if first == last:
        return f"{first}, {count} times", f"{cut(first, NAME_LETTERS - 6)} × {count}"
    full = f"{first} … {last}"
    stem, number = re.fullmatch(r"(.*?)(\d*)", last, re.DOTALL).groups()  # type: ignore[union-attr]
    short = f"{first} … {number}" if number and first.startswith(stem) else full
    fitting = [t for t in (full, short) if len(t) <= NAME_LETTERS]
    return f"{full}: {count} steps", fitting[0] if fitting else f"{cut(first, NAME_LETTERS - 6)} × {count}"


def _tone(statuses: Counter[str]) -> str:
    """The tone that matters most among the members'."""
    tones = {TONES.get(s, "wait") for s in statuses}
    for tone in ("bad", "busy", "stopping", "stopped", "wait"):
        if tone in tones:
            return tone
    return "ok" if tones else "wait"


def _path(line: Line) -> str:
    """A path through the points: straight along boxes, curved between layers, both ends upright."""
    (x, y), *rest = line.points
    parts = [f"M{x:g} {y:g}"]
    for i, (to_x, to_y) in enumerate(rest):
        if i % 2 == 1:
            parts.append(f"L{to_x:g} {to_y:g}")
        else:
            middle = (y + to_y) / 2
            parts.append(f"C{x:g} {middle:g} {to_x:g} {middle:g} {to_x:g} {to_y:g}")
        x, y = to_x, to_y
    return "".join(parts)
