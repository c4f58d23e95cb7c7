"""`penstock principal …` and `penstock audit`: who may sign in beside the owner, what they may do, and what was done."""

from __future__ import annotations

from typing import Any

import click

from penstock.cli import places, terminal
from penstock.cli.client import Client, segment
from penstock.cli.commands import HelpfulGroup, home_option, json_option
from penstock.cli.printing import print_json
from penstock.cli.terminal import Look
from penstock.cli.trouble import BAD_USAGE, Trouble

Json = dict[str, Any]
ROLES = ("reader", "submitter", "contributor", "owner")


@click.group(cls=HelpfulGroup)
def principal() -> None:
    """Say who may sign in beside you, and what they may do.

    \b
    reader       look at everything of a workspace
    submitter    submit and cancel runs, too
    contributor  change what the workspace has, too (datastores, datasets, models, published pipelines)
    owner        change principals and stop the server, too (with --workspace '*')
    """


def _days(command: Any) -> Any:
    text = "After how many days the secret expires."
    return click.option("--days", type=click.FloatRange(0.0001, 3650), default=365.0, show_default=True, help=text)(
        command
    )


def _place(command: Any) -> Any:
    of_workspace = click.option(
        "-w", "--workspace", metavar="NAME", help="The workspace; '*' for all and the server itself."
    )
    of_published = click.option(
        "--published", metavar="ID", help="One published pipeline or pipeline endpoint, to be run."
    )
    return of_workspace(of_published(command))


@principal.command()
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), help="What it may do in the workspace, from the start.")
@_place
@_days
@home_option
@json_option
def create(
    name: str,
    role: str | None,
    workspace: str | None,
    published: str | None,
    days: float,
    home: str | None,
    as_json: bool,
) -> None:
    """Make the principal NAME. Prints its id and its secret, once."""
    if bool(role) != bool(workspace) and not published:
        raise Trouble("A role is given in a workspace: --role ROLE --workspace NAME. Give both, or neither.", BAD_USAGE)
    body: Json = {"name": name, "days": days}
    if workspace or published:
        body |= {"role": role or "submitter", "workspace": workspace, "published": published}
    made = _client(home).post("principals", body)
    if as_json:
        print_json(made)
        return
    given = made["grants"][0] if made["grants"] else None
    may = (
        f", {given['role']} on {given['kind']} '{given['target']}'"
        if given
        else "; it may do nothing yet: penstock principal grant"
    )
    click.echo(f"Principal '{name}'{may}.")
    _say_secret(made)


@principal.command()
@click.argument("name")
@click.option(
    "--keep-hours", type=click.FloatRange(0), default=0.0, help="How long the old secrets go on beside the new one."
)
@_days
@home_option
@json_option
def rotate(name: str, keep_hours: float, days: float, home: str | None, as_json: bool) -> None:
    """Give the principal NAME a new secret, printed once."""
    made = _client(home).post(f"principals/{segment(name)}/rotate", {"days": days, "keep_hours": keep_hours})
    if as_json:
        print_json(made)
    else:
        _say_secret(made)


@principal.command("list")
@home_option
@json_option
def list_principals(home: str | None, as_json: bool) -> None:
    """All principals."""
    found = _client(home).get("principals")["value"]
    if as_json:
        print_json({"value": found, "next": None})
    elif not found:
        click.echo(
            "There are no principals: only the owner of this home may sign in. Make one: penstock principal create NAME"
        )
    else:
        now = terminal.utc_now()
        rows = [[p["name"], p["id"], _state(p), _may(p), terminal.when(p["used_at"], now)] for p in found]
        click.echo(terminal.table(["NAME", "ID", "STATE", "MAY", "LAST USED"], rows, Look.of_stdout(), limit=60))


@principal.command()
@click.argument("name")
@home_option
@json_option
def show(name: str, home: str | None, as_json: bool) -> None:
    """One principal: its grants, and its secrets by their first characters."""
    found = _client(home).get(f"principals/{segment(name)}")
    if as_json:
        print_json(found)
        return
    now = terminal.utc_now()
    click.echo(f"{found['name']}  {found['id']}  {_state(found)}")
    click.echo(f"  last used  {terminal.when(found['used_at'], now)}")
    for given in found["grants"]:
        click.echo(f"  may        {given['role']} on {given['kind']} '{given['target']}'")
    for each in found["credentials"]:
        click.echo(
            f"  secret     {each['hint']}…  made {terminal.when(each['created_at'], now)}, expires {each['expires_at'][:10]}"
        )


@principal.command()
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), help="What it may do there. Of a published pipeline: submitter.")
@_place
@home_option
@json_option
def grant(
    name: str, role: str | None, workspace: str | None, published: str | None, home: str | None, as_json: bool
) -> None:
    """Give the principal NAME a role in a workspace, or leave to run one published pipeline."""
    body = {"role": role, "workspace": workspace, "published": published}
    _say_may(_client(home).post(f"principals/{segment(name)}/grants", body), as_json)


@principal.command()
@click.argument("name")
@_place
@home_option
@json_option
def revoke(name: str, workspace: str | None, published: str | None, home: str | None, as_json: bool) -> None:
    """Take what was granted on a workspace or published pipeline away again."""
    body = {"workspace": workspace, "published": published}
    _say_may(_client(home).post(f"principals/{segment(name)}/revoke", body), as_json)


@principal.command()
@click.argument("name")
@home_option
def disable(name: str, home: str | None) -> None:
    """Let the principal NAME in no more. Runs that it submitted go on."""
    _client(home).put(f"principals/{segment(name)}", {"enabled": False})
    click.echo(f"Principal '{name}' is disabled: its tokens are refused from now on.")


@principal.command()
@click.argument("name")
@home_option
def enable(name: str, home: str | None) -> None:
    """Let it in again."""
    _client(home).put(f"principals/{segment(name)}", {"enabled": True})
    click.echo(f"Principal '{name}' is enabled.")


@principal.command()
@click.argument("name")
@home_option
def delete(name: str, home: str | None) -> None:
    """Forget the principal NAME, its secrets and its grants."""
    _client(home).delete(f"principals/{segment(name)}")
    click.echo(f"Deleted principal '{name}'.")


@click.command()
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many lines.")
@home_option
@json_option
def audit(limit: int, home: str | None, as_json: bool) -> None:
    """Who changed what over the network, and who was refused; the latest first."""
    found = _client(home).get("audit", {"limit": limit})["value"]
    if as_json:
        print_json({"value": found, "next": None})
    elif not found:
        click.echo("Nothing was changed over the network yet, and nobody refused.")
    else:
        now = terminal.utc_now()
        rows = [
            [
                terminal.when(a["at"], now),
                a["who"]["name"] if a["who"] else "-",
                str(a["status"]),
                a["method"],
                a["path"],
                a["from"],
            ]
            for a in found
        ]
        click.echo(terminal.table(["WHEN", "WHO", "STATUS", "", "PATH", "FROM"], rows, Look.of_stdout(), limit=90))


def _client(home: str | None) -> Client:
    return places.server(places.place(home))


def _say_secret(made: Json) -> None:
    expires = made["credentials"][-1]["expires_at"][:10]
    click.echo(f"  client id      {made['id']}")
    click.echo(f"  client secret  {made['secret']}   (not shown again; expires {expires})")


def _say_may(found: Json, as_json: bool) -> None:
    if as_json:
        print_json(found)
    else:
        click.echo(f"Principal '{found['name']}' may now: {_may(found)}.")


def _state(found: Json) -> str:
    return "disabled" if found["disabled_at"] else "active"


def _may(found: Json) -> str:
    return ", ".join(f"{g['role']} on {g['target']}" for g in found["grants"]) or "nothing"
