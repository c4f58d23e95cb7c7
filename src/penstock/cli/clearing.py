"""`penstock gc`, `penstock run pin` and `unpin`: clearing away outputs that nobody will ask for, and saying which stay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from penstock.cli import places, terminal
from penstock.cli.client import segment
from penstock.cli.commands import home_option, json_option, quiet_option, workspace_option
from penstock.cli.finding import complete_run_id, find_run
from penstock.cli.printing import print_json
from penstock.cli.terminal import Look, counted, printable, short
from penstock.cli.trouble import BAD_USAGE, FAILED, Trouble
from penstock.model.settings import duration, size_of

Json = dict[str, Any]
SHOWN = 40
"""How many outputs are listed; --json has all."""
NAMED = 3
"""How many reasons why outputs stay are said, and outputs of each."""


@click.command()
@click.option("--older-than", metavar="TIME", help="What was last used longer ago goes: 30d, 12h.")
@click.option(
    "--keep", "keep_size", metavar="SIZE", help="The least recently used goes until no more than this is left: 50GB."
)
@click.option("--delete", is_flag=True, help="Do it. Without this, say what would go.")
@click.option("--list", "lists", is_flag=True, help="What was cleared away and can be brought back.")
@click.option("--restore", is_flag=True, help="Bring back what was cleared away (of one --sweep, or all).")
@click.option("--sweep", metavar="ID", help="With --restore: only what went together, as --delete said.")
@click.option("--purge", is_flag=True, help="Delete now what was cleared away; it cannot be brought back then.")
@home_option
@json_option
def gc(
    older_than: str | None,
    keep_size: str | None,
    delete: bool,
    lists: bool,
    restore: bool,
    sweep: str | None,
    purge: bool,
    home: str | None,
    as_json: bool,
) -> int:
    """Clear away outputs of steps by age or size. It only says what would go, unless told to --delete.

    Never goes what a registered dataset, a model, a published pipeline, a pinned run or an active run leads to. What goes is
    moved aside and can be brought back for a time (PENSTOCK_RETENTION_GRACE); then it is deleted. Runs, logs and metrics stay.
    """
    if sum((delete, lists, restore, purge)) > 1:
        raise Trouble("--delete, --list, --restore and --purge are different things. Give one of them.", BAD_USAGE)
    if sweep and not restore:
        raise Trouble("--sweep says what to --restore. Add --restore, or leave it out.", BAD_USAGE)
    limits = _limits(older_than, keep_size)
    client = places.server(places.place(home))
    if lists:
        answer = client.get("cleared")
        return _print(answer, as_json, _show_aside)
    if restore:
        answer = client.post("gc/restore", {"sweep": sweep} if sweep else {})
        return _print(answer, as_json, _show_restored)
    if purge:
        answer = client.post("gc/purge", {})
        return _print(answer, as_json, _show_purged)
    if delete and not limits:
        raise Trouble("--delete needs to know what: add --older-than 30d, or --keep 50GB, or both.", BAD_USAGE)
    answer = client.post("gc", {**limits, "delete": delete})
    return _print(answer, as_json, lambda told: _show_plan(told, "" if limits else " and --older-than or --keep"))


def _limits(older_than: str | None, keep_size: str | None) -> Json:
    try:
        age = {"max_age_seconds": duration(older_than, "--older-than")} if older_than else {}
        return {**age, **({"max_bytes": size_of(keep_size, "--keep")} if keep_size else {})}
    except ValueError as error:
        raise Trouble(str(error), BAD_USAGE) from None


def _print(answer: Json, as_json: bool, show: Any) -> int:
    if as_json:
        print_json(answer)
    else:
        show(answer)
    return FAILED if answer.get("not_restored") else 0


def _show_plan(answer: Json, limits_to_add: str) -> None:
    look, now = Look.of_stdout(), terminal.utc_now()
    going, is_done = answer["outputs"], answer["deleted"]
    if going:
        rows = [
            [
                short(o["run_id"]),
                printable(o["step"]),
                o["name"],
                terminal.size(o["size_bytes"]),
                terminal.when(o["used_at"], now),
            ]
            for o in going[:SHOWN]
        ]
        click.echo(terminal.table(["RUN", "STEP", "OUTPUT", "SIZE", "LAST USED"], rows, look))
        if len(going) > SHOWN:
            click.echo(look.paint(f"and {len(going) - SHOWN} more (--json lists all)", dim=True))
    verb, n_stay = "Cleared away" if is_done else "Would clear away", answer["n_outputs"] - len(going)
    freed, left = terminal.size(answer["size_bytes"]), terminal.size(answer["kept_bytes"])
    click.echo(f"{verb} {len(going)} of {counted(answer['n_outputs'], 'output')}, {freed}; {n_stay} stay, {left}.")
    _show_kept(answer["kept"])
    if answer["n_absent"]:
        click.echo(
            f"{counted(answer['n_absent'], 'output')} more: not there any more, and left alone (penstock doctor)."
        )
    if is_done and going:
        click.echo(f"Bring it back: penstock gc --restore --sweep {answer['sweep']}")
    elif going:
        click.echo(f"Nothing was changed. Do it: add --delete{limits_to_add}.")


def _show_kept(kept: list[Json]) -> None:
    """What leads to outputs so that they stay in any case, and to which."""
    reasons: dict[str, list[str]] = {}
    for each in kept:
        reasons.setdefault(each["kept_because"], []).append(
            f"{each['name']} of {each['step']} ({short(each['run_id'])})"
        )
    if kept:
        click.echo(f"{len(kept)} stay because something leads there:")
    for why, outputs in list(reasons.items())[:NAMED]:
        more = ", …" if len(outputs) > NAMED else ""
        click.echo(printable(f"  {why}: {', '.join(outputs[:NAMED])}{more}"))
    if len(reasons) > NAMED:
        click.echo(f"  and {counted(len(reasons) - NAMED, 'more reason')} (--json has all)")


def _show_aside(answer: Json) -> None:
    look, now = Look.of_stdout(), terminal.utc_now()
    rows = [
        [
            short(r["run_id"]),
            r["name"],
            terminal.size(r["size_bytes"]),
            terminal.when(r["at"], now),
            str(r["until"])[:16],
            r["sweep"],
        ]
        for r in answer["value"]
    ]
    if rows:
        click.echo(terminal.table(["RUN", "OUTPUT", "SIZE", "CLEARED", "UNTIL", "SWEEP"], rows, look))
    else:
        click.echo("Nothing is aside.")


def _show_restored(answer: Json) -> None:
    click.echo(f"Brought back {counted(answer['restored'], 'output')}, {terminal.size(answer['size_bytes'])}.")
    for each in answer["not_restored"]:
        why = "something else lies there now; move that away" if each["until"] else "it is not there any more"
        click.echo(f"Not brought back: {each['path']}: {why}.")


def _show_purged(answer: Json) -> None:
    click.echo(f"Deleted {counted(answer['deleted'], 'output')}, {terminal.size(answer['size_bytes'])}, for good.")


@click.command()
@click.argument("run_id", metavar="RUN", shell_complete=complete_run_id)
@workspace_option
@home_option
@json_option
@quiet_option
def pin(run_id: str, workspace: str | None, home: str | None, as_json: bool, quiet: bool) -> None:
    """Never clear away what a run, or a step of it, points at."""
    _pin(run_id, workspace, home, as_json, quiet, is_on=True)


@click.command()
@click.argument("run_id", metavar="RUN", shell_complete=complete_run_id)
@workspace_option
@home_option
@json_option
@quiet_option
def unpin(run_id: str, workspace: str | None, home: str | None, as_json: bool, quiet: bool) -> None:
    """Let what a run points at be cleared away again."""
    _pin(run_id, workspace, home, as_json, quiet, is_on=False)


def _pin(run_id: str, workspace: str | None, home: str | None, as_json: bool, quiet: bool, *, is_on: bool) -> None:
    client = places.server(places.place(home))
    found = find_run(client, run_id, workspace, Path.cwd())
    path = f"{places.runs_path(found['workspace'])}/{segment(found['id'])}/pin"
    answer = client.put(path, {}) if is_on else client.delete(path)
    if as_json:
        print_json(answer)
    elif not quiet:
        said = "is pinned: penstock gc keeps what it points at" if is_on else "is not pinned"
        click.echo(f"Run {short(found['id'])} {said}.")
