"""Every name that public pipeline code imports or asks of a class is there, but for AutoML's: differences.toml lists those."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from penstock.cli.v1.table import table

CASES = Path(__file__).resolve().parent / "cases"
IMPORTS = (CASES / "imports.txt").read_text().splitlines()
MEMBERS = [line.split(" ") for line in (CASES / "members.txt").read_text().splitlines()]
ABSENT = set(table().absent)


def at(path: str) -> Any:
    """The module or the attribute of one at a dotted path; None when it is not there."""
    try:
        return importlib.import_module(path)
    except ImportError:
        module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name, None)
    except ImportError:
        return None


@pytest.mark.parametrize("path", IMPORTS)
def test_an_import_succeeds_or_is_listed_as_absent(path):
    assert (at(path) is None) == (path in ABSENT)


@pytest.mark.parametrize(("member", "path"), MEMBERS, ids=lambda value: value)
def test_a_member_is_there_or_is_listed_as_absent(member, path):
    owner = at(path)
    there = owner is not None
    for part in member.split(".")[1:]:
        if not hasattr(owner, part) and part in assigned(owner):
            try:
                owner = owner()  # only an object has it
            except TypeError:
                return  # which is not made from nothing: its constructor sets it, and that must do
        there = there and hasattr(owner, part)
        owner = getattr(owner, part, None)
    assert there == (member not in ABSENT)


def assigned(owner: Any) -> set[str]:
    """What its methods set on an object of it."""
    from azureml._surface import _assigned

    return _assigned(owner) if isinstance(owner, type) else set()
