"""What is registered under names and versions (datasets, models), listed and shown alike. Each kind says how it looks as a row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from penstock.cli import places, terminal
from penstock.cli.client import Client, segment
from penstock.cli.printing import print_json
from penstock.cli.terminal import Look
from penstock.cli.trouble import NotThere

Json = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """One kind of registered thing: its `collection` in the API, and its columns between the version and the tags."""

    name: str
    collection: str
    heads: tuple[str, ...]
    row: Callable[[Json], list[str]]
    fact: Callable[[Any], str]


def chosen(workspace: str | None, home: str | None) -> tuple[Client, str]:
    """The server, and the workspace that is meant."""
    client = places.server(places.place(home))
    return client, places.choose_workspace(client, workspace, Path.cwd())


def print_list(kind: Kind, client: Client, workspace: str, every: bool, as_json: bool) -> None:
    """The newest version of each name, or every version."""
    found: list[Json] = client.get(f"ws/{segment(workspace)}/{kind.collection}")["value"]
    newest: dict[str, int] = {}
    for each in found:
        newest[each["name"]] = max(newest.get(each["name"], 0), each["version"])
    shown = [each for each in found if every or each["version"] == newest[each["name"]]]
    if as_json:
        print_json({"value": shown})
        return
    if not shown:
        click.echo(f"Workspace '{workspace}' has no {kind.collection} yet.")
        return
    now = terminal.utc_now()
    rows = [
        [e["name"], str(e["version"]), *kind.row(e), labels(e.get("tags")), terminal.when(e["created_at"], now)]
        for e in shown
    ]
    heads = ["NAME", "VERSION", *kind.heads, "TAGS", "CREATED"]
    click.echo(terminal.table(heads, rows, Look.of_stdout(), limit=60))


def find(kind: Kind, client: Client, workspace: str, name: str, version: int | None) -> Json:
    """The version asked for, or the newest; NotThere says which there are."""
    versions: list[Json] = client.get(f"ws/{segment(workspace)}/{kind.collection}", {"name": name})["value"]
    found = [v for v in versions if version in (None, v["version"])]
    if not found:
        has = ", ".join(str(v["version"]) for v in versions)
        what = f"there is no {kind.name} '{name}'"
        if versions:
            what = f"{kind.name} '{name}' has no version {version}: it has {has}"
        raise NotThere(f"In workspace '{workspace}' {what}. See what there is: penstock {kind.name} list")
    return max(found, key=lambda v: int(v["version"]))


def print_one(kind: Kind, found: Json, as_json: bool) -> None:
    """All that is kept of one version."""
    if as_json:
        print_json(found)
        return
    facts = [[key.replace("_", " "), kind.fact(value)] for key, value in found.items() if value not in (None, {}, "")]
    head = [kind.name.upper(), f"{found['name']}:{found['version']}"]
    click.echo(terminal.table(head, facts, Look.of_stdout(), limit=120))


def labels(tags: Json | None) -> str:
    return ", ".join(f"{k}={v}" if v else k for k, v in (tags or {}).items())


def plain(value: Any) -> str:
    return ", ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else str(value)
