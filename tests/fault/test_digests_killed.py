"""A process that is killed while it digests leaves nothing that another would believe."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from penstock.data.digests import Digests

ENDLESSLY = """
import sys
from pathlib import Path
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
