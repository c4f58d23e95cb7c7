"""The API of docs/graph.md over a real server, spoken to as any client would."""

import hashlib
import http.client
import io
import json
import sys
import tarfile
from pathlib import Path

import pytest
from forked import serve
from integration.served import API, node, wait_for, wait_until_served

SCRIPT = b"""
import os, sys
print("hello from", os.environ["AZUREML_RUN_ID"])
out = os.environ["AZUREML_DATAREFERENCE_out"]
os.makedirs(out, exist_ok=True)
open(os.path.join(out, "data.txt"), "w").write(" ".join(sys.argv[1:]))
os.makedirs("outputs", exist_ok=True)
open("outputs/model.bin", "wb").write(b"m" * 10)
"""


@pytest.fixture(scope="module")
def client(module_home):
    process = serve(module_home, "--embedded")
    client = wait_until_served(module_home, process)
    yield client
    client("POST", "/shutdown", {"force": True})
    assert process.wait(30) == 0, "a server that is told to stop leaves with status 0"


def test_a_graph_runs_to_its_outputs_files_and_logs(client):
    snapshot = client.snapshot(a__py=SCRIPT)
    status, answer = client.submit([node(snapshot)], tags={"t": "1"})
    assert status == 201
    run_id, step_id = answer["run"]["id"], answer["steps"][0]["run_id"]
    lines = client.follow(run_id, logs=1)
    names = [line["event"]["name"] for line in lines if "event" in line]
    assert names == ["created", "running", "queued", "running", "finalizing", "completed", "completed"]
    printed = [i for i, line in enumerate(lines) if "log" in line]
    ended = next(i for i, line in enumerate(lines) if line.get("event", {}).get("name") == "completed")
    assert lines[printed[0]]["log"]["text"] == f"hello from {step_id}\n" and printed[-1] < ended
    assert client("GET", f"/ws/w/runs/{run_id}")[1]["status"] == "Completed"
    assert client("GET", f"/ws/w/runs/{run_id}")[1]["tags"] == {"t": "1"}
    (output,) = client("GET", f"/ws/w/runs/{run_id}/outputs")[1]["value"]
    assert output["path"] == f"azureml/{step_id}/out" and output["n_files"] == 1
    store = client("GET", "/ws/w/datastores/workspaceblobstore")[1]
    published = Path(store["root"]) / output["path"] / "data.txt"
    assert published.read_text() == "x" and published.stat().st_mode & 0o777 == 0o444
    files = {f["name"] for f in client("GET", f"/ws/w/runs/{step_id}/files")[1]["value"]}
    assert {"outputs/model.bin", "azureml-logs/70_stdout.txt"} <= files
    assert client.raw("GET", f"{API}/ws/w/runs/{step_id}/files/outputs/model.bin") == (200, b"m" * 10)


def test_the_same_idempotency_key_is_the_same_run(client):
    snapshot = client.snapshot(a__py=SCRIPT)
    first = client.submit([node(snapshot)], idempotency_key="k1")[1]
    second = client.submit([node(snapshot)], idempotency_key="k1")[1]
    assert first["run"]["id"] == second["run"]["id"] and first["steps"] == second["steps"]
    client.follow(first["run"]["id"])


def test_a_graph_that_was_submitted_is_named_by_its_digest(client):
    graph = {"schema": 1, "nodes": [node(client.snapshot(a__py=SCRIPT), arguments=[{"literal": "by its digest"}])]}
    text = json.dumps(graph)
    digest = hashlib.sha256(text.encode()).hexdigest()
    body = {"experiment": "by-digest", "interpreter": {"executable": sys.executable}}
    status, answer = client("POST", "/ws/w/runs", {**body, "graph_digest": digest})
    assert (status, answer["error"]["code"], answer["error"]["target"]) == (404, "UnknownGraph", "graph_digest")
    assert "by-digest" not in [e["name"] for e in client("GET", "/ws/w/experiments")[1]["value"]]
    runs = [client("POST", "/ws/w/runs", {**body, **given}) for given in ({"graph": text}, {"graph_digest": digest})]
    assert [status for status, _ in runs] == [201, 201]
    for _, answer in runs:
        client.follow(answer["run"]["id"])
        assert client.run(answer["run"]["id"])["status"] == "Completed"
        assert client("GET", f"/ws/w/runs/{answer['run']['id']}/graph")[1] == graph
    both = client("POST", "/ws/w/runs", {**body, "graph": graph, "graph_digest": digest})
    assert both[0] == 400 and "Give one" in both[1]["error"]["message"]
    wrong = client("POST", "/ws/w/runs", {**body, "graph_digest": 7})
    assert wrong[0] == 400 and "graph_digest" in wrong[1]["error"]["message"]


def test_nothing_is_kept_of_a_graph_that_is_refused_and_all_its_problems_are_told(client):
    snapshot = client.snapshot(a__py=SCRIPT)
    before = client("GET", "/ws/w/runs")[1]
    broken = [
        node(snapshot, 1, inputs=[{"name": "in", "source": {"node": "00000009", "output": "gone"}}]),
        node("sha256:" + "0" * 64, 2),
        node(snapshot, 3, kind="databricks", step_type="DatabricksStep"),
    ]
    status, answer = client.submit(broken[:1])
    assert status == 400 and answer["error"]["code"] == "InvalidGraph"
    assert "no step produces it" in answer["error"]["details"][0]["message"]
    status, answer = client.submit(broken[1:])
    messages = [d["message"] for d in answer["error"]["details"]]
    assert any("never uploaded" in m for m in messages) and any("DatabricksStep cannot run yet" in m for m in messages)
    assert client("GET", "/ws/w/runs")[1] == before


def test_a_failing_step_fails_the_run_and_its_consumers_say_why(client):
    snapshot = client.snapshot(a__py=b"raise ValueError('bad data')")
    uses = {"name": "in", "source": {"node": "00000000", "output": "out"}}
    nodes = [node(snapshot), node(snapshot, 1, inputs=[uses])]
    run_id = client.submit(nodes)[1]["run"]["id"]
    client.follow(run_id)
    run = client("GET", f"/ws/w/runs/{run_id}")[1]
    first, second = client("GET", f"/ws/w/runs/{run_id}/children")[1]["value"]
    assert (run["status"], first["status"], second["status"]) == ("Failed", "Failed", "Canceled")
    assert "step 0" in run["error"]["message"]
    assert "ValueError: bad data" in first["error"]["details"]["stderr_tail"]
    assert second["error"]["message"] == "Not started: step 'step 0' failed."
    assert second["attempt"] == 0


def test_continue_on_step_failure_runs_what_does_not_depend_on_it(client):
    bad, good = client.snapshot(a__py=b"raise SystemExit(3)"), client.snapshot(a__py=SCRIPT)
    uses = {"name": "in", "source": {"node": "00000000", "output": "out"}}
    nodes = [node(bad), node(good, 1, inputs=[uses]), node(good, 2)]
    run_id = client.submit(nodes, continue_on_step_failure=True)[1]["run"]["id"]
    client.follow(run_id)
    found = {c["name"]: c["status"] for c in client("GET", f"/ws/w/runs/{run_id}/children")[1]["value"]}
    assert found == {"step 0": "Failed", "step 1": "Canceled", "step 2": "Completed"}


def test_a_canceled_run_leaves_no_process(client):
    snapshot = client.snapshot(a__py=b"import time, os\nprint(os.getpid(), flush=True)\ntime.sleep(600)")
    answer = client.submit([node(snapshot), node(snapshot, 1, after=["00000000"])])[1]
    run_id, step_id = answer["run"]["id"], answer["steps"][0]["run_id"]
    wait_for(lambda: any(e["name"] == "running" for e in client.events(step_id)))
    pid = int(json.loads((client.home / "jobs" / f"{step_id}.1" / "running").read_text())["pid"])
    assert client("POST", f"/ws/w/runs/{run_id}/cancel", {})[0] == 202
    client.follow(run_id)
    assert client("GET", f"/ws/w/runs/{run_id}")[1]["status"] == "Canceled"
    assert not Path(f"/proc/{pid}").exists()
    assert client("POST", f"/ws/w/runs/{run_id}/cancel", {})[0] == 200, "over already: nothing changes"


def test_max_nodes_bounds_a_compute(client):
    client("PUT", "/ws/w/computes/single", {"settings": {"max_nodes": 1}})
    snapshot = client.snapshot(a__py=SCRIPT)
    nodes = [node(snapshot, n, compute={"name": "single"}) for n in range(4)]
    run_id = client.submit(nodes)[1]["run"]["id"]
    under_way = most = 0
    for line in client.follow(run_id):
        event = line.get("event", {})
        if event.get("run_id") != run_id:
            under_way += {"queued": 1, "completed": -1}.get(event.get("name"), 0)
            most = max(most, under_way)
    assert most == 1


def test_every_error_of_every_route_has_the_one_shape(client):
    """Every route of the OpenAPI page, called with names of nothing and bodies that do not fit."""
    spec = json.loads(client.raw("GET", "/openapi.json")[1])
    called = 0
    for template, verbs in spec["paths"].items():
        path = template
        for part in ("ws", "run_id", "dataset_id", "name", "version"):
            path = path.replace("{" + part + "}", "no/such" if "path" in part else "9999")
        for verb in verbs:
            if template in ("/healthz", "/api/v1/shutdown") or "/oauth2/" in template:  # OAuth has a shape of its own
                continue
            for body in ("[1, 2", "{}"):
                status, content = client.raw(verb.upper(), path, body if verb in ("post", "put") else None)
                called += 1
                assert status < 500, (verb, path, content)
                if status >= 400:
                    error = json.loads(content)["error"]
                    assert set(error) == {"code", "message", "target", "details"} and len(error["message"]) > 20, (
                        verb,
                        path,
                        error,
                    )
    assert called > 60
    for path in ("/nowhere", API + "/ws/w/nothing"):
        assert set(json.loads(client.raw("GET", path)[1])["error"]) == {"code", "message", "target", "details"}


def test_tcp_needs_a_fitting_host_and_a_token_to_change_anything(client):
    record = client.record()
    port = int(record["url"].rpartition(":")[2])

    def call(method, headers):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request(method, API + "/workspaces/w", "{}" if method == "PUT" else None, headers)
        status = connection.getresponse().status
        connection.close()
        return status

    token = (client.home / "token").read_text()
    assert (client.home / "token").stat().st_mode & 0o777 == 0o600
    assert call("GET", {}) == 200
    assert call("GET", {"Host": "evil.example"}) == 400
    assert call("PUT", {"Content-Type": "application/json"}) == 401
    assert call("PUT", {"Content-Type": "application/json", "Authorization": "Bearer nonsense"}) == 401
    assert call("PUT", {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}) == 200


def test_another_protocol_is_refused_with_the_way_out(client):
    status, content = client.raw("GET", API + "/server", headers={"X-Penstock-Protocol": "2"})
    assert status == 426 and "pip install -U penstock" in json.loads(content)["error"]["message"]


@pytest.mark.parametrize("path", ["../../../etc/passwd", "..%2f..%2fetc%2fpasswd", "a/../../b", "%00"])
def test_no_path_leads_out(client, path):
    run = client("POST", "/ws/w/interactive_runs", {"experiment": "e"})[1]
    for method in ("GET", "PUT"):
        status, content = client.raw(
            method, f"{API}/ws/w/runs/{run['id']}/files/{path}", b"x" if method == "PUT" else None
        )
        assert status in (400, 404) or b"root:" not in content
    assert not (client.home / "runs" / "b").exists()


def test_a_wrong_blob_is_refused(client):
    blobs = io.BytesIO()
    with tarfile.open(fileobj=blobs, mode="w") as archive:
        member = tarfile.TarInfo("sha256:" + "1" * 64)
        member.size = 1
        archive.addfile(member, io.BytesIO(b"x"))
    status, content = client.raw("POST", API + "/ws/w/blobs", blobs.getvalue())
    assert status == 400 and "other bytes" in json.loads(content)["error"]["message"]


def test_an_interactive_run_logs_and_ends_once(client):
    run = client("POST", "/ws/w/interactive_runs", {"experiment": "e", "tags": {"a": "b"}})[1]
    assert run["status"] == "Running"
    records = [
        {"op": "metric", "name": "m", "kind": "scalar", "value": 1.5},
        {"op": "tag", "name": "c", "value": "d"},
        {"op": "nonsense"},
    ]
    assert client("POST", f"/ws/w/runs/{run['id']}/journal", records)[0] == 200
    (metric,) = client("GET", f"/ws/w/runs/{run['id']}/metrics")[1]["value"]
    assert (metric["name"], metric["value"]) == ("m", 1.5)
    found = client("GET", f"/ws/w/runs/{run['id']}")[1]
    assert found["tags"] == {"a": "b", "c": "d"}
    assert "nonsense" in found["warnings"][0]
    assert client("POST", f"/ws/w/runs/{run['id']}/complete", {"status": "Completed"})[1]["status"] == "Completed"
    assert client("POST", f"/ws/w/runs/{run['id']}/complete", {"status": "Failed"})[1]["status"] == "Completed"


def test_outputs_land_where_the_author_said_and_stay_owned_by_the_run(client):
    writes = b"""
import os, sys
for folder in sys.argv[1:]:
    os.makedirs(folder, exist_ok=True)
    open(folder + "/a.txt", "w").write(os.environ["AZUREML_RUN_ID"])
"""
    outputs = [
        {"name": "plain", "reference": "dataset"},
        {"name": "named", "reference": "dataset", "destination": "kept/{run-id}/{output-name}"},
        {"name": "fixed", "reference": "dataset", "destination": "latest/{output-name}"},
    ]
    arguments = [{"output": o["name"]} for o in outputs]
    root = Path(client("GET", "/ws/w/datastores/workspaceblobstore")[1]["root"])
    for _ in range(2):
        answer = client.submit([node(client.snapshot(a__py=writes), outputs=outputs, arguments=arguments)])[1]
        step_id = answer["steps"][0]["run_id"]
        client.follow(answer["run"]["id"])
        assert client.run(answer["run"]["id"])["status"] == "Completed"
        told = [e["name"] for e in client.events(step_id)]
        assert told.index("dataset") < told.index("completed"), "who follows a run hears of all before its end"
        found = {o["name"]: o["path"] for o in client("GET", f"/ws/w/runs/{step_id}/outputs")[1]["value"]}
        assert found == {
            "plain": f"dataset/{step_id}/plain",
            "named": f"kept/{step_id}/named",
            "fixed": f"dataset/{step_id}/fixed",
        }
        assert (root / "latest/fixed/a.txt").read_text() == step_id, "the newest run's copy"
        assert (root / f"dataset/{step_id}/fixed/a.txt").read_text() == step_id


def test_experiments_keep_their_tags(client):
    assert client("PUT", "/ws/w/experiments/tagged", {"tags": {"a": "1"}})[1]["tags"] == {"a": "1"}
    assert client("PUT", "/ws/w/experiments/tagged", {})[1]["tags"] == {"a": "1"}


def test_a_log_that_grows_is_sent_as_it_was_when_it_was_opened(client):
    """Bytes appended between the look at the size and the reading once broke the answer off, and lines were lost."""
    writes = b"import pathlib, os\nwhile not pathlib.Path(os.environ['PENSTOCK_HOME'], 'enough').exists():\n    print('x' * 99)\n"
    step_id = client.submit([node(client.snapshot(a__py=writes), outputs=[])])[1]["steps"][0]["run_id"]
    wait_for(lambda: any(e["name"] == "running" for e in client.events(step_id)))
    seen = 0
    for _ in range(200):
        status, content = client.raw("GET", f"{API}/ws/w/runs/{step_id}/files/azureml-logs/70_stdout.txt?offset={seen}")
        assert status == 200 and set(content) <= {ord("x"), ord("\n")}
        seen += len(content)
    (client.home / "enough").touch()
    assert seen > 0


def test_a_schedule_of_a_pipeline_that_is_not_there_is_refused_and_not_kept(client):
    body = {"name": "s", "experiment_name": "e", "pipeline_id": "p", "recurrence": {"frequency": "Day", "interval": 1}}
    status, answer = client("POST", "/ws/w/schedules", body)
    assert (status, answer["error"]["code"]) == (404, "NotFound")
    status, answer = client("POST", "/ws/w/schedules", {**body, "recurrence": {"frequency": "Daily"}})
    assert (status, answer["error"]["code"]) == (400, "BadRequest")
    assert client("GET", "/ws/w/schedules")[1]["value"] == []
    assert client("GET", "/ws/w/schedules/none/next")[0] == 404
