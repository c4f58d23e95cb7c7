"""The end of the story that the product began with: a published pipeline runs each day, and whenever data change. As its readers write it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from conformance.test_seed import data_pipeline
from conformance.test_seed import scripts as scripts
from conformance.test_seed import ws as ws


@pytest.fixture
def published_pipeline(ws: Any) -> Any:
    return data_pipeline(ws).publish(name="training_pipeline", description="Model training pipeline", version="1.0")


def last_run(pipeline_schedule: Any) -> Any:
    """Its last run, when there is one."""
    until = time.monotonic() + 60
    while (run := pipeline_schedule.get_last_pipeline_run()) is None:
        assert time.monotonic() < until, pipeline_schedule.ticks()
        time.sleep(0.05)
    return run


def test_a_published_pipeline_is_run_each_day(ws: Any, published_pipeline: Any) -> None:
    from azureml.pipeline.core import Schedule, ScheduleRecurrence

    daily = ScheduleRecurrence(frequency="Day", interval=1)
    pipeline_schedule = Schedule.create(
        ws,
        name="Daily Training",
        description="trains model every day",
        pipeline_id=published_pipeline.id,
        experiment_name="Training_Pipeline",
        recurrence=daily,
    )
    run = last_run(pipeline_schedule)  # without a start time the first is at once
    assert run.wait_for_completion(show_output=False) == "Finished"
    assert run.find_step_run("train model")[0].get_metrics()["rows"] == 10
    assert run.experiment.name == "Training_Pipeline"
    coming = pipeline_schedule.next(2)
    assert len(coming) == 2 and coming[0][10:] == coming[1][10:], "each day at the time of its creation"
    pipeline_schedule.disable()


def test_a_file_put_into_a_mapped_datastore_runs_a_published_pipeline(
    ws: Any, published_pipeline: Any, tmp_path: Path
) -> None:
    from azureml.core import Datastore
    from azureml.pipeline.core import Schedule

    Datastore.register_azure_blob_container(
        ws, "blob_data", container_name="training", account_name="an-account", account_key="a-key"
    )
    folder = tmp_path / "on this machine"
    (folder / "data/training").mkdir(parents=True)
    (folder / "data/training/old.csv").write_text("a\n1\n")
    command = [sys.executable, "-m", "penstock", "datastore", "map", "blob_data", str(folder), "-w", ws.name]
    subprocess.run(command, check=True, capture_output=True)
    published_pipeline_id = published_pipeline.id

    training_datastore = Datastore(workspace=ws, name="blob_data")
    pipeline_schedule = Schedule.create(
        ws,
        name="Reactive Training",
        description="trains model on data change",
        pipeline_id=published_pipeline_id,
        experiment_name="Training_Pipeline",
        datastore=training_datastore,
        path_on_datastore="data/training",
    )
    assert pipeline_schedule.get_last_pipeline_run() is None, "what is there already does not fire"
    (folder / "data/training/2026").mkdir()
    (folder / "data/training/2026/new.csv").write_text("a\n2\n")
    run = last_run(pipeline_schedule)
    assert run.get_properties()["penstock.changed"] == '["data/training/2026/new.csv"]'
    assert run.wait_for_completion(show_output=False) == "Finished"
    assert [r.id for r in pipeline_schedule.get_pipeline_runs()] == [run.id]
    pipeline_schedule.disable()
