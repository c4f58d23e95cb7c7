"""The digest of what each input of a step holds now: an earlier step's output, a folder of a datastore, the files of a dataset.

Reads bytes (through the stat cache), so it is for threads that may wait. Where bytes cannot be known, it says why.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from penstock.data import filesets, urls
from penstock.data.digests import NOTHING, STAGING, Digests, Tree
from penstock.data.paths import beneath
from penstock.model.errors import PenstockError
from penstock.model.graph import Input, Node
from penstock.service.execution import registering
from penstock.service.runs.binding import Binder, Root
from penstock.store import catalog

Json = dict[str, Any]
Known = Mapping[tuple[str, str], str]  # (node, output) -> digest, of the steps that have completed


class Unknown(PenstockError):
    """What an input holds cannot be told, so the step runs."""

    code = "Unknown"


def of_output(row: Json) -> str | None:
    """What stands for an output that a step left, by its row or its manifest; None when its bytes were not looked at."""
    if row["kind"] == "missing":
        return "missing"
    return f"{row['kind']}:{row['digest']}" if row.get("digest") else None


def at_hand(node: Node, root: Root, known: Known) -> dict[str, str] | None:
    """The contents of the inputs of a step, by port, if all of them are outputs that are known already, so that nothing need be read."""
    held = {name: known.get(place) if place else None for name, place in root.plan.sources(node).items()}
    return None if None in held.values() else held  # type: ignore[return-value]


class Contents:
    """Finds the contents of the inputs of steps that are ready."""

    def __init__(self, home: Path, binder: Binder, digests: Digests) -> None:
        self._home, self._binder, self._digests = home, binder, digests

    def of(self, connection: Connection, root: Root, node: Node, known: Known, links: Known) -> dict[str, str]:
        """The digest of each input of `node`, by port; Unknown or CannotDigest say which cannot be told, and why.

        `links`: the datasets that stand for outputs of reused steps, as far as the store does not have that yet.
        """
        held = at_hand(node, root, known)
        if held is not None:
            return held
        sources = root.plan.sources(node)
        given = ((port, sources[port.name]) for port in node.inputs)
        return {port.name: self._of_port(connection, root, port, place, known, links) for port, place in given}

    def _of_port(
        self,
        connection: Connection,
        root: Root,
        port: Input,
        produced: tuple[str, str] | None,
        known: Known,
        links: Known,
    ) -> str:
        if produced is not None:
            if produced not in known:
                raise Unknown(f"What input '{port.name}' holds was not recorded.")
            return known[produced]
        source = port.source
        if "node" in source:
            linked = links.get((source["node"], source["output"]))
            step = root.step_ids[source["node"]]
            source = {"dataset": linked or registering.linked_dataset(connection, self._home, step, source["output"])}
        if "parameter" in source:
            source = root.plan.values[source["parameter"]]
        if "dataset" in source:
            return self._of_dataset(connection, root, port, str(source["dataset"]))
        store, path = self._binder.store(root, source["datastore"]), str(source.get("path") or "")
        is_root = beneath(Path(store["root"]), path) == Path(store["root"])
        skip = STAGING if is_root else NOTHING
        return _text(self._digests.tree(beneath(Path(store["root"]), path), skip, is_told=True))

    def _of_dataset(self, connection: Connection, root: Root, port: Input, dataset_id: str) -> str:
        dataset = catalog.get_dataset(connection, root.workspace, dataset_id)
        if dataset is None:
            raise Unknown(f"Input '{port.name}': there is no dataset with id '{dataset_id}'.")
        definition = dataset["definition"]
        found = filesets.sources(definition, lambda path: self._binder.folder_of(root, path))
        if not found:
            raise Unknown(f"Input '{port.name}' is a dataset that has no files: what it holds is asked for each time.")
        shape = json.dumps([dataset["kind"], _shape(definition)], sort_keys=True)
        is_named_by_place = "partition_format" in shape or "include_path" in shape
        remote = [f for f in found if not f.datastore and "://" in f.source]
        here = [f for f in found if f.datastore or "://" not in f.source]
        named = ((f.whole if is_named_by_place else f.name, Path(f.source)) for f in here)
        tree = self._digests.listed(named, remembered_as=dataset_id) if here else None
        if remote and not self._digests.reads:
            raise Unknown(f"Input '{port.name}' lies at {remote[0].source}, which would have to be asked.")
        text = f"{shape}\n{tree.digest if tree else ''}"
        text += "".join(sorted(f"\n{f.source} {urls.mark_of(f.source)}" for f in remote))
        said = text.encode("utf-8", "surrogateescape")
        self._digests.texts.keep(said)
        return "dataset:" + hashlib.sha256(said).hexdigest()


def _shape(definition: Json) -> Json:
    """What a definition says but for where its files lie."""
    return {k: v for k, v in definition.items() if k != "paths"}


def _text(tree: Tree) -> str:
    return "missing" if tree.kind == "missing" else f"{tree.kind}:{tree.digest}"
