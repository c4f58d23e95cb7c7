"""How things look on a terminal: colours, status glyphs, tables, times, durations. Pure but for asking what stdout is."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import click

GLYPHS = {
    "Completed": ("✔", "+", "green"),
    "Failed": ("✖", "x", "red"),
    "Canceled": ("⊘", "-", "yellow"),
    "CancelRequested": ("⊘", "-", "yellow"),
    "Running": ("●", "*", "cyan"),
    "Finalizing": ("●", "*", "cyan"),
    "Starting": ("◐", "o", "cyan"),
    "Preparing": ("◐", "o", "cyan"),
    "Queued": ("◌", ".", "blue"),
    "NotStarted": ("○", ".", "bright_black"),
}
TERMINAL = frozenset({"Completed", "Failed", "Canceled"})
ACTIVE = tuple(s for s in GLYPHS if s not in TERMINAL)


@dataclass(frozen=True)
class Look:
    """What the output can show."""

    has_colour: bool
    has_glyphs: bool
    is_tty: bool

    @classmethod
    def of_stdout(cls) -> Look:
        tty = sys.stdout.isatty()
        plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
        encoding = (getattr(sys.stdout, "encoding", None) or "ascii").lower().replace("-", "")
        return cls(tty and not plain, encoding.startswith("utf"), tty)

    def paint(self, text: str, colour: str | None = None, *, bold: bool = False, dim: bool = False) -> str:
        if not self.has_colour:
            return text
        return click.style(text, fg=colour, bold=bold or None, dim=dim or None)

    def glyph(self, status: str) -> str:
        fancy, plain, colour = GLYPHS.get(status, ("?", "?", "white"))
        return self.paint(fancy if self.has_glyphs else plain, colour)

    def status(self, status: str) -> str:
        """The glyph and the word, in the status's colour."""
        return f"{self.glyph(status)} {self.paint(status, GLYPHS.get(status, ('', '', 'white'))[2])}"

    def heading(self, text: str) -> str:
        return self.paint(text, bold=True)


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], look: Look, *, limit: int = 48) -> str:
    """Columns aligned by what is seen, cells cut at `limit` columns."""
    cells = [[cut(printable(c), limit) if "\x1b" not in c else c for c in row] for row in rows]
    widths = [max([width(h), *(width(r[i]) for r in cells)]) for i, h in enumerate(headers)]
    lines = [look.paint(_line(headers, widths), dim=True)] if any(headers) else []
    lines.extend(_line(row, widths) for row in cells)
    return "\n".join(lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(c + " " * (w - width(c)) for c, w in zip(cells, widths, strict=True)).rstrip()


def width(text: str) -> int:
    """How many columns `text` takes, colours not counted, wide characters as two."""
    bare = click.unstyle(text)
    if bare.isascii():
        return len(bare)
    return sum(_columns(c) for c in bare)


def _columns(character: str) -> int:
    if unicodedata.combining(character) or character in "\u200d\ufe0f":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, limit: int) -> str:
    """`text` in at most `limit` columns."""
    if width(text) <= limit:
        return text
    while width(text) > limit - 1:
        text = text[:-1]
    return text + "…"


def printable(text: str) -> str:
    """`text` on one line, without what would move the cursor: names come from anywhere."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" if ord(c) < 32 else " " for c in text)


def short(run_id: str) -> str:
    """The part of a run id that people read and type."""
    return run_id[:8]


def moment(text: str | None) -> datetime | None:
    """An API time as an aware datetime."""
    if not text:
        return None
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def when(text: str | None, now: datetime) -> str:
    """A time in local time with its relative form: `18:58:04 (2 min ago)`."""
    at = moment(text)
    if at is None:
        return "-"
    local = at.astimezone()
    form = "%H:%M:%S" if local.date() == now.astimezone().date() else "%Y-%m-%d %H:%M"
    return f"{local.strftime(form)} ({ago((now - at).total_seconds())})"


def ago(seconds: float) -> str:
    """How long ago, in words as short as they can be."""
    if seconds <= -5:
        return "in " + _rough(-seconds)
    if seconds < 5:
        return "just now"
    return _rough(seconds) + " ago"


def _rough(seconds: float) -> str:
    for size, unit in ((86400 * 365, "y"), (86400 * 30, "mo"), (86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"


def duration(start: str | None, end: str | None, now: datetime) -> str:
    """From `start` to `end`, or until now."""
    begun = moment(start)
    if begun is None:
        return "-"
    return span(((moment(end) or now) - begun).total_seconds())


def span(seconds: float) -> str:
    """A length of time: `40 ms`, `0.4 s`, `12 s`, `3 min 04 s`, `2 h 05 min`."""
    seconds = max(seconds, 0.0)
    if seconds < 0.1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    whole = int(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def size(n_bytes: float) -> str:
    """A size people read."""
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}" if unit == "B" or n_bytes >= 100 else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} TB"


def counted(n: int, what: str) -> str:
    """`1 output`, `2 outputs`."""
    return f"{n} {what}{'' if n == 1 else 's'}"


def utc_now() -> datetime:
    return datetime.now(UTC)
