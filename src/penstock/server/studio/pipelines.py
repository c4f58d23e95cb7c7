"""The pages of published pipelines: the list, with the endpoints over them; and one, with its graph, a form that runs it, snippets, last runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from penstock.model.errors import NotFound
from penstock.server.api.openapi import example
from penstock.server.bodies import LaterRoute
from penstock.server.callers import caller_of
from penstock.server.studio import views
from penstock.server.studio.graphs import GraphDrawing, draw
from penstock.server.studio.routes import PAGE_HEADERS, missing_page, templates
from penstock.server.studio.schedules import ScheduleRow, row_of
from penstock.server.studio.snippets import Snippet, snippets
from penstock.server.studio.visitors import visitor_of
from penstock.server.studio.wording import Moment, moment
from penstock.service.services import Services

Json = dict[str, Any]
SHOWN = 200
SHOWN_VERSIONS = 5
RUNS = 20
_INPUTS = {"int": ("number", "1"), "float": ("number", "any"), "bool": ("checkbox", "")}


@dataclass(frozen=True)
class PipelineRow:
    id: str
    name: str
    version: str
    status: str
    workspace: str
    n_steps: int
    moment: Moment | None


@dataclass(frozen=True)
class VersionLink:
    """A version of an endpoint; `status` is empty of one that can be run."""

    version: str
    href: str
    is_default: bool
    status: str


@dataclass(frozen=True)
class EndpointRow:
    """An endpoint with its newest versions and its default one, newest first; `n_more` others are not shown."""

    id: str
    name: str
    description: str
    status: str
    workspace: str
    url: str
    versions: tuple[VersionLink, ...]
    n_more: int
    moment: Moment | None


@dataclass(frozen=True)
class Field:
    """One parameter in the form. `place` is the key of the body that it goes under, `key` what it is called there."""

    name: str
    type: str
    default: str
    place: str
    input: str
    step: str


@dataclass(frozen=True)
class PipelinePage:
    row: PipelineRow
    description: str
    endpoint: str
    interpreter: str
    openapi: str
    fields: tuple[Field, ...]
    steps: tuple[str, ...]
    graph: GraphDrawing | None
    snippets: tuple[Snippet, ...]
    runs: views.RunsPage
    schedules: tuple[ScheduleRow, ...]
    is_over: bool = True


def router(services: Services, static_version: str) -> APIRouter:
    """`/pipelines` and `/pipelines/{pipeline_id}`."""
    routes = APIRouter(include_in_schema=False, route_class=LaterRoute)
    pages = templates(static_version)

    @routes.get("/pipelines")
    def list_published(request: Request) -> Response:
        visitor = visitor_of(services, request)
        every = [w["name"] for w in services.views.workspaces()]
        seen = [name for name in every if visitor.workspaces is None or name in visitor.workspaces]
        rows = tuple(_row(r) for r in _newest(services.pipelines.list(n, None, None, SHOWN) for n in seen))
        endpoints = tuple(_endpoint(r) for r in _newest(services.endpoints.list(n, None, None, SHOWN) for n in seen))
        several = len({row.workspace for row in rows} | {row.workspace for row in endpoints}) > 1
        html = pages.get_template("pipelines.html").render(
            rows=rows, endpoints=endpoints, has_several_workspaces=several, visitor=visitor
        )
        return HTMLResponse(html, headers=PAGE_HEADERS)

    @routes.get("/pipelines/{pipeline_id}")
    def show_published(request: Request, pipeline_id: str) -> Response:
        visitor = visitor_of(services, request)
        try:
            found = services.pipelines.anywhere(pipeline_id)
        except NotFound as error:
            return missing_page(pages, error.message)
        sees = visitor.workspaces is None or found["workspace"] in visitor.workspaces
        if not sees and pipeline_id not in caller_of(request).published:
            return missing_page(pages, f"There is no published pipeline '{pipeline_id}' that you may see.")
        page = _page(services, found, datetime.now(UTC))
        html = pages.get_template("pipeline.html").render(page=page, is_fragment=False, visitor=visitor)
        return HTMLResponse(html, headers=PAGE_HEADERS)

    return routes


def _page(services: Services, found: Json, now: datetime) -> PipelinePage:
    pipeline_id = found["id"]
    kept = services.pipelines.kept(found["workspace"], pipeline_id)
    runs = services.views.list_runs(found["workspace"], pipeline_id=pipeline_id, limit=RUNS)
    return PipelinePage(
        row=_row(found),
        description=found["description"] or "",
        endpoint=found["endpoint"],
        interpreter=str(kept["interpreter"].get("executable") or ""),
        openapi=f"/api/v1/ws/{found['workspace']}/pipelines/{pipeline_id}/openapi.json",
        fields=tuple(_field(p) for p in found["parameters"]),
        steps=tuple(found["steps"]),
        graph=draw(kept["graph"], [], lambda _: ""),
        snippets=snippets(found["endpoint"], example(found["parameters"])),
        runs=views.runs_page(runs, {}, now),
        schedules=tuple(row_of(s, ()) for s in services.schedules.list(found["workspace"], pipeline_id=pipeline_id)),
    )


def _row(found: Json) -> PipelineRow:
    return PipelineRow(
        id=found["id"],
        name=found["name"],
        version=found["version"] or "",
        status=found["status"],
        workspace=found["workspace"],
        n_steps=found["total_run_steps"],
        moment=moment(found["created_at"]),
    )


def _newest(lists: Iterable[Sequence[Json]]) -> list[Json]:
    """Of all workspaces together, the newest first."""
    return sorted((row for rows in lists for row in rows), key=lambda row: -int(row["number"]))[:SHOWN]


def _endpoint(found: Json) -> EndpointRow:
    links = [
        VersionLink(
            v["version"],
            f"/pipelines/{v['pipeline_id']}",
            v["version"] == found["default_version"],
            "" if v["status"] == "Active" else str(v["status"]).lower(),
        )
        for v in reversed(found["versions"])
    ]
    shown = tuple(link for place, link in enumerate(links) if place < SHOWN_VERSIONS or link.is_default)
    return EndpointRow(
        id=found["id"],
        name=found["name"],
        description=found["description"] or "",
        status=found["status"],
        workspace=found["workspace"],
        url=found["endpoint"],
        versions=shown,
        n_more=len(links) - len(shown),
        moment=moment(found["created_at"]),
    )


def _field(parameter: Json) -> Field:
    kind, default = parameter["type"], parameter["default"]
    place, shown = "ParameterAssignments", default
    if kind == "datapath":
        place, shown = "DataPathAssignments", f"{default['datastore']}/{default.get('path') or ''}"
    if kind == "dataset":
        place, shown = "DataSetDefinitionValueAssignments", default["dataset"]
    input_type, step = _INPUTS.get(kind, ("text", ""))
    return Field(parameter["name"], kind, str(shown), place, input_type, step)
