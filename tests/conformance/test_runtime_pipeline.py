"""Pipeline runs seen from outside and from within their steps, against a real server."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from azureml._graph import submission
from azureml.core import Dataset, Environment, Experiment, Run, Workspace
from azureml.data import OutputFileDatasetConfig
from azureml.exceptions import ActivityFailedException, UserErrorException
from azureml.pipeline.core import Pipeline, PipelineData, PipelineRun, StepRun
from azureml.pipeline.steps import ParallelRunConfig, ParallelRunStep, PythonScriptStep
from azureml.widgets import ParallelRunStepDetails, RunDetails

TERMINAL = ("Completed", "Failed", "Canceled")


@pytest.fixture(scope="module")
def ws(module_workspace: Workspace) -> Workspace:
    return module_workspace


class Scripts:
    """A source folder, and the steps that run what is in it."""

    def __init__(self, folder: Path, workspace: Workspace) -> None:
        self.folder = folder / "scripts"
        self.folder.mkdir()
        self.workspace = workspace

    def step(self, name: str, code: str, **more: object) -> PythonScriptStep:
        script = f"{abs(hash(code)):x}.py"
        (self.folder / script).write_text(code)
        more.setdefault("compute_target", "cpu")
        return PythonScriptStep(script, name=name, source_directory=str(self.folder), allow_reuse=False, **more)

    def submit(self, *steps: PythonScriptStep) -> PipelineRun:
        return Experiment(self.workspace, "waiting").submit(Pipeline(self.workspace, list(steps)))


@pytest.fixture
def scripts(tmp_path: Path, ws: Workspace, capsys: pytest.CaptureFixture[str]) -> Scripts:
    return Scripts(tmp_path, ws)


def in_order(text: str, *pieces: str) -> None:
    at = 0
    for piece in pieces:
        found = text.find(piece, at)
        assert found >= 0, f"{piece!r} is not in the output after position {at}:\n{text}"
        at = found + len(piece)


def test_a_long_graph_is_sent_once(scripts: Scripts, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[set[str]] = []
    really = submission.post
    monkeypatch.setattr(
        submission, "post", lambda ws, body: sent.append({*body} & {"graph", "graph_digest"}) or really(ws, body)
    )
    long = scripts.step("long", "import sys; assert len(sys.argv[1]) == 100_000", arguments=["x" * 100_000])
    pipeline = Pipeline(scripts.workspace, [long])
    for _ in range(2):
        run = Experiment(scripts.workspace, "long").submit(pipeline)
        assert run.wait_for_completion(show_output=False) == "Finished"
    assert sent == [{"graph_digest"}, {"graph"}, {"graph_digest"}]


def test_a_step_asks_for_its_own_details(scripts: Scripts) -> None:
    code = (
        "from azureml.core import Run\n"
        "details = Run.get_context().get_details()\n"
        "Run.get_context().log('said', '{runId} {status}'.format(**details))\n"
    )
    run = scripts.submit(scripts.step("ask", code))
    run.wait_for_completion()
    (ask,) = run.find_step_run("ask")
    assert ask.get_metrics() == {"said": f"{ask.id} Running"}


def test_the_text_of_a_wait(scripts: Scripts, capsys: pytest.CaptureFixture[str]) -> None:
    data = PipelineData("data", datastore=scripts.workspace.get_default_datastore())
    one = scripts.step("step one ", "print('first words')", arguments=[data], outputs=[data])
    two = scripts.step("two", "print('second words', end='')", inputs=[data])
    run = scripts.submit(one, two)
    capsys.readouterr()
    assert run.wait_for_completion() == "Finished"
    steps = {step.name: step for step in run.get_steps()}
    text = capsys.readouterr().out
    in_order(
        text,
        f"PipelineRunId: {run.id}\nLink to Azure Machine Learning Portal: http",
        "PipelineRun Status: Running\n",
        f"\n\n\n\nStepRunId: {steps['step one '].id}\nLink to Azure Machine Learning Portal: http",
        "StepRun( step one  ) Status: Running\n",
        "\nStreaming azureml-logs/70_stdout.txt\n====================================\nfirst words\n",
        "\nStepRun(step one ) Execution Summary\n====",
        "StepRun( step one  ) Status: Finished\n\nWarnings:\nStep 'step one ' wrote nothing to output 'data'",
        "{'runId': ",
        f"StepRunId: {steps['two'].id}\n",
        "second words\n\nStepRun(two) Execution Summary\n",
        "StepRun( two ) Status: Finished\n",
        "\nPipelineRun Execution Summary\n=============================\nPipelineRun Status: Finished\n",
        "{'runId': ",
    )
    assert text.count("first words") == text.count("second words") == 1
    assert run.wait_for_completion() == "Finished"  # again, of a run that has ended
    in_order(capsys.readouterr().out, "first words", "second words", "PipelineRun Status: Finished")


def test_what_steps_leave_behind(scripts: Scripts, tmp_path: Path) -> None:
    data = PipelineData("data", datastore=scripts.workspace.get_default_datastore(), pipeline_output_name="result")
    code = (
        "import sys, os; os.makedirs(sys.argv[1], exist_ok=True); open(sys.argv[1] + '/x.txt', 'w').write('x')\n"
        "print('out'); print('err', file=sys.stderr)"
    )
    run = scripts.submit(scripts.step("writer", code, arguments=[data], outputs=[data]))
    assert run.wait_for_completion(show_output=False) == "Finished"
    (step,) = run.find_step_run("writer")
    assert run.find_step_run("nobody") == []
    assert next(run.get_steps()).id == step.id
    assert isinstance(step, StepRun)
    assert (step.get_status(), step.status, run.get_status(), run.status) == (
        "Finished",
        "Completed",
        "Finished",
        "Completed",
    )
    assert (step.get_stdout_log(), step.get_stderr_log(), step.get_job_log()) == ("out\n", "err\n", "out\nerr\n")
    assert (step._run_dto["name"], step.pipeline_run_id, step.parent.id) == ("writer", run.id, run.id)
    assert list(step.get_outputs()) == ["data"]
    reference = step.get_output_data("data")
    assert reference.path_on_datastore == reference._path_on_datastore == f"azureml/{step.id}/data"
    assert reference.datastore_name == "workspaceblobstore"
    assert reference.download(str(tmp_path / "down"), show_progress=False) == 1
    assert (tmp_path / "down/azureml" / step.id / "data/x.txt").read_text() == "x"
    assert run.get_pipeline_output("result").path_on_datastore == reference.path_on_datastore
    with pytest.raises(ValueError, match=r"has no output called 'nope'. It has: data"):
        step.get_output("nope")
    with pytest.raises(ValueError, match=r"has no output called 'nope'. It has: result"):
        run.get_pipeline_output("nope")
    reader = scripts.step(
        "reader", "import sys, os; print(os.listdir(sys.argv[1]))", inputs=[reference], arguments=[reference]
    )
    later = scripts.submit(reader)
    assert later.wait_for_completion(show_output=False) == "Finished"
    assert next(later.get_steps()).get_stdout_log() == "['x.txt']\n"
    for call in (run.complete, run.fail, run.child_run, step.complete, step.fail, step.child_run):
        with pytest.raises(NotImplementedError):
            call()
    assert isinstance(next(Experiment(scripts.workspace, "waiting").get_runs()), PipelineRun)
    assert PipelineRun.get(scripts.workspace, run.id) == Run.get(scripts.workspace, run.id) == run
    details = step.get_details()
    assert details["logFiles"]["azureml-logs/70_stdout.txt"].startswith("http://127.0.0.1:")
    assert step.get_details_with_logs()["logFiles"]["azureml-logs/70_stdout.txt"] == "out\n"


def test_a_failing_step_is_told_first(scripts: Scripts, capsys: pytest.CaptureFixture[str]) -> None:
    code = "import sys; print('before'); raise KeyError('the cause')"
    run = scripts.submit(scripts.step("breaks", code))
    capsys.readouterr()
    with pytest.raises(ActivityFailedException) as caught:
        run.wait_for_completion(show_output=True)
    in_order(capsys.readouterr().out, "before", "KeyError: 'the cause'", "StepRun( breaks ) Status: Failed")
    error = json.loads(caught.value.error_details)["error"]
    assert "Step 'breaks'" in error["message"]
    assert "KeyError" in error["message"]
    run = scripts.submit(scripts.step("breaks", code))
    capsys.readouterr()
    assert run.wait_for_completion(show_output=False, raise_on_error=False) == "Failed"
    in_order(
        capsys.readouterr().out,
        "PipelineRunId:",
        "Traceback (most recent call last)",
        "KeyError: 'the cause'",
        "StepRun( breaks ) Status: Failed",
        "PipelineRun Status: Failed",
        "Error:\n{",
    )
    (step,) = run.get_steps()
    with pytest.raises(ActivityFailedException):
        step.wait_for_completion()
    assert "KeyError: 'the cause'" in capsys.readouterr().out


def test_parallel_steps_are_shown_one_after_the_other(scripts: Scripts, capsys: pytest.CaptureFixture[str]) -> None:
    code = "import time\nfor n in range(20): print({0!r}, n, flush=True); time.sleep(0.01)\n"
    run = scripts.submit(*[scripts.step(name, code.format(name)) for name in "abc"])
    capsys.readouterr()
    run.wait_for_completion()
    text = capsys.readouterr().out
    shown = [line.split()[0] for line in text.splitlines() if line[:2] in ("a ", "b ", "c ")]
    assert len(shown) == 60
    assert sum(1 for one, two in pairwise(shown) if one != two) == 2


def test_a_wait_that_takes_too_long(scripts: Scripts, capsys: pytest.CaptureFixture[str]) -> None:
    run = scripts.submit(scripts.step("slow", "import time; time.sleep(60)"))
    assert run.wait_for_completion(timeout_seconds=0.3) in ("Running", "NotStarted")
    assert "Timed out of waiting. Elapsed time: 0:00:00" in capsys.readouterr().out
    run.cancel()
    assert run.wait_for_completion(show_output=False) == "Canceled"
    assert next(run.get_steps()).get_status() == "Canceled"


def test_interrupting_a_wait_leaves_the_run_alone(scripts: Scripts, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    code = f"import time, pathlib; print('begun', flush=True)\nwhile not pathlib.Path({str(ready)!r}).exists(): time.sleep(0.01)"
    run = scripts.submit(scripts.step("waits", code))
    waiting = subprocess.Popen(
        [
            sys.executable,
            "-u",
            "-c",
            f"from azureml.core import Workspace; Workspace('s', 'g', 'ws').get_run({run.id!r}).wait_for_completion()",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    said = ""
    while "begun" not in said:
        said += waiting.stdout.readline()
    waiting.send_signal(signal.SIGINT)
    out, err = waiting.communicate(timeout=30)
    assert waiting.returncode != 0
    assert err.strip().splitlines()[-1] == "KeyboardInterrupt"
    (line,) = [line for line in out.splitlines() if "Stopped waiting" in line]
    assert f"penstock run logs -f {run.id}" in line
    assert f"penstock run cancel {run.id}" in line
    ready.touch()
    assert run.wait_for_completion(show_output=False) == "Finished"


def test_a_wait_goes_on_over_a_restart_of_the_server(
    scripts: Scripts, module_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    go = tmp_path / "go"
    code = (
        "import time, pathlib\nprint('line 1', flush=True)\n"
        f"while not pathlib.Path({str(go)!r}).exists(): time.sleep(0.01)\nprint('line 2')"
    )
    run = scripts.submit(scripts.step("long", code))
    killer = f"""
import json, os, signal, time, pathlib
home = pathlib.Path({str(module_home)!r})
while not any('line 1' in p.read_text() for p in home.glob('jobs/STEP.*/stdout')): time.sleep(0.02)
os.kill(json.loads((home / 'server.json').read_text())['pid'], signal.SIGKILL)
time.sleep(0.2)
pathlib.Path({str(go)!r}).touch()
"""
    (step,) = run.get_steps()
    killing = subprocess.Popen([sys.executable, "-c", killer.replace("STEP", step.id)])
    assert run.wait_for_completion() == "Finished"
    assert killing.wait(30) == 0
    text = capsys.readouterr().out
    assert text.count("line 1") == 1
    assert text.count("line 2") == 1


def test_inside_a_step(scripts: Scripts) -> None:
    store = scripts.workspace.get_default_datastore()
    target = Path(store._root) / "in/a.csv"
    target.parent.mkdir(exist_ok=True)
    target.write_text("x,y\n1,2\n3,4\n")
    raw = Dataset.Tabular.from_delimited_files((store, "in/a.csv"))
    code = """
import argparse, os
from azureml.core import Run, Model, Dataset
parser = argparse.ArgumentParser(); parser.add_argument('--raw'); raw_id = parser.parse_args().raw
run = Run.get_context(allow_offline=False)
frame = run.input_datasets['raw'].to_pandas_dataframe()
assert frame['y'].tolist() == [2, 4], frame
ws = run.experiment.workspace
assert Dataset.get_by_id(ws, raw_id).to_pandas_dataframe().equals(frame)
run.log('rows', len(frame))
run.log_image('picture', path=__file__)
run.parent.log('best', 0.5)
run.parent.tag('winner', 'me')
run.tag('mine', 'yes')
run.add_properties({'made': 1})
assert run.get_tags() == run.tags == {'mine': 'yes'} and run.get_properties()['made'] == '1'
run.set_tags({'mine': 'no'}); run.remove_tags('gone')
assert run.get_tags() == {'mine': 'no'} and run.parent.get_tags() == {'winner': 'me'}
run.tag('mine', 'yes')
assert run.get_metrics()['rows'] == 2
assert run.parent.get_metrics() == {'best': 0.5}
open('outputs/model.txt', 'w').write('model')
model = run.register_model('stepped', 'outputs/model.txt', tags={'t': 1})
assert model.run_id == run.id
run.upload_file('kept/here.txt', 'outputs/model.txt')
assert run.register_model('uploaded', 'kept').version == 1
assert open(Model.get_model_path('stepped')).read() == 'model'
Model.register(ws, 'outputs/model.txt', 'direct')
child = run.child_run('kid'); child.log('deep', 7); child.complete()
"""
    run = scripts.submit(scripts.step("all", code, arguments=["--raw", raw.as_named_input("raw")]))
    status = run.wait_for_completion(show_output=False, raise_on_error=False)
    (step,) = run.get_steps()
    assert status == "Finished", step.get_job_log()
    assert step.get_metrics()["rows"] == 2
    assert run.get_metrics() == {"best": 0.5}
    assert run.get_metrics(recursive=True)["deep"] == 7
    assert run.tags == {"winner": "me"}
    assert step.tags == {"mine": "yes"}
    assert {"kept/here.txt", "outputs/model.txt"} <= set(step.get_file_names())
    assert step.get_details()["inputDatasets"][0]["dataset"].to_pandas_dataframe()["x"].tolist() == [1, 3]
    assert step.register_model("after", "outputs/model.txt").version == 1
    assert scripts.workspace.models["stepped"].tags == {"t": "1"}
    for name in ("stepped", "uploaded", "direct", "after"):
        model = scripts.workspace.models[name]
        assert (model.run_id, model.run.id, model.experiment_name) == (step.id, step.id, "waiting"), name
    read = scripts.workspace.models["direct"].run.get_details()["inputDatasets"]
    assert read[0]["dataset"].id == raw.id, "from a model to what it was made from"


def test_files_in_and_out_of_a_step(scripts: Scripts) -> None:
    store = scripts.workspace.get_default_datastore()
    folder = Path(store._root) / "mounted"
    folder.mkdir(exist_ok=True)
    (folder / "one.txt").write_text("1")
    one = Dataset.File.from_files((store, "mounted/one.txt")).as_named_input("one").as_mount()
    whole = Dataset.File.from_files((store, "mounted")).as_named_input("whole").as_download()
    out = OutputFileDatasetConfig("out")
    code = """
import os, sys
from azureml.core import Run
run = Run.get_context()
assert open(run.input_datasets['one']).read() == '1'
assert os.listdir(run.input_datasets['whole']) == ['one.txt']
assert run.output_datasets['out'] == sys.argv[1]
open(os.path.join(sys.argv[1], 'x'), 'w').write('x')
"""
    writer = scripts.step("writer", code, arguments=[out], inputs=[one, whole])
    reader = scripts.step("reader", "import os, sys; print(os.listdir(sys.argv[1]))", arguments=[out.as_input("got")])
    run = scripts.submit(writer, reader)
    status = run.wait_for_completion(show_output=False, raise_on_error=False)
    assert status == "Finished", run.find_step_run("writer")[0].get_job_log()
    assert run.find_step_run("reader")[0].get_stdout_log() == "['x']\n"


def test_run_details_without_a_notebook(scripts: Scripts, capsys: pytest.CaptureFixture[str]) -> None:
    run = scripts.submit(scripts.step("only", "print('x')"))
    run.wait_for_completion(show_output=False)
    capsys.readouterr()
    RunDetails(run).show()
    in_order(capsys.readouterr().out, f"PipelineRun {run.id}: Finished", "only", "Completed", "http")
    for echo in (run._repr_html_(), repr(run), Experiment(scripts.workspace, "waiting")._repr_html_()):
        assert run.id in echo or "waiting" in echo


def test_details_of_one_step_by_every_way_of_naming_it(scripts: Scripts, capsys: pytest.CaptureFixture[str]) -> None:
    run = scripts.submit(scripts.step("score", "from azureml.core import Run; Run.get_context().log('rows', 3)"))
    run.wait_for_completion(show_output=False)
    step, ws = run.find_step_run("score")[0], scripts.workspace
    for details in (
        ParallelRunStepDetails(step),
        ParallelRunStepDetails(step, step_name="score"),
        ParallelRunStepDetails(run, step_name="score"),
        ParallelRunStepDetails(workspace=ws, run_id=run.id, step_name="score"),
        ParallelRunStepDetails(workspace=ws, step_run_id=step.id),
    ):
        capsys.readouterr()
        details.show()
        assert f"StepRun {step.id}: Finished" in capsys.readouterr().out
        assert details.get_widget_data()["run_id"] == step.id
        assert "rows" in details._repr_html_()
    with pytest.raises(ValueError, match=r"has no step called 'other'\. Give the name of one of its steps: 'score'"):
        ParallelRunStepDetails(run, step_name="other")
    with pytest.raises(ValueError, match="give run_instance, or workspace with run_id or step_run_id"):
        ParallelRunStepDetails()


def test_a_step_that_cannot_run_yet_is_refused_and_its_details_name_what_ran(scripts: Scripts) -> None:
    ws, folder = scripts.workspace, str(scripts.folder)
    ran = scripts.step("score", "raise ValueError('no rows')")
    (scripts.folder / "entry.py").write_text("def run(batch): return batch")
    config = ParallelRunConfig(
        environment=Environment("e"), entry_script="entry.py", source_directory=folder, error_threshold=0,
        output_action="summary_only", compute_target="cpu", node_count=1,
    )  # fmt: skip
    files = Dataset.File.from_files((ws.get_default_datastore(), "x/*"), validate=False).as_named_input("files")
    parallel = ParallelRunStep("in parallel", config, [files])
    pipeline = Pipeline(ws, [ran, parallel])
    assert pipeline.validate() == []
    with pytest.raises(UserErrorException, match=r"Step 'in parallel': ParallelRunStep cannot run yet"):
        Experiment(ws, "waiting").submit(pipeline)
    run = scripts.submit(ran)
    run.wait_for_completion(show_output=False, raise_on_error=False)
    with pytest.raises(ValueError, match=r"has no step called 'in parallel'\. .*: 'score'"):
        ParallelRunStepDetails(run, step_name="in parallel")
    assert "ValueError: no rows" in RunDetails(run)._repr_html_()
    assert "ValueError: no rows" in ParallelRunStepDetails(run, step_name="score")._repr_html_()


def test_a_log_that_is_no_text_is_shown_once(scripts: Scripts, capsys: pytest.CaptureFixture[str]) -> None:
    code = "import sys\nfor n in range(3): sys.stdout.buffer.write(b'\\xff\\xfe %d\\n' % n)\nsys.stdout.write('z' * 1000000 + 'end')"
    run = scripts.submit(scripts.step("bytes", code))
    capsys.readouterr()
    run.wait_for_completion()
    text = capsys.readouterr().out
    assert text.count("\ufffd\ufffd 1\n") == 1
    assert text.count("z" * 1000000 + "end") == 1
