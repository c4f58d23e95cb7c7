"""Sends what steps published to datastores at URLs there, from threads that may wait for other machines: only then is a step Completed.

What a crash leaves half done is done again: files that are there already are sent once more or noted, to the same effect. Knows nothing of how
steps end.
"""

from __future__ import annotations

from dataclasses import dataclass

from penstock.data.paths import relative_path
from penstock.data.remotes import Mirror, said
from penstock.model.crashpoints import passing
from penstock.model.status import Status
from penstock.service.context import Context
from penstock.service.execution.active import InFlight
from penstock.service.execution.delays import Delays
from penstock.service.execution.inbox import Inbox
from penstock.service.runs.binding import Binder, constant_destination, output_path
from penstock.store import history

FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60.0
GIVE_UP_SECONDS = 3600.0


@dataclass
class _Sending:
    """What becomes of one step's outputs. `trouble`: why the last try failed; `failing_since`: when the first did."""

    places: list[tuple[Mirror, str]]
    is_under_way: bool = False
    is_sent: bool = False
    trouble: str = ""
    failing_since: float | None = None
    n_failed: int = 0
    next_at: float = 0.0

    @property
    def urls(self) -> str:
        return " and ".join(dict.fromkeys(m.url for m, _ in self.places))


class Sender:
    """What is on its way, by job. In memory: who comes after a crash begins anew."""

    def __init__(self, context: Context, binder: Binder, inbox: Inbox, delays: Delays) -> None:
        self._context, self._binder, self._inbox, self._delays = context, binder, inbox, delays
        self._known: dict[str, _Sending] = {}

    def has(self, name: str) -> bool:
        """Whether the outputs of this job are published here, and on their way."""
        return name in self._known

    def send(self, flight: InFlight) -> str | None:
        """None while the outputs of a step are on their way; "" once all are there, or none is to go; else why they never will be."""
        sending = self._known.get(flight.name)
        if sending is None:
            sending = _Sending(self._places(flight))
            if not sending.places:
                return ""
            self._known[flight.name] = sending
            self._start(flight.name, sending)
        if sending.is_under_way:
            return None
        if not sending.is_sent:
            if not self._is_given_up(flight, sending):
                self._again(flight, sending)
                return None
            del self._known[flight.name]
            return f"could not be sent to {sending.urls} ({sending.trouble})"
        del self._known[flight.name]
        return ""

    def is_asked_to_stop(self, flight: InFlight) -> bool:
        """Whether somebody wants this step, or its run, to end."""
        active = flight.active
        if active.is_stopping or active.status is Status.CANCEL_REQUESTED:
            return True
        with self._context.database.read() as connection:
            return flight.state.run_id in history.cancel_requests(connection, active.id)

    def _is_given_up(self, flight: InFlight, sending: _Sending) -> bool:
        failing_for = self._context.clock() - (sending.failing_since or 0.0)
        return failing_for > GIVE_UP_SECONDS or self.is_asked_to_stop(flight)

    def _again(self, flight: InFlight, sending: _Sending) -> None:
        self._delays.note(
            flight.state.run_id,
            flight.active.id,
            f"Its outputs wait: {sending.urls} does not take them ({sending.trouble}). They are sent again and again for an hour; "
            "to give up before, cancel the step.",
        )
        now = self._context.clock()
        if not now < sending.next_at <= now + LONGEST_WAIT_SECONDS:  # a clock that was set back must not delay it
            self._start(flight.name, sending)

    def _places(self, flight: InFlight) -> list[tuple[Mirror, str]]:
        """What is to be where: each output, and the copy of it that its author wants."""
        found = []
        for output in flight.state.node.written:
            mirror = self._binder.mirror(flight.active.root, output.datastore)
            if mirror is not None:
                found.append((mirror, str(relative_path(output_path(output, flight.state.run_id)))))
                if destination := constant_destination(output):
                    found.append((mirror, str(relative_path(destination))))
        return found

    def _start(self, name: str, sending: _Sending) -> None:
        sending.is_under_way = True

        def work() -> None:
            passing("send.before")
            try:
                for mirror, path in sending.places:
                    mirror.push(path)
                sending.is_sent = True
                passing("send.after")
            except Exception as error:  # each filesystem has exceptions of its own
                now = self._context.clock()
                sending.trouble = said(error)
                sending.failing_since = sending.failing_since or now
                sending.next_at = now + min(FIRST_WAIT_SECONDS * 2**sending.n_failed, LONGEST_WAIT_SECONDS)
                sending.n_failed = min(sending.n_failed + 1, 30)
            sending.is_under_way = False
            self._inbox.put("exit", name)
            self._context.wake()

        self._context.senders(work)
