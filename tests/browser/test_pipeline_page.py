"""The pages of published pipelines in a real browser: what they show, and the form that runs one."""

from __future__ import annotations

import json
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
from playwright.sync_api import BrowserContext, Page, expect
from submitting import step

Json = dict[str, Any]
SAY = "import os\nprint({k: v for k, v in sorted(os.environ.items()) if k.startswith('AML_PARAMETER_')})\n"
EVIL = "<script>alert(1)</script> & 🎉"


class Published:
    """A server with a published pipeline of two steps."""

    def __init__(self, home: Path) -> None:
        self.home, self.client = home, submitting.client_of(home)
        self.url: str = self.client.get("server")["url"]
        snapshot = submitting.upload(self.client, "ws", {"say.py": SAY})
        names = {"rate": ("float", "0.5"), "times": ("int", "3"), "dry": ("bool", "True"), "title": ("string", EVIL)}
        parameters = [{"name": n, "type": kind, "default": default} for n, (kind, default) in names.items()]
        first = step("say", "say.py", snapshot, node="00000001", parameters={n: {"parameter": n} for n in names})
        second = step(EVIL, "say.py", snapshot, node="00000002", after=("00000001",))
        graph = {"schema": 1, "parameters": parameters, "nodes": [first, second]}
        body = {"name": EVIL, "version": "1.0", "graph": graph, "interpreter": {"executable": sys.executable}}
        self.made: Json = self.client.post("ws/ws/pipelines", body)


@pytest.fixture(scope="module")
def published(module_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Published:
    folder = tmp_path_factory.mktemp("project")
    subprocess.run([sys.executable, "-m", "penstock", "init", "-q", "-w", "ws"], cwd=folder, check=True)
    return Published(module_home)


def test_published_pipelines_are_listed_with_a_link_to_each(published: Published, page: Page) -> None:
    page.goto(published.url)
    page.get_by_role("link", name="Pipelines").click()
    page.get_by_role("link", name=EVIL).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(EVIL)
    assert page.locator(".box").count() == 2
    expect(page.locator("#snippet-curl")).to_contain_text(published.made["endpoint"])
    for title in ("Python", "PowerShell", "GitHub Actions", "Azure DevOps"):
        page.get_by_text(title, exact=True).click()


def test_endpoints_are_listed_with_their_versions_and_the_default_one(published: Published, page: Page) -> None:
    client, made = published.client, published.made
    endpoint = client.post(
        "ws/ws/endpoints", {"name": EVIL, "description": "the current one", "pipeline_id": made["id"]}
    )
    body = {
        "name": "other",
        "graph": client.get(f"ws/ws/pipelines/{made['id']}/graph"),
        "interpreter": {"executable": sys.executable},
    }
    other = client.post("ws/ws/pipelines", body)
    client.post(f"ws/ws/endpoints/{endpoint['id']}/versions", {"pipeline_id": other["id"], "default": True})
    page.goto(f"{published.url}/pipelines")
    listed = page.get_by_role("region", name="Endpoints")
    (row,) = listed.locator("tbody tr").all()
    expect(row).to_contain_text(EVIL)
    expect(row).to_contain_text(endpoint["endpoint"])
    expect(row.locator("td").nth(1)).to_have_text("1 default0")
    expect(row.locator("td").nth(2)).to_have_text("Active")
    row.get_by_role("link", name="0").click()
    expect(page.locator("#pipeline-id")).to_have_text(made["id"])


def test_the_form_asks_for_a_token_once_and_runs_the_pipeline_with_what_was_typed(
    published: Published, page: Page
) -> None:
    page.goto(f"{published.url}/pipelines/{published.made['id']}")
    page.get_by_label("rate").fill("0.75")
    page.get_by_label("times").fill("9")
    page.get_by_label("dry").uncheck()
    expect(page.get_by_label("title")).to_have_value(EVIL)
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("alert")).to_contain_text("takes a token")
    page.get_by_label("Token").fill((published.home / "token").read_text().strip())
    page.get_by_role("button", name="Run").click()
    page.wait_for_url("**/runs/*")
    run_id = page.url.rsplit("/", 1)[1]
    submitting.wait(published.client, "ws", run_id)
    found = published.client.get(f"ws/ws/runs/{run_id}")
    assert found["parameters"] == {"rate": "0.75", "times": "9", "dry": "False", "title": EVIL}
    assert found["properties"]["runSource"] == "Studio" and found["pipeline_id"] == published.made["id"]
    page.goto(f"{published.url}/pipelines/{published.made['id']}")
    expect(page.get_by_role("region", name="Last runs")).to_contain_text("Completed")
    page.get_by_role("button", name="Run").click()  # the token is known for this tab
    page.wait_for_url("**/runs/*")


def test_what_is_refused_is_said_beside_the_form(published: Published, page: Page) -> None:
    page.goto(f"{published.url}/pipelines/{published.made['id']}")
    page.evaluate(
        f"sessionStorage.setItem('penstock-token', {json.dumps((published.home / 'token').read_text().strip())})"
    )
    page.get_by_label("rate").evaluate("input => { input.type = 'text'; input.value = 'much'; }")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("alert")).to_contain_text("rate is float, but the value much does not convert")


def test_an_unknown_pipeline_is_a_page_that_says_so(published: Published, context: BrowserContext) -> None:
    answer = context.request.get(f"{published.url}/pipelines/nothing", headers={"Accept": "text/html"})
    assert answer.status == 404 and "There is no published pipeline" in answer.text()
