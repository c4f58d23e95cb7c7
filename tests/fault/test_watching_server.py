"""Schedules that watch data in real servers: told by the system, submitting published pipelines, killed in between."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from forked import serve
from integration.served import Client, node, wait_for, wait_until_served

Json = dict[str, Any]
WRITE = b"""
import sys
from pathlib import Path
for out in map(Path, sys.argv[1:]):
    out.mkdir(parents=True, exist_ok=True)
    (out / "made.txt").write_text("made")
"""
WRITE_AND_ASK = (
    WRITE
    + b"""
from azureml.core import Run
print(Run.get_context().parent.get_properties()["penstock.changed"])
"""
)


class Served:
    """A server with a published pipeline, and a folder that is watched."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.start()
        self.root = Path(self.client("GET", "/ws/w/datastores/workspaceblobstore")[1]["root"])
        self.pipeline_id = self.publish(WRITE_AND_ASK)

    def publish(self, script: bytes) -> str:
        settings = self.client.snapshot(a__py=script)
        outputs = [{"name": "out"}, {"name": "kept", "destination": "data/kept"}]
        made = node(
            settings, outputs=outputs, arguments=[{"output": "out"}, {"output": "kept"}], compute={"name": "local"}
        )
        body = {"name": "p", "graph": {"schema": 1, "nodes": [made]}, "interpreter": {"executable": sys.executable}}
        status, found = self.client("POST", "/ws/w/pipelines", body)
        assert status == 201, found
        return str(found["id"])

    def start(self, **environ: str) -> None:
        self.process = serve(self.home, **environ)
        self.client: Client = wait_until_served(self.home, self.process)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def watch(self, **more: object) -> str:
        body = {"name": "s", "experiment_name": "e", "pipeline_id": self.pipeline_id, **more}
        status, found = self.client("POST", "/ws/w/schedules", body)
        assert status == 201, found
        return str(found["id"])

    def put(self, path: str) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("x")

    def ticks(self, schedule_id: str) -> list[Json]:
        found: list[Json] = self.client("GET", f"/ws/w/schedules/{schedule_id}/ticks")[1]["value"]
        return found

    def fired(self, schedule_id: str, n: int) -> list[Json]:
        """The ticks, when n of them have fired."""
        return list(
            wait_for(
                lambda: (
                    [t for t in self.ticks(schedule_id) if t["verdict"] == "fired"][n - 1 :] and self.ticks(schedule_id)
                )
            )
        )


@pytest.fixture
def served(home: Path) -> Iterator[Served]:
    made = Served(home)
    yield made
    made.process.terminate()
    made.process.wait()


def test_a_change_is_told_submitted_and_readable_in_the_step(served: Served) -> None:
    made = served.watch(path_on_datastore="in")
    served.put("in/deep/a.csv")
    (tick,) = served.fired(made, 1)
    served.client.follow(tick["run_id"])
    (step,) = served.client.children(tick["run_id"])
    log = served.client.raw("GET", f"/api/v1/ws/w/runs/{step['id']}/files/azureml-logs/70_stdout.txt")[1].decode()
    assert (step["status"], log.strip()) == ("Completed", '["in/deep/a.csv"]'), step
    changed = {"path": "in/deep/a.csv", "n": 1, "created": ["in/deep/a.csv"], "modified": [], "deleted": []}
    assert served.client("GET", f"/ws/w/runs/{step['id']}/changed") == (200, changed)
    assert served.client("GET", f"/ws/w/schedules/{made}/runs")[1]["value"] == [tick["run_id"]]
    assert {k: tick["evidence"][k] for k in ("by", "changed", "created", "own")} == {
        "by": "data",
        "changed": 1,
        "created": 1,
        "own": 0,
    }


def test_what_its_own_runs_write_is_recorded_and_does_not_fire(served: Served) -> None:
    made = served.watch()  # all of the datastore, its runs' outputs with it
    served.put("in/a.csv")
    (tick,) = served.fired(made, 1)
    served.client.follow(tick["run_id"])
    assert (served.root / "data/kept/made.txt").read_text() == "made"
    skipped = wait_for(lambda: [t for t in served.ticks(made) if t["verdict"] == "skipped"])
    assert "its own runs wrote" in skipped[0]["reason"]
    served.put("data/kept/made.txt")  # the copy of an output, but written by somebody else
    ticks = served.fired(made, 2)
    assert served.client("GET", f"/ws/w/runs/{ticks[0]['run_id']}/changed")[1]["modified"] == ["data/kept/made.txt"]


def test_killed_between_the_look_and_the_submission_each_batch_has_one_run(served: Served) -> None:
    # A step that asks for something while no server lives has the SDK start one, before this test does.
    made = served.watch(path_on_datastore="in", pipeline_id=served.publish(WRITE))
    served.kill()
    for n in range(1, 4):
        served.put(f"in/{n}.csv")
        dying = serve(served.home, PENSTOCK_CRASH_AT=f"commit.after:{n}")
        dying.wait(timeout=30)
        assert dying.returncode == -signal.SIGKILL
        served.start()
        served.fired(made, n)
        served.kill()
    served.start()
    ticks = served.fired(made, 3)
    runs = served.client("GET", f"/ws/w/schedules/{made}/runs")[1]["value"]
    assert len(ticks) == len(set(runs)) == 3
    lists = [served.client("GET", f"/ws/w/runs/{r}/changed")[1]["created"] for r in reversed(runs)]
    assert lists == [[f"in/{n}.csv"] for n in range(1, 4)]
    assert len(served.client("GET", "/ws/w/runs?type=pipeline")[1]["value"]) == 3


def test_a_folder_that_is_made_anew_is_watched_anew(served: Served) -> None:
    served.put("in/a.csv")
    made = served.watch(path_on_datastore="in", settle_seconds=0.1)
    served.put("in/b.csv")
    served.fired(made, 1)
    (served.root / "in").rename(served.root / "away")
    served.put("in/c.csv")
    served.put("in/d/e.csv")
    ticks = served.fired(made, 2)
    assert {"in/c.csv", "in/d/e.csv"} >= set(
        served.client("GET", f"/ws/w/runs/{ticks[0]['run_id']}/changed")[1]["created"]
    )
