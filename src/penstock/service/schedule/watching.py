"""Schedules that watch data: looks at what they watch, and keeps one tick for each batch of changes that has settled.

The files as they are now and the tick are kept in one transaction, so that a change is neither lost between two looks nor told twice,
whatever dies. What becomes of the tick is triggers.py's. Knows the store and how to look; must not know how a look is brought about.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from penstock.data.listings import CannotLook, Changes, Listing, Packed, compare
from penstock.model.errors import BadRequest, PenstockError
from penstock.service.context import Context
from penstock.service.execution.leader import NotLeader
from penstock.service.schedule.changed import evidence
from penstock.service.schedule.watched import Found, Places, target_of
from penstock.store import schedules as store
from penstock.store import ticks as ledger

Json = dict[str, Any]
SETTLE_SECONDS = 1.0
NET_SECONDS = 300.0  # Azure's polling_interval; where changes are told at once, the net beneath that
UNTOLD_SECONDS = 10.0  # where the system tells no changes of a local folder
TROUBLE_SECONDS = 5.0
LOOK_SECONDS = 1.0  # other servers of the database may have changed a schedule
RESTLESS_SECONDS = 60.0
SHARE = 1.0  # a look that took t seconds is followed by a rest of this many t
NOTE = "Not watched now: "
RESTLESS = "Waits: "
UNCHANGED = "no change"
UNTOLD = f"Looked at every {UNTOLD_SECONDS:g} seconds: "


@dataclass
class _Watch:
    """One schedule that is watched. `seen` is the signature of what is known; `moving` one that is not, since `since`."""

    row: Json
    look_at: float
    seen: str | None = None
    moving: str | None = None
    since: float = 0.0
    began: float = 0.0
    note: str | None = None
    top: str | None = None
    is_told: bool = False  # whether the system tells its changes
    why_untold: str | None = None
    rests_until: float = 0.0

    def period(self, is_remote: bool) -> float:
        given = self.row["settings"].get("polling_interval")
        if given is not None:
            return float(given) * 60.0
        return NET_SECONDS if is_remote or self.is_told else UNTOLD_SECONDS

    @property
    def settle(self) -> float:
        given = self.row["settings"].get("settle_seconds")
        return SETTLE_SECONDS if given is None else float(given)


class Watcher:
    """Looks at what schedules watch: on local folders, or at URLs, so that a server that does not answer holds up no local one."""

    def __init__(self, context: Context, places: Places, is_remote: bool, kept: Callable[[], None]) -> None:
        self._context, self._places, self.is_remote, self._kept = context, places, is_remote, kept
        self._db = context.database
        self._watches: dict[str, _Watch] = {}
        self._edits: tuple[Any, ...] | None = None
        self._lock = threading.Lock()
        self._noticed: set[str] = set()
        self._last = -math.inf

    def tick(self, now: float) -> float:
        """One pass; when the next one is due. NotLeader, and then all that was known in memory is forgotten."""
        try:
            self._context.leader.check()
        except NotLeader:
            self._watches, self._edits = {}, None
            raise
        if now < self._last:  # the clock was set back
            for watch in self._watches.values():
                watch.look_at, watch.since, watch.rests_until = now, min(watch.since, now), now
        self._last = now
        self._learn(now)
        self._take_notice(now)
        for watch in sorted(self._watches.values(), key=lambda w: w.look_at):
            if watch.look_at <= now:
                self._context.leader.check()
                self._look(watch, now)
        due = min((w.look_at for w in self._watches.values()), default=math.inf)
        return min(due, now + LOOK_SECONDS)

    def places(self, is_deep: bool) -> dict[str, str]:
        """The folders whose changes the system is to tell at once, by schedule. For other threads."""
        found = {}
        for schedule_id, watch in list(self._watches.items()):
            if watch.row["settings"].get("polling_interval") is None and watch.top is not None:
                folder = watch.top if os.path.isdir(watch.top) else os.path.dirname(watch.top)
                if (folder == watch.top and target_of(watch.row).depth != 0) == is_deep:
                    found[schedule_id] = folder
        return found

    def set_told(self, ids: Iterable[str], is_told: bool, why_not: str | None = None) -> None:
        """Whether the system tells the changes of these from now on; each of which that is new is looked at. For other threads."""
        asked = {i: w for i in ids if (w := self._watches.get(i)) is not None}
        new = {i: w for i, w in asked.items() if (w.is_told, w.why_untold) != (is_told, why_not)}
        for watch in new.values():
            watch.is_told, watch.why_untold = is_told, why_not
        self.notice(new)

    def notice(self, ids: Iterable[str]) -> None:
        """Something has changed there, or may have: look soon. For other threads."""
        with self._lock:
            self._noticed.update(ids)

    def _learn(self, now: float) -> None:
        """Which schedules there are: read again only when one was edited."""
        with self._db.read() as connection:
            edits = store.edits(connection, "data")
            if edits == self._edits:
                return
            rows = store.listed(connection, kind="data", status="Active")
        known, self._watches = self._watches, {}
        for row in rows:
            before = known.get(row["id"])
            if before is not None and before.row["revision"] == row["revision"]:
                self._watches[row["id"]] = before
            elif self._is_mine(row):
                self._watches[row["id"]] = _Watch(row, now, note=_own_note(row["note"]))
        self._edits = edits

    def _is_mine(self, row: Json) -> bool:
        try:
            return (self._places.folder(row)[1] is not None) == self.is_remote
        except PenstockError:
            return not self.is_remote  # one of the two tells what is wrong

    def _take_notice(self, now: float) -> None:
        with self._lock:
            noticed, self._noticed = self._noticed, set()
        for schedule_id in noticed:
            watch = self._watches.get(schedule_id)
            is_polled = watch is not None and watch.row["settings"].get("polling_interval") is not None
            if watch is not None and watch.moving is None and not is_polled:
                watch.look_at = min(watch.look_at, max(now, watch.rests_until))

    def _look(self, watch: _Watch, now: float) -> None:
        """Look once. What is another than what is known has to stay as it is for a while before it counts."""
        is_due = watch.moving is not None and now >= watch.since + watch.settle
        found = self._found(watch, now, whole=is_due)
        if found is None:
            return
        watch.top = found.top
        if found.listing.signature == watch.seen:
            self._rest(watch, now)
            if watch.row["settings"].get("polling_interval") is not None:
                self._db.write(lambda c: self._tell_unchanged(c, watch.row["id"], now))
        elif is_due and found.listing.signature == watch.moving:
            self._take(watch, found, now)
        else:
            if found.listing.signature != watch.moving:
                self._move(watch, found.listing.signature, now)
            watch.look_at = max(watch.since + watch.settle, watch.rests_until)

    def _found(self, watch: _Watch, now: float, *, whole: bool) -> Found | None:
        before = self._context.clock()
        try:
            return self._places.look(watch.row, whole=whole, may_go=bool(watch.row["settings"].get("on_delete")))
        except (CannotLook, BadRequest) as error:
            self._trouble(watch, error.message, now)
            return None
        finally:
            watch.rests_until = now + SHARE * max(0.0, self._context.clock() - before)

    def _move(self, watch: _Watch, signature: str, now: float) -> None:
        if watch.moving is None:
            watch.began = now
        watch.moving, watch.since = signature, now
        if now - watch.began >= RESTLESS_SECONDS:
            path = target_of(watch.row).path or "/"
            said = f"files below {path} have not stopped changing for a minute. It fires when they rest for {watch.settle:g} s."
            self._note(watch, RESTLESS + said)

    def _rest(self, watch: _Watch, now: float) -> None:
        watch.moving, watch.look_at = None, max(now + watch.period(self.is_remote), watch.rests_until)
        untold = f"{UNTOLD}the system does not tell of changes there ({watch.why_untold})."
        self._note(watch, untold if watch.why_untold else None)

    def _trouble(self, watch: _Watch, said: str, now: float) -> None:
        watch.moving, watch.look_at = None, now + TROUBLE_SECONDS
        self._note(watch, NOTE + said)

    def _take(self, watch: _Watch, settled: Found, now: float) -> None:
        """Keep what has settled, and the tick for it if it is to have one."""
        row, found = watch.row, settled.listing
        ticks: list[Json] = []
        is_same = False
        with self._db.read() as connection:
            kept = store.get_watched(connection, row["id"])
            before = Packed.of_text(kept[0]) if kept is not None else None
            if kept is not None and before is not None and before.of == settled.of:
                if said := _doubt(before, found, row):
                    self._trouble(watch, said, now)
                    return
                changes = compare(before, found)
                is_same = (not changes and before.place == found.place) or self._is_bare(found, row)
                ticks = [] if is_same else self._ticks(connection, row, changes, kept[1], now)
        if not is_same and not self._db.write(lambda c: self._keep(c, row, settled, ticks, now)):
            self._edits = None  # it was edited: read it again first
            return
        watch.seen = found.signature
        self._rest(watch, now)
        if ticks:
            self._kept()

    def _tell_unchanged(self, connection: Connection, schedule_id: str, now: float) -> None:
        """Have the ledger say that a look at a chosen interval found nothing new."""
        self._context.leader.fence(connection)
        if not ledger.stands_for_another(connection, schedule_id, UNCHANGED, now):
            tick: Json = {"schedule_id": schedule_id, "scheduled_at": now, "made_at": now, "decided_at": now}
            why = {"verdict": "skipped", "reason": UNCHANGED, "evidence": {"by": "look"}}
            ledger.add_at_free_time(connection, {**tick, **why})

    def _keep(self, connection: Connection, row: Json, settled: Found, ticks: list[Json], now: float) -> bool:
        """Write what is there now and the ticks for it, unless the schedule was edited since it was read."""
        self._context.leader.fence(connection)
        if not store.advance(connection, row, row["next_at"], now):
            return False
        found = settled.listing
        store.put_watched(connection, row["id"], found.pack(settled.of), len(found.records or ()), now)
        for tick in ticks:
            ledger.add_at_free_time(connection, tick)
        return True

    def _is_bare(self, found: Listing, row: Json) -> bool:
        """Whether nothing is at a URL now. Such places have no folders that could be missed: what was there is compared with what comes next."""
        return self.is_remote and not found.records and not row["settings"].get("on_delete")

    def _ticks(self, connection: Connection, row: Json, changes: Changes, since: float, now: float) -> list[Json]:
        """One for a batch that others have made; one that says so where the schedule's own runs made all of it."""
        if not row["settings"].get("on_delete"):
            changes = Changes(changes.created, changes.modified)
        own = self._places.own(connection, row, [*changes.created, *changes.modified, *changes.deleted], since)
        others = changes.but(own.__contains__)
        tick: Json = {"schedule_id": row["id"], "scheduled_at": now, "made_at": now}
        if others:
            return [{**tick, "evidence": evidence(others, len(own))}]
        if not own:
            return []
        why = f"no change: its own runs wrote the {len(own)} files that changed"
        kept = {**evidence(changes, len(own)), "changed": 0}
        return [{**tick, "verdict": "skipped", "reason": why, "decided_at": now, "evidence": kept}]

    def _note(self, watch: _Watch, note: str | None) -> None:
        if note != watch.note:
            before, watch.note = watch.note, note
            self._db.write(lambda c: store.replace_note(c, watch.row["id"], before, note))


def _doubt(before: Packed, found: Listing, row: Json) -> str | None:
    """Why what is found is not to be believed: what was there is rather away than deleted."""
    path = target_of(row).path or "/"
    if found.records or before.is_empty():
        return None
    if found.is_file and not before.is_file:
        return f"there is nothing at {path} any more. Make it, or bring it back."
    if not found.is_file and found.place != before.place:
        return f"{path} is empty, and is another folder than before. Mount its disk, or put files there."
    return None


def _own_note(note: str | None) -> str | None:
    return note if note is not None and note.startswith((NOTE, RESTLESS, UNTOLD)) else None
