"""A real server on SQLite dies by SIGKILL at every point where it may, and comes back: all ends as it would have, once.

Every point of `penstock.model.crashpoints` is died at the first times it is passed after the first submission (PENSTOCK_CRASHES=n in
the environment: that many times each). A point that nothing passes fails: then a scenario is missing. On PostgreSQL:
test_crash_points_postgresql.py, in a file of its own, so that both can be run at once.
"""

import ast
from pathlib import Path

import pytest
from fault.crash_scenarios import dies_at, each_point, each_time, trails

from penstock.model.crashpoints import POINTS

SOURCE = Path(__file__).resolve().parents[2] / "src/penstock"


@pytest.fixture(scope="module")
def passed():
    return trails(dict)


def test_every_point_is_named_in_the_code_and_every_name_is_a_point():
    named = set()
    for path in SOURCE.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "passing":
                named.add(call.args[0].value)
    assert named == set(POINTS)


@each_time
@each_point
def test_a_server_that_dies_there_loses_nothing_and_doubles_nothing(home, passed, point, time):
    dies_at(home, passed, point, time)
