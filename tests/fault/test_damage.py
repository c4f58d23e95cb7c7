"""A home that somebody damages while it is in use: what can be told is told, and nothing is done twice for it."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

from integration.served import node, serve, wait_for, wait_until_served

WAITS = b"""
import os, time
from pathlib import Path
with open(Path(os.environ["PENSTOCK_HOME"], "begun"), "a") as begun:
    begun.write(f"{os.getpid()}\\n")
while not Path(os.environ["PENSTOCK_HOME"], "go").exists():
    time.sleep(0.02)
"""


def test_a_running_step_whose_job_folder_is_removed_is_lost_and_does_not_begin_again(home: Path) -> None:
    process = serve(home, "--embedded")
    client = wait_until_served(home, process)
    answer = client.submit([node(client.snapshot(a__py=WAITS))])[1]
    run_id, step_id = answer["run"]["id"], answer["steps"][0]["run_id"]
    wait_for(lambda: client.run(step_id)["status"] == "Running")
    shutil.rmtree(home / "jobs" / f"{step_id}.1")
    client.follow(run_id)
    (child,) = client.children(run_id)
    assert (child["status"], child["attempt"]) == ("Failed", 1) and "was lost" in child["error"]["message"]
    (pid,) = (home / "begun").read_text().split()
    os.kill(int(pid), signal.SIGKILL)
    process.terminate()
    process.wait(30)
