"""`penstock compute …`: list and create compute targets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from penstock.cli import places, terminal
from penstock.cli.client import segment
from penstock.cli.commands import HelpfulGroup, home_option, json_option, quiet_option, workspace_option
from penstock.cli.printing import print_json
from penstock.cli.terminal import Look


@click.group(cls=HelpfulGroup)
def compute() -> None:
    """List and create compute targets: the places where steps run."""


@compute.command("list")
@workspace_option
@home_option
@json_option
def list_computes(workspace: str | None, home: str | None, as_json: bool) -> None:
    """The workspace's compute targets."""
    client = places.server(places.place(home))
    names = places.meant_workspaces(client, workspace, Path.cwd())
    found = [{**c, "workspace": n} for n in names for c in client.get(f"ws/{segment(n)}/computes")["value"]]
    if as_json:
        print_json({"value": found, "next": None})
        return
    if not found:
        place = f"Workspace '{names[0]}'" if len(names) == 1 else "This server"
        click.echo(f"{place} has no compute targets yet. Make one with: penstock compute create NAME")
        return
    look, now = Look.of_stdout(), terminal.utc_now()
    headers = ["NAME", "TYPE", "NODES", "STATUS", "CREATED", "WORKSPACE"]
    rows = [
        [
            c["name"],
            c["type"],
            _nodes(c),
            str(c.get("status") or ""),
            terminal.when(c.get("created_at"), now),
            c["workspace"],
        ]
        for c in found
    ]
    n_columns = len(headers) - (len(names) == 1)
    click.echo(terminal.table(headers[:n_columns], [row[:n_columns] for row in rows], look))


def _nodes(compute: dict[str, Any]) -> str:
    most = (compute.get("settings") or {}).get("max_nodes")
    return "-" if most is None else f"at most {most}"


@compute.command("create")
@click.argument("name")
@click.option("--type", "kind", default="AmlCompute", show_default=True, help="The kind of compute target.")
@click.option("--max-nodes", type=click.IntRange(1), help="Steps that may run on it at once.")
@workspace_option
@home_option
@json_option
@quiet_option
def create(
    name: str, kind: str, max_nodes: int | None, workspace: str | None, home: str | None, as_json: bool, quiet: bool
) -> None:
    """Create the compute target NAME, or change the settings of the one there is."""
    client = places.server(places.place(home))
    chosen = places.choose_workspace(client, workspace, Path.cwd())
    settings = {} if max_nodes is None else {"max_nodes": max_nodes}
    answer = client.put(f"ws/{segment(chosen)}/computes/{segment(name)}", {"type": kind, "settings": settings})
    if as_json:
        print_json(answer)
    elif not quiet:
        limit = "" if max_nodes is None else f", at most {max_nodes} steps at once"
        click.echo(f"Compute target '{name}' ({kind}{limit}) is in workspace '{chosen}'.")
