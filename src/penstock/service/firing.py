"""What a schedule submits, and the thread that has due schedules submitted. The only place that knows both schedules and targets."""

from __future__ import annotations

import logging
import threading
from typing import Any

from penstock.service.context import Context
from penstock.service.endpoints import Endpoints
from penstock.service.leader import NotLeader
from penstock.service.pipelines import RUN_TYPE, Pipelines
from penstock.service.triggers import Clock

Json = dict[str, Any]
log = logging.getLogger("penstock.schedules")
LOOK_SECONDS = 1.0  # other servers of the database may have changed a schedule
TROUBLE_SECONDS = 5.0


class Targets:
    """What schedules submit: published pipelines, and the default versions of endpoints."""

    def __init__(self, pipelines: Pipelines, endpoints: Endpoints) -> None:
        self._pipelines, self._endpoints = pipelines, endpoints

    def check(self, workspace: str, body: Json) -> None:
        """Refuse a schedule whose pipeline or endpoint is not there, or whose parameters it does not take."""
        given = body.get("pipeline_parameters") or {}
        if body.get("pipeline_id"):
            self._pipelines.check(workspace, str(body["pipeline_id"]), given)
        else:
            self._endpoints.check(workspace, str(body.get("pipeline_endpoint_id")), given)

    def submit(self, schedule: Json, body: Json) -> str:
        """Submit what the schedule is for; the id of the run. The same idempotency_key gives the same run."""
        workspace = schedule["workspace"]
        submission = {
            **{k: body[k] for k in ("experiment", "idempotency_key")},
            "parameters": {**body["parameters"], **(body.get("data_paths") or {})},
            "properties": {**body["properties"], RUN_TYPE: "Schedule"},
            "continue_on_step_failure": body.get("continue_on_failure"),
        }
        if schedule["pipeline_id"]:
            done = self._pipelines.submit(workspace, schedule["pipeline_id"], submission)
        else:
            done = self._endpoints.submit(workspace, schedule["endpoint_id"], None, submission)
        return str(done["run_id"])


class ClockThread(threading.Thread):
    """Ticks schedules until `stop`: when one is due, and at once when `wake` says that one was changed."""

    def __init__(self, context: Context, clock: Clock) -> None:
        super().__init__(name="schedules", daemon=True)
        self._context, self._clock = context, clock
        self._woken = threading.Event()
        self._stopping = False

    def wake(self) -> None:
        self._woken.set()

    def run(self) -> None:
        due = 0.0
        while not self._stopping:
            self._woken.wait(min(LOOK_SECONDS, max(0.0, due - self._context.clock())))
            self._woken.clear()
            if self._stopping:
                return
            try:
                due = self._clock.tick(self._context.clock())
            except NotLeader:
                due = self._context.clock() + LOOK_SECONDS
            except Exception:  # nothing is lost: what has no verdict is tried again
                log.exception("a pass over the schedules failed and will be redone")
                self._woken.wait(TROUBLE_SECONDS)

    def stop(self) -> None:
        self._stopping = True
        self.wake()
        self.join(timeout=5)
