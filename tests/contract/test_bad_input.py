"""What nobody should send, on the paths of published pipelines: the right status, the one shape of an error, and nothing written."""

from __future__ import annotations

import socket
import sqlite3
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from contract.test_wire import BASE, WAIT, Wire
from contract.test_wire import wire as wire  # a server with a published pipeline
from integration.served import node, wait_for

pytestmark = pytest.mark.slow
SUBMIT = BASE + "/PipelineRuns/PipelineSubmit/"
BY_ENDPOINT = BASE + "/PipelineRuns/PipelineEndpointSubmit/"
OK = {"ExperimentName": "e", "experiment": "e"}
SUBMITTING = ("pipeline", "endpoint", "version", "name", "own pipeline", "own endpoint")


def kept(home: Path) -> dict[str, object]:
    """How many rows each table has, and which files there are: all that a call could have written but logs."""
    with sqlite3.connect(f"file:{home / 'penstock.db'}?mode=ro", uri=True) as database:
        tables = [r[0] for r in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables}
    database.close()
    passing = ("-wal", "-shm", ".sock", ".lock")
    files = {str(p) for p in home.rglob("*") if p.is_file() and not p.name.endswith(passing) and "logs" not in p.parts}
    return {**rows, "files": files}


@pytest.fixture(scope="module")
def places(wire: Wire) -> dict[str, str]:
    """Where a pipeline is submitted or published: by its id, by an endpoint of either kind, by our own API. All runs but one wait."""
    wire.client("PUT", "/ws/w/computes/cluster", {"settings": {"max_nodes": 1}})
    busy = wire.submit({"ExperimentName": "busy"}, pipeline=wire.published(WAIT)["id"])[1]["Id"]
    wait_for(lambda: [c["status"] for c in wire.client.children(busy)] == ["Running"])
    endpoint = wire.client("POST", "/ws/w/endpoints", {"name": "bad input", "pipeline_id": wire.pipeline})[1]["id"]
    wire.submit({"ExperimentName": "e"})  # the experiment is there, and all that a first run makes
    return {
        "pipeline": SUBMIT + wire.pipeline,
        "endpoint": f"{BY_ENDPOINT}Id/{endpoint}",
        "version": f"{BY_ENDPOINT}Id/{endpoint}/0",
        "name": f"{BY_ENDPOINT}Name?name=bad%20input",
        "own pipeline": f"/api/v1/ws/w/pipelines/{wire.pipeline}/runs",
        "own endpoint": f"/api/v1/ws/w/endpoints/{endpoint}/runs",
        "publish": "/api/v1/ws/w/pipelines",
        "submit": "/api/v1/ws/w/runs",
    }


def refused(wire: Wire, status: int, call: Callable[[], tuple[int, dict]]) -> str:
    """What is said of a call that is refused: with this status, in the one shape, and nothing is written."""
    before = kept(wire.home)
    found, answer = call()
    assert found == status, answer
    assert {"code", "message", "target", "details"} == set(answer["error"]), answer
    assert len(answer["error"]["message"]) > 20, answer
    after = kept(wire.home)
    assert after == before, {k: (before.get(k), v) for k, v in after.items() if v != before.get(k)}
    return str(answer["error"]["message"])


UNREADABLE: dict[str, tuple[bytes, str]] = {
    "no JSON": (b'{"ExperimentName": ', "no JSON"),
    "a list": (b"[]", ""),
    "bad UTF-8": (b'{"ExperimentName": "\xff"}', "no UTF-8"),
    "a key twice": (b'{"experiment": "e", "experiment": "e"}', "twice"),
    "NaN": (b'{"ExperimentName": "e", "x": NaN}', "NaN"),
    "a number without end": (b'{"ExperimentName": "e", "x": 1e400}', "too large"),
    "a very deep body": (b'{"a":' * 9000 + b"1" + b"}" * 9000, "nested more than"),
    "a deep body": (b'{"a":' * 70 + b"1" + b"}" * 70, "nested more than"),
    "half a character": (b'{"ExperimentName": "\\ud800", "experiment": "e"}', "half of a character"),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_a_body_that_cannot_be_read_is_refused_wherever_it_is_sent(wire: Wire, places: dict, what: str) -> None:
    raw, said = UNREADABLE[what]
    for path in places.values():
        assert said in refused(wire, 400, lambda path=path: wire.call("POST", path, raw))


def test_a_body_of_another_type_is_refused_wherever_it_is_sent(wire: Wire, places: dict) -> None:
    text = {"Content-Type": "text/plain"}
    for place, path in places.items():
        status = 400 if "own" in place or place in ("publish", "submit") else 415
        refused(wire, status, lambda path=path: wire.call("POST", path, b'{"ExperimentName": "e"}', headers=text))


def test_a_huge_body_is_refused_wherever_it_is_sent(wire: Wire, places: dict) -> None:
    huge = b'{"ExperimentName": "' + b"e" * (65 << 20) + b'"}'
    for place in ("endpoint", "own pipeline", "publish"):
        said = refused(wire, 413, lambda place=place: wire.call("POST", places[place], huge))
        assert "is larger than" in said


VALUES: dict[str, tuple[dict, str]] = {
    "NUL in a tag": ({"tags": {"a": "b\0"}}, "tags is"),
    "tags that are a list": ({"tags": [1]}, "tags is [1]"),
    "a tag that is an object": ({"tags": {"a": {}}}, "tags is"),
    "properties that are text": ({"Properties": "x", "properties": "x"}, "roperties is 'x'"),
    "an experiment that is a list": ({"ExperimentName": [1], "experiment": [1]}, "is [1]"),
    "an experiment with a slash": ({"ExperimentName": "a/../b", "experiment": "a/../b"}, "experiment name"),
    "no experiment": ({"ExperimentName": "", "experiment": ""}, ""),
    "a name that is a number": ({"DisplayName": 5, "display_name": 5}, "is 5"),
    "a description that is an object": ({"Description": {}, "description": {}}, "is {}"),
    "a switch that is text": ({"RegenerateOutputs": "yes", "regenerate_outputs": "yes"}, "true or false"),
    "a parent that is not there": ({"ParentRunId": "nobody", "parent_run_id": "nobody"}, "'nobody'"),
    "a parent that is a list": ({"ParentRunId": ["x"], "parent_run_id": ["x"]}, "is ['x']"),
    "parameters that are text": ({"ParameterAssignments": "x", "parameters": "x"}, "must be an object"),
    "an unknown parameter": ({"ParameterAssignments": {"nothing": 1}, "parameters": {"nothing": 1}}, "No step uses one of that name"),
    "a list for a number": ({"ParameterAssignments": {"rate": [1]}, "parameters": {"rate": [1]}}, "must be text"),
}  # fmt: skip


@pytest.mark.parametrize("what", VALUES)
def test_a_value_that_does_not_fit_is_refused_by_name(wire: Wire, places: dict, what: str) -> None:
    changed, said = VALUES[what]
    changed = {
        "experiment": "unheard-of",
        "ExperimentName": "unheard-of",
    } | changed  # an experiment is not made for it either
    for place in SUBMITTING:
        own = "own" in place
        body = {k: v for k, v in changed.items() if k == "tags" or own is k[:1].islower()}
        status = 404 if "not there" in what else 400
        assert said in refused(wire, status, lambda place=place, body=body: wire.call("POST", places[place], body))


def test_files_that_become_a_dataset_do_so_only_when_all_else_is_in_order(wire: Wire, places: dict) -> None:
    files = {"name": "files", "type": "dataset", "default": {"dataset": ""}}
    definition = {"kind": "file", "definition": {"paths": [{"datastore": "workspaceblobstore", "path": "x"}]}}
    files["default"] = {"dataset": wire.client("POST", "/ws/w/datasets", definition)[1]["id"]}
    rate = {"name": "rate", "type": "float", "default": "0.1"}
    inputs = [{"name": "files", "source": {"parameter": "files"}, "mode": "mount", "reference": "dataset"}]
    nodes = [
        node(wire.client.snapshot(a__py=b""), inputs=inputs, parameters={"rate": {"parameter": "rate"}}, outputs=[])
    ]
    made = wire.published(b"", graph={"schema": 1, "parameters": [rate, files], "nodes": nodes})["id"]
    place = {"LiteralValue": {"DataStoreName": "workspaceblobstore", "RelativePath": "other"}}
    wanted = {"ExperimentName": "e", "DataSetDefinitionValueAssignments": {"files": place}}
    for wrong in (
        {"ParameterAssignments": {"rate": "much"}},
        {"ParameterAssignments": {"nothing": 1}},
        {"ExperimentName": "a b"},
        {"DataSetDefinitionValueAssignments": {"files": {"LiteralValue": {"DataStoreName": 1}}}},
        {"DataSetDefinitionValueAssignments": {"files": {"LiteralValue": {"DataStoreName": "x", "RelativePath": []}}}},
        {"DataSetDefinitionValueAssignments": {"files": {"DataSetReference": {"Name": "x", "Version": "٣"}}}},
    ):
        refused(wire, 400, lambda wrong=wrong: wire.submit({**wanted, **wrong}, pipeline=made))


@pytest.mark.parametrize("path", ["../x", "a/../../x", "..\\x", "x\0y"])
def test_a_data_path_leads_nowhere_but_down(wire: Wire, places: dict, path: str) -> None:
    where = {"name": "where", "type": "datapath", "default": {"datastore": "workspaceblobstore", "path": "x"}}
    inputs = [{"name": "where", "source": {"parameter": "where"}, "mode": "mount", "reference": "data"}]
    nodes = [node(wire.client.snapshot(a__py=b""), inputs=inputs, outputs=[])]
    made = wire.published(b"", graph={"schema": 1, "parameters": [where], "nodes": nodes})["id"]
    value = {"DataStoreName": "workspaceblobstore", "RelativePath": path}
    body = {"ExperimentName": "e", "DataPathAssignments": {"where": value}}
    assert "leads out of the datastore" in refused(wire, 400, lambda: wire.submit(body, pipeline=made))


TRICKS = (
    "..",
    "../..",
    "..%2f..%2fx",
    "%2e%2e%2fx",
    "a%00b",
    "%0d%0aX-Made-Up:%201",
    "a%2fb",
    "%ff",
    "'%20OR%201=1--",
    "e" * 3000,
)


@pytest.mark.parametrize("trick", TRICKS)
def test_an_id_or_a_name_is_a_name_and_nothing_else(wire: Wire, places: dict, trick: str) -> None:
    elsewhere = BASE.replace("/workspaces/w", f"/workspaces/{trick}")
    paths = [
        SUBMIT + trick,
        f"{BY_ENDPOINT}Id/{trick}",
        f"{places['endpoint']}/{trick}",
        f"{BY_ENDPOINT}Name?name={trick}",
        f"{places['name']}&pipelineVersion={trick}",
        f"{elsewhere}/PipelineRuns/PipelineSubmit/{wire.pipeline}",
        f"/api/v1/ws/w/pipelines/{trick}/runs",
        f"/api/v1/ws/{trick}/pipelines/{wire.pipeline}/runs",
        f"/api/v1/ws/w/endpoints/{trick}/runs",
    ]
    for path in paths:
        before = kept(wire.home)
        status, answer = wire.call("POST", path, OK)
        assert status in (404, 405) and set(answer["error"]) == {"code", "message", "target", "details"}, (path, answer)
        assert kept(wire.home) == before, path


def raw_answer(wire: Wire, request: bytes) -> bytes:
    """All that is answered to these bytes."""
    host, _, port = wire.host.partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(request)
        found = b""
        while chunk := connection.recv(65536):
            found += chunk
    return found


def request_of(
    wire: Wire, path: str, *headers: bytes, body: bytes = b'{"ExperimentName": "e"}', host: str = ""
) -> bytes:
    lines = [f"POST {path} HTTP/1.1".encode(), b"Host: " + (host or wire.host).encode(), b"Connection: close"]
    lines += [b"Authorization: Bearer " + wire.owner.encode(), b"Content-Type: application/json"]
    if not any(h.lower().startswith((b"content-length", b"transfer-encoding")) for h in headers):
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, *headers, b"", body])


def test_what_is_sent_never_becomes_a_header_of_the_answer(wire: Wire, places: dict) -> None:
    injected = "e%0d%0aX-Made-Up:%20yes"
    body = b'{"ExperimentName": "e\\r\\nX-Made-Up: yes"}'
    for request in (
        request_of(wire, SUBMIT + injected),
        request_of(wire, SUBMIT + wire.pipeline, b"x-ms-client-request-id: a\x01b", body=body),
        request_of(wire, f"{BY_ENDPOINT}Name?name={injected}"),
        request_of(wire, "/" + injected),
        request_of(wire, f"/api/v1/ws/{injected}/runs", b"Idempotency-Key: " + injected.encode()),
    ):
        before = kept(wire.home)
        head = raw_answer(wire, request).partition(b"\r\n\r\n")[0]
        assert head.startswith(b"HTTP/1.1 4") and b"x-made-up" not in head.lower(), head
        assert kept(wire.home) == before


AMBIGUOUS = {
    "a bare carriage return": b"Idempotency-Key: a\rX: b",
    "NUL": b"Idempotency-Key: a\0b",
    "a name with a space": b"Bad Name: x",
    "two lengths": b"Transfer-Encoding: chunked\r\nContent-Length: 23",
}


@pytest.mark.parametrize("header", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_a_request_that_may_be_read_in_two_ways_is_refused(wire: Wire, header: bytes) -> None:
    before = kept(wire.home)
    answer = raw_answer(wire, request_of(wire, SUBMIT + wire.pipeline, header))
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400"), answer
    assert kept(wire.home) == before


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1:1", "a@127.0.0.1", "[::1"])
def test_a_forged_host_is_refused_and_never_answered_with(wire: Wire, places: dict, host: str) -> None:
    for place in ("pipeline", "own pipeline", "publish"):
        call = lambda place=place: wire.call("POST", places[place], OK, headers={"Host": host})  # noqa: E731
        assert "Host header" in refused(wire, 400, call)
    forwarded = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "Forwarded": "host=evil.example"}
    status, run = wire.submit({"ExperimentName": "e"}, headers=forwarded)
    assert status == 200 and run["Url"].startswith(f"http://{wire.host}/")


def test_every_refusal_on_the_paths_of_the_original_says_which_call_it_belongs_to(wire: Wire, places: dict) -> None:
    named = {"x-ms-client-request-id": "my-call"}
    for headers, token, body in (
        ({}, None, OK),
        ({}, "wrong", OK),
        ({"Host": "evil.example"}, "", OK),
        ({"X-Penstock-Protocol": "9"}, "", OK),
        ({}, "", {}),
    ):
        answer = wire.call("POST", places["pipeline"], body, token=token, headers={**named, **headers})[1]
        assert answer["correlation"] == {"operation": places["pipeline"], "request": "my-call"}, answer
        own = wire.call("POST", places["own pipeline"], {"tags": 1}, token=token, headers=headers)[1]
        assert set(own) == {"error"}, own


@pytest.mark.parametrize("place", ["pipeline", "endpoint", "name", "own pipeline"])
def test_one_key_sent_by_many_at_once_is_one_run_and_another_body_under_it_a_conflict(
    wire: Wire, places: dict, place: str
) -> None:
    key = {"Idempotency-Key": f"at once {place}"}
    bodies = [{"ExperimentName": name, "experiment": name} for name in ("same", "other") * 8]
    bodies = [{k: v for k, v in b.items() if ("own" in place) is k.islower()} for b in bodies]
    answers: list[tuple[int, dict]] = []
    gate = threading.Barrier(len(bodies))

    def send(body: dict) -> None:
        gate.wait()
        answers.append(wire.call("POST", places[place], body, headers=key))

    before = wire.n_runs()
    threads = [threading.Thread(target=send, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = [a for s, a in answers if s in (200, 201)]
    ids = {a["Id"] if "Id" in a else a["run"]["id"] for a in taken}
    assert len(ids) == 1 and wire.n_runs() == before + 1
    assert sorted(s for s, _ in answers if s not in (200, 201)) == [409] * 8 and len(taken) == 8


def test_a_replayed_key_writes_nothing(wire: Wire, places: dict) -> None:
    key = {"Idempotency-Key": "replayed"}
    first = wire.call("POST", places["pipeline"], OK, headers=key)[1]
    before = kept(wire.home)
    assert wire.call("POST", places["pipeline"], OK, headers=key)[1]["Id"] == first["Id"]
    assert kept(wire.home) == before
    other = {"ExperimentName": "unheard-of-too"}
    assert "Another body" in refused(wire, 409, lambda: wire.call("POST", places["pipeline"], other, headers=key))
    for bad in ("", "k" * 256, "a\tb"):
        refused(wire, 400, lambda bad=bad: wire.call("POST", places["pipeline"], OK, headers={"Idempotency-Key": bad}))


def test_what_only_the_server_says_of_a_run_is_not_taken_from_a_caller(wire: Wire, places: dict) -> None:
    own = {"pipeline_id": ["x"], "warnings": 5, "request": {}, "is_lenient": True}
    status, made = wire.call("POST", places["own pipeline"], {"experiment": "e", **own})
    assert status == 201 and made["run"]["pipeline_id"] == wire.pipeline
    assert wire.client.run(made["run"]["id"])["warnings"] == []
    nodes = [node(wire.client.snapshot(a__py=b""), outputs=[])]
    status, made = wire.client.submit(nodes, **own)
    assert status == 201 and made["run"]["pipeline_id"] is None


def test_an_interpreter_that_has_vanished_is_an_error_before_any_step(wire: Wire, places: dict, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.symlink_to(sys.executable)
    made = wire.published(WAIT, interpreter={"executable": str(python)})["id"]
    endpoint = wire.client("POST", "/ws/w/endpoints", {"name": "vanished", "pipeline_id": made})[1]["id"]
    python.unlink()
    for path in (
        SUBMIT + made,
        f"{BY_ENDPOINT}Id/{endpoint}",
        f"{BY_ENDPOINT}Name?name={quote('vanished')}",
        f"/api/v1/ws/w/pipelines/{made}/runs",
        f"/api/v1/ws/w/endpoints/{endpoint}/runs",
    ):
        said = refused(wire, 409, lambda path=path: wire.call("POST", path, OK))
        assert str(python) in said and "publish the pipeline again" in said


def test_one_that_cannot_be_kept_spoils_none_of_those_sent_at_the_same_time(wire: Wire, places: dict) -> None:
    good, bad = {"ExperimentName": "e"}, {"ExperimentName": "e", "tags": {"t" * 2000: "x"}}
    bodies = [bad if n % 5 == 0 else good for n in range(40)]
    answers: list[tuple[bool, int, dict]] = []
    gate = threading.Barrier(len(bodies))

    def send(body: dict) -> None:
        gate.wait()
        answers.append((body is good, *wire.call("POST", places["pipeline"], body)))

    before = wire.n_runs()
    threads = [threading.Thread(target=send, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted((is_good, status) for is_good, status, _ in answers) == [(False, 400)] * 8 + [(True, 200)] * 32
    assert all("is longer than" in answer["error"]["message"] for is_good, _, answer in answers if not is_good)
    assert wire.n_runs() == before + 32
