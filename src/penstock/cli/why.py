"""`penstock why` and `penstock plan`: which steps ran again, or would, and what that follows from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from penstock.cli import places
from penstock.cli.client import segment
from penstock.cli.commands import home_option, json_option, workspace_option
from penstock.cli.finding import complete_run_id, find_run, find_step
from penstock.cli.printing import print_json
from penstock.cli.terminal import Look, printable, short

Json = dict[str, Any]
WORDS = {
    "reused": ("was reused", "green", "="),
    "ran": ("ran", "yellow", ">"),
    "undecided": ("is not decided", "white", "?"),
    "skipped": ("did not run", "white", "-"),
    "reuse": ("would be reused", "green", "="),
    "run": ("would run", "yellow", ">"),
    "depends": ("depends", "cyan", "?"),
}


@click.command()
@click.argument("run_id", metavar="RUN", shell_complete=complete_run_id)
@click.argument("step_name", metavar="[STEP]", required=False)
@workspace_option
@home_option
@json_option
def why(run_id: str, step_name: str | None, workspace: str | None, home: str | None, as_json: bool) -> None:
    """Say of each step of a run (or of one) why it ran, or which earlier one was reused in its place.

    A step that ran is compared, field by field, with the nearest earlier one of its name.
    """
    client = places.server(places.place(home))
    found = find_run(client, run_id, workspace, Path.cwd())
    path = f"{places.runs_path(found['workspace'])}/{segment(found['id'])}"
    if step_name is not None:
        step = find_step(client.get(f"{path}/children")["value"], step_name)
        path = f"{places.runs_path(found['workspace'])}/{segment(step['id'])}"
    answer = client.get(f"{path}/why")
    if as_json:
        print_json(answer)
        return
    look = Look.of_stdout()
    for each in answer["steps"]:
        _show(each, look)
        if step_name is not None:
            _show_more(each, look)


@click.command()
@click.argument("run_id", metavar="RUN", shell_complete=complete_run_id)
@click.option("--regenerate-outputs", is_flag=True, help="As if it were submitted so that every step runs.")
@workspace_option
@home_option
@json_option
def plan(run_id: str, regenerate_outputs: bool, workspace: str | None, home: str | None, as_json: bool) -> None:
    """Say what would run, and why, if RUN were submitted again now, with its scripts as they were then. Nothing is run.

    `Pipeline.plan()` says it of the scripts as they are, also of a pipeline that has not been submitted yet.
    """
    client = places.server(places.place(home))
    found = find_run(client, run_id, workspace, Path.cwd())
    body = {"as_run": found["root_id"], "regenerate_outputs": regenerate_outputs or None}
    answer = client.post(places.runs_path(found["workspace"]).removesuffix("/runs") + "/plan", body)
    if as_json:
        print_json(answer)
        return
    look = Look.of_stdout()
    for each in answer["steps"]:
        _show(each, look)
    root = short(found["root_id"])
    said = f"With the scripts of run {root} as they were submitted; Pipeline.plan() looks at the folder as it is."
    click.echo(look.paint(said, dim=True))


def _show(step: Json, look: Look) -> None:
    words, colour, plain = WORDS[step["verdict"]]
    lead = look.paint(plain, colour, bold=True)
    said = [_tidy(step, text) for text in step["because"]]
    click.echo(f"{lead} {look.heading(printable(step['name']))} {look.paint(words, colour)}: {said[0] if said else ''}")
    for more in said[1:]:
        click.echo(f"    {more}")


def _tidy(step: Json, text: str) -> str:
    """A sentence with the id in it cut as people type it."""
    known = [step.get("reused_run_id"), step.get("compared_with")]
    for run_id in known:
        text = text.replace(str(run_id), short(str(run_id))) if run_id else text
    return printable(text)


def seen_doing(seen: Json) -> str:
    """What a step was seen to read, to look for or to leave, besides what it declared."""
    how = {"wrote": "it left, beside its outputs:", "absent": "it looked in vain for"}
    return f"{how.get(seen['kind'], 'it read, undeclared: ' + seen['kind'])} {printable(seen['name'])}"


def _show_more(step: Json, look: Look) -> None:
    if step.get("compared_with"):
        click.echo(look.paint(f"    compared with run {short(step['compared_with'])}", dim=True))
    for seen in step.get("observed") or ():
        click.echo(f"    {seen_doing(seen)} (watched)")
    if step.get("not_reusable"):
        click.echo(f"    no later step can stand on it: {printable(step['not_reusable'])}")
    for output in step.get("outputs") or ():
        digest = str(output.get("digest") or "nothing written")[:19]
        click.echo(
            look.paint(f"    output {output['name']}: {output['datastore']}/{output['path']}  {digest}", dim=True)
        )
