"""Real kills at random moments, for as long as asked: server, node, stubs and scripts, alone and together. Not a test by itself:

    python tests/fault/many_kills.py --kills 500 [--seed 1] [--database postgresql://...]

Runs are submitted without a pause while a killer strikes; each is checked when it has ended, all of it when the killing is over.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from conftest import stop_all
from fault.crashing import Crashing, three_steps

AT_ONCE = 4
VICTIMS = ("server", "node", "stub", "script")
OVER = ("Completed", "Failed", "Canceled")


class Killer:
    """Kills what runs below one home, and counts."""

    def __init__(self, crashing: Crashing, rng: random.Random) -> None:
        self.crashing, self.rng = crashing, rng
        self.counts: Counter[str] = Counter()
        self.hurt: set[str] = set()

    def strike(self) -> None:
        """Kills one kind of process, sometimes two or three together."""
        kinds = self.rng.sample(VICTIMS, self.rng.choice((1, 1, 1, 2, 3)))
        found = [(kind, pid) for kind in kinds for pid in self._of(kind)]
        for kind, pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
                self.counts[kind] += 1
                self._note(pid)
            except ProcessLookupError:
                pass

    def _of(self, kind: str) -> list[int]:
        home = self.crashing.home
        if kind == "server":
            return [pid] if (pid := _alive(home / "server.json")) else []
        if kind == "node":
            return [pid] if (pid := _alive(home / "node.lock")) else []
        name = "started" if kind == "stub" else "running"
        folders = [f for f in (home / "jobs").glob("*") if not (f / "exit.json").exists()]
        found = [(folder, pid) for folder in folders if (pid := _alive(folder / name))]
        if not found:
            return []
        folder, pid = self.rng.choice(found)
        return [] if (folder / "exit.json").exists() else [pid]

    def _note(self, pid: int) -> None:
        """Which jobs a killed process took along: a stub may have gone on to the next since it was chosen."""
        for folder in (self.crashing.home / "jobs").iterdir():
            records = _text(folder / "started") + _text(folder / "running")
            if f'"pid": {pid},' in records and not (folder / "exit.json").exists():
                self.hurt.add(folder.name)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _alive(record: Path) -> int | None:
    """The process that a record names, if it is still that very one."""
    try:
        content = json.loads(record.read_text())
        stat = Path(f"/proc/{content['pid']}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError, KeyError):
        return None
    return content["pid"] if stat[0] not in "ZX" and int(stat[19]) == content["start_time"] else None


class Story:
    """The runs submitted, and what was wrong with those that ended."""

    def __init__(self, crashing: Crashing) -> None:
        self.crashing = crashing
        self.open: dict[str, list[str]] = {}
        self.ended: Counter[str] = Counter()
        self.problems: list[str] = []
        self.steps: dict[str, list[str]] = {}
        self.slowest = 0.0

    def submit(self) -> None:
        run_id, step_ids = self.crashing.submit(f"key {len(self.steps)}", three_steps(self.crashing.snapshots["runs"]))
        self.open[run_id] = self.steps[run_id] = step_ids

    def look(self) -> None:
        for run_id in list(self.open):
            began = time.monotonic()
            status = self.crashing.run(run_id)["status"]
            self.slowest = max(self.slowest, time.monotonic() - began)
            if status in OVER:
                del self.open[run_id]
                self.ended[status] += 1

    def check(self, hurt: set[str]) -> None:
        """Each step ran at most once, a completed one exactly once, with its outputs there; none failed that nobody hurt."""
        began = Counter(self.crashing.began())
        store = self.crashing.home / "workspaces/w/workspaceblobstore"
        for run_id, step_ids in self.steps.items():
            rows = self.crashing.ask("GET", f"/ws/w/runs/{run_id}/children")["value"]
            outputs = self.crashing.ask("GET", f"/ws/w/runs/{run_id}/outputs")["value"]
            for row in rows:
                self._check_step(row, began[row["id"]], [o for o in outputs if o["run_id"] == row["id"]], store, hurt)
            if {r["id"] for r in rows} != set(step_ids):
                self.problems.append(f"{run_id} has other steps than it had")

    def _check_step(self, row, n_began, outputs, store, hurt) -> None:
        who, status = f"step {row['name']} {row['id']}", row["status"]
        if n_began > 1:
            self.problems.append(f"{who} began {n_began} times")
        visible = list((store / "azureml").glob(f"{row['id']}/*/*"))
        if status == "Completed":
            if n_began != 1:
                self.problems.append(f"{who} is Completed and began {n_began} times")
            wrong = [o for o in outputs if {p.read_text() for p in (store / o["path"]).iterdir()} != {row["id"]}]
            if wrong or (row["name"] != "step 2") != (len(outputs) == 1):
                self.problems.append(f"{who} has the outputs {outputs}")
        elif visible:
            self.problems.append(f"{who} is {status}, and {visible} are visible")
        names = {f"{row['id']}.{n}" for n in range(1, 10)}
        if status == "Failed" and not names & hurt:
            self.problems.append(f"{who} failed, and nobody had hurt it: {row['error']}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database")
    asked = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="kills-"))
    environ = {"PENSTOCK_DATABASE": asked.database} if asked.database else {}
    started = time.monotonic()
    with Crashing(home, **environ) as crashing:
        crashing.start()
        crashing.prepare()
        killer, story = Killer(crashing, random.Random(asked.seed)), Story(crashing)
        while killer.counts.total() < asked.kills:
            while len(story.open) < AT_ONCE:
                story.submit()
            time.sleep(killer.rng.expovariate(6.0))
            killer.strike()
            story.look()
            seconds = time.monotonic() - started
            print(
                f"\r{killer.counts.total()} kills, {story.ended.total()} runs, {seconds:.0f} s", end="", file=sys.stderr
            )
        print(file=sys.stderr)
        until = time.monotonic() + 60
        while story.open and time.monotonic() < until:
            story.look()
        story.problems += [f"run {run_id} is not over" for run_id in story.open]
        story.check(killer.hurt)
        crashing.stop()
        stop_all(home)
        story.problems += crashing.complaints()
    _print(killer, story, time.monotonic() - started)
    if not story.problems:
        shutil.rmtree(home, ignore_errors=True)
    return 1 if story.problems else 0


def _print(killer: Killer, story: Story, seconds: float) -> None:
    for kind in VICTIMS:
        print(f"{kind:<10} {killer.counts[kind]:>5} killed")
    print(
        f"{'all':<10} {killer.counts.total():>5} killed in {seconds:.0f} s, {killer.crashing.n_died} servers seen dead by the client"
    )
    for status in OVER:
        print(f"{status:<10} {story.ended[status]:>5} runs")
    print(f"longest wait for an answer: {story.slowest:.1f} s")
    print("\n".join(story.problems) or "Nothing was lost, nothing was done twice, nothing was half visible.")


if __name__ == "__main__":
    sys.exit(main())
