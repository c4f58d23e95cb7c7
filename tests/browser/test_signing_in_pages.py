"""Signing in, letting a program sign in and signing out, as a person does it in a real browser, by keyboard alone."""

from __future__ import annotations

import json
import re

import pytest
from browser.test_run_page import browser as browser
from browser.test_run_page import context as context
from browser.test_run_page import page as page
from browser.test_run_page import playwright as playwright
from contract.test_permissions import Shared
from contract.test_permissions import shared as shared  # a server that others can reach
from integration.test_sign_in_pages import begin, poll
from playwright.sync_api import BrowserContext, Page, expect


@pytest.fixture(scope="module")
def secret(shared: Shared) -> str:
    shared.client("POST", "/ws/w/interactive_runs", {"experiment": "mine", "name": "mine"})
    shared.client("POST", "/ws/other/interactive_runs", {"experiment": "theirs", "name": "theirs"})
    return str(shared.made({"name": "grace", "role": "reader", "workspace": "w"})["secret"])


def test_a_person_signs_in_and_out(shared: Shared, page: Page, context: BrowserContext, secret: str) -> None:
    url = f"http://{shared.host}"
    page.goto(f"{url}/?experiment=mine")
    expect(page).to_have_title("Sign in · Penstock")
    expect(page.get_by_label("Principal")).to_be_focused()
    page.keyboard.type("grace")
    page.keyboard.press("Tab")
    page.keyboard.type(secret)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{url}/?experiment=mine")
    page.goto(url)
    expect(page.get_by_role("row")).to_have_count(2)  # the heading, and the one run that grace may see
    expect(page.get_by_role("banner")).to_contain_text("grace")
    (cookie,) = context.cookies()
    assert cookie["httpOnly"] and cookie["sameSite"] == "Strict" and page.evaluate("document.cookie") == ""
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_title("Sign in · Penstock")
    assert context.cookies() == []
    page.goto(url)
    expect(page).to_have_title("Sign in · Penstock")


def test_a_wrong_secret_is_said_on_the_page(shared: Shared, context: BrowserContext, secret: str) -> None:
    page = context.new_page()  # the browser's console tells of the 401, and may
    page.goto(f"http://{shared.host}/signin")
    page.get_by_label("Principal").fill("grace")
    page.get_by_label("Secret").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("The secret is not that of principal 'grace'.")
    expect(page.get_by_label("Secret")).to_have_value("")
    expect(page.get_by_label("Principal")).to_have_value("grace")


@pytest.mark.parametrize("width", [360, 1280])
def test_a_code_is_typed_in_by_whoever_is_signed_in(shared: Shared, page: Page, secret: str, width: int) -> None:
    begun = begin(shared)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"http://{shared.host}/device")
    page.get_by_label("Principal").fill("grace")
    page.get_by_label("Secret").fill(secret)
    page.keyboard.press("Enter")
    page.get_by_label("The code that the program shows").fill(begun["user_code"].lower())
    page.keyboard.press("Enter")
    expect(page.get_by_text(re.compile("asks to act as"))).to_contain_text("grace")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("button", name="Allow it").click()
    expect(page.get_by_role("status").last).to_have_text("The program is signed in: go back to it.")
    token = poll(shared, begun)[1]["access_token"]
    assert json.loads(shared.raw("GET", "/api/v1/whoami", token)[1])["name"] == "grace"
