"""`penstock dataset …`: list and show what is registered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from penstock.cli import places, terminal
from penstock.cli.client import Client, segment
from penstock.cli.commands import HelpfulGroup, home_option, json_option, workspace_option
from penstock.cli.printing import print_json
from penstock.cli.terminal import Look
from penstock.cli.trouble import NotThere

Json = dict[str, Any]


@click.group(cls=HelpfulGroup)
def dataset() -> None:
    """List and show registered datasets."""


@dataset.command("list")
@click.option("--all", "every", is_flag=True, help="Every version, not only the newest.")
@workspace_option
@home_option
@json_option
def list_datasets(every: bool, workspace: str | None, home: str | None, as_json: bool) -> None:
    """The workspace's datasets: the newest version of each."""
    client, chosen = _chosen(workspace, home)
    found: list[Json] = client.get(f"ws/{segment(chosen)}/datasets")["value"]
    newest: dict[str, int] = {}
    for each in found:
        newest[each["name"]] = max(newest.get(each["name"], 0), each["version"])
    shown = [each for each in found if every or each["version"] == newest[each["name"]]]
    if as_json:
        print_json({"value": shown})
        return
    if not shown:
        click.echo(f"Workspace '{chosen}' has no datasets yet.")
        return
    now = terminal.utc_now()
    rows = [_row(each) + [_tags(each), terminal.when(each["created_at"], now)] for each in shown]
    click.echo(terminal.table([*_HEADS, "TAGS", "CREATED"], rows, Look.of_stdout(), limit=60))


@dataset.command("show")
@click.argument("name")
@click.option("--version", type=click.IntRange(1), help="A version; the newest when not given.")
@workspace_option
@home_option
@json_option
def show(name: str, version: int | None, workspace: str | None, home: str | None, as_json: bool) -> None:
    """All that is kept of the dataset NAME."""
    client, chosen = _chosen(workspace, home)
    versions: list[Json] = client.get(f"ws/{segment(chosen)}/datasets", {"name": name})["value"]
    found = [v for v in versions if version in (None, v["version"])]
    if not found:
        has = ", ".join(str(v["version"]) for v in versions)
        what = (
            f"dataset '{name}' has no version {version}: it has {has}" if versions else f"there is no dataset '{name}'"
        )
        raise NotThere(f"In workspace '{chosen}' {what}. See what there is: penstock dataset list")
    newest = max(found, key=lambda v: int(v["version"]))
    if as_json:
        print_json(newest)
        return
    facts = [[key.replace("_", " "), _fact(value)] for key, value in newest.items() if value not in (None, {}, "")]
    click.echo(terminal.table(["DATASET", f"{name}:{newest['version']}"], facts, Look.of_stdout(), limit=120))


def _chosen(workspace: str | None, home: str | None) -> tuple[Client, str]:
    client = places.server(places.place(home))
    return client, places.choose_workspace(client, workspace, Path.cwd())


def _tags(each: Json) -> str:
    return ", ".join(f"{k}={v}" if v else k for k, v in (each.get("tags") or {}).items())


_HEADS = ("NAME", "VERSION", "KIND", "FROM")


def _row(each: Json) -> list[str]:
    return [each["name"], str(each["version"]), each["kind"], _source(each["definition"])]


def _source(definition: Json) -> str:
    if definition.get("format") == "sql":
        return f"{definition['datastore']}: {definition['query']}"
    places = [p.get("url") or f"{p['datastore']}/{p.get('path') or ''}" for p in definition.get("paths") or ()]
    return ", ".join(places)


def _fact(value: Any) -> str:
    if isinstance(value, dict) and "paths" in value:
        columns = ", ".join(f"{c['name']} ({c['type']})" for c in value.get("columns") or ())
        return _source(value) + (f": {columns}" if columns else "")
    return ", ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else str(value)
