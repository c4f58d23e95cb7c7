"""Real kills of the server while steps are digested, reused, published, cleared away and brought back. Not a test by itself:

    python tests/fault/many_reuse_kills.py --kills 300 [--seed 1] [--database postgresql://...]

Pipelines of a few kinds are submitted again and again with reuse on, while outputs are cleared away, brought back and deleted at random, and
the server dies at the named points of all that and at random moments. Every run must complete with the right bytes, what is pinned must
stay, and whatever was cleared away must be aside, whole, or noted as gone.
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
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from conftest import stop_all
from fault.killing import AT_RANDOM, Armed, alive
from integration.served import node

from penstock.model.crashpoints import POINTS
from penstock.store import removals
from penstock.store.database import open_database

KINDS, AT_ONCE, ROUND_KILLS, SETTLE_SECONDS = 6, 3, 30, 90
OVER = ("Completed", "Failed", "Canceled")
MAKES = b"""
import os, sys
out = os.environ["AZUREML_DATAREFERENCE_out"]
os.makedirs(out, exist_ok=True)
given = os.environ["AZUREML_DATAREFERENCE_in"]
text = "".join(open(os.path.join(given, n)).read() for n in sorted(os.listdir(given)))
open(os.path.join(out, "text"), "w").write(text + sys.argv[1])
"""


class Reusing(Armed):
    """A server that dies at the points that reuse and clearing away come by."""

    points = tuple(p for p in POINTS if p.startswith(("clear.", "digest.", "hit.", "publish.", "copy.", "commit.")))


class Story:
    """The runs submitted, what was done to outputs, and what was wrong."""

    def __init__(self, crashing: Reusing) -> None:
        self.crashing, self.rng = crashing, crashing.rng
        self.store = (crashing.home / "workspaces/w/workspaceblobstore").resolve()
        self.made = crashing.client.snapshot(a__py=MAKES)
        self.open: dict[str, int] = {}
        self.pinned: dict[str, int] = {}
        self.n_runs = 0
        self.counts: Counter[str] = Counter()
        self.problems: list[str] = []
        for kind in range(KINDS):
            (self.store / f"given{kind}").mkdir(parents=True)
            (self.store / f"given{kind}" / "data").write_text(f"given{kind} ")

    def submit(self) -> None:
        kind = self.rng.randrange(KINDS)
        given = {"name": "in", "source": {"datastore": "workspaceblobstore", "path": f"given{kind}"}}
        before = {"name": "in", "source": {"node": "00000000", "output": "out"}}
        copied = {"name": "out", "destination": f"kept/{kind}", "reference": "data"}
        more = {"allow_reuse": True}
        steps = [
            node(self.made, inputs=[given], arguments=[{"literal": "one "}], **more),
            node(self.made, 1, inputs=[before], arguments=[{"literal": "two"}], outputs=[copied], **more),
        ]
        self.n_runs += 1
        run_id, _ = self.crashing.submit(f"key {self.n_runs}", steps)
        self.open[run_id] = kind

    def care(self) -> None:
        """Something happens to outputs, or does not."""
        what = self.rng.choice(("clear", "clear", "clear", "restore", "purge", "nothing"))
        if what == "clear":
            asked = {"max_age_seconds": self.rng.choice((0, 0.5, 2))}
            asked = asked if self.rng.random() < 0.5 else {"max_bytes": self.rng.choice((0, 20, 60))}
            done = self.crashing.ask("POST", "/gc", {**asked, "delete": True})
            self.counts["outputs cleared away"] += len(done["outputs"])
        elif what == "restore":
            done = self.crashing.ask("POST", "/gc/restore", {})
            self.counts["outputs brought back"] += done.get("restored", 0)
        elif what == "purge":
            self.counts["outputs deleted"] += self.crashing.ask("POST", "/gc/purge", {})["deleted"]

    def look(self) -> None:
        for run_id, kind in list(self.open.items()):
            status = self.crashing.run(run_id)["status"]
            if status not in OVER:
                continue
            del self.open[run_id]
            self.counts[f"runs {status}"] += 1
            if status != "Completed":
                self.problems.append(f"run {run_id} is {status}: {self.crashing.children_errors(run_id)}")
                continue
            rows = self.crashing.ask("GET", f"/ws/w/runs/{run_id}/children")["value"]
            self.counts["steps reused"] += sum("azureml.isreused" in r["properties"] for r in rows)
            self.counts["steps run"] += sum("azureml.isreused" not in r["properties"] for r in rows)
            if len(self.pinned) < 3 and self.rng.random() < 0.05:
                self.crashing.ask("PUT", f"/ws/w/runs/{run_id}/pin", {})
                outputs = self.crashing.ask("GET", f"/ws/w/runs/{run_id}/outputs")["value"]
                if not any(o["cleared"] for o in outputs):
                    self.pinned[run_id] = kind

    def settle(self) -> None:
        until = time.monotonic() + SETTLE_SECONDS
        while self.open and time.monotonic() < until:
            self.look()
            time.sleep(0.02)
        self.problems += [f"run {run_id} is not over" for run_id in self.open]
        self.open.clear()
        self.crashing.ask("GET", "/server")
        self.crashing.ask("POST", "/gc", {"max_age_seconds": 1e9, "delete": True})  # takes up what deaths left

    def check(self) -> None:
        """Every output that a run points at has the right bytes, or is noted as cleared away; nothing else is aside."""
        self.problems += self.crashing.complaints()
        database = open_database(self.crashing.environ.get("PENSTOCK_DATABASE") or self.crashing.home / "penstock.db")
        try:
            with database.read() as connection:
                rows = removals.kept_outputs(connection)
                noted = removals.in_state(connection, "going", "aside", "returning", "gone")
        finally:
            database.close()
        states = {r["path"]: r for r in noted}
        self.problems += [f"{r['path']} is still {r['state']}" for r in noted if r["state"] in ("going", "returning")]
        asides = set((self.store / ".staging" / ".removed").glob("*/*"))
        wanted = {
            self.store / ".staging/.removed" / r["sweep"] / f"{r['run_id']}.{r['name']}": r
            for r in noted
            if r["state"] == "aside"
        }
        self.problems += [f"{p.name} is aside and not noted" for p in asides - set(wanted)]
        self.problems += [f"{p.name} is noted and not aside" for p in set(wanted) - asides]
        for row in rows:
            removed = states.get(row["path"])
            place = self.store / row["path"]
            if removed is None:
                self._check_bytes(place, row)
            elif place.exists():
                self.problems.append(f"{row['path']} is {removed['state']}, and there")
        for path, row in wanted.items():
            self._check_bytes(path, row)
        for run_id in self.pinned:
            outputs = self.crashing.ask("GET", f"/ws/w/runs/{run_id}/outputs")["value"]
            self.problems += [f"{o['path']} of pinned run {run_id} was cleared away" for o in outputs if o["cleared"]]

    def _check_bytes(self, place: Path, row: dict) -> None:
        try:
            text = (place / "text").read_text()
        except OSError as error:
            self.problems.append(f"the output of run {row['run_id']} at {place} cannot be read: {error}")
            return
        if len(text) != row["size_bytes"] or text not in {
            f"given{k} one {t}" for k in range(KINDS) for t in ("", "two")
        }:
            self.problems.append(f"the output of run {row['run_id']} holds {text!r}")


def play(asked: argparse.Namespace) -> tuple[Reusing, Story, int, float]:
    home = Path(tempfile.mkdtemp(prefix="reuse-kills-", dir="/tmp"))
    started, n_random = time.monotonic(), 0
    environ = {"PENSTOCK_DATABASE": asked.database} if asked.database else {}
    with Reusing(home, random.Random(asked.seed), **environ) as crashing:
        crashing.children_errors = lambda run_id: [
            r["error"] for r in crashing.ask("GET", f"/ws/w/runs/{run_id}/children")["value"]
        ]
        crashing.start()
        crashing.prepare()
        story = Story(crashing)

        def n_kills() -> int:
            crashing.reap()
            return n_random + crashing.deaths.total()

        while n_kills() < asked.kills and not story.problems:
            until = min(asked.kills, n_kills() + ROUND_KILLS)
            while n_kills() < until and not story.problems:
                while len(story.open) < AT_ONCE:
                    story.submit()
                story.care()
                time.sleep(crashing.rng.expovariate(20))
                pid = alive(home / "server.json")
                if pid is not None and crashing.rng.random() < 0.2 and not crashing.is_spared(pid):
                    crashing.killed(pid)
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                        n_random += 1
                story.look()
            story.settle()
            story.check()
            seconds = time.monotonic() - started
            print(
                f"{n_kills()} kills, {dict(story.counts)}, {len(story.problems)} wrong, {seconds:.0f} s",
                file=sys.stderr,
                flush=True,
            )
        crashing.stop()
        stop_all(home)
    if not story.problems:
        shutil.rmtree(home, ignore_errors=True)
    return crashing, story, n_random, time.monotonic() - started


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", default="", metavar="URL", help="a PostgreSQL database in place of SQLite")
    crashing, story, n_random, seconds = play(parser.parse_args())
    for point in Reusing.points:
        print(f"{point:<24}{crashing.deaths[point]:>6}")
    print(f"{AT_RANDOM:<24}{n_random:>6}")
    print(f"{'all kills':<24}{n_random + crashing.deaths.total():>6}")
    for what, n in sorted(story.counts.items()):
        print(f"{what:<24}{n:>6}")
    print(f"{'wrong':<24}{len(story.problems):>6}   ({seconds:.0f} s)")
    print("\n".join(story.problems[:20]))
    return 1 if story.problems else 0


if __name__ == "__main__":
    sys.exit(main())
