"""Schedules on the paths, and in the words, of clients written for the original. What is Penstock's own may be sent too, in the same case."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from penstock.server.api.schedules import SHAPE
from penstock.server.api.wire_runs import RUNS, WS, entity
from penstock.server.api.wire_values import assignments, objects, saved
from penstock.server.bodies import folded, read_json
from penstock.service.published.pipelines import facts as facts_of
from penstock.service.schedule.schedule_settings import SETTINGS
from penstock.service.services import Services

Json = dict[str, Any]
_SCHEDULES = WS + "/Schedules"
_OURS = {"datastorename": "datastore", "entitystatus": "status"}
_RULE = ("frequency", "interval", "start_time", "time_zone", "hours", "minutes", "week_days", "cron")
_NAMES = ("name", "status", "pipeline_id", "pipeline_endpoint_id", *SETTINGS)


def add(routes: APIRouter, services: Services) -> None:
    """The routes of schedules."""
    schedules = services.schedules

    @routes.post(_SCHEDULES + "/Create")
    async def create_wire_schedule(ws: str, request: Request) -> Json:
        body = folded(await read_json(request))
        made = await run_in_threadpool(lambda: schedules.create(ws, _given(services, ws, body)))
        return _schedule(made)

    @routes.get(_SCHEDULES)
    def list_wire_schedules(ws: str, activeOnly: bool = True) -> list[Json]:
        return [_schedule(s) for s in schedules.list(ws, activeOnly)]

    @routes.get(_SCHEDULES + "/Pipeline/{pipeline_id}")
    def list_schedules_of_pipeline(ws: str, pipeline_id: str) -> list[Json]:
        return [_schedule(s) for s in schedules.list(ws, pipeline_id=pipeline_id)]

    @routes.get(_SCHEDULES + "/PipelineEndpoint/{endpoint_id}")
    def list_schedules_of_endpoint(ws: str, endpoint_id: str) -> list[Json]:
        return [_schedule(s) for s in schedules.list(ws, endpoint_id=endpoint_id)]

    @routes.get(_SCHEDULES + "/{schedule_id}")
    def get_wire_schedule(ws: str, schedule_id: str) -> Json:
        return _schedule(schedules.get(ws, schedule_id))

    @routes.put(_SCHEDULES + "/{schedule_id}")
    async def update_wire_schedule(ws: str, schedule_id: str, request: Request) -> Json:
        body = folded(await read_json(request))
        return _schedule(await run_in_threadpool(lambda: schedules.update(ws, schedule_id, _given(services, ws, body))))

    @routes.get(RUNS + "/Schedule/{schedule_id}")
    def list_runs_of_wire_schedule(ws: str, schedule_id: str, limit: int = 100) -> list[Json]:
        return [_run(services, i) for i in schedules.runs(ws, schedule_id)[: max(1, min(limit, 1000))]]

    @routes.get(RUNS + "/Schedule/{schedule_id}/Last")
    def get_last_run_of_wire_schedule(ws: str, schedule_id: str) -> Response:
        found = schedules.runs(ws, schedule_id)[:1]
        return JSONResponse(_run(services, found[0]) if found else None)


def _run(services: Services, run_id: str) -> Json:
    run = services.views.find_run(run_id)
    return entity(run, facts_of(services.context.database, run))


def _given(services: Services, ws: str, body: Json) -> Json:
    """What of ours was sent: names without the marks between their words, some within objects."""
    objects(body, "pipelinesubmissioninfo", "recurrence")
    submission = folded(body.get("pipelinesubmissioninfo") or {})
    found = _named({**submission, **body}, _NAMES)
    found |= {ours: body[theirs] for theirs, ours in _OURS.items() if body.get(theirs) is not None}
    go_on = submission.get("continuerunonstepfailure", body.get("continuerunonstepfailure"))
    if go_on is not None:
        found["continue_on_step_failure"] = go_on
    if given := assignments({**submission, **body}):
        found["pipeline_parameters"] = saved(services, ws, given)
    if body.get("recurrence"):
        rule = folded(body["recurrence"])
        objects(rule, "schedule")
        found["recurrence"] = _named({**folded(rule.get("schedule") or {}), **rule}, _RULE)
    return SHAPE.checked(found)


def _named(body: Json, names: tuple[str, ...]) -> Json:
    return {n: body[key] for n in names if body.get(key := n.replace("_", "")) is not None}


def _schedule(found: Json) -> Json:
    rule = found["recurrence"]
    own = {n: found[n] for n in ("catch_up", "overlap", "pause_after", "recursive", "on_delete", "settle_seconds")}
    parameters = found["pipeline_parameters"] or {}
    return {
        "Id": found["id"],
        "Name": found["name"],
        "Description": found["description"],
        "PipelineId": found["pipeline_id"],
        "PipelineEndpointId": found["pipeline_endpoint_id"],
        "EntityStatus": found["status"],
        "ScheduleType": "Recurrence" if rule else "DataStore",
        "Recurrence": _cased({n: rule.get(n) for n in _RULE}) if rule else None,
        "DataStoreName": found["datastore"],
        "PathOnDataStore": found["path_on_datastore"],
        "PollingInterval": None if rule else found["polling_interval"] or 5,
        "DataPathParameterName": found["data_path_parameter_name"],
        "PipelineSubmissionInfo": {
            "ExperimentName": found["experiment_name"],
            "ParameterAssignments": {k: v for k, v in parameters.items() if not isinstance(v, dict)},
            "DataPathAssignments": {
                k: {"DataStoreName": v["datastore"], "RelativePath": v.get("path") or ""}
                for k, v in parameters.items()
                if isinstance(v, dict) and "datastore" in v
            },
            "ContinueRunOnStepFailure": found["continue_on_step_failure"],
            "RunSource": "SDK",
            "RunType": "Schedule",
        },
        "ProvisioningStatus": found["provisioning"],
        "NextRunTime": found["next_at"],
        "CreatedDate": found["created_at"],
        "LastModifiedDate": found["updated_at"],
        **_cased({**own, "warnings": [text for text in (found["note"], *found["warnings"]) if text]}),
    }


def _cased(values: Json) -> Json:
    return {"".join(word.capitalize() for word in name.split("_")): value for name, value in values.items()}
