"""docs/promises.md names tests that are there: a promise is kept by a test, or it is no promise."""

from __future__ import annotations

import re
from pathlib import Path

from house.sources import read

TESTS = Path(__file__).resolve().parents[1]
PAGE = TESTS.parent / "docs" / "promises.md"
NAMED = re.compile(r"`((?:[\w-]+/)+test_\w+\.py)::(test_\w+)`")


def names_in(path: Path) -> set[str]:
    return {each.name for each in read(path).definitions if not each.is_class}


def rows() -> list[list[str]]:
    """The cells of every promise."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row[0] != "promise"]


def test_every_promise_has_a_mechanism_and_a_test() -> None:
    assert len(rows()) > 20
    wrong = [row[0] for row in rows() if len(row) != 3 or not row[1] or not NAMED.search(row[2])]
    assert not wrong, "\n".join(wrong)


def test_every_test_that_a_promise_names_is_there() -> None:
    named = NAMED.findall(PAGE.read_text())
    missing = [
        f"{file}::{name}" for file, name in named if not (TESTS / file).is_file() or name not in names_in(TESTS / file)
    ]
    assert not missing, "\n".join(missing)
    assert len(named) == PAGE.read_text().count("::test_"), "a test is named in a way that this test cannot read"
