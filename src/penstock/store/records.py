"""What runs leave behind: metrics, artifacts, tags and properties, outputs, and how far each journal was read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from penstock.model.errors import BadRequest
from penstock.store import takeover
from penstock.store.dialect import insert_all, joined, json_array, tuples, tuples_of, upsert
from penstock.store.tables import artifact, journal, label, metric, output, run

Row = dict[str, Any]
_BY_RUN = "ix_metric_run_id_id"
_OUTPUT = [c.name for c in output.c]
_OUTPUTS = (
    f"SELECT {', '.join('run.id' if c == 'run_id' else f'output.{c}' for c in _OUTPUT)} "
    "FROM run JOIN output ON output.run_id = coalesce(run.reused_run_id, run.id) WHERE"
)
MAX_NAME_BYTES = 1024  # what both databases can look up


def add_metrics(connection: Connection, rows: Sequence[Row]) -> None:
    if rows:
        connection.execute(
            insert(metric), [{**r, "value": json.dumps(r["value"]), "step": r.get("step")} for r in rows]
        )


def metrics(connection: Connection, run_id: str, recursive: bool = False) -> list[Row]:
    """Metrics in logged order; `recursive` adds those of every descendant."""
    runs = _descendants(connection, run_id) if recursive else [run_id]
    query = select(metric).where(metric.c.run_id.in_(runs)).order_by(metric.c.id)
    return [
        {
            "run_id": r.run_id,
            "attempt": r.attempt,
            "seq": r.id,
            "at": r.at,
            "name": r.name,
            "kind": r.kind,
            "value": json.loads(r.value),
            "step": r.step,
        }
        for r in connection.execute(query)
    ]


def mark_of_metrics(connection: Connection, run_id: str, recursive: bool) -> tuple[int, int]:
    """Changes when a metric is added to these runs, and when one of them is tried again."""
    ids = _descendants(connection, run_id) if recursive else [run_id]
    newest = select(func.max(metric.c.id)).where(metric.c.run_id.in_(ids))
    tries = select(func.sum(run.c.attempt)).where(run.c.id.in_(ids))
    return int(connection.execute(newest).scalar() or 0), int(connection.execute(tries).scalar() or 0)


def gathered_metrics(connection: Connection, run_id: str, recursive: bool = False) -> list[Row]:
    """The metrics of each run's last try, run by run and by first appearance; all scalars of a name are one row, a list in logged order."""
    ids = _descendants(connection, run_id) if recursive else [run_id]
    of_try: dict[int, list[str]] = {}
    for of_run, attempt in connection.execute(select(run.c.id, run.c.attempt).where(run.c.id.in_(ids))):
        of_try.setdefault(attempt, []).append(of_run)
    found: list[Row] = []
    for attempt, same in of_try.items():
        found += _gathered(connection, metric.c.run_id.in_(same) & (metric.c.attempt >= attempt))
    return found


def _gathered(connection: Connection, whose: Any) -> Iterator[Row]:
    """The rows run by run. The database hands over one text a run: rows would take three times as long."""
    is_scalar = metric.c.kind == "scalar"
    texts = (
        json_array(connection, metric.c.name, metric.c.id, is_scalar),
        joined(connection, metric.c.value, metric.c.id, is_scalar),
        func.count(),
    )
    query = select(metric.c.run_id, *texts).with_hint(metric, f"INDEXED BY {_BY_RUN}", "sqlite")
    for of_run, names, values, n_rows in connection.execute(query.where(whose).group_by(metric.c.run_id)).all():
        named = _parsed(names or "[]")
        gathered: dict[str, list[Any]] = {name: [] for name in dict.fromkeys(named)}
        for name, value in zip(named, _parsed(f"[{values or ''}]"), strict=True):
            gathered[name].append(value)
        rows = [
            {"run_id": of_run, "name": name, "kind": kind, "value": value}
            for name, many in gathered.items()
            for kind, value in [("list", many) if len(many) > 1 else ("scalar", many[0])]
        ]
        yield from _among_others(connection, whose, of_run, rows) if n_rows > len(named) else rows


def _parsed(text: str) -> Any:
    """What json.loads gives of a long text: of 100,000 floats the same in a sixth of the time."""
    from pydantic_core import from_json

    try:
        return from_json(text)
    except ValueError:  # half of a surrogate pair, which only json.loads reads
        return json.loads(text)


def _among_others(connection: Connection, whose: Any, run_id: str, scalars: list[Row]) -> list[Row]:
    """The rows of a run which has more than scalars, `scalars` set where their names were first logged."""
    of_run = whose & (metric.c.run_id == run_id)
    firsts = select(metric.c.name, func.min(metric.c.id)).where(of_run, metric.c.kind == "scalar")
    first: dict[str, int] = dict(tuple(row) for row in connection.execute(firsts.group_by(metric.c.name)))
    found = [(first[row["name"]], row) for row in scalars]
    query = select(metric.c.id, metric.c.name, metric.c.kind, metric.c.value).where(of_run, metric.c.kind != "scalar")
    for at, name, kind, value in connection.execute(query):
        found.append((at, {"run_id": run_id, "name": name, "kind": kind, "value": json.loads(value)}))
    return [row for _, row in sorted(found, key=lambda f: f[0])]


def latest_scalars(connection: Connection, run_ids: Sequence[str]) -> dict[str, list[Row]]:
    """The last value of every scalar and list of these runs, as of their last try, with how often it was logged: run id → rows."""
    found: dict[str, list[Row]] = {}
    of_last_try = (metric.c.attempt >= run.c.attempt) & metric.c.kind.in_(("scalar", "list"))
    grouped = select(func.max(metric.c.id).label("last"), func.count().label("count")).join(
        run, run.c.id == metric.c.run_id
    )
    for start in range(0, len(run_ids), 500):
        group = grouped.where(metric.c.run_id.in_(run_ids[start : start + 500]), of_last_try)
        last = group.group_by(metric.c.run_id, metric.c.name).subquery()
        query = select(metric, last.c.count).join(last, metric.c.id == last.c.last).order_by(metric.c.id)
        for row in connection.execute(query).mappings():
            found.setdefault(row["run_id"], []).append({**row, "value": json.loads(row["value"])})
    return found


def _descendants(connection: Connection, run_id: str) -> list[str]:
    found, level = [run_id], [run_id]
    while level:
        level = list(connection.execute(select(run.c.id).where(run.c.parent_id.in_(level))).scalars())
        found += level
    return found


def put_artifacts(connection: Connection, rows: Sequence[Row]) -> None:
    """Keep these files of a run; a name that is there already now means the new file."""
    if rows:
        rows = [{**r, "name": _cut(r["name"])} for r in rows]
        newer = ", ".join(f"{name} = excluded.{name}" for name in ("attempt", "path", "size_bytes"))
        insert_all(connection, artifact, rows, f"ON CONFLICT (run_id, name) DO UPDATE SET {newer}")


def artifacts(connection: Connection, run_id: str) -> list[Row]:
    query = select(artifact).where(artifact.c.run_id == run_id).order_by(artifact.c.name)
    return [dict(r) for r in connection.execute(query).mappings()]


def set_labels(connection: Connection, run_id: str, kind: str, values: dict[str, str | None]) -> None:
    """Set tags (a later value wins) or properties (the first value stays). BadRequest for a name or value that cannot be kept."""
    for name, value in values.items():
        _check_label(kind, name, value)
        statement = upsert(connection, label).values(run_id=run_id, kind=kind, name=name, value=value)
        if kind == "property":
            connection.execute(statement.on_conflict_do_nothing())
        else:
            same = [label.c.run_id, label.c.kind, label.c.name]
            connection.execute(statement.on_conflict_do_update(index_elements=same, set_={"value": value}))


def insert_labels(connection: Connection, labels: Mapping[str, Mapping[str, Mapping[str, str | None]]]) -> None:
    """The tags and properties that new runs begin with, by run. BadRequest for a name or value that cannot be kept."""
    rows = [
        {"run_id": run_id, "kind": kind, "name": name, "value": value}
        for run_id, kinds in labels.items()
        for kind, values in kinds.items()
        for name, value in values.items()
    ]
    for row in rows:
        _check_label(row["kind"], row["name"], row["value"])
    insert_all(connection, label, rows)


def _check_label(kind: Any, name: Any, value: Any) -> None:
    if len(name.encode()) > MAX_NAME_BYTES:
        raise BadRequest(f"The {kind} name '{name[:40]}…' is longer than {MAX_NAME_BYTES} bytes. Use a shorter one.")
    if "\0" in name or "\0" in (value or ""):
        raise BadRequest(f"The {kind} {name!r} holds a NUL character, which cannot be kept. Leave it out.")


def _cut(name: str) -> str:
    """A file's name as it is kept: of one that is too long the end, which tells files apart."""
    whole = name.encode("utf-8", "surrogateescape")
    return name if len(whole) <= MAX_NAME_BYTES else "…" + whole[3 - MAX_NAME_BYTES :].decode("utf-8", "ignore")


def drop_tag(connection: Connection, run_id: str, name: str) -> None:
    connection.execute(delete(label).where(label.c.run_id == run_id, label.c.kind == "tag", label.c.name == name))


def labels(connection: Connection, run_ids: Iterable[str]) -> dict[str, dict[str, dict[str, str | None]]]:
    """Tags and properties: run id → 'tag' | 'property' → name → value. Of a reused step also which one stands for it."""
    found: dict[str, dict[str, dict[str, str | None]]] = {r: {"tag": {}, "property": {}} for r in run_ids}
    text = "SELECT run_id, kind, name, value FROM label WHERE run_id IN"
    for run_id, stand_in in takeover.stand_ins(connection, list(found)).items():
        found[run_id]["property"].update(stand_in.properties)
    for run_id, kind, name, value in tuples_of(connection, text, (), list(found)):
        found[run_id][kind][name] = value
    return found


def put_outputs(connection: Connection, rows: Sequence[Row]) -> None:
    insert_all(connection, output, rows, "ON CONFLICT DO NOTHING")


def outputs(connection: Connection, run_id: str) -> list[Row]:
    """What a step left, or all steps of a pipeline run; in the order of names."""
    rows = tuples(connection, f"{_OUTPUTS} run.id = ? OR run.root_id = ? ORDER BY output.name", (run_id, run_id))
    return [dict(zip(_OUTPUT, row, strict=True)) for row in rows]


def outputs_of(connection: Connection, run_ids: Iterable[str]) -> dict[str, list[Row]]:
    """What these steps left, by step."""
    found: dict[str, list[Row]] = {i: [] for i in run_ids}
    for row in tuples_of(connection, f"{_OUTPUTS} run.id IN", (), list(found), "ORDER BY output.name"):
        found[row[0]].append(dict(zip(_OUTPUT, row, strict=True)))
    return found


def journals_read(connection: Connection, names: Iterable[str]) -> set[str]:
    """Those of these journals that held anything."""
    return {row[0] for row in tuples_of(connection, "SELECT name FROM journal WHERE name IN", (), list(names))}


def journal_offset(connection: Connection, name: str) -> int:
    found = connection.execute(select(journal.c.offset).where(journal.c.name == name)).scalar()
    return int(found or 0)


def set_journal_offset(connection: Connection, name: str, offset: int) -> None:
    statement = upsert(connection, journal).values(name=name, offset=offset)
    connection.execute(statement.on_conflict_do_update(index_elements=[journal.c.name], set_={"offset": offset}))
