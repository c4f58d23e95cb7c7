"""The loop that moves pipeline runs on: reports in, decisions written, then jobs started and stopped.

`tick(now)` is one bounded pass and says when the next one is due. Only it calls computes. The store is the truth: whenever
a guard does not hold or a write fails, the run concerned is read again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from penstock.compute.base import Phase
from penstock.data.paths import relative_path
from penstock.data.publish import copy_to, publish
from penstock.engine.lifecycle import Conclusion, conclude, lost
from penstock.engine.progress import Change, StepState
from penstock.model.errors import PenstockError
from penstock.model.status import TERMINAL, Status
from penstock.service.active import Active, InFlight, Memory, load
from penstock.service.batch import Batch, Stale
from penstock.service.binding import Binder, constant_destination
from penstock.service.context import Context
from penstock.service.inbox import Inbox
from penstock.service.registering import left
from penstock.store import catalog, runs

Json = dict[str, Any]
POLL_SECONDS = 1.0
RESUBMIT_SECONDS = 0.02
RUNNING_DELAY_SECONDS = 0.1  # a step that is over sooner is recorded as running and ended in one go
MAX_TRIES_UNSTARTED = 3


class Scheduler:
    """Drives every active pipeline run of this database."""

    def __init__(self, context: Context, inbox: Inbox) -> None:
        self._context = context
        self._inbox = inbox
        self._binder = Binder(context)
        self._memory = Memory()
        self._running: dict[str, float] = {}
        self._next_poll = 0.0
        self._failed: set[str] = set()

    def recover(self) -> None:
        """Take up every pipeline run that is not over, and find what became of its jobs."""
        with self._context.database.read() as connection:
            roots = runs.active_roots(connection)
        self._failed.update(roots)

    @property
    def n_active(self) -> int:
        return len(self._memory.roots) + len(self._failed)

    def tick(self, now: float) -> float | None:
        """One pass; when the next is due (None: only when something is told)."""
        told = self._inbox.take()
        before = set(self._memory.roots)
        self._load({*self._failed, *told.get("submitted", ())})
        for name in told.get("running", ()):
            self._running.setdefault(name, now)
        ended = self._reports(now, told.get("exit", ()))
        try:
            self._advance(now, ended, told.get("cancel", ()))
            self._record_running(now)
        except Stale:
            self._failed.update(before | set(self._memory.roots))
        except BaseException:
            self._failed.update(before | set(self._memory.roots))
            self._next_poll = now + POLL_SECONDS
            raise
        return self._due(now)

    def _due(self, now: float) -> float | None:
        if self._failed or self._inbox:
            return now
        times = [at + RUNNING_DELAY_SECONDS for name, at in self._running.items() if name in self._memory.jobs]
        if self._memory.jobs:
            times.append(self._next_poll)
        return min(times) if times else None

    def _load(self, root_ids: Iterable[str]) -> None:
        """Read these roots from the store, and ask after the jobs they have under way."""
        for root_id in list(root_ids):
            self._memory.drop_root(root_id)
            with self._context.database.read() as connection:
                active = load(connection, root_id)
            self._failed.discard(root_id)
            if active is None:
                continue
            self._memory.roots[root_id] = active
            for state in active.progress.steps.values():
                if state.status not in (Status.NOT_STARTED, Status.COMPLETED, Status.FAILED, Status.CANCELED):
                    self._memory.add_job(InFlight(active, state, f"{state.run_id}.{state.attempt}", None))
                    self._next_poll = 0.0
            for state in active.progress.ready():
                self._memory.enqueue(active, state)
            if active.status is Status.CANCEL_REQUESTED:
                self._inbox.put("cancel", root_id)

    def _reports(self, now: float, told: Iterable[str]) -> list[InFlight]:
        """The jobs that have ended: those told of, and once a second whatever polling finds."""
        jobs = self._memory.jobs
        names = {n for n in told if n in jobs}
        if now >= self._next_poll and jobs:
            names = set(jobs)
            self._next_poll = now + POLL_SECONDS
        ended = []
        for name, report in self._context.compute.poll(names).items():
            flight = jobs[name]
            if report.phase is Phase.ENDED:
                flight.end = report.end
                ended.append(flight)
            elif report.phase is Phase.LOST:
                flight.started_at = report.started_at
                ended.append(flight)
            elif report.phase is Phase.ABSENT:
                self._submit(flight)
            elif report.phase is Phase.RUNNING and flight.state.status is Status.QUEUED:
                flight.started_at = report.started_at
                self._running.setdefault(name, now - RUNNING_DELAY_SECONDS)
        return ended

    def _record_running(self, now: float) -> None:
        """Record as Running the steps whose script has run for a moment; keep the journals of all in step once a second."""
        batch = Batch(now)
        for name, at in list(self._running.items()):
            flight = self._memory.jobs.get(name)
            if flight is None or flight.state.status is not Status.QUEUED:
                del self._running[name]
            elif now >= at + RUNNING_DELAY_SECONDS:
                del self._running[name]
                self._move(batch, flight, Status.RUNNING, started_at=flight.started_at or at)
        if self._next_poll == now + POLL_SECONDS:
            batch.journals = [(f.name, self._row(f)) for f in self._memory.jobs.values()]
        batch.commit(self._context)

    def _advance(self, now: float, ended: list[InFlight], cancels: Iterable[str]) -> None:
        """Record what ended and what follows, hand out what may start, then act on it."""
        concluded = self._publish(now, ended)
        batch = Batch(now)
        to_stop: list[InFlight] = []
        for flight, conclusion in concluded:
            self._end(batch, flight, conclusion, to_stop)
        for run_id in cancels:
            self._cancel(batch, run_id, to_stop)
        started = self._hand_out(batch)
        batch.commit(self._context)
        for flight in to_stop:
            self._context.compute.cancel(flight.name)
        for flight in started:
            self._submit(flight)

    def _publish(self, now: float, ended: list[InFlight]) -> list[tuple[InFlight, Conclusion]]:
        """How each ended; the outputs of what completed are published between Finalizing and Completed."""
        concluded = [(f, self._conclusion(f)) for f in ended]
        batch = Batch(now)
        for flight, conclusion in concluded:
            if (
                conclusion.status is Status.COMPLETED
                and flight.state.node.written
                and flight.state.status is not Status.FINALIZING
            ):
                self._note_start(batch, flight)
                self._move(batch, flight, Status.FINALIZING, started_at=flight.end.started_at if flight.end else None)
        batch.commit(self._context)
        return [(f, self._published(f, c)) for f, c in concluded]

    def _published(self, flight: InFlight, conclusion: Conclusion) -> Conclusion:
        if conclusion.status is not Status.COMPLETED or flight.end is None:
            return conclusion
        kinds = {o["name"]: o["kind"] for o in flight.end.outputs}
        for output in flight.state.node.written:
            place = self._binder.place(flight.active.root, output, flight.state.run_id, flight.state.attempt)
            try:
                publish(place, kinds.get(output.name, "missing"))
                if destination := constant_destination(output):
                    copy_to(place, str(relative_path(destination)))
            except OSError as error:
                message = (
                    f"Step '{flight.state.node.name}': its output '{output.name}' could not be published to {place.final}: {error}. "
                    f"What it wrote is kept at {place.stage}."
                )
                return Conclusion(
                    Status.FAILED, {"code": "PublishFailed", "message": message, "details": {}}, conclusion.warnings
                )
        return conclusion

    def _conclusion(self, flight: InFlight) -> Conclusion:
        if flight.end is None:
            return lost(flight.state.node, "the process that watched over it is gone and left no record of its end.")
        asked = flight.state.status is Status.CANCEL_REQUESTED
        return conclude(flight.state.node, flight.end, cancel_requested=asked)

    def _end(self, batch: Batch, flight: InFlight, conclusion: Conclusion, to_stop: list[InFlight]) -> None:
        """Record the end of one job and what follows from it."""
        state, active = flight.state, flight.active
        if flight.end is None and flight.started_at is None and state.attempt < MAX_TRIES_UNSTARTED:
            self._requeue(batch, flight)
            return
        self._note_start(batch, flight)
        began = flight.end.started_at if flight.end else None
        rows = self._keep(batch, flight)
        if conclusion.status is Status.COMPLETED:
            batch.datasets += left(active.root.workspace, active.id, state.run_id, state.node.outputs, rows)
        for warning in conclusion.warnings:
            batch.say(state.run_id, active.id, "warning", message=warning)
        self._move(batch, flight, conclusion.status, started_at=began, error=conclusion.error)
        self._memory.drop_job(flight.name)
        self._follow(batch, active, active.progress.end(state, conclusion.status), to_stop)

    def _requeue(self, batch: Batch, flight: InFlight) -> None:
        """User code provably never started: the step may be tried again under a new name."""
        self._memory.drop_job(flight.name)
        self._move(batch, flight, Status.NOT_STARTED)
        self._memory.enqueue(flight.active, flight.state)

    def _keep(self, batch: Batch, flight: InFlight) -> list[Json]:
        """What the try leaves: its end, files, outputs and journal; the rows of its outputs."""
        state, end = flight.state, flight.end
        batch.journals.append((flight.name, self._row(flight)))
        row = {"run_id": state.run_id, "attempt": state.attempt, "node_id": self._context.node_id, "queued_at": None}
        times = {"started_at": end.started_at if end else None, "ended_at": end.ended_at if end else batch.at}
        how = {"ending": end.ending if end else "lost", "exit_code": end.exit_code if end else None}
        batch.attempts.append({**row, **times, **how, "exit": end.raw if end else {}})
        if end is None:
            return []
        for f in end.files:
            path = f"jobs/{flight.name}/files/{f['name']}"
            file = {"run_id": state.run_id, "name": f["name"], "attempt": state.attempt, "path": path}
            batch.artifacts.append({**file, "size_bytes": f["size_bytes"]})
        manifests = {o["name"]: o for o in end.outputs}
        rows: list[Json] = []
        for output in state.node.written:
            place = self._binder.place(flight.active.root, output, state.run_id, state.attempt)
            seen = manifests.get(output.name) or {"kind": "missing"}
            rows.append(
                {
                    "run_id": state.run_id,
                    "root_id": flight.active.id,
                    "name": output.name,
                    "datastore": self._binder.datastore_name(flight.active.root, output),
                    "path": place.path,
                    "kind": seen["kind"],
                    "digest": seen.get("digest"),
                    "n_files": int(seen.get("n_files") or 0),
                    "size_bytes": int(seen.get("size_bytes") or 0),
                    "pipeline_output_name": output.pipeline_output_name,
                }
            )
        batch.outputs += rows
        return rows

    def _follow(self, batch: Batch, active: Active, change: Change, to_stop: list[InFlight]) -> None:
        batch.satisfied += [s.run_id for s in change.satisfied]
        for state in change.ready:
            self._memory.enqueue(active, state)
        for blocked in change.blocked:
            error = {"code": "NotStarted", "message": blocked.reason, "details": {}}
            move = runs.Move(
                blocked.state.run_id,
                Status.NOT_STARTED,
                Status.CANCELED,
                blocked.state.attempt,
                at=batch.at,
                error=error,
            )
            batch.move(active.id, move, message=blocked.reason)
        for state in change.to_cancel:
            self._stop(batch, active, state, to_stop)
        if change.ended is not None:
            self._end_root(batch, active, change.ended)

    def _stop(self, batch: Batch, active: Active, state: StepState, to_stop: list[InFlight]) -> None:
        flight = self._memory.jobs.get(f"{state.run_id}.{state.attempt}")
        if flight is not None and state.status is not Status.FINALIZING:
            self._move(batch, flight, Status.CANCEL_REQUESTED)
            to_stop.append(flight)

    def _cancel(self, batch: Batch, run_id: str, to_stop: list[InFlight]) -> None:
        """Someone asked to cancel a pipeline run or one step; the store says so already."""
        active = self._memory.roots.get(run_id)
        if active is not None:
            active.status = Status.CANCEL_REQUESTED
            self._follow(batch, active, active.progress.cancel(), to_stop)
            return
        for other in self._memory.roots.values():
            state = other.progress.by_run.get(run_id)
            flight = self._memory.jobs.get(f"{run_id}.{state.attempt}") if state else None
            if state is not None and flight is not None:
                state.status = Status.CANCEL_REQUESTED
                to_stop.append(flight)
            elif state is not None and state.status is Status.NOT_STARTED:
                error = {
                    "code": "Canceled",
                    "message": f"Step '{state.node.name}' was canceled before it started.",
                    "details": {},
                }
                batch.move(
                    other.id,
                    runs.Move(run_id, Status.NOT_STARTED, Status.CANCELED, state.attempt, at=batch.at, error=error),
                )
                self._follow(batch, other, other.progress.end(state, Status.CANCELED), to_stop)

    def _end_root(self, batch: Batch, active: Active, status: Status) -> None:
        failed = [s for s in active.progress.steps.values() if s.status is Status.FAILED]
        error = None
        if status is Status.FAILED:
            names = ", ".join(f"'{s.node.name}'" for s in failed)
            message = f"{len(failed)} of {len(active.progress.steps)} steps failed: {names}."
            error = {"code": "StepsFailed", "message": message, "details": {"steps": [s.run_id for s in failed]}}
        elif status is Status.CANCELED:
            error = {"code": "Canceled", "message": "The pipeline run was canceled.", "details": {}}
        batch.move(active.id, runs.Move(active.id, active.status, status, 0, at=batch.at, error=error))
        batch.ends_run = True
        self._memory.drop_root(active.id)

    def _hand_out(self, batch: Batch) -> list[InFlight]:
        """The waiting steps that have a slot now, recorded as Queued, with their jobs made."""
        started: list[InFlight] = []
        for key in [k for k, queue in self._memory.waiting.items() if queue]:
            queue, limit = self._memory.waiting[key], self._limit(key, batch.at)
            while queue and len(self._memory.jobs) < self._context.slots and self._memory.busy.get(key, 0) < limit:
                active, state = queue.popleft()
                if state.status is Status.NOT_STARTED:
                    self._queue(batch, active, state, started)
        return started

    def _queue(self, batch: Batch, active: Active, state: StepState, started: list[InFlight]) -> None:
        if active.status is Status.NOT_STARTED:
            batch.move(
                active.id, runs.Move(active.id, active.status, Status.RUNNING, 0, at=batch.at, started_at=batch.at)
            )
            active.status = Status.RUNNING
        try:
            with self._context.database.read() as connection:
                job = self._binder.job(connection, active.root, state.node, state.run_id, state.attempt + 1)
        except PenstockError as error:
            why = {"code": error.code, "message": f"Step '{state.node.name}': {error.message}", "details": {}}
            batch.move(
                active.id, runs.Move(state.run_id, state.status, Status.FAILED, state.attempt, at=batch.at, error=why)
            )
            self._follow(batch, active, active.progress.end(state, Status.FAILED), [])
            return
        move = runs.Move(
            state.run_id, state.status, Status.QUEUED, state.attempt, next_attempt=state.attempt + 1, at=batch.at
        )
        batch.move(active.id, move, target=state.node.compute or "local")
        state.status, state.attempt = Status.QUEUED, state.attempt + 1
        flight = InFlight(active, state, job.name, job)
        self._memory.add_job(flight)
        started.append(flight)

    def _limit(self, key: tuple[str, str], now: float) -> int:
        """How many steps this compute takes at once; a change counts within a second."""
        limit, read_at = self._memory.limits.get(key, (None, 0.0))
        if now >= read_at + POLL_SECONDS:
            with self._context.database.read() as connection:
                found = catalog.get_compute(connection, *key)
            limit = (found["settings"].get("max_nodes") if found else None) or None
            self._memory.limits[key] = (limit, now)
        return limit or self._context.slots

    def _submit(self, flight: InFlight) -> None:
        if flight.job is None:
            root, state = flight.active.root, flight.state
            with self._context.database.read() as connection:
                flight.job = self._binder.job(connection, root, state.node, state.run_id, state.attempt)
        if flight.state.status is Status.CANCEL_REQUESTED:
            self._context.compute.cancel(flight.name)
        elif not self._context.compute.submit(flight.job):
            self._next_poll = self._context.clock() + RESUBMIT_SECONDS

    def _move(
        self, batch: Batch, flight: InFlight, after: Status, started_at: float | None = None, error: Json | None = None
    ) -> None:
        state = flight.state
        move = runs.Move(
            state.run_id, state.status, after, state.attempt, at=batch.at, started_at=started_at, error=error
        )
        message = error["message"] if error else None
        batch.move(flight.active.id, move, message=message)
        if after not in TERMINAL:
            state.status = after  # an end is for `Progress.end` to take in

    def _note_start(self, batch: Batch, flight: InFlight) -> None:
        """A step whose start was never recorded ran all the same: its story says so."""
        if flight.state.status is Status.QUEUED and flight.end is not None and flight.end.user_code_started:
            body = {"status": str(Status.RUNNING), "attempt": flight.state.attempt}
            batch.say(flight.state.run_id, flight.active.id, "running", flight.end.started_at, **body)

    def _row(self, flight: InFlight) -> Json:
        return {"id": flight.state.run_id, "root_id": flight.active.id, "attempt": flight.state.attempt}
