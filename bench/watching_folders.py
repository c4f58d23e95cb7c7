"""What watching folders costs: a look at very many files when none has changed, all of them new, and a change until its run is there."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from digesting import fill, milliseconds, walk
from measures import Figure

FILES = 100_000
_MEMORY = """
import json, resource, sys
from penstock.data import listings
root, everything = sys.argv[1], listings.watched("", True)
empty = listings.Packed.of_text(listings.Listing("", "", False, []).pack(""))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
now = listings.look(root, everything, whole=True)
text = now.pack("")
changes = listings.compare(empty, now)
assert not listings.compare(listings.Packed.of_text(text), now)
print(json.dumps([len(changes), len(text), before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))
"""


def looks(count: int, rounds: int) -> list[Figure]:
    """A look in turn with bare walks; then what it takes to find that all files are new."""
    from penstock.data import listings

    with tempfile.TemporaryDirectory() as folder:
        root, everything = Path(folder, "tree"), listings.watched("", True)
        fill(root, count)
        taken: dict[str, list[float]] = {"names": [], "looks": [], "ours": []}
        for _ in range(rounds):
            taken["names"].append(milliseconds(lambda: walk(root, False)))
            taken["looks"].append(milliseconds(lambda: walk(root, True)))
            taken["ours"].append(milliseconds(lambda: listings.look(str(root), everything, whole=False)))
        middle = {name: statistics.median(values) for name, values in taken.items()}
        began = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", _MEMORY, str(root)], check=True, capture_output=True, text=True)
        seconds = time.perf_counter() - began
        n, stored, before, peak = json.loads(done.stdout)
        assert n == count, n
    note = f"{middle['ours']:.0f} ms beside {middle['looks']:.0f} ms"
    kept = f"{stored / 1e6:.1f} MB kept in the database; {seconds:.1f} s with the interpreter's start"
    return [
        Figure(f"{count:,} watched files unchanged", middle["ours"] / middle["looks"], "x scandir + stat", 3, note),
        Figure("the same, beside names alone", middle["ours"] / middle["names"], "x scandir", None),
        Figure(f"{count:,} new files, memory for them", (peak - before) / 1024, "MB", None, kept),
    ]


def fires(ws: Any, folder: Path, rounds: int) -> list[Figure]:
    """From a file that is put into a watched folder to the moment its run is there, without the time it is to settle."""
    from azureml.pipeline.core import Pipeline
    from azureml.pipeline.steps import PythonScriptStep

    settle = 0.5
    (folder / "code").mkdir(exist_ok=True)
    (folder / "code/nothing.py").touch()
    step = PythonScriptStep("nothing.py", source_directory=str(folder / "code"), compute_target="local")
    published = Pipeline(ws, [step]).publish(name="nothing")
    store = ws.get_default_datastore()
    root = Path(ws._call("GET", f"datastores/{store.name}")["root"], "watched")
    root.mkdir()
    body = {"name": "s", "experiment_name": "bench", "pipeline_id": published.id, "path_on_datastore": "watched"}
    made = ws._call("POST", "schedules", {**body, "settle_seconds": settle})
    time.sleep(2)  # so that the system tells of its changes
    taken = []
    for number in range(rounds * 3):
        put = time.time()
        (root / str(number)).write_text("x")
        while len(runs := ws._call("GET", f"schedules/{made['id']}/runs")["value"]) <= number:
            time.sleep(0.01)
        taken.append(ws._call("GET", f"runs/{runs[0]}")["created_at"])
        taken[-1] = _seconds(taken[-1]) - put - settle
    ws._call("PUT", f"schedules/{made['id']}", {"status": "Disabled"})
    note = f"{min(taken):.2f} to {max(taken):.2f} s, and {settle:g} s to settle"
    return [Figure("a file is put, its run submitted", statistics.median(taken), "s", 1.0, note)]


def _seconds(at: Any) -> float:
    from datetime import datetime

    return at if isinstance(at, float) else datetime.fromisoformat(str(at).replace("Z", "+00:00")).timestamp()
