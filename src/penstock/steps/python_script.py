"""PythonScriptStep: a Python script from the step's snapshot, run by the step's interpreter through the launcher.

Azure: azureml.pipeline.steps.PythonScriptStep.
"""

from __future__ import annotations

from penstock.model.errors import Problem
from penstock.model.graph import Node
from penstock.model.job import Job
from penstock.steps.base import Bound, arguments, job


def to_job(bound: Bound) -> Job:
    """The job that runs the node's script with its arguments."""
    script = str(bound.node.settings["script_name"])
    return job(bound, [bound.interpreter.executable, bound.launcher, script, *arguments(bound)], script)


def check(node: Node) -> list[Problem]:
    """What is wrong with the settings of this kind."""
    script = node.settings.get("script_name")
    if not isinstance(script, str) or not script:
        return [
            Problem(
                f"Step '{node.name}': script_name is required. Name the Python file to run.", node.id, "InvalidGraph"
            )
        ]
    if node.snapshot is None:
        return [
            Problem(
                f"Step '{node.name}' has no snapshot of its source folder. Submit it through the SDK.",
                node.id,
                "InvalidGraph",
            )
        ]
    return []
