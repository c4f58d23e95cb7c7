"""Step reuse as users meet it: the table of docs/reuse.md row by row, what a reused step shows, and that `plan` foretells what happens."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from azureml.core import Datastore, Experiment, Model, Run, Workspace
from azureml.core.runconfig import RunConfiguration
from azureml.data.data_reference import DataReference
from azureml.pipeline.core import Pipeline, PipelineData, PipelineParameter, PipelineRun
from azureml.pipeline.steps import PythonScriptStep
from azureml.widgets._page import page

PREPARE = """
import os, sys
from azureml.core import Run
import sibling
source, target, rate = sys.argv[1:4]
os.makedirs(target, exist_ok=True)
text = "".join(open(os.path.join(source, n)).read() for n in sorted(os.listdir(source)))
open(os.path.join(target, "out.txt"), "w").write(text.strip().upper() + " " + rate)
run = Run.get_context()
run.log("size", len(text))
run.tag("kind", "prepared")
run.parent.log("told", rate)
print("prepared", rate)
"""
TRAIN = """
import os, sys
print("trained on", open(os.path.join(sys.argv[1], "out.txt")).read(), sys.argv[2])
"""


@pytest.fixture(scope="module")
def ws(module_workspace: Workspace) -> Workspace:
    return module_workspace


class Work:
    """A source folder, a folder of input files, and the pipeline prepare -> train on them."""

    def __init__(self, folder: Path, workspace: Workspace) -> None:
        self.workspace = workspace
        self.name = folder.name
        self.source = folder / "source"
        self.source.mkdir()
        self.write("prepare.py", PREPARE)
        self.write("train.py", TRAIN)
        self.write("sibling.py", "")
        self.write(".amlignore", "notes.txt\n")
        self.store: Datastore = workspace.get_default_datastore()
        self.data = Path(self.store._root) / self.name
        self.data.mkdir()
        (self.data / "a.txt").write_text("a")
        self.rate, self.epochs, self.compute = "0.1", "3", "cpu"
        self.max_age: timedelta | None = None
        self.more: dict[str, dict[str, object]] = {"prepare": {}, "train": {}}

    def write(self, name: str, text: str) -> None:
        marked = f"# {self.name}\n{text}" if name.endswith(".py") else text
        (self.source / name).write_text(marked)

    def pipeline(self) -> Pipeline:
        rate, epochs = PipelineParameter("rate", "0.1"), PipelineParameter("epochs", "3")
        data = DataReference(self.store, "data", path_on_datastore=self.data.name)
        prepared = PipelineData("prepared", datastore=self.store)
        prepare = self._step("prepare", [data, prepared, rate], inputs=[data], outputs=[prepared])
        if self.max_age is not None:
            prepare.max_age(self.max_age)
        train = self._step("train", [prepared, epochs], inputs=[prepared])
        return Pipeline(self.workspace, [prepare, train])

    def _step(self, name: str, arguments: list[object], **ports: object) -> PythonScriptStep:
        more = {"compute_target": self.compute, "source_directory": str(self.source), **ports, **self.more[name]}
        return PythonScriptStep(f"{name}.py", name=name, arguments=arguments, **more)

    @property
    def values(self) -> dict[str, str]:
        return {"rate": self.rate, "epochs": self.epochs}

    def run(self, **options: object) -> PipelineRun:
        run = self.pipeline().submit("reusing", pipeline_parameters=self.values, **options)
        assert run.wait_for_completion(show_output=False) == "Finished"
        return run

    def ran(self, **options: object) -> str:
        """The steps that run now, by the letter each begins with; and what the plan said of it beforehand holds."""
        foreseen = self.pipeline().plan(self.values, bool(options.get("regenerate_outputs")))
        run = self.run(**options)
        happened = {d.name: d.verdict for d in run.why()}
        for step in foreseen:
            assert step.verdict == "depends" or {"reuse": "reused", "run": "ran"}[step.verdict] == happened[step.name]
        return "".join(name[0] for name, verdict in happened.items() if verdict == "ran")

    def output(self, run: PipelineRun) -> Path:
        (found,) = run._call("GET", f"runs/{step(run, 'prepare').id}/outputs")["value"]
        return Path(found["local_path"])


def step(run: PipelineRun, name: str) -> Run:
    (found,) = run.find_step_run(name)
    return found


@pytest.fixture
def work(tmp_path: Path, ws: Workspace, capsys: pytest.CaptureFixture[str]) -> Work:
    return Work(tmp_path, ws)


def nothing(work: Work) -> None:
    pass


def the_script(work: Work) -> None:
    work.write("train.py", TRAIN + "print('more')\n")


def a_sibling_file(work: Work) -> None:
    work.write("sibling.py", "x = 1\n")


def an_ignored_file(work: Work) -> None:
    work.write("notes.txt", str(time.time()))


def compiled_files(work: Work) -> None:
    (work.source / "__pycache__").mkdir()
    (work.source / "__pycache__" / "sibling.cpython-39.pyc").write_bytes(os.urandom(8))


def an_argument(work: Work) -> None:
    work.rate = "0.2"


def another_steps_parameter(work: Work) -> None:
    work.epochs = "4"


def input_bytes(work: Work) -> None:
    (work.data / "a.txt").write_text("b")


def input_bytes_of_the_same_size_and_time(work: Work) -> None:
    path = work.data / "a.txt"
    before = path.stat()
    path.write_text("c")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def a_new_input_file(work: Work) -> None:
    (work.data / "b.txt").write_text("more")


def input_touched(work: Work) -> None:
    os.utime(work.data / "a.txt", (1, 1))


def input_moved(work: Work) -> None:
    moved = work.data.with_name(work.data.name + " moved")
    work.data.rename(moved)
    work.data = moved


def input_written_otherwise_to_the_same_result(work: Work) -> None:
    (work.data / "a.txt").write_text("a\n")


def the_compute(work: Work) -> None:
    work.compute = "another"


def the_source_folder_moved(work: Work) -> None:
    work.source = Path(shutil.move(work.source, work.source.with_name("elsewhere")))


def a_version(work: Work) -> None:
    work.more["train"]["version"] = "2"


def reuse_forbidden(work: Work) -> None:
    work.more["train"]["allow_reuse"] = False


CHANGES: list[tuple[Callable[[Work], None], str]] = [
    (nothing, ""),
    (the_script, "pt"),
    (a_sibling_file, "pt"),
    (an_ignored_file, ""),
    (compiled_files, ""),
    (an_argument, "pt"),
    (another_steps_parameter, "t"),
    (input_bytes, "pt"),
    (input_bytes_of_the_same_size_and_time, "pt"),
    (a_new_input_file, "pt"),
    (input_touched, ""),
    (input_moved, ""),
    (input_written_otherwise_to_the_same_result, "p"),
    (the_compute, ""),
    (the_source_folder_moved, ""),
    (a_version, "t"),
    (reuse_forbidden, "t"),
]


@pytest.mark.parametrize(("change", "wanted"), CHANGES, ids=[c.__name__ for c, _ in CHANGES])
def test_what_runs_again_after_a_change(work: Work, change: Callable[[Work], None], wanted: str) -> None:
    work.run()
    change(work)
    assert work.ran() == wanted


def test_a_sibling_of_another_step_counts_no_more_when_the_folders_are_apart(work: Work, tmp_path: Path) -> None:
    work.run()
    apart = tmp_path / "apart"
    shutil.copytree(work.source, apart)
    work.more["train"]["source_directory"] = str(apart)
    assert work.ran() == ""
    (apart / "sibling.py").write_text("x = 2\n")
    assert work.ran() == "t"


def damaged(path: Path) -> None:
    (path / "out.txt").write_text("else")


def truncated(path: Path) -> None:
    os.truncate(path / "out.txt", 1)


def deleted(path: Path) -> None:
    shutil.rmtree(path)


def added_to(path: Path) -> None:
    (path / "more.txt").write_text("more")


def replaced_by_a_link(path: Path) -> None:
    kept = path.with_name("kept")
    path.rename(kept)
    (kept / "out.txt").write_text("else")
    path.symlink_to(kept)


@pytest.mark.parametrize("damage", [damaged, truncated, deleted, added_to, replaced_by_a_link])
def test_a_step_whose_output_is_not_as_it_was_published_runs_again_and_says_so(
    work: Work, damage: Callable[[Path], None]
) -> None:
    first = work.run()
    damage(work.output(first))
    second = work.run()
    (prepare, train) = second.why()
    assert (prepare.verdict, train.verdict) == ("ran", "reused")  # it wrote the same bytes again
    assert step(first, "prepare").id in prepare.because[0] and "its output 'prepared'" in prepare.because[0]
    assert work.ran() == ""


def test_a_reused_step_shows_what_the_first_left(work: Work, capsys: pytest.CaptureFixture[str]) -> None:
    first = work.run()
    created, using = "Created data reference data for StepId [", "Using data reference data for StepId ["
    assert created in (said := capsys.readouterr().out) and "(Consumers of this data will generate new runs.)" in said
    second = work.run()
    said = capsys.readouterr().out
    assert (
        using in said and "(Consumers of this data are eligible to reuse prior runs.)" in said and created not in said
    )
    assert said.count("This step is eligible to reuse a previous run's output") == 2
    assert "2 of 2 steps reused" in said
    old, new = step(first, "prepare"), step(second, "prepare")
    assert (new.get_status(), second.get_status()) == ("Finished", "Finished")
    properties = new.get_properties()
    assert properties["azureml.isreused"] == "true" and properties["azureml.reusedrunid"] == old.id
    assert properties["azureml.reusedpipeline"] == first.id and properties["azureml.reusednodeid"]
    assert new.get_metrics() == old.get_metrics() and new.get_tags() == {"kind": "prepared"}
    assert new.get_stdout_log() == old.get_stdout_log() == "prepared 0.1\n"
    assert old.id in new.get_output("prepared").get_port_data_reference().path_on_datastore
    assert second.get_metrics() == first.get_metrics() == {"told": "0.1"}  # what it logged for its parent is told again
    same = "had the same code, arguments, inputs and packages, and what it left is untouched"
    assert f"run {old.id} {same}" in str(new.why())
    second.wait_for_completion(show_output=True)
    reused = f"StepRun( prepare ) Status: Finished\nReused from run {old.id}, which did the same.\n"
    assert reused in capsys.readouterr().out
    assert f"reused from run {old.id[:8]}" in page(second)[0]  # what RunDetails shows


def test_a_run_that_is_over_when_it_is_submitted_prints_what_one_that_is_followed_does(
    work: Work, capsys: pytest.CaptureFixture[str]
) -> None:
    work.run()
    time.sleep(0.2)  # what is younger than this is not believed of a file
    capsys.readouterr()
    followed = work.run()
    assert not followed._all_stand  # type: ignore[attr-defined]  # what the first left was not read since it was written
    told = [_of_steps(capsys.readouterr().out)]
    over = work.run()
    assert over._all_stand  # type: ignore[attr-defined]
    told += [_of_steps(capsys.readouterr().out)]
    assert told[0] == told[1] and "StepRun( train ) Status: Finished" in told[1] and "2 of 2 steps reused" in told[1]
    over.add_properties({"mine": "42"})
    over.wait_for_completion(show_output=False)
    printed = capsys.readouterr().out
    assert _of_steps(printed) == told[1] and "'mine': '42'" in printed, "what was added meanwhile is told too"


def _of_steps(printed: str) -> list[str]:
    """The lines about steps, in the order of their text: steps end in any."""
    return sorted(line for line in printed.splitlines() if "StepRun(" in line or "steps reused" in line)


def test_a_reused_step_is_not_what_later_ones_are_reused_from(work: Work) -> None:
    first = work.run()
    work.run()
    third = work.run()
    assert step(third, "train").why().reused_run_id == step(first, "train").id


def test_regenerating_outputs_runs_everything_and_is_reused_later(work: Work) -> None:
    work.run()
    assert work.ran(regenerate_outputs=True) == "pt"
    assert work.ran() == ""


def test_only_what_completed_is_reused(work: Work) -> None:
    work.write("train.py", "raise SystemExit(3)\n")
    experiment = Experiment(work.workspace, "reusing")
    for _ in range(2):
        run = experiment.submit(work.pipeline(), pipeline_parameters=work.values)
        assert run.wait_for_completion(show_output=False, raise_on_error=False) == "Failed"
    verdicts = {d.name: d.verdict for d in run.why()}
    assert verdicts == {"prepare": "reused", "train": "ran"}


def test_a_step_that_changes_its_input_in_place_is_not_reused(work: Work) -> None:
    changes = "import sys\nopen(sys.argv[1] + '/a.txt', 'a').write('!')\n"
    work.write("prepare.py", PREPARE + changes)
    first = work.run()
    (work.data / "a.txt").write_text("a")  # as it was when the first began
    (prepare, _) = work.run().why()
    assert prepare.verdict == "ran"
    assert f"run {step(first, 'prepare').id} did the same, but its input changed while it ran" in prepare.because[0]


def test_of_two_runs_that_need_the_same_step_at_once_the_second_waits_for_the_first(work: Work, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    waits = f"import time\nwhile not os.path.exists({str(gate)!r}):\n    time.sleep(0.01)\n"
    work.write("prepare.py", PREPARE + waits)
    experiment = Experiment(work.workspace, "reusing")
    runs = [experiment.submit(work.pipeline(), pipeline_parameters=work.values) for _ in range(2)]
    gate.touch()
    assert [r.wait_for_completion(show_output=False) for r in runs] == ["Finished"] * 2
    verdicts = sorted(step(r, "prepare").why().verdict for r in runs)
    assert verdicts == ["ran", "reused"]
    told = [e for r in runs for e in r._call("GET", f"runs/{r.id}/events")["value"]]
    assert {e["body"]["message"][:14] for e in told if e["name"] == "note"} == {"waits for run "}
    assert not any(e["name"] == "warning" for e in told)  # that is as it should be


def test_a_local_file_that_a_step_reads_undeclared_is_watched(work: Work, tmp_path: Path) -> None:
    rates = tmp_path / "rates.csv"
    rates.write_text("1")
    work.write("train.py", TRAIN + f"print(open({str(rates)!r}).read())\n")
    first = work.run()
    assert "rates.csv, which is not declared" in str(step(first, "train").get_details()["warnings"])
    assert work.ran() == ""
    os.utime(rates, (1, 1))
    assert work.ran() == ""
    rates.write_text("2")
    second = work.run()
    assert f"{rates}, which it read, was changed" in step(second, "train").why().because[0]
    assert not step(second, "train").get_details().get("warnings")  # said once
    rates.unlink()
    run = Experiment(work.workspace, "reusing").submit(work.pipeline(), pipeline_parameters=work.values)
    assert run.wait_for_completion(show_output=False, raise_on_error=False) == "Failed"


def test_a_folder_that_a_step_lists_undeclared_is_watched(work: Work, tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    folder.mkdir()
    (folder / "a.csv").write_text("1")
    work.write("train.py", TRAIN + f"import glob; print(len(glob.glob({str(folder / '*.csv')!r})), 'tables')\n")
    first = work.run()
    assert "tables, which is not declared" in str(step(first, "train").get_details()["warnings"])
    (folder / "a.csv").write_text("2")
    assert work.ran() == "", "it was listed, not read"
    (folder / "b.csv").write_text("1")
    second = work.run()
    assert f"{folder}, which it listed, holds other names now" in step(second, "train").why().because[0]
    shutil.rmtree(folder)
    assert work.ran() == "t"


def test_the_latest_version_of_a_model_that_a_step_reads_is_watched(work: Work, tmp_path: Path) -> None:
    file = tmp_path / "model.bin"
    file.write_text("1")
    name = f"model-{abs(hash(work.name))}"
    Model.register(work.workspace, model_path=str(file), model_name=name)
    reads = (
        f"from azureml.core import Model, Run\nprint(Model(Run.get_context().experiment.workspace, {name!r}).version)\n"
    )
    work.write("train.py", TRAIN + reads)
    work.run()
    assert work.ran() == ""
    Model.register(work.workspace, model_path=str(file), model_name=name)
    second = work.run()
    assert "version 1, is now version 2" in step(second, "train").why().because[0]
    assert work.ran() == ""


def test_what_runs_the_steps_counts(work: Work, tmp_path: Path) -> None:
    folder = tmp_path / "path"
    folder.mkdir()
    (folder / "helper_of_mine.py").write_text("x = 1\n")
    environment = RunConfiguration()
    environment.environment_variables = {"PYTHONPATH": str(folder)}
    work.write("train.py", TRAIN + "import helper_of_mine\n")
    work.more["train"]["runconfig"] = environment
    first = work.run()
    assert work.ran() == ""
    (folder / "helper_of_mine.py").write_text("x = 2\n")
    second = work.run()
    assert step(second, "train").why().because == ["the installed code of helper_of_mine.py changed"]
    assert step(second, "prepare").why().reused_run_id == step(first, "prepare").id


def test_a_result_older_than_max_age_is_made_again(work: Work, capsys: pytest.CaptureFixture[str]) -> None:
    work.max_age = timedelta(days=1)
    work.run()
    assert work.ran() == "", "it is young"
    work.max_age = timedelta(0)
    run = work.run()
    first, second = run.why()
    assert (first.verdict, second.verdict) == ("ran", "reused"), "its consumer sees the same bytes"
    assert re.search(r"does not stand for it: it is \d+ seconds? old, older than max_age, 0 seconds$", first.because[0])
    work.max_age = None
    assert work.ran() == "", "how old it may be is no part of what it is"
    with pytest.raises(ValueError, match="max_age_seconds is -1"):
        PythonScriptStep("prepare.py", source_directory=str(work.source)).max_age(-1)


def test_a_step_whose_first_run_lost_its_job_folder_runs_again(work: Work, module_home: Path) -> None:
    first = step(work.run(), "train")
    shutil.rmtree(module_home / "jobs" / f"{first.id}.1")
    (prepare, train) = work.run().why()
    assert (prepare.verdict, train.verdict) == ("reused", "ran")
    assert train.because == [f"run {first.id} does not stand for it: its logs are gone"]


def test_files_of_any_name_count_as_inputs(work: Work) -> None:
    names = [b"a\nb.txt", b"\xff\xfe.txt", "ä 🎉.txt".encode()]
    for name in names:
        (work.data / os.fsdecode(name)).write_text("x")
    work.run()
    assert work.ran() == ""
    for name in names:
        (work.data / os.fsdecode(name)).write_text("y" + name.hex())
        assert work.ran() == "pt"
