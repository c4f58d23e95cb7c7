"""The studio in a real browser against a real server: pages, live updating, strange names, safe files, accessibility."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import submitting
from browsing import browser as browser
from browsing import context as context
from browsing import page as page
from browsing import playwright as playwright
from playwright.sync_api import Browser, BrowserContext, Page, expect
from submitting import from_step, output, step

Json = dict[str, Any]
EVIL = "<script>alert(1)</script> & 🎉"
CLEARED = re.compile(r"^Cleared away on [-\d]{10}\. Until [-\d]{10} it can be brought back: penstock gc --restore$")
FILES = {
    "prepare.py": "import sys, pathlib\npathlib.Path(sys.argv[1]).mkdir(exist_ok=True)\n"
    "(pathlib.Path(sys.argv[1]) / 'd.csv').write_text('a,b')\nprint('prepared')\n",
    "train.py": """import base64, os, pathlib
from azureml.core import Run
run = Run.get_context()
for i in range(30):
    run.log("loss", 1 / (i + 1))
run.log("Accuracy", 0.87)
run.log_list("folds", [0.1, 0.2, 0.15])
run.log_row("point", x=1, y=2.5)
run.log_table("per class", {"class": ["a", "<b>"], "f1": [0.8, 0.9]})
run.log_confusion_matrix("confusion", {"schema_type": "confusion_matrix", "schema_version": "1.0.0",
    "data": {"class_labels": ["0", "1"], "matrix": [[5, 1], [2, 9]]}})
png = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
pathlib.Path("dot.png").write_bytes(png)
run.log_image("dot", path="dot.png")
pathlib.Path("outputs/page.html").write_text("<script>alert(1)</script>")
pathlib.Path("outputs/fake.png").write_text("<script>alert(1)</script>")
pathlib.Path("outputs/notes.txt").write_text("<b>plain</b>")
print("\\x1b[32mgreen\\x1b[0m", "epoch 1\\repoch 2", "<i>markup</i>")
""",
    "fail.py": "raise ValueError('no such column: <label>')\n",
    "long.py": "import sys\nfor i in range(200): print('line', i, file=sys.stderr)\nraise ValueError('w' * 300)\n",
    "wait.py": "import os\nprint('waiting', flush=True)\nopen(os.environ['GATE']).read()\nprint('went on', flush=True)\n",
}


class Site:
    """A running server with one run that went well and one that did not."""

    def __init__(self, home: Path) -> None:
        self.client = submitting.client_of(home)
        self.url: str = self.client.get("server")["url"]
        self.snapshot = submitting.upload(self.client, "ws", FILES)
        prepare = self.step(
            "prepare", "prepare.py", "00000001", arguments=[{"output": "prepped"}], outputs=[output("prepped")]
        )
        train = self.step(EVIL, "train.py", "00000002", inputs=[from_step("prepped", "00000001")])
        fails = self.step("break", "fail.py", "00000003", after=("00000001",))
        never = self.step("never", "prepare.py", "00000004", after=("00000003",))
        self.good = self.submit(prepare, train, display_name=EVIL, tags={"who": EVIL})
        self.bad = self.submit(prepare, fails, never)
        for run in (self.good, self.bad):
            submitting.wait(self.client, "ws", run["run"]["id"])

    def step(self, name: str, script: str, node: str, **more: Any) -> Json:
        return step(name, script, self.snapshot, node=node, **more)

    def submit(self, *nodes: Json, **more: Any) -> Json:
        return submitting.submit(self.client, "ws", list(nodes), "studio", **more)

    def page_of(self, run_id: str) -> str:
        return f"{self.url}/runs/{run_id}"


@pytest.fixture(scope="module")
def site(module_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("project")
    subprocess.run([sys.executable, "-m", "penstock", "init", "-q", "-w", "ws"], cwd=folder, check=True)
    return Site(module_home)


def test_the_start_page_lists_the_runs(site: Site, page: Page) -> None:
    page.goto(site.url)
    rows = page.get_by_role("row")
    expect(rows.nth(1)).to_contain_text("Failed")
    expect(rows.nth(2)).to_contain_text("Completed")
    page.get_by_role("link", name=EVIL).click()
    expect(page).to_have_url(site.page_of(site.good["run"]["id"]))


def test_a_run_is_shown_with_its_graph_steps_metrics_and_outputs(site: Site, page: Page) -> None:
    page.goto(site.page_of(site.good["run"]["id"]))
    expect(page.get_by_role("heading", level=1)).to_have_text(EVIL)
    expect(page.locator("#status")).to_have_text("Completed")
    expect(page.locator(".meter")).to_contain_text("2 of 2 steps completed")
    assert page.locator(".box.ok").count() == 2 and page.locator(".edge.done").count() == 1
    metrics = page.locator("#metrics")
    for text in ("Accuracy", "0.87", "loss", "last of 30", "folds", "per class", "<b>", "confusion matrix"):
        expect(metrics).to_contain_text(text)
    assert metrics.locator("polyline").count() == 2
    image = metrics.get_by_role("img", name="dot")
    image.scroll_into_view_if_needed()
    expect(image).to_have_js_property("naturalWidth", 1)
    expect(page.locator("#outputs")).to_contain_text("workspaceblobstore/azureml/")
    expect(page.locator("#part-side")).to_contain_text(EVIL)
    page.get_by_role("link", name=f"{EVIL}: Completed").click()
    expect(page.get_by_role("navigation", name="Where you are")).to_contain_text(EVIL)


def test_inputs_are_shown_and_a_dataset_whose_files_have_changed_since(site: Site, page: Page) -> None:
    store = Path(site.client.get("ws/ws/datastores/workspaceblobstore")["root"])
    (store / "given").mkdir()
    (store / "given/a.csv").write_text("a\n1\n")
    definition = {"paths": [{"datastore": "workspaceblobstore", "path": "given/*.csv"}]}
    saved = site.client.post("ws/ws/datasets", {"kind": "file", "definition": definition})["id"]
    site.client.post("ws/ws/datasets/register", {"id": saved, "name": "<given>"})
    definition = {"paths": [{"datastore": "workspaceblobstore", "path": "given/a.csv"}]}
    steady = site.client.post("ws/ws/datasets", {"kind": "file", "definition": definition})["id"]
    site.client.post("ws/ws/datasets/register", {"id": steady, "name": "steady"})
    plain = {"mode": "mount", "path_on_compute": None, "overwrite": False, "reference": "dataset", "env": None}
    first = site.step(
        "prepare", "prepare.py", "00000001", arguments=[{"output": "prepped"}], outputs=[output("prepped")],
        inputs=[{"name": "raw", "source": {"dataset": saved}, **plain}],
    )  # fmt: skip
    second = site.step("again", "prepare.py", "00000002", arguments=[{"literal": "x"}], inputs=[
        {"name": "files", "source": {"datastore": "workspaceblobstore", "path": "given"}, **plain}, from_step("prepped", "00000001"),
        {"name": "same", "source": {"dataset": saved}, **plain}, {"name": "one", "source": {"dataset": steady}, **plain},
    ])  # fmt: skip
    run = site.submit(first, second)
    submitting.wait(site.client, "ws", run["run"]["id"])
    (store / "given/b.csv").write_text("a\n2\n")
    page.goto(site.page_of(run["run"]["id"]))
    inputs = page.locator("#inputs")
    expect(inputs.get_by_role("row")).to_have_count(4)
    for text in ("dataset <given>, version 1", "workspaceblobstore/given/*.csv", "read by prepare, again"):
        expect(inputs).to_contain_text(text)
    expect(inputs.locator(".changed")).to_have_count(1)
    expect(inputs.locator(".changed")).to_contain_text("then 1 file of 4 bytes, now 2 files of 8 bytes")
    page.goto(site.page_of(step_id(run, "00000002")))
    expect(page.locator("#inputs")).to_contain_text("output prepped of prepare")
    expect(page.locator("#inputs .changed")).to_have_count(1)


def test_a_step_shows_its_log_cleaned_and_escaped(site: Site, page: Page) -> None:
    page.goto(site.page_of(step_id(site.good, "00000002")))
    log = page.locator("pre.output").first
    expect(log).to_have_text("epoch 2 <i>markup</i>\n")
    for name in ("outputs/page.html", "outputs/notes.txt"):
        expect(page.locator("#files")).to_contain_text(name)


def test_a_failure_comes_first_with_the_scripts_own_traceback(site: Site, page: Page) -> None:
    page.goto(site.page_of(site.bad["run"]["id"]))
    trouble = page.locator(".trouble")
    expect(trouble.get_by_role("heading")).to_have_text("Step “break” failed")
    expect(trouble.locator("pre")).to_contain_text("ValueError: no such column: <label>")
    expect(page.locator("#steps")).to_contain_text("Not started: step 'break' failed.")
    trouble.get_by_role("link", name="Its whole log").click()
    expect(page.get_by_role("heading", name="Error output")).to_be_visible()


@pytest.mark.parametrize("width", [360, 1280])
def test_long_words_stay_in_their_cards_and_a_traceback_shows_its_end(site: Site, page: Page, width: int) -> None:
    long = "word" * 60
    outs = {"outputs": [output("o" * 90)], "arguments": [{"output": "o" * 90}]}
    writes = site.step(long, "prepare.py", "00000001", **outs)
    run = site.submit(writes, site.step("n" * 200, "long.py", "00000002"), display_name=long, tags={"t" * 90: long})
    submitting.wait(site.client, "ws", run["run"]["id"])
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(site.page_of(run["run"]["id"]))
    trace = page.locator("pre.trace")
    expect(trace).to_contain_text("line 199")
    assert trace.evaluate("e => e.scrollHeight - e.clientHeight - e.scrollTop") < 2
    assert trace.evaluate("e => e.scrollTop") > 0
    assert page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    bursting = page.evaluate("() => [...document.querySelectorAll('.card, .card h2, .card p, .card td, h1, dd')]"
                             ".filter(e => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== 'inline')"
                             ".map(e => [e.tagName, e.className, e.scrollWidth, e.clientWidth])")  # fmt: skip
    assert bursting == []


@pytest.mark.parametrize("width", [360, 1280])
def test_what_was_cleared_away_is_said_below_where_it_was(site: Site, page: Page, width: int) -> None:
    site.client.post("gc", {"max_bytes": 0, "delete": True})
    try:
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(site.page_of(site.good["run"]["id"]))
        outputs = page.locator("#outputs")
        place, size = outputs.locator("td.grow"), outputs.locator("td.right")
        expect(place.locator(".changed")).to_have_text(CLEARED)
        expect(size).to_have_text("3 B in 1 file")
        widths = [e.evaluate("e => e.getBoundingClientRect().width") for e in (place, outputs)]
        assert widths[0] > 0.45 * widths[1]
        assert page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    finally:
        site.client.post("gc/restore", {})


def test_what_is_under_way_is_drawn_lighter_than_what_is_done(site: Site, page: Page, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    wait = site.step("wait", "wait.py", "00000001", environment_variables={"GATE": str(gate)})
    then = site.step("then", "prepare.py", "00000002", after=("00000001",), arguments=[{"literal": "x"}])
    run = site.submit(wait, then)
    page.goto(site.page_of(run["run"]["id"]))
    expect(page.locator(".progress rect.busy")).to_be_attached()
    assert float(page.locator(".progress rect.busy").evaluate("e => getComputedStyle(e).opacity")) < 0.5
    expect(page.locator("#steps")).to_contain_text("waiting for: wait")
    gate.write_text("")
    submitting.wait(site.client, "ws", run["run"]["id"])


def test_an_experiments_address_leads_to_its_runs(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/experiments/studio")
    expect(page).to_have_url(f"{site.url}/?experiment=studio")
    expect(page.get_by_role("heading", level=1)).to_have_text("studio")


def test_times_are_said_as_the_command_line_says_them(site: Site, browser: Browser) -> None:
    with browser.new_context(locale="en-US", timezone_id="UTC") as context:
        page = context.new_page()
        page.goto(site.url)
        expect(page.locator("time").first).to_have_text(re.compile(r"^\d\d:\d\d:\d\d \("))


def test_an_unknown_address_is_a_page_for_a_browser_and_json_for_a_program(site: Site, context: BrowserContext) -> None:
    answer = context.request.get(f"{site.url}/nowhere", headers={"Accept": "text/html,*/*"})
    assert answer.status == 404 and "Not found" in answer.text() and "/nowhere" in answer.text()
    plain = context.request.get(f"{site.url}/nowhere", headers={"Accept": "application/json"})
    assert plain.status == 404 and plain.json()["error"]["code"] == "NotFound"


def test_a_page_follows_its_run_by_itself(site: Site, page: Page, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    wait = site.step("wait", "wait.py", "00000001", environment_variables={"GATE": str(gate)})
    run = site.submit(
        wait, site.step("then", "prepare.py", "00000002", after=("00000001",), arguments=[{"literal": "x"}])
    )
    page.goto(site.page_of(step_id(run, "00000001")))
    log = page.locator("pre.output").first
    expect(log).to_have_text("waiting\n")
    page.goto(site.page_of(run["run"]["id"]))
    expect(page.locator("#status")).to_have_text("Running")
    page.get_by_text("Story").click()
    story = page.locator("#story")
    expect(story).not_to_have_attribute("open", re.compile(".*"))
    gate.write_text("")
    expect(page.locator("#status")).to_have_text("Completed", timeout=15_000)
    expect(page.locator(".meter")).to_contain_text("2 of 2 steps completed")
    expect(page).to_have_title(re.compile("^Completed: "))
    expect(story).not_to_have_attribute("open", re.compile(".*"))  # what the reader folded stays folded
    assert page.locator("main").get_attribute("data-live")


def test_everything_is_there_without_script(site: Site, browser: Browser) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(site.page_of(site.good["run"]["id"]))
        expect(page.locator("#status")).to_have_text("Completed")
        expect(page.locator("time").first).to_contain_text("UTC")
        expect(page.locator("#metrics")).to_contain_text("0.87")


def test_files_are_served_so_that_nothing_in_them_runs(site: Site, context: BrowserContext) -> None:
    base = site.page_of(step_id(site.good, "00000002")) + "/files/"
    for name, kind, shown in (
        ("outputs/page.html", "application/octet-stream", "attachment"),
        ("outputs/fake.png", "application/octet-stream", "attachment"),
        ("outputs/notes.txt", "text/plain; charset=utf-8", "inline"),
    ):
        answer = context.request.get(base + name)
        assert answer.headers["content-type"] == kind and answer.headers["content-disposition"].startswith(shown)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("sandbox")
    for name in ("../../penstock.db", "outputs/../../../home.json", "%2e%2e/%2e%2e/token", "/etc/passwd", "none"):
        assert context.request.get(base + name).status == 404, name


def test_what_is_not_there_is_a_page_too(site: Site, context: BrowserContext) -> None:
    answer = context.request.get(f"{site.url}/runs/<img src=x onerror=alert(1)>")
    assert answer.status == 404 and "<img src=x" not in answer.text() and "&lt;img src=x" in answer.text()
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("width", [360, 1280])
def test_a_page_fits_its_window_and_can_be_used_by_keyboard(site: Site, page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(site.page_of(site.bad["run"]["id"]))
    assert page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    for role in ("banner", "main", "navigation", "complementary"):
        expect(page.get_by_role(role).first).to_be_attached()  # type: ignore[arg-type]
    unnamed = page.evaluate("() => [...document.querySelectorAll('a, button, img, svg[role=img], section, aside')]"
                            ".filter(e => !e.hidden && e.childNodes.length + (e.alt ? 1 : 0) && !(e.textContent.trim()"
                            " || e.getAttribute('aria-label') || e.alt)).map(e => e.outerHTML)")  # fmt: skip
    assert unnamed == []
    ids = page.evaluate("() => [...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))


def step_id(submitted: Json, node: str) -> str:
    run_id: str = next(s["run_id"] for s in submitted["steps"] if s["node"] == node)
    return run_id
