"""Submissions of published pipelines that ask the database nothing before they are written: what was read for one holds for others
for a second. What this cannot do, or would refuse, is left to Pipelines.submit, which reads, decides and says why."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from penstock.engine.plan import parameter_problems
from penstock.model.errors import PenstockError
from penstock.service.assets.catalog import Catalog
from penstock.service.context import Context
from penstock.service.published.assigning import as_text
from penstock.service.published.endpoints import Endpoints
from penstock.service.published.pipelines import PIPELINE_ID
from penstock.service.runs.entry import Entry, Prepared, keep_all
from penstock.service.runs.submission import Submission
from penstock.service.runs.views import run_json

Json = dict[str, Any]
KNOWN_SECONDS = 1.0
MOST_KNOWN = 1000
_NOT_QUICK = ("parent_run_id", "resume_from")


@dataclass(frozen=True)
class _Known:
    until: float
    revision: int
    row: Json
    ready: Prepared


@dataclass(frozen=True)
class _Led:
    """Where a version of an endpoint leads to."""

    until: float
    revision: int
    pipeline_id: str


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


_Waiting = tuple[Entry, "asyncio.Future[bool]"]


class _Batch:
    """Submissions that are written together: all that have come when the writing begins."""

    def __init__(self, take: Callable[[], list[_Waiting]]) -> None:
        self._take_all = take
        self.all: list[_Waiting] = []

    def claim(self) -> None:
        """From now on it is complete."""
        self.all = self.all or self._take_all()

    def keep(self, connection: Connection) -> list[Entry]:
        """Those that are kept. The database may ask for the same again."""
        self.claim()
        return keep_all(connection, [entry for entry, _ in self.all])

    def tell(self, done: Future[list[Entry]]) -> None:
        """Have those who wait go on, from whichever thread: one call for all of them."""
        error = done.exception()
        kept = set() if error else {id(entry) for entry in done.result()}

        def tell_all() -> None:
            for entry, future in self.all:
                if future.done():
                    continue  # whoever waited has gone
                if error is not None:
                    future.set_exception(error)
                else:
                    future.set_result(id(entry) in kept)

        with contextlib.suppress(RuntimeError):  # the loop is closing, so nobody waits any more
            self.all[0][1].get_loop().call_soon_threadsafe(tell_all)


class QuickSubmission:
    """The verbs."""

    def __init__(self, context: Context, workspaces: Catalog, submission: Submission, endpoints: Endpoints) -> None:
        self._context, self._workspaces = context, workspaces
        self._submission, self._endpoints, self._pipelines = submission, endpoints, endpoints.pipelines
        self._known: dict[tuple[str, str], _Known] = {}
        self._led: dict[tuple[str, str, str], _Led] = {}
        self._learning: dict[tuple[str, ...], asyncio.Task[Any]] = {}
        self._waiting: list[_Waiting] = []
        self._lock = threading.Lock()

    def learn(self, workspace: str, pipeline_id: str) -> None:
        """Read what submissions of this pipeline share."""
        revision = self._pipelines.revision
        row = self._pipelines.submittable(workspace, pipeline_id)
        ready = self._submission.prepare(workspace, {"graph": row["graph"], "interpreter": row["interpreter"]})
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        kept = {k: row[k] for k in ("status", "continue_on_failure", "n_steps", "graph_id")}
        self._known[workspace, pipeline_id] = _Known(time.monotonic() + KNOWN_SECONDS, revision, kept, ready)

    async def pipeline_of(self, workspace: str, endpoint_id: str, version: str | None) -> str | None:
        """Where an endpoint leads to now; None when it leads nowhere."""
        key = (workspace, endpoint_id, version or "")
        for _ in range(2):
            led = self._led.get(key)
            if led is not None and led.until >= time.monotonic() and led.revision == self._endpoints.revision:
                return led.pipeline_id
            await self._once(self.find, *key)
        return None

    def find(self, workspace: str, endpoint_id: str, version: str) -> None:
        """Read where a version of an endpoint leads to."""
        revision = self._endpoints.revision
        pipeline_id = self._endpoints.pipeline_of(workspace, endpoint_id, version or None)
        if len(self._led) >= MOST_KNOWN:
            self._led.clear()
        self._led[workspace, endpoint_id, version] = _Led(time.monotonic() + KNOWN_SECONDS, revision, pipeline_id)

    async def make(self, workspace: str, pipeline_id: str, body: Json) -> Quick | None:
        """The submission, unless it takes more than is known. Of many who want the same known, one has it read."""
        known = await self._kept_known(workspace, pipeline_id)
        if known is None or self._context.room.trouble is not None or any(body.get(k) for k in _NOT_QUICK):
            return None
        ready = known.ready
        given = {k: as_text(v) for k, v in (body.get("parameters") or {}).items()}
        is_plain = ready.is_same and known.row["status"] == "Active"
        if not is_plain or parameter_problems(ready.graph, given) or not ready.graph.unused.isdisjoint(given):
            return None
        name = str(body["experiment"])
        experiment = self._workspaces.known_experiment(workspace, name)
        if experiment is None and not body.get("idempotency_key"):  # of a key that is known nothing is made
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

    def write(self, made: Quick) -> asyncio.Future[bool]:
        """Whether it is kept, once that is known. From then on it is taken up, whatever became of whoever waits for this."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        with self._lock:
            self._waiting.append((made.entry, future))
            is_first = len(self._waiting) == 1
        if is_first:
            self._write_together(_Batch(self._take))
        return future

    def _take(self) -> list[_Waiting]:
        """All that waits to be written."""
        with self._lock:
            taken, self._waiting = self._waiting, []
        return taken

    def _write_together(self, batch: _Batch) -> None:
        def written(done: Future[list[Entry]]) -> None:
            batch.claim()
            if done.exception() is None:
                self._submission.entered(done.result())
            elif len(batch.all) > 1:  # one may have spoilt it for the others
                for each in batch.all:
                    self._write_together(_Batch(lambda each=each: [each]))  # type: ignore[misc]
                return
            batch.tell(done)

        self._context.database.write_soon(batch.keep).add_done_callback(written)

    def _get(self, workspace: str, pipeline_id: str) -> _Known | None:
        known = self._known.get((workspace, pipeline_id))
        if known is None or known.until < time.monotonic() or known.revision != self._pipelines.revision:
            return None
        return known
