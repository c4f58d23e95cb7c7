"""How a run stands, as HTML for a notebook: status, graph, steps, metrics. Asks the server; nothing in it runs when it is shown."""

from azureml._runs.drawing import COLORS, PLAIN, drawing, of_graph
from azureml._runs.html import escaped

TERMINAL = ("Completed", "Failed", "Canceled")
# Links and errors in the front end's own colours, dark ones on light pages and light ones on dark; its own looks of tables undone.
STYLE = """<style>
.penstock{font:14px system-ui,sans-serif;max-width:960px;padding:8px 0;
--link:var(--jp-content-link-color,var(--vscode-textLink-foreground,#1a7fa3));
--bad:var(--jp-error-color1,var(--vscode-errorForeground,#c0392b))}
.penstock a{color:var(--link);text-decoration:underline}
.penstock polyline{stroke:var(--link)}
.penstock table{border-collapse:collapse;margin:8px 0!important;width:auto}
.penstock tr,.penstock th,.penstock td{text-align:left!important;font-size:13px;background:none!important}
.penstock th,.penstock td{padding:3px 14px 3px 0}
.penstock .why{font-size:12px;color:var(--bad);white-space:pre-wrap;overflow-wrap:anywhere}
.penstock h4{margin:12px 0 2px;font-size:13px;font-weight:600}
.penstock pre{white-space:pre-wrap;font-size:12px;max-height:220px;overflow:auto}
.penstock .is{border-radius:9px;padding:1px 9px;font-size:12px;white-space:nowrap}
.penstock .of{overflow-x:auto}
</style>"""
MOST_STEPS, MOST_METRICS = 100, 60


def page(run):
    """(HTML, whether the run is over)."""
    dto = run._refresh()
    steps = _steps(run, dto)
    parts = [_heading(run, dto)]
    if dto["type"] == "pipeline":
        graph = run._call("GET", "runs/{}/graph".format(dto["id"]))
        nodes, edges = of_graph(graph)
        statuses = {s["node"]: s["status"] for s in steps}
        parts.append('<div class="of">{}</div>'.format(drawing(nodes, edges, statuses)))
    parts += [_table_of_steps(steps), _metrics(run, dto, steps), _error(dto)]
    return '{}<div class="penstock">{}</div>'.format(STYLE, "".join(parts)), dto["status"] in TERMINAL


def _steps(run, dto):
    if dto["type"] == "step":
        return []
    answer = run._call("GET", "runs/{}/children".format(dto["id"]))
    return answer["value"] if isinstance(answer, dict) else answer


def _badge(status):
    fill, ink = COLORS.get(status, PLAIN)
    return '<span class="is" style="background:{};color:{}">{}</span>'.format(fill, ink, escaped(status))


def _heading(run, dto):
    name = dto.get("display_name") or dto.get("name") or dto["id"]
    url = dto.get("url") or ""
    link = ' · <a href="{}" target="_blank" rel="noopener">run page</a>'.format(escaped(url)) if url else ""
    took = _took(dto)
    return "<div><b>{}</b> {} {} <span>{}{}</span></div>".format(
        escaped(name), _badge(dto["status"]), escaped(took), escaped(dto["id"]), link
    )


def _took(dto):
    from datetime import datetime, timezone

    if not dto.get("started_at"):
        return ""
    form = "%Y-%m-%dT%H:%M:%S.%fZ"
    began = datetime.strptime(dto["started_at"], form)
    ended = (
        datetime.strptime(dto["ended_at"], form)
        if dto.get("ended_at")
        else datetime.now(timezone.utc).replace(tzinfo=None)
    )
    seconds = max((ended - began).total_seconds(), 0)
    if seconds < 60:
        return "{:.1f} s".format(seconds) if dto.get("ended_at") else "{:.0f} s".format(seconds)
    return "{} min {:02d} s".format(int(seconds) // 60, int(seconds) % 60)


def _time(step):
    """How long it took, or whose result stands for it."""
    earlier = (step.get("properties") or {}).get("azureml.reusedrunid")
    return "reused from run {}".format(earlier[:8]) if earlier else _took(step)


def _why(step):
    """The last line that a failed step's script wrote, or what is said of its end."""
    if step["status"] != "Failed":
        return ""
    error = step.get("error") or {}
    lines = str((error.get("details") or {}).get("stderr_tail") or "").strip().splitlines()
    text = lines[-1] if lines else str(error.get("message") or "")
    return text if len(text) <= 200 else text[:199] + "…"


def _table_of_steps(steps):
    if not steps:
        return ""
    rows = [
        "<tr><td>{}</td><td>{}</td><td>{}</td><td class='why'>{}</td></tr>".format(
            escaped(s["name"]), _badge(s["status"]), escaped(_time(s)), escaped(_why(s))
        )
        for s in steps[:MOST_STEPS]
    ]
    if len(steps) > MOST_STEPS:
        rows.append("<tr><td>and {} more</td></tr>".format(len(steps) - MOST_STEPS))
    return "<table><tr><th>Step</th><th>Status</th><th>Time</th><th></th></tr>{}</table>".format("".join(rows))


def _metrics(run, dto, steps):
    from azureml._runs.shapes import shaped

    answer = run._call("GET", "runs/{}/metrics".format(dto["id"]), None, {"recursive": 1})
    logged = answer["value"] if isinstance(answer, dict) else answer
    names, by_run = {s["id"]: s["name"] for s in steps}, {}
    for record in logged:
        by_run.setdefault(record["run_id"], []).append(record)
    rows, seen = [], None
    for run_id, records in by_run.items():
        for name, value in shaped(records).items():
            of = "" if run_id == seen else names.get(run_id, "")
            rows.append("<tr><td>{}</td><td>{}</td><td>{}</td></tr>".format(escaped(of), escaped(name), _value(value)))
            seen = run_id
    if not rows:
        return ""
    more = "<tr><td>and {} more</td></tr>".format(len(rows) - MOST_METRICS) if len(rows) > MOST_METRICS else ""
    return "<table><tr><th>{}</th><th>Metric</th><th>Value</th></tr>{}{}</table>".format(
        "Step" if steps else "", "".join(rows[:MOST_METRICS]), more
    )


def _value(value):
    """A value in few characters; of several numbers a line and the last."""
    if isinstance(value, dict):
        if not any(isinstance(v, list) for v in value.values()):
            return escaped(_short(", ".join("{}={}".format(k, _short(v)) for k, v in value.items())))
        rows = max([len(v) if isinstance(v, list) else 1 for v in value.values()] or [0])
        return escaped("{} ({} row{})".format(", ".join(map(str, value)), rows, "" if rows == 1 else "s"))
    if not isinstance(value, list):
        return escaped(_short(value))
    numbers = [v for v in value if isinstance(v, (int, float)) and not isinstance(v, bool) and v - v == 0]
    if len(numbers) < 2 or len(numbers) != len(value):
        return escaped("{} values, last {}".format(len(value), _short(value[-1]) if value else ""))
    return "{} {}".format(_spark(numbers), escaped("{} (last of {})".format(_short(value[-1]), len(value))))


def _short(value):
    text = "{:.6g}".format(value) if isinstance(value, float) else str(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _spark(numbers):
    if len(numbers) > 120:
        numbers = numbers[:: len(numbers) // 100]
    low, high = min(numbers), max(numbers)
    points = [
        "{:.1f},{:.1f}".format(
            2 + 116.0 * i / (len(numbers) - 1), 20 - 18.0 * ((v - low) / (high - low) if high > low else 0.5)
        )
        for i, v in enumerate(numbers)
    ]
    return (
        '<svg width="120" height="22" viewBox="0 0 120 22" style="vertical-align:middle" aria-hidden="true"><polyline '
        'points="{}" fill="none" stroke="#1a7fa3" stroke-width="1.5"/></svg>'
    ).format(" ".join(points))


def _error(dto):
    error = dto.get("error") or {}
    if not error.get("message"):
        return ""
    tail = (error.get("details") or {}).get("stderr_tail") or ""
    return "<h4>{}</h4><pre>{}</pre>".format(escaped(error["message"]), escaped(tail.strip()))
