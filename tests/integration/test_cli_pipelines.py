"""`penstock pipeline` and `penstock run submit-pipeline` against a real server: made from YAML, found, shown, switched, run and waited for."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from forked import serve
from integration.served import Client, node, wait_for, wait_until_served
from integration.test_cli_runs import cli, on_terminal

SAY = b"import os\nprint('rate', os.environ['AML_PARAMETER_rate'])\nfloat(os.environ['AML_PARAMETER_rate']) > 9 and exit(3)"
WAIT = b"import os, time\nprint('waits', flush=True)\nwhile not os.path.exists(os.environ['GATE']): time.sleep(0.02)"
ASKING = """
import os, signal, sys
from penstock.cli import logs, places

pids = [int(sys.argv[1])]

def names(server):
    if pids:  # it dies when this command has found it, and has not asked it yet
        os.kill(pids.pop(), signal.SIGKILL)
        while server.answers():
            pass
    return [w["name"] for w in server.get("workspaces")["value"]]

print(logs.asked(places.place(), names))
"""
YAML = """\
pipeline:
  description: trains a model
  parameters:
    rate: {type: float, default: 0.5}
    is_on: {type: bool, default: true}
    where: {type: datapath, default: {datastore: workspaceblobstore, path_on_datastore: in}}
  default_compute: cluster
  steps:
    train:
      type: PythonScriptStep
      name: train
      script_name: train.py
      source_directory: steps
      arguments: ["parameter:rate", "parameter:is_on", "input:data"]
      parameters: {rate: {source: rate}, is_on: {source: is_on}}
      inputs: {data: {source: where, bind_mode: download}}
"""


class Place:
    """A server with two pipelines of one name and an endpoint over them."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.first, self.second = self.published(SAY)["id"], self.published(SAY, version="2")["id"]
        self.endpoint = client("POST", "/ws/w/endpoints", {"name": "stable", "pipeline_id": self.first})[1]
        client("POST", f"/ws/w/endpoints/{self.endpoint['id']}/versions", {"pipeline_id": self.second})

    def published(self, script: bytes, name: str = "training", **more: object) -> dict:
        rate = {"name": "rate", "type": "float", "default": "0.1"}
        own = more.pop("node", {})
        nodes = [
            node(
                self.client.snapshot(a__py=script),
                n,
                parameters={"rate": {"parameter": "rate"}},
                outputs=[],
                **own,
            )
            for n in range(2)
        ]
        graph = {"schema": 1, "parameters": [rate], "nodes": nodes}
        body = {"name": name, "graph": graph, "interpreter": {"executable": sys.executable}, **more}
        status, made = self.client("POST", "/ws/w/pipelines", body)
        assert status == 201, made
        return made


@pytest.fixture(scope="module")
def place(module_home: Path) -> Iterator[Place]:
    process = serve(module_home, "--embedded")
    client = wait_until_served(module_home, process)
    yield Place(client)
    client("POST", "/shutdown", {"force": True})
    process.wait(30)  # or it was killed by a test, and another one has taken its place


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The author's folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    (tmp_path / "steps").mkdir()
    (tmp_path / "steps/train.py").write_text("import os, sys\nprint(sys.argv[1:3], sorted(os.listdir(sys.argv[3])))")
    (tmp_path / "p.yml").write_text(YAML)
    return tmp_path


def test_a_yaml_file_is_published_by_the_sdk_of_the_authors_python(place: Place, folder: Path) -> None:
    done = cli("pipeline", "create", "--yaml", "p.yml", "-n", "of a file", "-v", "7")
    assert done.returncode == 0, done.stderr
    assert f"Published 'of a file' in workspace 'w'. Its steps run in {sys.executable}." in done.stdout
    made = json.loads(cli("pipeline", "show", "of a file", "--json").stdout)
    assert (made["version"], made["description"]) == ("7", "trains a model") and made["endpoint"] in done.stdout
    assert [(p["name"], p["type"], p["default"]) for p in made["parameters"][:2]] == [
        ("rate", "float", "0.5"),
        ("is_on", "bool", "True"),
    ]
    shown = cli("pipeline", "show", made["id"][:9]).stdout
    assert re.search(r"where +datapath +workspaceblobstore/in", shown) and made["endpoint"] in shown


def test_the_first_pipeline_made_of_a_file_says_once_how_long_its_server_stays(home: Path, folder: Path) -> None:
    assert cli("init", "-q", "-w", "alone").returncode == 0
    first, second = (cli("pipeline", "create", "-y", "p.yml", "-w", "alone", "--json") for _ in range(2))
    assert first.returncode == 0 and first.stderr.endswith("To keep one for good: penstock service install\n")
    assert json.loads(first.stdout)["name"] == json.loads(second.stdout)["name"] == "trains a model"
    assert (second.returncode, second.stderr) == (0, "")


def test_a_yaml_file_that_is_wrong_or_cannot_be_read_is_said(place: Place, folder: Path) -> None:
    (folder / "p.yml").write_text(YAML.replace("script_name: train.py", "script_name: trains.py"))
    wrong = cli("pipeline", "create", "-y", "p.yml")
    assert wrong.returncode == 2 and "script not found at" in wrong.stderr and "Traceback" not in wrong.stderr
    assert "There is no file 'none.yml'" in cli("pipeline", "create", "-y", "none.yml").stderr
    bare = folder / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S -E "$@"\n')  # without what is installed beside it
    bare.chmod(0o755)
    done = cli("pipeline", "create", "-y", "p.yml", "--python", str(bare))
    assert (
        done.returncode == 1 and f"{bare} -m pip install penstock-sdk" in done.stderr and "--python PATH" in done.stderr
    )
    assert "cannot be run" in cli("pipeline", "create", "-y", "p.yml", "--python", "./nothing").stderr


def test_a_yaml_file_is_run_with_parameters_of_its_types(place: Place, folder: Path) -> None:
    store = json.loads(cli("datastore", "list", "--json").stdout)["value"][0]["name"]
    assert cli("datastore", "upload", store, "steps", "there").returncode == 0
    parameters = ("-p", "rate=0.25", "-p", "is_on=false", "-p", f"where={store}/there")
    done = cli("pipeline", "submit", "-y", "p.yml", *parameters, "--wait", "--logs", "--tag", "a=b")
    assert done.returncode == 0, done.stderr
    assert "['0.25', 'False'] ['train.py']" in done.stdout and "of 'p.yml' in experiment 'p'" in done.stdout
    wrong = cli("pipeline", "submit", "-y", "p.yml", "-p", "is_on=maybe")
    assert wrong.returncode == 2 and "The parameter is_on is of type bool, and 'maybe' is none." in wrong.stderr
    unknown = cli("pipeline", "submit", "-y", "p.yml", "-p", "ratio=1")
    assert unknown.returncode == 2 and "with name ratio does not exist" in unknown.stderr


def test_pipelines_and_endpoints_are_listed_shown_and_switched(place: Place) -> None:
    listed = json.loads(cli("pipeline", "list", "--json", "-n", "1000").stdout)["value"]
    ids = [p["id"] for p in listed]
    assert ids.index(place.second) < ids.index(place.first)
    assert place.second[:8] in cli("pipeline", "list", "-n", "50").stdout
    endpoints = cli("pipeline", "list", "--endpoints").stdout
    assert re.search(rf"{place.endpoint['id'][:8]}  stable +0 +Active +2", endpoints)
    shown = cli("pipeline", "show", "stable").stdout
    assert re.search(rf"0 \(default\) +{place.first} +Active\n1 +{place.second}", shown)
    assert place.endpoint["endpoint"] in shown and "endpoint  Active" in shown
    off = cli("pipeline", "disable", "stable")
    assert "The endpoint 'stable' is disabled" in off.stdout and "penstock pipeline enable" in off.stdout
    refused = cli("pipeline", "submit", "stable")
    assert refused.returncode == 3 and f"penstock pipeline enable {place.endpoint['id']}" in refused.stderr
    assert "stable" not in cli("pipeline", "list", "--endpoints").stdout
    assert "stable" in cli("pipeline", "list", "--endpoints", "--all").stdout
    assert "is active" in cli("pipeline", "enable", place.endpoint["id"]).stdout


def test_a_name_that_several_have_switches_none_of_them(place: Place) -> None:
    older, newer = (place.published(SAY, name="twice")["id"] for _ in range(2))
    several = cli("pipeline", "disable", "twice")
    assert several.returncode == 2 and older[:8] in several.stderr and newer[:8] in several.stderr
    assert cli("pipeline", "disable", newer).returncode == 0
    assert cli("pipeline", "submit", "twice", "-q").returncode == 0, "the one that is active"
    assert f"is active ({newer})" in cli("pipeline", "enable", "twice").stdout, "the one that is not"


@pytest.mark.parametrize("spelling", [("run", "submit-pipeline"), ("pipeline", "submit")])
def test_both_spellings_submit_and_follow_to_the_end(place: Place, spelling: tuple[str, str]) -> None:
    done = cli(
        *spelling, "training", "-e", "both", "-p", "rate=2", "--tag", "why=test", "--display-name", "By hand", "--wait"
    )
    assert done.returncode == 0, done.stderr
    assert "of published pipeline 'training' in experiment 'both'" in done.stdout
    assert "step 0  ● Running" in done.stdout and re.search(r"step 1  ✔ Completed  \d", done.stdout)
    assert "rate 2" not in done.stdout
    (run_id,) = re.findall(r"Submitted run (\S+)", done.stdout)
    run = place.client.run(run_id)
    assert run["parameters"] == {"rate": "2"} and run["tags"] == {"why": "test"} and run["display_name"] == "By hand"
    assert run["properties"]["azureml.pipelineid"] == place.second and run["properties"]["runSource"] == "CLI"
    failed = cli(*spelling, "training", "-p", "rate=10", "--wait", "--logs", "-q")
    assert failed.returncode == 1 and failed.stdout == ""


def test_what_other_builds_call_it_by_works_too(place: Place, tmp_path: Path) -> None:
    """The options of `az ml run submit-pipeline`."""
    asked = (
        "--pipeline-id",
        place.first,
        "--experiment-name",
        "as-before",
        "--workspace-name",
        "w",
        "--resource-group",
        "g",
    )
    done = cli(
        "run",
        "submit-pipeline",
        *asked,
        "--subscription-id",
        "s",
        "--parameters",
        "rate=3",
        "-t",
        str(tmp_path / "run.json"),
    )
    assert done.returncode == 0, done.stderr
    kept = json.loads((tmp_path / "run.json").read_text())
    assert kept["experiment"] == "as-before" and f"penstock run logs -f {kept['id']}" in done.stdout
    assert (
        cli("run", "submit-pipeline", "-i", place.first, "-n", "as-before", "-w", "w", "-g", "g", "-q").stdout.count(
            "-"
        )
        == 4
    )


def test_an_endpoint_is_run_by_name_version_and_address(place: Place) -> None:
    def pipeline_of(*asked: str) -> str:
        done = cli("pipeline", "submit", *asked, "--json")
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        assert len(answer["children"]) == 2
        return answer["run"]["properties"]["azureml.pipelineid"]

    address = place.endpoint["endpoint"]
    by_name = address.split("Id", 1)[0] + "Name?name=stable"
    assert pipeline_of("stable") == place.first == pipeline_of(address) == pipeline_of(by_name)
    assert pipeline_of("stable", "--version", "1") == place.second == pipeline_of(address + "/1")
    assert pipeline_of(by_name + "&pipelineVersion=1") == place.second
    assert pipeline_of(json.loads(cli("pipeline", "show", place.second, "--json").stdout)["endpoint"]) == place.second
    said = cli("pipeline", "submit", "stable", "--version", "5")
    assert said.returncode == 3 and "has no version '5'. It has: 0, 1." in said.stderr
    said = cli("pipeline", "submit", "training", "--version", "5")
    assert said.returncode == 2 and "only endpoints have versions" in said.stderr
    elsewhere = cli("pipeline", "submit", address.replace("127.0.0.1", "127.0.0.2"))
    assert elsewhere.returncode == 3 and "(the address that you gave)" in elsewhere.stderr
    assert cli("pipeline", "submit", "http://127.0.0.1/other").returncode == 2


def test_a_token_for_one_server_is_not_shown_to_that_of_an_address(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENSTOCK_URL", place.endpoint["endpoint"].split("/pipelines/")[0])
    done = cli("pipeline", "submit", place.endpoint["endpoint"].replace("127.0.0.1", "127.0.0.2"))
    assert done.returncode == 2 and "PENSTOCK_URL names" in done.stderr
    assert cli("pipeline", "submit", place.endpoint["endpoint"]).returncode == 0


def test_what_is_wrong_is_taught(place: Place) -> None:
    wrong = cli("run", "submit-pipeline", "training", "-p", "rat=1", "-p", "rate=much")
    assert wrong.returncode == 2
    first, second, *table = wrong.stderr.splitlines()
    assert "with name rat does not exist" in first and first.endswith("Did you mean 'rate'?")
    assert "is float, but the value much" in second and re.search(r"-p rate=… +float +0\.1", table[-1])
    details = json.loads(cli("run", "submit-pipeline", "training", "-p", "rat=1", "--json").stdout)["error"]["details"]
    assert {"code": "Parameter", "message": "float, default 0.1", "target": "rate"} in details
    for asked, said in {
        (): "Which pipeline?",
        ("a", "-i", "b"): "Several are named: a, b",
        ("training", "-p", "rate"): "'-p rate' has no value",
        ("training", "-p", "=1"): "has no name",
        ("training", "-p", "rate=1", "-p", "rate=2"): "gives 'rate' twice",
        ("training", "-e", "not a name"): "experiment name",
    }.items():
        done = cli("pipeline", "submit", *asked)
        assert done.returncode in (1, 2) and said in done.stderr, (asked, done.stderr)
    near = cli("pipeline", "submit", "trainin")
    assert near.returncode == 3 and "Did you mean 'training'?" in near.stderr
    assert "Workspace 'x' is not on this server. It has: w." in cli("pipeline", "submit", "training", "-w", "x").stderr
    several = cli("pipeline", "show", "")
    assert several.returncode == 3
    odd = place.published(SAY, name="a (strange) name")["id"]
    done = cli("pipeline", "submit", odd)
    assert done.returncode == 2 and "say -e NAME" in done.stderr


def test_ctrl_c_leaves_the_run_alone_and_says_how_to_follow_and_cancel_it(place: Place, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    place.published(WAIT, name="waits", node={"environment_variables": {"GATE": str(gate)}})
    command = [sys.executable, "-m", "penstock", "pipeline", "submit", "waits", "--wait"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as waiter:
        assert waiter.stdout and waiter.stderr
        printed = ""
        while "Running" not in printed:
            line = waiter.stdout.readline()
            assert line, waiter.stderr.read()
            printed += line
        (run_id,) = re.findall(r"Submitted run (\S+)", printed)
        waiter.send_signal(signal.SIGINT)
        said = waiter.stderr.read()
    assert waiter.returncode == 130 and "The run goes on" in said
    assert f"penstock run logs -f {run_id[:8]}" in said and f"penstock run cancel {run_id[:8]}" in said
    gate.touch()
    place.client.follow(run_id)
    assert place.client.run(run_id)["status"] == "Completed"


def test_waiting_goes_on_when_the_server_is_killed_and_knows_how_it_ended(
    place: Place, module_home: Path, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    place.published(WAIT, name="survives", node={"environment_variables": {"GATE": str(gate)}})
    command = [sys.executable, "-m", "penstock", "pipeline", "submit", "survives", "--wait", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as waiter:
        assert waiter.stdout

        def running() -> list[str]:
            found = place.client("GET", "/ws/w/runs?experiment=survives")
            return [r["id"] for r in (found[1] or {}).get("value", []) if r["status"] == "Running"]

        wait_for(running)
        os.kill(json.loads((module_home / "server.json").read_text())["pid"], signal.SIGKILL)
        gate.touch()
        detail = json.loads(waiter.stdout.read())
    assert waiter.returncode == 0 and detail["run"]["status"] == "Completed"
    assert {c["status"] for c in detail["children"]} == {"Completed"}


def test_waiting_for_a_run_that_is_canceled_ends_with_1_and_says_so(place: Place, tmp_path: Path) -> None:
    place.published(WAIT, name="stopped", node={"environment_variables": {"GATE": str(tmp_path / "never")}})
    command = [sys.executable, "-m", "penstock", "run", "submit-pipeline", "stopped", "--wait"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as waiter:
        assert waiter.stdout
        printed = ""
        while "Running" not in printed:
            line = waiter.stdout.readline()
            assert line, printed
            printed += line
        (run_id,) = re.findall(r"Submitted run (\S+)", printed)
        assert cli("run", "cancel", run_id).returncode == 0
        printed += waiter.stdout.read()
    assert waiter.returncode == 1 and "Canceled  run" in printed, printed


def test_on_a_terminal_steps_under_way_are_drawn_in_place(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    shown = on_terminal("pipeline", "submit", "training", "--wait", "--regenerate-outputs")
    assert "of 2 steps done" in shown and "\x1b[J" in shown and "since " in shown
    ended = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", shown.split("2 of 2 steps done")[-1])
    assert "✔ Completed  run" in ended
    assert shown.count("Completed") == 3, "each step once, and the run"


def test_completion_offers_names_and_ids(place: Place) -> None:
    def offered(typed: str) -> set[str]:
        asked = {
            "_PENSTOCK_COMPLETE": "bash_complete",
            "COMP_WORDS": f"penstock pipeline submit {typed}",
            "COMP_CWORD": "3",
        }
        done = subprocess.run(
            [sys.executable, "-m", "penstock"], capture_output=True, text=True, env={**os.environ, **asked}
        )
        return {line.removeprefix("plain,") for line in done.stdout.splitlines()}

    assert {"stable", "training"} <= offered("")
    assert offered("tr") == {"training"}
    assert offered(place.first[:5]) >= {place.first[:8]}


def test_whoever_may_run_one_pipeline_finds_it_and_only_it(place: Place, module_home: Path, tmp_path: Path) -> None:
    made = place.client("POST", "/principals", {"name": "ci", "role": "submitter", "published": place.endpoint["id"]})[
        1
    ]
    url = place.client.record()["url"]
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PENSTOCK_")}
    environ |= {"PENSTOCK_URL": url, "PENSTOCK_HOME": str(tmp_path / "home"), "PENSTOCK_PASSWORD": made["secret"]}

    def as_ci(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "penstock", *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=environ, cwd=tmp_path, timeout=60)

    assert as_ci("login", "--service-principal", "-u", "ci").returncode == 0
    assert "stable" in as_ci("pipeline", "list", "--endpoints").stdout
    assert "has no active published pipelines" in as_ci("pipeline", "list").stdout
    assert place.first in as_ci("pipeline", "show", "stable").stdout
    done = as_ci("run", "submit-pipeline", "stable", "-e", "ci", "--wait")
    assert done.returncode == 0, done.stderr
    (run_id,) = re.findall(r"Submitted run (\S+)", done.stdout)
    assert run_id in as_ci("run", "show", run_id).stdout
    followed = as_ci("run", "logs", "-f", run_id)
    assert followed.returncode == 0 and "rate 0.1" in followed.stdout
    assert "is Completed already" in as_ci("run", "cancel", run_id).stdout
    others = place.client("POST", f"/ws/w/pipelines/{place.second}/runs", {"experiment": "e"})[1]["run"]["id"]
    assert as_ci("run", "show", others).returncode == 1
    hidden = as_ci("run", "submit-pipeline", place.second)
    assert hidden.returncode == 3 and "No published pipeline or endpoint" in hidden.stderr
    forbidden = as_ci("pipeline", "disable", "stable")
    assert forbidden.returncode == 1 and "it takes the role contributor" in forbidden.stderr


def test_what_is_asked_when_the_server_dies_is_asked_of_the_next(place: Place, module_home: Path) -> None:
    first = json.loads((module_home / "server.json").read_text())["pid"]
    done = subprocess.run([sys.executable, "-c", ASKING, str(first)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "'w'" in done.stdout, done.stderr
    assert json.loads((module_home / "server.json").read_text())["pid"] != first
