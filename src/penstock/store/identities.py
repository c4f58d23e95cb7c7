"""What made the result of each step that ran what it is, what was decided from that, and what the step was seen to read. Knows rows alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

from sqlalchemy import Connection, select, update

from penstock.model.status import Status
from penstock.store.dialect import insert_all, is_postgresql, tuples, tuples_of, upsert
from penstock.store.tables import identity, observation, run
from penstock.store.takeover import StandIn

Row = dict[str, Any]
_CHUNK = 400
FORGOTTEN = "it was forgotten on "
"""How the reason begins why a step that somebody told to forget is unusable."""


def add(connection: Connection, rows: Sequence[Row]) -> None:
    """Keep identities: `{run_id, workspace, name, fingerprint, module, parts, why, unusable, created_at}`. Again: the newer counts."""
    if not rows:
        return
    kept = [{**r, "parts": _text(r["parts"]), "why": _text(r["why"])} for r in rows]
    newer = ", ".join(f"{c.name} = excluded.{c.name}" for c in identity.c if c.name != "run_id")
    insert_all(connection, identity, kept, f"ON CONFLICT (run_id) DO UPDATE SET {newer}")


def get(connection: Connection, run_id: str) -> Row | None:
    """The identity of a step run; None when it has none."""
    row = connection.execute(select(identity).where(identity.c.run_id == run_id)).mappings().first()
    return None if row is None else _row(row)


def of_runs(connection: Connection, run_ids: Iterable[str]) -> dict[str, Row]:
    """The identities of these step runs, of those that have one, by run."""
    columns = [c.name for c in identity.c]
    text = f"SELECT {', '.join(columns)} FROM identity WHERE run_id IN"
    rows = (dict(zip(columns, row, strict=True)) for row in tuples_of(connection, text, (), list(run_ids)))
    return {row["run_id"]: _row(row) for row in rows}


# The workspace as an expression: SQLite would read all of it, taking that index for as good as the one of fingerprints. What was reused has
# no identity, so a step that was reused a thousand times is looked up as fast as any.
_ALIKE = (
    "SELECT fingerprint, run_id FROM identity WHERE coalesce(workspace, '') = ? AND unusable IS NULL "
    "AND NOT EXISTS (SELECT 1 FROM removal WHERE removal.run_id = identity.run_id) "  # cleared away, or about to be
    "AND fingerprint IN"
)
_RAN = f"SELECT id, node, root_id, attempt, ended_at, number FROM run WHERE status = '{Status.COMPLETED}' AND id IN"


def completed(
    connection: Connection,
    workspace: str,
    fingerprints: Iterable[str],
    but_root: str,
    known: dict[str, StandIn],
    each: int = 8,
) -> dict[str, list[StandIn]]:
    """By fingerprint, the steps of other runs that completed by running and may be reused: the newest `each`, newest first.

    `known`: completed steps by run, which do not change; those that were asked for are added. Not of PostgreSQL: when that dies, the end of a
    step may be undone that this process was told of.
    """
    if is_postgresql(connection):
        known = {}
    found: dict[str, list[StandIn]] = {f: [] for f in fingerprints}
    alike = [*tuples_of(connection, _ALIKE, (workspace,), list(found))]
    ran = {run_id: step for _, run_id in alike if (step := known.get(run_id)) is not None}
    if len(ran) < len(alike):
        new = [run_id for _, run_id in alike if run_id not in ran]
        asked = {row[0]: StandIn(*row) for row in tuples_of(connection, _RAN, (), new)}
        known.update(asked)
        ran |= asked
    for fingerprint, run_id in alike:
        step = ran.get(run_id)
        if step is not None and step.root_id != but_root:
            found[fingerprint].append(step)
    for steps in found.values():
        if len(steps) > 1:
            steps.sort(key=lambda step: step.number, reverse=True)
            del steps[each:]
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
        .where(run.c.status == str(Status.COMPLETED), *limits)
        .order_by(run.c.number.desc())
        .limit(limit)
    )
    return [_row(r) for r in connection.execute(query).mappings()]


_KNOWN = (
    "SELECT name, module FROM wanted WHERE EXISTS (SELECT 1 FROM identity JOIN run ON run.id = identity.run_id "
    "WHERE identity.workspace = ? AND identity.name = wanted.name AND identity.module = wanted.module "
    f"AND identity.unusable IS NULL AND run.status NOT IN ('{Status.FAILED}', '{Status.CANCELED}'))"
)


def known_modules(connection: Connection, workspace: str, modules: Iterable[tuple[str, str]]) -> set[str]:
    """Which of these modules a step of that name `(name, module)` had that completed or still may: what an author is told before anything
    is known of the data. Each is looked for until it is found, however many there are: they are as many as runs."""
    asked = list(dict.fromkeys(modules))
    found: set[str] = set()
    for start in range(0, len(asked), _CHUNK):
        some = asked[start : start + _CHUNK]
        wanted = f"WITH wanted (name, module) AS (VALUES {', '.join(['(?, ?)'] * len(some))}) "
        rows = tuples(connection, wanted + _KNOWN, [*chain.from_iterable(some), workspace])
        found.update(module for _, module in rows)
    return found


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
    found: dict[str, list[Row]] = {i: [] for i in run_ids}
    columns = [c.name for c in observation.c]
    text = f"SELECT {', '.join(columns)} FROM observation WHERE run_id IN"
    for row in tuples_of(connection, text, (), list(found), "ORDER BY kind, name"):
        found[row[0]].append(dict(zip(columns, row, strict=True)))
    return found


def _text(value: Any) -> str:
    return json.dumps(value) if value else ("{}" if isinstance(value, dict) else "[]")


def _row(row: Any) -> Row:
    return {**row, "parts": json.loads(row["parts"]), "why": json.loads(row["why"])}
