"""People sign in on a page, look at what they may, let programs sign in by a code; other sites can do nothing of that for them."""

from __future__ import annotations

import json
import re
from urllib.parse import urlencode

import pytest
from contract.test_permissions import Shared
from contract.test_permissions import shared as shared  # a server that others can reach
from integration.served import node

from penstock.model.access import Role
from penstock.model.errors import NotFound, TooManyRequests, Unauthorized
from penstock.service.identity.devices import MOST, Devices, NotSignedIn
from penstock.service.identity.sessions import COOKIE, REFRESH, Sessions

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PAGE = {"Accept": "text/html,application/xhtml+xml"}
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


class Browser:
    """Keeps cookies and says where its forms are from, as browsers do."""

    def __init__(self, shared: Shared) -> None:
        self.shared, self.cookie = shared, ""

    def get(self, path: str) -> tuple[int, str, dict]:
        return self._ask("GET", path, None, PAGE)

    def post(self, path: str, fields: dict, **headers: str) -> tuple[int, str, dict]:
        own = {"Origin": f"http://{self.shared.host}"}
        return self._ask("POST", path, urlencode(fields), {**PAGE, **FORM, **own, **headers})

    def sign_in(self, name: str, secret: str, to: str = "/") -> tuple[int, str, dict]:
        return self.post("/signin", {"name": name, "secret": secret, "to": to})

    def form_key(self, path: str) -> str:
        found = re.search(r'name="form_key" value="(\w+)"', self.get(path)[1])
        assert found, path
        return found[1]

    def _ask(self, method: str, path: str, body: str | None, headers: dict) -> tuple[int, str, dict]:
        if self.cookie:
            headers = {**headers, "Cookie": f"theirs=1; {self.cookie}"}
        status, content, answered = self.shared.raw(method, path, None, body, headers)
        if "set-cookie" in answered:
            self.cookie = answered["set-cookie"].partition(";")[0]
        return status, content.decode(), answered


@pytest.fixture(scope="module")
def person(shared: Shared) -> dict:
    """A principal that may submit in one workspace of the two, and nothing elsewhere."""
    script = shared.client.snapshot(a__py=b"print(1)")
    run = shared.client.submit([node(script, outputs=[])], experiment="seen")[1]["run"]
    made = shared.made({"name": "person", "role": "submitter", "workspace": "w"})
    shared.client("POST", "/ws/other/interactive_runs", {"experiment": "unseen", "name": "elsewhere"})
    return {**made, "run": run["id"]}


def test_a_stranger_is_led_to_the_sign_in_page_and_back(shared: Shared, person: dict) -> None:
    browser = Browser(shared)
    status, _, headers = browser.get("/runs?experiment=a%20b")
    assert (status, headers["location"]) == (303, "/signin?to=%2Fruns%3Fexperiment%3Da%2520b")
    status, page, headers = browser.get(headers["location"])
    assert status == 200 and 'value="/runs?experiment=a%20b"' in page
    assert "frame-ancestors 'none'" in headers["content-security-policy"] and headers["cache-control"] == "no-store"
    status, _, headers = browser.sign_in("person", person["secret"], "/runs?experiment=a%20b")
    assert (status, headers["location"]) == (303, "/runs?experiment=a%20b")
    cookie = headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and "Path=/" in cookie and "Secure" not in cookie
    assert shared.raw("GET", "/api/v1/ws/w/runs", None)[0] == 401, "programs get JSON, not a page"


def test_a_principal_of_one_workspace_has_a_start_page(shared: Shared, person: dict) -> None:
    browser = Browser(shared)
    browser.sign_in(person["id"], person["secret"])
    status, page, _ = browser.get("/")
    assert status == 200 and "seen" in page and "unseen" not in page and "elsewhere" not in page and ">person<" in page
    assert browser.get("/fragment")[0] == 200 and "unseen" not in browser.get("/fragment")[1]
    assert browser.get(f"/runs/{person['run']}")[0] == 200
    hidden = shared.client("GET", "/ws/other/runs")[1]["value"][0]["id"]
    status, page, headers = browser.get(f"/runs/{hidden}")
    assert status == 403 and "Not allowed" in page and headers["content-type"].startswith("text/html")
    owner = Browser(shared)
    assert owner.sign_in("", str(shared.tokens["owner of the home"]))[0] == 303
    assert "unseen" in owner.get("/")[1]


def test_wrong_secrets_and_old_cookies_sign_nobody_in(shared: Shared, person: dict) -> None:
    browser = Browser(shared)
    for name, secret, said in (
        ("person", "x", "The secret is not that of principal"),
        ("<b>x</b>", "x", "There is no principal &#39;&lt;b&gt;x&lt;/b&gt;&#39; here"),
        ("", "x", "This is not the token of the server&#39;s home"),
    ):
        status, page, headers = browser.sign_in(name, secret)
        assert (
            status == 401
            and said in page
            and "set-cookie" not in headers
            and secret not in re.findall("value=.*", page)
        )
    other = shared.made({"name": "leaves", "role": "reader", "workspace": "w"})
    browser.sign_in("leaves", other["secret"])
    assert browser.get("/")[0] == 200
    kept = browser.cookie
    browser.cookie = kept[:-1] + ("0" if kept[-1] != "0" else "1")
    assert browser.get("/")[0] == 303
    browser.cookie = kept
    shared.client("POST", "/principals/leaves/rotate", {})
    assert browser.get("/")[0] == 303, "a session ends with the secret that it was got for"


@pytest.mark.parametrize(
    "to", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "/a\r\nX: y"]
)
def test_signing_in_leads_to_pages_of_this_server_alone(shared: Shared, person: dict, to: str) -> None:
    assert Browser(shared).sign_in("person", person["secret"], to)[2]["location"] == "/"


def test_other_sites_cannot_change_anything_through_a_session(shared: Shared, person: dict) -> None:
    browser = Browser(shared)
    browser.sign_in("person", person["secret"])
    begun = begin(shared)
    fields = {"user_code": begun["user_code"], "decision": "allow"}
    for elsewhere in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:1"}):
        status, _, _ = browser.post("/device", {**fields, "form_key": browser.form_key("/")}, **elsewhere)
        assert status == 401, elsewhere
        assert browser.post("/signin", {"name": "person", "secret": person["secret"]}, **elsewhere)[0] == 403
        assert browser.post("/signout", {}, **elsewhere)[0] == 403
    assert browser.post("/device", fields)[0] == 403, "the form's key is missing"
    assert browser.post("/device", {**fields, "form_key": "0" * 64})[0] == 403
    assert poll(shared, begun)[1]["error"] == "authorization_pending"
    body, headers = json.dumps({"experiment": "e"}), {"Cookie": browser.cookie, "Content-Type": "text/plain"}
    for site in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert shared.raw("POST", "/api/v1/ws/w/interactive_runs", None, body, {**headers, **site})[0] == 401


def test_signing_out_ends_the_session_in_the_browser(shared: Shared, person: dict) -> None:
    browser = Browser(shared)
    browser.sign_in("person", person["secret"])
    status, _, headers = browser.post("/signout", {"form_key": browser.form_key("/")})
    assert status == 303 and "Max-Age=0" in headers["set-cookie"]
    assert browser.get("/")[0] == 303


def begin(shared: Shared) -> dict:
    status, answer, _ = shared.raw("POST", "/t/oauth2/v2.0/devicecode", None, "client_id=a+program&scope=x", FORM)
    assert status == 200, answer
    return json.loads(answer)


def poll(shared: Shared, begun: dict) -> tuple[int, dict]:
    return grant(shared, grant_type=DEVICE, device_code=begun["device_code"], client_id="a program")


def grant(shared: Shared, **fields: str) -> tuple[int, dict]:
    status, answer, headers = shared.raw("POST", "/t/oauth2/v2.0/token", None, urlencode(fields), FORM)
    assert headers["cache-control"] == "no-store"
    return status, json.loads(answer)


def test_a_program_signs_in_by_a_code_that_a_person_types(shared: Shared, person: dict) -> None:
    begun = begin(shared)
    assert begun["verification_uri"] == "http://penstock.example/device" and begun["interval"] == 2
    assert poll(shared, begun) == (
        400,
        {
            "error": "authorization_pending",
            "error_description": f"Nobody has typed in the code {begun['user_code']} yet. Ask again.",
        },
    )
    assert poll(shared, begun)[1]["error"] == "slow_down"
    browser = Browser(shared)
    status, _, headers = browser.get(f"/device?user_code={begun['user_code']}")
    assert status == 303 and headers["location"].startswith("/signin?to=%2Fdevice%3Fuser_code")
    browser.sign_in("person", person["secret"])
    assert "No program waits for the code" in browser.get("/device?user_code=BBBB-BBBB")[1]
    status, page, _ = browser.get(
        f"/device?user_code={begun['user_code'].lower().replace('-', ' ').replace(' ', '%20')}"
    )
    assert status == 200 and "<strong>a program</strong>" in page and "<strong>person</strong>" in page
    fields = {
        "user_code": begun["user_code"],
        "decision": "allow",
        "form_key": browser.form_key(f"/device?user_code={begun['user_code']}"),
    }
    status, page, _ = browser.post("/device", fields)
    assert status == 200 and "The program is signed in" in page
    status, got = poll(shared, begun)
    assert status == 200 and got["token_type"] == "Bearer" and got["expires_in"] == 3600
    status, me, _ = shared.raw("GET", "/api/v1/whoami", got["access_token"])
    assert json.loads(me)["name"] == "person" and json.loads(me)["roles"] == {"w": "submitter"}
    assert poll(shared, begun)[1]["error"] == "expired_token", "a code is good once"
    status, again = grant(shared, grant_type="refresh_token", refresh_token=got["refresh_token"], client_id="a program")
    assert status == 200 and shared.status("GET", "/api/v1/ws/w/runs", again["access_token"]) == 200
    assert shared.status("GET", "/api/v1/ws/w/runs", got["refresh_token"]) == 401, "it opens nothing by itself"
    assert (
        grant(shared, grant_type="refresh_token", refresh_token=got["refresh_token"] + "0")[1]["error"]
        == "invalid_grant"
    )
    refused = begin(shared)
    browser.post("/device", {**fields, "user_code": refused["user_code"], "decision": "deny"})
    assert poll(shared, refused)[1]["error"] == "access_denied"


def test_a_renewed_sign_in_ends_with_its_secret(shared: Shared) -> None:
    made = shared.made({"name": "renews", "role": "reader", "workspace": "w"})
    browser, begun = Browser(shared), begin(shared)
    browser.sign_in("renews", made["secret"])
    browser.post("/device", {"user_code": begun["user_code"], "decision": "allow", "form_key": browser.form_key("/")})
    refresh = poll(shared, begun)[1]["refresh_token"]
    shared.client("POST", "/principals/renews/rotate", {})
    assert grant(shared, grant_type="refresh_token", refresh_token=refresh)[1]["error"] == "invalid_grant"


def test_the_owner_may_let_a_program_sign_in(shared: Shared) -> None:
    browser, begun = Browser(shared), begin(shared)
    browser.sign_in("", str(shared.tokens["owner of the home"]))
    browser.post("/device", {"user_code": begun["user_code"], "decision": "allow", "form_key": browser.form_key("/")})
    token = poll(shared, begun)[1]["access_token"]
    assert json.loads(shared.raw("GET", "/api/v1/whoami", token)[1])["kind"] == "owner"


def test_a_token_on_the_socket_is_taken_for_what_it_is(shared: Shared) -> None:
    headers = {"Authorization": f"Bearer {shared.tokens[Role.READER]}", "Content-Type": "application/json"}
    assert json.loads(shared.client.raw("GET", "/api/v1/whoami", None, headers)[1])["name"] == "reader"
    assert shared.client.raw("GET", "/api/v1/principals", None, headers)[0] == 403
    assert shared.client("GET", "/whoami")[1]["kind"] == "owner"


class Stub:
    """The parts of a context that sign-ins need, with a clock to be turned."""

    key, token, url, now = b"k" * 32, "the home's", "http://x", 1000.0

    def clock(self) -> float:
        return self.now


def test_codes_expire_and_no_more_than_so_many_wait() -> None:
    context = Stub()
    devices = Devices(context)  # type: ignore[arg-type]
    first = devices.begin("p", "10.0.0.1")
    assert re.fullmatch("[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", first["user_code"])
    for _ in range(MOST - 1):
        devices.begin("p", "10.0.0.1")
    with pytest.raises(TooManyRequests, match="1000 sign-ins wait"):
        devices.begin("p", "10.0.0.1")
    context.now += 901
    with pytest.raises(NotFound):
        devices.waiting(first["user_code"])
    with pytest.raises(NotSignedIn) as caught:
        devices.take(first["device_code"])
    assert caught.value.code == "expired_token"
    devices.begin("p", "10.0.0.1")
    last = devices.begin("p", "10.0.0.1")
    for wait in (2, 7, 12):  # each hurry makes the wait longer
        for code in ("authorization_pending", "slow_down"):
            with pytest.raises(NotSignedIn) as caught:
                devices.take(last["device_code"])
            assert caught.value.code == code
        context.now += wait + 5


def test_a_proof_is_good_for_its_purpose_its_time_and_its_token() -> None:
    context = Stub()
    sessions = Sessions(context, None)  # type: ignore[arg-type]
    proof = sessions.give(COOKIE, sessions.owner("the home's"), 60)
    assert sessions.read(COOKIE, proof)["id"] == "owner"
    for kind, text in (
        (REFRESH, proof),
        (COOKIE, "." + proof),
        (COOKIE, ""),
        (COOKIE, "\udcff.x"),
        (COOKIE, proof[1:]),
    ):
        with pytest.raises(Unauthorized, match="Sign in again"):
            sessions.read(kind, text)
    context.now += 61
    with pytest.raises(Unauthorized, match="expired"):
        sessions.read(COOKIE, proof)
    context.now -= 61
    context.token = "another"
    with pytest.raises(Unauthorized, match="token is another"):
        sessions.read(COOKIE, proof)
