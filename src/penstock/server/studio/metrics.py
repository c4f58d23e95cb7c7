"""Logged metrics as cards: every kind of docs/job.md has its own look, and an unknown or broken one is shown as it was logged."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from penstock.server.studio.plots import Plot, bar_plot, line_plot, series_plot
from penstock.server.studio.wording import as_numbers, cut, number

Json = dict[str, Any]
WIDTHS = ("", "double", "whole")
SHOWN_ROWS, SHOWN_COLUMNS, SHOWN_CLASSES = 50, 12, 20


@dataclass(frozen=True)
class Cell:
    text: str
    heat: int = -1
    """0 to 9, or -1 for none."""


@dataclass(frozen=True)
class Grid:
    """A table: headers, rows, how many rows are not shown. `has_names`: each row begins with a header."""

    headers: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    left_out: int = 0
    has_names: bool = False


@dataclass(frozen=True)
class Card:
    """One metric of one run. What is empty is not shown."""

    name: str
    value: str = ""
    note: str = ""
    plot: Plot | None = None
    grid: Grid | None = None
    image: str = ""
    """The address of an image."""
    raw: str = ""

    @property
    def width(self) -> str:
        """How much room it needs: "" for a number, "double", or "whole"."""
        if self.raw or (self.grid and len(self.grid.headers) > 5):
            return "whole"
        return "double" if self.plot or self.grid or self.image else ""


@dataclass(frozen=True)
class Group:
    """The cards of one run."""

    run_id: str
    title: str
    cards: tuple[Card, ...]


def groups(metrics: Sequence[Json], titles: dict[str, str], image_url: Callable[[str, str], str]) -> tuple[Group, ...]:
    """The metrics by run in the order of `titles`, then by name in logged order. `image_url(run_id, file name)`."""
    logged: dict[str, dict[str, list[Json]]] = {}
    for metric in metrics:
        logged.setdefault(metric["run_id"], {}).setdefault(metric["name"], []).append(metric)
    order = [i for i in titles if i in logged] + [i for i in logged if i not in titles]
    return tuple(
        Group(i, titles.get(i, i), _sorted([card(n, m, lambda f, i=i: image_url(i, f)) for n, m in logged[i].items()]))  # type: ignore[misc]
        for i in order
    )


def _sorted(cards: list[Card]) -> tuple[Card, ...]:
    """Numbers first, then plots, then what takes a row of its own."""
    return tuple(sorted(cards, key=lambda c: (WIDTHS.index(c.width), bool(c.image), bool(c.grid))))


def card(name: str, logged: Sequence[Json], image_url: Callable[[str], str]) -> Card:
    """The card of everything logged under one name."""
    kind, values = logged[-1]["kind"], [m["value"] for m in logged if m["kind"] == logged[-1]["kind"]]
    try:
        if kind == "image":
            return Card(name, image=image_url(_file_name(values[-1])), note=_times(len(values)))
        make = _MAKERS.get(kind)
        made = make(name, values) if make else None
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError):
        made = None
    return made or Card(name, note=kind.replace("_", " "), raw=_pretty(values[-1]))


def _scalar(name: str, values: list[Any]) -> Card:
    if len(values) == 1:
        return _single(name, values[0])
    return _series(name, values)


def _list(name: str, values: list[Any]) -> Card:
    whole: list[Any] = []
    for value in values:
        whole += value if isinstance(value, list) else [value]
    return _single(name, whole[0]) if len(whole) == 1 else _series(name, whole)


def _single(name: str, value: Any) -> Card:
    text = number(value)
    return Card(name, value=text) if len(text) <= 40 else Card(name, raw=text)


def _series(name: str, values: list[Any]) -> Card:
    known = as_numbers(values)
    if len(known) < 2 or len(known) < len(values) / 2:
        return Card(name, note=f"{len(values)} values", grid=_grid([name], [[v] for v in values]))
    plot = series_plot(known)
    if plot:
        words = (
            f"{name}: {len(known)} values between {number(plot.low)} and {number(plot.high)}, last {number(known[-1])}"
        )
        plot = replace(plot, words=words)
    return Card(name, value=number(values[-1]), note=f"last of {len(values)}", plot=plot)


def _row(name: str, values: list[Any]) -> Card:
    headers = list(dict.fromkeys(k for value in values for k in value))
    return Card(name, note=_rows(len(values)), grid=_grid(headers, [[v.get(h, "") for h in headers] for v in values]))


def _table(name: str, values: list[Any]) -> Card:
    columns = {str(k): v if isinstance(v, list) else [v] for k, v in values[-1].items()}
    n_rows = max((len(v) for v in columns.values()), default=0)
    rows = [[v[i] if i < len(v) else "" for v in columns.values()] for i in range(min(n_rows, SHOWN_ROWS))]
    return Card(name, note=_rows(n_rows), grid=_grid(list(columns), rows, n_rows))


def _confusion_matrix(name: str, values: list[Any]) -> Card:
    data = _data(values[-1])
    labels, matrix = [str(x) for x in data["class_labels"]], data["matrix"]
    top = max((float(v) for row in matrix for v in row), default=0.0) or 1.0
    rows = [
        (Cell(label), *(Cell(number(v), min(int(float(v) / top * 9.99), 9)) for v in row[:SHOWN_CLASSES]))
        for label, row in zip(labels[:SHOWN_CLASSES], matrix, strict=False)
    ]
    headers = ("true \\ predicted", *labels[:SHOWN_CLASSES])
    left_out = max(len(labels) - SHOWN_CLASSES, 0)
    return Card(name, note="confusion matrix", grid=Grid(headers, tuple(rows), left_out, has_names=True))


def _accuracy_table(name: str, values: list[Any]) -> Card:
    """ROC curves, one a class, of its [TP, FP, TN, FN] at each threshold."""
    data = _data(values[-1])
    curves = []
    for label, table in zip(data["class_labels"], data["probability_tables"], strict=False):
        points = sorted((fp / (fp + tn), tp / (tp + fn)) for tp, fp, tn, fn in table if fp + tn and tp + fn)
        curves.append((str(label), points))
    words = f"{name}: true positive rate over false positive rate, {len(curves)} classes"
    return Card(name, note="ROC by class", plot=line_plot(curves[:SHOWN_CLASSES], words))


def _residuals(name: str, values: list[Any]) -> Card:
    data = _data(values[-1])
    plot = bar_plot(data["bin_edges"], data["bin_counts"], f"{name}: histogram of residuals")
    return Card(name, note="residuals", plot=plot)


def _predictions(name: str, values: list[Any]) -> Card:
    data = _data(values[-1])
    edges, averages = data["bin_edges"], data["bin_averages"]
    points = [((a + b) / 2, y) for a, b, y in zip(edges, edges[1:], averages, strict=False)]
    ideal = [(float(edges[0]), float(edges[0])), (float(edges[-1]), float(edges[-1]))]
    plot = line_plot([("predicted", points), ("ideal", ideal)], f"{name}: mean prediction over true value")
    return Card(name, note="predicted over true", plot=plot)


_MAKERS: dict[str, Callable[[str, list[Any]], Card | None]] = {
    "scalar": _scalar,
    "list": _list,
    "row": _row,
    "table": _table,
    "confusion_matrix": _confusion_matrix,
    "accuracy_table": _accuracy_table,
    "residuals": _residuals,
    "predictions": _predictions,
}


def _data(value: Any) -> Json:
    """The `data` of a structured metric, which may have been logged as JSON text."""
    if isinstance(value, str):
        value = json.loads(value)
    data: Json = value["data"]
    return data


def _file_name(value: Any) -> str:
    """The file an image metric names: plain, or under one of the keys it may stand."""
    if isinstance(value, dict):
        value = value.get("artifact") or value.get("name") or value["path"]
    text = str(value)
    return text.rpartition("://")[2] if "://" in text else text


def _grid(headers: Sequence[Any], rows: Sequence[Sequence[Any]], n_rows: int | None = None) -> Grid:
    shown = tuple(tuple(Cell(cut(number(v), 80)) for v in row[:SHOWN_COLUMNS]) for row in rows[:SHOWN_ROWS])
    total = len(rows) if n_rows is None else n_rows
    return Grid(tuple(str(h) for h in headers[:SHOWN_COLUMNS]), shown, total - len(shown))


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def _times(count: int) -> str:
    return "" if count == 1 else f"last of {count}"


def _pretty(value: Any) -> str:
    return cut(value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False), 4000)
