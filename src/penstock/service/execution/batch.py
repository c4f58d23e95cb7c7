"""All that one pass of the scheduler has decided, written in one transaction, or nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from penstock.model.status import Status
from penstock.service.context import Context
from penstock.service.execution import journal, registering, taking
from penstock.store import history, identities, records, runs, takeover

Json = dict[str, Any]


class Stale(Exception):
    """Someone else moved a run first: what was decided is void, read again."""


@dataclass
class Batch:
    """Moves with their events, and the rows that go with them."""

    at: float
    moves: list[runs.Move] = field(default_factory=list)
    events: list[history.Event] = field(default_factory=list)
    satisfied: list[str] = field(default_factory=list)
    attempts: list[Json] = field(default_factory=list)
    artifacts: list[Json] = field(default_factory=list)
    outputs: list[Json] = field(default_factory=list)
    datasets: list[registering.Left] = field(default_factory=list)
    journals: list[tuple[str, Json]] = field(default_factory=list)
    identities: list[Json] = field(default_factory=list)
    taken: list[taking.Taken] = field(default_factory=list)
    spoiled: list[tuple[str, str]] = field(default_factory=list)
    observations: list[Json] = field(default_factory=list)
    ends_run: bool = False

    def move(self, root_id: str, move: runs.Move, **body: Any) -> None:
        """Move a run and say so in its story; the event is named after the status."""
        name = _EVENT_NAMES.get(move.after, move.after.lower())
        at = move.started_at if move.after is Status.RUNNING and move.started_at else self.at
        self.moves.append(move)
        self.say(move.run_id, root_id, name, at, status=str(move.after), attempt=_attempt(move), **body)

    def say(self, run_id: str, root_id: str, name: str, at: float | None = None, **body: Any) -> None:
        kept = {k: v for k, v in body.items() if v is not None}
        self.events.append(history.Event(run_id, root_id, self.at if at is None else at, name, kept))

    def commit(self, context: Context) -> None:
        """Write everything; Stale when a guard did not hold."""
        if self.moves or self.events or self.journals:
            # What happened to jobs stands in their folders too. That a whole run ended is told to people, so it is flushed; and so is
            # that a step is tried again, before it is: its first folder says nothing of the second.
            is_try_again = any((m.next_attempt or 0) > 1 for m in self.moves)
            context.database.write(self._write(context), redoable=not (self.ends_run or is_try_again))
            context.changes.notify((e.root_id for e in self.events), self.ends_run)

    def _write(self, context: Context) -> Callable[[Connection], None]:
        def work(connection: Connection) -> None:
            context.leader.fence(connection)
            if not runs.move_together(connection, self.moves):
                raise Stale
            takeover.point(connection, [(t.new_id, t.by.run_id) for t in self.taken])
            runs.decrement_unmet(connection, self.satisfied)
            for name, run in self.journals:
                journal.ingest(connection, context.home, name, run, self.at)
            for row in self.attempts:
                runs.save_attempt(connection, row)
            for run_id, why in self.spoiled:
                identities.spoil(connection, run_id, why)
            self.keep(connection, context)

        return work

    def keep(self, connection: Connection, context: Context) -> None:
        """Write the rows that go with the moves, and the story; Stale when what a step was to stand on is gone."""
        identities.add(connection, self.identities)
        seen = self._newly_seen(connection)
        identities.add_observations(connection, self.observations)
        try:
            taking.keep(connection, context.home, self.taken, self.at)
        except taking.Gone:
            raise Stale from None  # cleared away since it was decided: that is decided anew
        records.put_artifacts(connection, self.artifacts)
        records.put_outputs(connection, self.outputs)
        left = registering.record(connection, context.home, self.datasets, self.at)
        history.append(connection, list(self._in_order([*left, *seen])))

    def _in_order(self, known_last: list[history.Event]) -> Iterator[history.Event]:
        """All events; what is known only now comes before the end of its run, as whoever follows a run listens until that."""
        waiting: dict[str, list[history.Event]] = {}
        for event in known_last:
            waiting.setdefault(event.run_id, []).append(event)
        for event in self.events:
            if event.name in _ENDS:
                for run_id in list(waiting) if event.name == history.ALL_REUSED else [event.run_id]:
                    yield from waiting.pop(run_id, ())
            yield event
        for events in waiting.values():
            yield from events

    def _newly_seen(self, connection: Connection) -> list[history.Event]:
        """A warning for what steps of a name are seen to read for the first time."""
        if not self.observations:
            return []
        places: dict[str, list[str]] = {}
        for row in self.observations:
            if row["kind"] == "absent":
                continue  # libraries look for settings in many places
            places.setdefault(row["run_id"], []).append(row["name"])
        roots = {e.run_id: e.root_id for e in self.events}
        found = []
        for run_id, names in places.items():
            step, new = identities.first_seen(connection, run_id, names)
            found += [
                history.Event(run_id, roots[run_id], self.at, "warning", {"message": _watched(step, n)}) for n in new
            ]
        return found


_ENDS = frozenset(("completed", "failed", "canceled", history.ALL_REUSED))
_EVENT_NAMES = {Status.CANCEL_REQUESTED: "cancel_requested", Status.NOT_STARTED: "requeued"}


def _watched(step: str, place: str) -> str:
    return (
        f"Step '{step}' reads {place}, which is not declared: it is watched from now on, and the step runs again when it changes. "
        "Make it an input, or put it into the source folder."
    )


def _attempt(move: runs.Move) -> int | None:
    number = move.attempt if move.next_attempt is None else move.next_attempt
    return number or None
