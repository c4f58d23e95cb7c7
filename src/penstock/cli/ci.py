"""What a run says to the build that started it: annotations where errors are, and a table of steps in the build's summary.

Knows how GitHub Actions and Azure Pipelines are told such things on stdout, and by which variables they are known. Pure but for the
files of the checkout and of the summary.
"""

from __future__ import annotations

import html
import re
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from penstock.cli import terminal
from penstock.cli.showing import metric_rows, tail_of, title_of

Json = dict[str, Any]
MOST_ISSUES = 10
"""GitHub shows so many of a step."""
MOST_ROWS = 300
_COMMAND = re.compile(r"##(?=\[|vso\[)|^[ \t]*:(?=:)", re.IGNORECASE | re.MULTILINE)
_FRAME = re.compile(r'File "[^"\n]*/jobs/[^"/\n]+/work/([^"\n]+)", line (\d+)[^\n]*(?:\n\s*([^\n]*))?')


@dataclass(frozen=True)
class Issue:
    """One thing that a build should show; `file` is relative to the checkout."""

    message: str
    title: str = ""
    file: str = ""
    line: int = 0
    kind: str = "error"


class Build(ABC):
    """The build that this command runs in."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ

    @property
    @abstractmethod
    def checkout(self) -> Path:
        """Where the repository's files are."""

    @abstractmethod
    def issue(self, issue: Issue) -> str:
        """The line that tells of it."""

    @abstractmethod
    def summarize(self, run_id: str, markdown: str) -> str:
        """Add to the build's summary; the line to be printed for that, if it takes one. OSError when it cannot be written."""


class GitHub(Build):
    """https://docs.github.com/actions/reference/workflow-commands-for-github-actions"""

    @property
    def checkout(self) -> Path:
        return Path(self.environ.get("GITHUB_WORKSPACE") or ".")

    def issue(self, issue: Issue) -> str:
        facts = {"title": issue.title, "file": issue.file, "line": issue.line or ""}
        said = ",".join(f"{k}={_escaped(str(v), _OF_GITHUB | _IN_GITHUB)}" for k, v in facts.items() if v)
        return f"::{issue.kind}{' ' if said else ''}{said}::{_escaped(issue.message, _OF_GITHUB)}"

    def summarize(self, run_id: str, markdown: str) -> str:
        if path := self.environ.get("GITHUB_STEP_SUMMARY"):
            with open(path, "a", encoding="utf-8") as file:
                file.write(markdown + "\n")
        return ""


class AzurePipelines(Build):
    """https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands"""

    @property
    def checkout(self) -> Path:
        return Path(self.environ.get("BUILD_SOURCESDIRECTORY") or ".")

    def issue(self, issue: Issue) -> str:
        facts = {"type": issue.kind, "sourcepath": issue.file, "linenumber": issue.line or ""}
        said = "".join(f"{k}={_escaped(str(v), _OF_AZURE)};" for k, v in facts.items() if v)
        return f"##vso[task.logissue {said}]{_escaped(issue.message, _OF_AZURE)}"

    def summarize(self, run_id: str, markdown: str) -> str:
        folder = self.environ.get("AGENT_TEMPDIRECTORY") or tempfile.gettempdir()
        path = Path(folder) / f"penstock-{run_id}.md"
        path.write_text(markdown + "\n", encoding="utf-8")
        return f"##vso[task.uploadsummary]{path}"


_OF_GITHUB = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_IN_GITHUB = {":": "%3A", ",": "%2C"}
_OF_AZURE = {"%": "%AZP25", "\r": "%0D", "\n": "%0A", ";": "%3B", "]": "%5D"}


def build_of(environ: Mapping[str, str]) -> Build | None:
    """The build whose variables these are, if it is one that is told more than plain lines."""
    if environ.get("GITHUB_ACTIONS") == "true":
        return GitHub(environ)
    if environ.get("TF_BUILD", "").lower() == "true":
        return AzurePipelines(environ)
    return None


def tame(text: str) -> str:
    """`text` without what a build would take for a command to itself: names, errors and logs come from anywhere."""
    return _COMMAND.sub(lambda found: found[0] + " ", text)


def tame_in(environ: Mapping[str, str]) -> Callable[[str], str]:
    """`tame` where a build reads what is printed; elsewhere text stays as it is."""
    return tame if build_of(environ) else str


def issues(build: Build, detail: Json, graph: Json) -> Iterator[Issue]:
    """What a run that is over has to say: its failed steps, with the place in the checkout where there is one; its warnings."""
    run, steps = detail["run"], detail["children"]
    settings = {n["id"]: n.get("settings") or {} for n in graph.get("nodes") or []}
    failed = [s for s in steps if s["status"] == "Failed" and s.get("error")]
    for step in failed[:MOST_ISSUES]:
        tail = "\n".join(tail_of(step["error"]))
        folder = str(settings.get(step["node"], {}).get("source_directory") or "")
        file, line = place_of(tail, folder, build.checkout) or ("", 0)
        yield Issue(_message(step["error"], tail), f"Step '{title_of(step)}' failed", file, line)
    if not failed and run["status"] != "Completed":
        error = run.get("error") or {}
        yield Issue(str(error.get("message") or f"The run is {run['status']}."), f"Run {run['status'].lower()}")
    for warning in (run.get("warnings") or [])[:MOST_ISSUES]:
        yield Issue(str(warning), kind="warning")


def place_of(tail: str, folder: str, checkout: Path) -> tuple[str, int] | None:
    """The innermost line of a traceback that is a line of the checkout, too, word for word: (file, line).

    A step's file is a copy of one below `folder`, on whatever machine that was; what of its path leads to a file here is it.
    """
    for name, number, text in reversed(_FRAME.findall(tail)):
        parts = [p for p in (*PurePosixPath(folder).parts, *PurePosixPath(name).parts) if p != "/"]
        if ".." in parts:
            continue
        for i in range(len(parts)):
            path = PurePosixPath(*parts[i:])
            if text.strip() and _line(checkout / path, int(number)) == text.strip():
                return str(path), int(number)
    return None


def summary(detail: Json) -> str:
    """The run as Markdown: how it ended, a table of its steps, what the failing ones said, its metrics."""
    run, steps = detail["run"], detail["children"]
    now = terminal.utc_now()
    took = terminal.duration(run.get("started_at"), run.get("ended_at"), now)
    name = _cell(title_of(run))
    lines = [
        f"### {_MARKS.get(run['status'], '')} {name}: {run['status']} after {took}",
        f"Run [{terminal.short(run['id'])}]({run['url']}) in experiment {_cell(run['experiment'])}",
        "",
        "| | step | status | took | |",
        "|---|---|---|---|---|",
    ]
    for step in steps[:MOST_ROWS]:
        took = terminal.duration(step.get("started_at"), step.get("ended_at"), now)
        error = (step.get("error") or {}).get("message") or ""
        reused = "reused" if "azureml.reusedrunid" in step["properties"] else ""
        cells = (_MARKS.get(step["status"], ""), title_of(step), step["status"], took, error or reused)
        lines.append("| " + " | ".join(_cell(c) for c in cells) + " |")
    if len(steps) > MOST_ROWS:
        lines.append(f"\n… and {len(steps) - MOST_ROWS} more steps: see the run's page.")
    for step in steps:
        if step["status"] == "Failed" and (tail := tail_of(step.get("error") or {})):
            said = html.escape("\n".join(tail[-40:]))
            lines += ["", f"<details open><summary>{_cell(title_of(step))}</summary><pre>{said}</pre></details>"]
    if metrics := metric_rows(detail):
        lines += ["", "| step | metric | value |", "|---|---|---|"]
        lines += ["| " + " | ".join(_cell(c) for c in row) + " |" for row in metrics]
    return "\n".join(lines)


_MARKS = {"Completed": "✅", "Failed": "❌", "Canceled": "⛔"}


def _message(error: Json, tail: str) -> str:
    last = next((line.strip() for line in reversed(tail.splitlines()) if line.strip()), "")
    message = str(error.get("message") or "")
    return message if not last or last in message else f"{last}\n{message}"


def _line(path: Path, number: int) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()[number - 1].strip()
    except (OSError, IndexError):
        return ""


def _cell(text: str) -> str:
    """One cell of a table, whatever is in it."""
    return re.sub(r"([\\`*_\[\]|#~])", r"\\\1", html.escape(" ".join(text.split()), quote=False))


def _escaped(text: str, table: Mapping[str, str]) -> str:
    return "".join(table.get(character, character) for character in text)
