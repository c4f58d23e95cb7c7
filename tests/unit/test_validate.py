"""The engine's validator on the cases it shares with the SDK."""

import json
import re
from pathlib import Path

import pytest

from penstock.engine.validate import problems
from penstock.model.graph import Graph

CASES = json.loads((Path(__file__).parents[1] / "contract" / "cases" / "graph.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=[c["name"] for c in CASES])
def test_the_engine_finds_what_the_sdk_finds(case):
    found = [p.message for p in problems(case["graph"])]
    for wanted in case["problems"]:
        assert any(re.search(wanted, message) for message in found), (wanted, found)
    assert bool(found) == bool(case["problems"]), found


@pytest.mark.parametrize("case", [c for c in CASES if not c["problems"]], ids=lambda c: c["name"])
def test_a_graph_without_problems_is_taken(case):
    assert len(Graph.from_json(case["graph"]).nodes) == len(case["graph"]["nodes"])


def test_what_is_no_graph_is_one_clear_problem():
    for nonsense in (None, [], "x", {}, {"schema": 1}, {"schema": 1, "nodes": [7]}):
        assert len(problems(nonsense)) == 1
