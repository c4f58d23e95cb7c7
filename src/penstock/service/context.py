"""What every verb needs: where things are, what time it is, how ids are made. Built once by the server."""

from __future__ import annotations

import hashlib
import hmac
import os
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from penstock.compute.base import Compute
from penstock.data.digests import Digests
from penstock.data.snapshots import Snapshots
from penstock.data.tars import Uploads
from penstock.model.graph import RetryPolicy
from penstock.model.settings import Retention
from penstock.service.care.room import Room
from penstock.service.changes import Changes
from penstock.service.execution.leader import Alone, Leader
from penstock.service.runs.graphs import Graphs
from penstock.store.database import Database

Json = dict[str, Any]


_MADE: deque[str] = deque()
os.register_at_fork(after_in_child=_MADE.clear)  # or two processes would give the same ids


def _unidentified(interpreter: Json, variables: Mapping[str, str]) -> str:
    """The digest of what runs a step, where nobody looks into it: its name."""
    return str(interpreter.get("executable"))


def new_id() -> str:
    """A new GUID, at random. They are made ahead: the system is asked once for the randomness of many."""
    while True:
        try:
            return _MADE.popleft()
        except IndexError:
            drawn = os.urandom(16 * 256).hex()
            _MADE.extend(guid(drawn[start : start + 32], 4) for start in range(0, len(drawn), 32))


def guid(digits: str, version: int) -> str:
    """The GUID of these 32 hexadecimal digits. Of thousands at a time the UUID class would take four times as long."""
    d = digits
    return f"{d[:8]}-{d[8:12]}-{version}{d[13:16]}-{'89ab'[int(d[16], 16) & 3]}{d[17:20]}-{d[20:32]}"


def beside(run_id: str, ids: Sequence[str]) -> list[str]:
    """`ids` moved so that they lie together in every index, next to `run_id`: the first four digits are that one's, the next four count on.

    Rows of a pipeline's steps are written together. With ids from all over, each row of each index would be another page to write: of two
    thousand steps on a large database 50 MB. Eight digits tell runs apart as well as before.
    """
    start = int(ids[0][4:8], 16) if ids else 0
    return [f"{run_id[:4]}{(start + n) % 0x10000:04x}{made[8:]}" for n, made in enumerate(ids)]


@dataclass(frozen=True)
class Context:
    """The parts a service is made of. `wake` tells the scheduler that there is something to do."""

    home: Path
    database: Database
    compute: Compute
    changes: Changes
    snapshots: Snapshots
    uploads: Uploads
    url: str
    socket: str
    key: bytes = field(repr=False)
    embedded: bool
    slots: int
    python: str
    launcher: str
    node_id: str
    wake: Callable[[], None] = field(repr=False)
    clock: Callable[[], float] = time.time
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    retention: Retention = field(default_factory=Retention)
    environment: Mapping[str, str] = field(default_factory=dict)  # what steps inherit
    make_id: Callable[[], str] = new_id
    leader: Leader = field(default_factory=Alone)
    room: Room = None  # type: ignore[assignment]  # the home's, unless one is given
    background: Callable[[Callable[[], None]], object] = lambda work: work()  # a thread that may wait for the disk
    senders: Callable[[Callable[[], None]], object] = lambda work: work()  # threads that may wait for other machines
    identify: Callable[[Json, Mapping[str, str]], str] = _unidentified
    compare_environments: Callable[[str, str], list[str]] = lambda before, after: []
    digests: Digests = None  # type: ignore[assignment]  # the home's, unless others are given
    graphs: Graphs = field(default_factory=Graphs, repr=False)
    token: str = field(default="", repr=False)  # the home's own: whoever shows it is the owner
    webhook_hosts: tuple[str, ...] = ()  # hosts and networks that webhooks may post to although they lie inside

    def __post_init__(self) -> None:
        if self.room is None:
            object.__setattr__(self, "room", Room(self.home))
        if self.digests is None:
            object.__setattr__(self, "digests", Digests(self.home))

    def run_token(self, run_id: str, attempt: int) -> str:
        """What the process of one try of a run may show: whose it is, and that we said so. service/identity/access.py checks it."""
        name = f"{run_id}.{attempt}"
        return f"{name}.{hmac.new(self.key, f'run:{name}'.encode(), hashlib.sha256).hexdigest()}"

    def tracking_uri(self, workspace: str) -> str:
        """Where an MLflow client finds the runs of a workspace."""
        return f"{self.url}/mlflow/{quote(workspace, safe='')}"
