"""Simulated processes on real (in-memory) job folders: the node, its stubs, the users' scripts. Stands in for penstock.node.

The folders, the fence and the reports are those of docs/job.md, written and read by the real LocalCompute; only processes, signals and
datagrams are made up.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.compute.base import Report
from penstock.compute.local import LocalCompute, LocalSettings
from penstock.data.digests import Digests
from penstock.model.crashpoints import passing
from penstock.selftest.world import World

Json = dict[str, Any]


@dataclass(frozen=True)
class Behaviour:
    """What a simulated script does: for how long it runs, how it ends, which outputs it writes, what it logs.

    The tries up to `n_bad` end badly in any case; user code may be begun `may_begin` times, as its author wished.
    """

    seconds: float
    ending: str = "exited"
    exit_code: int | None = 0
    writes: frozenset[str] = frozenset()
    n_metrics: int = 0
    n_bad: int = 0
    may_begin: int = 1


class Machine:
    """All processes that are not the server. `hear` gets what stubs tell the server; False when no server listens."""

    def __init__(self, world: World, hear: Callable[[str, str], bool], wanted: Callable[[], None]) -> None:
        self.world, self.hear, self.server_wanted = world, hear, wanted
        self.boot = 1
        self.has_node = False
        self.stubs: dict[int, Stub] = {}
        self.behaviours: dict[str, Behaviour] = {}
        self.orphans: set[str] = set()
        self.code_starts: Counter[str] = Counter()
        self.started_at: dict[str, float] = {}
        self.written: dict[tuple[str, str], str] = {}
        self.logged: Counter[str] = Counter()
        self.digests = Digests(world.home)
        self.write_output: Callable[[Stub, Json, Behaviour], None] = Stub.write
        self.reads_of: Callable[[Stub], list[Json]] = lambda stub: []
        self.changed_by: Callable[[Stub], list[str]] = lambda stub: []
        self._pids = 100

    def start(self, folder: Path) -> None:
        """The node is told to start a job; the message may be lost with the node, or come twice."""
        w = self.world
        if not self.has_node:
            passing("node.before")
            self.has_node = True
            w.tell("node", "started")
            passing("node.after")
        if w.happens(w.faults.node_death):
            w.tell("node", f"died with 'start {folder.name}' unread")
            self.has_node = False
            return
        boot = self.boot
        for _ in range(1 + w.happens(w.faults.message_repeated)):
            w.at(w.rng.expovariate(200.0), lambda: self._fork(folder, boot))

    def _fork(self, folder: Path, boot: int) -> None:
        if boot != self.boot:
            return
        self._pids += 1
        self.stubs[self._pids] = stub = Stub(self, self._pids, folder)
        self.world.at(self.world.rng.expovariate(500.0), stub.fence)

    def say(self, kind: str, name: str) -> None:
        """A datagram to the server: it may be lost, late, or come twice."""
        w = self.world
        if w.happens(w.faults.message_lost):
            w.tell("message", f"'{kind} {name}' lost")
            return
        for _ in range(1 + w.happens(w.faults.message_repeated)):
            delay = w.rng.expovariate(2.0) if w.happens(w.faults.message_lost) else w.rng.expovariate(2000.0)
            w.at(delay, lambda: self._deliver(kind, name))

    def _deliver(self, kind: str, name: str) -> None:
        if not self.hear(kind, name) and kind == "exit":
            self.server_wanted()

    def lose_power(self) -> None:
        """Every process is gone, and the machine has started again."""
        for stub in list(self.stubs.values()):
            stub.is_alive = False
        self.stubs.clear()
        self.orphans.clear()
        self.has_node = False
        self.boot += 1


class Stub:
    """One stub and the script under it."""

    def __init__(self, machine: Machine, pid: int, folder: Path) -> None:
        self.machine, self.pid, self.folder, self.name = machine, pid, folder, folder.name
        self.world = machine.world
        self.boot = machine.boot
        self.is_alive = True
        self.has_script = False
        self.job: Json = {}
        self.began: float | None = None

    def fence(self) -> None:
        if not self.is_alive or self._may_die("before its fence"):
            return
        try:
            with open(self.folder / "started", "x") as file:
                json.dump({"pid": self.pid, "start_time": 0, "boot_id": str(self.boot), "at": self.world.clock()}, file)
        except FileExistsError:
            self._leave()
            return
        self.job = json.loads((self.folder / "job.json").read_text())
        self.world.at(self.world.rng.expovariate(100.0), self.prepare)

    def prepare(self) -> None:
        if not self.is_alive or self._may_die("before user code"):
            return
        behaviour = self.machine.behaviours[self.job["step"]]
        if (self.folder / "cancel").exists():
            self._exit("canceled", None)
        elif behaviour.ending == "not_started":
            self._exit("not_started", None)
        else:
            self._run(behaviour)

    def _run(self, behaviour: Behaviour) -> None:
        w = self.world
        self.began = w.clock()
        (self.folder / "running").write_text(json.dumps({"pid": self.pid, "start_time": 0, "at": self.began}))
        self.has_script = True
        self.machine.code_starts[self.job["run_id"]] += 1
        self.machine.started_at[self.job["run_id"]] = w.now
        w.tell("script", f"{self.job['step']} began as {self.name}")
        self._log(behaviour.n_metrics)
        for output in self.job["outputs"]:
            self.machine.write_output(self, output, behaviour)
        self.machine.say("running", self.name)
        if w.happens(w.faults.stub_death):
            w.at(w.rng.uniform(0, min(behaviour.seconds, 30.0)), lambda: self.die("while its script ran"))
        w.at(behaviour.seconds, lambda: self._end(behaviour))

    def _log(self, n: int) -> None:
        with open(self.folder / "journal", "a") as journal:
            for i in range(n):
                record = {"at": self.world.clock(), "op": "metric", "name": "m", "kind": "scalar", "value": i}
                journal.write(json.dumps(record) + "\n")
        self.machine.logged[self.job["run_id"]] += n

    def write(self, output: Json, behaviour: Behaviour) -> None:
        """What the script leaves at an output that it writes: its name and its own, so that it can be told from any other."""
        stage = Path(output["stage"])
        stage.parent.mkdir(parents=True, exist_ok=True)
        if output["name"] not in behaviour.writes:
            if output["is_directory"] is not False:
                stage.mkdir(exist_ok=True)
            return
        text = f"{self.job['step']} wrote {output['name']} as {self.name}"
        if output["is_directory"] is not False:
            stage.mkdir(exist_ok=True)
            (stage / "b").write_text(text)
            stage = stage / "a"
        stage.write_text(text)
        self.machine.written[self.name, output["name"]] = text

    def terminate(self) -> None:
        """SIGTERM: the script has its grace, then it is killed."""
        self.world.tell("stub", f"{self.name} is asked to stop")
        if self.has_script:
            self.world.at(self.world.rng.choice((0.01, 0.5, 10.0)), lambda: self._exit("canceled", None))

    def _end(self, behaviour: Behaviour) -> None:
        if self.job["attempt"] <= behaviour.n_bad and behaviour.may_begin > 1:
            self._exit("exited", 3, behaviour)
        else:
            self._exit(behaviour.ending, behaviour.exit_code, behaviour)

    def _exit(self, ending: str, exit_code: int | None, behaviour: Behaviour | None = None) -> None:
        if not self.is_alive or (self.folder / "exit.json").exists() or self._may_die("before exit.json"):
            return
        is_good = ending == "exited" and exit_code == 0 and behaviour is not None
        outputs = [self._manifest(o, behaviour.writes) for o in self.job["outputs"]] if is_good and behaviour else []
        record = {"schema": 1, "name": self.name, "ending": ending, "exit_code": exit_code, "outputs": outputs}
        signal = 9 if ending == "signaled" else None
        error = None if is_good else {"what": "It did not end well.", "fix": "Look."}
        times = {"started_at": self.began, "script_started_at": self.began, "ended_at": self.world.clock()}
        started = self.began is not None
        whole = {
            **record,
            **times,
            "signal": signal,
            "user_code_started": started,
            "files": [],
            "reads": self.machine.reads_of(self),
            "inputs_changed": self.machine.changed_by(self),
            "error": error,
        }
        self.has_script = False
        draft = self.folder / ".exit.json"
        draft.write_text(json.dumps(whole))
        draft.rename(self.folder / "exit.json")
        self.world.tell("stub", f"{self.name} ended: {ending} {exit_code if exit_code is not None else ''}")
        if not self._may_die("before telling of the end"):
            self.machine.say("exit", self.name)
            self._leave()

    def _manifest(self, output: Json, writes: Iterable[str]) -> Json:
        if output["name"] not in writes:
            return {"name": output["name"], "kind": "missing", "digest": None, "n_files": 0, "size_bytes": 0}
        tree = self.machine.digests.tree(Path(output["stage"]))
        found = {"kind": tree.kind, "digest": tree.digest, "n_files": tree.n_files, "size_bytes": tree.size_bytes}
        return {"name": output["name"], **found}

    def _may_die(self, when: str) -> bool:
        if self.world.happens(self.world.faults.stub_death / 4):
            self.die(when)
            return True
        return False

    def die(self, when: str) -> None:
        """SIGKILL: the kernel takes the script with it; the node, if there is one, tells of the loss."""
        if self.is_alive:
            self.world.tell("stub", f"{self.name} was killed {when}")
            if self.has_script and self.world.rng.random() < 0.5:
                self.machine.orphans.add(self.name)  # what the script had started does not die with it
            self._leave()
            if self.machine.has_node:
                self.machine.say("exit", self.name)

    def _leave(self) -> None:
        self.is_alive = False
        self.has_script = False
        self.machine.stubs.pop(self.pid, None)


class SimulatedCompute(LocalCompute):
    """The real compute of this machine, with its processes made up."""

    def __init__(self, machine: Machine) -> None:
        home = machine.world.home
        super().__init__(LocalSettings(home, home, "python", (), {}, {}))
        self._machine = machine

    def poll(self, names: Iterable[str]) -> Mapping[str, Report]:
        return super().poll(sorted(names))

    def _start(self, folder: Path) -> None:
        self._machine.start(folder)

    def _is_alive(self, stub: Json) -> bool:
        return stub["boot_id"] == str(self._machine.boot) and stub["pid"] in self._machine.stubs

    def _boot_id(self) -> str:
        return str(self._machine.boot)

    def _is_overdue(self, folder: Path) -> bool:
        return False

    def _end_what_is_left(self, folder: Path, stub: Json) -> list[int]:
        self._machine.orphans.discard(folder.name)
        return []

    def _terminate(self, stub: Json) -> None:
        self._machine.stubs[stub["pid"]].terminate()
