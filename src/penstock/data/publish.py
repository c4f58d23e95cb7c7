"""Publishing what a step wrote: from its staging place on the datastore's filesystem to its run-owned path, by rename."""

from __future__ import annotations

import errno
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from penstock.model.crashpoints import passing

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
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        return  # it was published, and a restored backup met it staged too: the janitor's
    try:
        os.rmdir(where.stage.parent)
    except OSError:
        pass  # other outputs of the same try are still staged there


def withdraw(where: Place) -> None:
    """Take an output back to its staging place, if it was published: a step that fails in the end shows none. Safe to repeat."""
    try:
        where.stage.parent.mkdir(parents=True, exist_ok=True)
        os.rename(where.final, where.stage)
        os.rmdir(where.final.parent)
    except OSError:
        pass  # it never appeared, or the disk that refused the others refuses this too


def _rename(where: Place) -> None:
    parent = where.final.parent
    passing("publish.before")
    try:
        os.mkdir(parent)
    except FileExistsError:
        pass  # another output of the same step, or this one again
    except FileNotFoundError:
        os.makedirs(parent, exist_ok=True)
    os.rename(where.stage, where.final)
    passing("publish.after")


def copy_to(where: Place, destination: str) -> None:
    """Leave a copy of a published output at a constant path of the same datastore, file by file, each whole or not at all.

    Files of an earlier run that this one did not write stay, as they would on a blob store.
    """
    target = where.root / destination
    if where.final.is_file():
        _copy_file(where.final, target)
        return
    for folder, _, names in os.walk(where.final):
        for name in names:
            source = Path(folder, name)
            _copy_file(source, target / source.relative_to(where.final))


def _copy_file(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    passing("copy.before")
    shutil.copyfile(source, partial)
    passing("copy.partial")
    os.replace(partial, target)
    passing("copy.after")
