"""The studio's views: what a page says of what was recorded. No server, no browser."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.server.studio import metrics, routes, views
from penstock.server.studio.graphs import draw
from penstock.server.studio.plots import MOST_POINTS, bar_plot, series_plot
from penstock.server.studio.wording import length, log_text, number

Json = dict[str, Any]
NOW = datetime(2026, 11, 22, 19, 0, 30, tzinfo=UTC)


def at(seconds: float) -> str:
    return f"2026-11-22T19:00:{seconds:06.3f}Z"


def a_run(run_id: str, status: str, **more: Any) -> Json:
    plain = {
        "id": run_id, "workspace": "ws", "experiment": "exp", "type": "step", "name": run_id, "display_name": None,
        "parent_id": None, "root_id": run_id, "node": None, "step_type": None, "status": status, "attempt": 1,
        "target": None, "tags": {}, "properties": {}, "number": 1, "created_at": at(0), "started_at": at(0),
        "ended_at": at(10) if status in ("Completed", "Failed", "Canceled") else None, "error": None,
    }  # fmt: skip
    return {**plain, **more}


def page_of(run: Json, *children: Json, **more: Any) -> views.RunPage:
    empty: Json = {
        "parent": None, "graph": {}, "metrics": [], "outputs": [], "files": [], "logs": [], "events": [], "attempts": []
    }  # fmt: skip
    return views.run_page(views.Recorded(run=run, children=children, **{**empty, **more}), NOW)


def card(kind: str, *values: Any) -> metrics.Card:
    logged = [{"run_id": "r", "name": "m", "kind": kind, "value": v} for v in values]
    return metrics.card("m", logged, lambda name: f"/files/{name}")


def test_the_failing_steps_come_first_in_the_order_they_failed() -> None:
    error = {"code": "UserError", "message": "it failed.", "details": {"stderr_tail": "Traceback\nValueError: x\n"}}
    late = a_run("late", "Failed", ended_at=at(9), error=error)
    early = a_run("early", "Failed", ended_at=at(3), error=error)
    page = page_of(a_run("root", "Failed", type="pipeline", error={"message": "a step failed"}), late, early)
    assert [t.title for t in page.troubles] == ["Step “early” failed", "Step “late” failed"]
    assert page.troubles[0].trace == "Traceback\nValueError: x"


def test_a_run_that_failed_by_itself_says_so() -> None:
    page = page_of(a_run("root", "Failed", type="pipeline", error={"message": "no room"}))
    assert [(t.title, t.message) for t in page.troubles] == [("The pipeline run failed", "no room")]


def test_progress_covers_the_bar_and_counts_in_words() -> None:
    states = ["Completed"] * 3 + ["Running", "NotStarted", "Failed", "Canceled"]
    page = page_of(a_run("root", "Running", type="pipeline"), *(a_run(f"s{i}", s) for i, s in enumerate(states)))
    assert page.progress and sum(s.width for s in page.progress.segments) == pytest.approx(100, abs=0.1)
    assert page.progress.words == "3 of 7 steps completed, 1 running, 1 not started, 1 failed, 1 canceled"
    reused = a_run("s", "Completed", properties={"azureml.isreused": "true", "azureml.reusedrunid": "0123456789"})
    page = page_of(a_run("root", "Completed", type="pipeline"), reused, a_run("t", "Completed"))
    assert page.progress and page.progress.words == "2 of 2 steps completed, 1 of them reused"


def test_a_step_lies_in_its_runs_time() -> None:
    root = a_run("root", "Completed", type="pipeline", ended_at=at(20))
    page = page_of(root, a_run("s", "Completed", started_at=at(5), ended_at=at(10)))
    bar = page.steps[0].bar
    assert bar and (bar.x, bar.width) == (25.0, 25.0)


def test_the_story_names_who_and_when() -> None:
    events = [
        {"id": 1, "run_id": "root", "at": at(0), "name": "created", "body": {}},
        {"id": 2, "run_id": "s", "at": at(4), "name": "failed", "body": {"message": "bad data"}},
        {"id": 3, "run_id": "s", "at": at(4), "name": "warning", "body": {"message": "wrote nothing"}},
        {"id": 4, "run_id": "gone", "at": at(5), "name": "new_kind", "body": {}},
    ]
    story = page_of(a_run("root", "Failed", type="pipeline"), a_run("s", "Failed"), events=events).story
    assert [(h.since, h.who, h.text) for h in story] == [
        ("+0 ms", "The run", "was created"),
        ("+4.0 s", "s", "failed: bad data"),
        ("+4.0 s", "s", "wrote nothing"),
        ("+5.0 s", "gone", "new kind"),
    ]


def test_every_kind_of_metric_has_its_look() -> None:
    assert card("scalar", 0.8512).value == "0.8512"
    assert card("scalar", "keep C=10").value == "keep C=10"
    series = card("scalar", 1, 2, 3)
    assert series.plot and series.value == "3" and series.note == "last of 3"
    assert card("list", [1, 2, 3]).plot and card("list", [5]).value == "5"
    row = card("row", {"a": 1}, {"a": 2, "b": 3}).grid
    assert row and row.headers == ("a", "b") and [c.text for c in row.rows[0]] == ["1", ""]
    table = card("table", {"a": [1, 2], "b": [3]}).grid
    assert table and [[c.text for c in r] for r in table.rows] == [["1", "3"], ["2", ""]]
    assert card("image", {"artifact": "outputs/x.png"}).image == card("image", "outputs/x.png").image
    matrix = {"data": {"class_labels": ["a", "b"], "matrix": [[9, 0], [1, 5]]}}
    confusion = card("confusion_matrix", json.dumps(matrix)).grid
    assert confusion and confusion.rows[0][1].heat == 9 and confusion.rows[0][2].heat == 0
    tables = [[[4, 2, 0, 0], [3, 1, 1, 1], [0, 0, 2, 4]]] * 2
    roc = card("accuracy_table", {"data": {"class_labels": ["0", "1"], "probability_tables": tables}}).plot
    assert roc and len(roc.curves) == 2
    bars = card("residuals", {"data": {"bin_edges": [0, 1, 2], "bin_counts": [1, 3]}}).plot
    assert bars and len(bars.bars) == 2
    predictions = {"data": {"bin_edges": [0, 1, 2], "bin_averages": [0.4, 1.6]}}
    assert card("predictions", predictions).plot


@pytest.mark.parametrize(
    "kind", ["table", "row", "confusion_matrix", "accuracy_table", "residuals", "predictions", "new"]
)
@pytest.mark.parametrize("value", ["not what it should be", {"data": {}}, 7, None, [[1]]])
def test_a_broken_metric_is_shown_as_it_was_logged(kind: str, value: Any) -> None:
    shown = card(kind, value)
    assert shown.raw or shown.grid


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def test_a_whole_number_that_no_float_can_hold_is_shown() -> None:
    huge = 10**400
    assert card("scalar", huge).value == "1e+400"
    series = card("scalar", 1.0, huge, 3)
    assert series.plot and series.plot.high == 3.0 and "2 values between 1 and 3" in series.plot.words
    for kind in ("list", "row", "table", "residuals", "confusion_matrix"):
        assert card(kind, {"data": {"a": huge, "matrix": [[huge, 1], [2, 3]], "class_labels": ["a", "b"]}}).name == "m"


@given(
    st.sampled_from(["scalar", "list", "row", "table", "image", "confusion_matrix", "residuals"]),
    st.lists(json_values, min_size=1, max_size=4),
)
@settings(max_examples=50, deadline=None)
def test_whatever_was_logged_becomes_a_card(kind: str, values: list[Any]) -> None:
    assert card(kind, *values).name == "m"


def test_a_long_series_keeps_its_peaks_in_few_points() -> None:
    values = [0.0] * 50_000
    values[31_234] = 9.0
    plot = series_plot(values, "")
    assert plot and plot.high == 9.0 and len(plot.curves[0].points.split()) <= 2 * MOST_POINTS
    assert min(float(p.split(",")[1]) for p in plot.curves[0].points.split()) == pytest.approx(8.0)
    assert series_plot([1.0], "") is None and bar_plot([0, 1], [0.0], "") is None


def test_many_alike_steps_share_one_box() -> None:
    nodes = [{"id": "a", "name": "split"}]
    nodes += [{"id": f"w{i}", "name": f"work {i}", "after": ["a"]} for i in range(200)]
    nodes += [{"id": "z", "name": "join", "after": [f"w{i}" for i in range(200)]}]
    steps = [a_run(f"r{i}", "Completed" if i else "Failed", node=f"w{i}") for i in range(200)]
    drawing = draw({"nodes": nodes}, steps, lambda run_id: f"/{run_id}")
    assert drawing and [b.name for b in drawing.boxes] == ["split", "work 0 … work 199", "join"]
    assert drawing.boxes[1].tone == "bad" and drawing.boxes[1].note == "199 of 200 completed"
    assert len(drawing.lines) == 2


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ([f"train {i}" for i in range(25)], "train 0 … train 24"),
        ([f"train fold {i}" for i in range(25)], "train fold 0 … 24"),
        ([f"train a model of fold {i}" for i in range(25)], "train a model… × 25"),
        (["train"] * 8, "train × 8"),
        (list("abcdefgh"), "a … h"),
    ],
)
def test_a_box_of_many_names_the_first_and_the_last(names: list[str], shown: str) -> None:
    nodes = [{"id": "s", "name": "split"}, *({"id": f"w{i}", "name": n, "after": ["s"]} for i, n in enumerate(names))]
    drawing = draw({"nodes": nodes}, [], str)
    assert drawing and drawing.boxes[1].name == shown


def test_a_step_that_has_not_started_says_what_it_waits_for() -> None:
    nodes = [{"id": "a", "name": "prepare"}, {"id": "b", "name": "train", "after": ["a"]}, {"id": "c", "name": "other"}]
    steps = [
        a_run("ra", "Running", name="prepare", node="a"),
        a_run("rb", "NotStarted", name="train", node="b", started_at=None),
        a_run("rc", "NotStarted", name="other", node="c", started_at=None),
    ]
    root = a_run("root", "Running", type="pipeline")
    whys = [s.why for s in page_of(root, *steps, graph={"nodes": nodes}).steps]
    assert whys == ["", "waiting for: prepare", "waiting for a free slot"]
    stopping = page_of({**root, "status": "CancelRequested"}, *steps, graph={"nodes": nodes})
    assert [s.why for s in stopping.steps] == ["", "", ""]


def test_a_log_is_shown_without_what_steers_a_terminal() -> None:
    assert log_text("\x1b[1;31mred\x1b[0m\n10%\r100%\nnul\x00 bell\x07\r\n") == "red\n100%\nnul� bell�\n"
    assert len(log_text("x" * 10_000_000)) < 5_000


def test_the_list_of_runs_says_how_many_steps_were_reused() -> None:
    over = [a_run("a", "Completed", n_steps=5, n_reused=4), a_run("b", "Failed", n_steps=1, n_reused=0)]
    page = views.runs_page([*over, a_run("c", "Running", n_steps=None, n_reused=None)], {}, datetime.now(UTC))
    assert [row.steps for row in page.runs] == ["5 steps, 4 reused", "1 step", ""]


def test_numbers_and_lengths_are_short() -> None:
    assert [number(v) for v in (10000, 0.1 + 0.2, 1e-9, float("nan"), True, 3.0)] == [
        "10,000", "0.3", "1e-09", "nan", "True", "3"
    ]  # fmt: skip
    assert [length(s) for s in (0.04, 12.9, 184, 7500, -1)] == ["40 ms", "12 s", "3 min 04 s", "2 h 05 min", "0 ms"]


def test_templates_escape_every_value() -> None:
    evil = "<img src=x onerror=alert(1)>\"'&"
    page = page_of(
        a_run("root", "Failed", type="pipeline", name=evil, experiment=evil, tags={evil: evil}, warnings=[evil]),
        a_run("s", "Failed", name=evil, error={"message": evil, "details": {"stderr_tail": evil}}),
        metrics=[{"run_id": "s", "name": evil, "kind": k, "value": v} for k, v in (("scalar", evil), ("table", {evil: [evil]}))],
        outputs=[{"name": evil, "datastore": evil, "path": evil, "kind": "file", "run_id": "s"}],
        files=[{"name": evil, "size_bytes": 1}],
        logs=[views.Log("Output", evil, evil, views.file_href("s", evil), "")],
    )  # fmt: skip
    html = routes.templates("1").get_template("run.html").render(page=page, live="", is_fragment=False)
    assert "<img src=x" not in html and html.count("&lt;img src=x") >= 12
    reader = Attributes()
    reader.feed(html)
    forbidden = {n for n in reader.names if n == "style" or n.startswith("on")}
    assert not forbidden, "the content policy allows neither styles nor handlers in a page"


class Attributes(HTMLParser):
    """The names of all attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.update(name for name, _ in attrs)


def luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    full = digits if len(digits) == 6 else "".join(c * 2 for c in digits)
    parts = [int(full[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_stands_out_from_what_it_is_on(scheme: int) -> None:
    css = (routes.HERE / "static/studio.css").read_text()
    block = re.findall(r":root \{(.*?)\}", css, re.DOTALL)[scheme]
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", block))
    pairs = [(t, "card") for t in ("ink", "soft", "accent", "ok", "bad", "busy", "stopped")]
    pairs += [(t, "bg") for t in ("ink", "soft", "accent")] + [("ink", "code"), ("ink", "shade"), ("soft", "shade")]
    pairs += [(t, f"{t}-shade") for t in ("ok", "bad", "busy", "wait", "stopped")]
    for text, ground in pairs:
        light, dark = sorted((luminance(colours[text]), luminance(colours[ground])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, ground)


def test_the_page_of_a_step_shows_its_arguments_with_the_parameters_behind_them() -> None:
    arguments = [
        {"literal": "--rate"}, {"parameter": "rate"}, {"literal": "--data"}, {"input": "raw"}, {"literal": "--fast"},
        {"literal": "--seed"}, {"literal": "-1"}, {"parts": [{"literal": "into:"}, {"output": "kept"}]}, {"literal": "-v"},
    ]  # fmt: skip
    graph = {
        "parameters": [{"name": "rate", "default": 0.1}, {"name": "other", "default": 1}],
        "nodes": [{"id": "n0"}, {"id": "n1", "arguments": arguments}],
    }

    def rows(run: Json, parent: Json | None) -> list[tuple[str, str, str]]:
        return [(a.option, a.value, a.origin) for a in page_of(run, graph=graph, parent=parent).arguments]

    parent = a_run("root", "Completed", type="pipeline", parameters={"rate": 0.5})
    wanted = [
        ("--rate", "0.5", "parameter rate"), ("--data", "raw", "path of this input"), ("--fast", "", ""),
        ("--seed", "-1", ""), ("", "into:kept", "path of this output"), ("-v", "", ""),
    ]  # fmt: skip
    assert rows(a_run("s", "Completed", node="n1"), parent) == wanted
    assert rows(a_run("s", "Completed", node="n1"), None)[0] == ("--rate", "0.1", "parameter rate")
    assert rows(a_run("s", "Completed", node="n0"), parent) == []
