"""What made each step's result what it is, what was decided from that, and what the step was seen to read. Knows rows alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, func, select, text, update

from penstock.model.status import Status
from penstock.store.dialect import upsert
from penstock.store.tables import identity, observation, removal, run

Row = dict[str, Any]
_CHUNK = 400


def add(connection: Connection, rows: Sequence[Row]) -> None:
    """Keep identities: `{run_id, workspace, name, fingerprint, module, parts, reused_run_id, why, unusable, created_at}`. Again: the newer counts."""
    if not rows:
        return
    statement = upsert(connection, identity)
    new = statement.excluded
    values = {c.name: getattr(new, c.name) for c in identity.c if c.name != "run_id"}
    kept = [{**r, "parts": json.dumps(r["parts"]), "why": json.dumps(r["why"])} for r in rows]
    connection.execute(statement.on_conflict_do_update(index_elements=[identity.c.run_id], set_=values), kept)


def get(connection: Connection, run_id: str) -> Row | None:
    """The identity of a step run; None when it has none."""
    row = connection.execute(select(identity).where(identity.c.run_id == run_id)).mappings().first()
    return None if row is None else _row(row)


def completed(
    connection: Connection, workspace: str, fingerprints: Iterable[str], but_root: str, each: int = 8
) -> dict[str, list[Row]]:
    """By fingerprint, the steps of other runs that completed by running and may be reused: the newest `each`, newest first."""
    wanted = list(dict.fromkeys(fingerprints))
    found: dict[str, list[Row]] = {f: [] for f in wanted}
    # As expressions: SQLite takes every index for as good as that of fingerprints, and would read all of the workspace, or all that ran.
    same_workspace = func.coalesce(identity.c.workspace, "") == workspace
    for start in range(0, len(wanted), _CHUNK):
        query = (
            select(identity.c.fingerprint, identity.c.run_id, run.c.root_id, run.c.node, run.c.attempt, run.c.ended_at)
            .join(run, run.c.id == identity.c.run_id)
            .where(identity.c.fingerprint.in_(wanted[start : start + _CHUNK]), same_workspace)
            .where(func.coalesce(identity.c.reused_run_id, "") == "", identity.c.unusable.is_(None))
            .where(run.c.status == str(Status.COMPLETED), run.c.root_id != but_root)
            .where(identity.c.run_id.not_in(select(removal.c.run_id)))  # cleared away, or about to be
            .order_by(run.c.number.desc())
        )
        for row in connection.execute(query).mappings():
            if len(found[row["fingerprint"]]) < each:
                found[row["fingerprint"]].append(dict(row))
    return found


def earlier(connection: Connection, workspace: str, name: str, limit: int = 20, before: str | None = None) -> list[Row]:
    """The last steps of this name that completed by running (of those that are older than run `before`), newest first."""
    limits = []
    if before is not None:
        this = select(run.c.number, run.c.root_id).where(run.c.id == before).subquery()
        limits = [
            run.c.number < select(this.c.number).scalar_subquery(),
            run.c.root_id != select(this.c.root_id).scalar_subquery(),
        ]
    query = (
        select(identity, run.c.root_id, run.c.status)
        .join(run, run.c.id == identity.c.run_id)
        .where(identity.c.workspace == workspace, identity.c.name == name)
        .where(func.coalesce(identity.c.reused_run_id, "") == "")
        .where(run.c.status == str(Status.COMPLETED), *limits)
        .order_by(run.c.number.desc())
        .limit(limit)
    )
    return [_row(r) for r in connection.execute(query).mappings()]


_KNOWN = text(
    "SELECT 1 FROM identity JOIN run ON run.id = identity.run_id "
    "WHERE identity.workspace = :workspace AND identity.name = :name AND identity.module = :module "
    f"AND identity.unusable IS NULL AND run.status NOT IN ('{Status.FAILED}', '{Status.CANCELED}') LIMIT 1"
)


def known_modules(connection: Connection, workspace: str, modules: Iterable[tuple[str, str]]) -> set[str]:
    """Which of these modules a step of that name `(name, module)` had that completed or still may: what an author is told before anything
    is known of the data. Each is looked for until it is found, however many there are: they are as many as runs."""
    asked = ({"workspace": workspace, "name": name, "module": module} for name, module in dict.fromkeys(modules))
    return {a["module"] for a in asked if connection.execute(_KNOWN, a).first() is not None}


def spoil(connection: Connection, run_id: str, why: str) -> None:
    """What this step did must not be reused."""
    connection.execute(update(identity).where(identity.c.run_id == run_id).values(unusable=why))


def add_observations(connection: Connection, rows: Sequence[Row]) -> None:
    """Keep what steps were seen to read, and what they wrote beside their outputs: `{run_id, kind, name, found}`.

    Of what was read the first counts, of what was written (kind `wrote`) the last.
    """
    statement = upsert(connection, observation)
    if read := [r for r in rows if r["kind"] != "wrote"]:
        connection.execute(statement.on_conflict_do_nothing(), read)
    if wrote := [r for r in rows if r["kind"] == "wrote"]:
        key = [observation.c.run_id, observation.c.kind, observation.c.name]
        connection.execute(
            statement.on_conflict_do_update(index_elements=key, set_={"found": statement.excluded.found}), wrote
        )


def first_seen(connection: Connection, run_id: str, names: Iterable[str]) -> tuple[str, list[str]]:
    """The step's name, and of these places those that no earlier step of its name was seen to read; none for a step that is never reused."""
    own = get(connection, run_id)
    wanted = list(names)
    if own is None or own["fingerprint"] is None or not wanted:
        return "", []
    query = (
        select(observation.c.name)
        .join(identity, identity.c.run_id == observation.c.run_id)
        .where(identity.c.workspace == own["workspace"], identity.c.name == own["name"], identity.c.run_id != run_id)
        .where(observation.c.name.in_(wanted[:_CHUNK]))
        .distinct()
    )
    known = set(connection.execute(query).scalars())
    return own["name"], [n for n in wanted if n not in known]


def observations(connection: Connection, run_ids: Iterable[str]) -> dict[str, list[Row]]:
    """By run id, what it was seen to read, in order."""
    ids = list(run_ids)
    found: dict[str, list[Row]] = {i: [] for i in ids}
    for start in range(0, len(ids), _CHUNK):
        query = select(observation).where(observation.c.run_id.in_(ids[start : start + _CHUNK]))
        for row in connection.execute(query.order_by(observation.c.kind, observation.c.name)).mappings():
            found[row["run_id"]].append(dict(row))
    return found


def _row(row: Any) -> Row:
    return {**row, "parts": json.loads(row["parts"]), "why": json.loads(row["why"])}
