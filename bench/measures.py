"""What is measured, one function each. Every function gives back rows of figures; run.py prints and keeps them."""

from __future__ import annotations

import contextlib
import gc
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import processes
import shapes

AUTHORING = (
    "from azureml.core import Workspace, Experiment; from azureml.pipeline.core import Pipeline; "
    "from azureml.pipeline.steps import PythonScriptStep"
)


@dataclass(frozen=True)
class Figure:
    """One measured number beside what is aimed at."""

    what: str
    value: float
    unit: str
    aim: float | None = None
    note: str = ""

    @property
    def is_met(self) -> bool:
        return self.aim is None or self.value <= self.aim


def workspace() -> Any:
    from azureml.core import Workspace

    return Workspace.create("bench", subscription_id="bench", resource_group="bench", exist_ok=True)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """What is printed meanwhile is not shown."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield


def run_once(ws: Any, shape: shapes.Shape) -> tuple[float, float, Any]:
    """(seconds from the submit call to Finished as the client sees it, seconds of the submit call alone, the run)."""
    from azureml.core import Experiment
    from azureml.pipeline.core import Pipeline

    pipeline = Pipeline(workspace=ws, steps=shape.steps(ws))
    experiment = Experiment(ws, "bench")
    gc.collect()
    began = time.perf_counter()
    with quiet():
        run = experiment.submit(pipeline)
        submitted = time.perf_counter()
        status = run.wait_for_completion(show_output=False)
    ended = time.perf_counter()
    if status != "Finished":
        raise SystemExit(f"The pipeline '{shape.name}' ended as {status}. See {run.get_portal_url()}")
    return ended - began, submitted - began, run


def beside_the_shell(ws: Any, home: Path, shape: shapes.Shape, rounds: int, aim: float) -> list[Figure]:
    """The shape's time as a ratio to the bare loop, in interleaved rounds, and where its CPU time goes."""
    bare, ours, cpu = [], [], []
    run_once(ws, shape)  # one round unmeasured: files and connections warm on both sides
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            shape.run_bare(Path(folder) / "work")
            bare.append(time.perf_counter() - began)
        before = processes.cpu(home)
        seconds, _, run = run_once(ws, shape)
        after = processes.cpu(home)
        ours.append(seconds)
        cpu.append(after.since(before, processes.scripts_cpu(home, [s.id for s in run.get_steps()])))
    ratio = statistics.median(o / b for o, b in zip(ours, bare, strict=True))
    spent = "  ".join(f"{who} {1000 * statistics.median(c[who] for c in cpu) / shape.n_steps:.1f}" for who in cpu[0])
    note = f"{statistics.median(ours):.2f} s beside {statistics.median(bare):.2f} s; CPU ms a step: {spent}"
    return [Figure(shape.name, ratio, "× the bare loop", aim, note)]


def imports(times: int) -> list[Figure]:
    """Milliseconds over bare Python, medians of interleaved starts."""
    statements = {"bare": "pass", "Run": "from azureml.core import Run", "authoring": AUTHORING}
    taken: dict[str, list[float]] = {name: [] for name in statements}
    for _ in range(times):
        for name, code in statements.items():
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            taken[name].append(1000 * (time.perf_counter() - began))
    middle = {name: statistics.median(values) for name, values in taken.items()}
    note = f"bare Python {middle['bare']:.1f} ms"
    return [
        Figure("from azureml.core import Run", middle["Run"] - middle["bare"], "ms", 15, note),
        Figure("the authoring imports", middle["authoring"] - middle["bare"], "ms", 60, note),
    ]


def first_line(ws: Any, times: int) -> list[Figure]:
    """From the submit call to the script's first line, on a warm server."""
    from azureml.core import Experiment
    from azureml.pipeline.core import Pipeline
    from azureml.pipeline.steps import PythonScriptStep

    taken = []
    with tempfile.TemporaryDirectory() as folder:
        mark = os.path.join(folder, "began")
        step = PythonScriptStep(
            "first_line.py",
            source_directory=str(shapes.SCRIPTS),
            compute_target="local",
            arguments=[mark],
            allow_reuse=False,
        )
        for _ in range(times):
            pipeline = Pipeline(workspace=ws, steps=[step])
            began = time.time()
            with quiet():
                Experiment(ws, "bench").submit(pipeline).wait_for_completion(show_output=False)
            taken.append(1000 * (float(Path(mark).read_text()) - began))
    note = f"slowest of {times}: {max(taken):.0f} ms"
    return [Figure("submit call → the script's first line", statistics.median(taken), "ms", 100, note)]


def cold_start(times: int) -> list[Figure]:
    """From the first call to its answer when no server runs and the home is empty."""
    taken = []
    code = (
        "import time\nfrom azureml.core import Workspace\nbegan = time.perf_counter()\n"
        "Workspace.create('bench', subscription_id='b', resource_group='b', exist_ok=True)\nprint(time.perf_counter() - began)"
    )
    for _ in range(times):
        with processes.fresh_home():
            done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
            taken.append(float(done.stdout.split()[-1]))
    return [
        Figure(
            "cold start of the embedded server", statistics.median(taken), "s", 1.5, "empty home, first call answered"
        )
    ]


def validate_and_plan(n: int) -> list[Figure]:
    """The engine's own time for a graph of n steps."""
    from penstock.engine.plan import make_plan
    from penstock.engine.validate import problems
    from penstock.model.graph import Graph

    raw = shapes.graph_of(n)
    began = time.perf_counter()
    found = problems(raw)
    if found:
        raise SystemExit(f"The benchmark's own graph is refused: {found[0].message}")
    make_plan(Graph.from_json(raw), {})
    return [Figure(f"validate and plan {n:,} steps", time.perf_counter() - began, "s", 1.0)]


def growth(ws: Any, home: Path, small: int, large: int) -> list[Figure]:
    """What a step costs in a large graph beside small ones run before and after it, and what the server's memory does."""
    run_once(ws, shapes.fan(small))
    start = processes.server_memory(home)
    costs: dict[int, list[float]] = {small: [], large: []}
    around = max(1, large // small // 2)
    for n in [small] * around + [large] + [small] * around:
        seconds, _, _ = run_once(ws, shapes.fan(n))
        costs[n].append(1000 * seconds / (n + 2))
    end = processes.server_memory(home)
    few, many = statistics.median(costs[small]), costs[large][0]
    note = f"{many:.1f} ms beside {few:.1f} ms a step"
    return [
        Figure(f"cost of a step, {large:,} steps beside {small}", many / few, "×", 1.2, note),
        Figure("server memory after all that", end / start, "× before", 1.3, f"{end:.0f} MB beside {start:.0f} MB"),
    ]
