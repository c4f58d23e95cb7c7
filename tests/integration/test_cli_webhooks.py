"""`penstock webhook`: every command against a server that tells a real receiver, and the addresses that it will not tell."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault.receiving import Receiver, verified
from forked import serve
from integration.served import Client, node, wait_for, wait_until_served
from integration.test_cli_runs import cli

from penstock.service.notify.posting import Poster


@pytest.fixture(scope="module")
def client(module_home: Path) -> Iterator[Client]:
    process = serve(module_home, PENSTOCK_WEBHOOK_HOSTS="127.0.0.1")
    made = wait_until_served(module_home, process)
    made("PUT", "/ws/w/computes/cluster", {"settings": {}})
    yield made
    process.terminate()
    process.wait(30)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def run(client: Client, script: bytes, experiment: str) -> str:
    made = client.submit([node(client.snapshot(a__py=script), outputs=[])], experiment=experiment)[1]["run"]["id"]
    client.follow(made)
    return made


def test_a_webhook_is_made_listed_shown_switched_and_deleted(client: Client, receiver: Receiver) -> None:
    assert "Make one with: penstock webhook create URL" in cli("webhook", "list").stdout
    done = cli("webhook", "create", receiver.url, "--experiment", "train", "--on", "failed")
    assert done.returncode == 0, done.stderr
    (made,), (secret,) = re.findall(r"Webhook (\S+):", done.stdout), re.findall(r"not shown again: (\S+)", done.stdout)
    assert re.search(rf"{made} +{re.escape(receiver.url)} +train +failed +active", cli("webhook", "list").stdout)
    run(client, b"", "train")
    run(client, b"raise SystemExit(1)", "other")
    failed = run(client, b"raise SystemExit(1)", "train")
    (got,) = receiver.wait(1)
    message = verified(got, secret)
    assert (message["type"], message["data"]["run"]["id"]) == ("run.failed", failed)
    wait_for(lambda: "told" in cli("webhook", "show", made).stdout)
    shown = cli("webhook", "show", made).stdout
    assert re.search(rf"{failed[:8]} +failed +1 +told .* 127\.0\.0\.1 answered with status 200\.", shown)
    told = cli("webhook", "list", "--json").stdout + cli("webhook", "show", made, "--json").stdout
    assert (
        secret not in shown + told and json.loads(cli("webhook", "show", made, "--json").stdout)["url"] == receiver.url
    )
    assert "disabled: it was disabled" in cli("webhook", "disable", made).stdout
    run(client, b"raise SystemExit(1)", "train")
    assert cli("webhook", "enable", made).stdout == f"{receiver.url}: active.\n"
    last = run(client, b"raise SystemExit(1)", "train")
    assert verified(receiver.wait(2)[-1], secret)["data"]["run"]["id"] == last, "of what ended meanwhile it is not told"
    assert cli("webhook", "delete", made).stdout == f"Deleted webhook {made}.\n"
    for verb in ("show", "enable", "disable", "delete"):
        gone = cli("webhook", verb, made)
        assert gone.returncode == 3 and "penstock webhook list" in gone.stderr
    assert "has no webhooks" in cli("webhook", "list").stdout


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://10.0.0.1/", "is the internal address 10.0.0.1"),
        ("http://[::1]:8000/", "is the internal address ::1"),
        ("https://169.254.169.254/latest/meta-data", "is the internal address"),
        ("file:///etc/passwd", "cannot be posted to"),
        ("https://user:word@a.example/", "cannot be posted to"),
        ("https://nowhere.invalid/", "is not found"),
    ],
)
def test_an_address_that_is_not_to_be_told_is_refused_when_it_is_given_and_not_kept(
    client: Client, url: str, said: str
) -> None:
    done = cli("webhook", "create", url)
    assert done.returncode == 1 and said in done.stderr, done.stderr
    status, answer = client("POST", "/ws/w/webhooks", {"url": url})
    assert status == 400 and set(answer["error"]) == {"code", "message", "target", "details"}
    assert answer["error"]["target"] == "url" and client("GET", "/ws/w/webhooks")[1]["value"] == []


def test_a_name_that_leads_inside_by_the_time_it_is_told_is_not_posted_to(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was public when it was given; what it leads to is asked for anew at each try."""
    public = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 443))]
    inside = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", receiver.port))]
    answers = [inside, [*public, *inside], public]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers.pop())
    url, poster = f"https://rebinds.example:{receiver.port}/hook", Poster()
    assert poster.checked(url) == url
    for _ in range(2):
        answer = poster.post(url, b"{}", {})
        assert (answer.status, answer.is_taken) == (0, False) and "is the internal address 127.0.0.1" in answer.text
    assert receiver.got == [] and answers == []
