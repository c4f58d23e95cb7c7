"""A full disk under a job folder: the exit record is still written, and says so."""

from __future__ import annotations

import json
import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from disks import mounted
from node_driver import running_server

from penstock.node.folder import ExitFile


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of 2 MB."""
    with mounted(tmp_path / "small", "size=2m") as place:
        yield place


FILL = """
import os, sys
fd = os.open("fill", os.O_WRONLY | os.O_CREAT)
for size in (65536, 4096, 1):
    try:
        while True:
            os.write(fd, b"x" * size)
    except OSError:
        pass
sys.exit(int(sys.argv[1]))
"""


@pytest.mark.parametrize("status", [0, 1])
def test_a_script_that_fills_the_disk_still_gets_its_exit_record(small_disk: Path, status: int) -> None:
    with running_server(small_disk) as server:
        output = server.output("o")
        _, end = server.run(FILL, str(status), outputs=[output])
        assert (end["ending"], end["exit_code"]) == ("exited", status)
        if status == 0:
            assert end["error"]["what"].startswith("The script ran, but what it wrote could not be kept: OSError")
            assert "Free some space" in end["error"]["fix"]


def test_a_record_too_long_for_what_is_left_is_cut_to_what_matters(tmp_path: Path) -> None:
    record = {
        "name": "run.1",
        "ending": "exited",
        "exit_code": 1,
        "error": {"what": "w" * 5000, "fix": "f"},
        "stderr_tail": "t" * 9000 + "the end",
        "files": [{"name": f"outputs/{n}", "size_bytes": n} for n in range(2000)],
    }
    pid = os.fork()
    if pid == 0:
        try:
            os.chdir(tmp_path)
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
            ExitFile().write(record)
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0
    kept = json.loads((tmp_path / "exit.json").read_text())
    assert (kept["ending"], kept["exit_code"], kept["files"]) == ("exited", 1, [])
    assert kept["stderr_tail"].endswith("the end")
