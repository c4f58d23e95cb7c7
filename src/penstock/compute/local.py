"""This machine: job folders that the node's stubs run. docs/job.md is the contract.

Knows the job folder and how to wake the node; nothing of the store or of step kinds.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from penstock import node
from penstock.compute.base import Phase, Report
from penstock.model.crashpoints import passing
from penstock.model.errors import CannotServe
from penstock.model.job import Exit, Job, JobInput, Json
from penstock.node import cgroup, identity, messages, sweep

STOPPING_SECONDS = 15.0
"""What a stub may take beyond its script's grace until nothing is left of the job; one that takes longer is killed."""


@dataclass(frozen=True)
class LocalSettings:
    """Where this machine keeps jobs, what a stub starts when it finds no server, and the environment of node and steps."""

    home: Path
    sockets: Path
    python: str
    server_argv: tuple[str, ...]
    server_env: Mapping[str, str]
    environment: Mapping[str, str]
    wake: str = "wake.sock"
    cgroups: bool = False


class LocalCompute:
    """Runs jobs as processes of this machine."""

    def __init__(self, settings: LocalSettings) -> None:
        self._settings = settings
        self._jobs = settings.home / "jobs"
        self._jobs.mkdir(exist_ok=True)

    def submit(self, job: Job) -> bool:
        passing("submit.before")
        folder = self._jobs / job.name
        folder.mkdir(exist_ok=True)
        passing("submit.folder")
        path = folder / "job.json"
        if not path.exists():
            partial = folder / ".job.json"
            partial.write_text(json.dumps(self._as_json(job)))
            os.replace(partial, path)
        passing("submit.written")
        self._start(folder)
        passing("submit.after")
        return True

    def poll(self, names: Iterable[str]) -> Mapping[str, Report]:
        passing("poll.before")
        reports = {name: self._report(self._jobs / name) for name in names}
        passing("poll.after")
        return reports

    def cancel(self, name: str) -> None:
        passing("cancel.before")
        folder = self._jobs / name
        folder.mkdir(exist_ok=True)
        if not _fence(folder) and not (folder / "exit.json").exists():
            mark = folder / "cancel"
            if not mark.exists():  # its time is when the stopping began
                mark.touch()
            passing("cancel.marked")
            stub = _read(folder / "started")
            if stub and "pid" in stub and self._is_alive(stub):
                self._terminate(stub)
        passing("cancel.after")

    def wake_node(self) -> None:
        """Have a node running on this machine: 30 ms when there is none, and safe to repeat."""
        try:
            messages.ping(self._settings.sockets)
        except OSError:
            self._start_node()

    def _start(self, folder: Path) -> None:
        try:
            messages.start(self._settings.sockets, folder)
        except (FileNotFoundError, ConnectionRefusedError):
            self._start_node()
            messages.start(self._settings.sockets, folder)

    def _is_alive(self, stub: Json) -> bool:
        return identity.is_alive(int(stub["pid"]), stub["start_time"], str(stub["boot_id"]))

    def _boot_id(self) -> str:
        return identity.boot_id()

    def _terminate(self, stub: Json) -> None:
        os.kill(int(stub["pid"]), signal.SIGTERM)

    def _is_overdue(self, folder: Path) -> bool:
        """Whether the stub was to stop its job long ago: it hangs, or somebody has stopped it."""
        try:
            asked_at = (folder / "cancel").stat().st_mtime
        except FileNotFoundError:
            return False
        job = _read(folder / "job.json") or {}
        return sweep.has_passed(asked_at + float(job.get("grace_seconds") or 0) + STOPPING_SECONDS)

    def _end_what_is_left(self, folder: Path, stub: Json) -> list[int]:
        """No process of the job lives when this is empty: its stub does not, nor does anything that it started."""
        if stub["boot_id"] != self._boot_id():
            return []  # the machine has booted since
        sweep.kill(int(stub["pid"]), stub["start_time"])
        left = sweep.end_left_behind(str(folder), int(stub["pid"]), stub["start_time"])
        try:
            return left + cgroup.end((folder / "cgroup").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return left

    def _start_node(self) -> None:
        s = self._settings
        argv = node.command(s.python, s.home, s.sockets)
        passing("node.before")
        try:
            done = subprocess.run(
                argv,
                env=dict(s.environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=30,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CannotServe(f"The node could not be started with {argv[0]}: {error}. Run: penstock doctor") from error
        passing("node.after")
        if done.returncode:
            raise CannotServe(
                f"The node could not be started: {done.stderr.decode(errors='replace').strip()} Run: penstock doctor"
            )

    def _report(self, folder: Path) -> Report:
        ended = _read(folder / "exit.json")
        if ended is not None:
            return Report(Phase.ENDED, Exit.from_json(ended))
        stub = _read(folder / "started")
        if stub is None:
            return _unreadable(folder / "started")
        if stub.get("canceled"):
            return Report(Phase.ENDED, _never_started(folder))
        script = _read(folder / "running")
        if self._is_alive(stub) and not self._is_overdue(folder):
            return Report(Phase.RUNNING, started_at=script["at"]) if script else Report(Phase.PENDING)
        late = _read(folder / "exit.json")  # written between the two looks; then its stub may run another job already
        if late is not None:
            return Report(Phase.ENDED, Exit.from_json(late))
        left = self._end_what_is_left(folder, stub)
        script = _read(folder / "running")  # now for good: nobody is there any more to write it
        began = script["at"] if script else None
        if began is None and stub["boot_id"] != self._boot_id():
            began = stub["at"]  # a power cut may have taken the record of it: user code may have begun
        if left:  # killed, but not gone yet: to be looked at again
            return Report(Phase.RUNNING, started_at=began) if script else Report(Phase.PENDING)
        return Report(
            Phase.LOST, started_at=began, why="the process that watched over it is gone and left no exit record."
        )

    def _as_json(self, job: Job) -> Json:
        s = self._settings
        snapshot = None
        if job.snapshot:
            manifest = s.home / "snapshots" / (job.snapshot.partition(":")[2] + ".json")
            snapshot = {"manifest": str(manifest), "blobs": str(s.home / "blobs")}
        return {
            "schema": 1,
            "name": job.name,
            "run_id": job.run_id,
            "attempt": job.attempt,
            "root_id": job.root_id,
            "step": job.step,
            "argv": job.argv,
            "script": job.script,
            "env": {**job.env, "PENSTOCK_JOB": str(self._jobs / job.name)},
            "sdk_path": job.sdk_path,
            "snapshot": snapshot,
            "inputs": [_input(i) for i in job.inputs],
            "outputs": [{"name": o.name, "stage": o.stage, "is_directory": o.is_directory} for o in job.outputs],
            "captures": job.captures,
            "watch": job.watch,
            "timeout_seconds": job.timeout_seconds,
            "grace_seconds": job.grace_seconds,
            "wake": str(s.sockets / s.wake),
            **({"cgroups": True} if s.cgroups else {}),
            "server_argv": s.server_argv,
            "server_env": dict(s.server_env),
        }


def control_groups() -> str | None:
    """The folder below which jobs started by this process could have control groups; None where they cannot."""
    return cgroup.base()


def _fence(folder: Path) -> bool:
    """Whether the job is kept from ever starting by this: false when it has begun, or was fenced off before. Never seen half written."""
    draft = folder / f".started.{os.getpid()}"
    draft.write_text(json.dumps({"canceled": True}))
    try:
        os.link(draft, folder / "started")
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    passing("cancel.fenced")
    return True


def _unreadable(started: Path) -> Report:
    """What there is to say of a job whose fence cannot be read: nobody made it, it is being written, or a power cut emptied it."""
    try:
        at = started.stat().st_mtime
    except FileNotFoundError:
        return Report(Phase.ABSENT)
    if not sweep.has_passed(at + STOPPING_SECONDS):
        return Report(Phase.PENDING)
    return Report(Phase.LOST, started_at=at, why="the record of its start was emptied by a power cut.")


def _never_started(folder: Path) -> Exit:
    at = (folder / "started").stat().st_mtime
    return Exit.from_json({"ending": "canceled", "ended_at": at, "user_code_started": False})


def _read(path: Path) -> Json | None:
    """The JSON at `path`; None when it is not there or not wholly written yet."""
    try:
        content = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _input(given: JobInput) -> Json:
    plain: Json = {"name": given.name, "mode": given.mode, "source": given.source, "local": given.local}
    plain |= {} if given.since is None else {"since": given.since}
    return plain if given.tree is None else {**plain, "tree": list(given.tree)}
