"""`penstock schedule …`: what is submitted by itself, when next, and what became of each due time."""

from __future__ import annotations

from typing import Any

import click

from penstock.cli import registered, terminal
from penstock.cli.client import segment
from penstock.cli.commands import HelpfulGroup, home_option, json_option, workspace_option
from penstock.cli.printing import print_json
from penstock.cli.terminal import Look
from penstock.cli.trouble import NotThere
from penstock.engine.recurrence import said

Json = dict[str, Any]
_SHOWN = (
    "catch_up", "overlap", "pause_after", "regenerate_outputs", "datasets", "polling_interval", "settle_seconds",
    "recursive", "on_delete", "data_path_parameter_name",
)  # fmt: skip


@click.group(cls=HelpfulGroup)
def schedule() -> None:
    """Look at schedules, switch them, run and catch them up by hand."""


@schedule.command("list")
@click.option("--all", "everything", is_flag=True, help="Disabled ones too.")
@workspace_option
@home_option
@json_option
def list_schedules(everything: bool, workspace: str | None, home: str | None, as_json: bool) -> None:
    """The workspace's schedules."""
    client, chosen = registered.chosen(workspace, home)
    found = client.get(f"ws/{segment(chosen)}/schedules" + ("" if everything else "?active_only=true"))["value"]
    if as_json:
        print_json({"value": found, "next": None})
        return
    if not found:
        click.echo(
            f"Workspace '{chosen}' has no {'' if everything else 'active '}schedules. Schedule.create makes one."
        )
        return
    now = terminal.utc_now()
    rows = [
        [terminal.short(s["id"]), s["name"], _rule(s), s["status"], _next_of(s, now), " ".join(_told(s))] for s in found
    ]
    click.echo(terminal.table(["ID", "NAME", "WHEN", "STATUS", "NEXT", "NOTE"], rows, Look.of_stdout()))


@schedule.command()
@click.argument("schedule_id", metavar="ID|NAME")
@workspace_option
@home_option
@json_option
def show(schedule_id: str, workspace: str | None, home: str | None, as_json: bool) -> None:
    """A schedule: what it submits, when, and how it stands."""
    client, chosen = registered.chosen(workspace, home)
    found = _find(client, chosen, schedule_id)
    if as_json:
        print_json(found)
        return
    click.echo(f"{found['name']}  {found['status']}  {found['id']}")
    target = found["pipeline_id"] or found["pipeline_endpoint_id"]
    facts = {
        "when": _rule(found),
        "submits": ("pipeline " if found["pipeline_id"] else "endpoint ") + str(target),
        "experiment": found["experiment_name"],
        "parameters": ", ".join(f"{k}={v}" for k, v in (found["pipeline_parameters"] or {}).items()),
        "description": found["description"] or "",
        **{name: found[name] for name in _SHOWN if found[name] is not None},
        "next": found["next_at"] or "",
    }
    for name, value in facts.items():
        if value not in ("", False):
            click.echo(f"  {name:<26}{'yes' if value is True else value}")
    for text in _told(found):
        click.echo(f"  {text}")


@schedule.command()
@click.argument("schedule_id", metavar="ID|NAME")
@click.option("-n", "n", type=click.IntRange(1, 1000), default=10, show_default=True, help="How many.")
@workspace_option
@home_option
@json_option
def next(schedule_id: str, n: int, workspace: str | None, home: str | None, as_json: bool) -> None:
    """The coming due times, in the schedule's zone and in UTC."""
    client, chosen = registered.chosen(workspace, home)
    kept = _find(client, chosen, schedule_id)
    found = client.get(f"ws/{segment(chosen)}/schedules/{segment(kept['id'])}/next?n={n}")
    if as_json:
        print_json(found)
    elif kept["kind"] == "data":
        click.echo(f"It fires when data changes below {kept['datastore']}/{kept['path_on_datastore'] or ''}.")
    else:
        zone = found["time_zone"]
        rows = [[each["local"]] if zone == "UTC" else [each["local"], each["at"]] for each in found["value"]]
        click.echo(terminal.table([f"IN {zone}"] + ["UTC"] * (zone != "UTC"), rows, Look.of_stdout()))
        if kept["status"] != "Active":
            click.echo(
                f"It is {kept['status'].lower()}: none of these comes until penstock schedule enable {kept['id']}"
            )


@schedule.command()
@click.argument("schedule_id", metavar="ID|NAME")
@click.option("-n", "limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many.")
@workspace_option
@home_option
@json_option
def ticks(schedule_id: str, limit: int, workspace: str | None, home: str | None, as_json: bool) -> None:
    """What became of its due times, newest first."""
    client, chosen = registered.chosen(workspace, home)
    kept = _find(client, chosen, schedule_id)
    found = client.get(f"ws/{segment(chosen)}/schedules/{segment(kept['id'])}/ticks?limit={limit}")
    if as_json:
        print_json(found)
        return
    if not found["value"]:
        nothing_yet = "Nothing has changed there yet" if kept["kind"] == "data" else "It has not been due yet"
        click.echo(f"{nothing_yet}. What makes it fire: penstock schedule next {terminal.short(kept['id'])}")
        return
    rows = [
        [
            t["scheduled_at"],
            t["verdict"] if t["n"] in (1, None) else f"{t['verdict']} ({t['n']})",
            terminal.short(t["run_id"]) if t["run_id"] else "",
            t["run_status"] or "",
            t["reason"] or _evidence(t),
        ]
        for t in found["value"]
    ]
    click.echo(terminal.table(["DUE (UTC)", "VERDICT", "RUN", "STATUS", "WHY"], rows, Look.of_stdout(), limit=90))


@schedule.command()
@click.argument("schedule_id", metavar="ID|NAME")
@workspace_option
@home_option
def enable(schedule_id: str, workspace: str | None, home: str | None) -> None:
    """Submit again when it is due."""
    _switch(schedule_id, workspace, home, "Active")


@schedule.command()
@click.argument("schedule_id", metavar="ID|NAME")
@workspace_option
@home_option
def disable(schedule_id: str, workspace: str | None, home: str | None) -> None:
    """Submit nothing until it is enabled."""
    _switch(schedule_id, workspace, home, "Disabled")


@schedule.command("set")
@click.argument("schedule_id", metavar="ID|NAME")
@click.option(
    "--catch-up", type=click.Choice(["latest", "all", "none"]), help="What runs of due times that nobody was there for."
)
@click.option(
    "--overlap",
    type=click.Choice(["allow", "skip", "queue", "cancel-previous"]),
    help="When an earlier run has not ended.",
)
@click.option(
    "--pause-after", type=click.IntRange(0), metavar="N", help="So many failures in a row disable it; 0: none do."
)
@click.option("--regenerate-outputs/--reuse", default=None, help="Whether all steps run, or those that have to.")
@click.option(
    "--datasets", type=click.Choice(["captured", "latest"]), help="Which versions of registered datasets its runs get."
)
@click.option(
    "--settle-seconds",
    type=click.FloatRange(0),
    metavar="S",
    help="A batch of changes fires after so long without one.",
)
@click.option("--polling-interval", type=click.FloatRange(0.01), metavar="MINUTES", help="Look at data that often.")
@click.option("--recursive/--direct", default=None, help="Whether changes in sub-folders count.")
@click.option("--on-delete/--no-delete", default=None, help="Whether files that go away count.")
@click.option("--name", help="Another name.")
@click.option("--description", help="Another description.")
@workspace_option
@home_option
@json_option
def change(schedule_id: str, workspace: str | None, home: str | None, as_json: bool, **given: Any) -> None:
    """Change its settings. When it is due is changed from the SDK, or over REST."""
    wanted = {k: v for k, v in given.items() if v is not None}
    if not wanted:
        raise click.UsageError("Give at least one setting. See: penstock schedule set --help")
    client, chosen = registered.chosen(workspace, home)
    kept = _find(client, chosen, schedule_id)
    found = client.put(f"ws/{segment(chosen)}/schedules/{segment(kept['id'])}", wanted)
    if as_json:
        print_json(found)
    else:
        click.echo(f"Schedule '{found['name']}': " + ", ".join(f"{k} is {found[k]}" for k in wanted) + ".")


@schedule.command("run-now")
@click.argument("schedule_id", metavar="ID|NAME")
@workspace_option
@home_option
@json_option
def run_now(schedule_id: str, workspace: str | None, home: str | None, as_json: bool) -> None:
    """Fire it once, whatever is due."""
    client, chosen = registered.chosen(workspace, home)
    kept = _find(client, chosen, schedule_id)
    found = client.post(f"ws/{segment(chosen)}/schedules/{segment(kept['id'])}/run-now", {})
    if as_json:
        print_json(found)
    else:
        click.echo(f"Fired '{kept['name']}'. Its run: penstock schedule ticks {terminal.short(kept['id'])}")


@schedule.command()
@click.argument("schedule_id", metavar="ID|NAME")
@click.option("--from", "begin", required=True, metavar="TIME", help="From when, as 2030-01-31T08:30:00 (UTC).")
@click.option("--to", "end", required=True, metavar="TIME", help="Until when.")
@click.option("--at-once", type=click.IntRange(1, 1000), default=1, show_default=True, help="So many runs together.")
@click.option("--dry-run", is_flag=True, help="Only say which due times would be run.")
@workspace_option
@home_option
@json_option
def backfill(
    schedule_id: str,
    begin: str,
    end: str,
    at_once: int,
    dry_run: bool,
    workspace: str | None,
    home: str | None,
    as_json: bool,
) -> None:
    """Run the due times of a span that were not run."""
    client, chosen = registered.chosen(workspace, home)
    kept = _find(client, chosen, schedule_id)
    body = {"from": begin, "to": end, "at_once": at_once, "dry_run": dry_run}
    found = client.post(f"ws/{segment(chosen)}/schedules/{segment(kept['id'])}/backfill", body)
    if as_json:
        print_json(found)
        return
    for at in found["value"]:
        click.echo(at)
    done = "would be run" if dry_run else "will be run"
    click.echo(f"{found['n']} due times {done}, {at_once} at once.")


def _switch(schedule_id: str, workspace: str | None, home: str | None, status: str) -> None:
    client, chosen = registered.chosen(workspace, home)
    kept = _find(client, chosen, schedule_id)
    found = client.put(f"ws/{segment(chosen)}/schedules/{segment(kept['id'])}", {"status": status})
    coming = f" Next: {found['next_at']}." if found["next_at"] and status == "Active" else ""
    click.echo(f"Schedule '{found['name']}' is {found['status'].lower()}.{coming}")


def _find(client: Any, workspace: str, wanted: str) -> Json:
    """The schedule with this id, the beginning of one, or this name."""
    found = client.get(f"ws/{segment(workspace)}/schedules")["value"]
    exact = [s for s in found if wanted in (s["id"], s["name"])]
    matches = exact or [s for s in found if len(wanted) >= 4 and s["id"].startswith(wanted)]
    if len(matches) == 1:
        return dict(matches[0])
    if matches:
        ids = ", ".join(s["id"] for s in matches)
        raise NotThere(f"Several schedules are called '{wanted}': {ids}. Give the id of one.")
    raise NotThere(
        f"There is no schedule '{wanted}' in workspace '{workspace}'. See them: penstock schedule list --all"
    )


def _told(found: Json) -> list[str]:
    """What is to be said of how it stands."""
    return [text for text in (found["note"], *found["warnings"]) if text]


def _rule(found: Json) -> str:
    rule = found["recurrence"]
    if not rule:
        return f"changes of {found['datastore']}/{found['path_on_datastore'] or ''}"
    return f"{said(rule)} ({rule.get('time_zone') or 'UTC'})"


def _next_of(found: Json, now: Any) -> str:
    return terminal.when(found["next_at"], now) if found["next_at"] and found["kind"] == "time" else ""


def _evidence(tick: Json) -> str:
    by, changed = tick["evidence"].get("by"), tick["evidence"].get("changed")
    return f"{changed} changed: {tick['evidence'].get('path')}" if changed else str(by or "")
