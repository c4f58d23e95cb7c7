"""Every parameter that public pipeline code names (cases/parameters.txt) has a test of its effect, or a row that says it is recorded only."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections import Counter
from pathlib import Path

from parameter_objects import CASES

from penstock.cli.main import run
from penstock.cli.v1.surface import surface
from penstock.cli.v1.table import table

HERE = Path(__file__).resolve().parent
NAMED = re.compile(r"(?P<call>[\w.]+)\((?P<parameter>\w+)\)")
PARAMETERS = (HERE / "cases" / "parameters.txt").read_text().splitlines()
CATCH_ALL = "PipelineRun.__init__(kwags)"  # `**kwags`: no call can give it by this name
MAP = tomllib.loads((HERE / "cases" / "parameters.toml").read_text())


def of_call(call: str) -> list[str]:
    return [name for name in PARAMETERS if name.startswith(call + "(")]


def from_cases() -> set[str]:
    return {f"{call}({parameter})" for call, (_, _, others) in CASES.items() for parameter in others}


def from_tests() -> dict[str, list[str]]:
    """Test -> the parameters whose effect it shows."""
    return {
        test: [
            n
            for call, given in calls.items()
            for n in (of_call(call) if given == "*" else [f"{call}({p})" for p in given.split()])
        ]
        for test, calls in MAP["tests"].items()
    }


def recorded() -> dict[str, list[str]]:
    """Row -> parameters."""
    return {
        row: [name for part in text.split() for name in ([part] if "(" in part else of_call(part))]
        for row, text in MAP["recorded"].items()
    }


def test_every_parameter_is_tested_or_recorded_only() -> None:
    counts = Counter(
        [*from_cases(), *(n for v in from_tests().values() for n in v), *(n for v in recorded().values() for n in v)]
    )
    missing = [name for name in PARAMETERS if not counts[name]]
    assert not missing, f"{len(missing)} without a test or a row: " + " ".join(missing)
    unknown = sorted(set(counts) - set(PARAMETERS))
    assert not unknown, "no such parameter: " + " ".join(unknown)


def test_every_row_that_records_a_parameter_is_in_the_docs() -> None:
    rows = {row.id for row in (*table().differs, *table().recorded, *table().unsupported, table().automl)}
    assert set(MAP["recorded"]) <= rows, sorted(set(MAP["recorded"]) - rows)


def test_the_row_that_records_a_parameter_speaks_of_it_and_doctor_names_the_row(tmp_path, capsys) -> None:
    """The parameter stands in the row's text, or the whole class or call does; so a reader finds it, and doctor does at a line that gives it."""
    rows = {row.id: row for row in (*table().differs, *table().recorded, *table().unsupported, table().automl)}
    places = {full.rpartition(".")[2]: full.rpartition(".")[0] for full in surface().described}
    names = [(row, name) for row, given in recorded().items() for name in given]
    silent, lines = [], []
    for row, name in names:
        found = NAMED.fullmatch(name)
        assert found is not None, name
        owner, _, method = found["call"].rpartition(".")
        call = owner if method == "__init__" else f"{owner}.{method}"
        text, patterns = " ".join(rows[row].cells), rows[row].names
        silent += [f"{row}: {name}"] * (f"`{found['parameter']}`" not in text and call not in text and call not in patterns
                                        and f"{owner}.*" not in patterns)  # fmt: skip
        lines.append(f"from {places[owner]} import {owner}; {call}({found['parameter']}=1)\n")
    assert not silent, "\n".join(silent)
    (tmp_path / "s.py").write_text("".join(lines))
    assert run(["doctor", "--json", str(tmp_path / "s.py")]) == 1
    uses = json.loads(capsys.readouterr().out)["files"][0]["uses"]
    told = {line: [u for u in uses if u["line"] == line] for line in range(1, len(lines) + 1)}
    untold = [
        f"{row}: {name}"
        for (row, name), said in zip(names, told.values(), strict=True)
        if name != CATCH_ALL and not any(u["page"] == rows[row].page or u["verdict"] == "not supported" for u in said)
    ]
    assert not untold, "\n".join(untold)


def test_every_test_that_is_named_is_there_and_speaks_of_the_call() -> None:
    """By what it calls: the method's name, or the class's for a constructor, stands in its file, and the test in that file."""
    wrong = []
    for test, names in from_tests().items():
        file, _, function = test.partition("::")
        text = (HERE / file).read_text()
        functions = {n.name for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef)}
        wrong += [f"{test} is not there"] * (function not in functions)
        for name in names:
            found = NAMED.fullmatch(name)
            assert found is not None, name
            owner, _, method = found["call"].rpartition(".")
            said = (
                owner.rpartition(".")[2]
                if method == "__init__"
                else method.removeprefix("register_").removeprefix("azure_")
            )
            wrong += [f"{test} does not call {found['call']}"] * (said not in text)
    assert not wrong, "\n".join(wrong)
