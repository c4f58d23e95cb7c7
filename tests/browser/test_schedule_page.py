"""The pages of schedules in a real browser: the ledger, what comes, and the buttons."""

from __future__ import annotations

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
EVIL = "<script>alert(1)</script> & 🎉"


class Scheduled:
    """A server with a published pipeline and schedules of it."""

    def __init__(self, home: Path) -> None:
        self.home, self.client = home, submitting.client_of(home)
        self.url: str = self.client.get("server")["url"]
        snapshot = submitting.upload(self.client, "ws", {"say.py": "print('hi')"})
        graph = {"schema": 1, "parameters": [], "nodes": [step("say", "say.py", snapshot, node="00000001")]}
        body = {"name": "training", "version": "1.0", "graph": graph, "interpreter": {"executable": sys.executable}}
        self.pipeline_id: str = self.client.post("ws/ws/pipelines", body)["id"]
        weekly = {"frequency": "Week", "interval": 1, "week_days": ["Monday"], "hours": [8], "minutes": [30]}
        rule = {**weekly, "start_time": "2024-01-01T00:00:00", "time_zone": "W. Europe Standard Time"}
        self.nightly = self.make(EVIL, recurrence=rule, overlap="skip", description="trains each week")
        self.reactive = self.make("reactive", path_on_datastore="in")

    def make(self, name: str, **more: object) -> str:
        body = {"name": name, "pipeline_id": self.pipeline_id, "experiment_name": "e", **more}
        return str(self.client.post("ws/ws/schedules", body)["id"])


@pytest.fixture(scope="module")
def scheduled(module_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Scheduled:
    folder = tmp_path_factory.mktemp("project")
    subprocess.run([sys.executable, "-m", "penstock", "init", "-q", "-w", "ws"], cwd=folder, check=True)
    return Scheduled(module_home)


def test_schedules_are_listed_with_when_they_are_due(scheduled: Scheduled, page: Page) -> None:
    page.goto(scheduled.url)
    page.get_by_role("link", name="Schedules").click()
    row = page.get_by_role("row").filter(has_text="🎉")
    expect(row).to_contain_text("every week on Mon at 08:30 (W. Europe Standard Time)")
    expect(page.get_by_role("row").filter(has_text="reactive")).to_contain_text("changes of workspaceblobstore/in")
    expect(row).to_contain_text("(in ")
    row.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(EVIL)
    coming = page.get_by_role("region", name="Coming").get_by_role("row")
    expect(coming).to_have_count(11)
    assert all("Mon " in text and " 08:30:00 +0" in text for text in coming.all_inner_texts()[1:])
    assert all("06:30:00" in text or "07:30:00" in text for text in coming.all_inner_texts()[1:])
    expect(page.get_by_role("region", name="Facts")).to_contain_text("skip")


def test_one_is_run_now_switched_off_and_on_with_a_token_asked_for_once(scheduled: Scheduled, page: Page) -> None:
    page.goto(f"{scheduled.url}/schedules/{scheduled.nightly}")
    ledger = page.get_by_role("region", name="What became of its due times")
    expect(ledger).to_contain_text("It has not been due yet")
    page.get_by_role("button", name="Run now").click()
    expect(page.get_by_role("alert")).to_contain_text("takes a token")
    page.get_by_label("Token").fill((scheduled.home / "token").read_text().strip())
    page.get_by_role("button", name="Run now").click()
    expect(ledger).to_contain_text("run by hand")
    expect(ledger).to_contain_text("Completed", timeout=30_000)
    page.get_by_role("button", name="Disable").click()
    expect(page.locator("#status")).to_have_text("Disabled")
    expect(page.get_by_role("heading", name="Would come, were it enabled")).to_be_visible()
    page.get_by_role("button", name="Enable").click()
    expect(page.locator("#status")).to_have_text("Active")
    ledger.get_by_role("link").first.click()
    page.wait_for_url("**/runs/*")
    page.get_by_role("link", name=scheduled.nightly[:8]).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(EVIL)
    page.get_by_role("link", name="pipeline " + scheduled.pipeline_id[:8]).click()
    expect(page.get_by_role("region", name="Schedules")).to_contain_text("every week on Mon at 08:30")


def test_files_that_changed_are_told_with_the_batch(scheduled: Scheduled, page: Page) -> None:
    root = Path(scheduled.client.get("ws/ws/datastores/workspaceblobstore")["root"])
    page.goto(f"{scheduled.url}/schedules/{scheduled.reactive}")
    ledger = page.get_by_role("region", name="What became of its due times")
    expect(ledger).to_contain_text("Nothing has changed there since it was made")
    (root / "in").mkdir(parents=True)
    for name in ("a.csv", "b.csv"):
        (root / "in" / name).write_text("x")
    expect(ledger).to_contain_text("2 files changed: in", timeout=30_000)
    expect(ledger).to_contain_text("Fired")


def test_one_whose_pipeline_is_disabled_warns_wherever_it_is_shown(scheduled: Scheduled, page: Page) -> None:
    scheduled.client.put(f"ws/ws/pipelines/{scheduled.pipeline_id}", {"status": "Disabled"})
    try:
        for place in ("/schedules", f"/schedules/{scheduled.nightly}", f"/pipelines/{scheduled.pipeline_id}"):
            page.goto(scheduled.url + place)
            expect(page.get_by_text("Its pipeline 'training' is disabled").first).to_be_visible()
    finally:
        scheduled.client.put(f"ws/ws/pipelines/{scheduled.pipeline_id}", {"status": "Active"})


def test_an_unknown_schedule_is_a_page_that_says_so(scheduled: Scheduled, context: BrowserContext) -> None:
    answer = context.request.get(f"{scheduled.url}/schedules/nothing", headers={"Accept": "text/html"})
    assert answer.status == 404 and "There is no schedule" in answer.text()
