"""A followed run as a line per step, without what the steps print. On a terminal those under way stay at the bottom; elsewhere each
change is a line."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import click

from penstock.cli import terminal
from penstock.cli.following import Follower
from penstock.cli.terminal import TERMINAL, Look, cut, width

Json = dict[str, Any]
LEAST_COLUMNS = 64
"""A terminal narrower than this would break the lines of steps."""


class StepLines(Follower):
    """Shows stream lines as they come; log text among them is left out."""

    def __init__(self, run: Json, steps: list[Json], look: Look, tame: Callable[[str], str] = str) -> None:
        super().__init__(run, steps, look, tame)
        self.begun: dict[str, str] = {}
        self.n_drawn = 0

    def show(self, line: Json) -> None:
        self.note(line)
        if event := line.get("event"):
            self._change(event)
        self._draw()

    def clear(self) -> None:
        if self.n_drawn:
            click.echo("\r" + "\x1b[A" * (self.n_drawn - 1) + "\x1b[J", nl=False)
            self.n_drawn = 0

    def _change(self, event: Json) -> None:
        run_id, status = event["run_id"], (event.get("body") or {}).get("status")
        if run_id == self.root or not status:
            return
        if event["name"] == "requeued":
            self._say(run_id, f"{self.look.glyph(status)} Tried again", str(event["body"].get("message") or ""))
        elif status in TERMINAL:
            self._say(run_id, self.look.status(status), self._ending(event))
        elif status == "Running":
            self.begun[run_id] = event["at"]
            if not self.look.is_tty:
                self._say(run_id, self.look.status(status), "")

    def _ending(self, event: Json) -> str:
        """How long it took, or why it did not run."""
        body, begun = event["body"], self.begun.get(event["run_id"])
        if body.get("reused_run_id"):
            return f"reused from run {terminal.short(body['reused_run_id'])}"
        if begun:
            return terminal.duration(begun, event["at"], terminal.utc_now())
        return str((body.get("error") or {}).get("message") or body.get("message") or "")

    def _say(self, run_id: str, status: str, more: str) -> None:
        self.clear()
        more = self.tame(terminal.printable(more))
        click.echo(f"{self._padded(run_id)}  {status}" + (f"  {more}" if more else ""))

    def _draw(self) -> None:
        if not self.look.is_tty or not self.statuses or self.status in TERMINAL:
            return
        size = shutil.get_terminal_size()
        busy = [i for i, s in self.statuses.items() if s not in TERMINAL and s != "NotStarted"]
        room = max(size.lines - 3, 1) if size.columns >= LEAST_COLUMNS else 0
        done = sum(s in TERMINAL for s in self.statuses.values())
        last = self.look.paint(f"{done} of {len(self.statuses)} steps done", dim=True)
        lines = [*(self._under_way(i) for i in busy[:room]), last]
        self.clear()
        click.echo("\n".join(lines), nl=False)
        self.n_drawn = len(lines)

    def _under_way(self, run_id: str) -> str:
        since = terminal.moment(self.begun.get(run_id))
        text = f"  since {since.astimezone().strftime('%H:%M:%S')}" if since else ""
        return f"{self._padded(run_id)}  {self.look.status(self.statuses[run_id])}{text}"

    def _padded(self, run_id: str) -> str:
        name = cut(self.names.get(run_id, terminal.short(run_id)), self.lead)
        return name + " " * (self.lead - width(name))
