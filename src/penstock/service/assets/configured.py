"""What the home's penstock.toml says: which places are behind which datastores. Read again when the file changes; never written."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.model.errors import BadRequest

Json = dict[str, Any]
FILE = "penstock.toml"
_KEYS = ("map", "type", "workspace")


@dataclass(frozen=True)
class Wanted:
    """One `[datastores.NAME]`: in every workspace unless it names one."""

    name: str
    target: str
    type: str | None
    workspace: str | None


def datastores(home: Path) -> list[Wanted]:
    """The datastores that penstock.toml names; BadRequest says what in it is wrong."""
    file = home / FILE
    try:
        content = tomllib.loads(file.read_text())
    except FileNotFoundError:
        return []
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"{file} cannot be read: {error}. Mend it, or remove it.", target=str(file)) from None
    section = content.get("datastores") or {}
    if not isinstance(section, dict):
        raise BadRequest(f'{file}: datastores is {section!r}. Write [datastores.NAME] and map = "…" below it.')
    return [_wanted(file, name, entry) for name, entry in section.items()]


def _wanted(file: Path, name: str, entry: Any) -> Wanted:
    place = f"{file}, [datastores.{name}]"
    if not re.match(r"\w{1,255}\Z", name):
        raise BadRequest(f"{place}: the name is invalid. Use 1 to 255 letters, digits and '_'.", target=str(file))
    if not isinstance(entry, dict) or not isinstance(entry.get("map"), str):
        raise BadRequest(f'{place} says not what it is. Write map = "a folder or URL" below it.', target=str(file))
    unknown = sorted(set(entry) - set(_KEYS))
    if unknown:
        raise BadRequest(f"{place}: {unknown[0]!r} is not known. There are: {', '.join(_KEYS)}.", target=str(file))
    target = str(entry["map"])
    if "://" not in target:
        target = str((file.parent / Path(target).expanduser()).resolve())
    kind, workspace = entry.get("type"), entry.get("workspace")
    return Wanted(name, target, None if kind is None else str(kind), None if workspace is None else str(workspace))
