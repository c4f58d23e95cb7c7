"""Time zones by their IANA names and by the Windows names that Azure's schedules use. Pure: the tables come with packages."""

from __future__ import annotations

import difflib
from functools import cache
from zoneinfo import ZoneInfo

# Names that Azure takes and the Unicode table lacks or spells otherwise.
_MORE = {
    "utc": "UTC",
    "central european standard time": "Europe/Warsaw",
    "mid-atlantic standard time": "Etc/GMT+2",
    "kamchatka standard time": "Asia/Kamchatka",
    "haiti standard time": "America/Port-au-Prince",
}


@cache
def zone(name: str) -> ZoneInfo:
    """The zone called `name`; ValueError says how it could have been meant."""
    known = _windows()
    wanted = known.get(name.lower(), name)
    try:
        return ZoneInfo(wanted)
    except (OSError, ValueError, KeyError):
        near = difflib.get_close_matches(name.lower(), [*known, *(n.lower() for n in _iana())], n=1)
        hint = f"Did you mean '{_spelled(near[0])}'? " if near else ""
        raise ValueError(
            f"There is no time zone '{name}'. {hint}Give an IANA name such as Europe/Berlin, or a Windows name such as "
            "'W. Europe Standard Time'."
        ) from None


@cache
def _windows() -> dict[str, str]:
    from tzlocal.windows_tz import win_tz

    return {**{name.lower(): iana for name, iana in win_tz.items()}, **_MORE}


@cache
def _iana() -> dict[str, str]:
    from zoneinfo import available_timezones

    return {n.lower(): n for n in available_timezones()}


def _spelled(name: str) -> str:
    from tzlocal.windows_tz import win_tz

    return _iana().get(name) or {n.lower(): n for n in win_tz}.get(name, name)
