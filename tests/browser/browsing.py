"""The browser that the studio is looked at with."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, sync_playwright

FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        message = "No Chromium on PATH: install it (apt-get install chromium)."
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(f"THE STUDIO WAS NOT TESTED. {message}")
    return found


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    with playwright.chromium.launch(executable_path=chromium(), args=FLAGS) as launched:
        yield launched


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context() as made:
        yield made


def _is_complaint(message: ConsoleMessage) -> bool:
    """All but what a browser says of a form that the server refused."""
    is_form = any(part in message.location["url"] for part in ("/PipelineSubmit/", "/run-now"))
    is_refusal = "status of 40" in message.text and is_form
    return message.type in ("error", "warning") and not is_refusal


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page on which any error, and any dialog, fails the test."""
    opened, complaints = context.new_page(), []  # type: Page, list[str]
    opened.on("console", lambda m: complaints.append(m.text) if _is_complaint(m) else None)
    opened.on("pageerror", lambda e: complaints.append(str(e)))
    opened.on("dialog", lambda d: (complaints.append(f"dialog: {d.message}"), d.dismiss()))
    yield opened
    assert complaints == []
