"""Environments registered with a workspace, against a real server."""

from __future__ import annotations

import subprocess
import sys

import pytest

from azureml.core import Environment, Workspace
from azureml.core.conda_dependencies import CondaDependencies
from azureml.exceptions import UserErrorException


@pytest.fixture(scope="module")
def ws(module_workspace: Workspace) -> Workspace:
    return module_workspace


def test_each_new_definition_is_a_version(ws: Workspace) -> None:
    environment = Environment("mine")
    assert environment.register(ws).version == environment.register(ws).version == "1"
    environment.environment_variables = {"A": "1"}
    environment.python.conda_dependencies = CondaDependencies.create(pip_packages=["joblib"])
    assert environment.register(ws).version == "2"
    assert Environment.get(ws, "mine").version == "2"
    assert Environment.get(ws, "mine", "1").environment_variables == {}
    assert list(Environment.get(ws, "mine").python.conda_dependencies.pip_packages) == list(
        environment.python.conda_dependencies.pip_packages
    )
    assert Environment.list(ws)["mine"].version == ws.environments["mine"].version == "2"


def test_another_process_finds_them(ws: Workspace) -> None:
    Environment("shared").register(ws)
    code = (
        "from azureml.core import Environment, Workspace; print(Environment.get(Workspace.get('ws'), 'shared').version)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "1", done.stderr


def test_a_label_is_on_one_version(ws: Workspace) -> None:
    environment = Environment("labeled")
    environment.register(ws)
    environment.environment_variables = {"A": "1"}
    environment.register(ws)
    Environment.label(ws, "labeled", "1", ["good"])
    assert Environment.get(ws, "labeled", label="good").version == "1"
    Environment.label(ws, "labeled", "2", ["good"])
    assert Environment.get(ws, "labeled", label="good").version == "2"


def test_what_is_not_there_or_not_allowed(ws: Workspace) -> None:
    with pytest.raises(UserErrorException, match="'nothing' is not registered in workspace 'ws'"):
        Environment.get(ws, "nothing")
    Environment("once").register(ws)
    with pytest.raises(UserErrorException, match=r"has no version 7 in workspace 'ws'. It has: 1"):
        Environment.get(ws, "once", 7)
    with pytest.raises(UserErrorException, match="reserved for curated ones"):
        Environment("AzureML-Mine").register(ws)


def test_a_curated_name_resolves(ws: Workspace) -> None:
    found = Environment.get(ws, "AzureML-Minimal")
    assert (found.name, found.python.user_managed_dependencies) == ("AzureML-Minimal", True)
    assert (
        Environment.get(ws, "AzureML-sklearn-1.0-ubuntu20.04-py38-cpu", version=3).clone("mine too").name == "mine too"
    )
