"""`penstock cache …`: results that may be reused; forgetting one, and holding their bytes to what was published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from penstock.cli import places, terminal
from penstock.cli.client import Client, segment
from penstock.cli.commands import LazyGroup, home_option, json_option, quiet_option, workspace_option
from penstock.cli.finding import complete_run_id, find_run
from penstock.cli.printing import print_json
from penstock.cli.terminal import Look, counted, printable, short
from penstock.cli.trouble import FAILED
from penstock.cli.why import seen_doing

Json = dict[str, Any]
_MOST_NAMED = 5


@click.group(
    lazy={
        "list": ("penstock.cli.cache", "list_results", "Results that may be reused, newest first."),
        "show": ("penstock.cli.cache", "show", "One result: what it is made of, and what it left."),
        "forget": ("penstock.cli.cache", "forget", "Never reuse what these step runs made."),
        "verify": ("penstock.cli.cache", "verify", "Read the bytes of results, and name what is damaged."),
    },
    cls=LazyGroup,
)
def cache() -> None:
    """Results of steps that may stand for later ones. RUN is a step's run id, or as much of its beginning as is unique."""


@cache.command("list")
@click.option("--step", metavar="NAME", help="Only results of steps of this name.")
@workspace_option
@home_option
@json_option
def list_results(step: str | None, workspace: str | None, home: str | None, as_json: bool) -> None:
    """Results that may be reused, newest first: step, run, size, age, how often and when last they were."""
    client, chosen = _chosen(workspace, home)
    answer = client.get(f"ws/{segment(chosen)}/results", {"step": step} if step else None)
    if as_json:
        print_json(answer)
        return
    found = answer["value"]
    if not found:
        click.echo(f"Workspace '{chosen}' has no results that may be reused{' of that step' if step else ''} yet.")
        return
    look, now = Look.of_stdout(), terminal.utc_now()
    rows = [_row(r, now) for r in found]
    click.echo(terminal.table(["RUN", "STEP", "SIZE", "AGE", "REUSED", "LAST"], rows, look))
    total = sum(r["size_bytes"] for r in found)
    click.echo(look.paint(f"{counted(len(found), 'result')}, {terminal.size(total)}", dim=True))


def _row(result: Json, now: Any) -> list[str]:
    last = terminal.when(result["last_hit"], now) if result["last_hit"] else "-"
    times = f"{result['n_hits']}x" if result["n_hits"] else "-"
    size = terminal.size(result["size_bytes"])
    return [short(result["run_id"]), printable(result["name"]), size, terminal.span(result["age_seconds"]), times, last]


@cache.command()
@click.argument("run_id", metavar="RUN", shell_complete=complete_run_id)
@workspace_option
@home_option
@json_option
def show(run_id: str, workspace: str | None, home: str | None, as_json: bool) -> None:
    """One result: what it is made of, what it left, what it was seen to read."""
    client = places.server(places.place(home))
    result = client.get(_path(client, run_id, workspace))
    if as_json:
        print_json(result)
        return
    look, now = Look.of_stdout(), terminal.utc_now()
    click.echo(f"{look.heading(printable(result['name']))} of run {result['run_id']}")
    last = f", last {terminal.when(result['last_hit'], now)}" if result["last_hit"] else ""
    click.echo(
        f"  completed {terminal.when(result['ended_at'], now)}; reused {counted(result['n_hits'], 'time')}{last}"
    )
    click.echo(f"  fingerprint {result['fingerprint']}")
    for output in result["outputs"]:
        size = "nothing written" if output["kind"] == "missing" else terminal.size(output["size_bytes"])
        click.echo(
            f"  output {output['name']}: {output['datastore']}/{output['path']}  {size}  {output['digest'] or ''}"
        )
    for seen in result["observed"]:
        click.echo(f"  {seen_doing(seen)}")


@cache.command()
@click.argument("run_ids", metavar="RUN...", nargs=-1, required=True, shell_complete=complete_run_id)
@workspace_option
@home_option
@json_option
@quiet_option
def forget(run_ids: tuple[str, ...], workspace: str | None, home: str | None, as_json: bool, quiet: bool) -> None:
    """Never reuse what these step runs made. Their outputs stay, and runs that have reused them keep theirs."""
    client = places.server(places.place(home))
    paths = list(dict.fromkeys(_path(client, run_id, workspace) for run_id in run_ids))
    for path in paths if len(paths) > 1 else ():
        client.get(path)  # or none is forgotten
    answers = [client.delete(path) for path in paths]
    if as_json:
        print_json(answers[0] if len(run_ids) == 1 else {"value": answers})
        return
    for answer in () if quiet else answers:
        click.echo(f"Run {short(answer['run_id'])} of step '{printable(answer['name'])}' is not reused any more.")


@cache.command()
@click.argument("run_id", metavar="[RUN]", required=False, shell_complete=complete_run_id)
@workspace_option
@home_option
@json_option
@quiet_option
def verify(run_id: str | None, workspace: str | None, home: str | None, as_json: bool, quiet: bool) -> int:
    """Read the bytes of one result, or of all, and hold them to what was published. Exits with 1 when something is damaged."""
    if run_id is None:
        client, chosen = _chosen(workspace, home)
        body: Json = {}
    else:
        client = places.server(places.place(home))
        found = find_run(client, run_id, workspace, Path.cwd())
        chosen, body = found["workspace"], {"run_id": found["id"]}
    answer = client.post(f"ws/{segment(chosen)}/results/verify", body)
    outcome = FAILED if answer["damaged"] else 0
    if as_json:
        print_json(answer)
        return outcome
    for each in answer["damaged"]:
        run = f"{printable(each['name'])} ({short(each['run_id'])})"
        click.echo(f"damaged: {run}, output '{each['output']}' at {each['path']}: {printable(each['what'])}")
    if not quiet:
        wrong = list(dict.fromkeys(short(each["run_id"]) for each in answer["damaged"]))
        state = (
            f"{answer['checked'] - len(wrong)} as published, {len(wrong)} damaged" if wrong else "all are as published"
        )
        click.echo(f"{counted(answer['checked'], 'result')}, {terminal.size(answer['size_bytes'])}: {state}.")
        if wrong:
            runs = " ".join(wrong) if len(wrong) <= _MOST_NAMED else "RUN..."
            click.echo(
                f"What is damaged is not reused. Put the files back, or give it up: penstock cache forget {runs}"
            )
    return outcome


def _chosen(workspace: str | None, home: str | None) -> tuple[Client, str]:
    client = places.server(places.place(home))
    return client, places.choose_workspace(client, workspace, Path.cwd())


def _path(client: Client, run_id: str, workspace: str | None) -> str:
    found = find_run(client, run_id, workspace, Path.cwd())
    return f"ws/{segment(found['workspace'])}/results/{segment(found['id'])}"
