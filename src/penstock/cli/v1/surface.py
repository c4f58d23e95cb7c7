"""What the SDK carries, asked of the SDK itself in a process of its own: the two never import each other."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

from penstock.cli.trouble import Trouble


@dataclass(frozen=True)
class Call:
    """What can be called: its parameters in order, whether it takes any other keyword, and whether more than an error stands behind it."""

    parameters: tuple[str, ...]
    takes_more: bool
    is_built: bool


@dataclass(frozen=True)
class Class:
    """A class of the SDK by its full name; `bases` are the short names of itself and what it derives from."""

    name: str
    bases: tuple[str, ...]
    members: dict[str, dict[str, Any]] = field(repr=False)
    is_open: bool

    def has(self, member: str) -> bool:
        return self.is_open or member.startswith("__") or member in self.members

    def call(self, member: str) -> Call | None:
        found = self.members.get(member)
        return None if found is None or "parameters" not in found else _call(found)

    @property
    def short(self) -> str:
        return self.bases[0]


@dataclass(frozen=True)
class Surface:
    """Modules, classes and functions by their full names."""

    modules: dict[str, dict[str, str]]
    described: dict[str, dict[str, Any]]
    functions: dict[str, dict[str, Any]]

    def of_class(self, full: str) -> Class | None:
        found = self.described.get(full)
        return Class(full, tuple(found["bases"]), found["members"], found["open"]) if found else None

    def function(self, full: str) -> Call | None:
        found = self.functions.get(full)
        return _call(found) if found else None

    @cached_property
    def by_short_name(self) -> dict[str, str]:
        """The full name of a class by its short one; a public module's wins over a private one's."""
        ordered = sorted(self.described, key=lambda full: ("._" not in full, -full.count(".")))
        return {full.rpartition(".")[2]: full for full in ordered}


def _call(described: dict[str, Any]) -> Call:
    return Call(tuple(described["parameters"]), bool(described["more"]), bool(described["built"]))


@cache
def surface() -> Surface:
    """Asked once: it stays as it is while a command runs. Trouble when the SDK is not installed beside this command."""
    done = subprocess.run([sys.executable, "-m", "azureml._surface"], capture_output=True, text=True)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise Trouble(
            f"What the SDK carries could not be read: {last}. Install it beside this command: pip install penstock-sdk."
        )
    value = json.loads(done.stdout)
    return Surface(value["modules"], value["classes"], value["functions"])
