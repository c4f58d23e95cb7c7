"""Digests under kills and on full disks: nothing that another would believe is left, and no digest is ever wrong."""

from __future__ import annotations

import json
import os
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


MEMORY = """
import json, resource, sys
from pathlib import Path
from penstock.data.digests import Digests
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
tree = Digests(Path(sys.argv[1])).tree(Path(sys.argv[2]))
print(json.dumps([tree.n_files, tree.size_bytes, tree.digest, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before]))
"""


def digested(home: Path, path: Path) -> tuple[int, int, str, int]:
    """Files, bytes and digest of what lies there, and by how many kilobytes a process grew that found them."""
    command = [sys.executable, "-c", MEMORY, str(home), str(path)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found[0], found[1], found[2], found[3]


# { head -c $((5 * 2**30 - 1)) /dev/zero; printf x; } | sha256sum
OF_FIVE_GIGABYTES = "c28e1347233bb530feb1211501599a7f18f63b5b2bd530857be2c1e754263491"


def test_a_file_of_five_gigabytes_is_digested_in_little_memory(tmp_path: Path) -> None:
    large = tmp_path / "large"
    size = 5 << 30
    with open(large, "wb") as file:
        file.truncate(size)
        file.seek(size - 1)
        file.write(b"x")
    n_files, n_bytes, digest, grown_kb = digested(tmp_path / "home", large)
    assert (n_files, n_bytes, digest) == (1, size, f"sha256:{OF_FIVE_GIGABYTES}")
    assert grown_kb < 50_000


def test_two_hundred_thousand_files_are_digested_in_little_memory_and_each_counts(tmp_path: Path) -> None:
    root, home, count = tmp_path / "tree", tmp_path / "home", 200_000
    for folder in range(count // 1000):  # links to one file in each: as many names, and made in a tenth of the time
        place = root / str(folder)
        place.mkdir(parents=True)
        first = place / f"{folder}000"
        first.touch()
        for number in range(1, 1000):
            os.link(first, f"{place}/{folder}{number:03}")
    n_files, n_bytes, digest, grown_kb = digested(home, root)
    assert (n_files, n_bytes) == (count, 0) and grown_kb < 50_000
    changed = root / "137" / "137042"
    changed.unlink()
    changed.write_text("x")
    assert digested(home, root)[:2] == (count, 1)
    changed.write_text("")
    assert digested(home, root)[2] == digest
