"""The author's side of bench/reuse.py: a pipeline of many steps, made and submitted as a script would.

python bench/rerun.py FOLDER STEPS
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import Any

LAYERS = 20


def graph(n: int) -> list[list[int]]:
    """For each step the steps it reads: LAYERS layers, each step after two of the layer before."""
    width = max(1, n // LAYERS)
    return [[j for j in sorted({i - width, i - width - 1}) if j >= 0] for i in range(n)]


def pipeline(ws: Any, folder: str, n: int) -> Any:
    """Of n steps that run s.py in `folder`."""
    from azureml.pipeline.core import Pipeline, PipelineData
    from azureml.pipeline.steps import PythonScriptStep

    outputs = [PipelineData(f"out{i}", is_directory=False) for i in range(n)]
    steps = []
    for i, sources in enumerate(graph(n)):
        inputs = [outputs[j] for j in sources]
        given = [outputs[i], str(i), *inputs]
        more = {"source_directory": folder, "compute_target": "local"}
        steps.append(
            PythonScriptStep("s.py", name=f"step {i}", arguments=given, inputs=inputs, outputs=[outputs[i]], **more)
        )
    return Pipeline(ws, steps)


def submit(ws: Any, made: Any) -> tuple[float, Any]:
    """Seconds from the submit call to Finished, and the run."""
    from azureml.core import Experiment

    began = time.perf_counter()
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        run = Experiment(ws, "again").submit(made)
        assert run.wait_for_completion(show_output=False) == "Finished"
    return time.perf_counter() - began, run


if __name__ == "__main__":
    from azureml.core import Workspace

    workspace = Workspace.get("again", subscription_id="s", resource_group="g")
    submit(workspace, pipeline(workspace, sys.argv[1], int(sys.argv[2])))
