"""What the tests of the house ask of our sources, read off each file once: its definitions, imports and looks at names of names.

Knows Python's syntax alone. The trees themselves are not kept: they are a hundred times as large.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

Function = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Definition:
    """A function or class: where it stands, where its body begins and ends, and the names of a class's own functions."""

    name: str
    line: int
    body_line: int
    end_line: int
    is_class: bool
    functions: list[str]


@dataclass(frozen=True)
class Import:
    """`import a.b` has its names and no module; `from ..a import b` has the dots as its level."""

    module: str | None
    level: int
    names: list[str]
    line: int
    is_at_module_level: bool


@dataclass(frozen=True)
class Source:
    """One file. `uses` are `owner.name` as the code spells them: the two names, and the line."""

    n_lines: int
    has_docstring: bool
    definitions: list[Definition] = field(default_factory=list)
    imports: list[Import] = field(default_factory=list)
    uses: list[tuple[str, str, int]] = field(default_factory=list)


@cache
def read(path: Path) -> Source:
    """What there is to say of a file; it is parsed the first time only."""
    text = path.read_text()
    tree = ast.parse(text)
    source = Source(text.count("\n"), bool(ast.get_docstring(tree)))
    waiting: list[tuple[ast.AST, bool]] = [(tree, False)]
    while waiting:
        node, is_inside = waiting.pop()
        _note(source, node, is_inside)
        is_inside = is_inside or isinstance(node, Function)
        waiting += [(child, is_inside) for child in ast.iter_child_nodes(node) if not isinstance(child, ast.Name)]
    source.definitions.sort(key=lambda d: d.line)
    source.imports.sort(key=lambda i: i.line)
    return source


def _note(source: Source, node: ast.AST, is_inside: bool) -> None:
    if isinstance(node, ast.Attribute):
        owner = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
        source.uses.append((owner, node.attr, node.lineno))
    elif isinstance(node, (*Function, ast.ClassDef)):
        is_class = isinstance(node, ast.ClassDef)
        functions = [m.name for m in node.body if isinstance(m, Function)] if is_class else []
        ends = node.end_lineno or node.lineno
        source.definitions.append(Definition(node.name, node.lineno, node.body[0].lineno, ends, is_class, functions))
    elif isinstance(node, ast.Import):
        source.imports.append(Import(None, 0, [a.name for a in node.names], node.lineno, not is_inside))
    elif isinstance(node, ast.ImportFrom):
        names = [a.name for a in node.names]
        source.imports.append(Import(node.module, node.level, names, node.lineno, not is_inside))
