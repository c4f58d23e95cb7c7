"""A Plan: a Graph with its values bound and its order fixed. Pure and recomputable from what the root run stores."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from penstock.engine.fingerprint import Recipe
from penstock.engine.validate import value_problem
from penstock.model.errors import Problem
from penstock.model.graph import Graph, Input, Json, Node

Place = tuple[str, str]  # an output: its node's id and its name


@dataclass(frozen=True)
class Plan:
    """`order` is a valid execution order that keeps the author's where it can; `downstream` is by node id."""

    graph: Graph
    order: tuple[Node, ...]
    downstream: dict[str, tuple[str, ...]]
    upstream: dict[str, tuple[str, ...]]
    values: dict[str, Any]
    _recipes: dict[str, Recipe] = field(default_factory=dict, repr=False, compare=False)
    _sources: dict[str, dict[str, Place | None]] = field(default_factory=dict, repr=False, compare=False)

    def sources(self, node: Node) -> dict[str, Place | None]:
        """For each input port the output that it reads: node and name. None when it reads anything else, or what a script chose."""
        known = self._sources.get(node.id)
        if known is None:
            known = self._sources[node.id] = {port.name: self._produced(port) for port in node.inputs}
        return known

    def _produced(self, port: Input) -> Place | None:
        if "node" not in port.source:
            return None
        producer = self.graph.node(port.source["node"])
        output = next(o for o in producer.outputs if o.name == port.source["output"])
        return None if output.mode == "link" else (producer.id, output.name)

    @cached_property
    def modules(self) -> dict[str, str]:
        """What is known of each step before its data are, as a digest; by node, in order."""
        return {n.id: self.recipe(n).module for n in self.order}

    def recipe(self, node: Node) -> Recipe:
        """What is known of this step of it before its data are. Worked out once."""
        known = self._recipes.get(node.id)
        if known is None:
            known = self._recipes[node.id] = Recipe(node, self.values)
        return known


def parameter_problems(graph: Graph, given: Json) -> list[Problem]:
    """What is wrong with the parameter values `given` at submission."""
    known = {p.name: p for p in graph.parameters}
    found = []
    for name, value in given.items():
        if name not in known:
            has = ", ".join(f"{p.name} ({p.type}, default {p.default})" for p in graph.parameters) or "none"
            found.append(
                Problem(f"Pipeline parameter with name {name} does not exist. This pipeline has: {has}.", name)
            )
        elif complaint := value_problem(name, known[name].type, value):
            found.append(Problem(complaint, name))
    return found


def make_plan(graph: Graph, given: Json) -> Plan:
    """The plan of a valid graph. Linear in nodes and edges; the order is stable."""
    upstream = {n.id: n.upstream() for n in graph.nodes}
    downstream: dict[str, list[str]] = {n.id: [] for n in graph.nodes}
    for node_id, ids in upstream.items():
        for up in ids:
            downstream[up].append(node_id)
    values = {p.name: given.get(p.name, p.default) for p in graph.parameters}
    order = _order(graph.nodes, upstream, downstream)
    return Plan(graph, order, {k: tuple(v) for k, v in downstream.items()}, upstream, values)


def with_values(plan: Plan, values: dict[str, Any]) -> Plan:
    """The plan of the same graph with other values."""
    return replace(plan, values=values, _recipes={}, _sources={})


def _order(
    nodes: tuple[Node, ...], upstream: dict[str, tuple[str, ...]], downstream: dict[str, list[str]]
) -> tuple[Node, ...]:
    """Kahn's order by waves: a wave keeps the graph's own order."""
    place = {n.id: i for i, n in enumerate(nodes)}
    waiting = {i: len(us) for i, us in upstream.items()}
    wave = [n.id for n in nodes if not waiting[n.id]]
    order: list[Node] = []
    while wave:
        following = []
        for node_id in wave:
            order.append(nodes[place[node_id]])
            for down in downstream[node_id]:
                waiting[down] -= 1
                if not waiting[down]:
                    following.append(down)
        wave = sorted(following, key=place.__getitem__)
    return tuple(order)
