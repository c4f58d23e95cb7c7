"""The three shapes, each as a bare shell loop and as a pipeline of the very same scripts."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).resolve().parent / "scripts"
DATA = SCRIPTS.parents[1] / "examples/diabetes/diabetes.csv"
CORES = 2


@dataclass(frozen=True)
class Shape:
    """`shell` is the loop, run by sh in an empty folder; `steps` builds the pipeline's steps."""

    name: str
    n_steps: int
    shell: str
    steps: Any

    def run_bare(self, folder: Path) -> None:
        folder.mkdir()
        subprocess.run(["sh", "-euc", self.shell], cwd=folder, check=True)


def step(script: str, name: str, arguments: list[Any], inputs: list[Any], output: Any) -> Any:
    from azureml.pipeline.steps import PythonScriptStep

    return PythonScriptStep(
        script_name=script,
        name=name,
        source_directory=str(SCRIPTS),
        compute_target="local",
        arguments=[*arguments, "--out", output],
        inputs=inputs,
        outputs=[output],
        allow_reuse=False,
    )


def file_output(name: str) -> Any:
    from azureml.pipeline.core import PipelineData

    return PipelineData(name, is_directory=False)


def chain(n: int) -> Shape:
    def steps(_: Any) -> list[Any]:
        made: list[Any] = []
        outputs: list[Any] = []
        for i in range(n):
            outputs.append(file_output(f"o{i}"))
            made.append(step("noop.py", f"link {i}", [], outputs[-2:-1], outputs[-1]))
        return made

    shell = f"for i in $(seq {n}); do {sys.executable} {SCRIPTS}/noop.py --out f$i; done"
    return Shape(f"chain of {n}", n, shell, steps)


def fan(n: int) -> Shape:
    def steps(_: Any) -> list[Any]:
        first, last = file_output("first"), file_output("last")
        middles = [file_output(f"m{i}") for i in range(n)]
        made = [step("noop.py", "first", [], [], first)]
        made += [step("noop.py", f"middle {i}", [], [first], middle) for i, middle in enumerate(middles)]
        return [*made, step("noop.py", "last", [], middles, last)]

    python = f"{sys.executable} {SCRIPTS}/noop.py --out"
    shell = f"{python} first; seq {n} | xargs -P{CORES} -I@ {python} m@; {python} last"
    return Shape(f"1 → {n} → 1", n + 2, shell, steps)


def training() -> Shape:
    def steps(_: Any) -> list[Any]:
        rows, model, score = file_output("rows"), file_output("model"), file_output("score")
        return [
            step("prepare.py", "prepare", ["--data", str(DATA)], [], rows),
            step("train.py", "train", ["--rows", rows], [rows], model),
            step("evaluate.py", "evaluate", ["--rows", rows, "--model", model], [rows, model], score),
        ]

    python = f"{sys.executable} {SCRIPTS}"
    shell = (
        f"{python}/prepare.py --data {DATA} --out rows; {python}/train.py --rows rows --out model; "
        f"{python}/evaluate.py --rows rows --model model --out score"
    )
    return Shape("prepare → train → evaluate", 3, shell, steps)


def graph_of(n: int) -> dict[str, Any]:
    """A graph of n steps as docs/graph.md has it: 20 layers, each step after two of the layer before, one output each."""
    width = max(1, n // 20)
    nodes = []
    for i in range(n):
        sources = [f"{j:08x}" for j in {i - width, i - width - 1} if j >= 0]
        port = {"mode": "mount", "path_on_compute": None, "overwrite": False, "reference": "data"}
        inputs = [
            {**port, "name": f"in{k}", "source": {"node": s, "output": "out"}, "env": None}
            for k, s in enumerate(sources)
        ]
        output = {**port, "name": "out", "datastore": None, "is_directory": None, "pipeline_output_name": None}
        output |= {"destination": None, "register": None}
        nodes.append(
            {
                "id": f"{i:08x}",
                "name": f"step {i}",
                "kind": "python_script",
                "step_type": "PythonScriptStep",
                "settings": {"script_name": "noop.py"},
                "snapshot": "sha256:" + "0" * 64,
                "compute": {"name": "local", "explicit": False},
                "arguments": [{"literal": "--out"}, {"output": "out"}],
                "inputs": inputs,
                "outputs": [output],
                "parameters": {},
                "environment_variables": {},
                "run_definition": {},
                "allow_reuse": True,
                "version": None,
                "after": [],
            }
        )
    return {"schema": 1, "description": None, "default_datastore": None, "parameters": [], "nodes": nodes}
