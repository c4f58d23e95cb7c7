"""Files, functions and classes stay small enough to read at one sitting; names say what a thing is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from house.sources import Source, read

ROOT = Path(__file__).resolve().parents[2]
CODE = [ROOT / folder for folder in ("src", "sdk/src", "tests", "bench", "examples")]
FILE_LINES, FUNCTION_LINES, PUBLIC_METHODS = 500, 60, 12
UNWANTED = re.compile(
    r"(^|_)(manager|helper|helpers|util|utils|common|misc|processor|wrapper|info)($|_)|_impl$|_v2$|^do_"
)


def modules(*folders: Path) -> Iterator[tuple[Path, Source]]:
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            if ".env" not in path.parts:
                yield path.relative_to(ROOT), read(path)


def test_no_file_is_longer_than_can_be_read() -> None:
    lengths = {path: source.n_lines for path, source in modules(*CODE)}
    wrong = [f"{path}: {n} lines (at most {FILE_LINES})" for path, n in lengths.items() if n > FILE_LINES]
    assert not wrong, "\n".join(wrong)


def test_no_function_is_longer_than_a_screen() -> None:
    wrong = []
    for path, source in modules(*CODE):
        if "migrations" in path.parts:
            continue  # a migration is a list of statements, generated and never edited again
        for each in source.definitions:
            mirrors = path.parts[0] == "sdk"  # a signature there is the public API's, long as it may be
            length = each.end_line - (each.body_line if mirrors else each.line) + 1
            if not each.is_class and length > FUNCTION_LINES:
                wrong.append(f"{path}:{each.line}: {each.name} has {length} lines (at most {FUNCTION_LINES})")
    assert not wrong, "\n".join(wrong)


def test_no_class_of_ours_is_a_hub() -> None:
    wrong = []
    for path, source in modules(ROOT / "src"):
        for each in source.definitions:
            public = [name for name in each.functions if not name.startswith("_")]
            if len(public) > PUBLIC_METHODS:
                wrong.append(f"{path}:{each.line}: {each.name} has {len(public)} public methods")
    assert not wrong, "\n".join(wrong)


def test_every_module_says_what_it_knows() -> None:
    wrong = [str(path) for path, source in modules(*CODE) if not source.has_docstring]
    assert not wrong, "no docstring: " + ", ".join(wrong)


def test_names_say_what_a_thing_is() -> None:
    wrong = []
    for path, source in modules(ROOT / "src"):
        words = [(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", d.name).lower(), d.line) for d in source.definitions]
        wrong += [f"{path}:{line}: {name}" for name, line in [(path.stem, 1), *words] if UNWANTED.search(name)]
    assert not wrong, "\n".join(wrong)
