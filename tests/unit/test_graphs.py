"""Graphs that are kept for whoever brings the same text again."""

import json

import pytest

from penstock.model.errors import BadRequest, InvalidGraph
from penstock.service.runs import graphs
from penstock.service.runs.graphs import Graphs


def graph(n: int, name: str = "step"):
    nodes = [
        {"id": f"{i:08x}", "name": name, "kind": "python_script", "step_type": "PythonScriptStep"}
        | {"settings": {"script_name": "s.py"}, "snapshot": "sha256:" + "0" * 64}
        for i in range(n)
    ]
    return {"schema": 1, "nodes": nodes, "parameters": [{"name": "p", "type": "int", "default": "1"}]}


def test_a_graph_that_was_checked_is_read_once_and_planned_once_for_each_set_of_values():
    kept = Graphs()
    known, text = kept.checked(graph(3))
    assert kept.checked(graph(3))[0] is known and kept.read(known.digest, str) is known and not known.problems
    assert json.loads(text) == graph(3)
    assert known.plan({}) is known.plan({"p": "1"}) and known.plan({"p": "2"}).values == {"p": "2"}
    assert known.plan({"p": "2"}).order == known.plan({}).order
    assert kept.checked(graph(3, "another"))[0] is not known


def test_a_graph_may_come_as_text_and_is_held_to_the_same():
    kept = Graphs()
    known, text = kept.checked(graph(3))
    assert kept.checked(text) == (known, text), "what is known is not read again"
    assert kept.checked(json.dumps(graph(2)))[0].graph.raw == graph(2)
    for wrong in ("graph", '{"a": 1, "a": 2}', '{"a": NaN}', "[" * 100 + "]" * 100):
        with pytest.raises(BadRequest, match=r"The graph is|twice|NaN"):
            kept.checked(wrong)
    with pytest.raises(InvalidGraph):
        kept.checked("[]")


def test_what_is_wrong_with_a_graph_is_said_each_time():
    kept, wrong = Graphs(), {"schema": 1, "nodes": [{"id": "x"}, {"id": "y"}]}
    for _ in range(2):
        with pytest.raises(InvalidGraph) as refused:
            kept.checked(wrong)
        assert len(refused.value.details) > 1


def test_no_more_is_kept_than_has_room(monkeypatch):
    monkeypatch.setattr(graphs, "MOST_NODES", 10)
    kept = Graphs()
    first, _ = kept.checked(graph(4, "a"))
    kept.checked(graph(5, "b"))
    assert kept.checked(graph(4, "a"))[0] is first
    large, _ = kept.checked(graph(30, "c"))
    assert kept.checked(graph(30, "c"))[0] is large, "the last one is kept, however large"
    assert kept.checked(graph(4, "a"))[0] is not first
