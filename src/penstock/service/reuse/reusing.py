"""Whether a step that is ready runs, or an earlier one stands for it; from what that was decided, and why.

An earlier step stands for this one when its fingerprint is the same, what it was seen to read undeclared is as it was, and its outputs still
hold the bytes that it wrote. Whatever cannot be told makes the step run. Reads the store and the disk; writes neither.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import Connection

from penstock.data.digests import Digests
from penstock.engine.plan import Plan
from penstock.model.errors import PenstockError
from penstock.model.graph import Node
from penstock.service.reuse import contents
from penstock.service.reuse.earlier import Earlier, Ran, Verifier
from penstock.service.runs.binding import Binder, Root
from penstock.store.takeover import StandIn

Json = dict[str, Any]
Identify = Callable[[Json, Mapping[str, str]], str]
_MOST_GUESSES = 20_000
_NO_LINKS: Mapping[str, str] = MappingProxyType({})


class Decision(NamedTuple):
    """Whether a step runs. `hit`: the step that stands for it; `why`: what spoke against every other; `unusable`: why no later
    step may stand on this one."""

    fingerprint: str | None
    module: str | None
    why: tuple[str, ...] = ()
    hit: StandIn | None = None
    outputs: Sequence[Json] = ()
    links: Mapping[str, str] = _NO_LINKS
    """The datasets that its script linked, by output."""
    unusable: str | None = None
    make_parts: Callable[[], Json] = dict
    """Gives what the fingerprint is of; a step that does not run has no use for it."""

    @property
    def sought(self) -> str | None:
        """The fingerprint of the earlier steps that may stand for this one; None: it runs in any case."""
        return None if self.why else self.fingerprint

    def row(self, run_id: str, workspace: str, name: str, at: float) -> Json:
        """The decision to run a step, as it is kept."""
        return {
            "run_id": run_id,
            "workspace": workspace,
            "name": name,
            "fingerprint": self.fingerprint,
            "module": self.module,
            "parts": self.make_parts(),
            "why": list(self.why),
            "unusable": self.unusable,
            "created_at": at,
        }


@dataclass
class Standing:
    """What is known of one pipeline run's steps while it goes on: whose outputs hold what, what has been decided, what runs its steps."""

    known: dict[tuple[str, str], str] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    environment: str | None = None
    links: dict[tuple[str, str], str] = field(default_factory=dict)

    def complete(self, node_id: str, outputs: Iterable[Json], links: Mapping[str, str] = _NO_LINKS) -> None:
        """A step has completed, or another stands for it, with these outputs. `links`: what the script of that linked."""
        for name, dataset in links.items():
            self.links[node_id, name] = dataset
        self.done.add(node_id)
        for output in outputs:
            if (held := contents.of_output(output)) is not None:
                self.known[node_id, output["name"]] = held

    def copy(self) -> Standing:
        return Standing(dict(self.known), set(self.done), self.environment, dict(self.links))


class Reuse:
    """Decides for steps whose upstream steps have all completed."""

    def __init__(
        self, home: Path, binder: Binder, digests: Digests, identify: Identify, clock: Callable[[], float]
    ) -> None:
        self._home, self._identify = home, identify
        self._contents = contents.Contents(home, binder, digests)
        self._verifier = Verifier(home, binder, digests, clock)
        self._last, self._ran = Last(), Ran()

    def at_once(
        self, connection: Connection, root: Root, nodes: Iterable[Node], standing: Standing
    ) -> dict[str, Decision]:
        """Decisions, by node, on those that need no look at the disk; on the others `follow` decides, in a thread that can wait."""
        drafts = {n.id: draft for n in nodes if (draft := self._at_hand(root, n, standing)) is not None}
        earlier = Earlier(self._home, connection, root, self._ran)
        earlier.fetch(d.sought for d in drafts.values())
        return {i: d for i, d in drafts.items() if not earlier.candidates(d.sought)}

    def _at_hand(self, root: Root, node: Node, standing: Standing) -> Decision | None:
        """What the step is, as a decision to run it, if all that counts is known."""
        if not node.allow_reuse:
            return _never("allow_reuse is False")
        if standing.environment is None or node.has_own_modules:
            return None
        held = contents.at_hand(node, root, standing.known)
        return None if held is None else _runs(root, node, held, standing.environment)

    def expects(self, plan: Plan) -> bool:
        """Whether an earlier step stood for each step of this plan when it, or one like it, was decided last."""
        return self._last.knows_all(plan)

    def whole(self, connection: Connection, root: Root) -> dict[str, Decision] | None:
        """The decisions on all steps of a run, if an earlier one stands for each; None as soon as one is met for which none does."""
        plan, earlier = root.plan, Earlier(self._home, connection, root, self._ran)
        earlier.fetch(self._last.expected(plan, (), len(plan.order)))
        first = [n.id for n in plan.order if not plan.upstream[n.id]]
        made = self._follow(earlier, root, first, Standing(), to_end=False)
        return made if len(made) == len(plan.order) and all(d.hit for d in made.values()) else None

    def follow(
        self, connection: Connection, root: Root, ready: Iterable[str], standing: Standing
    ) -> dict[str, Decision]:
        """Decisions for the steps that are ready, and, as far as earlier ones stand for those, for the steps behind them."""
        now, earlier = standing.copy(), Earlier(self._home, connection, root, self._ran)
        made = self._follow(earlier, root, ready, now, to_end=True)
        standing.environment = standing.environment or now.environment
        return made

    def _follow(
        self, earlier: Earlier, root: Root, ready: Iterable[str], now: Standing, to_end: bool
    ) -> dict[str, Decision]:
        """Without `to_end` the first that is to run is the last that is decided."""
        plan, made = root.plan, dict[str, Decision]()
        n_hits = 0
        wave = [plan.graph.node(i) for i in ready]
        while wave:
            drafts = [self._draft(earlier.connection, root, node, now) for node in wave]
            sought = [draft.sought for draft in drafts]
            if not earlier.knows(sought):
                earlier.fetch([*sought, *self._last.expected(plan, {*made, *now.done}, 2 * n_hits)])
            following: dict[str, None] = {}
            for node, draft in zip(wave, drafts, strict=True):
                made[node.id] = decision = self._decide(root, node, draft, earlier)
                if decision.hit is not None:
                    n_hits += 1
                    now.complete(node.id, decision.outputs, decision.links)
                    following.update(dict.fromkeys(plan.downstream[node.id]))
                elif not to_end:
                    return made
            upstream, done = plan.upstream, now.done
            wave = [plan.graph.node(d) for d in following if d not in made and done.issuperset(upstream[d])]
        return made

    def _draft(self, connection: Connection, root: Root, node: Node, standing: Standing) -> Decision:
        """What the step is, as a decision to run it. Looks at every byte that counts, through the stat cache."""
        if not node.allow_reuse:
            return _never("allow_reuse is False")
        try:
            environment = self._environment(root, node, standing)
            held = self._contents.of(connection, root, node, standing.known, standing.links)
        except PenstockError as error:
            return unknown(error.message)
        except OSError as error:
            return unknown(f"{error.filename or 'A file'} could not be read: {error.strerror}.")
        return _runs(root, node, held, environment)

    def _environment(self, root: Root, node: Node, standing: Standing) -> str:
        """That of the pipeline's steps is asked for once."""
        if node.has_own_modules:
            return self._identify(root.bindings["interpreter"], node.environment_variables)
        if standing.environment is None:
            standing.environment = self._identify(root.bindings["interpreter"], node.environment_variables)
        return standing.environment

    def _decide(self, root: Root, node: Node, draft: Decision, earlier: Earlier) -> Decision:
        """Whether an earlier step stands for the one that `draft` says."""
        against: list[str] = []
        for candidate in earlier.candidates(draft.sought):
            outputs = earlier.outputs(candidate)
            complaint = self._verifier.complaint(earlier, root, node, candidate, outputs)
            if complaint is None:
                self._last.note(draft.module, draft.sought)
                links = self._verifier.links(earlier, node, candidate) if node.linked else _NO_LINKS
                return Decision(draft.fingerprint, draft.module, (), candidate, outputs, links)
            against.append(f"run {candidate.run_id} does not stand for it: {complaint}")
        return draft._replace(why=tuple(against)) if against else draft


class Last:
    """The fingerprints that steps had when earlier ones stood for them last: what is likely to be asked for next is asked for in the same
    query. A wrong guess costs a row."""

    def __init__(self) -> None:
        self._by_module: dict[str | None, str | None] = {}

    def note(self, module: str | None, fingerprint: str | None) -> None:
        if len(self._by_module) >= _MOST_GUESSES and module not in self._by_module:
            self._by_module.clear()
        self._by_module[module] = fingerprint

    def knows_all(self, plan: Plan) -> bool:
        return self._by_module.keys() >= set(plan.modules.values())

    def expected(self, plan: Plan, decided: Container[str], at_most: int) -> list[str]:
        """Those of the next steps in order; twice as many as were hits so far, so that a graph takes few queries and a miss wastes little."""
        coming = (self._by_module.get(module) for node_id, module in plan.modules.items() if node_id not in decided)
        return list(islice((f for f in coming if f is not None), at_most))


def _runs(root: Root, node: Node, held: Mapping[str, str], environment: str) -> Decision:
    recipe = root.plan.recipe(node)
    why = ("regenerate_outputs was asked for",) if root.regenerates else ()
    parts = partial(recipe.parts, held, environment)
    return Decision(recipe.fingerprint(held, environment), recipe.module, why, make_parts=parts)


def _never(why: str) -> Decision:
    return Decision(None, None, (why,), unusable=why)


def unknown(why: str) -> Decision:
    """The step runs, for it cannot be told what it is; so no later one stands on it."""
    return Decision(None, None, (why,), unusable=why)
