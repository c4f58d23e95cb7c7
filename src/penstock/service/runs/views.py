"""What was recorded, as the JSON of docs/graph.md. Reads only; never asks a compute (journals of running steps are taken in first)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from penstock.data.paths import beneath
from penstock.model.errors import NotFound
from penstock.model.status import TERMINAL
from penstock.service.assets.catalog import iso
from penstock.service.context import Context
from penstock.service.execution import registering
from penstock.service.runs.logged import Gathered, metric_rows, take_in
from penstock.store import catalog, history, records, removals, runs, takeover

Json = dict[str, Any]
LOG_FOLDER = "azureml-logs"
EVENTS_A_PAGE = 2000
LOGS = {f"{LOG_FOLDER}/70_stdout.txt": "stdout", f"{LOG_FOLDER}/75_stderr.txt": "stderr"}
PARAM = "mlflow.param."
"""What the property of an MLflow param begins with."""


class Views:
    """Everything the API, the studio and the SDK show of runs."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._db = context.database
        self._gathered = Gathered(context)

    def workspaces(self) -> list[Json]:
        with self._db.read() as connection:
            return [{**w, "created_at": iso(w["created_at"])} for w in catalog.workspaces(connection)]

    def list_runs(self, workspace: str | None, **wanted: Any) -> list[Json]:
        """Runs newest first, those of pipelines that are over with `n_steps` and `n_reused`; `wanted` are the fields of store.runs.Filter."""
        with self._db.read() as connection:
            rows = runs.list_runs(connection, runs.Filter(workspace=workspace, **wanted))
            counts = history.counts(connection, [r["id"] for r in rows if r["type"] == "pipeline" and r["ended_at"]])
            none = {"n_steps": None, "n_reused": None}
            return [{**r, **counts.get(r["id"], none)} for r in self._as_json(connection, rows)]

    def find_run(self, run_id: str, workspace: str | None = None, as_logged: bool = False) -> Json:
        """The run with this id; NotFound when there is none (in that workspace). `as_logged`: with the tags and properties that its running
        steps have set up to now."""
        if as_logged and self.find_run(run_id, workspace)["status"] not in TERMINAL:
            take_in(self._context, run_id)
        with self._db.read() as connection:
            row = runs.get_run(connection, run_id)
            if row is None or (workspace is not None and row["workspace"] != workspace):
                near = [r["id"] for r in runs.find_by_prefix(connection, run_id)] if len(run_id) >= 4 else []
                hint = f" Did you mean {', '.join(near)}?" if near else " List them: penstock run list"
                raise NotFound(f"There is no run '{run_id}' on this server.{hint}", target=run_id)
            (found,) = self._as_json(connection, [row])
            given = runs.parameters_of(connection, run_id) if row["type"] == "pipeline" else None
            found["parameters"] = params_of(found["properties"]) if given is None else given
            found["warnings"] = self._warnings(connection, row)
        return found

    def children(self, run_id: str, scripts: bool = False) -> list[Json]:
        """The child runs in start order, then graph order; `scripts` as in store.runs.Filter."""
        with self._db.read() as connection:
            return self._as_json(connection, runs.children(connection, run_id, scripts))

    def metrics(self, run_id: str, recursive: bool = False, gathered: bool = False) -> list[Json]:
        """In logged order. Of a step that was tried again: those of its last try. `gathered`: the scalars of a name as one list."""
        if gathered:
            return self._gathered.metrics(run_id, recursive)
        return [{**m, "at": iso(m["at"])} for m in metric_rows(self._context, run_id, recursive)]

    def files(self, run_id: str) -> list[Json]:
        """What the run kept, and its logs."""
        take_in(self._context, run_id)
        with self._db.read() as connection:
            row = runs.get_run(connection, run_id)
            found = {a["name"]: a["size_bytes"] for a in records.artifacts(connection, run_id)}
            logs = list(self._logs(connection, row)) if row else []
        for name, path in logs:
            found.setdefault(name, path.stat().st_size)
        return [{"name": name, "size_bytes": size, "run_id": run_id} for name, size in sorted(found.items())]

    def file_path(self, run_id: str, name: str) -> Path:
        """Where a file of the run lies, by its recorded name; NotFound lists what there is."""
        take_in(self._context, run_id)
        with self._db.read() as connection:
            row = runs.get_run(connection, run_id)
            found = next((a for a in records.artifacts(connection, run_id) if a["name"] == name), None)
            logs = dict(self._logs(connection, row)) if row is not None and name.startswith(LOG_FOLDER) else {}
        if found is not None:
            return beneath(self._context.home, found["path"])
        if name in logs:
            return logs[name]
        names = ", ".join(f["name"] for f in self.files(run_id)[:20]) or "none"
        raise NotFound(f"Run '{run_id}' has no file '{name}'. It has: {names}.", target=name)

    def _logs(self, connection: Connection, row: Json) -> Iterator[tuple[str, Path]]:
        """The logs of a run by name; those of its earlier tries in a folder each. Of a reused step: those of what stands for it."""
        for attempt in range(row["attempt"], 0, -1):
            for name, path in logs_of(self._context.home, f"{row['id']}.{attempt}"):
                yield name if attempt == row["attempt"] else _of_attempt(name, attempt), path
        for stand_in in takeover.stand_ins(connection, [row["id"]]).values():
            yield from logs_of(self._context.home, f"{stand_in.run_id}.{stand_in.attempt}")

    def outputs(self, run_id: str) -> list[Json]:
        """The published outputs of a step, or of all steps of a pipeline run."""
        with self._db.read() as connection:
            rows = records.outputs(connection, run_id)
            row = runs.get_run(connection, run_id)
            stores = catalog.datastores(connection, row["workspace"]) if row else []
            place = {r["id"]: r["number"] for r in runs.runs_of_root(connection, row["root_id"])} if row else {}
            removed = removals.of_places(connection, [r["path"] for r in rows])
        roots = {s["name"]: s["root"] for s in stores}
        rows.sort(key=lambda r: (place.get(r["run_id"], 0), r["name"]))
        keys = (
            "name",
            "datastore",
            "path",
            "kind",
            "n_files",
            "size_bytes",
            "run_id",
            "pipeline_output_name",
            "digest",
        )
        return [
            {k: r[k] for k in keys}
            | {"local_path": _local(roots.get(r["datastore"]), r["path"])}
            | {"cleared": self._cleared(removed[r["path"]]) if r["path"] in removed else None}
            for r in rows
        ]

    def _cleared(self, row: Json) -> Json:
        """When an output was cleared away, and until when it can be brought back; None: it was deleted."""
        until = None if row["state"] == "gone" else row["created_at"] + self._context.retention.grace_seconds
        return {"at": iso(row["created_at"]), "until": iso(until)}

    def output_datasets(self, run_id: str) -> list[Json]:
        """The datasets that a completed step left: `[{output, dataset, name, version}]`, by id and, if it has one, by name."""
        with self._db.read() as connection:
            story = history.of_run(connection, run_id)
        none = {"name": None, "version": None}
        return [{**none, **e["body"]} for e in story if e["name"] == registering.EVENT]

    def events(self, run_id: str, after: int = 0) -> list[Json]:
        """The story: of a step its own, of a pipeline run that of all its steps too."""
        with self._db.read() as connection:
            row = runs.get_run(connection, run_id)
            if row is None:
                return []
            if row["root_id"] == run_id:
                found = history.of_root(connection, run_id, after, EVENTS_A_PAGE)
            else:
                found = history.of_run(connection, run_id, after)
        return [_event(e) for e in found]

    def graph(self, run_id: str) -> Json:
        """The graph of the root run that this run belongs to; {} when it has none."""
        with self._db.read() as connection:
            row = runs.get_run(connection, run_id)
            submission = runs.get_submission(connection, row["root_id"]) if row else None
        return submission["graph"] if submission else {}

    def attempts(self, run_id: str) -> list[Json]:
        """The tries that have ended, oldest first."""
        with self._db.read() as connection:
            rows = runs.attempts(connection, run_id)
        keys = ("attempt", "started_at", "ended_at", "ending", "exit_code")
        return [{k: iso(r[k]) if k.endswith("_at") else r[k] for k in keys} for r in rows]

    def _as_json(self, connection: Connection, rows: list[Json]) -> list[Json]:
        found = records.labels(connection, [r["id"] for r in rows])
        return [run_json(r, found[r["id"]], self._context.url) for r in rows]

    def _warnings(self, connection: Connection, row: Json) -> list[str]:
        found = history.warnings(connection, row["id"], row["root_id"] == row["id"])
        return [str(e["body"].get("message")) for e in found]


def logs_of(home: Path, job_name: str) -> Iterator[tuple[str, Path]]:
    """The logs of one try, by their names among a run's files."""
    for name, base in LOGS.items():
        path = home / "jobs" / job_name / base
        if path.exists():
            yield name, path


def run_json(row: Json, labels: Mapping[str, dict[str, str | None]], url: str) -> Json:
    """A run's row with its tags and properties, as the API shows it; `url` is the server's."""
    same = (
        "id",
        "workspace",
        "experiment",
        "type",
        "name",
        "display_name",
        "description",
        "parent_id",
        "root_id",
        "node",
    )
    more = ("step_type", "status", "attempt", "target", "number", "experiment_number", "pipeline_id")
    times = {k: iso(row[k]) for k in ("created_at", "queued_at", "started_at", "ended_at")}
    return {
        **{k: row[k] for k in same + more},
        **times,
        "tags": labels["tag"],
        "properties": labels["property"],
        "error": json.loads(row["error"]) if row["error"] else None,
        "url": f"{url}/runs/{row['id']}",
    }


def params_of(properties: Json) -> Json:
    """The params among a run's properties."""
    return {k.removeprefix(PARAM): v for k, v in properties.items() if k.startswith(PARAM)}


def _local(root: str | None, path: str) -> str | None:
    """Where an output lies on this machine; None when its datastore is gone."""
    return str(Path(root) / path) if root else None


def _of_attempt(name: str, attempt: int) -> str:
    return name.replace("/", f"/attempt_{attempt}/", 1)


def _event(row: Json) -> Json:
    return {
        "id": row["id"],
        "run_id": row["run_id"],
        "seq": row["id"],
        "at": iso(row["at"]),
        "name": row["name"],
        "body": row["body"],
    }
