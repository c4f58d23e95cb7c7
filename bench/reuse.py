"""A pipeline of many steps run again with nothing changed, beside the least that could be done: a stat of every file that counts and one
transaction. Not a test: python bench/reuse.py [--steps 2000] [--demo] [--peers]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import Any

from rerun import graph, pipeline, submit

SCRIPT = "import sys\nopen(sys.argv[1], 'w').write(sys.argv[2] + ''.join(open(p).read() for p in sys.argv[3:]))\n"
PEER_SECONDS = 300.0


def script(folder: Path, n: int) -> list[str]:
    """The command of a script that makes the pipeline, submits it and waits: what an author runs again, as the peers' commands are run."""
    return [sys.executable, str(Path(__file__).with_name("rerun.py")), str(folder), str(n)]


def demo(ws: Any, times: int) -> list[float]:
    """Seconds from the submit call to Finished of the example, made anew each time (its data are uploaded again), with nothing changed."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples/diabetes"))
    import run as example

    taken = []
    for _ in range(times + 2):
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            made = example.pipeline(ws)
        taken.append(submit(ws, made)[0])
    return taken[2:]  # the first ran; the second read what that left


def floor(store: Path, n: int) -> float:
    """Seconds for a stat of every published file and one transaction of a row a step."""
    began = time.perf_counter()
    found = [os.stat(os.path.join(f, name)) for f, _, names in os.walk(store / "azureml") for name in names]
    database = sqlite3.connect(store / "floor.db")
    database.execute("CREATE TABLE IF NOT EXISTS run (id TEXT, at REAL)")
    with database:
        database.executemany("INSERT INTO run VALUES (?, ?)", [(str(i), 0.0) for i in range(n)])
    database.close()
    assert len(found) >= n
    return time.perf_counter() - began


def snakemake(folder: Path, n: int) -> list[str]:
    """A folder in which Snakemake has nothing to do on the same graph, and the command that finds so."""
    rules = ["rule all:\n    input: " + ", ".join(f"'o{i}'" for i in range(n)) + "\n"]
    for i, sources in enumerate(graph(n)):
        given = "".join(f"'o{j}'," for j in sources)
        rules.append(f"rule s{i}:\n    input: {given}\n    output: 'o{i}'\n    shell: 'echo {i} > {{output}}'\n")
    (folder / "Snakefile").write_text("\n".join(rules))
    for i in range(n):
        (folder / f"o{i}").write_text(str(i))
    for i in range(n):  # older first, as a run would have left them
        os.utime(folder / f"o{i}", (1_700_000_000 + i, 1_700_000_000 + i))
    command = [str(installed(folder, "snakemake")), "--cores", "2", "--quiet", "all"]
    once([*command, "--touch"], folder)
    return command


def dvc(folder: Path, n: int) -> list[str]:
    """The same for DVC: one stage a step, its outputs taken as made already by `dvc commit`."""
    stages = {}
    for i, sources in enumerate(graph(n)):
        (folder / f"o{i}").write_text(str(i))
        stages[f"s{i}"] = {"cmd": f"echo {i} > o{i}", "deps": [f"o{j}" for j in sources], "outs": [f"o{i}"]}
    (folder / "dvc.yaml").write_text(json.dumps({"stages": stages}))  # JSON is YAML
    program = str(installed(folder, "dvc"))
    once([program, "init", "--no-scm", "--quiet"], folder)
    once([program, "commit", "--force", "--quiet"], folder)
    return [program, "repro", "--quiet"]


def installed(folder: Path, name: str) -> Path:
    """The program, in an environment of its own that goes with the folder."""
    venv.create(folder / "venv", with_pip=True, symlinks=True)
    once([str(folder / "venv/bin/python"), "-m", "pip", "install", "--quiet", name], folder)
    return folder / "venv/bin" / name


def once(command: list[str], folder: Path) -> float:
    """Seconds that the command takes. One that takes longer than PEER_SECONDS is given up, and counts as that."""
    began = time.perf_counter()
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PEER_SECONDS)
    except subprocess.TimeoutExpired:
        return PEER_SECONDS
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed: {done.stderr[-2000:]}")
    return time.perf_counter() - began


def compare(ws: Any, made: Any, home: Path, n: int, times: int) -> None:
    """Ours and each peer's, in turn: the machine may be busier at one time than at another."""
    commands = {"our whole script": (script(home / "src", n), home)}
    for prepare in (snakemake, dvc):
        folder = home / prepare.__name__
        folder.mkdir()
        commands[prepare.__name__] = (prepare(folder, n), folder)
    ours: list[float] = []
    theirs: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(times):
        ours.append(submit(ws, made)[0])
        for name, (command, folder) in commands.items():
            theirs[name].append(once(command, folder))
    again = statistics.median(ours)
    print(f"ours, beside these                  {again:8.2f} s")
    for name, seconds in theirs.items():
        other = statistics.median(seconds)
        print(f"{name + ', nothing to be done':<35} {other:8.2f} s   {other / again:.1f} times ours")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--demo", action="store_true", help="the example of README too")
    parser.add_argument("--peers", action="store_true", help="Snakemake and DVC too, in environments of their own")
    asked = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="reuse-"))
    os.environ["PENSTOCK_HOME"] = str(home / "home")
    from azureml.core import Workspace

    try:
        (home / "src").mkdir()
        (home / "src/s.py").write_text(SCRIPT)
        ws = Workspace.create("again", subscription_id="s", resource_group="g", exist_ok=True)
        store = Path(ws.get_default_datastore()._root)
        made = pipeline(ws, str(home / "src"), asked.steps)
        seconds, _ = submit(ws, made)
        print(f"{asked.steps} steps run the first time  {seconds:8.2f} s")
        ours, least, whole = [], [], []
        for _ in range(asked.times):
            again, run = submit(ws, made)
            n_reused = sum(d.verdict == "reused" for d in run.why())
            assert n_reused == asked.steps, n_reused
            ours.append(again)
            least.append(floor(store, asked.steps))
            whole.append(once(script(home / "src", asked.steps), home))
        again, bare = statistics.median(ours[1:] or ours), statistics.median(least)
        print(f"again, all reused (the first time)  {ours[0]:8.2f} s")
        print(f"again, all reused                   {again:8.2f} s")
        print(f"stats and one transaction           {bare:8.3f} s   ratio {again / bare:.1f}")
        print(f"the whole script again              {statistics.median(whole[1:] or whole):8.2f} s")
        if asked.demo:
            print(f"the example again, all reused       {statistics.median(demo(ws, 10)) * 1000:8.0f} ms  (aim 100)")
        if asked.peers:
            compare(ws, made, home, asked.steps, min(asked.times, 3))
    finally:
        subprocess.run([sys.executable, "-m", "penstock", "stop"], capture_output=True, check=False)
        shutil.rmtree(home, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
