"""What a submission sends and prints. The stand-in workspace answers as docs/graph.md says a server does."""

import json
import re
import subprocess
import sys

import pytest

from azureml._graph.repository import ask_dirty, git_properties
from azureml._graph.submission import post
from azureml.core import Experiment
from azureml.data.data_reference import DataReference
from azureml.exceptions import UserErrorException
from azureml.pipeline.core import Pipeline, PipelineData, PipelineParameter
from azureml.pipeline.steps import PythonScriptStep


class Store:
    name = "blob"


class Workspace:
    name = "w"

    def __init__(self):
        self.posted = []
        self.refusal = None

    def _call(self, method, path, body=None, query=None):
        if path == "snapshots":
            return {"missing": []}
        if path != "runs":
            return {"id": "e1", "name": "e"}
        self.posted.append(body)
        if self.refusal:
            raise self.refusal
        steps = [
            {"node": n["id"], "run_id": "s", "module_id": "m-" + n["name"]} for n in json.loads(body["graph"])["nodes"]
        ]
        run = {"id": "r1", "url": "http://here/runs/r1", "status": "NotStarted", "experiment": body["experiment"]}
        return {"run": run, "steps": steps, "notes": ["Steps run in your own interpreter."]}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "x.py").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pipeline(ws, *arguments, **settings):
    return Pipeline(ws, [PythonScriptStep("x.py", "one", arguments=list(arguments), **settings)])


def test_what_is_printed(folder, capsys):
    raw = DataReference(Store(), "raw", "a")
    ws = Workspace()
    run = Experiment(ws, "e").submit(pipeline(ws, raw, inputs=[raw]))
    assert run.id == "r1"
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(
        r"Created step one \[[0-9a-f]{8}\]\[m-one\], \(This step will run and generate new outputs\)", lines[0]
    )
    assert re.fullmatch(
        r"Created data reference raw for StepId \[[0-9a-f]{8}\]\[[0-9a-f-]{36}\], "
        r"\(Consumers of this data will generate new runs\.\)",
        lines[1],
    )
    assert lines[2:] == [
        "Steps run in your own interpreter.",
        "Submitted PipelineRun r1",
        "Link to Azure Machine Learning Portal: http://here/runs/r1",
    ]


def test_what_is_sent(folder):
    ws = Workspace()
    rate = PipelineParameter("rate", 0.1)
    Experiment(ws, "e").submit(
        pipeline(ws, rate), tags={"a": 1}, pipeline_parameters={"rate": 0.5}, regenerate_outputs=True, unknown=3
    )
    (body,) = ws.posted
    assert (body["experiment"], body["tags"], body["parameters"]) == ("e", {"a": "1"}, {"rate": "0.5"})
    assert body["regenerate_outputs"] is True and body["continue_on_step_failure"] is False
    assert json.loads(body["graph"])["nodes"][0]["snapshot"].startswith("sha256:")
    assert re.fullmatch("[0-9a-f]{32}", body["idempotency_key"])
    assert body["interpreter"]["executable"] == sys.executable and body["interpreter"]["prefix"] == sys.prefix
    assert body["interpreter"]["version"] == "{}.{}.{}".format(*sys.version_info[:3])


def test_pipeline_submit_refuses_what_it_does_not_know(folder):
    with pytest.raises(ValueError, match="foo"):
        pipeline(Workspace()).submit("e", foo=1)


def test_the_old_name_of_the_parameters(folder):
    ws = Workspace()
    with pytest.warns(DeprecationWarning):
        pipeline(ws, PipelineParameter("q", 1)).submit("e", pipeline_params={"q": 2})
    assert ws.posted[0]["parameters"] == {"q": "2"}


def test_a_parameter_that_is_not_there_is_answered_with_those_that_are(folder):
    ws = Workspace()
    with pytest.raises(
        Exception, match=r"Pipeline parameter with name w does not exist. This pipeline has: q."
    ) as raised:
        pipeline(ws, PipelineParameter("q", 1)).submit("e", pipeline_parameters={"w": 2})
    assert type(raised.value) is Exception and not ws.posted


def test_a_cycle_is_refused_with_its_whole_path(folder):
    ws = Workspace()
    before, *steps = (PythonScriptStep("x.py", name) for name in ("before", "a", "b", "c"))
    steps[0].run_after(before)
    for i in range(3):
        steps[(i + 1) % 3].run_after(steps[i])
    with pytest.raises(ValueError, match="Cycle detected including node") as raised:
        Pipeline(ws, steps).submit("e")
    said = str(raised.value).partition("each other: ")[2].partition(".")[0].split(" -> ")
    assert said[0] == said[-1] and sorted(said[:3]) == ["a", "b", "c"] and "before" not in said
    assert said[1] == {"a": "b", "b": "c", "c": "a"}[said[0]]
    with pytest.raises(ValueError, match="Step 'a' cannot run after itself"):
        steps[0].run_after(steps[0])


def test_an_argument_that_is_no_port_says_of_which_step_and_what_to_do(folder):
    with pytest.raises(
        ValueError, match="Input/Output o1 appears in arguments list but is not in the input/output lists"
    ) as raised:
        PythonScriptStep("x.py", "s", arguments=[PipelineData("o1")])
    assert "lists. Step 's': add it to inputs=[...]" in str(raised.value)


def test_a_graph_that_cannot_run_is_not_sent(folder):
    ws = Workspace()
    one, two = PythonScriptStep("x.py", "one"), PythonScriptStep("x.py", "two")
    one.run_after(two)
    two.run_after(one)
    for kind in (ValueError, UserErrorException):
        with pytest.raises(kind, match="Cycle"):
            Experiment(ws, "e").submit(Pipeline(ws, [one]))
    with pytest.raises(Exception, match="zz"):
        Experiment(ws, "e").submit(pipeline(ws), pipeline_parameters={"zz": 1})
    assert not ws.posted


def test_a_refusal_by_the_server_is_both_of_the_errors_that_code_waits_for(folder):
    ws = Workspace()
    ws.refusal = UserErrorException("Target X does not exist in the workspace.", code="InvalidGraph")
    for kind in (ValueError, UserErrorException):
        with pytest.raises(kind, match="Target X does not exist"):
            post(ws, {})


# --- git ------------------------------------------------------------------------------------------------------------


def git(folder, *words):
    settings = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=trunk"]
    subprocess.run(["git", *settings, *words], cwd=str(folder), check=True, capture_output=True)


def test_outside_a_repository_nothing_is_said(tmp_path):
    assert git_properties(str(tmp_path), ask_dirty(str(tmp_path))) == {}


def test_branch_commit_origin_and_dirty_state(tmp_path):
    (tmp_path / "a").write_text("1")
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "one")
    git(tmp_path, "remote", "add", "origin", "https://me:secret@example.org/repo.git")
    below = tmp_path / "below"
    below.mkdir()
    facts = git_properties(str(below), ask_dirty(str(below)))
    assert re.fullmatch("[0-9a-f]{40}", facts["azureml.git.commit"])
    assert facts["azureml.git.branch"] == facts["mlflow.source.git.branch"] == "trunk"
    assert facts["azureml.git.repository_uri"] == "https://example.org/repo.git"
    assert facts["azureml.git.dirty"] == "False"
    (tmp_path / "a").write_text("2")
    git(tmp_path, "pack-refs", "--all")
    again = git_properties(str(tmp_path), ask_dirty(str(tmp_path)))
    assert again["azureml.git.dirty"] == "True" and again["azureml.git.commit"] == facts["azureml.git.commit"]
