"""The Graph: what the author meant, as JSON and as frozen values. docs/graph.md is its contract.

`Graph.from_json` expects what `engine.validate.problems` found nothing wrong with.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

Json = dict[str, Any]
PARAMETER_TYPES = ("string", "int", "float", "bool", "datapath", "dataset")
INPUT_MODES = ("mount", "download", "direct", "upload", "hdfs")
OUTPUT_MODES = ("mount", "upload", "hdfs", "link")


@dataclass(frozen=True)
class Parameter:
    name: str
    type: str
    default: Any


@dataclass(frozen=True)
class Input:
    """An input port and where its bytes come from (see `source` in docs/graph.md)."""

    name: str
    source: Json
    mode: str
    path_on_compute: str | None
    reference: str
    transform: tuple[Json, ...] = ()


@dataclass(frozen=True)
class Output:
    """An output port. `datastore` None: the graph's default, then the workspace's."""

    name: str
    datastore: str | None
    mode: str
    is_directory: bool | None
    reference: str
    pipeline_output_name: str | None
    destination: str | None
    raw: Json


RETRY_ON = ("infrastructure", "any")
MAX_RETRIES = 100


@dataclass(frozen=True)
class RetryPolicy:
    """How often a step is tried again, and after what. `on` infrastructure: only while user code provably never began."""

    count: int = 2
    backoff_seconds: float = 1.0
    on: str = "infrastructure"


@dataclass(frozen=True)
class Node:
    id: str
    name: str
    kind: str
    step_type: str
    settings: Json
    snapshot: str | None
    compute: str | None
    compute_is_explicit: bool
    arguments: tuple[Json, ...]
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    parameters: Json
    environment_variables: dict[str, str]
    run_definition: Json
    allow_reuse: bool
    after: tuple[str, ...]
    timeout_seconds: float | None = None
    retry: RetryPolicy | None = None
    version: str | None = None
    max_age_seconds: float | None = None

    @cached_property
    def written(self) -> tuple[Output, ...]:
        """The outputs that the script writes: all but those it links to a dataset that exists."""
        return tuple(o for o in self.outputs if o.mode != "link")

    @cached_property
    def written_by_name(self) -> dict[str, Output]:
        return {o.name: o for o in self.written}

    @cached_property
    def kept_as_datasets(self) -> tuple[Output, ...]:
        """The outputs of which a dataset is to be when the step has completed."""
        raw = ((o, o.raw.get("as_dataset") or o.raw.get("register")) for o in self.outputs)
        return tuple(o for o, is_asked in raw if is_asked or o.mode == "link" or o.reference == "dataset")

    @cached_property
    def linked(self) -> tuple[Output, ...]:
        """The outputs that the script links to a dataset that exists."""
        return tuple(o for o in self.outputs if o.mode == "link")

    @cached_property
    def has_own_modules(self) -> bool:
        """Whether its variables have it see other modules than its pipeline's other steps."""
        return any(name.startswith("PYTHON") or name == "PATH" for name in self.environment_variables)

    def upstream(self) -> tuple[str, ...]:
        """The ids of the nodes that must complete first, each once."""
        ids = [i.source["node"] for i in self.inputs if "node" in i.source]
        return tuple(dict.fromkeys([*ids, *self.after]))


@dataclass(frozen=True)
class Graph:
    description: str | None
    default_datastore: str | None
    parameters: tuple[Parameter, ...]
    nodes: tuple[Node, ...]
    raw: Json = field(repr=False, compare=False)

    @classmethod
    def from_json(cls, raw: Json) -> Graph:
        parameters = tuple(Parameter(p["name"], p["type"], p.get("default")) for p in raw.get("parameters") or ())
        nodes = tuple(_node(n) for n in raw["nodes"])
        return cls(raw.get("description"), raw.get("default_datastore"), parameters, nodes, raw)

    def node(self, node_id: str) -> Node:
        return self._by_id[node_id]

    @cached_property
    def data(self) -> tuple[tuple[Node, Json], ...]:
        """What is read or written outside of the graph: the source of each input that no node writes, the datastore of each output that has one."""
        read = ((n, i.source) for n in self.nodes for i in n.inputs if "node" not in i.source)
        written = ((n, {"datastore": o.datastore}) for n in self.nodes for o in n.outputs if o.datastore)
        return (*read, *written)

    @cached_property
    def snapshots(self) -> dict[str, Node]:
        """Each source folder's digest, with the first node that has it."""
        found: dict[str, Node] = {}
        for node in self.nodes:
            if node.snapshot:
                found.setdefault(node.snapshot, node)
        return found

    @cached_property
    def computes(self) -> dict[str, tuple[Node, ...]]:
        """The nodes by the compute that they name."""
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            if node.compute:
                found.setdefault(node.compute, []).append(node)
        return {name: tuple(nodes) for name, nodes in found.items()}

    @cached_property
    def unused(self) -> frozenset[str]:
        """The parameters that no step uses: whatever value is given for one changes nothing."""
        used = set(_parameters_in(self.raw["nodes"]))
        return frozenset(p.name for p in self.parameters if p.name not in used)

    @cached_property
    def _by_id(self) -> dict[str, Node]:
        return {n.id: n for n in self.nodes}


def _parameters_in(raw: Any) -> Iterator[str]:
    """The pipeline parameters that a part of a graph names."""
    if isinstance(raw, dict):
        if isinstance(raw.get("parameter"), str):
            yield raw["parameter"]
        raw = list(raw.values())
    for each in raw if isinstance(raw, list) else ():
        yield from _parameters_in(each)


def _node(raw: Json) -> Node:
    compute = raw.get("compute") or {}
    return Node(
        id=raw["id"],
        name=raw["name"],
        kind=raw["kind"],
        step_type=raw.get("step_type") or raw["kind"],
        settings=raw.get("settings") or {},
        snapshot=raw.get("snapshot"),
        compute=compute.get("name"),
        compute_is_explicit=bool(compute.get("explicit")),
        arguments=tuple(raw.get("arguments") or ()),
        inputs=tuple(_input(i) for i in raw.get("inputs") or ()),
        outputs=tuple(_output(o) for o in raw.get("outputs") or ()),
        parameters=raw.get("parameters") or {},
        environment_variables={k: str(v) for k, v in (raw.get("environment_variables") or {}).items()},
        run_definition=raw.get("run_definition") or {},
        allow_reuse=bool(raw.get("allow_reuse", True)),
        after=tuple(raw.get("after") or ()),
        timeout_seconds=raw.get("timeout_seconds"),
        retry=_retry(raw.get("retry")),
        version=None if raw.get("version") is None else str(raw["version"]),
        max_age_seconds=raw.get("max_age_seconds"),
    )


def _retry(raw: Json | None) -> RetryPolicy | None:
    """The author's own policy; None when the author said nothing."""
    if raw is None:
        return None
    given = {k: raw[k] for k in ("count", "backoff_seconds", "on") if raw.get(k) is not None}
    return RetryPolicy(**given)


def _input(raw: Json) -> Input:
    mode = raw.get("mode") or "mount"
    transform = tuple(raw.get("transform") or ())
    reference = raw.get("reference") or "data"
    return Input(raw["name"], raw["source"], mode, raw.get("path_on_compute"), reference, transform)


def _output(raw: Json) -> Output:
    return Output(
        name=raw["name"],
        datastore=raw.get("datastore"),
        mode=raw.get("mode") or "mount",
        is_directory=raw.get("is_directory"),
        reference=raw.get("reference") or "data",
        pipeline_output_name=raw.get("pipeline_output_name"),
        destination=raw.get("destination"),
        raw=raw,
    )
