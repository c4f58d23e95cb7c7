"""What the processes of one home cost, from /proc and the job folders: CPU seconds by process, resident memory."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TICK = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cpu:
    """CPU seconds so far. `below_node` is what the node's children took, living and ended, with the scripts that they ran."""

    client: float
    server: float
    node: float
    below_node: float

    def since(self, before: Cpu, scripts: float) -> dict[str, float]:
        return {
            "client": self.client - before.client,
            "server": self.server - before.server,
            "node": self.node - before.node,
            "stubs": max(0.0, self.below_node - before.below_node - scripts),
            "scripts": scripts,
        }


@contextlib.contextmanager
def fresh_home() -> Iterator[Path]:
    """A new PENSTOCK_HOME with a short path; its server is stopped and its folder removed at the end."""
    home = Path(tempfile.mkdtemp(prefix="pb-"))
    before = os.environ.get("PENSTOCK_HOME")
    os.environ["PENSTOCK_HOME"] = str(home)
    try:
        yield home
    finally:
        stop(home)
        if before is None:
            del os.environ["PENSTOCK_HOME"]
        else:
            os.environ["PENSTOCK_HOME"] = before
        shutil.rmtree(home, ignore_errors=True)


def pid_of(home: Path, name: str) -> int | None:
    """The pid in `server.json` or `node.lock`, when that process still lives."""
    try:
        pid = int(json.loads((home / name).read_text())["pid"])
    except (OSError, ValueError, KeyError):
        return None
    return pid if Path(f"/proc/{pid}").exists() else None


def stop(home: Path) -> None:
    for name in ("server.json", "node.lock"):
        if pid := pid_of(home, name):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            _wait_for_end(pid)


def _wait_for_end(pid: int, seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while _is_alive(pid) and time.monotonic() < until:
        time.sleep(0.01)


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def cpu(home: Path) -> Cpu:
    server, node = pid_of(home, "server.json"), pid_of(home, "node.lock")
    own, below = _times(node)
    below += sum(sum(_times(pid)) for pid in _children(node))
    return Cpu(time.process_time(), _times(server)[0], own, below)


def _children(pid: int | None) -> list[int]:
    listing = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(p) for p in listing.read_text().split()] if pid and listing.exists() else []


def _times(pid: int | None) -> tuple[float, float]:
    """(its own CPU seconds, those of its ended children)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0, 0.0  # none, or ended just now
    user, system, child_user, child_system = (int(f) * TICK for f in fields[11:15])
    return user + system, child_user + child_system


def scripts_cpu(home: Path, run_ids: list[str]) -> float:
    """CPU seconds of the scripts of these steps, as their stubs measured them."""
    total = 0.0
    for run_id in run_ids:
        usage = json.loads((home / "jobs" / f"{run_id}.1" / "exit.json").read_text()).get("usage") or {}
        total += usage.get("user_seconds", 0.0) + usage.get("system_seconds", 0.0)
    return total


def server_memory(home: Path) -> float:
    """The server's resident memory now, in MB."""
    pid = pid_of(home, "server.json")
    lines = Path(f"/proc/{pid}/status").read_text().splitlines() if pid else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)
