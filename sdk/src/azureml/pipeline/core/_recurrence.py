"""ScheduleRecurrence: how often a schedule is due, and what of it goes to the server, comes back, or stands in a YAML file."""

from azureml.pipeline.core._time_zone import TimeZone

_FREQUENCIES = ("Minute", "Hour", "Day", "Week", "Month")
_WEEK_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class ScheduleRecurrence:
    """Every `interval` units of `frequency`; times of day and days of the week narrow it. Without a zone, times are UTC."""

    def __init__(
        self,
        frequency,
        interval,
        start_time=None,
        time_zone=None,
        hours=None,
        minutes=None,
        week_days=None,
        time_of_day=None,
    ):
        self.frequency = frequency
        self.interval = interval
        self.start_time = _start_time(start_time)
        self.time_zone = time_zone or (TimeZone.UTC if start_time is not None else None)
        if time_of_day is not None:
            if hours is not None or minutes is not None:
                raise ValueError("time_of_day cannot be given together with hours or minutes.")
            hours, minutes = _time_of_day(time_of_day)
        self.hours = hours
        self.minutes = minutes
        self.week_days = week_days
        self.time_of_day = time_of_day

    def validate(self):
        """ValueError when the recurrence cannot be."""
        if self.frequency not in _FREQUENCIES:
            raise ValueError(
                "frequency must be one of {}, but is {!r}.".format(", ".join(_FREQUENCIES), self.frequency)
            )
        if isinstance(self.interval, bool) or not isinstance(self.interval, int) or self.interval < 1:
            raise ValueError("interval must be a whole number of 1 or more, but is {!r}.".format(self.interval))
        if (self.hours is not None or self.minutes is not None) and self.frequency not in ("Day", "Week"):
            raise ValueError("hours and minutes can only be given for frequency Day or Week.")
        if self.week_days is not None and self.frequency != "Week":
            raise ValueError("week_days can only be given for frequency Week.")
        _in_range(self.hours, "hours", 23)
        _in_range(self.minutes, "minutes", 59)
        for day in self.week_days or ():
            if day not in _WEEK_DAYS:
                raise ValueError("week_days must be full English names such as Monday, but one is {!r}.".format(day))


def _start_time(start_time):
    if start_time is None or isinstance(start_time, str):
        return start_time
    if getattr(start_time, "tzinfo", None) is not None:
        raise ValueError("start_time must not carry a time zone: give it as time_zone.")
    return start_time.strftime("%Y-%m-%dT%H:%M:%S")


def _time_of_day(text):
    hour, mark, minute = text.partition(":") if isinstance(text, str) else ("", "", "")
    if not (mark and hour.isdigit() and minute.isdigit() and int(hour) <= 23 and int(minute) <= 59):
        raise ValueError("time_of_day must be 'hh:mm', but is {!r}.".format(text))
    return [int(hour)], [int(minute)]


def _in_range(values, what, most):
    for value in values if isinstance(values, (list, tuple)) else () if values is None else (values,):
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
            raise ValueError("{} must be whole numbers from 0 to {}, but one is {!r}.".format(what, most, value))


_RECURRENCE_KEYS = ("frequency", "interval", "start_time", "time_zone", "hours", "minutes", "week_days", "time_of_day")


def sent(recurrence, more):
    """A recurrence as the server takes it: a ScheduleRecurrence, or a cron expression."""
    if recurrence is None:
        return None
    if isinstance(recurrence, str):
        zone = more.get("time_zone")
        return dict({"cron": recurrence}, **({"time_zone": getattr(zone, "value", zone)} if zone else {}))
    recurrence.validate()
    zone = recurrence.time_zone
    found = {
        "frequency": recurrence.frequency,
        "interval": recurrence.interval,
        "start_time": recurrence.start_time,
        "time_zone": getattr(zone, "value", zone),
        "hours": recurrence.hours,
        "minutes": recurrence.minutes,
        "week_days": recurrence.week_days,
    }
    return {k: v for k, v in found.items() if v is not None}


def recurrence_of(dto):
    """What the server says of a recurrence: a ScheduleRecurrence, or a cron expression."""
    if not dto:
        return None
    if dto.get("cron"):
        return dto["cron"]
    zone = dto.get("time_zone")
    known = {member.value: member for member in TimeZone}
    return ScheduleRecurrence(
        dto["frequency"],
        dto.get("interval", 1),
        dto.get("start_time"),
        known.get(zone, zone),
        dto.get("hours"),
        dto.get("minutes"),
        dto.get("week_days"),
    )


def from_yaml(found, filename):
    if isinstance(found, str):
        return found
    unknown = sorted(set(found) - set(_RECURRENCE_KEYS))
    if unknown:
        raise ValueError("{}: the recurrence has an unknown key {}.".format(filename, unknown[0]))
    values = {key: found.get(key) for key in _RECURRENCE_KEYS}
    zone = values["time_zone"]
    if isinstance(zone, str):
        members = {member.name: member for member in TimeZone}
        members.update((member.value, member) for member in TimeZone)
        values["time_zone"] = members.get(zone, zone)
    return ScheduleRecurrence(**values)


def said(recurrence):
    """A recurrence in words."""
    if recurrence is None:
        return "Runs when data changes"
    if isinstance(recurrence, str):
        return "Runs at {}".format(recurrence)
    text = "Runs every {}".format(
        recurrence.frequency if recurrence.interval == 1 else "{} {}s".format(recurrence.interval, recurrence.frequency)
    )
    if recurrence.week_days:
        text += " on " + ", ".join(recurrence.week_days)
    if recurrence.hours is not None or recurrence.minutes is not None:
        hours, minutes = recurrence.hours or [0], recurrence.minutes or [0]
        text += " at " + ", ".join("{:02d}:{:02d}".format(h, m) for h in hours for m in minutes)
    return text
