"""What very many metrics cost: in the step that logs them, and on the page that shows them."""

from __future__ import annotations

import json
import shutil
import statistics
import urllib.request
from pathlib import Path
from typing import Any

from measures import Figure

HERE = Path(__file__).resolve().parent


def hundred_thousand(ws: Any, folder: Path, rounds: int) -> list[Figure]:
    """100,000 metrics of a step: logged, then shown, the first time and again."""
    from data import _timed

    from azureml.core import Experiment, ScriptRunConfig

    (folder / "metrics").mkdir(exist_ok=True)
    shutil.copy(HERE / "scripts/log_metrics.py", folder / "metrics")
    logged, written, first, again = [], [], [], []
    for _ in range(rounds):
        run = Experiment(ws, "bench").submit(ScriptRunConfig(str(folder / "metrics"), "log_metrics.py"))
        run.wait_for_completion()
        mine, base = json.loads(run.tags["seconds"])
        logged.append(mine)
        written.append(base)
        url = run.get_portal_url()

        def show(url: str = url) -> None:
            with urllib.request.urlopen(url) as page:
                assert b"loss 9" in page.read()

        first.append(_timed(show) * 1000)
        again.append(min(_timed(show) for _ in range(5)) * 1000)
    mine, base = statistics.median(logged), statistics.median(written)
    note = f"{mine / base:.1f} times writing as many lines ({base:.2f} s)"
    spread = f"{len(first)} runs: {min(first):.0f} to {max(first):.0f} ms"
    return [
        Figure("100,000 metrics logged by a step", mine, "s", 2.0, note),
        Figure("100,000 metrics shown, first time", statistics.median(first), "ms", 200.0, spread),
        Figure("100,000 metrics shown again", statistics.median(again), "ms", 200.0),
    ]
