"""What a folder of `sys.path` holds: distributions with their versions and contents, and whatever belongs to none of them. Reads metadata alone."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass

CODE_ENDINGS = (".py", ".so", ".pyd", ".zip", ".egg")
_INFO = re.compile(r"(?P<name>.+?)(?:-(?P<version>[^-]+)(?:-py3[\d.]*)?)?\.(?:dist|egg)-info\Z")
_VERSION = re.compile(rb"^Version: *(.+?)\r?$", re.MULTILINE)


@dataclass(frozen=True)
class Distribution:
    """One installed distribution. `content` is a digest of what its RECORD says of its files, '' where it has none."""

    name: str
    version: str
    content: str
    owns: frozenset[str]


@dataclass(frozen=True)
class Folder:
    """`loose`: modules and folders that belong to no distribution. `pth`: names of its .pth files, which extend `sys.path`."""

    path: str
    distributions: tuple[Distribution, ...]
    loose: tuple[str, ...]
    pth: tuple[str, ...]


def read(path: str) -> Folder:
    """What lies in the folder; nothing in one that is not there."""
    try:
        names = sorted(os.listdir(path))
    except (FileNotFoundError, NotADirectoryError):
        names = []
    distributions = tuple(d for name in names if (d := _distribution(path, name)) is not None)
    owned = frozenset().union(*(d.owns for d in distributions))
    loose = tuple(n for n in names if n not in owned and _may_be_imported(path, n))
    return Folder(path, distributions, loose, tuple(n for n in names if n.endswith(".pth")))


def path_lines(path: str) -> list[str]:
    """The folders that a .pth file adds, absolute."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            lines = [line.strip() for line in file]
    except OSError:
        return []
    added = [line for line in lines if line and not line.startswith(("#", "import ", "import\t"))]
    return [os.path.abspath(os.path.join(os.path.dirname(path), line)) for line in added]


def import_lines(path: str) -> list[str]:
    """The code that a .pth file runs when the interpreter starts."""
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return [line.strip() for line in file if line.startswith(("import ", "import\t"))]


def _may_be_imported(path: str, name: str) -> bool:
    if name.startswith((".", "~")) or name == "__pycache__" or name.endswith((".dist-info", ".egg-info", ".egg-link")):
        return False
    if name.endswith(CODE_ENDINGS):
        return True
    # A folder needs no __init__.py to be imported, but a name that can be written in an import.
    return name.isidentifier() and os.path.isdir(os.path.join(path, name))


def _distribution(folder: str, entry: str) -> Distribution | None:
    match = _INFO.fullmatch(entry) if entry.endswith("-info") and not entry.startswith("~") else None
    if match is None:
        return None
    info = os.path.join(folder, entry)
    name = re.sub(r"[-_.]+", "-", match["name"]).lower()
    version = match["version"] or _version_inside(info)
    content, owns = _record(info)
    return Distribution(name, version, content, owns | {entry})


def _version_inside(info: str) -> str:
    for metadata in ("METADATA", "PKG-INFO"):
        found = _VERSION.search(_read(os.path.join(info, metadata)))
        if found:
            return found[1].decode(errors="replace")
    return ""


def _record(info: str) -> tuple[str, frozenset[str]]:
    """A digest of the files' own digests, and the names in the folder that are this distribution's.

    Left out is what depends on where and by what it was installed: scripts with their interpreter's path, the installer's notes, byte code, and
    the links of an editable install, whose code is looked at itself.
    """
    text = _read(os.path.join(info, "RECORD")).decode(errors="surrogateescape")
    is_editable = b'"editable": true' in _read(os.path.join(info, "direct_url.json")).replace(b'":true', b'": true')
    own = os.path.basename(info) + "/"
    counted, owns = [], set()
    for line in text.splitlines():
        path = line.lstrip('"')
        top = path[: path.find("/")] if "/" in path.partition(",")[0] else path.partition(",")[0].rstrip('"')
        if top and top != "..":
            owns.add(top)
        if path.startswith(own):
            is_counted = path.startswith(own + "entry_points.txt")
        elif is_editable:
            is_counted = "/" in path.partition(",")[0] and top != ".."
        else:
            is_counted = not path.startswith("../") or "/bin/" not in path
        if is_counted and "sha256=" in line:
            counted.append(line)
    owns.discard("__pycache__")
    if not counted:
        return "", frozenset(owns)
    counted.sort()
    return hashlib.sha256("\n".join(counted).encode("utf-8", "surrogateescape")).hexdigest()[:32], frozenset(owns)


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return b""
