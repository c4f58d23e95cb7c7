"""When schedules are due: the rules, in every zone."""

from __future__ import annotations

import itertools
import math
from datetime import UTC, datetime, timedelta
from zoneinfo import available_timezones

import pytest

from penstock.engine import cron
from penstock.engine.recurrence import Recurrence, instant, parse, said
from penstock.engine.zones import zone

NEW_YORK = "America/New_York"
START = datetime(2024, 1, 1, tzinfo=UTC).timestamp()


def at(text: str, where: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone(where)).timestamp()


def local(rule: Recurrence, after: float, n: int) -> list[str]:
    found = itertools.islice(rule.all_after(after), n)
    return [datetime.fromtimestamp(t, rule.zone).isoformat() for t in found]


def made(created_at: float = START, **given: object) -> Recurrence:
    return parse(dict(given), created_at)


def test_a_day_is_a_wall_clock_day() -> None:
    rule = made(frequency="Day", interval=1, hours=[8], minutes=[30], time_zone=NEW_YORK)
    assert local(rule, at("2024-03-09T12:00", NEW_YORK), 2) == [
        "2024-03-10T08:30:00-04:00",
        "2024-03-11T08:30:00-04:00",
    ]


def test_a_skipped_time_comes_at_the_next_valid_instant() -> None:
    rule = made(frequency="Day", interval=1, hours=[2, 3], minutes=[0, 30], time_zone=NEW_YORK)
    assert local(rule, at("2024-03-10T00:00", NEW_YORK), 3) == [
        "2024-03-10T03:00:00-04:00",
        "2024-03-10T03:30:00-04:00",
        "2024-03-11T02:00:00-04:00",
    ]


def test_a_skipped_time_comes_however_little_before_it_one_asks() -> None:
    rule = made(frequency="Day", interval=1, hours=[2], minutes=[30], time_zone=NEW_YORK)
    gap = at("2024-03-10T03:00", NEW_YORK)
    assert rule.after(math.nextafter(gap, 0)) == gap
    assert rule.last(math.nextafter(gap, 0), gap) == (gap, 1)


def test_a_repeated_time_comes_once() -> None:
    rule = made(frequency="Day", interval=1, hours=[1], minutes=[30], time_zone=NEW_YORK)
    assert local(rule, at("2024-11-03T00:00", NEW_YORK), 2) == [
        "2024-11-03T01:30:00-04:00",
        "2024-11-04T01:30:00-05:00",
    ]


def test_a_skipped_day_comes_at_the_next_midnight() -> None:
    rule = made(
        at("2011-12-01T00:00"), frequency="Day", interval=1, start_time="2011-12-01T09:00:00", time_zone="Pacific/Apia"
    )
    found = local(rule, at("2011-12-29T00:00", "Pacific/Apia"), 3)
    assert found == ["2011-12-29T09:00:00-10:00", "2011-12-31T00:00:00+14:00", "2011-12-31T09:00:00+14:00"]


def test_hours_are_elapsed_time() -> None:
    rule = made(at("2024-03-10T00:30", NEW_YORK), frequency="Hour", interval=1, time_zone=NEW_YORK)
    gaps = [b - a for a, b in itertools.pairwise(itertools.islice(rule.all_after(rule.created_at), 30))]
    assert set(gaps) == {3600.0}


def test_month_ends_clamp() -> None:
    rule = made(frequency="Month", interval=1, start_time="2024-01-31T10:00:00")
    assert [t[:10] for t in local(rule, START, 5)] == [
        "2024-01-31",
        "2024-02-29",
        "2024-03-31",
        "2024-04-30",
        "2024-05-31",
    ]


def test_every_second_week_counts_from_the_week_of_the_start() -> None:
    rule = made(frequency="Week", interval=2, start_time="2024-01-03T10:00:00", week_days=["Monday", "Friday"])
    assert [t[:10] for t in local(rule, START, 4)] == ["2024-01-05", "2024-01-15", "2024-01-19", "2024-01-29"]


def test_without_a_start_it_is_due_at_once_and_then_from_there() -> None:
    rule = made(at("2024-05-05T10:20:30"), frequency="Day", interval=1)
    assert rule.first() == rule.created_at
    assert rule.after(rule.created_at) == at("2024-05-06T10:20:30")


@pytest.mark.parametrize("kind", ["Minute", "Hour", "Day", "Week", "Month"])
@pytest.mark.parametrize("interval", [1, 3])
@pytest.mark.parametrize("created", ["2024-02-29T10:20:30", "2024-05-31T23:59:59"])
def test_a_rule_without_a_start_reaches_back_with_the_same_times(kind: str, interval: int, created: str) -> None:
    rule = made(at(created, NEW_YORK), frequency=kind, interval=interval, time_zone=NEW_YORK)
    early = rule.created_at - {"Minute": 7200, "Hour": 86400}.get(kind, 86400 * 365 * 2)
    back = rule.reaching(early)
    assert back.after(rule.created_at - 1) == rule.created_at
    later = (itertools.islice(each.all_after(rule.created_at), 20) for each in (back, rule))
    assert list(next(later)) == list(next(later))
    first = back.after(early - 1)
    assert first is not None and early <= first <= early + interval * {"Minute": 60, "Hour": 3600}.get(kind, 86400 * 32)
    assert rule.reaching(rule.created_at + 1) is rule


def test_a_start_in_the_past_waits_for_the_next_slot() -> None:
    rule = made(at("2024-05-05T10:20:30"), frequency="Hour", interval=6, start_time="2020-01-01T00:00:00")
    assert rule.first() == at("2024-05-05T12:00:00")


def test_a_start_in_the_future_is_the_first() -> None:
    rule = made(frequency="Minute", interval=15, start_time="2030-01-01T00:00:00")
    assert rule.first() == at("2030-01-01T00:00:00")


def test_a_cron_of_every_hour_comes_in_both_repeats_and_not_in_the_gap() -> None:
    rule = made(cron="*/30 * * * *", time_zone=NEW_YORK)
    for begin in ("2024-11-03T00:00", "2024-03-10T00:00"):
        found = list(itertools.islice(rule.all_after(at(begin, NEW_YORK)), 20))
        assert {b - a for a, b in itertools.pairwise(found)} == {1800.0}


def test_a_cron_with_seconds() -> None:
    rule = made(cron="*/20 30 8 * * mon-fri")
    found = local(rule, at("2024-01-05T12:00:00"), 4)
    assert found == [f"2024-01-08T08:30:{s}+00:00" for s in ("00", "20", "40")] + ["2024-01-09T08:30:00+00:00"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("* * *", "has 3 fields"),
        ("61 * * * *", "minute"),
        ("* * 0 * *", "day of the month"),
        ("*/0 * * * *", "minute"),
        ("0 0 30 2 *", "never comes"),
        ("5-1 * * * *", "minute"),
        ("x * * * *", "minute"),
    ],
)
def test_a_wrong_cron_names_its_field(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        cron.parse(text)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"frequency": "Daily"}, "frequency must be one of Minute, Hour, Day, Week, Month, but is 'Daily'"),
        ({"frequency": "Day", "interval": 0}, "interval must be"),
        ({"frequency": "Day", "interval": True}, "interval must be"),
        ({"frequency": "Hour", "hours": [1]}, "only be given for frequency Day or Week"),
        ({"frequency": "Day", "week_days": ["Monday"]}, "only be given for frequency Week"),
        ({"frequency": "Week", "week_days": ["Mon"]}, "full English names"),
        ({"frequency": "Day", "hours": [24]}, "hours must be whole numbers from 0 to 23"),
        ({"frequency": "Day", "time_zone": "Europe/Berlim"}, "Did you mean 'Europe/Berlin'"),
        ({"frequency": "Day", "start_time": "tomorrow"}, "start_time 'tomorrow' is no time"),
        ({"frequency": "Day", "start_time": "2024-01-01T00:00:00+01:00"}, "Give the zone as time_zone"),
        ({"cron": "* * * * *", "frequency": "Day"}, "one or the other"),
    ],
)
def test_a_wrong_recurrence_is_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse({"interval": 1, **given}, START)


def test_the_last_due_time_of_a_long_absence_is_found_without_walking_there() -> None:
    minutely = made(frequency="Minute", interval=1)
    assert minutely.last(START, START + 60 * 1_000_000 + 5) == (START + 60 * 1_000_000, 1_000_000)
    every_second = made(cron="* * * * * *")
    found = every_second.last(START, START + 10_000_000)
    assert found == (START + 10_000_000, None)
    assert made(frequency="Month", interval=1, start_time="2024-01-31T00:00:00").last(START, START + 86400) is None


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"frequency": "Day", "interval": 1}, "every day"),
        ({"frequency": "Minute", "interval": 15}, "every 15 minutes"),
        ({"frequency": "Day", "start_time": "2024-01-01T08:30:00"}, "every day at 08:30"),
        ({"frequency": "Day", "hours": [18, 6], "minutes": [5]}, "every day at 06:05, 18:05"),
        ({"frequency": "Week", "interval": 2, "week_days": ["Monday", "Friday"], "hours": [6]}, "every 2 weeks on Mon, Fri at hour 6"),
        ({"frequency": "Day", "minutes": 5}, "every day at minute 5"),
        ({"cron": "*/5 * * * *"}, "*/5 * * * *"),
    ],
)  # fmt: skip
def test_a_recurrence_is_said_in_words(given: dict[str, object], text: str) -> None:
    assert said(given) == text


def test_every_windows_zone_of_the_sdk_is_known() -> None:
    from azureml.pipeline.core._time_zone import TimeZone

    for each in TimeZone:
        zone(each.value)


def _transitions(name: str, first: int, years: int) -> list[float]:
    """The instants at which a zone changes its offset, looked for by halving days."""
    where, found = zone(name), []
    day = datetime(first, 1, 1, tzinfo=UTC)
    end = datetime(first + years, 1, 1, tzinfo=UTC)
    while day < end:
        following = day + timedelta(days=7)
        if day.astimezone(where).utcoffset() != following.astimezone(where).utcoffset():
            low, high = int(day.timestamp()), int(following.timestamp())
            before = day.astimezone(where).utcoffset()
            while high - low > 1:
                middle = (low + high) // 2
                same = datetime.fromtimestamp(middle, where).utcoffset() == before
                low, high = (middle, high) if same else (low, middle)
            found.append(float(high))
        day = following
    return found


def check_transition(name: str, moment: float, minute: int) -> None:
    """Around a transition, by brute force over every minute of wall-clock time: each day's time comes once, in order."""
    where = zone(name)
    around = datetime.fromtimestamp(moment, where).replace(tzinfo=None)
    for hour in {around.hour, (around.hour - 1) % 24, (around.hour + 1) % 24}:
        rule = parse({"frequency": "Day", "interval": 1, "hours": [hour], "minutes": [minute], "time_zone": name}, 0.0)
        begin = moment - 3 * 86400
        days = [around.date() + timedelta(days=n) for n in range(-5, 7)]
        expected = set()
        for day in days:
            wall = datetime(day.year, day.month, day.day, hour, minute)
            real = [t.timestamp() for fold in (0, 1) if _is_real(t := wall.replace(tzinfo=where, fold=fold))]
            expected.add(min(real) if real else _next_valid(wall, where))
        wanted = sorted(t for t in expected if begin < t < moment + 3 * 86400)
        got = list(itertools.takewhile(lambda t: t < moment + 3 * 86400, rule.all_after(begin)))
        assert got == wanted, (name, moment, hour)
        same = parse({"cron": f"{minute} {hour} * * *", "time_zone": name}, 0.0)
        assert list(itertools.takewhile(lambda t: t < moment + 3 * 86400, same.all_after(begin))) == wanted
        for known in got:
            assert rule.after(known - 0.5) == known


def check_every_hour(name: str, moment: float, minute: int) -> None:
    """Around a transition, a cron expression for every hour comes whenever the clocks there show that minute."""
    where, begin, end = zone(name), int(moment) - 7200, int(moment) + 7200
    shown = (t for t in range(begin + 60, end, 60) if datetime.fromtimestamp(t, where).minute == minute)
    rule = parse({"cron": f"{minute} * * * *", "time_zone": name}, 0.0)
    assert list(itertools.takewhile(lambda t: t < end, rule.all_after(begin))) == list(shown), (name, moment)


def _offset(at: float, name: str) -> object:
    return datetime.fromtimestamp(at, zone(name)).utcoffset()


def _is_real(t: datetime) -> bool:
    back = t.astimezone(UTC).astimezone(t.tzinfo)
    return back.replace(tzinfo=None, fold=0) == t.replace(tzinfo=None, fold=0)


def _next_valid(wall: datetime, where: object) -> float:
    """The first real wall-clock minute after a skipped one."""
    while not _is_real(wall.replace(tzinfo=where)):  # type: ignore[arg-type]
        wall += timedelta(minutes=1)
    return wall.replace(tzinfo=where).timestamp()  # type: ignore[arg-type]


ALL_ZONES = sorted(n for n in available_timezones() if n not in ("localtime", "Factory"))


@pytest.mark.slow
def test_transitions_of_ten_years_in_every_zone() -> None:
    seen: dict[tuple[tuple[float, object, object], ...], str] = {}  # zones that are links to each other need one look
    for name in ALL_ZONES:
        moments = _transitions(name, 2019, 10)
        seen.setdefault(tuple((m, *(_offset(m - before, name) for before in (1, 0))) for m in moments), name)
    assert len(ALL_ZONES) > 400 and len(seen) > 40
    for found, name in seen.items():
        for moment, *_ in found:
            check_transition(name, moment, 30)
            check_every_hour(name, moment, 30)


def test_an_instant_of_a_time_that_is_neither_skipped_nor_repeated() -> None:
    assert instant(datetime(2024, 6, 1, 12), zone(NEW_YORK)) == at("2024-06-01T12:00", NEW_YORK)
