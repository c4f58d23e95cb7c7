"""A server that may open few files: calls are refused clearly, and taken again once others have let go."""

from __future__ import annotations

import contextlib
import http.client
import json
import resource
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.served import Client, node, serve, wait_for, wait_until_served

LIMIT = 90
QUICK = b"""
import os
os.makedirs(os.environ["AZUREML_DATAREFERENCE_out"], exist_ok=True)
"""


@pytest.fixture
def server(home: Path) -> Iterator[tuple[subprocess.Popen[bytes], Client]]:
    process = serve(home, "--embedded")
    yield process, wait_until_served(home, process)
    process.terminate()
    process.wait(30)


def connect(client: Client) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(30)
    connection.connect(client.record()["socket"])
    return connection


def hold(client: Client, count: int) -> list[socket.socket]:
    return [connect(client) for _ in range(count)]


def test_with_too_many_connections_a_call_is_refused_clearly_and_works_again_when_they_are_gone(
    server: tuple[subprocess.Popen[bytes], Client],
) -> None:
    process, client = server
    nodes = [node(client.snapshot(a__py=QUICK))]
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (LIMIT, LIMIT))
    with contextlib.ExitStack() as held:
        for connection in hold(client, LIMIT // 2 + 5):
            held.enter_context(connection)
        for method, path, body in (("GET", "/ws/w/runs", None), ("PUT", "/workspaces/v", {"create": True})):
            status, answer = client(method, path, body)
            assert (status, answer["error"]["code"]) == (503, "TooManyFiles")
            assert "ulimit -n" in answer["error"]["message"]
    wait_for(lambda: is_answered(client))
    run_id = client.submit(nodes)[1]["run"]["id"]
    client.follow(run_id)
    assert client.run(run_id)["status"] == "Completed"


def is_answered(client: Client) -> bool:
    """Whether a call is taken. One that comes while the server still drops connections breaks off."""
    try:
        return bool(client("GET", "/ws/w/runs")[0] == 200)
    except OSError:
        return False


def test_when_no_file_can_be_opened_at_all_it_says_so_and_recovers(
    server: tuple[subprocess.Popen[bytes], Client],
) -> None:
    process, client = server
    nodes = [node(client.snapshot(a__py=QUICK))]
    kept = connect(client)  # accepted before the files run out, as a notebook's connection is
    kept.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    with http.client.HTTPResponse(kept, method="GET") as answer:
        answer.begin()
        assert (answer.status, json.loads(answer.read())["status"]) == (200, "ok")
    before = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (7, before[1]))
    kept.sendall(b"POST /api/v1/ws/w/runs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n")
    body = json.dumps({"experiment": "e", "graph": {"schema": 1, "nodes": nodes}}).encode()
    kept.sendall(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    with http.client.HTTPResponse(kept, method="POST") as answer:
        answer.begin()
        assert (answer.status, json.loads(answer.read())["error"]["code"]) == (503, "TooManyFiles")
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, before)
    kept.close()
    wait_for(lambda: is_answered(client) and json.loads(client.raw("GET", "/healthz")[1])["status"] == "ok")
    run_id = client.submit(nodes)[1]["run"]["id"]
    client.follow(run_id)
    assert client.run(run_id)["status"] == "Completed"
