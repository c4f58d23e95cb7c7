"""A home as one file, taken under load, and back: everything acknowledged before is there, whole, and goes on."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from disks import mounted
from served import Client, node, serve, wait_for, wait_until_served

SCRIPT = b"""
import os, time
out = os.environ["AZUREML_DATAREFERENCE_out"]
os.makedirs(out, exist_ok=True)
for number in range(20):
    open(os.path.join(out, f"{number:02}"), "w").write(os.environ["AZUREML_RUN_ID"])
"""
WAITS = b"""
import os, time
from pathlib import Path
while not Path(os.environ["PENSTOCK_HOME"], "go").exists():
    time.sleep(0.02)
"""


def penstock(*args: str, home: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PENSTOCK_HOME": str(home)}
    return subprocess.run(
        [sys.executable, "-m", "penstock", *args], capture_output=True, text=True, env=env, timeout=120
    )


@contextmanager
def running(home: Path) -> Iterator[Client]:
    process = serve(home, "--embedded")
    try:
        yield wait_until_served(home, process)
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def other(home: Path) -> Path:
    """The place of a second home, beside the first (and removed with it)."""
    return home / "other"


def complaints(home: Path) -> list[str]:
    said = json.loads(penstock("doctor", "--json", home=home).stdout)["checks"]
    return [f"{c['check']}: {c['message']}" for c in said if c["level"] == "FAIL" and c["check"] != "port"]


def test_a_backup_under_load_holds_all_that_was_acknowledged_and_goes_on_when_restored(
    home: Path, other: Path, tmp_path: Path
) -> None:
    kept: list[str] = []
    with running(home) as client:
        snapshot = client.snapshot(a__py=SCRIPT)
        over = threading.Event()

        def load() -> None:
            mine = Client(home)
            while not over.is_set():
                status, answer = mine.submit([node(snapshot), node(snapshot, 1, after=["00000000"])])
                assert status == 201, answer
                kept.append(answer["run"]["id"])
                if len(kept) % 3:  # so that several are under way, and few are waiting
                    mine.follow(kept[-1])

        threads = [threading.Thread(target=load) for _ in range(2)]
        for thread in threads:
            thread.start()
        wait_for(lambda: len(kept) > 10 and list(home.glob("jobs/*/exit.json")))
        before = list(kept)
        ended = [r["id"] for r in client("GET", "/ws/w/runs?status=Completed&limit=1000")[1]["value"]]
        done = penstock("backup", str(tmp_path / "b.tgz"), home=home)
        assert done.returncode == 0 and "Backed up" in done.stdout, done.stderr
        over.set()
        for thread in threads:
            thread.join()
        for run_id in kept:
            client.follow(run_id)
        client("POST", "/shutdown", {"force": True})
    assert (tmp_path / "b.tgz").stat().st_mode & 0o777 == 0o600, "it holds the key"
    done = penstock("restore", str(tmp_path / "b.tgz"), home=other)
    assert done.returncode == 0, done.stderr
    assert complaints(other) == []
    with running(other) as client:
        for run_id in before:
            client.follow(run_id)
        found = {r["id"]: r for r in client("GET", "/ws/w/runs?limit=1000")[1]["value"]}
        assert set(before) <= set(found), "all that was acknowledged before the backup"
        assert {found[r]["status"] for r in ended} == {"Completed"}
        for run_id in before:
            if found[run_id]["status"] != "Completed":  # a step that was in the middle of it
                assert any("was lost" in c["error"]["message"] for c in client.children(run_id) if c["error"])
                continue
            for output in client("GET", f"/ws/w/runs/{run_id}/outputs")[1]["value"]:
                folder = other / "workspaces/w/workspaceblobstore" / output["path"]
                assert sorted(p.name for p in folder.iterdir()) == [f"{n:02}" for n in range(20)]
    assert complaints(other) == []


def test_a_step_in_the_middle_is_lost_and_says_so_one_that_had_not_begun_begins(
    home: Path, other: Path, tmp_path: Path
) -> None:
    with running(home) as client:
        snapshot = client.snapshot(a__py=WAITS)
        middle = client.submit([node(snapshot)])[1]["run"]["id"]
        wait_for(lambda: list(home.glob("jobs/*/running")))
        client("PUT", "/ws/w/computes/one", {"settings": {"max_nodes": 1}})
        chain = [
            node(snapshot, compute={"name": "one"}),
            node(client.snapshot(a__py=SCRIPT), 1, compute={"name": "one"}),
        ]
        waiting = client.submit(chain, continue_on_step_failure=True)[1]["run"]["id"]
        wait_for(lambda: len(list(home.glob("jobs/*/running"))) == 2)
        assert penstock("backup", str(tmp_path / "b.tgz"), home=home).returncode == 0
        (home / "go").touch()
        client.follow(middle)
        client.follow(waiting)
    assert penstock("restore", str(tmp_path / "b.tgz"), home=other).returncode == 0
    with running(other) as client:
        client.follow(middle)
        client.follow(waiting)
        assert client.run(middle)["status"] == "Failed"
        assert "was lost" in client.children(middle)[0]["error"]["message"]
        found = {c["name"]: c for c in client.children(waiting)}
        assert (found["step 0"]["status"], found["step 1"]["status"]) == ("Failed", "Completed")


@pytest.fixture(scope="module")
def small(module_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of a home with a workspace in it."""
    file = tmp_path_factory.mktemp("small") / "b.tgz"
    with running(module_home):
        pass
    assert penstock("backup", str(file), home=module_home).returncode == 0
    return file


def test_a_home_with_data_is_not_overwritten_unless_told_and_then_kept_aside(home: Path, small: Path) -> None:
    assert penstock("restore", str(small), home=home).returncode == 0
    refused = penstock("restore", str(small), home=home)
    assert refused.returncode == 1 and "holds a home already" in refused.stderr and "--force" in refused.stderr
    key = (home / "key").read_text()
    (home / "key").write_text("0" * 64)
    done = penstock("restore", str(small), "--force", home=home)
    assert done.returncode == 0 and "What was there before is in" in done.stdout
    assert (home / "key").read_text() == key and (home / "key").stat().st_mode & 0o777 == 0o600
    (aside,) = home.glob("replaced-*")
    assert (aside / "key").read_text() == "0" * 64 and (aside / "penstock.db").exists()
    with running(home) as client:
        assert client("GET", "/workspaces/w")[0] == 200


def test_a_home_that_is_served_is_not_restored_over(home: Path, small: Path) -> None:
    with running(home):
        refused = penstock("restore", str(small), "--force", home=home)
        assert refused.returncode == 1 and "penstock stop" in refused.stderr


def test_a_backup_of_a_newer_schema_is_refused(small: Path, other: Path, tmp_path: Path) -> None:
    newer = tmp_path / "newer.tgz"
    told = json.dumps({"schema": 1, "penstock": "9.0", "database_schema": "9999", "home": "x"}).encode()
    with tarfile.open(newer, "w:gz") as archive:
        member = tarfile.TarInfo("penstock-backup.json")
        member.size = len(told)
        archive.addfile(member, io.BytesIO(told))
    refused = penstock("restore", str(newer), home=other)
    assert refused.returncode == 1 and "schema 9999" in refused.stderr and "pip install -U penstock" in refused.stderr
    assert sorted(p.name for p in other.iterdir()) == ["server.lock"]


@pytest.mark.parametrize("kind", ["cut short", "no archive", "another archive", "one that leads out"])
def test_what_is_no_whole_backup_changes_nothing(small: Path, other: Path, tmp_path: Path, kind: str) -> None:
    bad = tmp_path / "bad.tgz"
    if kind == "cut short":
        bad.write_bytes(small.read_bytes()[:-300])
    elif kind == "no archive":
        bad.write_bytes(b"hello" * 1000)
    else:
        with tarfile.open(bad, "w:gz") as archive:
            if kind == "one that leads out":
                with tarfile.open(small) as good:
                    first = good.next()
                    archive.addfile(first, good.extractfile(first))
            member = tarfile.TarInfo("../escaped")
            archive.addfile(member, io.BytesIO(b""))
    refused = penstock("restore", str(bad), home=other)
    assert refused.returncode == 1 and refused.stderr.startswith("penstock: "), refused.stderr
    assert "Traceback" not in refused.stderr
    assert sorted(p.name for p in other.iterdir()) == ["server.lock"]
    assert not (other.parent / "escaped").exists()


def test_a_backup_that_finds_no_room_leaves_nothing(home: Path, tmp_path: Path) -> None:
    with running(home) as client:
        assert client.raw("POST", "/api/v1/uploads", b"")[0] in (201, 400)
    (home / "models").mkdir(exist_ok=True)
    (home / "models" / "big").write_bytes(os.urandom(3 << 20))
    with mounted(tmp_path / "small", "size=1m") as place:
        done = penstock("backup", str(place / "b.tgz"), home=home)
        assert done.returncode == 1 and "No space left on device" in done.stderr, done.stderr
        assert list(place.iterdir()) == []


def test_without_a_home_there_is_nothing_to_back_up(other: Path, tmp_path: Path) -> None:
    done = penstock("backup", str(tmp_path / "b.tgz"), home=other)
    assert done.returncode == 1 and "nothing to back up" in done.stderr and not (tmp_path / "b.tgz").exists()


def test_the_copy_of_the_database_is_one_whole_file(small: Path, tmp_path: Path) -> None:
    with tarfile.open(small) as archive:
        content = archive.extractfile("penstock.db")
        assert content is not None
        (tmp_path / "copy.db").write_bytes(content.read())
    with closing(sqlite3.connect(tmp_path / "copy.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("SELECT count(*) FROM workspace").fetchone() == (1,)
