"""The documentation tells all that the code's own tables hold, and links to what is there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from penstock.model.access import OF_A_RUN, ROLES, Permission, Role
from penstock.model.settings import SETTINGS
from penstock.model.status import TRANSITIONS, Status
from penstock.server.permissions import TABLE
from penstock.steps.registry import REGISTRY

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
# Folders of one machine: a home, a work tree, a temporary file with a name. Spelt in halves so that this line is none.
MACHINE = re.compile(r"(?<![\w.>*~-])/(?:ro" r"ot|wo" r"rk|farm|ho" r"me/[a-z]\w*)/[\w.]|/t" r"mp/(?!bash)[a-z]\w*/")


def rows(page: str) -> dict[str, list[str]]:
    """The tables' rows of a page: first cell without its backticks → the other cells."""
    found = {}
    for line in (DOCS / page).read_text().splitlines():
        if line.startswith("|"):
            first, *others = (cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1])
            found[first.strip("`")] = others
    return found


def test_every_setting_is_documented_as_it_is() -> None:
    there = rows("settings.md")
    for setting in SETTINGS:
        row = [f"`{setting.default}`" if setting.default else "", setting.help]
        wanted = f"| `{setting.variable}` | {row[0]} | {row[1]} |"
        assert there.get(setting.variable) == row, f"docs/settings.md needs this row:\n{wanted}"
    gone = {name for name in there if name.startswith("PENSTOCK_")} - {s.variable for s in SETTINGS}
    assert not gone, f"docs/settings.md tells of settings that are no more: {sorted(gone)}"


@pytest.mark.parametrize("status", list(Status))
def test_every_status_is_documented_with_what_may_follow_it(status: Status) -> None:
    row = rows("statuses.md").get(status.value)
    assert row is not None, f"docs/statuses.md says nothing of {status.value}"
    *says, follows = row
    assert len(says) == 3 and all(says), f"{status.value}: meaning, where to find such a run, who moves it on"
    named = set(re.findall(r"[A-Z]\w+", follows))
    assert named == {s.value for s in TRANSITIONS[status]}, f"{status.value} may become {sorted(TRANSITIONS[status])}"


def test_the_diagram_of_statuses_draws_only_what_may_happen() -> None:
    arrows = re.findall(r"^\s*(\w+) --> (\w+)", (DOCS / "statuses.md").read_text(), re.MULTILINE)
    assert arrows
    wrong = [f"{a} --> {b}" for a, b in arrows if Status(b) not in TRANSITIONS[Status(a)]]
    assert not wrong, wrong
    assert {Status(name) for pair in arrows for name in pair} == set(Status)


def test_every_step_kind_is_documented_with_whether_it_runs() -> None:
    there = rows("steps.md")
    for kind in REGISTRY.values():
        row = there.get(kind.step_type)
        assert row is not None, f"docs/steps.md says nothing of {kind.step_type}"
        assert row[0] == f"`{kind.name}`" and (row[1] == "runs") == (kind.module is not None), f"{kind}: {row}"


def test_every_path_of_existing_clients_is_documented() -> None:
    """A call of the wire format has its place in publish.md's table, whatever its parameters are called there."""
    told = set(re.findall(r"`((?:GET|POST|PUT|DELETE) /[^`]+)`", (DOCS / "publish.md").read_text()))
    told = {re.sub(r"\{\w+\}", "{}", call) for call in told}
    there = {
        f"{method} {re.sub(r'{[^}]+}', '{}', path.split('/workspaces/{ws}', 1)[1])}"
        for method, path in TABLE
        if path.startswith("/pipelines/v1.0/")
    }
    assert there == told, f"missing: {sorted(there - told)}; gone: {sorted(told - there)}"


def test_the_matrix_of_permissions_is_what_the_roles_give() -> None:
    there = rows("access.md")
    of_published = {Permission.READ_PUBLISHED, Permission.RUN_PUBLISHED}
    for permission in Permission:
        cells = there.get(permission.value)
        assert cells is not None and cells[0], f"docs/access.md says nothing of what needs {permission.value!r}"
        is_signed_in = permission in (Permission.PUBLIC, Permission.SIGNED_IN)
        who = [permission is Permission.PUBLIC, *(is_signed_in or permission in ROLES[role] for role in Role)]
        who += [is_signed_in or permission in of_published, is_signed_in or permission in OF_A_RUN]
        assert cells[1:] == ["yes" if each else "–" for each in who], f"docs/access.md on {permission.value!r}"


def pages() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "examples").rglob("*.md"), *ROOT.glob("sdk/*.md")])


def test_every_link_between_pages_leads_somewhere() -> None:
    wrong = []
    for page in pages():
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
            if "://" not in target and not (page.parent / target).exists():
                wrong.append(f"{page.relative_to(ROOT)}: {target}")
    assert not wrong, wrong


def test_every_page_that_the_code_names_is_there() -> None:
    wrong = []
    for folder in ("src", "sdk/src", "tests", "bench", "examples"):
        for path in (p for p in (ROOT / folder).rglob("*.py") if ".env" not in p.parts):  # bench's has others' code
            text = path.read_text()
            named = re.findall(r"\bdocs/[\w/-]+\.md\b", text)
            named += [f"docs/decisions/{n}-*.md" for n in re.findall(r"\bdocs/decisions/(\d{4})\b", text)]
            wrong += [f"{path.relative_to(ROOT)}: {name}" for name in named if not list(ROOT.glob(name))]
    assert not wrong, "\n".join(wrong)


def committed() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listing.returncode:  # not a git checkout: all that is there will have to do
        return [path for path in ROOT.rglob("*") if path.is_file() and not {".venv", ".env"} & set(path.parts)]
    return [path for name in listing.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_no_committed_file_names_a_folder_of_one_machine() -> None:
    wrong = []
    for path in committed():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if MACHINE.search(line):
                wrong.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}")
    assert not wrong, "\n".join(wrong)
