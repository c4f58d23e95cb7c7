"""What a step is seen to read and write beside its inputs and outputs: recorded for its run, by name, and nothing else is."""

from __future__ import annotations

import sqlite3
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from azureml.core import Dataset, Experiment, Model, Workspace
from azureml.pipeline.core import Pipeline
from azureml.pipeline.steps import PythonScriptStep

Seen = set[tuple[str, str, str]]

SCRIPTS = {
    "own": """
        import json, logging, csv, tempfile
        run.log("x", 1)
        run.parent.log("y", 2)
        run.parent.tag("k", "v")
        run.tag("k", "v")
        print(run.get_metrics(), run.get_tags(), run.id, run.parent.id, run.experiment.name)
        with run.child_run("fold") as child:
            child.log("z", 3)
            print(child.get_metrics())
        """,
    "model": """
        from azureml.core import Model
        print(Model(ws, "m").version, Model(ws, "m", version=1).version)
        print(Model.get_model_path("m"))
        try:
            Model(ws, "none")
        except Exception as error:
            print(error)
        """,
    "listed_models": "from azureml.core import Model; print(Model.list(ws, 'm'), ws.models)",
    "registered": """
        open("outputs/new.txt", "w").close()
        print(run.register_model("made", "outputs/new.txt").version)
        """,
    "given": """
        print(run.input_datasets["table"].to_pandas_dataframe())
        """,
    "named": """
        from azureml.core import Dataset
        print(Dataset.get_by_name(ws, "rates").to_pandas_dataframe())
        """,
    "datastore": """
        ws.get_default_datastore().download("here", prefix="in")
        ws.get_default_datastore().upload_files(["main.py"], target_path="up")
        """,
    "elsewhere": """
        import subprocess, sys
        code = "from azureml.core import Run; Run.get_context().experiment.workspace.get_default_datastore().download('x', 'in')"
        subprocess.run([sys.executable, "-c", code], check=True)
        """,
    "parent": "print(run.parent.get_metrics())",
    "local": "print(open({rates!r}).read())",
}


class Observed:
    def __init__(self, home: Path, ws: Workspace, folder: Path) -> None:
        self.folder = folder
        self.store = ws.get_default_datastore()
        self.data = Path(self.store._root) / "in"
        self.rates = folder / "rates.csv"
        self.rates.write_text("a\n1\n")
        self.store.upload_files([str(self.rates)], target_path="in")
        table = Dataset.Tabular.from_delimited_files((self.store, "in/rates.csv"))
        self.dataset = Dataset.Tabular.from_delimited_files((self.store, "in/*.csv")).register(ws, "rates")
        Model.register(ws, str(self.rates), "m")
        self.by_step: dict[str, Seen] = {}
        run = Experiment(ws, "reads").submit(Pipeline(ws, [self._step(name, table) for name in SCRIPTS]))
        run.wait_for_completion(show_output=False)
        self.run_ids = {step.name: step.id for step in run.get_steps()}
        database = sqlite3.connect(home / "penstock.db")
        rows = database.execute("SELECT run_id, kind, name, found FROM observation").fetchall()
        database.close()
        for name, run_id in self.run_ids.items():
            self.by_step[name] = {(kind, what, found) for r, kind, what, found in rows if r == run_id}

    def _step(self, name: str, table: object) -> PythonScriptStep:
        source = self.folder / name
        source.mkdir()
        head = "from azureml.core import Run\nrun = Run.get_context()\nws = run.experiment.workspace\n"
        body = textwrap.dedent(SCRIPTS[name].replace("{rates!r}", repr(str(self.rates))))
        (source / "main.py").write_text(head + body)
        inputs = [table.as_named_input("table")] if name == "given" else []  # type: ignore[attr-defined]
        return PythonScriptStep(
            "main.py", name=name, source_directory=str(source), inputs=inputs, compute_target="local"
        )


@pytest.fixture(scope="module")
def observed(
    module_home: Path, module_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Observed]:
    yield Observed(module_home, module_workspace, tmp_path_factory.mktemp("steps"))


def test_what_a_step_does_with_its_own_run_is_no_input(observed: Observed) -> None:
    assert observed.by_step["own"] == set()


def test_a_dataset_that_the_step_was_given_is_no_discovery(observed: Observed) -> None:
    assert observed.by_step["given"] == set()


def test_models_are_noted_with_the_version_asked_for_and_got(observed: Observed) -> None:
    assert observed.by_step["model"] == {
        ("model", "m:latest", "1"),
        ("model", "m:1", "1"),
        ("model", "none:latest", "None"),
    }
    assert observed.by_step["listed_models"] == {
        ("model", "m:latest", "1"),
        ("model", "m:1", "1"),
        ("run", "the list of models", ""),
    }


def test_a_registration_is_noted_as_written(observed: Observed) -> None:
    assert observed.by_step["registered"] == {("wrote", "model made", "1")}


def test_a_dataset_by_name_is_noted_with_what_it_holds(observed: Observed) -> None:
    seen = observed.by_step["named"]
    assert ("dataset", "rates:latest", observed.dataset.id) in seen
    ((kind, name, found),) = seen - {("dataset", "rates:latest", observed.dataset.id)}
    assert (kind, name) == ("tree", str(observed.data.resolve()))
    assert found.startswith("sha256:")


def test_a_download_is_noted_as_the_folder_it_lists(observed: Observed) -> None:
    seen = observed.by_step["datastore"]
    assert ("wrote", "files at 'up' on datastore workspaceblobstore", "") in seen
    assert [(kind, name) for kind, name, _ in seen if kind != "wrote"] == [("tree", str(observed.data.resolve()))]


def test_a_download_by_a_process_that_nobody_watches_is_noted_as_such(observed: Observed) -> None:
    name = "files of datastore workspaceblobstore, in a process that is not watched"
    assert observed.by_step["elsewhere"] == {("run", name, "")}


def test_what_is_read_of_another_run_is_noted(observed: Observed) -> None:
    ((kind, name, _),) = observed.by_step["parent"]
    assert kind == "run"
    assert name.startswith("run ")
    assert name.endswith("/metrics")


def test_a_local_file_is_noted_with_its_digest(observed: Observed) -> None:
    ((kind, name, found),) = observed.by_step["local"]
    assert (kind, name) == ("file", str(observed.rates.resolve()))
    assert found.startswith("sha256:")
