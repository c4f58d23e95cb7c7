"""The server's process: what it refuses, what it keeps, what survives it."""

import contextlib
import fcntl
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from integration.certificates import Authority
from served import has_begun, node, printed, serve, wait_for, wait_until_served

WAITS = b"""
import os, pathlib, time
from pathlib import Path
out = Path(os.environ["AZUREML_DATAREFERENCE_out"]); out.mkdir(parents=True, exist_ok=True)
(out / "begun").write_text("once")
gate = Path(os.environ["PENSTOCK_HOME"]) / "go"
while not gate.exists():
    time.sleep(0.02)
(out / "done").write_text("done")
"""


@contextmanager
def served(home, *arguments, **environ):
    process = serve(home, *arguments, **environ)
    try:
        yield process, wait_until_served(home, process)
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(30)


def refusal(home, *arguments, **environ):
    """The status and the last line of a server that cannot serve."""
    process = serve(home, *arguments, **environ)
    status = process.wait(60)
    return status, printed(home).strip().splitlines()[-1]


def test_port_and_key_are_chosen_once_and_kept(home):
    with served(home, "--embedded") as (_, client):
        first, key = client.record()["url"], (home / "key").read_text()
    with served(home, "--embedded") as (_, client):
        assert client.record()["url"] == first
        assert (home / "key").read_text() == key
    assert (home / "key").stat().st_mode & 0o777 == 0o600
    assert home.stat().st_mode & 0o777 == 0o700


def test_a_port_in_use_is_an_error_with_the_fix_never_another_port(home):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        status, said = refusal(home, "--port", str(port))
    assert status == 1 and f"Port {port}" in said and "penstock serve --port" in said


def test_a_home_that_cannot_be_written_says_so_and_how_to_choose_another(home):
    (home / "file").write_text("")
    status, said = refusal(home / "file" / "home", "--embedded")
    assert status == 1 and str(home / "file" / "home") in said and "PENSTOCK_HOME" in said


def test_other_addresses_than_this_machine_are_refused_while_nobody_could_sign_in(home):
    status, said = refusal(home, "--host", "0.0.0.0")
    assert status == 1 and "could sign in" in said and "penstock principal create" in said
    status, said = refusal(home, PENSTOCK_PUBLIC_URL="https://penstock.example")
    assert status == 1 and said.startswith("https://penstock.example can be reached by others")
    made = [sys.executable, "-m", "penstock", "principal", "create", "ada", "--json"]  # the command that it names
    assert subprocess.run(made, env={**os.environ, "PENSTOCK_HOME": str(home)}, capture_output=True).returncode == 0
    with served(home, "--take-over", "--host", "0.0.0.0") as (_, client):
        connection = http.client.HTTPConnection("127.0.0.1", json.loads((home / "home.json").read_text())["port"])
        with contextlib.closing(connection):
            connection.request("GET", "/api/v1/workspaces")
            assert connection.getresponse().status == 401
        assert client("GET", "/principals")[1]["value"][0]["name"] == "ada"


def test_what_does_not_fit_in_the_settings_of_an_address_is_refused(home, tmp_path):
    one, other = (
        authority.certificate("localhost") for authority in (Authority(tmp_path), Authority(folder_of(tmp_path)))
    )
    for settings, words in (
        ({"PENSTOCK_TLS_CERT": str(one[0])}, "TLS takes both PENSTOCK_TLS_CERT and PENSTOCK_TLS_KEY"),
        (
            {"PENSTOCK_TLS_CERT": str(one[0]), "PENSTOCK_TLS_KEY": "/nowhere"},
            "PENSTOCK_TLS_KEY is /nowhere, and there is no",
        ),
        ({"PENSTOCK_TLS_CERT": str(one[0]), "PENSTOCK_TLS_KEY": str(other[1])}, "cannot be used"),
        ({"PENSTOCK_PUBLIC_URL": "penstock.example"}, "PENSTOCK_PUBLIC_URL is 'penstock.example'"),
        ({"PENSTOCK_PUBLIC_URL": "https://penstock.example/below"}, "without a path"),
    ):
        status, said = refusal(home, **settings)
        assert status == 1 and words in said and "Traceback" not in said, said


def folder_of(tmp_path):
    made = tmp_path / "other"
    made.mkdir()
    return made


def test_of_two_servers_on_one_home_one_serves(home):
    with served(home, "--embedded") as (first, client):
        second = serve(home, "--embedded")
        assert second.wait(60) == 0, "an embedded one leaves without a word"
        third = serve(home)
        assert third.wait(60) == 1 and "served already (penstock status). Replace an embedded" in printed(home)
        assert client("GET", "/server")[1]["pid"] == first.pid


def test_a_lock_that_a_killed_server_leaves_for_a_moment_is_waited_for(home):
    with open(home / "server.lock", "a+") as left:
        fcntl.flock(left, fcntl.LOCK_EX)
        process = serve(home)
        wait_for(lambda: (home / "jobs").exists())  # it makes its folders, and asks for the lock
    try:
        assert wait_until_served(home, process).record()["pid"] == process.pid
    finally:
        process.terminate()
        process.wait(30)


def test_a_long_home_path_still_gets_sockets(home):
    deep = home / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    with served(deep, "--embedded") as (_, client):
        assert len(client.record()["socket"]) < 108
        assert Path(client.record()["socket"]).parent.stat().st_mode & 0o777 == 0o700


def test_a_shared_server_refuses_an_unknown_compute_and_names_the_way_out(home):
    with served(home) as (_, client):
        client("PUT", "/ws/w/computes/known", {"settings": {}})
        status, answer = client.submit([node(client.snapshot(a__py=b"")), node(client.snapshot(a__py=b""), 1)])
        assert status == 400
        said = answer["error"]["message"]
        assert "Target cluster does not exist" in said and "known" in said and "penstock compute create cluster" in said
        assert client("PUT", "/workspaces/other", {})[0] == 404, "nor does it make workspaces by themselves"


def test_an_embedded_server_leaves_when_nobody_needs_it(home):
    process = serve(home, "--embedded", PENSTOCK_IDLE_SECONDS="0.3")
    wait_until_served(home, process)
    assert process.wait(30) == 0


def test_it_stays_while_a_run_is_under_way(home):
    process = serve(home, "--embedded", PENSTOCK_IDLE_SECONDS="1")
    client = wait_until_served(home, process)
    run_id = client.submit([node(client.snapshot(a__py=WAITS))])[1]["run"]["id"]
    with pytest.raises(Exception, match="timed out"):
        process.wait(3)
    (home / "go").touch()
    assert process.wait(30) == 0
    with served(home, "--embedded") as (_, client):
        assert client.run(run_id)["status"] == "Completed"


def test_it_stays_while_a_published_pipeline_is_active_which_publishing_says_once(home):
    process = serve(home, "--embedded", PENSTOCK_IDLE_SECONDS="1")
    client = wait_until_served(home, process)
    graph = {"schema": 1, "nodes": [node(client.snapshot(a__py=b""), outputs=[])]}
    body = {"name": "p", "graph": graph, "interpreter": {"executable": sys.executable}}
    first, second = (client("POST", "/ws/w/pipelines", body)[1] for _ in range(2))
    assert "penstock service install" in first["notes"][0] and second["notes"] == []
    url = client.record()["url"]
    client("PUT", f"/ws/w/pipelines/{first['id']}", {"status": "Disabled"})
    with pytest.raises(Exception, match="timed out"):
        process.wait(3)
    client("PUT", f"/ws/w/pipelines/{second['id']}", {"status": "Disabled"})
    assert process.wait(30) == 0
    with served(home, "--embedded") as (_, again):
        assert again.record()["url"] == url


def test_it_stays_while_a_schedule_is_active_and_leaves_when_that_is_disabled(home):
    process = serve(home, "--embedded", PENSTOCK_IDLE_SECONDS="1")
    client = wait_until_served(home, process)
    graph = {"schema": 1, "nodes": [node(client.snapshot(a__py=b""), outputs=[])]}
    body = {"name": "p", "graph": graph, "interpreter": {"executable": sys.executable}}
    pipeline_id = client("POST", "/ws/w/pipelines", body)[1]["id"]
    rule = {"frequency": "Day", "interval": 1, "start_time": "2040-01-01T00:00:00"}
    body = {"name": "s", "pipeline_id": pipeline_id, "experiment_name": "e", "recurrence": rule}
    schedule_id = client("POST", "/ws/w/schedules", body)[1]["id"]
    client("PUT", f"/ws/w/pipelines/{pipeline_id}", {"status": "Disabled"})  # it would keep the server, too
    with pytest.raises(Exception, match="timed out"):
        process.wait(3)
    client("PUT", f"/ws/w/schedules/{schedule_id}", {"status": "Disabled"})
    assert process.wait(30) == 0


@pytest.mark.parametrize("victims", [("server",), ("node",), ("server", "node")], ids="+".join)
def test_killed_in_the_middle_of_a_run_nothing_is_lost_and_nothing_runs_twice(home, victims):
    process = serve(home, "--embedded")
    client = wait_until_served(home, process)
    snapshot = client.snapshot(a__py=WAITS)
    nodes = [node(snapshot), node(snapshot, 1, after=["00000000"])]
    answer = client.submit(nodes)[1]
    run_id, step_id = answer["run"]["id"], answer["steps"][0]["run_id"]
    wait_for(lambda: has_begun(home / "jobs" / f"{step_id}.1"))
    if "node" in victims:
        os.kill(json.loads((home / "node.lock").read_text())["pid"], signal.SIGKILL)
    if "server" in victims:
        process.kill()
        process.wait()
        process = serve(home, "--embedded")
        client = wait_until_served(home, process)
    (home / "go").touch()
    client.follow(run_id)
    assert client.run(run_id)["status"] == "Completed"
    for child in client.children(run_id):
        assert (child["status"], child["attempt"]) == ("Completed", 1)
    assert len(list((home / "jobs").iterdir())) == 2
    assert sorted(o["n_files"] for o in client("GET", f"/ws/w/runs/{run_id}/outputs")[1]["value"]) == [2, 2]
    client("POST", "/shutdown", {"force": True})
    process.wait(30)


def test_a_step_that_ends_while_the_server_is_dead_brings_it_back(home):
    process = serve(home, "--embedded")
    client = wait_until_served(home, process)
    run_id = client.submit([node(client.snapshot(a__py=WAITS))])[1]["run"]["id"]
    wait_for(lambda: list(home.glob("jobs/*/running")))
    process.kill()
    process.wait()
    (home / "go").touch()
    wait_for(lambda: client.record()["pid"] != process.pid and answers(client))
    client.follow(run_id)
    assert client.run(run_id)["status"] == "Completed"
    client("POST", "/shutdown", {"force": True})


def answers(client):
    try:
        return client("GET", "/server")[0] == 200
    except OSError:
        return False


def test_a_step_whose_watcher_was_killed_is_lost_within_moments_and_says_so(home):
    with served(home, "--embedded") as (_, client):
        answer = client.submit([node(client.snapshot(a__py=WAITS))])[1]
        run_id, step_id = answer["run"]["id"], answer["steps"][0]["run_id"]
        folder = home / "jobs" / f"{step_id}.1"
        wait_for(lambda: has_begun(folder))
        script = json.loads((folder / "running").read_text())["pid"]
        os.kill(json.loads((folder / "started").read_text())["pid"], signal.SIGKILL)
        client.follow(run_id)
        (child,) = client.children(run_id)
        assert child["status"] == "Failed" and "was lost" in child["error"]["message"]
        assert child["attempt"] == 1, "its script had begun, so it is not run again by itself"
        wait_for(lambda: not Path(f"/proc/{script}").exists())


def test_a_stop_names_the_runs_that_are_active(home):
    with served(home, "--embedded") as (process, client):
        answer = client.submit([node(client.snapshot(a__py=WAITS))])[1]
        wait_for(lambda: list(home.glob("jobs/*/running")))
        status, refused = client("POST", "/shutdown", {})
        assert status == 409 and answer["run"]["id"] in refused["error"]["message"]
        assert client("POST", "/shutdown", {"force": True})[0] == 202
        assert process.wait(30) == 0
        (home / "go").touch()
        wait_for(lambda: list(home.glob("jobs/*/exit.json")))


def test_where_it_listens_is_told_as_json_too(home):
    with served(home, "--json") as (process, client):
        told = json.loads(printed(home).splitlines()[0])
    assert told["pid"] == process.pid and told["url"] == client.record()["url"] and told["home"] == str(home)


def test_an_answer_in_two_pieces_is_not_held_back():
    """Without TCP_NODELAY the second piece waits for the caller's word on the first: 40 ms a call."""
    from penstock.server.serve import _listen_tcp

    with _listen_tcp("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
