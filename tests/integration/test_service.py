"""`penstock service`: files that the service managers take as they are, and a server that replaces an embedded one under way."""

from __future__ import annotations

import os
import plistlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import IN_CI
from integration.served import Client, node, serve, wait_for, wait_until_served

from penstock.cli.units import Kept, launchd_agent, systemd_unit

AWKWARD = Path('/tmp/a b%c$d"e\\f')


def kept(home: Path = AWKWARD) -> Kept:
    return Kept(sys.executable, home, Path("/nowhere"), {"PENSTOCK_SLOTS": "3"})


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        if IN_CI:
            subprocess.run(["apt-get", "install", "-y", "-qq", "systemd"], check=True, capture_output=True)
        else:
            pytest.skip("systemd-analyze is not here")
    unit = tmp_path / "penstock.service"
    unit.write_text(systemd_unit(kept()))
    environ = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)}
    asked = ["systemd-analyze", "verify", "--user", "--man=no", str(unit)]
    done = subprocess.run(asked, capture_output=True, text=True, env=environ)
    assert (done.returncode, done.stderr) == (0, "")
    unit.write_text(systemd_unit(kept()).replace("RestartSec=2", "RestartSec=soon"))
    wrong = subprocess.run(asked, capture_output=True, text=True, env=environ)
    assert "soon" in wrong.stderr  # it does look


def test_a_unit_leaves_steps_alone() -> None:
    lines = systemd_unit(kept()).splitlines()
    assert {"KillMode=process", "OOMPolicy=continue", "Restart=always", 'Environment="PENSTOCK_SLOTS=3"'} <= {*lines}


def test_the_agent_of_launchd_starts_the_same_server() -> None:
    agent = plistlib.loads(launchd_agent(kept()))
    assert agent["ProgramArguments"] == list(kept().argv) and agent["AbandonProcessGroup"] is True
    assert agent["EnvironmentVariables"]["PENSTOCK_HOME"] == str(AWKWARD)


def penstock(*args: str, **environ: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "penstock", *args]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, env={**os.environ, **environ})


@pytest.mark.skipif(sys.platform != "linux", reason="of systemd")
def test_what_is_installed_can_be_seen_and_removed(home: Path, tmp_path: Path) -> None:
    place = {"XDG_CONFIG_HOME": str(tmp_path), "PENSTOCK_SLOTS": "3", "XDG_RUNTIME_DIR": str(tmp_path)}
    done = penstock("service", "install", "--no-start", **place)
    (unit,) = (tmp_path / "systemd/user").glob("penstock-*.service")
    assert done.returncode == 0 and f"systemctl --user restart {unit.stem}" in done.stdout
    assert unit.read_text() == penstock("service", "show", **place).stdout and unit.stat().st_mode & 0o777 == 0o600
    refused = penstock("service", "install", **place)  # there is no systemd of this user's to talk to
    assert refused.returncode == 1 and "systemctl --user enable" in refused.stderr
    assert "penstock: Wrote" in refused.stderr and "could not be started" in refused.stderr
    removed = penstock("service", "uninstall", **place)
    assert not unit.exists() and "could not be stopped" in removed.stderr
    assert "No service was installed" in penstock("service", "uninstall", **place).stdout


def test_a_server_of_the_service_takes_over_from_an_embedded_one(home: Path) -> None:
    first = serve(home, "--embedded")
    client = wait_until_served(home, first)
    client("PUT", "/ws/w/experiments/e", {})
    client("PUT", "/ws/w/computes/cluster", {"settings": {}})
    wait = client.snapshot(
        a__py=b"import os, time\nwhile not os.path.exists('%s'): time.sleep(0.02)\n" % bytes(home / "go")
    )
    status, made = client.submit([node(wait, outputs=[])])
    assert status == 201, made
    run_id = made["run"]["id"]
    wait_for(lambda: client.children(run_id)[0]["status"] == "Running")
    of_service = Kept(sys.executable, home, Path("/nowhere"), {})
    second = serve(home, *of_service.argv[4:], **of_service.environment)
    client = wait_until_served(home, second)
    assert first.wait(30) == 0
    (home / "go").touch()
    client.follow(run_id)
    assert [(s["status"], s["attempt"]) for s in client.children(run_id)] == [("Completed", 1)]
    second.terminate()
    second.wait(30)


def test_a_server_in_the_foreground_is_not_replaced(home: Path) -> None:
    first = serve(home)
    wait_until_served(home, first)
    done = penstock("serve", "--embedded", "--take-over")
    assert done.returncode == 1 and f"is served in the foreground by pid {first.pid}" in done.stderr
    assert Client(home)("GET", "/server")[0] == 200
    first.terminate()
    first.wait(30)
