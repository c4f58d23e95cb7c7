"""Files, functions and classes stay small enough to read at one sitting; names say what a thing is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = [ROOT / folder for folder in ("src", "sdk/src", "tests", "bench", "examples")]
FILE_LINES, FUNCTION_LINES, PUBLIC_METHODS = 500, 60, 12
UNWANTED = re.compile(
    r"(^|_)(manager|helper|helpers|util|utils|common|misc|processor|wrapper|info)($|_)|_impl$|_v2$|^do_"
)


def modules(*folders: Path) -> Iterator[tuple[Path, str, ast.Module]]:
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            if ".env" not in path.parts:
                text = path.read_text()
                yield path.relative_to(ROOT), text, ast.parse(text)


def test_no_file_is_longer_than_can_be_read() -> None:
    lengths = {path: text.count("\n") for path, text, _ in modules(*CODE)}
    wrong = [f"{path}: {n} lines (at most {FILE_LINES})" for path, n in lengths.items() if n > FILE_LINES]
    assert not wrong, "\n".join(wrong)


def test_no_function_is_longer_than_a_screen() -> None:
    wrong = []
    for path, _, tree in modules(*CODE):
        if "migrations" in path.parts:
            continue  # a migration is a list of statements, generated and never edited again
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                mirrors = path.parts[0] == "sdk"  # a signature there is the public API's, long as it may be
                first = node.body[0].lineno if mirrors else node.lineno
                length = (node.end_lineno or first) - first + 1
                if length > FUNCTION_LINES:
                    wrong.append(f"{path}:{node.lineno}: {node.name} has {length} lines (at most {FUNCTION_LINES})")
    assert not wrong, "\n".join(wrong)


def test_no_class_of_ours_is_a_hub() -> None:
    wrong = []
    for path, _, tree in modules(ROOT / "src"):
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                members = [m.name for m in node.body if isinstance(m, (ast.FunctionDef, ast.AsyncFunctionDef))]
                public = [name for name in members if not name.startswith("_")]
                if len(public) > PUBLIC_METHODS:
                    wrong.append(f"{path}:{node.lineno}: {node.name} has {len(public)} public methods")
    assert not wrong, "\n".join(wrong)


def test_every_module_says_what_it_knows() -> None:
    wrong = [str(path) for path, _, tree in modules(*CODE) if not ast.get_docstring(tree)]
    assert not wrong, "no docstring: " + ", ".join(wrong)


def test_names_say_what_a_thing_is() -> None:
    wrong = []
    for path, _, tree in modules(ROOT / "src"):
        names = [(path.stem, 1)]
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                names.append((re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", node.name).lower(), node.lineno))
        wrong += [f"{path}:{line}: {name}" for name, line in names if UNWANTED.search(name)]
    assert not wrong, "\n".join(wrong)
