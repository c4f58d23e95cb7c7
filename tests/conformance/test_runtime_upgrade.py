"""A newer SDK and an older server that runs already."""

import json
import re

import pytest

from azureml._client import SDK_VERSION
from azureml._client.client import Client
from azureml._client.upgrade import is_older
from azureml.core import Experiment, Workspace


def test_the_sdk_knows_its_own_version(checkout):
    for project in ("pyproject.toml", "sdk/pyproject.toml"):
        assert re.search(r'^version = "(.+)"$', (checkout / project).read_text(), re.M).group(1) == SDK_VERSION


@pytest.mark.parametrize(
    ("said", "than", "older"),
    [
        ("0.1.0", "0.2.0", True),
        ("0.9.0", "0.10.0", True),
        ("1.0", "1.0", False),
        ("2.0", "1.9", False),
        (None, "1.0", False),
    ],
)
def test_versions_are_compared_as_numbers(said, than, older):
    assert is_older(said, than) is older


def pretend_older(home):
    """The server's record as an older release would have left it; gives back the server's pid."""
    file = home / "server.json"
    record = json.loads(file.read_text())
    file.write_text(json.dumps({**record, "version": "0.0.1"}))
    return record["pid"]


def test_an_idle_older_server_is_replaced(workspace, home):
    before = pretend_older(home)
    assert Client().server()["pid"] != before
    assert json.loads((home / "server.json").read_text())["version"] == SDK_VERSION
    assert Workspace.get("ws").name == "ws", "with all it held"


def test_a_busy_older_server_is_spoken_to_as_it_is(workspace, home, tmp_path):
    from azureml.pipeline.core import Pipeline
    from azureml.pipeline.steps import PythonScriptStep

    (tmp_path / "wait.py").write_text("import time\ntime.sleep(600)\n")
    step = PythonScriptStep("wait.py", source_directory=str(tmp_path), compute_target="local")
    run = Experiment(workspace, "e").submit(Pipeline(workspace, [step]))
    before = pretend_older(home)
    assert Client().server()["pid"] == before
    run.cancel()
    assert run.wait_for_completion(show_output=False, raise_on_error=False) == "Canceled"
