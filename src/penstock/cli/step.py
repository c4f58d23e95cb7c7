"""`penstock step debug`: one step of a run in the foreground, with its real inputs and a place of its own for all that it writes."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Any

import click

from penstock.cli import places, terminal
from penstock.cli.client import segment
from penstock.cli.commands import LazyGroup, home_option, workspace_option
from penstock.cli.finding import complete_run_id, find_run, find_step
from penstock.cli.trouble import FAILED, Trouble
from penstock.compute import foreground
from penstock.model.errors import PenstockError

Json = dict[str, Any]
# What a person at a terminal brings that a step has not; nothing of it is the script's business otherwise.
OF_THE_TERMINAL = ("TERM", "COLUMNS", "LINES", "COLORTERM", "DISPLAY", "PYTHONBREAKPOINT")


@click.group(
    cls=LazyGroup,
    lazy={"debug": ("penstock.cli.step", "debug", "Run a step in the foreground, with stdin free for pdb.")},
)
def step() -> None:
    """Look into one step of a run."""


@click.command()
@click.argument("run_id", metavar="RUN", shell_complete=complete_run_id)
@click.argument("step_name", metavar="STEP")
@click.option(
    "--into", type=click.Path(file_okay=False), help="A new folder for what it writes. Default: a temporary one."
)
@workspace_option
@home_option
def debug(run_id: str, step_name: str, into: str | None, workspace: str | None, home: str | None) -> int:
    """Run a step in the foreground: its inputs, its source files as submitted, its environment and interpreter; stdin is
    the terminal's, so breakpoint() and input() work.

    What it writes goes to a scratch folder, which is named and kept. Nothing is recorded in the run: metrics, tags and
    uploaded files of the script land in the scratch folder too. (What it registers with the workspace, a model or a
    dataset, is registered.) Exits with the script's own status.
    """
    client = places.server(places.place(home))
    found = find_run(client, run_id, workspace, Path.cwd())
    path = places.runs_path(found["workspace"])
    chosen = find_step(client.get(f"{path}/{segment(found['id'])}/children")["value"], step_name)
    scratch = _scratch(chosen["name"], into)
    job: Json = client.get(f"{path}/{segment(chosen['id'])}/job", {"folder": str(scratch)})
    try:
        foreground.lay_out(job, scratch)
    except PenstockError as error:
        raise Trouble(error.message, FAILED) from error
    name = terminal.printable(chosen["name"])
    click.echo(f"Step '{name}' of run {terminal.short(found['id'])}, by hand. Nothing of it is recorded.", err=True)
    click.echo(
        f"It works in {scratch / foreground.WORK}; what it writes to its outputs is in {scratch / 'outputs'}.", err=True
    )
    try:
        status = foreground.run(job, scratch, {k: os.environ[k] for k in OF_THE_TERMINAL if k in os.environ})
    except PenstockError as error:
        raise Trouble(error.message, FAILED) from error
    click.echo(f"Step '{name}' ended with status {status}. See what it left: {scratch}", err=True)
    return status


def _scratch(name: str, into: str | None) -> Path:
    """A new and empty folder."""
    if into is None:
        return Path(tempfile.mkdtemp(prefix="penstock-" + re.sub(r"\W+", "-", name)[:40] + "-")).resolve()
    folder = Path(into).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise Trouble(f"{folder} is not empty. Name a new folder, or leave --into out.")
    except OSError as error:
        raise Trouble(f"{folder} cannot be made: {error.strerror}. Name another folder.") from error
    return folder
