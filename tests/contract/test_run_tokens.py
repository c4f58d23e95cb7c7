"""What the token of a step's process is good for: its own run and children, its root's metrics, tags and cancel, reading, registering and submitting
in its workspace; for that try alone, and for nothing of anybody else's."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from contract.test_permissions import Shared
from contract.test_permissions import shared as shared  # a server that others can reach
from integration.served import node, wait_for

from penstock.model.access import Role

pytestmark = pytest.mark.slow  # its server takes seconds to be made
API = "/api/v1/ws/w"
METRIC = [{"op": "metric", "name": "m", "kind": "scalar", "value": 1.5}, {"op": "tag", "name": "t", "value": "v"}]
SHOWS = """
import os, sys, time
here = %r + "/" + os.environ["AZUREML_RUN_TOKEN"].split(".")[1]
open(here + ".part", "w").write(os.environ["AZUREML_RUN_TOKEN"])
os.rename(here + ".part", here + ".token")
while not os.path.exists(here + ".go"): time.sleep(0.02)
sys.exit(int(open(here + ".go").read()))
"""


class Step:
    """A step under way, each of whose tries shows its token and ends when, and as, it is told."""

    def __init__(self, shared: Shared, folder: Path, **more: object) -> None:
        self.shared, self.folder = shared, folder
        script = (SHOWS % str(folder)).encode()
        made = shared.client.submit([node(shared.client.snapshot(a__py=script), outputs=[], **more)])[1]
        self.root, self.id = made["run"]["id"], made["steps"][0]["run_id"]

    def token(self, attempt: int = 1) -> str:
        wait_for((self.folder / f"{attempt}.token").exists)
        return (self.folder / f"{attempt}.token").read_text()

    def end(self, status: int = 0, attempt: int = 1) -> None:
        (self.folder / ".go").write_text(str(status))
        (self.folder / ".go").rename(self.folder / f"{attempt}.go")

    def call(self, method: str, path: str, body: object = None, attempt: int = 1) -> tuple[int, dict]:
        raw = None if body is None else json.dumps(body)
        status, answer, _ = self.shared.raw(method, path, self.token(attempt), raw)
        return status, json.loads(answer) if answer else {}


@pytest.fixture
def begun(shared: Shared, tmp_path: Path) -> Iterator[Callable[..., Step]]:
    made: list[Step] = []

    def begin(**more: object) -> Step:
        folder = tmp_path / f"step{len(made)}"
        folder.mkdir()
        made.append(Step(shared, folder, **more))
        return made[-1]

    yield begin
    for step in made:
        for attempt in (1, 2):
            step.end(0, attempt)
        shared.client.follow(step.root)


def test_it_writes_to_its_run_its_children_and_its_root_and_to_no_other(shared: Shared, begun: Callable) -> None:
    step, another = begun(), begun()
    status, child = step.call("POST", f"{API}/interactive_runs", {"experiment": "e", "parent_id": step.id})
    assert status == 201 and child["parent_id"] == step.id, child
    for run in (step.id, child["id"], step.root):
        assert step.call("POST", f"{API}/runs/{run}/journal", METRIC)[0] == 200
        assert shared.client.run(run)["tags"] == {"t": "v"}
        (metric,) = shared.client("GET", f"/ws/w/runs/{run}/metrics")[1]["value"]
        assert (metric["name"], metric["value"]) == ("m", 1.5)
    assert step.call("POST", f"{API}/runs/{child['id']}/complete", {"status": "Completed"})[0] == 200
    for run in (another.id, another.root):
        for call, body in (("journal", METRIC), ("cancel", {}), ("complete", {"status": "Failed"})):
            status, answer = step.call("POST", f"{API}/runs/{run}/{call}", body)
            assert status == 403 and "its children and its parents" in answer["error"]["message"]
        assert step.call("PUT", f"{API}/runs/{run}/files/x.txt", {})[0] == 403
        assert step.call("GET", f"{API}/runs/{run}")[0] == 200, "it reads its workspace"
        found = shared.client.run(run)
        assert found["status"] in ("Queued", "Starting", "Running") and found["tags"] == {}, (
            "neither canceled nor failed"
        )


def test_it_cancels_its_root(shared: Shared, begun: Callable) -> None:
    step = begun()
    assert step.call("POST", f"{API}/runs/{step.root}/cancel", {})[0] == 202
    shared.client.follow(step.root)
    assert {shared.client.run(run)["status"] for run in (step.root, step.id)} == {"Canceled"}
    assert step.call("GET", f"{API}/runs/{step.root}")[0] == 401


def test_it_registers_and_reads_in_its_workspace_and_changes_nothing_else(shared: Shared, begun: Callable) -> None:
    step = begun()
    definition = {"kind": "file", "definition": {"paths": [{"datastore": "workspaceblobstore", "path": "x"}]}}
    status, saved = step.call("POST", f"{API}/datasets", definition)
    assert status in (200, 201), saved
    assert step.call("POST", f"{API}/datasets/register", {"name": "of-a-run", "id": saved["id"]})[0] in (200, 201)
    assert step.call("PUT", f"{API}/runs/{step.id}/files/outputs/m.bin", {"weights": 1})[0] in (200, 201, 204)
    source = {"run_id": step.id, "path": "outputs/m.bin"}
    status, model = step.call("POST", f"{API}/models", {"name": "of-a-run", "run_id": step.id, "source": source})
    assert status == 201 and model["run_id"] == step.id, model
    assert step.call("GET", f"{API}/models/of-a-run/1")[0] == 200
    assert [d["name"] for d in step.call("GET", f"{API}/datasets?name=of-a-run")[1]["value"]] == ["of-a-run"]
    for method, path in (
        ("DELETE", f"{API}/models/of-a-run/1"),
        ("DELETE", f"{API}/datasets?name=of-a-run"),
        ("PUT", f"{API}/computes/mine"),
        ("POST", f"{API}/pipelines"),
        ("POST", f"{API}/webhooks"),
        ("POST", "/api/v1/principals"),
        ("GET", "/api/v1/audit"),
        ("GET", "/api/v1/ws/other/models"),
        ("POST", "/api/v1/ws/other/models"),
    ):
        status, answer = step.call(method, path, None if method == "GET" else {})
        assert status == 403 and "is not for this" in answer["error"]["message"], (method, path, answer)


def test_it_is_good_for_one_try_and_no_other(shared: Shared, begun: Callable) -> None:
    step = begun(retry={"count": 1, "backoff_seconds": 0, "on": "any"})
    first = step.token()
    assert step.call("GET", f"{API}/runs/{step.id}")[0] == 200
    foreseen = first.replace(".1.", ".2.")
    assert shared.status("GET", f"{API}/runs/{step.id}", foreseen) == 401, "the next one cannot be made of it"
    step.end(3)
    second = step.token(2)
    assert second not in (first, foreseen) and second.split(".")[:2] == [step.id, "2"]
    assert step.call("POST", f"{API}/runs/{step.id}/journal", METRIC, 2)[0] == 200
    for path in (f"{API}/runs/{step.id}/journal", f"{API}/runs/{step.root}/journal", f"{API}/interactive_runs"):
        status, answer = step.call("POST", path, METRIC)
        assert status == 401 and "its token with it" in answer["error"]["message"]
    step.end(0, 2)
    shared.client.follow(step.root)
    assert shared.client.run(step.id)["status"] == "Completed"
    assert step.call("GET", f"{API}/runs/{step.id}", None, 2)[0] == 401


def test_a_record_that_names_another_run_is_not_kept(shared: Shared, begun: Callable) -> None:
    step, another = begun(), begun()
    elsewhere = shared.client("POST", "/ws/other/interactive_runs", {"experiment": "e"})[1]["id"]
    reader = str(shared.tokens[Role.SUBMITTER])
    for run in (another.id, another.root, elsewhere):
        said = [{**each, "run": run} for each in METRIC] + [{"op": "description", "run": run, "value": "forged"}]
        status, answer = step.call("POST", f"{API}/runs/{step.id}/journal", said)
        assert (status, shared.client.run(step.id)["tags"]) == (200, {}), answer
        assert shared.status("POST", f"{API}/runs/{step.id}/journal", reader, said) == 200
    for run, ws in ((another.id, "w"), (another.root, "w"), (elsewhere, "other")):
        found = shared.client("GET", f"/ws/{ws}/runs/{run}")[1]
        assert (found["tags"], found["description"]) == ({}, None)
        assert shared.client("GET", f"/ws/{ws}/runs/{run}/metrics")[1]["value"] == []
    assert any(elsewhere in warning for warning in shared.client.run(step.id)["warnings"])


def test_a_run_that_it_starts_is_of_its_family_and_of_no_other(shared: Shared, begun: Callable) -> None:
    step, another = begun(), begun()
    elsewhere = shared.client("POST", "/ws/other/interactive_runs", {"experiment": "e"})[1]["id"]
    for parent, status in ((another.id, 403), (elsewhere, 403), (step.root, 201)):
        made = step.call("POST", f"{API}/interactive_runs", {"experiment": "e", "parent_id": parent})
        assert made[0] == status, made
    token = str(shared.tokens[Role.SUBMITTER])
    asked = json.dumps({"experiment": "e", "parent_id": elsewhere})
    status, answer, _ = shared.raw("POST", f"{API}/interactive_runs", token, asked)
    assert status == 404 and "to be the parent" in json.loads(answer)["error"]["message"]
    assert shared.client("GET", f"/ws/other/runs/{elsewhere}/children")[1]["value"] == []


def test_mlflows_calls_write_to_its_family_alone(shared: Shared, begun: Callable) -> None:
    step, another = begun(), begun()
    base = "/mlflow/w/api/2.0/mlflow"
    calls: dict[str, dict] = {
        "runs/log-metric": {"key": "m", "value": 1.5, "timestamp": 1},
        "runs/log-parameter": {"key": "p", "value": "v"},
        "runs/set-tag": {"key": "t", "value": "v"},
        "runs/log-batch": {"tags": [{"key": "t", "value": "v"}]},
        "runs/delete-tag": {"key": "t"},
        "runs/update": {"run_name": "renamed"},
    }
    status, made = step.call("POST", f"{base}/runs/create", {"experiment_id": "0", "run_name": "below"})
    assert status == 200, made
    child = made["run"]["info"]["run_id"]
    assert shared.client.run(child)["parent_id"] == step.id, "what a step starts is its child"
    for call, body in calls.items():
        for run in (step.id, child):
            assert step.call("POST", f"{base}/{call}", {"run_id": run, **body})[0] == 200, call
        for run in (another.id, another.root):
            status, answer = step.call("POST", f"{base}/{call}", {"run_id": run, **body})
            assert (status, answer["error_code"]) == (403, "PERMISSION_DENIED"), (call, answer)
    assert shared.client.run(another.id)["tags"] == {} and shared.client.run(another.id)["name"] == "step 0"
    assert step.call("GET", f"{base}/runs/get?run_id={another.id}")[0] == 200, "it reads its workspace"
    tags = [{"key": "mlflow.parentRunId", "value": another.id}]
    assert step.call("POST", f"{base}/runs/create", {"experiment_id": "0", "tags": tags})[0] == 403


def test_whose_a_run_is_cannot_be_said_by_a_step(shared: Shared, begun: Callable) -> None:
    """Whoever is named there may look at the run, and what it submits counts as theirs."""
    step = begun()
    stranger = shared.made({"name": "stranger"})
    records = [{"op": "property", "run": step.root, "name": "penstock.submitterId", "value": stranger["id"]}]
    records += [{"op": "property", "name": "azureml.submittedBy", "value": "stranger"}]
    assert step.call("POST", f"{API}/runs/{step.id}/journal", records)[0] == 200
    assert shared.status("GET", f"{API}/runs/{step.root}", shared.token(stranger)) == 403
    body = {"experiment": "e", "properties": {"penstock.submitterId": stranger["id"], "kept": "1"}}
    status, made = step.call("POST", f"{API}/interactive_runs", body)
    assert status == 201 and made["properties"] == {"kept": "1"}
    assert shared.client.run(step.root)["properties"].keys().isdisjoint({"penstock.submitterId", "azureml.submittedBy"})
    assert sum("is the server's alone to say" in warning for warning in shared.client.run(step.id)["warnings"]) == 2
