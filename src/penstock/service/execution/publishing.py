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
from penstock.service.runs.binding import Binder, constant_destination


class Publisher:
    """Moves outputs from where they were staged to where they belong."""

    def __init__(self, context: Context, binder: Binder, delays: Delays) -> None:
        self._context, self._binder, self._delays = context, binder, delays

    def publish(self, flight: InFlight, conclusion: Conclusion) -> Conclusion | None:
        """The conclusion once its outputs are there; None: the disk does not take them now, so the next poll tries again."""
        if conclusion.status is not Status.COMPLETED or flight.end is None:
            return conclusion
        self._context.leader.check()
        kinds = {o["name"]: o["kind"] for o in flight.end.outputs}
        for output in flight.state.node.written:
            place = self._binder.place(flight.active.root, output, flight.state.run_id, flight.state.attempt)
            try:
                publish(place, kinds.get(output.name, "missing"))
                if destination := constant_destination(output):
                    copy_to(place, str(relative_path(destination)))
            except (OSError, PenstockError, TypeError, ValueError) as error:
                if (trouble := self._context.room.noticed(error)) is not None:
                    self._delays.note(flight.state.run_id, flight.active.id, f"Its outputs wait: {trouble.message}")
                    return None
                message = (
                    f"Step '{flight.state.node.name}': its output '{output.name}' could not be published to {place.final}: {error}. "
                    f"What it wrote is kept at {place.stage}."
                )
                for other in flight.state.node.outputs:
                    withdraw(self._binder.place(flight.active.root, other, flight.state.run_id, flight.state.attempt))
                return Conclusion(
                    Status.FAILED, {"code": "PublishFailed", "message": message, "details": {}}, conclusion.warnings
                )
        return conclusion
