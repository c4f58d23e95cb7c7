"""What the page of a published pipeline gives to paste, run as it stands, and the document of its call: all types of parameters, awkward texts."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from contract.test_wire import Wire
from contract.test_wire import wire as wire  # a server with a published pipeline
from integration.served import node

from penstock.server.api.openapi import example
from penstock.server.studio.snippets import snippets

Json = dict
AWKWARD = 'it\'s: true, "false" #1 $HOME `id` \\ 100% {null} ä 🎉\n  two: lines\x7f'
PLAIN = {
    "rate": ("float", "0.5"),
    "times": ("int", "3"),
    "dry": ("bool", "True"),
    "title": ("string", AWKWARD),
    "odd": ("int", "True"),
}
SAY = (
    b"import json, os\nprint(json.dumps({k[14:]: v for k, v in os.environ.items() if k.startswith('AML_PARAMETER_')}))"
)


@pytest.fixture(scope="module")
def made(wire: Wire) -> Json:
    """A pipeline with a parameter of every type."""
    saved = {"kind": "file", "definition": {"paths": [{"datastore": "workspaceblobstore", "path": "x"}]}}
    dataset = wire.client("POST", "/ws/w/datasets", saved)[1]["id"]
    parameters = [{"name": n, "type": kind, "default": default} for n, (kind, default) in PLAIN.items()]
    parameters.append(
        {"name": "where", "type": "datapath", "default": {"datastore": "workspaceblobstore", "path": "x"}}
    )
    parameters.append({"name": "files", "type": "dataset", "default": {"dataset": dataset}})
    inputs = [
        {"name": "where", "source": {"parameter": "where"}, "mode": "direct", "reference": "data"},
        {"name": "files", "source": {"parameter": "files"}, "mode": "direct", "reference": "dataset"},
    ]
    given = {n: {"parameter": n} for n in PLAIN}
    one = node(wire.client.snapshot(a__py=SAY), inputs=inputs, parameters=given, outputs=[])
    graph = {"schema": 1, "parameters": parameters, "nodes": [one]}
    found = wire.published(b"", name="pasted", graph=graph)
    return {**found, "dataset": dataset}


def texts(made: Json) -> dict[str, str]:
    return {each.id: each.text for each in snippets(made["endpoint"], example(made["parameters"]))}


def seen(wire: Wire, run_id: str) -> None:
    """The run ends well, and its script has seen every parameter at its default."""
    wire.client.follow(run_id)
    run = wire.client.run(run_id)
    assert run["status"] == "Completed", run
    (step,) = wire.client.children(run_id)
    log = wire.client.raw("GET", f"/api/v1/ws/w/runs/{step['id']}/files/azureml-logs/70_stdout.txt")[1]
    assert json.loads(log) == {name: default for name, (_, default) in PLAIN.items()}


def ran(wire: Wire, folder: Path, *argv: str) -> str:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PENSTOCK_")}
    environ = {
        **kept,
        "PENSTOCK_TOKEN": wire.owner,
        "PENSTOCK_HOME": str(folder / "home"),
        "HTTP_PROXY": "http://127.0.0.1:9",
    }
    environ |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(argv, env=environ, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def test_the_document_of_a_pipeline_has_each_parameter_with_its_type_and_default(wire: Wire, made: Json) -> None:
    found = wire.call("GET", f"/api/v1/ws/w/pipelines/{made['id']}/openapi.json")[1]
    ((path, call),) = found["paths"].items()
    body = call["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"]
    kinds = {n: (p["type"], p["default"]) for n, p in body["ParameterAssignments"]["properties"].items()}
    assert kinds == {
        "rate": ("number", 0.5),
        "times": ("integer", 3),
        "dry": ("boolean", True),
        "title": ("string", AWKWARD),
        "odd": ("string", "True"),
    }
    where = body["DataPathAssignments"]["properties"]["where"]
    assert where["default"] == {"DataStoreName": "workspaceblobstore", "RelativePath": "x"}
    files = body["DataSetDefinitionValueAssignments"]["properties"]["files"]
    assert files["default"] == {"SavedDataSetReference": {"Id": made["dataset"]}}
    groups = ("ParameterAssignments", "DataPathAssignments", "DataSetDefinitionValueAssignments")
    assert all(body[group]["additionalProperties"] is False for group in groups)
    sent = {group: {n: p["default"] for n, p in body[group]["properties"].items()} for group in groups}
    status, run = wire.call("POST", path, {"ExperimentName": "described", **sent})
    assert status == 200, run
    seen(wire, run["Id"])


def test_curl_and_python_run_it_as_they_are_pasted(wire: Wire, made: Json, tmp_path: Path) -> None:
    said = texts(made)
    seen(wire, json.loads(ran(wire, tmp_path, "bash", "-c", said["curl"]))["Id"])
    (tmp_path / "pasted.py").write_text(said["python"])
    seen(wire, ran(wire, tmp_path, sys.executable, "pasted.py").strip())


def test_the_steps_of_builds_are_yaml_whose_commands_run_it(wire: Wire, made: Json, tmp_path: Path) -> None:
    for kind, key in (("github", "run"), ("devops", "script")):
        *before, last = yaml.safe_load(texts(made)[kind])
        assert [set(step) for step in before] == [{key}, {key, "env"}] and set(last) == {key}
        given = dict(p.split("=", 1) for p in shlex.split(last[key]) if p.partition("=")[0] in PLAIN)
        assert given["title"] == AWKWARD and given["dry"] == "True"
        (run_id,) = re.findall(r"Submitted run (\S+)", ran(wire, tmp_path, "bash", "-ec", last[key]))
        seen(wire, run_id)


def test_powershell_is_given_the_same_body_as_a_text_that_is_taken_as_it_stands(made: Json) -> None:
    """There is no PowerShell to run it with: its parts are looked at."""
    found = re.fullmatch(
        r"\$body = @'\n(.*)\n'@\nInvoke-RestMethod -Method Post -Uri \"(\S+)\" `\n(.*)",
        texts(made)["powershell"],
        re.DOTALL,
    )
    assert found and found[2] == made["endpoint"] and "$" not in found[2] and "`" not in found[2]
    assert json.loads(found[1]) == example(made["parameters"]) and "\n'@" not in found[1]
    assert '-Headers @{ Authorization = "Bearer $env:PENSTOCK_TOKEN" }' in found[3] and "-Body $body" in found[3]


def test_a_dataset_of_another_kind_than_the_steps_are_written_for_is_refused(wire: Wire, made: Json) -> None:
    paths = [{"datastore": "workspaceblobstore", "path": "x"}]
    saved = {"kind": "tabular", "definition": {"paths": paths, "format": "delimited"}}
    table = wire.client("POST", "/ws/w/datasets", saved)[1]["id"]
    body = {"experiment": "e", "parameters": {"files": {"dataset": table}}}
    status, answer = wire.client("POST", f"/ws/w/pipelines/{made['id']}/runs", body)
    said = "Pipeline parameter 'files' is a FileDataset, and was given a TabularDataset. Give a FileDataset."
    assert (status, said in str(answer)) == (400, True), answer
