"""How statuses, times, sizes, numbers and events are said on a page. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

TONES = {
    "Completed": "ok",
    "Failed": "bad",
    "Canceled": "stopped",
    "CancelRequested": "stopping",
    "Running": "busy",
    "Finalizing": "busy",
    "Starting": "busy",
    "Preparing": "busy",
    "Queued": "wait",
    "NotStarted": "wait",
}
WORDS = {"NotStarted": "Not started", "CancelRequested": "Canceling"}
EVENTS = {
    "created": "was created",
    "queued": "was handed to its compute",
    "running": "began to run",
    "finalizing": "ended; its outputs are being collected",
    "completed": "completed",
    "failed": "failed",
    "canceled": "was canceled",
    "cancel_requested": "was asked to stop",
    "requeued": "is to be tried again",
    "timed_out": "is out of time",
    "dataset": "left a dataset",
    "output_link": "linked an output to a dataset",
    "warning": "warning",
    "note": "note",
}
EVENT_TONES = {
    "completed": "ok",
    "failed": "bad",
    "canceled": "stopped",
    "cancel_requested": "stopped",
    "requeued": "warn",
    "timed_out": "bad",
    "warning": "warn",
}
TERMINAL = frozenset({"Completed", "Failed", "Canceled"})


@dataclass(frozen=True)
class Badge:
    """A status in a word and a tone (which the style sheet colours)."""

    word: str
    tone: str


@dataclass(frozen=True)
class Moment:
    """A time: `iso` for machines (the page's script shows it in local time), `text` for a reader without the script."""

    iso: str
    text: str


@dataclass(frozen=True)
class Span:
    """A length of time. `since` is set while it still grows, so that the page can count."""

    text: str
    since: str = ""


def badge(status: str) -> Badge:
    return Badge(WORDS.get(status, status), TONES.get(status, "wait"))


def parse_time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None


def moment(text: str | None) -> Moment | None:
    """The moment of an API time; None for none."""
    at = parse_time(text)
    if at is None or text is None:
        return None
    return Moment(text, at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"))


def span(start: str | None, end: str | None, now: datetime) -> Span | None:
    """From `start` to `end`, growing when there is no end; None before the start."""
    begun = parse_time(start)
    if begun is None or start is None:
        return None
    ended = parse_time(end)
    return Span(length(((ended or now) - begun).total_seconds()), "" if ended else start)


def length(seconds: float) -> str:
    """A length of time as people say it; the page's script counts in the same words."""
    seconds = max(seconds, 0.0)
    if seconds < 0.1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{int(seconds)} s"
    whole = int(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def size(n_bytes: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}" if unit == "B" or n_bytes >= 100 else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} TB"


def files(count: int) -> str:
    return f"{count:,} file{'' if count == 1 else 's'}"


def cleared_away(removal: dict[str, Any] | None) -> str:
    """When an output was cleared away, and how long it can be brought back; empty when it was not."""
    if not removal:
        return ""
    at, until = removal["at"][:10], removal["until"]
    back = f". Until {until[:10]} it can be brought back: penstock gc --restore" if until else " and deleted since"
    return f"Cleared away on {at}{back}"


def number(value: Any) -> str:
    """A logged value in few characters: six digits, thousands set apart."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}" if abs(value) < 10**15 else f"{Decimal(value).normalize():.6g}"
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 10**15:
        return f"{value:,.0f}"
    return f"{value:.6g}"


def as_number(value: Any) -> float | None:
    """`value` as a finite number, or None."""
    try:
        known = float(value) if isinstance(value, (bool, int, float)) else math.nan
    except OverflowError:  # a whole number larger than any float
        return None
    return known if math.isfinite(known) else None


def as_numbers(values: Sequence[Any]) -> Sequence[float]:
    """Those of `values` that are finite numbers; of very many that all are, at once."""
    if set(map(type, values)) == {float} and math.isfinite(sum(values)):  # what is not finite makes a sum that is not
        return values
    return [n for v in values if (n := as_number(v)) is not None]


def steps_text(run: Mapping[str, Any]) -> str:
    """How many steps a pipeline run had, and how many of them were reused; '' before it is over, and of other runs."""
    n, n_reused = run.get("n_steps"), run.get("n_reused")
    if n is None:
        return ""
    return f"{n} step{'' if n == 1 else 's'}" + (f", {n_reused} reused" if n_reused else "")


def cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
LINE_LIMIT = 4_000


def log_text(text: str) -> str:
    """A log as a page shows it: no escape codes, what a carriage return overwrote gone, endless lines cut."""
    lines = []
    for line in _ANSI.sub("", text).replace("\r\n", "\n").split("\n"):
        shown = line.rstrip("\r").rpartition("\r")[2] if "\r" in line else line
        if len(shown) > LINE_LIMIT:
            shown = f"{shown[:LINE_LIMIT]}… ({len(shown) - LINE_LIMIT:,} more characters on this line)"
        lines.append(_CONTROL.sub("�", shown))
    return "\n".join(lines)
