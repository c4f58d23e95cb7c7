"""Prints what Penstock costs beside a bare shell loop of the same scripts, and keeps the figures in bench/results.json.

`make bench`, or `python3 bench/run.py [--quick] [--only PART]`. Trust the ratios: both sides run in turn within one run. The absolute figures
beside them are this machine's, on this day. It first makes an environment of its own (bench/.env) and goes on in that.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PARTS = (
    "imports",
    "cold",
    "first",
    "plan",
    "chain",
    "fan",
    "train",
    "growth",
    "tables",
    "files",
    "metrics",
    "digests",
    "watching",
    "folders",
    "schedules",
    "publishing",
)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, and 400 steps in place of 2,000")
    parser.add_argument("--only", action="append", choices=PARTS, help="measure only this part (may be repeated)")
    parser.add_argument("--here", action="store_true", help="measure in this interpreter, not in bench/.env")
    return parser.parse_args()


def in_own_environment() -> None:
    """Starts again in bench/.env, with nothing of the caller's settings."""
    import environment

    python = environment.ready()
    dropped = ("PENSTOCK_", "AZUREML_", "PYTHON")
    env = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
    os.execve(python, [str(python), str(HERE / "run.py"), "--here", *sys.argv[1:]], env)


def measure(quick: bool, parts: list[str]) -> list[dict[str, object]]:
    import measures
    import shapes

    os.environ["PENSTOCK_SLOTS"] = str(shapes.CORES)
    figures = []

    def keep(found: Iterable[measures.Figure]) -> None:
        for figure in found:
            print(line(figure), flush=True)
            figures.append({**asdict(figure), "met": figure.is_met})

    rounds = 2 if quick else 5
    measure_apart(quick, parts, rounds, keep)
    measure_together(quick, parts, rounds, keep)
    return figures


def measure_apart(quick: bool, parts: list[str], rounds: int, keep: Callable[[Iterable[Any]], None]) -> None:
    """What needs no server, or homes of its own."""
    import digesting
    import measures
    import publishing
    import schedules
    import watching
    import watching_folders

    if "imports" in parts:
        keep(measures.imports(7 if quick else 20))
    if "cold" in parts:
        keep(measures.cold_start(2 if quick else 5))
    if "plan" in parts:
        keep(measures.validate_and_plan(2000))
    if "digests" in parts:
        keep(digesting.trees(digesting.FILES // (10 if quick else 1), rounds))
        keep(digesting.interpreters(rounds))
    if "watching" in parts:
        keep(watching.watching(rounds))
    if "folders" in parts:
        keep(watching_folders.looks(watching_folders.FILES // (10 if quick else 1), rounds))
    if "schedules" in parts:
        keep(schedules.figures(schedules.SCHEDULES, rounds))
    if "publishing" in parts:
        keep(publishing.publishing(rounds, seconds=5.0 if quick else publishing.SECONDS))


def measure_together(quick: bool, parts: list[str], rounds: int, keep: Callable[[Iterable[Any]], None]) -> None:
    """What is run on one server."""
    import data
    import measures
    import metrics
    import processes
    import shapes
    import watching_folders

    if not {"first", "chain", "fan", "train", "growth", "tables", "files", "metrics", "folders"} & set(parts):
        return
    with processes.fresh_home() as home:
        ws = measures.workspace()
        if "tables" in parts:
            keep(data.tables(ws, home, data.ROWS, 5 if quick else data.READS))
        if "files" in parts:
            keep(data.files(ws, home, data.FILES, rounds))
        if "metrics" in parts:
            keep(metrics.hundred_thousand(ws, home, rounds))
        if "folders" in parts:
            keep(watching_folders.fires(ws, home, rounds))
        if "first" in parts:
            keep(measures.first_line(ws, 5 if quick else 15))
        for part, shape, aim in (
            ("chain", shapes.chain(50), 1.5),
            ("fan", shapes.fan(200), 1.5),
            ("train", shapes.training(), 1.1),
        ):
            if part in parts:
                keep(measures.beside_the_shell(ws, home, shape, rounds, aim))
        if "growth" in parts:
            keep(measures.growth(ws, home, 100 if quick else 200, 400 if quick else 2000))


def line(figure: object) -> str:
    from measures import Figure

    assert isinstance(figure, Figure)
    aim = "" if figure.aim is None else f"{'met' if figure.is_met else 'MISSED':<6} (at most {figure.aim:g})"
    return f"{figure.what:<44} {figure.value:>8.2f} {figure.unit:<15} {aim:<20} {figure.note}"


def main() -> None:
    chosen = options()
    sys.path.insert(0, str(HERE))
    if not chosen.here:
        in_own_environment()
    began = time.time()
    figures = measure(chosen.quick, chosen.only or list(PARTS))
    machine = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began)),
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": len(os.sched_getaffinity(0)),
        "quick": chosen.quick,
        "load": os.getloadavg()[0],
    }
    (HERE / "results.json").write_text(json.dumps({"machine": machine, "figures": figures}, indent=1) + "\n")
    missed = [str(figure["what"]) for figure in figures if not figure["met"]]
    print("\n" + (f"Missed: {', '.join(missed)}." if missed else "Every aim is met."))
    print(
        f"Python {machine['python']}, {machine['cores']} cores, load {machine['load']:.1f}. Kept in bench/results.json."
    )


if __name__ == "__main__":
    main()
