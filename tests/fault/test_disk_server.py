"""A full, failing or read-only disk under a server: nothing acknowledged is lost, one clear error, and it goes on by itself."""

from __future__ import annotations

import io
import json
import os
import resource
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from disks import fill, mounted, remount, use_up_inodes
from forked import serve
from integration.served import API, Client, node, printed, wait_for, wait_until_served

GATE = b"""
import os, sys, time
from pathlib import Path
gate = Path(os.environ["PENSTOCK_HOME"]).parent / (os.environ["PENSTOCK_HOME"] + ".go")
while not gate.exists():
    time.sleep(0.01)
Path(os.environ["AZUREML_DATAREFERENCE_out"]).mkdir(parents=True, exist_ok=True)
"""
FILLS = b"""
import os, sys
descriptor = os.open(os.path.join(os.environ["PENSTOCK_HOME"], "fill"), os.O_WRONLY | os.O_CREAT)
for size in (1 << 16, 4096, 1):
    try:
        while True:
            os.write(descriptor, b"x" * size)
    except OSError as error:
        reason = error
raise reason
"""


@pytest.fixture
def small_home(home: Path) -> Iterator[Path]:
    """A home on a filesystem of 12 MB. `open_gate` lets its scripts go on."""
    with mounted(home, "size=12m"):
        yield home
    Path(f"{home}.go").unlink(missing_ok=True)


def open_gate(home: Path) -> None:
    Path(f"{home}.go").touch()


@contextmanager
def running(home: Path, **environ: str) -> Iterator[Client]:
    process = serve(home, "--embedded", **environ)
    try:
        client = wait_until_served(home, process)
        client.process = process
        yield client
    finally:
        open_gate(home)
        if process.poll() is None:
            process.terminate()
        process.wait(30)


def health(client: Client) -> dict[str, Any]:
    return json.loads(client.raw("GET", "/healthz")[1])


def submit_until_refused(client: Client, nodes: list[Any]) -> tuple[list[str], dict[str, Any]]:
    """The runs that were acknowledged, and the refusal that came then."""
    kept = []
    for _ in range(200):
        status, answer = client.submit(nodes)
        if status != 201:
            assert status == 507, answer
            return kept, answer["error"]
        kept.append(answer["run"]["id"])
    raise AssertionError("200 runs fitted on a full disk")


def ends_as(client: Client, run_id: str) -> str:
    client.follow(run_id)
    return str(client.run(run_id)["status"])


def test_a_full_disk_refuses_new_work_clearly_keeps_what_was_acknowledged_and_is_left_behind(small_home: Path) -> None:
    with running(small_home) as client:
        nodes = [node(client.snapshot(a__py=GATE))]
        first = client.submit(nodes)[1]["run"]["id"]
        wait_for(lambda: list(small_home.glob("jobs/*/running")))
        assert (small_home / "ballast").stat().st_size == 4 << 20
        taken = fill(small_home)
        kept, error = submit_until_refused(client, nodes)
        assert (error["code"], error["target"]) == ("NoSpace", str(small_home))
        assert (
            str(small_home) in error["message"] and "are free" in error["message"] and "Free some" in error["message"]
        )
        assert not (small_home / "ballast").exists(), "given up, so that what happens now can be recorded"
        said = health(client)
        assert (said["status"], said["code"]) == ("failing", "NoSpace") and str(small_home) in said["trouble"]
        taken.unlink()
        wait_for(lambda: health(client)["status"] == "ok")
        assert (small_home / "ballast").stat().st_size == 4 << 20, "made again"
        last = client.submit(nodes)[1]["run"]["id"]
        open_gate(small_home)
        assert [ends_as(client, r) for r in [first, *kept, last]] == ["Completed"] * (len(kept) + 2)


def test_a_step_that_fills_the_disk_is_recorded_with_why_while_the_disk_is_full(small_home: Path) -> None:
    with running(small_home) as client:
        run_id = client.submit([node(client.snapshot(a__py=FILLS))])[1]["run"]["id"]
        assert ends_as(client, run_id) == "Failed"
        assert (small_home / "fill").exists(), "all this was recorded without anybody making room"
        (child,) = client.children(run_id)
        assert "is full" in child["error"]["message"] and "Free some space" in child["error"]["message"], child["error"]
        assert run_id in [r["id"] for r in client("GET", "/ws/w/runs?status=Failed")[1]["value"]]


def test_steps_wait_for_room_say_so_and_go_on_by_themselves(small_home: Path) -> None:
    with running(small_home, PENSTOCK_SLOTS="2") as client:
        snapshot = client.snapshot(a__py=GATE)
        run_id = client.submit([node(snapshot), node(snapshot, 1, after=["00000000"])])[1]["run"]["id"]
        wait_for(lambda: list(small_home.glob("jobs/*/running")))
        taken = fill(small_home)
        submit_until_refused(client, [node(snapshot)])
        open_gate(small_home)
        told = wait_for(lambda: held_back(client, run_id))
        assert "is full" in told[0]
        taken.unlink()
        assert ends_as(client, run_id) == "Completed"
        assert len(held_back(client, run_id)) == 1, "said once"


def held_back(client: Client, run_id: str) -> list[str]:
    said = [e["body"]["message"] for e in client.events(run_id) if e["name"] == "warning"]
    return [message for message in said if message.startswith("No step is started now: ")]


def tar_of(name: str, size: int) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = size
        archive.addfile(member, io.BytesIO(os.urandom(size)))
    return packed.getvalue()


@pytest.mark.parametrize("what", ["upload", "blob", "file", "model"])
def test_what_does_not_fit_is_refused_whole_and_leaves_nothing_half_written(small_home: Path, what: str) -> None:
    with running(small_home) as client:
        run_id = client("POST", "/ws/w/interactive_runs", {"experiment": "e"})[1]["id"]
        size = 3_000_000 if what == "model" else 9_000_000
        if what == "model":  # it is there once, in the run; registering makes a copy
            assert client.raw("PUT", f"{API}/ws/w/runs/{run_id}/files/m.bin", bytes(size))[0] == 200
            fill(small_home)
            (small_home / "fill").write_bytes(b"")
            (small_home / "fill2").write_bytes(bytes(shutil.disk_usage(small_home).free - 2_000_000))
            body = {"name": "m", "source": {"run_id": run_id, "path": "m.bin"}}
            status, answer = client("POST", "/ws/w/models", body)
            content = json.dumps(answer).encode()
        elif what == "file":
            status, content = client.raw("PUT", f"{API}/ws/w/runs/{run_id}/files/m.bin", os.urandom(size))
        elif what == "upload":
            status, content = client.raw("POST", f"{API}/uploads", tar_of("m.bin", size))
        else:
            status, content = client.raw("POST", f"{API}/ws/w/blobs", tar_of("sha256:" + "0" * 64, size))
        error = json.loads(content)["error"]
        assert (status, error["code"]) == (507, "NoSpace"), error
        left = [
            p for top in ("uploads", "blobs", "models", "runs") for p in (small_home / top).rglob("*") if p.is_file()
        ]
        assert sum(p.stat().st_size for p in left) == (size if what == "model" else 0), left
        for name in ("fill", "fill2"):
            (small_home / name).unlink(missing_ok=True)
        wait_for(lambda: health(client)["status"] == "ok")
        assert client.raw("PUT", f"{API}/ws/w/runs/{run_id}/files/small", b"fits")[0] == 200


def test_a_server_comes_up_on_a_full_disk_by_giving_up_its_ballast(small_home: Path) -> None:
    with running(small_home) as client:
        pass
    taken = fill(small_home)
    with running(small_home) as client:
        assert health(client)["code"] == "NoSpace"
        status, answer = client.submit([node("sha256:" + "0" * 64)])
        assert (status, answer["error"]["code"]) == (507, "NoSpace")
        taken.unlink()
        wait_for(lambda: health(client)["status"] == "ok")


def test_without_inodes_runs_wait_and_the_reason_names_them(home: Path) -> None:
    with mounted(home, "size=64m,nr_inodes=400"), running(home) as client:
        nodes = [node(client.snapshot(a__py=GATE))]
        taken = use_up_inodes(home)
        run_id = client.submit(nodes)[1]["run"]["id"]  # rows need no inode
        said = wait_for(lambda: (found := health(client))["status"] != "ok" and found)
        assert said["code"] == "NoSpace" and "inodes" in said["trouble"]
        assert client.submit(nodes)[0] == 507
        shutil.rmtree(taken)
        open_gate(home)
        assert ends_as(client, run_id) == "Completed"
    Path(f"{home}.go").unlink()


def test_job_folders_that_turn_read_only_hold_steps_back_until_they_can_be_written(home: Path) -> None:
    with mounted(home / "jobs", "size=8m"):
        with running(home) as client:
            nodes = [node(client.snapshot(a__py=GATE))]
            remount(home / "jobs", "ro")
            run_id = client.submit(nodes)[1]["run"]["id"]
            told = wait_for(
                lambda: [e for r in (run_id, *ids(client, run_id)) for e in client.events(r) if e["name"] == "warning"]
            )
            assert "mounted read-only" in told[0]["body"]["message"] and "remount,rw" in told[0]["body"]["message"]
            remount(home / "jobs", "rw")
            open_gate(home)
            assert ends_as(client, run_id) == "Completed"
        Path(f"{home}.go").unlink()


def ids(client: Client, run_id: str) -> list[str]:
    return [c["id"] for c in client.children(run_id)]


def test_a_home_that_is_read_only_is_refused_with_the_way_out(home: Path) -> None:
    with mounted(home, "size=8m"):
        remount(home, "ro")
        process = serve(home, "--embedded")
        assert process.wait(30) == 1
        assert "cannot be written" in printed(home) and "Traceback" not in printed(home)


def test_a_disk_that_fails_to_write_loses_nothing_acknowledged_and_is_named(home: Path) -> None:
    """Every write of the server fails (by its limit on file sizes, which the kernel turns into an error of write)."""
    with running(home) as client:
        nodes = [node(client.snapshot(a__py=GATE))]
        first = client.submit(nodes)[1]["run"]["id"]
        wait_for(lambda: list(home.glob("jobs/*/running")))
        pid = client.process.pid
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        status, answer = client.submit(nodes)
        assert (status, answer["error"]["code"]) == (503, "DiskFailed")
        assert "dmesg" in answer["error"]["message"]
        open_gate(home)
        wait_for(lambda: list(home.glob("jobs/*/exit.json")))
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
        assert ends_as(client, first) == "Completed"
        assert ends_as(client, client.submit(nodes)[1]["run"]["id"]) == "Completed"
    Path(f"{home}.go").unlink()
