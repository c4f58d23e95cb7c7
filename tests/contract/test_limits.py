"""How often a principal may ask, and that nobody who only looks is shown what would let them do more."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from contract.test_permissions import filled
from contract.test_wire import BASE, WAIT, Wire
from forked import serve
from integration.served import wait_for, wait_until_served

from penstock.model.access import Caller
from penstock.model.errors import Unauthorized
from penstock.server.guard import Hurried, Rate
from penstock.server.permissions import TABLE

A_MINUTE = 30


@pytest.fixture(scope="module")
def limited(module_home: Path) -> Iterator[Wire]:
    process = serve(module_home, "--embedded", PENSTOCK_REQUESTS_A_MINUTE=str(A_MINUTE))
    client = wait_until_served(module_home, process)
    yield Wire(module_home, client)
    client("POST", "/shutdown", {"force": True})
    assert process.wait(30) == 0


def token_of(wire: Wire, name: str) -> str:
    made = wire.client("POST", "/principals", {"name": name, "role": "reader", "workspace": "w"})[1]
    form = f"grant_type=client_credentials&client_id={made['id']}&client_secret={made['secret']}&resource=penstock"
    connection = http.client.HTTPConnection(wire.host, timeout=30)
    connection.request("POST", "/t/oauth2/token", form, {"Content-Type": "application/x-www-form-urlencoded"})
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return str(answer["access_token"])


def asked(wire: Wire, path: str, token: str | None) -> tuple[int, bytes, dict[str, str]]:
    connection = http.client.HTTPConnection(wire.host, timeout=30)
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
    answer = connection.getresponse()
    found = answer.status, answer.read(), {k.lower(): v for k, v in answer.getheaders()}
    connection.close()
    return found


@pytest.mark.slow
def test_who_asks_too_often_is_told_when_to_ask_again_and_nobody_else_is(limited: Wire) -> None:
    hurried, calm = token_of(limited, "hurried"), token_of(limited, "calm")
    path = BASE + "/Pipelines"
    answers = [asked(limited, path, hurried) for _ in range(A_MINUTE + 10)]
    statuses = [status for status, *_ in answers]
    assert statuses[:A_MINUTE] == [200] * A_MINUTE and 429 in statuses
    _, body, headers = next(a for a in answers if a[0] == 429)
    assert 1 <= int(headers["retry-after"]) <= 60 / A_MINUTE
    error = json.loads(body)
    assert error["error"]["code"] == "TooManyRequests" and "'hurried'" in error["error"]["message"]
    assert error["correlation"]["operation"] == path
    assert asked(limited, path, calm)[0] == 200
    assert {asked(limited, path, limited.owner)[0] for _ in range(A_MINUTE + 10)} == {200}
    refused = [a for a in limited.client("GET", "/audit?limit=50")[1]["value"] if a["status"] == 429]
    assert refused and {a["who"]["name"] for a in refused} == {"hurried"}


def test_what_may_be_saved_up_is_a_minutes_worth_and_a_clock_that_is_set_back_costs_nothing() -> None:
    now = [1000.0]
    rate, caller = Rate(60, lambda: now[0]), Caller("principal", "id", "name")
    assert [rate.refusal(caller) for _ in range(60)] == [None] * 60
    refusal = rate.refusal(caller)
    assert isinstance(refusal, Hurried) and refusal.wait == 1
    now[0] += 2.0
    assert [rate.refusal(caller) is None for _ in range(3)] == [True, True, False]
    now[0] += 3600.0
    assert [rate.refusal(caller) is None for _ in range(61)] == [True] * 60 + [False]
    now[0] -= 7200.0
    assert isinstance(rate.refusal(caller), Hurried)
    now[0] += 1.0
    assert rate.refusal(caller) is None
    for other in (Caller("owner", "owner", "the owner"), Caller("run", "r", "run r"), Unauthorized("nobody")):
        assert [rate.refusal(other) for _ in range(100)] == [None] * 100
    free = Rate(0, lambda: now[0])
    assert [free.refusal(caller) for _ in range(1000)] == [None] * 1000


@pytest.mark.slow
def test_nobody_who_looks_is_shown_the_token_of_a_step(limited: Wire) -> None:
    """It would let them read secrets and write to the run. On a machine of one's own, whoever is there may look without a token."""
    run = limited.submit({"ExperimentName": "e"}, pipeline=limited.published(WAIT)["id"])[1]["Id"]
    wait_for(lambda: [c["status"] for c in limited.client.children(run)] == ["Running"])
    (step,) = limited.client.children(run)
    job = limited.client("GET", f"/ws/w/runs/{step['id']}/job?folder=/nowhere")[1]
    secret = job["env"]["AZUREML_RUN_TOKEN"].encode()
    assert asked(limited, f"/api/v1/ws/w/runs/{step['id']}", secret.decode())[0] == 200
    paths = [path for method, path in TABLE if method == "GET" and "/stream" not in path]
    readers = [token_of(limited, f"reader{n}") for n in range(len(paths) // A_MINUTE + 1)]  # each may ask so often
    shown = []
    for n, path in enumerate(paths):
        there = filled(path.replace("{run_id}", step["id"])) + "?folder=/nowhere"
        for token in (None, readers[n // A_MINUTE]):
            status, body, _ = asked(limited, there, token)
            shown.append(status)
            assert secret not in body, (path, token and "reader")
    assert shown.count(200) > 40 and 429 not in shown
    for token, status in ((None, 401), (token_of(limited, "reader"), 403)):
        assert asked(limited, f"/api/v1/ws/w/runs/{step['id']}/job?folder=/nowhere", token)[0] == status
