"""What a script finds when it starts: its source files, its inputs, its output folders. Knows files and folders; knows nothing of processes.

Source files are copied, never linked: a script may change its own copy, and a write through a hard link would change every other run's.
"""

from __future__ import annotations

import json
import os

from .folder import NotStarted, read_whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]
    Survey = dict[str, dict[str, tuple[int, int, int]]]

WORK = "work"
_SURVEYED_FILES = 10_000
_NAMED_CHANGES = 20
_CHUNK = 1 << 30


def copy_file(source: str, target: str, mode: int) -> int:
    """Copies the bytes inside the kernel into a file that must not exist yet; gives back how many there were."""
    reading = os.open(source, os.O_RDONLY)
    try:
        writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            copied = 0
            while n := os.sendfile(writing, reading, None, _CHUNK):  # None: from where it stands
                copied += n
            return copied
        finally:
            os.close(writing)
    finally:
        os.close(reading)


def materialise(snapshot: Json) -> None:
    """Lays out the snapshot's files in work/, with their modes. NotStarted when it is not whole."""
    path = snapshot["manifest"]
    try:
        files = json.loads(read_whole(path))["files"]
    except (OSError, ValueError, KeyError) as error:
        raise NotStarted(
            f"The snapshot's manifest {path} cannot be read: {error}.",
            "Submit the pipeline again: its source is sent anew.",
        ) from error
    made = {""}
    former = os.umask(0)
    try:
        for file in files:
            _lay_out(file, snapshot["blobs"], made)
    finally:
        os.umask(former)


def _lay_out(file: Json, blobs: str, made: set[str]) -> None:
    path: str = file["path"]
    parent = os.path.dirname(path)
    if parent not in made:
        if os.path.isabs(path) or ".." in path.split("/"):
            raise NotStarted(
                f"The snapshot holds the path '{path}', which leaves its folder.", "Submit the pipeline again."
            )
        os.makedirs(os.path.join(WORK, parent), mode=0o755, exist_ok=True)
        made.add(parent)
    name = file["digest"].rpartition(":")[2]
    blob = os.path.join(blobs, name[:2], name)
    try:
        copied = copy_file(blob, os.path.join(WORK, path), int(file["mode"]) & 0o777)
    except FileNotFoundError as error:
        raise NotStarted(
            f"The snapshot's file '{path}' is missing from the store: {blob}.",
            "Submit the pipeline again: its source is sent anew.",
        ) from error
    if copied != file["size"]:
        raise NotStarted(
            f"The snapshot's file '{path}' has {copied} bytes in the store in place of {file['size']}: {blob}.",
            "Delete that file and submit the pipeline again: its source is sent anew.",
        )


def make_folders(captures: list[str], outputs: list[Json]) -> set[str]:
    """Makes the captured folders in work/ and what the outputs need to be written; the names of the outputs whose folder it made."""
    for name in captures:
        os.makedirs(os.path.join(WORK, name), exist_ok=True)
    made = set()
    for output in outputs:
        path = output_path(output)
        os.makedirs(os.path.dirname(output["stage"]), exist_ok=True)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if output.get("is_directory") is not False:
            os.makedirs(path, exist_ok=True)
            made.add(output["name"])
    return made


def output_path(output: Json) -> str:
    """Where the script writes the output: its stage, or for one that is uploaded at the end, the folder it is uploaded from."""
    return os.path.join(WORK, output.get("upload_from") or output["stage"])


def copy_inputs(inputs: list[Json]) -> None:
    """Copies the inputs whose place for the script is not where they lie."""
    for given in inputs:
        if given.get("tree") is not None:
            _put_together(given)
        elif given["local"] != given["source"]:
            try:
                copy_tree(given["source"], os.path.join(WORK, given["local"]))
            except FileNotFoundError as error:
                raise NotStarted(
                    f"Input '{given['name']}' cannot be downloaded: there is nothing at {error.filename}.",
                    "Check the path on its datastore, or that the step which writes it wrote something.",
                ) from error


def _put_together(given: Json) -> None:
    """Lays out an input that lies in several places: links to what is here (copies when it is to be downloaded), what URLs hold."""
    if not given["tree"]:
        os.makedirs(given["local"], exist_ok=True)
    for file in given["tree"]:
        source, target = file["source"], file["target"]
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if source.startswith(("http://", "https://")):
            _fetch(given["name"], source, target)
        elif not os.path.isfile(source):
            raise NotStarted(
                f"Input '{given['name']}': the file {source} is gone.",
                "Submit the pipeline again: its files are listed anew.",
            )
        elif given["mode"] == "download":
            copy_tree(source, target)
        else:
            os.symlink(source, target)


def _fetch(name: str, url: str, target: str) -> None:
    import shutil
    import urllib.request

    try:
        with urllib.request.urlopen(url, timeout=60) as answer, open(target, "wb") as out:
            shutil.copyfileobj(answer, out, 1 << 20)
    except (OSError, ValueError) as error:
        raise NotStarted(
            f"Input '{name}': {url} could not be read: {error}.", "Check the address and try again."
        ) from error


def copy_tree(source: str, target: str) -> None:
    """Copies a file or a folder with all that is in it, over what is there. Links are followed: the copy stands for itself."""
    if not os.path.isdir(source):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if os.path.lexists(target):
            os.unlink(target)
        copy_file(source, target, 0o644)
        return
    os.makedirs(target, exist_ok=True)
    real = os.path.realpath(source)
    with os.scandir(source) as entries:
        for entry in entries:
            if entry.is_symlink() and (real + "/").startswith(os.path.realpath(entry.path) + "/"):
                continue  # a link to a folder it lies in has no end
            if entry.is_dir() or entry.is_file():
                copy_tree(entry.path, os.path.join(target, entry.name))


def survey(inputs: list[Json]) -> Survey:
    """Size, time and inode of every file of the inputs that the script sees in place; inputs beyond 10,000 files in all are left out."""
    found: Survey = {}
    left = _SURVEYED_FILES
    for given in inputs:
        if given["local"] == given["source"]:
            files: dict[str, tuple[int, int, int]] = {}
            if _survey_into(files, given["source"], "", left):
                found[given["name"]] = files
                left -= len(files)
    return found


def _survey_into(files: dict[str, tuple[int, int, int]], root: str, prefix: str, limit: int) -> bool:
    """Whether all of it fitted into the limit."""
    try:
        with os.scandir(os.path.join(root, prefix)) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if not _survey_into(files, root, f"{prefix}{entry.name}/", limit):
                        return False
                elif len(files) >= limit:
                    return False
                else:
                    files[prefix + entry.name] = _stamp(entry.stat(follow_symlinks=False))
    except NotADirectoryError:
        files[os.path.basename(root)] = _stamp(os.stat(root))
    except OSError:
        pass  # what cannot be read, the script cannot have changed
    return True


def _stamp(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ino


def touched(inputs: list[Json], outputs: list[Json]) -> list[str]:
    """The inputs in which something was changed since they held what they are taken to hold, by name. What programs say of a file's times
    counts nothing: when it was changed, the kernel alone says."""
    found = []
    for given in inputs:
        since = given.get("since")
        places = [file["source"] for file in given.get("tree") or [] if "://" not in file["source"]]
        places = places or ([given["source"]] if given.get("tree") is None else [])
        is_written_to = any(output["stage"].startswith(p.rstrip("/") + "/") for p in places for output in outputs)
        if since is not None and not is_written_to and any(_changed_at(p) > since for p in places):
            found.append(given["name"])
    return found


def _changed_at(place: str) -> float:
    """When a file, or a folder with anything in it, was changed or put there last; of what is gone, when something came or went where it was."""
    try:
        with os.scandir(place) as entries:
            newest = os.stat(place).st_ctime
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                newest = max(newest, status.st_ctime)
                if entry.is_dir(follow_symlinks=False):
                    newest = max(newest, _changed_at(entry.path))
            return newest
    except NotADirectoryError:
        return os.stat(place).st_ctime
    except FileNotFoundError:
        return _changed_names(os.path.dirname(place))
    except OSError:
        return 0.0  # what cannot be read, the script cannot have read


def _changed_names(folder: str) -> float:
    """When names came or went last in the folder, or where it would be."""
    while not os.path.isdir(folder) and folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
    return os.stat(folder).st_mtime


def changes(before: Survey, inputs: list[Json], outputs: list[Json]) -> list[str]:
    """What the script did to its inputs in place, as `name: file`. Files that came are counted only where no output is written below."""
    after = survey([given for given in inputs if given["name"] in before])
    named: list[str] = []
    for given in inputs:
        name = given["name"]
        if name not in before or name not in after:
            continue
        changed = [path for path, stamp in before[name].items() if after[name].get(path) != stamp]
        if not any(output["stage"].startswith(given["source"].rstrip("/") + "/") for output in outputs):
            changed += [path for path in after[name] if path not in before[name]]
        named += [f"{name}: {path}" for path in sorted(changed)[:_NAMED_CHANGES]]
        if len(changed) > _NAMED_CHANGES:
            named.append(f"{name}: and {len(changed) - _NAMED_CHANGES} more")
    return named
