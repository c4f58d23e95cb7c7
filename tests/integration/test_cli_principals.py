"""`penstock principal` and `penstock audit` at a server that others reach: every command, what it then lets in, and what it will not do."""

from __future__ import annotations

import hashlib
import json
import re

from contract.test_permissions import SHORT, SUBMIT, Shared
from contract.test_permissions import shared as shared  # a server that others can reach
from integration.served import printed, wait_for
from integration.test_cli_runs import cli

RUNS = "/api/v1/ws/w/runs"


def given(text: str) -> dict[str, str]:
    """The id and the secret that a command has shown."""
    found = re.search(r"client id +(\S+)\n +client secret +(\S+) +\(not shown again; expires \d{4}-\d\d-\d\d\)", text)
    assert found, text
    return {"id": found[1], "secret": found[2]}


def test_a_principal_is_made_shown_and_let_in_and_its_secret_is_told_once(shared: Shared) -> None:
    done = cli("principal", "create", "ada", "--role", "reader", "--workspace", "w")
    assert done.returncode == 0 and "Principal 'ada', reader on workspace 'w'." in done.stdout, done.stderr
    made = given(done.stdout)
    assert shared.status("GET", RUNS, shared.token(made)) == 200
    shown = cli("principal", "show", "ada").stdout
    assert (
        re.match(rf"ada  {made['id']}  active\n  last used  \S", shown)
        and "may        reader on workspace 'w'" in shown
    )
    assert re.search(rf"secret     {re.escape(made['secret'][:3])}…  made .*, expires \d{{4}}-\d\d-\d\d", shown)
    listed = cli("principal", "list").stdout
    assert re.search(rf"ada +{made['id']} +active +reader on w", listed)
    as_json = cli("principal", "show", made["id"], "--json").stdout
    assert json.loads(as_json)["grants"] == [{"kind": "workspace", "target": "w", "role": "reader"}]
    listed += cli("principal", "list", "--json").stdout + cli("audit", "--json").stdout
    assert made["secret"] not in shown + listed + as_json + printed(shared.home)
    kept = b"".join(p.read_bytes() for p in shared.home.rglob("*") if p.is_file())
    assert made["secret"].encode() not in kept and hashlib.sha256(made["secret"].encode()).hexdigest().encode() in kept


def test_one_without_a_role_may_nothing_until_it_is_given_one_and_again_when_that_is_taken(shared: Shared) -> None:
    done = cli("principal", "create", "bare", "--days", "1")
    assert "it may do nothing yet: penstock principal grant" in done.stdout
    token = shared.token(given(done.stdout))
    assert shared.status("GET", RUNS, token) == 403
    granted = cli("principal", "grant", "bare", "--role", "submitter", "-w", "w")
    assert granted.stdout == "Principal 'bare' may now: submitter on w.\n"
    wait_for(lambda: shared.status("GET", RUNS, token) == 200, SHORT)
    assert cli("principal", "grant", "bare", "--role", "reader", "-w", "w").stdout.endswith("may now: reader on w.\n")
    assert cli("principal", "grant", "bare", "--published", "x", "--json").returncode == 0
    assert "submitter on x" in cli("principal", "list").stdout
    assert "may now: submitter on x." in cli("principal", "revoke", "bare", "-w", "w").stdout
    wait_for(lambda: shared.status("GET", RUNS, token) == 403, SHORT)
    assert shared.status("POST", SUBMIT, token) == 400, "the pipeline x it may run, and sent no body"
    assert "may now: nothing." in cli("principal", "revoke", "bare", "--published", "x").stdout
    again = cli("principal", "revoke", "bare", "--published", "x")
    assert again.returncode == 3 and "has no grant on published 'x'" in again.stderr


def test_a_rotated_secret_takes_the_place_of_the_old_one(shared: Shared) -> None:
    first = given(cli("principal", "create", "turns").stdout)
    second = given(cli("principal", "rotate", "turns", "--keep-hours", "1").stdout)
    assert second["id"] == first["id"] and shared.token(first) and shared.token(second)
    third = given(cli("principal", "rotate", first["id"], "--days", "2").stdout)
    form = f"grant_type=client_credentials&client_id=turns&client_secret={second['secret']}&resource=penstock"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    status, answer, _ = shared.raw("POST", "/t/oauth2/token", None, form, headers)
    assert status == 401 and "penstock principal rotate turns" in json.loads(answer)["error_description"]
    assert shared.token(third) and cli("principal", "show", "turns").stdout.count("secret  ") == 3
    assert json.loads(cli("principal", "rotate", "turns", "--json").stdout)["secret"]


def test_a_principal_is_disabled_enabled_and_deleted(shared: Shared) -> None:
    made = given(cli("principal", "create", "leaves", "--role", "reader", "--workspace", "w").stdout)
    token = shared.token(made)
    assert "its tokens are refused from now on" in cli("principal", "disable", "leaves").stdout
    wait_for(lambda: shared.status("GET", RUNS, token) == 401, SHORT)
    assert re.search(rf"leaves +{made['id']} +disabled", cli("principal", "list").stdout)
    assert "is enabled" in cli("principal", "enable", "leaves").stdout
    wait_for(lambda: shared.status("GET", RUNS, token) == 200, SHORT)
    assert cli("principal", "delete", "leaves").stdout == "Deleted principal 'leaves'.\n"
    wait_for(lambda: shared.status("GET", RUNS, token) == 401, SHORT)
    assert made["id"] not in cli("principal", "list").stdout
    again = given(cli("principal", "create", "leaves").stdout)
    assert again["id"] != made["id"] and shared.status("GET", RUNS, token) == 401, "a name comes back, an id does not"


def test_what_is_wrong_with_a_command_is_said_and_nothing_is_made(shared: Shared) -> None:
    cli("principal", "create", "taken")
    for asked, status, said in (
        (("create", "taken"), 1, "There is a principal 'taken' already"),
        (("create", "a b"), 1, "The principal name 'a b' is invalid"),
        (("create", "../x"), 1, "is invalid"),
        (("create", "half", "--role", "reader"), 2, "Give both, or neither"),
        (("create", "half", "--workspace", "w"), 2, "Give both, or neither"),
        (("create", "half", "--role", "king", "--workspace", "w"), 2, "king"),
        (("create", "half", "--role", "reader", "--workspace", "nowhere"), 3, "nowhere"),
        (("create", "half", "--role", "owner", "--published", "x"), 1, "cannot be given on a published"),
        (("create", "half", "--days", "0"), 2, "--days"),
        (("grant", "taken"), 1, "A grant is on one 'workspace'"),
        (("grant", "taken", "--role", "reader", "-w", "w", "--published", "x"), 1, "A grant is on one 'workspace'"),
        *(((verb, "nobody"), 3, "There is no principal 'nobody'") for verb in ("show", "rotate", "disable", "enable", "delete")),
    ):  # fmt: skip
        done = cli("principal", *asked)
        assert (done.returncode, said in done.stderr) == (status, True), (asked, done.returncode, done.stderr)
    assert "half" not in cli("principal", "list").stdout


def test_the_audit_log_tells_who_changed_what_and_who_was_refused(shared: Shared) -> None:
    made = given(cli("principal", "create", "watched", "--role", "reader", "--workspace", "w").stdout)
    shared.status("PUT", "/api/v1/ws/w/computes/theirs", shared.token(made), {})
    shared.status("GET", RUNS, "forged")
    lines = cli("audit", "--limit", "5").stdout
    assert re.search(r"watched +403 +PUT +/api/v1/ws/w/computes/theirs +127\.0\.0\.1", lines)
    assert re.search(r"- +401 +GET +/api/v1/ws/w/runs", lines) and "forged" not in lines
    latest = json.loads(cli("audit", "--limit", "1", "--json").stdout)["value"]
    assert [(a["status"], a["path"], a["who"]) for a in latest] == [(401, RUNS, None)]
