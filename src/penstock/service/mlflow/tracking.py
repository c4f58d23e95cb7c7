"""Our runs in MLflow's words: experiments, runs, metrics with steps and times, params, tags.

A param is a property `mlflow.param.<name>`; MLflow's own tags (`mlflow.…`) are kept as tags. What MLflow calls a run's status is read
off ours; only a run that its caller drives takes one. Knows MLflow's entities as JSON; must not know HTTP.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from penstock.model.errors import BadRequest, Conflict, NotFound
from penstock.service.assets.catalog import Catalog
from penstock.service.context import Context
from penstock.service.mlflow import tracking_search
from penstock.service.runs.control import Control
from penstock.service.runs.logged import metric_rows, take_in
from penstock.service.runs.views import PARAM, Views
from penstock.store import catalog, records

Json = dict[str, Any]
DEFAULT_ID, DEFAULT_NAME = "0", "Default"
_STATUS = {
    "Completed": "FINISHED",
    "Failed": "FAILED",
    "Canceled": "KILLED",
    "NotStarted": "SCHEDULED",
    "Queued": "SCHEDULED",
}
_ENDS = {"FINISHED": "Completed", "FAILED": "Failed", "KILLED": "Canceled"}
_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
PAGE = 1000


class Tracking:
    """The verbs of an MLflow client in one workspace."""

    def __init__(self, context: Context, workspaces: Catalog, control: Control, views: Views) -> None:
        self._context = context
        self._workspaces = workspaces
        self._control = control
        self._views = views
        self._db = context.database

    # --- experiments ------------------------------------------------------------------------------------------------

    def experiments(self, ws: str) -> list[Json]:
        self._workspaces.workspace(ws)
        with self._db.read() as connection:
            return [_experiment(ws, e) for e in catalog.experiments(connection, ws)]

    def experiment(self, ws: str, experiment_id: str) -> Json:
        """By its id; MLflow's id 0 is the experiment `Default`, made when it is first named."""
        if experiment_id == DEFAULT_ID:
            self._workspaces.put_experiment(ws, DEFAULT_NAME)
            return {**self.experiment_by_name(ws, DEFAULT_NAME), "experiment_id": DEFAULT_ID}
        found = next((e for e in self.experiments(ws) if e["experiment_id"] == experiment_id), None)
        if found is None:
            raise NotFound(
                f"There is no experiment with id '{experiment_id}' in workspace '{ws}'. Name it: mlflow.set_experiment(name)."
            )
        return found

    def experiment_by_name(self, ws: str, name: str) -> Json:
        found = next((e for e in self.experiments(ws) if e["name"] == name), None)
        if found is None:
            raise NotFound(
                f"There is no experiment '{name}' in workspace '{ws}'. Make it: mlflow.set_experiment('{name}')."
            )
        return found

    def create_experiment(self, ws: str, name: str, tags: dict[str, str]) -> str:
        if any(e["name"] == name for e in self.experiments(ws)):
            raise Conflict(f"Experiment '{name}' exists already in workspace '{ws}'. Use it, or choose another name.")
        return str(self._workspaces.put_experiment(ws, name, tags)["id"])

    def tag_experiment(self, ws: str, experiment_id: str, key: str, value: str) -> None:
        found = self.experiment(ws, experiment_id)
        tags = {t["key"]: t["value"] for t in found["tags"]}
        self._workspaces.put_experiment(ws, found["name"], {**tags, key: value})

    # --- runs -------------------------------------------------------------------------------------------------------

    def create_run(self, ws: str, experiment_id: str, name: str | None, tags: dict[str, str]) -> Json:
        name = name or tags.get("mlflow.runName")
        body: Json = {"experiment": self.experiment(ws, experiment_id)["name"], "tags": tags}
        body.update(name=name, display_name=name, parent_id=tags.get("mlflow.parentRunId"))
        run_id = self._control.start_interactive(ws, body)
        if tags.get("mlflow.note.content"):
            self._write(run_id, [{"op": "description", "value": tags["mlflow.note.content"]}])
        return self.run(ws, run_id)

    def run(self, ws: str, run_id: str) -> Json:
        found = self._views.find_run(run_id, ws)
        take_in(self._context, run_id)
        return self._as_mlflow(ws, [found])[0]

    def update_run(self, ws: str, run_id: str, status: str | None, name: str | None) -> Json:
        """The run's info. The status of a run that the server runs is the server's to set: it stays."""
        found = self._views.find_run(run_id, ws)
        if status in _ENDS and found["type"] == "interactive":
            self._control.complete(run_id, {"status": _ENDS[status]})
        if name:
            self._write(run_id, [{"op": "display_name", "value": name}])
        info: Json = self.run(ws, run_id)["info"]
        return info

    def log(self, ws: str, run_id: str, metrics: Sequence[Json], params: Sequence[Json], tags: Sequence[Json]) -> None:
        """Keep what was logged; BadRequest before anything is, when a part of it cannot be."""
        found = self._views.find_run(run_id, ws)
        entries = [_metric_entry(m) for m in metrics] + self._param_entries(found, params)
        for tag in tags:
            key, value = _text(tag, "key"), str(tag.get("value") or "")
            entries.append({"op": "tag", "name": key, "value": value})
            if key == "mlflow.runName":
                entries.append({"op": "display_name", "value": value})
            elif key == "mlflow.note.content":
                entries.append({"op": "description", "value": value})
        self._write(run_id, entries)

    def untag(self, ws: str, run_id: str, key: str) -> None:
        if key not in self._views.find_run(run_id, ws)["tags"]:
            raise NotFound(
                f"Run '{run_id}' has no tag '{key}'. Its tags are listed by mlflow.get_run(run_id).data.tags."
            )
        self._write(run_id, [{"op": "untag", "name": key}])

    def history(self, ws: str, run_id: str, key: str) -> list[Json]:
        """Every value logged under `key`, in logged order."""
        self._views.find_run(run_id, ws)
        found: list[Json] = []
        for row in metric_rows(self._context, run_id):
            if row["name"] == key and row["kind"] in ("scalar", "list"):
                for value in row["value"] if isinstance(row["value"], list) else [row["value"]]:
                    if (number := _number(value)) is not None:
                        step = len(found) if row["step"] is None else row["step"]
                        found.append(_metric(key, number, row["at"], step))
        return found

    def search(self, ws: str, experiment_ids: Sequence[str], text: str, order: Sequence[str]) -> list[Json]:
        """The runs of these experiments that fit the filter, newest first unless ordered."""
        wanted = tracking_search.parse(text)
        found: list[Json] = []
        for name in dict.fromkeys(self.experiment(ws, e)["name"] for e in experiment_ids):
            before = None
            while True:
                page = self._views.list_runs(
                    ws, experiment=name, include_children=True, limit=PAGE, before_number=before
                )
                found += self._as_mlflow(ws, page)
                if len(page) < PAGE:
                    break
                before = page[-1]["number"]
        return tracking_search.ordered([r for r in found if wanted(r)], order)

    # --- both ways --------------------------------------------------------------------------------------------------

    def _write(self, run_id: str, entries: list[Json]) -> None:
        if entries:
            self._control.write_journal(run_id, entries)

    def _param_entries(self, found: Json, params: Sequence[Json]) -> list[Json]:
        """A param keeps its first value: another one is an error, the same is nothing."""
        kept, entries = dict(found["properties"]), []
        for param in params:
            key, value = PARAM + _text(param, "key"), str(param.get("value") or "")
            if kept.setdefault(key, value) != value:
                raise BadRequest(
                    f"Param '{param['key']}' of run '{found['id']}' is {kept[key]!r} and cannot become {value!r}. "
                    "Log it under another name, or use a tag."
                )
            entries.append({"op": "property", "name": key, "value": value})
        return entries

    def _as_mlflow(self, ws: str, found: Sequence[Json]) -> list[Json]:
        with self._db.read() as connection:
            latest = records.latest_scalars(connection, [r["id"] for r in found])
        ids = {e["name"]: e["experiment_id"] for e in self.experiments(ws)}
        return [_run(r, ids[r["experiment"]], latest.get(r["id"], [])) for r in found]


def _run(run: Json, experiment_id: str, latest: Sequence[Json]) -> Json:
    name = run["display_name"] or run["name"]
    tags = {"mlflow.runName": name, **{k: v or "" for k, v in run["tags"].items()}}
    if run["parent_id"]:
        tags["mlflow.parentRunId"] = run["parent_id"]
    if run["description"]:
        tags["mlflow.note.content"] = run["description"]
    info = {
        "run_id": run["id"],
        "run_uuid": run["id"],
        "run_name": name,
        "experiment_id": experiment_id,
        "user_id": tags.get("mlflow.user", ""),
        "status": _STATUS.get(run["status"], "RUNNING"),
        "start_time": _ms(run["started_at"] or run["created_at"]),
        "artifact_uri": f"mlflow-artifacts:/{run['id']}",
        "lifecycle_stage": "active",
    }
    if run["ended_at"]:
        info["end_time"] = _ms(run["ended_at"])
    params = {k.removeprefix(PARAM): v for k, v in run["properties"].items() if k.startswith(PARAM)}
    params = {**{str(k): str(v) for k, v in (run.get("parameters") or {}).items()}, **params}
    numbers = [
        (m, _number(m["value"][-1:] and m["value"][-1] if isinstance(m["value"], list) else m["value"])) for m in latest
    ]
    metrics = [
        _metric(m["name"], n, m["at"], m["count"] - 1 if m["step"] is None else m["step"])
        for m, n in numbers
        if n is not None
    ]
    return {"info": info, "data": {"metrics": metrics, "params": _pairs(params), "tags": _pairs(tags)}}


def _experiment(ws: str, row: Json) -> Json:
    tags = _pairs({k: str(v) for k, v in row["tags"].items()})
    at = int(row["created_at"] * 1000)
    return {
        "experiment_id": row["id"],
        "name": row["name"],
        "artifact_location": "mlflow-artifacts:/",
        "lifecycle_stage": "active",
        "creation_time": at,
        "last_update_time": at,
        "tags": tags,
    }


def _pairs(values: dict[str, Any]) -> list[Json]:
    return [{"key": k, "value": v} for k, v in values.items()]


def _metric(key: str, value: float, at: float, step: int) -> Json:
    shown: float | str = value
    if not math.isfinite(value):
        shown = next(k for k, v in _NOT_FINITE.items() if v == value or (math.isnan(v) and math.isnan(value)))
    return {"key": key, "value": shown, "timestamp": int(at * 1000), "step": step}


def _metric_entry(metric: Json) -> Json:
    key, value = _text(metric, "key"), metric.get("value", 0.0)  # protobuf leaves out a zero
    if _number(value) is None:
        raise BadRequest(f"Metric '{key}' has the value {value!r}, which is no number. Log a number, or set a tag.")
    at = float(metric.get("timestamp") or 0) / 1000
    entry = {"op": "metric", "name": key, "kind": "scalar", "value": value, "step": int(metric.get("step") or 0)}
    return {**entry, "at": at} if at else entry


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        return _NOT_FINITE.get(value)
    return float(value) if isinstance(value, (int, float)) else None


def _text(entry: Json, field: str) -> str:
    value = entry.get(field)
    if not isinstance(value, str) or not value or "\0" in value:
        raise BadRequest(f"{field} is {value!r}. Give a name.", target=field)
    return value


def _ms(at: str) -> int:
    from datetime import datetime

    return int(datetime.fromisoformat(at).timestamp() * 1000)
