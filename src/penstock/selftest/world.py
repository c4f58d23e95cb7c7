"""The simulated world: one clock, one source of chance, and what is going to happen when. Knows nothing of runs.

Everything that happens is told to `story`, so that a seed that fails can be read from start to end.
"""

from __future__ import annotations

import errno
import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

EPOCH = 1_800_000_000.0
WRITES = ("commit.before", "commit.after", "submit.folder", "publish.before", "copy.before")
"""Where a write may fail. After a commit: its answer was lost, as when a connection breaks."""


class Crash(BaseException):
    """The server dies here and now. Not an Exception: nothing that dies cleans up or goes on."""

    def __init__(self, point: str, *, is_power_cut: bool = False) -> None:
        super().__init__(point)
        self.point = point
        self.is_power_cut = is_power_cut


@dataclass(frozen=True)
class Faults:
    """How likely each trouble is, at each opportunity for it."""

    crash: float
    power_cut: float
    disk_full: float
    interleave: float
    message_lost: float
    message_repeated: float
    stub_death: float
    node_death: float
    clock_step: float

    @classmethod
    def drawn(cls, rng: random.Random) -> Faults:
        """Some seeds have much of one trouble, some a little of everything, some none."""

        def much(most: float) -> float:
            return most * rng.choice((0.0, 0.1, 0.3, 1.0))

        return cls(
            crash=much(0.10),
            power_cut=much(0.02),
            disk_full=much(0.03),
            interleave=much(0.5),
            message_lost=much(0.5),
            message_repeated=much(0.3),
            stub_death=much(0.3),
            node_death=much(0.2),
            clock_step=much(1.0),
        )


class World:
    """Time passes only by `run_until` and `let_pass`; `at` says what happens when."""

    def __init__(self, seed: int, home: Path) -> None:
        self.rng = random.Random(seed)
        self.home = home
        self.now = 0.0
        self.offset = 0.0
        self.faults = Faults.drawn(self.rng)
        self.is_quiet = False
        self.story: list[str] = []
        self.problems: list[str] = []
        self.n_faults = 0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._ids = itertools.count(1)
        self._depth = 0

    def clock(self) -> float:
        """What the machine's clock shows; it may be set forwards or backwards at any time."""
        return EPOCH + self.now + self.offset

    def new_id(self) -> str:
        return f"{next(self._ids):08x}-0000-4000-8000-000000000000"

    def tell(self, who: str, what: str) -> None:
        self.story.append(f"{self.now:9.3f}  {who:<8} {what}")

    def problem(self, what: str) -> None:
        self.problems.append(what)
        self.tell("PROBLEM", what)

    def at(self, delay: float, what: Callable[[], None]) -> None:
        """Have `what` happen after `delay` seconds."""
        heapq.heappush(self._events, (self.now + delay, next(self._numbers), what))

    def happens(self, chance: float) -> bool:
        """Whether a trouble of this likelihood strikes now."""
        if self.is_quiet or chance <= 0 or self.rng.random() >= chance:
            return False
        self.n_faults += 1
        return True

    def run_until(self, end: float) -> None:
        """Let happen what is due before `end`, in its order."""
        while self._events and self._events[0][0] <= end:
            self.step()
        self.now = max(self.now, end)

    def step(self) -> bool:
        """Let the next thing happen; False when nothing will."""
        if not self._events:
            return False
        at, _, what = heapq.heappop(self._events)
        self.now = max(self.now, at)
        what()
        return True

    @property
    def is_nested(self) -> bool:
        """Whether something happens while the server is in the middle of a pass or a call."""
        return self._depth > 0

    def passing(self, point: str) -> None:
        """The server comes by a crash point: it may die, its disk may be full, or others may act before it goes on."""
        if point.startswith("digest."):
            return  # not the server alone digests: simulated stubs do too; and others would wait for whoever does
        f = self.faults
        if self.happens(f.crash):
            raise Crash(point)
        if self.happens(f.power_cut):
            raise Crash(point, is_power_cut=True)
        if point in WRITES and self.happens(f.disk_full):
            self.tell("disk", f"full at {point}")
            raise OSError(errno.ENOSPC, "No space left on device", str(self.home))
        if point in ("publish.before", "copy.before") and self.happens(f.disk_full):
            self.tell("disk", f"refused at {point}")
            raise PermissionError(errno.EACCES, "Permission denied", str(self.home))
        if point != "commit.before" and self._depth < 2 and self.happens(f.interleave):
            self.let_pass(self.rng.expovariate(10.0))

    def let_pass(self, seconds: float) -> None:
        """Others act while whoever calls this stands still."""
        self._depth += 1
        try:
            self.run_until(self.now + seconds)
        finally:
            self._depth -= 1
