"""From what was typed to the run meant: an id, the unique beginning of one, or `latest`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from penstock.cli import places
from penstock.cli.client import Client, Query, segment
from penstock.cli.commands import nearest
from penstock.cli.terminal import short
from penstock.cli.trouble import BAD_USAGE, NotThere, Trouble

Run = dict[str, Any]
LATEST = "latest"
SHOWN = 5
"""How many runs are named when what was typed may mean several."""


def find_run(client: Client, typed: str, workspace: str | None, folder: Path) -> Run:
    """The run `typed` means; NotThere with the nearest, or Trouble naming several."""
    names = places.meant_workspaces(client, workspace, folder)
    if typed == LATEST:
        return _latest(client, names)
    rest = places.other_workspaces(client, workspace, names)
    if found := _exact(client, typed, names + rest):
        return found
    hits = _beginning(client, typed, names) or _beginning(client, typed, rest)
    if len(hits) == 1:
        return _whole(client, hits[0])
    if hits:
        shown = ", ".join(_named(r) for r in hits[:SHOWN])
        count = str(len(hits)) if len(hits) <= SHOWN else f"More than {SHOWN}"
        raise Trouble(f"{count} runs begin with '{typed}': {shown}. Type more of the id.", BAD_USAGE)
    names += rest
    recent = [r["id"] for n in names for r in client.get(places.runs_path(n), {"include_children": 1})["value"]]
    raise NotThere(_nothing_like(typed, names, recent))


def find_step(steps: list[Run], typed: str) -> Run:
    """The step named `typed`, or whose run id begins with it."""
    named = [s for s in steps if s["name"] == typed] or [s for s in steps if s["id"].startswith(typed.lower())]
    if len(named) == 1:
        return named[0]
    if named:
        ids = ", ".join(short(s["id"]) for s in named)
        raise Trouble(f"{len(named)} steps are called '{typed}': {ids}. Name one by its run id.", BAD_USAGE)
    names = [s["name"] for s in steps]
    near = nearest(typed, names)
    hint = f"Did you mean '{near}'?" if near else f"Its steps are: {', '.join(names[:20]) or 'none'}."
    raise NotThere(f"The run has no step '{typed}'. {hint}")


def complete_run_id(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Run ids for the shell; nothing when no server runs, and never an error."""
    try:
        client = places.running(places.place())
        if client is None:
            return []
        names = places.meant_workspaces(client, ctx.params.get("workspace"), Path.cwd())
        recent = [r for n in names for r in client.get(places.runs_path(n), {"limit": 50})["value"]]
    except (Trouble, OSError, KeyError, ValueError):
        return []
    return [i for i in (LATEST, *(short(r["id"]) for r in recent)) if i.startswith(incomplete)]


def _exact(client: Client, typed: str, names: list[str]) -> Run | None:
    if not re.fullmatch(r"[\w.-]{1,64}", typed):
        return None
    for name in names:
        try:
            run: Run = client.get(f"{places.runs_path(name)}/{segment(typed)}")
        except NotThere:
            continue
        return run
    return None


def _beginning(client: Client, typed: str, names: list[str]) -> list[Run]:
    """The first few runs of these workspaces whose ids begin so."""
    query: Query = {"include_children": 1, "prefix": typed.lower(), "limit": SHOWN + 1}
    return [r for n in names for r in client.get(places.runs_path(n), query)["value"]] if typed else []


def _whole(client: Client, listed: Run) -> Run:
    """A run out of a list with what only its own call says: parameters and warnings."""
    run: Run = client.get(f"{places.runs_path(listed['workspace'])}/{segment(listed['id'])}")
    return run


def _latest(client: Client, names: list[str]) -> Run:
    newest = [r for n in names for r in client.get(places.runs_path(n), {"limit": 1})["value"]]
    if not newest:
        raise NotThere("There are no runs yet.")
    return _whole(client, max(newest, key=lambda r: str(r["created_at"])))


def _nothing_like(typed: str, names: list[str], known: list[str]) -> str:
    place = f"workspace '{names[0]}'" if len(names) == 1 else "any workspace"
    near = nearest(typed[:8], [short(i) for i in known])
    hint = f"Did you mean '{near}'?" if near else "See them with: penstock run list"
    return f"No run in {place} has the id '{typed}' or one that begins with it. {hint}"


def _named(run: Run) -> str:
    return f"{run['id'][:13]} ({run.get('display_name') or run.get('name') or run['experiment']})"
