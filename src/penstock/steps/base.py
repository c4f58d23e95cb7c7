"""What a step kind is given and must give back."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from penstock.model.graph import Json, Node
from penstock.model.job import Job, JobInput, JobOutput


@dataclass(frozen=True)
class BoundInput:
    """An input with its bytes found: `path` None means only the dataset's id is passed (mode direct)."""

    name: str
    mode: str
    reference: str
    path: str | None
    local: str | None
    dataset_id: str | None = None
    tree: tuple[Json, ...] | None = None
    since: float | None = None

    @property
    def text(self) -> str:
        """What an argument that names this input becomes."""
        return (self.local or self.path or "") if self.path is not None else (self.dataset_id or "")


@dataclass(frozen=True)
class BoundOutput:
    name: str
    reference: str
    stage: str
    is_directory: bool | None
    mode: str = "mount"


@dataclass(frozen=True)
class Interpreter:
    """The author's own interpreter. `sdk_path` is the folder that holds `azureml` there."""

    executable: str
    sdk_path: str | None = None


@dataclass(frozen=True)
class Bound:
    """One step with everything it needs bound to values and paths."""

    node: Node
    run_id: str
    attempt: int
    root_id: str
    values: Json
    inputs: tuple[BoundInput, ...]
    outputs: tuple[BoundOutput, ...]
    interpreter: Interpreter
    launcher: str
    env: dict[str, str]


StepKind = Callable[[Bound], Job]


def arguments(bound: Bound) -> list[str]:
    """The node's arguments as final text, one entry each."""
    texts: dict[str, dict[str, str]] = {
        "input": {i.name: i.text for i in bound.inputs},
        "output": {o.name: o.stage for o in bound.outputs},
    }
    return [_text(a, bound, texts) for a in bound.node.arguments]


def _text(argument: Json, bound: Bound, texts: dict[str, dict[str, str]]) -> str:
    ((key, value),) = argument.items()
    if key == "parts":
        return "".join(_text(part, bound, texts) for part in value)
    if key == "parameter":
        return parameter_text(bound.values[value])
    return texts[key][value] if key in texts else str(value)


def parameter_text(value: Any) -> str:
    """A parameter's value as it stands on a command line."""
    if isinstance(value, dict):
        return str(value.get("dataset") or f"{value.get('datastore')}/{value.get('path') or ''}")
    return str(value)


def environment(bound: Bound) -> dict[str, str]:
    """The variables of docs/step.md that depend on ports and parameters, over the service's own."""
    env = dict(bound.env)
    modes, file_outputs, links = [], [], []
    for port in bound.inputs:
        if port.reference == "dataset":
            env[port.name] = port.text
            modes.append(f"{port.name}:{port.mode}")
        else:
            env[f"AZUREML_DATAREFERENCE_{port.name}"] = port.text
    for out in bound.outputs:
        if out.mode == "link":
            links.append(out.name)
        elif out.reference == "dataset":
            env[out.name] = out.stage
            file_outputs.append(out.name)
        else:
            env[f"AZUREML_DATAREFERENCE_{out.name}"] = out.stage
    if modes:
        env["AZUREML_DATASET_ENVIRONMENT_VARS"] = ",".join(modes)
    if file_outputs:
        env["AZUREML_DATASET_FILE_OUTPUTS"] = ";".join(file_outputs)
    if links:
        env["AZUREML_LINK_DATASET_OUTPUTS"] = ";".join(links)
    for name, value in bound.node.parameters.items():
        chosen = bound.values[value["parameter"]] if "parameter" in value else value["literal"]
        env["AML_PARAMETER_" + re.sub(r"\W", "_", name)] = parameter_text(chosen)
    if (
        "MLFLOW_TRACKING_URI" in bound.node.environment_variables
    ):  # an MLflow server of the author's knows nothing of our runs
        env = {k: v for k, v in env.items() if not k.startswith("MLFLOW_")}
    env.update(bound.node.environment_variables)
    return env


def job(bound: Bound, argv: list[str], script: str | None) -> Job:
    """The Job of a step whose command line is `argv`."""
    inputs = tuple(
        JobInput(i.name, i.mode, i.path, i.local or i.path, i.tree, i.since) for i in bound.inputs if i.path is not None
    )
    return Job(
        run_id=bound.run_id,
        attempt=bound.attempt,
        root_id=bound.root_id,
        step=bound.node.name,
        argv=tuple(argv),
        script=script,
        env=environment(bound),
        sdk_path=bound.interpreter.sdk_path,
        snapshot=bound.node.snapshot,
        inputs=inputs,
        outputs=tuple(JobOutput(o.name, o.stage, o.is_directory) for o in bound.outputs if o.mode != "link"),
        timeout_seconds=bound.node.timeout_seconds,
        watch=bound.node.allow_reuse,
    )
