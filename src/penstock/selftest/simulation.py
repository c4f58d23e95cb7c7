"""One seed: a server, its clients and its machine, with everything going wrong until it no longer does; then what must hold, checked.

The server's code is the real one (submission, control, scheduler, compute, publishing, the store's statements); the world under it is
made up. What fails is told with the seed, and the seed replays it.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import traceback
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from penstock.data.snapshots import Snapshots
from penstock.data.tars import Uploads
from penstock.model import crashpoints
from penstock.model.errors import NoSpace, PenstockError
from penstock.model.status import TERMINAL
from penstock.selftest import outcome
from penstock.selftest.graphs import SNAPSHOT, random_pipeline
from penstock.selftest.processes import Machine, SimulatedCompute
from penstock.selftest.world import Crash, World
from penstock.service.changes import Changes
from penstock.service.context import Context
from penstock.service.execution.inbox import Inbox
from penstock.service.execution.loop import RETRY_SECONDS
from penstock.service.execution.scheduler import Scheduler
from penstock.service.services import Services
from penstock.store import runs
from penstock.store.memory import MemoryDatabase, empty_image

Json = dict[str, Any]
TROUBLED_SECONDS = 20.0
CALM_SECONDS = 200.0
MAX_EVENTS = 20_000
WORKSPACE = "w"


@dataclass(frozen=True)
class Result:
    """What came of one seed."""

    seed: int
    problems: tuple[str, ...]
    story: tuple[str, ...]
    n_crashes: int
    n_faults: int
    n_steps: int


def run_seed(seed: int, home: Path, scheduler: type[Scheduler] = Scheduler) -> Result:
    """Simulate one seed below `home`, a folder (best in memory) that is emptied first."""
    for name in ("jobs", "workspaces"):
        shutil.rmtree(home / name, ignore_errors=True)
    simulation = Simulation(World(seed, home), scheduler)
    crashpoints.watch(simulation.world.passing)
    try:
        simulation.run()
    finally:
        crashpoints.watch(None)
        simulation.database.close()
    world = simulation.world
    n_steps = len(simulation.machine.behaviours)
    return Result(seed, tuple(world.problems), tuple(world.story), simulation.n_crashes, world.n_faults, n_steps)


def make_home() -> Path:
    """A folder in memory, where this machine has such a place."""
    shm = Path("/dev/shm")
    home = Path(tempfile.mkdtemp(prefix="penstock-selftest-", dir=shm if shm.is_dir() else None))
    Snapshots(home)
    (home / "snapshots" / (SNAPSHOT.partition(":")[2] + ".json")).write_text("{}")
    return home


class Server:
    """What one server process holds, and loses when it dies."""

    def __init__(self, simulation: Simulation) -> None:
        self.inbox = Inbox()
        self.context = _context(simulation.world.home, simulation, simulation.database)
        self.services = Services.build(self.context, self.inbox)
        self.scheduler = simulation.scheduler(self.context, self.inbox)


class Simulation:
    """A world with one server in it."""

    def __init__(self, world: World, scheduler: type[Scheduler] = Scheduler) -> None:
        self.world, self.scheduler = world, scheduler
        self.machine = Machine(world, self._hear, self._want_server)
        self.database = MemoryDatabase(_image(world.home), is_losing=world.faults.power_cut > 0)
        self.server: Server | None = None
        self.is_starting = False
        self.n_crashes = self.n_power_cuts = 0
        self.n_events = 0
        self.expected = outcome.Expected()
        self.slots = world.rng.choice((1, 2, 4))
        self._ticks = 0
        self._is_ticking = False

    def run(self) -> None:
        """The troubled time, then calm until everything is over, then the checks."""
        self._plan()
        self._pass_time(TROUBLED_SECONDS)
        self.world.is_quiet = True
        self.world.tell("world", "calm from here on")
        self._want_server()
        self.world.at(30.0, self._cancel_what_never_ends)
        self._pass_time(TROUBLED_SECONDS + CALM_SECONDS)
        for problem in outcome.check(self):
            self.world.problem(problem)

    def _pass_time(self, end: float) -> None:
        while self.world.now < end and self.n_events < MAX_EVENTS:
            self.n_events += 1
            if not self.world.step():
                return
        if self.n_events >= MAX_EVENTS:
            self.world.problem(f"{MAX_EVENTS} events and no end: the server runs in a circle.")

    def _plan(self) -> None:
        """Who is going to do what when."""
        rng, w = self.world.rng, self.world
        self._want_server()
        for number in range(rng.choice((1, 1, 2, 3))):
            body, behaviours = random_pipeline(rng, number, sys.executable)
            self.machine.behaviours.update(behaviours)
            w.at(rng.uniform(0, 4), lambda body=body: self._submit(body))  # type: ignore[misc]
            if rng.random() < 0.4:
                again = {**body, "idempotency_key": f"{body['idempotency_key']} again"}
                w.at(rng.uniform(0, 12), lambda body=again: self._submit(body))  # type: ignore[misc]
        for _ in range(rng.choice((0, 0, 1, 2, 3))):
            w.at(rng.uniform(0, 8), self._cancel_any)
        for _ in range(rng.choice((0, 1, 3))):
            w.at(rng.uniform(0, TROUBLED_SECONDS), self._step_clock)
            w.at(rng.uniform(0, TROUBLED_SECONDS), self._kill_node)
            w.at(rng.uniform(0, TROUBLED_SECONDS), self._kill_server)

    # What goes wrong ----------------------------------------------------------------------------------------------------

    def _step_clock(self) -> None:
        if self.world.happens(self.world.faults.clock_step):
            by = self.world.rng.choice((-3600.0, -60.0, -0.5, 0.5, 60.0, 3600.0))
            self.world.offset += by
            self.world.tell("clock", f"set by {by:+} s")

    def _kill_node(self) -> None:
        if self.world.happens(self.world.faults.node_death) and self.machine.has_node:
            self.machine.has_node = False
            self.world.tell("node", "was killed")

    def _kill_server(self) -> None:
        if (
            self.server is not None
            and not self.world.is_nested
            and self.world.happens(min(1, self.world.faults.crash * 5))
        ):
            self._die(Crash("nothing in particular"))

    def _die(self, crash: Crash) -> None:
        self.server = None
        self.n_crashes += 1
        self.world.tell("server", f"died at {crash.point}" + (" in a power cut" if crash.is_power_cut else ""))
        if crash.is_power_cut:
            self.n_power_cuts += 1
            self.machine.lose_power()
            self.database.lose_unflushed()
        self._want_server()

    # The server ---------------------------------------------------------------------------------------------------------

    def _want_server(self) -> None:
        """Somebody needs the server: it starts, if it does not run."""
        if self.server is None and not self.is_starting:
            self.is_starting = True
            self.world.at(self.world.rng.uniform(0.05, 2.0), self._start_server)

    def _start_server(self) -> None:
        self.is_starting = False
        if self.server is None:
            self.world.tell("server", "starts")
            self.server = Server(self)
            self.server.scheduler.recover()
            self._tick_after(0.0)
            self.world.at(1.0, lambda server=self.server: self._look_for_room(server))  # type: ignore[misc]

    def _look_for_room(self, server: Server) -> None:
        """What the janitor does about a full disk."""
        room = server.context.room
        if server is self.server:
            if room.trouble is not None and room.recover():
                self.wake()
            self.world.at(1.0, lambda: self._look_for_room(server))

    def wake(self) -> None:
        """Context.wake: the scheduler's next pass comes at once."""
        self._tick_after(0.0001)

    def _hear(self, kind: str, name: str) -> bool:
        if self.server is None:
            return False
        self.server.inbox.put(kind, name)
        self.wake()
        return True

    def _tick_after(self, delay: float) -> None:
        self._ticks += 1
        number = self._ticks
        self.world.at(delay, lambda: self._tick(number))

    def _tick(self, number: int) -> None:
        if number != self._ticks or self._is_ticking or self.server is None:
            return  # another is due; or one is under way, and sees that it was asked for another meanwhile
        now = self.world.clock()
        self._is_ticking = True
        try:
            due = self.server.scheduler.tick(now)
            wait = None if due is None else max(0.0, due - now)
        except Crash as crash:
            self._die(crash)
            return
        except OSError as error:
            self.world.tell("server", f"a pass failed: {error.strerror}")
            wait = RETRY_SECONDS
        except Exception as error:
            self.world.problem(f"A pass of the scheduler failed: {type(error).__name__}: {error}")
            self.world.story += traceback.format_exc().splitlines()
            wait = RETRY_SECONDS
        finally:
            self._is_ticking = False
        if number != self._ticks:
            self._tick_after(0.0)
        elif wait is not None:
            self._tick_after(wait)

    # Clients ------------------------------------------------------------------------------------------------------------

    def _call(self, what: str, call: Any, again: Any) -> Any:
        """What the server answers, or None: it is down, or died before it answered; then `again` is tried later."""
        if self.server is not None:
            try:
                answer = call(self.server.services)
                self.world.tell("client", f"{what}: {answer if isinstance(answer, bool) else 'done'}")
                return answer
            except Crash as crash:
                self.world.tell("client", f"{what}: no answer")
                if self.world.is_nested:
                    self.world.at(0.1, again)
                    raise
                self._die(crash)
            except OSError as error:
                self.world.tell("client", f"{what}: {error.strerror}")
            except NoSpace:
                self.world.tell("client", f"{what}: refused, the disk is full")
            except PenstockError as error:
                self.world.problem(f"{what} was refused: {error.message}")
        self._want_server()
        self.world.at(self.world.rng.uniform(0.1, 1.0), again)
        return None

    def _submit(self, body: Json) -> None:
        key = body["idempotency_key"]
        answer = self._call(f"submit {key}", lambda s: s.submission.submit(WORKSPACE, body), lambda: self._submit(body))
        if answer is not None:
            self.expected.submitted(key, answer)

    def _cancel_any(self) -> None:
        ids = self.expected.run_ids()
        if ids:
            self._cancel(self.world.rng.choice(ids))

    def _cancel(self, run_id: str) -> None:
        waiting = self._waiting(run_id)
        is_between_passes = not self.world.is_nested
        answer = self._call(f"cancel {run_id[:8]}", lambda s: s.control.cancel(run_id), lambda: self._cancel(run_id))
        if answer:  # a pass that came between the request and its answer may have handed out some
            waiting &= self._waiting(run_id)
            self.expected.canceled(run_id, self.world.now, waiting if is_between_passes else set())

    def _waiting(self, run_id: str) -> set[str]:
        """The steps of this run that are not handed out."""
        with self.database.read() as connection:
            return {r["id"] for r in self._below(connection, run_id) if r["status"] == "NotStarted"}

    def _below(self, connection: Any, run_id: str) -> list[Json]:
        row = runs.get_run(connection, run_id)
        if row is None:
            return []
        return (
            [row]
            if row["type"] == "step"
            else [r for r in runs.runs_of_root(connection, run_id) if r["type"] == "step"]
        )

    def _cancel_what_never_ends(self) -> None:
        """In the calm, whoever waits for a script that hangs gives up."""
        with self.database.read() as connection:
            for root in self.expected.roots():
                row = runs.get_run(connection, root)
                if row and row["status"] not in TERMINAL and self._may_hang(connection, root):
                    self.world.at(0.0, lambda root=root: self._cancel(root))  # type: ignore[misc]

    def _may_hang(self, connection: Any, root: str) -> bool:
        steps = self._below(connection, root)
        return any(self.machine.behaviours[s["name"]].seconds > CALM_SECONDS for s in steps)


def _context(home: Path, simulation: Simulation | None, database: MemoryDatabase) -> Context:
    machine = simulation.machine if simulation else Machine(World(0, home), lambda *_: False, lambda: None)
    more: Json = {"clock": simulation.world.clock, "make_id": simulation.world.new_id} if simulation else {}
    return Context(
        home=home,
        database=database,
        compute=SimulatedCompute(machine),
        changes=Changes(),
        snapshots=Snapshots(home),
        uploads=Uploads(home),
        url="http://127.0.0.1:1",
        socket="",
        key=b"key",
        embedded=True,
        slots=simulation.slots if simulation else 1,
        python=sys.executable,
        launcher="launcher.py",
        node_id="0",
        wake=simulation.wake if simulation else lambda: None,
        **more,
    )


@cache
def _image(home: Path) -> bytes:
    """A database with one workspace, whose datastores lie below `home`."""
    database = MemoryDatabase(empty_image())
    services = Services.build(_context(home, None, database), Inbox())
    services.catalog.put_workspace(WORKSPACE, {"create": True})
    image = database.image()
    database.close()
    return image
