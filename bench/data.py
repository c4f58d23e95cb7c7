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
_SIDE = """
import json, re, sys, time
import pandas
{before}
def most():  # of this program alone: ru_maxrss begins at what its parent had
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read()).group(1))
start = most()
began = time.perf_counter()
table = {read}
seconds = time.perf_counter() - began
print(json.dumps([seconds, most(), start, len(table)]))
"""


def tables(ws: Any, folder: Path, rows: int, rounds: int) -> list[Figure]:
    """A table of numbers, text and times as delimited text and as Parquet."""
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
        ours = f"from azureml.core import Dataset, Workspace\nws = Workspace.get({ws.name!r})\nds = Dataset.get_by_name(ws, {dataset.name!r})\n"
        warm = "import pyarrow.parquet\n" if kind == "parquet" else ""
        sides = [
            _SIDE.format(before=warm, read=plain[kind]),
            _SIDE.format(before=warm + ours, read="ds.to_pandas_dataframe()"),
        ]
        pairs = [[_side(code, rows) for code in sides] for _ in range(rounds)]
        base, mine = ([statistics.median(p[side][i] for p in pairs) for i in (0, 1)] for side in (0, 1))
        name = "pandas.read_csv" if kind == "csv" else "pyarrow"
        aim = 1.0 if kind == "csv" else 1.2
        note = f"{mine[0]:.2f} s beside {base[0]:.2f} s of {name}, {rows:,} rows"
        found.append(Figure(f"{kind} to pandas, time", mine[0] / base[0], f"x {name}"[:15], aim, note))
        note = f"{mine[1] / 1024:.0f} MB at most beside {base[1] / 1024:.0f} MB"
        found.append(Figure(f"{kind} to pandas, memory", mine[1] / base[1], f"x {name}"[:15], 1.3, note))
    return found


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


def _side(code: str, rows: int) -> list[float]:
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    figures: list[float] = json.loads(done.stdout.splitlines()[-1])
    assert figures[3] == rows, figures
    return figures


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
