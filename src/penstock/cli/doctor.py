"""`penstock doctor`: every check, one line each, and how to mend what is wrong; with paths, what v1 code will meet here."""

from __future__ import annotations

import os
from typing import Any

import click

from penstock.cli import places
from penstock.cli.checks import Finding, Level, all_checks, fail
from penstock.cli.commands import home_option, json_option, quiet_option
from penstock.cli.printing import print_json
from penstock.cli.terminal import Look
from penstock.cli.trouble import FAILED, Trouble

COLOURS = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}


@click.command()
@click.argument("paths", nargs=-1, metavar="[SCRIPT_OR_NOTEBOOK]...")
@home_option
@json_option
@quiet_option
def doctor(paths: tuple[str, ...], home: str | None, as_json: bool, quiet: bool) -> int:
    """Check that everything is in order. Changes nothing; exits with 1 when a check fails.

    With scripts, notebooks or folders: read that v1 code, without running it, and say line by line what works, what differs (and where that is
    written) and what is not supported. Exits with 0 when nothing is unsupported, 1 when something is or a file cannot be read as Python,
    3 when a path is not there. The files that can be read are read in any case.

    --quiet prints only what is not ok.
    """
    if paths:
        from penstock.cli.v1.report import doctor_of_code

        return doctor_of_code(paths, as_json=as_json, quiet=quiet)
    at, unreadable = _place(home)
    findings = [*unreadable, *all_checks(at)]
    has_failed = any(f.level is Level.FAIL for f in findings)
    if as_json:
        print_json({"ok": not has_failed, "checks": [_as_json(f) for f in findings]})
        return FAILED if has_failed else 0
    look = Look.of_stdout()
    shown = [f for f in findings if not quiet or f.level is not Level.OK]
    for finding in shown:
        click.echo(_line(finding, look))
    if not quiet:
        click.echo(_summary(findings, look))
    return FAILED if has_failed else 0


def _place(home: str | None) -> tuple[places.Place, list[Finding]]:
    """The place, and a finding for each setting that cannot be read: the rest is checked as if it were not set."""
    environ = dict(os.environ)
    found: list[Finding] = []
    while True:
        try:
            return places.place(home, environ), found
        except Trouble as trouble:
            variable = trouble.message.partition(" ")[0]
            if environ.pop(variable, None) is None:
                raise
            what, _, fix = trouble.message.partition(". ")
            found.append(fail("settings", f"{what}.", fix))


def _line(finding: Finding, look: Look) -> str:
    word = look.paint(f"{finding.level.value:<4}", COLOURS[finding.level], bold=finding.level is Level.FAIL)
    fix = f" {finding.fix}" if finding.fix else ""
    return f"{word}  {finding.subject + ':':<12} {finding.what}{fix}"


def _summary(findings: list[Finding], look: Look) -> str:
    counts = {level: sum(f.level is level for f in findings) for level in Level}
    if counts[Level.FAIL]:
        return look.paint(f"\n{counts[Level.FAIL]} failed, {counts[Level.WARN]} warned.", "red")
    if counts[Level.WARN]:
        return look.paint(f"\nNothing failed, {counts[Level.WARN]} warned.", "yellow")
    return look.paint("\nAll is well.", "green")


def _as_json(finding: Finding) -> dict[str, Any]:
    return {"check": finding.subject, "level": finding.level.value, "message": finding.what, "fix": finding.fix or None}
