"""`penstock init | serve | status | stop`: the home and its server."""

from __future__ import annotations

import gc
import json
import os
import re
import time
from pathlib import Path
from typing import Any

import click

from penstock import __version__
from penstock.cli import places, service, terminal
from penstock.cli.client import HOW_TO_START, Client, segment
from penstock.cli.commands import home_option, json_option, quiet_option
from penstock.cli.places import Place
from penstock.cli.printing import print_json
from penstock.cli.terminal import Look
from penstock.cli.trouble import BAD_USAGE, FAILED, NOT_THERE, Trouble

CONFIG = Path(".azureml/config.json")
NO_SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
DEFAULT_WORKSPACE = "local"
DEFAULT_GROUP = "penstock"
STOP_SECONDS = 15.0


@click.command()
@click.option(
    "-w",
    "--workspace",
    metavar="NAME",
    help="The workspace to make or use. Default: the only one, or 'local' when there is none.",
)
@home_option
@json_option
@quiet_option
def init(workspace: str | None, home: str | None, as_json: bool, quiet: bool) -> None:
    """Make a home, start its server, and make a workspace for this folder.

    Writes .azureml/config.json here, which Workspace.from_config() finds. Safe to repeat: what is there is kept.
    """
    at = places.place(home)
    made = _make_home(at)
    client = places.server(at)
    found = CONFIG if CONFIG.is_file() else None
    name = _workspace_name(client, workspace, found)
    had = {w["name"] for w in places.workspaces(client)}
    answer = client.put(f"workspaces/{segment(name)}", {**_identity(found), "create": True, "exist_ok": True})
    if found is None:
        _write_config(answer)
    if as_json:
        kept = {"home": str(at.home), "workspace": answer, "config": str(CONFIG.absolute())}
        print_json({**kept, "made": made + ([] if name in had else [name]) + ([] if found else [str(CONFIG)])})
    elif not quiet:
        _say_made(at, client, name, is_new_home=bool(made), is_new=name not in had, is_new_config=found is None)


def _make_home(at: Place) -> list[str]:
    if at.url or at.home.is_dir():
        return []
    try:
        at.home.mkdir(parents=True, mode=0o700)
    except OSError as error:
        raise Trouble(
            f"The home {at.home} cannot be made: {error.strerror}. Set PENSTOCK_HOME to a folder you may write to."
        ) from None
    return [str(at.home)]


def _workspace_name(client: Client, given: str | None, config: Path | None) -> str:
    if config is not None:
        written = places.workspace_of(config)
        if given not in (None, written):
            raise Trouble(
                f"{config} names workspace '{written}', not '{given}'. Delete the file, or leave out --workspace.",
                BAD_USAGE,
            )
        return written
    if given is not None:
        return given
    names = [w["name"] for w in places.workspaces(client)]
    if len(names) > 1:
        listed = ", ".join(f"'{n}'" for n in names)
        raise Trouble(
            f"Which workspace is for this folder? The home has {listed}. Choose one, or name a new one, with --workspace NAME.",
            BAD_USAGE,
        )
    return names[0] if names else DEFAULT_WORKSPACE


def _identity(config: Path | None) -> dict[str, str]:
    """The subscription and group of a new workspace: the configuration's own where it has them."""
    written = json.loads(config.read_text(encoding="utf-8-sig")) if config else {}
    scope = str(written.get("Scope", "")).split("/")
    keys = dict(zip(scope[1::2], scope[2::2], strict=False))
    return {
        "subscription_id": str(written.get("subscription_id") or keys.get("subscriptions") or NO_SUBSCRIPTION),
        "resource_group": str(written.get("resource_group") or keys.get("resourceGroups") or DEFAULT_GROUP),
    }


def _write_config(workspace: dict[str, Any]) -> None:
    config = {
        "subscription_id": workspace["subscription_id"],
        "resource_group": workspace["resource_group"],
        "workspace_name": workspace["name"],
    }
    try:
        CONFIG.parent.mkdir(exist_ok=True)
        CONFIG.write_text(json.dumps(config, indent=4) + "\n", encoding="utf-8")
    except OSError as error:
        raise Trouble(
            f"{CONFIG.absolute()} cannot be written: {error.strerror}. Run 'penstock init' elsewhere."
        ) from None


def _say_made(at: Place, client: Client, name: str, *, is_new_home: bool, is_new: bool, is_new_config: bool) -> None:
    look = Look.of_stdout()

    def say(is_made: bool, text: str) -> None:
        word = look.paint("made ", "green") if is_made else look.paint("kept ", dim=True)
        click.echo(f"{word} {text}")

    say(is_new_home, f"home       {at.home}")
    say(is_new, f"workspace  {name}")
    say(is_new_config, f"config     {CONFIG.absolute()}")
    click.echo(f"\nStudio: {client.get('server')['url']}")
    click.echo("Next: submit a pipeline from this folder (Workspace.from_config() finds the workspace).")


@click.command()
@click.option("--embedded", is_flag=True, help="As the SDK starts it: detached, leaves when it has been idle.")
@click.option("--take-over", is_flag=True, help="Replace an embedded server that runs; steps under way go on.")
@click.option("--host", metavar="ADDRESS", help="Listen on this address. Default: 127.0.0.1")
@click.option("--port", type=click.IntRange(1, 65535), help="Listen on this port. Default: the home's own.")
@click.option(
    "--database",
    metavar="URL",
    help="postgresql://user@host/name. Default: PENSTOCK_DATABASE, else SQLite in the home.",
)
@home_option
@json_option
def serve(
    embedded: bool,
    take_over: bool,
    host: str | None,
    port: int | None,
    database: str | None,
    home: str | None,
    as_json: bool,
) -> int:
    """Run the server in the foreground until Ctrl-C, and print where it listens."""
    at = places.place(home)
    if take_over:
        _take_over(at)
    gc.disable()  # what is loaded now stays: to look through it meanwhile is a tenth of the start; the server turns it on
    # Imported here: it brings the whole server.
    from penstock.server.serve import serve as serve_home

    return serve_home(at.home, embedded=embedded, host=host, port=port, database=database, as_json=as_json)


def _take_over(at: Place) -> None:
    """The embedded server of this home, if one runs, is stopped. One that is newer or in the foreground is left alone."""
    client = places.running(at)
    if client is None or at.url:
        return
    server = client.get("server")
    if not server["embedded"]:
        raise Trouble(f"{at.home} is served in the foreground by pid {server['pid']}. Stop that first: penstock stop")
    if _numbers(server["version"]) > _numbers(__version__):
        raise Trouble(
            f"{at.home} is served by Penstock {server['version']}, which is newer than this one ({__version__}). "
            f"Upgrade this one, or install the service from there: {server['python']} -m penstock service install"
        )
    client.post("shutdown", {"force": True})
    if not _wait_until_gone(client, int(server["pid"])):
        raise Trouble(f"The server of {at.home} (pid {server['pid']}) is still stopping. Try again in a moment.")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", version)[:3])


@click.command()
@home_option
@json_option
@quiet_option
def status(home: str | None, as_json: bool, quiet: bool) -> int:
    """Say whether a server runs and what it is doing. Exits with 3 when none runs."""
    at = places.place(home)
    client = places.running(at)
    state = _state(at, client)
    if as_json:
        print_json(state)
    elif not quiet:
        _say_status(at, state)
    return 0 if state["running"] else NOT_THERE


def _state(at: Place, client: Client | None) -> dict[str, Any]:
    if client is None:
        return {
            "running": False,
            "home": str(at.home),
            "version": None,
            "pid": None,
            "url": at.url or None,
            "trouble": None,
            "active_runs": [],
            "stays_for": [],
        }
    server, health = client.get("server"), client.health() or {}
    known = {"pid": health.get("pid"), "trouble": health.get("trouble")}
    return {"running": True, **server, **known, "active_runs": active_runs(client), "stays_for": _stays_for(client)}


def _stays_for(client: Client) -> list[str]:
    """What keeps an embedded server from leaving when nothing runs."""
    spaces = [f"ws/{segment(w['name'])}" for w in places.workspaces(client)]
    wanted = {"schedules": "schedules?active_only=true", "published pipelines": "pipelines?status=Active&limit=1"}
    return [what for what, path in wanted.items() if any(client.get(f"{s}/{path}")["value"] for s in spaces)]


def active_runs(client: Client) -> list[dict[str, Any]]:
    """The pipeline and interactive runs that have not ended, in every workspace, newest first."""
    found: list[dict[str, Any]] = []
    for workspace in places.workspaces(client):
        for word in terminal.ACTIVE:
            found.extend(client.get(places.runs_path(workspace["name"]), {"status": word, "limit": 1000})["value"])
    return sorted(found, key=lambda run: str(run["created_at"]), reverse=True)


def _say_status(at: Place, state: dict[str, Any]) -> None:
    look = Look.of_stdout()
    if not state["running"]:
        click.echo(f"No server runs for {state['url'] or at.home}.")
        click.echo(f"{HOW_TO_START} (submitting a pipeline starts one by itself)")
        return
    stays = " and ".join(state["stays_for"])
    embedded = f"embedded: stays for its active {stays}" if stays else "embedded: leaves by itself when idle"
    mode = embedded if state.get("embedded") else "in the foreground"
    click.echo(f"{look.glyph('Completed')} Penstock {state['version']} is running ({mode})")
    click.echo(f"  pid     {state['pid']}")
    click.echo(f"  home    {state['home']}")
    click.echo(f"  studio  {state['url']}")
    if state["trouble"]:
        click.echo(look.paint(f"  trouble {state['trouble']}", "red"))
    runs, now = state["active_runs"], terminal.utc_now()
    click.echo(f"  runs    {len(runs)} active")
    for run in runs:
        name = terminal.printable(run.get("display_name") or run.get("name") or run["experiment"])
        since = terminal.duration(run.get("started_at") or run["created_at"], None, now)
        click.echo(f"    {look.status(run['status'])}  {terminal.short(run['id'])}  {name}  {since}")


@click.command()
@click.option("--force", is_flag=True, help="Stop although runs are active. Their steps go on by themselves.")
@home_option
@json_option
@quiet_option
def stop(force: bool, home: str | None, as_json: bool, quiet: bool) -> int:
    """Stop the server. When none runs there is nothing to do, and that is no error.

    With active runs it needs --force: running steps go on by themselves, their results are taken up
    by the next server; steps that are still waiting start only then.
    """
    at = places.place(home)
    client = places.running(at)
    if client is None:
        if as_json:
            print_json({"stopped": False, "running": False, "pid": None})
        elif not quiet:
            click.echo(f"No server runs for {at.url or at.home}: nothing to stop.")
        return 0
    pid = int(client.get("server")["pid"])
    names = [terminal.short(r["id"]) for r in active_runs(client) if r["type"] == "pipeline"]
    if names and not force:
        _refuse(names)
    client.post("shutdown", {"force": force})
    has_left = _wait_until_gone(client, None if at.url else pid)
    if as_json:
        print_json({"stopped": has_left, "running": not has_left, "pid": pid})
    elif not quiet:
        after = f" Runs {', '.join(names)} go on by themselves; the next server takes them up." if names else ""
        if not at.url and (kept_by := service.installed(at.home)):
            after += f" The service {kept_by.stem} brings it back; to end that too: penstock service uninstall"
        click.echo(
            f"Stopped the server (pid {pid}).{after}" if has_left else f"The server (pid {pid}) is still stopping."
        )
    return 0 if has_left else FAILED


def _refuse(names: list[str]) -> None:
    several = "runs are" if len(names) > 1 else "run is"
    raise Trouble(
        f"{len(names)} {several} active: {', '.join(names)}. Stop the server all the same with: penstock stop --force "
        "(their running steps go on by themselves, and the next server takes them up).",
        code="Conflict",
    )


def _wait_until_gone(client: Client, pid: int | None) -> bool:
    """Whether the server has left; a process of this machine counts as there until it is reaped."""
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline:
        if not client.answers() and (pid is None or not _is_alive(pid)):
            return True
        time.sleep(0.02)
    return False


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0]
    except ProcessLookupError:
        return False
    except (PermissionError, OSError):
        return True
    return state != "Z"
