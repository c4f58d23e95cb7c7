"""Scripts, notebooks and folders as pieces of Python text, each with the place it came from. Knows files and IPython's ways; no SDK."""

from __future__ import annotations

import io
import json
import os
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SKIPPED = {"__pycache__", "node_modules", "site-packages", "venv", "env"}
PYTHON_MAGICS = ("time", "timeit", "capture", "prun")  # cell magics whose cell is Python
MAGIC = re.compile(r"^(?P<indent>\s*)(?P<assigned>[\w.,\s\[\]'\"]+=\s*)?(?P<mark>[!%?])(?P<rest>.*)$")


@dataclass(frozen=True)
class Piece:
    """Python text that is read by itself, or after `same_scope` pieces before it. `line` is that of its first line in the file or cell."""

    path: str
    text: str
    cell: int | None = None
    line: int = 1
    same_scope: bool = False
    shell: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class Unreadable:
    """A file, or a cell of one, that could not be read."""

    path: str
    why: str
    cell: int | None = None
    line: int | None = None
    is_missing: bool = False


def files_of(path: str) -> Iterator[str]:
    """The scripts and notebooks that `path` names: itself, or all below a folder, in order of name."""
    if not os.path.isdir(path):
        yield path
        return
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in SKIPPED)
        yield from (os.path.join(folder, name) for name in sorted(files) if name.endswith((".py", ".ipynb")))


def pieces_of(path: str) -> list[Piece | Unreadable]:
    """What `path` holds, in order; what cannot be read says why and the rest is still there."""
    try:
        raw = Path(path).read_bytes()
    except FileNotFoundError:
        return [Unreadable(path, "there is no such file. Check the path.", is_missing=True)]
    except OSError as error:
        return [Unreadable(path, f"cannot be read: {error.strerror}.", is_missing=True)]
    if path.endswith(".ipynb"):
        return _notebook(path, raw)
    try:
        text = raw.decode(_encoding(raw))
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        return [Unreadable(path, _bad_encoding(raw, error), line=_line_of(raw, error))]
    if "\0" in text:
        return [Unreadable(path, "holds NUL bytes: it is not a Python script.")]
    return [Piece(path, text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}"))]


def _encoding(raw: bytes) -> str:
    try:
        return tokenize.detect_encoding(io.BytesIO(raw).readline)[0]
    except SyntaxError:
        raw.decode("utf-8")  # says which byte it is, when it is one
        raise


def _bad_encoding(raw: bytes, error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        byte = raw[error.start] if error.start < len(raw) else 0
        return f"byte 0x{byte:02x} is not {error.encoding}. Save it as UTF-8, or name its encoding in the first line (# -*- coding: latin-1 -*-)."
    return f"its encoding cannot be told ({error}). Save it as UTF-8."


def _line_of(raw: bytes, error: Exception) -> int | None:
    return raw.count(b"\n", 0, error.start) + 1 if isinstance(error, UnicodeDecodeError) else None


def _notebook(path: str, raw: bytes) -> list[Piece | Unreadable]:
    try:
        value = json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        return [Unreadable(path, f"is not a notebook: its JSON cannot be read ({error}).")]
    cells = _cells(value)
    if cells is None:
        return [Unreadable(path, "is not a notebook: it has no list of cells.")]
    language = _language(value)
    if language not in (None, "python"):
        return [Unreadable(path, f"is a notebook in {language}; only Python is read.")]
    found: list[Piece | Unreadable] = []
    for number, cell in enumerate(cells, 1):
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        source = cell.get("source", cell.get("input", ""))
        text = "".join(map(str, source)) if isinstance(source, list) else str(source)
        piece = _cell(path, number, text)
        if piece is not None:
            found.append(piece)
    return found


def _cells(value: Any) -> list[Any] | None:
    """The cells of a notebook, of the old format with worksheets too."""
    if not isinstance(value, dict):
        return None
    if isinstance(sheets := value.get("worksheets"), list) and sheets and isinstance(sheets[0], dict):
        value = sheets[0]
    return value["cells"] if isinstance(value.get("cells"), list) else None


def _language(value: dict[str, Any]) -> str | None:
    metadata = value.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    for part, key in (("kernelspec", "language"), ("language_info", "name")):
        said = metadata.get(part)
        if isinstance(said, dict) and isinstance(said.get(key), str):
            return str(said[key]).lower()
    return None


def _cell(path: str, number: int, text: str) -> Piece | None:
    """A cell as Python: its own, or of the file that it writes; None when it is something else."""
    head, _, rest = text.lstrip("\n").partition("\n")
    blank = len(text) - len(text.lstrip("\n"))
    magic = re.match(r"\s*%%(\w+)\s*(.*)", head)
    if magic is None:
        return Piece(path, text, number, same_scope=True)
    if magic[1] in ("writefile", "file") and magic[2].strip().strip("'\"").endswith(".py"):
        return Piece(path, rest, number, line=blank + 2)
    if magic[1] in PYTHON_MAGICS:
        return Piece(path, rest, number, line=blank + 2, same_scope=True)
    if magic[1] in ("bash", "sh", "cmd", "script"):
        commands = tuple((blank + 2 + n, line.strip()) for n, line in enumerate(rest.splitlines()))
        return Piece(path, "", number, same_scope=True, shell=commands)
    return None


def without_magics(text: str) -> tuple[str, list[tuple[int, str]]]:
    """`text` with IPython's lines made `pass`, line for line, and the shell commands among them with their lines."""
    first = next((line for line in text.split("\n") if line.strip()), "")
    indent = first[: len(first) - len(first.lstrip())]
    if indent:  # IPython takes the first line's indentation from all
        text = "\n".join(line.removeprefix(indent) for line in text.split("\n"))
    lines: list[str] = []
    shell: list[tuple[int, str]] = []
    goes_on = False
    for number, line in enumerate(text.split("\n"), 1):
        found = MAGIC.match(line)
        if goes_on or found is not None or line.rstrip().endswith("?"):
            command = line.strip() if goes_on or found is None else found["rest"].strip()
            if goes_on and shell:
                shell[-1] = (shell[-1][0], shell[-1][1].removesuffix("\\") + command)
            else:
                mark = found["mark"] if found else "?"
                shell.append((number, command if mark == "!" else f"{mark}{command}"))
            goes_on = line.rstrip().endswith("\\")
            indent = found["indent"] if found else line[: len(line) - len(line.lstrip())]
            lines.append(
                f"{indent}{found['assigned'].strip()} None" if found and found["assigned"] else f"{indent}pass"
            )
        else:
            lines.append(line)
    return "\n".join(lines), shell
