"""Clearing away outputs that nobody will ask for: what may go, moving it aside, bringing it back, deleting it after a time.

What goes is chosen and noted in one transaction, before a byte is moved: no step stands on it from then on, and a step that was about to is
decided anew (`taking.Gone`). A crash after that leaves a note that `finish` takes up. Of all that clear away in one home, one does.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from penstock.data import aside
from penstock.model.crashpoints import passing
from penstock.model.errors import BadRequest, NotFound
from penstock.service.assets.catalog import iso
from penstock.service.care.reachable import is_over, owners, reachable, roots, urls
from penstock.service.context import Context, new_id
from penstock.store import removals, runs

Json = dict[str, Any]
log = logging.getLogger("penstock.clearing")


@dataclass(frozen=True)
class Limits:
    """What may stay: nothing that was last used longer ago than `max_age` seconds; of the rest, the newest `max_bytes`."""

    max_age: float | None = None
    max_bytes: int | None = None

    @property
    def are_given(self) -> bool:
        return self.max_age is not None or self.max_bytes is not None


@dataclass(frozen=True)
class Candidate:
    """The output at one place. `row`: as its own run has it; `why`: why it stays in any case, None when it may go."""

    place: str
    root: str
    row: Json
    used_at: float
    why: str | None

    def as_json(self) -> Json:
        own = {k: self.row[k] for k in ("run_id", "root_id", "workspace", "name", "step", "datastore", "path")}
        facts = {k: self.row[k] for k in ("n_files", "size_bytes")}
        return {**own, **facts, "used_at": iso(self.used_at), "kept_because": self.why}


class Clearing:
    """The verbs around what is cleared away."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def plan(self, limits: Limits) -> Json:
        """What would go, oldest first, and how much stays. Without limits: all that nothing keeps."""
        found, absent = self._looked_at()
        chosen = _chosen(found, limits, self._context.clock())
        return {**_told(chosen, found), "n_absent": len(absent), "sweep": None, "deleted": False}

    def clear(self, limits: Limits) -> Json:
        """Move aside what goes. BadRequest without limits."""
        if not limits.are_given:
            raise BadRequest(
                "What is to be cleared away was not said. Give an age, a size, or both: penstock gc --older-than 30d --delete"
            )
        sweep = new_id()
        with aside.one_at_a_time(self._context.home):
            self._finish()
            _, absent = self._looked_at()
            chosen, found = self._context.database.write(lambda c: self._note(c, limits, sweep, absent))
            self._put_aside(sweep=sweep)
        return {**_told(chosen, found), "n_absent": len(absent), "sweep": sweep if chosen else None, "deleted": True}

    def _looked_at(self) -> tuple[list[Candidate], set[str]]:
        """What is in its place, and the places of what is not: deleted by hand, or on a disk that is not mounted now. That is left alone."""
        with self._context.database.read() as connection:
            found = _candidates(connection)
        absent = {c.place for c in found if not os.path.lexists(c.place)}
        return [c for c in found if c.place not in absent], absent

    def _note(
        self, connection: Connection, limits: Limits, sweep: str, absent: set[str]
    ) -> tuple[list[Candidate], list[Candidate]]:
        """Choose, and say so: from here on no step stands on what was chosen."""
        now = self._context.clock()
        found = [c for c in _candidates(connection) if c.place not in absent]
        chosen = _chosen(found, limits, now)
        same = ("run_id", "name", "path", "n_files", "size_bytes")
        rows = [{k: c.row[k] for k in same} | {"root": c.root, "sweep": sweep} for c in chosen]
        removals.add(connection, [{**r, "state": "going", "created_at": now} for r in rows])
        return chosen, found

    def restore(self, sweep: str | None = None) -> Json:
        """Bring back what is aside: of one sweep, or all. NotFound when nothing is."""
        with aside.one_at_a_time(self._context.home):
            self._finish()
            rows = self._context.database.write(lambda c: self._mark(c, ("aside",), "returning", sweep=sweep))
            if not rows:
                of = f" of sweep '{sweep}'" if sweep else ""
                raise NotFound(
                    f"Nothing{of} is aside: it was deleted after its time, or never was. See: penstock gc --list"
                )
            left = self._bring_back(rows)
        return {"restored": len(rows) - len(left), "size_bytes": _sum(rows) - _sum(left), "not_restored": left}

    def purge(self) -> Json:
        """Delete now what is aside."""
        with aside.one_at_a_time(self._context.home):
            self._finish()
            rows = self._context.database.write(lambda c: self._mark(c, ("aside",), "gone"))
            self._delete(rows)
        return {"deleted": len(rows), "size_bytes": _sum(rows)}

    def aside(self) -> list[Json]:
        """What can be brought back, oldest first."""
        with self._context.database.read() as connection:
            rows = removals.in_state(connection, "aside", "going", "returning")
        return [self.said(r) for r in rows]

    def said(self, row: Json) -> Json:
        """A removal as people read it: `until` is when it is deleted, None once it was."""
        until = None if row["state"] == "gone" else row["created_at"] + self._context.retention.grace_seconds
        same = {k: row[k] for k in ("run_id", "name", "sweep", "path", "n_files", "size_bytes")}
        return {**same, "at": iso(row["created_at"]), "until": iso(until)}

    def tick(self) -> None:
        """For the janitor: take up what a crash left, delete what was aside for its time, and hold the limits that are set."""
        retention = self._context.retention
        with aside.one_at_a_time(self._context.home):
            self._finish()
            before = self._context.clock() - retention.grace_seconds
            with self._context.database.read() as connection:
                is_due = bool(removals.in_state(connection, "aside", before=before))
            if is_due:
                rows = self._context.database.write(lambda c: self._mark(c, ("aside",), "gone", before=before))
                self._delete(rows)
        limits = Limits(retention.max_age_seconds, retention.max_bytes)
        if limits.are_given and self.plan(limits)["outputs"]:
            done = self.clear(limits)
            log.info("cleared away %d outputs of %d bytes", len(done["outputs"]), done["size_bytes"])

    # What is done to files: each step first noted, then done, then noted as done. The lock is held. ------------------------------

    def _finish(self) -> None:
        """Take up what was noted and not done."""
        self._put_aside()
        with self._context.database.read() as connection:
            returning = removals.in_state(connection, "returning")
            gone = removals.in_state(connection, "gone")
        self._bring_back(returning)
        for row in gone:
            if os.path.lexists(_place(row)):
                aside.delete(_place(row))

    def _put_aside(self, sweep: str | None = None) -> None:
        with self._context.database.read() as connection:
            rows = removals.in_state(connection, "going", sweep=sweep)
        if rows:
            passing("clear.before")
        for row in rows:
            is_there = aside.put(Path(row["root"]) / row["path"].strip("/"), _place(row))
            passing("clear.moved")
            self._set([row], "aside" if is_there else "gone")
            passing("clear.after")

    def _bring_back(self, rows: Iterable[Json]) -> list[Json]:
        """What could not be brought back: something else lies there, so it stays aside; or it is not there any more."""
        left = []
        for row in rows:
            final = Path(row["root"]) / row["path"].strip("/")
            if aside.bring_back(_place(row), final):
                passing("clear.returned")
                self._drop(row)
            elif not os.path.lexists(final):
                self._set([row], "gone")  # deleted by hand, or left out of a backup
                left.append(self.said({**row, "state": "gone"}))
            else:
                self._set([row], "aside")
                left.append(self.said(row))
        return left

    def _delete(self, rows: Iterable[Json]) -> None:
        for row in rows:
            passing("clear.gone")
            aside.delete(_place(row))

    def _drop(self, row: Json) -> None:
        self._context.database.write(lambda c: removals.drop(c, [row]))

    def _set(self, rows: list[Json], state: str) -> None:
        self._context.database.write(lambda c: removals.set_state(c, rows, state))

    @staticmethod
    def _mark(connection: Connection, states: tuple[str, ...], state: str, **which: Any) -> list[Json]:
        rows = removals.in_state(connection, *states, **which)
        removals.set_state(connection, rows, state)
        return rows

    # Pins -----------------------------------------------------------------------------------------------------------------------

    def pin(self, run_id: str) -> None:
        """Never clear away what this run, or any step of it, points at."""
        now = self._context.clock()

        def work(connection: Connection) -> None:
            row = runs.get_run(connection, run_id)
            if row is None:
                raise NotFound(f"There is no run '{run_id}'. List them: penstock run list", target=run_id)
            removals.pin(connection, run_id, now)

        self._context.database.write(work)

    def unpin(self, run_id: str) -> bool:
        """Whether it was pinned."""
        return self._context.database.write(lambda c: removals.unpin(c, run_id))


def _candidates(connection: Connection) -> list[Candidate]:
    """Every output that is in its place, least recently used first."""
    where = roots(connection)
    kept = reachable(connection, where)
    gone = {os.path.normpath(os.path.join(root, path.strip("/"))) for root, path in removals.removed_places(connection)}
    found = []
    far = urls(connection)
    places = {p: r for p, r in owners(removals.kept_outputs(connection), where).items() if p not in gone}
    for place, inner in _nested(places):
        kept.keep(inner, f"it lies inside another output, {place}")  # which so stays as well
    for place, rows in places.items():
        own = next(r for r in rows if r["attempt"])
        used_at = max(r["ended_at"] or r["created_at"] for r in rows)
        root = where[own["workspace"], own["datastore"]]
        why = next((why for r in rows if (why := _why(r, kept.runs)) is not None), None) or kept.why(place)
        if (url := far.get((own["workspace"], own["datastore"]))) is not None:
            why = why or f"it lies at {url}, where nothing is cleared away"
        found.append(Candidate(place, root, own, used_at, why))
    return sorted(found, key=lambda c: (c.used_at, c.row["number"], c.place))


def _nested(places: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of places of which the second lies in the first."""
    ordered, found = sorted(p + "/" for p in places), []
    around: list[str] = []
    for place in ordered:
        while around and not place.startswith(around[-1]):
            around.pop()
        if around:
            found.append((around[-1].rstrip("/"), place.rstrip("/")))
        around.append(place)
    return found


def _why(row: Json, kept: dict[str, str]) -> str | None:
    if not is_over(row):
        return f"run {row['root_id']} is under way"
    return kept.get(row["run_id"]) or kept.get(row["root_id"])


def _chosen(found: list[Candidate], limits: Limits, now: float) -> list[Candidate]:
    """What goes: all that is too old; then, of the least recently used, as much as is too much."""
    free = [c for c in found if c.why is None]
    if not limits.are_given:
        return free
    old = [c for c in free if limits.max_age is not None and c.used_at < now - limits.max_age]
    if limits.max_bytes is None:
        return old
    chosen, places = list(old), {c.place for c in old}
    left = sum(c.row["size_bytes"] for c in found) - sum(c.row["size_bytes"] for c in old)
    for each in free:
        if left <= limits.max_bytes:
            break
        if each.place not in places:
            chosen.append(each)
            left -= each.row["size_bytes"]
    return chosen


def _told(chosen: list[Candidate], found: list[Candidate]) -> Json:
    goes, everything = sum(c.row["size_bytes"] for c in chosen), sum(c.row["size_bytes"] for c in found)
    kept = [c.as_json() for c in found if c.why is not None]
    sizes = {"size_bytes": goes, "kept_bytes": everything - goes, "n_outputs": len(found)}
    return {"outputs": [c.as_json() for c in chosen], **sizes, "kept": kept}


def _place(row: Json) -> Path:
    return aside.place_of(row["root"], row["sweep"], f"{row['run_id']}.{row['name']}")


def _sum(rows: Iterable[Json]) -> int:
    return sum(int(r["size_bytes"]) for r in rows)
