"""A followed run on the screen: log lines led by their step, and on a terminal a last line that says how far it is."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import click

from penstock.cli.terminal import GLYPHS, TERMINAL, Look, cut, printable, short, width

Json = dict[str, Any]
STEP_COLOURS = ("cyan", "magenta", "blue", "yellow", "green", "bright_cyan", "bright_magenta", "bright_blue")


class Follower:
    """Shows stream lines as they come. Keeps the statuses of the steps to draw the progress line."""

    def __init__(self, run: Json, steps: list[Json], look: Look, tame: Callable[[str], str] = str) -> None:
        """`tame` is asked of all text that comes from elsewhere before it is printed."""
        self.look, self.tame = look, tame
        self.root = run["id"]
        self.names = {s["id"]: tame(printable(s["name"])) for s in steps} or {
            run["id"]: printable(run.get("name") or "")
        }
        self.has_lead = len(steps) > 1
        self.lead = min(max((width(n) for n in self.names.values()), default=0), 24)
        self.statuses = {s["id"]: "NotStarted" for s in steps}
        self.status = run["status"]
        self.n_reused = 0
        self.partial: dict[str, str] = {}
        self.is_drawn = False

    def note(self, line: Json) -> None:
        """Keep what `line` says of a status."""
        if event := line.get("event"):
            status = (event.get("body") or {}).get("status")
            if status and event["run_id"] == self.root:
                self.status = status
                self.n_reused = event["body"].get("n_reused") or 0
            elif status:
                self.statuses[event["run_id"]] = status

    def show(self, line: Json) -> None:
        """Print what `line` brings."""
        self.note(line)
        if log := line.get("log"):
            self._log(log["run_id"], log["text"])
        elif event := line.get("event"):
            self._event(event)
        self._draw()

    def finish(self, *, as_json: bool) -> None:
        """Print what is left of unfinished lines, and how it ended."""
        self.clear()
        if as_json:
            return
        for run_id, rest in list(self.partial.items()):
            if rest:
                self._line(run_id, rest)
        self.partial.clear()
        reused = f"  {self.n_reused} of {len(self.statuses)} steps reused" if self.n_reused else ""
        click.echo(f"{self.look.status(self.status)}  run {short(self.root)}{reused}")

    def clear(self) -> None:
        """Take the progress line away."""
        if self.is_drawn:
            click.echo("\r\x1b[2K", nl=False)
            self.is_drawn = False

    def _log(self, run_id: str, text: str) -> None:
        *whole, rest = (self.partial.get(run_id, "") + text).split("\n")
        self.partial[run_id] = rest
        if whole:
            self.clear()
        for one in whole:
            self._line(run_id, one)

    def _line(self, run_id: str, text: str) -> None:
        text = self.tame(text.rstrip("\r"))
        if not self.has_lead:
            click.echo(text)
            return
        name = cut(self.names.get(run_id, short(run_id)), self.lead)
        bar = "│" if self.look.has_glyphs else "|"
        padded = name + " " * (self.lead - width(name))
        click.echo(f"{self.look.paint(padded, self._colour(run_id))} {self.look.paint(bar, dim=True)} {text}")

    def _event(self, event: Json) -> None:
        """Only ends are worth a line; everything else is in the progress line and in the story."""
        status = (event.get("body") or {}).get("status")
        if status not in TERMINAL or event["run_id"] == self.root or not self.has_lead:
            return
        self.clear()
        rest = self.partial.pop(event["run_id"], "")
        if rest:
            self._line(event["run_id"], rest)
        self._line(event["run_id"], self.look.status(status))

    def _draw(self) -> None:
        if not self.look.is_tty or not self.statuses or self.status in TERMINAL:
            return
        columns = shutil.get_terminal_size().columns
        text = cut(self._progress(), max(columns - 1, 20))
        click.echo("\r\x1b[2K" + self.look.paint(text, dim=True), nl=False)
        self.is_drawn = True

    def _progress(self) -> str:
        done = sum(s in TERMINAL for s in self.statuses.values())
        busy = [self.names.get(i, "") for i, s in self.statuses.items() if s not in TERMINAL and s != "NotStarted"]
        glyph = GLYPHS["Running"][0 if self.look.has_glyphs else 1]
        return f"{glyph} {done} of {len(self.statuses)} steps done" + (f", running: {', '.join(busy)}" if busy else "")

    def _colour(self, run_id: str) -> str:
        place = list(self.names).index(run_id) if run_id in self.names else 0
        return STEP_COLOURS[place % len(STEP_COLOURS)]
