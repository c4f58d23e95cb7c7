"""Makes visible what a completed step wrote, or says why that cannot be. Knows the places of outputs; decides nothing else."""

from __future__ import annotations

from penstock.data.paths import relative_path
from penstock.data.publish import copy_to, publish, withdraw
from penstock.engine.lifecycle import Conclusion
from penstock.model.errors import PenstockError
from penstock.model.status import Status
from penstock.service.context import Context
from penstock.service.execution.active import InFlight
from penstock.service.execution.delays import Delays
from penstock.service.execution.sending import Sender
from penstock.service.runs.binding import Binder, constant_destination


class Publisher:
    """Moves outputs from where they were staged to where they belong."""

    def __init__(self, context: Context, binder: Binder, delays: Delays, sender: Sender) -> None:
        self._context, self._binder, self._delays, self._sender = context, binder, delays, sender

    def publish(self, flight: InFlight, conclusion: Conclusion) -> Conclusion | None:
        """The conclusion once its outputs are there; None: disk or URL do not take them now, so a later poll tries again."""
        if conclusion.status is not Status.COMPLETED or flight.end is None:
            return conclusion
        self._context.leader.check()
        if not self._sender.has(flight.name):
            there = self._publish_here(flight, conclusion)
            if there is not conclusion:
                return there
        refused = self._sender.send(flight)
        if refused is None:
            return None
        if not refused:
            return conclusion
        self._withdraw(flight)
        stage = self._binder.place(flight.active.root, flight.state.node.written[0], *_try(flight)).stage.parent
        name = flight.state.node.name
        if self._sender.is_asked_to_stop(flight):
            message = f"Step '{name}' was canceled while its outputs {refused}. What it wrote is kept at {stage}."
            return Conclusion(
                Status.CANCELED, {"code": "Canceled", "message": message, "details": {}}, conclusion.warnings
            )
        return _failed(f"Step '{name}': its outputs {refused}. What it wrote is kept at {stage}.", conclusion)

    def _publish_here(self, flight: InFlight, conclusion: Conclusion) -> Conclusion | None:
        """The same conclusion when all is in its place on this machine; None while the disk is full; else the failure."""
        kinds = {o["name"]: o["kind"] for o in flight.end.outputs} if flight.end else {}
        for output in flight.state.node.written:
            place = self._binder.place(flight.active.root, output, *_try(flight))
            try:
                publish(place, kinds.get(output.name, "missing"))
                if destination := constant_destination(output):
                    copy_to(place, str(relative_path(destination)))
            except (OSError, PenstockError, TypeError, ValueError) as error:
                if (trouble := self._context.room.noticed(error)) is not None:
                    self._delays.note(flight.state.run_id, flight.active.id, f"Its outputs wait: {trouble.message}")
                    return None
                self._withdraw(flight)
                message = (
                    f"Step '{flight.state.node.name}': its output '{output.name}' could not be published to {place.final}: {error}. "
                    f"What it wrote is kept at {place.stage}."
                )
                return _failed(message, conclusion)
        return conclusion

    def _withdraw(self, flight: InFlight) -> None:
        for output in flight.state.node.outputs:
            withdraw(self._binder.place(flight.active.root, output, *_try(flight)))


def _try(flight: InFlight) -> tuple[str, int]:
    return flight.state.run_id, flight.state.attempt


def _failed(message: str, conclusion: Conclusion) -> Conclusion:
    return Conclusion(Status.FAILED, {"code": "PublishFailed", "message": message, "details": {}}, conclusion.warnings)
