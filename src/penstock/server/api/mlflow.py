"""MLflow's REST API below /mlflow/<workspace>, as far as tracking goes: experiments, runs, metrics, params, tags, artifacts.

Knows MLflow's routes and its shape of errors; what the calls do is service/mlflow/tracking.py's.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from penstock.model.access import Caller
from penstock.model.errors import BadRequest, Conflict, Forbidden, NotBuiltYet, NotFound, PenstockError
from penstock.server.api.runs import spool
from penstock.server.bodies import LaterRoute
from penstock.server.callers import caller_of
from penstock.server.files import send_file
from penstock.service.services import Services

Json = dict[str, Any]
Call = Callable[[str, Json], Json]
SPOKEN = "3.0.0"
"""The version of MLflow's own server whose calls these are."""
MAX_RESULTS = 50_000
PARENT = "mlflow.parentRunId"
_WRITING = ("runs/update", "runs/log-metric", "runs/log-parameter", "runs/set-tag", "runs/delete-tag", "runs/log-batch")
_CODES: dict[type[PenstockError], str] = {
    NotFound: "RESOURCE_DOES_NOT_EXIST",
    Conflict: "RESOURCE_ALREADY_EXISTS",
    BadRequest: "INVALID_PARAMETER_VALUE",
    NotBuiltYet: "ENDPOINT_NOT_FOUND",
    Forbidden: "PERMISSION_DENIED",
}


def router(services: Services) -> APIRouter:
    routes = APIRouter(include_in_schema=False, route_class=LaterRoute)
    calls = {**_experiments(services), **_runs(services)}
    _artifacts(routes, services)

    @routes.get("/mlflow/{ws}/version")
    def version(ws: str) -> Response:
        return PlainTextResponse(SPOKEN)

    @routes.get("/mlflow/{ws}/")
    @routes.get("/mlflow/{ws}")
    def home(ws: str) -> Response:
        """Where MLflow's own links lead: the runs are on our pages."""
        return RedirectResponse("/")

    @routes.api_route("/mlflow/{ws}/api/{version}/mlflow/{call:path}", methods=["GET", "POST", "PATCH", "DELETE"])
    async def answer(ws: str, version: str, call: str, request: Request) -> Response:
        try:
            known = calls.get(call) or _of_model(services, call, request.method) if version == "2.0" else None
            if known is None:
                raise NotBuiltYet(f"{request.method} {version}/mlflow/{call} is not built: the tracking of runs is.")
            given = await _given(request)
            return JSONResponse(
                await run_in_threadpool(lambda: known(ws, _as(caller_of(request), services, call, given)))
            )
        except PenstockError as error:
            return _refusal(error)

    return routes


def _as(caller: Caller, services: Services, call: str, given: Json) -> Json:
    """What is asked, as this caller may ask it: a step writes to its own family alone, and a run that it starts is its child."""
    if caller.kind != "run":
        return given
    if call == "runs/create":
        parent = _tags(given).get(PARENT)
        services.access.check_family(caller, parent)
        return given if parent else {**given, "tags": [*(given.get("tags") or []), {"key": PARENT, "value": caller.id}]}
    if call in _WRITING:
        services.access.check_family(caller, _id(given))
    return given


def _refusal(error: PenstockError) -> Response:
    code = next((c for kind, c in _CODES.items() if isinstance(error, kind)), "INTERNAL_ERROR")
    status = 404 if isinstance(error, NotBuiltYet) else 400 if isinstance(error, Conflict) else error.http_status
    return JSONResponse({"error_code": code, "message": error.message}, status)


async def _given(request: Request) -> Json:
    """The arguments of a call: the query of a GET, else the body."""
    if request.method == "GET":
        query = request.query_params
        return {k: query.getlist(k) if k == "experiment_ids" else query[k] for k in query}
    content = await request.body()
    try:
        given = json.loads(content) if content else {}
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise BadRequest("The body is no JSON object. Send what MLflow's REST API says.")
    return given


def _experiments(services: Services) -> dict[str, Call]:
    tracking = services.tracking

    def search(ws: str, given: Json) -> Json:
        if str(given.get("view_type")) == "DELETED_ONLY":
            return {"experiments": []}
        return {"experiments": tracking.experiments(ws)}

    def create(ws: str, given: Json) -> Json:
        return {"experiment_id": tracking.create_experiment(ws, str(given.get("name") or ""), _tags(given))}

    def set_tag(ws: str, given: Json) -> Json:
        tracking.tag_experiment(
            ws, str(given.get("experiment_id")), str(given.get("key")), str(given.get("value") or "")
        )
        return {}

    return {
        "experiments/create": create,
        "experiments/search": search,
        "experiments/get": lambda ws, given: {"experiment": tracking.experiment(ws, str(given.get("experiment_id")))},
        "experiments/get-by-name": lambda ws, given: {
            "experiment": tracking.experiment_by_name(ws, str(given.get("experiment_name")))
        },
        "experiments/set-experiment-tag": set_tag,
    }


def _runs(services: Services) -> dict[str, Call]:
    tracking = services.tracking

    def create(ws: str, given: Json) -> Json:
        experiment = str(given.get("experiment_id") or "0")
        return {"run": tracking.create_run(ws, experiment, given.get("run_name"), _tags(given))}

    def update(ws: str, given: Json) -> Json:
        status = given.get("status")
        status = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}.get(status, status)  # type: ignore[arg-type]
        return {"run_info": tracking.update_run(ws, _id(given), status, given.get("run_name"))}

    def log_batch(ws: str, given: Json) -> Json:
        tracking.log(ws, _id(given), *(given.get(k) or [] for k in ("metrics", "params", "tags")))
        return {}

    def log_one(kind: int) -> Call:
        def log(ws: str, given: Json) -> Json:
            tracking.log(ws, _id(given), *([given] if i == kind else [] for i in range(3)))
            return {}

        return log

    def untag(ws: str, given: Json) -> Json:
        tracking.untag(ws, _id(given), str(given.get("key")))
        return {}

    def search(ws: str, given: Json) -> Json:
        if str(given.get("run_view_type")) == "DELETED_ONLY":
            return {"runs": []}
        asked = [str(i) for i in given.get("experiment_ids") or []]
        found = tracking.search(ws, asked, str(given.get("filter") or ""), given.get("order_by") or [])
        return _page("runs", found, given, 1000)

    def history(ws: str, given: Json) -> Json:
        return _page("metrics", tracking.history(ws, _id(given), str(given.get("metric_key"))), given, MAX_RESULTS)

    return {
        "runs/create": create,
        "runs/get": lambda ws, given: {"run": tracking.run(ws, _id(given))},
        "runs/update": update,
        "runs/search": search,
        "runs/log-metric": log_one(0),
        "runs/log-parameter": log_one(1),
        "runs/set-tag": log_one(2),
        "runs/delete-tag": untag,
        "runs/log-batch": log_batch,
        "runs/log-inputs": lambda ws, given: {},  # what autologging says of its data: not kept
        "runs/log-model": lambda ws, given: {},  # the model's files are kept as artifacts
        "runs/outputs": lambda ws, given: {},  # which models: they are among the run's files
        "metrics/get-history": history,
        "artifacts/list": lambda ws, given: {
            "root_uri": f"mlflow-artifacts:/{_id(given)}",
            "files": _listing(services, ws, _id(given), str(given.get("path") or ""), whole=True),
        },
    }


def _of_model(services: Services, call: str, method: str) -> Call | None:
    """The calls about logged models, which have the model's id in their path."""
    models = services.tracked_models
    match call.split("/"):
        case ["logged-models"] if method == "POST":
            return lambda ws, given: {
                "model": models.create(ws, str(given.get("name") or ""), str(given.get("source_run_id") or ""))
            }
        case ["logged-models", "search"]:  # asked by every listing of a folder of artifacts
            return lambda ws, given: {"models": []}
        case ["logged-models", model_id]:
            return lambda ws, given: {"model": models.get(ws, model_id, given.get("status"))}
        case ["logged-models", model_id, "tags" | "params"]:  # the run has them, too
            return lambda ws, given: {"model": models.get(ws, model_id)} if method == "PATCH" else {}
    return None


def _artifacts(routes: APIRouter, services: Services) -> None:
    base = "/mlflow/{ws}/api/2.0/mlflow-artifacts/artifacts"

    @routes.get(base)
    def listed(ws: str, path: str = "") -> Response:
        run_id, _, below = path.strip("/").partition("/")
        try:
            return JSONResponse({"files": _listing(services, ws, run_id, below, whole=False)})
        except PenstockError as error:
            return _refusal(error)

    @routes.get(base + "/{run_id}/{name:path}")
    def get(ws: str, run_id: str, name: str) -> Response:
        try:
            services.views.find_run(run_id, ws)
            path = services.views.file_path(run_id, name)
        except PenstockError as error:
            return _refusal(error)
        shown = f"attachment; filename*=utf-8''{quote(PurePosixPath(name).name, safe='')}"
        return send_file(path, headers={"X-Content-Type-Options": "nosniff", "Content-Disposition": shown})

    @routes.put(base + "/{run_id}/{name:path}")
    async def put(ws: str, run_id: str, name: str, request: Request) -> Response:
        try:
            await run_in_threadpool(services.views.find_run, run_id, ws)
            with await spool(request, services.context.room) as content:
                await run_in_threadpool(services.control.put_file, run_id, name, content)
        except PenstockError as error:
            return _refusal(error)
        return JSONResponse({})


def _listing(services: Services, ws: str, run_id: str, below: str, *, whole: bool) -> list[Json]:
    """What lies directly in a folder of the run's files: paths from the run on if `whole`, else from the folder on."""
    services.views.find_run(run_id, ws)
    base = below.strip("/") + "/" if below.strip("/") else ""
    found: dict[str, Json] = {}
    for file in services.views.files(run_id):
        name = str(file["name"])
        if name.startswith(base):
            first, _, more = name[len(base) :].partition("/")
            entry = {"path": base + first if whole else first, "is_dir": bool(more)}
            found.setdefault(first, entry if more else {**entry, "file_size": file["size_bytes"]})
    return [found[k] for k in sorted(found)]


def _page(field: str, rows: list[Json], given: Json, most: int) -> Json:
    try:
        start = int(given.get("page_token") or 0)
        size = max(1, min(int(given.get("max_results") or most), MAX_RESULTS))
    except ValueError:
        raise BadRequest("page_token and max_results are numbers. Take the token from the last page.") from None
    answer: Json = {field: rows[start : start + size]}
    if start + size < len(rows):
        answer["next_page_token"] = str(start + size)
    return answer


def _id(given: Json) -> str:
    return str(given.get("run_id") or given.get("run_uuid") or "")


def _tags(given: Json) -> dict[str, str]:
    return {str(t["key"]): str(t.get("value") or "") for t in given.get("tags") or [] if t.get("key")}
