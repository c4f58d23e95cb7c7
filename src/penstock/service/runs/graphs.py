"""Graphs that were read before: what the same text was checked to be, read as and planned as is kept for whoever brings it again.

All of it is a pure function of that text (and of the values of parameters), so it cannot go stale. Knows nothing of runs.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from penstock.engine.plan import Plan, make_plan, with_values
from penstock.engine.validate import problems
from penstock.model.errors import InvalidGraph, Problem
from penstock.model.graph import Graph
from penstock.model.strict import parse
from penstock.steps.registry import kind_problems

Json = dict[str, Any]
MOST_NODES = 10_000  # some 5 KB each
MOST_PLANS = 8


@dataclass(frozen=True)
class KnownGraph:
    """A graph in which nothing is wrong by itself; `problems` is what is wrong with its nodes as steps of their kinds."""

    digest: str
    """Of its text."""
    graph: Graph
    problems: tuple[Problem, ...]
    _plain: Plan
    _plans: dict[str, Plan] = field(default_factory=dict)

    def plan(self, given: Json) -> Plan:
        """Its plan with these values."""
        values = {p.name: given.get(p.name, p.default) for p in self.graph.parameters}
        key = json.dumps(values)
        known = self._plans.get(key)
        if known is None:
            if len(self._plans) >= MOST_PLANS:
                self._plans.clear()
            known = self._plans[key] = with_values(self._plain, values)
        return known


class Graphs:
    """The last graphs that were read. For many threads at once."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, KnownGraph] = OrderedDict()
        self._lock = threading.Lock()

    def checked(self, raw: Any) -> tuple[KnownGraph, str]:
        """The graph that somebody sent, as JSON or as the text of that, and its text as it is kept; InvalidGraph with all that is wrong with
        it by itself. Of a text that is known nothing is read: most of what a large pipeline's submission costs."""
        text = raw if isinstance(raw, str) else json.dumps(raw)
        encoded = text.encode("utf-8", "surrogatepass")
        digest = hashlib.sha256(encoded).hexdigest()
        known = self.known(digest)
        if known is None:
            raw = parse(encoded, "The graph") if isinstance(raw, str) else raw
            if found := problems(raw):
                raise InvalidGraph(tuple(found))
            known = self._keep(digest, raw)
        return known, text

    def read(self, digest: str, text: Callable[[], str]) -> KnownGraph:
        """The graph that was kept under this digest; `text` gives it, and is asked only where it was not read before."""
        return self.known(digest) or self._keep(digest, json.loads(text()))

    def known(self, digest: str) -> KnownGraph | None:
        """The graph of this digest, if it was read lately."""
        with self._lock:
            if digest in self._known:
                self._known.move_to_end(digest)
            return self._known.get(digest)

    def _keep(self, digest: str, raw: Json) -> KnownGraph:
        graph = Graph.from_json(raw)
        wrong = tuple(p for n in graph.nodes for p in kind_problems(n))
        known = KnownGraph(digest, graph, wrong, make_plan(graph, {}))
        with self._lock:
            self._known[digest] = known
            while len(self._known) > 1 and sum(len(k.graph.nodes) for k in self._known.values()) > MOST_NODES:
                self._known.popitem(last=False)
        return known
