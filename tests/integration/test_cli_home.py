"""`penstock` without runs: help, init, serve, status, stop, doctor, compute, and which workspace is meant."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Result = subprocess.CompletedProcess[str]
Cli = Callable[..., Result]


@pytest.fixture
def cli(home: Path, tmp_path: Path) -> Cli:
    """Runs the command line in an empty folder, with a home of its own that does not exist yet."""
    home.rmdir()

    def call(*args: str, cwd: Path = tmp_path) -> Result:
        return subprocess.run(
            [sys.executable, "-m", "penstock", *args], capture_output=True, text=True, cwd=cwd, timeout=60
        )

    return call


def levels(cli: Cli) -> tuple[int, dict[str, dict[str, str]]]:
    done = cli("doctor", "--json")
    return done.returncode, {c["check"]: c for c in json.loads(done.stdout)["checks"]}


def test_help_loads_neither_the_server_nor_http() -> None:
    probe = (
        "import sys; from penstock.cli.main import run; run(['--help']); "
        "heavy = {'fastapi', 'sqlalchemy', 'uvicorn', 'jinja2', 'http.client', 'asyncio'} & set(sys.modules); "
        "sys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for said in ("init", "doctor", "Exit codes:", "_PENSTOCK_COMPLETE", "--json"):
        assert said in done.stdout


def test_commands_are_listed_with_whole_sentences(cli: Cli) -> None:
    for group in ("datastore", "dataset", "principal", "compute", "schedule"):
        listed = cli(group, "--help").stdout.split("Commands:")[1]
        assert "..." not in listed and listed.rstrip().endswith(".")


def test_a_home_that_is_not_there_is_answered_with_the_command_that_makes_it(cli: Cli, tmp_path: Path) -> None:
    done = cli("run", "list", "--home", str(tmp_path / "none"))
    assert done.returncode == 3 and f"penstock init --home {tmp_path / 'none'}" in done.stderr


def test_a_mistyped_command_is_answered_with_the_one_meant(cli: Cli) -> None:
    for args, meant in ((["statsu"], "status"), (["run", "lst"], "list"), (["compute", "craete"], "create")):
        done = cli(*args)
        assert done.returncode == 2 and f"Did you mean '{meant}'?" in done.stderr


def test_bad_usage_is_json_too_when_json_is_asked_for(cli: Cli) -> None:
    done = cli("run", "list", "--limit", "none", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["code"] == "BadUsage"


def test_without_a_home_commands_say_how_to_make_one(cli: Cli, home: Path) -> None:
    done = cli("run", "list")
    assert done.returncode == 3 and "penstock init" in done.stderr
    done = cli("status")
    assert done.returncode == 3 and "penstock serve" in done.stdout
    assert json.loads(cli("status", "--json").stdout)["running"] is False
    assert cli("stop").returncode == 0
    code, found = levels(cli)
    assert code == 0 and found["home"]["level"] == "warn"
    assert not home.exists(), "asking must not make anything"


def test_init_makes_a_home_a_workspace_and_its_file_and_repeats_safely(cli: Cli, home: Path, tmp_path: Path) -> None:
    done = cli("init", "--json")
    made = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert made["workspace"]["name"] == "local" and home.stat().st_mode & 0o777 == 0o700
    config = tmp_path / ".azureml/config.json"
    assert json.loads(config.read_text())["workspace_name"] == "local"
    before = config.read_bytes()
    again = cli("init")
    assert again.returncode == 0 and again.stdout.count("kept") == 3 and config.read_bytes() == before
    other = cli("init", "--workspace", "other")
    assert other.returncode == 2 and "names workspace 'local'" in other.stderr

    below = tmp_path / "deep/er"
    below.mkdir(parents=True)
    assert cli("run", "list", cwd=below).stdout == "Workspace 'local' has no runs yet.\n"
    code, found = levels(cli)
    assert code == 0, found
    assert {"python", "versions", "azureml", "home", "filesystem", "server", "node", "database", "jobs"} <= set(found)


def test_the_workspace_is_the_files_or_the_only_one_or_asked_for(cli: Cli, tmp_path: Path) -> None:
    folders = {n: tmp_path / n for n in ("one", "two", "scope", "none")}
    for name, folder in folders.items():
        folder.mkdir()
        if name in ("one", "two"):
            assert cli("init", "--workspace", name, cwd=folder).returncode == 0
    scope = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/two"
    (folders["scope"] / "aml_config").mkdir()
    (folders["scope"] / "aml_config/config.json").write_text(json.dumps({"Id": None, "Scope": scope}))
    assert "Workspace 'two' has no runs" in cli("run", "list", cwd=folders["scope"]).stdout

    (folders["none"] / "config.json").write_text('{"someone": "elses"}')
    unsure = cli("compute", "create", "c", cwd=folders["none"])
    assert unsure.returncode == 2 and "'one', 'two'" in unsure.stderr and "--workspace" in unsure.stderr
    assert "Workspace 'one'" in cli("run", "list", "-w", "one", cwd=folders["none"]).stdout
    unknown = cli("run", "list", "-w", "three", cwd=folders["none"])
    assert unknown.returncode == 3 and "It has: 'one', 'two'." in unknown.stderr

    (folders["one"] / ".azureml/config.json").write_text("{ not json")
    broken = cli("run", "list", cwd=folders["one"])
    assert broken.returncode == 2 and "config.json cannot be read as JSON" in broken.stderr


def test_computes_are_created_and_listed(cli: Cli) -> None:
    assert cli("init", "--quiet").stdout == ""
    assert "no compute targets yet" in cli("compute", "list").stdout
    made = json.loads(cli("compute", "create", "gpu", "--max-nodes", "3", "--json").stdout)
    assert (made["name"], made["type"], made["settings"]["max_nodes"]) == ("gpu", "AmlCompute", 3)
    assert "at most 3" in cli("compute", "list").stdout
    assert [c["name"] for c in json.loads(cli("compute", "list", "--json").stdout)["value"]] == ["gpu"]


def test_serve_prints_where_it_listens_and_stop_ends_it(cli: Cli, home: Path) -> None:
    with subprocess.Popen([sys.executable, "-m", "penstock", "serve"], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        said = [server.stdout.readline() for _ in range(3)]
        assert str(home) in said[0] and "http://127.0.0.1:" in said[1]
        state = json.loads(cli("status", "--json").stdout)
        assert state["running"] and state["pid"] == server.pid and not state["embedded"]
        assert cli("status").stdout.count(str(home)) == 1
        second = cli("serve")
        assert second.returncode == 1 and "penstock status" in second.stderr
        stopped = cli("stop", "--json")
        assert stopped.returncode == 0 and json.loads(stopped.stdout) == {
            "stopped": True,
            "running": False,
            "pid": server.pid,
        }
        assert server.wait(20) == 0


def test_an_embedded_server_that_was_killed_is_started_again_when_needed(cli: Cli) -> None:
    cli("init")
    os.kill(json.loads(cli("status", "--json").stdout)["pid"], signal.SIGKILL)
    assert cli("run", "list").returncode == 0
    assert cli("status").returncode == 0


def test_a_server_named_by_address_that_does_not_answer_is_said(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_URL", "http://127.0.0.1:9")
    done = cli("run", "list")
    assert done.returncode == 3 and "PENSTOCK_URL" in done.stderr
    monkeypatch.setenv("PENSTOCK_URL", "somewhere")
    assert cli("run", "list").returncode == 2


@pytest.fixture
def stopped(cli: Cli) -> Iterator[Cli]:
    """A home that was made and whose server has stopped."""
    cli("init", "--quiet")
    assert cli("stop").returncode == 0
    yield cli


def test_doctor_finds_a_taken_port(stopped: Cli, home: Path) -> None:
    number = json.loads((home / "home.json").read_text())["port"]
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", number))
        other.listen()
        code, found = levels(stopped)
        assert code == 1 and found["port"]["level"] == "FAIL" and str(number) in found["port"]["message"]
        assert "--port" in found["port"]["fix"]
        refused = stopped("run", "list")
        assert refused.returncode == 3 and str(number) in refused.stderr


def test_doctor_finds_a_damaged_database(stopped: Cli, home: Path) -> None:
    database = home / "penstock.db"
    data = bytearray(database.read_bytes())
    data[4096:12288] = b"\xff" * 8192
    database.write_bytes(data)
    code, found = levels(stopped)
    assert code == 1 and found["database"]["level"] == "FAIL"
    plain = stopped("doctor", "--quiet")
    assert plain.returncode == 1 and "FAIL" in plain.stdout and "ok  " not in plain.stdout


def test_doctor_finds_jobs_without_a_process_and_open_folders(stopped: Cli, home: Path) -> None:
    with subprocess.Popen(["true"]) as gone:
        pid = gone.pid
    job = home / "jobs/lost-run.1"
    job.mkdir(parents=True)
    (job / "started").write_text(json.dumps({"pid": pid, "start_time": 1, "boot_id": "", "at": 0}))
    home.chmod(0o755)
    _, found = levels(stopped)
    assert "lost-run.1" in found["jobs"]["message"] and found["home"]["fix"].startswith("chmod 700")
