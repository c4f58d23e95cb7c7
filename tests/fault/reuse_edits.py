"""Random pipelines, edited at random and submitted again and again: whatever is reused, every output holds the bytes that running would have
written, and the plan made beforehand comes true. Not a test by itself:

    python tests/fault/reuse_edits.py --sequences 10000 [--seed 1]

The service is the real one, with its database, its digests and its published files; scripts are functions of what a step reads, so that what
each output must hold can be worked out without any of it.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import os
import random
import shutil
import sys
import time
import venv
from collections import Counter
from pathlib import Path
from typing import Any

from penstock.data.digests import Digests
from penstock.model import crashpoints
from penstock.selftest.processes import Behaviour, Stub
from penstock.selftest.simulation import Simulation, make_home
from penstock.selftest.world import World
from penstock.service.execution import registering
from penstock.service.reuse.interpreting import Interpreting
from penstock.store import catalog, records, runs

Json = dict[str, Any]
STORE = "workspaceblobstore"
N_EDITS = 6
REAL_ENVIRONMENTS = 0.1  # of the sequences; to ask an interpreter takes longer than all else together
RESTING, REST_SECONDS = (
    0.15,
    0.12,
)  # of the sequences: files come to rest before each submission, so that some are settled at once


class Edited(Simulation):
    """A calm world in which one pipeline is edited and submitted again."""

    def __init__(self, seed: int, home: Path) -> None:
        world = World(seed, home)
        world.faults = dataclasses.replace(world.faults, **{f.name: 0.0 for f in dataclasses.fields(world.faults)})
        super().__init__(world)
        self.slots = 4
        self.rng = random.Random(seed)
        self.environment: Any = "one"
        self.place = Installed(home / "venv") if has_real_environment(seed) else None
        self.store = home / "workspaces/w" / STORE
        self.outside = home / "outside"
        for folder in (self.store / "in", self.outside):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        self.nodes = self._nodes()
        self.values = {"p": "1", "q": "1"}
        self.counts: Counter[str] = Counter()
        self.n_submitted = 0
        for n in range(2):
            self._write(self.store / "in" / f"d{n}" / "a", "0")
        for n in range(2):
            self._write(self.outside / f"f{n}", "0")
        for i, node in enumerate(self.nodes):
            if node["changes"]:
                self._write(self.store / "in" / f"own{i}" / "a", "0")
        self.model_version, self.dataset = 0, None
        self._start_server()
        context = self.server.context
        object.__setattr__(context, "identify", self._identify(home))
        services = self.server.services
        for whose in (self.server.scheduler._ready._decider, services.explaining, services.submission._settling):
            whose._reuse._identify = context.identify

    def _identify(self, home: Path) -> Any:
        """What tells environments apart: in some sequences the real thing, asking a real interpreter."""
        if self.place is None:
            return lambda interpreter, variables: self.environment
        self.environment = self.place.begin()
        return Interpreting(home, Digests(home), {"PATH": os.environ["PATH"]}).identify

    # The pipeline ----------------------------------------------------------------------------------------------------------

    def _nodes(self) -> list[Json]:
        nodes: list[Json] = []
        for i in range(self.rng.choice((2, 3, 4, 6))):
            node: Json = {
                "script": 0,
                "argument": "x",
                "data": [],
                "reads": [],
                "up": [],
                "model": False,
                "dataset": self.rng.random() < 0.15,
                "changes": self.rng.random() < 0.1,
                "blunt": self.rng.random() < 0.3,
            }
            node["data"] = [f"d{n}" for n in range(2) if self.rng.random() < 0.4] + [f"own{i}"] * node["changes"]
            node["reads"] = [f"f{n}" for n in range(2) if self.rng.random() < 0.25]
            node["model"] = self.rng.random() < 0.2
            node["parameter"] = self.rng.choice((None, "p", "q"))
            node["up"] = [j for j in range(i) if self.rng.random() < 0.5]
            nodes.append(node)
        return nodes

    def body(self, *, regenerate: bool) -> Json:
        graph = []
        for i, node in enumerate(self.nodes):
            inputs = [{"name": d, "source": {"datastore": STORE, "path": f"in/{d}"}} for d in node["data"]]
            inputs += [{"name": f"u{j}", "source": {"node": f"{j:08x}", "output": "out"}} for j in node["up"]]
            arguments = [{"literal": node["argument"]}]
            if node["parameter"]:
                arguments.append({"parameter": node["parameter"]})
            made = {"id": f"{i:08x}", "name": f"s{i}", "kind": "python_script", "settings": {"script_name": "a.py"}}
            graph.append(
                {
                    **made,
                    "snapshot": self._snapshot(i),
                    "inputs": inputs,
                    "outputs": [{"name": "out"}],
                    "arguments": arguments,
                }
            )
        parameters = [{"name": n, "type": "string", "default": "1"} for n in self.values]
        whole = {"schema": 1, "parameters": parameters, "nodes": graph}
        self.n_submitted += 1
        more = {"idempotency_key": str(self.n_submitted), "regenerate_outputs": regenerate}
        return {
            "experiment": "e",
            "graph": whole,
            "parameters": self.values,
            "interpreter": {"executable": str(self.place.python) if self.place else sys.executable},
            **more,
        }

    def _snapshot(self, i: int) -> str:
        """The script in its present version, as a snapshot that is there."""
        digest = hashlib.sha256(f"{i} {self.nodes[i]['script']}".encode()).hexdigest()
        path = self.world.home / "snapshots" / f"{digest}.json"
        if not path.exists():
            path.write_text('{"files": []}')
        return "sha256:" + digest

    # What a script does ----------------------------------------------------------------------------------------------------

    def text_of(self, i: int, upstream: dict[int, str]) -> str:
        """What step i writes now, given what those before it wrote."""
        node = self.nodes[i]
        data = [sorted((p.name, p.read_text()) for p in (self.store / "in" / d).iterdir()) for d in node["data"]]
        seen = [(self.outside / f).read_text() for f in node["reads"]]
        value = self.values[node["parameter"]] if node["parameter"] else None
        model = [self.model_version if node["model"] else None, self.dataset if node["dataset"] else None]
        whole = json.dumps(
            [
                i,
                node["script"],
                node["argument"],
                value,
                data,
                seen,
                model,
                [upstream[j] for j in node["up"]],
                self.environment,
            ]
        )
        text = hashlib.sha256(whole.encode()).hexdigest()
        return text[:1] if node["blunt"] else text  # one of few, so that other inputs give the same bytes at times

    def wanted(self) -> dict[str, str]:
        found: dict[int, str] = {}
        for i in range(len(self.nodes)):
            found[i] = self.text_of(i, found)
        return {f"s{i}": text for i, text in found.items()}

    # Edits -----------------------------------------------------------------------------------------------------------------

    def edit(self) -> None:
        """One change, or none, or one taken back."""
        choices = (
            self._edit_script, self._edit_argument, self._edit_value, self._edit_data, self._edit_data_in_disguise, self._touch,
            self._add_file, self._remove_file, self._edit_outside, self._edit_environment, self._register_model, self._damage,
            self._move_and_put_back, self._register_dataset, self._put_back_what_was_changed, lambda: None,
        )  # fmt: skip
        if self.place is not None:
            choices += (self._install, self._edit_editable) * 3
        chosen = self.rng.choice(choices)
        name = chosen.__name__.strip("_")
        self.counts["nothing" if name == "<lambda>" else name] += 1
        chosen()

    def _edit_script(self) -> None:
        self.rng.choice(self.nodes)["script"] = self.rng.randrange(3)

    def _edit_argument(self) -> None:
        self.rng.choice(self.nodes)["argument"] = self.rng.choice("xyz")

    def _edit_value(self) -> None:
        self.values = {**self.values, self.rng.choice("pq"): self.rng.choice("123")}

    def _folder(self) -> Path:
        return self.store / "in" / self.rng.choice(("d0", "d1"))

    def _file(self) -> Path:
        return self.rng.choice(sorted(self._folder().iterdir()))

    def _edit_data(self) -> None:
        self._write(self._file(), self.rng.choice("0123"))

    def _edit_data_in_disguise(self) -> None:
        path = self._file()
        before = path.stat()
        self._write(path, self.rng.choice("0123"))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def _touch(self) -> None:
        os.utime(self._file(), (1, self.rng.randrange(1, 1000)))

    def _add_file(self) -> None:
        self._write(self._folder() / self.rng.choice("bc"), self.rng.choice("01"))

    def _remove_file(self) -> None:
        for name in "bc":
            (self._folder() / name).unlink(missing_ok=True)

    def _edit_outside(self) -> None:
        self._write(self.outside / self.rng.choice(("f0", "f1")), self.rng.choice("0123"))

    def _edit_environment(self) -> None:
        if self.place is None:
            self.environment = self.rng.choice(("one", "two"))

    def _install(self) -> None:
        """Another version of a package, or other files under the same version."""
        self.environment = self.place.install(self.rng.choice("12"), self.rng.choice("ab"))

    def _edit_editable(self) -> None:
        self.environment = self.place.edit(self.rng.choice("012"))

    def _register_dataset(self) -> None:
        """A new version of the dataset that scripts fetch by name; at times with the definition of an earlier one."""
        self.dataset = self.rng.choice(("in/d0", "in/d1"))
        row = registering.dataset_row("w", "file", registering.file_definition(STORE, self.dataset), 0.0)
        asked = {"create_new_version": True}
        self.database.write(lambda c: registering.give_name(c, "w", catalog.add_dataset(c, row), "ds", asked, 0.0))

    def _put_back_what_was_changed(self) -> None:
        """The inputs that a script changes in place are as they were before it ever ran: it has to change them again."""
        for folder in sorted((self.store / "in").glob("own*")):
            self._write(folder / "a", "0")

    def _register_model(self) -> None:
        row = {
            "workspace": "w",
            "name": "m",
            "tags": {},
            "properties": {},
            "description": None,
            "framework": None,
            "framework_version": None,
        }
        row |= {
            "run_id": None,
            "experiment": None,
            "entry": "m",
            "path": "m",
            "size_bytes": 1,
            "created_at": float(self.model_version),
        }
        self.model_version = self.database.write(lambda c: catalog.add_model(c, row))

    def _damage(self) -> None:
        """Someone lays hands on what an earlier step left."""
        found = sorted(p for p in self.store.glob("azureml/*/out/a"))
        if not found:
            return
        path = self.rng.choice(found)
        how = self.rng.randrange(4)
        if how == 0:
            path.write_text("damaged")
        elif how == 1:
            path.unlink()
        elif how == 2:
            (path.parent / "more").write_text("x")
        else:
            shutil.rmtree(path.parent)

    def _move_and_put_back(self) -> None:
        folder = self._folder()
        aside = folder.with_name("aside")
        folder.rename(aside)
        shutil.copytree(aside, folder)
        shutil.rmtree(aside)

    def _write(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    # One submission --------------------------------------------------------------------------------------------------------

    def submit_and_check(self) -> list[str]:
        regenerate = self.rng.random() < 0.05
        body, wanted = self.body(regenerate=regenerate), self.wanted()
        services = self.server.services
        foreseen = {s["name"]: s["verdict"] for s in services.explaining.plan(services.submission.foresee("w", body))}
        run_id = services.submission.submit("w", body)["run_id"]
        with self.database.read() as connection:
            self.counts["settled at once"] += runs.get_run(connection, run_id)["status"] == "Completed"
        self._pass_time(self.world.now + 60)
        with self.database.read() as connection:
            root = runs.get_run(connection, run_id)
            steps = [r for r in runs.runs_of_root(connection, run_id) if r["type"] == "step"]
            left = {s["name"]: records.outputs_of(connection, [s["id"]])[s["id"]] for s in steps}
        problems = list(self.world.problems)
        if root["status"] != "Completed":
            return [*problems, f"the run is {root['status']}"]
        verdicts = {d["name"]: d["verdict"] for d in services.explaining.why(run_id)}
        self.counts.update(verdicts.values())
        for name, (output,) in left.items():
            place = self.store / output["path"] / "a"
            found = place.read_text() if place.exists() else "nothing"
            if found != wanted[name]:
                problems.append(
                    f"{name} was {verdicts[name]}: its output holds {found}, and running would write {wanted[name]}"
                )
            if foreseen[name] != "depends" and {"reuse": "reused", "run": "ran"}[foreseen[name]] != verdicts[name]:
                problems.append(f"{name} was {verdicts[name]}, and the plan said {foreseen[name]}")
            if self.nodes[int(name[1:])]["changes"] and verdicts[name] != "ran":
                problems.append(f"{name} was {verdicts[name]}, and running it would have changed its input")
            if regenerate and verdicts[name] != "ran":
                problems.append(f"{name} was {verdicts[name]} though all was to run")
        return problems


class Installed:
    """A virtual environment with one package, and one that is installed in place; each edit says what there is then."""

    def __init__(self, root: Path) -> None:
        if not root.exists():
            venv.create(root, symlinks=True)
        self.python = root / "bin/python"
        (self.site,) = (root / "lib").glob("python*/site-packages")
        self.project = root / "project"

    def begin(self) -> list[str]:
        direct = json.dumps({"url": f"file://{self.project}", "dir_info": {"editable": True}})
        info = {"RECORD": "_mine.pth,sha256=x,1\n", "direct_url.json": direct, "METADATA": "Version: 0.1\n"}
        self._distribution("mine-0.1", info)
        (self.site / "_mine.pth").write_text(f"{self.project}\n")
        self.state = ["", "", ""]
        self.install("1", "a")
        return self.edit("0")

    def install(self, version: str, content: str) -> list[str]:
        for old in self.site.glob("pack-*"):
            shutil.rmtree(old)
        self._distribution(f"pack-{version}", {"RECORD": f"pack/__init__.py,sha256={content},1\n"})
        self.state = [version, content, self.state[2]]
        return self.state

    def edit(self, text: str) -> list[str]:
        (self.project / "mine").mkdir(parents=True, exist_ok=True)
        (self.project / "mine" / "__init__.py").write_text(text)
        self.state = [*self.state[:2], text]
        return self.state

    def _distribution(self, name: str, files: dict[str, str]) -> None:
        folder = self.site / f"{name}.dist-info"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for file, text in files.items():
            (folder / file).write_text(text)


def patch(edited: Edited) -> None:
    """Has the machine's scripts write what `text_of` says, and tell what they read undeclared."""

    def write(stub: Stub, output: Json, behaviour: Behaviour) -> None:
        i = int(stub.job["step"][1:])
        upstream = {
            int(p["name"][1:]): Path(p["source"], "a").read_text()
            for p in stub.job["inputs"]
            if p["name"].startswith("u")
        }
        stage = Path(output["stage"])
        stage.mkdir(parents=True, exist_ok=True)
        (stage / "a").write_text(edited.text_of(i, upstream))
        node = edited.nodes[i]
        if node["changes"]:
            path = edited.store / "in" / f"own{i}" / "a"
            path.write_text(hashlib.sha256(path.read_bytes()).hexdigest())
        if node["dataset"]:
            with edited.database.read() as connection:
                found = catalog.dataset_versions(connection, "w", "ds")
            found_id = str(found[0]["dataset_id"] if found else None)
            record = {"op": "read", "kind": "dataset", "name": "ds:latest", "found": found_id}
            with open(stub.folder / "journal", "a") as journal:
                journal.write(json.dumps(record) + "\n")
        if node["model"]:
            version = edited.model_version or None
            record = {"op": "read", "kind": "model", "name": "m:latest", "found": str(version)}
            with open(stub.folder / "journal", "a") as journal:
                journal.write(json.dumps(record) + "\n")

    def reads(stub: Stub) -> list[Json]:
        paths = [edited.outside / f for f in edited.nodes[int(stub.job["step"][1:])]["reads"]]
        return [{"kind": "file", "path": str(p), "digest": edited.machine.digests.tree(p).digest} for p in paths]

    edited.machine.write_output = write

    def changed(stub: Stub) -> list[str]:
        i = int(stub.job["step"][1:])
        return [f"own{i}: a"] if edited.nodes[i]["changes"] else []

    edited.machine.reads_of = reads
    edited.machine.changed_by = changed
    edited.machine.behaviours = {f"s{i}": Behaviour(0.01, writes=frozenset({"out"})) for i in range(len(edited.nodes))}


def has_real_environment(seed: int) -> bool:
    """Whether the sequence of this seed asks a real interpreter."""
    return random.Random(f"environment {seed}").random() < REAL_ENVIRONMENTS


def run_sequence(seed: int, home: Path) -> tuple[list[str], Counter[str]]:
    """One pipeline through N_EDITS edits: what was wrong, and what happened how often."""
    for name in ("jobs", "workspaces", "digests"):
        shutil.rmtree(home / name, ignore_errors=True)
    (home / "digests").mkdir()
    edited = Edited(seed, home)
    patch(edited)
    crashpoints.watch(None)
    problems: list[str] = []
    try:
        rests = random.Random(f"rests {seed}").random() < RESTING
        for _ in range(N_EDITS):
            if rests:
                time.sleep(REST_SECONDS)
            problems += edited.submit_and_check()
            if problems:
                break
            for _ in range(edited.rng.choice((0, 1, 1, 2) if rests else (1, 1, 2))):
                edited.edit()
    finally:
        edited.database.close()
    return problems, edited.counts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    home = make_home()
    total: Counter[str] = Counter()
    wrong: dict[int, list[str]] = {}
    began = time.monotonic()
    try:
        for seed in range(asked.seed, asked.seed + asked.sequences):
            problems, counts = run_sequence(seed, home)
            total += counts
            if problems:
                wrong[seed] = problems
                print(f"sequence {seed}: {problems[0]}", flush=True)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    for what, n in sorted(total.items()):
        print(f"{what:<24} {n:>8}")
    print(
        f"{asked.sequences} sequences of {N_EDITS} submissions in {time.monotonic() - began:.0f} s, {len(wrong)} with a difference"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
