"""The paths and bodies that clients written for the original know: submitting published pipelines, and following the runs.

What crosses here is theirs: PascalCase keys in any case, their status words, their errors. docs/publish.md has the table.
"""

from __future__ import annotations

import time
from typing import Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from penstock.model.access import Permission
from penstock.model.errors import BadRequest, Forbidden
from penstock.model.status import TERMINAL
from penstock.server.api import wire_objects, wire_runs, wire_schedules
from penstock.server.api.openapi import WIRE_ERRORS
from penstock.server.api.wire_runs import RUNS, SCHEDULE_ID, entity
from penstock.server.api.wire_values import assignments, is_unsaved, saved
from penstock.server.bodies import LaterRoute, folded, read_json
from penstock.server.callers import caller_of, idempotent, signed
from penstock.server.shapes import Labels, Shape, Text, Values
from penstock.service.changes import Subscription
from penstock.service.published.endpoints import ENDPOINT_ID
from penstock.service.published.pipelines import RUN_SOURCE, RUN_TYPE
from penstock.service.published.pipelines import facts as facts_of
from penstock.service.published.places import PREFIX
from penstock.service.services import Services

__all__ = ["PREFIX", "router"]
Json = dict[str, Any]
_BY_ID = RUNS + "/PipelineEndpointSubmit/Id/{endpoint_id}"
MOST_WAIT_SECONDS = 3600.0
Quickly = tuple[Json, Json] | None
"""A run that was submitted, and the facts of it; None when it takes more, and nothing was done."""
AT_ONCE = 4
"""So many submissions that ask the database are worked on at once: more would only wait for each other."""
_SLOW: dict[str, CapacityLimiter] = {}
_OVER = {str(s) for s in TERMINAL}
_BODY = Shape(
    ExperimentName=Text,
    DisplayName=Text,
    Description=Text,
    ParameterAssignments=Values,
    DataPathAssignments=Values,
    DataSetDefinitionValueAssignments=Values,
    ContinueRunOnStepFailure=bool,
    RegenerateOutputs=bool,
    ParentRunId=Text,
    RunSource=Text,
    RunType=Text,
    ScheduleId=Text,
    tags=Labels,
    StepTags=Labels,
    Properties=Labels,
)
_OURS = {
    "ExperimentName": "experiment",
    "DisplayName": "display_name",
    "Description": "description",
    "ContinueRunOnStepFailure": "continue_on_step_failure",
    "RegenerateOutputs": "regenerate_outputs",
    "ParentRunId": "parent_run_id",
    "tags": "tags",
    "StepTags": "step_tags",
}
_TOLD: Json = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {**_BODY.schema(), "required": ["ExperimentName"]}}},
    }
}


def router(services: Services) -> APIRouter:
    refusals: Any = {"4XX": WIRE_ERRORS, "5XX": WIRE_ERRORS}
    routes = APIRouter(prefix=PREFIX, tags=["clients of the original"], responses=refusals, route_class=LaterRoute)
    _submitting(routes, services)
    wire_runs.add(routes, services)
    wire_objects.add(routes, services)
    wire_schedules.add(routes, services)
    return routes


def _submitting(routes: APIRouter, services: Services) -> None:
    @routes.post(RUNS + "/PipelineSubmit/{pipeline_id}", openapi_extra=_TOLD)
    async def submit_published(ws: str, pipeline_id: str, request: Request, wait: float = 0) -> Response:
        body = await read_json(request)

        def submit() -> Json:
            ready = _submission(services, ws, request, body, f"{ws}/{pipeline_id}")
            return services.pipelines.submit(ws, pipeline_id, _chosen(services, ws, pipeline_id, ready))

        return await _answer(services, submit, wait, await _quick(services, ws, pipeline_id, request, body))

    @routes.post(_BY_ID, openapi_extra=_TOLD)
    @routes.post(_BY_ID + "/{version}", openapi_extra=_TOLD)
    async def submit_endpoint(
        ws: str, endpoint_id: str, request: Request, version: str | None = None, wait: float = 0
    ) -> Response:
        return await by_endpoint(ws, endpoint_id, version, request, wait)

    @routes.post(RUNS + "/PipelineEndpointSubmit/Name", openapi_extra=_TOLD)
    async def submit_endpoint_by_name(
        ws: str, name: str, request: Request, pipelineVersion: str | None = None, wait: float = 0
    ) -> Response:
        endpoint = await run_in_threadpool(services.endpoints.named, ws, name)
        if not caller_of(request).may(Permission.RUN_PUBLISHED, ws, frozenset({endpoint["id"]})):
            raise Forbidden(f"Principal '{caller_of(request).name}' may not run the pipeline endpoint '{name}'.")
        return await by_endpoint(ws, endpoint["id"], pipelineVersion, request, wait)

    async def by_endpoint(ws: str, endpoint_id: str, version: str | None, request: Request, wait: float) -> Response:
        body = await read_json(request)

        def submit() -> Json:
            ready = _submission(services, ws, request, body, f"{ws}/{endpoint_id}/{version}")
            pipeline_id = services.endpoints.pipeline_of(ws, endpoint_id, version)
            return services.endpoints.submit(ws, endpoint_id, version, _chosen(services, ws, pipeline_id, ready))

        leads_to = await services.quick.pipeline_of(ws, endpoint_id, version)
        quick = leads_to and await _quick(services, ws, leads_to, request, body, endpoint_id, version)
        return await _answer(services, submit, wait, quick or None)


async def _answer(services: Services, submit: Any, wait: float, quick: Quickly) -> Response:
    """What a submission came to; with `wait`, when the run has ended or that many seconds have passed."""
    if quick is None:
        slow = _SLOW.setdefault(services.context.node_id, CapacityLimiter(AT_ONCE))
        run, facts = (
            await run_in_threadpool(
                services.views.find_run, (await to_thread.run_sync(submit, limiter=slow))["run_id"]
            ),
            None,
        )
    else:
        run, facts = quick
    if wait > 0:
        run = await _ended(services, run, min(wait, MOST_WAIT_SECONDS))
    if facts is None:
        facts = await run_in_threadpool(facts_of, services.context.database, run)
    return JSONResponse(entity(run, facts))


async def _quick(
    services: Services, ws: str, pipeline_id: str, request: Request, sent: Json, *of: str | None
) -> Quickly:
    """Submitted without asking the database beforehand, as the version of an endpoint if `of` names it."""
    if caller_of(request).kind == "run" or "datasetdefinitionvalueassignments" in folded(sent):
        return None
    what = "/".join(map(str, (ws, *(of or (pipeline_id,)))))
    body, quick = _submission(services, ws, request, sent, what), services.quick
    if of:
        body["properties"] = {**body["properties"], ENDPOINT_ID: of[0]}
    made = await quick.make(ws, pipeline_id, body)
    if made is None or not await quick.write(made):
        return None
    return made.run(services.context.url), made.facts


async def _ended(services: Services, run: Json, seconds: float) -> Json:
    """The run when it has ended, or as it is after so many seconds."""
    until = time.monotonic() + seconds
    with Subscription(services.context.changes, run["id"]) as changed:
        while True:
            run = await run_in_threadpool(services.views.find_run, run["id"])
            left = until - time.monotonic()
            if run["status"] in _OVER or left <= 0:
                return run
            await changed.wait(left)


def _submission(services: Services, ws: str, request: Request, sent: Json, what: str) -> Json:
    """A submission of ours from a body of theirs."""
    given = folded(sent)
    body = _BODY.checked({name: given[name.lower()] for name in _BODY.keys if given.get(name.lower()) is not None})
    if not body.get("ExperimentName"):
        raise BadRequest(
            'The body has no ExperimentName. Send it: {"ExperimentName": "my-experiment"}.', target="ExperimentName"
        )
    found: Json = {ours: body[theirs] for theirs, ours in _OURS.items() if theirs in body}
    found |= {"parameters": assignments(given), "is_lenient": True}
    found["properties"] = {
        **(body.get("Properties") or {}),
        RUN_SOURCE: body.get("RunSource") or "API",
        RUN_TYPE: body.get("RunType") or "HTTP",
        **({SCHEDULE_ID: body["ScheduleId"]} if body.get("ScheduleId") else {}),
    }
    return idempotent(request, signed(services, request, found), what)


def _chosen(services: Services, ws: str, pipeline_id: str, ready: Json) -> Json:
    """The submission with each dataset by its id. Files at a path become one here, so all else is looked at first."""
    values = ready["parameters"]
    if not any(map(is_unsaved, values.values())):
        return ready
    services.catalog.check_experiment(ready["experiment"])
    services.pipelines.check(ws, pipeline_id, values)
    return {**ready, "parameters": saved(services, ws, values)}
