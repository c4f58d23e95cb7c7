"""`penstock dataset …`: list, show and register. Columns of a table that is registered here are found when it is first read."""

from __future__ import annotations

from typing import Any

import click

from penstock.cli import registered
from penstock.cli.client import segment
from penstock.cli.commands import HelpfulGroup, home_option, json_option, quiet_option, workspace_option
from penstock.cli.printing import print_json

Json = dict[str, Any]
FORMATS = ("files", "delimited", "parquet", "json_lines")


def _row(each: Json) -> list[str]:
    return [each["kind"], _source(each["definition"])]


def _source(definition: Json) -> str:
    if definition.get("format") == "sql":
        return f"{definition['datastore']}: {definition['query']}"
    places = [p.get("url") or f"{p['datastore']}/{p.get('path') or ''}" for p in definition.get("paths") or ()]
    is_pinned = any("pinned" in p for p in definition.get("paths") or ())
    return ", ".join(places) + (" (pinned)" if is_pinned else "")


def _fact(value: Any) -> str:
    if isinstance(value, dict) and "paths" in value:
        columns = ", ".join(f"{c['name']} ({c['type']})" for c in value.get("columns") or ())
        return _source(value) + (f": {columns}" if columns else "")
    return registered.plain(value)


KIND = registered.Kind("dataset", "datasets", ("KIND", "FROM"), _row, _fact)


@click.group(cls=HelpfulGroup)
def dataset() -> None:
    """List, show and register datasets."""


@dataset.command("list")
@click.option("--all", "every", is_flag=True, help="Every version, not only the newest.")
@workspace_option
@home_option
@json_option
def list_datasets(every: bool, workspace: str | None, home: str | None, as_json: bool) -> None:
    """The workspace's datasets: the newest version of each."""
    registered.print_list(KIND, *registered.chosen(workspace, home), every, as_json)


@dataset.command("show")
@click.argument("name")
@click.option("--version", type=click.IntRange(1), help="A version; the newest when not given.")
@workspace_option
@home_option
@json_option
def show(name: str, version: int | None, workspace: str | None, home: str | None, as_json: bool) -> None:
    """All that is kept of the dataset NAME, and whether its files have changed since it was registered."""
    client, chosen = registered.chosen(workspace, home)
    found = registered.find(KIND, client, chosen, name, version)
    query = {"name": name, "version": str(found["version"])}
    drift = client.get(f"ws/{segment(chosen)}/datasets/drift", query)
    registered.print_one(KIND, {**found, "drift": drift if as_json else drift["message"]}, as_json)


@dataset.command("register")
@click.argument("name")
@click.argument("paths", nargs=-1, required=True)
@click.option("--datastore", help="The datastore that the paths are on; the workspace's default when not given.")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="files", show_default=True, help="What they hold."
)
@click.option("--separator", default=",", help="Of delimited text; 'tab' for a tab.")
@click.option("--encoding", default="utf8", show_default=True, help="Of delimited text and JSON lines.")
@click.option("--no-header", is_flag=True, help="Delimited text without a line of column names.")
@click.option("--description", help="A sentence on what it is.")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="A tag; may be repeated.")
@click.option("--new-version", is_flag=True, help="A new version, if the name is there with another definition.")
@click.option("--pin", is_flag=True, help="Keep the bytes, so that this version always reads as it does now.")
@workspace_option
@home_option
@json_option
@quiet_option
def register(
    name: str,
    paths: tuple[str, ...],
    datastore: str | None,
    form: str,
    separator: str,
    encoding: str,
    no_header: bool,
    description: str | None,
    tags: tuple[str, ...],
    new_version: bool,
    pin: bool,
    workspace: str | None,
    home: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Register PATHS (files, folders or patterns on a datastore, or http(s) addresses) as dataset NAME."""
    client, chosen = registered.chosen(workspace, home)
    base = f"ws/{segment(chosen)}"
    store = datastore
    if store is None:
        store = next(d["name"] for d in client.get(f"{base}/datastores")["value"] if d["is_default"])
    definition: Json = {"paths": [_place(path, store) for path in paths]}
    if form != "files":
        definition |= {"format": form, "include_path": False, "partition_format": None, "columns": None}
    if form == "delimited":
        definition |= {"separator": "\t" if separator == "tab" else separator, "header": not no_header}
        definition |= {"encoding": encoding, "empty_as_string": False}
    if form == "json_lines":
        definition |= {"encoding": encoding, "invalid_lines": "error"}
    kind = "file" if form == "files" else "tabular"
    saved = client.post(f"{base}/datasets", {"kind": kind, "definition": definition})
    body: Json = {"id": saved["id"], "name": name, "create_new_version": new_version, "pin": pin, "must_be_there": True}
    body |= {"description": description} if description else {}
    body |= {"tags": dict(_pair(tag) for tag in tags)} if tags else {}
    found = client.post(f"{base}/datasets/register", body)
    if as_json:
        print_json(found)
    elif not quiet:
        click.echo(f"Dataset '{name}' version {found['version']} is {_source(found['definition'])}.")


def _place(path: str, datastore: str) -> Json:
    if path.startswith(("http://", "https://")):
        return {"url": path}
    if ".." in path.split("/"):
        raise click.UsageError(f"The path {path!r} leads out of the datastore. Leave out the '..'.")
    return {"datastore": datastore, "path": path.strip("/")}


def _pair(tag: str) -> tuple[str, str]:
    key, _, value = tag.partition("=")
    if not key:
        raise click.UsageError(f"The tag {tag!r} has no key. Write KEY=VALUE.")
    return key, value
