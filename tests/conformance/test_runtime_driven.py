"""Runs that a process drives (start_logging): numbered within their experiment, and ended when that process is gone."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from azureml.core import Environment, Experiment, Run, ScriptRunConfig, Workspace
from azureml.exceptions import UserErrorException
from penstock.service.changes import Changes
from penstock.service.runs.driven import GRACE_SECONDS, Driven
from penstock.store.database import open_database


@pytest.fixture(scope="module")
def ws(module_workspace: Workspace) -> Workspace:
    return module_workspace


class Seen:
    """The parts of a context that Driven uses, over the server's own database."""

    def __init__(self, home: Path) -> None:
        self.database, self.changes = open_database(home / "penstock.db"), Changes()


def elsewhere(code: str, *arguments: str) -> str:
    """What another process printed that ran `code`, and has ended."""
    begin = "import sys; from azureml.core import Workspace, Experiment, Run; ws = Workspace.get('ws')\n"
    done = subprocess.run([sys.executable, "-c", begin + code, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_run_whose_process_died_is_ended_with_the_reason(ws: Workspace, module_home: Path) -> None:
    run_id = elsewhere("print(Experiment(ws, 'left').start_logging().id)")
    run = Run.get(ws, run_id)
    mine = Experiment(ws, "left").start_logging()
    assert run.get_status() == "Running"
    driven = Driven(Seen(module_home))  # type: ignore[arg-type]
    assert driven.tick(1000.0) == [] and driven.tick(1000.0 + GRACE_SECONDS - 1) == []
    assert driven.tick(1000.0 + GRACE_SECONDS) == [run_id]
    assert run.get_status() == "Failed"
    assert "has ended without ending the run" in run.get_details()["error"]["error"]["message"]
    assert mine.get_status() == "Running", "this process drives it still"
    mine.complete()
    driven._context.database.close()


def test_another_process_goes_on_with_a_run(ws: Workspace, module_home: Path) -> None:
    run_id = elsewhere("print(Experiment(ws, 'handed-on').start_logging().id)")
    run = Run.get(ws, run_id)
    run.log("from here", 1)
    driven = Driven(Seen(module_home))  # type: ignore[arg-type]
    assert driven.tick(1000.0) == [] and driven.tick(5000.0) == []
    elsewhere("Run.get(ws, sys.argv[1]).log('from a third', 2)", run_id)
    assert driven.tick(9000.0) == [] and driven.tick(99000.0) == [], "a living driver stays the driver"
    run.complete()
    assert run.get_status() == "Completed" and run.get_metrics() == {"from here": 1, "from a third": 2}
    driven._context.database.close()


def test_runs_are_numbered_within_their_experiment(ws: Workspace) -> None:
    first, second = Experiment(ws, "counted-1"), Experiment(ws, "counted-2")
    made = []
    for experiment in (first, second, first, first):
        with experiment.start_logging() as run:
            made.append(run)
    assert [run.number for run in made] == [1, 1, 2, 3]
    child = made[-1].child_run()
    assert (child.number, Run.get(ws, made[1].id).number) == (4, 1)
    child.complete()


def test_a_snapshot_is_restored_as_a_zip(ws: Workspace, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    (source / "script.py").write_text("print('hello')\n")
    (source / "deep/data.bin").write_bytes(bytes(range(256)))
    (source / "tool.sh").write_text("#!/bin/sh\n")
    os.chmod(source / "tool.sh", 0o755)
    run = Experiment(ws, "snapshots").submit(ScriptRunConfig(str(source), "script.py"))
    run.wait_for_completion()
    path = run.restore_snapshot(path=str(tmp_path / "got"))
    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == ["deep/data.bin", "script.py", "tool.sh"]
        assert archive.read("deep/data.bin") == bytes(range(256))
        assert archive.getinfo("tool.sh").external_attr >> 16 & 0o777 == 0o755
    assert Path(run.restore_snapshot(run.get_snapshot_id(), str(tmp_path / "x.zip"))) == tmp_path / "x.zip"
    with pytest.raises(UserErrorException, match="There is no snapshot"):
        run.restore_snapshot("sha256:" + "0" * 64)
    with (
        Experiment(ws, "snapshots").start_logging() as plain,
        pytest.raises(UserErrorException, match="has no snapshot"),
    ):
        plain.restore_snapshot()


def test_a_run_knows_its_environment(ws: Workspace, tmp_path: Path) -> None:
    (tmp_path / "s.py").write_text("")
    config = ScriptRunConfig(str(tmp_path), "s.py", environment=Environment("mine"))
    config.run_config.environment.environment_variables = {"A": "b"}
    run = Experiment(ws, "environments").submit(config)
    run.wait_for_completion()
    assert (run.get_environment().name, run.get_environment().environment_variables) == ("mine", {"A": "b"})
    with (
        Experiment(ws, "environments").start_logging() as plain,
        pytest.raises(UserErrorException, match="no environment"),
    ):
        plain.get_environment()
