"""Runs and their submissions. Functions on a connection; a write belongs inside `Database.write`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    and_,
    bindparam,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    update,
)

from penstock.model.status import ACTIVE, TERMINAL, Status, may_follow
from penstock.store import takeover
from penstock.store.dialect import insert_all, tuples, tuples_of, upsert, with_ids
from penstock.store.tables import LABEL_BEGINS, attempt, graph, label, run, submission

Row = dict[str, Any]


@dataclass(frozen=True)
class Move:
    """A guarded change of one run's status: it happens only while the run is as `before` and `attempt` say."""

    run_id: str
    before: Status
    after: Status
    attempt: int
    next_attempt: int | None = None
    at: float = 0.0
    started_at: float | None = None
    error: Row | None = None


_MOVE = (
    update(run)
    .where(
        run.c.id == bindparam("b_id"), run.c.status == bindparam("b_before"), run.c.attempt == bindparam("b_attempt")
    )
    .values(
        status=bindparam("b_after"),
        attempt=bindparam("b_next"),
        queued_at=func.coalesce(bindparam("b_queued_at"), run.c.queued_at),
        started_at=func.coalesce(run.c.started_at, bindparam("b_started_at")),
        ended_at=bindparam("b_ended_at"),
        error=func.coalesce(bindparam("b_error"), run.c.error),
    )
)
# Made once: what SQLAlchemy works out of a statement it keeps with it.
SCRIPT = "ScriptRun"  # the step_type of a script that was submitted by itself
_BEGINS: ColumnElement[str] = literal_column(f"substr(label.value, 1, {LABEL_BEGINS})")  # as its index has it
_LAST_NUMBER = (
    select(run.c.experiment_number)
    .where(run.c.workspace == bindparam("workspace"), run.c.experiment == bindparam("experiment"))
    .order_by(run.c.number.desc())
    .limit(1)
)
_ALIKE = (
    "UPDATE run SET status = ?, attempt = ?, queued_at = coalesce(?, queued_at), started_at = coalesce(started_at, ?), "
    "ended_at = ?, error = coalesce(?, error) WHERE status = ? AND attempt = ? AND id IN"
)


def move(connection: Connection, moves: Iterable[Move]) -> list[Move]:
    """Do every move whose guard holds; the ones that someone else decided first are left out of the answer."""
    return [m for m in moves if connection.execute(_MOVE, _move_values(m)).rowcount == 1]


def move_together(connection: Connection, moves: Sequence[Move]) -> bool:
    """Do all of these moves; False when the guard of one did not hold: then none of them may be kept. Those that differ in nothing but
    the run are one statement."""
    return all(_move_alike(connection, alike) for alike in _alike(moves))


def _alike(moves: Sequence[Move]) -> Iterator[list[Move]]:
    """The moves by what they have in common, those of one run in their order."""
    groups: dict[tuple[Any, ...], list[Move]] = {}
    touched: set[str] = set()
    for m in moves:
        if m.run_id in touched:
            yield from groups.values()
            groups, touched = {}, set()
        touched.add(m.run_id)
        same = (m.before, m.after, m.attempt, m.next_attempt, m.at, m.started_at, json.dumps(m.error))
        groups.setdefault(same, []).append(m)
    yield from groups.values()


def _move_alike(connection: Connection, moves: list[Move]) -> bool:
    if len(moves) == 1:
        return bool(move(connection, moves))
    v = _move_values(moves[0])
    changed = ("b_after", "b_next", "b_queued_at", "b_started_at", "b_ended_at", "b_error")
    given = [v[k] for k in (*changed, "b_before", "b_attempt")]
    return with_ids(connection, _ALIKE, given, [m.run_id for m in moves]) == len(moves)


def _move_values(m: Move) -> Row:
    if not may_follow(m.before, m.after):
        raise ValueError(f"A run in {m.before} cannot become {m.after}.")
    return {
        "b_id": m.run_id,
        "b_before": str(m.before),
        "b_attempt": m.attempt,
        "b_after": str(m.after),
        "b_next": m.attempt if m.next_attempt is None else m.next_attempt,
        "b_queued_at": m.at if m.after is Status.QUEUED else None,
        "b_started_at": m.started_at,
        "b_ended_at": m.at if m.after in TERMINAL else None,
        "b_error": json.dumps(m.error) if m.error else None,
    }


def decrement_unmet(connection: Connection, run_ids: Sequence[str]) -> None:
    """One upstream of each of these runs has completed; of one that comes twice, two have."""
    by_count: dict[int, list[str]] = {}
    for run_id, n in Counter(run_ids).items():
        by_count.setdefault(n, []).append(run_id)
    for n, ids in by_count.items():
        with_ids(connection, "UPDATE run SET unmet = unmet - ? WHERE id IN", (n,), ids)


def insert_runs(connection: Connection, rows: Sequence[Row]) -> None:
    """Keep these runs, each with the next number of its experiment, which is written into its row. `history.all_reused` counts on that."""
    last: dict[tuple[str, str], int] = {}
    for row in rows:
        place = (row["workspace"], row["experiment"])
        row.setdefault("attempt", 0)
        row.setdefault("unmet", 0)
        row["experiment_number"] = last[place] = 1 + (last.get(place) or _last_number(connection, *place))
    insert_all(connection, run, rows)


def _last_number(connection: Connection, workspace: str, experiment: str) -> int:
    """The number of the experiment's newest run. Writers take turns, so nobody else counts meanwhile."""
    return int(connection.execute(_LAST_NUMBER, {"workspace": workspace, "experiment": experiment}).scalar() or 0)


def insert_submissions(connection: Connection, rows: Sequence[Row], graphs: Mapping[str, str]) -> None:
    """Keep submissions; `graphs`: the text, by its digest, of each graph of theirs that may not be kept yet."""
    known = kept_graphs(connection, list(graphs))
    insert_all(connection, graph, [{"digest": d, "text": t} for d, t in graphs.items() if d not in known])
    insert_all(connection, submission, rows)


def kept_graphs(connection: Connection, digests: Sequence[str]) -> set[str]:
    """Those of these that are kept."""
    return {digest for (digest,) in tuples_of(connection, "SELECT digest FROM graph WHERE digest IN", (), digests)}


def graph_text(connection: Connection, digest: str) -> str | None:
    """The text of a graph that some run is of."""
    return connection.execute(select(graph.c.text).where(graph.c.digest == digest)).scalar()


def known_keys(connection: Connection, idempotency_keys: Sequence[str]) -> set[str]:
    """Those of these keys that a run was submitted under."""
    text = "SELECT idempotency_key FROM submission WHERE idempotency_key IN"
    return {key for (key,) in tuples_of(connection, text, (), idempotency_keys)}


def submitted_as(connection: Connection, idempotency_key: str) -> str | None:
    """The run that was submitted under this key, if any."""
    query = select(submission.c.run_id).where(submission.c.idempotency_key == idempotency_key)
    return connection.execute(query).scalar()


def request_of(connection: Connection, root_id: str) -> str | None:
    """The digest of what the caller sent, if it was kept."""
    return connection.execute(select(submission.c.request).where(submission.c.run_id == root_id)).scalar()


def facts_of(connection: Connection, root_id: str) -> Row:
    """Of a pipeline run: how many steps it has, and whether it goes on when one fails."""
    steps = select(func.count()).where(run.c.parent_id == root_id, run.c.type == "step")
    go_on = select(submission.c.continue_on_failure).where(submission.c.run_id == root_id)
    return {
        "n_steps": int(connection.execute(steps).scalar_one()),
        "continue_on_failure": bool(connection.execute(go_on).scalar()),
    }


def get_submission(connection: Connection, root_id: str) -> Row | None:
    """A submission with its graph."""
    row = kept_submission(connection, root_id)
    if row is None:
        return None
    return {**row, "graph": json.loads(str(graph_text(connection, row["graph_digest"])))}


def kept_submission(connection: Connection, root_id: str) -> Row | None:
    """A submission without its graph, which may be large: only the digest of that."""
    found = connection.execute(select(submission).where(submission.c.run_id == root_id)).mappings().first()
    if found is None:
        return None
    return {**found, **{k: json.loads(found[k]) for k in ("parameters", "bindings")}}


def parameters_of(connection: Connection, root_id: str) -> Row | None:
    """The parameter values of a submission."""
    found = connection.execute(select(submission.c.parameters).where(submission.c.run_id == root_id)).scalar()
    return None if found is None else dict(json.loads(found))


def get_run(connection: Connection, run_id: str) -> Row | None:
    found = connection.execute(select(run).where(run.c.id == run_id)).mappings().first()
    return dict(found) if found else None


def standing(connection: Connection, run_ids: Sequence[str]) -> dict[str, tuple[Status, int]]:
    """Status and attempt of those of these runs that there are."""
    found: dict[str, tuple[Status, int]] = {}
    for start in range(0, len(run_ids), 500):
        query = select(run.c.id, run.c.status, run.c.attempt).where(run.c.id.in_(run_ids[start : start + 500]))
        found.update({r.id: (Status(r.status), r.attempt) for r in connection.execute(query)})
    return found


STEP = (
    "id",
    "number",
    "type",
    "parent_id",
    "node",
    "status",
    "attempt",
    "created_at",
    "queued_at",
    "ended_at",
    "workspace",
    "experiment",
)


def steps_of_root(connection: Connection, root_id: str) -> list[Row]:
    """The run and all below it, in order, with those columns that say how a step stands."""
    text = f"SELECT {', '.join(STEP)} FROM run WHERE root_id = ? ORDER BY number"
    return [dict(zip(STEP, row, strict=True)) for row in tuples(connection, text, (root_id,))]


def runs_of_root(connection: Connection, root_id: str) -> list[Row]:
    return _rows(connection, select(run).where(run.c.root_id == root_id).order_by(run.c.number))


def children(connection: Connection, parent_id: str, scripts: bool = False) -> list[Row]:
    """In start order; `scripts` as in Filter."""
    query = select(run).where(run.c.parent_id == parent_id)
    if scripts:
        held = run.alias()
        below = select(held.c.id).where(held.c.parent_id == parent_id)
        is_below = and_(run.c.step_type == SCRIPT, run.c.parent_id.in_(below))
        query = select(run).where(or_(and_(run.c.parent_id == parent_id, ~_is_around_a_script(run)), is_below))
    return _rows(connection, query.order_by(func.coalesce(run.c.started_at, 1e18), run.c.number))


def active_roots(connection: Connection) -> list[tuple[str, Status]]:
    """The pipeline runs that are not over and how they stand, oldest first."""
    query = select(run.c.id, run.c.status).where(run.c.type == "pipeline", run.c.status.in_(sorted(ACTIVE)))
    return [(r.id, Status(r.status)) for r in connection.execute(query.order_by(run.c.number))]


def driven(connection: Connection) -> list[Row]:
    """The runs that a process drives and has not ended: those with an owner."""
    query = select(run).where(run.c.type == "interactive", run.c.status.in_(sorted(ACTIVE)), run.c.owner.is_not(None))
    return _rows(connection, query.order_by(run.c.number))


def set_owner(connection: Connection, run_id: str, owner: str) -> None:
    """Whoever writes to a run that its caller drives, drives it from now on."""
    same = (run.c.id == run_id, run.c.owner.is_not(None), run.c.owner != owner)
    connection.execute(update(run).where(*same).values(owner=owner))


def n_active(connection: Connection) -> int:
    query = select(func.count()).select_from(run).where(run.c.parent_id.is_(None), run.c.status.in_(sorted(ACTIVE)))
    return int(connection.execute(query).scalar_one())


Label = tuple[str, str, str | None]
"""`tag` or `property`, its name, and its value; None means any."""
FEW = 1000
"""So many runs are looked up sooner than a hundred of them are found by looking at every run."""


@dataclass(frozen=True)
class Filter:
    """Which runs to list; None means any."""

    workspace: str | None = None
    experiment: str | None = None
    type: str | None = None
    parent: str | None = None
    status: str | None = None
    pipeline_id: str | None = None
    include_children: bool = False
    scripts: bool = False
    """Runs of scripts that were submitted by themselves, in place of the pipelines around them."""
    labels: tuple[Label, ...] = ()
    before_number: int | None = None
    limit: int = 100
    prefix: str | None = None


def list_runs(connection: Connection, wanted: Filter) -> list[Row]:
    """Runs newest first."""
    named = _first_few(connection, wanted.labels)
    if named == []:
        return []
    rows: FromClause = run
    if named is not None:  # the limit changes nothing but that the database looks up these, and no others
        rows = select(run).where(run.c.id.in_(named)).limit(FEW).subquery("run")
    c = rows.c
    query = select(rows).order_by(c.number.desc()).limit(wanted.limit)
    for column, value in (
        (c.workspace, wanted.workspace),
        (c.experiment, wanted.experiment),
        (c.pipeline_id, wanted.pipeline_id),
        (c.status, wanted.status),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.scripts:
        query = query.where(~_is_around_a_script(rows))
    if wanted.type is not None:
        query = query.where(_is_of(rows, wanted.type, wanted.scripts))
    if wanted.parent is not None:
        query = query.where(c.parent_id == wanted.parent)
    elif not wanted.include_children and wanted.type != "step" and wanted.pipeline_id is None:
        query = query.where(_is_on_top(rows, wanted.scripts))
    if wanted.prefix:
        query = query.where(c.id.startswith(wanted.prefix, autoescape=True))
    if wanted.before_number is not None:
        query = query.where(c.number < wanted.before_number)
    for kind, name, value in wanted.labels:
        query = query.where(_has(rows, kind, name, value))
    return _rows(connection, query)


def _is_around_a_script(rows: FromClause) -> ColumnElement[bool]:
    step = run.alias()
    return exists().where(step.c.parent_id == rows.c.id, step.c.step_type == SCRIPT).correlate(rows)


def _is_of(rows: FromClause, type: str, scripts: bool) -> ColumnElement[bool]:
    if not scripts or type == "pipeline":
        return rows.c.type == type
    is_script = func.coalesce(rows.c.step_type, "") == SCRIPT
    return or_(rows.c.type == type, is_script) if type == "interactive" else and_(rows.c.type == type, ~is_script)


def _is_on_top(rows: FromClause, scripts: bool) -> ColumnElement[bool]:
    top: ColumnElement[bool] = rows.c.parent_id.is_(None)
    if not scripts:
        return top
    around = run.alias()
    is_around = exists().where(around.c.id == rows.c.parent_id, around.c.parent_id.is_(None)).correlate(rows)
    return or_(top, and_(rows.c.step_type == SCRIPT, is_around))


def _first_few(connection: Connection, labels: Iterable[Label]) -> list[str] | None:
    """Of the first of these labels that no more than FEW runs have: those runs. None when each is had by more: then the newest of them soon
    turn up where runs are looked at one after another."""
    for kind, name, value in labels:
        if kind == "property" and takeover.says_so(run, name, value) is not None:
            continue  # runs have it without a label
        found = connection.execute(select(label.c.run_id).where(_is(kind, name, value)).limit(FEW + 1)).scalars().all()
        if len(found) <= FEW:
            return list(found)
    return None


def _has(rows: FromClause, kind: str, name: str, value: str | None) -> ColumnElement[bool]:
    """Whether these runs have this tag or property, of this value if one is given. Asked run by run: of EXISTS, PostgreSQL makes a join of all."""
    one = select(literal(1)).where(_is(kind, name, value), label.c.run_id == rows.c.id).limit(1)
    found = one.scalar_subquery().is_not(None)
    derived = takeover.says_so(rows, name, value) if kind == "property" else None
    return found if derived is None else or_(found, derived)


def _is(kind: str, name: str, value: str | None) -> ColumnElement[bool]:
    """A row of this label. SQLite looks past the index of a value's beginning when it is told the whole value of the column itself."""
    same = and_(label.c.kind == kind, label.c.name == name)
    if value is None:
        return same
    return and_(same, _BEGINS.in_([value[:LABEL_BEGINS]]), label.c.value.concat("") == value)


def find_by_prefix(connection: Connection, prefix: str, limit: int = 5) -> list[Row]:
    return _rows(connection, select(run).where(run.c.id.startswith(prefix, autoescape=True)).limit(limit))


def save_attempt(connection: Connection, row: Row) -> None:
    """Keep how a try ended; a repeated report changes nothing."""
    connection.execute(upsert(connection, attempt).on_conflict_do_nothing(), {**row, "exit": json.dumps(row["exit"])})


def attempts(connection: Connection, run_id: str) -> list[Row]:
    query = select(attempt).where(attempt.c.run_id == run_id).order_by(attempt.c.attempt)
    return [{**row, "exit": json.loads(row["exit"])} for row in _rows(connection, query)]


def set_display(connection: Connection, run_id: str, **values: str) -> None:
    connection.execute(update(run).where(run.c.id == run_id).values(**values))


def _rows(connection: Connection, query: Any) -> list[Row]:
    return [dict(r) for r in connection.execute(query).mappings()]
