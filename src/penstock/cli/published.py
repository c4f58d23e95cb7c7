"""`penstock pipeline …`: published pipelines and the endpoints over them, made, listed, shown, switched and run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from penstock.cli import authoring, places, terminal
from penstock.cli.client import Client, segment
from penstock.cli.commands import LazyGroup, home_option, json_option, workspace_option
from penstock.cli.printing import print_json
from penstock.cli.targets import Target, complete_published, find_target
from penstock.cli.terminal import Look, printable
from penstock.cli.trouble import Trouble

Json = dict[str, Any]
MOST = 1000


@click.group(
    cls=LazyGroup,
    lazy={
        "create": ("penstock.cli.published", "create", "Publish the pipeline that a YAML file describes."),
        "list": ("penstock.cli.published", "list_published", "Published pipelines, newest first; or endpoints."),
        "show": (
            "penstock.cli.published",
            "show",
            "One of them: its address, parameters, steps; an endpoint's versions.",
        ),
        "enable": ("penstock.cli.published", "enable", "Let it be run again."),
        "disable": ("penstock.cli.published", "disable", "Let it be run no more; it is kept."),
        "submit": ("penstock.cli.submitting", "submit", "Run it; --wait follows it to its end."),
    },
)
def pipeline() -> None:
    """Publish pipelines, look at them, and run them.

    PIPELINE is an id or as many of its first characters as make it the only one, the name of an endpoint or of a published
    pipeline (of several the newest active one), or the address that publishing printed.
    """


@click.command()
@click.option(
    "-y",
    "--yaml",
    "--pipeline-yaml",
    "file",
    required=True,
    metavar="FILE",
    help="The file (Pipeline.load_yaml reads it).",
)
@click.option("-n", "--name", help="What it is called. Default: its description.")
@click.option("-d", "--description", help="What it does. Default: what the file says.")
@click.option("-v", "--version", help="Any text.")
@click.option("--continue-on-step-failure", is_flag=True, help="Its runs go on with what does not need a failed step.")
@authoring.python_option
@workspace_option
@home_option
@json_option
def create(
    file: str,
    name: str | None,
    description: str | None,
    version: str | None,
    continue_on_step_failure: bool,
    python: str | None,
    workspace: str | None,
    home: str | None,
    as_json: bool,
) -> None:
    """Publish the pipeline that a YAML file describes. Its steps run in the Python that reads it."""
    at = places.place(home)
    client = places.server(at)
    chosen = places.choose_workspace(client, workspace, Path.cwd())
    said: Json = {"name": name, "description": description, "version": version}
    said["continue_on_step_failure"] = continue_on_step_failure or None
    author = authoring.Author.of(at, home, python)
    made = client.get(f"ws/{segment(chosen)}/pipelines/{author.publish(chosen, file, said)}")
    if as_json:
        print_json(made)
        return
    click.echo(f"Published '{printable(made['name'])}' in workspace '{chosen}'. Its steps run in {author.python}.")
    for line in _pipeline_lines(made):
        click.echo(line)
    click.echo(f"Run it: penstock pipeline submit {terminal.short(made['id'])} --wait")


@click.command("list")
@click.option("--endpoints", is_flag=True, help="The endpoints, with their versions, in place of pipelines.")
@click.option("--all", "everything", is_flag=True, help="Disabled and archived ones, too.")
@click.option("-n", "--limit", type=click.IntRange(1, MOST), default=20, show_default=True, help="At most so many.")
@workspace_option
@home_option
@json_option
def list_published(
    endpoints: bool, everything: bool, limit: int, workspace: str | None, home: str | None, as_json: bool
) -> None:
    """Published pipelines, newest first; with --endpoints the names that stay over versions of them."""
    client = places.server(places.place(home))
    names = places.meant_workspaces(client, workspace, Path.cwd())
    kind = "endpoints" if endpoints else "pipelines"
    query = {"status": None if everything else "Active", "limit": limit}
    try:
        found: list[Json] = [f for n in names for f in client.get(f"ws/{segment(n)}/{kind}", query)["value"]]
    except Trouble as trouble:
        if trouble.code != "Forbidden":
            raise
        found = _granted(client, kind)
    found = sorted(found, key=lambda f: str(f["created_at"]), reverse=True)[:limit]
    if as_json:
        print_json({"value": found, "next": None})
        return
    if not found:
        click.echo(_nothing(names, endpoints, everything))
        return
    head, row = (ENDPOINT_HEAD, _endpoint_row) if endpoints else (PIPELINE_HEAD, _pipeline_row)
    look = Look.of_stdout()
    rows = [row(each) + [each["workspace"]] * (len(names) > 1) for each in found]
    click.echo(terminal.table([*head, "WORKSPACE"][: len(rows[0])], rows, look, limit=40))
    if len(found) == limit:
        click.echo(look.paint(f"There may be more: --limit {min(limit * 5, MOST)}", dim=True))


def _granted(client: Client, kind: str) -> list[Json]:
    """Those that somebody may run who sees nothing else of a workspace."""
    there = client.get("published", {"limit": MOST})["value"]
    return [client.get(f"ws/{segment(f['workspace'])}/{kind}/{f['id']}") for f in there if f"{f['kind']}s" == kind]


PIPELINE_HEAD = ("ID", "NAME", "VERSION", "STATUS", "STEPS", "PUBLISHED")
ENDPOINT_HEAD = ("ID", "NAME", "DEFAULT", "STATUS", "VERSIONS", "CREATED")


def _pipeline_row(found: Json) -> list[str]:
    made = terminal.when(found["created_at"], terminal.utc_now())
    version, steps = found["version"] or "", str(found["total_run_steps"])
    return [terminal.short(found["id"]), found["name"], version, found["status"], steps, made]


def _endpoint_row(found: Json) -> list[str]:
    made = terminal.when(found["created_at"], terminal.utc_now())
    versions = str(len(found["versions"]))
    return [terminal.short(found["id"]), found["name"], found["default_version"], found["status"], versions, made]


def _nothing(names: list[str], endpoints: bool, everything: bool) -> str:
    place = f"Workspace '{names[0]}'" if len(names) == 1 else "This server"
    what = ("" if everything else "active ") + ("pipeline endpoints" if endpoints else "published pipelines")
    way = (
        "PipelineEndpoint.publish makes one."
        if endpoints
        else "Publish one: penstock pipeline create --yaml FILE, or Pipeline.publish."
    )
    return f"{place} has no {what}. {way}"


def _pipeline_argument(command: Any) -> Any:
    return click.argument("pipeline_id", metavar="PIPELINE", shell_complete=complete_published)(command)


@click.command()
@_pipeline_argument
@workspace_option
@home_option
@json_option
def show(pipeline_id: str, workspace: str | None, home: str | None, as_json: bool) -> None:
    """A published pipeline: where it is called, its parameters with types and defaults, its steps. An endpoint: its versions."""
    target = find_target(pipeline_id, workspace, home)
    found = target.client.get(target.path)
    if as_json:
        print_json(found)
        return
    look = Look.of_stdout()
    click.echo(f"{look.heading(printable(found['name']))}  {target.kind}  {found['status']}")
    lines = _endpoint_lines if target.kind == "endpoint" else _pipeline_lines
    for line in lines(found):
        click.echo(line)


def _pipeline_lines(found: Json) -> list[str]:
    facts = {
        "id": found["id"],
        "description": found["description"],
        "version": found["version"],
        "published": terminal.when(found["created_at"], terminal.utc_now()),
        "by": found["published_by"],
        "steps": ", ".join(found["steps"]),
        "endpoint": found["endpoint"],
        "page": found["url"],
    }
    return [*_facts(facts), *_parameter_lines(found["parameters"])]


def _endpoint_lines(found: Json) -> list[str]:
    facts = {
        "id": found["id"],
        "description": found["description"],
        "created": terminal.when(found["created_at"], terminal.utc_now()),
        "endpoint": found["endpoint"],
    }
    rows = [
        [
            v["version"] + (" (default)" if v["version"] == found["default_version"] else ""),
            v["pipeline_id"],
            v["status"],
        ]
        for v in found["versions"]
    ]
    return [*_facts(facts), "", terminal.table(["VERSION", "PIPELINE", "STATUS"], rows, Look.of_stdout())]


def _facts(facts: Json) -> list[str]:
    return [f"  {name:<13}{printable(str(value))}" for name, value in facts.items() if value]


def _parameter_lines(parameters: list[Json]) -> list[str]:
    if not parameters:
        return ["  It has no parameters."]
    rows = [[p["name"], p["type"], _default(p["default"])] for p in parameters]
    return ["", terminal.table(["PARAMETER", "TYPE", "DEFAULT"], rows, Look.of_stdout(), limit=60)]


def _default(default: Any) -> str:
    if isinstance(default, dict):
        return str(default.get("dataset") or f"{default.get('datastore')}/{default.get('path') or ''}")
    return str(default)


@click.command()
@_pipeline_argument
@workspace_option
@home_option
@json_option
def enable(pipeline_id: str, workspace: str | None, home: str | None, as_json: bool) -> None:
    """Let a published pipeline or endpoint be run again."""
    _switch(find_target(pipeline_id, workspace, home, becomes="Active"), "Active", as_json)


@click.command()
@_pipeline_argument
@workspace_option
@home_option
@json_option
def disable(pipeline_id: str, workspace: str | None, home: str | None, as_json: bool) -> None:
    """Let a published pipeline or endpoint be run no more, by anybody or by schedules. It is kept, and runs under way go on."""
    _switch(find_target(pipeline_id, workspace, home, becomes="Disabled"), "Disabled", as_json)


def _switch(target: Target, status: str, as_json: bool) -> None:
    found = target.client.put(target.path, {"status": status})
    if as_json:
        print_json(found)
        return
    more = (
        "" if status == "Active" else f" To let it be run again: penstock pipeline enable {terminal.short(found['id'])}"
    )
    click.echo(f"The {target.title} is {found['status'].lower()} ({found['id']}).{more}")
