"""When a schedule is due. Pure: it knows rules and zones, and is told what time it is.

Minute and Hour are elapsed time. Day, Week, Month and cron are wall-clock times in the schedule's zone: one that the zone skips
comes at the next valid instant, one that it repeats comes once, the first time. A cron expression for every hour is like elapsed
time: it comes in both repeats of an hour, and not for an hour that is skipped. docs/schedules.md has the rules with examples.
"""

from __future__ import annotations

import calendar
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC as UTC_ZONE
from datetime import date, datetime, time, timedelta, tzinfo
from functools import cached_property
from typing import Any

from penstock.engine import cron as crons
from penstock.engine.zones import zone

Json = dict[str, Any]
FREQUENCIES = ("Minute", "Hour", "Day", "Week", "Month")
WEEK_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SECONDS = {"Minute": 60, "Hour": 3600}
_LAST = 253_370_764_800.0  # the year 9999
_MOST_MONTHS = 12_000


@dataclass(frozen=True)
class Recurrence:
    """When something is due, counted from `created_at` where no start is given."""

    frequency: str
    interval: int
    time_zone: str
    created_at: float
    start: datetime | None = None
    hours: tuple[int, ...] = ()
    minutes: tuple[int, ...] = ()
    week_days: tuple[int, ...] = ()
    expression: str | None = None

    @cached_property
    def zone(self) -> tzinfo:
        return zone(self.time_zone)

    @cached_property
    def cron(self) -> crons.Cron | None:
        return crons.parse(self.expression) if self.expression else None

    @cached_property
    def anchor(self) -> datetime:
        """The local time that everything is counted from."""
        if self.start is not None:
            return self.start
        return datetime.fromtimestamp(math.floor(self.created_at), self.zone).replace(tzinfo=None, fold=0)

    @cached_property
    def anchor_at(self) -> float:
        return math.floor(self.created_at) if self.start is None else instant(self.start, self.zone)

    def reaching(self, at: float) -> Recurrence:
        """The same times, and those that there would have been before, back to `at`. A start that was given stays the start."""
        if self.start is not None or self.cron is not None or at >= self.anchor_at:
            return self
        if self.frequency in _SECONDS:
            step = self.interval * _SECONDS[self.frequency]
            return replace(self, created_at=self.anchor_at - math.ceil((self.anchor_at - at) / step) * step)
        n_days = math.ceil((self.anchor_at - at) / 86400) + 1
        if self.frequency == "Month":  # whole cycles of leap years: each month end clamps as it does now
            years = 4 * self.interval * math.ceil(n_days / (4 * 365 * self.interval))
            start = self.anchor.replace(year=max(self.anchor.year - years, 4 + self.anchor.year % 4))
        else:
            step = self.interval * (7 if self.frequency == "Week" else 1)
            start = self.anchor - timedelta(days=step * math.ceil(n_days / step))
        return replace(self, start=start)

    def first(self) -> float | None:
        """When it is due for the first time: at once without a start, else at the next slot."""
        if self.start is None and self.cron is None:
            return float(self.anchor_at)
        return self.after(self.created_at)

    def after(self, at: float) -> float | None:
        """The first due time later than `at`; None when there is none."""
        return next(self.all_after(at), None)

    def all_after(self, at: float) -> Iterator[float]:
        """The due times later than `at`, in order."""
        if self.start is not None:
            at = max(at, math.nextafter(self.anchor_at, -math.inf))
        if at >= _LAST:
            return iter(())
        if self.frequency in _SECONDS and self.cron is None:
            return self._elapsed(at)
        if self.cron is not None and self.cron.every_hour:
            return self._cron_elapsed(self.cron, at)
        return self._wall_clock(at)

    def last(self, after: float, until: float) -> tuple[float, int | None] | None:
        """The last due time in (after, until] and how many there are (None: more than were counted)."""
        if self.frequency in _SECONDS and self.cron is None:
            step = self.interval * _SECONDS[self.frequency]
            first = self.after(after)
            if first is None or first > until:
                return None
            n = int((until - first) // step)
            return first + n * step, n + 1
        return self._last_by_looking(after, until)

    def _last_by_looking(self, after: float, until: float) -> tuple[float, int | None] | None:
        window, begin = 3600.0, until
        while begin > after:
            begin = max(after, until - window)
            window *= 8
            found, n = None, 0
            for due in self.all_after(begin):
                if due > until:
                    break
                found, n = due, n + 1
            if found is not None:
                return found, n if begin == after else None
        return None

    def _elapsed(self, at: float) -> Iterator[float]:
        step, anchor = self.interval * _SECONDS[self.frequency], self.anchor_at
        n = max(0, math.floor((at - anchor) / step) + 1)
        while (due := anchor + n * step) < _LAST:
            yield float(due)
            n += 1

    def _wall_clock(self, at: float) -> Iterator[float]:
        before = at
        # Floored: a moment just before a gap must not be rounded to its other side.
        local = datetime.fromtimestamp(math.floor(at), self.zone).replace(tzinfo=None, fold=0)
        for wall in self._local_from(local):
            due = instant(wall, self.zone)
            if due > before:  # two skipped times may come at one instant: it is one due time
                yield due
                before = due

    def _local_from(self, local: datetime) -> Iterator[datetime]:
        """Local times at `local` or later, in order."""
        if self.cron is not None:
            found = self.cron.from_(local)
            while found is not None:
                yield found
                found = self.cron.from_(found + timedelta(seconds=1))
            return
        times = self._times()
        for day in self._days_from(max(local.date(), self.anchor.date())):
            for each in times:
                wall = datetime.combine(day, each)
                if wall >= local:
                    yield wall

    def _times(self) -> list[time]:
        if not self.hours and not self.minutes:
            return [self.anchor.time().replace(microsecond=0)]
        hours, minutes = self.hours or (self.anchor.hour,), self.minutes or (self.anchor.minute,)
        return sorted(time(h, m) for h in set(hours) for m in set(minutes))

    def _days_from(self, day: date) -> Iterator[date]:
        if self.frequency == "Month":
            yield from self._months_from(day)
            return
        try:
            if self.frequency == "Day":
                behind = (day - self.anchor.date()).days % self.interval
                day += timedelta(days=(self.interval - behind) % self.interval)
                while True:
                    yield day
                    day += timedelta(days=self.interval)
            yield from self._weeks_from(day)
        except OverflowError:
            return

    def _weeks_from(self, day: date) -> Iterator[date]:
        """Weeks begin on Monday; the week of the anchor is the first."""
        wanted = sorted(set(self.week_days)) or [self.anchor.weekday()]
        monday = self.anchor.date() - timedelta(days=self.anchor.weekday())
        week = (day - monday).days // 7 // self.interval * self.interval
        while True:
            for n in wanted:
                found = monday + timedelta(days=7 * week + n)
                if found >= day:
                    yield found
            week += self.interval

    def _months_from(self, day: date) -> Iterator[date]:
        anchor = self.anchor
        gone = (day.year - anchor.year) * 12 + day.month - anchor.month
        n = max(0, gone // self.interval * self.interval)
        while True:
            year, month = divmod(anchor.year * 12 + anchor.month - 1 + n, 12)
            if year > 9998:
                return
            found = date(year, month + 1, min(anchor.day, calendar.monthrange(year, month + 1)[1]))
            if found >= day:
                yield found
            n += self.interval

    def _cron_elapsed(self, rule: crons.Cron, at: float) -> Iterator[float]:
        """Every match of every span in which the zone keeps its offset."""
        now, is_in = float(math.floor(at) + 1), True
        while is_in and now < _LAST:
            offset = _offset(now, self.zone)
            found = rule.from_(datetime.fromtimestamp(now + offset, UTC_ZONE).replace(tzinfo=None))
            if found is None:
                return
            due = (found.replace(tzinfo=UTC_ZONE)).timestamp() - offset
            if due - now > 2 * 86400:  # nothing in between, whatever the zone does
                now = due - 86400
            elif _offset(due, self.zone) == offset:
                yield due
                now = due + 1
            else:
                now = _change(now, due, self.zone)


def instant(wall: datetime, where: tzinfo) -> float:
    """When a local time comes: the first time of two, or the first valid instant after it when the zone skips it."""
    first = wall.replace(tzinfo=where, fold=0)
    at = first.timestamp()
    if datetime.fromtimestamp(at, where).replace(tzinfo=None, fold=0) == wall:
        return at
    return _change(wall.replace(tzinfo=where, fold=1).timestamp(), at, where)


def _offset(at: float, where: tzinfo) -> float:
    found = datetime.fromtimestamp(at, where).utcoffset()
    assert found is not None
    return found.total_seconds()


def _change(low: float, high: float, where: tzinfo) -> float:
    """The instant in (low, high] from which the offset is no longer that of `low`."""
    before = _offset(low, where)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(middle, where) == before else (low, middle)
    return float(high)


def problems(given: Any) -> list[str]:
    """What is wrong with a recurrence as sent; nothing when it can be."""
    if not isinstance(given, dict):
        return [f"recurrence must be an object with a frequency or a cron expression, but is {given!r}."]
    found: list[str] = []
    if expression := given.get("cron"):
        found += _tried(crons.parse, str(expression))
        others = [n for n in ("frequency", "interval", "hours", "minutes", "week_days") if given.get(n)]
        if others:
            found.append(f"cron is given together with {', '.join(others)}. Give one or the other.")
    else:
        found += _rule_problems(given)
    if given.get("time_zone"):
        found += _tried(zone, str(given["time_zone"]))
    if given.get("start_time"):
        found += _tried(_start, given["start_time"])
    return found


def _rule_problems(given: Json) -> list[str]:
    frequency, interval, found = given.get("frequency"), given.get("interval", 1), list[str]()
    if frequency not in FREQUENCIES:
        found.append(f"frequency must be one of {', '.join(FREQUENCIES)}, but is {frequency!r}.")
    if isinstance(interval, bool) or not isinstance(interval, int) or not 1 <= interval <= 1_000_000:
        found.append(f"interval must be a whole number of 1 or more, but is {interval!r}.")
    if (given.get("hours") is not None or given.get("minutes") is not None) and frequency not in ("Day", "Week"):
        found.append("hours and minutes can only be given for frequency Day or Week.")
    if given.get("week_days") is not None and frequency != "Week":
        found.append("week_days can only be given for frequency Week.")
    for name, most in (("hours", 23), ("minutes", 59)):
        for value in _listed(given.get(name)):
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
                found.append(f"{name} must be whole numbers from 0 to {most}, but one is {value!r}.")
    for day in _listed(given.get("week_days")):
        if day not in WEEK_DAYS:
            found.append(f"week_days must be full English names such as Monday, but one is {day!r}.")
    return found


def parse(given: Json, created_at: float) -> Recurrence:
    """The recurrence as sent; ValueError says all that is wrong with it."""
    if wrong := problems(given):
        raise ValueError(" ".join(wrong))
    return Recurrence(
        frequency=given.get("frequency") or "",
        interval=given.get("interval") or 1,
        time_zone=given.get("time_zone") or "UTC",
        created_at=created_at,
        start=_start(given["start_time"]) if given.get("start_time") else None,
        hours=tuple(_listed(given.get("hours"))),
        minutes=tuple(_listed(given.get("minutes"))),
        week_days=tuple(WEEK_DAYS.index(d) for d in _listed(given.get("week_days"))),
        expression=given.get("cron") or None,
    )


def said(given: Json) -> str:
    """A recurrence in words, without its zone."""
    if given.get("cron"):
        return str(given["cron"])
    n, unit = given.get("interval") or 1, str(given["frequency"]).lower()
    text = f"every {unit}" if n == 1 else f"every {n} {unit}s"
    if days := _listed(given.get("week_days")):
        text += " on " + ", ".join(str(day)[:3] for day in days)
    hours, minutes = _listed(given.get("hours")), _listed(given.get("minutes"))
    if hours and minutes:
        return f"{text} at " + ", ".join(f"{h:02d}:{m:02d}" for h in sorted(hours) for m in sorted(minutes))
    if hours or minutes:
        what, values = ("hour", hours) if hours else ("minute", minutes)
        return f"{text} at {what} " + ", ".join(str(v) for v in sorted(values))
    if given.get("start_time") and given["frequency"] in ("Day", "Week", "Month"):
        text += f" at {_start(given['start_time']):%H:%M}"
    return text


def _listed(given: Any) -> list[Any]:
    return [] if given is None else list(given) if isinstance(given, list | tuple) else [given]


def _start(given: Any) -> datetime:
    try:
        found = datetime.fromisoformat(str(given))
    except ValueError:
        raise ValueError(f"start_time {given!r} is no time. Give it as 2030-01-31T08:30:00.") from None
    if found.tzinfo is not None:
        raise ValueError(f"start_time {given!r} carries a time zone. Give the zone as time_zone.")
    if not 1970 < found.year < 9000:
        raise ValueError(f"start_time {given!r} is out of range. Give a year from 1971 to 8999.")
    return found.replace(microsecond=0)


def _tried(check: Any, given: Any) -> list[str]:
    try:
        check(given)
    except ValueError as error:
        return [str(error)]
    return []
