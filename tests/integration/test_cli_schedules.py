"""`penstock schedule` against a real server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from forked import serve
from integration.served import Client, node, wait_for, wait_until_served


@pytest.fixture(scope="module")
def client(module_home: Path) -> Iterator[Client]:
    process = serve(module_home, "--embedded")
    client = wait_until_served(module_home, process)
    graph = {"schema": 1, "nodes": [node(client.snapshot(a__py=b"print('hi')"), outputs=[])]}
    body = {"name": "p", "graph": graph, "interpreter": {"executable": sys.executable}}
    made = client("POST", "/ws/w/pipelines", body)[1]["id"]
    rules = {"nightly": {"cron": "30 2 * * *", "time_zone": "Europe/Berlin"}, "often": {"cron": "* * * * * *"}}
    said = []
    for name, rule in rules.items():
        wanted = {"name": name, "pipeline_id": made, "experiment_name": "e", "recurrence": rule}
        status, answer = client("POST", "/ws/w/schedules", wanted)
        assert status == 201
        said.append(answer["notes"])
    assert "penstock service install" in said[0][0] and said[1] == [], "said once"
    wanted = {"name": "watching", "pipeline_id": made, "experiment_name": "e", "path_on_datastore": "in"}
    assert client("POST", "/ws/w/schedules", wanted)[0] == 201
    yield client
    client("POST", "/shutdown", {"force": True})
    assert process.wait(30) == 0


def cli(*arguments: str, ok: bool = True) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "penstock", "schedule", *arguments, "-w", "w"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode == 0) is ok, done.stderr
    return done.stdout if ok else done.stderr


def test_schedules_are_listed_and_shown_with_when_they_are_due(client: Client) -> None:
    listed = cli("list")
    for text in ("nightly", "30 2 * * * (Europe/Berlin)", "changes of workspaceblobstore/in", "Active"):
        assert text in listed
    assert {s["name"] for s in json.loads(cli("list", "--json"))["value"]} == {"nightly", "often", "watching"}
    assert "30 2 * * * (Europe/Berlin)" in cli("show", "nightly")
    coming = cli("next", "nightly", "-n", "3").splitlines()
    assert coming[0].split() == ["IN", "Europe/Berlin", "UTC"] and all("T02:30:00+0" in line for line in coming[1:])
    assert cli("next", "often", "-n", "1").splitlines()[0] == "IN UTC"
    status = subprocess.run([sys.executable, "-m", "penstock", "status"], capture_output=True, text=True, timeout=60)
    assert "(embedded: stays for its active schedules and published pipelines)" in status.stdout
    assert "fires when data changes below workspaceblobstore/in" in cli("next", "watching")


def test_what_became_of_each_due_time_is_told(client: Client) -> None:
    wait_for(lambda: "fired" in cli("ticks", "often"))
    (tick, *_) = json.loads(cli("ticks", "often", "-n", "1", "--json"))["value"]
    assert tick["verdict"] in ("fired", "due") and tick["scheduled_at"].endswith("Z")
    assert "is disabled" in cli("disable", "often") and "penstock schedule enable" in cli("next", "often")
    assert "often" not in cli("list") and "often" in cli("list", "--all")
    assert "is active" in cli("enable", "often")
    cli("disable", "often")


def test_one_is_run_now_and_caught_up_by_hand(client: Client) -> None:
    assert "Fired 'nightly'" in cli("run-now", "nightly")
    wait_for(lambda: "Completed" in cli("ticks", "nightly"))
    span = ("--from", "2026-11-01T00:00:00", "--to", "2026-11-03T12:00:00")
    assert cli("backfill", "nightly", *span, "--dry-run").splitlines() == [
        "2026-11-01T01:30:00Z",
        "2026-11-02T01:30:00Z",
        "2026-11-03T01:30:00Z",
        "3 due times would be run, 1 at once.",
    ]
    assert "3 due times will be run, 2 at once" in cli("backfill", "nightly", *span, "--at-once", "2")
    wait_for(lambda: cli("ticks", "nightly").count("Completed") == 4)
    assert cli("backfill", "nightly", *span, "--dry-run") == "0 due times would be run, 1 at once.\n"


def test_settings_are_changed_and_shown(client: Client) -> None:
    assert "overlap is skip, pause_after is 3" in cli("set", "nightly", "--overlap", "skip", "--pause-after", "3")
    assert json.loads(cli("set", "watching", "--direct", "--polling-interval", "0.5", "--json"))["recursive"] is False
    shown = [line.split(None, 1) for line in cli("show", "nightly").splitlines()]
    assert ["overlap", "skip"] in shown and ["pause_after", "3"] in shown and ["catch_up", "latest"] in shown
    assert "Give at least one setting" in cli("set", "nightly", ok=False)


def test_what_is_wrong_is_said_with_the_way_out(client: Client) -> None:
    assert "penstock schedule list --all" in cli("show", "nothing", ok=False)
    assert "Nothing has changed there yet. What makes it fire: penstock schedule next" in cli("ticks", "watching")
    assert "is no time" in cli("backfill", "nightly", "--from", "x", "--to", "y", ok=False)
    assert "watches data" in cli("backfill", "watching", "--from", "2026-11-01", "--to", "2026-11-02", ok=False)
