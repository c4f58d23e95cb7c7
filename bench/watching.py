"""What noting a script's reads costs it: the same script under the launcher, watched and not, in turn."""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from measures import Figure
from shapes import DATA

from penstock.node import LAUNCHER

HERE = Path(__file__).resolve().parent
_OPENS = 20_000
_OPENING = """
import os, sys, time
for path in sys.argv[1:]:
    began = time.process_time()
    for _ in range({n}):
        os.close(os.open(path, os.O_RDONLY))
    print((time.process_time() - began) / {n} * 1e6)
"""


def watching(rounds: int) -> list[Figure]:
    """CPU time, which other processes disturb less than they do the clock."""
    with tempfile.TemporaryDirectory() as folder:
        job = Path(folder).resolve() / "job"
        (job / "work").mkdir(parents=True)
        (job / "inputs").mkdir()
        shutil.copy(HERE / "scripts/prepare.py", job / "work")
        (job / "work/nothing.py").touch()
        (job / "work/opening.py").write_text(_OPENING.format(n=_OPENS))
        shutil.copy(DATA, job / "inputs/rows.csv")
        figures = []
        for what, aim, script, more in (
            ("a pandas step, watched / not", 1.03, "prepare.py", 1),
            ("an empty step, watched / not", None, "nothing.py", 3),
        ):
            argv = [script, "--data", "../inputs/rows.csv", "--out", "rows"]
            plain, watched = _in_turn(job, argv, rounds * 8 * more)
            note = (
                f"{plain * 1000:.1f} and {watched * 1000:.1f} ms of CPU, the best third of {rounds * 8 * more} rounds"
            )
            figures.append(Figure(what, watched / plain, "", aim, note))
        plain, watched = (_per_open(job, is_watched) for is_watched in (False, True))
        figures.append(
            Figure("an open of an input, watched - not", watched - plain, "us", None, f"{plain:.2f} us bare")
        )
        return figures


def _in_turn(job: Path, argv: list[str], rounds: int) -> tuple[float, float]:
    taken: dict[bool, list[float]] = {False: [], True: []}
    for number in range(rounds + 1):
        for is_watched in (False, True) if number % 2 else (True, False):
            taken[is_watched].append(_run(job, argv, is_watched)[0])
    best = [sorted(taken[is_watched][1:])[: max(3, rounds // 3)] for is_watched in (False, True)]
    return statistics.mean(best[0]), statistics.mean(best[1])


def _per_open(job: Path, is_watched: bool) -> float:
    return min(float(_run(job, ["opening.py", str(job / "inputs/rows.csv")], is_watched)[1]) for _ in range(5))


def _run(job: Path, argv: list[str], is_watched: bool) -> tuple[float, str]:
    """(CPU seconds, what it printed)."""
    asked = job / "unwatched"
    if is_watched:
        asked.write_text(str(job))
    else:
        asked.unlink(missing_ok=True)
    read, write = os.pipe()
    pid = os.posix_spawn(
        "/usr/bin/env",
        ["env", "-C", str(job / "work"), sys.executable, LAUNCHER, *argv],
        dict(os.environ),
        file_actions=[(os.POSIX_SPAWN_DUP2, write, 1)],
    )
    os.close(write)
    with os.fdopen(read) as output:
        printed = output.read()
    _, status, used = os.wait4(pid, 0)
    if status:
        raise SystemExit(f"{argv[0]} failed: {printed}")
    return used.ru_utime + used.ru_stime, printed
