"""What must hold when a simulated world has come to rest: nothing lost, nothing doubled, nothing half visible."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.model.status import TERMINAL, Status
from penstock.service.care.invariants import check_invariants
from penstock.store import catalog, records, runs

if TYPE_CHECKING:
    from penstock.selftest.simulation import Simulation

Json = dict[str, Any]


class Expected:
    """What clients were promised."""

    def __init__(self) -> None:
        self.submissions: dict[str, Json] = {}
        self.cancels: dict[str, float] = {}
        self.never_to_start: dict[str, float] = {}

    def submitted(self, key: str, answer: Json) -> None:
        self.submissions[key] = answer

    def canceled(self, run_id: str, at: float, waiting: set[str]) -> None:
        """The server said at `at` that it would stop this run; of the steps below it these had not been handed out."""
        self.cancels.setdefault(run_id, at)
        for step_id in sorted(waiting):
            self.never_to_start.setdefault(step_id, at)

    def roots(self) -> list[str]:
        return [s["run_id"] for s in self.submissions.values()]

    def run_ids(self) -> list[str]:
        """Pipeline runs and their steps, as clients know them."""
        return [*self.roots(), *(step["run_id"] for s in self.submissions.values() for step in s["steps"])]


def check(simulation: Simulation) -> Iterator[str]:
    """Every promise that was not kept."""
    with simulation.database.read() as connection:
        rows = runs.list_runs(connection, runs.Filter(include_children=True, limit=1 << 40))
        yield from check_invariants(connection)
        outputs = {r["id"]: records.outputs(connection, r["id"]) for r in rows if r["type"] == "step"}
        metrics = {r["id"]: records.metrics(connection, r["id"]) for r in rows if r["type"] == "step"}
        labels = records.labels(connection, [r["id"] for r in rows])
        stores = {d["name"]: Path(d["root"]) for d in catalog.datastores(connection, "w")}
    reused = {i: found["property"].get("azureml.reusedrunid") for i, found in labels.items()}
    stood_for, by_id = {i: str(other) for i, other in reused.items() if other}, {r["id"]: r for r in rows}
    yield from _check_ends(simulation, [r for r in rows if r["id"] not in stood_for])
    yield from _check_promises(simulation, rows)
    yield from _check_outputs(simulation, [r for r in rows if r["id"] not in stood_for], outputs, stores)
    yield from _check_reused(stood_for, by_id, outputs)
    for row in rows:
        wanted = simulation.machine.logged[row["id"]]
        if row["id"] in stood_for:
            earlier = by_id[stood_for[row["id"]]]
            wanted = sum(m["attempt"] >= earlier["attempt"] for m in metrics[earlier["id"]])
        if row["type"] == "step" and row["status"] in TERMINAL and len(metrics[row["id"]]) != wanted:
            yield f"step {row['name']} logged {wanted} metrics and has {len(metrics[row['id']])}."


def _check_reused(stood_for: dict[str, str], by_id: dict[str, Json], outputs: dict[str, list[Json]]) -> Iterator[str]:
    """A step that an earlier one stands for did not run, and points at what that left, which completed by running."""
    for run_id, other in stood_for.items():
        row, earlier = by_id[run_id], by_id[other]
        if (row["status"], row["attempt"], earlier["status"]) != (
            Status.COMPLETED,
            0,
            Status.COMPLETED,
        ) or other in stood_for:
            yield f"step {row['name']} is {row['status']}, and {other}, which stands for it, is {earlier['status']}."
        mine, theirs = ({(o["name"], o["path"], o["digest"]) for o in outputs[i]} for i in (run_id, other))
        if mine != theirs:
            yield f"step {row['name']} has the outputs {sorted(mine)}, and what stands for it has {sorted(theirs)}."


def _check_ends(simulation: Simulation, rows: list[Json]) -> Iterator[str]:
    machine = simulation.machine
    if simulation.server is None:
        yield "There is no server at the end."
    elif simulation.server.scheduler.n_active:
        yield f"The scheduler still holds {simulation.server.scheduler.n_active} runs."
    names = {r["id"]: r["name"] for r in rows}
    for row in rows:
        if row["status"] not in TERMINAL:
            yield f"{row['type']} {row['name']} is {row['status']} for ever."
    for run_id, n in machine.code_starts.items():
        if run_id not in names or n > machine.behaviours[names[run_id]].may_begin:
            yield f"User code of step {names.get(run_id, run_id)} was started {n} times."
    for stub in machine.stubs.values():
        if stub.has_script:
            yield f"A process of {names.get(stub.job['run_id'])} is left."
    for name in sorted(machine.orphans):
        yield f"A process that the script of {names.get(name.rpartition('.')[0], name)} started is left."
    for row in rows:
        if row["type"] == "step" and row["status"] == Status.COMPLETED and not machine.code_starts[row["id"]]:
            yield f"step {row['name']} is Completed and its code was never started."


def _check_promises(simulation: Simulation, rows: list[Json]) -> Iterator[str]:
    expected, by_id = simulation.expected, {r["id"]: r for r in rows}
    roots = [r["id"] for r in rows if r["type"] == "pipeline"]
    if sorted(expected.roots()) != sorted(roots):
        yield f"{len(expected.roots())} submissions were acknowledged and {len(roots)} are there."
    for step_id, at in expected.never_to_start.items():
        began = simulation.machine.started_at.get(step_id)
        if began is not None and began > at:
            yield f"step {by_id[step_id]['name']} was canceled at {at:.3f} before it was handed out, and began at {began:.3f}."
    for run_id in expected.cancels:
        row = by_id.get(run_id)
        if row is None:
            yield f"Run {run_id} was canceled and is gone."
        elif row["type"] == "pipeline" and row["status"] == Status.COMPLETED and run_id in expected.never_to_start:
            yield f"Pipeline {run_id} was canceled before it began, and is Completed."


def _check_outputs(
    simulation: Simulation, rows: list[Json], outputs: dict[str, list[Json]], stores: dict[str, Path]
) -> Iterator[str]:
    """Each output of each completed step lies where it belongs with the bytes that its script wrote; no other is visible."""
    found = (p for root in stores.values() for p in root.rglob("*"))
    visible = {p for p in found if p.is_file() and ".staging" not in p.parts}
    for row in rows:
        if row["type"] != "step" or row["status"] != Status.COMPLETED:
            continue
        for output in outputs[row["id"]]:
            place = stores[output["datastore"]] / output["path"]
            wanted = simulation.machine.written.get((f"{row['id']}.{row['attempt']}", output["name"]))
            yield from _check_place(f"step {row['name']}, output {output['name']}", place, wanted, visible)
    for path in sorted(visible):
        if not _is_copy(path):
            yield f"{path.relative_to(simulation.world.home)} is visible, and no completed step has such an output."


def _is_copy(path: Path) -> bool:
    return "kept" in path.parts


def _check_place(what: str, place: Path, wanted: str | None, visible: set[Path]) -> Iterator[str]:
    found = {place} if place.is_file() else {p for p in visible if place in p.parents}
    visible -= found
    texts = {p.read_text() for p in found}
    if wanted is None and not (place.is_dir() and not found):
        yield f"{what}: nothing was written, and {place.name} holds {len(found)} files."
    elif wanted is not None and texts != {wanted}:
        yield f"{what}: {wanted!r} was written, and {sorted(texts)} is there."
