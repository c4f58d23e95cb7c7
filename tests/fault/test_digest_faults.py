"""Digests under kills and on full disks: nothing that another would believe is left, and no digest is ever wrong."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from disks import fill, mounted, use_up_inodes

from penstock.data.digests import Digests

ENDLESSLY = """
import sys
from pathlib import Path
from disks import fill, mounted, use_up_inodes

from penstock.data.digests import Digests
home, root = map(Path, sys.argv[1:])
number = 0
while True:
    number += 1
    (root / "changing").write_bytes(b"%d" % number)
    Digests(home, lambda: 1 << 62).tree(root)
    print(number, flush=True)
"""


def test_a_kill_in_the_middle_leaves_nothing_that_is_believed(tmp_path: Path) -> None:
    root, home = tmp_path / "tree", tmp_path / "home"
    root.mkdir()
    for number in range(3000):
        (root / str(number)).write_bytes(b"%d" % number)
    chosen = random.Random(1)
    for _ in range(12):
        process = subprocess.Popen([sys.executable, "-c", ENDLESSLY, str(home), str(root)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()  # it is at it
        time.sleep(chosen.random() / 20)  # somewhere in a round
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        afresh = tmp_path / "afresh"
        assert Digests(home).tree(root) == Digests(afresh).tree(root)
        shutil.rmtree(afresh)


def test_on_a_full_disk_digests_are_right_and_nothing_half_written_is_kept(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    root.mkdir()
    for number in range(5000):
        (root / str(number)).write_bytes(b"%d" % number)
    right = Digests(tmp_path / "elsewhere").tree(root)
    with mounted(tmp_path / "home", "size=1m,nr_inodes=200") as home:
        known = Digests(home, lambda: 1 << 62)
        room = fill(home)
        assert known.tree(root) == Digests(home, lambda: 1 << 62).tree(root) == right
        assert not [p for p in (home / "digests").iterdir() if p.name != ".clock"]
        room.unlink()
        many = use_up_inodes(home)
        assert Digests(home).tree(root) == right
        shutil.rmtree(many)
        assert Digests(home, lambda: 1 << 62).tree(root) == right
        assert [p for p in (home / "digests").iterdir() if not p.name.startswith(".")]
