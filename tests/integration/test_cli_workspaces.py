"""The command line in a home of several workspaces, from a folder that names none of them, or another."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import submitting
from submitting import from_step, output, step

from penstock.cli.trouble import Trouble

Json = dict[str, Any]
LEAVES = (
    "import subprocess, sys\nsubprocess.Popen(['sleep', '60'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
)
WRITES = "import os, sys\nos.makedirs(sys.argv[1], exist_ok=True)\nopen(sys.argv[1] + '/a.csv', 'w').write('a')\n"


def cli(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "penstock", *args], capture_output=True, text=True, timeout=60, cwd=folder
    )


class Place:
    """Two workspaces with a folder and a run each, and a folder that names none."""

    def __init__(self, home: Path, folder: Path) -> None:
        self.bare = folder / "bare"
        self.bare.mkdir()
        self.folders: dict[str, Path] = {}
        self.runs: dict[str, Json] = {}
        for name in ("first", "second"):
            self.folders[name] = folder / name
            self.folders[name].mkdir()
            done = cli(self.folders[name], "init", "-q", "-w", name)
            assert done.returncode == 0, done.stderr
        self.client = submitting.client_of(home)
        for name in self.folders:
            snapshot = submitting.upload(self.client, name, {"leave.py": LEAVES, "write.py": WRITES})
            write = step(
                "write", "write.py", snapshot, node="00000001", outputs=[output("o")], arguments=[{"output": "o"}]
            )
            leave = step("leave", "leave.py", snapshot, node="00000002", inputs=[from_step("o", "00000001")])
            run_id = submitting.submit(self.client, name, [write, leave], name)["run"]["id"]
            self.runs[name] = submitting.wait(self.client, name, run_id)
            self.client.put(f"ws/{name}/computes/of-{name}", {"type": "AmlCompute", "settings": {}})


@pytest.fixture(scope="module")
def place(module_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(module_home, tmp_path_factory.mktemp("project"))


def test_the_runs_of_all_workspaces_are_listed_where_none_is_meant(place: Place) -> None:
    done = cli(place.bare, "run", "list")
    assert done.returncode == 0 and "WORKSPACE" in done.stdout, done.stderr
    assert done.stdout.index(place.runs["second"]["id"][:8]) < done.stdout.index(place.runs["first"]["id"][:8])
    listed = json.loads(cli(place.bare, "run", "list", "--json").stdout)["value"]
    assert [r["workspace"] for r in listed] == ["second", "first"]
    here = cli(place.folders["first"], "run", "list").stdout
    assert "WORKSPACE" not in here and place.runs["second"]["id"][:8] not in here


def test_the_computes_of_all_workspaces_are_listed_where_none_is_meant(place: Place) -> None:
    done = cli(place.bare, "compute", "list")
    assert (
        done.returncode == 0 and "of-first" in done.stdout and "of-second" in done.stdout and "WORKSPACE" in done.stdout
    )
    listed = json.loads(cli(place.bare, "compute", "list", "--json").stdout)["value"]
    assert {(c["name"], c["workspace"]) for c in listed} >= {("of-first", "first"), ("of-second", "second")}
    assert "of-second" not in cli(place.folders["first"], "compute", "list").stdout


def test_a_run_id_is_found_whatever_workspace_the_folder_names(place: Place) -> None:
    other = place.runs["second"]["id"]
    for typed in (other, other[:13]):
        assert place.runs["second"]["id"] in cli(place.folders["first"], "run", "show", typed).stdout
    kept_out = cli(place.bare, "run", "show", other, "-w", "first")
    assert kept_out.returncode == 3 and "workspace 'first'" in kept_out.stderr
    assert place.runs["first"]["id"] in cli(place.folders["first"], "run", "show", "latest").stdout


def test_an_output_is_shown_where_it_lies(place: Place) -> None:
    run_id = place.runs["first"]["id"]
    (made,) = place.client.get(f"ws/first/runs/{run_id}/outputs")["value"]
    assert (Path(made["local_path"]) / "a.csv").read_text() == "a" and made["local_path"].endswith(made["path"])
    assert made["local_path"] in cli(place.bare, "run", "show", run_id).stdout


def test_outputs_are_told_in_the_order_of_their_steps(place: Place) -> None:
    snapshot = submitting.upload(place.client, "first", {"write.py": WRITES})
    nodes = [
        step(f"step {n}", "write.py", snapshot, node=f"0000000{n}", outputs=[output(o)], arguments=[{"output": o}])
        for n, o in ((1, "zebra"), (2, "middle"), (3, "apple"))
    ]
    run_id = submitting.submit(place.client, "first", nodes)["run"]["id"]
    submitting.wait(place.client, "first", run_id)
    told = place.client.get(f"ws/first/runs/{run_id}/outputs")["value"]
    assert [o["name"] for o in told] == ["zebra", "middle", "apple"]


def test_child_runs_have_names_of_their_own_and_so_have_their_metrics(place: Place) -> None:
    def start(**more: str) -> str:
        started: str = place.client.post("ws/first/interactive_runs", {"experiment": "notebook", **more})["id"]
        place.client.post(
            f"ws/first/runs/{started}/journal",
            [{"op": "metric", "name": "loss", "kind": "scalar", "value": 1, "at": 1.0}],
        )
        return started

    parent = start()
    named, unnamed = start(parent_id=parent, name="fold one"), start(parent_id=parent)
    rows = cli(place.bare, "run", "show", parent).stdout.partition("Metrics")[2]
    assert "fold one" in rows and f"child {unnamed[:8]}" in rows and rows.count("loss") == 3
    for run_id in (named, unnamed, parent):
        place.client.post(f"ws/first/runs/{run_id}/complete", {"status": "Completed"})


def test_a_folder_is_not_given_a_workspace_nobody_asked_for(place: Place) -> None:
    done = cli(place.bare, "init")
    assert done.returncode == 2 and "'first', 'second'" in done.stderr and "--workspace" in done.stderr
    assert not (place.bare / ".azureml").exists() and len(place.client.get("workspaces")["value"]) == 2


def test_an_impossible_compute_name_is_refused_alike_wherever_it_is_given(place: Place) -> None:
    rule = "The compute name 'no such!' is invalid. Use 1 to 64 letters, digits and '-', starting with a letter."
    assert rule in cli(place.folders["first"], "compute", "create", "no such!").stderr
    snapshot = submitting.upload(place.client, "first", {"write.py": WRITES})
    node = step("write", "write.py", snapshot, node="00000001", compute={"name": "no such!", "explicit": False})
    with pytest.raises(Trouble) as refused:
        submitting.submit(place.client, "first", [node])
    assert rule in " ".join([refused.value.message, *refused.value.more])


@pytest.mark.parametrize("group", [(), ("run",), ("compute",)])
def test_a_group_alone_is_helped(place: Place, group: tuple[str, ...]) -> None:
    done = cli(place.bare, *group)
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.startswith("Usage: penstock")


def test_a_setting_that_cannot_be_read_is_one_finding_of_the_doctor(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENSTOCK_SLOTS", "abc")
    done = cli(place.bare, "doctor", "--json")
    checks = {c["check"]: c for c in json.loads(done.stdout)["checks"]}
    assert done.returncode == 1 and checks["settings"]["level"] == "FAIL" and "'abc'" in checks["settings"]["message"]
    assert checks["python"]["level"].lower() == "ok" and "server" in checks


@pytest.mark.parametrize("letters", [36, 13])
def test_a_run_is_shown_with_its_warnings_each_naming_its_step(place: Place, letters: int) -> None:
    shown = cli(place.bare, "run", "show", place.runs["first"]["id"][:letters])
    assert "Warning\n  ! Step 'leave' left 1 process behind when it ended; it was stopped." in shown.stdout
    as_json = json.loads(cli(place.bare, "run", "show", place.runs["first"]["id"][:letters], "--json").stdout)
    assert len(as_json["run"]["warnings"]) == 1
