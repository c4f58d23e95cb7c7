"""What keeps runs waiting though it is their turn, told in their story once. Knows nothing of why."""

from __future__ import annotations

from collections import OrderedDict

from penstock.service.execution.batch import Batch

_REMEMBERED = 10_000


class Delays:
    """Notes of one scheduler: each run is told of one delay once, however often it is met again."""

    def __init__(self) -> None:
        self._untold: list[tuple[str, str, str, str]] = []
        self._told: OrderedDict[str, None] = OrderedDict()

    def note(self, run_id: str, root_id: str, message: str, *, event: str = "warning") -> None:
        """`event`: `warning` for what somebody should see to, `note` for what is as it should be."""
        if run_id not in self._told:
            self._told[run_id] = None
            self._untold.append((run_id, root_id, event, message))
            while len(self._told) > _REMEMBERED:
                self._told.popitem(last=False)

    def tell(self, batch: Batch) -> None:
        """Hand what is new to the batch that is about to be written; `written` says that it was."""
        for run_id, root_id, event, message in self._untold:
            batch.say(run_id, root_id, event, message=message)

    def forget(self) -> None:
        """All is read anew: what was told may be told again."""
        self._untold.clear()
        self._told.clear()

    def written(self) -> None:
        self._untold.clear()
