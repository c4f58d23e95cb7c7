"""differences.toml: its rows, and docs/differences.md made from them. Knows the file and nothing of the SDK."""

from __future__ import annotations

import fnmatch
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

PAGE = "docs/differences.md"
PATTERN = re.compile(r"(?P<name>[^(]+)(?:\((?P<parameter>\w+)(?:=(?P<value>.*))?\))?$")
HEAD = """# Differences from Azure ML v1

What is deliberately not as it was. Everything else that differs is a bug: please report it. `penstock doctor SCRIPT_OR_NOTEBOOK` reads code
without running it and names the lines that meet one of these.

<!-- Made from src/penstock/cli/v1/differences.toml by `python -m penstock.cli.v1.page`: change that. -->
"""


@dataclass(frozen=True)
class Row:
    """One difference. `text` says it in one sentence for a terminal."""

    id: str
    cells: tuple[str, ...]
    text: str
    names: tuple[str, ...] = ()
    shell: tuple[str, ...] = ()

    @property
    def page(self) -> str:
        return f"{PAGE}#{self.id}"

    def matching(self, name: str, aliases: tuple[str, ...], given: tuple[tuple[str, Any], ...]) -> str | None:
        """How this row calls the use, the parameter included; None when it does not speak of it."""
        for pattern in self.names:
            found = PATTERN.match(pattern)
            if found is None or not any(fnmatch.fnmatchcase(n, found["name"]) for n in (name, *aliases)):
                continue
            if found["parameter"] is None:
                return name
            for parameter, value in given:
                if parameter == found["parameter"] and _is(value, found["value"]):
                    return f"{name}({parameter})"
        return None


@dataclass(frozen=True)
class Table:
    differs: tuple[Row, ...]
    recorded: tuple[Row, ...]
    unsupported: tuple[Row, ...]
    automl: Row
    absent: tuple[str, ...]


def _is(value: Any, wanted: str | None) -> bool:
    if wanted is None:
        return True
    if wanted == "True":
        return value is not False
    if wanted == "text":
        return isinstance(value, str) and value != "local"
    return isinstance(value, str) and value == wanted.strip("'")


@cache
def table() -> Table:
    """The whole file."""
    value = tomllib.loads((Path(__file__).parent / "differences.toml").read_text())
    return Table(
        tuple(_row(r, ("what", "v1", "penstock", "why"), _differs(r)) for r in value["difference"]),
        tuple(_row(r, ("what", "why"), f"accepted and recorded only: {r['why']}") for r in value["recorded"]),
        tuple(_row(r, ("what", "instead"), _unsupported(r)) for r in value["unsupported"]),
        _row(value["automl"], ("what", "instead"), _unsupported(value["automl"])),
        tuple(value["automl"]["absent"]),
    )


def _row(value: dict[str, Any], cells: tuple[str, ...], text: str) -> Row:
    names, shell = tuple(value.get("names", ())), tuple(value.get("shell", ()))
    return Row(value["id"], tuple(value[cell] for cell in cells), plain(text), names, shell)


def _differs(row: dict[str, Any]) -> str:
    return f"{row['what']}: {row['penstock']} (Azure ML v1: {row['v1']})"


def _unsupported(row: dict[str, Any]) -> str:
    return f"{row['what']}. Instead: {row['instead']}"


def plain(text: str) -> str:
    """Markdown as text for a terminal."""
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text).replace("`", "")


def page() -> str:
    """docs/differences.md."""
    rows = table()
    parts = [
        HEAD,
        _table(("what", "Azure ML v1", "Penstock", "why"), rows.differs),
        "\n## Accepted and recorded only\n\nWhat is accepted so that existing code runs, and has no effect in this version:\n",
        _table(("what", "why it has none"), rows.recorded),
        "\n## Not supported\n\nWhat imports, so that code which merely mentions it runs, and raises an error that names it when it is used:\n",
        _table(("what", "instead"), (*rows.unsupported, rows.automl)),
        "\nOf AutoML these names, which public code imports or asks of its models, are absent altogether:\n",
        "\n".join(f"- `{name}`" for name in rows.absent) + "\n",
    ]
    return "\n".join(parts)


def _table(head: tuple[str, ...], rows: tuple[Row, ...]) -> str:
    lines = [_line(head), _line(("---",) * len(head)).replace(" ", "")]
    for row in rows:
        lines.append(_line((f'<a id="{row.id}"></a>{row.cells[0]}', *row.cells[1:])))
    return "\n".join(lines) + "\n"


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"
