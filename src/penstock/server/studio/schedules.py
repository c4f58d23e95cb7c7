"""The pages of schedules: all that submits by itself, and one with what became of each of its due times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from penstock.engine.recurrence import said
from penstock.model.errors import NotFound
from penstock.server.bodies import LaterRoute
from penstock.server.studio.given import Pair
from penstock.server.studio.routes import PAGE_HEADERS, fragment, missing_page, templates
from penstock.server.studio.views import Link, run_href
from penstock.server.studio.visitors import Visitor, visitor_of
from penstock.server.studio.wording import Badge, Moment, badge, files, moment
from penstock.service.services import Services

Json = dict[str, Any]
SHOWN = 200
TICKS = 50
COMING = 10
_VERDICTS = {"fired": "ok", "failed": "bad", "skipped": "stopped", "queued": "wait", "due": "busy"}
_BY = {"run-now": "run by hand", "backfill": "caught up by hand", "catch-up": "caught up"}
_FACTS = {
    "catch_up": "Missed times",
    "overlap": "Overlap",
    "pause_after": "Pause after",
    "data_path_parameter_name": "Path goes to",
    "polling_interval": "Polling interval",
    "settle_seconds": "Settles in",
}


@dataclass(frozen=True)
class ScheduleRow:
    id: str
    name: str
    href: str
    workspace: str
    rule: str
    badge: Badge
    next: Moment | None
    last: TickRow | None
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class TickRow:
    """What became of a due time, or of `n` that one stands for."""

    at: str
    local: str
    until: str
    badge: Badge
    n: int | None
    run: Link | None
    run_badge: Badge | None
    why: str
    files: Link | None


@dataclass(frozen=True)
class SchedulePage:
    row: ScheduleRow
    description: str
    api: str
    target: Link | None
    is_active: bool
    zone: str
    counted: str
    watches: str
    coming: tuple[tuple[str, str], ...]
    ticks: tuple[TickRow, ...]
    facts: tuple[Pair, ...]
    parameters: tuple[Pair, ...]


def router(services: Services, static_version: str) -> APIRouter:
    """`/schedules` and `/schedules/{schedule_id}`."""
    routes = APIRouter(include_in_schema=False, route_class=LaterRoute)
    pages = templates(static_version)
    schedules = services.schedules

    @routes.get("/schedules")
    def list_all(request: Request) -> Response:
        visitor = visitor_of(services, request)
        found: list[Json] = []
        for space in services.views.workspaces():
            if sees(visitor, space["name"]):
                found += schedules.list(space["name"])
        found = sorted(found, key=lambda s: (s["status"] != "Active", s["next_at"] or "~", s["name"]))[:SHOWN]
        rows = tuple(row_of(s, schedules.ticks(s["workspace"], s["id"], 1)["value"]) for s in found)
        several = len({r.workspace for r in rows}) > 1
        html = pages.get_template("schedules.html").render(rows=rows, has_several_workspaces=several, visitor=visitor)
        return HTMLResponse(html, headers=PAGE_HEADERS)

    @routes.get("/schedules/{schedule_id}")
    def show(request: Request, schedule_id: str) -> Response:
        return answer(request, schedule_id, False)

    @routes.get("/schedules/{schedule_id}/fragment")
    def show_fragment(request: Request, schedule_id: str) -> Response:
        return answer(request, schedule_id, True)

    def answer(request: Request, schedule_id: str, is_fragment: bool) -> Response:
        visitor = visitor_of(services, request)
        try:
            found = schedules.anywhere(schedule_id)
        except NotFound as error:
            return missing_page(pages, error.message)
        if not sees(visitor, found["workspace"]):
            return missing_page(pages, f"There is no schedule '{schedule_id}' that you may see.")
        coming = schedules.next(found["workspace"], schedule_id, COMING)
        page = page_of(found, coming, schedules.ticks(found["workspace"], schedule_id, TICKS)["value"])
        if is_fragment:
            return fragment(request, pages.get_template("schedule_body.html").render(page=page, is_fragment=True))
        html = pages.get_template("schedule.html").render(page=page, is_fragment=False, visitor=visitor)
        return HTMLResponse(html, headers=PAGE_HEADERS)

    return routes


def sees(visitor: Visitor, workspace: str) -> bool:
    return visitor.workspaces is None or workspace in visitor.workspaces


def schedule_href(schedule_id: str) -> str:
    return f"/schedules/{quote(schedule_id, safe='')}"


def row_of(found: Json, ticks: Sequence[Json]) -> ScheduleRow:
    is_active = found["status"] == "Active"
    rule = found["recurrence"]
    return ScheduleRow(
        id=found["id"],
        name=found["name"],
        href=schedule_href(found["id"]),
        workspace=found["workspace"],
        rule=f"{said(rule)} ({_zone(rule)})" if rule else f"changes of {_watched(found)}",
        badge=Badge(found["status"], "ok" if is_active else "stopped"),
        next=moment(found["next_at"]) if rule else None,
        last=tick_row(ticks[0], found["workspace"], None) if ticks else None,
        warnings=tuple(text for text in (found["note"], *found["warnings"]) if text),
    )


def page_of(found: Json, coming: Json, ticks: Sequence[Json]) -> SchedulePage:
    """One schedule, with its coming due times and its latest ticks, newest first."""
    zone = _zone(found["recurrence"]) if found["recurrence"] else ""
    known = ""
    if coming.get("known_at"):
        were = "was" if coming["n_files"] == 1 else "were"
        known = f"{files(coming['n_files'])} {were} there at {_clock(coming['known_at'])}"
    facts = [("Experiment", found["experiment_name"]), ("Workspace", found["workspace"])]
    facts += [(label, found[name]) for name, label in _FACTS.items() if found["recurrence"] or name != "catch_up"]
    facts += [("Steps", "all run each time")] if found["regenerate_outputs"] else []
    facts += [("Datasets", "the newest versions")] if found["datasets"] == "latest" else []
    return SchedulePage(
        row=row_of(found, ticks),
        description=found["description"] or "",
        api=f"/api/v1/ws/{quote(found['workspace'], safe='')}/schedules/{quote(found['id'], safe='')}",
        target=_target(found),
        is_active=found["status"] == "Active",
        zone=zone,
        counted="due times" if zone else "looks",
        watches=known,
        coming=tuple((_local(each["local"]), _clock(each["at"])) for each in coming["value"]),
        ticks=tuple(tick_row(t, found["workspace"], zone or None) for t in ticks),
        facts=tuple(Pair(name, str(value)) for name, value in facts if value not in (None, "")),
        parameters=tuple(Pair(k, str(v)) for k, v in (found["pipeline_parameters"] or {}).items()),
    )


def tick_row(tick: Json, workspace: str, zone: str | None) -> TickRow:
    run_id, evidence = tick["run_id"], tick["evidence"]
    changed = None
    if run_id and evidence.get("changed"):
        n = evidence["changed"]
        address = f"/api/v1/ws/{quote(workspace, safe='')}/runs/{quote(run_id, safe='')}/changed"
        changed = Link(f"{files(n)} changed: {evidence.get('path') or '/'}", address)
    verdict = tick["verdict"]
    return TickRow(
        at=_clock(tick["scheduled_at"]),
        local=_in_zone(tick["scheduled_at"], zone) if zone not in (None, "UTC") else "",
        until="" if tick["until_at"] is None else _clock(tick["until_at"]),
        badge=Badge(verdict.capitalize(), _VERDICTS.get(verdict, "wait")),
        n=tick["n"],
        run=Link(run_id[:8], run_href(run_id)) if run_id else None,
        run_badge=badge(tick["run_status"]) if tick["run_status"] else None,
        why=tick["reason"] or _BY.get(str(evidence.get("by")), ""),
        files=changed,
    )


def _target(found: Json) -> Link | None:
    if found["pipeline_id"]:
        return Link(f"pipeline {found['pipeline_id'][:8]}", f"/pipelines/{quote(found['pipeline_id'], safe='')}")
    return None


def _zone(rule: Json) -> str:
    return str(rule.get("time_zone") or "UTC")


def _watched(found: Json) -> str:
    return f"{found['datastore']}/{found['path_on_datastore'] or ''}"


def _clock(iso: str) -> str:
    return iso.replace("T", " ").replace("Z", "")


def _local(iso: str) -> str:
    """A local time as `next` tells it, with its day and, unless it is none, its distance from UTC."""
    at = datetime.fromisoformat(iso)
    return f"{at:%a %Y-%m-%d %H:%M:%S} {iso[19:].replace('+00:00', '')}".rstrip()


def _in_zone(iso: str, zone: str | None) -> str:
    from penstock.engine.zones import zone as zone_of

    at = datetime.fromisoformat(iso.replace("Z", "+00:00")).astimezone(zone_of(zone or "UTC"))
    return f"{at:%Y-%m-%d %H:%M:%S} {at:%z}"
