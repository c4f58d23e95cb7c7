"""The loop that moves pipeline runs on: reports in, decisions written, then jobs started and stopped.

`tick(now)` is one bounded pass and says when the next one is due. Only it calls computes. The store is the truth: whenever
a guard does not hold or a write fails, the run concerned is read again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from penstock.compute.base import Phase
from penstock.engine import retry
from penstock.engine.lifecycle import Conclusion, after_tries, conclude, lost
from penstock.engine.outcome import out_of_time, root_error
from penstock.engine.progress import Change, StepState
from penstock.model.errors import PenstockError
from penstock.model.job import Job
from penstock.model.status import TERMINAL, Status
from penstock.service.assets.catalog import iso
from penstock.service.context import Context
from penstock.service.execution import leavings, moves
from penstock.service.execution.abandon import abandon, is_of_the_machine, is_to_stop
from penstock.service.execution.active import Active, InFlight, Memory, load
from penstock.service.execution.batch import Batch, Stale
from penstock.service.execution.deciding import Decider, Ready
from penstock.service.execution.delays import Delays
from penstock.service.execution.inbox import Inbox
from penstock.service.execution.lobby import Lobby
from penstock.service.execution.publishing import Publisher
from penstock.service.execution.quarantine import Quarantine
from penstock.service.execution.sending import Sender
from penstock.service.reuse.reusing import Reuse
from penstock.service.runs.binding import Binder
from penstock.store import catalog, history, runs

Json = dict[str, Any]
POLL_SECONDS = 1.0
RESUBMIT_SECONDS = 0.02
RUNNING_DELAY_SECONDS = 0.1  # a step that is over sooner is recorded as running and ended in one go


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
        self._lobby = Lobby()
        self._loaded: list[Active] = []
        self._delays = Delays()
        self._sender = Sender(context, self._binder, inbox, self._delays)
        self._publisher = Publisher(context, self._binder, self._delays, self._sender)
        self._quarantine = Quarantine()
        reuse = Reuse(context.home, self._binder, context.digests, context.identify, context.clock)
        self._ready = Ready(Decider(context, reuse, inbox), self._delays)

    def recover(self) -> None:
        """Take up every pipeline run that is not over, and find what became of its jobs."""
        with self._context.database.read() as connection:
            roots = runs.active_roots(connection)
        unstarted = [r for r, status in roots if status is Status.NOT_STARTED]
        self._lobby = Lobby(unstarted)
        self._memory = Memory()
        self._delays.forget()
        self._quarantine = Quarantine()
        self._ready.forget()
        self._running, self._loaded, self._failed = {}, [], {r for r, _ in roots} - set(unstarted)

    @property
    def n_active(self) -> int:
        return self._n_inside + len(self._lobby)

    @property
    def _n_inside(self) -> int:
        return len(self._memory.roots) + len(self._failed)

    @property
    def n_jobs(self) -> int:
        return len(self._memory.jobs)

    def tick(self, now: float) -> float | None:
        """One pass; when the next is due (None: only when something is told)."""
        told = self._inbox.take()
        self._lobby.put(r for r in told.get("submitted", ()) if r not in self._failed)
        admitted = self._lobby.admit(self._n_inside, self._called(told.get("cancel", ())))
        fresh = {r for r, is_strange in admitted.items() if not is_strange}
        self._failed |= set(admitted)
        self._quarantine.readmit(told.get("cancel", ()))
        new, is_alone = self._quarantine.choose(self._failed, now)
        if is_alone:
            self._put_back()
        touched = new | set(self._memory.roots)  # read again if this pass fails, whatever it forgets on its way
        try:
            cancels = [*told.get("cancel", ()), *self._load(_in_turn(new, admitted), fresh, now)]
            for name in told.get("running", ()):
                self._running.setdefault(name, now)
            ended = self._reports(now, told.get("exit", ()))
            self._advance(now, ended, cancels)
            self._record_running(now)
        except Stale:
            self._failed.update(touched)
        except BaseException as error:
            self._failed.update(touched)
            self._next_poll = now + POLL_SECONDS
            if isinstance(error, Exception) and not is_of_the_machine(error):
                self._set_aside(error, touched, now)
            raise
        if is_alone:
            self._quarantine.passed(new)
            self._put_back()
        return self._due(now)

    def _called(self, cancelled: Iterable[str]) -> list[str]:
        """The pipeline runs whose cancel, or that of a step of theirs, does not wait for their turn."""
        if not cancelled or not self._lobby:
            return []
        with self._context.database.read() as connection:
            rows = [runs.get_run(connection, run_id) for run_id in cancelled]
        return [str(row["root_id"]) for row in rows if row is not None]

    def _put_back(self) -> None:
        """Forget what is held in memory: it is read again."""
        self._failed.update(self._memory.roots)
        self._memory = Memory()

    def _set_aside(self, error: Exception, touched: set[str], now: float) -> None:
        """What a pass met in these runs made it fail: find which it is, and let the others go on without it."""
        self._memory = Memory()
        aside = self._quarantine.failed(touched, now)
        if aside is None:
            return
        how = f"{type(error).__name__}: {error}"
        if is_to_stop(self._context, aside):
            abandon(self._context, aside, how, now)
            self._quarantine.passed([aside])
            return
        self._delays.note(
            aside,
            aside,
            f"The server could not move this run on ({how}). It is tried again every minute, and other runs go on; "
            "to give it up, cancel it. The server's log has the whole error.",
        )

    def _due(self, now: float) -> float | None:
        if self._inbox or self._ready or self._lobby.has_room(self._n_inside):
            return now
        jobs = self._memory.jobs
        # No time lies further ahead than when it was noted: the clock may have been set back since.
        times = [min(at, now) + RUNNING_DELAY_SECONDS for name, at in self._running.items() if name in jobs]
        if jobs:
            times.append(min(self._next_poll, now + POLL_SECONDS))
        times += [t for t in (self._memory.next_due(), self._quarantine.due(self._failed, now)) if t is not None]
        return min(times, default=None)

    def _load(self, root_ids: Iterable[str], fresh: set[str], now: float) -> list[str]:
        """Read these roots from the store, and have the jobs they have under way asked after; which of their runs are to be stopped."""
        cancels = []
        for root_id in root_ids:
            self._memory.drop_root(root_id)
            with self._context.database.read() as connection:
                active = load(connection, root_id, self._context.retry, self._context.graphs)
                asked = history.cancel_requests(connection, root_id)
            self._failed.discard(root_id)
            if active is None:
                continue
            if root_id not in fresh:
                self._adopt(active, now)
            self._memory.add_root(active)
            self._loaded.append(active)
            for state in active.progress.steps.values():
                if state.status not in (Status.NOT_STARTED, Status.COMPLETED, Status.FAILED, Status.CANCELED):
                    self._memory.add_job(InFlight(active, state, f"{state.run_id}.{state.attempt}", None))
                    self._next_poll = 0.0
            self._ready.add(active, active.progress.ready())
            if active.status is Status.CANCEL_REQUESTED:
                cancels.append(root_id)
            for run_id in asked:  # what was asked of a step that waits stands in its story alone
                if (step := active.progress.by_run.get(run_id)) is not None and step.status not in TERMINAL:
                    cancels.append(run_id)
        return cancels

    def _adopt(self, active: Active, now: float) -> None:
        """Record as handed out the jobs that a compute has and the store does not know of: a power cut took what was not flushed."""
        waiting = {
            f"{s.run_id}.{s.attempt + 1}": s for s in active.progress.steps.values() if s.status is Status.NOT_STARTED
        }
        batch = Batch(now)
        for name, report in self._context.compute.poll(waiting).items():
            if report.phase is not Phase.ABSENT:
                moves.begin(batch, active)
                moves.hand_out(batch, active, waiting[name], found_again=True)
        batch.commit(self._context)

    def _reports(self, now: float, told: Iterable[str]) -> list[InFlight]:
        """The jobs that have ended: those told of, and once a second whatever polling finds."""
        jobs = self._memory.jobs
        names = {n for n in told if n in jobs}
        is_due = (
            not self._next_poll - POLL_SECONDS <= now < self._next_poll
        )  # a clock that was set back must not delay it
        if is_due and jobs:
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
            elif report.phase is Phase.ABSENT and flight.state.status in (Status.RUNNING, Status.FINALIZING):
                flight.started_at = (
                    flight.started_at or now
                )  # someone removed its folder: it had begun, so it is not begun again
                ended.append(flight)
            elif report.phase is Phase.ABSENT:
                self._submit(flight)
            elif flight.state.status is Status.CANCEL_REQUESTED:
                self._context.compute.cancel(name)  # again: whoever was to do it may have died before
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
            elif not at <= now < at + RUNNING_DELAY_SECONDS:
                del self._running[name]
                moves.move(batch, flight, Status.RUNNING, started_at=flight.started_at or at)
        if self._next_poll == now + POLL_SECONDS:
            batch.journals = [(f.name, leavings.row(f)) for f in self._memory.jobs.values()]
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
        self._expire(batch, to_stop)
        self._close_loaded(batch)
        self._ready.decide(batch, self._memory, lambda active, change: self._follow(batch, active, change, to_stop))
        started = self._hand_out(batch)
        self._delays.tell(batch)
        batch.commit(self._context)
        self._delays.written()
        self._ready.release(self._memory.roots)  # what those waited for stands in the store now
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
                moves.note_start(batch, flight)
                moves.move(batch, flight, Status.FINALIZING, started_at=flight.end.started_at if flight.end else None)
        batch.commit(self._context)
        published = []
        for flight, conclusion in concluded:
            done = self._publisher.publish(flight, conclusion)
            if done is not None:
                published.append((flight, done))
            elif self._sender.has(flight.name):
                self._memory.free_slot(flight)
        return published

    def _conclusion(self, flight: InFlight) -> Conclusion:
        asked, why = flight.state.status is Status.CANCEL_REQUESTED, flight.active.progress.stopped_by()
        if flight.end is not None:
            return conclude(flight.state.node, flight.end, cancel_requested=asked, stopped_by=why)
        how = "the process that watched over it is gone and left no record of its end."
        begun = flight.started_at is not None
        return lost(flight.state.node, how, has_begun=begun, cancel_requested=asked, stopped_by=why)

    def _end(self, batch: Batch, flight: InFlight, conclusion: Conclusion, to_stop: list[InFlight]) -> None:
        """Record the end of one job and what follows from it."""
        state, active = flight.state, flight.active
        moves.note_start(batch, flight)
        began = flight.end.started_at if flight.end else flight.started_at
        leavings.keep(batch, self._context, self._binder, flight, conclusion)
        for warning in conclusion.warnings:
            batch.say(state.run_id, active.id, "warning", message=warning)
        self._memory.drop_job(flight.name)
        due_at = self._next_try(flight, conclusion, batch.at)
        if due_at is not None:
            self._requeue(batch, flight, conclusion, due_at)
            return
        moves.move(batch, flight, conclusion.status, began, after_tries(conclusion.error, state.attempt))
        if conclusion.status is Status.COMPLETED and flight.end is not None:
            active.standing.complete(state.node.id, leavings.manifests(flight))
            active.root.left_at[state.node.id] = self._context.clock()
        self._follow(batch, active, active.progress.end(state, conclusion.status), to_stop)

    def _next_try(self, flight: InFlight, conclusion: Conclusion, now: float) -> float | None:
        """When the step is to be tried again; None: it has ended as concluded."""
        state = flight.state
        is_last = state.status in (Status.CANCEL_REQUESTED, Status.FINALIZING)
        if conclusion.status is not Status.FAILED or is_last or flight.active.progress.stopped_by() is not None:
            return None
        ended_at = flight.end.ended_at if flight.end else now
        why = retry.cause(flight.end, flight.started_at)
        return retry.next_try(why, state.node.retry, self._context.retry, state.attempt, ended_at)

    def _requeue(self, batch: Batch, flight: InFlight, conclusion: Conclusion, due_at: float) -> None:
        """The step goes back to waiting, to be tried again under a new name when that is due."""
        state, error = flight.state, conclusion.error or {}
        most = (state.node.retry or self._context.retry).count + 1
        message = f"Try {state.attempt} of at most {most}: {error.get('message')} The next is due at {iso(due_at)}."
        moves.move(batch, flight, Status.NOT_STARTED, message=message, due_at=iso(due_at), code=error.get("code"))
        state.due_at = due_at
        state.backoff_seconds = retry.due_at(state.node.retry or self._context.retry, state.attempt, 0.0)
        self._memory.enqueue(flight.active, state)

    def _follow(self, batch: Batch, active: Active, change: Change, to_stop: list[InFlight]) -> None:
        batch.satisfied += [s.run_id for s in change.satisfied]
        self._ready.add(active, change.ready)
        for blocked in change.blocked:
            moves.block(batch, active, blocked)
        for state in change.to_cancel:
            self._stop(batch, active, state, to_stop)
        if change.ended is not None:
            self._end_root(batch, active, change.ended)

    def _stop(self, batch: Batch, active: Active, state: StepState, to_stop: list[InFlight]) -> None:
        flight = self._memory.jobs.get(f"{state.run_id}.{state.attempt}")
        if flight is not None and state.status is not Status.FINALIZING:
            moves.move(batch, flight, Status.CANCEL_REQUESTED)
            to_stop.append(flight)

    def _cancel(self, batch: Batch, run_id: str, to_stop: list[InFlight]) -> None:
        """Someone asked to cancel a pipeline run or one step; the store says so already."""
        active = self._memory.roots.get(run_id)
        if active is not None:
            active.status = Status.CANCEL_REQUESTED
            self._follow(batch, active, active.progress.cancel(), to_stop)
            return
        for other in list(self._memory.roots.values()):
            state = other.progress.by_run.get(run_id)
            flight = self._memory.jobs.get(f"{run_id}.{state.attempt}") if state else None
            if state is not None and flight is not None:
                self._stop_step(batch, flight, to_stop)
            elif state is not None and state.status is Status.NOT_STARTED:
                error = {
                    "code": "Canceled",
                    "message": f"Step '{state.node.name}' was canceled before it started.",
                    "details": {},
                }
                moves.end_unstarted(batch, other, state, Status.CANCELED, error)
                self._follow(batch, other, other.progress.end(state, Status.CANCELED), to_stop)

    def _stop_step(self, batch: Batch, flight: InFlight, to_stop: list[InFlight]) -> None:
        """Someone asked for this one step to stop."""
        state = flight.state
        with self._context.database.read() as connection:
            row = runs.get_run(connection, state.run_id)
        if row is not None and row["status"] == Status.CANCEL_REQUESTED:
            state.status = Status.CANCEL_REQUESTED
        elif state.status not in (Status.FINALIZING, Status.CANCEL_REQUESTED):
            moves.move(batch, flight, Status.CANCEL_REQUESTED)
        if state.status is Status.CANCEL_REQUESTED:
            to_stop.append(flight)

    def _expire(self, batch: Batch, to_stop: list[InFlight]) -> None:
        """Stop the pipeline runs whose time is over. What follows from it is decided anew if this process dies meanwhile."""
        for active in list(self._memory.limited.values()):
            deadline = active.progress.deadline
            is_stopping = active.is_stopping or active.status is Status.CANCEL_REQUESTED
            if deadline is None or deadline > batch.at or is_stopping:
                continue
            running = active.progress.under_way()
            waiting = sum(s.status is Status.NOT_STARTED for s in active.progress.steps.values())
            message = out_of_time(active.root.bindings["timeout_seconds"], running, waiting)
            batch.say(active.id, active.id, "timed_out", message=message, steps=[s.run_id for s in running])
            self._follow(batch, active, active.progress.run_out_of_time(), to_stop)

    def _close_loaded(self, batch: Batch) -> None:
        """End the pipeline runs that were found with no step left to run."""
        for active in self._loaded:
            if self._memory.roots.get(active.id) is active and (status := active.progress.outcome()) is not None:
                self._end_root(batch, active, status)
        self._loaded.clear()

    def _end_root(self, batch: Batch, active: Active, status: Status) -> None:
        error = root_error(active.progress, status, active.root.bindings.get("timeout_seconds"))
        n_steps, n_reused = len(active.progress.steps), len(active.root.taken)
        ended = runs.Move(active.id, active.status, status, 0, at=batch.at, error=error)
        batch.move(active.id, ended, n_steps=n_steps, n_reused=n_reused)
        batch.ends_run = True
        self._memory.drop_root(active.id)

    def _hand_out(self, batch: Batch) -> list[InFlight]:
        """The waiting steps that have a slot now, recorded as Queued, with their jobs made."""
        started: list[InFlight] = []
        self._memory.release(batch.at)
        if (trouble := self._context.room.trouble) is not None:
            for active, _ in [pair for queue in self._memory.waiting.values() for pair in queue]:
                self._delays.note(active.id, active.id, f"No step is started now: {trouble.message}")
            return started
        while self._memory.n_working < self._context.slots and (queue := self._next_queue(batch.at)) is not None:
            active, state = queue.popleft()
            if state.status is Status.NOT_STARTED:
                self._queue(batch, active, state, started)
        return started

    def _next_queue(self, now: float) -> deque[tuple[Active, StepState]] | None:
        """The steps that wait for a compute which can take one: each compute in its turn, so that none starves another."""
        waiting = self._memory.waiting
        for key in [k for k, queue in waiting.items() if queue]:
            waiting[key] = waiting.pop(key)  # to the end of the line
            if self._memory.busy.get(key, 0) < self._limit(key, now):
                return waiting[key]
        return None

    def _queue(self, batch: Batch, active: Active, state: StepState, started: list[InFlight]) -> None:
        moves.begin(batch, active)
        try:
            with self._context.database.read() as connection:
                job = self._binder.job(connection, active.root, state.node, state.run_id, state.attempt + 1)
        except (
            PenstockError,
            TypeError,
            ValueError,
            LookupError,
        ) as error:  # one step's oddity must not stop the others
            code, said = getattr(error, "code", "Internal"), getattr(error, "message", repr(error))
            why: Json = {"code": code, "message": f"Step '{state.node.name}': {said}", "details": {}}
            moves.end_unstarted(batch, active, state, Status.FAILED, why, message=why["message"])
            self._follow(batch, active, active.progress.end(state, Status.FAILED), [])
            return
        moves.hand_out(batch, active, state)
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
        self._context.leader.check()
        if flight.state.status is Status.CANCEL_REQUESTED:
            self._context.compute.cancel(flight.name)
        elif not self._is_taken(flight, flight.job):
            self._next_poll = self._context.clock() + RESUBMIT_SECONDS

    def _is_taken(self, flight: InFlight, job: Job) -> bool:
        """Whether the compute has the job; one that the disk has no room for is handed out again at the next poll."""
        try:
            return self._context.compute.submit(job)
        except OSError as error:
            trouble = self._context.room.noticed(error)
            if trouble is None:
                raise
            self._delays.note(flight.state.run_id, flight.active.id, f"It waits to start: {trouble.message}")
            return True


def _in_turn(names: set[str], admitted: Iterable[str]) -> list[str]:
    """Those of before first, then the new ones in the order they came."""
    return [*sorted(names.difference(admitted)), *(n for n in admitted if n in names)]
