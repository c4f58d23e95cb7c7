"""The example builds: their own command lines run, in the variables of GitHub Actions and of Azure Pipelines, against a shared server."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from contract.test_permissions import Shared
from contract.test_permissions import shared as shared  # a server that others can reach
from integration.served import node

from penstock.cli import ci
from penstock.server.api.openapi import example
from penstock.server.studio.snippets import snippets

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = {"github": "github-actions.yml", "azure": "azure-pipelines.yml"}
TRAIN = """\
import os


def fit(rate):
    if rate > 1:
        raise ValueError(f"rate {rate} is too high")


fit(float(os.environ["AML_PARAMETER_reg_rate"]))
print("::add-mask::x")
"""
Json = dict[str, Any]


@dataclass
class Build:
    """One machine that a build runs on, with a checkout of the repository; `values` are what the expressions of its YAML stand for."""

    kind: str
    folder: Path
    values: dict[str, str]
    environ: dict[str, str]
    printed: str = ""
    statuses: list[int] = field(default_factory=list)

    @property
    def checkout(self) -> Path:
        return self.folder / "repository"

    def run(self, reg_rate: str) -> None:
        """The example, with this rate."""
        document = yaml.safe_load((ROOT / "examples/ci" / EXAMPLES[self.kind]).read_text())
        job = document["jobs"]["train"] if self.kind == "github" else document
        assert any("checkout" in str(step) for step in job["steps"])
        self.run_job(job, {**self.values, "inputs.reg_rate || '0.01'": reg_rate, "parameters.reg_rate": reg_rate})

    def run_job(self, job: Json, values: dict[str, str]) -> None:
        """Every step, as the build's own agent runs them: each with bash, after the first failure only what always runs."""
        shared = self.filled(job.get("env") or {}, values)
        if self.kind == "azure":  # what a variable group has and is no secret is in the environment of every step
            shared |= {k: v for k, v in values.items() if k.startswith("PENSTOCK_") and k != "PENSTOCK_PASSWORD"}
        for step in job["steps"]:
            line = step.get("run") or step.get("script")
            if line is None or (
                any(self.statuses) and "always()" not in (step.get("if") or step.get("condition") or "")
            ):
                continue
            if line == "pip install penstock":
                continue  # it is installed here: this checkout's own
            own = self.filled(step.get("env") or {}, values)
            done = self.bash(self.text(line, values), {**shared, **own})
            self.printed += done.stdout + done.stderr
            self.statuses.append(done.returncode)

    def bash(self, line: str, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
        shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", line]
        given = {**self.environ, **environ}
        return subprocess.run(shell, cwd=self.checkout, env=given, capture_output=True, text=True, timeout=120)

    def filled(self, given: dict[str, str], values: dict[str, str]) -> dict[str, str]:
        return {name: self.text(text, values) for name, text in given.items()}

    def text(self, text: str, values: dict[str, str]) -> str:
        expression = r"\$\{\{ ([^}]+) \}\}|\$\(([\w.]+)\)"
        return re.sub(expression, lambda found: values[found[1] or found[2]], text)

    def summary(self) -> str:
        (file,) = (self.folder / "temp").glob("*.md")
        return file.read_text()


@pytest.fixture
def build(request: pytest.FixtureRequest, shared: Shared) -> Iterator[Build]:
    kind = request.param
    if not shared.client("GET", "/published?begins=training")[1]["value"]:
        publish(shared)
    (published,) = shared.client("GET", "/published?begins=training")[1]["value"]
    principal = f"{kind}-{request.node.name.partition('[')[0][-40:]}"
    made = shared.made({"name": principal, "published": published["id"], "role": "submitter"})
    with tempfile.TemporaryDirectory(prefix="ps-") as name:
        folder = Path(name)
        for each in ("repository/steps", "temp", "home"):
            (folder / each).mkdir(parents=True)
        (folder / "repository/steps/train.py").write_text(TRAIN)
        (folder / "temp/summary.md").touch()
        kept = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(folder / "home")}
        ours = {"PENSTOCK_URL": f"http://{shared.host}", "PENSTOCK_PRINCIPAL": made["id"]}
        secret = {"PENSTOCK_PASSWORD": made["secret"]}
        if kind == "github":
            environ = {
                "GITHUB_ACTIONS": "true", "CI": "true", "GITHUB_SHA": "c0ffee", "GITHUB_WORKSPACE": f"{folder}/repository",
                "GITHUB_STEP_SUMMARY": f"{folder}/temp/summary.md",
            }  # fmt: skip
            values = {f"vars.{k}": v for k, v in ours.items()} | {f"secrets.{k}": v for k, v in secret.items()}
        else:
            (folder / "temp/summary.md").unlink()
            environ = {
                "TF_BUILD": "True", "BUILD_SOURCESDIRECTORY": f"{folder}/repository", "AGENT_TEMPDIRECTORY": f"{folder}/temp",
            }  # fmt: skip
            values = {**ours, **secret, "Build.SourceVersion": "c0ffee"}
        yield Build(kind, folder, values, {**kept, **environ})


def publish(shared: Shared) -> None:
    """'training' with a step that fails when its rate is too high, published from another machine's folder."""
    snapshot = shared.client.snapshot(train__py=TRAIN.encode(), a__py=b"")
    train = node(
        snapshot,
        1,
        name="train",
        settings={"script_name": "train.py", "source_directory": "/elsewhere/project/steps"},
        parameters={"reg_rate": {"parameter": "reg_rate"}},
        outputs=[],
        after=["00000000"],
    )
    prepare = node(snapshot, 0, name="prepare", outputs=[])
    rate = {"name": "reg_rate", "type": "float", "default": "0.01"}
    graph = {"schema": 1, "description": "trains a model", "parameters": [rate], "nodes": [prepare, train]}
    body = {"name": "training", "graph": graph, "interpreter": {"executable": sys.executable}}
    status, made = shared.client("POST", "/ws/w/pipelines", body)
    assert status == 201, made


@pytest.mark.parametrize("build", EXAMPLES, indirect=True)
def test_an_example_build_runs_the_pipeline_and_succeeds(build: Build, shared: Shared) -> None:
    build.run("0.1")
    assert build.statuses == [0, 0, 0], build.printed
    (run_id,) = re.findall(
        r"Submitted run (\S+) of published pipeline 'training' in experiment 'train-on-push'", build.printed
    )
    run = shared.client.run(run_id)
    assert (
        run["status"] == "Completed"
        and run["parameters"] == {"reg_rate": "0.1"}
        and run["tags"] == {"commit": "c0ffee"}
    )
    assert "✔ Completed" in build.printed and "train    ● Running" in build.printed and "\x1b" not in build.printed
    assert "::error" not in build.printed and "logissue" not in build.printed
    summary = build.summary()
    assert summary.startswith("### ✅ trains a model: Completed") and "| ✅ | train | Completed |" in summary
    assert f"](http://penstock.example/runs/{run_id})" in summary
    assert (f"##vso[task.uploadsummary]{build.folder}/temp/penstock-{run_id}.md" in build.printed) is (
        build.kind == "azure"
    )
    assert "Signed out" in build.printed and (build.folder / "home/.penstock/logins.json").read_text() == "{}"


@pytest.mark.parametrize("build", EXAMPLES, indirect=True)
def test_an_example_build_fails_when_the_run_fails_and_shows_where(build: Build, shared: Shared) -> None:
    build.run("7")
    assert build.statuses == [0, 1, 0], build.printed
    assert "ValueError: rate 7.0 is too high" in build.printed and "✖ Failed" in build.printed
    said = "Step 'train': 'train.py' ended with exit status 1: ValueError: rate 7.0 is too high."
    if build.kind == "github":
        assert f"\n::error title=Step 'train' failed,file=steps/train.py,line=6::{said}" in build.printed
    else:
        assert f"\n##vso[task.logissue type=error;sourcepath=steps/train.py;linenumber=6;]{said}" in build.printed
    summary = build.summary()
    assert "### ❌ trains a model: Failed" in summary and "| ❌ | train | Failed |" in summary
    assert "<pre>Traceback" in summary and "raise ValueError(f&quot;rate {rate} is too high&quot;)" in summary


@pytest.mark.parametrize("build", EXAMPLES, indirect=True)
def test_an_example_build_fails_when_nothing_could_be_started(build: Build) -> None:
    build.run("much")
    assert build.statuses == [0, 2, 0], build.printed
    command = "::error title=penstock::" if build.kind == "github" else "##vso[task.logissue type=error;]"
    assert f"{command}Expected type of the pipeline parameter reg_rate is float" in build.printed
    assert "-p reg_rate=…  float  0.01" in build.printed


@pytest.mark.parametrize("build", ["github"], indirect=True)
def test_where_stdout_is_json_a_build_is_told_on_stderr(build: Build) -> None:
    own = {
        "PENSTOCK_URL": build.values["vars.PENSTOCK_URL"],
        "PENSTOCK_PASSWORD": build.values["secrets.PENSTOCK_PASSWORD"],
    }
    assert (
        build.bash(f"penstock login --service-principal -u {build.values['vars.PENSTOCK_PRINCIPAL']}", own).returncode
        == 0
    )
    done = build.bash("penstock run submit-pipeline training -e e -p reg_rate=8 --wait --json", own)
    assert done.returncode == 1 and json.loads(done.stdout)["run"]["status"] == "Failed"
    assert done.stderr.startswith("::error title=Step 'train' failed,file=steps/train.py,line=6::")


@pytest.mark.parametrize("build", EXAMPLES, indirect=True)
def test_what_the_pipelines_page_says_to_paste_runs_it(build: Build, shared: Shared) -> None:
    (found,) = shared.client("GET", "/published?begins=training")[1]["value"]
    made = shared.client("GET", f"/ws/w/pipelines/{found['id']}")[1]
    address = made["endpoint"].replace("penstock.example", shared.host)
    texts = {each.id: each.text for each in snippets(address, example(made["parameters"]))}
    steps = yaml.safe_load(texts["github" if build.kind == "github" else "devops"])
    build.values = {k: v for k, v in build.values.items() if "PENSTOCK_URL" not in k}
    build.run_job({"steps": steps}, build.values)
    assert build.statuses == [0, 0] and "✔ Completed  run" in build.printed


@pytest.mark.parametrize("build", ["github"], indirect=True)
def test_what_a_step_prints_is_no_command_to_the_build(build: Build) -> None:
    build.run("0.1")
    line = "penstock run submit-pipeline training -e e --wait --logs --regenerate-outputs"
    done = build.bash(line, {"PENSTOCK_URL": build.values["vars.PENSTOCK_URL"], "PENSTOCK_TOKEN": "wrong"})
    assert done.returncode == 1 and "::error title=penstock::This needs a token." in done.stdout
    own = {
        "PENSTOCK_URL": build.values["vars.PENSTOCK_URL"],
        "PENSTOCK_PASSWORD": build.values["secrets.PENSTOCK_PASSWORD"],
    }
    login = f"penstock login --service-principal -u {build.values['vars.PENSTOCK_PRINCIPAL']}"
    done = build.bash(f"{login} && {line}", own)
    assert done.returncode == 0, done.stderr
    assert "│ : :add-mask::x" in done.stdout and "\n::add-mask" not in done.stdout
    (run_id,) = re.findall(r"Submitted run (\S+)", done.stdout)
    for follow in ("", " -f"):
        logs = build.bash(f"penstock run logs{follow} --step train {run_id}", own).stdout
        assert ": :add-mask::x" in logs and "\n::add-mask" not in f"\n{logs}"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("##vso[task.setvariable variable=a]b", "## vso[task.setvariable variable=a]b"),
        ("said ##VSO[task.x]", "said ## VSO[task.x]"),
        ("##[error]x", "## [error]x"),
        ("::stop-commands::x", ": :stop-commands::x"),
        ("a\n  ::set-output name=a::b", "a\n  : :set-output name=a::b"),
        ("a ::b and # [c]", "a ::b and # [c]"),
    ],
)
def test_commands_in_text_from_elsewhere_are_taken_apart(given: str, shown: str) -> None:
    assert ci.tame(given) == shown


def test_what_an_annotation_says_cannot_end_it(tmp_path: Path) -> None:
    issue = ci.Issue("50%\nof; it] failed", "a, b: c", "x,y.py", 3)
    github = ci.build_of({"GITHUB_ACTIONS": "true"})
    assert github and github.issue(issue) == "::error title=a%2C b%3A c,file=x%2Cy.py,line=3::50%25%0Aof; it] failed"
    azure = ci.build_of({"TF_BUILD": "True"})
    said = "##vso[task.logissue type=error;sourcepath=x,y.py;linenumber=3;]50%AZP25%0Aof%3B it%5D failed"
    assert azure and azure.issue(issue) == said
    assert ci.build_of({"CI": "true"}) is None


def test_an_error_is_placed_only_on_a_line_that_the_checkout_has(tmp_path: Path) -> None:
    (tmp_path / "steps").mkdir()
    (tmp_path / "steps/train.py").write_text("first\n    fit()\n")
    (tmp_path / "train.py").write_text("first\nsomething else\n")
    tail = 'File "/h/jobs/r.1/work/train.py", line 2, in <module>\n    fit()\n    ^^^\nValueError: x'
    assert ci.place_of(tail, "/other/machine/steps", tmp_path) == ("steps/train.py", 2)
    assert ci.place_of(tail, "/other/machine/code", tmp_path) is None
    assert ci.place_of(tail.replace("line 2", "line 7"), "/other/machine/steps", tmp_path) is None
    assert ci.place_of(tail.replace("work/train.py", "work/../../train.py"), "steps", tmp_path) is None
    inner = tail + '\n  File "/usr/lib/python3/site.py", line 2, in f\n    raise x'
    assert ci.place_of(inner, "/other/machine/steps", tmp_path) == ("steps/train.py", 2)


def test_names_cannot_break_the_summary() -> None:
    step = {
        "id": "s",
        "name": "a|b <i>`x`\n",
        "status": "Completed",
        "experiment": "e",
        "properties": {},
        "display_name": None,
    }
    run = {**step, "id": "r" * 36, "name": "# [x](y)", "url": "http://h/runs/r"}
    text = ci.summary({"run": run, "children": [step], "metrics": [], "outputs": []})
    assert "a\\|b &lt;i&gt;\\`x\\`" in text and "\\# \\[x\\](y)" in text
    assert {line.replace("\\|", "").count("|") for line in text.splitlines() if line.startswith("|")} == {6}
