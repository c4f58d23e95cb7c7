"""What a run keeps once its script has ended: digested outputs, and the captured folders. Knows files and folders; knows nothing of processes.

A kept output stands for itself: links that a script left in it are replaced by what they point to, files are read-only (0444), folders 0755.
Its digest depends on paths, sizes and bytes alone.
"""

from __future__ import annotations

import json
import os
import stat

from .digests import digest_files, tree_digest
from .folder import write_whole
from .materials import WORK, copy_tree, output_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]

FILES = "files"
MANIFESTS = "outputs"


class Tree:
    """The plain files under one output, in path order, made read-only on the way; `warnings` says what could not be kept as it was."""

    def __init__(self, name: str, root: str) -> None:
        self.paths: list[str] = []
        self.sizes: list[int] = []
        self.n_folders = 0
        self.warnings: list[str] = []
        self._name = name
        self.root = root

    def walk(self, prefix: str = "") -> None:
        folder = os.path.join(self.root, prefix)
        os.chmod(folder, 0o755)
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                self.take(entry.path, prefix + entry.name)

    def take(self, path: str, relative: str) -> None:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode) or (stat.S_ISREG(status.st_mode) and status.st_nlink > 1):
            if not self._detach(path, relative):
                return
            status = os.lstat(path)
        if stat.S_ISDIR(status.st_mode):
            self.n_folders += 1
            self.walk(relative + "/")
        elif stat.S_ISREG(status.st_mode):
            if stat.S_IMODE(status.st_mode) != 0o444:
                os.chmod(path, 0o444)
            self.paths.append(relative)
            self.sizes.append(status.st_size)
        else:
            self.warnings.append(f"Output '{self._name}': '{relative}' is neither file nor folder and is not kept.")

    def _detach(self, path: str, relative: str) -> bool:
        """Puts a copy in place of a link. False when there is nothing to copy."""
        if _copied_in_place(path):
            return True
        self.warnings.append(f"Output '{self._name}': the link '{relative}' leads nowhere and is not kept.")
        return False


def keep_output(output: Json, was_made: bool) -> tuple[Json, list[str]]:
    """The row of exit.json for one output, its manifest written, and warnings. The kind is what is there: directory, file or missing."""
    name, stage = output["name"], output["stage"]
    if output.get("upload_from") and os.path.lexists(output_path(output)):
        copy_tree(output_path(output), stage)
    tree = Tree(name, os.path.dirname(stage) if os.path.isfile(stage) else stage)
    kind = _look(stage, tree, was_made)
    files = digest_files(tree.root, tree.paths, tree.sizes)
    digest = None
    if kind != "missing":
        digest = files[0]["digest"] if kind == "file" else tree_digest(files)
    row = {"kind": kind, "digest": digest, "n_files": len(files), "size_bytes": sum(tree.sizes)}
    write_whole(os.path.join(MANIFESTS, f"{name}.json"), json.dumps(row | {"files": files}).encode())
    return row | {"name": name}, tree.warnings


def _look(stage: str, tree: Tree, was_made: bool) -> str:
    if os.path.isdir(stage) and not os.path.islink(stage):
        tree.walk()
        is_untouched = was_made and not tree.paths and not tree.n_folders
        return "missing" if is_untouched else "directory"
    if os.path.lexists(stage):
        tree.take(stage, os.path.basename(stage))
    return "file" if tree.paths else "missing"


def capture(names: list[str]) -> list[str]:
    """Moves the captured folders from work/ to files/; warnings of what could not be kept.

    What the script uploaded under the same name stays as it was uploaded. Links become copies: what they lead to is cleared away.
    """
    warnings: list[str] = []
    for name in names:
        source = os.path.join(WORK, name)
        if os.path.islink(source):
            copy_tree(source, source + ".kept")
            source += ".kept"
        if _is_worth_keeping(source):
            warnings += _without_links(source, name)
            _move(source, os.path.join(FILES, name))
    return warnings


def _without_links(folder: str, name: str) -> list[str]:
    """Puts copies in place of the links below `folder`; says which lead nowhere."""
    warnings: list[str] = []
    for base, folders, files in os.walk(folder):
        for entry in [*folders, *files]:
            path = os.path.join(base, entry)
            if os.path.islink(path) and not _copied_in_place(path):
                warnings.append(
                    f"'{os.path.join(name, os.path.relpath(path, folder))}' is a link that leads nowhere and is not kept."
                )
    return warnings


def _copied_in_place(link: str) -> bool:
    """Puts a copy in place of a link. False when there is nothing to copy, or the link leads to a folder around it."""
    target = os.path.realpath(link)
    lies_in = os.path.realpath(os.path.dirname(link)) + "/"
    if not os.path.exists(target) or lies_in.startswith(target + "/"):
        return False
    draft = f"{link}.{os.getpid()}.draft"
    copy_tree(target, draft)
    os.unlink(link)
    os.rename(draft, link)
    return True


def _is_worth_keeping(path: str) -> bool:
    try:
        with os.scandir(path) as entries:
            return any(True for _ in entries)
    except NotADirectoryError:
        return True
    except FileNotFoundError:
        return False  # the script removed it


def _move(source: str, target: str) -> None:
    try:
        os.rename(source, target)
        return
    except FileNotFoundError:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.rename(source, target)
        return
    except OSError:
        if not os.path.isdir(source) or not os.path.isdir(target):
            return  # uploaded under this very name
    for name in os.listdir(source):
        below = os.path.join(target, name)
        if os.path.isdir(os.path.join(source, name)) or not os.path.lexists(below):
            _move(os.path.join(source, name), below)


def list_files() -> list[Json]:
    """Every file that the run keeps, by the name it is asked for."""
    found: list[Json] = []
    todo = [""]
    while todo:
        prefix = todo.pop()
        try:
            with os.scandir(os.path.join(FILES, prefix)) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(f"{prefix}{entry.name}/")
                    elif entry.is_file():
                        found.append({"name": prefix + entry.name, "size_bytes": entry.stat().st_size})
        except FileNotFoundError:
            pass
    return sorted(found, key=lambda file: str(file["name"]))
