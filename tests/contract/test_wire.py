"""The paths that clients of the original call: what they answer, what they refuse, and that nothing is kept of what is refused."""

from __future__ import annotations

import hashlib
import http.client
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from forked import serve
from integration.served import Client, node, wait_until_served

BASE = "/pipelines/v1.0/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
SAY = b"import os\nprint('rate', os.environ['AML_PARAMETER_rate'])"
WAIT = b"import time\ntime.sleep(600)"


class Wire:
    """A server with a published pipeline, called over TCP as any client would."""

    def __init__(self, home: Path, client: Client) -> None:
        self.home, self.client = home, client
        self.host = client.record()["url"].removeprefix("http://")
        self.owner = (home / "token").read_text().strip()
        self.pipeline = self.published(SAY)["id"]

    def published(self, script: bytes, **more: object) -> dict:
        import sys

        rate = {"name": "rate", "type": "float", "default": "0.1"}
        nodes = [node(self.client.snapshot(a__py=script), parameters={"rate": {"parameter": "rate"}}, outputs=[])]
        graph = {"schema": 1, "parameters": [rate], "nodes": nodes}
        body = {"name": "p", "graph": graph, "interpreter": {"executable": sys.executable}, **more}
        status, made = self.client("POST", "/ws/w/pipelines", body)
        assert status == 201, made
        return made

    def call(
        self, method: str, path: str, body: object = None, token: str | None = "", headers: dict | None = None
    ) -> tuple[int, dict]:
        token = self.owner if token == "" else token
        shown = {"Authorization": f"Bearer {token}"} if token else {}
        raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection = http.client.HTTPConnection(self.host, timeout=60)
        try:
            connection.request(method, path, raw, {"Content-Type": "application/json", **shown, **(headers or {})})
            answer = connection.getresponse()
            content = answer.read()
            return answer.status, json.loads(content) if content else {}
        finally:
            connection.close()

    def submit(self, body: object, pipeline: str = "", query: str = "", **more: object) -> tuple[int, dict]:
        path = f"{BASE}/PipelineRuns/PipelineSubmit/{pipeline or self.pipeline}{query}"
        return self.call("POST", path, body, **more)

    def n_runs(self) -> int:
        return len(self.client("GET", "/ws/w/runs?limit=1000")[1]["value"])


@pytest.fixture(scope="module")
def wire(module_home: Path) -> Iterator[Wire]:
    process = serve(module_home, "--embedded")
    client = wait_until_served(module_home, process)
    yield Wire(module_home, client)
    client("POST", "/shutdown", {"force": True})
    assert process.wait(30) == 0


def test_keys_come_in_any_case_and_the_answer_is_a_run_entity(wire: Wire) -> None:
    body = {"experimentName": "e", "parameterassignments": {"rate": 2}, "TAGS": {"t": "1"}, "properties": {"p": "2"}}
    status, answer = wire.submit({**body, "RunSource": "API", "DisplayName": "shown"}, query="?wait=60")
    assert status == 200
    assert answer["Status"]["StatusDetail"] == "Finished" and answer["Status"]["StatusCode"] == 3
    assert answer["ParameterAssignments"] == {"rate": "2"} and answer["RunHistoryExperimentName"] == "e"
    assert answer["tags"] == {"t": "1"} and answer["Properties"]["p"] == "2" and answer["DisplayName"] == "shown"
    assert answer["TotalRunSteps"] == 1 and answer["RunSource"] == "API" and answer["IsSubmitted"] is True
    (step,) = wire.client.children(answer["Id"])
    assert wire.client.raw("GET", f"/api/v1/ws/w/runs/{step['id']}/files/azureml-logs/70_stdout.txt")[1] == b"rate 2\n"


REFUSED = {
    "no ExperimentName": (b"{}", 400, "has no ExperimentName"),
    "an experiment's name with a space": (b'{"ExperimentName": "a b"}', 400, "experiment name"),
    "an unknown parameter": (
        b'{"ExperimentName": "e", "ParameterAssignments": {"x": 1}}',
        400,
        "rate (float, default 0.1)",
    ),
    "a wrong type": (b'{"ExperimentName": "e", "ParameterAssignments": {"rate": "much"}}', 400, "is float"),
    "an object as a value": (b'{"ExperimentName": "e", "ParameterAssignments": {"rate": {}}}', 400, "must be text"),
    "parameters that are a list": (b'{"ExperimentName": "e", "ParameterAssignments": [1]}', 400, "must be an object"),
    "the same key twice": (b'{"ExperimentName": "e", "ExperimentName": "f"}', 400, "twice"),
    "the same key in two cases": (b'{"ExperimentName": "e", "experimentname": "f"}', 400, "twice"),
    "bad UTF-8": (b'{"ExperimentName": "\xff"}', 400, "no UTF-8: byte 20"),
    "no JSON": (b'{"ExperimentName": ', 400, "no JSON"),
    "a list": (b"[]", 400, "Send an object"),
    "NaN": (b'{"ExperimentName": "e", "ParameterAssignments": {"rate": NaN}}', 400, "NaN"),
    "a deep body": (b'{"a":' * 5000 + b"1" + b"}" * 5000, 400, "nested more than"),
    "a fairly deep body": (b'{"a":' * 100 + b"1" + b"}" * 100, 400, "nested more than"),
    "a number of many digits": (b'{"ExperimentName": "e", "x": ' + b"9" * 5000 + b"}", 400, "too long"),
    "a huge body": (b'{"ExperimentName": "' + b"e" * (2 << 20) + b'"}', 413, "larger than 1,048,576 bytes"),
    "a path out of the datastore": (
        b'{"ExperimentName": "e", "DataPathAssignments": {"rate": {"DataStoreName": "x"}}}',
        400,
        "must be text",
    ),
    "a data path without a store": (
        b'{"ExperimentName": "e", "DataPathAssignments": {"rate": 1}}',
        400,
        "no DataStoreName",
    ),
    "a dataset that is none": (
        b'{"ExperimentName": "e", "DataSetDefinitionValueAssignments": {"rate": {}}}',
        400,
        "names no dataset",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_bodies_are_refused_with_one_shape_and_nothing_is_kept(wire: Wire, case: str) -> None:
    raw, expected, said = REFUSED[case]
    before = wire.n_runs()
    status, answer = wire.submit(raw)
    assert status == expected, answer
    assert said in answer["error"]["message"], answer
    assert set(answer) == {"error", "correlation"} and {"code", "message", "target", "details"} == set(answer["error"])
    assert wire.n_runs() == before


def test_a_pipeline_without_parameters_takes_any_and_its_run_says_that_they_had_no_effect(wire: Wire) -> None:
    graph = {"schema": 1, "parameters": [], "nodes": [node(wire.client.snapshot(a__py=b""), outputs=[])]}
    made = wire.published(SAY, graph=graph)["id"]
    status, answer = wire.submit({"ExperimentName": "e", "ParameterAssignments": {"1": "x"}}, pipeline=made)
    assert status == 200 and answer["HasWarnings"] is True
    assert wire.client.run(answer["Id"])["warnings"] == [
        "The pipeline has no parameters: what was given for '1' had no effect."
    ]


def test_what_is_wrong_with_parameters_is_said_at_once_with_those_that_there_are(wire: Wire) -> None:
    body = {"ExperimentName": "e", "ParameterAssignments": {"rate": "much", "rat": 1}}
    error = wire.submit(body)[1]["error"]
    assert error["code"] == "InvalidGraph" and error["target"] == "rate"
    assert "is float" in error["message"] and "with name rat does not exist" in error["message"]
    assert error["message"].endswith("This pipeline has: rate (float, default 0.1).")
    assert [(d["code"], d["target"]) for d in error["details"]] == [
        ("BadRequest", "rate"),
        ("BadRequest", "rat"),
        ("Parameter", "rate"),
    ]
    assert error["details"][-1]["message"] == "float, default 0.1"


def test_every_step_runs_when_outputs_are_to_be_made_again(wire: Wire) -> None:
    nodes = [node(wire.client.snapshot(a__py=b"print('again')"), outputs=[], allow_reuse=True)]
    made = wire.published(SAY, graph={"schema": 1, "parameters": [], "nodes": nodes})["id"]

    def is_reused(**more: object) -> bool:
        status, answer = wire.submit({"ExperimentName": "e", **more}, pipeline=made, query="?wait=60")
        assert status == 200 and answer["Status"]["StatusDetail"] == "Finished"
        (step,) = wire.client.children(answer["Id"])
        return "azureml.reusedrunid" in step["properties"]

    assert [is_reused(), is_reused(), is_reused(RegenerateOutputs=True), is_reused()] == [False, True, False, True]


def test_a_parameter_that_no_step_uses_is_named_as_such_and_its_value_is_a_warning(wire: Wire) -> None:
    parameters = [{"name": "rate", "type": "float", "default": "0.1"}, {"name": "idle", "type": "int", "default": "3"}]
    nodes = [node(wire.client.snapshot(a__py=SAY), parameters={"rate": {"parameter": "rate"}}, outputs=[])]
    made = wire.published(SAY, graph={"schema": 1, "parameters": parameters, "nodes": nodes})["id"]
    body = {"ExperimentName": "e", "ParameterAssignments": {"other": 1}}
    error = wire.submit(body, pipeline=made)[1]["error"]
    assert "No step uses one of that name" in error["message"]
    assert error["message"].endswith("rate (float, default 0.1), idle (int, default 3, no step uses it).")
    body = {"ExperimentName": "e", "ParameterAssignments": {"rate": 2, "idle": 4}}
    status, answer = wire.submit(body, pipeline=made)
    assert status == 200 and answer["HasWarnings"] is True
    assert wire.client.run(answer["Id"])["warnings"] == [
        "No step uses the pipeline parameter 'idle': the value given for it had no effect."
    ]
    assert (
        wire.submit({"ExperimentName": "e", "ParameterAssignments": {"rate": 2}}, pipeline=made)[1]["HasWarnings"]
        is False
    )


def test_a_body_of_another_type_is_refused(wire: Wire) -> None:
    status, answer = wire.submit(b"ExperimentName=e", headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert status == 415 and "Content-Type: application/json" in answer["error"]["message"]


def test_unknown_and_disabled_pipelines_are_not_found(wire: Wire) -> None:
    for tail in ("00000000-0000-0000-0000-000000000000", "..%2f..%2fx", "x%00y", "%0d%0aX-Bad:1"):
        status, answer = wire.submit({"ExperimentName": "e"}, pipeline=tail)
        assert status == 404 and answer["error"]["code"] == "NotFound", answer
        assert answer["correlation"]["operation"].startswith("/pipelines/v1.0/")
    made = wire.published(SAY)["id"]
    path = f"{BASE}/Pipelines/{made}/status"
    assert wire.call("PUT", path, {"Status": "Disabled"})[0] == 200
    status, answer = wire.submit({"ExperimentName": "e"}, pipeline=made)
    assert status == 404 and f"penstock pipeline enable {made}" in answer["error"]["message"]
    status, answer = wire.call("PUT", path, {"Status": "Gone"})
    assert status == 400 and "Active, Deprecated, Disabled" in answer["error"]["message"]


def test_a_pipeline_whose_interpreter_is_gone_is_refused_before_any_step(wire: Wire, tmp_path: Path) -> None:
    import sys

    python = tmp_path / "python"
    python.symlink_to(sys.executable)
    made = wire.published(SAY, interpreter={"executable": str(python)})["id"]
    python.unlink()
    before = wire.n_runs()
    status, answer = wire.submit({"ExperimentName": "e"}, pipeline=made)
    assert status == 409 and str(python) in answer["error"]["message"] and wire.n_runs() == before


def test_each_pipeline_and_endpoint_has_a_document_of_its_one_operation(wire: Wire) -> None:
    status, found = wire.call("GET", f"/api/v1/ws/w/pipelines/{wire.pipeline}/openapi.json")
    ((path, call),) = found["paths"].items()
    made = f"{BASE}/PipelineRuns/PipelineSubmit/{wire.pipeline}".replace("/s/", "/-/").replace("/g/", "/-/")
    assert status == 200 and path == made
    schema = call["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert schema["required"] == ["ExperimentName"]
    assert schema["properties"]["ParameterAssignments"]["properties"] == {"rate": {"type": "number", "default": 0.1}}
    endpoint = wire.client("POST", "/ws/w/endpoints", {"name": "described", "pipeline_id": wire.pipeline})[1]
    described = wire.call("GET", endpoint["swagger_url"].split(wire.host, 1)[1])[1]
    assert list(described["paths"]) == [endpoint["endpoint"].split(wire.host, 1)[1]]
    assert described["info"]["title"] == "described"
    assert wire.call("POST", next(iter(described["paths"])), {"ExperimentName": "e"})[0] == 200


def test_who_shows_no_token_or_a_wrong_one_is_refused(wire: Wire) -> None:
    before = wire.n_runs()
    for token in (None, "wrong", "eyJhbGciOiJub25lIn0.e30."):
        status, answer = wire.submit({"ExperimentName": "e"}, token=token)
        assert status == 401 and "token" in answer["error"]["message"]
    assert wire.n_runs() == before


def test_the_same_key_is_the_same_run_and_another_body_under_it_a_conflict(wire: Wire) -> None:
    key = {"Idempotency-Key": "build-42"}
    first = wire.submit({"ExperimentName": "e"}, headers=key)
    assert first[0] == 200
    assert wire.submit({"ExperimentName": "e"}, headers=key)[1]["Id"] == first[1]["Id"]
    status, answer = wire.submit({"ExperimentName": "f"}, headers=key)
    assert status == 409 and first[1]["Id"] in answer["error"]["message"]
    other = wire.published(SAY)["id"]
    assert wire.submit({"ExperimentName": "e"}, pipeline=other, headers=key)[1]["Id"] != first[1]["Id"]
    status, answer = wire.submit({"ExperimentName": "e"}, headers={"Idempotency-Key": "k" * 300})
    assert status == 400 and "300 characters" in answer["error"]["message"]


@pytest.mark.slow
def test_runs_that_wait_their_turn_are_kept_in_order_and_cancelled_at_once(wire: Wire) -> None:
    made = wire.published(WAIT)["id"]
    runs = [wire.submit({"ExperimentName": "many"}, pipeline=made)[1]["Id"] for _ in range(530)]
    last = wire.client("POST", f"/ws/w/runs/{runs[-1]}/cancel")
    assert last[0] == 202
    wire.client.follow(runs[-1])
    assert wire.client.run(runs[-1])["status"] == "Canceled"
    assert wire.client.run(runs[-2])["status"] == "NotStarted"
    for run in runs[:-1]:
        wire.client("POST", f"/ws/w/runs/{run}/cancel")
    for run in runs[:-1]:
        wire.client.follow(run)
    assert {wire.client.run(run)["status"] for run in runs} == {"Canceled"}


def test_a_run_is_followed_and_cancelled_on_the_paths_of_the_original(wire: Wire) -> None:
    made = wire.published(WAIT)["id"]
    run = wire.submit({"ExperimentName": "e"}, pipeline=made)[1]
    path = f"{BASE}/PipelineRuns/{run['Id']}"
    assert wire.call("GET", path)[1]["Status"]["StatusDetail"] in ("NotStarted", "Running")
    statuses = wire.call("POST", path + "/Graph/Node/Status")[1]
    assert list(statuses) == ["00000000"] and statuses["00000000"]["Name"] == "step 0"
    assert wire.call("DELETE", path + "/Execution")[0] == 200
    wire.client.follow(run["Id"])
    assert wire.call("GET", path)[1]["Status"] | {"EndTime": None, "CreationTime": None} == {
        "StatusCode": 4,
        "StatusDetail": "Canceled",
        "CreationTime": None,
        "EndTime": None,
    }
    assert wire.call("POST", path + "/Graph/Node/StatusCode", {})[1] == {"00000000": 5}
    log = wire.call("POST", path + "/Graph/Shareable/STDOUT", {"NodeIdPath": ["00000000"]})
    assert log[0] == 200 and log[1].endswith("/files/azureml-logs/70_stdout.txt")
    status, answer = wire.call("POST", path + "/Graph/Shareable/STDOUT", {"NodeIdPath": ["0000000f"]})
    assert status == 404 and "00000000 (step 0)" in answer["error"]["message"]
    listed = wire.call("GET", f"{BASE}/PipelineRuns/Pipeline/{made}")[1]
    assert [r["Id"] for r in listed] == [run["Id"]]


def test_a_principal_that_may_run_one_pipeline_runs_it_and_sees_that_run_alone(wire: Wire) -> None:
    made = wire.client("POST", "/principals", {"name": "build"})[1]
    grant = {"published": wire.pipeline}
    status, answer = wire.client("POST", "/principals/build/grants", grant)
    assert status == 200, answer
    form = f"grant_type=client_credentials&client_id={made['id']}&client_secret={made['secret']}&scope=https%3A%2F%2Fmanagement.azure.com%2F.default"
    connection = http.client.HTTPConnection(wire.host, timeout=30)
    connection.request("POST", "/t/oauth2/v2.0/token", form, {"Content-Type": "application/x-www-form-urlencoded"})
    answer = connection.getresponse().read()
    connection.close()
    token = json.loads(answer)["access_token"]
    status, run = wire.submit({"ExperimentName": "e"}, token=token, query="?wait=60")
    assert status == 200 and run["CreatedBy"]["UserName"] == "build"
    path = f"{BASE}/PipelineRuns/"
    assert wire.call("GET", path + run["Id"], token=token)[0] == 200
    other = wire.submit({"ExperimentName": "e"})[1]["Id"]
    assert wire.call("GET", path + other, token=token)[0] == 403
    assert wire.submit({"ExperimentName": "e"}, pipeline=wire.published(SAY)["id"], token=token)[0] == 403
    for path in (f"/api/v1/ws/w/pipelines/{wire.pipeline}", f"{BASE}/Pipelines/{wire.pipeline}"):
        assert wire.call("GET", path, token=token)[0] == 200
    assert wire.call("GET", "/api/v1/ws/w/pipelines", token=token)[0] == 403
    assert wire.call("GET", f"/api/v1/ws/w/pipelines/{wire.pipeline}/graph", token=token)[0] == 403
    found = wire.call("GET", "/api/v1/published", token=token)[1]["value"]
    assert [(f["kind"], f["id"], f["workspace"], f["name"]) for f in found] == [("pipeline", wire.pipeline, "w", "p")]
    endpoint = wire.client("POST", "/ws/w/endpoints", {"name": "stable", "pipeline_id": wire.pipeline})[1]
    by_name = f"{BASE}/PipelineRuns/PipelineEndpointSubmit/Name?name=stable"
    assert wire.call("POST", by_name, {"ExperimentName": "e"}, token=token)[0] == 403
    wire.client("POST", "/principals/build/grants", {"published": endpoint["id"]})
    for _ in range(100):  # what a principal may do is remembered for a second
        status = wire.call("POST", by_name, {"ExperimentName": "e"}, token=token)[0]
        if status == 200:
            break
    assert status == 200


def test_names_that_hold_the_letters_that_samples_cut_at_are_escaped(wire: Wire) -> None:
    wire.client("PUT", "/workspaces/IdOne", {"create": True, "subscription_id": "Id", "resource_group": "aId"})
    body = {"name": "p", "graph": {"schema": 1, "nodes": [node(wire.client.snapshot(a__py=SAY), outputs=[])]}}
    import sys

    body["interpreter"] = {"executable": sys.executable}
    made = wire.client("POST", "/ws/IdOne/pipelines", body)[1]
    endpoint = wire.client("POST", "/ws/IdOne/endpoints", {"name": "n", "pipeline_id": made["id"]})[1]
    url = endpoint["endpoint"]
    assert url.split("Id", 1)[0].endswith("/PipelineEndpointSubmit/")
    path = url.split(wire.host, 1)[1].split("Id", 1)[0] + "Name?name=n"
    status, answer = wire.call("POST", path, {"ExperimentName": "e"})
    assert status == 200 and answer["PipelineId"] == made["id"]


def test_what_is_published_is_found_by_the_beginning_of_its_name_or_id(wire: Wire) -> None:
    older, newer, longer = (wire.published(SAY, name=name)["id"] for name in ("find_me", "find_me", "find_me_too"))
    endpoint = wire.client("POST", "/ws/w/endpoints", {"name": "find_me", "pipeline_id": newer})[1]["id"]

    def found(begins: str, **more: object) -> list[str]:
        query = "&".join(f"{k}={v}" for k, v in {"begins": begins, **more}.items())
        return [f["id"] for f in wire.call("GET", f"/api/v1/published?{query}")[1]["value"]]

    assert found("find_me") == [endpoint, newer, older, longer]
    assert found("find_me_") == [longer] and found("find_%25") == [] and found(longer[:13]) == [longer]
    wire.client("PUT", f"/ws/w/pipelines/{newer}", {"status": "Disabled"})
    assert found("find_me", limit=1) == [endpoint, older]
    assert found("nothing") == []
    (kept,) = wire.call("GET", f"/api/v1/published?begins={endpoint}")[1]["value"]
    assert (kept["version"], kept["status"]) == ("0", "Active")


def test_the_digest_of_a_key_tells_nothing_of_it(wire: Wire) -> None:
    key = "secret-key"
    run = wire.submit({"ExperimentName": "e"}, headers={"Idempotency-Key": key})[1]["Id"]
    import sqlite3

    with sqlite3.connect(f"file:{wire.home / 'penstock.db'}?mode=ro", uri=True) as database:
        (kept,) = database.execute("SELECT idempotency_key FROM submission WHERE run_id = ?", [run]).fetchone()
    assert len(kept) == 64 and kept != hashlib.sha256(key.encode()).hexdigest()
