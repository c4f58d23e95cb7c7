"""What it costs to know that nothing changed: a folder of many files beside walks of os.scandir, and what an interpreter runs with."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from measures import Figure

FILES = 100_000
_MEMORY = """
import json, resource, sys
from pathlib import Path
from penstock.data.digests import Digests
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = Digests(Path(sys.argv[1])).tree(Path(sys.argv[2]))
print(json.dumps([found.n_files, before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))
"""


def trees(count: int, rounds: int) -> list[Figure]:
    """A second digest of an unchanged folder, in turn with bare walks of it; then the memory of a first one."""
    from penstock.data.digests import Digests

    with tempfile.TemporaryDirectory() as folder:
        home, root = Path(folder, "home"), Path(folder, "tree")
        fill(root, count)
        time.sleep(0.2)  # so that no file is younger than what its looks are believed at
        first = milliseconds(lambda: Digests(home).tree(root))
        known = Digests(home)
        taken: dict[str, list[float]] = {"names": [], "looks": [], "ours": [], "edited": []}
        for number in range(rounds):
            taken["names"].append(milliseconds(lambda: walk(root, False)))
            taken["looks"].append(milliseconds(lambda: walk(root, True)))
            taken["ours"].append(milliseconds(lambda: known.tree(root)))
            (root / "0/0.txt").write_text(f"{number} edited")
            taken["edited"].append(milliseconds(lambda: known.tree(root)))
            time.sleep(0.2)
            known.tree(root)
        middle = {name: statistics.median(values) for name, values in taken.items()}
        note = f"{middle['ours']:.0f} ms beside {middle['looks']:.0f} ms"
        names = f"{middle['names']:.0f} ms; the kernel's own part of looking at each file is about twice that"
        again = f"{middle['edited']:.0f} ms; the first time {first:.0f} ms"
        return [
            Figure(f"{count:,} files unchanged", middle["ours"] / middle["looks"], "x scandir + stat", 3, note),
            Figure("the same, beside names alone", middle["ours"] / middle["names"], "x scandir", None, names),
            Figure("one of them edited", middle["edited"] / middle["looks"], "x scandir + stat", None, again),
            _memory(Path(folder), root, count),
        ]


def interpreters(rounds: int) -> list[Figure]:
    """Whether this interpreter still runs steps with the same, bare and with 1,000 files of code on PYTHONPATH; and asking it anew."""
    from penstock.data.digests import Digests
    from penstock.environments.identity import Interpreters

    with tempfile.TemporaryDirectory() as folder:
        home, code = Path(folder, "home"), Path(folder, "code")
        fill(code / "package", 1000)
        (code / "package/__init__.py").touch()
        time.sleep(0.2)
        asked = {"executable": sys.executable, "sdk_path": None}
        plain = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        with_code = {**plain, "PYTHONPATH": str(code)}
        anew, again, tree = [], [], []
        for number in range(rounds):
            fresh = Interpreters(home / str(number), Digests(home / str(number)))
            anew.append(milliseconds(lambda f=fresh: f.identity(asked, plain)))  # type: ignore[misc]
            fresh.identity(asked, with_code)
            again.append(milliseconds(lambda f=fresh: f.identity(asked, plain)))  # type: ignore[misc]
            tree.append(milliseconds(lambda f=fresh: f.identity(asked, with_code)))  # type: ignore[misc]
        n = len(fresh.identity(asked, plain).parts["distributions"])
        middle = [statistics.median(values) for values in (anew, again, tree)]
        return [
            Figure("an interpreter is identified", middle[0], "ms", 150, f"{n} distributions"),
            Figure("again, nothing changed", middle[1], "ms", 5),
            Figure("again, with 1,000 files of editable code", middle[2], "ms", 30),
        ]


def _memory(folder: Path, root: Path, count: int) -> Figure:
    small = folder / "small"
    fill(small, 1000)
    peaks = []
    for number, tree in enumerate((small, root)):
        command = [sys.executable, "-c", _MEMORY, str(folder / f"memory{number}"), str(tree)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        n_files, _, peak = json.loads(done.stdout)
        assert n_files in (count, 1000), n_files
        peaks.append(peak / 1024)
    note = f"{peaks[1]:.0f} MB at most beside {peaks[0]:.0f} MB, the interpreter with them"
    return Figure(f"memory of {count:,} files beside 1,000", peaks[1] / peaks[0], "x", 1.3, note)


def fill(root: Path, count: int) -> None:
    for number in range(count):
        path = root / str(number // 1000) / f"{number}.txt"
        if number % 1000 == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"%d\n" % number)


def walk(root: Path, with_stat: bool) -> int:
    todo, n_files = [str(root)], 0
    while todo:
        with os.scandir(todo.pop()) as entries:
            for entry in entries:
                if entry.is_dir():
                    todo.append(entry.path)
                    continue
                n_files += 1
                if with_stat:
                    entry.stat()
    return n_files


def milliseconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - began)
