"""Who is killed, and how: the processes below one home, found by what they leave in it, each killed as the very process it was.

Knows the job folder and crash points; knows nothing of what ought to come of it.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

from fault.crashing import Crashing
from integration.served import serve

from penstock.model.crashpoints import POINTS

VICTIMS = ("server", "node", "stub", "launcher", "script")
AT_RANDOM = "at a random moment"
ARMED_SECONDS = 6.0
"""How long a server that is to die at a point is spared otherwise."""
HUNT_SECONDS = 0.3
AMONG = 6
RARE = ("cancel.fenced", "node.before", "node.after")
"""Points that a server seldom passes twice."""


class Armed(Crashing):
    """A server that, most times it is started, is to die at some point of `crashpoints`: the one that was died at least so far."""

    points = tuple(p for p in POINTS if not p.startswith(("clear.", "digest.", "hit.")))

    def __init__(self, home: Path, rng: random.Random, **environ: str) -> None:
        super().__init__(home, **environ)
        self.rng = rng
        self.deaths: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.n_checked = 0
        self._spared_until = 0.0
        self._points: dict[int, str] = {}
        self._counted: set[int] = set()

    def start(self, **environ: str) -> None:
        self.reap()
        if self.snapshots and self.rng.random() < 0.7:
            point = self.rng.choice(sorted(self.points, key=self.deaths.__getitem__)[:AMONG])
            environ["PENSTOCK_CRASH_AT"] = f"{point}:{1 if point in RARE else self.rng.choice((1, 1, 2, 3, 5))}"
            self._spared_until = time.monotonic() + ARMED_SECONDS
        # One that is armed runs in the foreground: beside those that are embedded, stubs start others, which are not armed.
        kind = () if "PENSTOCK_CRASH_AT" in environ else ("--embedded",)
        self.processes.append(serve(self.home, *kind, **self.environ, **environ))
        self._points[self.processes[-1].pid] = environ.get("PENSTOCK_CRASH_AT", "").partition(":")[0]

    def reap(self) -> None:
        """Counts the servers that died at the point they were to die at, and checks what each left."""
        for process in self.processes:
            if process.pid not in self._counted and process.poll() is not None:
                self._counted.add(process.pid)
                if process.returncode == -signal.SIGKILL and self._points.get(process.pid):
                    self.deaths[self._points[process.pid]] += 1
                    self.check()

    def check(self) -> None:
        """Whoever has just died: what is recorded must make sense now, before anything is mended, not only in the end."""
        self.wrong += self.complaints()
        self.n_checked += 1

    def is_spared(self, pid: int) -> bool:
        """Whether this server is to die by itself, and still has time for that."""
        return bool(self._points.get(pid)) and time.monotonic() < self._spared_until

    def killed(self, pid: int) -> None:
        """A server was killed from outside, and so not by itself. It counts when it is reaped, or is not ours at all."""
        self._points[pid] = ""


class Killer:
    """Kills what runs below one home, and counts."""

    def __init__(self, crashing: Armed) -> None:
        self.crashing, self.rng = crashing, crashing.rng
        self.counts: Counter[str] = Counter()
        self.hurt: set[str] = set()
        self.n_together = 0
        self._over: set[str] = set()

    @property
    def n_kills(self) -> int:
        self.crashing.reap()
        return self.counts.total() + self.crashing.deaths.total()

    def strike(self) -> None:
        """Kills one kind of process, sometimes two or three together."""
        kinds = self.rng.sample(VICTIMS, self.rng.choice((1, 1, 1, 2, 3)))
        found = [(kind, victim) for kind in kinds if (victim := self._victim(kind)) is not None]
        n_killed = sum([self._kill(kind, *victim) for kind, victim in found])  # a list: no kill may be left out
        self.n_together += n_killed if n_killed > 1 else 0
        if n_killed:
            self.crashing.check()

    def _kill(self, kind: str, pid: int, folder: Path | None) -> bool:
        if kind == "server":
            self.crashing.killed(pid)
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        self.counts[kind] += 1
        if kind in ("launcher", "script") and folder is not None:
            self.hurt.add(folder.name)
        elif kind == "stub":  # it may have gone on to the next job since it was chosen
            self.hurt |= {f.name for f in self._under_way() if f'"pid": {pid},' in text(f / "started")}
        return True

    def _victim(self, kind: str) -> tuple[int, Path | None] | None:
        home = self.crashing.home
        if kind in ("server", "node"):
            pid = alive(home / ("server.json" if kind == "server" else "node.lock"))
            return None if pid is None or self.crashing.is_spared(pid) else (pid, None)
        if kind == "launcher":
            return self._starting()
        name = "started" if kind == "stub" else "running"
        found = [(pid, f) for f in self._under_way() if (pid := alive(f / name)) is not None]
        return self.rng.choice(found) if found else None

    def _starting(self) -> tuple[int, Path] | None:
        """A launcher that has not come to the user's first line yet: that lasts for some 20 ms, so it is waited for."""
        until = time.monotonic() + HUNT_SECONDS
        while time.monotonic() < until:
            began = set(self.crashing.began())
            for folder in self._under_way():
                pid = alive(folder / "running")
                if (
                    pid is not None
                    and folder.name.rpartition(".")[0] not in began
                    and "/launcher.py\0" in _command(pid)
                ):
                    return pid, folder
            self.crashing.revive()
        return None

    def _under_way(self) -> list[Path]:
        """The job folders without an end."""
        names = {f.name for f in (self.crashing.home / "jobs").iterdir()} - self._over
        for name in list(names):
            if (self.crashing.home / "jobs" / name / "exit.json").exists():
                self._over.add(name)
                names.remove(name)
        return [self.crashing.home / "jobs" / name for name in sorted(names)]


def text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    return ""


def alive(record: Path) -> int | None:
    """The process that a record names, if it is still that very one."""
    try:
        content = json.loads(record.read_text())
        stat = Path(f"/proc/{content['pid']}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError, KeyError):
        return None
    return content["pid"] if stat[0] not in "ZX" and int(stat[19]) == content["start_time"] else None
