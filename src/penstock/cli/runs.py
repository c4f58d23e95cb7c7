"""`penstock run …`: list, show, cancel. Following logs is in logs.py."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from penstock.cli import ci, places, terminal
from penstock.cli.client import Client, segment
from penstock.cli.commands import LazyGroup, home_option, json_option, quiet_option, workspace_option
from penstock.cli.finding import complete_run_id, find_run
from penstock.cli.printing import print_json
from penstock.cli.showing import show_lines
from penstock.cli.terminal import Look
from penstock.cli.trouble import FAILED

STATUSES = list(terminal.GLYPHS)


@click.group(
    cls=LazyGroup,
    lazy={
        "list": ("penstock.cli.runs", "list_runs", "The latest runs, newest first."),
        "show": ("penstock.cli.runs", "show", "One run: its steps, why one failed, outputs and metrics."),
        "logs": ("penstock.cli.logs", "logs", "What a run printed; -f follows it."),
        "cancel": ("penstock.cli.runs", "cancel", "Ask a run to stop."),
        "submit-pipeline": ("penstock.cli.submitting", "submit", "Run a published pipeline; --wait follows it."),
        "resume": ("penstock.cli.runs", "resume", "Run again what of a run did not complete."),
        "pin": ("penstock.cli.clearing", "pin", "Never clear away what a run points at."),
        "unpin": ("penstock.cli.clearing", "unpin", "Let that be cleared away again."),
    },
)
def run() -> None:
    """Submit, list, show, follow, cancel and resume runs.

    RUN is a run id, as many of its first characters as make it the only one, or 'latest'.
    """


@click.command("list")
@click.option("-e", "--experiment", metavar="NAME", help="Only runs of this experiment.")
@click.option("-s", "--status", type=click.Choice(STATUSES, case_sensitive=False), help="Only runs in this status.")
@click.option("-n", "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="At most so many.")
@workspace_option
@home_option
@json_option
def list_runs(
    experiment: str | None, status: str | None, limit: int, workspace: str | None, home: str | None, as_json: bool
) -> None:
    """The latest runs, newest first."""
    client = places.server(places.place(home))
    names = places.meant_workspaces(client, workspace, Path.cwd())
    path = places.runs_path(names[0]) if len(names) == 1 else "runs"
    page = client.get(path, {"experiment": experiment, "status": status, "limit": limit})
    if as_json:
        print_json(page)
        return
    runs = page["value"]
    if not runs:
        narrowed = " like that" if experiment or status else ""
        place = f"Workspace '{names[0]}'" if len(names) == 1 else "This server"
        click.echo(f"{place} has no runs{narrowed} yet.")
        return
    look, now = Look.of_stdout(), terminal.utc_now()
    headers, rows = (
        ["", "RUN", "EXPERIMENT", "NAME", "STARTED", "DURATION", "STEPS"],
        [_row(r, look, now) for r in runs],
    )
    if len(names) > 1:
        headers.insert(2, "WORKSPACE")
        rows = [[*row[:2], r["workspace"], *row[2:]] for r, row in zip(runs, rows, strict=True)]
    click.echo(terminal.table(headers, rows, look, limit=36))
    if page.get("next"):
        click.echo(look.paint(f"Older runs are there too: --limit {limit * 5}", dim=True))


def _row(run: dict[str, Any], look: Look, now: datetime) -> list[str]:
    return [
        look.glyph(run["status"]),
        terminal.short(run["id"]),
        run["experiment"],
        run.get("display_name") or run.get("name") or "",
        terminal.when(run.get("started_at") or run["created_at"], now),
        terminal.duration(run.get("started_at"), run.get("ended_at"), now),
        _steps(run),
    ]


def _steps(run: dict[str, Any]) -> str:
    n, n_reused = run.get("n_steps"), run.get("n_reused")
    return "" if n is None else f"{n}, {n_reused} reused" if n_reused else str(n)


@click.command()
@click.argument("run_id", metavar="RUN", shell_complete=complete_run_id)
@workspace_option
@home_option
@json_option
@quiet_option
def show(run_id: str, workspace: str | None, home: str | None, as_json: bool, quiet: bool) -> int:
    """One run: its steps, why one failed or was not started, outputs, metrics and its page.

    Exits with 1 when the run failed or was canceled, so that a script can ask.
    """
    client = places.server(places.place(home))
    found = find_run(client, run_id, workspace, Path.cwd())
    outcome = FAILED if found["status"] in ("Failed", "Canceled") else 0
    if quiet and not as_json:
        return outcome
    detail = detail_of(client, found["workspace"], found["id"])
    if as_json:
        print_json(detail)
    else:
        tame = ci.tame_in(os.environ)
        for line in show_lines(detail, Look.of_stdout(), terminal.utc_now()):
            click.echo(tame(line))
    return outcome


def detail_of(client: Client, workspace: str, run_id: str) -> dict[str, Any]:
    """The run and what belongs to it, each as the API gives it."""
    path = f"{places.runs_path(workspace)}/{segment(run_id)}"
    return {
        "run": client.get(path),
        "children": client.get(f"{path}/children")["value"],
        "outputs": _items(client.get(f"{path}/outputs")),
        "metrics": _items(client.get(f"{path}/metrics", {"recursive": 1})),
    }


def _items(answer: Any) -> list[dict[str, Any]]:
    """A list, whether the call answers it bare or as a collection."""
    items: list[dict[str, Any]] = answer["value"] if isinstance(answer, dict) else answer
    return items


@click.command()
@click.argument("run_id", metavar="RUN", shell_complete=complete_run_id)
@click.option("--reason", metavar="TEXT", help="Why; it is kept with the run.")
@workspace_option
@home_option
@json_option
@quiet_option
def cancel(
    run_id: str, reason: str | None, workspace: str | None, home: str | None, as_json: bool, quiet: bool
) -> None:
    """Ask a run to stop. It is Canceled once no process of it is left."""
    client = places.server(places.place(home))
    found = find_run(client, run_id, workspace, Path.cwd())
    path = f"{places.runs_path(found['workspace'])}/{segment(found['id'])}"
    answer = client.post(f"{path}/cancel", {"reason": reason} if reason else {})
    if as_json:
        print_json(answer)
    elif not quiet:
        click.echo(_canceled(found))


@click.command()
@click.argument("run_id", metavar="RUN", shell_complete=complete_run_id)
@workspace_option
@home_option
@json_option
@quiet_option
def resume(run_id: str, workspace: str | None, home: str | None, as_json: bool, quiet: bool) -> None:
    """Start a new run of the same graph and parameters in which the steps that completed in RUN are taken over: their outputs
    are pointed at, not made again. A step whose outputs are gone or were changed runs again, with what reads them.

    Code and arguments are those of RUN as it was submitted: to run changed code, submit the pipeline again.

    It prints the new run's id.
    """
    client = places.server(places.place(home))
    found = find_run(client, run_id, workspace, Path.cwd())
    body = {"resume_from": found["root_id"], "idempotency_key": os.urandom(16).hex()}
    answer = client.post(places.runs_path(found["workspace"]), body)
    if as_json:
        print_json(answer)
        return
    if quiet:
        click.echo(answer["run"]["id"])
        return
    for note in answer["notes"]:
        click.echo(note)
    click.echo(
        f"Submitted run {answer['run']['id']}. Follow it: penstock run logs -f {terminal.short(answer['run']['id'])}"
    )


def _canceled(before: dict[str, Any]) -> str:
    name = terminal.short(before["id"])
    if before["status"] in terminal.TERMINAL:
        return f"Run {name} is {before['status']} already; nothing was changed."
    return f"Run {name} was asked to stop. See how it ends: penstock run show {name}"
