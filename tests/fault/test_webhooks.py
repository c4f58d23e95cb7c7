"""Webhooks: each ended run is told, under one id, until it is taken; nothing inside is posted to; nothing is forgotten in a crash."""

from __future__ import annotations

import dataclasses
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault.receiving import Receiver, verified
from fault.test_janitor import context as context  # a service without its server
from integration.served import Client, node, serve, wait_for, wait_until_served

from penstock.model.errors import BadRequest, NotFound
from penstock.model.status import Status
from penstock.service.assets.catalog import Catalog
from penstock.service.context import Context
from penstock.service.notify.deliveries import A_WEBHOOK, AGAIN_AFTER_SECONDS, IDLE_SECONDS, Deliveries
from penstock.service.notify.posting import Poster
from penstock.service.notify.webhooks import Webhooks
from penstock.store import history, runs


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


class World:
    """The verbs and the loop over one database, under a clock of our own."""

    def __init__(self, context: Context) -> None:
        self.now = 1000.0
        self.context = dataclasses.replace(
            context, clock=lambda: self.now, key=b"k" * 32, webhook_hosts=("127.0.0.1", "localhost")
        )
        self.webhooks = Webhooks(self.context, Catalog(self.context))
        self.restart()

    def restart(self) -> None:
        self.deliveries = Deliveries(self.context)

    def tick(self) -> float:
        """A pass; in how many seconds the next is due."""
        return self.deliveries.tick(self.now) - self.now

    def end(self, run_id: str, status: Status = Status.COMPLETED, experiment: str = "e") -> None:
        row = {
            "id": run_id,
            "workspace": "w",
            "experiment": experiment,
            "type": "pipeline",
            "name": run_id,
            "root_id": run_id,
        }
        row |= {
            "parent_id": None,
            "status": str(status),
            "attempt": 0,
            "unmet": 0,
            "created_at": 1.0,
            "ended_at": self.now,
        }

        def work(connection) -> None:
            runs.insert_runs(connection, [row])
            submission = {"graph_digest": "of {}", "parameters": "{}", "bindings": "{}"}
            more = {"idempotency_key": None, "continue_on_failure": 0, "regenerate_outputs": 0}
            runs.insert_submissions(connection, [{"run_id": run_id, **submission, **more}], {"of {}": "{}"})
            history.append(
                connection, [history.Event(run_id, run_id, self.now, status.lower(), {"status": str(status)})]
            )

        self.context.database.write(work)

    def told(self, webhook_id: str) -> dict[str, dict]:
        return {d["run_id"]: d for d in self.webhooks.get("w", webhook_id)["deliveries"]}


@pytest.fixture
def world(context: Context) -> Iterator[World]:
    made = World(context)
    yield made
    made.deliveries.close()


def test_each_ended_run_is_told_once_signed(world: World, receiver: Receiver) -> None:
    world.end("before")
    made = world.webhooks.create("w", {"url": receiver.url})
    assert world.tick() == IDLE_SECONDS and receiver.got == []  # of what had ended before it is not told
    world.end("good")
    world.end("bad", Status.FAILED)
    for _ in range(3):
        assert world.tick() == IDLE_SECONDS
    messages = [verified(g, made["secret"]) for g in receiver.got]
    assert {(m["type"], m["data"]["run"]["id"]) for m in messages} == {("run.completed", "good"), ("run.failed", "bad")}
    assert (
        all(g["path"] == "/hook" for g in receiver.got) and len({g["headers"]["webhook-id"] for g in receiver.got}) == 2
    )
    assert [d["answer"] for d in world.told(made["id"]).values()] == ["127.0.0.1 answered with status 200."] * 2
    assert "secret" not in world.webhooks.get("w", made["id"])


def test_a_webhook_hears_of_what_it_asked_for(world: World, receiver: Receiver) -> None:
    world.webhooks.create("w", {"url": receiver.url, "events": ["failed"]})
    world.webhooks.create("w", {"url": receiver.url + "2", "experiment": "other"})
    for n, status in enumerate((Status.COMPLETED, Status.FAILED, Status.CANCELED)):
        world.end(f"a{n}", status)
        world.end(f"b{n}", status, "other")
    world.tick()
    assert sorted(g["path"] for g in receiver.got) == ["/hook"] * 2 + ["/hook2"] * 3


def test_what_is_not_taken_is_told_again_under_the_same_id_and_given_up_in_the_end(
    world: World, receiver: Receiver
) -> None:
    made = world.webhooks.create("w", {"url": receiver.url})
    receiver.answers = [500, 302, 404, *[503] * 20]
    world.end("r")
    for n, wait in enumerate(AGAIN_AFTER_SECONDS):
        assert world.tick() == min(wait, IDLE_SECONDS) and len(receiver.got) == n + 1
        world.now += wait - 1
        world.tick()
        assert len(receiver.got) == n + 1  # not before it is due
        world.now += 1
    world.tick()
    n_tries = len(AGAIN_AFTER_SECONDS) + 1
    assert len(receiver.got) == n_tries and len({g["headers"]["webhook-id"] for g in receiver.got}) == 1
    assert {g["path"] for g in receiver.got} == {"/hook"}  # no redirect was followed
    told = world.told(made["id"])["r"]
    assert (told["n_tries"], told["next_at"], told["delivered_at"]) == (n_tries, None, None)
    assert told["answer"] == f"127.0.0.1 answered with status 503. Given up after {n_tries} tries."
    world.now += 1e6
    world.tick()
    assert len(receiver.got) == n_tries


def test_a_receiver_that_is_away_is_told_after_a_restart(world: World, receiver: Receiver) -> None:
    made = world.webhooks.create("w", {"url": receiver.url})
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        away = world.webhooks.create("w", {"url": f"http://localhost:{nobody.getsockname()[1]}/"})
        world.end("r")
        world.tick()
    assert "did not answer" in world.told(away["id"])["r"]["answer"]
    assert world.told(made["id"])["r"]["delivered_at"] and world.told(away["id"])["r"]["next_at"]
    world.deliveries.close()
    world.restart()
    world.now += AGAIN_AFTER_SECONDS[0]
    world.tick()
    assert world.told(away["id"])["r"]["n_tries"] == 2 and len(receiver.got) == 1


def test_one_that_says_it_is_gone_is_told_no_more_until_it_is_enabled(world: World, receiver: Receiver) -> None:
    made = world.webhooks.create("w", {"url": receiver.url})
    receiver.answers = [410]
    world.end("r1")
    world.tick()
    world.end("r2")
    world.tick()
    found = world.webhooks.get("w", made["id"])
    assert "410" in found["disabled"] and len(receiver.got) == 1
    world.webhooks.set_enabled("w", made["id"], True)
    world.end("r3")
    world.tick()
    assert [verified(g, made["secret"])["data"]["run"]["id"] for g in receiver.got] == ["r1", "r3"]
    world.webhooks.delete("w", made["id"])
    with pytest.raises(NotFound, match="penstock webhook list"):
        world.webhooks.get("w", made["id"])


def test_one_whose_receiver_is_slow_does_not_take_a_whole_pass(world: World, receiver: Receiver) -> None:
    slow = world.webhooks.create("w", {"url": receiver.url + "/slow"})
    world.webhooks.create("w", {"url": receiver.url})
    for n in range(3 * A_WEBHOOK):
        world.end(f"r{n:02}")
    assert world.tick() == 0
    assert [g["path"] for g in receiver.got].count("/hook/slow") == A_WEBHOOK
    while world.tick() == 0:
        pass
    assert len(receiver.got) == 6 * A_WEBHOOK and all(d["delivered_at"] for d in world.told(slow["id"]).values())


INSIDE = (
    "https://127.0.0.1/", "https://localhost/", "https://10.1.2.3/", "https://192.168.0.1/", "https://169.254.169.254/latest",
    "https://[::1]/", "https://[fe80::1]/", "https://[::ffff:127.0.0.1]/", "https://0.0.0.0/", "https://2130706433/",
)  # fmt: skip


@pytest.mark.parametrize("url", INSIDE)
def test_what_lies_inside_is_refused(url: str) -> None:
    with pytest.raises(BadRequest, match=r"is the internal address .* PENSTOCK_WEBHOOK_HOSTS"):
        Poster().checked(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://a.example/",
        "https://",
        "https://user:word@a.example/",
        "https://a.example:0/",
        "https://a.example:x/",
        "https://a.example/\r\nX: y",
        "file:///etc/passwd",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(BadRequest, match="cannot be posted to"):
        Poster().checked(url)


def test_networks_and_hosts_can_be_allowed() -> None:
    for allowed, url in (
        (("127.0.0.0/8",), "http://127.0.0.1/x"),
        (("localhost",), "http://localhost/x"),
        (("::1",), "https://[::1]/"),
    ):
        assert Poster(allowed).checked(url) == url
    with pytest.raises(BadRequest, match="is not https"):
        Poster().checked("http://93.184.216.34/")


def test_the_address_that_was_checked_is_the_one_posted_to(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name may lead elsewhere a moment later: it is asked for once a try."""
    answers = [[(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", receiver.port))]]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers.pop())
    url = f"http://rebinds.example:{receiver.port}/hook"
    assert Poster(("rebinds.example",)).post(url, b"{}", {}).is_taken
    assert receiver.got[0]["headers"]["Host"] == f"rebinds.example:{receiver.port}"


def test_a_killed_server_tells_when_it_is_back(home: Path, receiver: Receiver) -> None:
    allowed = {"PENSTOCK_WEBHOOK_HOSTS": "127.0.0.1"}
    first = serve(home, **allowed)
    client = wait_until_served(home, first)
    client("PUT", "/ws/w/computes/cluster", {"settings": {}})
    status, hook = client("POST", "/ws/w/webhooks", {"url": receiver.url})
    assert status == 201, hook
    snapshot = client.snapshot(a__py=b"pass")
    receiver.answers = [503]
    run_id = client.submit([node(snapshot, outputs=[])])[1]["run"]["id"]
    receiver.wait(1)
    wait_for(lambda: client("GET", f"/ws/w/webhooks/{hook['id']}")[1]["deliveries"][0]["n_tries"] == 1)
    first.send_signal(signal.SIGKILL)
    first.wait()
    second = serve(home, **allowed)
    wait_until_served(home, second)
    got = receiver.wait(2)
    assert [verified(g, hook["secret"])["data"]["run"]["id"] for g in got] == [run_id, run_id]
    assert wait_for(lambda: Client(home)("GET", f"/ws/w/webhooks/{hook['id']}")[1]["deliveries"][0]["delivered_at"])
    second.terminate()
    second.wait(30)
