"""docs/differences.md is made from differences.toml, and what that calls not supported is what the SDK does not have."""

from __future__ import annotations

import fnmatch
from functools import cache
from pathlib import Path

from penstock.cli.v1.surface import surface
from penstock.cli.v1.table import PAGE, PATTERN, page, table
from penstock.steps.registry import REGISTRY

ROOT = Path(__file__).resolve().parents[2]
ALWAYS = {"deploying", "open-datasets", "microsofts-packages"}  # what no later version is meant to build


def test_the_page_is_made_from_the_table() -> None:
    assert (ROOT / PAGE).read_text() == page(), "python -m penstock.cli.v1.page"


def test_no_two_differences_share_an_anchor() -> None:
    rows = [*table().differs, *table().recorded, *table().unsupported, table().automl]
    ids = [row.id for row in rows]
    assert len(ids) == len(set(ids))
    assert all(row.names or row.shell for row in table().unsupported)


known = cache(surface)


@cache
def names() -> dict[str, bool]:
    """`Class` and `Class.member` of the SDK, and whether more stands behind them than an error."""
    found: dict[str, bool] = {}
    for full in known().described:
        owner = known().of_class(full)
        assert owner is not None
        found[owner.short] = True
        for member in owner.members:
            call = owner.call(member)
            name = f"{owner.short}.{member}"
            found[name] = found.get(name, False) or call is None or call.is_built
    return found


def test_what_is_called_not_supported_is_not_there() -> None:
    there = names()
    built = {kind.step_type for kind in REGISTRY.values() if kind.module is not None}
    wrong = []
    for row in table().unsupported:
        if row.id in ALWAYS:
            continue
        for pattern in row.names:
            if pattern.endswith("Step") and pattern in {kind.step_type for kind in REGISTRY.values()}:
                wrong += [f"{pattern} runs now"] * (pattern in built)
            elif "*" not in pattern and any("*" in other for other in row.names):
                continue  # it may end in what the pattern speaks of
            elif not any(fnmatch.fnmatchcase(name, pattern) and not is_built for name, is_built in there.items()):
                wrong.append(f"{pattern} is built now")
    assert not wrong, "Take them out of differences.toml: " + ", ".join(wrong)


def test_every_name_of_a_difference_is_a_name_of_the_sdk() -> None:
    there = names()
    members = [member for each in known().described.values() for member in each["members"].values()]
    parameters = {p for call in [*known().functions.values(), *members] for p in call.get("parameters", ())}
    wrong = []
    for row in (*table().differs, *table().recorded):
        for pattern in row.names:
            found = PATTERN.match(pattern)
            assert found is not None, pattern
            if found["parameter"] and found["parameter"] not in parameters:
                wrong.append(f"{row.id}: {pattern}")
            if "." not in found["name"].removeprefix("azureml.") or not found["name"].startswith("azureml."):
                is_there = found["name"] in there or fnmatch.filter(there, found["name"])
                wrong += [f"{row.id}: {pattern}"] * (not is_there)
    assert not wrong, "\n".join(wrong)


def test_every_step_kind_that_does_not_run_is_called_not_supported() -> None:
    (row,) = [row for row in table().unsupported if row.id == "not-yet-step-kinds"]
    assert set(row.names) == {kind.step_type for kind in REGISTRY.values() if kind.module is None}
