"""Decisions on reuse as the scheduler gets them: at once where that costs nothing, else from a thread that may wait for the disk.

Also who waits for whom: of two runs that need the same step at the same time, the second waits for what the first makes of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from penstock.engine.progress import Change, StepState
from penstock.model.crashpoints import passing
from penstock.model.status import TERMINAL, Status
from penstock.service.context import Context
from penstock.service.execution import moves
from penstock.service.execution.active import Active, Memory
from penstock.service.execution.batch import Batch
from penstock.service.execution.delays import Delays
from penstock.service.execution.inbox import Inbox
from penstock.service.reuse.reusing import Decision, Reuse, unknown

Pair = tuple[Active, StepState]


class Decider:
    """The decisions that were made, those under way, and those that are to be made."""

    def __init__(self, context: Context, reuse: Reuse, inbox: Inbox) -> None:
        self._context, self._reuse, self._inbox = context, reuse, inbox
        self._made: deque[tuple[Active, list[str], dict[str, Decision]]] = deque()

    def at_once(self, active: Active, states: Iterable[StepState]) -> None:
        """Make those decisions that need no look at the disk, and are not made yet."""
        nodes = [s.node for s in states if s.node.id not in active.decisions]
        if nodes:
            with self._context.database.read() as connection:
                active.decisions.update(self._reuse.at_once(connection, active.root, nodes, active.standing))

    def ask(self, active: Active, states: Iterable[StepState]) -> None:
        """Have these decided; `take` gives the answers, and the inbox tells of them."""
        ids, standing, now = [s.node.id for s in states], active.standing.copy(), self._context.clock()

        def work() -> None:
            try:
                with self._context.database.read() as connection:
                    made = self._reuse.follow(connection, active.root, ids, standing)
            except Exception as error:  # whatever cannot be told makes a step run, and its identity says why
                made = {i: unknown(f"Its identity could not be told ({type(error).__name__}: {error}).") for i in ids}
            active.standing.environment = active.standing.environment or standing.environment
            passing("hit.decided")
            active.root.looked_at.update(dict.fromkeys(made, now))
            self._made.append((active, ids, made))
            self._inbox.put("decided", active.id)
            self._context.wake()

        self._context.background(work)

    def take(self) -> Iterator[Pair]:
        """The steps that were asked about and are decided now."""
        while self._made:
            active, ids, made = self._made.popleft()
            active.decisions.update(made)
            yield from ((active, active.progress.steps[i]) for i in ids)


@dataclass
class Twins:
    """Steps of one fingerprint: the first that is to run leads, those of other runs are parked until it has ended."""

    _leaders: dict[str, Pair] = field(default_factory=dict)
    _parked: list[tuple[str, Active, StepState]] = field(default_factory=list)

    def waits(self, fingerprint: str | None, active: Active, state: StepState) -> StepState | None:
        """The step that this one is to wait for, if it is; else it leads from now on."""
        if fingerprint is None:
            return None
        leader = self._leaders.get(fingerprint)
        if leader is None or leader[0].id == active.id:
            self._leaders[fingerprint] = (active, state)
            return None
        self._parked.append((fingerprint, active, state))
        return leader[1]

    def release(self, roots: dict[str, Active]) -> list[Pair]:
        """Those whose leader has ended, or is held no more."""
        over = {f for f, (a, s) in self._leaders.items() if s.status in TERMINAL or roots.get(a.id) is not a}
        if not over:
            return []
        for fingerprint in over:
            del self._leaders[fingerprint]
        freed = [(a, s) for f, a, s in self._parked if f in over]
        self._parked = [p for p in self._parked if p[0] not in over]
        return freed


class Ready:
    """The steps that nothing before them holds back, until it is decided of each whether it runs."""

    def __init__(self, decider: Decider, delays: Delays) -> None:
        self._decider, self._delays = decider, delays
        self._twins = Twins()
        self._steps: deque[Pair] = deque()

    def __len__(self) -> int:
        return len(self._steps)

    def forget(self) -> None:
        """What is under way is read again."""
        self._twins = Twins()
        self._steps.clear()

    def add(self, active: Active, states: Iterable[StepState]) -> None:
        self._steps += [(active, state) for state in states]

    def release(self, roots: dict[str, Active]) -> None:
        """Look again at those that waited for a step of another run which has ended."""
        self._steps += self._twins.release(roots)

    def decide(self, batch: Batch, memory: Memory, follow: Callable[[Active, Change], None]) -> None:
        """Of the steps that are ready: which run, which an earlier one stands for, which have to be looked at first."""
        self._steps += self._decider.take()
        while self._steps:
            groups: dict[str, tuple[Active, list[StepState]]] = {}
            for active, state in self._steps:
                if memory.roots.get(active.id) is active:
                    groups.setdefault(active.id, (active, []))[1].append(state)
            self._steps.clear()
            for active, states in groups.values():
                self._decide_some(batch, memory, active, states, follow)

    def _decide_some(
        self,
        batch: Batch,
        memory: Memory,
        active: Active,
        states: list[StepState],
        follow: Callable[[Active, Change], None],
    ) -> None:
        asked = []
        self._decider.at_once(active, [s for s in states if not s.attempt])
        for state in states:
            if state.status is not Status.NOT_STARTED or active.progress.stopped_by() is not None:
                continue
            decision = active.decisions.get(state.node.id)
            if state.attempt:
                memory.enqueue(active, state)
            elif decision is None:
                asked.append(state)
            elif decision.hit is not None:
                moves.take_over(batch, active, state, decision)
                follow(active, active.progress.end(state, Status.COMPLETED))
            elif (leader := self._twins.waits(decision.fingerprint, active, state)) is not None:
                active.decisions.pop(state.node.id, None)  # to be looked at again once that has ended
                message = f"waits for run {leader.run_id[:8]}, which is doing the same"
                self._delays.note(state.run_id, active.id, message, event="note")
            else:
                memory.enqueue(active, state)
        if asked:
            self._decider.ask(active, asked)
