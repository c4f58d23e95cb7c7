"""Step kinds by name. A built kind is a module with `to_job(Bound) -> Job` and `check(Node) -> list[Problem]`, imported at first use.

Foreign kinds register through the entry point group `penstock.steps`, exactly as the built ones are listed here.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import Protocol, cast

from penstock.model.errors import NotBuiltYet, Problem
from penstock.model.graph import Node
from penstock.model.job import Job
from penstock.steps.base import Bound


class StepKind(Protocol):
    def to_job(self, bound: Bound) -> Job: ...

    def check(self, node: Node) -> list[Problem]: ...


@dataclass(frozen=True)
class Registration:
    """`module` None: the class validates and travels, its engine is not built yet."""

    name: str
    step_type: str
    module: str | None = None


REGISTRY = {
    r.name: r
    for r in (
        Registration("adla", "AdlaStep"),
        Registration("automl", "AutoMLStep"),
        Registration("azure_batch", "AzureBatchStep"),
        Registration("command", "CommandStep"),
        Registration("data_transfer", "DataTransferStep"),
        Registration("databricks", "DatabricksStep"),
        Registration("estimator", "EstimatorStep"),
        Registration("hyper_drive", "HyperDriveStep"),
        Registration("kusto", "KustoStep"),
        Registration("mpi", "MpiStep"),
        Registration("notebook_runner", "NotebookRunnerStep"),
        Registration("parallel_run", "ParallelRunStep"),
        Registration("python_script", "PythonScriptStep", "penstock.steps.python_script"),
        Registration("r_script", "RScriptStep"),
        Registration("synapse_spark", "SynapseSparkStep"),
    )
}


@cache
def registered() -> dict[str, Registration]:
    """Every step kind, built-in and foreign."""
    foreign = (Registration(e.name, e.name, e.value) for e in entry_points(group="penstock.steps"))
    return {**REGISTRY, **{r.name: r for r in foreign}}


@cache
def step_kind(name: str) -> StepKind:
    """The kind called `name`; NotBuiltYet when its engine is not there."""
    known = registered().get(name)
    if known is None:
        raise NotBuiltYet(f"Step kind '{name}' is unknown here. Known kinds: {', '.join(sorted(registered()))}.")
    if known.module is None:
        ready = ", ".join(sorted(r.step_type for r in registered().values() if r.module))
        raise NotBuiltYet(f"{known.step_type} cannot run yet in this version of Penstock. What runs today: {ready}.")
    return cast(StepKind, importlib.import_module(known.module))


def kind_problems(node: Node) -> list[Problem]:
    """What is wrong with `node` as a step of its kind."""
    try:
        return step_kind(node.kind).check(node)
    except NotBuiltYet as error:
        return [Problem(f"Step '{node.name}': {error.message}", node.id, error.code)]
