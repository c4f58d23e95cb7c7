"""What calls of published pipelines may hold, by type of parameter and by caller: taken as it stands, or refused with all there is to know."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from contract.test_bad_input import raw_answer
from contract.test_wire import BASE, SAY, Wire
from contract.test_wire import wire as wire  # a server with a published pipeline
from contract.test_wire_runs import GATE
from integration.served import node, wait_for

TAKEN: dict[str, list[tuple[Any, str]]] = {
    "float": [("0.1", "0.1"), (1, "1"), (0.25, "0.25"), ("1e3", "1e3"), ("-2", "-2")],
    "int": [("5", "5"), (5, "5"), (-7, "-7"), (True, "True"), (10**20, "1" + "0" * 20)],
    "bool": [("true", "true"), ("True", "True"), (False, "False"), ("FALSE", "FALSE")],
    "string": [("", ""), (5, "5"), (True, "True"), (0.5, "0.5"), ("a; $(b) 'c' \"d\" ä\n", "a; $(b) 'c' \"d\" ä\n")],
}
REFUSED: dict[str, list[Any]] = {
    "float": ["much", "", "1,5", True, [1], {}],
    "int": ["5.5", 5.5, "five", "", "0x10", [5]],
    "bool": ["yes", 1, 0, "", "on", [True]],
    "string": [["a"], {"a": "b"}],
}
DEFAULTS = {"float": "0.5", "int": "3", "bool": "True", "string": "s"}


@pytest.fixture(scope="module")
def typed(wire: Wire) -> str:
    """A pipeline with a parameter of each plain type, called as its type."""
    parameters = [{"name": kind, "type": kind, "default": default} for kind, default in DEFAULTS.items()]
    given = {kind: {"parameter": kind} for kind in DEFAULTS}
    nodes = [node(wire.client.snapshot(a__py=b""), parameters=given, outputs=[])]
    return wire.published(b"", graph={"schema": 1, "parameters": parameters, "nodes": nodes})["id"]


@pytest.mark.parametrize("kind", TAKEN)
def test_values_come_as_text_or_as_json_has_them(wire: Wire, typed: str, kind: str) -> None:
    for value, seen in TAKEN[kind]:
        status, run = wire.submit({"ExperimentName": "e", "ParameterAssignments": {kind: value}}, pipeline=typed)
        assert status == 200, (value, run)
        assert run["ParameterAssignments"] == {**DEFAULTS, kind: seen}, value


@pytest.mark.parametrize("kind", REFUSED)
def test_a_value_that_does_not_convert_is_refused_with_every_parameter_its_type_and_default(
    wire: Wire, typed: str, kind: str
) -> None:
    before = wire.n_runs()
    for value in REFUSED[kind]:
        status, answer = wire.submit({"ExperimentName": "e", "ParameterAssignments": {kind: value}}, pipeline=typed)
        assert status == 400, (value, answer)
        error = answer["error"]
        assert kind in error["target"] or kind in error["message"], (value, error)
        listed = ", ".join(f"{each} ({each}, default {default})" for each, default in DEFAULTS.items())
        assert error["message"].endswith(f"This pipeline has: {listed}."), (value, error)
        described = {d["target"]: d["message"] for d in error["details"] if d["code"] == "Parameter"}
        assert described == {each: f"{each}, default {default}" for each, default in DEFAULTS.items()}
    assert wire.n_runs() == before


def test_a_run_goes_on_after_a_failure_when_the_call_says_so_and_below_a_parent_that_it_names(
    wire: Wire, tmp_path: Path
) -> None:
    fails = node(wire.client.snapshot(a__py=b"raise SystemExit(1)"), 0, outputs=[])
    gate = {"GATE": str(tmp_path / "gate")}
    first = node(wire.client.snapshot(a__py=GATE), 1, outputs=[], environment_variables=gate)
    last = node(wire.client.snapshot(a__py=b""), 2, outputs=[], after=["00000001"])
    made = wire.published(b"", graph={"schema": 1, "parameters": [], "nodes": [fails, first, last]})["id"]
    parent = wire.client("POST", "/ws/w/interactive_runs", {"experiment": "e"})[1]["id"]
    body = {"ExperimentName": "e", "continuerunonstepfailure": True, "parentRunId": parent}
    status, run = wire.submit(body, pipeline=made)
    assert status == 200 and run["ContinueRunOnStepFailure"] is True
    wait_for(lambda: "Failed" in {c["status"] for c in wire.client.children(run["Id"])})
    (tmp_path / "gate").touch()
    wire.client.follow(run["Id"])
    assert {c["node"]: c["status"] for c in wire.client.children(run["Id"])} == {
        "00000000": "Failed",
        "00000001": "Completed",
        "00000002": "Completed",
    }
    assert wire.client.run(run["Id"])["parent_id"] == parent
    wire.client("POST", f"/ws/w/runs/{parent}/complete", {"status": "Completed"})


def test_one_key_of_two_callers_is_two_runs(wire: Wire) -> None:
    made = wire.published(SAY)["id"]
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    ids = []
    for name in ("build-a", "build-b"):
        secret = wire.client("POST", "/principals", {"name": name, "published": made})[1]["secret"]
        form = f"grant_type=client_credentials&client_id={name}&client_secret={secret}&resource=penstock"
        token = wire.call("POST", "/t/oauth2/token", form.encode(), None, headers)[1]["access_token"]
        for _ in range(2):
            key = {"Idempotency-Key": "build-7"}
            status, run = wire.submit({"ExperimentName": "e"}, pipeline=made, token=token, headers=key)
            assert status == 200 and run["CreatedBy"]["UserName"] == name, run
            ids.append(run["Id"])
    assert ids[0] == ids[1] != ids[2] == ids[3]


def test_a_huge_body_that_does_not_say_how_long_it_is_is_refused_on_the_way(wire: Wire) -> None:
    before = wire.n_runs()
    head = f"POST {BASE}/PipelineRuns/PipelineSubmit/{wire.pipeline} HTTP/1.1\r\nHost: {wire.host}\r\nConnection: close\r\n"
    head += (
        f"Authorization: Bearer {wire.owner}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    text = b'{"ExperimentName": "' + b"e" * ((1 << 20) + 1)
    answer = raw_answer(wire, head.encode() + b"%x\r\n%b\r\n0\r\n\r\n" % (len(text), text))
    assert answer.startswith(b"HTTP/1.1 413")
    error = json.loads(answer.partition(b"\r\n\r\n")[2])["error"]
    assert error["code"] == "TooLarge" and "1,048,576 bytes" in error["message"]
    assert wire.n_runs() == before
