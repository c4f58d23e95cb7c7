"""After a submission: what is said of the run; on request its way to its end, the exit code by how it ended, and what a build is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from penstock.cli import ci, logs, places
from penstock.cli.client import Client, segment
from penstock.cli.following import Follower
from penstock.cli.places import Place
from penstock.cli.printing import print_json
from penstock.cli.progress import StepLines
from penstock.cli.runs import detail_of
from penstock.cli.showing import trouble_lines
from penstock.cli.terminal import Look, printable
from penstock.cli.trouble import FAILED, INTERRUPTED, Trouble

Json = dict[str, Any]


@dataclass(frozen=True)
class Submitted:
    """A run, and where it is followed."""

    place: Place
    client: Client
    run: Json
    notes: list[str]
    what: str

    @property
    def runs(self) -> str:
        return places.runs_path(self.run["workspace"])

    @property
    def path(self) -> str:
        return f"{self.runs}/{segment(self.run['id'])}"


@dataclass(frozen=True)
class Showing:
    """How much is said, and to whom."""

    as_json: bool
    quiet: bool
    with_logs: bool
    kept: str | None
    build: ci.Build | None

    @property
    def is_silent(self) -> bool:
        return self.as_json or self.quiet

    @property
    def tame(self) -> Callable[[str], str]:
        return str if self.build is None else ci.tame


def say_submitted(made: Submitted, showing: Showing) -> int:
    """The run's id and how to follow it. The exit code."""
    keep(showing.kept, made.run)
    if showing.as_json:
        steps = made.client.get(f"{made.path}/children")["value"]
        print_json({"run": made.run, "children": steps})
    elif showing.quiet:
        click.echo(made.run["id"])
    else:
        _announce(made, showing.tame)
        click.echo(f"Follow it: {made.place.shown}penstock run logs -f {made.run['id']}")
    return 0


def follow_to_the_end(made: Submitted, showing: Showing) -> int:
    """Show how it goes until it is over. The exit code by how it ended."""
    try:
        if not showing.is_silent:
            _announce(made, showing.tame)
        _follow(made, showing)
        detail = logs.asked(made.place, lambda server: detail_of(server, made.run["workspace"], made.run["id"]))
    except KeyboardInterrupt:
        logs.say_it_goes_on(made.place, made.runs, made.run)
        return INTERRUPTED
    except Trouble as trouble:
        raise logs.lost_sight(made.place, made.run, trouble) from None
    keep(showing.kept, detail["run"])
    if showing.as_json:
        print_json(detail)
    elif not showing.quiet:
        for line in trouble_lines(detail, Look.of_stdout()):
            click.echo(showing.tame(line))
    if showing.build is not None:
        _tell(showing.build, made, detail, on_stderr=showing.as_json)
    return 0 if detail["run"]["status"] == "Completed" else FAILED


def keep(file: str | None, run: Json) -> None:
    """Write the run's JSON to a file, if one was named."""
    if file is None:
        return
    try:
        Path(file).write_text(json.dumps(run, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise Trouble(
            f"The run {run['id']} was submitted, but '{file}' cannot be written: {error.strerror}. Name another file."
        ) from None


def _announce(made: Submitted, tame: Callable[[str], str]) -> None:
    for note in made.notes:
        click.echo(tame(printable(note)))
    what = tame(printable(made.what))
    click.echo(f"Submitted run {made.run['id']} of {what} in experiment '{made.run['experiment']}'.")
    click.echo(f"Its page: {made.run['url']}")


def _follow(made: Submitted, showing: Showing) -> None:
    steps = logs.asked(made.place, lambda server: server.get(f"{made.path}/children"))["value"]
    kind = Follower if showing.with_logs else StepLines
    follower = kind(made.run, steps, Look.of_stdout(), showing.tame)
    take = follower.note if showing.is_silent else follower.show
    try:
        for line in logs.lines(made.place, made.runs, made.run["id"], logs=showing.with_logs):
            take(line)
    finally:
        follower.clear()
    if not showing.is_silent:
        follower.finish(as_json=False)


def _tell(build: ci.Build, made: Submitted, detail: Json, *, on_stderr: bool) -> None:
    """Annotations, and the summary. A build reads both of what it runs: where stdout is JSON they go to stderr."""
    is_good = detail["run"]["status"] == "Completed"
    graph = {} if is_good else logs.asked(made.place, lambda server: server.get(f"{made.path}/graph"))
    said = [build.issue(issue) for issue in ci.issues(build, detail, graph)]
    try:
        said.append(build.summarize(made.run["id"], ci.summary(detail)))
    except OSError as error:
        said.append(build.issue(ci.Issue(f"The build's summary cannot be written: {error}.", kind="warning")))
    for line in filter(None, said):
        click.echo(line, err=on_stderr)
