"""`penstock webhook …`: have an address told when pipeline runs end."""

from __future__ import annotations

from typing import Any

import click

from penstock.cli import registered, terminal
from penstock.cli.client import segment
from penstock.cli.commands import HelpfulGroup, home_option, json_option, workspace_option
from penstock.cli.printing import print_json
from penstock.cli.terminal import Look

Json = dict[str, Any]
ENDINGS = ("completed", "failed", "canceled")


@click.group(cls=HelpfulGroup)
def webhook() -> None:
    """Have an address told when pipeline runs end."""


@webhook.command()
@click.argument("url")
@click.option("--experiment", help="Only of runs of this experiment.")
@click.option("--on", "events", multiple=True, type=click.Choice(ENDINGS), help="Only of these ends. May be repeated.")
@workspace_option
@home_option
@json_option
def create(
    url: str, experiment: str | None, events: tuple[str, ...], workspace: str | None, home: str | None, as_json: bool
) -> None:
    """POST a signed message to URL when a pipeline run ends. Prints the secret that checks the signature, once."""
    client, chosen = registered.chosen(workspace, home)
    made = client.post(f"ws/{segment(chosen)}/webhooks", {"url": url, "experiment": experiment, "events": list(events)})
    if as_json:
        print_json(made)
        return
    click.echo(f"Webhook {made['id']}: {url} is told when runs of workspace '{chosen}' end.")
    click.echo(f"Its secret, not shown again: {made['secret']}")


@webhook.command("list")
@workspace_option
@home_option
@json_option
def list_webhooks(workspace: str | None, home: str | None, as_json: bool) -> None:
    """The workspace's webhooks."""
    client, chosen = registered.chosen(workspace, home)
    found = client.get(f"ws/{segment(chosen)}/webhooks")["value"]
    if as_json:
        print_json({"value": found, "next": None})
    elif not found:
        click.echo(f"Workspace '{chosen}' has no webhooks. Make one with: penstock webhook create URL")
    else:
        now = terminal.utc_now()
        rows = [
            [
                w["id"],
                w["url"],
                w["experiment"] or "all",
                ", ".join(w["events"]),
                _state(w),
                terminal.when(w["created_at"], now),
            ]
            for w in found
        ]
        click.echo(terminal.table(["ID", "URL", "EXPERIMENT", "ON", "STATE", "CREATED"], rows, Look.of_stdout()))


@webhook.command()
@click.argument("webhook_id", metavar="ID")
@workspace_option
@home_option
@json_option
def show(webhook_id: str, workspace: str | None, home: str | None, as_json: bool) -> None:
    """A webhook, and what it was told lately."""
    client, chosen = registered.chosen(workspace, home)
    found = client.get(f"ws/{segment(chosen)}/webhooks/{segment(webhook_id)}")
    if as_json:
        print_json(found)
        return
    look, now = Look.of_stdout(), terminal.utc_now()
    click.echo(f"{found['url']}  {_state(found)}")
    rows = [
        [terminal.short(d["run_id"]), d["event"], str(d["n_tries"]), _outcome(d, now), d["answer"] or ""]
        for d in found["deliveries"]
    ]
    click.echo(
        terminal.table(["RUN", "ENDED", "TRIES", "OUTCOME", "ANSWER"], rows, look, limit=90)
        if rows
        else "Told of nothing yet."
    )


@webhook.command()
@click.argument("webhook_id", metavar="ID")
@workspace_option
@home_option
def enable(webhook_id: str, workspace: str | None, home: str | None) -> None:
    """Tell it again, of what ends from now on."""
    _switch(webhook_id, workspace, home, True)


@webhook.command()
@click.argument("webhook_id", metavar="ID")
@workspace_option
@home_option
def disable(webhook_id: str, workspace: str | None, home: str | None) -> None:
    """Tell it no more."""
    _switch(webhook_id, workspace, home, False)


@webhook.command()
@click.argument("webhook_id", metavar="ID")
@workspace_option
@home_option
def delete(webhook_id: str, workspace: str | None, home: str | None) -> None:
    """Forget it and what it was told."""
    client, chosen = registered.chosen(workspace, home)
    client.delete(f"ws/{segment(chosen)}/webhooks/{segment(webhook_id)}")
    click.echo(f"Deleted webhook {webhook_id}.")


def _switch(webhook_id: str, workspace: str | None, home: str | None, enabled: bool) -> None:
    client, chosen = registered.chosen(workspace, home)
    found = client.put(f"ws/{segment(chosen)}/webhooks/{segment(webhook_id)}", {"enabled": enabled})
    click.echo(f"{found['url']}: {_state(found)}.")


def _state(webhook: Json) -> str:
    return f"disabled: {webhook['disabled']}" if webhook["disabled"] else "active"


def _outcome(delivery: Json, now: Any) -> str:
    if delivery["delivered_at"]:
        return f"told {terminal.when(delivery['delivered_at'], now)}"
    return f"again {terminal.when(delivery['next_at'], now)}" if delivery["next_at"] else "given up"
