"""Clearing away what nobody will ask for again, ending runs that nobody drives, and taking up work when the disk has room again.

`tick(now)` is one bounded pass and says when the next one is due. It removes only what the store says is over, and what is old
enough that nobody can be in the middle of it. What belongs to runs that this store does not know is left alone.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

from penstock.data.publish import STAGING
from penstock.model.errors import NoSpace
from penstock.model.status import TERMINAL, Status
from penstock.service.care import logs
from penstock.service.care.clearing import Clearing
from penstock.service.context import Context
from penstock.service.runs.driven import Driven
from penstock.store import catalog, runs

log = logging.getLogger("penstock.janitor")
ROUND_SECONDS = 60.0
PASS_SECONDS = 0.05  # between two passes of one round
TROUBLE_SECONDS = 1.0
FOLDERS_A_PASS = 200
SETTLED_SECONDS = 600.0  # how long what an ended try worked in is still to be looked at
DAY_SECONDS = 86400.0
HALF_WRITTEN_SECONDS = 3600.0
_WHOLE_BLOB = re.compile(r"[0-9a-f]{64}(\.json)?\Z")


class Janitor:
    """Goes round the home in bounded passes."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._home = context.home
        self._clean: set[str] = set()
        self._driven = Driven(context)
        self._clearing = Clearing(context)
        self._round: Iterator[None] | None = None

    def tick(self, now: float) -> float:
        """One pass; when the next is due."""
        room = self._context.room
        if self._context.leader.term is None:
            return now + ROUND_SECONDS  # one server clears away for all
        if room.trouble is None:
            room.recover()  # which makes the ballast where it is missing
        elif room.recover():
            self._context.wake()
        if self._round is None:
            self._round = self._go_round(now)
        try:
            for _ in range(FOLDERS_A_PASS):
                next(self._round)
        except StopIteration:
            self._round = None
            return now + (TROUBLE_SECONDS if room.trouble is not None else ROUND_SECONDS)
        except OSError as error:
            self._round = None
            if room.noticed(error) is None:
                log.warning("the janitor could not finish its round: %s", error)
            return now + (TROUBLE_SECONDS if room.trouble is not None else ROUND_SECONDS)
        return now + PASS_SECONDS

    def _go_round(self, now: float) -> Iterator[None]:
        """Everything there is to look at, a folder at a time."""
        self._driven.tick(now)
        yield
        yield from self._jobs(now)
        yield from self._staged(now)
        yield from self._uploads(now)
        yield from self._half_written(now)
        yield from self._models(now)
        self._context.digests.forget_gone()
        yield
        self._clearing.tick()
        yield
        for name in ("server.log", "node.log"):
            logs.rotate(self._home / "logs" / name)
            yield

    def _jobs(self, now: float) -> Iterator[None]:
        """What an ended try worked in: its copy of the snapshot, its downloaded inputs."""
        names = _names(self._home / "jobs")
        self._clean &= set(names)
        names = [n for n in names if n not in self._clean]
        for start in range(0, len(names), 100):
            group = names[start : start + 100]
            over = self._over(group)
            for name in group:
                folder = self._home / "jobs" / name
                if name in over and (folder / "exit.json").exists() and self._is_settled(folder / "exit.json", now):
                    for part in ("work", "inputs"):
                        _remove(folder / part)
                    self._clean.add(name)
                yield

    def _staged(self, now: float) -> Iterator[None]:
        """What tries that are over had staged and nobody published. Of a failed one it is kept for a day: an error may name it."""
        with self._context.database.read() as connection:
            roots = {
                d["root"] for w in catalog.workspaces(connection) for d in catalog.datastores(connection, w["name"])
            }
        for staging in [Path(root) / STAGING for root in sorted(roots) if root]:
            names = _names(staging)
            over = self._over(names)
            for name in names:
                kept = DAY_SECONDS if over.get(name) is Status.FAILED else 0.0
                if name in over and self._is_settled(staging / name, now - kept):
                    _remove(staging / name)
                yield

    def _uploads(self, now: float) -> Iterator[None]:
        for name in _names(self._home / "uploads"):
            if _age(self._home / "uploads" / name, now) > DAY_SECONDS:
                _remove(self._home / "uploads" / name)
            yield

    def _half_written(self, now: float) -> Iterator[None]:
        """Blobs, manifests and pins whose writer was killed."""
        for name in _names(self._home / "pins"):
            if name.startswith(".") and _age(self._home / "pins" / name, now) > HALF_WRITTEN_SECONDS:
                _remove(self._home / "pins" / name)
        folders = [self._home / "snapshots", *(self._home / "blobs" / n for n in _names(self._home / "blobs"))]
        for folder in folders:
            for name in _names(folder):
                if not _WHOLE_BLOB.match(name) and _age(folder / name, now) > HALF_WRITTEN_SECONDS:
                    _remove(folder / name)
            yield

    def _models(self, now: float) -> Iterator[None]:
        """Files of models whose registration was never completed."""
        for workspace in _names(self._home / "models"):
            folder = self._home / "models" / workspace
            with self._context.database.read() as connection:
                known = {Path(m["path"]).name for m in catalog.models(connection, workspace)}
            for name in _names(folder):
                if name not in known and _age(folder / name, now) > DAY_SECONDS:
                    _remove(folder / name)
                yield

    def _over(self, job_names: list[str]) -> dict[str, Status]:
        """Of these tries the ones that are over, with their run's status; unknown ones are not."""
        split = {n: n.rpartition(".") for n in job_names}
        with self._context.database.read() as connection:
            known = runs.standing(connection, [run_id for run_id, _, _ in split.values()])
        over = {}
        for name, (run_id, _, attempt) in split.items():
            status, newest = known.get(run_id, (None, 0))
            if status is not None and attempt.isdigit() and (status in TERMINAL or int(attempt) < newest):
                over[name] = status
        return over

    def _is_settled(self, path: Path, now: float) -> bool:
        """Whether this is long over; at once when the disk is full."""
        return isinstance(self._context.room.trouble, NoSpace) or _age(path, now) > SETTLED_SECONDS


class JanitorThread(threading.Thread):
    """Runs a janitor until `stop`."""

    def __init__(self, context: Context, janitor: Janitor) -> None:
        super().__init__(name="janitor", daemon=True)
        self._context, self._janitor = context, janitor
        self._stopped = threading.Event()

    def run(self) -> None:
        due = self._context.clock() + TROUBLE_SECONDS  # a server that has just come up has other things to do
        while not self._stopped.wait(min(TROUBLE_SECONDS, max(0.0, due - self._context.clock()))):
            if self._context.clock() < due and self._context.room.trouble is None:
                continue
            try:
                due = self._janitor.tick(self._context.clock())
            except Exception:  # it goes round again in a while; nothing depends on it
                log.exception("the janitor's pass failed")
                due = self._context.clock() + ROUND_SECONDS

    def stop(self) -> None:
        self._stopped.set()
        self.join(timeout=10)


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _age(path: Path, now: float) -> float:
    """Seconds since it was changed; one that is gone is new."""
    try:
        return now - path.lstat().st_mtime
    except OSError:
        return 0.0


def _remove(path: Path) -> None:
    """Remove a file or a tree, read-only files included; what cannot be removed now is met again."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        try:
            path.unlink(missing_ok=True)
        except OSError:
            pass
