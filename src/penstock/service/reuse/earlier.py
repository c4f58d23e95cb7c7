"""Earlier steps as they may stand for new ones: what the store knows of them, and whether what they left and read is as it was.

Reads the store and the disk; writes neither, and decides nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from penstock.data.digests import Digests
from penstock.data.paths import Ways
from penstock.data.remotes import Mirror
from penstock.model.errors import PenstockError
from penstock.model.graph import Node
from penstock.service.execution.registering import linked_dataset
from penstock.service.runs.binding import Binder, Root
from penstock.service.runs.left import went, what_is_other
from penstock.store import catalog, identities, records
from penstock.store.takeover import StandIn

Json = dict[str, Any]
_MOST_REMEMBERED = 20_000  # steps, of a quarter of a KB each and half a KB for each output


class Ran:
    """Steps that have completed, which never changes, and what they left: asked for once, for many threads."""

    def __init__(self) -> None:
        self.steps: dict[str, StandIn] = {}
        self._left: dict[str, list[Json]] = {}

    def make_room(self) -> None:
        """Forget all, if there are many by now."""
        for known in (self.steps, self._left):
            if len(known) > _MOST_REMEMBERED:
                known.clear()

    def left(self, connection: Connection, run_ids: Sequence[str]) -> dict[str, list[Json]]:
        """The rows of outputs of each of these."""
        found = {i: rows for i in run_ids if (rows := self._left.get(i)) is not None}
        if new := [i for i in run_ids if i not in found]:
            asked = records.outputs_of(connection, new)
            self._left.update(asked)
            found.update(asked)
        return found


class Earlier:
    """What the store knows of the earlier steps of some fingerprints. It is asked for all of those at once, and for what the newest left."""

    def __init__(self, home: Path, connection: Connection, root: Root, ran: Ran) -> None:
        self.connection, self._root, self._ran = connection, root, ran
        self._completed: dict[str | None, list[StandIn]] = {None: []}
        self._outputs: dict[str, list[Json]] = {}
        self._observations: dict[str, list[Json]] = {}
        self.jobs = Ways(f"{home}/jobs")
        self.places: dict[str, tuple[Ways, Mirror | None]] = {}
        """Each datastore, by its name: the ways down it, as they are while this is decided, and its files at its URL."""

    def fetch(self, fingerprints: Iterable[str | None]) -> None:
        """Ask for these, as far as that was not done. A run does not stand on itself."""
        new = [f for f in fingerprints if f is not None and f not in self._completed]
        if not new:
            return
        self._ran.make_room()
        root = self._root
        found = identities.completed(self.connection, root.workspace, new, root.id, self._ran.steps)
        self._completed.update(found)
        newest = [steps[0].run_id for steps in found.values() if steps]
        if newest:
            self._outputs.update(self._ran.left(self.connection, newest))
            self._observations.update(identities.observations(self.connection, newest))

    def knows(self, fingerprints: Iterable[str | None]) -> bool:
        return self._completed.keys() >= set(fingerprints)

    def candidates(self, fingerprint: str | None) -> list[StandIn]:
        """The steps of this fingerprint, which has been fetched, newest first; none of None."""
        return self._completed[fingerprint]

    def outputs(self, candidate: StandIn) -> list[Json]:
        run_id = candidate.run_id
        if run_id not in self._outputs:
            self._outputs.update(self._ran.left(self.connection, [run_id]))
        return self._outputs[run_id]

    def observations(self, candidate: StandIn) -> list[Json]:
        run_id = candidate.run_id
        if run_id not in self._observations:
            self._observations.update(identities.observations(self.connection, [run_id]))
        return self._observations[run_id]


class Verifier:
    """Says what speaks against an earlier step."""

    def __init__(self, home: Path, binder: Binder, digests: Digests, clock: Callable[[], float]) -> None:
        self._home, self._binder, self._digests, self._clock = home, binder, digests, clock

    def complaint(
        self, earlier: Earlier, root: Root, node: Node, candidate: StandIn, outputs: Sequence[Json]
    ) -> str | None:
        """Why this earlier step, which left `outputs`, does not stand for the new one; None: it does."""
        seen = earlier.observations(candidate)
        try:
            against = None if node.max_age_seconds is None else self._is_too_old(candidate, node.max_age_seconds)
            against = against or self._is_incomplete(earlier, node, candidate, outputs)
            if node.linked:
                against = against or self._is_unlinked(earlier, root, node, candidate)
            for each in seen:
                against = against or self._is_other(earlier.connection, root, each)
            for each in outputs:
                ways, mirror = self._place(earlier, root, each["datastore"])
                against = against or what_is_other(
                    each, node.written_by_name[each["name"]], ways, self._digests, mirror
                )
            return against
        except PenstockError as error:
            return error.message
        except OSError as error:
            return f"{error.filename or 'a file'} could not be read: {error.strerror}."

    def links(self, earlier: Earlier, node: Node, candidate: StandIn) -> dict[str, str]:
        """The datasets that its script linked to outputs."""
        run_id = candidate.run_id
        found = {o.name: linked_dataset(earlier.connection, self._home, run_id, o.name) for o in node.linked}
        return {name: dataset for name, dataset in found.items() if dataset is not None}

    def _is_unlinked(self, earlier: Earlier, root: Root, node: Node, candidate: StandIn) -> str | None:
        """What an output was linked to is a dataset's definition; what its files hold counts for whoever reads them."""
        for name, dataset in self.links(earlier, node, candidate).items():
            if catalog.get_dataset(earlier.connection, root.workspace, dataset) is None:
                return f"the dataset that its script linked to output '{name}' is not there any more"
        return None

    def _is_too_old(self, candidate: StandIn, most: float) -> str | None:
        age = self._clock() - candidate.ended_at
        return f"it is {_span(age)} old, older than max_age, {_span(most)}" if age > most else None

    def _is_incomplete(self, earlier: Earlier, node: Node, candidate: StandIn, outputs: Sequence[Json]) -> str | None:
        if {o["name"] for o in outputs} != node.written_by_name.keys():
            return "it left other outputs"
        if not earlier.jobs.is_folder(candidate.job):
            return "its logs are gone"
        return None

    def _is_other(self, connection: Connection, root: Root, seen: Json) -> str | None:
        """Of what the earlier step was seen to read, undeclared: why it is not as it was."""
        kind, name, found = seen["kind"], seen["name"], seen["found"]
        if kind in ("file", "tree"):
            tree = self._digests.tree(name)
            return None if tree.digest == found else f"{name}, which it read, {went(tree.kind)}"
        if kind == "absent":
            return f"{name}, which it looked for in vain, is there now" if os.path.exists(name) else None
        if kind == "listing":
            names = self._digests.names(name)
            gone = "other names" if names else "nothing"
            return None if names == found else f"{name}, which it listed, holds {gone} now"
        if kind == "model":
            return _model_complaint(connection, root, name, found)
        if kind == "dataset":
            return _dataset_complaint(connection, root, name, found)
        if kind == "wrote":
            return _written_complaint(connection, root, name, found)
        return f"it read {name}, which may be something else each time"

    def _place(self, earlier: Earlier, root: Root, datastore: str) -> tuple[Ways, Mirror | None]:
        found = earlier.places.get(datastore)
        if found is None:
            ways = Ways(os.path.abspath(self._binder.store(root, datastore)["root"]))
            found = earlier.places[datastore] = (ways, self._binder.mirror(root, datastore))
        return found


def _span(seconds: float) -> str:
    """A time as people say it: 3 days, 1 hour."""
    for name, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            n = f"{seconds / length:.1f}".removesuffix(".0")
            return f"{n} {name}{'' if n == '1' else 's'}"
    return f"{seconds:.0f} second{'' if round(seconds) == 1 else 's'}"


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
