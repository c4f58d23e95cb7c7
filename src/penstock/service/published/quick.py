"""Submissions of published pipelines that ask the database nothing before they are written: what was read for one holds for others
for a second. What this cannot do, or would refuse, is left to Pipelines.submit, which reads, decides and says why."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from penstock.engine.plan import parameter_problems
from penstock.model.errors import PenstockError
from penstock.service.assets.catalog import Catalog
from penstock.service.context import Context
from penstock.service.published.assigning import as_text
from penstock.service.published.pipelines import PIPELINE_ID, Pipelines
from penstock.service.runs.entry import Entry, Prepared
from penstock.service.runs.submission import Submission
from penstock.service.runs.views import run_json

Json = dict[str, Any]
KNOWN_SECONDS = 1.0
MOST_KNOWN = 1000
_NOT_QUICK = ("idempotency_key", "parent_run_id", "resume_from")


@dataclass(frozen=True)
class _Known:
    until: float
    revision: int
    row: Json
    ready: Prepared


@dataclass(frozen=True)
class Quick:
    """A submission that can be written, and what its caller is told of it."""

    entry: Entry
    facts: Json

    def run(self, url: str) -> Json:
        """The pipeline run as it stands once it is written; `url` is the server's."""
        unset = {"number": None, "experiment_number": None, "queued_at": None, "error": None}
        labels = {"tag": self.entry.labels("tags"), "property": self.entry.labels("properties")}
        shown = run_json({**unset, **self.entry.root()}, labels, url)
        return {**shown, "parameters": self.entry.plan.values, "warnings": []}


class QuickSubmission:
    """The verbs."""

    def __init__(self, context: Context, workspaces: Catalog, submission: Submission, pipelines: Pipelines) -> None:
        self._context, self._workspaces = context, workspaces
        self._submission, self._pipelines = submission, pipelines
        self._known: dict[tuple[str, str], _Known] = {}
        self._learning: dict[tuple[str, ...], asyncio.Task[Any]] = {}

    def learn(self, workspace: str, pipeline_id: str) -> None:
        """Read what submissions of this pipeline share."""
        revision = self._pipelines.revision
        row = self._pipelines.submittable(workspace, pipeline_id)
        ready = self._submission.prepare(workspace, {"graph": row["graph"], "interpreter": row["interpreter"]})
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        kept = {k: row[k] for k in ("status", "continue_on_failure", "n_steps", "graph_id")}
        self._known[workspace, pipeline_id] = _Known(time.monotonic() + KNOWN_SECONDS, revision, kept, ready)

    async def make(self, workspace: str, pipeline_id: str, body: Json) -> Quick | None:
        """The submission, unless it takes more than is known. Of many who want the same known, one has it read."""
        known = await self._kept_known(workspace, pipeline_id)
        if known is None or self._context.room.trouble is not None or any(body.get(k) for k in _NOT_QUICK):
            return None
        ready = known.ready
        given = {k: as_text(v) for k, v in (body.get("parameters") or {}).items()}
        is_plain = ready.is_same and known.row["status"] == "Active"
        if not is_plain or parameter_problems(ready.graph, given):
            return None
        name = str(body["experiment"])
        experiment = self._workspaces.known_experiment(workspace, name)
        if experiment is None:
            await self._once(self._workspaces.put_experiment, workspace, name)
            experiment = self._workspaces.known_experiment(workspace, name)
        if experiment is None:
            return None
        go_on = body.get("continue_on_step_failure")
        go_on = known.row["continue_on_failure"] if go_on is None else go_on
        whole = {
            **body,
            "parameters": given,
            "pipeline_id": pipeline_id,
            "properties": {**(body.get("properties") or {}), PIPELINE_ID: pipeline_id},
            "continue_on_step_failure": go_on,
        }
        entry = Entry(self._context, ready, whole, experiment)
        facts = {"n_steps": known.row["n_steps"], "graph_id": known.row["graph_id"], "continue_on_failure": bool(go_on)}
        return Quick(entry, facts)

    async def _kept_known(self, workspace: str, pipeline_id: str) -> _Known | None:
        """What is known of a pipeline; it is read again before it is old."""
        known = self._get(workspace, pipeline_id)
        if known is None:
            await self._once(self.learn, workspace, pipeline_id)
            return self._get(workspace, pipeline_id)
        if known.until - time.monotonic() < KNOWN_SECONDS / 2:
            self._begin(self.learn, workspace, pipeline_id)
        return known

    async def _once(self, work: Callable[..., Any], *names: str) -> None:
        """Have this done by one of all who want it. A refusal is left to whoever asks the database, who says it with what was sent."""
        with contextlib.suppress(PenstockError):
            await asyncio.shield(self._begin(work, *names))

    def _begin(self, work: Callable[..., Any], *names: str) -> asyncio.Task[Any]:
        key = (work.__name__, *names)
        task = self._learning.get(key)
        if task is None:
            task = self._learning[key] = asyncio.create_task(asyncio.to_thread(work, *names))
            task.add_done_callback(lambda done: (self._learning.pop(key, None), done.cancelled() or done.exception()))
        return task

    def write(self, made: Quick) -> Future[bool]:
        """Whether it is kept, once that is known. From then on it is taken up, whatever became of whoever waits for this."""

        def written(done: Future[bool]) -> None:
            if done.exception() is None and done.result():
                self._submission.entered(made.entry)

        future = self._context.database.write_soon(made.entry.keep)
        future.add_done_callback(written)
        return future

    def _get(self, workspace: str, pipeline_id: str) -> _Known | None:
        known = self._known.get((workspace, pipeline_id))
        if known is None or known.until < time.monotonic() or known.revision != self._pipelines.revision:
            return None
        return known
