"""Webhooks, the ended runs that each is to be told of, and what became of that."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from penstock.store.dialect import upsert
from penstock.store.tables import delivery, event, run, webhook

Row = dict[str, Any]
ENDINGS = ("completed", "failed", "canceled")
A_PASS = 500


def add(connection: Connection, row: Row) -> None:
    """Keep a webhook. It is told of what ends from now on."""
    newest = connection.execute(select(func.max(event.c.id))).scalar() or 0
    connection.execute(insert(webhook), [{**row, "events": json.dumps(row["events"]), "seen": newest}])


def get(connection: Connection, webhook_id: str) -> Row | None:
    found = connection.execute(select(webhook).where(webhook.c.id == webhook_id)).mappings().first()
    return _read(found) if found else None


def listed(connection: Connection, workspace: str | None = None, *, active: bool = False) -> list[Row]:
    """Oldest first."""
    query = select(webhook).order_by(webhook.c.created_at, webhook.c.id)
    if workspace is not None:
        query = query.where(webhook.c.workspace == workspace)
    if active:
        query = query.where(webhook.c.disabled.is_(None))
    return [_read(r) for r in connection.execute(query).mappings()]


def drop(connection: Connection, webhook_id: str) -> None:
    connection.execute(delete(delivery).where(delivery.c.webhook_id == webhook_id))
    connection.execute(delete(webhook).where(webhook.c.id == webhook_id))


def disable(connection: Connection, webhook_id: str, because: str | None) -> None:
    """Tell it no more, or (None) again: of what ends from then on."""
    newest = connection.execute(select(func.max(event.c.id))).scalar() or 0
    connection.execute(update(webhook).where(webhook.c.id == webhook_id).values(disabled=because, seen=newest))
    if because is not None:
        open_ones = (delivery.c.webhook_id == webhook_id, delivery.c.next_at.is_not(None))
        connection.execute(
            update(delivery).where(*open_ones).values(next_at=None, answer=f"Not tried again: {because}")
        )


def ended_after(connection: Connection, seen: int) -> list[Row]:
    """Ends of pipeline runs, in the order they were committed: `{id, run_id, name, workspace, experiment}`."""
    query = (
        select(event.c.id, event.c.run_id, event.c.name, run.c.workspace, run.c.experiment)
        .join(run, run.c.id == event.c.run_id)
        .where(event.c.id > seen, event.c.name.in_(ENDINGS), run.c.type != "step", run.c.id == run.c.root_id)
        .order_by(event.c.id)
        .limit(A_PASS)
    )
    return [dict(r) for r in connection.execute(query).mappings()]


def take_up(connection: Connection, webhook_id: str, found: Sequence[Row], seen: int, at: float) -> None:
    """Keep what this webhook is to be told of, and how far it has been looked."""
    if found:
        kept = upsert(connection, delivery).on_conflict_do_nothing()
        rows = [
            {
                "webhook_id": webhook_id,
                "run_id": e["run_id"],
                "event": e["name"],
                "n_tries": 0,
                "next_at": at,
                "created_at": at,
            }
            for e in found
        ]
        connection.execute(kept, rows)
    connection.execute(update(webhook).where(webhook.c.id == webhook_id, webhook.c.seen < seen).values(seen=seen))


def due(connection: Connection, at: float, limit: int) -> list[Row]:
    """What is to be told now, the longest overdue first."""
    query = select(delivery).where(delivery.c.next_at <= at).order_by(delivery.c.next_at).limit(limit)
    return [dict(r) for r in connection.execute(query).mappings()]


def next_due(connection: Connection) -> float | None:
    """When the next is to be told."""
    found: float | None = connection.execute(select(func.min(delivery.c.next_at))).scalar()
    return found


def tried(connection: Connection, row: Row, answer: str, next_at: float | None, delivered_at: float | None) -> bool:
    """Record one more try; False when somebody else did meanwhile."""
    same = (
        delivery.c.webhook_id == row["webhook_id"],
        delivery.c.run_id == row["run_id"],
        delivery.c.n_tries == row["n_tries"],
        delivery.c.next_at.is_not(None),
    )
    values = {"n_tries": row["n_tries"] + 1, "answer": answer, "next_at": next_at, "delivered_at": delivered_at}
    return bool(connection.execute(update(delivery).where(*same).values(values)).rowcount)


def deliveries(connection: Connection, webhook_id: str, limit: int) -> list[Row]:
    """Newest first."""
    query = select(delivery).where(delivery.c.webhook_id == webhook_id)
    query = query.order_by(delivery.c.created_at.desc(), delivery.c.run_id).limit(limit)
    return [dict(r) for r in connection.execute(query).mappings()]


def _read(row: Any) -> Row:
    return {**row, "events": json.loads(row["events"])}
