"""The SDK's validator on the cases that it shares with the engine's."""

import json
import pathlib
import re

import pytest

from azureml._graph.validate import problems

CASES = json.loads((pathlib.Path(__file__).parent / "cases" / "graph.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_sdk_says_what_the_case_says(case):
    found = problems(case["graph"])
    for wanted in case["problems"]:
        assert any(re.search(wanted, problem) for problem in found), found
    assert bool(found) == bool(case["problems"]), found


def test_the_cases_are_many_and_have_names_of_their_own():
    assert len(CASES) >= 25
    assert len({case["name"] for case in CASES}) == len(CASES)


@pytest.mark.parametrize("graph", [None, [], "graph", {"schema": 1, "nodes": [3]}, {"schema": 1, "nodes": "x"}])
def test_what_is_no_graph_is_a_problem_and_no_crash(graph):
    assert problems(graph)
