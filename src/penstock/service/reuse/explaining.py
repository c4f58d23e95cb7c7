"""Why steps ran, or why earlier ones stand for them: after (`why`) and before (`plan`), field by field. Reads only."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from penstock.engine import fingerprint
from penstock.model.errors import NotFound, PenstockError
from penstock.model.status import Status
from penstock.service.context import Context
from penstock.service.reuse.differing import differing
from penstock.service.reuse.reusing import Decision, Reuse, Standing
from penstock.service.runs.binding import Binder, Root
from penstock.store import identities, records, removals, runs, takeover

Json = dict[str, Any]
Written = Callable[[], Mapping[str, str]]
MAX_COMPARED_BYTES = 1 << 20
MAX_FILES = 8
_SAME = "had the same code, arguments, inputs and packages"


class Explaining:
    """The verbs `why` and `plan`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._reuse = Reuse(context.home, Binder(context), context.digests, context.identify, context.clock)

    def why(self, run_id: str) -> list[Json]:
        """Of a step run, or of each step of a pipeline run in graph order: what was decided, and from what."""
        with self._context.database.read() as connection:
            row = runs.get_run(connection, run_id)
            if row is None:
                raise NotFound(
                    f"There is no run '{run_id}' on this server. List them: penstock run list", target=run_id
                )
            steps = [row] if row["type"] == "step" else runs.children(connection, run_id)
            known = _Known(connection, steps)
            return [self._of(connection, s, known) for s in steps if s["type"] == "step"]

    def plan(self, root: Root) -> list[Json]:
        """For each step of a submission that is not made, in order: `reuse`, `run`, or `depends` on what a step before it writes."""
        plan, standing = root.plan, Standing()
        first = [n.id for n in plan.order if not plan.upstream[n.id]]
        with self._context.database.read() as connection:
            made = self._reuse.follow(connection, root, first, standing)
            return [self._foreseen(connection, root, node.id, made) for node in plan.order]

    def _foreseen(self, connection: Connection, root: Root, node_id: str, made: dict[str, Decision]) -> Json:
        node, decision = root.plan.graph.node(node_id), made.get(node_id)
        step: Json = {"node": node.id, "name": node.name, "reused_run_id": None, "details": []}
        if root.regenerates or (decision is None and not node.allow_reuse):
            why = "regenerate_outputs was asked for" if node.allow_reuse else "allow_reuse is False"
            return {**step, "verdict": "run", "because": [why]}
        if decision is None:
            before = next(u for u in root.plan.upstream[node_id] if not _is_hit(made.get(u)))
            does = "runs" if before in made else "may run"
            decided_by = f"step '{root.plan.graph.node(before).name}' before it {does}: what that writes decides"
            return {**step, "verdict": "depends", "because": [decided_by]}
        if decision.hit is not None:
            hit = decision.hit.run_id
            return {**step, "verdict": "reuse", "reused_run_id": hit, "because": [f"run {hit} {_SAME}"]}
        identity = decision.row("", root.workspace, node.name, self._context.clock())
        sources = root.plan.sources(node)
        written = {i: root.plan.graph.node(place[0]).name for i, place in sources.items() if place is not None}
        because, details, _ = self._grounds(connection, identity, lambda: written)
        return {**step, "verdict": "run", "because": because, "details": details}

    def _of(self, connection: Connection, row: Json, known: _Known) -> Json:
        identity = known.identities.get(row["id"])
        outputs = [{k: o[k] for k in ("name", "datastore", "path", "digest")} for o in known.outputs[row["id"]]]
        step: Json = {
            "run_id": row["id"],
            "name": row["name"],
            "status": row["status"],
            "reused_run_id": None,
            "compared_with": None,
        }
        step |= {"details": [], "observed": [], "outputs": outputs}
        if hit := row["reused_run_id"]:
            seen = known.observations[hit]
            because = [f"run {hit} {_SAME}, and what it left is untouched"]
            return {**step, "verdict": "reused", "reused_run_id": hit, "because": because, "observed": _seen(seen)}
        if hit := known.taken_from.get(row["id"]):
            because = [
                f"taken over from run {hit}, which had completed, when its pipeline run was resumed: "
                "what it left was as it left it, and nothing else was compared"
            ]
            return {**step, "verdict": "reused", "reused_run_id": hit, "because": because}
        if identity is None:
            if row["status"] == Status.NOT_STARTED:
                return {**step, "verdict": "undecided", "because": ["it has not started"]}
            if not row["attempt"]:
                return {**step, "verdict": "skipped", "because": [_why_not(row)]}
            return {**step, "verdict": "ran", "because": ["nothing was noted of what it is made from"]}
        because, details, other = self._grounds(connection, identity, lambda: known.written(connection, row))
        seen = known.observations[row["id"]]
        step |= {"because": because, "details": details, "compared_with": other, "observed": _seen(seen)}
        if identity["unusable"] and identity["unusable"] not in because:
            step["not_reusable"] = identity["unusable"]
        return {**step, "verdict": "ran"}

    def _grounds(
        self, connection: Connection, identity: Json, written: Written
    ) -> tuple[list[str], list[Json], str | None]:
        """Why a step was not spared: sentences, the fields that differ, and the run it was compared with."""
        if identity["why"]:
            return list(identity["why"]), [], None
        earlier = identities.earlier(
            connection, identity["workspace"], identity["name"], before=identity["run_id"] or None
        )
        if not earlier:
            return [f"no earlier step '{identity['name']}' has completed"], [], None
        found = [(fingerprint.differences(e["parts"], identity["parts"]), e) for e in earlier if e["parts"]]
        if not found:
            return (
                [f"run {earlier[0]['run_id']} does not stand for it: {earlier[0]['unusable']}"],
                [],
                earlier[0]["run_id"],
            )
        differences, nearest = min(found, key=lambda pair: len(pair[0]))
        if not differences:
            is_cleared = removals.any_of(connection, [nearest["run_id"]]) is not None
            cleared = "what it wrote was cleared away" if is_cleared else None
            why = nearest["unusable"] or cleared or "that had not completed when this one began"
            return [f"run {nearest['run_id']} did the same, but {why}"], [], nearest["run_id"]
        details = [{"place": place, "was": was, "is": now} for place, was, now in differences]
        return list(self._sentences(differences, identity["parts"], written)), details, nearest["run_id"]

    def _sentences(self, differences: Sequence[tuple[str, Any, Any]], parts: Json, written: Written) -> Iterator[str]:
        by_argument = [(was, now) for place, was, now in differences if place.startswith("argument ")]
        for place, was, now in differences:
            if place.startswith("parameter ") and (was, now) in by_argument:
                continue  # one value, on the command line and in the environment
            changed: list[str] = []
            if place == "snapshot" and was and now:
                changed = self._changed_files(was, now)
            elif place == "environment" and was and now:
                changed = self._context.compare_environments(was, now)
            elif place.startswith("input ") and place.endswith(" contents") and was and now:
                changed = self._changed_contents(place.split(" ", 1)[1].removesuffix(" contents"), was, now, written)
            named = fingerprint.named(place, parts, _parameter(place, was, now, differences))
            yield from changed or [fingerprint.sentence(named, was, now)]

    def _changed_files(self, before: str, after: str) -> list[str]:
        """Which files of the source folder differ; of a text how many lines do."""
        try:
            old, new = ({f["path"]: f["digest"] for f in self._context.snapshots.files(d)} for d in (before, after))
        except PenstockError:
            return []
        found = [f"{p} is new" for p in new if p not in old] + [f"{p} is gone" for p in old if p not in new]
        found += [f"{p} changed{self._lines(old[p], new[p])}" for p in new if p in old and old[p] != new[p]]
        return _some(found)

    def _changed_contents(self, name: str, before: str, after: str, written: Written) -> list[str]:
        """Which step wrote an input, or which of its files differ, in one sentence."""
        if step := written().get(name):
            return [f"the contents of input {name} changed, which step '{step}' wrote"]
        found = _some(differing(self._context.digests.texts, before, after))
        return [f"the contents of input {name} changed: {', '.join(found)}"] if found else []

    def _lines(self, before: str, after: str) -> str:
        texts = [self._text(before), self._text(after)]
        if texts[0] is None or texts[1] is None:
            return ""
        marks = [line[0] for line in difflib.ndiff(texts[0], texts[1]) if line[0] in "+-"]
        n = max(marks.count("+"), marks.count("-"))
        return f" ({n} line{'' if n == 1 else 's'})"

    def _text(self, digest: str) -> list[str] | None:
        try:
            path = self._context.snapshots.blob_path(digest)
            if path.stat().st_size > MAX_COMPARED_BYTES:
                return None
            return path.read_text().splitlines()
        except (PenstockError, OSError, ValueError):
            return None


class _Known:
    """What was kept of these steps, asked for all at once."""

    def __init__(self, connection: Connection, steps: list[Json]) -> None:
        run_ids = [s["id"] for s in steps]
        self.identities = identities.of_runs(connection, run_ids)
        self.taken_from = takeover.taken_from(connection, run_ids)
        self.outputs = records.outputs_of(connection, run_ids)
        hits = [s["reused_run_id"] for s in steps if s["reused_run_id"]]
        self.observations = identities.observations(connection, [*run_ids, *hits])
        self._written: dict[str, dict[str, dict[str, str]]] = {}

    def written(self, connection: Connection, row: Json) -> Mapping[str, str]:
        """By input of this step the name of the step that wrote it. The graph is read when it is asked for."""
        root_id = row["root_id"]
        if root_id not in self._written:
            submission = runs.get_submission(connection, root_id)
            self._written[root_id] = _writers(submission["graph"]) if submission else {}
        return self._written[root_id].get(row["node"], {})


def _parameter(place: str, was: Any, now: Any, differences: Sequence[tuple[str, Any, Any]]) -> str | None:
    """The parameter that an argument has its value of: the only one that changed as it did."""
    same = [p.partition(" ")[2] for p, *values in differences if p.startswith("parameter ") and values == [was, now]]
    return same[0] if place.startswith("argument ") and len(same) == 1 else None


def _some(found: list[str]) -> list[str]:
    """The first of what differs, and how many more do."""
    more = len(found) - MAX_FILES
    return found if more <= 0 else [*found[:MAX_FILES], f"{more} more file{'s' if more > 1 else ''} changed"]


def _why_not(row: Json) -> str:
    """Why a step that is over never began."""
    error = json.loads(row["error"]) if row["error"] else {}
    return str(error.get("message") or "it was canceled before it started").removesuffix(".")


def _writers(graph: Json) -> dict[str, dict[str, str]]:
    """By node, and by its input, the name of the step that writes it."""
    names = {node["id"]: node["name"] for node in graph["nodes"]}
    inputs = ((node["id"], port) for node in graph["nodes"] for port in node.get("inputs") or ())
    found: dict[str, dict[str, str]] = {}
    for node_id, port in inputs:
        if "node" in port["source"]:
            found.setdefault(node_id, {})[port["name"]] = names[port["source"]["node"]]
    return found


def _is_hit(decision: Decision | None) -> bool:
    return decision is not None and decision.hit is not None


def _seen(rows: list[Json]) -> list[Json]:
    return [{k: r[k] for k in ("kind", "name", "found")} for r in rows]
