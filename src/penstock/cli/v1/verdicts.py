"""What to say of each use: works, differs (and where that is written), not supported. Pure, but for the registry of step kinds."""

from __future__ import annotations

import ast
import fnmatch
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from penstock.cli.v1.sources import Piece, Unreadable, without_magics
from penstock.cli.v1.surface import Surface
from penstock.cli.v1.table import PAGE, Row, Table
from penstock.cli.v1.uses import Reader, Scope, Use
from penstock.steps.registry import registered

NOT_SUPPORTED = "#not-supported"  # the section, for what has no row of its own


class Word(StrEnum):
    WORKS = "works"
    DIFFERS = "differs"
    UNSUPPORTED = "not supported"


@dataclass(frozen=True)
class Verdict:
    """One name at one line."""

    path: str
    cell: int | None
    line: int
    word: Word
    name: str
    text: str = ""
    page: str | None = None

    @property
    def is_of_row(self) -> bool:
        """Whether a row of the table says it, and not this name alone."""
        return self.page is not None and not self.page.endswith(NOT_SUPPORTED)


def verdicts(pieces: Iterable[Piece | Unreadable], surface: Surface, table: Table) -> Iterator[Verdict | Unreadable]:
    """Of the pieces of one file, in order."""
    shared, modules = Scope(), Modules(surface)
    for piece in pieces:
        if isinstance(piece, Unreadable):
            yield piece
            continue
        tree, shell = _parsed(piece)
        shell = [*piece.shell, *shell]
        if isinstance(tree, Unreadable):
            yield tree
            continue
        reader = Reader(surface, shared if piece.same_scope else Scope(), modules.beside(piece.path))
        reader.visit(tree)
        found = [v for use in reader.uses for v in _of_use(use, piece, surface, table)]
        found += [v for line, command in shell for v in _of_shell(line, command, piece, table)]
        yield from _in_order(found)


class Modules:
    """The names that modules beside a file have when they have been read. Of those that import each other the second has none of the first."""

    def __init__(self, surface: Surface) -> None:
        self._surface = surface
        self._known: dict[str, Scope] = {}

    def beside(self, path: str) -> Callable[[str], Scope]:
        folder = os.path.dirname(os.path.abspath(path))
        return lambda module: self._names(os.path.join(folder, *module.split(".")) + ".py")

    def _names(self, path: str) -> Scope:
        if path not in self._known:
            reader = Reader(self._surface, Scope(), self.beside(path))
            self._known[path] = reader.scope
            try:
                with open(path, "rb") as file:
                    reader.visit(_tree(file.read().decode()))
            except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
                pass  # whoever asks for that file is told
        return self._known[path]


def _parsed(piece: Piece) -> tuple[ast.Module | Unreadable, list[tuple[int, str]]]:
    """The tree, and the shell commands that stood among the Python."""
    try:
        return _tree(piece.text), []
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        first = error
    if piece.cell is not None:
        text, shell = without_magics(piece.text)
        try:
            return _tree(text), shell
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            first = error
    line = (getattr(first, "lineno", None) or 1) + piece.line - 1
    return Unreadable(piece.path, _why(first, piece.text), piece.cell, line), []


def _tree(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an invalid escape in somebody's script is not ours to speak of
        return ast.parse(text)


def _why(error: Exception, text: str) -> str:
    if not isinstance(error, SyntaxError):
        return f"cannot be read as Python: {error}."
    lines = text.splitlines()
    at = lines[error.lineno - 1].strip() if error.lineno and error.lineno <= len(lines) else ""
    if "print" in at and "print(" not in at.replace("print (", "print("):
        return "is written for Python 2 (a print statement). Convert it first: 2to3 -w FILE."
    return f"is not valid Python: {error.msg}."


# One use --------------------------------------------------------------------------------------------------------------


def _of_use(use: Use, piece: Piece, surface: Surface, table: Table) -> list[Verdict]:
    def say(word: Word, name: str, text: str = "", page: str | None = None) -> Verdict:
        return Verdict(piece.path, piece.cell, use.line + piece.line - 1, word, name, text, page)

    def by(row: Row, word: Word, name: str) -> Verdict:
        return say(word, name, row.text, row.page)

    if not use.is_there:
        if _is_automl(use, table):
            return [by(table.automl, Word.UNSUPPORTED, use.name)]
        return [say(Word.UNSUPPORTED, use.name, "Penstock's SDK has no such name", PAGE + NOT_SUPPORTED)]
    if use.is_import:
        return [say(Word.WORKS, f"import {use.name}")]
    for row in (table.automl, *table.unsupported):
        if row.names and row.matching(use.name, use.aliases, use.given) and _does_not_run(use, row):
            return [by(row, Word.UNSUPPORTED, use.name)]
    if not use.is_built:
        text = "is not built yet in this version; it raises an error that says so"
        return [say(Word.UNSUPPORTED, use.name, text, PAGE + NOT_SUPPORTED)]
    found = [
        say(Word.UNSUPPORTED, f"{use.name}({name})", "it takes no such parameter", PAGE + NOT_SUPPORTED)
        for name in use.unknown
    ]
    for row in (*table.differs, *table.recorded):
        named = row.matching(use.name, use.aliases, use.given)
        if named is not None:
            found.append(by(row, Word.DIFFERS, named))
    return found or [say(Word.WORKS, use.name)]


def _does_not_run(use: Use, row: Row) -> bool:
    """A row of step kinds speaks only of those that the registry has no engine for; one with `*` only of members that are not built."""
    kinds = {kind.step_type: kind.module is not None for kind in registered().values()}
    if use.name in kinds:
        return not kinds[use.name]
    exact = use.name in row.names or any(alias in row.names for alias in use.aliases)
    return exact or not use.is_built or row.id in ("open-datasets", "automl", "deploying")


def _is_automl(use: Use, table: Table) -> bool:
    return any(name in table.absent for name in (use.name, *use.aliases)) or any(
        fnmatch.fnmatchcase(name, pattern) for name in (use.name, *use.aliases) for pattern in table.automl.names
    )


def _of_shell(line: int, command: str, piece: Piece, table: Table) -> Iterator[Verdict]:
    words = command.lstrip("%! ").strip()
    for row in table.unsupported:
        if any(fnmatch.fnmatchcase(words, pattern) for pattern in row.shell):
            shown = words if len(words) <= 60 else words[:59] + "…"
            yield Verdict(
                piece.path, piece.cell, line + piece.line - 1, Word.UNSUPPORTED, f"!{shown}", row.text, row.page
            )


def _in_order(found: list[Verdict]) -> list[Verdict]:
    """By line, each name said once a line, and nothing said to work whose line has the same name in trouble."""
    seen: dict[tuple[int, str, str | None], Verdict] = {}
    for verdict in sorted(found, key=lambda v: v.line):
        seen.setdefault((verdict.line, verdict.name, verdict.page), verdict)
    worse = {(v.line, v.name) for v in seen.values() if v.word is not Word.WORKS}
    return [v for v in seen.values() if v.word is not Word.WORKS or (v.line, v.name) not in worse]
