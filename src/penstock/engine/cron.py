"""Cron expressions: five fields, or six with seconds first. Knows naive local times; knows no zone and no clock.

Days: when both the day of the month and the day of the week are restricted, either of them is enough, as in every cron.
"""

from __future__ import annotations

import calendar
import re
from bisect import bisect_left
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

_MONTHS = {name.lower(): i for i, name in enumerate(calendar.month_abbr) if name}
_DAYS = {name: i for i, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}
_SHORT = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("second", 0, 59, {}),
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of the month", 1, 31, {}),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 7, _DAYS),
)
_PART = re.compile(r"(\*|\?|[0-9a-z]+)(?:-([0-9a-z]+))?(?:/([0-9]+))?\Z")
_YEARS = 8  # February 29 comes back within these, whatever the century


@dataclass(frozen=True)
class Cron:
    """A parsed expression."""

    text: str
    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    week_days: frozenset[int]  # 0 is Monday
    either_day: bool
    every_hour: bool

    def from_(self, local: datetime) -> datetime | None:
        """The first match at `local` or after it; None when there will be none."""
        day, at = local.date(), local.time()
        if local.microsecond:
            following = local.replace(microsecond=0) + timedelta(seconds=1)
            day, at = following.date(), following.time()
        last = day.year + _YEARS + 1
        while day.year < min(last, 9999):
            if day.month not in self.months:
                day, at = _next_month(day), time()
            elif not self._has(day):
                day, at = day + timedelta(days=1), time()
            elif found := self._within(at):
                return datetime.combine(day, found)
            else:
                day, at = day + timedelta(days=1), time()
        return None

    def _has(self, day: date) -> bool:
        in_month, in_week = day.day in self.days, day.weekday() in self.week_days
        return (in_month or in_week) if self.either_day else (in_month and in_week)

    def _within(self, at: time) -> time | None:
        """The first time of a matching day at `at` or later."""
        for hour in self.hours[bisect_left(self.hours, at.hour) :]:
            least = at.minute if hour == at.hour else 0
            for minute in self.minutes[bisect_left(self.minutes, least) :]:
                least_second = at.second if (hour, minute) == (at.hour, at.minute) else 0
                place = bisect_left(self.seconds, least_second)
                if place < len(self.seconds):
                    return time(hour, minute, self.seconds[place])
        return None


def parse(text: str) -> Cron:
    """The expression; ValueError names the field that is wrong."""
    given = _SHORT.get(text.strip().lower(), text).lower().split()
    if len(given) not in (5, 6):
        raise ValueError(
            f"The cron expression '{text}' has {len(given)} fields. Give five (minute hour day month weekday), or six with "
            "seconds first."
        )
    if len(given) == 5:
        given = ["0", *given]
    values = [_values(text, field, *spec) for field, spec in zip(given, _FIELDS, strict=True)]
    days, week_days = frozenset(values[3]), frozenset((d - 1) % 7 for d in values[5])
    stars = [field[0] in "*?" for field in given]
    found = Cron(
        text=text,
        seconds=values[0],
        minutes=values[1],
        hours=values[2],
        days=days,
        months=frozenset(values[4]),
        week_days=week_days,
        either_day=not stars[3] and not stars[5],
        every_hour=stars[2],
    )
    if found.from_(datetime(2000, 1, 1)) is None:
        raise ValueError(
            f"The cron expression '{text}' never comes: no month it names has that day. Mend the day or the month."
        )
    return found


def _values(text: str, field: str, name: str, least: int, most: int, names: dict[str, int]) -> tuple[int, ...]:
    found: set[int] = set()
    for part in field.split(","):
        match = _PART.match(part)
        try:
            if match is None:
                raise ValueError
            found.update(_range(match, least, most, names))
        except ValueError:
            raise ValueError(
                f"The cron expression '{text}' has '{part}' as its {name}. Give numbers from {least} to {most}, "
                "ranges (1-5), steps (*/15), lists of them, or *."
            ) from None
    return tuple(sorted(found))


def _range(match: re.Match[str], least: int, most: int, names: dict[str, int]) -> range:
    first, last, step = match.groups()
    if first in "*?":
        if last is not None:
            raise ValueError
        low, high = least, most - 1 if most == 7 else most
    else:
        low = names[first] if first in names else int(first)
        high = (names[last] if last in names else int(last)) if last else (most if step else low)
    width = int(step) if step else 1
    if not least <= low <= high <= most or width < 1:
        raise ValueError
    return range(low, high + 1, width)


def _next_month(day: date) -> date:
    return date(day.year + 1, 1, 1) if day.month == 12 else date(day.year, day.month + 1, 1)
