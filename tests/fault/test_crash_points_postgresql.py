"""A real server on PostgreSQL dies by SIGKILL at every point where it may: as test_crash_points.py."""

import pytest
from fault.crash_scenarios import dies_at, each_point, each_time, trails


@pytest.fixture(scope="module")
def passed(new_postgresql_store):
    return trails(lambda: {"PENSTOCK_DATABASE": new_postgresql_store()})


@each_time
@each_point
def test_a_server_that_dies_there_loses_nothing_and_doubles_nothing(home, new_postgresql_store, passed, point, time):
    dies_at(home, passed, point, time, PENSTOCK_DATABASE=new_postgresql_store())
