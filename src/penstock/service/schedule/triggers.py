"""The clock: which schedules are due, and what becomes of each due time. Two steps, both redone after a crash.

First the due time is kept as a tick, with when the schedule is due next, in one transaction. Then each tick gets its verdict: in the
transaction that keeps its run, or in one of its own. So however often it is tried, and by whom, there is one run or a reason.
Knows the store and how to submit; must not know how anything runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

from sqlalchemy import Connection

from penstock.engine import recurrence
from penstock.model.errors import DatabaseAway, DiskFailed, NoSpace, PenstockError, ReadOnly, TooManyFiles
from penstock.service.context import Context
from penstock.service.schedule.changed import properties as properties_of_batch
from penstock.store import schedules as store
from penstock.store import ticks as ledger

Json = dict[str, Any]
AHEAD_SECONDS = 60.0  # a clock set back by more than this has its schedules worked out anew
ON_TIME_SECONDS = 60.0  # with catch_up none, a due time seen within this is not missed
A_PASS = 500
AT_ONCE = 100  # missed due times of one schedule that are caught up in one pass
RETRY_SECONDS = 5.0
QUEUED_SECONDS = 1.0
IDLE_SECONDS = 3600.0
PASSING = (DatabaseAway, NoSpace, ReadOnly, DiskFailed, TooManyFiles)  # the tick waits for these to be mended


class Published(Protocol):
    """What submits a published pipeline or the default version of an endpoint."""

    def __call__(self, schedule: Json, body: Json, also: Callable[[Connection, str], None]) -> str:
        """The id of the run; `also` is done in the transaction that keeps it. The same idempotency_key gives the same run."""


class Decided(Exception):
    """Another server has given the tick its verdict meanwhile: what was about to be done for it is void."""


class Clock:
    """Ticks schedules by the clock, and gives every tick its verdict."""

    def __init__(self, context: Context, submit: Published, cancel: Callable[[str], Any]) -> None:
        self._context, self._submit, self._cancel = context, submit, cancel
        self._db = context.database

    def tick(self, now: float) -> float:
        """One pass; when the next one is due."""
        self._context.leader.check()
        is_more = self._keep_due(now)
        waits = self._decide_pending(now)
        with self._db.read() as connection:
            next_due = store.next_due(connection, "time")
        return min(now if is_more else math.inf, waits, next_due or math.inf, now + IDLE_SECONDS)

    def _keep_due(self, now: float) -> bool:
        """Keep the ticks of all schedules that are due; whether there may be more."""
        with self._db.read() as connection:
            found = store.due(connection, "time", now, AHEAD_SECONDS, A_PASS)
            plans = [(row, *due_ticks(row, now)) for row in found]
            for row, ticks, _ in plans:
                begin_after_known(connection, row, ticks)

        def work(connection: Connection) -> None:
            self._context.leader.fence(connection)
            for row, ticks, next_at in plans:
                if store.advance(connection, row, next_at, now):
                    ledger.add_ticks(connection, ticks)

        if plans:
            self._db.write(work)
        return len(found) == A_PASS or any(next_at is not None and next_at <= now for _, _, next_at in plans)

    def _decide_pending(self, now: float) -> float:
        """Submit or skip what is pending; when to look again."""
        with self._db.read() as connection:
            rows = ledger.pending(connection, A_PASS)
            known = store.some(connection, sorted({r["schedule_id"] for r in rows})) if rows else {}
        again = math.inf
        for row in rows:
            schedule = known[row["schedule_id"]]
            try:
                again = min(again, self._decide(schedule, row, now))
            except PASSING as error:  # what keeps one from being submitted keeps all
                self._note(schedule, f"The run of {iso(row['scheduled_at'])} waits: {error}")
                return now + RETRY_SECONDS
        return now if len(rows) >= A_PASS and again == math.inf else again

    def _decide(self, schedule: Json, row: Json, now: float) -> float:
        """Give one tick its verdict; when to look at it again."""
        settings, evidence = schedule["settings"], row["evidence"]
        overlap, most = settings.get("overlap") or "allow", evidence.get("at_once")
        active: list[str] = []
        if evidence.get("by") != "run-now" and (overlap != "allow" or most is not None):
            with self._db.read() as connection:
                active = ledger.active_runs(connection, schedule["id"])
                if not ledger.is_pending(connection, row):  # another server was quicker: its run may be one of these
                    return math.inf
        if active:
            if (most is not None and len(active) >= most) or (most is None and overlap == "queue"):
                if row["verdict"] == "due":
                    self._record(row, "queued", now, reason=f"waits for run {active[0]}")
                return now + QUEUED_SECONDS
            if overlap == "skip" and most is None:
                self._record(row, "skipped", now, reason=f"overlap: run {active[0]} had not ended")
                return math.inf
            if overlap == "cancel-previous" and most is None:
                self._context.leader.check()
                for run_id in active:
                    self._cancel(run_id)
        if evidence.get("by") != "run-now" and self._pause_if_failing(schedule):
            self._record(row, "skipped", now, reason=f"paused: {settings['pause_after']} failures in a row")
            return math.inf
        return self._fire(schedule, row, now)

    def _fire(self, schedule: Json, row: Json, now: float) -> float:
        self._context.leader.check()
        kept: list[str] = []

        def fired(connection: Connection, run_id: str) -> None:
            kept.append(run_id)
            self._context.leader.fence(connection)
            if not ledger.decide(connection, row, "fired", now, run_id=run_id):
                raise Decided

        try:
            run_id = self._submit(schedule, submission_of(schedule, row), fired)
        except Decided:
            return math.inf
        except PASSING:
            raise
        except PenstockError as error:
            self._record(row, "failed", now, reason=error.message)
            self._note(schedule, f"The run of {iso(row['scheduled_at'])} could not be submitted: {error.message}")
            self._pause_if_failing(schedule)
        else:
            if not kept:  # the run was there already
                self._record(row, "fired", now, run_id=run_id)
            if schedule["note"]:
                self._note(schedule, None)
        return now if row["verdict"] == "queued" else math.inf  # the next one in the queue may go too

    def _record(self, row: Json, verdict: str, now: float, **values: Any) -> None:
        def work(connection: Connection) -> None:
            self._context.leader.fence(connection)
            ledger.decide(connection, row, verdict, now, **values)

        self._db.write(work)

    def _note(self, schedule: Json, note: str | None) -> None:
        if schedule["note"] != note:
            schedule["note"] = note
            self._db.write(lambda c: store.set_note(c, schedule["id"], note))

    def _pause_if_failing(self, schedule: Json) -> bool:
        """Disable it after as many failures in a row, since it was last changed, as it says; whether that is so."""
        most = schedule["settings"].get("pause_after")
        if not most:
            return False
        with self._db.read() as connection:
            outcomes = ledger.last_outcomes(connection, schedule["id"], most, schedule["updated_at"])
        if len(outcomes) < most or not all(outcomes):
            return False
        note = f"Paused: {most} failures in a row. Mend the pipeline, then: penstock schedule enable {schedule['id']}"

        def work(connection: Connection) -> None:
            self._context.leader.fence(connection)
            store.pause(connection, schedule["id"], schedule["revision"], note)

        self._db.write(work)
        return True


def due_ticks(row: Json, now: float) -> tuple[list[Json], float | None]:
    """The ticks of a schedule that is due, and when it is due next. Pure."""
    rule = rule_of(row)
    first = row["next_at"]
    if first is None or first > now:  # the clock was set back
        again = rule.after(max(now, row["created_at"]))
        return [], again if first is None or again is None else min(first, again)
    last, n = _from(rule, first, now)
    catch_up = row["settings"].get("catch_up") or "latest"
    if catch_up == "all" and n != 1:
        return _all_of(row, rule, first, now)
    missed = f"catch-up: missed, and catch_up is {catch_up}"
    ticks = []
    if last > first:
        previous = rule.last(math.nextafter(first, -math.inf), math.nextafter(last, -math.inf))
        until = previous[0] if previous else first
        ticks.append(skipped(row["id"], first, until, None if n is None else n - 1, missed, now))
    if catch_up == "none" and now - last > ON_TIME_SECONDS:
        ticks.append(skipped(row["id"], last, last, 1, missed, now))
    else:
        ticks.append({"schedule_id": row["id"], "scheduled_at": last, "made_at": now, "evidence": {"by": "clock"}})
    return ticks, rule.after(last)


def _from(rule: recurrence.Recurrence, first: float, now: float) -> tuple[float, int | None]:
    """The last due time up to now, and how many there are from `first` on: that is one, though it may be no slot of the rule."""
    before = math.nextafter(first, -math.inf)
    found = rule.last(before, now)
    if found is None:
        return first, 1
    last, n = found
    return last, n if n is None or rule.after(before) == first else n + 1


def dropped(row: Json, now: float, reason: str) -> list[Json]:
    """The tick that stands for due times that had come but were not kept yet when a schedule was changed. Pure."""
    first = row["next_at"]
    if first is None or first > now:
        return []
    last, n = _from(rule_of(row), first, now)
    return [skipped(row["id"], first, last, n, reason, now)]


def begin_after_known(connection: Connection, row: Json, ticks: list[Json]) -> None:
    """Have a tick that stands for many begin where no tick is yet: after a clock was set back, the first ones have theirs."""
    for each in [t for t in ticks if t.get("until_at") is not None]:
        at: float | None = each["scheduled_at"]
        while at is not None and at <= each["until_at"] and ledger.has_tick(connection, row["id"], at):
            at = rule_of(row).after(at)
            each["n"] = None if each["n"] is None else each["n"] - 1
        if at is None or at > each["until_at"]:
            ticks.remove(each)
        else:
            each["scheduled_at"] = at


def _all_of(row: Json, rule: recurrence.Recurrence, first: float, now: float) -> tuple[list[Json], float | None]:
    ticks: list[Json] = []
    due = float(first)
    following: float | None = due
    while following is not None and following <= now and len(ticks) < AT_ONCE:
        due = following
        ticks.append({"schedule_id": row["id"], "scheduled_at": due, "made_at": now, "evidence": {"by": "catch-up"}})
        following = rule.after(due)
    return ticks, following


def skipped(schedule_id: str, first: float, until: float, n: int | None, reason: str, now: float) -> Json:
    """The tick that stands for `n` skipped due times (None: not counted)."""
    return {
        "schedule_id": schedule_id,
        "scheduled_at": first,
        "until_at": until if until > first else None,
        "n": n,
        "verdict": "skipped",
        "reason": reason,
        "evidence": {"by": "clock", "noticed_at": now},
        "made_at": now,
        "decided_at": now,
    }


def rule_of(row: Json) -> recurrence.Recurrence:
    """The rule of a schedule by the clock."""
    settings = row["settings"]
    return recurrence.parse(settings["recurrence"], settings.get("counted_from") or row["created_at"])


def submission_of(schedule: Json, row: Json) -> Json:
    """What is submitted for a tick."""
    settings, changed = schedule["settings"], row["evidence"].get("changed")
    properties = {"azureml.scheduleId": schedule["id"], "penstock.scheduled_at": iso(row["scheduled_at"])}
    body: Json = {
        "experiment": settings["experiment_name"],
        "parameters": dict(settings.get("pipeline_parameters") or {}),
        "continue_on_failure": settings.get("continue_on_step_failure"),
        "regenerate_outputs": bool(settings.get("regenerate_outputs")),
        "datasets": settings.get("datasets"),
        "idempotency_key": f"{schedule['id']}@{row['scheduled_at']:.3f}",
        "schedule_id": schedule["id"],
        "properties": properties,
    }
    if changed is not None:
        body["data_paths"] = {}
        properties |= properties_of_batch(row["evidence"])
        if name := settings.get("data_path_parameter_name"):
            body["data_paths"][name] = {"datastore": settings["datastore"], "path": row["evidence"]["path"]}
    return body


def iso(at: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
