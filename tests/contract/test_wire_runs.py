"""Runs, pipelines and endpoints as clients of the original follow, read and switch them: every path that docs/publish.md names, taken and refused."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from urllib.parse import quote

import pytest
from contract.test_limits import asked
from contract.test_wire import BASE, SAY, WAIT, Wire
from contract.test_wire import wire as wire  # a server with a published pipeline
from integration.served import node

RUNS = f"{BASE}/PipelineRuns"
WRITE = b"""
import os, sys
out = os.environ["AZUREML_DATAREFERENCE_out"]
os.makedirs(out, exist_ok=True)
open(out + "/made.txt", "w").write("made")
print("wrote")
print("complains", file=sys.stderr)
"""
FAIL = b"raise SystemExit(3)"
GATE = b"import os, time\nwhile not os.path.exists(os.environ['GATE']): time.sleep(0.02)"
KEYS = {
    "Id", "Status", "GraphId", "Description", "ParameterAssignments", "RunHistoryExperimentName", "PipelineId", "RunSource", "RunType",
    "TotalRunSteps", "ScheduleId", "tags", "Properties", "CreatedDate", "LastModifiedDate", "Etag", "EntityStatus", "IsSubmitted",
    "HasErrors", "HasWarnings",
}  # fmt: skip


def published(wire: Wire, *nodes: dict, parameters: tuple[dict, ...] = (), **more: object) -> dict:
    """A pipeline of these nodes."""
    return wire.published(b"", graph={"schema": 1, "parameters": list(parameters), "nodes": list(nodes)}, **more)


def ended(wire: Wire, pipeline: str, status: str = "Finished", **body: object) -> dict:
    """A run of it, over."""
    code, run = wire.submit({"ExperimentName": "e", **body}, pipeline=pipeline, query="?wait=60")
    assert code == 200 and run["Status"]["StatusDetail"] == status, run
    return run


def refused(answer: tuple[int, dict], status: int, *said: str) -> None:
    code, found = answer
    assert code == status and set(found) == {"error", "correlation"}, found
    assert set(found["error"]) == {"code", "message", "target", "details"}, found
    assert all(each in found["error"]["message"] for each in said), found


@pytest.fixture(scope="module")
def written(wire: Wire) -> dict:
    """A run whose first step wrote an output of the pipeline, and said something on stdout and on stderr."""
    out = {"name": "out", "pipeline_output_name": "result"}
    first = node(wire.client.snapshot(a__py=WRITE), 0, outputs=[out])
    second = node(wire.client.snapshot(a__py=b""), 1, outputs=[], after=["00000000"])
    return ended(wire, published(wire, first, second)["id"])


def test_a_run_entity_has_all_that_clients_read_whichever_call_gives_it(wire: Wire) -> None:
    where = {"name": "where", "type": "datapath", "default": {"datastore": "workspaceblobstore", "path": "x"}}
    rate = {"name": "rate", "type": "float", "default": "0.1"}
    inputs = [{"name": "where", "source": {"parameter": "where"}, "mode": "mount", "reference": "data"}]
    one = node(wire.client.snapshot(a__py=FAIL), inputs=inputs, parameters={"rate": {"parameter": "rate"}}, outputs=[])
    made = published(wire, one, parameters=(where, rate))
    place = {"DataStoreName": "workspaceblobstore", "RelativePath": "gone"}
    sent = {"Description": "why", "RunSource": "SDK", "RunType": "SDK", "ScheduleId": "s", "tags": {"a": "b"}}
    sent |= {"ParameterAssignments": {"rate": "2.5"}, "DataPathAssignments": {"where": place}, "StepTags": {"c": "d"}}
    begun = wire.submit({"ExperimentName": "e", **sent, "EnableNotification": True}, pipeline=made["id"])
    assert begun[0] == 200 and begun[1].keys() >= KEYS and begun[1]["HasErrors"] is False
    wire.client.follow(begun[1]["Id"])
    status, run = wire.call("GET", f"{RUNS}/{begun[1]['Id']}")
    assert status == 200 and run.keys() == begun[1].keys()
    later = {"Status", "HasErrors", "HasWarnings", "LastModifiedDate", "Etag"}
    assert {k: v for k, v in run.items() if k not in later} == {k: v for k, v in begun[1].items() if k not in later}
    assert run["Status"] == {
        "StatusCode": 2,
        "StatusDetail": "Failed",
        "CreationTime": run["CreatedDate"],
        "EndTime": run["LastModifiedDate"],
    }
    assert (run["HasErrors"], run["HasWarnings"], run["IsSubmitted"]) == (True, True, True)  # nothing is at "gone"
    assert (run["PipelineId"], run["GraphId"], run["TotalRunSteps"]) == (made["id"], made["graph_id"], 1)
    assert (run["Description"], run["RunSource"], run["RunType"], run["ScheduleId"]) == ("why", "SDK", "SDK", "s")
    assert run["ParameterAssignments"] == {"rate": "2.5"} and run["DataPathAssignments"] == {"where": place}
    assert run["tags"] == {"a": "b"} and run["Etag"] != begun[1]["Etag"]
    (step,) = wire.client.children(run["Id"])
    assert step["tags"] == {"c": "d"}
    wrong = wire.submit({"ExperimentName": "e", "StepTags": ["c"]}, pipeline=made["id"])
    refused(wrong, 400, "StepTags")
    listed = wire.call("GET", f"{RUNS}/Pipeline/{made['id']}")
    assert listed == (200, [run])
    again = wire.submit({"ExperimentName": "e"}, pipeline=made["id"])[1]["Id"]
    assert [r["Id"] for r in wire.call("GET", f"{RUNS}/Pipeline/{made['id']}?limit=1")[1]] == [again]


def test_a_call_that_waits_is_answered_when_the_run_has_ended_or_the_time_is_up(wire: Wire, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    nodes = [node(wire.client.snapshot(a__py=GATE), outputs=[], environment_variables={"GATE": str(gate)})]
    made = published(wire, *nodes)["id"]
    for query in ("", "?wait=0", "?wait=0.2", "?wait=-1"):
        status, run = wire.submit({"ExperimentName": "e"}, pipeline=made, query=query)
        assert status == 200 and run["Status"]["StatusDetail"] in ("NotStarted", "Running"), query
        assert run["Status"]["EndTime"] is None
    answers: list[tuple[int, dict]] = []
    key = {"Idempotency-Key": "waits"}

    def wait() -> None:
        answers.append(wire.submit({"ExperimentName": "e"}, pipeline=made, query="?wait=60", headers=key))

    waiter = threading.Thread(target=wait)
    waiter.start()
    begun = wire.submit({"ExperimentName": "e"}, pipeline=made, headers=key)[1]["Id"]  # the same one, whoever is first
    assert waiter.is_alive() and not answers, "no run of these ends before the gate is there"
    gate.touch()
    waiter.join(60)
    ((status, run),) = answers
    assert (status, run["Id"], run["Status"]["StatusDetail"]) == (200, begun, "Finished") and run["Status"]["EndTime"]
    failed = wire.submit({"ExperimentName": "e"}, pipeline=wire.published(FAIL)["id"], query="?wait=60")[1]
    assert failed["Status"]["StatusDetail"] == "Failed" and failed["HasErrors"] is True
    refused(wire.submit({"ExperimentName": "e"}, pipeline=made, query="?wait=long"), 400, "wait")


def test_the_logs_of_a_step_are_where_the_answer_says(wire: Wire, written: dict) -> None:
    shareable = f"{RUNS}/{written['Id']}/Graph/Shareable"
    for log, content in (("JobLog", b"wrote\n"), ("STDOUT", b"wrote\n"), ("STDERR", b"complains\n")):
        by_body = wire.call("POST", f"{shareable}/{log}", {"NodeIdPath": ["00000000"]})
        assert by_body == wire.call("POST", f"{shareable}/{log}?nodeId=00000000")
        assert by_body == wire.call("POST", f"{shareable}/{log}", {"nodeid": "00000000"})
        assert by_body[0] == 200
        assert asked(wire, str(by_body[1]).split(wire.host, 1)[1], wire.owner)[:2] == (200, content)
    refused(wire.call("POST", f"{shareable}/Other?nodeId=00000000"), 404, "'Other'", "JobLog, STDOUT, STDERR")
    refused(wire.call("POST", f"{shareable}/STDOUT", {}), 404, "00000000 (step 0), 00000001 (step 1)")


def test_outputs_are_told_with_their_place(wire: Wire, written: dict) -> None:
    path = f"{RUNS}/{written['Id']}"
    (step,) = [c for c in wire.client.children(written["Id"]) if c["node"] == "00000000"]
    for place in ("Outputs", "Graph/Shareable/Outputs"):
        status, found = wire.call("POST", f"{path}/{place}", {"NodeIdPath": ["00000000"]})
        assert status == 200 and list(found) == ["out"], found
        assert found == wire.call("POST", f"{path}/{place}?nodeId={step['id']}")[1]
        assert (found["out"]["Name"], found["out"]["DataStoreName"]) == ("out", "workspaceblobstore")
        assert wire.call("POST", f"{path}/{place}?nodeId=00000001") == (200, {})
        refused(wire.call("POST", f"{path}/{place}?nodeId=00000009"), 404, "'00000009'", "00000000 (step 0)")
    assert wire.call("GET", f"{path}/PipelineRunOutputs/result") == (200, found["out"])
    store = wire.client("GET", "/ws/w/datastores/workspaceblobstore")[1]
    assert Path(store["root"], found["out"]["Path"], "made.txt").read_text() == "made"
    refused(wire.call("GET", f"{path}/PipelineRunOutputs/other"), 404, "has no output 'other'", "pipeline_output_name")


def test_steps_are_told_by_node_with_how_they_ended(wire: Wire) -> None:
    quick = node(wire.client.snapshot(a__py=b""), 0, outputs=[], allow_reuse=True)
    fails = node(wire.client.snapshot(a__py=FAIL), 1, name="fails", outputs=[], after=["00000000"])
    never = node(wire.client.snapshot(a__py=b""), 2, outputs=[], after=["00000001"])
    made = published(wire, quick, fails, never)["id"]
    for is_reused in (False, True):
        run = ended(wire, made, "Failed")
        path = f"{RUNS}/{run['Id']}/Graph/Node"
        status, steps = wire.call("POST", f"{path}/Status", {})
        assert status == 200 and list(steps) == ["00000000", "00000001", "00000002"]
        codes = {each: step["StatusCode"] for each, step in steps.items()}
        assert codes == {"00000000": 4, "00000001": 3, "00000002": 5} == wire.call("POST", f"{path}/StatusCode")[1]
        assert [s["Status"] for s in steps.values()] == ["Finished", "Failed", "Canceled"]
        assert steps["00000000"]["IsReused"] is is_reused is bool(steps["00000000"]["ReusedRunId"])
        assert steps["00000001"]["Name"] == "fails" and "exit status 3" in steps["00000001"]["StatusDetail"]


def test_what_is_no_pipeline_run_is_not_found_on_any_path_of_runs(wire: Wire, written: dict) -> None:
    step = wire.client.children(written["Id"])[0]["id"]
    calls = [
        ("GET", ""),
        ("DELETE", "/Execution"),
        ("GET", "/PipelineRunOutputs/result"),
        ("POST", "/Outputs?nodeId=0"),
    ]
    calls += [("POST", f"/Graph/{tail}") for tail in ("Node/Status", "Node/StatusCode")]
    calls += [("POST", f"/Graph/Shareable/{tail}?nodeId=0") for tail in ("STDOUT", "Outputs")]
    for method, tail in calls:
        for unknown in ("nobody", "..%2f..%2fx", "a%00b", "%0d%0aX-Bad:1"):
            refused(wire.call(method, f"{RUNS}/{unknown}{tail}"), 404)
        refused(wire.call(method, f"{RUNS}/{step}{tail}"), 404, "not a pipeline run", written["Id"])
        elsewhere = f"{RUNS}/{written['Id']}{tail}".replace("/workspaces/w/", "/workspaces/other/")
        assert wire.call(method, elsewhere)[0] == 404, elsewhere
    refused(wire.call("GET", f"{RUNS}/Pipeline/nobody"), 404, "no published pipeline 'nobody'")
    assert wire.call("DELETE", f"{RUNS}/{written['Id']}/Execution")[0] == 200, "one that is over is left as it ended"
    assert wire.call("GET", f"{RUNS}/{written['Id']}")[1]["Status"] == written["Status"]


def test_published_pipelines_are_read_and_switched(wire: Wire) -> None:
    made = wire.published(SAY, name="read", version="7", description="d")
    path = f"{BASE}/Pipelines/{made['id']}"
    status, found = wire.call("GET", path)
    assert status == 200 and (found["Id"], found["Name"], found["Version"]) == (made["id"], "read", "7")
    assert (found["Description"], found["GraphId"], found["TotalRunSteps"]) == ("d", made["graph_id"], 1)
    assert (found["Url"], found["EntityStatus"]) == (made["endpoint"], "Active")
    assert [(p["name"], p["type"], p["default"]) for p in found["Parameters"]] == [("rate", "float", "0.1")]

    def listed(query: str = "") -> bool:
        return made["id"] in {p["Id"] for p in wire.call("GET", f"{BASE}/Pipelines{query}")[1]}

    assert listed() and listed("?activeOnly=false")
    assert wire.call("PUT", path + "/status", {"status": "Disabled"})[1]["EntityStatus"] == "Disabled"
    assert not listed() and listed("?activeOnly=false")
    assert wire.call("PUT", path + "/status", {"Status": "Deprecated"})[1]["EntityStatus"] == "Deprecated"
    assert wire.submit({"ExperimentName": "e"}, pipeline=made["id"])[0] == 200, "deprecated is not disabled"
    for unknown in (("GET", ""), ("PUT", "/status")):
        refused(wire.call(unknown[0], f"{BASE}/Pipelines/nobody{unknown[1]}", {"Status": "Active"}), 404, "'nobody'")


def test_endpoints_are_read_switched_and_refused_on_every_path_that_submits_them(wire: Wire) -> None:
    first, second = (wire.published(SAY)["id"] for _ in range(2))
    made = wire.client("POST", "/ws/w/endpoints", {"name": "an endpoint", "pipeline_id": first})[1]["id"]
    wire.client("POST", f"/ws/w/endpoints/{made}/versions", {"pipeline_id": second})
    path, by = f"{BASE}/PipelineEndpoints", f"{RUNS}/PipelineEndpointSubmit"
    found = wire.call("GET", f"{path}/Id/{made}")[1]
    assert wire.call("GET", f"{path}/Name?name={quote('an endpoint')}") == (200, found)
    assert found in wire.call("GET", path)[1] and (found["Id"], found["DefaultVersion"]) == (made, "0")
    versions = [{"Version": "0", "PipelineId": first}, {"Version": "1", "PipelineId": second}]
    assert found["PipelineVersionList"] == versions and found["Url"].endswith(f"/PipelineEndpointSubmit/Id/{made}")
    assert [p["Id"] for p in wire.call("GET", f"{path}/{made}/pipelines")[1]] == [first, second]

    calls = [f"/Id/{made}", f"/Id/{made}/1", f"/Name?name={quote('an endpoint')}"]
    calls.append(calls[-1] + "&pipelineVersion=1")

    def runs(call: str) -> tuple[int, dict]:
        return wire.call("POST", by + call, {"experimentname": "e"})

    assert [runs(call)[1]["PipelineId"] for call in calls] == [first, second, first, second]
    assert runs(calls[0])[1]["PipelineEndpointId"] == made
    assert wire.call("PUT", f"{path}/{made}", {"DefaultVersion": "1"})[1]["DefaultVersion"] == "1"
    assert [runs(call)[1]["PipelineId"] for call in calls[::2]] == [second, second]
    before = wire.n_runs()
    wire.client("PUT", f"/ws/w/pipelines/{second}", {"status": "Disabled"})
    for call in calls:
        refused(runs(call), 404, "is disabled", f"penstock pipeline enable {second}")
    wire.client("PUT", f"/ws/w/pipelines/{second}", {"status": "Active"})
    for status, word in (("Disabled", "is disabled"), ("Archived", "is archived")):
        assert wire.call("PUT", f"{path}/{made}", {"Status": status})[1]["EntityStatus"] == status
        for call in calls[:2]:
            refused(runs(call), 404, word, f"penstock pipeline enable {made}")
    refused(runs(calls[2]), 404, "'an endpoint'")  # its name is free again
    assert wire.call("PUT", f"{path}/{made}", {"status": "Active", "name": "back"})[1]["Name"] == "back"
    assert made not in {
        e["Id"] for e in wire.call("GET", path + "?activeOnly=false")[1] if e["EntityStatus"] != "Active"
    }
    refused(runs("/Name?name=back&pipelineVersion=9"), 404, "has no version '9'. It has: 0, 1.")
    refused(runs(f"/Id/{made}/9"), 404, "has no version '9'")
    refused(wire.call("PUT", f"{path}/{made}", {"Status": "Gone"}), 400, "Active, Archived, Disabled")
    refused(wire.call("PUT", f"{path}/{made}", {"DefaultVersion": "9"}), 404, "has no version '9'")
    for method, tail in (
        ("GET", "/Id/nobody"),
        ("GET", "/nobody/pipelines"),
        ("PUT", "/nobody"),
        ("GET", "/Name?name=nobody"),
    ):
        refused(wire.call(method, path + tail, {}), 404, "'nobody'")
    refused(wire.call("POST", by + "/Name", {"ExperimentName": "e"}), 400, "name")
    assert wire.n_runs() == before


def test_whoever_may_run_one_pipeline_follows_its_run_to_the_end_and_nobody_elses(wire: Wire) -> None:
    out = {"name": "out", "pipeline_output_name": "result"}
    made = published(wire, node(wire.client.snapshot(a__py=WRITE), outputs=[out]))["id"]
    principal = wire.client("POST", "/principals", {"name": "follows", "published": made})[1]
    form = f"grant_type=client_credentials&client_id=follows&client_secret={principal['secret']}&resource=penstock"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    token = wire.call("POST", "/t/oauth2/token", form.encode(), None, headers)[1]["access_token"]
    mine = wire.submit({"ExperimentName": "e"}, pipeline=made, query="?wait=60", token=token)[1]["Id"]
    others = ended(wire, made)["Id"]
    calls = [("GET", ""), ("GET", "/PipelineRunOutputs/result"), ("POST", "/Outputs?nodeId=00000000")]
    calls += [("POST", f"/Graph/Node/{tail}") for tail in ("Status", "StatusCode")]
    calls += [
        ("POST", f"/Graph/Shareable/{tail}?nodeId=00000000") for tail in ("JobLog", "STDOUT", "STDERR", "Outputs")
    ]
    for method, tail in calls:
        assert wire.call(method, f"{RUNS}/{mine}{tail}", token=token)[0] == 200, tail
        refused(wire.call(method, f"{RUNS}/{others}{tail}", token=token), 403, "'follows'")
    where = wire.call("POST", f"{RUNS}/{mine}/Graph/Shareable/STDOUT?nodeId=00000000", token=token)[1]
    path = str(where).split(wire.host, 1)[1]
    assert asked(wire, path, token)[:2] == (200, b"wrote\n")
    held = wire.client("POST", f"/ws/w/pipelines/{wire.published(WAIT)['id']}/runs", {"experiment": "e"})[1]["run"][
        "id"
    ]
    refused(wire.call("DELETE", f"{RUNS}/{held}/Execution", token=token), 403, "'follows'")
    assert wire.client.run(held)["status"] in ("NotStarted", "Preparing", "Queued", "Running")
    assert json.loads(asked(wire, f"/api/v1/ws/w/runs/{mine}", token)[1])["status"] == "Completed"
    wire.call("DELETE", f"{RUNS}/{held}/Execution")
    wire.client.follow(held)
