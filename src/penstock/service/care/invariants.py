"""What must be true of everything recorded, whatever was killed when. Reads only; mends nothing.

For tests, for `penstock selftest` and for `penstock doctor`. Knows rows, events and the plan; must not know how they came about.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection

from penstock.engine.plan import Plan, make_plan
from penstock.model.graph import Graph
from penstock.model.status import TERMINAL, Status, may_follow
from penstock.store import history, records, runs

Json = dict[str, Any]
_NO_LIMIT = 1 << 40


def check_invariants(connection: Connection) -> list[str]:
    """What is wrong, a sentence each; empty when all is as it must be. Call inside one read, so that it sees one moment."""
    by_root: dict[str, list[Json]] = defaultdict(list)
    for row in runs.list_runs(connection, runs.Filter(include_children=True, limit=_NO_LIMIT)):
        by_root[row["root_id"]].append(row)
    return [problem for root_id, rows in by_root.items() for problem in _check_root(connection, root_id, rows)]


def _check_root(connection: Connection, root_id: str, rows: list[Json]) -> Iterator[str]:
    story: dict[str, list[Json]] = defaultdict(list)
    for event in history.of_root(connection, root_id, limit=_NO_LIMIT):
        story[event["run_id"]].append(event)
    for row in rows:
        yield from _check_story(row, story[row["id"]])
    root = next((r for r in rows if r["id"] == root_id), None)
    if root is None:
        yield f"The runs of root {root_id} have no root."
    elif submission := runs.get_submission(connection, root_id):
        plan = make_plan(Graph.from_json(submission["graph"]), submission["parameters"])
        steps = {r["node"]: r for r in rows if r["type"] == "step" and r["parent_id"] == root_id}
        found_again = {run_id for run_id, events in story.items() if any(e["body"].get("found_again") for e in events)}
        yield from _check_pipeline(root, steps, plan, found_again)
        outputs = {(o["run_id"], o["name"]) for o in records.outputs(connection, root_id)}
        taken_over = submission["bindings"].get("taken_over") or {}
        for step in steps.values():
            if step["node"] not in taken_over and not any(e["body"].get("reused_run_id") for e in story[step["id"]]):
                yield from _check_tries(step, story[step["id"]], runs.attempts(connection, step["id"]))
            yield from _check_outputs(step, plan, outputs)


def _check_story(row: Json, events: list[Json]) -> Iterator[str]:
    """The row against its own events: each change of status allowed, one end and no more."""
    who, status = f"{row['type']} {row['id']}", Status(row["status"])
    if (status in TERMINAL) != (row["ended_at"] is not None):
        yield f"{who} is {status} and its end is {row['ended_at']}."
    at = Status.RUNNING if row["type"] == "interactive" else Status.NOT_STARTED
    ends = 0
    for event in events:
        said = event["body"].get("status")
        if said is None:
            continue
        now = Status(said)
        ends += now in TERMINAL
        if now is not at and not may_follow(at, now):
            yield f"{who}: its story goes from {at} to {now}."
        at = now
    if at is not status:
        yield f"{who} is {status}, but its story ends with {at}."
    if ends != (status in TERMINAL):
        yield f"{who} is {status} and its story has {ends} ends."


def _check_pipeline(root: Json, steps: dict[str, Json], plan: Plan, found_again: set[str]) -> Iterator[str]:
    status = Status(root["status"])
    if set(steps) != {n.id for n in plan.graph.nodes}:
        yield f"Pipeline {root['id']} has {len(steps)} steps, its graph {len(plan.graph.nodes)}."
        return
    for node_id, step in steps.items():
        before = {steps[u]["id"]: steps[u]["status"] for u in plan.upstream[node_id]}
        open_before = [u for u, s in before.items() if s != Status.COMPLETED]
        if (
            step["attempt"] and open_before and step["id"] not in found_again
        ):  # then they had completed, and that was lost
            yield f"step {step['id']} was handed out before {open_before[0]} had completed."
        if step["unmet"] != len(open_before):
            yield f"step {step['id']} says it waits for {step['unmet']} steps, and {len(open_before)} have not completed."
    ends = {Status(s["status"]) for s in steps.values()}
    if status in TERMINAL and not ends <= TERMINAL:
        yield f"Pipeline {root['id']} is {status} with steps that are {', '.join(sorted(ends - TERMINAL))}."
    if (status is Status.COMPLETED) and ends != {Status.COMPLETED}:
        yield f"Pipeline {root['id']} is Completed with steps that are {', '.join(sorted(ends))}."
    is_out_of_time = (root["error"] or "").find('"code": "TimedOut"') >= 0
    if status is Status.FAILED and Status.FAILED not in ends and not is_out_of_time:
        yield f"Pipeline {root['id']} is Failed and no step of it is."


def _check_tries(step: Json, events: list[Json], tries: list[Json]) -> Iterator[str]:
    """Every try was queued once, numbered from 1, and only the last may be the one that counts."""
    who = f"step {step['id']}"
    queued = [e["body"].get("attempt") for e in events if e["body"].get("status") == Status.QUEUED]
    if queued != list(range(1, step["attempt"] + 1)):
        yield f"{who} is at attempt {step['attempt']} and was queued as {queued}."
    numbers = [t["attempt"] for t in tries]
    if any(n > step["attempt"] for n in numbers):
        yield f"{who} is at attempt {step['attempt']} and has a record of attempt {max(numbers)}."
    if step["attempt"] and step["status"] in TERMINAL and step["attempt"] not in numbers:
        yield f"{who} is {step['status']} and has no record of its last attempt {step['attempt']}."
    if not step["attempt"] and (step["started_at"] or step["status"] == Status.COMPLETED):
        yield f"{who} was never handed out and is {step['status']}, started at {step['started_at']}."


def _check_outputs(step: Json, plan: Plan, outputs: set[tuple[str, str]]) -> Iterator[str]:
    if step["status"] != Status.COMPLETED:
        return
    for output in plan.graph.node(step["node"]).outputs:
        if (step["id"], output.name) not in outputs:
            yield f"step {step['id']} is Completed and its output '{output.name}' is not recorded."
