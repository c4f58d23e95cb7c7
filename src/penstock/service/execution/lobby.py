"""Pipeline runs that were submitted and are not taken up yet: so many at once are, the others wait their turn and cost nothing meanwhile."""

from __future__ import annotations

from collections.abc import Iterable

MOST_INSIDE = 500
"""So many pipeline runs are held in memory at once; each has its graph, its data and its steps there."""
AT_ONCE = 20
"""So many are taken up in one pass, so that none takes long."""


class Lobby:
    """Ids of pipeline runs in the order they came. `strange` ones stem from before this server: what a compute knows of them is asked."""

    def __init__(self, strange: Iterable[str] = ()) -> None:
        self._waiting = dict.fromkeys(strange, True)

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, names: Iterable[str]) -> None:
        for name in names:
            self._waiting.setdefault(name, False)

    def admit(self, n_inside: int, called: Iterable[str] = ()) -> dict[str, bool]:
        """Those whose turn it is while `n_inside` are inside, and those called out of turn: whether each is strange."""
        names = [name for name in dict.fromkeys(called) if name in self._waiting]
        free = min(MOST_INSIDE - n_inside - len(names), AT_ONCE)
        if free > 0:
            names += [name for name, _ in zip((n for n in self._waiting if n not in names), range(free), strict=False)]
        return {name: self._waiting.pop(name) for name in names}

    def has_room(self, n_inside: int) -> bool:
        """Whether somebody waits who could come in."""
        return bool(self._waiting) and n_inside < MOST_INSIDE
