"""One run as lines of text: what `penstock run show` prints. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from penstock.cli import terminal
from penstock.cli.terminal import Look, printable

Json = dict[str, Any]
SHOWN_METRICS = 30


def show_lines(detail: Json, look: Look, now: datetime) -> Iterator[str]:
    """The lines for `detail`: run, children, outputs, metrics, each as the API gives it."""
    run, steps = detail["run"], detail["children"]
    yield from _head(run, look, now)
    yield from _errors(run, steps, look)
    yield from _warnings(run, look)
    if steps:
        yield ""
        yield look.heading(f"Steps ({_count(steps)})")
        yield terminal.table(
            ["", "STEP", "STATUS", "DURATION", "RUN", ""], [_step_row(s, look, now) for s in steps], look, limit=60
        )
    yield from _outputs(detail["outputs"], _names(detail), look)
    yield from _metrics(detail, look)
    if run.get("url"):
        yield ""
        yield f"Page: {run['url']}"


def trouble_lines(detail: Json, look: Look) -> Iterator[str]:
    """Only why it did not complete, and what it warns of."""
    yield from _errors(detail["run"], detail["children"], look)
    yield from _warnings(detail["run"], look)


def title_of(run: Json) -> str:
    """What a run is called."""
    return str(run.get("display_name") or run.get("name") or run["experiment"])


def _head(run: Json, look: Look, now: datetime) -> Iterator[str]:
    yield f"{look.status(run['status'])}  {look.heading(printable(title_of(run)))}"
    yield f"  run         {run['id']}"
    yield f"  experiment  {printable(run['experiment'])} in workspace {printable(run['workspace'])}"
    yield f"  started     {terminal.when(run.get('started_at') or run['created_at'], now)}"
    took = terminal.duration(run.get("started_at"), run.get("ended_at"), now)
    yield f"  {'took    ' if run.get('ended_at') else 'so far  '}    {took}"
    for label in ("parameters", "tags"):
        if run.get(label):
            pairs = ", ".join(f"{k}={v}" if v is not None else str(k) for k, v in run[label].items())
            yield f"  {label:<10}  {printable(pairs)}"


def _warnings(run: Json, look: Look) -> Iterator[str]:
    """Of a pipeline run those of all its steps: each names its own."""
    found = run.get("warnings") or []
    if found:
        yield ""
        yield look.paint(look.heading("Warnings" if len(found) > 1 else "Warning"), "yellow")
    for warning in found:
        yield f"  {look.paint('!', 'yellow')} {printable(str(warning))}"


def _errors(run: Json, steps: list[Json], look: Look) -> Iterator[str]:
    """The failing step's own words first: its traceback, then the sentence."""
    failed = [s for s in steps if s["status"] == "Failed" and s.get("error")]
    for one in failed or ([run] if run.get("error") else []):
        error = one["error"]
        tail = tail_of(error)
        yield ""
        name, message = printable(title_of(one)), printable(str(error.get("message", "")))
        yield look.paint(message if f"'{name}'" in message else f"{name}: {message}", "red")
        for line in tail[-40:]:
            yield f"  {look.paint('│' if look.has_glyphs else '|', 'red')} {printable(line)}"


def tail_of(error: Json) -> list[str]:
    """The last lines that a failed script printed, its traceback most likely."""
    details = error.get("details")
    said = details if isinstance(details, dict) else {}
    text = str(said.get("stderr_tail") or "").strip("\n") or str(said.get("stdout_tail") or "").strip("\n")
    return text.splitlines()


def _step_row(step: Json, look: Look, now: datetime) -> list[str]:
    why = ""
    if step["status"] != "Failed" and step.get("error"):
        why = str(step["error"].get("message", ""))
    elif reused := reused_from(step):
        why = reused
    elif (step.get("attempt") or 0) > 1:
        why = f"attempt {step['attempt']}"
    elif step.get("warnings"):
        why = str(step["warnings"][0])
    return [
        look.glyph(step["status"]),
        title_of(step),
        step["status"],
        terminal.duration(step.get("started_at"), step.get("ended_at"), now),
        terminal.short(step["id"]),
        why,
    ]


def _count(steps: list[Json]) -> str:
    done = sum(s["status"] == "Completed" for s in steps)
    reused = sum(bool(reused_from(s)) for s in steps)
    return f"{done} of {len(steps)} completed" + (f", {reused} reused" if reused else "")


def reused_from(step: Json) -> str:
    """Whose result stands for this step's, in words; empty if its own."""
    run_id = (step.get("properties") or {}).get("azureml.reusedrunid")
    return f"reused from run {terminal.short(run_id)}" if run_id else ""


def _outputs(outputs: list[Json], names: dict[str, str], look: Look) -> Iterator[str]:
    if not outputs:
        return
    yield ""
    yield look.heading("Outputs")
    rows = [
        [
            names.get(o.get("run_id", ""), ""),
            o["name"],
            _extent(o),
            str(o.get("local_path") or f"{o['datastore']}/{o['path']}")
            + (" (cleared away)" if o.get("cleared") else ""),
        ]
        for o in outputs
    ]
    yield terminal.table(["STEP", "OUTPUT", "SIZE", "FOLDER OR FILE"], rows, look, limit=400)
    yield from dict.fromkeys(_cleared(o["cleared"]) for o in outputs if o.get("cleared"))


def _extent(output: Json) -> str:
    files = output.get("n_files") or 0
    return f"{terminal.size(output.get('size_bytes') or 0)} in {terminal.counted(files, 'file')}"


def _cleared(removal: Json) -> str:
    until = removal["until"]
    back = f"; until {until[:10]} it can be brought back: penstock gc --restore" if until else " and deleted since"
    return f"Cleared away on {removal['at'][:10]}{back}."


def _metrics(detail: Json, look: Look) -> Iterator[str]:
    rows = metric_rows(detail)
    if not rows:
        return
    yield ""
    yield look.heading("Metrics")
    yield terminal.table(["STEP", "METRIC", "VALUE"], rows[:SHOWN_METRICS], look, limit=60)
    if len(rows) > SHOWN_METRICS:
        yield look.paint(f"and {len(rows) - SHOWN_METRICS} more: --json, or the run's page", dim=True)


def metric_rows(detail: Json) -> list[list[str]]:
    """Step, metric and value of each, in the order of the steps."""
    names = _names(detail)
    logged: dict[tuple[str, str], list[Json]] = {}
    for metric in detail["metrics"]:
        logged.setdefault((metric["run_id"], metric["name"]), []).append(metric)
    place = {run_id: i for i, run_id in enumerate(names)}
    ordered = sorted(logged.items(), key=lambda item: place.get(item[0][0], -1))
    return [[names.get(run_id, terminal.short(run_id)), name, _value(several)] for (run_id, name), several in ordered]


def _names(detail: Json) -> dict[str, str]:
    """What the runs of it are called in tables; a pipeline run nothing."""
    run, steps = detail["run"], detail["children"]
    return {run["id"]: "" if steps else title_of(run), **{s["id"]: title_of(s) for s in steps}}


def _value(logged: list[Json]) -> str:
    kind, value = logged[0]["kind"], logged[-1]["value"]
    last_of = f" (last of {len(logged)})" if len(logged) > 1 else ""
    if kind == "scalar":
        return _number(value) + last_of
    if kind == "list" and isinstance(value, list):
        return ", ".join(_number(v) for v in value[:8]) + (", …" if len(value) > 8 else "")
    if kind == "row" and isinstance(value, dict):
        return ", ".join(f"{k}={_number(v)}" for k, v in value.items()) + last_of
    return f"({kind.replace('_', ' ')})"


def _number(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
