"""The drawing of a graph: boxes never overlap, lines run downward, any graph is drawn."""

from __future__ import annotations

import time
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.server.studio.layout import BOX_HEIGHT, Drawing, lay_out


def overlaps(drawing: Drawing) -> list[tuple[str, str]]:
    rows: dict[float, list[tuple[float, float, str]]] = {}
    for box in drawing.boxes:
        rows.setdefault(box.y, []).append((box.x, box.x + box.width, box.id))
    found = []
    for row in rows.values():
        row.sort()
        found += [(a[2], b[2]) for a, b in pairwise(row) if a[1] > b[0] + 0.2]
    return found


def test_a_chain_is_one_column() -> None:
    drawing = lay_out("abc", [("a", "b"), ("b", "c")])
    assert len({box.x for box in drawing.boxes}) == 1
    assert [box.id for box in sorted(drawing.boxes, key=lambda b: b.y)] == ["a", "b", "c"]


def test_parallel_steps_stand_side_by_side_under_their_source() -> None:
    drawing = lay_out(
        ["prep", "left", "right", "join"], [("prep", "left"), ("prep", "right"), ("left", "join"), ("right", "join")]
    )
    at = {box.id: box for box in drawing.boxes}
    assert at["left"].y == at["right"].y > at["prep"].y
    assert at["prep"].x == at["join"].x == (at["left"].x + at["right"].x) / 2


def test_a_line_that_skips_a_layer_goes_round_the_boxes_between() -> None:
    drawing = lay_out("abc", [("a", "b"), ("b", "c"), ("a", "c")])
    long = next(line for line in drawing.lines if (line.source, line.target) == ("a", "c"))
    middle = next(box for box in drawing.boxes if box.id == "b")
    beside = [x for x, y in long.points if middle.y <= y <= middle.y + BOX_HEIGHT]
    assert beside and all(x < middle.x or x > middle.x + middle.width for x in beside)


def test_nothing_is_an_empty_drawing() -> None:
    assert lay_out([], []).boxes == ()


def test_a_cycle_and_strange_edges_do_no_harm() -> None:
    drawing = lay_out(["a", "b", "a"], [("a", "b"), ("b", "a"), ("a", "a"), ("a", "ghost")])
    assert [box.id for box in drawing.boxes] == ["a", "b"]
    assert len(drawing.lines) == 2


graphs = st.integers(1, 14).flatmap(
    lambda n: st.tuples(st.just(n), st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=40))
)


@given(graphs)
@settings(max_examples=150, deadline=None)
def test_any_acyclic_graph_is_drawn_downward_without_overlap(graph: tuple[int, list[tuple[int, int]]]) -> None:
    n, pairs = graph
    edges = [(str(a), str(b)) for a, b in pairs if a < b]
    drawing = lay_out([str(i) for i in range(n)], edges)
    at = {box.id: box for box in drawing.boxes}
    assert len(at) == n and not overlaps(drawing)
    assert len(drawing.lines) == len(set(edges))
    for line in drawing.lines:
        assert [y for _, y in line.points] == sorted(y for _, y in line.points)
        assert at[line.source].y < at[line.target].y
    for box in drawing.boxes:
        assert box.x >= 0 and box.x + box.width <= drawing.width and box.y + box.height <= drawing.height


@given(graphs)
@settings(max_examples=60, deadline=None)
def test_a_drawing_is_the_same_every_time(graph: tuple[int, list[tuple[int, int]]]) -> None:
    n, pairs = graph
    nodes, edges = [str(i) for i in range(n)], [(str(a), str(b)) for a, b in pairs]
    assert lay_out(nodes, edges) == lay_out(nodes, edges)


def test_a_thousand_steps_are_laid_out_quickly() -> None:
    nodes = [str(i) for i in range(1000)]
    edges = [(str(i // 2), str(i)) for i in range(1, 1000)]
    begun = time.process_time()
    lay_out(nodes, edges)
    assert time.process_time() - begun < 2
