"""Whether a step that is ready runs, or an earlier one stands for it; from what that was decided, and why.

An earlier step stands for this one when its fingerprint is the same, what it was seen to read undeclared is as it was, and its outputs still
hold the bytes that it wrote. Whatever cannot be told makes the step run. Reads the store and the disk; writes neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from penstock.data.digests import Digests
from penstock.data.paths import beneath, relative_path
from penstock.engine import fingerprint
from penstock.engine.plan import Plan
from penstock.model.errors import PenstockError
from penstock.model.graph import Node
from penstock.service.reuse import contents
from penstock.service.runs.binding import Binder, Root, constant_destination
from penstock.store import catalog, identities, records

Json = dict[str, Any]
Identify = Callable[[Json, Mapping[str, str]], str]


@dataclass(frozen=True)
class Decision:
    """Whether a step runs. `hit`: the row of the step that stands for it; `why`: what spoke against every other; `unusable`: why no later
    step may stand on this one."""

    parts: Json
    fingerprint: str | None
    module: str | None
    why: tuple[str, ...] = ()
    hit: Json | None = None
    outputs: tuple[Json, ...] = ()
    unusable: str | None = None

    def row(self, run_id: str, workspace: str, name: str, at: float) -> Json:
        """The decision as it is kept."""
        return {
            "run_id": run_id,
            "workspace": workspace,
            "name": name,
            "fingerprint": self.fingerprint,
            "module": self.module,
            "parts": {} if self.hit else self.parts,
            "reused_run_id": self.hit["run_id"] if self.hit else None,
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

    def complete(self, node_id: str, outputs: Iterable[Json]) -> None:
        """A step has completed, or another stands for it, with these outputs."""
        self.done.add(node_id)
        found = {(node_id, o["name"]): contents.of_output(o) for o in outputs}
        self.known.update({place: digest for place, digest in found.items() if digest is not None})

    def copy(self) -> Standing:
        return Standing(dict(self.known), set(self.done), self.environment)


class Reuse:
    """Decides for steps whose upstream steps have all completed."""

    def __init__(
        self, home: Path, binder: Binder, digests: Digests, identify: Identify, clock: Callable[[], float]
    ) -> None:
        self._home, self._binder, self._digests, self._identify = home, binder, digests, identify
        self._clock = clock
        self._contents = contents.Contents(home, binder, digests)

    def at_once(
        self, connection: Connection, root: Root, nodes: Iterable[Node], standing: Standing
    ) -> dict[str, Decision]:
        """Decisions, by node, on those that need no look at the disk; on the others `follow` decides, in a thread that can wait."""
        drafts = {n.id: draft for n in nodes if (draft := self._at_hand(root, n, standing)) is not None}
        memory = self._memory(connection, root, drafts.values())
        return {i: draft for i, draft in drafts.items() if draft.why or not memory.candidates(draft)}

    def _at_hand(self, root: Root, node: Node, standing: Standing) -> Decision | None:
        """What the step is, as a decision to run it, if all that counts is known."""
        if not node.allow_reuse:
            return _never("allow_reuse is False")
        if standing.environment is None or _has_own_environment(node):
            return None
        if not contents.is_at_hand(node, root, standing.known):
            return None
        held = contents.at_hand(node, root, standing.known)
        struct = fingerprint.parts(node, root.plan.values, held, standing.environment)
        decision = _runs(struct, fingerprint.module(node, root.plan.values))
        return _regenerated(decision) if root.regenerates else decision

    def _draft(self, connection: Connection, root: Root, node: Node, standing: Standing) -> Decision:
        """What the step is, as a decision to run it. Looks at every byte that counts, through the stat cache."""
        if not node.allow_reuse:
            return _never("allow_reuse is False")
        try:
            environment = self._environment(root, node, standing)
            held = self._contents.of(connection, root, node, standing.known)
        except PenstockError as error:
            return unknown(error.message)
        except OSError as error:
            return unknown(f"{error.filename or 'A file'} could not be read: {error.strerror}.")
        struct = fingerprint.parts(node, root.plan.values, held, environment)
        decision = _runs(struct, fingerprint.module(node, root.plan.values))
        return _regenerated(decision) if root.regenerates else decision

    def _decide(self, connection: Connection, root: Root, node: Node, draft: Decision, memory: _Memory) -> Decision:
        """Whether an earlier step stands for the one that `draft` says."""
        against: list[str] = []
        for candidate in memory.candidates(draft):
            outputs = tuple(memory.outputs(candidate))
            complaint = self._complaint(connection, root, node, candidate, outputs, memory.observations(candidate))
            if complaint is None:
                row = {**candidate, "id": candidate["run_id"]}
                return replace(draft, hit=row, outputs=outputs)
            against.append(f"run {candidate['run_id']} does not stand for it: {complaint}")
        return replace(draft, why=(*draft.why, *against))

    def follow(
        self, connection: Connection, root: Root, ready: Iterable[str], standing: Standing
    ) -> dict[str, Decision]:
        """Decisions for the steps that are ready, and, as far as earlier ones stand for those, for the steps behind them."""
        now, plan = standing.copy(), root.plan
        made: dict[str, Decision] = {}
        nodes = {n.id: n for n in plan.graph.nodes}
        wave = [nodes[i] for i in ready]
        while wave:
            drafts = []
            for node in wave:
                drafts.append(draft := self._draft(connection, root, node, now))
                if now.environment is None and draft.parts and not _has_own_environment(node):
                    now.environment = draft.parts["environment"]
            memory = self._memory(connection, root, drafts)
            following: dict[str, None] = {}
            for node, draft in zip(wave, drafts, strict=True):
                made[node.id] = decision = self._decide(connection, root, node, draft, memory)
                if decision.hit is not None:
                    now.complete(node.id, decision.outputs)
                    following.update(dict.fromkeys(plan.downstream[node.id]))
            wave = [nodes[d] for d in following if d not in made and _is_ready(plan, d, now)]
        standing.environment = standing.environment or now.environment
        return made

    def _environment(self, root: Root, node: Node, standing: Standing) -> str:
        if standing.environment is not None and not _has_own_environment(node):
            return standing.environment
        return self._identify(root.bindings["interpreter"], node.environment_variables)

    def _memory(self, connection: Connection, root: Root, drafts: Iterable[Decision]) -> _Memory:
        """What the store knows of earlier steps like these. A run does not stand on itself, nor does what is to run in any case."""
        wanted = [d.fingerprint for d in drafts if d.fingerprint and not d.why]
        if not wanted:
            return _Memory(connection, {})
        return _Memory(connection, identities.completed(connection, root.workspace, wanted, root.id))

    def _complaint(
        self,
        connection: Connection,
        root: Root,
        node: Node,
        candidate: Json,
        outputs: tuple[Json, ...],
        seen: list[Json],
    ) -> str | None:
        """Why this earlier step does not stand for the new one; None: it does."""
        try:
            return (
                self._is_too_old(node, candidate)
                or self._is_incomplete(node, candidate, outputs)
                or next((c for o in seen if (c := self._is_other(connection, root, o)) is not None), None)
                or next((c for o in outputs if (c := self._is_damaged(root, node, o)) is not None), None)
            )
        except PenstockError as error:
            return error.message
        except OSError as error:
            return f"{error.filename or 'a file'} could not be read: {error.strerror}."

    def _is_too_old(self, node: Node, candidate: Json) -> str | None:
        if node.max_age_seconds is None:
            return None
        age = self._clock() - candidate["ended_at"]
        if age <= node.max_age_seconds:
            return None
        return f"it is {_span(age)} old, older than max_age, {_span(node.max_age_seconds)}"

    def _is_incomplete(self, node: Node, candidate: Json, outputs: tuple[Json, ...]) -> str | None:
        if {o["name"] for o in outputs} != {o.name for o in node.written}:
            return "it left other outputs"
        if any(o.mode == "link" for o in node.outputs):
            return "its script chose what its output means"
        if not (self._home / "jobs" / f"{candidate['run_id']}.{candidate['attempt']}").is_dir():
            return "its logs are gone"
        return None

    def _is_other(self, connection: Connection, root: Root, seen: Json) -> str | None:
        """Of what the earlier step was seen to read, undeclared: why it is not as it was."""
        kind, name, found = seen["kind"], seen["name"], seen["found"]
        if kind == "file":
            tree = self._digests.tree(Path(name))
            return None if tree.digest == found else f"{name}, which it read, {_went(tree.kind)}"
        if kind == "tree":
            tree = self._digests.tree(Path(name))
            return None if tree.digest == found else f"{name}, which it read, {_went(tree.kind)}"
        if kind == "model":
            return _model_complaint(connection, root, name, found)
        if kind == "dataset":
            return _dataset_complaint(connection, root, name, found)
        if kind == "wrote":
            return _written_complaint(connection, root, name, found)
        return f"it read {name}, which may be something else each time"

    def _is_damaged(self, root: Root, node: Node, row: Json) -> str | None:
        """What is not as published of one output that the earlier step left."""
        if row["kind"] == "missing":
            return None
        store = Path(self._binder.store(root, row["datastore"])["root"])
        tree = self._digests.tree(beneath(store, row["path"]))
        if (tree.kind, tree.digest) != (row["kind"], row["digest"]):
            return f"its output '{row['name']}' {_went(tree.kind)}"
        mirror = self._binder.mirror(root, row["datastore"])
        if mirror is not None and (other := mirror.what_is_other(row["path"])) is not None:
            return f"its output '{row['name']}': {other}"
        output = next(o for o in node.outputs if o.name == row["name"])
        if destination := constant_destination(output):
            copy = self._digests.tree(beneath(store, str(relative_path(destination))))
            if copy.digest != row["digest"]:
                return f"the copy of its output '{row['name']}' at {destination} {_went(copy.kind)}"
        return None


class _Memory:
    """What the store knows of the earlier steps of some fingerprints; of the newest of each it is asked for all at once."""

    def __init__(self, connection: Connection, completed: dict[str, list[Json]]) -> None:
        self._connection, self._completed = connection, completed
        newest = [rows[0]["run_id"] for rows in completed.values() if rows]
        self._outputs: dict[str, list[Json]] = records.outputs_of(connection, newest) if newest else {}
        self._observations: dict[str, list[Json]] = identities.observations(connection, newest) if newest else {}

    def candidates(self, draft: Decision) -> list[Json]:
        return self._completed.get(draft.fingerprint or "", [])

    def outputs(self, candidate: Json) -> list[Json]:
        run_id = candidate["run_id"]
        if run_id not in self._outputs:
            self._outputs.update(records.outputs_of(self._connection, [run_id]))
        return self._outputs[run_id]

    def observations(self, candidate: Json) -> list[Json]:
        run_id = candidate["run_id"]
        if run_id not in self._observations:
            self._observations.update(identities.observations(self._connection, [run_id]))
        return self._observations[run_id]


def _is_ready(plan: Plan, node_id: str, standing: Standing) -> bool:
    return all(up in standing.done for up in plan.upstream[node_id])


def _has_own_environment(node: Node) -> bool:
    """Whether the step sees other modules than its pipeline's other steps."""
    return any(name.startswith("PYTHON") or name == "PATH" for name in node.environment_variables)


def _runs(struct: Json, module: str) -> Decision:
    return Decision(struct, fingerprint.fingerprint(struct), module)


def _regenerated(decision: Decision) -> Decision:
    return Decision(decision.parts, decision.fingerprint, decision.module, ("regenerate_outputs was asked for",))


def _never(why: str) -> Decision:
    return Decision({}, None, None, (why,), unusable=why)


def unknown(why: str) -> Decision:
    """The step runs, for it cannot be told what it is; so no later one stands on it."""
    return Decision({}, None, None, (why,), unusable=why)


def _span(seconds: float) -> str:
    """A time as people say it: 3 days, 1 hour."""
    for name, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            n = f"{seconds / length:.1f}".removesuffix(".0")
            return f"{n} {name}{'' if n == '1' else 's'}"
    return f"{seconds:.0f} second{'' if round(seconds) == 1 else 's'}"


def _went(kind: str) -> str:
    return "is not there any more" if kind == "missing" else "was changed"


def _model_complaint(connection: Connection, root: Root, name: str, found: str) -> str | None:
    model, _, version = name.rpartition(":")
    rows = catalog.models(connection, root.workspace, model or name)
    now = max((r["version"] for r in rows), default=None) if version in ("latest", "") or not model else None
    if now is None:
        now = next((r["version"] for r in rows if str(r["version"]) == version), None)
    return (
        None
        if str(now) == found
        else f"model '{model or name}', which it read as version {found}, is now version {now}"
    )


def _dataset_complaint(connection: Connection, root: Root, name: str, found: str) -> str | None:
    dataset, _, version = name.rpartition(":")
    rows = catalog.dataset_versions(connection, root.workspace, dataset or name)
    wanted = rows[:1] if version in ("latest", "") or not dataset else [r for r in rows if str(r["version"]) == version]
    now = wanted[0]["dataset_id"] if wanted else None
    return None if str(now) == found else f"dataset '{dataset or name}', which it read, is another now"


def _written_complaint(connection: Connection, root: Root, name: str, found: str) -> str | None:
    """Whether what the step registered is still the newest of its name."""
    kind, _, what = name.partition(" ")
    if kind == "model":
        rows = catalog.models(connection, root.workspace, what)
        newest = max((r["version"] for r in rows), default=None)
        return (
            None
            if str(newest) == found
            else f"model '{what}', which it registered as version {found}, is now version {newest}"
        )
    if kind == "dataset":
        versions = catalog.dataset_versions(connection, root.workspace, what)
        newest = versions[0]["version"] if versions else None
        return (
            None
            if str(newest) == found
            else f"dataset '{what}', which it registered as version {found}, is now version {newest}"
        )
    return f"it wrote {name}, which is not written again by looking at it"
