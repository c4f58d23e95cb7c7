"""Each page as one frozen dataclass, built from the service's dicts (docs/graph.md). Pure: the clock and files are arguments.

Whatever a run is called and whatever it printed is text here; the templates escape it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from penstock.server.studio import metrics as metric_cards
from penstock.server.studio.given import ArgumentRow, Pair, argument_rows, pairs
from penstock.server.studio.graphs import GraphDrawing, draw, waits
from penstock.server.studio.inputs import InputRow, input_rows
from penstock.server.studio.metrics import Group
from penstock.server.studio.wording import (
    EVENT_TONES,
    EVENTS,
    TERMINAL,
    TONES,
    Badge,
    Moment,
    Span,
    badge,
    cleared_away,
    files,
    length,
    moment,
    parse_time,
    size,
    span,
    steps_text,
)

Json = dict[str, Any]
SCHEDULE_ID = "azureml.scheduleId"
LOG_PREFIX = "azureml-logs/"
IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".webp")
SHOWN_EVENTS = 400
PROGRESS_ORDER = ("ok", "bad", "stopped", "stopping", "busy", "wait")


@dataclass(frozen=True)
class Segment:
    """A part of the progress bar, in percent of its length."""

    tone: str
    x: float
    width: float


@dataclass(frozen=True)
class Progress:
    segments: tuple[Segment, ...]
    done: int
    total: int
    words: str


@dataclass(frozen=True)
class Trouble:
    """Why something failed. `trace` is what the script said of it."""

    title: str
    href: str
    message: str
    trace: str
    log_href: str


@dataclass(frozen=True)
class StepRow:
    id: str
    name: str
    kind: str
    badge: Badge
    span: Span | None
    attempt: int
    why: str
    href: str
    bar: Segment | None
    """Where the step lay in the run's time."""


@dataclass(frozen=True)
class OutputRow:
    name: str
    step: str
    place: str
    local: str
    extent: str
    cleared: str
    kept_as: str


@dataclass(frozen=True)
class FileRow:
    name: str
    size: str
    href: str
    is_image: bool


@dataclass(frozen=True)
class Log:
    """A log's end. `left_out` says how much before it is not shown."""

    title: str
    name: str
    text: str
    href: str
    left_out: str


@dataclass(frozen=True)
class Happening:
    """One event as the story tells it."""

    moment: Moment | None
    since: str
    who: str
    text: str
    tone: str


@dataclass(frozen=True)
class Try:
    number: int
    moment: Moment | None
    span: Span | None
    ending: str


@dataclass(frozen=True)
class Link:
    text: str
    href: str


@dataclass(frozen=True)
class Decided:
    """Why a step ran, or what stands for it. `other` is the run it was compared with or is reused from; `seen` what it read undeclared."""

    title: str
    because: tuple[str, ...]
    other: Link | None
    seen: tuple[str, ...]


@dataclass(frozen=True)
class RunPage:
    """The page of a pipeline run, a step run or an interactive run."""

    id: str
    title: str
    kind: str
    badge: Badge
    is_over: bool
    trail: tuple[Link, ...]
    created: Moment | None
    started: Moment | None
    span: Span | None
    facts: tuple[Pair, ...]
    progress: Progress | None
    troubles: tuple[Trouble, ...]
    warnings: tuple[str, ...]
    steps_title: str
    steps: tuple[StepRow, ...]
    graph: GraphDrawing | None
    metrics: tuple[Group, ...]
    outputs: tuple[OutputRow, ...]
    logs: tuple[Log, ...]
    files: tuple[FileRow, ...]
    story: tuple[Happening, ...]
    untold: int
    attempts: tuple[Try, ...]
    parameters: tuple[Pair, ...]
    tags: tuple[Pair, ...]
    properties: tuple[Pair, ...]
    decision: Decided | None = None
    inputs: tuple[InputRow, ...] = ()
    arguments: tuple[ArgumentRow, ...] = ()


@dataclass(frozen=True)
class RunRow:
    id: str
    short: str
    name: str
    experiment: str
    workspace: str
    badge: Badge
    moment: Moment | None
    span: Span | None
    progress: Progress | None
    href: str
    steps: str


@dataclass(frozen=True)
class RunsPage:
    """The start page: recent runs."""

    runs: tuple[RunRow, ...]
    counts: tuple[tuple[Badge, int], ...]
    experiment: str
    has_several_workspaces: bool
    is_over: bool


@dataclass(frozen=True)
class Recorded:
    """All that a run's page is built from, as the service gives it."""

    run: Json
    parent: Json | None
    children: Sequence[Json]
    graph: Json
    metrics: Sequence[Json]
    outputs: Sequence[Json]
    files: Sequence[Json]
    logs: Sequence[Log]
    events: Sequence[Json]
    attempts: Sequence[Json]
    decisions: Sequence[Json] = ()
    inputs: Sequence[Json] = ()


def run_href(run_id: str) -> str:
    return f"/runs/{quote(run_id, safe='')}"


def file_href(run_id: str, name: str) -> str:
    return f"{run_href(run_id)}/files/{quote(name)}"


def title_of(run: Json) -> str:
    return str(run.get("display_name") or run.get("name") or run.get("experiment") or run["id"])


def runs_page(
    runs: Sequence[Json], children: Mapping[str, Sequence[Json]], now: datetime, *, experiment: str = ""
) -> RunsPage:
    """The start page; `children` holds the steps of those runs that are active."""
    rows = tuple(_run_row(r, children.get(r["id"], ()), now) for r in runs)
    counts = Counter(r["status"] for r in runs)
    shown = tuple((badge(s), counts[s]) for s in TONES if counts[s])
    several = len({r["workspace"] for r in runs}) > 1
    return RunsPage(rows, shown, experiment, several, all(r["status"] in TERMINAL for r in runs))


def run_page(recorded: Recorded, now: datetime) -> RunPage:
    """The page of `recorded.run`."""
    run, steps = recorded.run, list(recorded.children)
    names = {run["id"]: title_of(run), **{s["id"]: str(s["name"]) for s in steps}}
    story = recorded.events[-SHOWN_EVENTS:]
    waiting = {} if _is_ending(run) else waits(recorded.graph, steps)
    return RunPage(
        id=run["id"],
        title=title_of(run),
        kind=_kind(run),
        badge=badge(run["status"]),
        is_over=run["status"] in TERMINAL,
        trail=_trail(run, recorded.parent),
        created=moment(run["created_at"]),
        started=moment(run.get("started_at")),
        span=span(run.get("started_at"), run.get("ended_at"), now),
        facts=_facts(run),
        progress=_progress(steps) if run["type"] == "pipeline" else None,
        steps_title="Steps" if run["type"] == "pipeline" else "Child runs",
        troubles=_troubles(run, steps),
        warnings=tuple(str(w) for w in run.get("warnings") or ()),
        steps=tuple(_step_row(s, run, now, waiting.get(s["id"], "")) for s in steps),
        graph=draw(recorded.graph, steps, run_href) if run["type"] == "pipeline" else None,
        metrics=metric_cards.groups(recorded.metrics, names, file_href),
        outputs=tuple(_output_row(o, names, run["id"]) for o in recorded.outputs),
        logs=tuple(recorded.logs),
        files=tuple(_file_row(run["id"], f) for f in recorded.files if not f["name"].startswith(LOG_PREFIX)),
        story=tuple(_happening(e, names, run) for e in story),
        untold=len(recorded.events) - len(story),
        attempts=tuple(_try(a, now) for a in recorded.attempts),
        parameters=pairs(run.get("parameters")),
        tags=pairs(run.get("tags")),
        properties=pairs(run.get("properties")),
        decision=_decided(recorded.decisions),
        inputs=input_rows(recorded.inputs, run["type"] == "pipeline"),
        arguments=argument_rows(recorded.graph, run.get("node"), (recorded.parent or {}).get("parameters") or {}),
    )


def _decided(decisions: Sequence[Json]) -> Decided | None:
    """The decision on the step that the page is of."""
    if not decisions or decisions[0]["verdict"] == "undecided":
        return None
    (step,) = decisions
    other = step["reused_run_id"] or step["compared_with"]
    word = "Reused from" if step["reused_run_id"] else "Compared with"
    link = Link(f"{word} run {str(other)[:8]}", run_href(other)) if other else None
    title = _TITLES.get(step["verdict"], "Why it ran")
    because = tuple(text.replace(str(other), str(other)[:8]) if other else text for text in step["because"])
    return Decided(title, because, link, tuple(_seen(s) for s in step["observed"]))


_TITLES = {"reused": "Why it was reused", "skipped": "Why it did not run"}


def _seen(observed: Json) -> str:
    if observed["kind"] == "absent":
        return f"It looked in vain for {observed['name']} (watched)"
    how = "It left, beside its outputs:" if observed["kind"] == "wrote" else f"It read, undeclared: {observed['kind']}"
    return f"{how} {observed['name']} (watched)"


def log_title(name: str) -> str:
    """What a log is, in words."""
    if "stdout" in name:
        return "Output"
    return "Error output" if "stderr" in name else "Log"


def _is_ending(run: Json) -> bool:
    """Whether nothing of it will start any more."""
    return run["type"] != "pipeline" or run["status"] in TERMINAL or run["status"] == "CancelRequested"


def _kind(run: Json) -> str:
    words = {"pipeline": "Pipeline run", "step": "Step run", "interactive": "Interactive run"}
    return words.get(run["type"], "Run")


def _run_row(run: Json, steps: Sequence[Json], now: datetime) -> RunRow:
    return RunRow(
        run["id"], run["id"][:8], title_of(run), run["experiment"], run["workspace"], badge(run["status"]),
        moment(run.get("started_at") or run["created_at"]), span(run.get("started_at"), run.get("ended_at"), now),
        _progress(steps), run_href(run["id"]), steps_text(run),
    )  # fmt: skip


def _trail(run: Json, parent: Json | None) -> tuple[Link, ...]:
    links = [Link("Runs", "/"), Link(str(run["experiment"]), f"/?experiment={quote(str(run['experiment']), safe='')}")]
    if parent is not None:
        links.append(Link(title_of(parent), run_href(parent["id"])))
    return tuple(links)


def _facts(run: Json) -> tuple[Pair, ...]:
    facts = [
        ("Experiment", run["experiment"]),
        ("Workspace", run["workspace"]),
        ("Compute", run.get("target")),
        ("Step type", run.get("step_type")),
        ("Attempt", run["attempt"] if (run.get("attempt") or 0) > 1 else None),
        ("Description", run.get("description")),
    ]
    return (*(Pair(n, str(v)) for n, v in facts if v), *_origin(run))


def _origin(run: Json) -> tuple[Pair, ...]:
    """What submitted a pipeline run, if it was something that has a page, and for what."""
    properties, found = run.get("properties") or {}, []
    if schedule_id := properties.get(SCHEDULE_ID):
        found.append(Pair("Schedule", schedule_id[:8], f"/schedules/{quote(schedule_id, safe='')}"))
    if n := properties.get("penstock.n_changed"):
        place = f"/api/v1/ws/{quote(run['workspace'], safe='')}/runs/{quote(run['id'], safe='')}/changed"
        found.append(Pair("Changed", files(int(n)), place))
    if pipeline_id := run.get("pipeline_id"):
        found.append(Pair("Published pipeline", pipeline_id[:8], f"/pipelines/{quote(pipeline_id, safe='')}"))
    return tuple(found)


def _progress(steps: Sequence[Json]) -> Progress | None:
    if not steps:
        return None
    total = len(steps)
    tones = sorted((TONES.get(s["status"], "wait") for s in steps), key=PROGRESS_ORDER.index)
    segments, at = [], 0
    for tone, count in Counter(tones).items():
        segments.append(Segment(tone, round(at * 100 / total, 3), round(count * 100 / total, 3)))
        at += count
    statuses = Counter(s["status"] for s in steps)
    done = statuses["Completed"]
    others = [f"{n} {badge(s).word.lower()}" for s, n in statuses.items() if s != "Completed"]
    if reused := sum(bool(_reused(s)) for s in steps):
        others.insert(0, f"{reused} of them reused")
    words = ", ".join([f"{done} of {total} {'step' if total == 1 else 'steps'} completed", *others])
    return Progress(tuple(segments), done, total, words)


def _troubles(run: Json, steps: Sequence[Json]) -> tuple[Trouble, ...]:
    """Failing steps first, in the order they ended; the run's own error only when no step explains it."""
    failed = sorted((s for s in steps if s["status"] == "Failed"), key=lambda s: str(s.get("ended_at") or ""))
    if failed:
        return tuple(_trouble(s, f"Step “{s['name']}” failed", run_href(s["id"])) for s in failed)
    if not run.get("error"):
        return ()
    verb = {"Failed": "failed", "Canceled": "was canceled"}.get(run["status"], "has a problem")
    return (_trouble(run, f"The {_kind(run).lower()} {verb}", ""),)


def _trouble(run: Json, title: str, href: str) -> Trouble:
    error = run.get("error") or {}
    details = error.get("details")
    said = details if isinstance(details, dict) else {}
    trace = str(said.get("stderr_tail") or "").strip("\n") or str(said.get("stdout_tail") or "")
    log = f"{href}#logs" if href else "#logs" if run["type"] == "step" and run.get("attempt") else ""
    return Trouble(title, href, str(error.get("message") or ""), trace.strip("\n"), log)


def _step_row(step: Json, run: Json, now: datetime, waiting: str) -> StepRow:
    error = step.get("error") or {}
    return StepRow(
        id=step["id"],
        name=str(step["name"]),
        kind=str(step.get("step_type") or ""),
        badge=badge(step["status"]),
        span=span(step.get("started_at"), step.get("ended_at"), now),
        attempt=int(step.get("attempt") or 0),
        why="" if step["status"] == "Failed" else str(error.get("message") or waiting or _reused(step)),
        href=run_href(step["id"]),
        bar=_bar(step, run, now),
    )


def _reused(step: Json) -> str:
    run_id = (step.get("properties") or {}).get("azureml.reusedrunid")
    return f"Reused from run {run_id[:8]}" if run_id else ""


def _bar(step: Json, run: Json, now: datetime) -> Segment | None:
    """Where `step` lay in the time of `run`, in percent."""
    first, begun = parse_time(run.get("started_at")), parse_time(step.get("started_at"))
    if first is None or begun is None:
        return None
    last, ended = parse_time(run.get("ended_at")) or now, parse_time(step.get("ended_at")) or now
    whole = max((last - first).total_seconds(), 1e-3)
    x = min(max((begun - first).total_seconds() / whole * 100, 0.0), 99.0)
    width = min(max((ended - begun).total_seconds() / whole * 100, 1.0), 100 - x)
    return Segment(TONES.get(step["status"], "wait"), round(x, 2), round(width, 2))


def _output_row(output: Json, names: dict[str, str], own_id: str) -> OutputRow:
    step = "" if output.get("run_id") == own_id else names.get(str(output.get("run_id")), "")
    extent = "nothing written" if output.get("kind") == "missing" else (
        f"{size(output.get('size_bytes') or 0)} in {files(output.get('n_files') or 0)}"
    )  # fmt: skip
    place = f"{output['datastore']}/{output['path']}"
    return OutputRow(
        str(output["name"]),
        step,
        place,
        str(output.get("local_path") or ""),
        extent,
        cleared_away(output.get("cleared")),
        str(output.get("pipeline_output_name") or ""),
    )


def _file_row(run_id: str, file: Json) -> FileRow:
    name = str(file["name"])
    return FileRow(
        name, size(file.get("size_bytes") or 0), file_href(str(file.get("run_id") or run_id), name),
        name.lower().endswith(IMAGES),
    )  # fmt: skip


def _happening(event: Json, names: dict[str, str], run: Json) -> Happening:
    body = event.get("body") or {}
    said = str(body.get("message") or body.get("text") or body.get("reason") or "")
    name = str(event["name"])
    words = EVENTS.get(name, name.replace("_", " "))
    at, first = parse_time(event.get("at")), parse_time(run["created_at"])
    since = f"+{length((at - first).total_seconds())}" if at and first else ""
    who = names.get(event["run_id"], event["run_id"][:8])
    if event["run_id"] == run["id"]:
        who = "The step" if run["type"] == "step" else "The run"
    text = said if name in ("warning", "note") and said else f"{words}: {said}" if said else words
    return Happening(moment(event.get("at")), since, who, text, EVENT_TONES.get(name, ""))


def _try(attempt: Json, now: datetime) -> Try:
    ending = str(attempt.get("ending") or "running").replace("_", " ")
    if attempt.get("exit_code") is not None:
        ending += f" with status {attempt['exit_code']}"
    took = span(attempt.get("started_at"), attempt.get("ended_at"), now)
    return Try(int(attempt["attempt"]), moment(attempt.get("started_at")), took, ending)
