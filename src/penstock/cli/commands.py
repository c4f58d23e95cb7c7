"""Groups whose commands are imported when first used and whose typing errors are answered with the nearest name.

Also the options that many commands share. Knows click, nothing of Penstock.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


class HelpfulGroup(click.Group):
    """A group that suggests the nearest command."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            names = self.list_commands(ctx)
            near = nearest(args[0], names)
            hint = f"Did you mean '{near}'?" if near else f"The commands are: {', '.join(names)}."
            place = f"'{ctx.command_path}' has no command '{args[0]}'."
            raise click.UsageError(f"{place} {hint}", ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Each with the whole first sentence of its help: click would cut it at the end of the line."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, _first_sentence(command.help or "")) for name, command in found if command])


def _first_sentence(text: str) -> str:
    paragraph = " ".join(inspect.cleandoc(text).split("\n\n")[0].split())
    return paragraph.split(". ")[0].removesuffix(".") + "."


class LazyGroup(HelpfulGroup):
    """A group that knows its commands by name, module, attribute and one line of help, and imports at first use."""

    def __init__(self, *args: Any, lazy: dict[str, tuple[str, str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.lazy:
            return None
        module, attribute, _ = self.lazy[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, short) for name, (_, _, short) in self.lazy.items()])


def nearest(word: str, names: list[str]) -> str | None:
    """The one of `names` that `word` was probably meant to be."""
    close = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.55)
    if close:
        return close[0]
    starts = [n for n in names if n.startswith(word.lower())]
    return starts[0] if len(starts) == 1 else None


def json_option(command: F) -> F:
    """`--json`, as the argument `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON: the objects of the HTTP API.")(command)


def quiet_option(command: F) -> F:
    """`--quiet`, for commands whose exit code says it all."""
    return click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")(command)


def home_option(command: F) -> F:
    """`--home`, the folder that holds everything."""
    return click.option(
        "--home",
        type=click.Path(file_okay=False),
        help="The folder that holds everything. Default: PENSTOCK_HOME, else ~/.penstock.",
    )(command)


def workspace_option(command: F) -> F:
    """`--workspace`, as contracts everywhere else choose it when absent."""
    return click.option(
        "-w",
        "--workspace",
        metavar="NAME",
        help="The workspace. Default: the nearest config.json's, else all (to list), or the only one.",
    )(command)
