"""A short version of schedules_on_two_servers.py: two real servers, a few strikes."""

from __future__ import annotations

from fault.schedules_on_two_servers import play


def test_each_second_has_its_run_or_a_verdict_whoever_is_killed(postgresql_url: str) -> None:
    counts = play(postgresql_url, seconds=12)
    assert counts["due times"] >= 30 and counts["fired"] > 0 and counts["killed"] + counts["stopped"] > 0
