"""What cannot be a schedule, as any HTTP client may send it: one clear refusal, never a failure of the server, and nothing kept."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from forked import serve
from integration.served import Client, node, wait_until_served

Json = dict[str, Any]
WRONG = (0, -1, 1.5, "", "x", [], [1], {}, {"a": 1}, True, "\0", "9" * 300)
SETTINGS = (
    "name", "status", "pipeline_id", "pipeline_endpoint_id", "experiment_name", "recurrence", "description", "pipeline_parameters",
    "continue_on_step_failure", "datastore", "path_on_datastore", "polling_interval", "data_path_parameter_name", "catch_up",
    "overlap", "pause_after", "recursive", "on_delete", "settle_seconds", "regenerate_outputs", "datasets",
)  # fmt: skip
RULES = ("cron", "frequency", "interval", "start_time", "time_zone", "hours", "minutes", "week_days")
WEEKLY = {"frequency": "Week", "interval": 1, "start_time": "2040-01-01T00:00:00"}


class Served:
    def __init__(self, home: Path) -> None:
        self.process = serve(home, "--embedded")
        self.client: Client = wait_until_served(home, self.process)
        graph = {"schema": 1, "nodes": [node(self.client.snapshot(a__py=b""), outputs=[])]}
        body = {"name": "p", "graph": graph, "interpreter": {"executable": sys.executable}}
        self.good = {
            "name": "s",
            "pipeline_id": self.client("POST", "/ws/w/pipelines", body)[1]["id"],
            "experiment_name": "e",
            "recurrence": WEEKLY,
        }
        self.made = self.client("POST", "/ws/w/schedules", self.good)[1]

    def n_schedules(self) -> int:
        return len(self.client("GET", "/ws/w/schedules")[1]["value"])

    def send(self, method: str, path: str, body: Json) -> int:
        """The status; that of a refusal only when it says what and how."""
        status, answer = self.client(method, path, body)
        if status >= 400:
            message = answer["error"]["message"]
            assert status in (400, 404) and (message.endswith((".", "?", "!")) or " penstock " in message), (
                body,
                answer,
            )
        return int(status)


@pytest.fixture(scope="module")
def served(module_home: Path) -> Iterator[Served]:
    made = Served(module_home)
    yield made
    made.client("POST", "/shutdown", {"force": True})
    assert made.process.wait(30) == 0


@pytest.mark.parametrize("name", SETTINGS)
def test_no_setting_makes_the_server_fail(served: Served, name: str) -> None:
    by_data = {k: v for k, v in served.good.items() if k != "recurrence"}
    for wrong in WRONG:
        for base in (served.good, by_data):
            before = served.n_schedules()
            is_made = served.send("POST", "/ws/w/schedules", {**base, name: wrong}) == 201
            assert served.n_schedules() == before + is_made
        served.send("PUT", f"/ws/w/schedules/{served.made['id']}", {name: wrong})


@pytest.mark.parametrize("name", RULES)
def test_no_recurrence_makes_the_server_fail(served: Served, name: str) -> None:
    for wrong in WRONG:
        for frequency in ("Week", "Minute", None):
            rule = {**WEEKLY, "frequency": frequency, name: wrong}
            body = {**served.good, "recurrence": {k: v for k, v in rule.items() if v is not None}}
            served.send("POST", "/ws/w/schedules", body)


@pytest.mark.parametrize("name", ["from", "to", "at_once", "dry_run"])
def test_no_backfill_makes_the_server_fail(served: Served, name: str) -> None:
    for wrong in WRONG:
        body = {"from": "2040-01-01", "to": "2040-01-02", name: wrong}
        served.send("POST", f"/ws/w/schedules/{served.made['id']}/backfill", body)


def test_a_parameter_that_is_to_get_the_changed_path_is_one_of_the_pipeline(served: Served) -> None:
    body = {**served.good, "path_on_datastore": "in", "data_path_parameter_name": "where"}
    del body["recurrence"]
    status, answer = served.client("POST", "/ws/w/schedules", body)
    assert status == 400 and "Pipeline parameter with name where does not exist" in answer["error"]["message"]


def test_what_is_asked_for_of_one_that_is_not_there_is_not_found(served: Served) -> None:
    for method, path in (
        ("GET", ""),
        ("PUT", ""),
        ("GET", "/ticks"),
        ("GET", "/next"),
        ("GET", "/runs"),
        ("POST", "/run-now"),
        ("POST", "/backfill"),
    ):
        status, answer = served.client(method, "/ws/w/schedules/none" + path, {} if method != "GET" else None)
        assert status == 404 and "penstock schedule list" in answer["error"]["message"]
