"""From what was typed to the published pipeline or endpoint meant: an id or the beginning of one, a name, or the address that publishing printed.

Asks the server once: what there is for this caller in all workspaces. Must not print.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import click

from penstock.cli import logins, places
from penstock.cli.client import Client, segment
from penstock.cli.commands import nearest
from penstock.cli.places import Place
from penstock.cli.terminal import short
from penstock.cli.trouble import BAD_USAGE, NotThere, Trouble

Json = dict[str, Any]
LEAST_PREFIX = 4
"""So many characters of an id may stand for it."""
SHOWN = 5
MOST = 1000
_ADDRESS = re.compile(
    r"/workspaces/(?P<workspace>[^/]+)/PipelineRuns/"
    r"(?:PipelineSubmit/(?P<pipeline>[^/]+)|PipelineEndpointSubmit/(?:Id/(?P<endpoint>[^/]+)(?:/(?P<version>\d+))?|Name))/?\Z"
)


@dataclass(frozen=True)
class Target:
    """What is to be shown, switched or run, and the server that it is at. `version` is the endpoint's that the address named."""

    place: Place
    client: Client
    kind: str
    id: str
    name: str
    workspace: str
    version: str | None = None

    @property
    def path(self) -> str:
        return f"ws/{segment(self.workspace)}/{self.kind}s/{segment(self.id)}"

    @property
    def title(self) -> str:
        return f"endpoint '{self.name}'" if self.kind == "endpoint" else f"published pipeline '{self.name}'"


def find_target(typed: str, workspace: str | None, home: str | None, *, becomes: str | None = None) -> Target:
    """The one that `typed` means; NotThere with the nearest, or Trouble naming several. With `becomes`, the status that it is to have:
    a name means the one that has another now, and never just the newest of several."""
    at = places.place(home)
    version = None
    if "://" in typed:
        at, typed, of_address, version = _of_address(at, typed)
        workspace = workspace or of_address
    client = places.server(at)
    found = client.get("published", {"begins": typed, "limit": MOST})["value"] if typed else []
    hits = _meant(typed, found, workspace, becomes)
    if not hits:
        raise NotThere(_nothing_like(client, typed, workspace))
    if len(hits) > 1:
        shown = ", ".join(f"{h['kind']} {short(h['id'])} ('{h['name']}' in {h['workspace']})" for h in hits[:SHOWN])
        raise Trouble(
            f"'{typed}' may mean {len(hits)} of what is published: {shown}. Type more of the id, or choose with --workspace NAME.",
            BAD_USAGE,
        )
    chosen = hits[0]
    return Target(at, client, chosen["kind"], chosen["id"], chosen["name"], chosen["workspace"], version)


def complete_published(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Names and ids for the shell; nothing when no server runs, and never an error."""
    try:
        client = places.running(places.place())
        if client is None:
            return []
        found = client.get("published", {"begins": incomplete, "limit": 50})["value"]
    except (Trouble, OSError, KeyError, ValueError):
        return []
    active = [f for f in found if f["status"] == "Active"]
    names = [f["name"] if re.fullmatch(r"[\w.@:+-]+", f["name"]) else short(f["id"]) for f in active]
    return list(
        dict.fromkeys(n if n.startswith(incomplete) else short(f["id"]) for n, f in zip(names, active, strict=True))
    )


def _of_address(at: Place, typed: str) -> tuple[Place, str, str, str | None]:
    """The server, the id or name, the workspace and the version that an address names."""
    parts = urlsplit(typed)
    match = _ADDRESS.search(parts.path)
    query = parse_qs(parts.query)
    named = match and (match["pipeline"] or match["endpoint"] or query.get("name", [""])[0])
    if not match or not named:
        raise Trouble(
            f"'{typed}' is no address of a published pipeline. Copy the whole one that publishing printed, or give an id or name.",
            BAD_USAGE,
        )
    version = match["version"] or query.get("pipelineVersion", [None])[0]
    return (
        _at(at, logins.address(f"{parts.scheme}://{parts.netloc}")),
        unquote(named),
        unquote(match["workspace"]),
        version,
    )


def _at(at: Place, server: str) -> Place:
    """The server of an address. What is kept for one server is never shown to another."""
    if at.url.startswith("unix://"):
        own = places.server(at).get("server")["url"]
    else:
        own = logins.address(at.url) if at.url else ""
    if own == server:
        return at
    if own:
        raise Trouble(
            f"The address is at {server}, but {at.named_by} names {at.url}. Give an id or a name, or have both name one server.",
            BAD_USAGE,
        )
    if server == at.record().get("url"):
        return at  # the home's own
    return replace(at, url=server, named_by=places.TYPED)


def _meant(typed: str, found: list[Json], workspace: str | None, becomes: str | None) -> list[Json]:
    """Exactly this id; else of this name, an endpoint before pipelines, of which the newest active one; else of this beginning."""
    if workspace is not None:
        found = [f for f in found if f["workspace"] == workspace]
    if exact := [f for f in found if f["id"] == typed]:
        return exact
    named = _here([f for f in found if f["name"] == typed])
    if named and becomes and named[0]["kind"] == "pipeline":
        return [f for f in named if f["status"] != becomes] or named[:1]
    if named:
        firsts = {f["workspace"]: f for f in reversed(named)}  # endpoints come first, then what is newest
        return list(firsts.values())
    return _here([f for f in found if len(typed) >= LEAST_PREFIX and f["id"].startswith(typed.lower())])


def _here(found: list[Json]) -> list[Json]:
    """Those of the workspace of the nearest config.json when it has any."""
    config = places.nearest_config(Path.cwd())
    if config is None:
        return found
    name = places.workspace_of(config)
    return [f for f in found if f["workspace"] == name] or found


def _nothing_like(client: Client, typed: str, workspace: str | None) -> str:
    names = [w["name"] for w in places.workspaces(client)]
    if workspace is not None and workspace not in names:
        return f"Workspace '{workspace}' is not on this server. It has: {', '.join(names) or 'none'}."
    there = client.get("published", {"limit": MOST})["value"]
    there = [f for f in there if workspace in (None, f["workspace"])]
    place = f" in workspace '{workspace}'" if workspace else ""
    what = f"No published pipeline or endpoint{place} has the id or name '{typed}'."
    if not there:
        return f"{what} There is none that you may run. Publish one: penstock pipeline create --yaml FILE, or Pipeline.publish."
    near = nearest(typed, [f["name"] for f in there])
    return f"{what} " + (f"Did you mean '{near}'?" if near else "See what there is: penstock pipeline list")
