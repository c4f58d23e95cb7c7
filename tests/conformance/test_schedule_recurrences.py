"""What a ScheduleRecurrence refuses, and when: what its constructor can tell there, the rest in validate()."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from azureml.pipeline.core import ScheduleRecurrence, TimeZone


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"time_of_day": "25:00"}, "must be 'hh:mm'"),
        ({"time_of_day": "3"}, "must be 'hh:mm'"),
        ({"time_of_day": "3:60"}, "must be 'hh:mm'"),
        ({"time_of_day": 3}, "must be 'hh:mm'"),
        ({"time_of_day": "3:40", "hours": [3]}, "cannot be given together with hours or minutes"),
        ({"time_of_day": "3:40", "minutes": [3]}, "cannot be given together with hours or minutes"),
        ({"start_time": datetime(2030, 1, 1, tzinfo=UTC)}, "must not carry a time zone"),
    ],
)
def test_its_constructor_refuses(given: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ScheduleRecurrence("Week", 1, **given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"frequency": "day"}, "frequency must be one of Minute, Hour, Day, Week, Month"),
        ({"frequency": "Year"}, "frequency must be one of"),
        ({"frequency": None}, "frequency must be one of"),
        ({"interval": 0}, "interval must be"),
        ({"interval": -1}, "interval must be"),
        ({"interval": 1.5}, "interval must be"),
        ({"interval": None}, "interval must be"),
        ({"frequency": "Minute", "hours": [1]}, "can only be given for frequency Day or Week"),
        ({"frequency": "Hour", "minutes": [1]}, "can only be given for frequency Day or Week"),
        ({"frequency": "Month", "time_of_day": "3:40"}, "can only be given for frequency Day or Week"),
        ({"frequency": "Day", "week_days": ["Monday"]}, "can only be given for frequency Week"),
        ({"hours": [24]}, "whole numbers from 0 to 23"),
        ({"hours": 24}, "whole numbers from 0 to 23"),
        ({"minutes": [60]}, "whole numbers from 0 to 59"),
        ({"minutes": ["1"]}, "whole numbers from 0 to 59"),
        ({"week_days": ["Mon"]}, "full English names"),
        ({"week_days": ["monday"]}, "full English names"),
    ],
)
def test_validate_refuses(given: dict, said: str) -> None:
    recurrence = ScheduleRecurrence(**{"frequency": "Week", "interval": 1, **given})
    with pytest.raises(ValueError, match=said):
        recurrence.validate()


def test_what_is_given_is_kept_and_completed() -> None:
    recurrence = ScheduleRecurrence("Week", 2, datetime(2030, 1, 2, 3, 4, 5), week_days=["Monday"], time_of_day="6:30")
    recurrence.validate()
    assert recurrence.start_time == "2030-01-02T03:04:05" and recurrence.time_zone is TimeZone.UTC
    assert (recurrence.hours, recurrence.minutes) == ([6], [30])
    assert ScheduleRecurrence("Day", 1).time_zone is None
    assert len(TimeZone) >= 131 and TimeZone.PacificStandardTime.value == "Pacific Standard Time"
