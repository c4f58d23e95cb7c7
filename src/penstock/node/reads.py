"""What a script was seen to read that its job does not name: told to watch.py before, digested and judged after.

In any doubt the answer is that it is unknown, and why: what is not known must not be taken for nothing.
"""

from __future__ import annotations

import os
import stat

from .digests import digest_files, names_digest, tree_digest
from .folder import read_whole, write_whole
from .materials import output_path
from .unwatched import NAMED_BY, OF_HOME, PLACES, TEMPORARY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]
    States = dict[str, tuple[int, ...]]

LIST = "reads"
UNWATCHED = "unwatched"
_MOST_FILES = 1000
_LONGEST_PATH = 1000


class Unknown(Exception):
    """It cannot be said what the script read; the text is the reason, as a part of a sentence."""


def ask(folder: str, job: Json, env: dict[str, str]) -> set[str]:
    """Has the launcher note reads of all but the job's own places; what lies in temporary places by now. The current folder is the job folder."""
    places = {os.getcwd()}
    for given in job.get("inputs") or []:
        places |= {given["source"], given["local"]}
    for output in job.get("outputs") or []:
        places |= {output["stage"], os.path.normpath(os.path.join(folder, output_path(output)))}
    places |= {os.path.realpath(place) for place in places}
    write_whole(UNWATCHED, b"\0".join(os.fsencode(place) for place in sorted(places)))
    return {f"{place}/{name}" for place in _temporary(env) for name in _names(place)}


def look(job: Json, env: dict[str, str], started_at: float, there: set[str]) -> list[Json]:
    """`{"kind", "path", "digest"}` of each file or whole tree outside that the script read, each that it looked for in vain, and each folder
    that it listed, and that is no library's own business; Unknown when it cannot be said.

    `env` is the script's own; `started_at` is when it was started, `there` what lay in temporary places then.
    """
    files, trees, listed = found(job, env, started_at, there)
    for did, what, places in (("read", "files", files), ("listed", "folders", listed)):
        if len(places) > _MOST_FILES:
            raise Unknown(
                f"it {did} {len(places):,} {what} that are not declared; no more than {_MOST_FILES:,} are followed"
            )
    whole = [_tree(path, int(started_at * 1e9)) for path in sorted(trees)]
    absent = [path for path in sorted(files) if not files[path]]
    read = {path: state for path, state in files.items() if state}
    return _digested(read) + whole + [_listing(path, listed[path]) for path in sorted(listed)] + _absent(absent)


def found(job: Json, env: dict[str, str], started_at: float, there: set[str]) -> tuple[States, set[str], States]:
    """The files outside with their states, the folders that were read as a whole, and those that were listed, with theirs: as the list in
    the job folder has them."""
    noted = _noted()
    if not noted:
        return {}, set(), {}
    linked = {os.path.realpath(f["source"]) for given in job.get("inputs") or [] for f in given.get("tree") or []}
    places = _places(env)
    home = env.get("PENSTOCK_HOME")
    temporary = _temporary(env)
    files: States = {}
    trees = set()
    listed: States = {}
    for path, state in noted:
        if path.endswith("/"):
            trees.add(path.rstrip("/"))
            continue
        is_listed = path.endswith("/.")
        path = path[:-2] if is_listed else path
        real = os.path.realpath(path)
        own = real in linked or os.path.dirname(real) == home or (path + "/").startswith(places)
        if is_listed and (real in temporary or real == home):
            continue  # what else lies in a place that everybody writes to
        if not own and not _is_scratch(real, state, temporary, started_at, there):
            (listed if is_listed else files).setdefault(path, state)
    return files, trees, listed


def _noted() -> list[tuple[str, tuple[int, ...]]]:
    try:
        parts = read_whole(LIST).split(b"\0")
    except FileNotFoundError:
        raise Unknown("no list was kept of the files it read") from None
    if len(parts) % 2 == 0 or parts[-1]:
        raise Unknown("the list of the files it read is cut off")
    pairs = zip(parts[:-1:2], parts[1:-1:2], strict=True)
    return [(os.fsdecode(path), tuple(map(int, state.split()))) for path, state in pairs]


def _places(env: dict[str, str]) -> tuple[str, ...]:
    """What starts the paths of the table, as real places too."""
    found = set(PLACES)
    if home := env.get("HOME"):
        found.update(os.path.join(home, name) for name in OF_HOME)
    for name in NAMED_BY:
        found.update(path for path in env.get(name, "").split(os.pathsep) if path.count("/") > 1)
    found |= {os.path.realpath(path) for path in found}
    return tuple(path.rstrip("/") + "/" for path in found)


def _temporary(env: dict[str, str]) -> set[str]:
    named = {*TEMPORARY, *(env[name] for name in ("TMPDIR", "TEMP", "TMP") if env.get(name))}
    return {os.path.realpath(place) for place in named}


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _is_scratch(path: str, state: tuple[int, ...], temporary: set[str], started_at: float, there: set[str]) -> bool:
    """Whether the file is the script's own passing thing, made where this process does not see it, or was looked for among such."""
    around = [place for place in temporary if path.startswith(place + "/")]  # one may lie in another
    is_new_there = any(f"{place}/{path[len(place) + 1 :].partition('/')[0]}" not in there for place in around)
    if not state:
        return is_new_there
    return state[2] >= started_at * 1e9 and (is_new_there or not os.path.exists(path))


def _digested(found: dict[str, tuple[int, ...]]) -> list[Json]:
    paths = sorted(found)
    _check(found)
    try:
        files = digest_files("/", [os.path.realpath(path) for path in paths], [found[path][0] for path in paths])
    except OSError as error:
        raise Unknown(f"a file it read cannot be read again: {error}") from error
    _check(found)
    return [{"kind": "file", "path": path, "digest": f["digest"]} for path, f in zip(paths, files, strict=True)]


def _listing(path: str, state: tuple[int, ...]) -> Json:
    """The row of a folder's names: no other may have come or gone since the script asked for them."""
    _check_name(path)
    try:
        names = os.listdir(path)
        status = os.stat(path)
    except OSError as error:
        raise Unknown(f"a folder that it listed cannot be listed again: {error}") from error
    if (status.st_mtime_ns, status.st_ino) != (state[1], state[3]):
        raise Unknown(f"the folder {path}, which it listed, changed while it ran")
    return {"kind": "listing", "path": path, "digest": names_digest(names)}


def _tree(root: str, started_at_ns: int) -> Json:
    """The row of a folder. The script may have read it at any time, so nothing in it may have changed since the script began."""
    _check_name(root)
    try:
        sizes = _walk(root, "", started_at_ns)
        names = list(sizes)
        places = [os.path.realpath(os.path.join(root, name)) for name in names]
        files = digest_files("/", places, [sizes[name] for name in names])
        if _walk(root, "", started_at_ns) != sizes:
            raise Unknown(f"the folder {root}, which it read, changed meanwhile")
    except OSError as error:
        raise Unknown(f"a folder it read cannot be read again: {error}") from error
    digest = tree_digest([file | {"path": name} for name, file in zip(names, files, strict=True)])
    return {"kind": "tree", "path": root, "digest": digest}


def _walk(root: str, prefix: str, started_at_ns: int) -> dict[str, int]:
    """The size of each file below, by its path."""
    folder, sizes = os.path.join(root, prefix), {}
    with os.scandir(folder) as entries:
        for entry in entries:
            status = entry.stat()
            name = prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                sizes.update(_walk(root, name + "/", started_at_ns))
            elif not stat.S_ISREG(status.st_mode):
                raise Unknown(f"the folder {root}, which it read, holds {name!a}, which is no plain file")
            else:
                sizes[name] = status.st_size
            if status.st_ctime_ns >= started_at_ns:
                raise Unknown(f"the folder {root}, which it read, changed while it ran: {name!a}")
    if os.stat(folder).st_ctime_ns >= started_at_ns:
        raise Unknown(f"the folder {root}, which it read, changed while it ran")
    return sizes


def _absent(paths: list[str]) -> list[Json]:
    """The rows of what was not there, and is not there yet."""
    for path in paths:
        _check_name(path)
        if os.path.exists(path):
            raise Unknown(f"{path}, which it looked for in vain, came while it ran")
    return [{"kind": "absent", "path": path, "digest": ""} for path in paths]


def _check(found: dict[str, tuple[int, ...]]) -> None:
    """That each file is still what the script found."""
    for path, state in found.items():
        _check_name(path)
        try:
            status = os.stat(path)
        except OSError:
            raise Unknown(f"{path}, which it read, is gone") from None
        if not stat.S_ISREG(status.st_mode):
            raise Unknown(f"{path}, which it read, is no plain file")
        if (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino) != state:
            raise Unknown(f"{path}, which it read, changed while it ran")


def _check_name(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError:
        raise Unknown(f"the name of a file it read is no UTF-8: {path!a}") from None
    if len(path) > _LONGEST_PATH:
        raise Unknown(f"the path of a file it read is too long to be kept: {path[:100]}…")
