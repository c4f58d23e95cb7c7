"""Publishing what a step wrote: from its staging place on the datastore's filesystem to its run-owned path, by rename."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

STAGING = ".staging"


@dataclass(frozen=True)
class Place:
    """Where one output of one try lies: staged at `stage`, published at `root / path`."""

    root: Path
    path: str
    stage: Path

    @property
    def final(self) -> Path:
        return self.root / self.path


def place(root: Path, path: str, job_name: str, output_name: str) -> Place:
    """The place of an output: it is staged below the same root so that publishing is one rename."""
    return Place(root, path, root / STAGING / job_name / output_name)


def publish(where: Place, kind: str) -> None:
    """Make a staged output appear. Safe to repeat: once it is there, nothing happens."""
    if kind == "missing":
        where.final.parent.mkdir(parents=True, exist_ok=True)
        if not where.final.exists():
            where.final.mkdir(exist_ok=True)
        return
    try:
        _rename(where)
    except FileNotFoundError:
        if not where.final.exists():
            raise FileNotFoundError(f"the staged output {where.stage} is gone and was never published") from None
        return
    try:
        os.rmdir(where.stage.parent)
    except OSError:
        pass  # other outputs of the same try are still staged there


def _rename(where: Place) -> None:
    parent = where.final.parent
    try:
        os.mkdir(parent)
    except FileExistsError:
        pass  # another output of the same step, or this one again
    except FileNotFoundError:
        os.makedirs(parent, exist_ok=True)
    os.rename(where.stage, where.final)
