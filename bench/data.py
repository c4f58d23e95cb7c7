"""Data beside what one would do without Penstock: tables beside pandas and pyarrow, files beside cp -r."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from measures import Figure

ROWS = 1_000_000
FILES = 1_000
READS = 15
_SIDES = """
import json, re, sys, time
import pandas, pyarrow.parquet
sides = [lambda: {plain}]
def timed(read):
    began = time.perf_counter()
    table = read()
    seconds = time.perf_counter() - began
    assert len(table) == {rows}
    return seconds
"""
_OURS = """
from azureml.core import Dataset, Workspace
sides.append(Dataset.get_by_name(Workspace.get({workspace!r}), {name!r}).to_pandas_dataframe)
"""
_TIMES = """
print(json.dumps([[timed(read) for read in sides] for _ in range({reads} + 1)]))
"""
_MEMORY = """
timed(sides[-1])
print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read()).group(1))  # ru_maxrss begins at what its parent had
"""


def tables(ws: Any, folder: Path, rows: int, reads: int) -> list[Figure]:
    """A table of numbers, text and times as delimited text and as Parquet: read in turn by one process, so that both meet the same load."""
    from azureml.core import Dataset

    store = ws.get_default_datastore()
    place = Path(store._root) / "bench"
    place.mkdir(parents=True, exist_ok=True)
    _write(place, rows)
    made = {
        "csv": Dataset.Tabular.from_delimited_files((store, "bench/t.csv")).register(ws, "bench csv"),
        "parquet": Dataset.Tabular.from_parquet_files((store, "bench/t.parquet")).register(ws, "bench parquet"),
    }
    plain = {
        "csv": f"pandas.read_csv({str(place / 't.csv')!r}, parse_dates=['at'])",
        "parquet": f"pyarrow.parquet.read_table({str(place / 't.parquet')!r}).to_pandas()",
    }
    found = []
    for kind, dataset in made.items():
        bare = _SIDES.format(plain=plain[kind], rows=rows)
        found += _beside(kind, bare, _OURS.format(workspace=ws.name, name=dataset.name), rows, reads)
    return found


def _beside(kind: str, bare: str, ours: str, rows: int, reads: int) -> list[Figure]:
    """Time (the median of the ratios of neighbours, the first reads apart) and memory (of a process for each side)."""
    times = bare + ours + _TIMES.format(reads=reads)
    first, *pairs = json.loads(_said(times))
    ratios = sorted(mine / base for base, mine in pairs)
    base, mine = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
    alone = json.loads(_said(times, cpus={min(os.sched_getaffinity(0))}))[1:]
    one_core = statistics.median(mine / base for base, mine in alone)
    most = [int(_said(side + _MEMORY)) / 1024 for side in (bare, bare + ours)]
    name, aim = ("pandas.read_csv", 1.0) if kind == "csv" else ("pyarrow", 1.2)
    unit = f"x {name}"[:15]
    note = (
        f"{mine:.2f} s beside {base:.2f} s of {name}, {rows:,} rows, {reads} reads: {ratios[0]:.2f} to {ratios[-1]:.2f}"
    )
    return [
        Figure(f"{kind} to pandas, time", statistics.median(ratios), unit, aim, note),
        Figure(
            f"{kind} to pandas, first read",
            first[1] / first[0],
            unit,
            None,
            f"{first[1]:.2f} s beside {first[0]:.2f} s",
        ),
        Figure(f"{kind} to pandas, on one core", one_core, unit),
        Figure(
            f"{kind} to pandas, memory",
            most[1] / most[0],
            unit,
            1.3,
            f"{most[1]:.0f} MB at most beside {most[0]:.0f} MB",
        ),
    ]


def _said(code: str, cpus: set[int] | None = None) -> str:
    """The last line that a process of its own prints; it has only these `cpus`."""

    def bind() -> None:
        if cpus:
            os.sched_setaffinity(0, cpus)

    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, preexec_fn=bind)
    return done.stdout.splitlines()[-1]


def _write(place: Path, rows: int) -> None:
    import numpy
    import pandas

    drawn = numpy.random.default_rng(1)
    frame = pandas.DataFrame(
        {
            "id": numpy.arange(rows),
            "x": drawn.normal(size=rows),
            "y": drawn.normal(size=rows).round(3),
            "group": drawn.choice(["north", "south", "east", "west"], size=rows),
            "at": pandas.Timestamp("2020-01-01") + pandas.to_timedelta(numpy.arange(rows) % 86400, unit="s"),
        }
    )
    frame.to_csv(place / "t.csv", index=False)
    frame.to_parquet(place / "t.parquet")


def files(ws: Any, folder: Path, count: int, rounds: int) -> list[Figure]:
    """Small files to the datastore and back."""
    source = folder / "source"
    for number in range(count):
        target = source / f"{number % 10}" / f"{number}.txt"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(os.urandom(4096))
    store = ws.get_default_datastore()
    times: dict[str, list[float]] = {"cp": [], "up": [], "down": []}
    for number in range(rounds):
        target = f"bench/files{number}"
        times["cp"].append(_timed(lambda t=folder / f"cp{number}": subprocess.run(["cp", "-r", source, t], check=True)))  # type: ignore[misc]
        times["up"].append(_timed(lambda t=target: store.upload(str(source), t, show_progress=False)))  # type: ignore[misc]
        times["down"].append(_timed(lambda t=target: store.download(str(folder / "down"), t, show_progress=False)))  # type: ignore[misc]
        shutil.rmtree(folder / "down")
    base, found = statistics.median(times["cp"]), []
    for way in ("up", "down"):
        mine = statistics.median(times[way])
        note = f"{mine:.3f} s beside {base:.3f} s"
        found.append(Figure(f"{count:,} files {way}", mine / base, "x cp -r", 1.5, note))
    return found


def _timed(work: Any) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
