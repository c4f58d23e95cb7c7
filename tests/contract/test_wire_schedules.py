"""Schedules on the paths that clients of the original call."""

from __future__ import annotations

import pytest
from contract.test_wire import BASE, Wire
from contract.test_wire import wire as wire
from integration.served import wait_for

RULE = {"Frequency": "Week", "Interval": 2, "StartTime": "2040-01-02T00:00:00", "TimeZone": "Pacific Standard Time"}


def create(wire: Wire, **more: object) -> dict:
    info = {"ExperimentName": "scheduled", "ParameterAssignments": {"rate": 0.5}, "ContinueRunOnStepFailure": True}
    body = {"Name": "s", "PipelineId": wire.pipeline, "PipelineSubmissionInfo": info, **more}
    status, found = wire.call("POST", BASE + "/Schedules/Create", body)
    assert status == 200, found
    return found


def test_a_schedule_is_made_read_and_changed_in_the_words_of_the_original(wire: Wire) -> None:
    times = {"Hours": [6], "Minutes": [30], "WeekDays": ["Monday"]}
    made = create(wire, Recurrence={**RULE, "Schedule": times}, Description="d", overlap="skip")
    assert made["EntityStatus"] == "Active" and made["ProvisioningStatus"] == "Completed"
    assert made["ScheduleType"] == "Recurrence" and made["NextRunTime"] == "2040-01-02T14:30:00Z"
    assert made["PipelineSubmissionInfo"]["ParameterAssignments"] == {"rate": 0.5}
    assert made["PipelineSubmissionInfo"]["ContinueRunOnStepFailure"] is True and made["Overlap"] == "skip"
    path = f"{BASE}/Schedules/{made['Id']}"
    assert wire.call("GET", path)[1] == {**made}
    changed = wire.call("PUT", path, {"entitystatus": "Disabled", "NAME": "other"})[1]
    assert (changed["EntityStatus"], changed["Name"], changed["Recurrence"]) == (
        "Disabled",
        "other",
        made["Recurrence"],
    )
    listed = {place: wire.call("GET", BASE + "/Schedules" + place)[1] for place in ("", "?activeOnly=false")}
    assert made["Id"] not in [s["Id"] for s in listed[""]]
    assert made["Id"] in [s["Id"] for s in listed["?activeOnly=false"]]
    assert made["Id"] in [s["Id"] for s in wire.call("GET", f"{BASE}/Schedules/Pipeline/{wire.pipeline}")[1]]
    assert wire.call("GET", f"{BASE}/Schedules/PipelineEndpoint/none") == (200, [])


def test_one_that_watches_data_is_made_too(wire: Wire) -> None:
    made = create(wire, DataStoreName="workspaceblobstore", PathOnDataStore="in", PollingInterval=2)
    found = {k: made[k] for k in ("ScheduleType", "Recurrence", "PathOnDataStore", "PollingInterval", "NextRunTime")}
    assert found == {
        "ScheduleType": "DataStore",
        "Recurrence": None,
        "PathOnDataStore": "in",
        "PollingInterval": 2,
        "NextRunTime": None,
    }
    wire.call("PUT", f"{BASE}/Schedules/{made['Id']}", {"EntityStatus": "Disabled"})


def test_its_runs_are_found_by_it(wire: Wire) -> None:
    made = create(wire, Recurrence={"cron": "0 0 1 1 *"})
    path = f"{BASE}/PipelineRuns/Schedule/{made['Id']}"
    assert wire.call("GET", path) == (200, []) and wire.call("GET", path + "/Last") == (200, None)
    wire.client("POST", f"/ws/w/schedules/{made['Id']}/run-now")
    wait_for(lambda: wire.call("GET", path)[1])
    (run,) = wire.call("GET", path)[1]
    assert (run["ScheduleId"], run["RunType"], run["PipelineId"]) == (made["Id"], "Schedule", wire.pipeline)
    assert wire.call("GET", path + "/Last")[1]["Id"] == run["Id"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"Recurrence": [1]}, "recurrence is a list"),
        ({"Recurrence": {"Frequency": "Daily"}}, "frequency must be one of"),
        ({"Recurrence": {**RULE, "TimeZone": "Mars"}}, "no time zone 'Mars'"),
        ({"Recurrence": RULE, "PipelineId": "none"}, "no published pipeline 'none'"),
        ({"Recurrence": RULE, "PipelineSubmissionInfo": "x"}, "pipelinesubmissioninfo is a str"),
        ({"Recurrence": RULE, "PipelineSubmissionInfo": {}}, "no experiment_name"),
        ({"Recurrence": RULE, "EntityStatus": 5, "Name": None}, "has no name"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_kept(wire: Wire, more: dict, said: str) -> None:
    before = wire.call("GET", BASE + "/Schedules?activeOnly=false")[1]
    info = {"ExperimentName": "scheduled"}
    sent = {"Name": "s", "PipelineId": wire.pipeline, "PipelineSubmissionInfo": info, **more}
    status, answer = wire.call("POST", BASE + "/Schedules/Create", sent)
    assert status in (400, 404) and said in answer["error"]["message"] and answer["correlation"], answer
    assert wire.call("GET", BASE + "/Schedules?activeOnly=false")[1] == before
    assert wire.call("GET", BASE + "/Schedules/none")[0] == 404
