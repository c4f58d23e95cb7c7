"""`penstock doctor PATH...`: reads files, prints a line for each use, ends with a summary and an exit code."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import click

from penstock.cli.printing import print_json
from penstock.cli.terminal import Look, printable
from penstock.cli.trouble import FAILED, NOT_THERE, NotThere
from penstock.cli.v1.sources import Unreadable, files_of, pieces_of
from penstock.cli.v1.surface import surface
from penstock.cli.v1.table import PAGE, table
from penstock.cli.v1.verdicts import Verdict, Word, verdicts

MARKS = {Word.WORKS: ("✔", "+", "green"), Word.DIFFERS: ("~", "~", "yellow"), Word.UNSUPPORTED: ("✖", "x", "red")}


@dataclass(frozen=True)
class Read:
    """One file and what was found in it."""

    path: str
    found: list[Verdict | Unreadable]

    def lines(self, word: Word) -> int:
        """How many lines are at worst `word`."""
        worst: dict[tuple[int | None, int], Word] = {}
        order = list(Word)
        for verdict in self.verdicts:
            key = (verdict.cell, verdict.line)
            worst[key] = max(worst.get(key, Word.WORKS), verdict.word, key=order.index)
        return sum(w is word for w in worst.values())

    @property
    def verdicts(self) -> list[Verdict]:
        return [v for v in self.found if isinstance(v, Verdict)]

    @property
    def unreadable(self) -> list[Unreadable]:
        return [u for u in self.found if isinstance(u, Unreadable)]


def doctor_of_code(paths: Iterable[str], *, as_json: bool, quiet: bool) -> int:
    """0: all of it works or differs as written; 1: something is not supported or not readable; 3: a path is not there."""
    files = [file for path in paths for file in files_of(os.path.expanduser(path))]
    if not files:
        raise NotThere("There is no script or notebook (*.py, *.ipynb) in what was named.")
    known, rows = surface(), table()
    read = [Read(path, list(verdicts(pieces_of(path), known, rows))) for path in files]
    code = _exit_code(read)
    if as_json:
        print_json(_as_json(read, code))
        return code
    look = Look.of_stdout()
    for each in read:
        _print(each, look, quiet)
    if not quiet:
        click.echo(_summary(read, look))
    return code


def _exit_code(read: list[Read]) -> int:
    if any(u.is_missing for each in read for u in each.unreadable):
        return NOT_THERE
    failed = any(each.unreadable or each.lines(Word.UNSUPPORTED) for each in read)
    return FAILED if failed else 0


def _print(each: Read, look: Look, quiet: bool) -> None:
    shown = [found for found in each.found if not (quiet and isinstance(found, Verdict) and found.word is Word.WORKS)]
    if quiet and not shown:
        return
    click.echo(look.heading(printable(each.path)))
    if not each.found:
        click.echo(look.paint("  uses nothing of the SDK", dim=True))
    told: set[str] = set()
    for found in shown:
        if isinstance(found, Unreadable):
            click.echo(
                f"  {look.paint('✖' if look.has_glyphs else 'x', 'red')} {_place(found.cell, found.line)}: {printable(found.why)}"
            )
            continue
        said = found.text if found.is_of_row else found.name + found.text
        click.echo(_line(found, look, is_told=said in told))
        told.add(said)
    click.echo("")


def _line(verdict: Verdict, look: Look, *, is_told: bool) -> str:
    """A verdict; what it differs in is told at its first line in a file, after that only where to read it."""
    fancy, simple, colour = MARKS[verdict.word]
    mark = look.paint(fancy if look.has_glyphs else simple, colour)
    place = _place(verdict.cell, verdict.line)
    head = f"  {mark} {place:<16} {look.paint(f'{verdict.word:<13}', colour)} {printable(verdict.name)}"
    if verdict.word is Word.WORKS:
        return head
    page = f"[{verdict.page}]" if verdict.page else ""
    if is_told:
        return f"{head}  {look.paint(page, dim=True)}"
    return f"{head}\n{' ' * 21}{verdict.text} {look.paint(page, dim=True)}"


def _place(cell: int | None, line: int | None) -> str:
    if cell is None:
        return f"line {line}" if line is not None else "file"
    return f"cell {cell}" + (f", line {line}" if line is not None else "")


def _summary(read: list[Read], look: Look) -> str:
    counts = {word: sum(each.lines(word) for each in read) for word in Word}
    unread = sum(len(each.unreadable) for each in read)
    n_files = f"{len(read)} file{'s' if len(read) != 1 else ''}"
    lines = sum(counts.values())
    text = (
        f"{n_files}, {lines} line{'s' if lines != 1 else ''} that use the SDK: {counts[Word.WORKS]} work, "
        f"{counts[Word.DIFFERS]} differ ({PAGE} says how), {counts[Word.UNSUPPORTED]} are not supported."
    )
    if unread:
        text += f" {unread} could not be read."
    bad = unread or counts[Word.UNSUPPORTED]
    return look.paint(text, "red" if bad else "yellow" if counts[Word.DIFFERS] else "green")


def _as_json(read: list[Read], code: int) -> dict[str, Any]:
    return {
        "ok": code == 0,
        "summary": {
            "files": len(read),
            **{str(word).replace(" ", "_"): sum(each.lines(word) for each in read) for word in Word},
            "unreadable": sum(len(each.unreadable) for each in read),
        },
        "files": [
            {
                "path": each.path,
                "errors": [{"cell": u.cell, "line": u.line, "message": u.why} for u in each.unreadable],
                "uses": [
                    {
                        "cell": v.cell,
                        "line": v.line,
                        "verdict": str(v.word),
                        "name": v.name,
                        "text": v.text or None,
                        "page": v.page,
                    }
                    for v in each.verdicts
                ],
            }
            for each in read
        ],
    }
