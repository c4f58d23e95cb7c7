"""A notebook that authors, submits and follows a pipeline: executed by nbclient, exported, and looked at in a real browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from browsing import FLAGS, chromium
from playwright.sync_api import Browser, expect, sync_playwright
from test_run_page import EVIL

from azureml.widgets._live import SCRIPT

CELLS = (
    "import sys\nfrom azureml.core import Dataset, Experiment, Model, Workspace\nfrom azureml.pipeline.core import Pipeline, PipelineData\n"
    "from azureml.pipeline.steps import PythonScriptStep\nfrom azureml.widgets import RunDetails\n"
    "ws = Workspace.create('notebook', exist_ok=True)\nws",
    "data = PipelineData('data')\nmodel = PipelineData('model')\n"
    "prepare = PythonScriptStep('s.py', 'prepare', ['--to', data], 'local', outputs=[data], source_directory='src', allow_reuse=False)\n"
    "train = PythonScriptStep('s.py', 'train', ['--to', model], 'local', inputs=[data], outputs=[model], source_directory='src', allow_reuse=False)\n"
    f"check = PythonScriptStep('s.py', {EVIL!r}, [], 'local', source_directory='src', allow_reuse=False)\n"
    "check.run_after(prepare)\npipeline = Pipeline(ws, [train, check])\npipeline",
    "experiment = Experiment(ws, 'from-a-notebook')\nexperiment",
    "run = experiment.submit(pipeline)",
    "RunDetails(run).show()",
    "run.wait_for_completion(show_output=False)",
    "run",
    "with experiment.start_logging() as mine:\n    mine.log('alpha', 0.5)\nModel.register(ws, 'src', 'scripts', tags={'a': 'b'})",
    "Dataset.File.from_files((ws.get_default_datastore(), 'x/*.csv'), validate=False)",
)
SCRIPT_OF_STEPS = """import argparse, os
from azureml.core import Run
parser = argparse.ArgumentParser()
parser.add_argument("--to")
to = parser.parse_args().to
if to:
    os.makedirs(to, exist_ok=True)
    open(os.path.join(to, "f.txt"), "w").write("x")
run = Run.get_context()
for i in range(20):
    run.log("loss", 1 / (i + 1))
run.log("accuracy", 0.9375)
run.log_row("best", depth=3, rate=0.1)
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        yield opened
        opened.close()


def executed(cells: tuple[str, ...], home: Path, folder: Path) -> Any:
    """A notebook of these cells as it is after its execution."""
    from nbclient import NotebookClient

    (folder / "src").mkdir()
    (folder / "src/s.py").write_text(SCRIPT_OF_STEPS)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in cells])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENSTOCK_HOME", str(home))
        patch.setenv("IPYTHONDIR", str(folder / "ipython"))
        NotebookClient(
            notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
        ).execute()
    return notebook


@pytest.fixture(scope="module")
def notebook(module_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return executed(CELLS, module_home, tmp_path_factory.mktemp("notebook"))


def exported(notebook: Any) -> str:
    """The notebook as one HTML file that asks the network for nothing; widgets are shown as the HTML they stand for."""
    from nbconvert import HTMLExporter

    for cell in notebook.cells:
        for out in cell.get("outputs", []):
            out.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
    body, _ = HTMLExporter(template_name="basic").from_notebook_node(notebook)
    return f"<!doctype html><meta charset='utf-8'><title>notebook</title><body style='max-width:1000px;margin:2rem auto'>{body}"


def outputs(notebook: Any, number: int) -> dict[str, str]:
    """What the last output of a cell holds, by kind."""
    return dict(notebook.cells[number]["outputs"][-1].get("data", {}))


def test_the_widget_is_live_and_ends_as_the_run_does(notebook: Any) -> None:
    shown = outputs(notebook, 4)
    states = notebook.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"].values()
    (html,) = (state["state"]["html"] for state in states if "html" in state["state"])
    assert html == shown["text/html"], "what is saved is what the widget showed last"
    assert "application/vnd.jupyter.widget-view+json" not in shown, "without its kernel nobody could show it"
    for part in ("Completed", "<svg", "accuracy", "0.9375", "(last of 20)", "prepare", "train"):
        assert part in html, part
    assert EVIL not in html and "&lt;script&gt;alert(1)&lt;/script&gt; &amp; 🎉" in html
    assert "NotStarted" not in html and "Running" not in html


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        (0, "notebook"),
        (1, "<svg"),
        (2, "from-a-notebook"),
        (6, "Completed"),
        (7, "a=b"),
        (8, "workspaceblobstore/x/*.csv"),
    ],
)
def test_objects_show_themselves(notebook: Any, cell: int, says: str) -> None:
    html = outputs(notebook, cell)["text/html"]
    assert says in html and EVIL not in html


def test_the_exported_page_is_whole_and_quiet(notebook: Any, browser: Browser, tmp_path: Path) -> None:
    page = browser.new_page(viewport={"width": 1100, "height": 1400})
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: (said.append("a dialog"), dialog.dismiss()))
    (tmp_path / "notebook.html").write_text(exported(notebook))
    page.goto((tmp_path / "notebook.html").as_uri())
    details = page.locator(".penstock")
    expect(details).to_have_count(1)
    expect(details.locator("svg").first.locator("rect")).to_have_count(3)
    expect(details.locator("table").last).to_contain_text("accuracy")
    page.screenshot(path=os.environ.get("NOTEBOOK_PICTURE") or tmp_path / "notebook.png", full_page=True)
    assert said == []
    page.close()


def test_the_front_end_shows_each_change(browser: Browser, tmp_path: Path) -> None:
    """The widget's own script in a browser, with a model that changes as the kernel would change it."""
    page = browser.new_page()
    (tmp_path / "widget.html").write_text(
        "<div id='place'></div><script type='module'>" + SCRIPT.replace("export default", "window.view =") + "\n"
        "const heard = {}; let html = '<b>first</b>';\n"
        "view.render({model: {get: () => html, on: (name, f) => heard[name] = f}, el: document.getElementById('place')});\n"
        "window.change = (to) => { html = to; heard['change:html'](); };</script>"
    )
    page.goto((tmp_path / "widget.html").as_uri())
    expect(page.locator("#place b")).to_have_text("first")
    page.evaluate("change('<i>second</i>')")
    expect(page.locator("#place i")).to_have_text("second")
    expect(page.locator("#place b")).to_have_count(0)
    page.close()


def test_without_the_widget_library_the_view_ends_as_the_run_does_too(module_home: Path, tmp_path: Path) -> None:
    cells = (
        "import sys; sys.modules['anywidget'] = None  # as if it were not installed\nfrom azureml.core import *",
        "ws = Workspace.create('plain', exist_ok=True)\nfrom azureml.widgets import RunDetails\n"
        "run = Experiment(ws, 'e').submit(ScriptRunConfig('src', 's.py'))",
        "RunDetails(run).show()",
        "run.wait_for_completion()",
    )
    shown = outputs(executed(cells, module_home, tmp_path), 2)
    assert set(shown) == {"text/html", "text/plain"} and "Completed" in shown["text/html"]
    assert "0.9375" in shown["text/html"]
