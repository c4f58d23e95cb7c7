"""MLflow's logged models: a folder among the files of the run that logged them. Nothing is kept beside those files.

A model's id is made of its run and its name, so that it can be read back from the id alone.
"""

from __future__ import annotations

from typing import Any

from penstock.model.errors import BadRequest, NotFound
from penstock.service.mlflow.tracking import Tracking
from penstock.service.runs.views import Views

Json = dict[str, Any]
READY, PENDING = "LOGGED_MODEL_READY", "LOGGED_MODEL_PENDING"
_BEGINNING, _BETWEEN = "m-", "~"


class TrackedModels:
    """What an MLflow client asks of a logged model."""

    def __init__(self, tracking: Tracking, views: Views) -> None:
        self._tracking = tracking
        self._views = views

    def create(self, ws: str, name: str, run_id: str) -> Json:
        """The model that a run is about to log; its files go to the folder of its name."""
        if not run_id:
            raise BadRequest("A model is logged by a run here. Put the call into: with mlflow.start_run():")
        if "/" in name or _BETWEEN in name:
            raise BadRequest(f"The model name {name!r} is invalid. Leave out '/' and '{_BETWEEN}'.")
        return self.get(ws, f"{_BEGINNING}{run_id}{_BETWEEN}{name or 'model'}")

    def get(self, ws: str, model_id: str, status: str | None = None) -> Json:
        run_id, between, name = model_id.removeprefix(_BEGINNING).partition(_BETWEEN)
        if not between or not model_id.startswith(_BEGINNING):
            raise NotFound(f"There is no logged model '{model_id}'. Its id is told by mlflow.<flavor>.log_model.")
        info = self._tracking.run(ws, run_id)["info"]
        has_files = any(str(f["name"]).startswith(f"{name}/") for f in self._views.files(run_id))
        at = info.get("end_time") or info["start_time"]
        return {
            "info": {
                "model_id": model_id,
                "experiment_id": info["experiment_id"],
                "name": name,
                "artifact_uri": f"mlflow-artifacts:/{run_id}/{name}",
                "creation_timestamp_ms": info["start_time"],
                "last_updated_timestamp_ms": at,
                "source_run_id": run_id,
                "status": status or (READY if has_files else PENDING),
            },
            "data": {},
        }
