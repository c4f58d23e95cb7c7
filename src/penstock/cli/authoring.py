"""Pipelines from YAML files: read by the SDK, in the Python that their steps are to run in, as a process of its own.

The SDK is another distribution, for other Pythons, so none of it is imported here: the code below is what an author would write.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from penstock.cli.places import Place
from penstock.cli.trouble import BAD_USAGE, FAILED, Trouble

F = TypeVar("F")
Json = dict[str, Any]
NO_SDK = 77
"""How the code below ends where there is no SDK."""
_BEGIN = f"""
import json, sys
try:
    import azureml
    if getattr(azureml, "_DISTRIBUTION", None) != "penstock-sdk":
        raise ImportError("Microsoft's azureml packages are there in its place: give penstock-sdk an environment of its own.")
    from azureml.core import Datastore, Experiment, Workspace
    from azureml.data.datapath import DataPath
    from azureml.pipeline.core import Pipeline
except ImportError as error:
    print(error, file=sys.stderr)
    sys.exit({NO_SDK})
said = json.load(sys.stdin)
answer, sys.stdout = sys.stdout, sys.stderr
try:
    workspace = Workspace.get(said["workspace"])
    pipeline = Pipeline.load_yaml(workspace, said["file"])
"""
_PUBLISH = """
    made = pipeline.publish(**said["publish"])
"""
_SUBMIT = """
    def typed(default, text):
        if isinstance(default, bool):
            return {"true": True, "false": False}[text.lower()]
        if isinstance(default, DataPath):
            store, _, path = text.partition("/")
            return DataPath(Datastore.get(workspace, store), path)
        return type(default)(text) if isinstance(default, (int, float)) else text
    given, defaults = {}, {name: p.default_value for name, p in pipeline.graph.params.items()}
    for name, text in said["parameters"].items():
        try:
            given[name] = typed(defaults.get(name), text)
        except (KeyError, ValueError):
            kind = type(defaults[name]).__name__
            raise ValueError("The parameter {} is of type {}, and {!r} is none.".format(name, kind, text)) from None
    made = Experiment(workspace, said["experiment"]).submit(pipeline, pipeline_parameters=given, **said["submit"])
"""
_END = """
except Exception as error:
    print(json.dumps({"error": getattr(error, "message", None) or str(error)}), file=answer)
else:
    print(json.dumps({"id": made.id}), file=answer)
"""


def python_option(command: F) -> F:
    """`--python`, the author's interpreter."""
    return click.option(
        "--python",
        metavar="PATH",
        help="The Python that reads the file and runs the steps; it has penstock-sdk. Default: that of the active environment, else this command's.",
    )(command)  # type: ignore[type-var]


@dataclass(frozen=True)
class Author:
    """A Python with the SDK in it, and the environment in which it finds the same server as this command."""

    python: str
    environ: Mapping[str, str]

    @classmethod
    def of(cls, at: Place, home: str | None, python: str | None, environ: Mapping[str, str] = os.environ) -> Author:
        kept = dict(environ)
        if at.url:
            kept["PENSTOCK_URL"] = at.url
        elif home:
            kept = {k: v for k, v in kept.items() if k not in ("PENSTOCK_URL", "PENSTOCK_TOKEN")}
        if home:
            kept["PENSTOCK_HOME"] = str(at.home)
        return cls(_chosen(python, environ), kept)

    def publish(self, workspace: str, file: str, said: Json) -> str:
        """The id of the pipeline that was published. What the SDK says of it beside that, as how long its server stays, is said on stderr."""
        return self._run(_PUBLISH, file, {"workspace": workspace, "publish": said}, is_heard=True)

    def submit(self, workspace: str, file: str, said: Json) -> str:
        """The id of the run that was submitted. `said`: experiment, parameters as text, and what Experiment.submit takes as `submit`."""
        return self._run(_SUBMIT, file, {"workspace": workspace, **said})

    def _run(self, act: str, file: str, said: Json, is_heard: bool = False) -> str:
        if not Path(file).is_file():
            raise Trouble(
                f"There is no file '{file}' to read the pipeline from. Give the path of a YAML file.", BAD_USAGE
            )
        command = [self.python, "-c", _BEGIN + act + _END]
        sent = json.dumps({"file": file, **said})
        try:
            done = subprocess.run(command, input=sent, capture_output=True, text=True, env=self.environ)
        except OSError as error:
            raise Trouble(
                f"{self.python} cannot be run: {error.strerror}. Name a Python with --python PATH.", BAD_USAGE
            ) from None
        if done.returncode == NO_SDK:
            raise Trouble(self._no_sdk(done.stderr.strip()), FAILED)
        try:
            answer = json.loads(done.stdout)
        except ValueError:
            said_last = " ".join(done.stderr.strip().splitlines()[-1:])
            raise Trouble(
                f"{self.python} could not read '{file}': {said_last or f'it ended with status {done.returncode}'}."
            ) from None
        if "error" in answer:
            raise Trouble(str(answer["error"]), BAD_USAGE)  # it was read or checked: nothing was started
        if is_heard:
            click.echo(done.stderr, nl=False, err=True)
        return str(answer["id"])

    def _no_sdk(self, why: str) -> str:
        if "No module named" not in why:
            return f"{self.python} cannot import penstock-sdk. {why}"
        return (
            f"A pipeline's YAML is read with penstock-sdk, and {self.python} does not have it. Install it there "
            f"({self.python} -m pip install penstock-sdk), or name the Python that your steps run in: --python PATH."
        )


def _chosen(given: str | None, environ: Mapping[str, str]) -> str:
    if given:
        return given if os.sep in given else _on_path(given, environ)
    for active in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        python = Path(environ.get(active, "")) / "bin" / "python"
        if environ.get(active) and os.access(python, os.X_OK):
            return str(python)
    return sys.executable


def _on_path(name: str, environ: Mapping[str, str]) -> str:
    import shutil

    return shutil.which(name, path=environ.get("PATH")) or name
