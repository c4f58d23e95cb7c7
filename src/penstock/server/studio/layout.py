"""A layered drawing of a graph: where boxes go and how lines run between them. Pure; knows no runs and no SVG elements.

Layers by longest path, long edges bent through invisible boxes, crossings lessened by barycentre sweeps, boxes pulled
towards their neighbours by isotonic regression. Linear but for sorting. Cycles do no harm: their back edges are drawn upward.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

BOX_WIDTH, BOX_HEIGHT = 208.0, 54.0
COLUMN_GAP, LAYER_GAP, MARGIN = 28.0, 46.0, 12.0
BEND_WIDTH = 18.0
SWEEPS = 4


@dataclass(frozen=True)
class Box:
    """One node: its upper left corner."""

    id: str
    x: float
    y: float
    width: float = BOX_WIDTH
    height: float = BOX_HEIGHT


@dataclass(frozen=True)
class Line:
    """One edge: the points it runs through, from its source's lower edge to its target's upper edge."""

    source: str
    target: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Drawing:
    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class _Item:
    """A box or a bend of a long edge, in one layer."""

    key: tuple[str, ...]
    layer: int

    @property
    def width(self) -> float:
        return BOX_WIDTH if len(self.key) == 1 else BEND_WIDTH


class _Sheet:
    """Layers of items and who is linked to whom above and below."""

    def __init__(self, layers: dict[str, int]) -> None:
        n_layers = max(layers.values(), default=-1) + 1
        self.rows: list[list[_Item]] = [[] for _ in range(n_layers)]
        self.above: dict[_Item, list[_Item]] = {}
        self.below: dict[_Item, list[_Item]] = {}
        self.items = {node: self.add(_Item((node,), layer)) for node, layer in layers.items()}

    def add(self, item: _Item) -> _Item:
        self.rows[item.layer].append(item)
        self.above[item], self.below[item] = [], []
        return item

    def link(self, source: str, target: str) -> list[_Item]:
        """The items from `source` to `target`, bends in every layer between."""
        first, last = self.items[source], self.items[target]
        step = 1 if last.layer > first.layer else -1
        bends = [self.add(_Item((source, target, str(i)), i)) for i in range(first.layer + step, last.layer, step)]
        chain = [first, *bends, last]
        for one, other in pairwise(chain):
            if one.layer == other.layer:  # only in a cycle
                continue
            upper, lower = sorted((one, other), key=lambda i: i.layer)
            self.below[upper].append(lower)
            self.above[lower].append(upper)
        return chain


def lay_out(nodes: Sequence[str], edges: Sequence[tuple[str, str]]) -> Drawing:
    """The drawing of `nodes` and `edges`; edges to unknown nodes, to oneself and repeated ones are left out."""
    known = set(nodes)
    links = [e for e in dict.fromkeys(edges) if e[0] in known and e[1] in known and e[0] != e[1]]
    order = list(dict.fromkeys(nodes))
    sheet = _Sheet(_layers(order, links))
    chains = {link: sheet.link(*link) for link in links}
    _sort_rows(sheet)
    centres = _centres(sheet)
    return _drawing(sheet, order, chains, centres)


def _layers(nodes: Sequence[str], links: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Each node's layer: one below its lowest upstream node."""
    below: dict[str, list[str]] = {n: [] for n in nodes}
    waiting = dict.fromkeys(nodes, 0)
    for source, target in links:
        below[source].append(target)
        waiting[target] += 1
    layer = dict.fromkeys(nodes, 0)
    ready = [n for n in nodes if not waiting[n]]
    placed = set(ready)
    while len(placed) < len(waiting) or ready:
        if not ready:  # a cycle: break it at the first node still waiting
            ready = [next(n for n in nodes if n not in placed)]
            placed.update(ready)
        for node in (wave := ready):
            for down in below[node]:
                if down not in placed:
                    layer[down] = max(layer[down], layer[node] + 1)
                    waiting[down] -= 1
        ready = [n for n in dict.fromkeys(d for w in wave for d in below[w]) if not waiting[n] and n not in placed]
        placed.update(ready)
    return layer


def _sort_rows(sheet: _Sheet) -> None:
    """Order every row by the mean place of its neighbours, downward then upward, some times."""
    for sweep in range(SWEEPS):
        is_down = sweep % 2 == 0
        neighbours = sheet.above if is_down else sheet.below
        rows = sheet.rows[1:] if is_down else sheet.rows[-2::-1]
        for row in rows:
            place = {item: i for other in _beside(sheet, row, is_down) for i, item in enumerate(other)}
            own = {item: i for i, item in enumerate(row)}
            weight = {i: _mean([place[n] for n in neighbours[i]], float(own[i])) for i in row}
            row.sort(key=lambda i: (weight[i], own[i]))


def _beside(sheet: _Sheet, row: list[_Item], is_down: bool) -> list[list[_Item]]:
    layer = row[0].layer + (-1 if is_down else 1)
    return [sheet.rows[layer]] if 0 <= layer < len(sheet.rows) else []


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _centres(sheet: _Sheet) -> dict[_Item, float]:
    """The horizontal centre of every item."""
    centres: dict[_Item, float] = {}
    for row in sheet.rows:
        centres.update(zip(row, _spread([0.0] * len(row), row), strict=True))
    for sweep in range(2 * SWEEPS):
        is_down = sweep % 2 == 0
        neighbours = sheet.above if is_down else sheet.below
        for row in sheet.rows[1:] if is_down else sheet.rows[-2::-1]:
            wanted = [_mean([centres[n] for n in neighbours[i]], centres[i]) for i in row]
            centres.update(zip(row, _spread(wanted, row), strict=True))
    return centres


def _spread(wanted: Sequence[float], row: Sequence[_Item]) -> list[float]:
    """Centres as near to `wanted` as can be (least squares) that keep the order and the gaps.

    Pool adjacent violators: subtract each item's least distance from the row's start, make what is left rise, add it again.
    """
    starts, at = [], 0.0
    for previous, item in zip((None, *row), row, strict=False):
        at += (previous.width + item.width) / 2 + COLUMN_GAP if previous else 0.0
        starts.append(at)
    pools: list[tuple[float, int]] = []
    for value in (w - s for w, s in zip(wanted, starts, strict=True)):
        total, count = value, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            more, n = pools.pop()
            total, count = total + more, count + n
        pools.append((total, count))
    shifts = [total / count for total, count in pools for _ in range(count)]
    return [shift + start for shift, start in zip(shifts, starts, strict=True)]


def _drawing(
    sheet: _Sheet,
    order: Sequence[str],
    chains: dict[tuple[str, str], list[_Item]],
    centres: dict[_Item, float],
) -> Drawing:
    left = min((c - i.width / 2 for i, c in centres.items()), default=0.0) - MARGIN
    right = max((c + i.width / 2 for i, c in centres.items()), default=0.0) + MARGIN
    pitch = BOX_HEIGHT + LAYER_GAP

    def top(item: _Item) -> float:
        return MARGIN + item.layer * pitch

    def centre(item: _Item) -> float:
        return round(centres[item] - left, 1)

    boxes = tuple(Box(n, round(centre(sheet.items[n]) - BOX_WIDTH / 2, 1), top(sheet.items[n])) for n in order)
    lines = []
    for (source, target), chain in chains.items():
        is_down = chain[0].layer < chain[-1].layer
        first, last = (BOX_HEIGHT, 0.0) if is_down else (0.0, BOX_HEIGHT)
        points = [(centre(chain[0]), top(chain[0]) + first)]
        for bend in chain[1:-1]:
            ends = (top(bend), top(bend) + BOX_HEIGHT)
            points += [(centre(bend), y) for y in (ends if is_down else ends[::-1])]
        points.append((centre(chain[-1]), top(chain[-1]) + last))
        lines.append(Line(source, target, tuple(points)))
    height = MARGIN * 2 + len(sheet.rows) * pitch - LAYER_GAP if sheet.rows else 0.0
    return Drawing(round(right - left, 1), height, boxes, tuple(lines))
