"""Two servers that fire schedules over one real database, under a clock of our own. Either may die, or lose the lead, at each commit.

What submits is a stand-in for the rest of the server that keeps runs under their idempotency keys in the same database.
"""

from __future__ import annotations

import random
import uuid
from collections import Counter
from typing import Any

from sqlalchemy import delete, text

from penstock.model.errors import DatabaseAway, NotFound
from penstock.service.execution.leader import NotLeader
from penstock.service.schedule.schedules import Schedules
from penstock.service.schedule.triggers import Clock
from penstock.store import catalog, tables
from penstock.store.database import Database

Json = dict[str, Any]
BEGIN = 1_700_000_000.0
_KNOWN = text("SELECT run_id FROM submission WHERE idempotency_key = :key")
_RUN = text(
    "INSERT INTO run (id, workspace, experiment, type, name, root_id, status, attempt, unmet, created_at)"
    " VALUES (:id, 'w', 'e', 'pipeline', :name, :id, 'Running', 0, 0, :now)"
)
_SUBMISSION = text(
    "INSERT INTO submission"
    " (run_id, idempotency_key, graph_digest, parameters, bindings, continue_on_failure, regenerate_outputs)"
    " VALUES (:id, :key, '{}', '{}', '{}', 0, 0)"
)
_RUNNING = text("SELECT id FROM run WHERE status = 'Running'")
_END = text("UPDATE run SET status = :status, ended_at = :now WHERE id = :id AND status = 'Running'")


class Killed(BaseException):
    """The server died here."""


class World:
    """One database, and two servers on it that come and go."""

    def __init__(self, database: Database, seed: int, now: float = BEGIN) -> None:
        self.database, self.pick, self.now, self.seed = database, random.Random(seed), now, seed
        self.steps, self.n_ids = 0, 0
        self.kill_at: int | None = None
        self.overtake_at: int | None = None
        self.leader = 0
        self.doubt = 0.5  # how probably a server that was overtaken knows it when it looks at its own clock
        self.is_down = False
        self.counts: Counter[str] = Counter()
        database.write(_empty)
        self.context: Any = _Context(self, 0)
        self.schedules = Schedules(self.context, _Workspaces(), lambda workspace, body: None, None)  # type: ignore[arg-type]
        self.start()

    def start(self) -> None:
        """Both servers anew: they know nothing but what the database has."""
        self.contexts: list[Any] = [_Context(self, n) for n in range(2)]
        self.clocks = [Clock(c, self.submit, self.cancel) for c in self.contexts]

    def new_id(self) -> str:
        self.n_ids += 1
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self.seed} {self.n_ids}"))

    def cross(self, place: str) -> None:
        """A place where a server may die, or find when it goes on that the other one has taken over meanwhile."""
        self.steps += 1
        if self.kill_at is not None and self.steps >= self.kill_at:
            self.kill_at = None
            self.counts["kill"] += 1
            raise Killed(place)
        if self.overtake_at is not None and self.steps >= self.overtake_at:
            self.overtake_at, self.leader = None, 1 - self.leader
            self.counts["overtake"] += 1
            self.run(self.leader)

    def run(self, n: int) -> None:
        """All passes of one server that are due."""
        try:
            while self.clocks[n].tick(self.now) <= self.now:
                pass
        except NotLeader:
            self.counts["not leader"] += 1

    def submit(self, schedule: Json, body: Json, also: Any) -> str:
        self.cross("before a submission")
        if schedule["pipeline_id"] == "gone":
            raise NotFound("The pipeline 'gone' is disabled. Enable it.")
        if self.is_down:
            raise DatabaseAway("The database does not answer.")
        run_id = self.database.write(lambda c: keep_run(c, self.new_id(), body, self.now, also))
        self.cross("after a submission")
        return run_id

    def cancel(self, run_id: str) -> None:
        self.end([run_id], "Canceled")

    def running(self) -> list[str]:
        with self.database.read() as connection:
            return list(connection.execute(_RUNNING).scalars())

    def end(self, run_ids: list[str], status: str = "Completed") -> None:
        given = [{"id": i, "status": status, "now": self.now} for i in run_ids]
        if given:
            self.database.write(lambda c: c.execute(_END, given))


class _Writes:
    """The database, with places to die at before each look, and before and after each commit."""

    def __init__(self, world: World) -> None:
        self.world = world

    def write(self, work: Any) -> Any:
        self.world.cross("before a commit")
        result = self.world.database.write(work)
        self.world.cross("after a commit")
        return result

    def read(self) -> Any:
        self.world.cross("before a look")
        return self.world.database.read()


class _Workspaces:
    def workspace(self, name: str) -> Json:
        return {"name": name}


class _Leader:
    """What a server believes, and what the database says inside a transaction."""

    def __init__(self, world: World, n: int) -> None:
        self.world, self.n, self.believes = world, n, True

    def check(self) -> None:
        if self.world.leader == self.n:
            self.believes = True
        elif self.world.pick.random() < self.world.doubt:
            self.believes = False
        if not self.believes:
            raise NotLeader

    def fence(self, connection: Any) -> None:
        if self.world.leader != self.n:
            self.believes = False
            raise NotLeader


class _Context:
    def __init__(self, world: World, n: int) -> None:
        self.database, self.leader, self.make_id = _Writes(world), _Leader(world, n), world.new_id
        self.clock, self.embedded = (lambda: world.now), False


def _empty(connection: Any) -> None:
    for table in (tables.watched, tables.tick, tables.schedule, tables.submission, tables.run):
        connection.execute(delete(table))
    if catalog.get_workspace(connection, "w") is None:
        row = {"name": "w", "id": "w", "subscription_id": "", "resource_group": "", "location": "", "tags": {}}
        catalog.add_workspace(connection, {**row, "default_datastore": "d", "created_at": 1.0})


def keep_run(connection: Any, run_id: str, body: Json, now: float, also: Any) -> str:
    """A run for a submission, with what belongs to it; the one there is when its key is known."""
    key = body["idempotency_key"]
    known = connection.execute(_KNOWN, {"key": key}).scalar()
    if known is not None:
        return str(known)
    connection.execute(_RUN, {"id": run_id, "name": body["schedule_id"], "now": now})
    connection.execute(_SUBMISSION, {"id": run_id, "key": key})
    also(connection, run_id)
    return run_id
