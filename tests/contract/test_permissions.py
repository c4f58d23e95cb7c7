"""Every route says what it needs, and each kind of caller is let in to what its role gives, and to nothing else."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import http.client
import json
import re
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import fresh_home
from fault.test_janitor import context as context  # a service without its server
from forked import serve
from integration.served import Client, node, wait_for, wait_until_served
from joserfc import jws, jwt
from joserfc.jwk import RSAKey
from starlette.routing import compile_path

from penstock.model.access import ROLES, Needs, Permission, Role
from penstock.server import pages
from penstock.server.app import make_app
from penstock.server.permissions import TABLE
from penstock.service.assets.seal import unseal
from penstock.service.context import Context
from penstock.service.execution.inbox import Inbox
from penstock.service.identity.tokens import SIGNS_SECONDS
from penstock.service.services import Services
from penstock.store import principals as store
from penstock.store.database import open_database

SHORT = 5.0
SUBMIT = "/pipelines/v1.0/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/PipelineRuns/PipelineSubmit/x"


def routes_of(routes: list, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every method and path that an application serves, those of its parts included."""
    for route in routes:
        part = getattr(route, "original_router", None)
        if part is not None:
            yield from routes_of(part.routes, prefix + route.include_context.prefix)
        else:
            yield from ((m, prefix + route.path) for m in route.methods - {"HEAD", "OPTIONS"})


def served_routes(context: Context) -> list[tuple[str, str]]:
    services = Services.build(context, Inbox())
    app = make_app(services, None, None)  # type: ignore[arg-type]
    studio = [route for part in pages.routers(app, services, lambda: None) for route in part.routes]
    return list(routes_of([*app.routes, *studio]))


def test_every_route_says_what_it_needs(context: Context) -> None:
    served = served_routes(context)
    assert len(served) > 90
    missing = sorted(set(served) - set(TABLE))
    assert not missing, f"say in server/permissions.py what these need: {missing}"
    gone = sorted(set(TABLE) - set(served))
    assert not gone, f"server/permissions.py names routes that are not there: {gone}"


def test_no_route_is_hidden_by_one_that_is_looked_at_before_it(context: Context) -> None:
    known: list[tuple[str, re.Pattern[str], str]] = []
    for method, path in served_routes(context):
        before = [other for verb, pattern, other in known if verb == method and pattern.match(filled(path))]
        assert set(before) <= {path}, f"{method} {path} is never called: {before[0]} is"
        known.append((method, compile_path(path)[0], path))


class Shared:
    """A server, callers of each kind, and calls as they make them over TCP."""

    def __init__(self, home: Path) -> None:
        self.home, self.client = home, Client(home)
        for name in ("w", "other"):
            self.client("PUT", f"/workspaces/{name}", {"create": True, "exist_ok": True})
        self.client("PUT", "/ws/w/computes/cluster", {"settings": {}})
        self.passing = self.made({"name": "passes", "days": 0.0001})  # 9 s, over when a test asks for it
        url = self.client.record()["url"]
        self.host = url.removeprefix("http://")
        self.tokens: dict[str, str | None] = {"nobody": None, "owner of the home": (home / "token").read_text().strip()}
        for role in Role:
            self.tokens[role] = self.token(self.made({"name": role, "role": role, "workspace": "w"}))
        self.tokens["foreign"] = self.token(self.made({"name": "foreign", "role": "owner", "workspace": "other"}))
        self.tokens["server's owner"] = self.token(self.made({"name": "admin", "role": "owner", "workspace": "*"}))

    def made(self, body: dict) -> dict:
        status, made = self.client("POST", "/principals", body)
        assert status == 201, made
        return made

    def token(self, made: dict, **more: str) -> str:
        form = {"grant_type": "client_credentials", "client_id": made["id"], "client_secret": made["secret"]}
        form |= {"resource": "https://management.azure.com/", **more}
        body = "&".join(f"{k}={v.replace(':', '%3A').replace('/', '%2F')}" for k, v in form.items())
        status, answer, _ = self.raw(
            "POST", "/tenant/oauth2/token", None, body, {"Content-Type": "application/x-www-form-urlencoded"}
        )
        assert status == 200, answer
        return json.loads(answer)["access_token"]

    def raw(
        self, method: str, path: str, token: str | None, body: str | None = None, headers: dict | None = None
    ) -> tuple:
        connection = http.client.HTTPConnection(self.host, timeout=30)
        try:
            shown = {"Authorization": f"Bearer {token}"} if token else {}
            connection.request(method, path, body, {"Content-Type": "application/json", **shown, **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.read(), dict(answer.getheaders())
        finally:
            connection.close()

    def status(self, method: str, path: str, token: str | None, body: object = None) -> int:
        return self.raw(method, path, token, None if body is None else json.dumps(body))[0]


@pytest.fixture(scope="module")
def shared() -> Iterator[Shared]:
    """A server that others can reach: nobody looks without a token. It answers to a public name, and to its own."""
    with fresh_home() as home:
        first = serve(home)
        wait_until_served(home, first)
        Client(home)("POST", "/principals", {"name": "first"})
        first.terminate()
        first.wait(30)
        process = serve(home, PENSTOCK_PUBLIC_URL="http://penstock.example")
        wait_until_served(home, process)
        record = json.loads((home / "server.json").read_text())
        port = json.loads((home / "home.json").read_text())["port"]
        record["url"] = f"http://127.0.0.1:{port}"
        (home / "server.json").write_text(json.dumps(record))
        yield Shared(home)
        process.terminate()
        process.wait(30)


def filled(path: str) -> str:
    """A path with something in place of each parameter; what it names need not be there."""
    values = {"ws": "w", "tenant": "t", "version": "1", "call": "runs/get", "digest": "sha256:" + "0" * 64}
    return re.sub(r"\{(\w+)(:path)?\}", lambda m: values.get(m[1], "nothing"), path)


OF_A_RUN = {
    Permission.READ, Permission.SUBMIT, Permission.READ_PUBLISHED, Permission.RUN_PUBLISHED, Permission.TRACK, Permission.REGISTER,
    Permission.SECRETS,
}  # fmt: skip


def may(who: str, needs: Needs, path: str) -> bool:
    if needs.permission is Permission.PUBLIC or who in ("owner of the home", "server's owner"):
        return True
    if who in ("nobody", "expired"):
        return False
    if who == "one published" and needs.permission is not Permission.SIGNED_IN:
        return needs.permission in (Permission.READ_PUBLISHED, Permission.RUN_PUBLISHED)
    if who == "a run" and needs.permission is not Permission.SIGNED_IN:
        is_of_another = needs.permission is Permission.TRACK and "{run_id}" in path
        return needs.permission in OF_A_RUN and needs.where in ("ws", "any") and not is_of_another
    if needs.permission is Permission.SIGNED_IN or (
        needs.where == "any"
        and who in (*Role, "foreign")
        and needs.permission in ROLES[Role.OWNER if who == "foreign" else Role(who)]
    ):
        return True
    if who == "foreign" or needs.where in ("server", "any"):
        return False
    # of a run that is not there: only who may look everywhere is told that
    return needs.where != "run" and needs.permission in ROLES[Role(who)]


NOT_CALLED = {
    ("POST", "/api/v1/shutdown"),
    ("POST", "/api/v1/gc"),
    ("POST", "/api/v1/gc/purge"),
    ("POST", "/api/v1/gc/restore"),
}


@pytest.fixture
def tokens(shared: Shared) -> Iterator[dict[str, str | None]]:
    """What callers of each kind show, that of a step under way, of whoever may run one pipeline, and one of yesterday's owner included."""
    found = dict(shared.tokens)
    found["expired"] = signed(shared, exp=int(time.time()) - 1, nbf=int(time.time()) - 3700)
    found["one published"] = shared.token(shared.made({"name": "runs-nothing", "published": "nothing"}))
    gate = shared.home / "matrix is done"
    script = b"import os, time\nwhile not os.path.exists('%s'): time.sleep(0.02)\n" % bytes(gate)
    made = shared.client.submit([node(shared.client.snapshot(a__py=script), outputs=[])])[1]
    step = made["steps"][0]["run_id"]
    wait_for(lambda: shared.client.run(step)["status"] == "Running")
    job = shared.client("GET", f"/ws/w/runs/{step}/job?folder=/nowhere")[1]
    yield {**found, "a run": job["env"]["AZUREML_RUN_TOKEN"]}
    gate.touch()
    shared.client.follow(made["run"]["id"])
    assert shared.client.run(made["run"]["id"])["status"] == "Completed", "nobody has stopped it on the way"


@pytest.mark.slow
def test_each_route_lets_in_whom_its_permission_says(shared: Shared, tokens: dict[str, str | None]) -> None:
    """The matrix of routes and callers; run with -s to see it."""
    wrong, lines = [], []
    for (method, path), needs in sorted(TABLE.items(), key=lambda item: (item[1].permission, item[1].where, item[0])):
        row = []
        for who, token in tokens.items():
            is_let_in = may(who, needs, path)
            if is_let_in and (method, path) in NOT_CALLED:
                row.append("(yes)")
                continue
            status = shared.status(method, filled(path), token, {} if method in ("POST", "PUT", "PATCH") else None)
            expected_refusal = 401 if who in ("nobody", "expired") else 403
            was_let_in = status not in (401, 403)
            if path.startswith("/{tenant}/oauth2"):
                was_let_in = True  # 400: {} is no form
            if (method, path) == ("PUT", "/api/v1/workspaces/{ws}") and expected_refusal == 401:
                is_let_in = False
            if was_let_in is not is_let_in or (not was_let_in and status != expected_refusal):
                wrong.append(f"{method} {path} as {who}: {status}, and that is {needs.permission} ({needs.where})")
            row.append("yes" if was_let_in else str(status))
        lines.append(
            f"{needs.permission:<24} {needs.where:<7} {method:<7} {path:<64} " + " ".join(f"{c:<6}" for c in row)
        )
    print("\n" + " " * 106 + " ".join(f"{w[:6]:<6}" for w in tokens))
    print("\n".join(lines))
    assert not wrong, "\n".join(wrong)


def keys_of(shared: Shared) -> tuple[str, RSAKey]:
    """The key that signs, taken out of the database as only the home's owner can."""
    database = open_database(shared.home / "penstock.db")
    with database.read() as connection:
        row = store.keys(connection)[0]
    database.close()
    pem = unseal(bytes.fromhex((shared.home / "key").read_text()), f"signing key {row['id']}", row["sealed"])
    return row["id"], RSAKey.import_key(pem)


def claims_of(shared: Shared) -> dict:
    """Those of an owner's token."""
    return json.loads(base64.urlsafe_b64decode(str(shared.tokens[Role.OWNER]).split(".")[1] + "=="))


def signed(shared: Shared, kid: str = "", with_key: RSAKey | None = None, **changed: object) -> str:
    """An owner's token with other claims, signed as the server signs."""
    key_id, key = keys_of(shared)
    header = {"alg": "RS256", "kid": kid or key_id}
    return jwt.encode(header, {**claims_of(shared), **changed}, with_key or key, algorithms=["RS256"])


def test_forged_and_expired_tokens_are_refused(shared: Shared) -> None:
    good = str(shared.tokens[Role.OWNER])
    head, claims, mark = good.split(".")
    plain, (key_id, key), now = claims_of(shared), keys_of(shared), int(time.time())

    def part(value: dict) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    public = key.as_pem(private=False)
    by_hmac = f"{part({'alg': 'HS256', 'kid': key_id})}.{claims}"
    digest = hmac.new(public, by_hmac.encode(), hashlib.sha256).digest()
    forged = {
        "no algorithm": f"{part({'alg': 'none'})}.{claims}.",
        "no algorithm, a mark": f"{part({'alg': 'none', 'kid': key_id})}.{claims}.{mark}",
        "signed with the public key": f"{by_hmac}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}",
        "another's key": signed(shared, with_key=RSAKey.generate_key(2048)),
        "an unknown key": signed(shared, "nobody's"),
        "another audience": signed(shared, aud="https://graph.microsoft.com"),
        "several audiences": signed(shared, aud=[plain["aud"], "x"]),
        "expired": signed(shared, exp=now - 1, nbf=now - 3700),
        "not good yet": signed(shared, nbf=now + 3600),
        "for ever": signed(shared, exp=None),
        "nobody": signed(shared, sub="00000000-0000-0000-0000-000000000000"),
        "changed": f"{head}.{part({**plain, 'sub': 'admin'})}.{mark}",
        "cut": good[:-5],
        "no token": "ey.a.b",
        "the home's, cut": str(shared.tokens["owner of the home"])[:-1],
    }
    assert shared.status("GET", "/api/v1/ws/w/runs", signed(shared)) == 200  # the forger's own tools work
    answers = {what: shared.status("GET", "/api/v1/ws/w/runs", token) for what, token in forged.items()}
    assert answers == dict.fromkeys(forged, 401)
    for what, token in forged.items():  # and as clients of the original are told it
        status, answer, _ = shared.raw("POST", SUBMIT, token, '{"ExperimentName": "e"}')
        error = json.loads(answer)["error"]
        assert (status, error["code"], set(json.loads(answer))) == (401, "Unauthorized", {"error", "correlation"}), what
        assert set(error) == {"code", "message", "target", "details"} and "token" in error["message"], what


def test_a_disabled_principal_is_refused_and_its_run_goes_on(shared: Shared) -> None:
    made = shared.made({"name": "leaver", "role": "submitter", "workspace": "w"})
    token = shared.token(made)
    snapshot = shared.client.snapshot(
        a__py=b"import os, time\nwhile not os.path.exists('%s'): time.sleep(0.02)\n" % bytes(shared.home / "go")
    )
    body = {
        "experiment": "e",
        "graph": {"schema": 1, "nodes": [node(snapshot, outputs=[])]},
        "interpreter": {"executable": sys.executable},
    }
    status, answer, _ = shared.raw(
        "POST", "/api/v1/ws/w/runs", token, json.dumps({**body, "properties": {"azureml.submittedBy": "somebody else"}})
    )
    assert status == 201, answer
    run = json.loads(answer)["run"]
    assert run["properties"]["azureml.submittedBy"] == "leaver"
    shared.client("PUT", "/principals/leaver", {"enabled": False})
    wait_for(lambda: shared.status("GET", "/api/v1/ws/w/runs", token) == 401, SHORT)
    (shared.home / "go").touch()
    shared.client.follow(run["id"])
    assert shared.client.run(run["id"])["status"] == "Completed"
    assert shared.status("GET", "/api/v1/ws/w/runs", token) == 401


def test_whoever_is_given_the_name_of_a_deleted_principal_is_not_given_its_runs(shared: Shared) -> None:
    made = shared.made({"name": "passing", "role": "submitter", "workspace": "w"})
    snapshot = shared.client.snapshot(a__py=b"print(1)\n")
    body = {
        "experiment": "e",
        "graph": {"schema": 1, "nodes": [node(snapshot, outputs=[])]},
        "interpreter": {"executable": sys.executable},
    }
    token = shared.token(made)
    status, answer, _ = shared.raw("POST", "/api/v1/ws/w/runs", token, json.dumps(body))
    assert status == 201, answer
    run = json.loads(answer)["run"]["id"]
    shared.client.follow(run)
    shared.client("POST", f"/principals/{made['id']}/revoke", {"workspace": "w"})
    wait_for(lambda: shared.status("GET", "/api/v1/ws/w/runs", token) == 403, SHORT)
    assert shared.status("GET", f"/api/v1/ws/w/runs/{run}", token) == 200  # its own, with no role any more
    shared.client("DELETE", f"/principals/{made['id']}")
    other = shared.token(shared.made({"name": "passing"}))
    assert shared.status("GET", f"/api/v1/ws/w/runs/{run}", other) == 403


def test_a_runs_token_writes_to_its_family_and_dies_with_it(shared: Shared) -> None:
    go = shared.home / "go too"
    script = (
        b"import os, time\nopen('token', 'w').write(os.environ['AZUREML_RUN_TOKEN'])\nos.rename('token', '%s')\n"
        % bytes(shared.home / "shown")
    )
    snapshot = shared.client.snapshot(a__py=script + b"while not os.path.exists('%s'): time.sleep(0.02)\n" % bytes(go))
    made = shared.client.submit([node(snapshot, outputs=[])])[1]
    root, step = made["run"]["id"], made["steps"][0]["run_id"]
    wait_for((shared.home / "shown").exists)
    token = (shared.home / "shown").read_text()
    other = shared.client("POST", "/ws/w/interactive_runs", {"experiment": "e"})[1]["id"]
    base = "/api/v1/ws/w/runs"
    calls = {
        ("GET", f"{base}/{other}"): 200,
        ("POST", f"{base}/{step}/journal"): 200,
        ("POST", f"{base}/{root}/journal"): 200,
        ("POST", f"{base}/{other}/journal"): 403,
        ("POST", f"{base}/{other}/cancel"): 403,
        ("GET", "/api/v1/ws/other/runs"): 403,
        ("GET", "/api/v1/principals"): 403,
        ("POST", "/api/v1/shutdown"): 403,
        ("DELETE", "/api/v1/ws/w/models/m/1"): 403,
    }
    for (method, path), expected in calls.items():
        assert (
            shared.status(method, path, token, [] if path.endswith("journal") else {} if method == "POST" else None)
            == expected
        ), path
    assert shared.status("GET", f"{base}/{root}", token[:-1] + "x") == 401
    assert shared.status("GET", f"{base}/{root}", token.replace(".1.", ".2.")) == 401
    go.touch()
    shared.client.follow(root)
    assert shared.status("GET", f"{base}/{root}", token) == 401


def test_what_a_run_submits_is_its_submitters(shared: Shared) -> None:
    made = shared.made({"name": "parent", "role": "submitter", "workspace": "w"})
    shown, go = shared.home / "shown too", shared.home / "go on"
    script = (
        b"import os, time\nopen('token', 'w').write(os.environ['AZUREML_RUN_TOKEN'])\nos.rename('token', '%s')\n"
        % bytes(shown)
    )
    script += b"while not os.path.exists('%s'): time.sleep(0.02)\n" % bytes(go)

    def submit(token: str, snapshot: str) -> dict:
        graph = {"schema": 1, "nodes": [node(snapshot, outputs=[])]}
        body = {"experiment": "e", "graph": graph, "interpreter": {"executable": sys.executable}}
        status, answer, _ = shared.raw("POST", "/api/v1/ws/w/runs", token, json.dumps(body))
        assert status == 201, answer
        return json.loads(answer)["run"]

    root = submit(shared.token(made), shared.client.snapshot(a__py=script))
    wait_for(shown.exists)
    below = submit(shown.read_text(), shared.client.snapshot(a__py=b""))
    assert shared.client.run(below["id"])["properties"]["azureml.submittedBy"] == "parent"
    assert shared.status("GET", f"/api/v1/ws/w/runs/{below['id']}", shared.token(made)) == 200
    go.touch()
    for run in (root, below):
        shared.client.follow(run["id"])


def test_what_is_changed_and_refused_is_on_record(shared: Shared) -> None:
    shared.status("PUT", "/api/v1/ws/w/computes/mine", str(shared.tokens[Role.READER]), {})
    shared.status("PUT", "/api/v1/ws/w/computes/mine", str(shared.tokens[Role.CONTRIBUTOR]), {"settings": {}})
    shared.status("GET", "/api/v1/ws/w/runs", "forged")
    shared.status("GET", "/api/v1/ws/w/runs", str(shared.tokens[Role.READER]))
    latest = shared.client("GET", "/audit?limit=3")[1]["value"]
    assert [(a["who"] and a["who"]["name"], a["method"], a["status"]) for a in latest] == [
        (None, "GET", 401), ("contributor", "PUT", 200), ("reader", "PUT", 403),
    ]  # fmt: skip
    assert all("forged" not in json.dumps(a) for a in latest)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "penstock.example.evil.com", "127.0.0.1", ""])
def test_a_forged_host_is_refused(shared: Shared, host: str) -> None:
    status, body, _ = shared.raw("GET", "/api/v1/ws/w/runs", str(shared.tokens[Role.READER]), None, {"Host": host})
    assert (status, json.loads(body)["error"]["target"]) == (400, "Host")


def test_what_is_wrong_with_a_sign_in_is_said(shared: Shared) -> None:
    made = shared.made({"name": "signs"})
    good = {
        "grant_type": "client_credentials",
        "client_id": "signs",
        "client_secret": made["secret"],
        "resource": "https://management.azure.com/",
    }
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    def ask(given: object, path: str = "/t/oauth2/token", headers: dict = form) -> tuple[int, str]:
        body = given if isinstance(given, (str, bytes)) else "&".join(f"{k}={v}" for k, v in given.items())
        status, answer, sent = shared.raw("POST", path, None, body, headers)
        assert status == 200 or sent.get("cache-control") == "no-store"
        return status, json.loads(answer).get("error", "")

    assert ask(good) == (200, "")
    assert ask({**good, "client_secret": "x"}) == (401, "invalid_client")
    assert ask({**good, "client_id": "nobody"}) == (401, "invalid_client")
    assert ask({**good, "grant_type": "password"}) == (400, "unsupported_grant_type")
    assert ask({**good, "resource": "https://graph.microsoft.com"}) == (400, "invalid_resource")
    assert ask({**good, "scope": "https://management.azure.com/.default"}, "/t/oauth2/v2.0/token") == (200, "")
    assert ask({**good, "scope": "User.Read"}, "/t/oauth2/v2.0/token") == (400, "invalid_scope")
    assert ask({k: v for k, v in good.items() if k != "client_secret"}) == (400, "invalid_request")
    assert ask("client_id=a&client_id=b") == (400, "invalid_request")
    assert ask(b"client_id=\xff\xfe") == (400, "invalid_request")
    assert ask("x" * 70_000) == (413, "invalid_request")
    assert ask("{}", headers={}) == (400, "invalid_request")
    assert ask(good, "/bad%0d%0atenant/oauth2/token") == (400, "invalid_request")
    over = {**good, "client_id": "passes", "client_secret": shared.passing["secret"]}
    wait_for(lambda: ask(over) == (401, "invalid_client"), 15)
    with pytest.raises(AssertionError, match="expired"):
        shared.token(shared.passing)


def test_what_a_principal_is_made_with_is_granted_or_refused(shared: Shared) -> None:
    assert shared.made({"name": "runs-one", "published": "p"})["grants"] == [
        {"kind": "published", "target": "p", "role": "submitter"}
    ]
    status, answer = shared.client("POST", "/principals", {"name": "half", "workspace": "w"})
    assert status == 400 and answer["error"]["target"] == "role"
    assert shared.client("GET", "/principals/half")[0] == 404


def test_a_rotated_secret_goes_on_for_as_long_as_is_said(shared: Shared) -> None:
    made = shared.made({"name": "turns"})
    again = shared.client("POST", "/principals/turns/rotate", {"keep_hours": 1})[1]
    assert shared.token(made) and shared.token(again)
    last = shared.client("POST", "/principals/turns/rotate", {})[1]
    for old in (made, again):
        with pytest.raises(AssertionError, match="expired"):
            shared.token(old)
    assert shared.token(last)
    assert Counter(len(c["hint"]) for c in last["credentials"]) == {3: 3} and "hash" not in json.dumps(
        last["credentials"]
    )


def test_keys_change_without_a_token_being_lost_and_callers_are_known_by_their_last_use(shared: Shared) -> None:
    made = shared.made({"name": "keeps"})
    assert shared.client("GET", "/principals/keeps")[1]["used_at"] is None
    before = shared.token(made)
    with contextlib.closing(sqlite3.connect(shared.home / "penstock.db", timeout=30)) as database, database:
        database.execute("UPDATE signing_key SET created_at = created_at - ?", [SIGNS_SECONDS])
    after = shared.token(made)
    ids = [jws.extract_compact(token.encode()).headers()["kid"] for token in (before, after)]
    assert ids[0] != ids[1]
    known = json.loads(shared.raw("GET", "/tenant/discovery/v2.0/keys", None)[1])["keys"]
    assert {key["kid"] for key in known} >= set(ids) and not any("d" in key for key in known)
    for token in (before, after):
        assert json.loads(shared.raw("GET", "/api/v1/whoami", token)[1])["name"] == "keeps"
    shown = shared.client("GET", "/principals/keeps")[1]
    assert shown["used_at"] is not None and all(c["expires_at"] for c in shown["credentials"])
