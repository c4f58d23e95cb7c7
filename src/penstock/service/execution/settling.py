"""Submissions of which an earlier step stands for every step: they are kept as completed at once, and no scheduler sees them.

It is decided as the scheduler decides, by the same rules, but only from what is known: where bytes would have to be read first, or another
machine asked, it is left to the scheduler.
"""

from __future__ import annotations

from typing import Any

from penstock.engine.plan import Plan
from penstock.model.crashpoints import passing
from penstock.model.status import Status
from penstock.service.context import Context
from penstock.service.execution import moves
from penstock.service.execution.batch import Batch
from penstock.service.reuse.reusing import Decision, Reuse
from penstock.service.runs.binding import Binder, Root
from penstock.service.runs.entry import Entry
from penstock.store import history

Json = dict[str, Any]


class Settling:
    """Looks at submissions before they are kept."""

    def __init__(self, context: Context) -> None:
        self._context = context
        known = context.digests.without_reading()
        self._reuse = Reuse(context.home, Binder(context), known, context.identify, context.clock)

    def expects(self, plan: Plan) -> bool:
        """Whether something stood for each step of this plan lately, so that it is worth a look."""
        return self._reuse.expects(plan)

    def look(self, entry: Entry, workspace: str, experiment: str) -> None:
        """Settle the submission if something stands for each of its steps."""
        bindings = entry.bindings
        if entry.resumption.root_id or any("url" in store for store in bindings["datastores"].values()):
            return
        root = Root(entry.root_id, workspace, experiment, entry.plan, bindings, entry.step_ids)
        try:
            with self._context.database.read() as connection:
                made = self._reuse.whole(connection, root)
        except Exception:  # whatever it is, the scheduler meets it too, and what it says of it is kept
            return
        passing("hit.decided")
        if made is not None:
            entry.settle(_batch(root, made, entry.at))


def _batch(root: Root, made: dict[str, Decision], at: float) -> Batch:
    """The story and the rows of a run in which nothing ran."""
    batch, n_steps = Batch(at), len(made)
    batch.say(root.id, root.id, "running", status=str(Status.RUNNING))
    for node in root.plan.order:
        moves.stand_in(batch, root, node, made[node.id])
    batch.events.append(history.all_reused(root.id, at, n_steps))
    batch.say(root.id, root.id, "completed", status=str(Status.COMPLETED), n_steps=n_steps, n_reused=n_steps)
    return batch
