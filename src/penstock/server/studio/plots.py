"""Small plots as geometry: lines, bars. Pure; the templates draw them as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

WIDTH, HEIGHT, PAD = 320.0, 120.0, 8.0
MOST_POINTS = 320
HUES = 8


@dataclass(frozen=True)
class Curve:
    """One line of a plot: SVG points, its hue's number, its name and its end."""

    points: str
    hue: int
    name: str
    end: tuple[float, float]


@dataclass(frozen=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    label: str


@dataclass(frozen=True)
class Plot:
    """What to draw, the values at the edges, and the same in words for who cannot see it."""

    curves: tuple[Curve, ...]
    bars: tuple[Bar, ...]
    low: float
    high: float
    left: str
    right: str
    words: str
    width: float = WIDTH
    height: float = HEIGHT


def line_plot(named: Sequence[tuple[str, Sequence[tuple[float, float]]]], words: str) -> Plot | None:
    """Curves of (x, y) points on common axes; None when no curve has two points."""
    drawn = [(name, _thinned(points)) for name, points in named if len(points) > 1]
    if not drawn:
        return None
    xs = [x for _, points in drawn for x, _ in points]
    ys = [y for _, points in drawn for _, y in points]
    places = iter(zip(_placed(xs, PAD, WIDTH - PAD), _placed(ys, HEIGHT - PAD, PAD), strict=True))
    curves = []
    for i, (name, points) in enumerate(drawn):
        mine = [(round(x, 1), round(y, 1)) for x, y in islice(places, len(points))]
        curves.append(Curve(" ".join([f"{x:g},{y:g}" for x, y in mine]), i % HUES, name, mine[-1]))
    return Plot(tuple(curves), (), min(ys), max(ys), f"{min(xs):g}", f"{max(xs):g}", words)


def series_plot(values: Sequence[float], words: str = "") -> Plot | None:
    """One curve over the order in which the values were logged."""
    return line_plot([("", _thinned_series(values))], words)


def bar_plot(edges: Sequence[float], counts: Sequence[float], words: str) -> Plot | None:
    """A histogram: `counts[i]` lies between `edges[i]` and `edges[i + 1]`."""
    if not counts or len(edges) != len(counts) + 1 or max(counts) <= 0:
        return None
    xs, high = _placed(edges, PAD, WIDTH - PAD), max(counts)
    bars = []
    for i, count in enumerate(counts):
        tall = max(count, 0.0) / high * (HEIGHT - 2 * PAD)
        label = f"{edges[i]:g} to {edges[i + 1]:g}: {count:g}"
        bars.append(
            Bar(
                round(xs[i], 1),
                round(HEIGHT - PAD - tall, 1),
                round(max(xs[i + 1] - xs[i] - 1, 0.5), 1),
                round(tall, 1),
                label,
            )
        )
    return Plot((), tuple(bars), 0.0, high, f"{edges[0]:g}", f"{edges[-1]:g}", words)


def _placed(values: Sequence[float], first: float, last: float) -> list[float]:
    """Where to draw these: the lowest at `first`, the highest at `last`; all in the middle when they are the same."""
    low, high = min(values), max(values)
    if low == high:
        return [(first + last) / 2] * len(values)
    span, extent = last - first, high - low
    return [first + (v - low) / extent * span for v in values]


def _thinned_series(values: Sequence[float]) -> list[tuple[float, float]]:
    """(place, value) of at most about MOST_POINTS values, as `_thinned` would choose. 10,000 of them take half a millisecond."""
    if len(values) <= MOST_POINTS:
        return [(float(i), v) for i, v in enumerate(values, 1)]
    stretch = len(values) * 2 // MOST_POINTS + 1
    kept = [(1.0, values[0])]
    for start in range(1, len(values) - 1, stretch):
        part = values[start : min(start + stretch, len(values) - 1)]
        places = sorted({part.index(min(part)), part.index(max(part))})
        kept += [(float(start + p + 1), part[p]) for p in places]
    return [*kept, (float(len(values)), values[-1])]


def _thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most about MOST_POINTS points: of each stretch its lowest and highest, so that peaks stay."""
    if len(points) <= MOST_POINTS:
        return list(points)
    stretch = len(points) * 2 // MOST_POINTS + 1
    kept = [points[0]]
    for start in range(1, len(points) - 1, stretch):
        part = points[start : min(start + stretch, len(points) - 1)]
        kept += sorted({min(part, key=lambda p: p[1]), max(part, key=lambda p: p[1])})
    kept.append(points[-1])
    return kept
