"""`penstock doctor` finds each kind of damage, names the place, and says what to do. The damage is made; the line is read."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from disks import fill, mounted, remount
from served import API, Client, node, serve, wait_for, wait_until_served

from penstock.store.database import HEAD

Lines = dict[str, dict[str, str]]
SCRIPT = b"""
import os
out = os.environ["AZUREML_DATAREFERENCE_out"]
os.makedirs(out, exist_ok=True)
open(os.path.join(out, "data"), "w").write("bytes")
os.makedirs("outputs", exist_ok=True)
open("outputs/model.bin", "w").write("weights")
"""


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which a pipeline ran and a model was registered, its server stopped: what each test damages a copy of."""
    home = tmp_path_factory.mktemp("used") / "h"
    process = serve(home, "--embedded")
    client = wait_until_served(home, process)
    answer = client.submit([node(client.snapshot(a__py=SCRIPT))])[1]
    client.follow(answer["run"]["id"])
    body = {"name": "m", "source": {"run_id": answer["steps"][0]["run_id"], "path": "outputs/model.bin"}}
    assert client("POST", "/ws/w/models", body)[0] == 201
    client("POST", "/shutdown", {"force": True})
    process.wait(30)
    return home


@pytest.fixture
def hurt(used: Path, home: Path) -> Path:
    """A copy of the used home, at the place that the datastores' rows are told of."""
    shutil.copytree(used, home, dirs_exist_ok=True, symlinks=True, ignore=shutil.ignore_patterns("*.sock"))
    home.chmod(0o700)
    change(home, f"UPDATE datastore SET root = replace(root, '{used}', '{home}')")
    return home


def change(home: Path, *statements: str) -> None:
    with closing(sqlite3.connect(home / "penstock.db")) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()


def doctor(home: Path) -> list[dict[str, str]]:
    """What doctor says that is not ok."""
    return [c for c in checks(home) if c["level"] != "ok" and c["check"] != "space"]


def checks(home: Path) -> list[dict[str, str]]:
    argv = [sys.executable, "-m", "penstock", "doctor", "--json"]
    done = subprocess.run(
        argv, capture_output=True, text=True, timeout=60, env={**os.environ, "PENSTOCK_HOME": str(home)}
    )
    said: list[dict[str, str]] = json.loads(done.stdout)["checks"]
    assert done.returncode == int(any(c["level"] == "FAIL" for c in said)), done.stderr
    return said


def one(hurt: Path, check: str, level: str, *texts: str) -> None:
    """That doctor says one thing alone, of this check, with these texts."""
    said = doctor(hurt)
    assert [(c["check"], c["level"]) for c in said] == [(check, level)], said
    whole = f"{said[0]['message']} {said[0]['fix']}"
    assert said[0]["fix"] and all(text in whole for text in texts), whole


def step_of(home: Path) -> str:
    with closing(sqlite3.connect(home / "penstock.db")) as database:
        return str(database.execute("SELECT id FROM run WHERE type = 'step'").fetchone()[0])


def test_a_home_that_is_well_is_called_well(hurt: Path) -> None:
    assert doctor(hurt) == []


def test_a_missing_home_file(hurt: Path) -> None:
    (hurt / "home.json").unlink()
    one(hurt, "home.json", "FAIL", "is missing", "another port", "penstock restore", "--port")


@pytest.mark.parametrize("text", ["{ half", '{"schema": 1}', "[]"])
def test_a_garbled_home_file(hurt: Path, text: str) -> None:
    (hurt / "home.json").write_text(text)
    one(hurt, "home.json", "FAIL", "is damaged", str(hurt / "home.json"), '"port"')


def test_a_missing_key(hurt: Path) -> None:
    (hurt / "key").unlink()
    one(hurt, "secrets", "warn", str(hurt / "key"), "makes a new one")


def test_a_garbled_key(hurt: Path) -> None:
    (hurt / "key").write_text("half")
    one(hurt, "secrets", "FAIL", str(hurt / "key"), "64 hexadecimal digits", "delete it")


def test_a_token_that_others_can_read(hurt: Path) -> None:
    (hurt / "token").chmod(0o644)
    one(hurt, "secrets", "FAIL", "mode 644", f"chmod 600 '{hurt / 'token'}'")


def test_a_database_with_flipped_bytes(hurt: Path) -> None:
    data = bytearray((hurt / "penstock.db").read_bytes())
    for at in range(4096, len(data), 4096):  # the head of every page but the first
        data[at : at + 8] = bytes(b ^ 0xFF for b in data[at : at + 8])
    (hurt / "penstock.db").write_bytes(data)
    one(hurt, "database", "FAIL", str(hurt / "penstock.db"), "penstock restore")


def test_a_database_that_is_no_database(hurt: Path) -> None:
    (hurt / "penstock.db").write_bytes(b"not a database, but long enough to be taken for one" * 100)
    one(hurt, "database", "FAIL", "not a database")


def test_a_database_of_a_newer_version(hurt: Path) -> None:
    change(hurt, "UPDATE alembic_version SET version_num = '9999'")
    one(hurt, "schema", "FAIL", "schema 9999", HEAD, "pip install -U penstock")


def test_a_database_of_an_older_version(hurt: Path) -> None:
    change(hurt, "UPDATE alembic_version SET version_num = '0016'")
    argv = [sys.executable, "-m", "penstock", "doctor"]
    env = {**os.environ, "PENSTOCK_HOME": str(hurt)}
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, env=env)
    assert done.returncode == 0 and f"0016; the next server migrates it to {HEAD}" in done.stdout
    waiting = [line for line in done.stdout.splitlines() if "not looked at yet" in line]
    assert len(waiting) == 5 and any("outputs" in line for line in waiting), done.stdout


def test_a_job_folder_without_a_run(hurt: Path) -> None:
    name = f"{uuid.uuid4()}.1"
    (hurt / "jobs" / name).mkdir()
    one(hurt, "runs", "warn", name, "older database")


def test_a_running_step_without_a_job_folder(hurt: Path) -> None:
    step = step_of(hurt)
    change(hurt, f"UPDATE run SET status = 'Running', ended_at = NULL WHERE id = '{step}'")
    shutil.rmtree(hurt / "jobs" / f"{step}.1")
    one(hurt, "runs", "FAIL", step, "Running", "penstock run cancel")


def test_a_missing_blob(hurt: Path) -> None:
    blob = next(p for p in hurt.glob("blobs/*/*"))
    blob.unlink()
    one(hurt, "snapshots", "FAIL", "blobs are gone", "lacks 1", "penstock restore")


def test_a_manifest_that_cannot_be_read(hurt: Path) -> None:
    manifest = next(hurt.glob("snapshots/*.json"))
    manifest.write_text("{")
    one(hurt, "snapshots", "FAIL", manifest.name, "submit again")


def test_a_manifest_that_a_run_still_needs(hurt: Path) -> None:
    change(hurt, "UPDATE run SET status = 'NotStarted', ended_at = NULL, attempt = 0")
    manifest = next(hurt.glob("snapshots/*.json"))
    manifest.unlink()
    one(hurt, "snapshots", "FAIL", manifest.stem, "runs that are not over")


def test_outputs_whose_bytes_are_gone(hurt: Path) -> None:
    step = step_of(hurt)
    shutil.rmtree(hurt / "workspaces/w/workspaceblobstore/azureml" / step)
    one(hurt, "outputs", "FAIL", "1 of 1", f"out of step 'step 0' ({step[:8]}).", f"penstock cache forget {step[:8]}")


def test_outputs_that_are_gone_and_were_given_up_count_no_more(hurt: Path) -> None:
    def forget(client: Client) -> None:
        assert client("DELETE", f"/ws/w/results/{step}")[0] == 200

    step = step_of(hurt)
    shutil.rmtree(hurt / "workspaces/w/workspaceblobstore/azureml" / step)
    served(hurt, forget)
    assert of_outputs(hurt) == ["0 outputs, all there"]


def test_outputs_that_were_cleared_away_are_not_gone(hurt: Path) -> None:
    def clear(client: Client) -> None:
        reused = [node(client.snapshot(a__py=SCRIPT), allow_reuse=True)]
        for _ in range(3):
            client.follow(client.submit(reused)[1]["run"]["id"])
        assert of_outputs(hurt) == ["2 outputs, all there"], "what was reused twice counts once"
        assert len(client("POST", "/gc", {"max_bytes": 0, "delete": True})[1]["outputs"]) == 2

    served(hurt, clear)
    assert of_outputs(hurt) == ["0 outputs, all there; 2 cleared away"]


def of_outputs(home: Path) -> list[str]:
    return [c["message"] for c in checks(home) if c["check"] == "outputs"]


def test_models_whose_files_are_gone(hurt: Path) -> None:
    shutil.rmtree(hurt / "models")
    one(hurt, "models", "FAIL", "m:1", "register them again")


def test_a_datastore_that_another_home_writes_into(hurt: Path) -> None:
    other = str(uuid.uuid4())
    (hurt / "workspaces/w/workspaceblobstore/azureml" / other).mkdir()
    one(hurt, "datastores", "warn", other, "Another home")


def test_sockets_left_by_a_process_that_was_killed(hurt: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(hurt / "run" / "api.sock"))
    one(hurt, "sockets", "warn", "api.sock", "was killed")


def test_a_read_only_home(used: Path, home: Path) -> None:
    with mounted(home, "size=64m"):
        shutil.copytree(used, home, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.sock"))
        home.chmod(0o700)
        change(home, f"UPDATE datastore SET root = replace(root, '{used}', '{home}')", "PRAGMA journal_mode=DELETE")
        remount(home, "ro")
        one(home, "home", "FAIL", "mounted read-only", "remount,rw")


def test_a_disk_that_is_nearly_full(home: Path) -> None:
    with mounted(home, "size=8m"):
        fill(home)
        done = subprocess.run([sys.executable, "-m", "penstock", "doctor"], capture_output=True, text=True, timeout=60)
        line = next(text for text in done.stdout.splitlines() if " space:" in text)
        assert done.returncode == 1 and line.startswith("FAIL") and str(home) in line and "Free some" in line


def served(home: Path, act: Callable[[Client], None]) -> None:
    process = serve(home, "--embedded")
    try:
        act(wait_until_served(home, process))
    finally:
        process.terminate()
        process.wait(30)


def test_a_node_that_does_not_answer(hurt: Path) -> None:
    def act(client: Client) -> None:
        wait_for(lambda: (hurt / "run" / "node.sock").exists())
        pid = json.loads((hurt / "node.lock").read_text())["pid"]
        os.kill(pid, signal.SIGSTOP)
        try:
            one(hurt, "node", "FAIL", "is stopped", "kill -CONT")
        finally:
            os.kill(pid, signal.SIGCONT)
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not Path(f"/proc/{pid}").exists())
        said = doctor(hurt)
        assert {c["check"] for c in said} == {"node", "sockets"}, said

    served(hurt, act)


def test_a_server_that_runs_on_a_full_disk_is_named_with_the_reason(home: Path) -> None:
    with mounted(home, "size=12m"):

        def act(client: Client) -> None:
            fill(home)
            status, _ = client.raw("POST", f"{API}/ws/w/blobs", b"x" * 9_000_000)
            while status != 507:
                status, _ = client("POST", "/ws/w/interactive_runs", {"experiment": "e"})
            line = next(c for c in doctor(home) if c["check"] == "server")
            assert line["level"] == "FAIL" and "is full" in line["message"] and str(home) in line["message"]
            argv = [sys.executable, "-m", "penstock", "status"]
            assert "is full" in subprocess.run(argv, capture_output=True, text=True, timeout=60).stdout
            page = client.raw("GET", "/")[1].decode()
            assert 'role="alert"' in page and "is full" in page, "and so do the pages"

        served(home, act)
