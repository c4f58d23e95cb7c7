"""Local paths as notebooks give them: below `~` wherever one is taken, and files that change or go while they are sent. Against a real server."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from azureml._client.sending import pieces
from azureml.core import Dataset, Environment, Experiment, Model, Run, RunConfiguration, ScriptRunConfig, Workspace
from azureml.core._environment_sections import DockerBuildContext
from azureml.core.conda_dependencies import CondaDependencies
from azureml.exceptions import UserErrorException
from azureml.pipeline.core import Pipeline
from azureml.pipeline.core.schedule import Schedule
from azureml.pipeline.steps import ParallelRunConfig, ParallelRunStep, PythonScriptStep
from azureml.train.estimator import Estimator


@pytest.fixture(scope="module")
def ws(module_workspace: Workspace) -> Workspace:
    return module_workspace


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder that `~` stands for; the process is elsewhere, and leaves nothing called `~` there."""
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    home.mkdir()
    elsewhere.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(elsewhere)
    yield home
    assert os.listdir(elsewhere) == []


def test_files_of_a_run_come_from_and_go_below_ones_own_home(ws: Workspace, own: Path) -> None:
    (own / "sub").mkdir()
    for name in ("a.txt", "sub/b.txt", "p.png"):
        (own / name).write_text(name)
    with Experiment(ws, "own").start_logging() as run:
        run.upload_file("one", "~/a.txt")
        run.upload_files(["two"], ["~/sub/b.txt"])
        run.upload_folder("all", "~/sub")
        run.log_image("picture", path="~/p.png")
    assert {"one", "two", "all/b.txt"} <= set(run.get_file_names())
    run.download_file("one", "~/got.txt")
    run.download_files("all", "~/got")
    run.download_files("two", output_paths=["~/third.txt"])
    assert [(own / n).read_text() for n in ("got.txt", "got/all/b.txt", "third.txt")] == [
        "a.txt",
        "sub/b.txt",
        "sub/b.txt",
    ]


def test_models_and_mounts_go_below_ones_own_home(ws: Workspace, own: Path) -> None:
    (own / "m.pkl").write_text("m")
    model = Model.register(ws, "~/m.pkl", "own")
    assert Path(model.download("~/models")).read_text() == "m" and (own / "models/m.pkl").exists()
    store = ws.get_default_datastore()
    store.upload_files(["~/m.pkl"], target_path="mounted", show_progress=False)
    with Dataset.File.from_files((store, "mounted")).mount("~/mount") as mounted:
        assert mounted.mount_point == str(own / "mount") and (own / "mount/m.pkl").read_text() == "m"


def test_a_snapshot_is_restored_below_ones_own_home(ws: Workspace, own: Path) -> None:
    (own / "src").mkdir()
    (own / "src/s.py").write_text("")
    run = Experiment(ws, "own").submit(ScriptRunConfig("~/src", "s.py"))
    run.wait_for_completion()
    assert Path(run.restore_snapshot(path="~/kept.zip")) == own / "kept.zip" and (own / "kept.zip").exists()


def test_what_is_described_in_files_is_read_and_written_below_ones_own_home(own: Path) -> None:
    config = RunConfiguration()
    config.target = "cluster"
    config.save("~/mine.runconfig")
    assert RunConfiguration.load("~/mine.runconfig").target == "cluster"
    config.save("~", "named")
    assert RunConfiguration.load("~", "named").target == "cluster"
    RunConfiguration.delete("~", "named")
    assert os.listdir(own / ".azureml") == []
    made = CondaDependencies.create(pip_packages=["a"])
    made.save("~/conda.yml")
    made.save_to_file("~", "again.yml")
    for path in ("~/conda.yml", "~/again.yml"):
        assert CondaDependencies(path).as_dict() == made.as_dict()
    (own / "req.txt").write_text("numpy\n")
    (own / "Dockerfile").write_text("FROM x\n")
    named = Environment.from_conda_specification("e", "~/conda.yml")
    assert list(named.python.conda_dependencies.pip_packages) == list(made.pip_packages)
    listed = Environment.from_pip_requirements("e", "~/req.txt")
    assert list(listed.python.conda_dependencies.pip_packages) == ["numpy"]
    assert Environment.from_dockerfile("e", "~/Dockerfile").docker.base_dockerfile == "FROM x\n"
    assert DockerBuildContext.from_local_directory(None, "~").location == str(own)
    named.save_to_directory("~/kept")
    assert Environment.load_from_directory("~/kept") == named
    estimator = Estimator("~", entry_script="x.py", conda_dependencies_file="conda.yml")
    assert list(estimator.run_config.environment.python.conda_dependencies.pip_packages) == list(made.pip_packages)


def test_pipelines_schedules_and_parallel_runs_are_described_below_ones_own_home(own: Path) -> None:
    (own / "src").mkdir()
    for name in ("x.py", "score.py"):
        (own / "src" / name).write_text("")
    (own / "p.yml").write_text(
        "pipeline:\n  name: p\n  steps:\n    one:\n      type: PythonScriptStep\n      script_name: x.py\n      source_directory: ~/src\n"
    )
    assert Pipeline.load_yaml(None, "~/p.yml").validate() == []
    (own / "s.yml").write_text("Schedule:\n  description: d\n  polling_interval: 3\n")
    assert Schedule.load_yaml(None, "~/s.yml")["polling_interval"] == 3
    config = ParallelRunConfig(
        environment=Environment("e"), entry_script="score.py", source_directory="~/src", error_threshold=1,
        output_action="summary_only", compute_target="c", node_count=1,
    )  # fmt: skip
    config.save_to_yaml("~/parallel.yml")
    assert ParallelRunConfig.load_yaml(None, "~/parallel.yml").entry_script == "score.py"
    files = Dataset.File.from_files("http://127.0.0.1:1/x", validate=False).as_named_input("i")
    assert ParallelRunStep("p", config, [files]).name == "p", "it looks for its folder and script when it is made"
    missing = ParallelRunConfig(
        environment=Environment("e"), entry_script="score.py", source_directory="~/none", error_threshold=1,
        output_action="summary_only", compute_target="c", node_count=1,
    )  # fmt: skip
    with pytest.raises(ValueError, match=f"source_directory {own}/none is not a folder"):
        ParallelRunStep("p", missing, [files])


def test_a_run_is_saved_below_ones_own_home(ws: Workspace, own: Path) -> None:
    (own / "src").mkdir()
    (own / "src/x.py").write_text("")
    step = PythonScriptStep("x.py", "one", source_directory="~/src", compute_target="cpu")
    run = Experiment(ws, "own").submit(Pipeline(ws, [step]))
    run.wait_for_completion(show_output=False)
    run.save("~/saved.yml")
    assert [s.name for s in Pipeline.load_yaml(ws, "~/saved.yml").graph.module_nodes] == ["one"]


# Files that change meanwhile ------------------------------------------------------------------------------------------


@contextmanager
def written_to(path: Path) -> Iterator[None]:
    """The file becomes longer all the time."""
    stop = threading.Event()

    def write() -> None:
        with open(path, "ab") as file:
            while not stop.is_set():
                file.write(b"y")
                file.flush()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        stop.set()
        writer.join()


def test_a_model_whose_files_change_while_they_go_up_is_not_registered(
    ws: Workspace, tmp_path: Path, module_home: Path
) -> None:
    folder = tmp_path / "changing"
    folder.mkdir()
    (folder / "weights").write_bytes(b"x" * (64 << 20))
    with (
        written_to(folder / "weights"),
        pytest.raises(UserErrorException, match=r"weights was written to while it was being uploaded\. Upload again"),
    ):
        Model.register(ws, str(folder), "changing")
    assert Model.list(ws, "changing") == [] and os.listdir(module_home / "uploads") == []
    assert "raceback" not in (module_home / "logs/server.log").read_text(), "who hangs up is no failure of the server's"
    (folder / "weights").write_text("quiet now")
    assert Model.register(ws, str(folder), "changing").version == 1, "the connection serves the next call"


def test_a_log_is_kept_as_long_as_it_was_though_it_is_written_to(ws: Workspace, tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"x" * (16 << 20))
    with Experiment(ws, "growing").start_logging() as run:
        with written_to(tmp_path / "log"):
            run.upload_file("log", str(tmp_path / "log"))
        run.log("after", 1)
    run.download_file("log", str(tmp_path / "got"))
    got = (tmp_path / "got").read_bytes()
    assert got[: 16 << 20] == b"x" * (16 << 20) and set(got[16 << 20 :]) <= {ord("y")}
    assert run.get_metrics() == {"after": 1}


def test_a_file_that_goes_while_its_folder_goes_up_is_named(ws: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "going"
    folder.mkdir()
    for n in range(200):
        (folder / f"{n:03}").write_text("x")
    (folder / "last").write_text("x")
    with Experiment(ws, "going").start_logging() as run:

        def remove() -> None:
            """When the first file is up: by then all have been found, and the last is far from its turn."""
            while not run.get_file_names():
                pass
            (folder / "last").unlink()

        remover = threading.Thread(target=remove)
        remover.start()
        with pytest.raises(UserErrorException, match=r"last was removed while it was being uploaded\. Upload again"):
            run.upload_folder("kept", str(folder))
        remover.join()
    assert len(run.get_file_names()) == 200


def test_a_file_that_became_shorter_is_not_taken_for_whole() -> None:
    whole = io.BytesIO(b"abcdef")
    assert b"".join(pieces(whole, 4)) == b"abcd", "no more than it was"
    with pytest.raises(UserErrorException, match="was written to while it was being uploaded"):
        list(pieces(whole, 3))
    assert b"".join(pieces(io.BytesIO(b"abc"), None)) == b"abc"


@pytest.mark.parametrize("kind", ["a fifo that is no file", "a folder"])
def test_what_is_no_file_is_not_uploaded(ws: Workspace, tmp_path: Path, kind: str) -> None:
    (os.mkfifo if "fifo" in kind else os.mkdir)(tmp_path / "it")
    with Experiment(ws, "odd").start_logging() as run:
        pass
    with pytest.raises(UserErrorException, match=r"upload_file: .*it (does not exist|is a folder)"):
        run.upload_file("it", str(tmp_path / "it"))
    assert Run.get(ws, run.id).get_file_names() == []
