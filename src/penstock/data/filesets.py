"""Which files a file dataset's definition means (docs/data.md): paths, globs, operations. Lists and stats; opens nothing.

The SDK reads definitions by the same rules; a test holds both to one set of cases.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from penstock.data.paths import beneath
from penstock.model.errors import BadRequest, NotFound

Json = dict[str, Any]
RootOf = Callable[[Json], Path]  # from a path of a definition to the folder that it is looked up in
_WILD = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class File:
    """One file: a local path or a URL; `name` is its place below what the dataset's path means, `whole` that on its datastore."""

    source: str
    name: str
    whole: str
    datastore: str


def is_plain(definition: Json) -> bool:
    """Whether the dataset is one path of a datastore as it lies there, so that it can be seen in place."""
    paths = definition.get("paths") or []
    is_one = len(paths) == 1 and "datastore" in paths[0] and not _WILD.search(str(paths[0].get("path") or ""))
    return is_one and not definition.get("operations")


def files(definition: Json, root_of: RootOf) -> list[File]:
    """Every file of a file dataset, in order. NotFound names the path that means none."""
    found = sources(definition, root_of)
    for operation in definition.get("operations") or ():
        found = _applied(found, operation)
    return found


def sources(definition: Json, root_of: RootOf) -> list[File]:
    """Every file that the paths of a definition mean, a table's too, whatever its operations then leave of them."""
    found: list[File] = []
    for path in definition.get("paths") or []:
        if "url" in path:
            name = url_name(path["url"])
            local = str(root_of(path) / name) if "pinned" in path else path["url"]
            found.append(File(local, os.path.basename(name), path["url"], ""))
            continue
        here = list(_on_datastore(root_of(path), path["datastore"], str(path.get("path") or "")))
        if not here:
            raise NotFound(f"Datastore '{path['datastore']}' has nothing at '{path.get('path')}'.")
        found += here
    return distinct(found)


def url_name(url: str) -> str:
    """`<digest>/<name>`: where what a URL holds is kept below a folder for URLs. The SDK's cache uses the same."""
    name = unquote(os.path.basename(urlsplit(url).path)) or "data"
    return f"{hashlib.sha256(url.encode()).hexdigest()[:32]}/{name.replace(chr(0), '_')}"


def state(found: list[File]) -> Json:
    """What the files are now, by names, sizes and times: `n_files`, `size_bytes` and a digest. URLs count by their names."""
    lines, total = [], 0
    for file in found:
        if not file.datastore:
            lines.append(f"{file.whole}\n")
            continue
        status = os.stat(file.source)
        total += status.st_size
        lines.append(f"{file.datastore}\0{file.whole}\0{status.st_size}\0{status.st_mtime_ns}\n")
    digest = hashlib.sha256("".join(sorted(lines)).encode("utf-8", "surrogateescape")).hexdigest()
    return {"n_files": len(found), "size_bytes": total, "digest": "sha256:" + digest}


def distinct(found: list[File]) -> list[File]:
    """The files under names that differ: whole paths where short ones would meet, after their datastores if those do."""
    if len({f.name for f in found}) == len(found):
        return found
    found = [replace(f, name=f.whole if f.datastore else f.name) for f in found]
    if len({f.name for f in found}) == len(found):
        return found
    return [replace(f, name=f"{f.datastore}/{f.name}" if f.datastore else f.name) for f in found]


def plain_part(path: str) -> str:
    """What of a path stands before its first wildcard: the folder to look in."""
    wild = _WILD.search(path)
    return path[: wild.start()].rpartition("/")[0] if wild else path


def _on_datastore(root: Path, datastore: str, path: str) -> Iterator[File]:
    wild = _WILD.search(path)
    base = plain_part(path)
    top = beneath(root, base)
    if not wild and top.is_file():
        yield File(str(top), top.name, path, datastore)
        return
    pattern = re.compile(pattern_of(path)) if wild else None
    for folder, folders, names in os.walk(top, followlinks=True):
        folders[:] = sorted(f for f in folders if f != ".staging")
        for name in sorted(names):
            below = os.path.relpath(os.path.join(folder, name), top)
            whole = f"{base}/{below}" if base else below
            if pattern is None or pattern.match(whole):
                yield File(os.path.join(folder, name), below, whole, datastore)


def pattern_of(path: str, is_deep: bool = True) -> str:
    """`path` with *, ** and ? as a regular expression; what lies below a match counts too, unless it is not to be deep."""
    known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", path)
    return "".join(known.get(p, re.escape(p)) for p in pieces) + (r"(?:/.*)?\Z" if is_deep else r"\Z")


def _applied(found: list[File], operation: Json) -> list[File]:
    ((name, value),) = operation.items()
    if name == "take":
        return found[:value]
    if name == "skip":
        return found[value:]
    if name == "sample":
        chosen = random.Random(value["seed"])
        return [f for f in found if value["from"] <= chosen.random() < value["to"]]
    if name == "filter":
        return [f for f in found if _holds(value, f)]
    raise BadRequest(f"A file dataset has the operation '{name}', which this server does not know. Update it.")


def _holds(expression: Json, file: File) -> Any:
    if "metadata" in expression:
        return _metadata(file, str(expression["metadata"]))
    if "value" in expression:
        return expression["value"]
    if "datetime" in expression:
        return datetime.fromisoformat(expression["datetime"])
    values = [_holds(e, file) for e in expression.get("of") or ()]
    functions: dict[str, Callable[..., Any]] = {
        "gt": lambda a, b: a > b, "ge": lambda a, b: a >= b, "lt": lambda a, b: a < b, "le": lambda a, b: a <= b,
        "eq": lambda a, b: a == b, "ne": lambda a, b: a != b, "and": lambda a, b: a and b, "or": lambda a, b: a or b,
        "not": lambda a: not a,
    }  # fmt: skip
    if expression.get("op") not in functions:
        raise BadRequest(
            f"A file dataset is filtered by {expression}, which a mount cannot do. Give it to the step as_named_input and download it there."
        )
    return functions[expression["op"]](*values)


def _metadata(file: File, name: str) -> Any:
    if not file.datastore:
        raise BadRequest(f"A file dataset is filtered by the metadata of {file.whole}, but a URL has none.")
    status = os.stat(file.source)
    if name == "Size":
        return status.st_size
    return datetime.fromtimestamp(status.st_mtime, UTC).replace(tzinfo=None)
