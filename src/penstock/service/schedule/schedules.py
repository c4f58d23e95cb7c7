"""The verbs on schedules: made, changed, looked at, run now and caught up by hand. What fires them is in triggers.py."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy import Connection

from penstock.data.listings import CannotLook
from penstock.engine.recurrence import Recurrence
from penstock.model.errors import BadRequest, Conflict, NotFound, Problem
from penstock.service.assets.catalog import Catalog
from penstock.service.context import Context
from penstock.service.schedule.changed import answer
from penstock.service.schedule.schedule_settings import (
    OF_DATA,
    SETTINGS,
    WHERE,
    problems,
    refuse,
    shown,
    standing_problems,
    target_problems,
)
from penstock.service.schedule.standing import warnings
from penstock.service.schedule.triggers import begin_after_known, dropped, iso, rule_of, skipped
from penstock.service.schedule.watched import target_of
from penstock.store import runs
from penstock.store import schedules as store
from penstock.store import ticks as ledger

Json = dict[str, Any]
BACKFILL_MOST = 10_000
AT_ONCE = 500  # ticks kept in one transaction
STAYS = (
    "This server stays up for the schedule, but not through a logout or a restart of the machine. "
    "To keep one for good: penstock service install"
)


class Watching(Protocol):
    """Where schedules watch data (watched.py)."""

    def named(self, workspace: str, name: str | None) -> str: ...

    def state(self, schedule: Json) -> tuple[str, int]: ...


class Schedules:
    """The verbs."""

    def __init__(
        self, context: Context, workspaces: Catalog, check_target: Callable[[str, Json], None], places: Watching
    ) -> None:
        self._context, self._workspaces, self._check_target = context, workspaces, check_target
        self._places = places
        self.wake: Callable[[], None] = lambda: None  # tells the loops that something may be due
        self._db = context.database

    def create(self, workspace: str, body: Json) -> Json:
        """Make a schedule; BadRequest lists all that is wrong with it."""
        self._workspaces.workspace(workspace)
        settings = {name: body[name] for name in SETTINGS if body.get(name) is not None}
        status = "Active" if body.get("status") is None else body["status"]
        refuse([*problems(settings), *target_problems(body), *standing_problems(body.get("name"), status)])
        self._check_parameters(workspace, settings, body.get("pipeline_id"), body.get("pipeline_endpoint_id"))
        now = self._context.clock()
        row: Json = {
            "id": self._context.make_id(),
            "workspace": workspace,
            "name": body["name"],
            "kind": "time" if "recurrence" in settings else "data",
            "pipeline_id": body.get("pipeline_id") or None,
            "endpoint_id": body.get("pipeline_endpoint_id") or None,
            "status": status,
            "settings": settings,
            "revision": 0,
            "next_at": None,
            "seen_at": now,
            "created_at": now,
            "updated_at": now,
        }
        if row["kind"] == "time":
            first = rule_of(row).first()
            _refuse_never(first)
            row["next_at"] = first if status == "Active" else None
            self._db.write(lambda c: store.add(c, row))
        else:
            settings["datastore"] = self._places.named(workspace, settings.get("datastore"))
            files, n_files = self._state(row)
            self._db.write(lambda c: store.add_watching(c, row, files, n_files))
        self.wake()
        return {**self.get(workspace, row["id"]), "notes": self._notes()}

    def _check_parameters(self, workspace: str, settings: Json, pipeline_id: Any, endpoint_id: Any) -> None:
        """Refuse parameters that what is submitted does not take, the one that gets the changed path included."""
        parameters = dict(settings.get("pipeline_parameters") or {})
        if name := settings.get("data_path_parameter_name"):
            store = self._places.named(workspace, settings.get("datastore"))
            parameters[name] = {"datastore": store, "path": settings.get("path_on_datastore") or ""}
        target = {"pipeline_id": pipeline_id, "pipeline_endpoint_id": endpoint_id}
        self._check_target(workspace, {**target, "pipeline_parameters": parameters})

    def _notes(self) -> list[str]:
        """Said once, when the first schedule of a server is made that nobody has installed."""
        with self._db.read() as connection:
            is_first = store.n_all(connection) == 1
        return [STAYS] if self._context.embedded and is_first else []

    def get(self, workspace: str, schedule_id: str) -> Json:
        return self._all_shown([self._row(workspace, schedule_id)])[0]

    def _all_shown(self, rows: Sequence[Json]) -> list[Json]:
        with self._db.read() as connection:
            said = warnings(connection, rows)
        return [_shown(row, said[row["id"]]) for row in rows]

    def anywhere(self, schedule_id: str) -> Json:
        """As `get`, whatever workspace it is in."""
        with self._db.read() as connection:
            row = store.get(connection, schedule_id)
        if row is None:
            raise NotFound(f"There is no schedule '{schedule_id}' on this server. See them: /schedules")
        return self._all_shown([row])[0]

    def list(self, workspace: str, active_only: bool = False, **target: str | None) -> list[Json]:
        """Oldest first. `target` is pipeline_id or endpoint_id."""
        self._workspaces.workspace(workspace)
        wanted = {k: v for k, v in target.items() if v is not None}
        if active_only:
            wanted["status"] = "Active"
        with self._db.read() as connection:
            rows = store.listed(connection, workspace, **wanted)
        return self._all_shown(rows)

    def update(self, workspace: str, schedule_id: str, body: Json) -> Json:
        """Change what is given. A schedule by the clock stays one; so does one that watches data."""
        row = self._row(workspace, schedule_id)
        given = {name: body[name] for name in SETTINGS if body.get(name) is not None}
        values, settings = self._changed(row, body, given), {**row["settings"], **given}
        if given.keys() & {"pipeline_parameters", "data_path_parameter_name"}:
            self._check_parameters(workspace, settings, row["pipeline_id"], row["endpoint_id"])
        now = self._context.clock()
        is_new = values["status"] == "Active" and (row["status"] != "Active" or "recurrence" in given)
        if row["kind"] == "time":
            if "recurrence" in given:
                settings["counted_from"] = now
            if is_new:
                rule = rule_of({**row, "settings": settings})
                values["next_at"] = rule.first() if "recurrence" in given else rule.after(now)
                _refuse_never(values["next_at"])
        if values["status"] == "Disabled":
            values["next_at"] = None
        values |= {"settings": settings, "seen_at": now, "updated_at": now}
        state = self._state_after(row, settings, values["status"])
        lost = dropped(row, now, "edit: it was changed before this was kept") if "next_at" in values else []

        def work(connection: Connection) -> bool:
            is_done = store.change(connection, schedule_id, row["revision"], values)
            if is_done and lost:
                begin_after_known(connection, row, lost)
                ledger.add_ticks(connection, lost)
            if is_done and state is not None:
                store.put_watched(connection, schedule_id, *state, now)
            return is_done

        if not self._db.write(work):
            raise Conflict(
                f"The schedule '{row['name']}' was changed at the same time. Look at it, then change it again."
            )
        self.wake()
        return self.get(workspace, schedule_id)

    def _state_after(self, row: Json, settings: Json, status: str) -> tuple[str, int] | None:
        """What is there now, when the schedule begins to watch with an edit: that does not fire. None: it goes on watching, or does not watch."""
        if row["kind"] == "time" or status != "Active":
            return None
        if "datastore" in settings:
            settings["datastore"] = self._places.named(row["workspace"], settings["datastore"])
        is_elsewhere = any(settings.get(n) != row["settings"].get(n) for n in WHERE)
        return self._state({**row, "settings": settings}) if is_elsewhere or row["status"] != "Active" else None

    def _state(self, row: Json) -> tuple[str, int]:
        try:
            return self._places.state(row)
        except CannotLook as error:
            raise BadRequest(f"What the schedule is to watch cannot be known: {error.message}", target="path") from None

    def _changed(self, row: Json, body: Json, given: Json) -> Json:
        status, name = (row[n] if body.get(n) is None else body[n] for n in ("status", "name"))
        found = [*problems({"experiment_name": "e", **given}), *standing_problems(name, status)]
        wrong = [n for n in (OF_DATA if row["kind"] == "time" else ("recurrence",)) if n in given]
        if wrong:
            kind = "recurrence" if row["kind"] == "time" else "datastore"
            message = (
                f"The schedule '{row['name']}' is a {kind} schedule: {wrong[0]} cannot be given. Make another schedule."
            )
            found.append(Problem(message, wrong[0]))
        refuse(found)
        values: Json = {"status": status, "name": name}
        if status == "Active":
            values["note"] = None
        return values

    def ticks(self, workspace: str, schedule_id: str, limit: int = 100) -> Json:
        """What became of its due times, newest first."""
        self._row(workspace, schedule_id)
        with self._db.read() as connection:
            return {"value": [_tick(t) for t in ledger.ticks(connection, schedule_id, limit)]}

    def next(self, workspace: str, schedule_id: str, n: int = 10) -> Json:
        """The coming due times, in its zone and in UTC."""
        row = self._row(workspace, schedule_id)
        if row["kind"] == "data":
            return {**self._watched(row), "value": [], "status": row["status"]}
        rule = rule_of(row)
        begin = row["next_at"] if row["next_at"] is not None else self._context.clock()
        times = [begin] if row["next_at"] is not None else []
        times += itertools.islice(rule.all_after(begin), max(0, min(n, 1000) - len(times)))
        shown = [{"at": iso(t), "local": datetime.fromtimestamp(t, rule.zone).isoformat()} for t in times]
        return {"value": shown, "time_zone": rule.time_zone, "status": row["status"]}

    def _watched(self, row: Json) -> Json:
        """What it watches, and what of that is known."""
        with self._db.read() as connection:
            n_files, looked_at = store.known_files(connection, row["id"])
        known = {"n_files": n_files, "known_at": None if looked_at is None else iso(looked_at)}
        return {"watches": row["settings"].get("path_on_datastore") or "/", **known}

    def runs(self, workspace: str, schedule_id: str) -> Sequence[str]:
        """The ids of its runs, newest first."""
        self._row(workspace, schedule_id)
        with self._db.read() as connection:
            return ledger.runs_of(connection, schedule_id)

    def changed(self, workspace: str, run_id: str) -> Json:
        """The files whose changes a run, or the one that it is a step of, was submitted for. NotFound when it was not for any."""
        with self._db.read() as connection:
            run, tick = runs.get_run(connection, run_id), ledger.tick_of_run(connection, run_id)
        if run is None or run["workspace"] != workspace or tick is None or "changed" not in tick["evidence"]:
            raise NotFound(
                f"No schedule that watches data has submitted a run '{run_id}' in workspace '{workspace}'. "
                "Ask for the run of such a schedule: penstock schedule runs",
                target=run_id,
            )
        return answer(tick["evidence"])

    def run_now(self, workspace: str, schedule_id: str) -> Json:
        """Fire it once, whatever is due."""
        row, now = self._row(workspace, schedule_id), self._context.clock()
        evidence: Json = {"by": "run-now"}
        if row["kind"] == "data":
            evidence |= {"path": target_of(row).base, "changed": 0}
        tick = {"schedule_id": schedule_id, "scheduled_at": now, "made_at": now, "evidence": evidence}
        at = self._db.write(lambda c: ledger.add_at_free_time(c, tick))
        self.wake()
        return {"scheduled_at": iso(at)}

    def backfill(self, workspace: str, schedule_id: str, body: Json) -> Json:
        """Run the due times of a span that were not run, `at_once` together; with dry_run only say which."""
        row = self._row(workspace, schedule_id)
        if row["kind"] == "data":
            raise BadRequest(f"The schedule '{row['name']}' watches data: there are no due times to run. Use run-now.")
        begin, end = _moment(body.get("from"), "from"), _moment(body.get("to"), "to")
        at_once = 1 if body.get("at_once") is None else body["at_once"]
        if not isinstance(at_once, int) or isinstance(at_once, bool) or at_once < 1:
            raise BadRequest(f"at_once must be a whole number of 1 or more, but is {at_once!r}.", target="at_once")
        rule = rule_of(row).reaching(begin)
        spans = itertools.takewhile(lambda t: t <= min(end, self._context.clock()), rule.all_after(begin - 0.001))
        wanted = list(itertools.islice(spans, BACKFILL_MOST + 1))
        if len(wanted) > BACKFILL_MOST:
            raise BadRequest(
                f"There are more than {BACKFILL_MOST:,} due times from {body['from']} to {body['to']}. Give less."
            )
        with self._db.read() as connection:
            done = ledger.times_run(connection, schedule_id, begin, end)
        missing = [t for t in wanted if t not in done]
        for n in range(0, 0 if body.get("dry_run") else len(missing), AT_ONCE):
            self._keep_backfill(row, missing[n : n + AT_ONCE], at_once, rule)
        self.wake()
        return {"value": [iso(t) for t in missing], "n": len(missing), "dry_run": bool(body.get("dry_run"))}

    def _keep_backfill(self, row: Json, missing: Sequence[float], at_once: int, rule: Recurrence) -> None:
        now, evidence = self._context.clock(), {"by": "backfill", "at_once": at_once}

        def work(connection: Connection) -> None:
            for at in missing:
                tick = {"schedule_id": row["id"], "scheduled_at": at, "made_at": now, "evidence": evidence}
                before = ledger.backfill_tick(connection, tick)
                if before is not None:
                    rest = _rest(row, rule, before, missing[-1], now)
                    begin_after_known(connection, row, rest)
                    ledger.add_ticks(connection, rest)

        self._db.write(work)

    def is_any_active(self) -> bool:
        """Whether a server must stay up for a schedule."""
        with self._db.read() as connection:
            return store.n_active(connection) > 0

    def _row(self, workspace: str, schedule_id: str) -> Json:
        with self._db.read() as connection:
            row = store.get(connection, schedule_id)
        if row is None or row["workspace"] != workspace:
            raise NotFound(
                f"There is no schedule '{schedule_id}' in workspace '{workspace}'. See them: penstock schedule list",
                target=schedule_id,
            )
        return row


def _rest(row: Json, rule: Recurrence, before: Json, last: float, now: float) -> list[Json]:
    """What a skip still stands for when those that it stood for are run up to `last`."""
    until = before["until_at"]
    if until is None or until <= last:
        return []
    is_of_rule = before["made_at"] >= row["settings"].get("counted_from", 0)
    first = rule.after(last) if is_of_rule else round(last + 0.001, 3)
    return [] if first is None else [skipped(row["id"], first, until, None, before["reason"], now)]


def _refuse_never(next_at: float | None) -> None:
    if next_at is None:
        raise BadRequest(
            "The recurrence never comes again. Give an earlier start_time or other days.", target="recurrence"
        )


def _moment(given: Any, name: str) -> float:
    try:
        found = datetime.fromisoformat(str(given))
    except ValueError:
        raise BadRequest(f"{name} {given!r} is no time. Give it as 2030-01-31T08:30:00 (UTC).", target=name) from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _shown(row: Json, warned: Sequence[str]) -> Json:
    dates = {n: None if row[n] is None else iso(row[n]) for n in ("next_at", "created_at", "updated_at")}
    kept = {n: row[n] for n in ("id", "workspace", "name", "kind", "pipeline_id", "status", "note", "revision")}
    more = {"pipeline_endpoint_id": row["endpoint_id"], "provisioning": "Completed", "warnings": warned}
    return {**kept, **more, **shown(row["settings"]), **dates}


def _tick(row: Json) -> Json:
    dates = {n: None if row[n] is None else iso(row[n]) for n in ("scheduled_at", "until_at", "decided_at")}
    kept = {n: row[n] for n in ("verdict", "reason", "n", "run_id", "run_status")}
    evidence = {k: v for k, v in row["evidence"].items() if k != "listed"}
    return {**dates, **kept, "evidence": evidence}
