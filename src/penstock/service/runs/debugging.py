"""One step's job as its author may run it by hand: with its real inputs, and everything it writes in a folder of its own. Reads only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from penstock.model.errors import BadRequest, NotFound
from penstock.service.context import Context
from penstock.service.execution.active import root_of
from penstock.service.runs.binding import Binder
from penstock.store import runs

Json = dict[str, Any]


class Debugging:
    """The verb `describe`. Nothing is recorded and nothing is started."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._binder = Binder(context)

    def describe(self, run_id: str, folder: str) -> Json:
        """What a process needs to be that step: as job.json of docs/job.md, its job folder being `folder`, with the whole environment."""
        scratch = Path(folder)
        if not scratch.is_absolute():
            raise BadRequest(f"The folder {folder!r} is not absolute. Give its whole path.", target="folder")
        with self._context.database.read() as connection:
            row = runs.get_run(connection, run_id)
            root = (
                root_of(connection, row["root_id"], self._context.graphs)
                if row is not None and row["type"] == "step"
                else None
            )
            if row is None or root is None:
                raise NotFound(f"There is no step run '{run_id}' that could be run by hand.", target=run_id)
            node = root.plan.graph.node(row["node"])
            job = self._binder.job(connection, root, node, run_id, max(row["attempt"], 1), scratch)
        snapshot = None
        if job.snapshot:
            manifest = self._context.home / "snapshots" / (job.snapshot.partition(":")[2] + ".json")
            snapshot = {"manifest": str(manifest), "blobs": str(self._context.home / "blobs")}
        return {
            "step": job.step,
            "argv": list(job.argv),
            "script": job.script,
            "env": {**self._context.environment, **job.env, "PENSTOCK_JOB": folder},
            "sdk_path": job.sdk_path,
            "snapshot": snapshot,
            "inputs": [{"name": i.name, "mode": i.mode, "source": i.source, "local": i.local} for i in job.inputs],
            "outputs": [{"name": o.name, "stage": o.stage, "is_directory": o.is_directory} for o in job.outputs],
            "captures": list(job.captures),
        }
