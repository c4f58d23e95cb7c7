"""Telling webhooks that runs have ended: each at least once, under an id that stays the same, until it is taken or given up.

`tick(now)` is one bounded pass. What is to be told is kept first, from the runs' events, so nothing is forgotten whatever dies
when; then it is posted. Only the leading server tells.
"""

from __future__ import annotations

import json
import logging
import threading
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from penstock.model.errors import NotFound, PenstockError
from penstock.service.assets.catalog import iso
from penstock.service.context import Context
from penstock.service.execution.leader import NotLeader
from penstock.service.notify.posting import Answer, Poster, signed
from penstock.service.notify.webhooks import secret_of
from penstock.service.runs.views import Views
from penstock.store import webhooks as store

Json = dict[str, Any]
log = logging.getLogger("penstock.webhooks")
AGAIN_AFTER_SECONDS = (5, 30, 120, 600, 3600, 3 * 3600, 6 * 3600, 12 * 3600)
"""How long each further try waits; after the last of them it is given up."""
AT_ONCE = 8
A_PASS = 256
A_WEBHOOK = 4
IDLE_SECONDS = 30.0
TROUBLE_SECONDS = 5.0
GONE = 410
_IDS = uuid.UUID("7d0f2ac1-40a5-4d2b-9a53-0f6f4c0f5a10")


class Deliveries:
    """Finds what has ended, and tells whoever asked to be told."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._db = context.database
        self._views = Views(context)
        self._poster = Poster(context.webhook_hosts)
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook")

    def tick(self, now: float) -> float:
        """One pass; when the next is due."""
        if self._context.leader.term is None:
            return now + IDLE_SECONDS
        hooks = self._active()
        if not hooks:
            return now + IDLE_SECONDS
        is_more = self._take_up(hooks, now)
        with self._db.read() as connection:
            due = store.due(connection, now, A_PASS)
        now_ones = _fairly(due)
        list(self._pool.map(lambda row: self._tell(hooks.get(row["webhook_id"]), row), now_ones))
        if is_more or len(due) == A_PASS or len(now_ones) < len(due):
            return now
        with self._db.read() as connection:
            next_at = store.next_due(connection)
        return min(now + IDLE_SECONDS, next_at or now + IDLE_SECONDS)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _active(self) -> dict[str, Json]:
        with self._db.read() as connection:
            return {h["id"]: h for h in store.listed(connection, active=True)}

    def _take_up(self, hooks: dict[str, Json], now: float) -> bool:
        """Keeps what has ended since each webhook was last looked after; whether there is more."""
        with self._db.read() as connection:
            ended = store.ended_after(connection, min(h["seen"] for h in hooks.values()))
        if not ended:
            return False
        seen = ended[-1]["id"]
        wanted = {i: [e for e in ended if e["id"] > h["seen"] and _is_wanted(h, e)] for i, h in hooks.items()}

        def work(connection: Any) -> None:
            self._context.leader.fence(connection)
            for webhook_id, found in wanted.items():
                store.take_up(connection, webhook_id, found, seen, now)

        self._db.write(work)
        return len(ended) == store.A_PASS

    def _tell(self, hook: Json | None, row: Json) -> None:
        """One try, and what came of it on record."""
        if hook is None:
            return  # disabled or deleted a moment ago, which settled what was open
        answer = self._post(hook, row)
        n_tries = row["n_tries"] + 1
        wait = AGAIN_AFTER_SECONDS[row["n_tries"]] if row["n_tries"] < len(AGAIN_AFTER_SECONDS) else None
        at = self._context.clock()
        delivered_at, next_at = (at, None) if answer.is_taken else (None, None if wait is None else at + wait)
        text = answer.text if answer.is_taken or next_at else f"{answer.text} Given up after {n_tries} tries."

        def work(connection: Any) -> None:
            self._context.leader.fence(connection)
            store.tried(connection, row, text, next_at, delivered_at)
            if answer.status == GONE:
                store.disable(connection, hook["id"], "its receiver answered 410: it is gone")

        self._db.write(work)

    def _post(self, hook: Json, row: Json) -> Answer:
        try:
            run = self._views.find_run(row["run_id"])
        except NotFound as error:
            return Answer(200, f"Not told: {error.message}")
        message_id = "msg_" + uuid.uuid5(_IDS, f"{hook['id']} {row['run_id']}").hex
        at = self._context.clock()
        body = json.dumps(
            {"type": f"run.{row['event']}", "timestamp": iso(row["created_at"]), "data": {"run": run}}
        ).encode()
        try:
            return self._poster.post(hook["url"], body, signed(secret_of(self._context, hook), message_id, at, body))
        except PenstockError as error:
            return Answer(0, error.message)


def _fairly(due: list[Json]) -> list[Json]:
    """A few for each webhook: one whose receiver hangs holds the others up for one try, not for all of its own."""
    counts: Counter[str] = Counter()
    found = []
    for row in due:
        counts[row["webhook_id"]] += 1
        if counts[row["webhook_id"]] <= A_WEBHOOK:
            found.append(row)
    return found


def _is_wanted(hook: Json, ended: Json) -> bool:
    is_here = hook["workspace"] == ended["workspace"] and ended["name"] in hook["events"]
    return is_here and hook["experiment"] in (None, ended["experiment"])


class DeliveriesThread(threading.Thread):
    """Has deliveries made until `stop`: at once when a run ends, and when a try is due."""

    def __init__(self, context: Context, deliveries: Deliveries) -> None:
        super().__init__(name="webhooks", daemon=True)
        self._context, self._deliveries = context, deliveries
        self._ended = context.changes.on_end()
        self._stopping = False

    def run(self) -> None:
        due = 0.0
        while not self._stopping:
            self._ended.wait(max(0.0, due - self._context.clock()))
            self._ended.clear()
            if self._stopping:
                return
            try:
                due = self._deliveries.tick(self._context.clock())
            except NotLeader:
                due = self._context.clock() + IDLE_SECONDS
            except Exception:  # nothing is lost: what was not recorded is tried again
                log.exception("a pass over the webhooks failed")
                due = self._context.clock() + TROUBLE_SECONDS

    def stop(self) -> None:
        self._stopping = True
        self._ended.set()
        self._deliveries.close()
        self.join(timeout=2)
