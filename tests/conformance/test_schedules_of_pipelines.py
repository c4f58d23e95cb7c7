"""Schedules as authors make and use them, against a real server."""

from __future__ import annotations

import inspect
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from azureml.core import Dataset, Workspace
from azureml.data.datapath import DataPath, DataPathComputeBinding
from azureml.exceptions import UserErrorException
from azureml.pipeline.core import (
    Pipeline,
    PipelineEndpoint,
    PipelineParameter,
    PublishedPipeline,
    Schedule,
    ScheduleRecurrence,
    TimeZone,
)
from azureml.pipeline.steps import PythonScriptStep


@pytest.fixture(scope="module")
def ws(module_workspace: Workspace) -> Workspace:
    return module_workspace


@pytest.fixture(scope="module")
def published(ws: Workspace, tmp_path_factory: pytest.TempPathFactory) -> PublishedPipeline:
    folder = tmp_path_factory.mktemp("scripts")
    (folder / "say.py").write_text("import sys\nprint('rate', sys.argv[1])\n")
    rate = PipelineParameter("rate", 0.1)
    step = PythonScriptStep("say.py", source_directory=str(folder), compute_target="cpu", arguments=[rate])
    return Pipeline(ws, [step]).publish("scheduled")


def wait_for_run(schedule: Schedule, n: int = 1) -> list:
    until = time.monotonic() + 60
    while len(found := schedule.get_pipeline_runs()) < n:
        assert time.monotonic() < until, "no run came"
        time.sleep(0.05)
    return found


def test_a_daily_schedule_runs_at_once_and_knows_when_it_is_next(ws: Workspace, published: PublishedPipeline) -> None:
    daily = ScheduleRecurrence(frequency="Day", interval=1)
    schedule = Schedule.create(
        ws,
        name="Daily Training",
        description="trains model every day",
        pipeline_id=published.id,
        experiment_name="Training_Pipeline",
        recurrence=daily,
        pipeline_parameters={"rate": 0.5},
        wait_for_provisioning=True,
    )
    (run,) = wait_for_run(schedule)
    assert run.wait_for_completion(show_output=False) == "Finished"
    (step,) = run.get_steps()
    assert step.get_stdout_log() == "rate 0.5\n"
    assert run.get_properties()["azureml.scheduleId"] == schedule.id and run.get_properties()["runType"] == "Schedule"
    assert schedule.get_last_pipeline_run().id == run.id
    assert len(schedule.next(3)) == 3 and schedule.status == "Active"
    assert "Recurrence Details: Runs every Day" in str(schedule)
    fetched = Schedule.get(ws, schedule.id)
    assert (fetched.name, fetched.pipeline_id, fetched.recurrence.frequency) == ("Daily Training", published.id, "Day")
    schedule.disable()
    assert schedule.status == "Disabled" and schedule.id not in [s.id for s in Schedule.list(ws)]
    assert schedule.id in [s.id for s in Schedule.get_schedules_for_pipeline_id(ws, published.id)]
    schedule.enable(wait_for_provisioning=True)
    assert Schedule.get(ws, schedule.id).status == "Active"
    schedule.disable()


def test_a_schedule_in_the_future_has_no_run_yet_and_is_changed(
    ws: Workspace, published: PublishedPipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    weekly = ScheduleRecurrence(
        "Week",
        2,
        start_time="2040-01-02T00:00:00",
        time_zone=TimeZone.PacificStandardTime,
        week_days=["Monday", "Friday"],
        time_of_day="6:30",
    )
    schedule = Schedule.create(
        ws, "later", published.id, "later", recurrence=weekly, wait_for_provisioning=True, wait_timeout=10
    )
    assert "Provisioning status: Completed" in capsys.readouterr().out
    assert schedule.get_last_pipeline_run() is None and schedule.get_pipeline_runs() == []
    assert schedule.next(2) == ["2040-01-02T14:30:00Z", "2040-01-06T14:30:00Z"]
    assert schedule.recurrence.time_zone is TimeZone.PacificStandardTime and schedule.recurrence.hours == [6]
    monthly = ScheduleRecurrence("Month", 1, start_time=datetime(2041, 1, 31, 8))
    schedule.update(name="changed", description="d", recurrence=monthly, pipeline_parameters={"rate": 2})
    assert (schedule.name, schedule.description) == ("changed", "d")
    assert schedule.next(2) == ["2041-01-31T08:00:00Z", "2041-02-28T08:00:00Z"]
    schedule.update(description="e")
    assert schedule.recurrence.frequency == "Month"
    for wrong in ({"status": "Paused"}, {"datastore": ws.get_default_datastore()}, {"path_on_datastore": "x"}):
        with pytest.raises(ValueError, match=r"must be either Active or Disabled|recurrence schedule"):
            schedule.update(**wrong)
    with pytest.raises(UserErrorException, match="rate is float"):
        schedule.update(pipeline_parameters={"rate": "much"})
    schedule.disable()


def test_a_cron_expression_is_taken_too(ws: Workspace, published: PublishedPipeline) -> None:
    schedule = Schedule.create(
        ws,
        "cron",
        published.id,
        "cron",
        recurrence="30 4 * * 1-5",
        time_zone="Europe/Berlin",
        catch_up="none",
        overlap="skip",
    )
    assert schedule.recurrence == "30 4 * * 1-5" and "Runs at 30 4 * * 1-5" in str(schedule)
    first = datetime.fromisoformat(schedule.next(1)[0].replace("Z", "+00:00"))
    assert first > datetime.now(UTC) and first.weekday() < 5
    with pytest.raises(TypeError, match="has no setting 'often'"):
        Schedule.create(ws, "cron", published.id, "cron", recurrence="* * * * *", often=True)
    schedule.disable()


def test_an_endpoint_is_submitted_by_its_default_version(ws: Workspace, published: PublishedPipeline) -> None:
    endpoint = PipelineEndpoint.publish(ws, "scheduled-endpoint", "d", published)
    schedule = Schedule.create_for_pipeline_endpoint(
        ws, "by endpoint", endpoint.id, "by_endpoint", recurrence=ScheduleRecurrence("Hour", 1)
    )
    (run,) = wait_for_run(schedule)
    assert run.get_properties()["azureml.pipelineendpointid"] == endpoint.id
    assert schedule.pipeline_endpoint_id == endpoint.id and schedule.pipeline_id is None
    assert [s.id for s in Schedule.get_schedules_for_pipeline_endpoint_id(ws, endpoint.id)] == [schedule.id]
    schedule.disable()


def test_a_file_put_into_a_watched_folder_runs_the_pipeline_with_its_path(ws: Workspace, tmp_path: Path) -> None:
    store = ws.get_default_datastore()
    (tmp_path / "show.py").write_text("import sys\nprint('where', sys.argv[1])\n")
    where = (PipelineParameter("where", DataPath(store, "watched/none")), DataPathComputeBinding("mount"))
    step = PythonScriptStep(
        "show.py", source_directory=str(tmp_path), compute_target="cpu", arguments=[where], inputs=[where]
    )
    published = Pipeline(ws, [step]).publish("reactive")
    schedule = Schedule.create(
        ws,
        name="Reactive Training",
        description="trains model on data change",
        pipeline_id=published.id,
        experiment_name="Training_Pipeline",
        datastore=store,
        path_on_datastore="watched/training",
        data_path_parameter_name="where",
    )
    assert schedule.recurrence is None and schedule.polling_interval == 5 and schedule.datastore_name == store.name
    assert schedule.get_last_pipeline_run() is None
    (tmp_path / "new.csv").write_text("a,b")
    store.upload_files([str(tmp_path / "new.csv")], target_path="watched/training", show_progress=False)
    (run,) = wait_for_run(schedule)
    assert run.wait_for_completion(show_output=False) == "Finished"
    (ran,) = run.get_steps()
    assert ran.get_stdout_log().strip().endswith("watched/training/new.csv")
    with pytest.raises(ValueError, match="watches data"):
        schedule.update(recurrence=ScheduleRecurrence("Day", 1))
    schedule.disable()


def test_what_is_penstocks_own_is_set_and_seen(ws: Workspace, published: PublishedPipeline) -> None:
    schedule = Schedule.create(
        ws, "own", published.id, "own", recurrence="0 0 1 1 *", overlap="queue", pause_after=3, regenerate_outputs=True
    )
    assert schedule.settings["overlap"] == "queue" and schedule.settings["catch_up"] == "latest"
    assert schedule.settings["pause_after"] == 3 and schedule.settings["datasets"] == "captured"
    schedule.update(catch_up="all", pause_after=0)
    assert Schedule.get(ws, schedule.id).settings["catch_up"] == "all" and not schedule.settings["pause_after"]
    ids = set()
    for n in range(2):
        schedule.run_now()
        run = wait_for_run(schedule, n + 1)[0]
        assert run.wait_for_completion(show_output=False) == "Finished"
        ids.update(step.id for step in run.get_steps() if not step.get_properties().get("azureml.isreused"))
    assert len(ids) == 2, "with regenerate_outputs each run ran its step"
    ticks = schedule.ticks()
    assert [(t["verdict"], t["run_status"], t["evidence"]["by"]) for t in ticks] == [
        ("fired", "Completed", "run-now")
    ] * 2
    schedule.disable()


def test_one_whose_pipeline_is_disabled_says_so(ws: Workspace, tmp_path: Path) -> None:
    (tmp_path / "say.py").write_text("print('hi')")
    step = PythonScriptStep("say.py", source_directory=str(tmp_path), compute_target="cpu")
    switched = Pipeline(ws, [step]).publish("switched")
    schedule = Schedule.create(ws, "told", switched.id, "told", recurrence="0 0 1 1 *")
    assert schedule.warnings == []
    switched.disable()
    (said,) = Schedule.get(ws, schedule.id).warnings
    assert (
        said
        == f"Its pipeline 'switched' is disabled: nothing is submitted until penstock pipeline enable {switched.id}"
    )
    schedule.run_now()
    until = time.monotonic() + 60
    while schedule.ticks()[0]["verdict"] != "failed":
        assert time.monotonic() < until, schedule.ticks()
        time.sleep(0.05)
    assert "is disabled" in schedule.ticks()[0]["reason"] and len(Schedule.get(ws, schedule.id).warnings) == 2
    switched.enable()
    schedule.disable()


def test_the_newest_versions_of_datasets_are_taken_only_when_asked_for(ws: Workspace, tmp_path: Path) -> None:
    store = ws.get_default_datastore()
    for name in ("one", "two"):
        (tmp_path / f"{name}.csv").write_text(f"a\n{name}\n")
    store.upload_files(
        [str(tmp_path / f"{n}.csv") for n in ("one", "two")], target_path="versions", show_progress=False
    )
    captured = Dataset.Tabular.from_delimited_files((store, "versions/one.csv")).register(ws, "versions")
    (tmp_path / "read.py").write_text(
        "from azureml.core import Run\nprint('read', *Run.get_context().input_datasets['raw'].to_pandas_dataframe()['a'])\n"
    )
    step = PythonScriptStep(
        "read.py", source_directory=str(tmp_path), compute_target="cpu", inputs=[captured.as_named_input("raw")]
    )
    published = Pipeline(ws, [step]).publish("reads")
    newer = Dataset.Tabular.from_delimited_files((store, "versions/two.csv"))
    newer.register(ws, "versions", create_new_version=True)
    seen = {}
    for choice in ("captured", "latest"):
        schedule = Schedule.create(ws, choice, published.id, "reads", recurrence="0 0 1 1 *", datasets=choice)
        schedule.run_now()
        (run,) = wait_for_run(schedule)
        assert run.wait_for_completion(show_output=False) == "Finished"
        (ran,) = run.get_steps()
        seen[choice] = (ran.get_stdout_log().strip(), run.get_properties().get("penstock.datasets"))
        schedule.disable()
    assert seen == {"captured": ("read one", None), "latest": ("read two", '{"versions": 2}')}


def test_a_folder_that_is_not_there_yet_is_watched_too(published: PublishedPipeline, tmp_path: Path) -> None:
    fresh = Workspace.create("fresh", subscription_id="0", resource_group="tests", exist_ok=True)
    (tmp_path / "say.py").write_text("print('hi')")
    step = PythonScriptStep("say.py", source_directory=str(tmp_path), compute_target="cpu")
    made = Pipeline(fresh, [step]).publish("fresh")
    schedule = Schedule.create(fresh, "waits", made.id, "e", path_on_datastore="not/there/yet")
    assert schedule.status == "Active" and schedule.get_last_pipeline_run() is None
    fresh.get_default_datastore().upload_files(
        [str(tmp_path / "say.py")], target_path="not/there/yet", show_progress=False
    )
    wait_for_run(schedule)
    schedule.disable()


def test_what_cannot_be_together_is_refused_before_the_server_is_asked(ws: Workspace) -> None:
    day = ScheduleRecurrence("Day", 1)
    with pytest.raises(ValueError, match="Both recurrence and datastore"):
        Schedule.create(ws, "n", "p", "e", recurrence=day, datastore=ws.get_default_datastore())
    for more in ({"data_path_parameter_name": "x"}, {"path_on_datastore": "x"}):
        with pytest.raises(ValueError, match="for schedules that watch"):
            Schedule.create(ws, "n", "p", "e", recurrence=day, **more)
    with pytest.raises(ValueError, match="frequency must be one of"):
        Schedule.create(ws, "n", "p", "e", recurrence=ScheduleRecurrence("Daily", 1))
    with pytest.raises(UserErrorException, match="There is no published pipeline 'p'"):
        Schedule.create(ws, "n", "p", "e", recurrence=day)
    with pytest.raises(ValueError, match="not both"):
        Schedule.list(ws, pipeline_id="a", pipeline_endpoint_id="b")
    assert inspect.signature(Schedule.create).parameters["polling_interval"].default == 5


def test_a_yaml_file_is_read_as_arguments_of_create(
    ws: Workspace, published: PublishedPipeline, tmp_path: Path
) -> None:
    path = tmp_path / "schedule.yml"
    path.write_text(
        "Schedule:\n  description: from a file\n  recurrence:\n    frequency: Week\n    interval: 1\n"
        "    start_time: 2040-06-04T10:00:00\n    time_zone: UTC\n    week_days: [Monday]\n    time_of_day: '3:40'\n"
        "  pipeline_parameters: {rate: 3.5}\n  wait_for_provisioning: false\n  wait_timeout: 360\n"
    )
    loaded = Schedule.load_yaml(ws, str(path))
    assert loaded["pipeline_parameters"] == {"rate": 3.5} and loaded["recurrence"].hours == [3]
    schedule = Schedule.create(ws, "from yaml", published.id, "yaml", **loaded)
    assert schedule.next(1) == ["2040-06-11T03:40:00Z"]
    schedule.disable()
    path.write_text(
        "Schedule:\n  datastore_name: workspaceblobstore\n  polling_interval: 2\n  path_on_datastore: a\n  continue_on_step_failure: None\n"
    )
    loaded = Schedule.load_yaml(ws, str(path))
    assert loaded["datastore"].name == "workspaceblobstore" and loaded["polling_interval"] == 2
    Schedule.create(ws, "watching from yaml", published.id, "yaml", **loaded).disable()
    path.write_text("Schedule:\n  recurence: 1\n")
    with pytest.raises(ValueError, match="unknown key recurence"):
        Schedule.load_yaml(ws, str(path))
    path.write_text("schedule: 1\n")
    with pytest.raises(ValueError, match="no key Schedule"):
        Schedule.load_yaml(ws, str(path))
