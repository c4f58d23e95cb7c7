"""`penstock model …`: list and show what is registered."""

from __future__ import annotations

from typing import Any

import click

from penstock.cli import registered, terminal
from penstock.cli.commands import HelpfulGroup, home_option, json_option, workspace_option

Json = dict[str, Any]


def _row(each: Json) -> list[str]:
    return [terminal.size(each["size_bytes"]), terminal.short(each["run_id"]) if each.get("run_id") else "-"]


KIND = registered.Kind("model", "models", ("SIZE", "FROM RUN"), _row, registered.plain)


@click.group(cls=HelpfulGroup)
def model() -> None:
    """List and show registered models."""


@model.command("list")
@click.option("--all", "every", is_flag=True, help="Every version, not only the newest.")
@workspace_option
@home_option
@json_option
def list_models(every: bool, workspace: str | None, home: str | None, as_json: bool) -> None:
    """The workspace's models: the newest version of each."""
    registered.print_list(KIND, *registered.chosen(workspace, home), every, as_json)


@model.command("show")
@click.argument("name")
@click.option("--version", type=click.IntRange(1), help="A version; the newest when not given.")
@workspace_option
@home_option
@json_option
def show(name: str, version: int | None, workspace: str | None, home: str | None, as_json: bool) -> None:
    """All that is kept of the model NAME."""
    found = registered.find(KIND, *registered.chosen(workspace, home), name, version)
    registered.print_one(KIND, found, as_json)
