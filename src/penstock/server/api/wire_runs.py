"""Pipeline runs and their steps on the paths, and in the words, of clients written for the original."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from penstock.model.errors import NotFound
from penstock.server.bodies import folded, read_json
from penstock.service.identity.access import SUBMITTED_BY
from penstock.service.published.endpoints import ENDPOINT_ID
from penstock.service.published.pipelines import RUN_SOURCE, RUN_TYPE
from penstock.service.published.pipelines import facts as facts_of
from penstock.service.services import Services

Json = dict[str, Any]
WS = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.MachineLearningServices/workspaces/{ws}"
RUNS = WS + "/PipelineRuns"
SCHEDULE_ID = "azureml.scheduleId"
_RUN = RUNS + "/{run_id}"
_STEP_WORDS = {
    "NotStarted": "NotStarted",
    "Queued": "Queued",
    "Completed": "Finished",
    "Failed": "Failed",
    "Canceled": "Canceled",
}
_CODES = {"NotStarted": 0, "Running": 1, "Failed": 2, "Finished": 3, "Canceled": 4}
_STEP_CODES = {"NotStarted": 0, "Queued": 1, "Running": 2, "Failed": 3, "Finished": 4, "Canceled": 5}
_LOGS = {"JobLog": "70_stdout.txt", "STDOUT": "70_stdout.txt", "STDERR": "75_stderr.txt"}


def add(routes: APIRouter, services: Services) -> None:
    """The routes of runs."""
    views = services.views

    @routes.get(_RUN)
    def get_run(ws: str, run_id: str) -> Json:
        run = _pipeline_run(services, ws, run_id)
        return entity(run, facts_of(services.context.database, run))

    @routes.delete(_RUN + "/Execution", response_class=Response)
    def cancel_run(ws: str, run_id: str) -> Response:
        _pipeline_run(services, ws, run_id)
        services.control.cancel(run_id, None)
        return Response(status_code=200)

    @routes.get(_RUN + "/PipelineRunOutputs/{name}")
    def get_pipeline_output(ws: str, run_id: str, name: str) -> Json:
        _pipeline_run(services, ws, run_id)
        for each in views.outputs(run_id):
            if each["pipeline_output_name"] == name:
                return _output(each)
        raise NotFound(
            f"Pipeline run '{run_id}' has no output '{name}'. Give PipelineData a pipeline_output_name.", target=name
        )

    @routes.post(_RUN + "/Graph/Node/Status")
    async def get_step_statuses(ws: str, run_id: str, request: Request) -> Json:
        steps = await run_in_threadpool(_steps, services, ws, run_id)
        return {each["node"]: _step_status(each) for each in steps}

    @routes.post(_RUN + "/Graph/Node/StatusCode")
    async def get_step_codes(ws: str, run_id: str, request: Request) -> Json:
        steps = await run_in_threadpool(_steps, services, ws, run_id)
        return {each["node"]: _STEP_CODES[_STEP_WORDS.get(each["status"], "Running")] for each in steps}

    @routes.post(_RUN + "/Graph/Shareable/Outputs")  # before the logs, or it would be taken for one
    @routes.post(_RUN + "/Outputs")
    async def get_step_outputs(ws: str, run_id: str, request: Request, nodeId: str = "") -> Json:
        step = await run_in_threadpool(_step, services, ws, run_id, nodeId or await _node_of(request))
        return {each["name"]: _output(each) for each in await run_in_threadpool(views.outputs, step["id"])}

    @routes.post(_RUN + "/Graph/Shareable/{log}")
    async def get_step_log(ws: str, run_id: str, log: str, request: Request, nodeId: str = "") -> Response:
        step = await run_in_threadpool(_step, services, ws, run_id, nodeId or await _node_of(request))
        if log not in _LOGS:
            raise NotFound(f"There is no log '{log}'. There are: {', '.join(_LOGS)}.", target=log)
        url = services.context.url
        return JSONResponse(f"{url}/api/v1/ws/{quote(ws)}/runs/{step['id']}/files/azureml-logs/{_LOGS[log]}")

    @routes.get(RUNS + "/Pipeline/{pipeline_id}")
    def list_runs_of_pipeline(ws: str, pipeline_id: str, limit: int = 100) -> list[Json]:
        services.pipelines.get(ws, pipeline_id)
        found = views.list_runs(ws, pipeline_id=pipeline_id, limit=max(1, min(limit, 1000)))
        whole = [views.find_run(run["id"]) for run in found]
        return [entity(run, facts_of(services.context.database, run)) for run in whole]


def _pipeline_run(services: Services, ws: str, run_id: str) -> Json:
    run = services.views.find_run(run_id, ws)
    if run["type"] != "pipeline":
        raise NotFound(
            f"'{run_id}' is a {run['type']} run, not a pipeline run. Ask for {run['root_id']}.", target=run_id
        )
    return run


def _steps(services: Services, ws: str, run_id: str) -> list[Json]:
    _pipeline_run(services, ws, run_id)
    return [each for each in services.views.children(run_id) if each["type"] == "step"]


def _step(services: Services, ws: str, run_id: str, node: str) -> Json:
    steps = _steps(services, ws, run_id)
    for each in steps:
        if node in (each["node"], each["id"]):
            return each
    has = ", ".join(f"{s['node']} ({s['name']})" for s in steps)
    raise NotFound(f"Pipeline run '{run_id}' has no step with the node id '{node}'. It has: {has}.", target=node)


async def _node_of(request: Request) -> str:
    """The node that a body names: {"nodeIdPath": [id]} or {"nodeId": id}."""
    body = folded(await read_json(request))
    path = body.get("nodeidpath") or [body.get("nodeid")]
    return str(path[-1] if isinstance(path, list) and path else path)


def _step_status(step: Json) -> Json:
    word = _STEP_WORDS.get(step["status"], "Running")
    return {
        "RunId": step["id"],
        "Name": step["name"],
        "Status": word,
        "StatusCode": _STEP_CODES[word],
        "StatusDetail": (step["error"] or {}).get("message"),
        "CreationTime": step["created_at"],
        "ScheduleTime": step["queued_at"],
        "StartTime": step["started_at"],
        "EndTime": step["ended_at"],
        "IsReused": "azureml.reusedrunid" in step["properties"],
        "ReusedRunId": step["properties"].get("azureml.reusedrunid"),
    }


def _output(each: Json) -> Json:
    return {"Name": each["name"], "DataStoreName": each["datastore"], "Path": each["path"], "RunId": each["run_id"]}


def entity(run: Json, facts: Json) -> Json:
    """A pipeline run as their clients read it; `facts` are those of Pipelines.facts."""
    word = _word(run["status"])
    properties, published = run["properties"], run.get("pipeline_id")
    parameters = run["parameters"]
    return {
        "Id": run["id"],
        "Status": {
            "StatusCode": _CODES[word],
            "StatusDetail": word,
            "CreationTime": run["created_at"],
            "EndTime": run["ended_at"],
        },
        "GraphId": facts["graph_id"],
        "PipelineId": published,
        "Description": run["description"] or run["name"],
        "DisplayName": run["display_name"],
        "ParameterAssignments": {k: v for k, v in parameters.items() if isinstance(v, str)},
        "DataPathAssignments": {
            k: {"DataStoreName": v["datastore"], "RelativePath": v.get("path") or ""}
            for k, v in parameters.items()
            if isinstance(v, dict) and "datastore" in v
        },
        "RunHistoryExperimentName": run["experiment"],
        "RunSource": properties.get(RUN_SOURCE) or "SDK",
        "RunType": properties.get(RUN_TYPE) or "SDK",
        "TotalRunSteps": facts["n_steps"],
        "ScheduleId": properties.get(SCHEDULE_ID),
        "PipelineEndpointId": properties.get(ENDPOINT_ID),
        "tags": run["tags"],
        "StepTags": {},
        "Properties": properties,
        "CreatedBy": {"UserName": properties.get(SUBMITTED_BY)},
        "CreatedDate": run["created_at"],
        "LastModifiedDate": run["ended_at"] or run["started_at"] or run["created_at"],
        "Etag": f'"{run["status"]}"',
        "EntityStatus": 0,
        "IsSubmitted": True,
        "HasErrors": word == "Failed",
        "HasWarnings": bool(run.get("warnings")),
        "ContinueRunOnStepFailure": facts["continue_on_failure"],
        "Url": run["url"],
    }


def _word(status: str) -> str:
    return _STEP_WORDS.get(status, "Running").replace("Queued", "Running")
