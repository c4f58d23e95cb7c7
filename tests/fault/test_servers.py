"""Several servers on one PostgreSQL: one leads, any answers; the leader is killed or paused, and every run still ends right, once."""

import contextlib
import json
import os
import signal
import threading
from collections.abc import Iterator

import psycopg
import pytest
from conftest import fresh_home
from forked import serve
from integration.served import node, printed, wait_for, wait_until_served

WAITS = b"""
import os, pathlib, time
from pathlib import Path
out = Path(os.environ["AZUREML_DATAREFERENCE_out"]); out.mkdir(parents=True, exist_ok=True)
with open(Path(os.environ["PENSTOCK_HOME"]) / "began", "a") as began:
    began.write(os.environ["AZUREML_RUN_ID"] + "\\n")
gate = Path(os.environ["PENSTOCK_HOME"]) / "go"
while not gate.exists():
    time.sleep(0.02)
(out / "done").write_text("done")
"""
ASKS = b"""
import http.client, json, socket
connection = http.client.HTTPConnection("localhost")
connection.sock = socket.socket(socket.AF_UNIX)
connection.sock.connect(os.environ["PENSTOCK_SOCKET"])
connection.request("GET", "/api/v1/server")
answered = json.loads(connection.getresponse().read())["pid"]
with open(Path(os.environ["PENSTOCK_HOME"]) / "answered", "a") as file:
    file.write(f"{answered}\\n")
"""


class Server:
    """One server process on a home of its own."""

    def __init__(self, home, url, *arguments):
        self.home, self.url = home, url
        self.process = serve(home, *arguments, PENSTOCK_DATABASE=url)
        self.client = wait_until_served(home, self.process)

    @property
    def term(self):
        return self.client("GET", "/server")[1]["term"]

    def leads(self):
        return self.term is not None

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        self.process.wait(30)


@pytest.fixture
def homes() -> Iterator[list]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(fresh_home()) for _ in range(2)]


@pytest.fixture
def pair(homes, postgresql_store) -> Iterator[tuple[Server, Server]]:
    """A leader, whose home holds the files, and another."""
    servers = []
    try:
        servers.append(Server(homes[0], postgresql_store))
        wait_for(servers[0].leads)
        servers.append(Server(homes[1], postgresql_store))
        client = servers[0].client
        client("PUT", "/ws/w/computes/cluster", {"settings": {}})
        yield servers[0], servers[1]
    finally:
        for server in servers:
            server.end()


def rows(url, query):
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def began(home):
    path = home / "began"
    return path.read_text().split() if path.exists() else []


def submit_waiting(client, n=2, script=WAITS):
    """A chain of steps that wait for the gate: the run, its steps."""
    snapshot = client.snapshot(a__py=script)
    nodes = [node(snapshot, i, **({"after": [f"{i - 1:08x}"]} if i else {})) for i in range(n)]
    answer = client.submit(nodes)[1]
    return answer["run"]["id"], [s["run_id"] for s in answer["steps"]]


def check_ended_once(server, url, run_id, steps, files_home):
    assert server.client.run(run_id)["status"] == "Completed"
    assert [(c["status"], c["attempt"]) for c in server.client.children(run_id)] == [("Completed", 1)] * len(steps)
    assert sorted(began(files_home)) == sorted(steps), "each script began once"
    outputs = server.client("GET", f"/ws/w/runs/{run_id}/outputs")[1]["value"]
    assert [o["n_files"] for o in outputs] == [1] * len(steps)
    ends = rows(
        url, f"SELECT run_id, count(*) FROM event WHERE root_id = '{run_id}' AND name = 'completed' GROUP BY run_id"
    )
    assert sorted(ends) == sorted((r, 1) for r in [run_id, *steps]), "each end is told once"


def test_one_leads_and_what_is_submitted_to_the_other_runs_at_once(pair):
    leader, other = pair
    assert leader.leads() and not other.leads()
    (leader.home / "go").touch()
    run_id, steps = submit_waiting(other.client)
    lines = other.client.follow(run_id, logs=1)
    assert lines[-1]["event"]["body"]["status"] == "Completed", "the other's stream tells it all, to the end"
    check_ended_once(other, leader.url, run_id, steps, leader.home)
    at = {e["name"]: e["at"] for e in other.client.events(run_id) if e["run_id"] in (run_id, steps[0])}
    assert at["created"] <= at["queued"]
    (delay,) = rows(
        leader.url,
        f"SELECT min(at) FILTER (WHERE name = 'queued') - min(at) FILTER (WHERE name = 'created') FROM event WHERE root_id = '{run_id}'",
    )
    assert delay[0] < 1.0, f"picked up after {delay[0]:.3f} s"


def test_a_run_is_canceled_by_a_server_that_does_not_lead(pair):
    leader, other = pair
    run_id, _ = submit_waiting(leader.client)
    wait_for(lambda: began(leader.home))
    assert other.client("POST", f"/ws/w/runs/{run_id}/cancel", {})[0] in (200, 202)
    wait_for(lambda: other.client.run(run_id)["status"] == "Canceled", 10)


def test_the_leader_is_killed_and_the_other_finishes_its_run(pair):
    leader, other = pair
    run_id, steps = submit_waiting(leader.client, script=WAITS + ASKS)
    wait_for(lambda: began(leader.home))
    leader.process.kill()
    leader.process.wait()
    wait_for(other.leads, 15)
    assert other.term == 2
    (leader.home / "go").touch()
    wait_for(lambda: other.client.run(run_id)["status"] == "Completed")
    check_ended_once(other, leader.url, run_id, steps, leader.home)
    answered = (leader.home / "answered").read_text().split()
    assert answered == [str(other.process.pid)] * 2, "a step that began under the old leader reaches the new one"


def test_leaders_are_killed_in_turn_all_through_a_run(pair):
    """Each takes over from the other in the middle of a chain, with its steps going on."""
    servers = list(pair)
    home, url = pair[0].home, pair[0].url
    (home / "go").touch()
    snapshot = servers[0].client.snapshot(a__py=WAITS + b"time.sleep(0.4)\n")
    nodes = [node(snapshot, i, **({"after": [f"{i - 1:08x}"]} if i else {})) for i in range(12)]
    answer = servers[0].client.submit(nodes)[1]
    run_id, steps = answer["run"]["id"], [s["run_id"] for s in answer["steps"]]
    extra = []
    try:
        for turn in range(3):
            wait_for(lambda n=turn: len(began(home)) >= 2 * n + 2, 60)
            dying = next(s for s in servers if s.leads())
            dying.process.kill()
            dying.process.wait()
            servers.remove(dying)
            wait_for(servers[0].leads, 15)
            extra.append(Server(dying.home, url))
            servers.append(extra[-1])
        wait_for(lambda: servers[0].client.run(run_id)["status"] == "Completed", 60)
        check_ended_once(servers[0], url, run_id, steps, home)
    finally:
        for server in extra:
            server.end()


def test_a_leader_that_was_paused_for_longer_than_its_lease_writes_nothing_any_more(pair):
    leader, other = pair
    run_id, steps = submit_waiting(leader.client)
    wait_for(lambda: began(leader.home))
    leader.process.send_signal(signal.SIGSTOP)
    wait_for(other.leads, 20)
    (leader.home / "go").touch()
    wait_for(lambda: other.client.run(run_id)["status"] == "Completed")
    story = rows(leader.url, "SELECT id, run_id, name FROM event ORDER BY id")
    leader.process.send_signal(signal.SIGCONT)
    wait_for(lambda: not leader.leads())
    assert leader.client.raw("GET", "/healthz")[0] == 200, printed(leader.home)
    assert rows(leader.url, "SELECT holder, term FROM lease") == [(other_id(other), 2)]
    assert rows(leader.url, "SELECT id, run_id, name FROM event ORDER BY id") == story
    check_ended_once(leader, leader.url, run_id, steps, leader.home)
    second, more = submit_waiting(leader.client)
    wait_for(lambda: other.client.run(second)["status"] == "Completed")
    assert sorted(began(leader.home)) == sorted(steps + more), "what is submitted to it now is run by the new leader"


def other_id(server):
    return json.loads((server.home / "home.json").read_text())["id"]


def test_two_servers_take_submissions_at_once_and_none_is_lost(pair):
    leader, _ = pair
    snapshot = leader.client.snapshot(a__py=b"")
    runs, lock = [], threading.Lock()

    def submit(client):
        for _ in range(5):
            answer = client.submit([node(snapshot)])[1]
            with lock:
                runs.append(answer["run"]["id"])

    threads = [threading.Thread(target=submit, args=(s.client,)) for s in pair for _ in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(set(runs)) == 20
    for run_id in runs:
        wait_for(lambda r=run_id: leader.client.run(r)["status"] == "Completed")
    assert rows(leader.url, "SELECT count(*), count(DISTINCT run_id) FROM attempt") == [(20, 20)]


def test_a_leader_that_is_stopped_hands_over_at_once(pair):
    leader, other = pair
    leader.client("POST", "/shutdown", {"force": True})
    leader.process.wait(30)
    wait_for(other.leads, 2)


def test_a_home_serves_one_database_for_good_and_secrets_are_not_shown(homes, postgresql_url):
    secret = postgresql_url.replace("postgres:@", "postgres:topsecret@")
    server = Server(homes[0], secret)
    server.end()
    assert "topsecret" not in printed(homes[0])
    assert not any(b"topsecret" in p.read_bytes() for p in homes[0].rglob("*") if p.is_file())
    refused = serve(homes[0], "--embedded")
    assert refused.wait(30) == 1 and "belongs to the database postgresql://" in printed(homes[0])
    wrong = serve(homes[1], "--database", "postgresql://u:topsecret@localhost:1/none")
    assert wrong.wait(60) == 1
    assert "postgresql://localhost:1/none cannot be opened" in printed(homes[1]) and "topsecret" not in printed(
        homes[1]
    )


def test_a_database_whose_files_are_elsewhere_is_refused_with_the_way_out(homes, postgresql_url):
    Server(homes[0], postgresql_url).end()
    os.rename(homes[0] / "home.json", homes[0] / "away")
    refused = serve(homes[1], PENSTOCK_DATABASE=postgresql_url)
    assert refused.wait(30) == 1
    assert f"with its files in {homes[0]}" in printed(homes[1]) and "Jobs run on one machine for now" in printed(
        homes[1]
    )


def test_a_database_that_goes_away_is_named_and_all_goes_on_when_it_is_back(homes, own_postgresql):
    """A step ends while the database is down: nothing of it is lost."""
    server = Server(homes[0], own_postgresql.get_uri())
    try:
        wait_for(server.leads)
        server.client("PUT", "/ws/w/computes/cluster", {"settings": {}})
        run_id, steps = submit_waiting(server.client)
        wait_for(lambda: began(server.home))
        own_postgresql.stop()
        status, answer = server.client("GET", f"/ws/w/runs/{run_id}")
        assert (status, answer["error"]["code"]) == (503, "DatabaseAway"), answer
        assert "does not answer" in answer["error"]["message"] and "postgres:@" not in answer["error"]["message"]
        (server.home / "go").touch()
        wait_for(lambda: server.client.raw("GET", "/healthz")[0] == 503)
        wait_for(lambda: (server.home / "jobs" / f"{steps[0]}.1" / "exit.json").exists())
        own_postgresql.start()
        wait_for(lambda: server.client("GET", f"/ws/w/runs/{run_id}")[0] == 200)
        wait_for(lambda: server.client.run(run_id)["status"] == "Completed")
        check_ended_once(server, server.url, run_id, steps, server.home)
        wait_for(lambda: server.client.raw("GET", "/healthz")[0] == 200)
    finally:
        server.end()
